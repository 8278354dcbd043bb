"""People's labels of one metric, as a run folder keeps them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

from rageval.identity import fingerprint
from rageval.io.records import Outcome
from rageval.io.run_folder import RunFolder
from rageval.io.stored import convert
from rageval.scores.samples import DIGITS, Sample, sample_from_json
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
class SettledLabel:
    """The label on which a question was settled after annotators had disagreed, by whom; None: it cannot be told."""

    question_id: str
    label: float | None
    annotator: str


@dataclass(frozen=True, slots=True)
class MetricLabels:
    """Human labels of one metric, as a run folder stores them.

    `by_question` holds the mean of the annotators, or what the question was `settled` on. `cannot_tell` are questions
    that people looked at and could not label. `sample` is None, and `reason` says why, if the labels are not known to
    be a random sample of the run's questions. `answers` are the digests of the answers that were labelled, by question.
    `expert` names the judge that corrects the run's own beside them (`rageval.scores.expert_labels`), `second_judge`
    one that is read together with the run's own (`rageval.scores.second_judge`); empty for the one named `light`.
    """

    metric: str
    labels: tuple[HumanLabel, ...]
    sample: Sample | None
    reason: str
    answers: Mapping[str, str]
    cannot_tell: tuple[str, ...] = ()
    expert: str = ""
    settled: tuple[SettledLabel, ...] = ()
    second_judge: str = ""

    @property
    def by_question(self) -> dict[str, float]:
        given: dict[str, list[float]] = {}
        for one in self.labels:
            given.setdefault(one.question_id, []).append(one.label)
        means = {question_id: sum(labels) / len(labels) for question_id, labels in given.items()}
        decided = {one.question_id: one.label for one in self.settled}
        return {
            question: label for question, mean in means.items() if (label := decided.get(question, mean)) is not None
        }

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
            "answers": {**self.answers},
            "labels": [cast("dict[str, Json]", asdict(one)) for one in self.labels],
            "cannot_tell": [*self.cannot_tell],
            **({"expert": self.expert} if self.expert else {}),
            **({"second_judge": self.second_judge} if self.second_judge else {}),
            **({"settled": [cast("dict[str, Json]", asdict(one)) for one in self.settled]} if self.settled else {}),
        }


def read_labels(run: RunFolder, metric: str) -> MetricLabels | None:
    """The labels attached to a run; None where there are none. Raises DeclarationError for labels that this version
    cannot read.
    """
    data = run.labels(metric)
    if data is None:
        return None
    return convert(f"{run.path}/labels/{metric}.json", data, lambda found: metric_labels_from_json(run, metric, found))


def metric_labels_from_json(run: RunFolder, metric: str, data: Mapping[str, Any]) -> MetricLabels:
    """The inverse of `MetricLabels.to_json`, with the sample from the run folder."""
    sample = None if data["sample"] is None else stored_sample(run, metric, data["sample"])
    nothing = not data["labels"] and data["sample"] is None
    reason = data["reason"] or (
        "" if nothing or sample is not None else "the sample's file is gone from the run folder"
    )
    labels = tuple(HumanLabel(**one) for one in data["labels"])
    return MetricLabels(
        metric,
        labels,
        sample,
        reason,
        data["answers"],
        tuple(data["cannot_tell"]),
        data.get("expert", ""),
        tuple(SettledLabel(**one) for one in data.get("settled", ())),
        data.get("second_judge", ""),
    )


def drawn_so_far(sample: Sample, labelled: Collection[str]) -> list[str] | None:
    """The drawn questions that people have come to, in the drawn order; those of them without a label are missing. None
    where a labelled question was not drawn.

    They end before the next question to label, so that failures and labels known beforehand have the share in them that
    they have in the sample (inverse binomial sampling, Haldane 1945, Biometrika 33).
    """
    if not set(labelled) <= set(sample.to_label):
        return None
    looked_at = [place for place, question in enumerate(sample.to_label) if question in labelled]
    last = max(looked_at, default=-1) + 1
    if last == len(sample.to_label):
        return [*sample.drawn]
    return [*sample.drawn[: sample.drawn.index(sample.to_label[last])]]


def stored_sample(run: RunFolder, metric: str, name: str) -> Sample | None:
    """The sample of that digest in the run folder; None where there is none."""
    data = run.sample(metric, name) if re.fullmatch("[0-9a-z]+", name) else None
    return None if data is None else sample_from_json(data)


def run_name(run: RunFolder) -> str:
    """The folder's name, which label files give as `run`."""
    return run.path.resolve().name


def answer_digests(outcomes: Mapping[str, Outcome]) -> dict[str, str]:
    """By question, a digest of what people label: the question's answer and the passages that the generator read."""
    return {question_id: fingerprint(_labelled_part(outcome))[:DIGITS] for question_id, outcome in outcomes.items()}


def _labelled_part(outcome: Outcome) -> Json:
    if not isinstance(outcome, Response):
        return "failed"
    return [outcome.answer, [[passage.title, passage.text] for passage in outcome.context_passages]]
