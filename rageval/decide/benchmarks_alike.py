"""Do two benchmarks say the same of the same systems? Runs of the same pipelines on both, such as a synthetic benchmark
and one that people wrote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rageval.errors import DeclarationError, NotComparableError
from rageval.metrics import parse
from rageval.scores.comparability import CORPUS, common_questions, differences, metric_conflicts
from rageval.scores.estimates import interval_to_json
from rageval.scores.reading import read_run_scores
from rageval.scores.run_scores import RunScores
from rageval.scores.sharing import ClusterBy, Sharing, find_sharing
from rageval.stats import Interval, mean_interval
from rageval.stats.rank_agreement import DifferenceSlope, RankAgreement, difference_slope, rank_agreement
from rageval.stats.unpaired import unpaired_difference
from rageval.types import Json

LEVEL = 0.95
FEWEST_SYSTEMS = 3
_HASH_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Offset:
    """The mean of a pipeline on the first benchmark, on the second, and the first less the second."""

    label: str
    first: Interval
    second: Interval
    difference: Interval

    def to_json(self) -> dict[str, Json]:
        return {
            "pipeline": self.label,
            "first": interval_to_json(self.first),
            "second": interval_to_json(self.second),
            "difference": interval_to_json(self.difference),
        }


@dataclass(frozen=True, slots=True)
class MetricAlike:
    """One metric on both benchmarks, over the questions that all runs on a benchmark have a score of: how many these
    are, whether the systems are ranked alike, and how far off the means are, by pipeline and on average.
    """

    metric: str
    judged: bool
    questions: tuple[int, int]
    ranks: RankAgreement
    slope: DifferenceSlope
    offsets: tuple[Offset, ...]
    average: Offset
    sharing: tuple[str, str]

    def to_json(self) -> dict[str, Json]:
        ranks, slope = self.ranks, self.slope
        return {
            "questions": [*self.questions],
            "judge_only": self.judged,
            "tau": {"point": ranks.tau, "low": ranks.low, "high": ranks.high, "level": ranks.level},
            "pairs": {
                "all": ranks.pairs,
                "same_order": ranks.same,
                "opposite_order": ranks.opposite,
                "not_told": ranks.untold,
            },
            "clear_on_either": {
                "pairs": ranks.clear,
                "same_sign": ranks.clear_same,
                "low": ranks.share_low,
                "high": ranks.share_high,
            },
            "slope": {"point": slope.point, "low": slope.low, "high": slope.high, "level": slope.level}
            if slope.told
            else None,
            "average": self.average.to_json(),
            "pipelines": [one.to_json() for one in self.offsets],
        }


@dataclass(frozen=True, slots=True)
class BenchmarksAlike:
    """What two benchmarks say of the pipelines that have a run on both. `left_out` says of each other run, question or
    metric why it is not counted; `differs` of each pipeline what else than the benchmark differs between its two runs.
    """

    names: tuple[str, str]
    labels: tuple[str, ...]
    metrics: tuple[MetricAlike, ...]
    left_out: tuple[str, ...]
    differs: Mapping[str, str]

    def to_json(self) -> dict[str, Json]:
        return {
            "first": self.names[0],
            "second": self.names[1],
            "level": LEVEL,
            "pipelines": [*self.labels],
            "metrics": {one.metric: one.to_json() for one in self.metrics},
            "left_out": [*self.left_out],
            "differs": {**self.differs},
        }


def benchmarks_alike(
    first: str,
    second: str,
    runs: Sequence[RunScores | str | Path],
    *,
    metrics: Sequence[str] = (),
    cluster_by: ClusterBy | None = None,
) -> BenchmarksAlike:
    """Compare what two benchmarks say of the same pipelines, matched by their names with settings.

    A benchmark is given by the name that the runs have of it, its folder, or the first six or more digits of its
    content's hash. By default all metrics that all runs have are compared.

    Raises NotComparableError for fewer than three pipelines with a run on both, results that are missing, a metric that
    a run lacks or that different judges scored; DeclarationError for a benchmark that no run is of, one that is given
    twice, and two runs of a pipeline on a benchmark.
    """
    read = [run if isinstance(run, RunScores) else read_run_scores(run) for run in runs]
    sides = _by_label(first, read), _by_label(second, read)
    if twice := {run.source for run in sides[0].values()} & {run.source for run in sides[1].values()}:
        raise DeclarationError(f"{first} and {second}: found the same benchmark in both ({min(twice)}), expected two")
    labels = tuple(label for label in sides[0] if label in sides[1])
    if len(labels) < FEWEST_SYSTEMS:
        raise NotComparableError(
            f"found {len(labels)} pipelines with a run on both benchmarks, expected {FEWEST_SYSTEMS} or more "
            f"({_listed(first, sides[0])}; {_listed(second, sides[1])}): run the same pipelines on both"
        )
    matched = [[side[label] for label in labels] for side in sides]
    used = {run.source for side in matched for run in side}
    left_out = [f"{run.source}: {_why_left_out(run, first, second)}" for run in read if run.source not in used]
    asked: list[list[RunScores]] = []
    for side in matched:
        common, lost = common_questions(side)
        left_out += [f"{side[0].benchmark}: {line}" for line in lost.of_many]
        asked.append([run.only(common) for run in side])
    names, why = _metrics(asked, metrics)
    return BenchmarksAlike(
        (matched[0][0].benchmark, matched[1][0].benchmark),
        labels,
        tuple(_compare(name, asked[0], asked[1], cluster_by) for name in names),
        (*left_out, *why),
        {label: told for label, a, b in zip(labels, *matched, strict=True) if (told := _differs(a, b))},
    )


def _by_label(benchmark: str, runs: Sequence[RunScores]) -> dict[str, RunScores]:
    """The runs on that benchmark, by the name of the pipeline with its settings."""
    found: dict[str, RunScores] = {}
    for run in runs:
        if not _is_of(run, benchmark):
            continue
        if run.label in found:
            raise DeclarationError(
                f"{run.source}: found a second run of {run.label} on {benchmark} beside {found[run.label].source}, "
                "expected one: name one of them"
            )
        found[run.label] = run
    if not found:
        known = ", ".join(dict.fromkeys(f"{run.benchmark} ({run.content_hash[:8]})" for run in runs))
        raise DeclarationError(f"found no run on the benchmark {benchmark!r}, expected some: the runs are on {known}")
    return found


def _is_of(run: RunScores, benchmark: str) -> bool:
    named = run.benchmark in (benchmark, Path(benchmark).name)
    return named or (len(benchmark) >= _HASH_DIGITS and run.content_hash.startswith(benchmark))


def _listed(benchmark: str, side: Mapping[str, RunScores]) -> str:
    return f"{benchmark}: {', '.join(side)}"


def _why_left_out(run: RunScores, first: str, second: str) -> str:
    if not _is_of(run, first) and not _is_of(run, second):
        return f"on another benchmark ({run.benchmark})"
    return f"no run of {run.label} on the other benchmark"


def _differs(a: RunScores, b: RunScores) -> str:
    """Models and settings of a pipeline's two runs that are not the same."""
    found = {name: values for name, values in differences([a, b]).items() if name != CORPUS}
    return "; ".join(f"{name}: {before} and {after}" for name, (before, after) in found.items())


def _metrics(sides: Sequence[Sequence[RunScores]], wanted: Sequence[str]) -> tuple[list[str], list[str]]:
    """The metrics to compare, and why others are not."""
    runs = [run for side in sides for run in side]
    conflicts = metric_conflicts(runs)
    names = [str(parse(name)) for name in wanted] or [*dict.fromkeys(name for run in runs for name in run.metrics)]
    chosen: list[str] = []
    left_out: list[str] = []
    for name in names:
        without = [run.source for run in runs if name not in run.metrics or not run.metrics[name].scores]
        why = f"{name}: found no score in {without[0]}, expected some in every run" if without else conflicts.get(name)
        if why is None and any(len(_shared(side, name)) < 2 for side in sides):
            why = f"{name}: found fewer than two questions that all runs on a benchmark have a score of"
        if why is None:
            chosen.append(name)
        else:
            left_out.append(why)
    if left_out and (wanted or not chosen):
        raise NotComparableError(left_out[0])
    return chosen, left_out


def _shared(runs: Sequence[RunScores], metric: str) -> list[str]:
    """The questions that all of these runs have a score of."""
    of_runs = [run.metrics[metric].scores.keys() for run in runs]
    return sorted(set(of_runs[0]).intersection(*of_runs[1:]))


def _compare(
    metric: str, first: Sequence[RunScores], second: Sequence[RunScores], cluster_by: ClusterBy | None
) -> MetricAlike:
    scores: list[NDArray[np.float64]] = []
    sharing: list[Sharing] = []
    for runs in (first, second):
        questions = _shared(runs, metric)
        scores.append(np.array([[run.metrics[metric].scores[q] for q in questions] for run in runs]))
        sharing.append(find_sharing(runs[0].documents, questions, cluster_by))
    clusters = sharing[0].clusters, sharing[1].clusters
    ranks = rank_agreement(*scores, clusters=clusters, level=LEVEL, rng=np.random.default_rng(0))
    slope = difference_slope(*scores, clusters=clusters, level=LEVEL, rng=np.random.default_rng(0))

    def offset(label: str, rows: tuple[NDArray[np.float64], NDArray[np.float64]]) -> Offset:
        one, other = (
            mean_interval(row, level=LEVEL, clusters=of_set) for row, of_set in zip(rows, clusters, strict=True)
        )
        return Offset(label, one, other, unpaired_difference(other, one).difference)

    return MetricAlike(
        metric,
        metric in first[0].judges,
        (scores[0].shape[1], scores[1].shape[1]),
        ranks,
        slope,
        tuple(offset(run.label, (a, b)) for run, a, b in zip(first, *scores, strict=True)),
        offset("all pipelines", (scores[0].mean(axis=0), scores[1].mean(axis=0))),
        (sharing[0].note, sharing[1].note),
    )
