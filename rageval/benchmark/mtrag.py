"""Files of MT-RAG and MTRAG-UN: the last question of each conversation with passages, a reference answer and what kind
of answer it can have.

Katsis et al. 2025, arXiv 2501.03468; the file is `reference.jsonl` of a generation task.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from rageval.benchmark.reading import describe, read_objects, require_files
from rageval.benchmark.records import Rows, parse_document, parse_question
from rageval.benchmark.validate import assemble
from rageval.errors import BenchmarkError
from rageval.io.turns import read_turns
from rageval.types import PARTIAL, UNANSWERABLE, UNDERSPECIFIED, Benchmark, Card, Document, Question, RelevanceLabel

KINDS = ("answerable", PARTIAL, UNDERSPECIFIED, UNANSWERABLE)
"""What the tag of a question says of the answer that it can have."""

_ANSWERED = ("answerable", PARTIAL)
_METADATA = {"Collection": "collection", "Question Type": "question_type", "Multi-Turn": "turn_type"}


def load_mtrag(path: Path) -> Benchmark:
    """Load the file; raises `BenchmarkError` with every problem found.

    One JSON object a line: `task_id`, `input` (the messages of the conversation, the last one the user's),
    `answerability` (one of `KINDS`, in any case), and optionally `contexts` (`document_id`, `text`, `title`) and
    `targets` (reference answers, with `text`); other keys are not read. The last message is the question and those
    before it are its history; its kind is its tag. Every context is a document. For answerable and partial questions
    the contexts are relevant, with grade 1, and the targets are references; for the others neither holds: their targets
    decline or ask back.
    """
    if path.is_dir():
        raise BenchmarkError([f"{path}: found a folder, expected a file such as reference.jsonl in it"])
    require_files([path])
    problems: list[str] = []
    documents, questions = Rows[Document](str(path)), Rows[Question](str(path))
    labels = Rows[RelevanceLabel](str(path))
    known: dict[str, Document] = {}
    for place, fields in read_objects(path, problems):
        question = _question(fields, place, problems)
        if question is None:
            continue
        questions.add(place, question, question.id)
        own: set[RelevanceLabel] = set()
        for document in _documents(fields, place, problems):
            first = known.setdefault(document.id, document)
            if first is document:
                documents.add(place, document, document.id)
            elif first.text != document.text:
                problems.append(f"{place}: found another text of the document {document.id!r}, expected the one before")
            label = RelevanceLabel(question.id, document.id, 1)
            if question.references and label not in own:
                own.add(label)
                labels.add(place, label, question.id)
    if problems:
        documents.refused.add("")
        questions.refused.add("")
    card = Card(path.stem, "MT-RAG format, Katsis et al. 2025")
    return assemble(card, documents, questions, labels, problems, labels_optional=True)


def _question(fields: Mapping[str, object], place: str, problems: list[str]) -> Question | None:
    before = len(problems)
    kind = _kind(fields.get("answerability"))
    if kind is None:
        found = describe(fields.get("answerability"))
        problems.append(f"{place}: found {found} for 'answerability', expected one of {', '.join(KINDS)}")
    try:
        turns = read_turns(fields.get("input"))
    except ValueError as error:
        problems.append(f"{place}: 'input': {error}")
        return None
    if not turns:
        problems.append(f"{place}: 'input': found no message, expected the conversation")
    elif turns[-1].role != "user":
        problems.append(f"{place}: 'input': found {turns[-1].role} as the last to speak, expected the user")
    if len(problems) > before or not turns or kind is None:
        return None
    targets = [target["text"] for target in _objects(fields, "targets", place, problems) if target.get("text")]
    record = {
        "id": fields.get("task_id", ""),
        "text": turns[-1].text,
        "history": turns[:-1],
        "tags": [kind],
        "references": targets if kind in _ANSWERED else [],
        "metadata": {ours: _joined(fields[theirs]) for theirs, ours in _METADATA.items() if theirs in fields},
    }
    return parse_question(record, place, problems)


def _kind(value: object) -> str | None:
    """The kind, given as a text or as a list of one."""
    several = cast("list[object]", value) if isinstance(value, list) else [value]
    said = several[0] if len(several) == 1 else None
    return said.lower() if isinstance(said, str) and said.lower() in KINDS else None


def _documents(fields: Mapping[str, object], place: str, problems: list[str]) -> Iterator[Document]:
    for context in _objects(fields, "contexts", place, problems):
        record = {
            "id": context.get("document_id", ""),
            "text": context.get("text"),
            "title": context.get("title") or "",
        }
        document = parse_document(record, place, problems)
        if document is not None:
            yield document


def _objects(fields: Mapping[str, object], key: str, place: str, problems: list[str]) -> list[Mapping[str, object]]:
    value = fields.get(key) or list[object]()
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    if not all(isinstance(item, Mapping) for item in items):
        problems.append(f"{place}: found {describe(value)} for {key!r}, expected a list of objects")
        return []
    return cast("list[Mapping[str, object]]", items)


def _joined(value: object) -> str:
    return ", ".join(map(str, cast("list[object]", value))) if isinstance(value, list) else str(value)
