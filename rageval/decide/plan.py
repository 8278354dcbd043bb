"""What an experiment needs to show a difference, or to pass a gate: questions, repeats, labels, calls, money."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rageval.decide.plan_costs import NO_PRICES, Cost, Measured, Prices, cost_of, measure
from rageval.decide.plan_labels import LabelPlan, plan_labels
from rageval.decide.spread import Spread, find_spreads
from rageval.errors import DeclarationError
from rageval.experiment.estimate import estimate_cost
from rageval.experiment.plan import Experiment
from rageval.metrics import Metric, parse
from rageval.scores.sharing import ClusterBy
from rageval.stats import minimum_detectable_effect, required_questions, sd_with_repeats, smallest_margin
from rageval.types import Json

LEVEL = 0.95
REPEATS = (1, 2, 3, 5)


@dataclass(frozen=True, slots=True)
class Aim:
    """What is to be shown, each with probability `power`: a `difference` by a comparison, that a candidate is not worse
    by the `margin` by a gate, or both. Each question is answered `repeats` times, and `within` is the share of the
    differences' variance that comes from asking the same question again (None: not known).

    For labels: `half_width` is that of a mean, `sample` a number of labels, `correlation` that of judge and people.
    Raises DeclarationError for an aim that is none.
    """

    difference: float | None = None
    margin: float | None = None
    power: float = 0.8
    repeats: int = 1
    within: float | None = None
    half_width: float = 0.05
    sample: int = 50
    correlation: float | None = None

    def __post_init__(self) -> None:
        if self.difference is None and self.margin is None:
            raise DeclarationError("plan: found nothing to show, expected --detect, --margin, or both")
        for name, value in (
            ("--detect", self.difference),
            ("--margin", self.margin),
            ("--power", self.power),
            ("--half-width", self.half_width),
        ):
            if value is not None and not 0.0 < value < 1.0:
                raise DeclarationError(f"{name}: found {value:g}, expected a number between 0 and 1")
        if self.within is not None and not 0.0 <= self.within <= 1.0:
            raise DeclarationError(f"--within: found {self.within:g}, expected a share from 0 to 1")
        if self.correlation is not None and not -1.0 <= self.correlation <= 1.0:
            raise DeclarationError(f"--judge-correlation: found {self.correlation:g}, expected a number from -1 to 1")
        for name, number in (("--repeats", self.repeats), ("--labels", self.sample)):
            if number < 1:
                raise DeclarationError(f"{name}: found {number}, expected 1 or more")
        if self.repeats > 1 and self.within is None:
            raise DeclarationError(
                f"--repeats: found {self.repeats} without --within, expected also the share of the differences' "
                "variance that comes from asking the same question again: only a run with repeats shows it"
            )

    def sd(self, spread: Spread, repeats: int | None = None) -> float:
        """The standard deviation of the differences with so many repeats, by default those of the aim."""
        return sd_with_repeats(spread.sd, self.within or 0.0, repeats or self.repeats)

    def unit_sd(self, spread: Spread, repeats: int | None = None) -> float:
        """The same of what counts as one question, where questions share documents."""
        return self.sd(spread, repeats) * (
            1.0 if spread.unit_sd is None or not spread.sd else spread.unit_sd / spread.sd
        )


@dataclass(frozen=True, slots=True)
class Needed:
    """The questions that have to be asked; None if more than ten million. `shows` is what the questions that there are
    show with the same probability: the smallest difference, or the smallest margin; None if nothing does.
    """

    questions: int | None
    shows: float | None

    def missing(self, have: int) -> int | None:
        return None if self.questions is None else max(0, self.questions - have)

    def to_json(self, have: int) -> dict[str, Json]:
        return {"questions": self.questions, "missing": self.missing(have), "shows": self.shows}


@dataclass(frozen=True, slots=True)
class MetricPlan:
    """What one metric needs if its differences have this spread: for the comparison, and for the gate.

    `repeats` holds the questions that the comparison needs (else the gate) by the number of repeats; it is empty unless
    the share within questions is known.
    """

    spread: Spread
    comparison: Needed | None
    gate: Needed | None
    repeats: tuple[tuple[int, int | None], ...]

    @property
    def questions(self) -> int | None:
        """The questions for all that is asked."""
        needed = [one.questions for one in (self.comparison, self.gate) if one is not None]
        known = [questions for questions in needed if questions is not None]
        return max(known) if len(known) == len(needed) else None

    def to_json(self, have: int) -> dict[str, Json]:
        return {
            "metric": str(self.spread.metric),
            "spread": self.spread.to_json(),
            "comparison": None if self.comparison is None else self.comparison.to_json(have),
            "gate": None if self.gate is None else self.gate.to_json(have),
            "repeats": [{"repeats": repeats, "questions": questions} for repeats, questions in self.repeats],
        }


@dataclass(frozen=True, slots=True)
class SizePlan:
    """The plan of an experiment that asks `asked` of `available` questions, for `metrics` compared together.

    `costs` are by number of questions, ascending: those asked, and those that plans need. `measured` is what the
    earlier runs took.
    """

    experiment: str
    benchmark: str
    asked: int
    available: int
    pipelines: tuple[str, ...]
    metrics: tuple[Metric, ...]
    aim: Aim
    plans: tuple[MetricPlan, ...]
    labels: tuple[LabelPlan, ...]
    costs: tuple[Cost, ...]
    measured: tuple[Measured, ...]
    prices: Prices

    def to_json(self) -> dict[str, Json]:
        aim = self.aim
        return {
            "experiment": self.experiment,
            "benchmark": self.benchmark,
            "questions": {"asked": self.asked, "available": self.available},
            "pipelines": [*self.pipelines],
            "detect": aim.difference,
            "margin": aim.margin,
            "power": aim.power,
            "level": LEVEL,
            "metrics_compared": len(self.metrics),
            "repeats": aim.repeats,
            "within": aim.within,
            "plans": [one.to_json(self.asked) for one in self.plans],
            "labels": {one.metric: one.to_json() for one in self.labels},
            "costs": [cost.to_json() for cost in self.costs],
            "measured": [
                one.to_json(cost.questions * cost.repeats, self.prices) for one in self.measured for cost in self.costs
            ],
        }


def plan_size(
    experiment: Experiment,
    aim: Aim,
    metrics: Sequence[str] | None = None,
    *,
    like: Sequence[str] = (),
    sd: float | None = None,
    correlation: float | None = None,
    cluster_by: ClusterBy | None = None,
    prices: Prices = NO_PRICES,
) -> SizePlan:
    """What the experiment needs to reach its aim. Asks no model.

    `metrics` are compared together: all of the experiment by default. `like`, `sd`, `correlation` and `cluster_by` say
    what is known of the spread (`find_spreads`).

    Raises DeclarationError for metrics that the experiment does not have and options that do not fit each other,
    NotComparableError for runs that are missing or cannot be compared.
    """
    chosen = _chosen(experiment, metrics)
    spreads = find_spreads(experiment, chosen, like, sd=sd, correlation=correlation, cluster_by=cluster_by)
    asked = len(experiment.questions)
    plans = tuple(_plan(spread, aim, asked, len(chosen)) for spread in spreads)
    estimates = estimate_cost(experiment)
    numbers = sorted({asked, *(one.questions for one in plans if one.questions is not None)})
    difference = aim.difference or aim.margin or aim.half_width
    labels = [
        plan_labels(
            one.spread,
            max(asked, one.questions or 0),
            half_width=aim.half_width,
            difference=difference,
            sample=aim.sample,
            correlation=aim.correlation,
        )
        for one in plans
        if one.spread.metric.kind == "judged" and one.spread.name != "worst case"
    ]
    measured = [found for found in map(measure, like) if found is not None]
    return SizePlan(
        experiment.name,
        experiment.benchmark.name,
        asked,
        len(experiment.benchmark.questions),
        tuple(pipeline.label for pipeline in experiment.pipelines),
        tuple(chosen),
        aim,
        plans,
        tuple(labels),
        tuple(cost_of(estimates, number, asked, prices, aim.repeats) for number in numbers),
        tuple(measured),
        prices,
    )


def _chosen(experiment: Experiment, metrics: Sequence[str] | None) -> list[Metric]:
    if metrics is None:
        return [*experiment.metrics]
    chosen = [*dict.fromkeys(map(parse, metrics))]
    for metric in chosen:
        if metric not in experiment.metrics:
            known = ", ".join(map(str, experiment.metrics))
            raise DeclarationError(f"--metric: found {metric}, expected one of the experiment: {known}")
    return chosen


def _plan(spread: Spread, aim: Aim, asked: int, tests: int) -> MetricPlan:
    comparison = gate = None
    if aim.difference is not None:
        comparison = Needed(
            _compared(aim.difference, spread, aim, tests, aim.repeats), _shown(spread, aim, asked, tests)
        )
    if aim.margin is not None:
        gate = Needed(
            _gated(aim.margin, spread, aim, aim.repeats),
            smallest_margin(aim.unit_sd(spread), _independent(asked, spread), level=LEVEL, power=aim.power),
        )
    repeats: list[tuple[int, int | None]] = []
    for number in REPEATS if aim.within is not None else ():
        if aim.difference is not None:
            repeats.append((number, _compared(aim.difference, spread, aim, tests, number)))
        elif aim.margin is not None:
            repeats.append((number, _gated(aim.margin, spread, aim, number)))
    return MetricPlan(spread, comparison, gate, tuple(repeats))


def _compared(difference: float, spread: Spread, aim: Aim, tests: int, repeats: int) -> int | None:
    try:
        independent = required_questions(
            difference,
            aim.unit_sd(spread, repeats),
            level=LEVEL,
            power=aim.power,
            tests=tests,
            skewness=spread.skewness,
            binary=spread.binary and repeats == 1,
        )
    except ValueError:  # more questions than any benchmark has
        return None
    return _questions(independent, spread)


def _gated(margin: float, spread: Spread, aim: Aim, repeats: int) -> int | None:
    """Each metric passes at a level of its own, however many there are."""
    try:
        independent = required_questions(0.0, aim.unit_sd(spread, repeats), margin=margin, level=LEVEL, power=aim.power)
    except ValueError:  # more questions than any benchmark has
        return None
    return _questions(independent, spread)


def _shown(spread: Spread, aim: Aim, asked: int, tests: int) -> float | None:
    try:
        return minimum_detectable_effect(
            aim.unit_sd(spread),
            _independent(asked, spread),
            level=LEVEL,
            power=aim.power,
            tests=tests,
            skewness=spread.skewness,
            binary=spread.binary and aim.repeats == 1,
        )
    except ValueError:  # not even a difference of 1
        return None


def _questions(independent: int, spread: Spread) -> int:
    return math.ceil(independent * spread.per_unit / spread.scored)


def _independent(asked: int, spread: Spread) -> int:
    return max(2, int(asked * spread.scored / spread.per_unit))
