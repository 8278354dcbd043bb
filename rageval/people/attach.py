"""Attach human labels to a run, and refuse labels that would make its numbers wrong.

An interval from labels and a judge is valid only if the labelled questions are a random sample of this run's questions.
That holds if they are the sample that `rageval sample` drew, or a first part of it in the drawn order. Any other set
may have been hand-picked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from rageval.errors import DeclarationError, LabelFileError
from rageval.io.run_folder import RunFolder
from rageval.people.label_files import LabelRow, read_label_files
from rageval.scores.human_labels import (
    MetricLabels,
    SettledLabel,
    answer_digests,
    drawn_so_far,
    run_name,
    stored_sample,
)
from rageval.scores.samples import Sample
from rageval.scores.scored_questions import ScoredQuestions, read_scored_questions
from rageval.stats import Agreement, krippendorff_alpha

FEWEST_FOR_AGREEMENT = 10


def attach(run: RunFolder, files: Sequence[Path], *, allow_any_sample: bool = False) -> tuple[MetricLabels, ...]:
    """Check the labels in `files` and store them in the run folder; each metric's labels replace earlier ones.

    `allow_any_sample` accepts labels that are not known to be a random sample of this run's answers. It stores the
    reason with them, which is shown wherever they are used. Values out of range, questions that the run does not have
    or that are not scored, and metrics that it does not have, are always refused. If anything is refused, nothing is
    written.

    Raises LabelFileError for errors in the files, DeclarationError for the run or a metric.
    """
    return attach_rows(run, read_label_files(files), allow_any_sample=allow_any_sample)


def attach_rows(
    run: RunFolder, given: Sequence[LabelRow], *, allow_any_sample: bool = False
) -> tuple[MetricLabels, ...]:
    """`attach` for rows that were read, in order: one for each metric, question and annotator."""
    by_metric: dict[str, list[LabelRow]] = {}
    for row in given:
        by_metric.setdefault(row.metric, []).append(row)
    run.finished_manifest()
    answers = answer_digests(run.outcomes())
    attached: list[MetricLabels] = []
    for metric, rows in by_metric.items():
        scored = read_scored_questions(run, metric)
        _require_scored(run, scored, rows)
        sample, reason = _sample_of(run, metric, rows, answers)
        if sample is None and not allow_any_sample:
            raise DeclarationError(
                f"{rows[0].place}: {reason}; expected labels of a random sample of this run (`rageval sample` draws "
                "one): use --allow-any-sample to use them anyway, with a warning beside every number"
            )
        attached.append(_labels_of(metric, rows, sample, reason, answers))
    for labels in attached:
        run.write_labels(labels.metric, labels.to_json())
    return tuple(attached)


def _labels_of(
    metric: str, rows: Sequence[LabelRow], sample: Sample | None, reason: str, answers: Mapping[str, str]
) -> MetricLabels:
    own = [row for row in rows if not row.settles]
    given = tuple(row.human for row in own if row.human is not None)
    labelled = {one.question_id for one in given}
    if not_there := [row for row in rows if row.settles and row.question_id not in labelled]:
        raise LabelFileError(
            [
                f"{row.place}: found {row.question_id!r} settled, expected labels of annotators who disagree on it"
                for row in not_there
            ]
        )
    settled = tuple(
        SettledLabel(row.question_id, None if row.human is None else row.human.label, row.annotator)
        for row in rows
        if row.settles
    )
    labelled -= {one.question_id for one in settled if one.label is None}
    silent = tuple(dict.fromkeys(row.question_id for row in rows if row.question_id not in labelled))
    of_labelled = {question: answers[question] for question in sorted({*labelled, *silent})}
    return MetricLabels(metric, given, sample, reason, of_labelled, silent, settled=settled)


def store_sample(run: RunFolder, sample: Sample) -> None:
    """Store a sample in its run, and the labels that are known where nobody has to label anything."""
    run.write_sample(sample.metric, sample.digest, sample.to_json())
    if not sample.to_label and (sample.carried is not None or sample.design is not None):
        run.write_labels(sample.metric, MetricLabels(sample.metric, (), sample, "", {}).to_json())


def agreement_of(labels: MetricLabels) -> Agreement | None:
    """Krippendorff's alpha of the annotators; None with fewer than 10 questions that two people labelled, and where all
    labels are the same, so that agreement beyond chance is undefined.
    """
    raters = {annotator: i for i, annotator in enumerate(labels.annotators)}
    items = {question_id: i for i, question_id in enumerate(dict.fromkeys(one.question_id for one in labels.labels))}
    table = np.full((len(raters), len(items)), np.nan)
    for one in labels.labels:
        table[raters[one.annotator], items[one.question_id]] = one.label
    common = table[:, np.count_nonzero(~np.isnan(table), axis=0) >= 2]
    given = common[~np.isnan(common)]
    if common.shape[1] < FEWEST_FOR_AGREEMENT or given.min() == given.max():
        return None
    return krippendorff_alpha(common, scale="interval")


def _require_scored(run: RunFolder, scored: ScoredQuestions, rows: Sequence[LabelRow]) -> None:
    problems: list[str] = []
    for row in rows:
        question_id = row.question_id
        if question_id in scored.failed:
            why = f"the pipeline failed on it, so it scores {scored.metric.worst:g} without a label"
        elif question_id in scored.scores:
            continue
        elif question_id in scored.unscored:
            why = f"it has no score on {scored.metric} ({scored.unscored[question_id]})"
        else:
            why = f"{run_name(run)} has no such question"
        problems.append(f"{row.place}: found a label for {question_id!r}, expected none: {why}; remove the row")
    if problems:
        raise LabelFileError(problems)


def _sample_of(
    run: RunFolder, metric: str, rows: Sequence[LabelRow], answers: Mapping[str, str]
) -> tuple[Sample | None, str]:
    """The stored sample that these labels belong to; or None and why they are not known to be a random sample."""
    others = [row for row in rows if row.run != run_name(run)]
    if others:
        return None, f"found {len(others)} labels of the run {others[0].run!r}, expected {run_name(run)!r}"
    names = list(dict.fromkeys(row.sample for row in rows))
    if names == [""]:
        return None, f"found {metric} labels that name no sample (column `sample`)"
    if len(names) > 1:
        return None, f"found {metric} labels of several samples ({', '.join(names)})"
    sample = stored_sample(run, metric, names[0])
    if sample is None:
        return None, f"found {metric} labels of the sample {names[0]!r}, which was not drawn from this run"
    looked_at = {row.question_id for row in rows}
    part = drawn_so_far(sample, looked_at)
    if part is None:
        foreign = sorted(looked_at - set(sample.to_label))
        return None, f"found {sample.metric} labels of questions that were not drawn ({', '.join(foreign[:3])})"
    if changed := [question for question in sorted(looked_at) if sample.answers[question] != answers[question]]:
        return None, (
            f"found {metric} labels of the sample {names[0]}, drawn before {len(changed)} of these answers changed "
            f"({', '.join(changed[:3])})"
        )
    without = [stratum.name for stratum in sample.strata if not set(stratum.questions) & set(part)]
    if without:
        return (
            None,
            f"found no {metric} label yet of the answers that are {' or '.join(without)}: label more of the sample",
        )
    return sample, ""
