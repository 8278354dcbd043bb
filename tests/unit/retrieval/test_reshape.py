"""Passages with their neighbours, and their best sentences alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pytest

from rageval.errors import DeclarationError, ExecutionError
from rageval.models.base import ChatReply, ChatRequest, Vectors
from rageval.models.scripted import ScriptedChat
from rageval.pipeline import Calls, ContextSize, PromptSizes, Query, Resources, Stage, State
from rageval.pipeline.sizes import CorpusSizes
from rageval.retrieval import Compress, Window
from rageval.text import count_tokens
from rageval.types import Document, Hit, Passage, Question, Response
from tests.unit.scripts import by_prompt, only

TEXT = "One a. Two b. Three c. Four d. Five e. Six f."
DOCUMENT = Document("d", TEXT, "Numbers")
CHINESE = Document("z", "甲一。乙二。丙三。丁四。")


class Near:
    """The question looks one way; a sentence that has a star in it looks the same way, any other does not."""

    identity = "near"

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        rows = [[1.0, 0.0] if kind == "query" or "*" in text else [0.0, 1.0] for text in texts]
        return np.array(rows, dtype=np.float32)

    async def close(self) -> None: ...


def run(
    stage: Stage, passages: Sequence[Passage], read: int | None = None, chat: ScriptedChat | None = None
) -> Response:
    hits = tuple(Hit(passage, 1.0 / (n + 1)) for n, passage in enumerate(passages))
    context = tuple(range(len(hits) if read is None else read))
    state = State(Question("q", "Which?"), (Query("Which?"),), Response(hits=hits, context=context))
    return asyncio.run(stage.run(state, Resources((DOCUMENT, CHINESE, STARS), embedder=Near(), chat=chat))).response


def piece(words: str, document: Document = DOCUMENT) -> Passage:
    start = document.text.index(words)
    return document.passage(start, start + len(words))


def test_a_passage_is_read_with_its_neighbours() -> None:
    found = run(Window(1), [piece("Three c."), piece("丙三。", CHINESE)])
    assert [one.text for one in found.context_passages] == ["Two b. Three c. Four d.", "乙二。丙三。丁四。"]
    assert found.context_passages[0].title == "Numbers"
    assert run(Window(9), [piece("Three c.")]).context_passages[0].text == TEXT


def test_passages_that_meet_become_one_where_the_better_one_stood() -> None:
    found = run(Window(1), [piece("Five e."), piece("丙三。", CHINESE), piece("Three c.")])
    assert [one.text for one in found.context_passages] == [
        "Two b. Three c. Four d. Five e. Six f.",
        "乙二。丙三。丁四。",
    ]
    assert found.context == (0, 1)
    assert len(found.hits) == 3


def test_a_window_ends_before_what_is_not_similar() -> None:
    """Four* and Five* look alike, and Two* too, but Three stands between."""
    found = run(Window(3, similar=0.9), [piece("Four*.", STARS)])
    assert [one.text for one in found.context_passages] == ["Four*. Five*."]
    assert run(Window(3, similar=0.9), [piece("Six.", STARS)]).context_passages[0].text == "Six."
    assert run(Window(1, similar=-1.0), [piece("丙三。", CHINESE)]).context_passages[0].text == "乙二。丙三。丁四。"
    assert Window(similar=0.5).needs(generate=False) == {"embed"}
    assert Window().needs(generate=False) == frozenset()
    with pytest.raises(DeclarationError, match=r"similar: found 2\.0, expected a cosine"):
        Window(similar=2.0)


def test_the_ranking_behind_the_context_stays() -> None:
    found = run(Window(1), [piece("Three c."), piece("Six f.")], read=1)
    assert found.hits[1].passage.text == "Six f."


def test_a_text_that_is_not_that_of_its_span_stays() -> None:
    other = Passage("d", 7, 13, "two B!")
    assert run(Window(1), [other]).context_passages == (other,)
    gone = Passage("gone", 0, 3, "abc")
    assert run(Window(1), [gone]).context_passages == (gone,)


STARS = Document("s", "One. Two*. Three. Four*. Five*. Six.")


def test_the_nearest_sentences_are_kept_in_their_order() -> None:
    whole = STARS.passage(0, len(STARS.text))
    found = run(Compress(3), [whole, piece("甲一。乙二。", CHINESE)])
    (kept,) = found.context_passages
    assert kept.text == "Two*. … Four*. Five*."
    assert STARS.text[kept.start : kept.end] == "Two*. Three. Four*. Five*."
    assert found.context == (0,)
    assert len(found.hits) == 2


def test_a_short_context_stays_as_it_is() -> None:
    whole = STARS.passage(0, len(STARS.text))
    assert run(Compress(6), [whole]).context_passages == (whole,)
    assert run(Compress(1), []).context == ()


def test_the_sentences_that_the_model_names_are_kept() -> None:
    whole = STARS.passage(0, len(STARS.text))
    chat = by_prompt(needed_sentences="[8] [2] [99] [5] [1]")
    found = run(Compress(3, "model"), [whole, piece("甲一。乙二。", CHINESE)], chat=chat)
    assert [one.text for one in found.context_passages] == ["Two*. … Five*.", "乙二。"]
    assert found.steps[-1].detail == {"sentences": 8, "kept": [8, 2, 5]}
    assert found.usage.calls == 1
    prompt = chat.requests[0].messages[-1].content
    assert prompt.startswith("<passages>\n[1] One.\n[2] Two*.\n")
    assert "[8] 乙二。\n</passages>" in prompt


@pytest.mark.parametrize("reply", ["", "None of them.", "[0] [7]", "都不需要"])
def test_a_reply_that_names_no_sentence_changes_nothing(reply: str) -> None:
    whole = STARS.passage(0, len(STARS.text))
    found = run(Compress(3, "model"), [whole], chat=by_prompt(needed_sentences=reply))
    assert found.context_passages == (whole,)
    assert found.steps[-1].detail["kept"] is None


def test_a_short_context_asks_no_model() -> None:
    assert run(Compress(6, "model"), [STARS.passage(0, len(STARS.text))], chat=by_prompt()).steps == ()
    assert run(Compress(1, "model"), [], chat=by_prompt()).context == ()


def test_what_the_model_is_asked_is_bounded() -> None:
    """The context may hold a passage of each document, of six sentences at most."""
    stage, chat = Compress(2, "model"), by_prompt(needed_sentences="[1]")
    passages = [DOCUMENT.passage(0, len(TEXT)), CHINESE.passage(0, len(CHINESE.text))]
    run(stage, passages, chat=chat)
    sizes = PromptSizes(
        "en", count_tokens("Which?"), (), CorpusSizes([DOCUMENT, CHINESE]), ContextSize(2, count_tokens(TEXT))
    )
    bound = stage.prompt_tokens(True, sizes)
    assert bound is not None
    assert sum(count_tokens(message.content) for message in chat.requests[0].messages) <= bound
    assert stage.calls(True, ContextSize(2, 9)) == Calls(0, 1)
    assert stage.calls(True) == Compress().calls(True, ContextSize(2, 9)) == Calls()
    assert Compress().prompt_tokens(True, sizes) == 0
    assert (stage.needs(True), Compress().needs(True)) == ({"chat"}, {"embed"})
    assert (stage.all_prompts(), Compress().all_prompts()) == ({"needed_sentences"}, frozenset())


def test_sizes_and_settings() -> None:
    assert Window().context_size(ContextSize(3, 50)) == ContextSize(3, None)
    assert Window().context_size(ContextSize()) == ContextSize()
    for build in (Window, Compress):
        with pytest.raises(DeclarationError, match="sentences: found 0"):
            build(0)


def how_surprising(request: ChatRequest) -> ChatReply:
    """Stars are unlikely, all other characters are not; the text is what the schema allows."""
    schema: Any = request.schema
    return only(schema["properties"]["text"]["enum"][0], lambda piece: -8.0 if piece == "*" else -1.0)


def test_the_sentences_that_say_most_are_kept() -> None:
    chat = by_prompt(some_passage=how_surprising)
    both = [piece("Two*. Three.", STARS), piece("甲一。乙二。", CHINESE)]
    found = run(Compress(2, by="self_information"), both, chat=chat)
    # the means of the characters of "Two*." (4 of 1 and one of 8), "Three." and two sentences of three characters
    assert [one.text for one in found.context_passages] == ["Two*. Three."]
    assert found.steps[-1].detail["nats_a_token"] == [2.4, 1.0, 1.0, 1.0]
    assert len(chat.requests) == 2


def test_a_model_without_log_probabilities_cannot_tell() -> None:
    chat = by_prompt(some_passage='{"text": "One a. Two b. Three c."}')
    with pytest.raises(ExecutionError, match="gave no log-probabilities of a passage"):
        run(Compress(1, by="self_information"), [piece("One a. Two b. Three c.")], chat=chat)


def test_what_telling_costs() -> None:
    stage, before = Compress(2, by="self_information"), ContextSize(5, 100)
    assert stage.calls(True, before) == Calls(0, 5)
    assert stage.needs(True) == {"chat"}
    assert stage.all_prompts() == {"some_passage"}
