"""Gates and comparisons that may be read after every question: look, ask more, look again, stop when it is decided.

The questions are read in a random order that does not depend on the scores: by the SHA-256 of seed and id, as samples
of questions are drawn. Each metric's evidence is that of bets on its differences (`rageval.stats.sequential`), valid
after every question at once, so what was once shown stays shown.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rageval.benchmark.selection import draw
from rageval.decide.comparison import ComparisonVerdict, pair_asked
from rageval.decide.gate import GateVerdict, check_margins, pair_for_margin
from rageval.decide.lost_most import LostMost, lost_most
from rageval.errors import DeclarationError
from rageval.scores.comparability import LeftOut, pair_to_json, read_comparable
from rageval.scores.estimates import interval_to_json
from rageval.scores.pairs import UNCORRECTED, Pairs, percent, signed
from rageval.scores.run_scores import RunScores
from rageval.scores.sharing import ClusterBy, find_sharing
from rageval.stats import Interval, holm
from rageval.stats.clusters import make_clustering
from rageval.stats.sequential import SequentialMean, reached_after, sequential_mean
from rageval.types import Json

Floats = NDArray[np.float64]

METHOD = "betting, at every number of questions"


@dataclass(frozen=True, slots=True)
class SequentialMetricGate:
    """One of the `metrics` of a gate. `difference` is candidate - baseline (the reverse where lower is better) over all
    `questions`. Its lower end holds with 1 - alpha for this metric alone, its upper end with 1 - alpha over all metrics
    together, both after every question at once; `level` is that of both ends of this metric.

    The verdict is pass (or fail) once the lower (upper) end has been above (below) -margin, `decided_after` so many of
    the questions in the order of reading; None while it is inconclusive. What was decided first counts. `p_pass` and
    `p_fail` are p-values at every number of questions: of "worse by the margin or more" and of "not worse by more than
    the margin"; `p_fail_adjusted` is Bonferroni's over the metrics.
    """

    pairs: Pairs
    margin: float
    metrics: int
    questions: int
    verdict: GateVerdict
    decided_after: int | None
    difference: Interval
    p_pass: float
    p_fail: float
    p_fail_adjusted: float

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        name, margin, d = self.pairs.name, self.margin, self.difference
        mark = f" ({UNCORRECTED})" if self.pairs.judged else ""
        by = f"{signed(d.point)} [{signed(d.low)}, {signed(d.high)}] ({percent(d.level)})"
        if self.verdict == "inconclusive":
            return f"{name} is inconclusive at margin {margin:g} after {self.questions} questions: {by}{mark}"
        found = (
            f"passes: not worse by {margin:g}" if self.verdict == "pass" else f"fails: worse by more than {margin:g}"
        )
        return f"{name} {found}, decided after {self.decided_after} of {self.questions} questions; {by} after all{mark}"

    def to_json(self) -> dict[str, Json]:
        return {
            **self.pairs.to_json(),
            "margin": self.margin,
            "verdict": self.verdict,
            "decided_after": self.decided_after,
            "questions": self.questions,
            "difference": interval_to_json(self.difference),
            "p_pass": self.p_pass,
            "p_fail": self.p_fail,
            "p_fail_adjusted": self.p_fail_adjusted,
            "sentence": self.sentence,
        }


@dataclass(frozen=True, slots=True)
class SequentialGate:
    """`verdict` is fail once any metric fails, pass once all pass, else inconclusive; it was reached `decided_after`
    so many of the questions that both runs share. `gates` are by metric, or metric and slice. `lost` has the questions
    that lost most on each metric that fails. Printed, it is the verdict and a sentence per metric.
    """

    baseline: RunScores
    candidate: RunScores
    level: float
    verdict: GateVerdict
    decided_after: int | None
    gates: Mapping[str, SequentialMetricGate]
    left_out: LeftOut = LeftOut()
    lost: tuple[LostMost, ...] = ()

    @property
    def headline(self) -> str:
        """`gate: pass, decided after 140 of 400 questions`."""
        n = len(self.candidate.questions)
        if self.decided_after is None:
            return f"gate: {self.verdict} after {n} questions"
        return f"gate: {self.verdict}, decided after {self.decided_after} of {n} questions"

    def __str__(self) -> str:
        return "\n".join([self.headline, *(one.sentence for one in self.gates.values()), *self.left_out.of_two])

    def to_json(self) -> dict[str, Json]:
        return {
            "sequential": True,
            "verdict": self.verdict,
            "decided_after": self.decided_after,
            **pair_to_json(self.baseline, self.candidate, self.left_out),
            "level": self.level,
            "metrics": {name: gate.to_json() for name, gate in self.gates.items()},
            "lost_most": {one.metric: one.to_json() for one in self.lost},
        }


@dataclass(frozen=True, slots=True)
class SequentialComparison:
    """The comparison of one metric. `difference` is candidate - baseline (the reverse where lower is better), with a
    confidence sequence for this metric alone after all `questions`. `p_value` is two-sided, at every number of
    questions; `p_adjusted` is Holm's adjustment over the metrics compared.

    The verdict is better or worse if `p_adjusted` is at most 1 - level, shown `decided_after` so many questions.
    """

    pairs: Pairs
    questions: int
    verdict: ComparisonVerdict
    decided_after: int | None
    difference: Interval
    p_value: float
    p_adjusted: float

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        name, d = self.pairs.metric, self.difference
        mark = f" ({UNCORRECTED})" if self.pairs.judged else ""
        if self.verdict == "cannot be told apart":
            by = f"{signed(d.point)} [{signed(d.low)}, {signed(d.high)}]"
            return f"{name} cannot be told apart after {self.questions} questions: {by}{mark}"
        sign = 1.0 if self.verdict == "better" else -1.0
        low, high = sorted((sign * d.low, sign * d.high))
        by = f"{sign * d.point:.3f} [{low:.3f}, {high:.3f}]"
        shown = f"shown after {self.decided_after} of {self.questions} questions"
        return f"candidate is {self.verdict} on {name} by {by}, {shown}{mark}"

    def to_json(self) -> dict[str, Json]:
        return {
            **self.pairs.to_json(),
            "verdict": self.verdict,
            "decided_after": self.decided_after,
            "questions": self.questions,
            "difference": interval_to_json(self.difference),
            "p_value": self.p_value,
            "p_adjusted": self.p_adjusted,
            "sentence": self.sentence,
        }


@dataclass(frozen=True, slots=True)
class SequentialCompareResult:
    """Comparisons by metric, in the candidate's order. `refused` maps each metric that is not compared to the reason.
    Printed, it is a sentence per metric.
    """

    baseline: RunScores
    candidate: RunScores
    level: float
    comparisons: Mapping[str, SequentialComparison]
    refused: Mapping[str, str]
    left_out: LeftOut = LeftOut()

    def __str__(self) -> str:
        sentences = [one.sentence for one in self.comparisons.values()]
        return "\n".join([*sentences, *self.refused.values(), *self.left_out.of_two])

    def to_json(self) -> dict[str, Json]:
        return {
            "sequential": True,
            **pair_to_json(self.baseline, self.candidate, self.left_out),
            "level": self.level,
            "metrics": {name: comparison.to_json() for name, comparison in self.comparisons.items()},
            "not_compared": {**self.refused},
        }


def gate_sequentially(
    baseline: RunScores | str | Path,
    candidate: RunScores | str | Path,
    margins: Mapping[str, float],
    *,
    level: float = 0.95,
    cluster_by: ClusterBy | None = None,
    other_corpus: bool = False,
) -> SequentialGate:
    """Gate a candidate by evidence that may be read after every question; arguments and errors as `gate`.

    The chance that a candidate worse by the margin or more on any metric ever passes is at most 1 - level, without
    correction, since all metrics must pass (an intersection-union test); the chance of ever failing one that is worse
    by more on none is at most 1 - level over all metrics (Bonferroni).
    """
    asked = check_margins(margins, level)
    sides = read_comparable(baseline, candidate, other_corpus=other_corpus)
    a, b = sides.baseline, sides.candidate
    groups = _groups(a, cluster_by)
    order, alpha = reading_order(b, groups), 1.0 - level
    gates = {
        name: _metric_gate(pair_for_margin(a, b, name, cluster_by).by_scores, order, groups, margin, alpha, len(asked))
        for name, margin in asked.items()
    }
    verdict, after = _overall([*gates.values()])
    lost = lost_most([one.pairs for one in gates.values() if one.verdict == "fail"], a, b)
    return SequentialGate(a, b, level, verdict, after, gates, sides.left_out, lost)


def compare_sequentially(
    baseline: RunScores | str | Path,
    candidate: RunScores | str | Path,
    metrics: Sequence[str] | None = None,
    *,
    level: float = 0.95,
    cluster_by: ClusterBy | None = None,
    other_corpus: bool = False,
) -> SequentialCompareResult:
    """Compare two runs by evidence that may be read after every question; arguments and errors as `compare`.

    The chance of ever calling the candidate better or worse on any metric where it is neither is at most 1 - level.
    """
    if not 0.0 < level < 1.0:
        raise DeclarationError(f"compare: found level {level:g}, expected a number between 0 and 1")
    sides = read_comparable(baseline, candidate, other_corpus=other_corpus)
    a, b = sides.baseline, sides.candidate
    paired, refused = pair_asked(a, b, metrics, cluster_by)
    groups = _groups(a, cluster_by)
    order = reading_order(b, groups)
    read = {name: _Reading(pairs.by_scores, order, groups) for name, pairs in paired.items()}
    comparisons = _comparisons(read, len(order), 1.0 - level)
    return SequentialCompareResult(a, b, level, comparisons, refused, sides.left_out)


def _groups(run: RunScores, cluster_by: ClusterBy | None) -> dict[str, int] | None:
    """Numbers the questions so that those which share a document, also through others, have the same; None where they
    count as independent.
    """
    clusters = find_sharing(run.documents, run.questions, cluster_by).clusters
    if clusters is None:
        return None
    groups = make_clustering(clusters, len(clusters)).groups.tolist()
    if len({*groups}) == 1:
        raise DeclarationError(_one_group("the benchmark", len(groups)))
    return dict(zip(run.questions, groups, strict=True))


def _one_group(what: str, questions: int) -> str:
    return (
        f"--sequential: found that all {questions} questions of {what} hang together through documents, expected "
        "two or more groups to read one after another: take them for independent with --cluster-by none, or read once"
    )


def reading_order(run: RunScores, groups: Mapping[str, int] | None = None) -> dict[str, int]:
    """The place of each question of the run in the order of reading, from 1: by the SHA-256 of the run's seed and id.

    The questions of a group stand together, groups in the order of that digest of their first id.
    """
    seed = int(run.settings.get("seed", "0"))
    firsts: dict[int, str] = {}
    if groups is not None:
        for question in sorted(run.questions):
            firsts.setdefault(groups[question], question)

    def place(question: str) -> tuple[bytes, bytes]:
        return draw(seed, firsts[groups[question]] if groups is not None else question), draw(seed, question)

    return {question: number for number, question in enumerate(sorted(run.questions, key=place), 1)}


class _Reading:
    """The differences of a metric in the order of reading; `places` are those of its questions among all."""

    def __init__(self, pairs: Pairs, order: Mapping[str, int], groups: Mapping[str, int] | None) -> None:
        self.pairs = pairs
        rows = sorted(range(pairs.n), key=lambda row: order[pairs.ids[row]])
        self.places = np.array([order[pairs.ids[row]] for row in rows])
        differences = pairs.differences
        clusters = None if groups is None or pairs.n == 1 else [groups[pairs.ids[row]] for row in rows]
        if clusters is not None and len({*clusters}) == 1:
            raise DeclarationError(_one_group(pairs.metric, pairs.n))
        self.mean: SequentialMean = sequential_mean([differences[row] for row in rows], clusters=clusters)

    def after(self, evidence: Floats, alpha: float) -> int | None:
        """After how many of all questions the evidence was enough; None if it never was."""
        reached = reached_after(evidence, alpha)
        return None if reached is None else int(self.places[reached - 1])

    def interval(self, below: float, above: float) -> Interval:
        """The mean with both bounds, which err with probability `below` and `above`."""
        mean, pairs = self.mean, self.pairs
        method = METHOD + ("" if pairs.clusters is None else ", clustered")
        point = sum(pairs.differences) / pairs.n
        return Interval(point, mean.low(below), mean.high(above), 1.0 - below - above, method, pairs.n)


def _metric_gate(
    pairs: Pairs,
    order: Mapping[str, int],
    groups: Mapping[str, int] | None,
    margin: float,
    alpha: float,
    metrics: int,
) -> SequentialMetricGate:
    read = _Reading(pairs, order, groups)
    above, below = read.mean.above(-margin), read.mean.below(-margin)
    passed, failed = read.after(above, alpha), read.after(below, alpha / metrics)
    verdict: GateVerdict = "inconclusive"
    if passed is not None and (failed is None or passed <= failed):
        verdict, after = "pass", passed
    elif failed is not None:
        verdict, after = "fail", failed
    else:
        after = None
    p_fail = math.exp(-below[-1])
    return SequentialMetricGate(
        pairs,
        margin,
        metrics,
        len(order),
        verdict,
        after,
        read.interval(alpha, alpha / metrics),
        math.exp(-above[-1]),
        p_fail,
        min(1.0, metrics * p_fail),
    )


def _overall(gates: Sequence[SequentialMetricGate]) -> tuple[GateVerdict, int | None]:
    """The verdict over all metrics, and after how many questions it was reached."""
    passed = [one.decided_after or 0 for one in gates if one.verdict == "pass"]
    failed = [one.decided_after or 0 for one in gates if one.verdict == "fail"]
    if failed:
        return "fail", min(failed)
    return ("pass", max(passed)) if len(passed) == len(gates) else ("inconclusive", None)


def _comparisons(read: Mapping[str, _Reading], questions: int, alpha: float) -> dict[str, SequentialComparison]:
    """All metrics, with Holm over them after every question: p-values only fall, so what it rejects stays rejected."""
    better = {name: one.mean.above(0.0) for name, one in read.items()}
    worse = {name: one.mean.below(0.0) for name, one in read.items()}

    def adjusted(after: int) -> Floats:
        """After so many of all questions, by metric."""
        return holm(
            [
                _two_sided(better[name], worse[name], int(np.searchsorted(one.places, after, side="right")))
                for name, one in read.items()
            ]
        )

    last = adjusted(questions)
    found: dict[str, SequentialComparison] = {}
    for row, (name, one) in enumerate(read.items()):
        verdict: ComparisonVerdict = "cannot be told apart"
        after = None
        if last[row] <= alpha:
            enough = bisect.bisect_left(range(questions), True, key=lambda n: bool(adjusted(n)[row] <= alpha))
            after, seen = enough, int(np.searchsorted(one.places, enough, side="right"))
            verdict = "better" if better[name][seen - 1] >= worse[name][seen - 1] else "worse"
        found[name] = SequentialComparison(
            one.pairs,
            questions,
            verdict,
            after,
            one.interval(alpha / 2.0, alpha / 2.0),
            _two_sided(better[name], worse[name], one.pairs.n),
            float(last[row]),
        )
    return found


def _two_sided(better: Floats, worse: Floats, seen: int) -> float:
    """The p-value of no difference after that many of the metric's own questions."""
    return 1.0 if seen == 0 else min(1.0, 2.0 * math.exp(-max(better[seen - 1], worse[seen - 1])))
