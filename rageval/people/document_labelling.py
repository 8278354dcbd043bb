"""People grade documents for questions, one at a time, and mark the words that answer: labels of a benchmark.

    labelling/documents-<digest>/queue.json         the questions and documents, in order
    labelling/documents-<digest>/<annotator>.jsonl  what each person decided, a line at every key

A line has the keys of the sheet of `rageval label-next`. The labels go into a `labels.tsv` as that sheet does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from rageval.benchmark.labels import read_labels
from rageval.errors import DeclarationError
from rageval.identity import fingerprint
from rageval.io.line_log import read_lines
from rageval.io.run_folder import RunFolder, write_json
from rageval.io.stored import convert
from rageval.people.decisions import Mark, annotator_name, append_decision, checked_comment, decision_path, now
from rageval.people.instructions import grading_instruction
from rageval.scores.random_order import in_random_order
from rageval.scores.scoring import ranked_documents
from rageval.text.languages import LANGUAGES
from rageval.text.quotes import FoldedText
from rageval.types import Document, Json, Question

CANNOT_TELL = "?"
_DIGITS = 11
_MOST_MARKS = 100


@dataclass(frozen=True, slots=True)
class DocumentQueue:
    """Pairs of question and document that people grade from 0 to `top`, in order; `about` says how they were chosen."""

    about: str
    top: int
    pairs: tuple[tuple[str, str], ...]

    @property
    def digest(self) -> str:
        return "d" + fingerprint(self.to_json())[:_DIGITS]

    def to_json(self) -> dict[str, Json]:
        return {"about": self.about, "top": self.top, "pairs": [[question, doc] for question, doc in self.pairs]}


@dataclass(frozen=True, slots=True)
class Grade:
    """What a person decided on a pair: a grade, "?" for cannot tell, None where only a comment or a mark is there."""

    question_id: str
    doc_id: str
    grade: int | str | None
    evidence: tuple[Mark, ...] = ()
    comment: str = ""
    at: str = ""

    def to_json(self, annotator: str) -> dict[str, Json]:
        return {
            "question_id": self.question_id,
            "document_id": self.doc_id,
            "grade": self.grade,
            "annotator": annotator,
            "evidence": [asdict(mark) for mark in self.evidence],
            "comment": self.comment,
            "at": self.at,
        }


def pool_documents(run: RunFolder, depth: int) -> DocumentQueue:
    """The first `depth` documents of each question that have no label, of a benchmark that has few.

    Questions come in a random order that a repetition keeps, so that stopping anywhere leaves a random part. Raises
    DeclarationError for a depth below 1 and where every document has a label.
    """
    if depth < 1:
        raise DeclarationError(f"depth: found {depth}, expected at least 1")
    manifest, asked, outcomes = run.finished_manifest(), run.questions(), run.outcomes()
    pairs = [
        (question, doc)
        for question in in_random_order(0, "documents", manifest["questions"])
        for doc, _ in ranked_documents(outcomes[question])[:depth]
        if doc not in asked[question][1]
    ]
    if not pairs:
        raise DeclarationError(
            f"{run.path}: found a label for each of the first {depth} documents, expected some without"
        )
    top = max([1, *(grade for _, grades in asked.values() for grade in grades.values())])
    return DocumentQueue(f"pool@{depth}", top, tuple(pairs))


def store_queue(run: RunFolder, queue: DocumentQueue) -> None:
    """Store the queue in the run folder."""
    write_json(run.labelling_path("documents", queue.digest) / "queue.json", queue.to_json())


def stored_queues(run: RunFolder) -> list[DocumentQueue]:
    """The queues in the run folder, by how they were chosen."""
    return sorted(
        (_read_queue(path) for path in (run.path / "labelling").glob("documents-*/queue.json")),
        key=lambda queue: (queue.about, queue.digest),
    )


class DocumentLabelling:
    """The work on one queue: any number of people, each by name."""

    def __init__(self, run: RunFolder, queue: DocumentQueue, documents: Mapping[str, Document]) -> None:
        missing = [doc for _, doc in queue.pairs if doc not in documents]
        if missing:
            raise DeclarationError(
                f"{run.path}: found no document {missing[0]!r} in its benchmark, expected all of them"
            )
        self.queue = queue
        self.folder = run.labelling_path("documents", queue.digest)
        self._questions: Mapping[str, Question] = {name: question for name, (question, _) in run.questions().items()}
        self._documents = documents
        self._numbers = {pair: number for number, pair in enumerate(queue.pairs)}

    def read(self, annotator: str) -> dict[tuple[str, str], Grade]:
        """A person's last decision on each pair."""
        lines = read_lines(decision_path(self.folder, annotator), _grade)
        return {(one.question_id, one.doc_id): one for one in lines}

    def state(self, annotator: str) -> dict[str, Json]:
        """Where a person is: what they decided, in order."""
        grades = self.read(annotator)
        position = self._first_open(grades)
        labels: list[Json] = [_shown(grades[pair]) for pair in self.queue.pairs[:position]]
        return {"total": len(self.queue.pairs), "position": position, "labels": labels}

    def item(self, annotator: str, number: int) -> dict[str, Json]:
        """The pair of that number (from 0). Raises DeclarationError for one beyond the first that is not decided."""
        grades = self.read(annotator)
        question, document = self._pair_at(number, grades)
        decision = grades.get((question.id, document.id))
        passage: dict[str, Json] = {
            "number": 1,
            "doc_id": document.id,
            "start": 0,
            "title": document.title,
            "text": document.text,
            "marks": True,
        }
        return {
            "number": number,
            "total": len(self.queue.pairs),
            "question_id": question.id,
            "language": question.language,
            "question": question.text,
            "references": [*question.references],
            "answer": None,
            "passages": [passage],
            "kind": "grade",
            "top": self.queue.top,
            "pieces": [],
            "asked": {one: grading_instruction(one, self.queue.top) for one in LANGUAGES},
            "decision": None if decision is None else _shown(decision),
            "earlier": None,
            "judge": None,
        }

    def decide(self, annotator: str, number: int, given: Mapping[str, object]) -> dict[str, Json]:
        """Store what a person decided: `label` (a grade, "?" or null), `evidence` (marks) and `comment`.

        Raises DeclarationError for anything else, and for a pair that is not their turn yet.
        """
        annotator = annotator_name(annotator)
        grades = self.read(annotator)
        question, document = self._pair_at(number, grades)
        grade = given.get("label")
        whole = isinstance(grade, int) and not isinstance(grade, bool) and 0 <= grade <= self.queue.top
        if not (whole or grade is None or grade == CANNOT_TELL):
            raise DeclarationError(f"grade: found {grade!r:.80}, expected 0 to {self.queue.top}, ? or null")
        before = grades.get((question.id, document.id))
        if grade is None and before is not None and before.grade is not None:
            raise DeclarationError("grade: found none, expected another one in the place of that there is")
        decision = Grade(
            question.id,
            document.id,
            cast("int | str | None", grade),
            _marks(given.get("evidence", []), document),
            checked_comment(given.get("comment", "")),
            now(),
        )
        append_decision(decision_path(self.folder, annotator), decision.to_json(annotator))
        return {"decision": _shown(decision), "judge": None, "earlier": None}

    def rows(self, annotator: str) -> list[dict[str, str]]:
        """The rows of a `labels.tsv` that follow, in the queue's order: one for each mark, else one for the document.

        A quote that does not stand in its document exactly once has `start` and `end` instead.
        """
        grades = self.read(annotator)
        rows: list[dict[str, str]] = []
        for pair in self.queue.pairs:
            one = grades.get(pair)
            if one is None or not isinstance(one.grade, int):
                continue
            row = {"question_id": one.question_id, "document_id": one.doc_id, "grade": str(one.grade)}
            text = self._documents[one.doc_id].text
            rows += [{**row, **_quoted(text, mark)} for mark in one.evidence if one.grade > 0] or [row]
        return rows

    def _first_open(self, grades: Mapping[tuple[str, str], Grade]) -> int:
        for number, pair in enumerate(self.queue.pairs):
            if pair not in grades or grades[pair].grade is None:
                return number
        return len(self.queue.pairs)

    def _pair_at(self, number: int, grades: Mapping[tuple[str, str], Grade]) -> tuple[Question, Document]:
        last = min(self._first_open(grades), len(self.queue.pairs) - 1)
        if not 0 <= number <= last:
            raise DeclarationError(f"number: found {number}, expected 0 to {last}: the order is that of the queue")
        question, doc = self.queue.pairs[number]
        return self._questions[question], self._documents[doc]


def add_to_labels(rows: Sequence[Mapping[str, str]], table: Path) -> int:
    """Append the rows to a `labels.tsv`, with the columns that it has; returns how many were new.

    Pairs of question and document that it labels already are left out. Raises DeclarationError for a table that cannot
    be read or written, and where a row needs a column that it lacks.
    """
    problems: list[str] = []
    there = read_labels(table, problems)
    if problems:
        raise DeclarationError(problems[0])
    labelled = {(one.label.question_id, one.label.doc_id) for _, one in there.records}
    columns = table.read_text(encoding="utf-8").partition("\n")[0].split("\t")
    new = [row for row in rows if (row["question_id"], row["document_id"]) not in labelled]
    if lacking := {name for row in new for name in row} - {*columns}:
        raise DeclarationError(
            f"{table}: found no column {', '.join(sorted(lacking))}, expected one for marked evidence"
        )
    text = table.read_text(encoding="utf-8")
    lines = ["\t".join(row.get(name, "").replace("\n", " ") for name in columns) + "\n" for row in new]
    try:
        with table.open("a", encoding="utf-8", newline="") as file:
            file.write(("" if text.endswith("\n") else "\n") + "".join(lines))
    except OSError as error:
        raise DeclarationError(f"{table}: cannot be written ({error.strerror})") from None
    return len(new)


def _quoted(text: str, mark: Mark) -> dict[str, str]:
    quote = text[mark.start : mark.end]
    once = [*FoldedText.of(text).spans(quote)] == [(mark.start, mark.end)] and "\t" not in quote
    return {"quote": quote} if once else {"start": str(mark.start), "end": str(mark.end)}


def _shown(grade: Grade) -> dict[str, Json]:
    return {
        "question_id": grade.question_id,
        "label": grade.grade,
        "verdicts": [],
        "comment": grade.comment,
        "evidence": [asdict(mark) for mark in grade.evidence],
        "taken": None,
        "done": grade.grade is not None,
    }


def _marks(given: object, document: Document) -> tuple[Mark, ...]:
    listed = cast("list[object]", given) if isinstance(given, list) else [given]
    found: list[Mark] = []
    for one in listed:
        fields = cast("dict[str, object]", one) if isinstance(one, dict) else {}
        start, end = fields.get("start"), fields.get("end")
        held = isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(document.text)
        if fields.get("doc_id") != document.id or not held or len(listed) > _MOST_MARKS:
            raise DeclarationError(f"evidence: found {one!r:.80}, expected at most {_MOST_MARKS} spans of the document")
        found.append(Mark(document.id, cast("int", start), cast("int", end)))
    return tuple(dict.fromkeys(found))


def _grade(row: Mapping[str, Any]) -> Grade:
    evidence = tuple(Mark(one["doc_id"], one["start"], one["end"]) for one in row["evidence"])
    return Grade(row["question_id"], row["document_id"], row["grade"], evidence, row["comment"], row["at"])


def _read_queue(path: Path) -> DocumentQueue:
    data = json.loads(path.read_text(encoding="utf-8"))
    return convert(
        str(path),
        data,
        lambda found: DocumentQueue(found["about"], found["top"], tuple((q, d) for q, d in found["pairs"])),
    )
