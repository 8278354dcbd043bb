"""Gates on money and time: may the candidate cost more, or take longer, than the baseline?

Cost: the mean over the questions that both answered, paired. Costs have no bound of their own, and of a quantity
without one no sample shows that its mean is small: a rare question may cost a thousand times as much. So the test takes
no question to cost more than the dearest answer of either run; one such question, which the baseline answers for
nothing, is added as not seen (`rageval.stats.against_margin`).

Latency: the quantiles of both runs by their order statistics, each bound at half of alpha
(`rageval.stats.order_statistics`), which hold for any distribution and however the runs depend on each other.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from rageval.decide.costs import QUANTILES, CostPairs, finite, latency_quantile, pair_costs
from rageval.errors import DeclarationError, NotComparableError
from rageval.scores.pairs import percent
from rageval.scores.run_scores import RunScores
from rageval.scores.sharing import ClusterBy
from rageval.scores.spending import read_spending
from rageval.scores.spent import Spending
from rageval.stats import MarginResult, against_margin, required_questions
from rageval.stats.clusters import make_clustering
from rageval.stats.order_statistics import Quantile, QuantileMargin
from rageval.types import Json

Verdict: TypeAlias = Literal["pass", "fail", "inconclusive"]

COST = "cost"
LATENCY = "latency_"
NAMES = (COST, *(LATENCY + name for name in QUANTILES))
_MARGIN = re.compile(r"\+?(?P<number>\d+(?:\.\d*)?|\.\d+)(?P<unit>%|s|ms)?")
_POWER = 0.8


@dataclass(frozen=True, slots=True)
class CostMargin:
    """By how much the candidate may be above the baseline: by a share of it (`relative`), or absolutely: in the
    currency of the prices per question, or in seconds.
    """

    name: str
    amount: float
    relative: bool

    @property
    def factor(self) -> float:
        return 1.0 + self.amount if self.relative else 1.0

    @property
    def allowed(self) -> float:
        return 0.0 if self.relative else self.amount

    def __str__(self) -> str:
        if self.relative:
            return f"+{100.0 * self.amount:g}%"
        return f"+{self.amount:g}" if self.name == COST else f"+{self.amount:g}s"


@dataclass(frozen=True, slots=True)
class CostGate:
    """One margin of cost or latency. `baseline` and `candidate` are means or quantiles; None without latencies.

    `low` and `high` bound candidate - baseline, or candidate / baseline for a relative margin: the upper end is this
    gate's own at the gate's level, the lower one holds with those of all metrics and margins together. None is an end
    that is not known. `why` says what keeps it from a verdict, and `more_questions` about how many more questions
    would show a pass with probability 0.8 (latency: if the distributions are those seen), None if that is not known.
    """

    margin: CostMargin
    verdict: Verdict
    baseline: float | None
    candidate: float | None
    low: float | None
    high: float | None
    n: int
    p_pass: float
    p_fail: float
    p_fail_adjusted: float
    level: float
    why: str = ""
    more_questions: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.margin.name

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        told = "; ".join([self._numbers(), *self.notes])
        if self.verdict == "pass":
            return f"{self.name} passes: not above the baseline by more than {self.margin}, {told}"
        if self.verdict == "fail":
            return f"{self.name} fails: above the baseline by more than {self.margin}, {told}"
        more = "" if self.more_questions is None else f"; about {self.more_questions} more questions would pass it"
        why = f": {self.why}" if self.why else ""
        return f"{self.name} is inconclusive at margin {self.margin}, {told}{why}{more}"

    def _numbers(self) -> str:
        if self.baseline is None or self.candidate is None:
            return "not measured"
        unit = "" if self.name == COST else " s"
        between = f"from {self.baseline:.4g}{unit} to {self.candidate:.4g}{unit}"
        if self.margin.relative:
            ends = f"[{_end(self.low, '-100%', 100.0)}, {_end(self.high, 'not known', 100.0)}]"
            change = f"{100.0 * (self.candidate / self.baseline - 1.0):+.3g}% " if self.baseline else ""
        else:
            ends = f"[{_end(self.low, 'not known')}, {_end(self.high, 'not known')}]{unit}"
            change = f"{self.candidate - self.baseline:+.4g} "
        return f"{between}, {change}{ends} ({percent(self.level)})"

    def to_json(self) -> dict[str, Json]:
        return {
            "margin": str(self.margin),
            "verdict": self.verdict,
            "baseline": self.baseline,
            "candidate": self.candidate,
            "relative": self.margin.relative,
            "low": self.low,
            "high": self.high,
            "level": self.level,
            "n": self.n,
            "p_pass": self.p_pass,
            "p_fail": self.p_fail,
            "p_fail_adjusted": self.p_fail_adjusted,
            "more_questions": self.more_questions,
            "why": self.why or None,
            "notes": [*self.notes],
            "sentence": self.sentence,
        }


@dataclass(frozen=True, slots=True)
class CostTest:
    """What a margin of cost or latency is decided by: `result` in units of `scale`, about the margin `limit`."""

    margin: CostMargin
    result: MarginResult | QuantileMargin
    limit: float
    scale: float
    baseline: float | None
    candidate: float | None
    n: int
    pairs: CostPairs | None
    notes: tuple[str, ...]
    why: str = ""

    @property
    def p_pass(self) -> float:
        return self.result.p_pass

    @property
    def p_fail(self) -> float:
        return self.result.p_fail

    def low(self, alpha: float) -> float:
        return self.result.low(alpha)

    def high(self, alpha: float) -> float:
        return self.result.high(alpha)


def split_margins(margins: Mapping[str, float | str]) -> tuple[dict[str, float], dict[str, CostMargin]]:
    """The margins of metrics, and those of cost and latency. Raises DeclarationError for an amount that is none."""
    metrics: dict[str, float] = {}
    costs: dict[str, CostMargin] = {}
    for name, given in margins.items():
        if name in NAMES:
            costs[name] = _cost_margin(name, given)
        elif isinstance(given, str):
            raise DeclarationError(f"gate: found margin {given!r} for {name}, expected a number from 0 to below 1")
        else:
            metrics[name] = given
    return metrics, costs


def refuse_cost_margins(margins: Mapping[str, float | str]) -> dict[str, float]:
    """The margins, all of metrics. Raises DeclarationError for one of cost or latency."""
    metrics, costs = split_margins(margins)
    if costs:
        raise DeclarationError(
            f"gate: found a margin of {next(iter(costs))} in a sequential gate, expected metrics alone: costs and "
            "latencies are read at one number of questions"
        )
    return metrics


def tested_costs(
    a: RunScores, b: RunScores, margins: Mapping[str, CostMargin], cluster_by: ClusterBy | None
) -> dict[str, CostTest]:
    """The tests of these margins. Raises NotComparableError where costs of a run are not known, or latencies were not
    measured.
    """
    if not margins:
        return {}
    before, after = read_spending(a), read_spending(b)
    return {
        name: _test_cost(a, before, after, margin, cluster_by)
        if name == COST
        else _test_latency(a, b, before, after, margin, cluster_by)
        for name, margin in margins.items()
    }


def decide_cost(test: CostTest, p_fail_adjusted: float, high: float, level: float, tests: int) -> CostGate:
    """The verdict. `high` is the upper bound by Holm of how far the candidate stays below the margin."""
    alpha = 1.0 - level
    low = test.low(alpha)
    verdict: Verdict = "pass" if low > -test.limit else "fail" if high < -test.limit else "inconclusive"
    above, below = (_excess(test, bound) for bound in (low, high))
    if isinstance(test.result, QuantileMargin):
        below, above = _latency_ends(test.margin, test.result, alpha / tests, alpha)
    why, more = test.why, None
    if verdict == "inconclusive" and not why:
        why, more = _why_not(test, level)
    return CostGate(
        test.margin,
        verdict,
        test.baseline,
        test.candidate,
        below,
        above,
        test.n,
        test.p_pass,
        test.p_fail,
        p_fail_adjusted,
        1.0 - 2.0 * alpha,
        why,
        more,
        test.notes,
    )


def _cost_margin(name: str, given: float | str) -> CostMargin:
    expected = "+10% or +0.002" if name == COST else "+20% or +0.5s"
    found = _MARGIN.fullmatch(given.strip() if isinstance(given, str) else f"{given:f}" if given >= 0 else "")
    if found is None or (name == COST and found["unit"] in ("s", "ms")):
        raise DeclarationError(f"gate: found margin {given!r} for {name}, expected one from 0, such as {expected}")
    amount = float(given) if not isinstance(given, str) else float(found["number"])
    amount *= {"%": 0.01, "ms": 0.001}.get(found["unit"] or "", 1.0)
    return CostMargin(name, amount, found["unit"] == "%")


def _test_cost(
    a: RunScores, before: Spending, after: Spending, margin: CostMargin, cluster_by: ClusterBy | None
) -> CostTest:
    pairs, unknown = pair_costs(before, after, a.documents, cluster_by)
    if pairs is None:
        raise NotComparableError(f"margin of cost: found costs that are not known ({unknown}), expected those of both")
    scale = margin.factor * pairs.most or 1.0
    limit = min(margin.allowed / scale, 1.0 - 1e-9)
    kept = [max(0.0, 1.0 - margin.factor * cost / scale) for cost in pairs.baseline]
    spent = [1.0 - cost / scale for cost in pairs.candidate]
    result = against_margin(kept, spent, limit, clusters=pairs.clusters)
    return CostTest(margin, result, limit, scale, *pairs.means, pairs.n, pairs, _notes(before, after, pairs))


def _test_latency(
    a: RunScores, b: RunScores, before: Spending, after: Spending, margin: CostMargin, cluster_by: ClusterBy | None
) -> CostTest:
    for run, one in ((a, before), (b, after)):
        if one.untimed:
            raise NotComparableError(f"margin of {margin.name}: {run.source}: {one.untimed}")
    p = QUANTILES[margin.name.removeprefix(LATENCY)]
    found = [latency_quantile(one, p, a.documents, cluster_by) for one in (before, after)]
    notes = _notes(before, after, None)
    if found[0] is None or found[1] is None:
        side, one = ("baseline", before) if found[0] is None else ("candidate", after)
        empty = MarginResult(1.0, 1.0, np.empty(0), np.empty(0))
        why = f"no latency of the {side} is left ({len(one.cached)} answers from the cache, {len(one.failed)} failed)"
        return CostTest(margin, empty, 0.0, 1.0, None, None, 0, None, notes, why)
    result = QuantileMargin(found[0], found[1], margin.factor, margin.allowed)
    n = min(len(before.latencies), len(after.latencies))
    return CostTest(margin, result, 0.0, 1.0, found[0].point, found[1].point, n, None, notes)


def _notes(before: Spending, after: Spending, pairs: CostPairs | None) -> tuple[str, ...]:
    """What else a reader has to know: failures, answers from the cache, other machines, embeddings."""
    notes: list[str] = []
    sides = (("baseline", before), ("candidate", after))
    failed = [f"{len(one.failed)} of the {name}" for name, one in sides if one.failed]
    if pairs is not None:
        if failed:
            notes.append(f"failed questions are left out, what was spent on them is not kept: {', '.join(failed)}")
        if embedders := dict.fromkeys(one.embedder for _, one in sides if one.embedder):
            notes.append(f"without embeddings by {', '.join(embedders)}")
        if pairs.sharing:
            notes.append(pairs.sharing.rstrip("."))
        return tuple(notes)
    if failed:
        notes.append(f"failed questions may have taken any time: {', '.join(failed)}")
    if cached := [f"{len(one.cached)} of the {name}" for name, one in sides if one.cached]:
        notes.append(f"answers from the cache are left out: {', '.join(cached)}")
    if before.machine and after.machine and before.machine != after.machine:
        notes.append(f"measured on other machines: {before.machine} (baseline), {after.machine} (candidate)")
    return tuple(notes)


def _excess(test: CostTest, bound: float) -> float | None:
    """A bound of candidate - baseline, or of their ratio, less 1, from one of how far the candidate stays below."""
    if test.baseline is None or not math.isfinite(bound):
        return None
    excess = -bound * test.scale
    if not test.margin.relative:
        return excess
    return None if not test.baseline else test.margin.factor + excess / test.baseline - 1.0


def _latency_ends(
    margin: CostMargin, result: QuantileMargin, alpha_low: float, alpha_high: float
) -> tuple[float | None, float | None]:
    """Bounds of the difference of quantiles, or of their ratio, less 1: lower and upper, each at its own level."""
    if not margin.relative:
        return finite(result.difference(alpha_low)[0]), finite(result.difference(alpha_high)[1])
    a, b = result.baseline, result.candidate
    return (
        _ratio(b.low(alpha_low / 2.0), a.high(alpha_low / 2.0)),
        _ratio(b.high(alpha_high / 2.0), a.low(alpha_high / 2.0)),
    )


def _ratio(above: float, below: float) -> float | None:
    return None if not below or not math.isfinite(above) or not math.isfinite(below) else above / below - 1.0


def _why_not(test: CostTest, level: float) -> tuple[str, int | None]:
    if isinstance(test.result, QuantileMargin):
        needed = test.result.questions_needed(1.0 - level)
        lacking = _unbounded(test.result.candidate, test.result.baseline, (1.0 - level) / 2.0)
        why = f"{test.n} answers are too few to bound it" if lacking else "the intervals are too wide"
        return why, None if needed is None or needed <= test.n else needed - test.n
    return "the interval is too wide", _more_paired(test, level)


def _unbounded(candidate: Quantile, baseline: Quantile, alpha: float) -> bool:
    return not math.isfinite(candidate.high(alpha)) or not baseline.low(alpha)


def _more_paired(test: CostTest, level: float) -> int | None:
    """How many more questions would pass if the mean difference is the one seen; None where it would not."""
    pairs = test.pairs
    if pairs is None or pairs.n < 2:
        return None
    gains = (test.margin.factor * np.array(pairs.baseline) - np.array(pairs.candidate)) / test.scale
    gain, sd, in_unit = float(gains.mean()), float(np.std(gains, ddof=1)), 1.0
    if pairs.clusters is not None:
        clustering = make_clustering(pairs.clusters, pairs.n)
        effect = clustering.design_effect(gains - gain)
        in_unit = max(effect, clustering.unseen_size)
        sd *= (effect / in_unit) ** 0.5
    try:
        needed = math.ceil(in_unit * required_questions(gain, sd, margin=test.limit, level=level, power=_POWER))
    except ValueError:
        return None
    return needed - pairs.n if needed > pairs.n else None


def _end(value: float | None, unknown: str, times: float = 1.0) -> str:
    if value is None:
        return unknown
    return f"{times * value:+.3g}%" if times == 100.0 else f"{value:+.4g}"
