"""How much the scores of two systems differ from question to question: measured on earlier runs, or assumed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from rageval.errors import DeclarationError, NotComparableError
from rageval.experiment.plan import Experiment
from rageval.io.run_folder import RunFolder
from rageval.metrics import Metric
from rageval.scores.comparability import read_comparable
from rageval.scores.human_labels import MetricLabels, read_labels
from rageval.scores.pairs import pair
from rageval.scores.reading import read_run_scores
from rageval.scores.run_scores import RunScores
from rageval.scores.sharing import ClusterBy
from rageval.stats import sd_of_differences
from rageval.types import Json

Origin: TypeAlias = Literal["paired runs", "one run", "given", "assumed"]

# Without any run: two systems that are half alike (correlation 0.5), with scores that are all 0 or 1, or less extreme.
WORST_SD = 0.5
TYPICAL_SD = 0.25
CORRELATION = 0.5
FEWEST_LABELS = 10
ASSUMED = "assumed; earlier runs (--like) would show it"


@dataclass(frozen=True, slots=True)
class LabelSpread:
    """What is known of people's labels of one metric: their mean and standard deviation, and the correlation of judge
    and people (None: not known). `how` says where it is from.
    """

    mean: float
    sd: float
    correlation: float | None
    how: str

    def to_json(self) -> dict[str, Json]:
        return {"mean": self.mean, "sd": self.sd, "correlation": self.correlation, "how": self.how}


@dataclass(frozen=True, slots=True)
class Spread:
    """The spread of one metric's differences between two systems, question by question.

    `sd` and `skewness` are those of the differences. `scored` is the share of questions that get a score (of both
    systems), `per_independent` how many questions make an independent unit, and `unit_sd` the standard deviation of
    units (None: `sd`), both as `Pairs` says. `binary` says whether all
    scores are 0 or 1. `name` tells two assumptions apart, `how` says where the numbers are from. `labels` is what is
    known of people's labels.
    """

    metric: Metric
    origin: Origin
    sd: float
    how: str
    name: str = ""
    skewness: float = 0.0
    scored: float = 1.0
    per_independent: float = 1.0
    unit_sd: float | None = None
    binary: bool = False
    labels: LabelSpread = LabelSpread(0.5, WORST_SD, None, "not known: the worst case, labels that are all 0 or 1")

    def to_json(self) -> dict[str, Json]:
        return {
            "origin": self.origin,
            "name": self.name,
            "sd": self.sd,
            "skewness": self.skewness,
            "scored": self.scored,
            "questions_per_independent": self.per_independent,
            "how": self.how,
        }


def find_spreads(
    experiment: Experiment,
    metrics: Sequence[Metric],
    like: Sequence[str],
    *,
    sd: float | None = None,
    correlation: float | None = None,
    cluster_by: ClusterBy | None = None,
) -> list[Spread]:
    """The spreads of the metrics. Two runs `like` what is planned give the spread of their differences, one run that of
    its scores, which with the `correlation` of two systems (0.5 by default) gives that of differences. `sd` states it.
    Without any of these there are two assumptions for each metric, a typical and the worst one.

    Raises DeclarationError for options that do not belong together, and NotComparableError for runs that are missing,
    lack a metric or cannot be compared.
    """
    _check(like, sd, correlation, cluster_by)
    if len(like) == 2:
        sides = read_comparable(like[0], like[1], other_corpus=True)
        return [_paired(sides.baseline, sides.candidate, metric, cluster_by) for metric in metrics]
    if like:
        run = read_run_scores(like[0])
        return [_single(run, metric, CORRELATION if correlation is None else correlation) for metric in metrics]
    shares = {metric: _labelled_share(experiment, metric) for metric in metrics}
    if sd is not None:
        return [
            Spread(metric, "given", sd, "as given", scored=shares[metric], binary=metric.binary) for metric in metrics
        ]
    assumed = (("typical", TYPICAL_SD), ("worst case", WORST_SD))
    return [
        Spread(metric, "assumed", value, ASSUMED, name, scored=shares[metric], binary=metric.binary)
        for metric in metrics
        for name, value in assumed
    ]


def _check(like: Sequence[str], sd: float | None, correlation: float | None, cluster_by: ClusterBy | None) -> None:
    if len(like) > 2:
        raise DeclarationError(f"--like: found {len(like)} runs, expected a baseline and a candidate, or one run")
    if sd is not None and (like or not 0.0 < sd <= 1.0):
        found = "it with --like, expected one of them" if like else f"{sd:g}, expected more than 0 and at most 1"
        raise DeclarationError(f"--sd: found {found}")
    if correlation is not None and (len(like) != 1 or not -1.0 <= correlation < 1.0):
        raise DeclarationError(
            f"--correlation: found {correlation:g} with {len(like)} runs, expected a number from -1 to below 1, and "
            "one run under --like"
        )
    if cluster_by is not None and len(like) != 2:
        raise DeclarationError(f"--cluster-by: found {len(like)} runs under --like, expected two")


def _paired(baseline: RunScores, candidate: RunScores, metric: Metric, cluster_by: ClusterBy | None) -> Spread:
    pairs = pair(baseline, candidate, str(metric), cluster_by)
    if pairs.sd is None:
        raise NotComparableError(f"{candidate.source}: found one question with {metric}, expected two or more")
    clusters = "" if pairs.clusters is None else f" that share documents ({pairs.questions_per_independent:.1f} a unit)"
    return Spread(
        metric,
        "paired runs",
        pairs.sd,
        f"{pairs.n} paired differences{clusters} of {baseline.source} and {candidate.source}",
        skewness=pairs.skewness,
        scored=pairs.n / len(candidate.questions),
        per_independent=pairs.questions_per_independent,
        unit_sd=pairs.unit_sd,
        binary=pairs.binary,
        labels=_label_spread(candidate, metric),
    )


def _single(run: RunScores, metric: Metric, correlation: float) -> Spread:
    scores = _scores(run, metric)
    sd = float(np.std([*scores.values()], ddof=1))
    return Spread(
        metric,
        "one run",
        sd_of_differences(sd, correlation),
        f"{len(scores)} scores of {run.source} with sd {sd:.3f}; correlation of two systems {correlation:g}, assumed",
        scored=len(scores) / len(run.questions),
        binary=metric.binary,
        labels=_label_spread(run, metric),
    )


def _scores(run: RunScores, metric: Metric) -> dict[str, float]:
    if str(metric) not in run.metrics:
        known = ", ".join(run.metrics)
        raise NotComparableError(f"{run.source}: found no {metric}, expected it beside {known}: score it as well")
    scores = {**run.metrics[str(metric)].scores}
    if len(scores) < 2:
        raise NotComparableError(f"{run.source}: found {len(scores)} scores of {metric}, expected two or more")
    return scores


def _label_spread(run: RunScores, metric: Metric) -> LabelSpread:
    """By people's labels where the run has enough of them, else by the judge's scores in their place."""
    scores = _scores(run, metric)
    judged = np.array([*scores.values()])
    found = LabelSpread(
        float(judged.mean()), float(judged.std(ddof=1)), None, f"the judge's scores of {run.source} in place of labels"
    )
    labels = _attached(run, metric)
    if labels is None:
        return found
    both = [(label, scores[question]) for question, label in labels.by_question.items() if question in scores]
    if len(both) < FEWEST_LABELS:
        return found
    people, judge = np.array(both).T
    varies = people.min() < people.max() and judge.min() < judge.max()
    return replace(
        found,
        mean=float(people.mean()),
        sd=float(people.std(ddof=1)),
        correlation=float(np.corrcoef(people, judge)[0, 1]) if varies else None,
        how=f"{len(both)} labels of people attached to {run.source}",
    )


def _attached(run: RunScores, metric: Metric) -> MetricLabels | None:
    path = Path(run.source)
    return read_labels(RunFolder(path), str(metric)) if path.is_dir() else None


def _labelled_share(experiment: Experiment, metric: Metric) -> float:
    """Of the questions that are asked: those with relevance labels, where the metric needs them."""
    if metric.kind not in ("ranking", "evidence"):
        return 1.0
    labelled = {label.question_id for label in experiment.benchmark.labels}
    return sum(question.id in labelled for question in experiment.questions) / len(experiment.questions)
