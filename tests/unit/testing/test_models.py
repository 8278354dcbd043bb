"""The conformance tests of models pass what is sound, and say of each broken model what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from rageval.errors import ExecutionError
from rageval.models.base import ChatModel, ChatReply, ChatRequest, Embedder, Token
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.testing import check_chat_model, check_embedder
from rageval.types import Usage
from tests.unit.scripts import spelled, verdict

ONE = Usage(calls=1)


def test_sound_models_pass() -> None:
    check_chat_model(ScriptedChat(lambda request: "yes"))
    check_chat_model(ScriptedChat(lambda request: spelled(verdict(0.8, "en")) if request.top_logprobs else "yes"))
    check_chat_model(ScriptedChat(lambda request: refuse_odd(request.messages[0].content)))
    check_embedder(HashEmbedder())


def refuse_odd(text: str) -> str | Exception:
    return "yes" if text.isascii() and text else ExecutionError("cannot be sent")


def chat(
    reply: Callable[[ChatRequest], Any] = lambda request: ChatReply("yes", usage=ONE), **changes: Any
) -> ChatModel:
    """A model that replies so, with other attributes or methods."""

    class Model(ScriptedChat):
        async def complete(self, request: ChatRequest) -> ChatReply:
            return reply(request)

    for name, value in changes.items():
        setattr(Model, name, value)
    return Model(lambda request: "yes")


def fails_on_odd(request: ChatRequest) -> ChatReply:
    request.messages[0].content.encode()  # half a surrogate pair cannot be encoded
    return ChatReply("yes", usage=ONE)


class Counter:
    def __init__(self) -> None:
        self.n = 0

    def __call__(self, model: object) -> str:
        self.n += 1
        return f"model {self.n}"


def complete(self: object, request: ChatRequest) -> ChatReply:
    return ChatReply("yes")


BROKEN_CHATS: list[tuple[ChatModel, str]] = [
    (chat(identity=""), "identity: found an empty text"),
    (chat(identity=None), "identity: found a NoneType, expected a str"),
    (chat(identity=property(Counter())), "expected the same at every reading"),
    (chat(identity=property(lambda model: repr(model) + f"{id(model):x}")), "holds the object's address"),
    (chat(concurrency=0), "concurrency: found 0, expected at least 1"),
    (chat(concurrency="4"), "concurrency: found a str, expected a int"),
    (chat(complete=complete), "complete: found a plain `def`"),
    (chat(close=lambda self: None), "close: found a plain `def`"),
    (chat(lambda request: "yes"), "complete: found a str, expected a ChatReply"),
    (chat(lambda request: ChatReply(None, usage=ONE)), "the reply's text: found a NoneType"),  # type: ignore[arg-type]
    (chat(lambda request: ChatReply("yes", "", usage=ONE)), "the reply's finish_reason: found an empty text"),
    (chat(lambda request: ChatReply("yes")), "the reply's usage: found no call"),
    (chat(lambda request: ChatReply("yes", usage={"calls": 1})), "the reply's usage: found a dict"),  # type: ignore[arg-type]
    (chat(lambda request: ChatReply("yes", usage=Usage(1, prompt_tokens=-3))), "usage.prompt_tokens: found -3"),
    (chat(lambda request: ChatReply("yes", tokens=(Token("no"),), usage=ONE)), "found that they spell 'no'"),
    (
        chat(lambda request: ChatReply("a", tokens=(Token("a", (("a", 0.5),)),), usage=ONE)),
        "log-probability: found 0.5",
    ),
    (chat(lambda request: ChatReply("a", tokens=(Token("a", (("a", float("nan")),)),), usage=ONE)), "found nan"),
    (
        chat(lambda request: ChatReply("a", tokens=(Token("a", tuple((str(i), -1.0) for i in range(9))),), usage=ONE)),
        "found 9, expected at most",
    ),
    (chat(fails_on_odd), "raised UnicodeEncodeError"),
]


@pytest.mark.parametrize(("model", "problem"), BROKEN_CHATS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_broken_chat_model_is_told_what_is_wrong(model: ChatModel, problem: str) -> None:
    with pytest.raises(AssertionError) as caught:
        check_chat_model(model)
    assert problem in str(caught.value)


def embedder(change: Callable[[np.ndarray, Sequence[str], str], Any], **changes: Any) -> Embedder:
    """An embedder whose vectors are changed so before they are returned."""

    class Changed(HashEmbedder):
        async def embed(self, texts: Sequence[str], kind: Any) -> Any:
            return change(await super().embed(texts, kind), texts, kind)

    for name, value in changes.items():
        setattr(Changed, name, value)
    return Changed()


def sound(vectors: np.ndarray, texts: Sequence[str], kind: str) -> np.ndarray:
    return vectors


def sorted_by_length(vectors: np.ndarray, texts: Sequence[str], kind: str) -> np.ndarray:
    """Batches by length, and forgets to put them back into order."""
    return vectors[sorted(range(len(texts)), key=lambda i: len(texts[i]))]


def centred(vectors: np.ndarray, texts: Sequence[str], kind: str) -> np.ndarray:
    moved = vectors - vectors.mean(axis=0) + 1e-3
    return (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)


def one_column_less(vectors: np.ndarray, texts: Sequence[str], kind: str) -> np.ndarray:
    short = vectors[:, :-1] + 1e-6
    return (short / np.linalg.norm(short, axis=1, keepdims=True)).astype(np.float32) if kind == "query" else vectors


BROKEN_EMBEDDERS: list[tuple[Embedder, str]] = [
    (embedder(sound, identity=""), "identity: found an empty text"),
    (embedder(sound, identity=property(Counter())), "expected the same at every reading"),
    (embedder(sound, embed=lambda self, texts, kind: None), "embed: found a plain `def`"),
    (embedder(sound, close=lambda self: None), "close: found a plain `def`"),
    (embedder(lambda vectors, texts, kind: vectors.tolist()), "found a list, expected a ndarray"),
    (embedder(lambda vectors, texts, kind: vectors[:-1]), "expected (4, columns): one row per text"),
    (embedder(lambda vectors, texts, kind: vectors[0]), "found an array of shape (256,)"),
    (embedder(lambda vectors, texts, kind: vectors.astype(float)), "found float64, expected float32"),
    (embedder(lambda vectors, texts, kind: vectors * np.float32("nan")), "found values that are not finite"),
    (embedder(lambda vectors, texts, kind: vectors * 2), "expected unit length: divide each row by its norm"),
    (embedder(lambda vectors, texts, kind: vectors * 0), "found rows of length 0 to 0, expected unit length"),
    (embedder(sorted_by_length), "expected row i to be that of text i"),
    (embedder(centred), "expected"),
    (embedder(one_column_less), "found 255 columns for queries and 256 for passages"),
]


@pytest.mark.parametrize(
    ("model", "problem"), BROKEN_EMBEDDERS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_broken_embedder_is_told_what_is_wrong(model: Embedder, problem: str) -> None:
    with pytest.raises(AssertionError) as caught:
        check_embedder(model)
    assert problem in str(caught.value)
