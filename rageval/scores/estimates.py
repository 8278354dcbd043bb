"""The mean of a metric with its interval, corrected by people's labels where there are any, and as JSON.

Labels and the judge's scores are joined by prediction-powered inference, anew at every reading.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rageval.io.run_folder import RunFolder
from rageval.io.stored import convert
from rageval.scores.drawn_labels import join_drawn
from rageval.scores.expert_labels import Expert, join_expert, read_expert, why_unused
from rageval.scores.repeats import REPEATS, first_answers
from rageval.scores.run_labels import RunLabels, read_run_labels
from rageval.scores.second_judge import SecondScores, columns, read_second, second_unused, second_used
from rageval.scores.sharing import ClusterBy, Documents, find_sharing, relevant_documents
from rageval.stats import Interval, mean_interval, ppi_mean
from rageval.stats.annotators import stretch_for_annotators
from rageval.stats.intervals import CLUSTERED
from rageval.stats.ppi import these_items
from rageval.types import Estimate, Json, Score, SecondJudge, Unscored

_LEVEL = 0.95


def estimate(
    scores: Mapping[str, Score | Unscored],
    level: float = _LEVEL,
    documents: Documents | None = None,
    cluster_by: ClusterBy | None = None,
) -> Estimate | None:
    """The mean over the scored questions with its interval; None where no question could be scored. Questions that
    share one of the `documents` are not taken for independent, unless `cluster_by="none"`.
    """
    scored = {question: score for question, score in scores.items() if isinstance(score, Score)}
    if not scored:
        return None
    clusters = find_sharing(documents or {}, [*scored], cluster_by).clusters
    interval = mean_interval([score.value for score in scored.values()], level=level, clusters=clusters)
    return estimate_of(interval, len(scores), sum(score.failed for score in scored.values()))


def estimate_of(interval: Interval, questions: int, failed: int) -> Estimate:
    """The estimate with that interval, of so many questions, scored or not, on which so many failed."""
    return Estimate(
        interval.point,
        interval.low,
        interval.high,
        interval.level,
        interval.method,
        interval.n,
        unscored=questions - interval.n,
        failed=failed,
    )


def read_estimates(
    run: RunFolder,
    metrics: Sequence[str],
    questions: Collection[str] | None = None,
    cluster_by: ClusterBy | None = None,
) -> dict[str, Estimate | None]:
    """The estimates of a finished run, by metric, from all of its questions or from some; None where it lacks the
    metric or could score no question on it.
    """
    scores, documents = run.scores(), run_documents(run)
    return {
        name: _read_estimate(run, name, scores[name], questions, documents, cluster_by) if name in scores else None
        for name in metrics
    }


def run_documents(run: RunFolder) -> Documents:
    """The relevant documents of the questions of a run."""
    return relevant_documents({question: grades for question, (_, grades) in run.questions().items()})


def _read_estimate(
    run: RunFolder,
    metric: str,
    scores: Mapping[str, Any],
    questions: Collection[str] | None,
    documents: Documents,
    cluster_by: ClusterBy | None,
) -> Estimate | None:
    part = scores if questions is None else _of_questions(scores, questions)
    labelled = labelled_estimate(run, metric, part, documents=documents, cluster_by=cluster_by)
    if labelled is not None:
        return labelled
    stored = scores["estimate"]
    if questions is not None or (stored is not None and not _is_current(stored, part, documents, cluster_by)):
        return _judge_alone(part, _LEVEL, documents, cluster_by)
    if stored is None:
        return None
    return convert(
        f"{run.path}/scores.json: {metric}",
        stored,
        lambda found: Estimate(found["mean"], **{name: value for name, value in found.items() if name != "mean"}),
    )


def _is_current(
    stored: Mapping[str, Any], scores: Mapping[str, Any], documents: Documents, cluster_by: ClusterBy | None
) -> bool:
    """Whether the stored interval has questions that share documents for what they are taken for now."""
    clusters = find_sharing(documents, [*scores.get("questions", ())], cluster_by).clusters
    return (clusters is not None) == str(stored["method"]).endswith(CLUSTERED)


def _of_questions(scores: Mapping[str, Any], questions: Collection[str]) -> dict[str, Any]:
    """The part of a metric's scores that is of these questions."""
    repeats = [_of_questions(one, questions) for one in scores.get(REPEATS, ())]
    return {
        **({REPEATS: repeats} if repeats else {}),
        "questions": {question: score for question, score in scores["questions"].items() if question in questions},
        "failed": [question for question in scores["failed"] if question in questions],
        "unscored": {question: why for question, why in scores["unscored"].items() if question in questions},
    }


def labelled_estimate(
    run: RunFolder,
    metric: str,
    scores: Mapping[str, Any],
    level: float = _LEVEL,
    documents: Documents | None = None,
    cluster_by: ClusterBy | None = None,
) -> Estimate | None:
    """The estimate from human labels and the judge's scores together; None if the run has no labels.

    `scores` is the metric's part of scores.json. The estimate is stratified if the sample was. If every question is
    labelled, it is the mean of the labels. Where drawn questions have no label, the interval reaches from the one with
    the worst score for all of them to the one with the best. The result has a `warning` if the labels are not known to
    be a random sample, or do not cover all scored questions. Labels of answers that have changed since are not used.

    A second judge's scores of the metric are read beside the first's (`rageval.scores.second_judge`), but not with an
    expert nor for labels drawn by doubt.

    People label the first answers. If questions were asked several times, the estimate is of these alone, with a
    warning.
    """
    labels, expert = read_run_labels(run, metric, scores["questions"]), read_expert(run, metric)
    if labels is None and expert is None:
        return None
    documents = run_documents(run) if documents is None else documents
    judge_alone = _judge_alone(scores, level, documents, cluster_by)
    if judge_alone is None:
        return None
    if REPEATS in scores:
        first = labelled_estimate(run, metric, first_answers(scores), level, documents, cluster_by)
        if first is None or first.n_labelled == 0:
            return replace(judge_alone, warning="" if first is None else first.warning)
        warnings = ["of the first answers alone, which people labelled", *filter(None, [first.warning])]
        return replace(first, warning="; ".join(warnings))
    if labels is None:
        return None if expert is None else _by_expert(expert, scores, judge_alone, documents, cluster_by)
    if labels.design is not None and labels.design.against:
        why = f"drawn for the difference to {labels.design.against}, not for the mean"
        return replace(judge_alone, warning=f"labels not used: {why}")
    judged = scores["questions"]
    covered = [question for question in judged if question in labels.strata]
    without = {labels.strata[q] for q in covered} - {labels.strata[q] for q in labels.given}
    if not labels.given or without:
        return replace(judge_alone, warning=f"labels not used: {_why_unused(labels, without)}")
    clusters = find_sharing(documents, covered, cluster_by).clusters
    of_question = None if clusters is None else dict(zip(covered, clusters, strict=True))
    unused = "" if expert is None else _why_expert_unused(expert, labels, judged)
    used_expert, second = None if unused else expert, read_second(run, metric)
    joined = _with_missing(labels, judged, covered, of_question, level, used_expert, second)
    if second is not None and (labels.design is not None or used_expert is not None):
        joined = replace(joined, second_judge=second_unused(second, "" if used_expert is None else used_expert.name))
    left_out = len(judged) - len(covered)
    warnings = [f"labels not known to be a random sample: {labels.warning}"] if labels.warning else []
    if expert is not None and unused:
        warnings.append(f"the expert {expert.name} is not used: {unused}")
    if left_out:
        warnings.append(f"{left_out} questions whose answers are newer than the sample are left out")
    if labels.missing:
        asked = len(labels.given) + len(labels.missing)
        warnings.append(
            f"{len(labels.missing)} of {asked} drawn have no label: the interval holds whatever these would be"
        )
    return replace(
        joined,
        unscored=judge_alone.unscored + left_out,
        failed=sum(question_id in labels.strata for question_id in scores["failed"]),
        warning="; ".join(warnings),
    )


def _by_expert(
    expert: Expert,
    scores: Mapping[str, Any],
    judge_alone: Estimate,
    documents: Documents,
    cluster_by: ClusterBy | None,
) -> Estimate:
    """The judge corrected by the expert alone: no person has labelled anything."""
    judged = scores["questions"]
    if unused := why_unused(expert, {}, judged):
        return replace(judge_alone, warning=f"the expert {expert.name} is not used: {unused}")
    clusters = find_sharing(documents, [*judged], cluster_by).clusters
    of_question = None if clusters is None else dict(zip(judged, clusters, strict=True))
    joined = join_expert(expert, {}, judged, [*judged], of_question, judge_alone.level)
    return replace(joined, unscored=judge_alone.unscored, failed=judge_alone.failed, warning=joined.expert)


def _why_expert_unused(expert: Expert, labels: RunLabels, judged: Mapping[str, float]) -> str:
    if labels.design is not None or len(set(labels.strata.values())) > 1:
        return "labels were not drawn at random with one probability for all"
    return why_unused(expert, {**labels.given, **dict.fromkeys(labels.missing, 0.0)}, judged)


def _why_unused(labels: RunLabels, without: Collection[str]) -> str:
    if not labels.given:
        return "none is of this run's answers as they are now"
    return f"none yet of {', '.join(sorted(without))}"


def _with_missing(
    labels: RunLabels,
    judged: Mapping[str, float],
    covered: Sequence[str],
    clusters: Mapping[str, frozenset[int]] | None,
    level: float,
    expert: Expert | None,
    second: SecondScores | None,
) -> Estimate:
    """The estimate, from the lowest to the highest that it could be with the labels that are missing."""
    strata = {q: labels.strata[q] for q in covered} if len(set(labels.strata.values())) > 1 else None

    def join(given: Mapping[str, float]) -> Estimate:
        if labels.design is not None:
            return join_drawn(given, judged, covered, labels.design, clusters, level)
        if expert is not None:
            return join_expert(expert, given, judged, covered, clusters, level)
        return _join(given, judged, covered, strata, clusters, level, second)

    joined = _over_annotators(join(labels.given), labels, level)
    if not labels.missing:
        return joined
    ends = [
        _over_annotators(join({**labels.given, **dict.fromkeys(labels.missing, end)}), labels, level)
        for end in (0.0, 1.0)
    ]
    of_these = [one.these_questions or (0.0, 1.0) for one in ends]
    return replace(
        joined,
        low=ends[0].low,
        high=ends[1].high,
        these_questions=(of_these[0][0], of_these[1][1]),
        method=f"{joined.method}, missing labels bounded",
    )


def _over_annotators(mean: Estimate, labels: RunLabels, level: float) -> Estimate:
    """With the interval stretched by what annotators differ in (`rageval.stats.annotators`)."""
    low, high = stretch_for_annotators(
        mean.point, mean.low, mean.high, labels.annotator_variance, labels.annotators, level
    )
    if (low, high) == (mean.low, mean.high):
        return mean
    return replace(
        mean, low=max(0.0, low), high=min(1.0, high), method=f"{mean.method}, {labels.annotators} annotators"
    )


def _judge_alone(
    scores: Mapping[str, Any], level: float, documents: Documents, cluster_by: ClusterBy | None
) -> Estimate | None:
    failed = set(scores["failed"])
    by_question = {q: Score(value, failed=q in failed) for q, value in scores["questions"].items()}
    return estimate(
        {**by_question, **{q: Unscored(reason) for q, reason in scores["unscored"].items()}},
        level,
        documents,
        cluster_by,
    )


def _join(
    given: Mapping[str, float],
    judged: Mapping[str, float],
    covered: Sequence[str],
    strata: Mapping[str, str] | None,
    clusters: Mapping[str, frozenset[int]] | None,
    level: float,
    second: SecondScores | None,
) -> Estimate:
    labelled, others = [q for q in covered if q in given], [q for q in covered if q not in given]
    y = [given[q] for q in labelled]
    used: SecondJudge | None = None
    if others:
        seen, unseen = columns(judged, second, labelled), columns(judged, second, others)
        codes = None if strata is None else ([strata[q] for q in labelled], [strata[q] for q in others])
        mean = ppi_mean(y, seen, unseen, level=level, strata=codes, clusters=_of(clusters, labelled, others))
        labels_only = mean.labels_only
        these = these_items(y, seen, unseen, level=level, strata=codes)
        used = None if second is None else second_used(second, mean.weights, covered)
    else:
        these = sum(y) / len(y), sum(y) / len(y)
        mean = labels_only = mean_interval(y, level=level, clusters=_clusters_of(clusters, labelled))
    # In the order of the run, so that the draws, and with them the ends, are those of a run without labels.
    judge_only = mean_interval([judged[q] for q in covered], level=level, clusters=_clusters_of(clusters, covered))
    return Estimate(
        mean.point,
        mean.low,
        mean.high,
        level,
        mean.method,
        len(covered),
        n_labelled=len(y),
        judge_only=(judge_only.point, judge_only.low, judge_only.high),
        labels_only=(labels_only.point, labels_only.low, labels_only.high),
        these_questions=these,
        second_judge=used,
    )


def _clusters_of(
    clusters: Mapping[str, frozenset[int]] | None, questions: Sequence[str]
) -> list[frozenset[int]] | None:
    return None if clusters is None else [clusters[question] for question in questions]


def _of(
    clusters: Mapping[str, frozenset[int]] | None, labelled: Sequence[str], others: Sequence[str]
) -> tuple[list[frozenset[int]], list[frozenset[int]]] | None:
    """Those of labelled and of other questions; None where all labelled ones share a document, and show nothing."""
    if clusters is None or len(labelled) < 2 or frozenset[int].intersection(*(clusters[q] for q in labelled)):
        return None
    return [clusters[question] for question in labelled], [clusters[question] for question in others]


def stored_estimate(mean: Estimate) -> dict[str, Json]:
    """The content of scores.json: all except what human labels add, which is computed at every reading."""
    return {
        "mean": mean.point,
        "low": mean.low,
        "high": mean.high,
        "level": mean.level,
        "method": mean.method,
        "n": mean.n,
        "unscored": mean.unscored,
        "failed": mean.failed,
    }


def estimate_to_json(mean: Estimate) -> dict[str, Json]:
    """As `rageval run --json` prints it."""
    second: dict[str, Json] = {} if mean.second_judge is None else {"second_judge": mean.second_judge.to_json()}
    return {
        **stored_estimate(mean),
        "n_labelled": mean.n_labelled,
        "judge_only": _ends_to_json(mean.judge_only),
        "labels_only": _ends_to_json(mean.labels_only),
        "these_questions": None
        if mean.these_questions is None
        else dict(zip(("low", "high"), mean.these_questions, strict=True)),
        "warning": mean.warning,
        "expert": mean.expert,
        **second,
    }


def metric_to_json(mean: Estimate | None, questions: int) -> dict[str, Json]:
    """An estimate, or the same keys with null where nothing could be scored."""
    if mean is not None:
        return estimate_to_json(mean)
    nothing: dict[str, Json] = dict.fromkeys(("mean", "low", "high", "level", "method"))
    no_labels: dict[str, Json] = {
        "n_labelled": 0,
        "judge_only": None,
        "labels_only": None,
        "these_questions": None,
        "warning": "",
        "expert": "",
    }
    return {**nothing, "n": 0, "unscored": questions, "failed": 0, **no_labels}


def interval_to_json(interval: Interval) -> dict[str, Json]:
    """An interval by the names of its fields, as comparisons print it."""
    return {
        "point": interval.point,
        "low": interval.low,
        "high": interval.high,
        "level": interval.level,
        "method": interval.method,
    }


def _ends_to_json(interval: tuple[float, float, float] | None) -> dict[str, Json] | None:
    return None if interval is None else dict(zip(("mean", "low", "high"), interval, strict=True))
