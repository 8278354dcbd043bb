"""People's labels of two runs, as labels of the difference between them, question by question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rageval.scores.drawn_labels import difference_drawn
from rageval.scores.run_labels import RunLabels
from rageval.scores.run_scores import RunScores
from rageval.scores.samples import Design
from rageval.scores.second_judge import SecondScores, columns, second_metric, second_unused, second_used
from rageval.stats.labelled import UNSEEN, LabelledDifference, labelled_difference
from rageval.types import SecondJudge

FEWEST = 2


@dataclass(frozen=True, slots=True)
class PairLabels:
    """Labels of the gain of the candidate over the baseline, more than 0 is better, on questions whose answers differ.

    `low` and `high` are by labelled question: what people say, or, where one of the two labels is missing, the worst
    and the best that it could be. `judged` are the judge's gains on all questions whose answers differ, `strata` and
    `clusters` likewise; `same` is the number of questions whose answers do not, which gain 0. `left_out` questions are
    not among those that could be drawn. `warning` and `design` are as for `RunLabels`. `second` has the gains by a
    second judge that both runs have, and `second_judge` says what became of it.
    """

    low: Mapping[str, float]
    high: Mapping[str, float]
    judged: Mapping[str, float]
    strata: Mapping[str, str]
    clusters: Mapping[str, frozenset[int]] | None
    same: int
    left_out: int
    warning: str
    design: Design | None = None
    second: SecondScores | None = None
    second_judge: SecondJudge | None = None

    @property
    def n(self) -> int:
        """How many questions have labels of both."""
        return len(self.low)

    @property
    def missing(self) -> int:
        """On how many of these a label is missing."""
        return sum(self.low[question] < self.high[question] for question in self.low)

    @property
    def share(self) -> float:
        """The share of questions whose answers differ."""
        return len(self.judged) / (len(self.judged) + self.same)

    @property
    def sd(self) -> float:
        """The standard deviation of the gains by labels."""
        return float(np.std([(self.low[q] + self.high[q]) / 2.0 for q in self.low], ddof=1))

    def difference(self, *, unseen: float = UNSEEN, level: float = 0.95) -> LabelledDifference:
        """The mean gain by labels and judge (`rageval.stats.labelled`), whatever the missing labels are."""
        worst = self._difference(self.low, unseen, level)
        if not self.missing:
            return worst
        best = self._difference(self.high, unseen, level)
        return replace(
            worst,
            point=(worst.point + best.point) / 2.0,
            labels_only=(worst.labels_only[0], best.labels_only[1]),
            upper=best.upper,
        )

    def _difference(self, gains: Mapping[str, float], unseen: float, level: float) -> LabelledDifference:
        if self.design is not None:
            return difference_drawn(
                gains, self.judged, self.design, self.clusters, same=self.same, unseen=unseen, level=level
            )
        labelled, others = [*gains], [question for question in self.judged if question not in gains]
        several = len(set(self.strata.values())) > 1
        clusters = self.clusters
        if clusters is not None and frozenset[int].intersection(*(clusters[question] for question in labelled)):
            clusters = None
        return labelled_difference(
            [gains[question] for question in labelled],
            columns(self.judged, self.second, labelled),
            columns(self.judged, self.second, others),
            same=self.same,
            strata=([self.strata[q] for q in labelled], [self.strata[q] for q in others]) if several else None,
            clusters=None if clusters is None else ([clusters[q] for q in labelled], [clusters[q] for q in others]),
            unseen=unseen,
            level=level,
            rng=np.random.default_rng(0),
        )


def pair_labels(
    baseline: RunScores,
    candidate: RunScores,
    metric: str,
    gains: Mapping[str, float],
    clusters: Mapping[str, frozenset[int]] | None,
    *,
    lower_is_better: bool,
) -> PairLabels | str | None:
    """The labels of both runs on that metric, joined; None where neither has any, and a text that says what is missing
    where they cannot be joined. `gains` are the judge's, by question scored in both runs.
    """
    a, b = baseline.labels.get(metric), candidate.labels.get(metric)
    if a is None and b is None:
        return None
    same = {q for q in gains if q in baseline.answers and baseline.answers[q] == candidate.answers.get(q)}
    differ = [question for question in gains if question not in same]
    if not differ:
        return PairLabels({}, {}, {}, {}, clusters, len(same), 0, "")
    if a is None or b is None:
        labelled, other = ("candidate", baseline) if a is None else ("baseline", candidate)
        return f"people labelled the {labelled}'s answers alone: label those of {other.source} as well"
    design = _common(a, b)
    if isinstance(design, str):
        return design
    frame = [question for question in differ if question in a.strata and question in b.strata]
    low: dict[str, float] = {}
    high: dict[str, float] = {}
    for question in frame if design is None else sorted({*design.draws} & {*frame}):
        of_a, of_b = _range(a, question), _range(b, question)
        if of_a is None or of_b is None:
            continue
        if lower_is_better:
            of_a, of_b = (1.0 - of_a[1], 1.0 - of_a[0]), (1.0 - of_b[1], 1.0 - of_b[0])
        low[question], high[question] = of_b[0] - of_a[1], of_b[1] - of_a[0]
    strata = {question: f"{a.strata[question]}/{b.strata[question]}" for question in frame}
    if len(low) < FEWEST:
        return (
            f"people labelled both answers to {len(low)} of the {len(frame)} questions whose answers differ: label "
            "more, in samples with the same seed"
        )
    if without := {strata[q] for q in frame} - {strata[q] for q in low}:
        return f"no label of both answers yet in {len(without)} of {len(set(strata.values()))} strata: label more"
    warning = "; ".join(dict.fromkeys(w for w in (a.warning, b.warning) if w))
    second, unused = _second_gains(baseline, candidate, metric, frame, turn=-1.0 if lower_is_better else 1.0)
    if second is not None and design is not None:
        second, unused = None, second_unused(second, "")
    found = PairLabels(
        low,
        high,
        {q: gains[q] for q in frame},
        strata,
        clusters,
        len(same),
        len(differ) - len(frame),
        warning,
        None if design is None else design.only(frame),
        second,
        unused,
    )
    if second is None or len(low) == len(frame):
        return replace(found, second=None)
    return replace(found, second_judge=second_used(second, found.difference().weights, frame))


def _second_gains(
    baseline: RunScores, candidate: RunScores, metric: str, frame: Sequence[str], *, turn: float
) -> tuple[SecondScores | None, SecondJudge | None]:
    """The gains by the second judge of both runs; none, with the reason, where the two have not the same one."""
    names = [run.labels[metric].second_judge for run in (baseline, candidate)]
    texts = [second_metric(metric, name) for name in names]
    pairs = [
        (run.metrics.get(text), run.judges.get(text)) for run, text in zip((baseline, candidate), texts, strict=True)
    ]
    (a, by_a), (b, by_b) = pairs
    if a is None and b is None:
        return None, None
    if a is None or b is None or names[0] != names[1] or by_a != by_b:
        which = names[0] if a is not None else names[1]
        return None, SecondJudge(which, questions=len(frame), unused="the two runs have not the same one")
    both = [question for question in frame if question in a.scores and question in b.scores]
    return SecondScores(names[0], {q: turn * (b.scores[q] - a.scores[q]) for q in both}), None


def _common(a: RunLabels, b: RunLabels) -> Design | str | None:
    """The draws that both have labels of, None for simple random samples, and a text where one fits not the other."""
    if a.design is None and b.design is None:
        return None
    if a.design is not None and b.design is not None:
        first, other = sorted((a.design, b.design), key=lambda one: len(one.draws))
        if first.probabilities == other.probabilities and first.draws == other.draws[: len(first.draws)]:
            return first
    return "the labelled questions of the two were not drawn together: use `rageval sample --active --against`"


def _range(labels: RunLabels, question: str) -> tuple[float, float] | None:
    if question in labels.given:
        return labels.given[question], labels.given[question]
    return (0.0, 1.0) if question in labels.missing else None


def labels_note(labels: Sequence[PairLabels]) -> str:
    """A sentence for reports on differences by labels; empty for none."""
    if not labels:
        return ""
    parts = ["‡ by people's labels and the judge together (prediction-powered inference); the means are the judge's."]
    if missing := max(one.missing for one in labels):
        parts.append(f"Up to {missing} labels are missing: the interval holds whatever they would be.")
    if left_out := max(one.left_out for one in labels):
        parts.append(f"Up to {left_out} questions with answers newer than the samples are left out.")
    told = dict.fromkeys(one.second_judge.in_words for one in labels if one.second_judge is not None)
    parts.extend(f"‡ {words}." for words in told)
    parts.extend(f"Labels not known to be a random sample: {one.warning}." for one in labels[:1] if one.warning)
    return " ".join(parts)
