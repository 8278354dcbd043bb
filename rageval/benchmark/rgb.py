"""Files of RGB: questions with their own positive, negative and counterfactual passages.

Chen et al. 2023, arXiv 2309.01431; the files are `zh_refine.json`, `zh_fact.json`, `zh_int.json` and their English
siblings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from rageval.benchmark.reading import describe, read_objects, require_files
from rageval.benchmark.records import Rows, parse_document, parse_question
from rageval.benchmark.validate import assemble
from rageval.errors import BenchmarkError
from rageval.types import BETWEEN_PARTS, COMPOUND, UNANSWERABLE, Benchmark, Card, Document, Question, RelevanceLabel

# What the metadata of a document say under `kind`.
POSITIVE, NEGATIVE, COUNTERFACTUAL = "positive", "negative", "counterfactual"

_REQUIRED = ("id", "query", "answer", "positive", "negative")
_PASSAGES = (("positive", "p", POSITIVE), ("negative", "n", NEGATIVE), ("positive_wrong", "w", COUNTERFACTUAL))


def load_rgb(path: Path, *, rejection: bool = False) -> Benchmark:
    """Load one file; raises `BenchmarkError` with every problem found.

    One JSON object a line: `id`, `query`, `answer`, the lists `positive` and `negative`, and optionally
    `positive_wrong` and `language` (else told by the query's characters); other keys are not read. Each passage becomes
    a document in the question's language, called after the question, its list and its place there: `12-p0`, `12-n3`,
    and `12-w0` for the counterfactual twin of `12-p0`. Its metadata hold the `kind`: positive (the only one with grade
    1), negative or counterfactual. Blank passages are left out, and so are those that an earlier one of the question
    repeats. Where `positive` holds a list for each part of the answer, the first passages of all parts come first.

    An `answer` is a text, or a list of parts that must all be there, each of them a text or a list of alternatives.
    The references of a question with several parts are whole answers, with the parts joined by "; "; it is tagged
    `compound`, and `Question.answer_parts` takes the references apart again.

    With `rejection` the benchmark is for negative rejection: it holds the negative passages alone, and every question
    is tagged `unanswerable`.
    """
    if path.is_dir():
        raise BenchmarkError([f"{path}: found a folder, expected a file such as zh_refine.json in it"])
    require_files([path])
    problems: list[str] = []
    documents, questions = Rows[Document](str(path)), Rows[Question](str(path))
    labels = Rows[RelevanceLabel](str(path))
    ids: set[str] = set()
    for place, fields in read_objects(path, problems):
        before = len(problems)
        question = _question(fields, place, problems, (UNANSWERABLE,) if rejection else ())
        own = list(_documents(fields, question, place, problems)) if question else []
        if rejection:
            own = [document for document in own if document.metadata["kind"] == NEGATIVE]
        if question is None or len(problems) > before:
            continue
        known = question.id in ids  # then that is the one problem to tell, not each of its passages
        ids.add(question.id)
        questions.add(place, question, question.id)
        for document in () if known else own:
            grade = int(document.metadata["kind"] == POSITIVE)
            documents.add(place, document, document.id)
            labels.add(place, RelevanceLabel(question.id, document.id, grade), question.id)
    if problems:
        documents.refused.add("")
        questions.refused.add("")
    return assemble(
        Card(path.stem, "RGB format, Chen et al. 2023"), documents, questions, labels, problems, labels_optional=True
    )


def _question(fields: Mapping[str, object], place: str, problems: list[str], tags: tuple[str, ...]) -> Question | None:
    before = len(problems)
    problems += [
        f"{place}: found no key {key!r}, expected {', '.join(_REQUIRED)}" for key in _REQUIRED if key not in fields
    ]
    if len(problems) > before:
        return None
    given = fields["id"]
    text = fields["query"]
    if not isinstance(given, int | str) or isinstance(given, bool):
        problems.append(f"{place}: found {describe(given)} for 'id', expected a whole number or a text")
    if not isinstance(text, str) or not text.strip():
        found = "an empty text" if isinstance(text, str) else describe(text)
        problems.append(f"{place}: found {found} for 'query', expected the question's text")
    parts = _parts(fields["answer"], place, problems)
    if len(problems) > before:
        return None
    record: dict[str, object] = {"id": str(given), "text": text, "references": _references(parts)}
    record["tags"] = (*tags, COMPOUND) if len(parts) > 1 else tags
    if "language" in fields:
        record["language"] = fields["language"]
    return parse_question(record, place, problems)


def _parts(answer: object, place: str, problems: list[str]) -> list[list[str]]:
    parts: list[list[str]] = []
    for part in cast("list[object]", answer) if isinstance(answer, list) else [answer]:
        alternatives = cast("list[object]", part) if isinstance(part, list) else [part]
        texts = [text.strip() for text in alternatives if isinstance(text, str) and text.strip()]
        if not texts or len(texts) < len(alternatives):
            odd = next((text for text in alternatives if not isinstance(text, str)), "")
            found = "an empty one" if odd == "" else describe(odd)
            problems.append(f"{place}: found {found} in 'answer', expected texts or lists of alternative texts")
        parts.append(texts)
    if not parts:
        problems.append(f"{place}: found an empty list for 'answer', expected one text at least")
    return parts


def _references(parts: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Whole answers, as few as hold every alternative of every part: the i-th takes each part's i-th, or its last."""
    if len(parts) == 1:
        return tuple(dict.fromkeys(parts[0]))
    clean = [[text.replace(BETWEEN_PARTS, ", ") for text in part] for part in parts]
    longest = max(map(len, clean))
    rows = ([part[min(i, len(part) - 1)] for part in clean] for i in range(longest))
    return tuple(dict.fromkeys(map(BETWEEN_PARTS.join, rows)))


def _documents(fields: Mapping[str, object], question: Question, place: str, problems: list[str]) -> Iterator[Document]:
    seen: set[str] = set()
    for key, letter, kind in _PASSAGES:
        for index, text in enumerate(_passages(fields.get(key, []), key, place, problems)):
            if not text.strip() or text in seen:
                continue
            seen.add(text)
            record = {
                "id": f"{question.id}-{letter}{index}",
                "text": text,
                "language": question.language,
                "metadata": {"kind": kind},
            }
            document = parse_document(record, place, problems)
            if document:
                yield document


def _passages(value: object, key: str, place: str, problems: list[str]) -> list[str]:
    """The texts of a list; of a list of lists, the first of each, then the second of each, and so on."""
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    lists = [cast("list[object]", item) if isinstance(item, list) else [item] for item in items]
    turns = [(turn, item) for texts in lists for turn, item in enumerate(texts)]
    turns.sort(key=lambda pair: pair[0])
    odd = [item for _, item in turns if not isinstance(item, str)]
    if odd or not isinstance(value, list):
        found = describe(odd[0] if isinstance(value, list) else value)
        problems.append(f"{place}: found {found} in {key!r}, expected a list of texts or of lists of texts")
        return []
    return [str(item) for _, item in turns]
