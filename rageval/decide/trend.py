"""One pipeline over time: what each run scored, and what each step from one run to the next shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Literal, TypeAlias

from rageval.decide.comparison import BY_LABELS, ComparisonVerdict, compare_pairs
from rageval.decide.trend_changes import Change, find_changes
from rageval.decide.trend_runs import FoundRun, TimeFrom, choose_series, find_runs
from rageval.errors import DeclarationError
from rageval.io.run_folder import RunFolder
from rageval.metrics import parse
from rageval.scores.comparability import metric_conflicts
from rageval.scores.estimates import interval_to_json, metric_to_json, read_estimates
from rageval.scores.pairs import pair
from rageval.scores.reading import read_run_folder, unreadable_as_not_comparable
from rageval.scores.run_scores import RunScores
from rageval.scores.sharing import ClusterBy
from rageval.stats import Interval, holm
from rageval.stats.unpaired import unpaired_difference
from rageval.types import Estimate, Json

LEVEL = 0.95
FEWEST_SHARED = 0.5
"""A step is paired where this share of the questions of the run with fewer is in both runs, unchanged and scored."""

How: TypeAlias = Literal["paired", "unpaired"]


@dataclass(frozen=True, slots=True)
class TrendRun:
    """One run of a series. `made` is when it began, in UTC, from its manifest or its folder's name. `estimates` maps a
    metric to None if no question could be scored or the run lacks the metric.
    """

    path: Path
    label: str
    made: datetime
    made_from: TimeFrom
    questions: int
    failed: int
    estimates: Mapping[str, Estimate | None]


@dataclass(frozen=True, slots=True)
class StepDifference:
    """The difference of one metric between a run and the one before it; more than 0 is better.

    `how` is paired, question by question, or unpaired, as two independent means. The interval is for this difference
    alone, `p_adjusted` is Holm's adjustment over all differences of the trend. `verdict` is better or worse only if
    `p_adjusted` is at most 0.05 and the interval excludes 0. `questions` are those of the run before and of this one
    that the difference rests on; they are the same ones where it is paired.

    `judge_only` marks a judge's opinion that no people's labels correct, `by_labels` one that they do. `doubt` says why
    labels could not be used; it is empty if nothing is wrong.
    """

    metric: str
    how: How
    difference: Interval
    p_value: float
    p_adjusted: float
    test: str
    questions: tuple[int, int]
    judge_only: bool
    by_labels: bool
    doubt: str = ""

    @property
    def verdict(self) -> ComparisonVerdict:
        if self.p_adjusted <= 1.0 - LEVEL and self.difference.low > 0.0:
            return "better"
        if self.p_adjusted <= 1.0 - LEVEL and self.difference.high < 0.0:
            return "worse"
        return "cannot be told apart"

    def to_json(self) -> dict[str, Json]:
        return {
            "how": self.how,
            "difference": interval_to_json(self.difference),
            "p_value": self.p_value,
            "p_adjusted": self.p_adjusted,
            "test": self.test,
            "questions": [*self.questions],
            "judge_only": self.judge_only,
            "by_labels": self.by_labels,
            "doubt": self.doubt or None,
            "verdict": self.verdict,
        }


@dataclass(frozen=True, slots=True)
class Step:
    """From one run of a series to the next. `changes` are what else differs; `differences` are by metric, and
    `not_told` says why for each other metric that one of the two has.
    """

    changes: tuple[Change, ...]
    differences: Mapping[str, StepDifference]
    not_told: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Series:
    """The runs of one pipeline, oldest first. Step i leads from run i to run i + 1, so there is one fewer."""

    pipeline: str
    runs: tuple[TrendRun, ...]
    steps: tuple[Step, ...]

    def to_json(self) -> dict[str, Json]:
        before: list[Step | None] = [None, *self.steps]
        return {
            "pipeline": self.pipeline,
            "runs": [
                {
                    "path": str(run.path),
                    "label": run.label,
                    "made": run.made.isoformat(timespec="seconds"),
                    "made_from": run.made_from,
                    "questions": run.questions,
                    "failed": run.failed,
                    "metrics": {name: metric_to_json(mean, run.questions) for name, mean in run.estimates.items()},
                    "against_the_run_before": None if step is None else _step_to_json(step),
                }
                for run, step in zip(self.runs, before, strict=True)
            ],
        }


@dataclass(frozen=True, slots=True)
class Trend:
    """The series of several runs. `looks` is the number of differences that the p-values are adjusted for. `left_out`
    says for each folder that holds a run, and could not be used, why.
    """

    metrics: tuple[str, ...]
    series: tuple[Series, ...]
    looks: int
    left_out: Mapping[Path, str]

    def to_json(self) -> dict[str, Json]:
        return {
            "level": LEVEL,
            "metrics": [*self.metrics],
            "looks": self.looks,
            "series": [one.to_json() for one in self.series],
            "left_out": {str(path): why for path, why in self.left_out.items()},
        }


def read_trend(
    paths: Sequence[Path],
    *,
    pipelines: Sequence[str] = (),
    metrics: Sequence[str] = (),
    last: int | None = None,
    cluster_by: ClusterBy | None = None,
) -> Trend:
    """The trend of finished runs: run folders, or folders with run folders below them (`find_runs`).

    Each label is a series, unless `pipelines` names some (`choose_series`); `last` keeps so many of the newest runs of
    each. `metrics` defaults to all. Runs that searched other documents are compared, and the change is told. Questions
    that share a document are not taken for independent, unless `cluster_by="none"`.

    Raises NotComparableError where there is no finished run, DeclarationError for a pipeline or a metric that no run
    has.
    """
    found = find_runs(paths)
    chosen = choose_series(found.runs, pipelines, last)
    known = dict.fromkeys(
        name for of_name in chosen.values() for run in reversed(of_name) for name in run.manifest["metrics"]
    )
    asked = tuple(dict.fromkeys(str(parse(name)) for name in metrics)) or tuple(known)
    for name in asked:
        if name not in known:
            raise DeclarationError(f"--metric: found {name} in no run, expected one of {', '.join(known)}")
    with unreadable_as_not_comparable():
        series = [_read_series(name, runs, asked, cluster_by) for name, runs in chosen.items()]
    p_values = [one.p_value for of_name in series for step in of_name.steps for one in step.differences.values()]
    adjusted = map(float, holm(p_values))
    return Trend(
        asked,
        tuple(
            replace(
                of_name,
                steps=tuple(
                    replace(
                        step,
                        differences={
                            name: replace(one, p_adjusted=next(adjusted)) for name, one in step.differences.items()
                        },
                    )
                    for step in of_name.steps
                ),
            )
            for of_name in series
        ),
        len(p_values),
        found.left_out,
    )


def _read_series(name: str, found: Sequence[FoundRun], metrics: Sequence[str], cluster_by: ClusterBy | None) -> Series:
    runs = [_read_run(run, metrics, cluster_by) for run in found]
    steps: list[Step] = []
    before = read_run_folder(found[0].path) if len(found) > 1 else None
    for (one, other), (of_one, of_other) in zip(pairwise(found), pairwise(runs), strict=True):
        assert before is not None
        after = read_run_folder(other.path)
        differences, not_told = _differences(before, after, of_one, of_other, metrics, cluster_by)
        steps.append(Step(find_changes(before, after, one.manifest, other.manifest), differences, not_told))
        before = after
    return Series(name, tuple(runs), tuple(steps))


def _read_run(run: FoundRun, metrics: Sequence[str], cluster_by: ClusterBy | None) -> TrendRun:
    return TrendRun(
        run.path,
        run.label,
        run.made,
        run.made_from,
        len(run.manifest["questions"]),
        run.manifest["failed"],
        read_estimates(RunFolder(run.path), metrics, cluster_by=cluster_by),
    )


def _differences(
    before: RunScores,
    after: RunScores,
    of_before: TrendRun,
    of_after: TrendRun,
    metrics: Sequence[str],
    cluster_by: ClusterBy | None,
) -> tuple[dict[str, StepDifference], dict[str, str]]:
    """The differences by metric, not adjusted yet, and why other metrics have none."""
    conflicts = metric_conflicts([before, after])
    shared = {question for question, digest in before.digests.items() if after.digests.get(question) == digest}
    not_told: dict[str, str] = {}
    unpaired: dict[str, StepDifference] = {}
    to_pair: list[str] = []
    for metric in metrics:
        old, new = of_before.estimates[metric], of_after.estimates[metric]
        if metric in conflicts:
            not_told[metric] = conflicts[metric]
        elif old is None and new is None:
            continue
        elif old is None or new is None:
            not_told[metric] = f"{(of_before if old is None else of_after).path} has no {metric}"
        elif _enough_to_pair(before, after, metric, shared):
            to_pair.append(metric)
        else:
            unpaired[metric] = _unpaired(metric, old, new)
    paired = _paired(before.only(shared), after.only(shared), to_pair, cluster_by)
    found = {**unpaired, **paired}
    return {name: found[name] for name in metrics if name in found}, not_told


def _enough_to_pair(before: RunScores, after: RunScores, metric: str, shared: set[str]) -> bool:
    old, new = before.metrics[metric].scores, after.metrics[metric].scores
    both = len(shared & old.keys() & new.keys())
    return both >= FEWEST_SHARED * min(len(old), len(new)) > 0.0


def _paired(
    before: RunScores, after: RunScores, metrics: Sequence[str], cluster_by: ClusterBy | None
) -> dict[str, StepDifference]:
    pairs = {name: pair(before, after, name, cluster_by) for name in metrics}
    results = {name: compare_pairs(one, LEVEL) for name, one in pairs.items()}
    return {
        name: StepDifference(
            name,
            "paired",
            found.difference,
            found.p_value,
            found.p_value,
            found.test,
            (pairs[name].n, pairs[name].n),
            pairs[name].judged,
            pairs[name].labels is not None,
            pairs[name].labels_lacking,
        )
        for name, found in results.items()
    }


def _unpaired(metric: str, before: Estimate, after: Estimate) -> StepDifference:
    """From the two estimates as shown; from those of the judge alone where people's labels correct only one."""
    corrected = [mean.judge_only is not None for mean in (before, after)]
    by_labels = all(corrected)
    ends = [_interval(mean, by_labels=by_labels) for mean in (before, after)]
    if parse(metric).lower_is_better:
        ends.reverse()
    found = unpaired_difference(*ends)
    which = "the run before" if corrected[0] else "this run"
    return StepDifference(
        metric,
        "unpaired",
        found.difference,
        found.p_value,
        found.p_value,
        f"{found.test}, {BY_LABELS}" if by_labels else found.test,
        (before.n, after.n),
        parse(metric).kind == "judged" and not by_labels,
        by_labels,
        f"people labelled the answers of {which} alone" if corrected[0] != corrected[1] else "",
    )


def _interval(mean: Estimate, *, by_labels: bool) -> Interval:
    if by_labels or mean.judge_only is None:
        return Interval(mean.point, mean.low, mean.high, mean.level, mean.method, mean.n_labelled or mean.n)
    return Interval(*mean.judge_only, mean.level, "judge alone", mean.n)


def _step_to_json(step: Step) -> dict[str, Json]:
    return {
        "changes": [change.to_json() for change in step.changes],
        "metrics": {name: one.to_json() for name, one in step.differences.items()},
        "not_told": {**step.not_told},
    }
