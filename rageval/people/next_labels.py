"""Which label to ask for next: the one that would narrow the bounds of a ranking metric most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rageval.errors import DeclarationError, NotComparableError
from rageval.metrics.names import Metric
from rageval.metrics.unjudged import JudgedRanking, bounds, has_bounds
from rageval.people.instructions import labelling_instruction
from rageval.people.sheet import write_rows
from rageval.scores.unjudged import RunRankings
from rageval.types import Document, Json

COLUMNS = (
    "question_id",
    "document_id",
    "grade",
    "quote",
    "annotator",
    "instructions",
    "language",
    "question",
    "references",
    "title",
    "text",
)
_NOTHING = 1e-12


@dataclass(frozen=True, slots=True)
class NextLabel:
    """A question and a document without a label for it.

    `narrows` is by how much its label narrows the bounds of a run's mean, averaged over the runs and over the two
    labels 0 and the highest grade. Among the first k of `runs` of them it is unjudged; `rank` is its best place there.
    """

    question_id: str
    doc_id: str
    narrows: float
    runs: int
    rank: int

    def to_json(self) -> dict[str, Json]:
        return {
            "question_id": self.question_id,
            "document_id": self.doc_id,
            "narrows": self.narrows,
            "runs": self.runs,
            "rank": self.rank,
        }


def next_labels(runs: Sequence[RunRankings], metric: Metric, n: int) -> list[NextLabel]:
    """The `n` labels that would narrow the bounds of the metric most, over all runs; fewer if fewer would narrow them.

    Each is measured alone, as if no other was given. Equal ones are ordered by the number of runs, by rank, and by ids.
    Raises DeclarationError for a metric without bounds or cutoff and for n below 1, NotComparableError for runs over
    different benchmarks.
    """
    if not has_bounds(metric) or metric.cutoff is None:
        raise DeclarationError(
            f"--metric: found {metric}, expected one of hit_rate, mrr, ndcg, precision, recall with a cutoff, such as "
            "ndcg@10"
        )
    if n < 1:
        raise DeclarationError(f"-n: found {n}, expected at least 1")
    for run in runs[1:]:
        if run.content_hash != runs[0].content_hash:
            raise NotComparableError(
                f"{run.path}: found another benchmark than in {runs[0].path}, expected runs over the same one"
            )
    found: dict[tuple[str, str], NextLabel] = {}
    for run in runs:
        for name, ranking in run.judged.items():
            for position, narrows in _narrowing(metric, ranking):
                pair = (name, run.documents[name][position])
                before = found.get(pair, NextLabel(*pair, 0.0, 0, position + 1))
                found[pair] = NextLabel(
                    *pair,
                    before.narrows + narrows / len(run.judged) / len(runs),
                    before.runs + 1,
                    min(before.rank, position + 1),
                )
    useful = [one for one in found.values() if one.narrows > _NOTHING]
    useful.sort(key=lambda one: (-round(one.narrows, 12), -one.runs, one.rank, one.question_id, one.doc_id))
    return useful[:n]


def _narrowing(metric: Metric, ranking: JudgedRanking) -> list[tuple[int, float]]:
    """For each unjudged document among the first k, its position and by how much its label narrows the bounds."""

    def width(one: JudgedRanking) -> float:
        low, high = bounds(metric, one)
        return high - low

    whole = width(ranking)
    return [
        (position, whole - (width(ranking.labelled(position, 0)) + width(ranking.labelled(position, ranking.top))) / 2)
        for position, grade in enumerate(ranking.ranked[: metric.cutoff])
        if grade is None
    ]


def write_label_sheet(
    labels: Sequence[NextLabel], runs: Sequence[RunRankings], documents: Mapping[str, Document], path: Path
) -> None:
    """Write the sheet in which people grade these documents, as JSON Lines or CSV. `path` must not exist yet: see
    `check_sheet_path`.
    """
    questions = {name: question for run in runs for name, question in run.questions.items()}
    tops = [ranking.top for run in runs for ranking in run.judged.values()]
    rows: list[dict[str, Json]] = []
    for one in labels:
        question, document = questions[one.question_id], documents[one.doc_id]
        rows.append(
            {
                "question_id": one.question_id,
                "document_id": one.doc_id,
                "grade": None,
                "quote": "",
                "annotator": "",
                "instructions": labelling_instruction(question.language, max(tops)),
                "language": question.language,
                "question": question.text,
                "references": [*question.references],
                "title": document.title,
                "text": document.text,
            }
        )
    write_rows(path, COLUMNS, rows)
