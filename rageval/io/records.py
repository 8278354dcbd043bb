"""Responses and judgments as JSON data and back: the one place that knows how they look on disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from rageval.io.turns import read_turns, turns_to_json
from rageval.types import (
    Abstained,
    Document,
    Evidence,
    Failure,
    Graded,
    Hit,
    Json,
    Judgment,
    Passage,
    Question,
    RelevanceLabel,
    Response,
    Step,
    Usage,
    Verdict,
)

Outcome = Response | Failure

USAGE_COUNTS = (
    "calls",
    "prompt_tokens",
    "completion_tokens",
    "paid_calls",
    "paid_prompt_tokens",
    "paid_completion_tokens",
    "cached_calls",
    "cached_tokens",
)


def outcome_to_json(outcome: Outcome, documents: Mapping[str, Document]) -> dict[str, Json]:
    """A response or failure as JSON data.

    Hits are [document id, start, end, score]. `texts` (by position) holds title and text of the passages that the
    generator read, so that a run can be shown and judged without its benchmark, and of those that are not the span of a
    document.
    """
    if isinstance(outcome, Failure):
        said: dict[str, Json] = {"error": outcome.error, "message": outcome.message}
        return {"failure": {**said, "traceback": outcome.traceback} if outcome.traceback else said}
    texts: dict[str, Json] = {
        str(i): [hit.passage.title, hit.passage.text]
        for i, hit in enumerate(outcome.hits)
        if i in outcome.context or _text_at(hit.passage, documents) != hit.passage.text
    }
    return {
        "hits": [[hit.passage.doc_id, hit.passage.start, hit.passage.end, hit.score] for hit in outcome.hits],
        "texts": texts,
        "context": [*outcome.context],
        "answer": outcome.answer,
        "abstained": outcome.abstained,
        "citations": [*outcome.citations],
        "steps": [_step_to_json(step) for step in outcome.steps],
        "usage": usage_to_json(outcome.usage),
        "latency_s": outcome.latency_s,
        **({} if outcome.cited_answer is None else {"cited_answer": outcome.cited_answer}),
    }


def outcome_from_json(data: Mapping[str, Any], documents: Mapping[str, Document]) -> Outcome:
    """The inverse of `outcome_to_json` for the same documents."""
    if "failure" in data:
        return Failure(**data["failure"])
    return Response(
        hits=_hits(data["hits"], data["texts"], documents),
        context=tuple(data["context"]),
        answer=data["answer"],
        abstained=data["abstained"],
        citations=tuple(data["citations"]),
        steps=tuple(map(_step_from_json, data["steps"])),
        usage=usage_from_json(data["usage"]),
        latency_s=data["latency_s"],
        cited_answer=data.get("cited_answer"),
    )


def judgment_to_json(judgment: Judgment) -> dict[str, Json]:
    """Return one judgment as JSON data, without question and judge, which its line already names. `votes` and
    `traceback` are present only if there are any.
    """
    verdict = judgment.verdict
    words: dict[str, Json] = {"item": judgment.item, "index": judgment.index, "text": judgment.text}
    if verdict.votes:
        words["votes"] = [*verdict.votes]
    if isinstance(verdict, Abstained):
        if verdict.traceback:
            words["traceback"] = verdict.traceback
        return {**words, "abstained": verdict.reason, "raw": verdict.raw}
    return {
        **words,
        "grade": verdict.grade,
        "probability": verdict.probability,
        "evidence": [{"hit": e.hit, "quote": e.quote, "found": e.found} for e in verdict.evidence],
        "rationale": verdict.rationale,
    }


def judgment_from_json(data: Mapping[str, Any], question_id: str, judge: str) -> Judgment:
    """The inverse of `judgment_to_json`."""
    verdict: Verdict
    votes = tuple(data.get("votes", ()))
    if "abstained" in data:
        verdict = Abstained(data["abstained"], data["raw"], votes, data.get("traceback", ""))
    else:
        evidence = tuple(Evidence(**item) for item in data["evidence"])
        verdict = Graded(data["grade"], data["probability"], evidence, data["rationale"], votes)
    return Judgment(question_id, judge, data["item"], data["index"], data["text"], verdict)


def usage_to_json(usage: Usage) -> dict[str, Json]:
    """All counts by name, and `reasoning_tokens` and `requests` where there are any."""
    counts: dict[str, Json] = {name: getattr(usage, name) for name in USAGE_COUNTS}
    if usage.reasoning_tokens:
        counts["reasoning_tokens"] = usage.reasoning_tokens
    if not usage.requests:
        return counts
    return {**counts, "requests": {request: [*cost] for request, cost in usage.requests.items()}}


def usage_from_json(data: Mapping[str, Any]) -> Usage:
    """The inverse of `usage_to_json`."""
    return Usage(
        data["calls"],
        data["cached_calls"],
        data["prompt_tokens"],
        data["cached_tokens"],
        data["completion_tokens"],
        data["calls"] - data["paid_calls"],
        data["prompt_tokens"] - data["paid_prompt_tokens"],
        data["completion_tokens"] - data["paid_completion_tokens"],
        {request: (calls, prompt, said) for request, (calls, prompt, said) in data.get("requests", {}).items()},
        data.get("reasoning_tokens", 0),
    )


def _step_to_json(step: Step) -> dict[str, Json]:
    """A step; its usage only where it asked a model."""
    data: dict[str, Json] = {"name": step.name, "detail": {**step.detail}}
    return data if step.usage == Usage() else {**data, "usage": usage_to_json(step.usage)}


def _step_from_json(data: Mapping[str, Any]) -> Step:
    return Step(data["name"], data["detail"], usage_from_json(data["usage"]) if "usage" in data else Usage())


def _text_at(passage: Passage, documents: Mapping[str, Document]) -> str | None:
    document = documents.get(passage.doc_id)
    return None if document is None else document.text[passage.start : passage.end]


def _hits(
    rows: Iterable[tuple[str, int, int, float]],
    texts: Mapping[str, tuple[str, str]],
    documents: Mapping[str, Document],
) -> tuple[Hit, ...]:
    """Hits whose title and text are those in `texts` (by position), or else those of the document, if it is known."""
    hits = [Hit(_passage(documents.get(doc_id), doc_id, start, end), score) for doc_id, start, end, score in rows]
    for position, (title, text) in texts.items():
        hit = hits[int(position)]
        hits[int(position)] = replace(hit, passage=replace(hit.passage, title=title, text=text))
    return tuple(hits)


def _passage(document: Document | None, doc_id: str, start: int, end: int) -> Passage:
    if document is None:
        return Passage(doc_id, start, end, "")
    return Passage(doc_id, start, end, document.text[start:end], document.title)


def question_to_json(question: Question, labels: Iterable[RelevanceLabel], digest: str = "") -> dict[str, Json]:
    """A question with its grades by document id (the highest where a document has several labels), and the spans that
    are marked in documents: document id, start, end and part. `digest` is that of the question in its benchmark
    (`rageval.benchmark.digests`).
    """
    grades: dict[str, Json] = {}
    evidence: list[Json] = []
    for label in sorted(labels, key=lambda label: label.grade):
        grades[label.doc_id] = label.grade
        if label.start is not None:
            evidence.append([label.doc_id, label.start, label.end, label.part])
    return {
        "question_id": question.id,
        "text": question.text,
        "language": question.language,
        "references": [*question.references],
        "tags": [*question.tags],
        "metadata": {**question.metadata},
        **({"history": turns_to_json(question.history)} if question.history else {}),
        "grades": grades,
        "evidence": evidence,
        "digest": digest,
    }


def question_from_json(data: Mapping[str, Any]) -> tuple[Question, dict[str, int]]:
    """The inverse of `question_to_json`."""
    question = Question(
        data["question_id"],
        data["text"],
        data["language"],
        tuple(data["references"]),
        tuple(data["tags"]),
        data["metadata"],
        read_turns(data.get("history", ())),
    )
    return question, data["grades"]


def evidence_from_json(data: Mapping[str, Any]) -> tuple[str, tuple[RelevanceLabel, ...]]:
    """The question's id and its labels that mark a span, from what `question_to_json` wrote."""
    name, grades = data["question_id"], data["grades"]
    return name, tuple(
        RelevanceLabel(name, doc_id, grades[doc_id], start, end, part) for doc_id, start, end, part in data["evidence"]
    )


def digest_from_json(data: Mapping[str, Any]) -> tuple[str, str]:
    """The question's id and its digest, from what `question_to_json` wrote."""
    return data["question_id"], data["digest"]
