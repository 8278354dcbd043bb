from __future__ import annotations

import asyncio
import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.errors import ModelError
from rageval.models.base import ChatReply, ChatRequest, Message, Token, Vectors
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.types import Usage

REQUEST = ChatRequest((Message("user", "hello"),), "test@1", 16)


def embed(*texts: str, dim: int = 4096) -> Vectors:
    return asyncio.run(HashEmbedder(dim).embed(texts, "query"))


def test_text_reply_counts_one_call() -> None:
    model = ScriptedChat(lambda request: request.messages[0].content.upper())
    assert asyncio.run(model.complete(REQUEST)) == ChatReply("HELLO", usage=Usage(calls=1))
    assert model.requests == [REQUEST]
    assert model.identity == "scripted"


def test_whole_reply_is_passed_on() -> None:
    reply = ChatReply("{gar", "length", (Token("{gar", (("{gar", -0.1),)),), Usage(calls=2))
    assert asyncio.run(ScriptedChat(lambda _: reply).complete(REQUEST)) is reply


def test_exception_is_raised_and_the_request_kept() -> None:
    model = ScriptedChat(lambda _: ModelError("gone"))
    with pytest.raises(ModelError, match="gone"):
        asyncio.run(model.complete(REQUEST))
    assert model.requests == [REQUEST]


def test_stall_can_be_timed_out() -> None:
    async def run() -> None:
        async with asyncio.timeout(0.01):
            await ScriptedChat(lambda _: "late", delay_s=60).complete(REQUEST)

    with pytest.raises(TimeoutError):
        asyncio.run(run())


def test_words_are_counted_in_bins() -> None:
    def place(word: str) -> int:
        return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest()) % 4096

    expected = np.zeros(4096)
    expected[[place("cat"), place("猫"), place("睡"), place("猫睡")]] = 2, 1, 1, 1
    np.testing.assert_allclose(embed("Cat, cat! 猫睡")[0], expected / np.sqrt(7), rtol=1e-6)


def test_shared_words_bring_texts_together() -> None:
    query, near, far, chinese, near_chinese = embed(
        "what is a vector index", "a vector index stores vectors", "cooking rice", "向量检索的索引", "检索索引"
    )
    assert query @ near > query @ far
    assert chinese @ near_chinese > chinese @ near


@given(st.lists(st.text(max_size=20), max_size=5), st.integers(1, 40))
def test_vectors_are_of_unit_length_and_repeatable(texts: list[str], dim: int) -> None:
    vectors = embed(*texts, dim=dim)
    assert vectors.shape == (len(texts), dim)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(vectors, embed(*texts, dim=dim))
