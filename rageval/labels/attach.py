"""Attaching people's labels to a run, and refusing those that would make its numbers wrong.

An interval from labels and a judge is right only if the labelled questions are a random sample of this very run's. That
is known where they are what `rageval sample` drew, or a first part of it in the drawn order; anything else somebody
may have picked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rageval.errors import DeclarationError, LabelFileError
from rageval.labels.files import LabelRow, read_label_files
from rageval.labels.frame import Frame, answers_digest, read_frame, run_name
from rageval.labels.sampling import Sample, sample_from_json
from rageval.stats import Agreement, krippendorff_alpha
from rageval.store import RunFolder
from rageval.types import Json

FEWEST_FOR_AGREEMENT = 10


@dataclass(frozen=True, slots=True)
class Labels:
    """People's labels of one metric as a run folder keeps them.

    `by_question` holds the mean of the annotators. `sample` is None, and `reason` says why, where the labels are not
    known to be a random sample of the run's questions. `answers_digest` is that of the run when they were attached.
    """

    metric: str
    rows: tuple[tuple[str, str, float], ...]
    sample: Sample | None
    reason: str
    answers_digest: str

    @property
    def by_question(self) -> dict[str, float]:
        given: dict[str, list[float]] = {}
        for question_id, _, label in self.rows:
            given.setdefault(question_id, []).append(label)
        return {question_id: sum(labels) / len(labels) for question_id, labels in given.items()}

    @property
    def annotators(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(annotator for _, annotator, _ in self.rows))

    def to_json(self) -> dict[str, Json]:
        """The content of the labels' file in the run folder."""
        rows: list[Json] = [
            {"question_id": question_id, "annotator": annotator, "label": label}
            for question_id, annotator, label in self.rows
        ]
        return {
            "metric": self.metric,
            "representative": self.sample is not None,
            "reason": self.reason,
            "sample": None if self.sample is None else self.sample.digest,
            "answers_digest": self.answers_digest,
            "rows": rows,
        }


def read_labels(run: RunFolder, metric: str) -> Labels | None:
    """The labels attached to a run; None where there are none."""
    data = run.labels(metric)
    if data is None:
        return None
    sample = None if data["sample"] is None else _stored_sample(run, metric, data["sample"])
    reason = data["reason"] or ("" if sample is not None else "the sample's file is gone from the run folder")
    rows = tuple((row["question_id"], row["annotator"], row["label"]) for row in data["rows"])
    return Labels(metric, rows, sample, reason, data["answers_digest"])


def attach(run: RunFolder, files: Sequence[Path], *, allow_any_sample: bool = False) -> tuple[Labels, ...]:
    """Check the labels in `files` and keep them in the run folder; those of each metric replace earlier ones.

    `allow_any_sample` accepts labels that are not known to be a random sample of this run's answers and keeps the
    reason with them, to be shown wherever they are used. Values out of range, questions that the run does not have or
    that are not scored, and metrics that it does not have, are refused always. Where anything is refused nothing is
    written.

    Raises LabelFileError for what is wrong with the files, DeclarationError for the run or a metric.
    """
    by_metric: dict[str, list[LabelRow]] = {}
    for row in read_label_files(files):
        by_metric.setdefault(row.metric, []).append(row)
    digest = answers_digest(run.outcomes())
    attached: list[Labels] = []
    for metric, rows in by_metric.items():
        frame = read_frame(run, metric)
        _require_scored(run, frame, rows)
        sample, reason = _sample_of(run, metric, rows, digest)
        if sample is None and not allow_any_sample:
            raise DeclarationError(
                f"{rows[0].place}: {reason}; expected labels of a random sample of this run (`rageval sample` draws "
                "one): use --allow-any-sample to use them all the same, with a warning beside every number"
            )
        kept = tuple((row.question_id, row.annotator, row.label) for row in rows)
        attached.append(Labels(metric, kept, sample, reason, digest))
    for labels in attached:
        run.write_labels(labels.metric, labels.to_json())
    return tuple(attached)


def agreement_of(labels: Labels) -> Agreement | None:
    """Krippendorff's alpha of the annotators; None with fewer than 10 questions that two people labelled, and where all
    labels are the same, so that agreement beyond chance is undefined.
    """
    raters = {annotator: i for i, annotator in enumerate(labels.annotators)}
    items = {question_id: i for i, question_id in enumerate(labels.by_question)}
    table = np.full((len(raters), len(items)), np.nan)
    for question_id, annotator, label in labels.rows:
        table[raters[annotator], items[question_id]] = label
    common = table[:, np.count_nonzero(~np.isnan(table), axis=0) >= 2]
    given = common[~np.isnan(common)]
    if common.shape[1] < FEWEST_FOR_AGREEMENT or given.min() == given.max():
        return None
    return krippendorff_alpha(common, metric="interval")


def labelled_part(sample: Sample, labelled: Mapping[str, Any]) -> list[str] | None:
    """The drawn questions whose labels are known, in order, where `labelled` are all or the first of those asked.

    Failures among them count as labelled. None where the labelled questions are anything but a first part.
    """
    asked = sample.to_label[: len(labelled)]
    if set(asked) != set(labelled):
        return None
    if len(asked) == len(sample.to_label):
        return [*sample.drawn]
    return [*sample.drawn[: sample.drawn.index(asked[-1]) + 1]]


def _require_scored(run: RunFolder, frame: Frame, rows: Sequence[LabelRow]) -> None:
    problems: list[str] = []
    for row in rows:
        if row.question_id in frame.failed:
            why = f"the pipeline failed on it and scores {frame.metric.worst:g} whatever people say"
        elif row.question_id in frame.scores:
            continue
        elif row.question_id in frame.unscored:
            why = f"it has no score on {frame.metric} ({frame.unscored[row.question_id]})"
        else:
            why = f"{run_name(run)} has no such question"
        problems.append(f"{row.place}: found a label for {row.question_id!r}, expected none: {why}; remove the row")
    if problems:
        raise LabelFileError(problems)


def _sample_of(run: RunFolder, metric: str, rows: Sequence[LabelRow], digest: str) -> tuple[Sample | None, str]:
    """The stored sample whose labels these are; or None and why they are not known to be a random sample."""
    others = [row for row in rows if row.run != run_name(run)]
    if others:
        return None, f"found {len(others)} labels of the run {others[0].run!r}, expected {run_name(run)!r}"
    names = list(dict.fromkeys(row.sample for row in rows))
    if names == [""]:
        return None, f"found {metric} labels that name no sample (column `sample`)"
    if len(names) > 1:
        return None, f"found {metric} labels of several samples ({', '.join(names)})"
    sample = _stored_sample(run, metric, names[0])
    if sample is None:
        return None, f"found {metric} labels of the sample {names[0]!r}, which was not drawn from this run"
    if sample.answers_digest != digest:
        return None, f"found {metric} labels of the sample {names[0]}, drawn before this run's answers changed"
    part = labelled_part(sample, {row.question_id: row.label for row in rows})
    if part is None:
        return None, _hand_picked(sample, {row.question_id for row in rows})
    without = [stratum.name for stratum in sample.strata if not set(stratum.questions) & set(part)]
    if without:
        return None, f"found no {metric} label yet for judge scores of {' or '.join(without)}: label more of the sample"
    return sample, ""


def _hand_picked(sample: Sample, labelled: set[str]) -> str:
    foreign = sorted(labelled - set(sample.to_label))
    if foreign:
        return f"found {sample.metric} labels of questions that were not drawn ({', '.join(foreign[:3])})"
    last = max(i for i, question_id in enumerate(sample.to_label) if question_id in labelled)
    skipped = [question_id for question_id in sample.to_label[:last] if question_id not in labelled]
    return (
        f"found {sample.metric} labels with {len(skipped)} questions skipped in the drawn order "
        f"({', '.join(skipped[:3])}), so they may be hand-picked"
    )


def _stored_sample(run: RunFolder, metric: str, name: str) -> Sample | None:
    data = run.sample(metric, name) if re.fullmatch("[0-9a-z]+", name) else None
    return None if data is None else sample_from_json(data)
