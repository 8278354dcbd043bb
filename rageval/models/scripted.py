"""Models with scripted behaviour, for tests and examples: no weights, no network."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from rageval.models.base import ChatReply, ChatRequest, Vectors
from rageval.types import Usage

_LATIN_WORD = re.compile(r"[^\W_]+")
_CJK_RUN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")


class ScriptedChat:
    """Answers each request with what `reply` returns for it, after `delay_s` seconds; keeps them all in `requests`.

    A text becomes a complete reply that counts as one call of no tokens; a `ChatReply` is passed on as it is; an
    exception is raised.
    """

    def __init__(
        self,
        reply: Callable[[ChatRequest], str | ChatReply | Exception],
        identity: str = "scripted",
        concurrency: int = 64,
        delay_s: float = 0.0,
    ) -> None:
        self.requests: list[ChatRequest] = []
        self._reply = reply
        self._identity = identity
        self._concurrency = concurrency
        self._delay_s = delay_s

    @property
    def identity(self) -> str:
        return self._identity

    @property
    def concurrency(self) -> int:
        return self._concurrency

    async def complete(self, request: ChatRequest) -> ChatReply:
        self.requests.append(request)
        await asyncio.sleep(self._delay_s)
        reply = self._reply(request)
        if isinstance(reply, Exception):
            raise reply
        return ChatReply(reply, usage=Usage(calls=1)) if isinstance(reply, str) else reply

    async def close(self) -> None:
        return None


class HashEmbedder:
    """Counts words in `dim` hashed bins: texts that share words are close, and the same text is always the same vector.

    Words are lower-cased runs of letters and digits; of Chinese text, single characters and pairs of neighbours. A text
    without words counts as one word of its own. `kind` makes no difference. Every text embedded is kept in `texts`.
    """

    def __init__(self, dim: int = 256) -> None:
        self.texts: list[str] = []
        self._dim = dim

    @property
    def identity(self) -> str:
        return f"hash-{self._dim}"

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        self.texts.extend(texts)
        vectors = np.zeros((len(texts), self._dim), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in _words(text) or [text]:
                digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
                row[int.from_bytes(digest) % self._dim] += 1.0
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True) if len(texts) else vectors

    async def close(self) -> None:
        return None


def _words(text: str) -> list[str]:
    runs = _CJK_RUN.findall(text)
    chinese = [run[i : i + n] for run in runs for n in (1, 2) for i in range(len(run) - n + 1)]
    return _LATIN_WORD.findall(_CJK_RUN.sub(" ", text).lower()) + chinese
