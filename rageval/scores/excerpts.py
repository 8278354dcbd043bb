"""Excerpts of a run: answers and first passages, shortened for reports on single questions.

A baseline that is pinned with them can show what its run answered after the run is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from rageval.io.records import Outcome
from rageval.io.run_folder import RunFolder
from rageval.metrics.evidence_spans import Span, evidence_parts, joined, overlap, passage_span
from rageval.scores.run_scores import Excerpt, FoundPassage, Mark, RunScores
from rageval.types import Failure, Json, Passage

ANSWER_CHARACTERS = 2000
FIRST_PASSAGES = 3
MOST_PASSAGES = 6


def folder_excerpts(path: str, questions: Iterable[str]) -> dict[str, Excerpt]:
    """Those of the run in that folder, by question; a question without an outcome has none.

    Answers and failures are cut to 2,000 characters. Of the ranking, the first three passages are kept, and the next
    ones that labels mark, up to six in all. Raises DeclarationError where the folder holds no run, or one that cannot
    be read.
    """
    folder = RunFolder(path)
    folder.manifest()
    asked, spans, outcomes = folder.questions(), folder.evidence(), folder.outcomes()
    return {
        question: _excerpt(outcomes[question], asked[question][1], evidence_parts(spans.get(question, ())))
        for question in questions
        if question in outcomes and question in asked
    }


def with_excerpts(run: RunScores) -> RunScores:
    """The run with the excerpts of all its questions, read from the folder that it came from. Raises as
    `folder_excerpts`.
    """
    return replace(run, excerpts=folder_excerpts(run.source, run.questions))


def _excerpt(outcome: Outcome, grades: Mapping[str, int], parts: Iterable[tuple[Span, ...]]) -> Excerpt:
    if isinstance(outcome, Failure):
        return Excerpt(None, (), f"{outcome.error}: {outcome.message}"[:ANSWER_CHARACTERS])
    evidence = joined(span for part in parts for span in part)
    found = (
        FoundPassage(rank, hit.passage.id, _mark(hit.passage, grades, evidence))
        for rank, hit in enumerate(outcome.hits, 1)
    )
    kept = islice((one for one in found if one.mark or one.rank <= FIRST_PASSAGES), MOST_PASSAGES)
    return Excerpt(None if outcome.answer is None else outcome.answer[:ANSWER_CHARACTERS], tuple(kept))


def _mark(passage: Passage, grades: Mapping[str, int], evidence: tuple[Span, ...]) -> Mark:
    if overlap(passage_span(passage), evidence):
        return "evidence"
    return "relevant" if grades.get(passage.doc_id, 0) > 0 else ""


def excerpt_to_json(one: Excerpt) -> list[Json]:
    """Answer, failure, and each passage with its rank and mark."""
    return [one.answer, one.failure, [[*found] for found in one.passages]]


def excerpt_from_json(data: Any) -> Excerpt:
    """The inverse of `excerpt_to_json`. Raises ValueError for any other data."""
    answer, failure, found = data
    passages = tuple(FoundPassage(*one) for one in found)
    texts = [failure, *(text for one in passages for text in one[1:])]
    if not all(isinstance(text, str) for text in texts) or not isinstance(answer, str | None):
        raise ValueError("an excerpt that is no text")
    return Excerpt(answer, passages, failure)
