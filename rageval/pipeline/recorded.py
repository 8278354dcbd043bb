"""Recorded runs as pipelines: a TREC run file, or a file of responses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np

from rageval.errors import DeclarationError, ExecutionError
from rageval.io.spreadsheets import refuse_sheet
from rageval.io.trec_files import read_run
from rageval.io.turns import MESSAGES, last_answer, read_turns
from rageval.pipeline.check_response import check_response
from rageval.pipeline.documents import DocumentsById
from rageval.pipeline.recorded_hits import (
    RESPONSE_KEYS,
    check_documents,
    check_keys,
    hit_of,
    recorded_hits,
    to_id,
)
from rageval.pipeline.resources import Resources
from rageval.pipeline.sizes import NO_CONTEXT, ContextSize
from rageval.pipeline.stage import Stage
from rageval.pipeline.state import State
from rageval.text import count_tokens
from rageval.types import Document, Response

MALFORMED = (ExecutionError, ValueError, KeyError, TypeError, AttributeError)
"""What `recorded_response` raises where a record is not of the form that `Replay` describes."""


@dataclass(frozen=True)
class Replay(Stage):
    """A recorded run: a TREC run file, or JSONL of responses.

    JSONL lines are `{"question_id", "answer"?, "abstained"?, "hits": [{"doc_id", "score"?, "text"?}]?}`, hits best
    first; other keys are refused. In place of `hits` there may be one of `CONTEXTS`: see `recorded_hits`. Without
    `abstained` (true or false), the answer's text decides whether it is an abstention. A question for which the line
    names a document that the corpus lacks is a failure. In place of `answer` there may be `messages`, of which the last
    one is the answer where it is the assistant's (`rageval.io.turns.read_turns`).

    Hits of a TREC file are ordered as trec_eval orders them (score, then document id, both descending), whether the
    corpus has the document or not. A hit without a text is the whole document. A question that the file lacks has no
    hits and no answer. All hits are the context, or with `k` the first `k`.
    """

    path: Path
    digest: str
    k: int | None = None

    def identity_fields(self) -> dict[str, object]:
        return {"digest": self.digest, "k": self.k}

    def context_size(self, before: ContextSize = NO_CONTEXT) -> ContextSize:
        return _sizes(self.path, self.digest, self.k)[0]

    def answer_tokens(self, before: int | None) -> int | None:
        return _sizes(self.path, self.digest, self.k)[1]

    def recorded_documents(self) -> dict[str, list[str]]:
        """The ids of the questions in the file, with those of the documents that a TREC file ranks for them.

        Hits of JSONL may have texts and ids of their own.
        """
        if self.path.suffix in (".jsonl", ".json"):
            return {name: [] for name in _recorded_responses(self.path, {})}
        return {name: [doc_id for doc_id, _ in pairs] for name, pairs in read_run(self.path).items()}

    async def run(self, state: State, resources: Resources) -> State:
        recorded = await resources.get(_Recording(self.path, self.digest))
        response = recorded.get(state.question.id)
        if response is not None and not _is_trec(self.path):
            check_documents(response, await resources.get(DocumentsById()))
        return replayed(state, response, self.k)


def replayed(state: State, recorded: Response | None, k: int | None) -> State:
    """Return the state with the response recorded for its question, if any; context: the first `k` hits, or all."""
    if recorded is None:
        return state.with_step("replay", found=False)
    return state.with_response(
        hits=recorded.hits,
        context=tuple(range(len(recorded.hits)))[:k],
        answer=recorded.answer,
        abstained=recorded.abstained,
    )


def check_k(k: int | None) -> None:
    """Raises DeclarationError for a number of passages that is none."""
    if k is not None and k < 1:
        raise DeclarationError(f"k: found {k}, expected at least 1, or none for all hits")


@dataclass(frozen=True)
class _Recording:
    path: Path
    digest: str

    async def build(self, resources: Resources) -> Mapping[str, Response]:
        return self.read(await resources.get(DocumentsById()))

    def read(self, documents: Mapping[str, Document]) -> dict[str, Response]:
        if not _is_trec(self.path):
            return _recorded_responses(self.path, documents)
        return {
            question_id: Response(
                hits=tuple(hit_of(doc_id, score, None, documents) for doc_id, score in _ordered(pairs))
            )
            for question_id, pairs in read_run(self.path).items()
        }


@lru_cache(maxsize=16)
def _sizes(path: Path, digest: str, k: int | None) -> tuple[ContextSize, int]:
    """Return the most passages, the longest passage (known only if the file has all texts), and the longest answer."""
    recorded = _Recording(path, digest).read({}).values()
    contexts = [[hit.passage.text for hit in response.hits[:k]] for response in recorded]
    texts = [text for context in contexts for text in context]
    longest = max(map(count_tokens, texts), default=0) if all(texts) else None
    answer = max((count_tokens(response.answer or "") for response in recorded), default=0)
    return ContextSize(max(map(len, contexts), default=0), longest), answer


def replay(path: Path, k: int | None = None) -> Stage:
    """A stage that replays the file. Raises DeclarationError where it cannot be read."""
    check_k(k)
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DeclarationError(
            f"{path}: cannot be read ({error.strerror}); expected a TREC run or JSONL file"
        ) from None
    refuse_sheet(path, "a TREC run, or JSON Lines (.jsonl) with question_id, answer and hits")
    if _is_trec(path):
        read_run(path)
    else:
        _recorded_responses(path, {})
    return Replay(path, digest, k)


def _is_trec(path: Path) -> bool:
    return path.suffix not in (".jsonl", ".json")


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
            check_keys(data, ("question_id", *RESPONSE_KEYS))
            response = recorded_response(data, documents)
            question_id = to_id(data["question_id"], "question_id")
            if question_id in recorded:
                raise ValueError(f"question {question_id} has an earlier line")
            recorded[question_id] = response
        except MALFORMED as error:
            raise DeclarationError(
                f"{path}:{number}: found {line[:60].decode(errors='replace')!r} ({_told(error)}), expected an object "
                "with question_id (once in the file), answer, abstained and hits (each with doc_id) or contexts"
            ) from None
    return recorded


def recorded_response(data: Mapping[str, Any], documents: Mapping[str, Document]) -> Response:
    """Build a response from a record's `answer` (or the last of its `messages`), `abstained` and hits. Raises one of
    `MALFORMED`.
    """
    hits, answer = recorded_hits(data, documents), data.get("answer")
    if MESSAGES in data:
        if answer is not None:
            raise ValueError("messages and answer at once")
        answer = last_answer(read_turns(data[MESSAGES]))
    return check_response(Response(hits=hits, answer=answer, abstained=data.get("abstained")))


def _told(error: Exception) -> str:
    return f"the key {error} is missing" if isinstance(error, KeyError) else str(error)
