"""DeepEval's test cases, judged by rageval: a benchmark of what they ask, and a pipeline that replays their answers.

DeepEval itself is not needed: test cases are read by their attributes, saved data sets by the names of their columns.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, cast

from rageval.benchmark import from_records
from rageval.benchmark.reading import describe, read_objects
from rageval.errors import BenchmarkError, DeclarationError
from rageval.identity import fingerprint
from rageval.pipeline import Pipeline
from rageval.pipeline.function import CallFunction
from rageval.types import Benchmark, Document, Hit, Passage, Question, RelevanceLabel, Response

_COLUMNS = ("input", "actual_output", "expected_output", "context", "retrieval_context")
_BETWEEN_TEXTS = "|"  # in cells of CSV and JSONL files
_SOURCE, _TEXT = "deepeval_source=", ",deepeval_context="
_NO_TEXT = "[DEEPEVAL:"  # begins the placeholder of an image or a PDF
_log = logging.getLogger("rageval")

_Fields: TypeAlias = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class _Case:
    """One test case; what was retrieved in pairs of source ("" where it has none) and text."""

    question: str
    answer: str | None
    expected: str | None
    context: tuple[str, ...]
    retrieved: tuple[tuple[str, str], ...]


def read_test_cases(
    source: str | Path | Iterable[object], *, name: str | None = None, system: str = "recorded"
) -> tuple[Benchmark, Pipeline]:
    """Test cases as a benchmark and a pipeline called `system`, for `rageval.evaluate(benchmark, [pipeline], …)`.

    `source` is a file that `EvaluationDataset.save_as` wrote (.json, .jsonl or .csv), or test cases: `LLMTestCase` or
    `Golden` objects, or mappings with the same names. In CSV and JSONL files a "|" within a text parts it in two, as it
    does for DeepEval: save as JSON where texts may have one.

    `input` is the question, `expected_output` its reference answer, and each text of `context` a document that is
    relevant to it. The benchmark is made of these alone, so that several systems asked by the same goldens share it:
    their runs can be compared. Its `name` is that of the file by default. `actual_output` is the answer, and
    `retrieval_context` the ranking that the answer was written from. A retrieved text counts as a relevant document
    where one is part of the other, letter for letter; ranking metrics see nothing else, and a warning says where no
    text fits. A case without `actual_output` has no answer to judge.

    Raises BenchmarkError with every problem found: no question, a conversation, an image, values that are no texts.
    """
    path = Path(source) if isinstance(source, str | Path) else None
    place = "test_cases" if path is None else str(path)
    if path is None and not isinstance(source, Iterable):
        raise DeclarationError(f"test_cases: found a {type(source).__name__}, expected a file, or a list of test cases")
    problems: list[str] = []
    rows = _objects(cast("Iterable[object]", source)) if path is None else _rows(path, problems)
    cases = [case for where, fields in rows if (case := _case(where, fields, problems)) is not None]
    if not cases and not problems:
        problems.append(f"{place}: found no test cases, expected at least one")
    if problems:
        raise BenchmarkError(problems)
    documents = _documents(cases)
    benchmark = _benchmark(name or ("deepeval" if path is None else path.stem), cases, documents)
    responses = {
        question.id: _response(case, documents) for question, case in zip(benchmark.questions, cases, strict=True)
    }
    _warn_if_nothing_fits(place, cases, responses.values())
    return benchmark, _replay(system, {question.id: question.text for question in benchmark.questions}, responses)


def _objects(cases: Iterable[object]) -> Iterator[tuple[str, _Fields]]:
    for number, case in enumerate(cases):
        fields = cast("Mapping[str, object]", case).get if isinstance(case, Mapping) else _attributes(case)
        yield f"test_cases[{number}]", fields


def _attributes(case: object) -> _Fields:
    return lambda key: getattr(case, key, None)


def _rows(path: Path, problems: list[str]) -> Iterator[tuple[str, _Fields]]:
    """The rows of a file with their places."""
    match path.suffix:
        case ".json":
            yield from _json_rows(path, problems)
        case ".jsonl":
            for place, row in read_objects(path, problems):
                yield place, row.get
        case ".csv":
            yield from _csv_rows(path, problems)
        case _:
            raise DeclarationError(f"{path}: found the ending {path.suffix!r}, expected .json, .jsonl or .csv")


def _json_rows(path: Path, problems: list[str]) -> Iterator[tuple[str, _Fields]]:
    try:
        data: object = json.loads(_content(path))
    except (ValueError, RecursionError) as error:
        problems.append(f"{path}: found bad JSON ({error}), expected a list of test cases")
        return
    if not isinstance(data, list):
        problems.append(f"{path}: found {describe(data)}, expected a list of test cases")
        return
    for number, row in enumerate(cast("list[object]", data)):
        if isinstance(row, dict):
            yield f"{path}[{number}]", cast("dict[str, object]", row).get
        else:
            problems.append(f"{path}[{number}]: found {describe(row)}, expected a test case")


def _csv_rows(path: Path, problems: list[str]) -> Iterator[tuple[str, _Fields]]:
    reader = csv.DictReader(io.StringIO(_content(path), newline=""))
    try:
        if "input" not in (reader.fieldnames or ()):
            found = ", ".join(reader.fieldnames or ()) or "no columns"
            problems.append(f"{path}:1: found {found}, expected the columns {', '.join(_COLUMNS)}")
            return
        line = reader.line_num + 1
        for row in reader:
            yield f"{path}:{line}", {key: cell or None for key, cell in row.items()}.get
            line = reader.line_num + 1
    except csv.Error as error:
        problems.append(
            f"{path}:{reader.line_num}: found bad CSV ({error}), expected what DeepEval saves: save as JSON"
        )


def _content(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise BenchmarkError([f"{path}: cannot be read ({error.strerror}), expected a file of test cases"]) from None
    except UnicodeDecodeError as error:
        raise BenchmarkError(
            [f"{path}: found bytes that are not UTF-8 ({error.reason}), expected UTF-8 text"]
        ) from None


def _case(place: str, fields: _Fields, problems: list[str]) -> _Case | None:
    """The test case, or None where a problem was found."""
    if fields("turns") is not None or fields("scenario") is not None:
        problems.append(f"{place}: found a conversation, expected a test case with `input` (one question, one answer)")
        return None
    before = len(problems)
    question, answer, expected = (_text(fields(key), key, place, problems) for key in _COLUMNS[:3])
    context = tuple(text for _, text in _texts(fields("context"), "context", place, problems) if text.strip())
    retrieved = _texts(fields("retrieval_context"), "retrieval_context", place, problems)
    if len(problems) == before and not (question or "").strip():
        problems.append(f"{place}: found no `input`, expected the question")
    texts = [text for text in (question, answer, expected, *context, *(text for _, text in retrieved)) if text]
    if any(_NO_TEXT in text for text in texts):
        problems.append(f"{place}: found an image or a PDF, expected texts: rageval's judges cannot see it")
    if question is None or len(problems) > before:
        return None
    return _Case(question, answer, expected, context, retrieved)


def _text(value: object, key: str, place: str, problems: list[str]) -> str | None:
    if value is None or isinstance(value, str):
        return value
    problems.append(f"{place}: found {describe(value)} for `{key}`, expected a text")
    return None


def _texts(value: object, key: str, place: str, problems: list[str]) -> tuple[tuple[str, str], ...]:
    """Pairs of source and text."""
    if value is None or value == "":
        return ()
    items: object = value.split(_BETWEEN_TEXTS) if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        problems.append(f"{place}: found {describe(value)} for `{key}`, expected a list of texts")
        return ()
    pairs: list[tuple[str, str]] = []
    for item in cast("list[object]", items):
        # A `RetrievedContextData`; a saved one is a text with a mark.
        text, source = (
            (item, "") if isinstance(item, str) else (getattr(item, "context", None), getattr(item, "source", ""))
        )
        if not isinstance(text, str) or not isinstance(source, str):
            problems.append(f"{place}: found {describe(item)} in `{key}`, expected texts")
            continue
        marked, mark, rest = text.removeprefix(_SOURCE).partition(_TEXT)
        pairs.append((marked, rest) if mark and text.startswith(_SOURCE) else (source, text))
    return tuple(pairs)


def _documents(cases: Iterable[_Case]) -> dict[str, Document]:
    """The texts of all contexts as documents, each once, by their texts."""
    texts = dict.fromkeys(text for case in cases for text in case.context)
    return {text: Document(f"context-{number}", text) for number, text in enumerate(texts, start=1)}


def _benchmark(name: str, cases: Iterable[_Case], documents: Mapping[str, Document]) -> Benchmark:
    questions: list[Question] = []
    labels: list[RelevanceLabel] = []
    for number, case in enumerate(cases, start=1):
        references = (case.expected,) if case.expected and case.expected.strip() else ()
        questions.append(Question(f"case-{number}", case.question, references=references))
        labels += [RelevanceLabel(f"case-{number}", documents[text].id, 1) for text in dict.fromkeys(case.context)]
    # A benchmark has documents; taking what was retrieved would make another benchmark of every system's cases.
    return from_records(
        name, documents.values() or [Document("none", "", title="no context was given")], questions, labels
    )


def _response(case: _Case, documents: Mapping[str, Document]) -> Response:
    relevant = [documents[text] for text in dict.fromkeys(case.context)]
    hits = (Hit(_passage(source, text, relevant), -float(rank)) for rank, (source, text) in enumerate(case.retrieved))
    return Response(hits=tuple(hits), answer=case.answer)


def _passage(source: str, text: str, relevant: Iterable[Document]) -> Passage:
    """Returns the retrieved text as part of the first of these documents that contains it or lies in it, else as its
    own document.
    """
    for document in relevant:
        if text and (text in document.text or document.text in text):
            start = max(0, document.text.find(text))
            return Passage(document.id, start, start + len(text), text, source)
    digest = hashlib.sha256(f"{source}\0{text}".encode(errors="replace")).hexdigest()
    return Passage(f"retrieved-{digest[:12]}", 0, len(text), text, source)


def _warn_if_nothing_fits(place: str, cases: Iterable[_Case], responses: Iterable[Response]) -> None:
    both = [r for case, r in zip(cases, responses, strict=True) if case.context and case.retrieved]
    ids = (hit.passage.doc_id for response in both for hit in response.hits)
    if both and all(doc_id.startswith("retrieved-") for doc_id in ids):
        _log.warning("%s: no retrieved text is part of its case's context: ranking metrics will all be 0", place)


def _replay(system: str, asked: Mapping[str, str], responses: Mapping[str, Response]) -> Pipeline:
    async def answer(question: Question) -> Response:
        if asked.get(question.id) != question.text:
            raise LookupError(f"{system}: found no test case {question.id} that asks this, expected the same goldens")
        return responses[question.id]

    digest = fingerprint(
        [
            [
                text,
                responses[question_id].answer,
                [[h.passage.title, h.passage.text] for h in responses[question_id].hits],
            ]
            for question_id, text in asked.items()
        ]
    )
    return Pipeline(system, CallFunction(digest, answer))
