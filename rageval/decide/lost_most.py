"""The questions that lost most on each metric that fails a gate, with what both runs answered or found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import cast

from rageval.errors import DeclarationError
from rageval.metrics import parse
from rageval.scores.excerpts import folder_excerpts
from rageval.scores.pairs import Pairs
from rageval.scores.run_scores import Excerpt, RunScores
from rageval.types import Json

MOST_LOST = 3


@dataclass(frozen=True, slots=True)
class LostQuestion:
    """One question's score before (baseline) and after (candidate), and what each run did for it. An excerpt is None if
    it is not known: a baseline that was pinned without excerpts, or a run folder that is gone. `text` is empty if
    neither run knows the question's words.
    """

    question_id: str
    text: str
    before: float
    after: float
    baseline: Excerpt | None
    candidate: Excerpt | None


@dataclass(frozen=True, slots=True)
class LostMost:
    """The questions that lost most on a metric (or metric and slice): at most three, the worst first, ties by id.

    `lost` is how many questions lost anything. `reads_answers` says whether the metric looks at answers; otherwise it
    looks at what was found.
    """

    metric: str
    reads_answers: bool
    lost: int
    questions: tuple[LostQuestion, ...]

    def to_json(self) -> dict[str, Json]:
        return {"lost": self.lost, "questions": [cast("dict[str, Json]", asdict(one)) for one in self.questions]}


def lost_most(failing: Iterable[Pairs], baseline: RunScores, candidate: RunScores) -> tuple[LostMost, ...]:
    """What was lost on each of these metrics, in their order. Reads answers from the runs' folders."""
    worst = {pairs.name: (pairs, _worst(pairs)) for pairs in failing}
    wanted = {question for _, losses in worst.values() for question, _, _ in losses[:MOST_LOST]}
    if not wanted:
        return ()
    before, after = (_excerpts(run, wanted) for run in (baseline, candidate))
    return tuple(
        LostMost(
            name,
            parse(pairs.metric).definition.reads_answers,
            len(losses),
            tuple(
                LostQuestion(
                    question,
                    candidate.texts.get(question) or baseline.texts.get(question, ""),
                    score_before,
                    score_after,
                    before.get(question),
                    after.get(question),
                )
                for question, score_before, score_after in losses[:MOST_LOST]
            ),
        )
        for name, (pairs, losses) in worst.items()
        if losses
    )


def _worst(pairs: Pairs) -> list[tuple[str, float, float]]:
    """Id and both scores of each question that lost, the greatest loss first."""
    rows = zip(pairs.ids, pairs.baseline, pairs.candidate, pairs.differences, strict=True)
    lost = sorted((round(difference, 9), question, a, b) for question, a, b, difference in rows if difference < 0)
    return [(question, a, b) for _, question, a, b in lost]


def _excerpts(run: RunScores, questions: Iterable[str]) -> Mapping[str, Excerpt]:
    """Those of the baseline file, or of the run's folder. What cannot be read is not known: it changes no verdict."""
    if run.excerpts:
        return run.excerpts
    try:
        return folder_excerpts(run.source, questions)
    except (DeclarationError, OSError):
        return {}
