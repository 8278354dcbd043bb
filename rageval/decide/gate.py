"""A gate: is a candidate worse than a baseline by more than an accepted margin?

This is a non-inferiority test per metric. A metric passes if the data show that the candidate is not worse by the
margin, and fails if they show that it is. Otherwise it is inconclusive, which is not a pass. Both tests are one-sided
(`rageval.stats.against_margin`).

The gate passes if every metric passes. To pass wrongly, it must pass the very metric that is worse by its margin, which
has probability 1 - level: an intersection-union test (Berger 1982, Technometrics 24) needs no adjustment for the number
of metrics. It fails if any metric fails, so there each metric is a chance to err: Holm's method adjusts these p-values,
and the upper bounds with them (`rageval.stats.holm_bounds`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rageval.decide.cost_gate import CostGate, CostTest, decide_cost, split_margins, tested_costs
from rageval.decide.label_need import LabelNeed, label_need
from rageval.decide.lost_most import LostMost, lost_most
from rageval.decide.slicing import FOUND_IN_RUN, SlicedMetric, fields_of, slice_pairs, values_of
from rageval.errors import DeclarationError
from rageval.metrics import parse
from rageval.scores.comparability import LeftOut, pair_to_json, read_comparable
from rageval.scores.estimates import interval_to_json
from rageval.scores.pair_labels import PairLabels
from rageval.scores.pairs import (
    Pairs,
    more,
    pair,
    pair_slice,
    percent,
    signed,
)
from rageval.scores.run_scores import RunScores
from rageval.scores.sharing import ClusterBy
from rageval.scores.slices import slice_members
from rageval.stats import Interval, MarginResult, against_margin, holm, holm_bounds, required_questions, smallest_margin
from rageval.stats.labelled import WHOLE
from rageval.types import Json

GateVerdict: TypeAlias = Literal["pass", "fail", "inconclusive"]

POWER = 0.8
_OF_SLICE = re.compile(r"(?P<metric>[^\[]+)\[(?P<field>[^=]+)=(?P<value>.*)\]")


@dataclass(frozen=True, slots=True)
class MetricGate:
    """One of the `metrics` of a gate. `difference` is candidate - baseline (the reverse where lower is better).

    The interval gives the verdict: pass if its lower end is above -margin, fail if its upper end is below -margin. Its
    lower end is this metric's own, at the gate's level. The upper ends of all metrics hold together at that level. So
    both ends of one interval hold at a lower `level`: 90% for a gate at 0.95. If one metric fails while another does
    not, its upper end is the number next to -margin, because Holm's method shows no more than that.

    `p_pass` is the p-value against "worse by the margin or more", `p_fail` the one against "not worse by more than the
    margin", adjusted over the metrics in `p_fail_adjusted`. `smallest_margin` is the minimum detectable effect: the
    smallest margin that an equally good candidate would pass with probability 0.8 over as many questions (or labels).
    It is None if no margin below 1 is enough. `more_questions` is how many more questions settle an inconclusive metric
    with probability 0.8, regardless of the other metrics, if its true difference is `if_difference`: the observed
    difference, or 0 if the observed one is too close to the margin. It is None if it cannot be computed. `label_need`
    likewise says which labels, where people's labels decide.
    """

    pairs: Pairs
    margin: float
    metrics: int
    verdict: GateVerdict
    difference: Interval
    p_pass: float
    p_fail: float
    p_fail_adjusted: float
    smallest_margin: float | None
    more_questions: int | None
    if_difference: float
    label_need: LabelNeed | None = None

    @property
    def more_labels(self) -> int | None:
        """How many more questions people would have to label, in both runs; None where it cannot be computed."""
        best = None if self.label_need is None else self.label_need.fewest
        return None if best is None else best.questions

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        name, margin, d = self.pairs.name, self.margin, self.difference
        mark = self.pairs.source
        together = "" if self.metrics == 1 else f"; upper end for all {self.metrics} metrics"
        by = f"{signed(d.point)} [{signed(d.low)}, {signed(d.high)}] ({percent(d.level)}{together})"
        if self.verdict == "pass":
            return f"{name} passes: not worse by {margin:g}, {by}{mark}"
        if self.verdict == "fail":
            return f"{name} fails: worse by more than {margin:g}, {by}{mark}"
        return f"{name} is inconclusive at margin {margin:g}, {by}: {self._what_would_settle_it()}{mark}"

    def _what_would_settle_it(self) -> str:
        if self.pairs.labels_lacking:
            return "a judge's opinion decides no gate where there are labels"
        if self.pairs.labels is not None and self.pairs.labels.n:
            return self._labels_that_would_settle_it(self.pairs.labels)
        if self.more_questions is None:
            return f"more questions than these {self.pairs.n} are needed"
        truth = (
            f"the difference were {signed(self.if_difference)}" if self.if_difference else "there were no difference"
        )
        return f"{more(self.more_questions)} would decide it if {truth}"

    def _labels_that_would_settle_it(self, labels: PairLabels) -> str:
        if labels.missing:
            return f"{labels.missing} of the labels are missing: give them"
        return "more labels are needed" if self.label_need is None else self.label_need.sentence

    def to_json(self) -> dict[str, Json]:
        return {
            **self.pairs.to_json(),
            "margin": self.margin,
            "verdict": self.verdict,
            "difference": interval_to_json(self.difference),
            "p_pass": self.p_pass,
            "p_fail": self.p_fail,
            "p_fail_adjusted": self.p_fail_adjusted,
            "smallest_margin": self.smallest_margin,
            "more_questions": self.more_questions,
            "if_difference": self.if_difference,
            "more_labels": self.more_labels,
            "label_need": None if self.label_need is None else self.label_need.to_json(),
            "sentence": self.sentence,
        }


@dataclass(frozen=True, slots=True)
class GateResult:
    """`verdict` is fail if any metric fails, pass if all pass, else inconclusive. `gates` are by metric, or metric and
    slice (`ndcg@10[language=zh]`), in the order of the margins.

    Both runs have only the questions that they share unchanged; `left_out` holds the others. `slices` has the
    differences by slice that were asked for; they are no part of the verdict. `lost` has the questions that lost most
    on each metric that fails. `costs` are the gates of cost and latency (`rageval.decide.cost_gate`). Printed, it is
    the verdict and a sentence per metric.
    """

    baseline: RunScores
    candidate: RunScores
    level: float
    verdict: GateVerdict
    gates: Mapping[str, MetricGate]
    left_out: LeftOut = LeftOut()
    slices: tuple[SlicedMetric, ...] = ()
    lost: tuple[LostMost, ...] = ()
    costs: Mapping[str, CostGate] = field(default_factory=dict[str, CostGate])

    @property
    def all_gates(self) -> dict[str, MetricGate | CostGate]:
        """Those of metrics, then those of cost and latency."""
        return {**self.gates, **self.costs}

    def __str__(self) -> str:
        sentences = [one.sentence for one in (*self.all_gates.values(), *self.slices)]
        return "\n".join([f"gate: {self.verdict}", *sentences, *self.left_out.of_two])

    def to_json(self) -> dict[str, Json]:
        return {
            "verdict": self.verdict,
            **pair_to_json(self.baseline, self.candidate, self.left_out),
            "level": self.level,
            "metrics": {name: gate.to_json() for name, gate in self.gates.items()},
            "costs": {name: gate.to_json() for name, gate in self.costs.items()},
            "slices": [one.to_json() for one in self.slices],
            "lost_most": {one.metric: one.to_json() for one in self.lost},
        }


def gate(
    baseline: RunScores | str | Path,
    candidate: RunScores | str | Path,
    margins: Mapping[str, float | str],
    *,
    level: float = 0.95,
    cluster_by: ClusterBy | None = None,
    by: str | Sequence[str] = (),
    other_corpus: bool = False,
) -> GateResult:
    """Gate a candidate. `margins` maps each metric to how much worse it may be, from 0 to below 1. A metric may be that
    of a slice of the candidate's questions: `ndcg@10[language=zh]`, `ndcg@10[tag=multi-hop]`. The names `cost` (of
    answering a question), `latency_p50` and `latency_p95` take `"+10%"`, or an amount: `"+0.002"`, `"+0.5s"`.

    Runs are folders, or baselines by file or name. There are two kinds of error: a wrong pass and a wrong fail. Each
    has a probability of at most 1 - level over all metrics together. Questions that share a relevant document are not
    taken for independent, unless `cluster_by="none"`. `by` names fields by whose slices the differences are reported
    too. `other_corpus` allows runs that searched different documents.

    Raises DeclarationError for unknown metrics and slices and numbers out of range, NotComparableError if results are
    missing or cannot be compared.
    """
    of_metrics, of_costs = split_margins(margins)
    asked = check_margins(of_metrics, level) if of_metrics or not of_costs else {}
    check_gate_level(level)
    sides = read_comparable(baseline, candidate, other_corpus=other_corpus)
    a, b = sides.baseline, sides.candidate
    paired = {name: pair_for_margin(a, b, name, cluster_by) for name in asked}
    tested = {name: _tested(pairs, asked[name]) for name, pairs in paired.items()}
    spent = tested_costs(a, b, of_costs, cluster_by)
    tests = [*tested.values(), *spent.values()]
    limits = np.array([*asked.values(), *(one.limit for one in spent.values())])
    fails = [float(p) for p in holm([result.p_fail for result in tests])]
    highs = -holm_bounds([one.p_fail for one in tests], limits, [_mirrored(one) for one in tests], 1.0 - level)
    intervals = _intervals(paired, tested, highs[: len(asked)], 1.0 - level)
    gates = {
        name: _metric_gate(pairs, asked[name], tested[name], interval, p_fail, level, len(tests))
        for (name, pairs), interval, p_fail in zip(paired.items(), intervals, fails, strict=False)
    }
    gates = {name: _with_label_need(one, a, b, level) for name, one in gates.items()}
    costs = {
        name: decide_cost(one, p_fail, float(high), level, len(tests))
        for (name, one), p_fail, high in zip(spent.items(), fails[len(asked) :], highs[len(asked) :], strict=True)
    }
    verdicts = {one.verdict for one in (*gates.values(), *costs.values())}
    overall: GateVerdict = "fail" if "fail" in verdicts else "pass" if verdicts == {"pass"} else "inconclusive"
    metrics = dict.fromkeys(pairs.metric for pairs in paired.values())
    whole = {name: pair(a, b, name, cluster_by) for name in metrics} if by else {}
    slices = slice_pairs(whole, b, fields_of(by), level)
    lost = lost_most([one.pairs for one in gates.values() if one.verdict == "fail"], a, b)
    return GateResult(a, b, level, overall, gates, sides.left_out, tuple(slices), lost, costs)


def _tested(pairs: Pairs, margin: float) -> MarginResult:
    """The test of the scores, or of the labels where people gave some. Where labels of one run alone are known, the
    judge's opinion decides nothing.
    """
    if pairs.labels is not None and pairs.labels.n:
        return pairs.labels.difference(unseen=WHOLE, level=0.9).against(margin)
    by_scores = against_margin(*pairs.gains, margin, clusters=pairs.clusters)
    if not pairs.labels_lacking:
        return by_scores
    nothing = np.empty(0)
    return MarginResult(1.0, 1.0, nothing, nothing)


def check_margins(margins: Mapping[str, float], level: float) -> dict[str, float]:
    """The margins by the metrics' own names. Raises DeclarationError as `gate`."""
    check_gate_level(level)
    if not margins:
        raise DeclarationError("gate: found no margin, expected one or more, such as ndcg@10=0.02")
    asked: dict[str, float] = {}
    for text, margin in margins.items():
        name = _normal(text)
        if name in asked:
            raise DeclarationError(f"gate: found two margins for {name}, expected one")
        if not 0.0 <= margin < 1.0:
            raise DeclarationError(f"gate: found margin {margin:g} for {name}, expected a number from 0 to below 1")
        asked[name] = margin
    return asked


def check_gate_level(level: float) -> None:
    """Raises DeclarationError for a level that no gate can have."""
    if not 0.5 < level < 1.0:
        raise DeclarationError(f"gate: found level {level:g}, expected a number between 0.5 and 1")


def _normal(text: str) -> str:
    """The metric's own name, with its slice where there is one."""
    found = _OF_SLICE.fullmatch(text)
    if found is None:
        return str(parse(text))
    return f"{parse(found['metric'])}[{found['field']}={found['value']}]"


def pair_for_margin(a: RunScores, b: RunScores, name: str, cluster_by: ClusterBy | None) -> Pairs:
    """The pairs of a metric, or of a metric on a slice of the candidate's questions."""
    found = _OF_SLICE.fullmatch(name)
    if found is None:
        return pair(a, b, name, cluster_by)
    metric, field, value = found["metric"], found["field"], found["value"]
    if field in FOUND_IN_RUN:
        raise DeclarationError(
            f"margin of {name}: found slices that follow from the candidate's own results, expected those of language, "
            "tag or metadata"
        )
    members = slice_members(values_of(b, field), b.digests, field)
    if value not in members:
        raise DeclarationError(
            f"margin of {name}: found no question with {field} {value!r}, expected one of {', '.join(members)}"
        )
    return pair_slice(a, b, metric, f"{field}={value}", members[value], cluster_by)


def _intervals(
    paired: Mapping[str, Pairs], tested: Mapping[str, MarginResult], highs: NDArray[np.float64], alpha: float
) -> list[Interval]:
    """The mean differences with each metric's own lower bound, and the upper bounds `highs` that agree with Holm."""
    lows = [one.low(alpha) for one in tested.values()]
    return [
        Interval(
            _point(pairs),
            float(low),
            float(high),
            1.0 - 2.0 * alpha,
            "dirichlet, one-sided" + ("" if pairs.clusters is None else ", clustered"),
            pairs.n,
        )
        for pairs, low, high in zip(paired.values(), lows, highs, strict=True)
    ]


def _point(pairs: Pairs) -> float:
    if pairs.labels is not None and pairs.labels.n:
        return pairs.labels.difference(unseen=WHOLE, level=0.9).point
    return sum(pairs.differences) / pairs.n


def _mirrored(tested: MarginResult | CostTest) -> Callable[[float], float]:
    """Upper bounds as lower ones: a fail is the pass of the mirror image."""
    return lambda alpha: -tested.high(alpha)


def _metric_gate(
    pairs: Pairs,
    margin: float,
    tested: MarginResult,
    difference: Interval,
    p_fail: float,
    level: float,
    tests: int,
) -> MetricGate:
    low, high = difference.low, difference.high
    verdict: GateVerdict = "pass" if low > -margin else "fail" if high < -margin else "inconclusive"
    to_fail = 1.0 - (1.0 - level) / tests  # Holm's strictest step: enough regardless of the other metrics
    needed, if_difference = None, difference.point
    by_labels = pairs.labels is not None and pairs.labels.n > 0
    if verdict == "inconclusive" and not by_labels:
        needed = _more_questions(pairs, if_difference, margin, level if if_difference > -margin else to_fail)
        if needed is None:
            if_difference = 0.0
            needed = _more_questions(pairs, if_difference, margin, level)
    return MetricGate(
        pairs,
        margin,
        tests,
        verdict,
        difference,
        tested.p_pass,
        tested.p_fail,
        p_fail,
        _smallest_margin(pairs, level),
        needed,
        if_difference,
    )


def _with_label_need(one: MetricGate, a: RunScores, b: RunScores, level: float) -> MetricGate:
    if one.verdict != "inconclusive":
        return one
    levels = level, 1.0 - (1.0 - level) / one.metrics
    return replace(one, label_need=label_need(a, b, one.pairs, one.difference.point, one.margin, levels))


def _more_questions(pairs: Pairs, difference: float, margin: float, level: float) -> int | None:
    if pairs.unit_sd is None:
        return None
    side = 1.0 if difference > -margin else -1.0  # a fail is the pass of the mirror image
    try:
        needed = required_questions(side * difference, pairs.unit_sd, margin=side * margin, level=level, power=POWER)
    except ValueError:  # more questions than any benchmark has
        return None
    needed = math.ceil(needed * pairs.questions_per_unit)
    return needed - pairs.n if needed > pairs.n else None


def _smallest_margin(pairs: Pairs, level: float) -> float | None:
    if pairs.labels is not None and pairs.labels.n:
        by_labels = smallest_margin(pairs.labels.sd, pairs.labels.n, level=level, power=POWER)
        return None if by_labels is None else pairs.labels.share * by_labels
    if pairs.unit_sd is None:
        return None
    units = max(2, int(pairs.n / pairs.questions_per_unit))
    return smallest_margin(pairs.unit_sd, units, level=level, power=POWER)
