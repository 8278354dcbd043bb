"""Embedders behind any OpenAI-compatible address."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rageval.errors import ExecutionError, ModelError
from rageval.models.access import Access, Header
from rageval.models.base import Vectors
from rageval.models.embedding_limits import is_batch_too_large, named_batch, named_tokens
from rageval.models.endpoint import Endpoint, Limits
from rageval.models.known_models import KnownModel
from rageval.models.refused_call import RejectedError, TooLongError
from rageval.models.usage_reply import read_tokens
from rageval.models.vector_reply import PartlyEmbeddedError, Vector, read_vectors
from rageval.models.wire import one_line
from rageval.text import count_tokens, cut_at_sentence
from rageval.text.images import IMAGE_TOKENS, base64_of
from rageval.types import Json, Usage

_OPTIONAL = ("encoding_format", "dimensions")
_SHORTEST = 8  # tokens; a service that refuses so short a text refuses it for another reason
_USUAL_LIMITS = (256, 512, 1024, 2048, 4096, 8192)
_log = logging.getLogger("rageval")


@dataclass(frozen=True, slots=True)
class InputType:
    """The request's field that says what a text is, and its values for queries and for passages."""

    query: str
    passage: str
    field: str = "input_type"


def embedder_settings(
    dimensions: int | None = None,
    max_tokens: int | None = None,
    query_prefix: str = "",
    passage_prefix: str = "",
    input_type: InputType | None = None,
    extra_body: Mapping[str, Json] | None = None,
    images: bool = False,
) -> dict[str, Json]:
    """The settings of an embedder that can change a vector, for its identity."""
    return {
        "dimensions": dimensions,
        "max_tokens": max_tokens,
        "query_prefix": query_prefix,
        "passage_prefix": passage_prefix,
        "input_type": None if input_type is None else [input_type.field, input_type.query, input_type.passage],
        "extra_body": dict(extra_body or {}),
        "images": images or None,
    }


class OpenAIEmbedder:
    """An embedder at `base_url`: at most `batch` texts and about `batch_tokens` tokens a call, `concurrency` calls at
    once.

    `query_prefix` and `passage_prefix` are put before the texts; `input_type` says the same in a field of the request.
    A text of more than `max_tokens` (estimated, the prefix included) is cut at the end of a sentence, and `notes` tells
    how many were; with `truncate="refuse"` it fails. `dimensions` and `encoding_format` are sent where they are given,
    and left out once the endpoint has refused them. What the endpoint finds too large is sent in smaller parts, and a
    text that it finds too long is cut as if `max_tokens` were the limit that it names. All of this is remembered in
    `known`. With `images` a text that is the data URI of an image is sent as that image: the input is then a list of
    `{"text": …}` and `{"image": base64}`, the form of Jina's models. `usage` counts the calls that were answered, and
    their tokens. The other settings and errors of calls are those of `OpenAIChat`. Vectors are scaled to unit length.

    `embed` raises PartlyEmbeddedError where some of the texts got no usable vector.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key_env: str | None = "OPENAI_API_KEY",
        *,
        batch: int = 64,
        batch_tokens: int = 200_000,
        max_tokens: int | None = None,
        truncate: Literal["sentence", "refuse"] = "sentence",
        dimensions: int | None = None,
        encoding_format: Literal["float", "base64"] | None = None,
        query_prefix: str = "",
        passage_prefix: str = "",
        input_type: InputType | None = None,
        images: bool = False,
        concurrency: int = 8,
        timeout_s: float = 120.0,
        max_retries: int = 6,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        extra_body: Mapping[str, Json] | None = None,
        extra_headers: Mapping[str, Header] | None = None,
        auth: Literal["bearer", "api-key"] | None = None,
        api_version: str | None = None,
        verify: Path | None = None,
        known: KnownModel | None = None,
    ) -> None:
        limits = Limits(concurrency, timeout_s, max_retries, requests_per_minute, tokens_per_minute)
        access = Access(auth, api_version, extra_headers or {}, verify)
        settings = embedder_settings(
            dimensions, max_tokens, query_prefix, passage_prefix, input_type, extra_body, images
        )
        self.endpoint = Endpoint(base_url, model, api_key_env, limits, access, settings)
        self._extra_body = extra_body or {}
        self._batch = batch
        self._batch_tokens = batch_tokens
        self._max_tokens = max_tokens
        self._cuts = truncate == "sentence"
        self._wanted = {"encoding_format": encoding_format, "dimensions": dimensions}
        self._prefixes = {"query": query_prefix, "passage": passage_prefix}
        self._input_type = input_type
        self._images = images
        self._known = known or KnownModel(self.endpoint.identity, "embed")
        self.usage = Usage()
        self._answered = False
        self._dim: int | None = None
        self._told: set[str] = set()
        self._cut: set[int] = set()

    def __repr__(self) -> str:
        return f"OpenAIEmbedder({self.identity!r})"

    @property
    def identity(self) -> str:
        return self.endpoint.identity

    @property
    def embeds_images(self) -> bool:
        return self._images

    @property
    def most_tokens(self) -> int | None:
        """The most tokens of a text, where that is known."""
        given = [most for most in (self._max_tokens, self._known.whole("max_tokens")) if most is not None]
        return min(given, default=None)

    @property
    def notes(self) -> tuple[str, ...]:
        """What whoever reads the results should know."""
        if not self._cut:
            return ()
        if self.most_tokens is None:
            cuts_at = self._known.whole("cuts_at")
            said = f"texts of more than {cuts_at:,} tokens, which it cuts without saying so"
            return (f"{self.identity}: {said}: {len(self._cut):,}",)
        return (
            f"{self.identity}: texts that were cut at {self.most_tokens:,} tokens to be embedded: {len(self._cut):,}",
        )

    def watch(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> None:
        """Count those of the texts that are cut, here or by the endpoint, each once; also where a cache has vectors."""
        most = (self.most_tokens if self._cuts else None) or self._known.whole("cuts_at")
        if most is None:
            return
        for text in texts:
            whole = self._whole(text, kind)
            if len(whole) > most and self._text_tokens(whole) > most:
                self._cut.add(hash((kind, text)))

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        if not texts:
            return np.zeros((0, 0), dtype=np.float32)
        whole = [self._whole(text, kind) for text in texts]
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._embed_part(part, kind)) for part in self._parts(whole)]
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        found = [vector for task in tasks for vector in task.result()]
        self.watch(texts, kind)
        return self._checked(texts, found)

    async def close(self) -> None:
        await self.endpoint.close()

    def _image(self, text: str) -> str | None:
        """The base64 of the image that the text stands for, None where it is a text."""
        return base64_of(text) if self._images else None

    def _whole(self, text: str, kind: Literal["query", "passage"]) -> str:
        return text if self._image(text) else self._prefixes[kind] + text

    def _text_tokens(self, text: str) -> int:
        """Estimated tokens; 0 for an image, which cannot be too long a text."""
        return 0 if self._image(text) else count_tokens(text)

    def _cut_to(self, text: str, tokens: int) -> str:
        return text if self._image(text) else cut_at_sentence(text, tokens)

    def _parts(self, texts: Sequence[str]) -> Iterator[list[str]]:
        """The texts in calls of at most `batch` texts and about `batch_tokens` tokens."""
        batch = min(self._batch, self._known.whole("batch") or self._batch)
        part: list[str] = []
        tokens = 0
        for text in texts:
            size = len(text)  # a text has no more tokens than characters: only long ones are counted
            if self._image(text):
                size = IMAGE_TOKENS
            elif size * batch > self._batch_tokens:
                size = count_tokens(text)
            if part and (len(part) == batch or tokens + size > self._batch_tokens):
                yield part
                part, tokens = [], 0
            part.append(text)
            tokens += size
        yield part

    async def _embed_part(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> list[Vector | str]:
        """The vector of each text, or why it has none."""
        most = self.most_tokens
        if most is not None and not self._cuts:
            long = [self._text_tokens(text) > most for text in texts]
            if any(long):
                short = [text for text, is_long in zip(texts, long, strict=True) if not is_long]
                vectors = iter(await self._embed_part(short, kind) if short else [])
                cause = f"the text takes more than the {most} tokens that are allowed"
                return [cause if is_long else next(vectors) for is_long in long]
        sent = texts if most is None else [self._cut_to(text, most) for text in texts]
        payload = self._payload(sent, kind)
        try:
            body = await self.endpoint.post("/embeddings", payload)
            found = read_vectors(body, len(texts), self.identity)
        except RejectedError as rejected:
            if self._leave_out(rejected):
                return await self._embed_part(texts, kind)
            return await self._embed_smaller(sent, kind, rejected)
        except ExecutionError as error:
            return [str(error)] * len(texts)
        self._answered = True
        counted = read_tokens(body)
        self.usage += Usage(calls=1, prompt_tokens=counted)
        self._learn_cutting(counted, sent)
        return found

    async def _embed_smaller(
        self, texts: Sequence[str], kind: Literal["query", "passage"], rejected: RejectedError
    ) -> list[Vector | str]:
        """Ask again for what the endpoint rejected: in parts, or cut."""
        too_many = is_batch_too_large(rejected.told)
        too_long = isinstance(rejected, TooLongError) and not too_many
        longest = max(map(self._text_tokens, texts))
        if too_long and self._cuts and self._learn_most_tokens(named_tokens(rejected.told), longest):
            return await self._embed_part(texts, kind)
        if len(texts) == 1:
            if too_long and self._cuts and longest > _SHORTEST:
                return await self._embed_part([self._cut_to(texts[0], longest * 3 // 4)], kind)
            if not self._answered and not too_long:
                raise ExecutionError(str(rejected))
            return [str(rejected)]
        part = len(texts) // 2
        if too_many:
            part = named_batch(rejected.told, len(texts)) or part
            self._learn_batch(part)
        found: list[Vector | str] = []
        for start in range(0, len(texts), part):
            found += await self._embed_part(texts[start : start + part], kind)
        if not too_long and not any(isinstance(one, str) for one in found):
            self._learn_batch(part)  # that there were so many was the reason, whatever the endpoint called it
        return found

    def _payload(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> dict[str, Any]:
        left_out = self._known.names("left_out")
        wanted = {name: value for name, value in self._wanted.items() if value is not None and name not in left_out}
        role = self._input_type
        typed = {} if role is None else {role.field: role.query if kind == "query" else role.passage}
        return {"input": [self._sent(text) for text in texts], **wanted, **typed, **self._extra_body}

    def _sent(self, text: str) -> str | dict[str, str]:
        if not self._images:
            return text
        image = self._image(text)
        return {"text": text} if image is None else {"image": image}

    def _leave_out(self, rejected: RejectedError) -> bool:
        """Leave out the optional field that the endpoint rejected, from now on; False where it was something else.
        Raises ModelError for a field that changes what a vector means.
        """
        field = rejected.field
        if field is None:
            return False
        if field not in _OPTIONAL:
            raise ModelError(f"{rejected}: the endpoint refuses `{field}`: take it out of input_type or extra_body")
        self._known.learn(left_out=[*sorted(self._known.names("left_out") | {field})])
        self._tell(f"leaves out {field} from now on: {one_line(rejected.told)}")
        return True

    def _learn_batch(self, batch: int) -> None:
        before = self._known.whole("batch")
        if before is None or batch < before:
            self._known.learn(batch=batch)

    def _learn_most_tokens(self, named: int | None, longest: int) -> bool:
        """Take the limit that the endpoint named as the most tokens of a text; False where it does not help."""
        if named is None or named >= longest or named == self.most_tokens:
            return False
        self._known.learn(max_tokens=named)
        self._tell(f"takes texts of {named} tokens; longer ones are cut at a sentence (set max_tokens or truncate)")
        return True

    def _checked(self, texts: Sequence[str], found: Sequence[Vector | str]) -> Vectors:
        """All vectors as one array. Raises PartlyEmbeddedError where there is one without, or of another length."""
        vectors: dict[int, Vector] = {}
        causes: dict[int, str] = {}
        for position, vector in enumerate(found):
            if isinstance(vector, str):
                causes[position] = vector
                continue
            self._dim = self._dim or vector.size
            if vector.size == self._dim:
                vectors[position] = vector
            else:
                causes[position] = f"the vector has {vector.size} numbers, those before it {self._dim}"
        wanted = self._wanted["dimensions"]
        if vectors and wanted is not None and self._dim != wanted and "dimensions" not in self._known.names("left_out"):
            self._tell(f"ignores dimensions: its vectors have {self._dim} numbers, not {wanted}")
        if causes:
            position, cause = next(iter(causes.items()))
            text = texts[position][:40]
            told = f"{self.identity}: {len(causes)} of {len(texts)} texts got no vector; {text!r}: {cause}"
            raise PartlyEmbeddedError(told, vectors)
        return np.stack([vectors[position] for position in range(len(texts))])

    def _learn_cutting(self, counted: int, texts: Sequence[str]) -> None:
        """Learn where the tokens that were counted show that the endpoint cuts texts without saying so."""
        limit = counted // len(texts)
        if (
            limit in _USUAL_LIMITS
            and counted == limit * len(texts)
            and min(map(self._text_tokens, texts)) > 1.5 * limit
        ):
            self._known.learn(cuts_at=limit)
            self._tell(f"cuts texts at {limit} tokens without saying so: set max_tokens to {limit}")

    def _tell(self, what: str) -> None:
        if what not in self._told:
            self._told.add(what)
            _log.warning("%s %s", self.identity, what)
