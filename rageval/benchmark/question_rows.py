"""Tables with one row a question and passages of its own, as SQuAD and most sets for RAG have it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from rageval.benchmark.reading import describe
from rageval.benchmark.records import Rows, parse_document, parse_question
from rageval.benchmark.validate import assemble
from rageval.errors import BenchmarkError, DeclarationError
from rageval.io.tolerance import count, new_problems
from rageval.types import UNANSWERABLE, Benchmark, Card, Document, Question, RelevanceLabel

Columns: TypeAlias = Mapping[str, tuple[str, ...]]
"""By what it holds, the path of a column: its name, and those of the parts inside."""

USUAL: Mapping[str, tuple[str, ...]] = {
    "question": ("question", "query", "user_input"),
    "documents": ("documents", "reference_contexts", "context", "passages", "contexts"),
    "references": ("references", "answers", "reference", "ground_truths", "ground_truth", "answer"),
    "id": ("id", "_id", "question_id", "query_id"),
    "titles": ("titles", "title"),
    "grades": (),
}
"""What a column may hold, and the names under which it is looked for where none is given, in that order."""

_REQUIRED = ("question", "documents")
_EITHER = {
    "documents": ("contexts", ("answer", "response")),
    "references": ("answer", ("contexts", "retrieved_contexts")),
}
"""Names that logs of systems have too: such a column is not taken by default beside one of the others."""


def choose_columns(given: Mapping[str, str], there: Sequence[str], place: str) -> Columns:
    """The columns to read: those that are given (`a.b` is the part b of column a), else the first usual name there is.

    Raises DeclarationError for a key that means nothing, BenchmarkError for a column that is not there, and for one
    that could be a system's own answer or what it retrieved.
    """
    for role in given:
        if role not in USUAL:
            near = difflib.get_close_matches(role, USUAL, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise DeclarationError(f"columns: found the unknown key {role!r}, expected one of {', '.join(USUAL)}{hint}")
    chosen: dict[str, tuple[str, ...]] = {}
    problems: list[str] = []
    for role, usual in USUAL.items():
        name = given.get(role) or next((name for name in usual if name in there), None)
        if name is None:
            if role in _REQUIRED:
                problems.append(f"{place}: found no column for {role}, expected columns: {role}: one of {_all(there)}")
            continue
        path = (name,) if name in there else tuple(name.split("."))
        if path[0] in there:
            chosen[role] = path
        else:
            problems.append(f"{place}: found no column {path[0]!r} for {role}, expected one of: {_all(there)}")
    problems += _doubts(chosen, given, there, place)
    if problems:
        raise BenchmarkError(problems)
    return chosen


def _doubts(chosen: Columns, given: Mapping[str, str], there: Sequence[str], place: str) -> list[str]:
    """A problem where columns taken by default look like those of a system's log."""
    doubtful = {
        role: name
        for role, (name, others) in _EITHER.items()
        if role not in given and chosen.get(role) == (name,) and set(others) & set(there)
    }
    if not doubtful:
        return []
    asked = " ".join(f"{name} → {role}?" for role, name in doubtful.items())
    expected = ", ".join(f"{role}: {name}" for role, name in doubtful.items())
    found = f"{place}: found columns that could also be a system's own answers and what it retrieved ({asked})"
    remedy = f"columns: {{{expected}}} where they are the right answers and the relevant passages"
    return [f"{found}, expected {remedy}; else name others there, or score the system as a recorded run"]


def roles_text(columns: Columns) -> str:
    """Which column was read as what: `question → question, answers → references`."""
    roles = ", ".join(f"{'.'.join(path)} → {role}" for role, path in columns.items())
    return roles if "grades" in columns else f"{roles}; every document relevant"


def from_question_rows(
    card: Card, rows: Iterable[Mapping[str, object]], columns: Columns, place: str, *, strict: bool = False
) -> Benchmark:
    """The benchmark of these rows; raises BenchmarkError with every problem found, at places like `place[3]`, from 0.

    `documents` and `references` are a text, a list of texts, or mappings (a list of them, or one of lists) with
    `text`, of which documents may have `title`. Every text is a document, called after the first question that has it
    and its place there (`12-0`); the same text and title are the same document in all rows. Blank ones are left out.
    A row's own documents are relevant for it, with grade 1, or as the list `grades` says (null: no label). Where
    there is no `id`, the questions are q0, q1, …; ids may be whole numbers. A mapping of answers without any
    (`{"text": []}`, as in SQuAD 2.0) tags its question `unanswerable`: its documents have grade 0, and other questions
    without references are just that.
    """
    problems = new_problems(strict=strict)
    documents, questions, labels = Rows[Document](place), Rows[Question](place), Rows[RelevanceLabel](place)
    known: dict[tuple[str, str], str] = {}
    for number, row in enumerate(rows):
        here = f"{place}[{number}]"
        before = len(problems)
        reader = _Row(row, columns, here, problems)
        question = reader.question(number)
        passages = reader.passages()
        if question is None or len(problems) > before:
            continue
        questions.add(here, question, question.id)
        grades: dict[str, int] = {}
        for index, passage in enumerate(passages):
            if not passage.text.strip():
                count(problems, "passage without text", f"{here}: found an empty text in passage {index}")
                continue
            doc_id = known.get((passage.title, passage.text))
            if doc_id is None:
                doc_id = known[passage.title, passage.text] = f"{question.id}-{index}"
                record = {"id": doc_id, "text": passage.text, "title": passage.title}
                documents.add(here, parse_document(record, here, problems), doc_id)
            if passage.grade is not None:
                grade = min(passage.grade, 0) if not question.answerable and "grades" not in columns else passage.grade
                grades[doc_id] = max(grade, grades.get(doc_id, grade))
        for doc_id, grade in grades.items():
            labels.add(here, RelevanceLabel(question.id, doc_id, grade), question.id)
    if problems:
        documents.refused.add("")
        questions.refused.add("")
    return assemble(card, documents, questions, labels, problems, labels_optional=True)


@dataclass(frozen=True, slots=True)
class _Passage:
    title: str
    text: str
    grade: int | None


@dataclass(frozen=True, slots=True)
class _Row:
    """One row; what is wrong with it is added to `problems`."""

    cells: Mapping[str, object]
    columns: Columns
    place: str
    problems: list[str]

    def question(self, number: int) -> Question | None:
        text = self._cell("question")
        if not isinstance(text, str) or not text.strip():
            found = "an empty text" if isinstance(text, str) else describe(text)
            self._problem("question", found, "the question's text")
            return None
        given = self._cell("id") if "id" in self.columns else f"q{number}"
        number_given = whole_number(given)
        if number_given is not None:
            count(self.problems, "number as an id", f"{self.place}: found the number {number_given} as an id")
        question_id = given if number_given is None else str(number_given)
        if not isinstance(question_id, str):
            self._problem("id", describe(given), "a text or a whole number")
            return None
        answers = self._cell("references")
        references = [text for text in self._texts("references", answers) if text.strip()]
        none = isinstance(answers, Mapping) and _text_in(cast("object", answers)) == []
        record = {
            "id": question_id,
            "text": text,
            "references": list(dict.fromkeys(references)),
            "tags": [UNANSWERABLE] if none else [],
        }
        return parse_question(record, self.place, self.problems)

    def passages(self) -> list[_Passage]:
        value = self._cell("documents")
        texts = self._texts("documents", value)
        titles = self._texts("titles", self._cell("titles")) if "titles" in self.columns else _titles_inside(value)
        titles = titles * len(texts) if len(titles) == 1 else titles or [""] * len(texts)
        grades = self._grades() if "grades" in self.columns else [1] * len(texts)
        for role, values in (("titles", titles), ("grades", grades)):
            if len(values) != len(texts):
                self._problem(role, f"{len(values)} values", f"{len(texts)}, one for each document")
                return []
        return [_Passage(*fields) for fields in zip(titles, texts, grades, strict=True)]

    def _cell(self, role: str) -> object:
        path = self.columns.get(role)
        if path is None:
            return None
        value = self.cells.get(path[0])
        for part in path[1:]:
            try:
                value = _part(value, part)
            except (KeyError, TypeError):
                self._problem(role, f"no {part!r} in {describe(value)}", "it in every row")
                return None
        return value

    def _texts(self, role: str, value: object) -> list[str]:
        inside = _text_in(value)
        given = cast("object", inside) if isinstance(inside, list) else value
        items = cast("list[object]", given) if isinstance(given, list) else [] if given is None else [given]
        return [self._text(role, item) for item in items]

    def _text(self, role: str, item: object) -> str:
        text = _text_in(item)
        if isinstance(text, str):
            return text
        if item is not None:
            self._problem(role, describe(item), "texts, or objects with a 'text'")
        return ""

    def _grades(self) -> list[int | None]:
        value = self._cell("grades")
        items = cast("list[object]", value) if isinstance(value, list) else [value]
        grades: list[int | None] = []
        for item in items:
            grade = whole_number(item)
            if grade is None and item is not None:
                self._problem("grades", describe(item), "whole numbers, true and false, or null for no label")
            else:
                grades.append(grade)
        return grades

    def _problem(self, role: str, found: str, expected: str) -> None:
        column = ".".join(self.columns[role])
        self.problems.append(f"{self.place}: found {found} in the column {column!r} ({role}), expected {expected}")


def _text_in(value: object) -> object:
    """The `text` of a mapping; all else as it is."""
    return cast("Mapping[str, object]", value).get("text") if isinstance(value, Mapping) else value


def _part(value: object, name: str) -> object:
    """That part of a mapping, or of each of a list of them."""
    if isinstance(value, Mapping):
        return cast("Mapping[str, object]", value)[name]
    if isinstance(value, list):
        return [_part(item, name) for item in cast("list[object]", value)]
    raise TypeError


def _titles_inside(value: object) -> list[str]:
    """The titles that documents given as mappings have; none where any of them lacks one."""
    try:
        titles = _part(value, "title")
    except (KeyError, TypeError):
        return []
    found = cast("list[object]", titles) if isinstance(titles, list) else [titles]
    return ["" if title is None else str(title) for title in found]


def _all(names: Sequence[str]) -> str:
    return ", ".join(names)


def whole_number(value: object) -> int | None:
    """Ids and grades as tables have them: whole numbers, also as floats, and truth values; None for all else."""
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return int(value)
    return None
