"""An expert model's scores as a level of their own between people's labels and the judge of a run.

`rageval judge RUN --name strong --questions N` gives the scores, `rageval label RUN ... --expert strong` says that the
run's metric is to be corrected by them. They are kept apart from people's labels everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rageval.errors import DeclarationError
from rageval.io.run_folder import RunFolder
from rageval.metrics import Metric, parse
from rageval.scores.human_labels import MetricLabels, read_labels
from rageval.scores.repeats import first_answers
from rageval.stats import Interval, mean_interval
from rageval.stats.multilevel import multilevel_mean
from rageval.types import Estimate


@dataclass(frozen=True, slots=True)
class Expert:
    """The scores of the judge added under `name`, by question."""

    name: str
    scores: Mapping[str, float]


def use_expert(run: RunFolder, metric: str, name: str) -> None:
    """Store that the metric of that run is to be corrected by the judge `name`, beside the labels that it has.

    Raises DeclarationError where that judge has no scores of the metric, and for a metric that names a judge itself.
    """
    parsed = parse(metric)
    if parsed.judge or parsed.kind != "judged":
        raise DeclarationError(f"--expert: found {metric}, expected a judged metric of the run's own judge")
    scores = run.scores()
    for needed in (metric, str(Metric(parsed.name, judge=name))):
        if needed not in scores:
            raise DeclarationError(
                f"{run.path}: found no scores of {needed}, expected some: "
                f"rageval judge {run.path} --name {name} -m {parsed.name}"
            )
    labels = read_labels(run, metric) or MetricLabels(metric, (), None, "", {})
    run.write_labels(metric, replace(labels, expert=name).to_json())


def read_expert(run: RunFolder, metric: str) -> Expert | None:
    """The expert of a run's metric; None where none was named, or its scores are gone."""
    labels = read_labels(run, metric)
    found = run.scores().get(f"{metric}:{labels.expert}") if labels is not None and labels.expert else None
    return None if labels is None or found is None else Expert(labels.expert, first_answers(found)["questions"])


def why_unused(expert: Expert, given: Mapping[str, float], judged: Mapping[str, float]) -> str:
    """Why the expert cannot be joined with these labels; empty where it can."""
    known = {question for question in judged if question in expert.scores}
    if without := [question for question in given if question not in known]:
        return f"it has no score of {len(without)} questions that people labelled: ask it on more questions"
    return "" if len(known) > 1 else "it has scored fewer than two of these questions"


def join_expert(
    expert: Expert,
    given: Mapping[str, float],
    judged: Mapping[str, float],
    covered: Sequence[str],
    clusters: Mapping[str, frozenset[int]] | None,
    level: float,
) -> Estimate:
    """The mean over the questions `covered`, from people's labels (or none), the expert's scores and the judge's."""
    labelled = [question for question in covered if question in given]
    seen = [question for question in covered if question in expert.scores and question not in given]
    others = [question for question in covered if question not in expert.scores]
    order = [*labelled, *seen, *others]
    scored = [*labelled, *seen]
    shown = labelled or scored
    if clusters is not None and (
        len(shown) < 2 or frozenset[int].intersection(*(clusters[question] for question in shown))
    ):
        clusters = None
    found = multilevel_mean(
        [given[question] for question in labelled],
        [expert.scores[question] for question in scored],
        [judged[question] for question in order],
        level=level,
        clusters=None if clusters is None else [clusters[question] for question in order],
    )
    mean = found.interval
    told = None if clusters is None else [clusters[question] for question in covered]
    judge_only = mean_interval([judged[question] for question in covered], level=level, clusters=told)
    method = f"{mean.method}, {expert.name} on {len(scored)}" if labelled else f"{mean.method} of {expert.name}"
    return Estimate(
        mean.point,
        mean.low,
        mean.high,
        level,
        method,
        len(covered),
        n_labelled=len(labelled),
        judge_only=_ends(judge_only),
        labels_only=None if found.people is None else _ends(found.people),
        expert=_in_words(expert.name, len(scored), found.people_and_judge),
    )


def _ends(interval: Interval) -> tuple[float, float, float]:
    return interval.point, interval.low, interval.high


def _in_words(name: str, scored: int, without: Interval | None) -> str:
    if without is None:
        return f"by an expert model ({name}) on {scored} questions, not by people"
    low, high = without.low, without.high
    return (
        f"with an expert model ({name}) on {scored} questions, without it {without.point:.3f} [{low:.2f}, {high:.2f}]"
    )
