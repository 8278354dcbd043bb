"""Estimates and differences by slice: in each language, with each tag, at each value of a field of the metadata.

Slices invite fishing: among eight of them one often looks bad by chance. So the intervals of a metric's slices hold
together, and one test says whether the difference depends on the slice at all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from rageval.decide.diagnosis import causes
from rageval.errors import DeclarationError
from rageval.scores.estimates import estimate_of, interval_to_json, metric_to_json
from rageval.scores.pairs import Pairs
from rageval.scores.run_scores import MetricScores, RunScores, SliceValues
from rageval.scores.slices import CAUSE, slice_members, slice_values
from rageval.stats import Interval, holm
from rageval.stats.slices import FEW, slice_intervals, slices_differ
from rageval.types import Estimate, Json

LEVEL = 0.95

SliceVerdict: TypeAlias = Literal["better", "worse", "cannot be told apart"]

FOUND_IN_RUN: dict[str, Callable[[Path], Mapping[str, str]]] = {CAUSE: causes}
"""Fields that are no part of the questions, but are worked out from the folder of a run: from its path to the value of
each question, by question id. Such slices are chosen by that run's own results.
"""


@dataclass(frozen=True, slots=True)
class SliceDifference:
    """One slice of a comparison: `n` questions scored in both runs, both means, and candidate - baseline (the reverse
    where lower is better). The intervals of all slices of the metric hold together. `verdict` is better or worse if
    this interval excludes 0.
    """

    name: str
    n: int
    baseline: float
    candidate: float
    difference: Interval

    @property
    def verdict(self) -> SliceVerdict:
        if self.difference.low > 0.0:
            return "better"
        return "worse" if self.difference.high < 0.0 else "cannot be told apart"

    @property
    def few(self) -> bool:
        """Whether the slice is too small for the test of interaction."""
        return self.n < FEW

    def to_json(self) -> dict[str, Json]:
        return {
            "slice": self.name,
            "n": self.n,
            "few": self.few,
            "baseline": self.baseline,
            "candidate": self.candidate,
            "difference": interval_to_json(self.difference),
            "verdict": self.verdict,
        }


@dataclass(frozen=True, slots=True)
class Interaction:
    """A test of whether the difference depends on the slice: its p-value, and Holm's adjustment of it over the metrics.

    `slices` were tested: those of ten questions or more. Where questions are in several slices, each slice is tested
    against the questions outside it, and `p_value` is the smallest of these, adjusted by Holm over the slices.
    """

    p_value: float
    p_adjusted: float
    test: str
    slices: tuple[str, ...]

    def to_json(self) -> dict[str, Json]:
        return {
            "p_value": self.p_value,
            "p_adjusted": self.p_adjusted,
            "test": self.test,
            "slices": [*self.slices],
        }


@dataclass(frozen=True, slots=True)
class SlicedMetric:
    """A metric's differences over the slices of the field `by`, whose intervals hold together at `level`. Slices
    `overlap` where a question is in several.

    `interaction` is None where `untested` says why there is no test.
    """

    metric: str
    by: str
    level: float
    slices: tuple[SliceDifference, ...]
    overlap: bool
    interaction: Interaction | None
    untested: str = ""

    @property
    def sentence(self) -> str:
        """Whether the difference depends on the slice, in words."""
        if self.interaction is None:
            return f"{self.metric} by {self.by}: not tested whether the difference depends on it: {self.untested}"
        p = self.interaction.p_adjusted
        if p <= 1.0 - self.level:
            return f"{self.metric} by {self.by}: the difference depends on it (adjusted p {p:.4f})"
        return f"{self.metric} by {self.by}: not shown that the difference depends on it (adjusted p {p:.4f})"

    def to_json(self) -> dict[str, Json]:
        return {
            "metric": self.metric,
            "by": self.by,
            "level": self.level,
            "overlap": self.overlap,
            "slices": [one.to_json() for one in self.slices],
            "interaction": None if self.interaction is None else self.interaction.to_json(),
            "untested": self.untested or None,
        }


@dataclass(frozen=True, slots=True)
class SliceEstimate:
    """One run's mean on a metric over a slice, which has so many `questions`; None where none of them is scored. The
    intervals of all slices of the metric hold together. Labels of people are not used.
    """

    metric: str
    by: str
    name: str
    label: str
    path: Path
    questions: int
    estimate: Estimate | None

    @property
    def few(self) -> bool:
        """Whether the scored questions are too few to say much."""
        return self.estimate is not None and self.estimate.n < FEW

    def to_json(self) -> dict[str, Json]:
        return {
            "metric": self.metric,
            "by": self.by,
            "slice": self.name,
            "pipeline": self.label,
            "path": str(self.path),
            "questions": self.questions,
            "few": self.few,
            **metric_to_json(self.estimate, self.questions),
        }


def fields_of(by: str | Sequence[str]) -> tuple[str, ...]:
    """The fields to slice by, each once."""
    return tuple(dict.fromkeys([by] if isinstance(by, str) else by))


def values_of(run: RunScores, field: str) -> SliceValues:
    """The slices of that field that each question of the run is in.

    Raises DeclarationError for an unknown field, and for one worked out from a run folder where the run is a baseline.
    """
    if field not in FOUND_IN_RUN:
        return slice_values({**run.slices, **{name: {} for name in FOUND_IN_RUN}}, field)
    path = Path(run.source)
    if not path.is_dir():
        raise DeclarationError(f"slices by {field}: found the baseline {run.source}, expected a run folder")
    return {question: (value,) for question, value in FOUND_IN_RUN[field](path).items()}


def slice_pairs(paired: Mapping[str, Pairs], run: RunScores, by: Sequence[str], level: float) -> list[SlicedMetric]:
    """The differences of paired metrics by slice: those fields of the run's questions, every metric of each.

    Raises DeclarationError as `values_of`, and for a field with too many values.
    """
    found: list[SlicedMetric] = []
    for field in by:
        values = values_of(run, field)
        members = slice_members(values, run.digests, field)
        overlap = any(len(values.get(question, ())) > 1 for question in run.digests)
        sliced = [_slice_metric(pairs, field, members, level, overlap=overlap) for pairs in paired.values()]
        found += _adjusted(sliced)
    return found


def slice_estimates(
    run: RunScores, metrics: Sequence[str], field: str, members: Mapping[str, Collection[str]], path: Path
) -> list[SliceEstimate]:
    """A run's means on these metrics over the slices, which are given by their questions."""
    found: list[SliceEstimate] = []
    for metric in metrics:
        parts = [run.metrics.get(metric, MetricScores({})).only(questions) for questions in members.values()]
        scored = [[*part.scores.values()] for part in parts]
        intervals = iter(_together([values for values in scored if values], LEVEL, (0.0, 1.0), None))
        found += [
            SliceEstimate(
                metric,
                field,
                name,
                run.label,
                path,
                len(questions),
                estimate_of(next(intervals), len(questions), len(part.failed)) if values else None,
            )
            for (name, questions), part, values in zip(members.items(), parts, scored, strict=True)
        ]
    return found


def _together(
    slices: Sequence[Sequence[float]],
    level: float,
    bounds: tuple[float, float],
    clusters: Sequence[Sequence[frozenset[int]]] | None,
) -> list[Interval]:
    if not slices:
        return []
    return slice_intervals(slices, level=level, bounds=bounds, clusters=clusters, rng=np.random.default_rng(0))


def _slice_metric(
    pairs: Pairs, field: str, members: Mapping[str, Collection[str]], level: float, *, overlap: bool
) -> SlicedMetric:
    places = {
        name: [place for place, question in enumerate(pairs.ids) if question in questions]
        for name, questions in members.items()
    }
    places = {name: found for name, found in places.items() if found}
    differences, clusters = pairs.differences, pairs.clusters
    intervals = _together(
        [[differences[place] for place in found] for found in places.values()],
        level,
        (-1.0, 1.0),
        None if clusters is None else [[clusters[place] for place in found] for found in places.values()],
    )
    slices = tuple(
        SliceDifference(
            name,
            len(found),
            sum(pairs.baseline[place] for place in found) / len(found),
            sum(pairs.candidate[place] for place in found) / len(found),
            interval,
        )
        for (name, found), interval in zip(places.items(), intervals, strict=True)
    )
    if field in FOUND_IN_RUN:
        tested = "the slices follow from the candidate's own results"
    else:
        tested = _test_each(pairs, places) if overlap else _test_all(pairs, places)
    if isinstance(tested, str):
        return SlicedMetric(pairs.metric, field, level, slices, overlap, None, tested)
    return SlicedMetric(pairs.metric, field, level, slices, overlap, tested)


def _test_all(pairs: Pairs, places: Mapping[str, Sequence[int]]) -> Interaction | str:
    """The test over slices that share no question, or why there is none."""
    large = {name: found for name, found in places.items() if len(found) >= FEW}
    if len(large) < 2:
        return _too_few(len(large))
    p, test = _differ(pairs, [*large.values()])
    return Interaction(p, p, test, tuple(large))


def _test_each(pairs: Pairs, places: Mapping[str, Sequence[int]]) -> Interaction | str:
    """The tests of each slice against the questions outside it, or why there is none."""
    p_values: dict[str, float] = {}
    name_of_test = ""
    for name, found in places.items():
        inside = set(found)
        outside = [place for place in range(pairs.n) if place not in inside]
        if min(len(found), len(outside)) >= FEW:
            p_values[name], name_of_test = _differ(pairs, [found, outside])
    if not p_values:
        return f"it takes a slice with {FEW} scored questions inside and outside it"
    p = float(holm([*p_values.values()]).min())
    return Interaction(p, p, f"{name_of_test}, each slice against the rest", tuple(p_values))


def _differ(pairs: Pairs, groups: Sequence[Sequence[int]]) -> tuple[float, str]:
    differences, clusters = pairs.differences, pairs.clusters
    return slices_differ(
        [[differences[place] for place in found] for found in groups],
        clusters=None if clusters is None else [[clusters[place] for place in found] for found in groups],
        rng=np.random.default_rng(0),
    )


def _too_few(slices: int) -> str:
    return f"it takes two slices of {FEW} scored questions or more, and there {'is 1' if slices else 'is none'}"


def _adjusted(sliced: Sequence[SlicedMetric]) -> list[SlicedMetric]:
    """With the p-values of the tests adjusted by Holm over the metrics."""
    adjusted = iter(holm([one.interaction.p_value for one in sliced if one.interaction is not None]).tolist())
    return [
        one
        if one.interaction is None
        else replace(one, interaction=replace(one.interaction, p_adjusted=float(next(adjusted))))
        for one in sliced
    ]
