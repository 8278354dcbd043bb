"""What an HTML report loads when a question is opened: answers, passages, steps and verdicts, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rageval.decide.diagnosis import RunDiagnosis
from rageval.decide.question_view import EvidenceView, Mark, PassageView, QuestionView, view_diagnosed
from rageval.io.records import judgment_to_json
from rageval.io.turns import turns_to_json
from rageval.models.reasoning import split_reasoning
from rageval.report.html.summary import ReadRuns
from rageval.report.money import amount
from rageval.types import Failure, Json, Response, Usage

QUESTIONS_A_BLOCK = 100


@dataclass(slots=True)
class _Pool:
    """The texts of a block's passages, each once."""

    places: dict[tuple[str, str], int]
    texts: list[Json]

    def place(self, text: str, title: str) -> int:
        key = (text, title)
        if key not in self.places:
            self.places[key] = len(self.texts)
            self.texts.append([text, title])
        return self.places[key]


def blocks(
    read: ReadRuns, on_questions: Callable[[int, int], object] = lambda done, total: None
) -> Iterator[dict[str, Json]]:
    """The blocks, `QUESTIONS_A_BLOCK` questions each, in the order of `ReadRuns.questions`."""
    for start in range(0, len(read.questions), QUESTIONS_A_BLOCK):
        part = read.questions[start : start + QUESTIONS_A_BLOCK]
        yield block(read, part)
        on_questions(start + len(part), len(read.questions))


def block(read: ReadRuns, questions: Sequence[str]) -> dict[str, Json]:
    """These questions with what each run made of them, null where it has not asked; and the passages' texts."""
    pool = _Pool({}, [])
    costs = _costs(read)
    found: dict[str, Json] = {}
    for question in questions:
        views = [
            view_diagnosed(run, question, told.questions[question]) if question in told.questions else None
            for run, told in zip(read.diagnosed, read.diagnoses, strict=True)
        ]
        first = next(view for view in views if view is not None)
        found[question] = {
            "references": [*first.question.references],
            "metadata": {**first.question.metadata},
            **({"history": turns_to_json(first.question.history)} if first.question.history else {}),
            "runs": [
                None
                if view is None
                else {
                    **_view(view, {name: _unscored(run, name, question) for name in read.metrics}, pool),
                    "cost": None if (cost := spent.get(question)) is None else amount(cost),
                }
                for view, run, spent in zip(views, read.diagnosed, costs, strict=True)
            ],
        }
    return {"questions": found, "passages": pool.texts}


def _costs(read: ReadRuns) -> list[Mapping[str, float]]:
    """What each question cost alone, for each run; empty where it is not known."""
    spent = {row.path: row.costs.spending.costs for row in read.board.rows if row.costs is not None}
    return [spent.get(run.folder.path, {}) for run in read.diagnosed]


def _unscored(run: RunDiagnosis, metric: str, question: str) -> str | None:
    """Why the metric has no score of the question."""
    return run.scores[metric]["unscored"].get(question) if metric in run.scores else None


def _view(view: QuestionView, unscored: dict[str, str | None], pool: _Pool) -> dict[str, Json]:
    outcome = view.outcome
    found: dict[str, Json] = {
        "evidence": [_evidence(one) for one in view.evidence],
        "passages": [_passage(one, pool) for one in view.passages],
        "judgments": {name: [judgment_to_json(one) for one in said] for name, said in view.judgments.items()},
        "unscored": {name: why for name, why in unscored.items() if why is not None},
        "reason": "" if view.diagnosis is None else view.diagnosis.reason,
    }
    if isinstance(outcome, Failure):
        return {**found, "failure": [outcome.error, outcome.message, outcome.traceback]}
    return {**found, **_response(outcome)}


def _response(response: Response) -> dict[str, Json]:
    thought, answer, _ = split_reasoning(response.answer or "")
    return {
        "answer": None if response.answer is None else answer,
        "thought": thought,
        "abstained": response.abstained,
        "citations": [*response.citations],
        "steps": [[one.name, {**one.detail}, _usage(one.usage)] for one in response.steps],
        "usage": _usage(response.usage),
        "latency": response.latency_s,
    }


def _usage(usage: Usage) -> list[Json]:
    """Calls, prompt tokens and completion tokens of the work alone, and calls that were paid."""
    return [usage.calls, usage.prompt_tokens, usage.completion_tokens, usage.paid_calls]


def _passage(one: PassageView, pool: _Pool) -> list[Json]:
    """Place of the text in the pool, id, grade, place in the context, marks of evidence and of quotes. A passage that
    was not read, holds no evidence and is not quoted is without its text.
    """
    passage = one.passage
    shown = one.read is not None or bool(one.evidence) or bool(one.quotes)
    text = passage.text if shown else ""
    return [
        pool.place(text, passage.title),
        passage.id,
        one.grade,
        one.read,
        _marks(text, one.evidence),
        _marks(text, one.quotes),
    ]


def _marks(text: str, marks: Sequence[Mark]) -> list[Json]:
    """The marks in UTF-16 code units, by which JavaScript counts."""
    if text.isascii() or max(text, default="") <= "\uffff":
        return [[start, end] for start, end in marks]
    return [[_units(text[:start]), _units(text[:end])] for start, end in marks]


def _units(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)


def _evidence(one: EvidenceView) -> dict[str, Json]:
    return {
        "part": one.part,
        "document": one.span.doc_id,
        "span": [one.span.start, one.span.end],
        "text": one.text,
        "read": one.read,
        "ranks": [*one.ranks],
    }
