"""What a cache holds, thinned out and carried over; what is no cache is named and changes nothing."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rageval.errors import DeclarationError
from rageval.models.base import ChatReply, ChatRequest, Message, Token
from rageval.models.cache import CachedChat
from rageval.models.cache_folder import Moved, cache_stats, export_cache, import_cache, prune_cache
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.models.vector_cache import CachedEmbedder
from rageval.types import Usage

TEXTS = [f"text {i} 词" for i in range(700)]  # more than one batch


def request(text: str) -> ChatRequest:
    return ChatRequest((Message("user", text),), "test@1", 16)


def reply(wanted: ChatRequest) -> ChatReply:
    return ChatReply(f"says {wanted.messages[0].content}\ud800", tokens=(Token("yes", (("yes", -0.25),)),))


def silent(wanted: ChatRequest) -> ChatReply:
    raise AssertionError("no model is to be asked")


def fill(folder: Path, name: str = "one", texts: int = 3) -> None:
    async def run() -> None:
        chat = CachedChat(ScriptedChat(reply, name), folder / "chat.sqlite")
        for text in TEXTS[:texts]:
            await chat.complete(request(text))
        await chat.close()
        embedder = CachedEmbedder(HashEmbedder(), folder / "vectors")
        await embedder.embed(TEXTS[:texts], "passage")
        await embedder.close()

    asyncio.run(run())


def test_what_was_exported_answers_elsewhere_without_a_model(tmp_path: Path) -> None:
    fill(tmp_path / "here", texts=700)
    file = tmp_path / "cache.jsonl.gz"
    assert export_cache(tmp_path / "here", file) == Moved(700, 700)
    assert import_cache(tmp_path / "there", file) == Moved(700, 700)
    assert import_cache(tmp_path / "there", file) == Moved(700, 700)  # nothing changes a second time

    class Silent(HashEmbedder):
        async def embed(self, texts: object, kind: object) -> np.ndarray:  # type: ignore[override]
            raise AssertionError("no model is to be asked")

    async def run() -> None:
        chat = CachedChat(ScriptedChat(silent, "one"), tmp_path / "there" / "chat.sqlite")
        for text in TEXTS:
            found = await chat.complete(request(text))
            expected = reply(request(text))
            assert (found.text, found.tokens) == (expected.text, expected.tokens)
            assert replace(found.usage, requests={}) == Usage(cached_calls=1)
        await chat.close()
        embedder = CachedEmbedder(Silent(), tmp_path / "there" / "vectors")
        kept = await embedder.embed(TEXTS, "passage")
        np.testing.assert_array_equal(kept, await HashEmbedder().embed(TEXTS, "passage"))
        await embedder.close()

    asyncio.run(run())
    stats = cache_stats(tmp_path / "there")
    assert [(part.model, part.replies) for part in stats.replies] == [("one", 700)]
    assert [store.vectors for store in stats.vectors] == [700]


def test_what_is_there_already_stays(tmp_path: Path) -> None:
    fill(tmp_path / "here", texts=1)
    export_cache(tmp_path / "here", tmp_path / "file.gz")
    database = sqlite3.connect(tmp_path / "here" / "chat.sqlite")
    with database:
        database.execute("UPDATE replies SET prompt = 'mine'")
    database.close()
    import_cache(tmp_path / "here", tmp_path / "file.gz")
    database = sqlite3.connect(tmp_path / "here" / "chat.sqlite")
    assert database.execute("SELECT prompt FROM replies").fetchall() == [("mine",)]
    database.close()


def test_prune_by_model_and_by_age(tmp_path: Path) -> None:
    fill(tmp_path, "one", 3)
    fill(tmp_path, "two", 2)
    database = sqlite3.connect(tmp_path / "chat.sqlite")
    with database:
        database.execute("UPDATE replies SET created = '2020-01-01T00:00:00+00:00' WHERE model = 'two'")
    database.close()
    assert prune_cache(tmp_path, older_than_days=1, model="one") == 0
    assert prune_cache(tmp_path, older_than_days=1) == 2
    assert prune_cache(tmp_path, model="two") == 0
    assert prune_cache(tmp_path, model="one") == 3
    assert cache_stats(tmp_path).replies == ()
    with pytest.raises(DeclarationError, match="expected --older-than, --model or both"):
        prune_cache(tmp_path)


def test_a_folder_that_is_no_cache_is_not_made_one(tmp_path: Path) -> None:
    for do in (cache_stats, lambda folder: prune_cache(folder, model="x"), lambda f: export_cache(f, tmp_path / "x")):
        with pytest.raises(DeclarationError, match=r"found no chat\.sqlite, expected the cache folder"):
            do(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


HEADER = json.dumps({"rageval": "cache", "format": 1})
VECTOR = base64.b64encode(np.zeros(3, "<f4").tobytes()).decode()


def packed(*lines: object) -> bytes:
    return gzip.compress("\n".join(x if isinstance(x, str) else json.dumps(x) for x in lines).encode())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"plain text", ":1: found no exported cache"),
        (b"", ":1: found no exported cache (its first line is not that of one)"),
        (
            packed({"rageval": "cache", "format": 2}),
            ":1: found format 2, expected 1: export the cache again with this version of rageval",
        ),
        (packed(HEADER, "{"), ":2: found no exported cache"),
        (packed(HEADER, [1]), ":2: found no exported cache"),
        (packed(HEADER, {"reply": ["k", "m", "p", "{}"]}), ":2: found no exported cache (a reply is not five texts)"),
        (packed(HEADER, {"reply": ["k", "m", "p", "not JSON", "t"]}), ":2: found no exported cache"),
        (packed(HEADER, {"vector": ["../../etc/x", "00", VECTOR]}), "(a store is named with a path)"),
        (packed(HEADER, {"vector": ["x", "00", "AAAA"]}), ":2: found no exported cache"),
        (packed(HEADER, {"vector": ["x", "zz", VECTOR]}), ":2: found no exported cache"),
        (packed(HEADER, {"other": 1}), ":2: found no exported cache"),
        (packed(HEADER, {"reply": ["k", "m", "p", "{}", "t"]})[:-9], "found no exported cache"),
    ],
    ids=map(str, range(12)),
)
def test_a_file_that_is_no_exported_cache(content: bytes, told: str, tmp_path: Path) -> None:
    file = tmp_path / "file.gz"
    file.write_bytes(content)
    with pytest.raises(DeclarationError) as caught:
        import_cache(tmp_path / "cache", file)
    assert told in str(caught.value)
    assert str(caught.value).startswith(str(file))
    assert cache_stats(tmp_path / "cache").replies == ()


@pytest.mark.parametrize("do", [import_cache, export_cache])
def test_a_file_that_cannot_be(do: Callable[[Path, Path], Moved], tmp_path: Path) -> None:
    fill(tmp_path / "cache")
    (tmp_path / "a file").touch()
    with pytest.raises(DeclarationError):
        do(tmp_path / "cache", tmp_path / "a file" / "x.gz")
