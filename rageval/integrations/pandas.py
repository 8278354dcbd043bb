"""Benchmarks and recorded runs from pandas DataFrames (extra `pandas`); runs and results give theirs by `to_pandas`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from rageval.benchmark.evidence import find_quotes
from rageval.benchmark.labels import COLUMNS, MORE_COLUMNS, WrittenLabel, parse_label
from rageval.benchmark.question_rows import whole_number
from rageval.benchmark.records import Rows, parse_document, parse_question
from rageval.benchmark.validate import assemble
from rageval.errors import DeclarationError
from rageval.io.frames import Dtype, make_frame, read_frame, rows_of, write_frame
from rageval.pipeline import Pipeline, Resources, Stage, State
from rageval.pipeline.documents import DocumentsById
from rageval.pipeline.recorded import MALFORMED, check_k, recorded_response, replayed
from rageval.pipeline.recorded_hits import check_documents
from rageval.types import Benchmark, Card, Document, Question, Response

if TYPE_CHECKING:
    from rageval.io.frames import DataFrame

__all__ = ["benchmark_from_frames", "benchmark_to_frames", "read_frame", "recorded_frame", "write_frame"]

DOCUMENTS: Mapping[str, Dtype] = {
    "id": "string",
    "text": "string",
    "title": "string",
    "language": "string",
    "metadata": "string",
}
QUESTIONS: Mapping[str, Dtype] = {
    "id": "string",
    "text": "string",
    "language": "string",
    "references": "texts",
    "tags": "texts",
    "metadata": "string",
}
LABELS: Mapping[str, Dtype] = {
    "question_id": "string",
    "document_id": "string",
    "grade": "Int64",
    "start": "Int64",
    "end": "Int64",
    "part": "string",
}


def benchmark_from_frames(
    name: str, documents: DataFrame, questions: DataFrame, labels: DataFrame | None = None
) -> Benchmark:
    """A benchmark of these frames, whose columns are those of the files of a benchmark's folder.

    `documents`: `id`, `text`, and if you like `title`, `language`, `metadata` (mappings, or such as JSON text).
    `questions`: `id`, `text`, and if you like `language`, `references`, `tags` (lists of texts; a text is a list of
    one), `metadata`. `labels`: `question_id`, `document_id`, `grade`, and if you like `start`, `end`, `quote`, `part`.
    Ids may be whole numbers. A missing value is taken as no value; without a language it is told by the text's
    characters.

    Raises DeclarationError for a column that is missing or unknown, BenchmarkError with every other problem; places
    look like `documents[3]`, counted from 0.
    """
    problems: list[str] = [] if name.strip() else [f"name: found {name!r}, expected the benchmark's name"]
    read = _documents(documents, problems)
    asked = _questions(questions, problems)
    written = Rows[WrittenLabel]("labels") if labels is None else _labels(labels, problems)
    located = find_quotes(written, read, problems)
    return assemble(Card(name), read, asked, located, problems, labels_optional=True)


def benchmark_to_frames(benchmark: Benchmark) -> tuple[DataFrame, DataFrame, DataFrame]:
    """Documents, questions and labels, of which `benchmark_from_frames` makes a benchmark with the same hash.

    `metadata` are JSON text, `references` and `tags` lists.
    """
    documents = (
        (d.id, d.text, d.title, d.language, json.dumps(dict(d.metadata), ensure_ascii=False))
        for d in benchmark.documents
    )
    questions = (
        (q.id, q.text, q.language, [*q.references], [*q.tags], json.dumps(dict(q.metadata), ensure_ascii=False))
        for q in benchmark.questions
    )
    labels = ((x.question_id, x.doc_id, x.grade, x.start, x.end, x.part or None) for x in benchmark.labels)
    return make_frame(DOCUMENTS, documents), make_frame(QUESTIONS, questions), make_frame(LABELS, labels)


def recorded_frame(responses: DataFrame, name: str = "recorded", k: int | None = None) -> Pipeline:
    """A pipeline that replays the responses of a frame; all hits of each are the context, or with `k` the first `k`.

    A row is a response with `question_id`, `answer` and `hits` (lists of `{"doc_id", "score"?, "text"?}`, best first),
    or a hit with `question_id`, `doc_id`, and if you like `answer` (the same in all rows of a question), `score` and
    `text`; the order of a question's rows is its ranking. A hit without text is the whole document, a missing `doc_id`
    no hit, a question without rows has neither hits nor answer. The column `abstained` (true, false or missing) says
    whether the answer is an abstention, as in recorded files. Other columns are not read.

    Raises DeclarationError that names row and column.
    """
    check_k(k)
    by_hit = "doc_id" in getattr(responses, "columns", ())
    optional = ("answer", "abstained", "doc_id", "score", "text") if by_hit else ("answer", "abstained", "hits")
    records: dict[str, dict[str, Any]] = {}
    for here, row in rows_of(responses, "responses", ("question_id",), optional, others=True):
        question_id = _id(row["question_id"])
        if not isinstance(question_id, str):
            raise DeclarationError(f"{here}: found {question_id!r} for 'question_id', expected a text or whole number")
        said = {"answer": row.get("answer"), "abstained": _truth(row.get("abstained"))}
        if question_id not in records:
            records[question_id] = {**said, "hits": []}
        elif not by_hit:
            raise DeclarationError(f"{here}: found the 'question_id' {question_id!r} again, expected it once")
        for key, value in said.items():
            if records[question_id][key] != value:
                raise DeclarationError(
                    f"{here}: found another {key!r} for question {question_id!r}, expected that of its rows before"
                )
        try:
            hits = [_hit(row)] if row.get("doc_id") is not None else [*map(_hit, row.get("hits") or ())]
            recorded_response({**said, "hits": hits}, {})
        except MALFORMED as error:
            raise DeclarationError(
                f"{here}: found {type(error).__name__} ({error}) in the columns {', '.join(optional)}, expected an "
                "answer as text, and hits, each with doc_id"
            ) from None
        records[question_id]["hits"] += hits
    text = json.dumps(records, ensure_ascii=True, sort_keys=True)
    return Pipeline(name, ReplayFrame(hashlib.sha256(text.encode()).hexdigest(), k, records))


@dataclass(frozen=True)
class ReplayFrame(Stage):
    """Responses from a frame, by question id; `digest` stands for them in fingerprints."""

    digest: str
    k: int | None
    records: Mapping[str, Mapping[str, Any]] = field(compare=False, repr=False)

    def identity_fields(self) -> dict[str, object]:
        return {"digest": self.digest, "k": self.k}

    async def run(self, state: State, resources: Resources) -> State:
        recorded = await resources.get(_Recorded(self.digest, self.records))
        response = recorded.get(state.question.id)
        if response is not None:
            check_documents(response, await resources.get(DocumentsById()))
        return replayed(state, response, self.k)


@dataclass(frozen=True)
class _Recorded:
    digest: str
    records: Mapping[str, Mapping[str, Any]] = field(compare=False, repr=False)

    async def build(self, resources: Resources) -> Mapping[str, Response]:
        documents = await resources.get(DocumentsById())
        return {question_id: recorded_response(record, documents) for question_id, record in self.records.items()}


def _truth(cell: object) -> object:
    """The truth value that a cell of a CSV file holds as text, else the cell."""
    return {"true": True, "false": False}.get(cell.lower(), cell) if isinstance(cell, str) else cell


def _hit(cells: object) -> dict[str, Any]:
    """The part of the cells that is a hit, without what is missing."""
    if not isinstance(cells, Mapping):
        raise TypeError("a hit is not an object")
    cells = cast("Mapping[str, Any]", cells)
    given = {key: cells[key] for key in ("score", "text") if cells.get(key) is not None}
    return {"doc_id": str(_id(cells["doc_id"])), **given}


def _documents(frame: DataFrame, problems: list[str]) -> Rows[Document]:
    rows = Rows[Document]("documents")
    for here, cells in rows_of(frame, "documents", ("id", "text"), ("title", "language", "metadata")):
        fields = _fields(cells, ("id", "text"))
        _read_metadata(fields, here, problems)
        rows.add(here, parse_document(fields, here, problems, title_suffices=True), fields["id"])
    return rows


def _read_metadata(fields: dict[str, object], here: str, problems: list[str]) -> None:
    """Replace metadata that is JSON text by what it says."""
    metadata = fields.get("metadata")
    if isinstance(metadata, str):
        try:
            fields["metadata"] = json.loads(metadata)
        except ValueError as error:
            problems.append(f"{here}: found 'metadata' that is not JSON ({error}), expected an object")
            del fields["metadata"]


def _questions(frame: DataFrame, problems: list[str]) -> Rows[Question]:
    rows = Rows[Question]("questions")
    for here, cells in rows_of(frame, "questions", ("id", "text"), ("language", "references", "tags", "metadata")):
        fields = _fields(cells, ("id", "text"))
        _read_metadata(fields, here, problems)
        for key in ("references", "tags"):
            if isinstance(fields.get(key), str):
                fields[key] = [fields[key]]
        rows.add(here, parse_question(fields, here, problems), fields["id"])
    return rows


def _labels(frame: DataFrame, problems: list[str]) -> Rows[WrittenLabel]:
    rows = Rows[WrittenLabel]("labels")
    for here, cells in rows_of(frame, "labels", COLUMNS, MORE_COLUMNS):
        values = [_id(cells.get(name)) for name in (*COLUMNS, *MORE_COLUMNS)]
        question_id, doc_id, grade, start, end, quote, part = ("" if value is None else str(value) for value in values)
        label = parse_label(question_id, doc_id, grade, start, end, here, problems, part=part)
        rows.add(here, None if label is None else WrittenLabel(label, quote.strip()), question_id)
    return rows


def _fields(cells: Mapping[str, object], required: tuple[str, ...]) -> dict[str, object]:
    """Returns the cells without missing values; keeps a required one that is missing, so that it is reported."""
    fields = {key: value for key, value in cells.items() if value is not None or key in required}
    return {**fields, "id": _id(fields["id"])}


def _id(value: object) -> object:
    number = whole_number(value)
    return value if number is None else str(number)
