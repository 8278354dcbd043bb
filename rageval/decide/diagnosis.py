"""Why does a question of a run fail? One cause for each, from what the run stores, without a model call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

from rageval.benchmark import load
from rageval.benchmark.own_loader import names_loader
from rageval.benchmark.rotation import ROTATED
from rageval.decide.answer_checks import RIGHT_FROM, SupportedByContext, right_by_reference
from rageval.decide.evidence_found import Fate, Found, find_documents, find_spans
from rageval.errors import DeclarationError
from rageval.io.records import Outcome
from rageval.io.run_folder import RunFolder
from rageval.metrics.evidence_spans import Part, evidence_parts
from rageval.metrics.repetition import is_degenerate, longest_loop, repetition
from rageval.metrics.verdicts import ABSTENTION, NO_ANSWER, settled
from rageval.scores.repeats import first_answers
from rageval.text.languages import Language
from rageval.types import Benchmark, Document, Failure, Json, Judgment, Question, Response, Score, Unscored

CauseName: TypeAlias = Literal[
    "pipeline_failed",
    "degenerate",
    "no_answer_in_corpus",
    "split_evidence",
    "not_retrieved",
    "ranked_too_low",
    "read_but_wrong",
    "read_but_refused",
    "unsupported",
    "not_known",
    "right",
]
Basis: TypeAlias = Literal["spans", "documents", "none"]

CAUSES: Mapping[CauseName, str] = {
    "pipeline_failed": "the pipeline failed",
    "degenerate": "the answer repeats itself for half of its length or more",
    "no_answer_in_corpus": "answered, though the corpus has no answer",
    "split_evidence": "no passage that was found holds the evidence whole",
    "not_retrieved": "no passage of the ranking holds any of the evidence",
    "ranked_too_low": "a passage holds the evidence, below those that were read",
    "read_but_wrong": "the evidence was read, and the answer is wrong",
    "read_but_refused": "the evidence was read, and the pipeline refused to answer",
    "unsupported": "the passages that were read do not support the answer",
    "not_known": "the run does not hold what would tell",
    "right": "right",
}
"""The causes in the order in which they are tried: the first that applies is the question's. `not_known` takes the
place of the first one that cannot be decided.
"""

_NOT_LOADED = ("hf:", "ir_datasets:")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why one question failed, or that it did not.

    `reason` says in words what the cause rests on. `rank` (from 1) is that of the evidence where it was ranked too low,
    and of the first piece of it where it is split. `searched` and `read` are numbers of passages. `basis` says what
    stands for evidence: marked `spans`, relevant `documents` where no span is marked or hits have no places, or
    nothing. `evidence_read` is the share of the evidence that was read, None without any. `score` says how right the
    answer is (1 is the best) and `right` whether that is enough; None where it is not known.
    """

    question_id: str
    cause: CauseName
    reason: str
    rank: int | None = None
    searched: int = 0
    read: int = 0
    basis: Basis = "none"
    evidence_read: float | None = None
    score: float | None = None
    right: bool | None = None

    @property
    def badness(self) -> tuple[bool, float, float]:
        """Sorts the worst first: what is not right, by the score, by the share of the evidence read."""
        return (
            self.cause == "right",
            0.0 if self.score is None else self.score,
            0.0 if self.evidence_read is None else self.evidence_read,
        )

    def to_json(self) -> dict[str, Json]:
        return {
            "question_id": self.question_id,
            "cause": self.cause,
            "reason": self.reason,
            "rank": self.rank,
            "searched": self.searched,
            "read": self.read,
            "basis": self.basis,
            "evidence_read": self.evidence_read,
            "score": self.score,
            "right": self.right,
        }


class RunDiagnosis:
    """Diagnoses the questions of a finished run, each when it is asked for; of several answers, the first.

    `benchmark` says what the corpus holds; None loads the run's own where it is at hand (`benchmark_at_hand`), else
    whether evidence is gone is not looked at. `metric` says by which scores of the run an answer is right from 0.5 on;
    None chooses one (`right_by_reference`). Raises DeclarationError for a run that is not finished or cannot be read,
    and for a metric that the run lacks.
    """

    def __init__(
        self, run: RunFolder | str | Path, *, benchmark: Benchmark | None = None, metric: str | None = None
    ) -> None:
        self.folder = run if isinstance(run, RunFolder) else RunFolder(run)
        self.manifest = self.folder.finished_manifest()
        self.scores = {name: first_answers(scores) for name, scores in self.folder.scores().items()}
        self.benchmark = benchmark or benchmark_at_hand(self.manifest)
        self.asked = self.folder.questions()
        self.questions: tuple[str, ...] = tuple(cast("list[str]", self.manifest["questions"]))
        self.correctness = right_by_reference(self.folder, self.scores, metric)
        self.documents: Mapping[str, Document] = (
            {} if self.benchmark is None else {document.id: document for document in self.benchmark.documents}
        )
        self._evidence = self.folder.evidence()
        self._outcomes = RunFolder(self.folder.path, self.documents).outcomes()
        self._threshold: int = self.manifest["benchmark"].get("grade_threshold", 1)
        self.judgments: Mapping[str, Mapping[str, tuple[Judgment, ...]]] = {
            name: self.folder.judgments(about["key"]) for name, about in self.manifest["judges"].items()
        }
        self.support = SupportedByContext(self.manifest["judges"], self.judgments)

    def outcome(self, question_id: str) -> Outcome:
        """The outcome, with what the judge `abstention` said of it. Raises DeclarationError where there is none."""
        if question_id not in self._outcomes:
            raise DeclarationError(
                f"{self.folder.path}/responses.jsonl: found no line of question {question_id}, expected one: run the "
                "experiment again"
            )
        return settled(self._outcomes[question_id], self.judgments.get(ABSTENTION, {}).get(question_id))

    def question(self, question_id: str) -> Question:
        """Raises DeclarationError where the run has no such question."""
        if question_id not in self.asked:
            raise DeclarationError(
                f"{self.folder.path}/questions.jsonl: found no question {question_id!r}, expected all that the "
                "manifest names: run the experiment again"
            )
        return self.asked[question_id][0]

    def parts(self, question_id: str) -> tuple[Part, ...]:
        """The parts of the question's marked evidence, in documents that are relevant."""
        return evidence_parts(self._evidence.get(question_id, ()), self._threshold)

    @property
    def marks_spans(self) -> bool:
        """Whether some label of the questions marks evidence."""
        return any(self._evidence.values())

    def grades(self, question_id: str) -> Mapping[str, int]:
        """The grades of the question's labels by document id."""
        return self.asked[question_id][1]

    def relevant(self, question_id: str) -> tuple[str, ...]:
        """The ids of the question's relevant documents."""
        return tuple(doc_id for doc_id, grade in self.grades(question_id).items() if grade >= self._threshold)

    def of(self, question_id: str) -> Diagnosis:
        """The diagnosis of one question. Raises DeclarationError as `question` and `outcome` do."""
        question, outcome = self.question(question_id), self.outcome(question_id)
        if isinstance(outcome, Failure):
            told = f"{outcome.error}: {outcome.message}" if outcome.message else outcome.error
            return Diagnosis(question_id, "pipeline_failed", " ".join(told.split()), score=0.0, right=False)
        basis, found = self._find(question_id, outcome)
        score = self._score(question, outcome)
        cause, reason, rank = self._cause(question, outcome, basis, found, score)
        known = score.value if isinstance(score, Score) else None
        return Diagnosis(
            question_id,
            cause,
            reason,
            rank,
            len(outcome.hits),
            len(outcome.context),
            basis,
            None if found is None else found.share,
            known,
            None if known is None else known >= RIGHT_FROM,
        )

    def _cause(
        self, question: Question, response: Response, basis: Basis, found: Found | None, score: Score | Unscored
    ) -> tuple[CauseName, str, int | None]:
        """The first cause that applies, what it rests on, and the rank that belongs to it."""
        if response.answer and not response.abstained and is_degenerate(response.answer, question.language):
            return "degenerate", _repeats(response.answer, question.language), None
        if not question.answerable:
            if response.abstained:
                return "right", "refused a question that the corpus cannot answer", None
            if response.answer is None:
                return "not_known", "no answer was generated, and the corpus has none to be found", None
            return "no_answer_in_corpus", "the question is unanswerable, and the pipeline answered it", None
        if gone := self._gone(question.id):
            return "no_answer_in_corpus", gone, None
        missing = self._missing(response, basis, found)
        if found is not None and not missing and found.fate != "read":
            return found.fate, _why_not_read(found.fate, found, response, basis), found.rank
        read = "the evidence was read" if basis == "spans" else "a relevant document was read"
        if response.answer is None:
            if missing:
                return "not_known", missing, None
            return "right", f"{read}, and no answer was generated", None
        if response.abstained:
            return ("not_known", f"refused, but {missing}", None) if missing else ("read_but_refused", read, None)
        supported = self.support.supported(question, response)
        if isinstance(score, Score) and score.value < RIGHT_FROM:
            told = f"{self.correctness.name} {score.value:.3f}{_support_in_words(supported)}"
            return ("not_known", f"wrong ({told}), but {missing}", None) if missing else ("read_but_wrong", told, None)
        if supported is False:
            return "unsupported", f"{self.support.judge}: not all that the answer says is in what was read", None
        if isinstance(score, Unscored):
            return "not_known", score.reason, None
        return "right", f"{self.correctness.name} {score.value:.3f}{_support_in_words(supported)}", None

    def _find(self, question_id: str, response: Response) -> tuple[Basis, Found | None]:
        relevant = self.relevant(question_id)
        parts = self.parts(question_id)
        if parts:
            wanted = {span.doc_id for part in parts for span in part}
            places = [hit.passage.end > hit.passage.start for hit in response.hits if hit.passage.doc_id in wanted]
            if any(places) or not places:
                return "spans", find_spans(parts, response)
        if relevant:
            return "documents", find_documents(relevant, response)
        return "none", None

    def _score(self, question: Question, response: Response) -> Score | Unscored:
        """How right the answer is, from 0 to 1."""
        if response.answer is None or response.abstained:
            return Score(float(not question.answerable)) if response.abstained else Unscored(NO_ANSWER)
        if not question.answerable or response.answer == "":
            return Score(0.0)
        return self.correctness.score(question, response)

    def _missing(self, response: Response, basis: Basis, found: Found | None) -> str:
        """What keeps from knowing whether the evidence was read; empty where that is known."""
        if basis == "none" or found is None:
            return "the question has no relevant label"
        if not response.hits and not self._any_hits:
            return "the run has no hits for any question"
        if found.fate != "not_retrieved" and not response.context and not self._any_context:
            return "the run does not say which passages were read"
        return ""

    def _gone(self, question_id: str) -> str:
        """What of the evidence is no longer in the corpus; empty where all is, or the corpus is not at hand."""
        if not self.documents:
            return ""
        for part in self.parts(question_id):
            if not any(span.doc_id in self.documents and self._has(span.doc_id, span.end) for span in part):
                first = part[0]
                return f"the corpus no longer has the evidence {first.doc_id}#{first.start}-{first.end}"
        relevant = self.relevant(question_id)
        if relevant and not any(doc_id in self.documents for doc_id in relevant):
            return f"the corpus no longer has the document {relevant[0]}"
        return ""

    def _has(self, doc_id: str, end: int) -> bool:
        return end <= len(self.documents[doc_id].text)

    @cached_property
    def _any_hits(self) -> bool:
        return any(isinstance(one, Response) and one.hits for one in self._outcomes.values())

    @cached_property
    def _any_context(self) -> bool:
        return any(isinstance(one, Response) and one.context for one in self._outcomes.values())


def causes(
    run: RunFolder | str | Path, *, benchmark: Benchmark | None = None, metric: str | None = None
) -> dict[str, CauseName]:
    """The cause of every question of a finished run, by question id in the run's order. Arguments and errors: see
    `RunDiagnosis`.
    """
    diagnosed = RunDiagnosis(run, benchmark=benchmark, metric=metric)
    return {question_id: diagnosed.of(question_id).cause for question_id in diagnosed.questions}


def benchmark_at_hand(manifest: Mapping[str, Any]) -> Benchmark | None:
    """The benchmark of a run, loaded as its experiment named it, from the current directory; None where it is not
    there, has changed, or would have to be downloaded or made by code of the user's own.
    """
    about = manifest["benchmark"]
    reference = about.get("reference")
    rotated = (reference or "").removeprefix(ROTATED)
    if not rotated or rotated.startswith(_NOT_LOADED) or names_loader(rotated):
        return None
    try:
        found = load(reference, exclude_self=about.get("exclude_self"), grade_threshold=about.get("grade_threshold"))
    except (DeclarationError, OSError):
        return None
    return found if found.content_hash == about["content_hash"] else None


def _why_not_read(fate: Fate, found: Found, response: Response, basis: Basis) -> str:
    searched, read = len(response.hits), len(response.context)
    what = "the evidence" if basis == "spans" else "a relevant document"
    if fate == "ranked_too_low":
        return f"{what} is in passage {found.rank} of the ranking; {read} passages were read"
    if fate == "split_evidence":
        return (
            f"passage {found.rank} of the ranking holds a piece of the evidence, and none of {searched} holds it "
            f"whole; {found.share:.0%} of it was read"
        )
    if not searched:
        return "nothing was found, or nothing was searched for"
    return f"none of the {searched} passages of the ranking " + (
        "holds any of the evidence" if basis == "spans" else "is of a relevant document"
    )


def _repeats(answer: str, language: Language) -> str:
    loop, sequences = longest_loop(answer, language) or 0.0, repetition(answer, language) or 0.0
    return f"{loop:.0%} of the answer is one loop; {sequences:.0%} of its sequences of four words stood there before"


def _support_in_words(supported: bool | None) -> str:
    if supported is None:
        return ""
    return "; what was read supports it" if supported else "; what was read does not support it"
