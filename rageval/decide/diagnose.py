"""Why the questions of a run fail: causes with their shares, the worst questions of each, and measured losses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rageval.decide.answer_checks import TEXT_OVERLAP
from rageval.decide.choices import Choices, read_choices
from rageval.decide.context_table import Became, ContextTable, context_table
from rageval.decide.costs import costs_of_questions
from rageval.decide.diagnosis import CAUSES, CauseName, Diagnosis, RunDiagnosis
from rageval.decide.losses import Losses, measure_losses
from rageval.decide.paraphrases import Paraphrases, read_paraphrases
from rageval.decide.question_view import QuestionView, view_diagnosed
from rageval.decide.remedies import Remedy, remedy_for
from rageval.io.run_folder import RunFolder
from rageval.scores.estimates import interval_to_json
from rageval.scores.reading import unreadable_as_not_comparable
from rageval.scores.slices import question_slices, slice_members, slice_values
from rageval.scores.spending import folder_spending
from rageval.stats import Interval
from rageval.stats.shares import simultaneous_shares
from rageval.types import Benchmark, Failure, Json, Question

MOST_SHOWN = 10
FEW = 20
"""Slices of fewer questions are marked: with 20, the interval of a share of one half is 0.6 wide."""


@dataclass(frozen=True, slots=True)
class CauseShare:
    """How many questions have a cause, their share, and how many of them were answered right all the same.

    The intervals of all causes of one run, or of one slice, hold together with the probability that they name.
    """

    cause: CauseName
    questions: int
    share: Interval
    right: int

    def to_json(self) -> dict[str, Json]:
        return {
            "cause": self.cause,
            "meaning": CAUSES[self.cause],
            "questions": self.questions,
            "share": interval_to_json(self.share),
            "right_all_the_same": self.right,
        }


@dataclass(frozen=True, slots=True)
class CauseCost:
    """What the questions of a cause cost, alone: `known` of its `questions` have a cost, which sum to `cost`. What was
    spent on a question that the pipeline failed on is not known.
    """

    questions: int
    known: int
    cost: float

    def to_json(self) -> dict[str, Json]:
        return {"questions": self.questions, "known": self.known, "cost": self.cost if self.known else None}


@dataclass(frozen=True, slots=True)
class DiagnosedSlice:
    """The causes of the questions that have `value` under `by` (a question with several tags is in several slices)."""

    by: str
    value: str
    questions: int
    shares: tuple[CauseShare, ...]

    @property
    def small(self) -> bool:
        """Whether there are too few questions to say much."""
        return self.questions < FEW

    def to_json(self) -> dict[str, Json]:
        return {
            "by": self.by,
            "value": self.value,
            "questions": self.questions,
            "small": self.small,
            "causes": [one.to_json() for one in self.shares],
        }


@dataclass(frozen=True, slots=True)
class DiagnoseResult:
    """The diagnosis of a run. `questions` are by id, in the run's order; `shares` has every cause, in the order in
    which they are tried. `worst` has the worst ten questions of each cause but `right`, with their passages, and
    `remedies` what to try next for the causes that occur. `notes` say what the diagnosis rests on. `costs` are by
    cause that occurs; empty where no cost is known. `context` crosses sufficient contexts with what became of the
    answers, None where the run has no metric `sufficient_context`; `choices` are about multiple choice questions
    and `paraphrases` about those that share a group, None where there is none.
    """

    source: str
    label: str
    benchmark: str
    right_by: str
    questions: Mapping[str, Diagnosis]
    shares: tuple[CauseShare, ...]
    slices: tuple[DiagnosedSlice, ...]
    worst: Mapping[CauseName, tuple[QuestionView, ...]]
    remedies: Mapping[CauseName, Remedy]
    losses: Losses | None
    notes: tuple[str, ...]
    costs: Mapping[CauseName, CauseCost] = field(default_factory=dict[CauseName, CauseCost])
    context: ContextTable | None = None
    choices: Choices | None = None
    paraphrases: Paraphrases | None = None

    def __str__(self) -> str:
        return "\n".join(
            f"{one.cause}: {one.questions} of {len(self.questions)} questions "
            f"({one.share.point:.3f} [{one.share.low:.2f}, {one.share.high:.2f}])"
            for one in self.shares
            if one.questions
        )

    def to_json(self) -> dict[str, Json]:
        return {
            "run": self.source,
            "pipeline": self.label,
            "benchmark": self.benchmark,
            "right_by": self.right_by,
            "causes": [one.to_json() for one in self.shares],
            "slices": [one.to_json() for one in self.slices],
            "losses": None if self.losses is None else self.losses.to_json(),
            "remedies": {name: remedy.to_json() for name, remedy in self.remedies.items()},
            "worst": {name: [view.to_json() for view in views] for name, views in self.worst.items()},
            "questions": [one.to_json() for one in self.questions.values()],
            "notes": [*self.notes],
            "costs": {name: one.to_json() for name, one in self.costs.items()},
            "paraphrases": None if self.paraphrases is None else self.paraphrases.to_json(),
            "choices": None if self.choices is None else self.choices.to_json(),
            "sufficient_context": None if self.context is None else self.context.to_json(),
        }


def diagnose(
    run: RunFolder | str | Path,
    *,
    by: Sequence[str] = (),
    oracle: str | Path | None = None,
    closed_book: str | Path | None = None,
    metric: str | None = None,
    benchmark: Benchmark | None = None,
) -> DiagnoseResult:
    """Diagnose a finished run: one cause for each question, without a model call.

    `by` names slices: `language`, `tag`, or a field of the questions' metadata. `oracle` and `closed_book` are runs of
    these recipes on the same questions: the losses of retriever and generator are then measured (`Losses`). `metric`
    says whether answers are right, and what the losses are measured on; `benchmark` and the choice of the metric: see
    `RunDiagnosis`.

    Raises NotComparableError for runs that are missing or unfinished, or cannot be compared, and DeclarationError for a
    metric that the run lacks and a slice that no question has.
    """
    folder = run if isinstance(run, RunFolder) else RunFolder(run)
    with unreadable_as_not_comparable():
        folder.finished_manifest()
    diagnosed = RunDiagnosis(folder, benchmark=benchmark, metric=metric)
    losses = None
    if oracle is not None or closed_book is not None:
        losses = measure_losses(folder.path, [*diagnosed.scores], oracle, closed_book, metric, diagnosed.correctness)
    return diagnose_read(diagnosed, by=by, losses=losses)


def diagnose_read(diagnosed: RunDiagnosis, *, by: Sequence[str] = (), losses: Losses | None = None) -> DiagnoseResult:
    """The diagnosis of a run that is read already. Raises DeclarationError for a slice that no question has."""
    found = {question_id: diagnosed.of(question_id) for question_id in diagnosed.questions}
    asked = [diagnosed.question(question_id) for question_id in found]
    return DiagnoseResult(
        str(diagnosed.folder.path),
        diagnosed.manifest["label"],
        diagnosed.manifest["benchmark"]["name"],
        diagnosed.correctness.name,
        found,
        _shares([*found.values()]),
        tuple(one for name in dict.fromkeys(by) for one in _slices(name, asked, found)),
        _worst(diagnosed, found),
        {
            cause: remedy_for(cause, diagnosed.manifest, spans=diagnosed.marks_spans)
            for cause in CAUSES
            if cause != "right" and any(one.cause == cause for one in found.values())
        },
        losses,
        _notes(diagnosed, [*found.values()]),
        _costs(diagnosed.folder, diagnosed.manifest, found),
        context_table(diagnosed.scores, {name: _became(diagnosed, one) for name, one in found.items()}),
        read_choices((question, diagnosed.outcome(question.id)) for question in asked),
        read_paraphrases(asked, {name: one.right for name, one in found.items()}),
    )


def _became(diagnosed: RunDiagnosis, found: Diagnosis) -> Became | None:
    """What became of the answer; None where there is none, or where it is not known whether it is right."""
    outcome = diagnosed.outcome(found.question_id)
    if isinstance(outcome, Failure) or outcome.answer is None:
        return None
    if outcome.abstained:
        return "refused"
    return None if found.right is None else "right" if found.right else "wrong"


def _costs(
    folder: RunFolder, manifest: Mapping[str, Any], found: Mapping[str, Diagnosis]
) -> dict[CauseName, CauseCost]:
    """By cause, where any cost is known and not all are 0."""
    spending = folder_spending(folder, manifest)
    if not any(spending.costs.values()):
        return {}
    costs: dict[CauseName, CauseCost] = {}
    for cause in CAUSES:
        if asked := [name for name, one in found.items() if one.cause == cause]:
            cost, known = costs_of_questions(spending, asked)
            costs[cause] = CauseCost(len(asked), known, cost)
    return costs


def _shares(found: Sequence[Diagnosis]) -> tuple[CauseShare, ...]:
    counts = Counter(one.cause for one in found)
    right = Counter(one.cause for one in found if one.right)
    intervals = simultaneous_shares([counts[cause] for cause in CAUSES])
    return tuple(
        CauseShare(cause, counts[cause], interval, 0 if cause == "right" else right[cause])
        for cause, interval in zip(CAUSES, intervals, strict=True)
    )


def _slices(by: str, asked: Sequence[Question], found: Mapping[str, Diagnosis]) -> list[DiagnosedSlice]:
    members = slice_members(slice_values(question_slices(asked), by), found, by)
    return [
        DiagnosedSlice(by, value, len(questions), _shares([found[question_id] for question_id in sorted(questions)]))
        for value, questions in members.items()
    ]


def _worst(diagnosed: RunDiagnosis, found: Mapping[str, Diagnosis]) -> dict[CauseName, tuple[QuestionView, ...]]:
    worst: dict[CauseName, tuple[QuestionView, ...]] = {}
    for cause in CAUSES:
        of = sorted((one for one in found.values() if one.cause == cause), key=lambda one: one.badness)
        if of and cause != "right":
            worst[cause] = tuple(_read_or_held(view_diagnosed(diagnosed, one.question_id)) for one in of[:MOST_SHOWN])
    return worst


def _read_or_held(view: QuestionView) -> QuestionView:
    """The view with those passages alone that were read or hold evidence."""
    held = {rank for evidence in view.evidence for rank in evidence.ranks}
    return replace(view, passages=tuple(one for one in view.passages if one.read or one.rank in held))


def _notes(diagnosed: RunDiagnosis, found: Sequence[Diagnosis]) -> tuple[str, ...]:
    notes: list[str] = []
    if any(one.score is not None and one.cause != "pipeline_failed" for one in found):
        name = diagnosed.correctness.name
        how = "the better of answer_contains and token_f1; " if name == TEXT_OVERLAP else ""
        notes.append(f"an answer is right where {name} is at least 0.5 ({how}1 is the best)")
    if any(one.cause == "right" and one.score is None for one in found):
        notes.append("where no answer was generated, right says that the evidence was read")
    if diagnosed.support.judge is None and any(one.cause == "right" and one.score is not None for one in found):
        notes.append("whether what was read supports an answer is not known: the run has no judge claim_support")
    documents = sum(one.basis == "documents" for one in found)
    if documents:
        notes.append(
            f"for {documents} of {len(found)} questions documents stand for the evidence, since no span is marked or "
            "hits have no places: one passage of one relevant document counts as read evidence"
        )
    if diagnosed.benchmark is None:
        notes.append(
            "the benchmark is not at hand: texts that the run does not hold are not shown, and whether the corpus "
            "still has the evidence was not looked at"
        )
    return tuple(notes)
