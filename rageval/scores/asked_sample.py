"""An added judge that was asked on a sample of questions: which these are, and what the others score.

The first questions of the random order in which people are asked too (`rageval sample`, seed 0), so what people label
first an expert model has seen, and its sample is random whatever it says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from rageval.metrics.judged import entries_read
from rageval.metrics.names import Metric
from rageval.scores.calibrations import JudgeEntry
from rageval.scores.random_order import in_random_order
from rageval.scores.scoring import Scores
from rageval.types import Score, Unscored

ASKED = "asked"
"""In a judge's entry of the manifest: on how many questions it was asked; missing where on all."""


def asked_first(metric: Metric, questions: Collection[str], n: int) -> frozenset[str]:
    """The `n` questions on which a judge of that metric is asked."""
    return frozenset(in_random_order(0, metric.name, questions)[:n])


def only_asked(scores: Scores, entries: Mapping[str, JudgeEntry]) -> Scores:
    """The scores without those of questions outside the sample that a metric's judges were asked on. Failures among
    them go too: with all failures added, the scored questions would be no random sample.
    """
    found: dict[Metric, Mapping[str, Score | Unscored]] = {}
    for metric, by_question in scores.items():
        n = number_asked(metric, entries) if metric.judge else None
        if n is None:
            found[metric] = by_question
            continue
        asked, not_asked = asked_first(metric, by_question, n), Unscored(f"not asked: a sample of {n}")
        found[metric] = {question: score if question in asked else not_asked for question, score in by_question.items()}
    return found


def number_asked(metric: Metric, entries: Mapping[str, JudgeEntry]) -> int | None:
    """On how many questions the judges of a metric were asked; None where on all."""
    found = [entries[name].get(ASKED) for name in entries_read(metric).values() if name in entries]
    return min((n for n in found if n is not None), default=None)
