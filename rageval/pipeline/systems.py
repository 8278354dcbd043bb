"""Systems that people already have, as pipelines: a Python function, a TREC run file, a file of recorded responses."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import json
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np

from rageval.errors import DeclarationError, ExecutionError
from rageval.identity import describe, fingerprint
from rageval.io.trec_files import read_run
from rageval.pipeline.abstention import is_abstention
from rageval.pipeline.pipeline import Pipeline
from rageval.pipeline.resources import Resources
from rageval.pipeline.stage import Stage
from rageval.pipeline.state import State
from rageval.types import Document, Hit, Passage, Question, Response

Answered: TypeAlias = Response | str
System: TypeAlias = Callable[[Question], Answered | Awaitable[Answered]]


@dataclass(frozen=True)
class CallFunction(Stage):
    """A function `question -> Response` (or answer text), plain or async, called once per question.

    A plain function runs in a thread of its own, so that several questions can be asked at once. Whatever it raises is
    that question's failure. `source` identifies the function: change its code and it is run again.
    """

    source: str
    function: System = field(compare=False)

    def identity_fields(self) -> dict[str, object]:
        return {"source": self.source}

    def asks_outside(self) -> bool:
        return True

    async def run(self, state: State, resources: Resources) -> State:
        try:
            if inspect.iscoroutinefunction(self.function):
                answered = await self.function(state.question)
            else:
                answered = await asyncio.to_thread(self.function, state.question)
                if inspect.isawaitable(answered):
                    answered = await answered
        except Exception as error:
            raise ExecutionError(f"{type(error).__name__}: {error}") from error
        response = Response(answer=answered) if isinstance(answered, str) else answered
        if not isinstance(cast("object", response), Response):
            raise ExecutionError(f"the function returned a {type(response).__name__}, expected a Response or a str")
        for name, positions in (("context", response.context), ("citations", response.citations)):
            if any(not 0 <= position < len(response.hits) for position in positions):
                raise ExecutionError(f"the response's {name} {positions} names positions outside its hits")
        if not all(math.isfinite(hit.score) for hit in response.hits):
            raise ExecutionError("a hit of the response has a score that is not finite")
        return state.with_response(
            hits=tuple(Hit(hit.passage, float(hit.score)) for hit in response.hits),  # numpy's numbers are no JSON
            answer=response.answer,
            context=response.context or tuple(range(len(response.hits))),
            citations=response.citations,
            abstained=response.abstained or (response.answer is not None and is_abstention(response.answer)),
            steps=response.steps,
            usage=response.usage,
        )


def function_pipeline(function: System, name: str | None = None, *, version: str | None = None) -> Pipeline:
    """A pipeline of one function, named after it.

    It is known by its code, the values and functions that it captured, the globals it reads, and the files that its
    module imports. Where it holds an object that cannot be read (a live index, a client), no other process reuses its
    results, unless there is a `version` (also as an attribute of the function or of the object): change that whenever
    what the object holds changes. Files that it opens and programs that it calls cannot be seen either.
    """
    label = name or getattr(function, "__name__", type(function).__name__)
    source = fingerprint(describe(function, label=label, version=version))
    return Pipeline(label, CallFunction(source, function))


@dataclass(frozen=True)
class Replay(Stage):
    """A recorded run: a TREC run file, or JSONL of responses.

    JSONL lines are `{"question_id", "answer"?, "hits": [{"doc_id", "score"?, "text"?}]?}`, hits best first. Hits of a
    TREC file are ordered as trec_eval orders them (score, then document id, both descending). A hit without a text is
    the whole document. A question that the file lacks has no hits and no answer. The first `k` hits are the context.
    """

    path: Path
    digest: str
    k: int = 5

    def identity_fields(self) -> dict[str, object]:
        return {"digest": self.digest, "k": self.k}

    async def run(self, state: State, resources: Resources) -> State:
        recorded = await resources.get(_Recording(self.path, self.digest))
        return replayed(state, recorded.get(state.question.id), self.k)


def replayed(state: State, recorded: Response | None, k: int) -> State:
    """The state with what was recorded for its question, if anything was; the first `k` hits are the context."""
    if recorded is None:
        return state.with_step("replay", found=False)
    answer = recorded.answer
    return state.with_response(
        hits=recorded.hits,
        context=tuple(range(min(k, len(recorded.hits)))),
        answer=answer,
        abstained=answer is not None and is_abstention(answer),
    )


@dataclass(frozen=True)
class _Recording:
    path: Path
    digest: str

    async def build(self, resources: Resources) -> Mapping[str, Response]:
        documents = {document.id: document for document in resources.documents}
        if self.path.suffix in (".jsonl", ".json"):
            return _recorded_responses(self.path, documents)
        return {
            question_id: Response(hits=tuple(_hit(doc_id, score, None, documents) for doc_id, score in _ordered(pairs)))
            for question_id, pairs in read_run(self.path).items()
        }


def replay(path: Path, k: int = 5) -> Stage:
    """A stage that replays the file. Raises DeclarationError where it cannot be read."""
    if k < 1:
        raise DeclarationError(f"k: found {k}, expected at least 1")
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DeclarationError(
            f"{path}: cannot be read ({error.strerror}); expected a TREC run or JSONL file"
        ) from None
    if path.suffix in (".jsonl", ".json"):
        _recorded_responses(path, {})
    else:
        read_run(path)
    return Replay(path, digest, k)


def _ordered(pairs: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """As trec_eval does, which keeps scores as C floats."""
    with np.errstate(over="ignore"):
        return sorted(pairs, key=lambda pair: (np.float32(pair[1]), pair[0]), reverse=True)


def _recorded_responses(path: Path, documents: Mapping[str, Document]) -> dict[str, Response]:
    recorded: dict[str, Response] = {}
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            data = cast("dict[str, Any]", json.loads(line))
            response = recorded_response(data, documents)
            question_id = str(data["question_id"])
            if question_id in recorded:
                raise ValueError(f"question {question_id} has an earlier line")
            recorded[question_id] = response
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DeclarationError(
                f"{path}:{number}: found {line[:60].decode(errors='replace')!r} ({error}), expected an object with "
                "question_id (once in the file), answer and hits (each with doc_id)"
            ) from None
    return recorded


def recorded_response(data: Mapping[str, Any], documents: Mapping[str, Document]) -> Response:
    """What `answer` and `hits` of a recorded line say.

    Raises ValueError, KeyError, TypeError or AttributeError where they are not of the form that `Replay` describes.
    """
    hits = tuple(
        _hit(str(hit["doc_id"]), float(hit.get("score", -rank)), hit.get("text"), documents)
        for rank, hit in enumerate(data.get("hits", ()))
    )
    answer = data.get("answer")
    if answer is not None and not isinstance(answer, str):
        raise TypeError("answer is not a text")
    return Response(hits=hits, answer=answer)


def _hit(doc_id: str, score: float, text: str | None, documents: Mapping[str, Document]) -> Hit:
    document = documents.get(doc_id)
    whole = document.text if document else ""
    if not math.isfinite(score):
        raise ValueError(f"the score {score} is not finite")
    given = whole if text is None else text
    start = max(0, whole.find(given))
    return Hit(Passage(doc_id, start, start + len(given), given, document.title if document else ""), score)
