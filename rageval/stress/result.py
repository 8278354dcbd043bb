"""What attacks did to a pipeline, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rageval.scores.estimates import interval_to_json
from rageval.stats import Interval
from rageval.stress.attacks import Success
from rageval.types import Json


@dataclass(frozen=True, slots=True)
class Effect:
    """The change of a metric under an attack, attacked - clean (the reverse where lower is better): less than 0 is
    harm. The interval and `p_adjusted` are for all attacks on this metric and pipeline together
    (`rageval.stats.sets`).
    """

    metric: str
    clean: float
    attacked: float
    difference: Interval
    p_adjusted: float

    def to_json(self) -> dict[str, Json]:
        return {
            "metric": self.metric,
            "clean": self.clean,
            "attacked": self.attacked,
            "difference": interval_to_json(self.difference),
            "p_adjusted": self.p_adjusted,
        }


@dataclass(frozen=True, slots=True)
class Case:
    """One question under attack: what was asked in its place, and both answers. An answer is None where there was
    none; `failure` then says why the attacked pipeline failed, where it did.
    """

    question_id: str
    asked: str
    clean: str | None
    attacked: str | None
    succeeded: bool
    loss: float
    failure: str = ""

    def to_json(self) -> dict[str, Json]:
        return {
            "question_id": self.question_id,
            "asked": self.asked,
            "clean": self.clean,
            "attacked": self.attacked,
            "succeeded": self.succeeded,
            "loss": self.loss,
            "failure": self.failure,
        }


@dataclass(frozen=True, slots=True)
class AttackResult:
    """What one attack did to one pipeline on `n` questions, paired with the clean run.

    `rate` is the share of the questions on which the attack reached what it `succeeds` by, of those where that can be
    told; `clean` is the same share of the clean answers, a control, for what one answer tells. `untold` counts the
    others by why, and `unusable` the questions that were not attacked. `planted_read` counts the questions for which
    the generator read a planted document; None where none was planted. `abstained` and `failed` count answers of the
    clean run and under attack. `refused` says why a metric is not compared. `worst` are the worst cases first. `run` is
    the folder of the attacked run.
    """

    attack: str
    what: str
    succeeds: Success
    n: int
    rate: Interval | None
    clean: Interval | None
    untold: Mapping[str, int]
    unusable: Mapping[str, int]
    planted_read: int | None
    abstained: tuple[int, int]
    failed: tuple[int, int]
    effects: tuple[Effect, ...]
    refused: Mapping[str, str]
    worst: tuple[Case, ...]
    run: Path

    def to_json(self) -> dict[str, Json]:
        return {
            "attack": self.attack,
            "what": self.what,
            "succeeds": self.succeeds,
            "questions": self.n,
            "rate": None if self.rate is None else {**interval_to_json(self.rate), "n": self.rate.n},
            "clean_rate": None if self.clean is None else {**interval_to_json(self.clean), "n": self.clean.n},
            "untold": {**self.untold},
            "unusable": {**self.unusable},
            "planted_read": self.planted_read,
            "abstained": {"clean": self.abstained[0], "attacked": self.abstained[1]},
            "failed": {"clean": self.failed[0], "attacked": self.failed[1]},
            "metrics": [effect.to_json() for effect in self.effects],
            "not_compared": {**self.refused},
            "worst": [case.to_json() for case in self.worst],
            "run": str(self.run),
        }


@dataclass(frozen=True, slots=True)
class PipelineStress:
    """What all attacks did to one pipeline; `left_out` says why by attack, and `run` is the clean run."""

    label: str
    attacks: tuple[AttackResult, ...]
    left_out: Mapping[str, str]
    run: Path

    def to_json(self) -> dict[str, Json]:
        return {
            "pipeline": self.label,
            "run": str(self.run),
            "attacks": [one.to_json() for one in self.attacks],
            "left_out": {**self.left_out},
        }


@dataclass(frozen=True, slots=True)
class StressResult:
    """What `rageval stress` found on so many `questions` of the experiment `name`; `skipped` are attacks that lack a
    package.
    """

    name: str
    seed: int
    questions: int
    pipelines: tuple[PipelineStress, ...]
    skipped: Mapping[str, str]

    @property
    def clean_runs(self) -> list[Path]:
        return [one.run for one in self.pipelines]

    def to_json(self) -> dict[str, Json]:
        return {
            "experiment": self.name,
            "seed": self.seed,
            "questions": self.questions,
            "pipelines": [one.to_json() for one in self.pipelines],
            "skipped": {**self.skipped},
        }
