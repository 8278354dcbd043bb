"""What people decide piece by piece: the claims or passages that a judge listed, a yes or no for each.

The metric's number follows from the verdicts by the metric's own formula, with people's verdicts in the place of the
judge's. Metrics that need more than one verdict on a piece, or whose number is not the share of yes, are labelled with
one number for the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

from rageval.metrics.judged import judged_metric, score_judged
from rageval.metrics.names import Metric
from rageval.text.languages import Language
from rageval.types import Abstained, Graded, Judgment, Question, Response, Score

Said: TypeAlias = Literal["yes", "no", "cannot tell"]

SAID: tuple[Said, ...] = get_args(Said)


@dataclass(frozen=True, slots=True)
class Piece:
    """What is decided with one verdict: a claim, or a passage by its number in the context (from 1, 0 for a claim)."""

    text: str
    passage: int = 0


@dataclass(frozen=True, slots=True)
class _Asked:
    item: str
    question: Mapping[Language, str]


_FROM_PASSAGES: Mapping[Language, str] = {
    "en": "Can this claim be inferred from the passages alone, whatever you know yourself?",
    "zh": "仅凭以上段落能推出这条陈述吗（不要用自己的知识）？",
}
_ASKED = {
    "faithfulness": _Asked("claim", _FROM_PASSAGES),
    "context_recall": _Asked("reference_claim", _FROM_PASSAGES),
    "answer_precision": _Asked(
        "claim",
        {
            "en": "Does this claim of the answer follow from the first reference answer? What it does not say does "
            "not follow, true or not.",
            "zh": "答案的这条陈述能由第一个参考答案推出吗？参考答案没有说的，不论真假都算不能。",
        },
    ),
    "answer_recall": _Asked(
        "reference_claim",
        {
            "en": "Does the answer make this claim of the first reference answer?",
            "zh": "第一个参考答案的这条陈述，答案中说到了吗？",
        },
    ),
    "context_relevance": _Asked(
        "passage",
        {
            "en": "Does this passage state the answer to the question, or a part of it?",
            "zh": "这个段落写明了问题的答案或答案的一部分吗？",
        },
    ),
}


def piece_question(metric: Metric) -> Mapping[Language, str] | None:
    """What is asked of each piece; None for a metric that is not labelled piece by piece."""
    asked = _ASKED.get(metric.name)
    return None if asked is None else asked.question


def pieces_of(metric: Metric, response: Response, said: Sequence[Judgment] | None) -> tuple[Piece, ...]:
    """The pieces that the metric's judge listed, in order; none where it listed none, or for another metric."""
    return tuple(
        Piece(judgment.text, response.context.index(judgment.index) + 1 if judgment.item == "passage" else 0)
        for judgment in judged_pieces(metric, said)
    )


def judged_pieces(metric: Metric, said: Sequence[Judgment] | None) -> list[Judgment]:
    """The judge's verdicts on the pieces, in order."""
    asked = _ASKED.get(metric.name)
    return [] if asked is None else [judgment for judgment in said or () if judgment.item == asked.item]


def number_of_verdicts(
    metric: Metric, question: Question, response: Response, said: Sequence[Judgment], verdicts: Sequence[Said]
) -> float | None:
    """The metric's number with these verdicts in the place of the judge's, in the order of the pieces; None where any
    is "cannot tell".
    """
    (judge,) = judged_metric(metric).judges
    pieces = judged_pieces(metric, said)
    if len(pieces) != len(verdicts):
        raise ValueError(f"found {len(verdicts)} verdicts, expected {len(pieces)}")
    people = [
        replace(
            piece, verdict=Abstained("cannot tell") if verdict == "cannot tell" else Graded(float(verdict == "yes"))
        )
        for piece, verdict in zip(pieces, verdicts, strict=True)
    ]
    score = score_judged(metric, question, response, {judge: people})
    return score.value if isinstance(score, Score) else None
