"""A random sample of a run's questions that people label, as a run folder keeps it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import takewhile
from typing import Any

from rageval.identity import fingerprint
from rageval.types import Json

DIGITS = 11


@dataclass(frozen=True, slots=True)
class Stratum:
    """Questions from which `drawn` were drawn at random, each with the same probability.

    A sample has one, unless an earlier version drew it in strata.
    """

    name: str
    questions: tuple[str, ...]
    drawn: int

    @property
    def inclusion_probability(self) -> float:
        return self.drawn / len(self.questions)


@dataclass(frozen=True, slots=True)
class Carried:
    """Labels of drawn questions that come from another run: which, how many, and of its annotators what `RunLabels`
    says by the same names.
    """

    run: str
    labels: int
    annotators: int
    annotator_variance: float


@dataclass(frozen=True, slots=True)
class Design:
    """How questions were drawn where the judge is in doubt (`rageval.stats.active`): `draws` in order, with repeats,
    and the probability of every question of the frame in one draw. `against` is the run whose difference to this one
    they were drawn for; empty for the mean.
    """

    draws: tuple[str, ...]
    probabilities: Mapping[str, float]
    against: str = ""

    def until(self, questions: Collection[str]) -> Design:
        """With the first draws alone, up to that of a question which is not among these."""
        return replace(self, draws=tuple(takewhile(lambda question: question in questions, self.draws)))

    def only(self, questions: Collection[str]) -> Design:
        """With the draws of these questions alone: drawn likewise, with probabilities in the same proportions."""
        return replace(
            self,
            draws=tuple(question for question in self.draws if question in questions),
            probabilities={q: p for q, p in self.probabilities.items() if q in questions},
        )

    def to_json(self) -> dict[str, Json]:
        return {"draws": [*self.draws], "probabilities": {**self.probabilities}, "against": self.against}


def design_from_json(data: Mapping[str, Any] | None) -> Design | None:
    """The inverse of `Design.to_json`; None for None."""
    if data is None:
        return None
    probabilities = {str(question): float(p) for question, p in data["probabilities"].items()}
    return Design(tuple(data["draws"]), probabilities, str(data["against"]))


@dataclass(frozen=True, slots=True)
class Sample:
    """A random sample of the questions that `judge` scored on `metric` in one run.

    The order of `drawn` does not depend on the questions, so any first part of it is also a random sample. `known`
    holds the labels of drawn questions that nobody needs to label: if the pipeline failed, the label is the worst
    score, regardless of what a person would say; and an answer that was labelled in another run keeps its label.
    `answers` are the digests of all answers that could be drawn, by question. With a `design` questions were drawn
    with unequal probabilities, and `drawn` are the different ones.
    """

    run: str
    metric: str
    judge: str
    seed: int
    answers: Mapping[str, str]
    strata: tuple[Stratum, ...]
    drawn: tuple[str, ...]
    known: Mapping[str, float]
    carried: Carried | None = None
    design: Design | None = None

    @property
    def digest(self) -> str:
        """Identifies the sample: equal samples have equal digests. Starts with a letter so that no spreadsheet rounds
        it.
        """
        return "s" + fingerprint(self.to_json())[:DIGITS]

    @property
    def to_label(self) -> tuple[str, ...]:
        """What people are asked, in order."""
        return tuple(question_id for question_id in self.drawn if question_id not in self.known)

    def stratum_of(self) -> dict[str, int]:
        """The position in `strata` of every question that could have been drawn."""
        return {question_id: i for i, stratum in enumerate(self.strata) for question_id in stratum.questions}

    def to_json(self) -> dict[str, Json]:
        """The content of the sample's file in the run folder."""
        stratum_of = self.stratum_of()
        strata: list[Json] = [
            {
                "name": stratum.name,
                "population": len(stratum.questions),
                "drawn": stratum.drawn,
                "questions": [*stratum.questions],
            }
            for stratum in self.strata
        ]
        drawn: list[Json] = [
            {
                "question_id": question_id,
                "stratum": stratum_of[question_id],
                "inclusion_probability": self.strata[stratum_of[question_id]].inclusion_probability,
            }
            for question_id in self.drawn
        ]
        design: dict[str, Json] = {} if self.design is None else {"design": self.design.to_json()}
        return {
            **design,
            "run": self.run,
            "metric": self.metric,
            "judge": self.judge,
            "seed": self.seed,
            "answers": {**self.answers},
            "strata": strata,
            "drawn": drawn,
            "known": {**self.known},
            "carried": None if self.carried is None else asdict(self.carried),
        }


def sample_from_json(data: Mapping[str, Any]) -> Sample:
    """The inverse of `Sample.to_json`."""
    return Sample(
        data["run"],
        data["metric"],
        data["judge"],
        data["seed"],
        data["answers"],
        tuple(Stratum(part["name"], tuple(part["questions"]), part["drawn"]) for part in data["strata"]),
        tuple(entry["question_id"] for entry in data["drawn"]),
        data["known"],
        None if data["carried"] is None else Carried(**data["carried"]),
        design_from_json(data.get("design")),
    )
