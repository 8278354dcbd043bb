"""A gate: is a candidate worse than a baseline by more than one is willing to accept?

Non-inferiority, metric by metric: pass where it is shown that the candidate is not worse by the margin, fail where it
is shown that it is, else inconclusive, which is not a pass. Both tests are one-sided (`rageval.stats.against_margin`),
their p-values adjusted by Holm over the metrics.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from rageval.errors import DeclarationError
from rageval.metrics import parse
from rageval.scores.comparability import pair_to_json, read_comparable
from rageval.scores.estimates import interval_to_json
from rageval.scores.pairs import (
    UNCORRECTED,
    ClusterBy,
    Pairs,
    more,
    pair,
    signed,
)
from rageval.scores.run_scores import RunScores
from rageval.stats import Interval, MarginResult, against_margin, gate_power, holm, mean_interval, required_questions
from rageval.types import Json

GateVerdict: TypeAlias = Literal["pass", "fail", "inconclusive"]

POWER = 0.8


@dataclass(frozen=True, slots=True)
class MetricGate:
    """One metric. `difference` is candidate - baseline (the reverse where lower is better) with the interval whose ends
    are one-sided bounds at the gate's level (90% for 0.95); it is for reading, the verdict rests on the adjusted
    p-values.

    `p_pass` speaks against "worse by the margin or more", `p_fail` against "not worse by more than the margin".
    `smallest_margin` is the minimum detectable effect: the least margin that an equally good candidate would pass with
    probability 0.8 over as many questions; None where no margin below 1 would do. `more_questions` is how many more
    settle an inconclusive metric with probability 0.8, whatever the other metrics do, if its true difference is
    `if_difference`: the one observed, or 0 where that lies too near to the margin. None where it cannot be said.
    """

    pairs: Pairs
    margin: float
    verdict: GateVerdict
    difference: Interval
    p_pass: float
    p_fail: float
    p_pass_adjusted: float
    p_fail_adjusted: float
    smallest_margin: float | None
    more_questions: int | None
    if_difference: float

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        name, margin, d = self.pairs.metric, self.margin, self.difference
        mark = f" ({UNCORRECTED})" if self.pairs.judged else ""
        by = f"{signed(d.point)} [{signed(d.low)}, {signed(d.high)}]"
        if self.verdict == "pass":
            return f"{name} passes: not worse by {margin:g}, {by}{mark}"
        if self.verdict == "fail":
            return f"{name} fails: worse by more than {margin:g}, {by}{mark}"
        return f"{name} is inconclusive at margin {margin:g}, {by}: {self._what_would_settle_it()}{mark}"

    def _what_would_settle_it(self) -> str:
        if self.more_questions is None:
            return f"more questions than these {self.pairs.n} are needed"
        where = f"at {signed(self.if_difference)}" if self.if_difference else "at no difference"
        return f"{more(self.more_questions)} would settle it, were the truth {where}"

    def to_json(self) -> dict[str, Json]:
        return {
            **self.pairs.to_json(),
            "margin": self.margin,
            "verdict": self.verdict,
            "difference": interval_to_json(self.difference),
            "p_pass": self.p_pass,
            "p_fail": self.p_fail,
            "p_pass_adjusted": self.p_pass_adjusted,
            "p_fail_adjusted": self.p_fail_adjusted,
            "smallest_margin": self.smallest_margin,
            "more_questions": self.more_questions,
            "if_difference": self.if_difference,
            "sentence": self.sentence,
        }


@dataclass(frozen=True, slots=True)
class GateResult:
    """`verdict` is fail if any metric fails, pass if all pass, else inconclusive. `gates` are by metric, in the order
    of the margins. Printed, it is the verdict and a sentence per metric.
    """

    baseline: RunScores
    candidate: RunScores
    level: float
    verdict: GateVerdict
    gates: Mapping[str, MetricGate]

    def __str__(self) -> str:
        return "\n".join([f"gate: {self.verdict}", *(gate.sentence for gate in self.gates.values())])

    def to_json(self) -> dict[str, Json]:
        return {
            "verdict": self.verdict,
            **pair_to_json(self.baseline, self.candidate),
            "level": self.level,
            "metrics": {name: gate.to_json() for name, gate in self.gates.items()},
        }


def gate(
    baseline: RunScores | str | Path,
    candidate: RunScores | str | Path,
    margins: Mapping[str, float],
    *,
    level: float = 0.95,
    cluster_by: ClusterBy | None = None,
) -> GateResult:
    """Gate a candidate: `margins` names the metrics and by how much each may be worse, from 0 to below 1.

    Runs are folders, or baselines by file or name. Each kind of error, a pass that should not be and a fail that should
    not be, has a probability of at most 1 - level over all metrics together. `cluster_by="document"` takes questions
    that share a relevant document for one piece of evidence.

    Raises DeclarationError for unknown metrics and numbers out of range, NotComparableError where results are missing
    or cannot be compared.
    """
    asked = _check(margins, level)
    a, b = read_comparable(baseline, candidate)
    paired = {name: pair(a, b, name, cluster_by) for name in asked}
    tested = {
        name: against_margin(*pairs.gains, asked[name], clusters=pairs.clusters) for name, pairs in paired.items()
    }
    passes = holm([result.p_pass for result in tested.values()])
    fails = holm([result.p_fail for result in tested.values()])
    gates = {
        name: _metric_gate(pairs, asked[name], tested[name], float(p_pass), float(p_fail), level, len(asked))
        for (name, pairs), p_pass, p_fail in zip(paired.items(), passes, fails, strict=True)
    }
    verdicts = {one.verdict for one in gates.values()}
    overall: GateVerdict = "fail" if "fail" in verdicts else "pass" if verdicts == {"pass"} else "inconclusive"
    return GateResult(a, b, level, overall, gates)


def _check(margins: Mapping[str, float], level: float) -> dict[str, float]:
    if not 0.5 < level < 1.0:
        raise DeclarationError(f"gate: found level {level:g}, expected a number between 0.5 and 1")
    if not margins:
        raise DeclarationError("gate: found no margin, expected one or more, such as ndcg@10=0.02")
    asked: dict[str, float] = {}
    for text, margin in margins.items():
        name = str(parse(text))
        if name in asked:
            raise DeclarationError(f"gate: found two margins for {name}, expected one")
        if not 0.0 <= margin < 1.0:
            raise DeclarationError(f"gate: found margin {margin:g} for {name}, expected a number from 0 to below 1")
        asked[name] = margin
    return asked


def _metric_gate(
    pairs: Pairs, margin: float, tested: MarginResult, p_pass: float, p_fail: float, level: float, tests: int
) -> MetricGate:
    alpha = 1.0 - level
    verdict: GateVerdict = "pass" if p_pass <= alpha else "fail" if p_fail <= alpha else "inconclusive"
    difference = mean_interval(
        pairs.differences, level=1.0 - 2.0 * alpha, method="dirichlet", clusters=pairs.clusters, bounds=(-1.0, 1.0)
    )
    each = 1.0 - alpha / tests  # Holm's hardest step: what is enough for it is enough whatever the other metrics do
    needed, if_difference = None, difference.point
    if verdict == "inconclusive":
        needed = _more_questions(pairs, if_difference, margin, each)
        if needed is None:
            if_difference = 0.0
            needed = _more_questions(pairs, if_difference, margin, each)
    return MetricGate(
        pairs,
        margin,
        verdict,
        difference,
        tested.p_pass,
        tested.p_fail,
        p_pass,
        p_fail,
        _smallest_margin(pairs, each),
        needed,
        if_difference,
    )


def _more_questions(pairs: Pairs, difference: float, margin: float, level: float) -> int | None:
    if pairs.sd is None:
        return None
    side = 1.0 if difference > -margin else -1.0  # a fail is the pass of the mirror image
    try:
        needed = required_questions(side * difference, pairs.sd, margin=side * margin, level=level, power=POWER)
    except ValueError:  # more than anybody has
        return None
    needed = math.ceil(needed * pairs.questions_per_independent)
    return needed - pairs.n if needed > pairs.n else None


def _smallest_margin(pairs: Pairs, level: float) -> float | None:
    if pairs.sd is None:
        return None
    sd, independent = pairs.sd, max(2, int(pairs.n / pairs.questions_per_independent))

    def power(margin: float) -> float:
        return gate_power(0.0, sd, independent, margin=margin, level=level)

    low, high = 0.0, 1.0
    if power(high) < POWER:
        return None
    for _ in range(30):
        middle = (low + high) / 2.0
        low, high = (low, middle) if power(middle) >= POWER else (middle, high)
    return high
