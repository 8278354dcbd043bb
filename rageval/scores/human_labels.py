"""People's labels of one metric, as a run folder keeps them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

from rageval.identity import fingerprint
from rageval.io.records import Outcome
from rageval.io.run_folder import RunFolder
from rageval.io.stored import convert
from rageval.scores.samples import Sample, sample_from_json
from rageval.types import Json, Response


@dataclass(frozen=True, slots=True)
class HumanLabel:
    """One person's label of the answer to one question: a number from 0 to 1, or 0 or 1 for a yes-or-no question.
    `annotator` is empty if nobody is named.
    """

    question_id: str
    label: float
    annotator: str = ""


@dataclass(frozen=True, slots=True)
class MetricLabels:
    """Human labels of one metric, as a run folder stores them.

    `by_question` holds the mean of the annotators. `sample` is None, and `reason` says why, if the labels are not known
    to be a random sample of the run's questions. `answers_digest` is the run's digest at the time when the labels were
    attached.
    """

    metric: str
    labels: tuple[HumanLabel, ...]
    sample: Sample | None
    reason: str
    answers_digest: str

    @property
    def by_question(self) -> dict[str, float]:
        given: dict[str, list[float]] = {}
        for one in self.labels:
            given.setdefault(one.question_id, []).append(one.label)
        return {question_id: sum(labels) / len(labels) for question_id, labels in given.items()}

    @property
    def annotators(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.annotator for one in self.labels))

    def to_json(self) -> dict[str, Json]:
        """The content of the labels' file in the run folder."""
        return {
            "metric": self.metric,
            "representative": self.sample is not None,
            "reason": self.reason,
            "sample": None if self.sample is None else self.sample.digest,
            "answers_digest": self.answers_digest,
            "labels": [cast("dict[str, Json]", asdict(one)) for one in self.labels],
        }


def read_labels(run: RunFolder, metric: str) -> MetricLabels | None:
    """The labels attached to a run; None where there are none. Raises DeclarationError for labels that this version
    cannot read.
    """
    data = run.labels(metric)
    if data is None:
        return None
    return convert(f"{run.path}/labels/{metric}.json", data, lambda found: _labels_from_json(run, metric, found))


def _labels_from_json(run: RunFolder, metric: str, data: Mapping[str, Any]) -> MetricLabels:
    sample = None if data["sample"] is None else stored_sample(run, metric, data["sample"])
    reason = data["reason"] or ("" if sample is not None else "the sample's file is gone from the run folder")
    labels = tuple(HumanLabel(**one) for one in data["labels"])
    return MetricLabels(metric, labels, sample, reason, data["answers_digest"])


def labelled_part(sample: Sample, labelled: Mapping[str, Any]) -> list[str] | None:
    """The drawn questions whose labels are known, in order. `labelled` must be all, or a first part, of the questions
    that people are asked; otherwise returns None.

    Failures among the drawn questions count as labelled.
    """
    asked = sample.to_label[: len(labelled)]
    if set(asked) != set(labelled):
        return None
    if len(asked) == len(sample.to_label):
        return [*sample.drawn]
    return [*sample.drawn[: sample.drawn.index(asked[-1]) + 1]]


def stored_sample(run: RunFolder, metric: str, name: str) -> Sample | None:
    """The sample of that digest in the run folder; None where there is none."""
    data = run.sample(metric, name) if re.fullmatch("[0-9a-z]+", name) else None
    return None if data is None else sample_from_json(data)


def run_name(run: RunFolder) -> str:
    """The folder's name, which label files give as `run`."""
    return run.path.resolve().name


def answers_digest(outcomes: Mapping[str, Outcome]) -> str:
    """A digest of what people would label: each question's answer and the passages that the generator read."""
    return fingerprint({question_id: _labelled_part(outcome) for question_id, outcome in outcomes.items()})


def _labelled_part(outcome: Outcome) -> Json:
    if not isinstance(outcome, Response):
        return "failed"
    return [outcome.answer, [[passage.title, passage.text] for passage in outcome.context_passages]]
