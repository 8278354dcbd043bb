"""What a person sees of one answer that is labelled, and, only afterwards, what the judge said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rageval.io.run_folder import RunFolder
from rageval.metrics.judged import entries_read
from rageval.metrics.names import Metric, parse
from rageval.metrics.verdicts import ABSTENTION, settled
from rageval.people.decisions import Mark
from rageval.people.instructions import instruction
from rageval.people.parts import Piece, Said, judged_pieces, number_of_verdicts, piece_question, pieces_of
from rageval.people.sheet import asked_of_judge
from rageval.prompts import shown_question
from rageval.scores.samples import Sample
from rageval.text.languages import LANGUAGES, Language
from rageval.types import Graded, Json, Judgment, Passage, Question, Response

Kind: TypeAlias = Literal["yes or no", "pieces", "number"]


@dataclass(frozen=True, slots=True)
class LabellingItem:
    """A question with its answer and the passages that the generator read; `pieces` where they are decided one by one.

    The judge's opinion is not in it.
    """

    question: Question
    answer: str
    passages: tuple[Passage, ...]
    kind: Kind
    pieces: tuple[Piece, ...]
    asked: Mapping[Language, str]

    def to_json(self) -> dict[str, Json]:
        """As the page gets it. Offsets of marks in a passage are added to its `start`; `marks` says whether its text is
        a span of the document, so that words in it can be marked.
        """
        passages: list[Json] = [
            {
                "number": number,
                "doc_id": passage.doc_id,
                "start": passage.start,
                "title": passage.title,
                "text": passage.text,
                "marks": _is_span(passage),
            }
            for number, passage in enumerate(self.passages, 1)
        ]
        return {
            "question_id": self.question.id,
            "language": self.question.language,
            "question": shown_question(self.question),
            "references": [*self.question.references],
            "answer": self.answer,
            "passages": passages,
            "kind": self.kind,
            "pieces": [{"text": piece.text, "passage": piece.passage} for piece in self.pieces],
            "asked": {**self.asked},
        }

    def holds(self, mark: Mark) -> bool:
        """Whether a passage holds these words."""
        return mark.start < mark.end and any(
            mark.doc_id == passage.doc_id and passage.start <= mark.start and mark.end <= passage.end
            for passage in self.passages
            if _is_span(passage)
        )


def _is_span(passage: Passage) -> bool:
    return len(passage.text) == passage.end - passage.start


class SampleItems:
    """The items of a sample in its order, read from the run folder when they are asked for."""

    def __init__(self, run: RunFolder, sample: Sample) -> None:
        self._sample = sample
        self.metric: Metric = parse(sample.metric)
        judges = run.manifest()["judges"]
        self._entries = {judge: entry for judge, entry in entries_read(self.metric).items() if entry in judges}
        self._said = {judge: run.judgments(judges[entry]["key"]) for judge, entry in self._entries.items()}
        self._settling: Mapping[str, Sequence[Judgment]] = {}
        if ABSTENTION in judges:
            self._settling = run.judgments(judges[ABSTENTION]["key"])
        self._questions = run.questions()
        self._outcomes = run.outcomes()
        question_of_judge = asked_of_judge(run, sample.metric)
        of_pieces = piece_question(self.metric)
        self._asked = {one: instruction(self.metric, one, question_of_judge) for one in LANGUAGES}
        self._asked_of_piece = {} if of_pieces is None else {one: of_pieces[one] for one in LANGUAGES}

    def item(self, question_id: str) -> LabellingItem:
        """The item of a drawn question."""
        response = self._response(question_id)
        pieces = pieces_of(self.metric, response, self._judged(question_id))
        kind: Kind = "pieces" if pieces else "yes or no" if self.metric.binary else "number"
        return LabellingItem(
            self._questions[question_id][0],
            response.answer or "",
            response.context_passages,
            kind,
            pieces,
            self._asked_of_piece if pieces else self._asked,
        )

    def number(self, question_id: str, verdicts: Sequence[Said]) -> float | None:
        """The metric's number from a person's verdicts on the pieces; None where any is "cannot tell"."""
        response, question = self._response(question_id), self._questions[question_id][0]
        return number_of_verdicts(self.metric, question, response, self._judged(question_id), verdicts)

    def judge_opinion(self, question_id: str, score: float) -> dict[str, Json]:
        """What the judge said: its score, and its grade, reason and quotes on each piece or on the whole."""
        said = [*self._judged(question_id)]
        shown = judged_pieces(self.metric, said) or said
        return {"score": score, "verdicts": [_verdict_to_json(one) for one in shown]}

    def _judged(self, question_id: str) -> Sequence[Judgment]:
        """The verdicts of the metric's judge; none for a metric of several judges."""
        if len(self._said) != 1:
            return ()
        (said,) = self._said.values()
        return said.get(question_id, ())

    def _response(self, question_id: str) -> Response:
        outcome = settled(self._outcomes[question_id], self._settling.get(question_id))
        assert isinstance(outcome, Response)
        return outcome


def _verdict_to_json(judgment: Judgment) -> dict[str, Json]:
    verdict = judgment.verdict
    if not isinstance(verdict, Graded):
        return {"item": judgment.item, "grade": None, "reason": verdict.reason, "quotes": []}
    quotes: list[Json] = [one.quote for one in verdict.evidence if one.quote]
    return {"item": judgment.item, "grade": verdict.grade, "reason": verdict.rationale, "quotes": quotes}
