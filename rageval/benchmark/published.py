"""Well-known sets with one row a question, in the layout in which they are published, as rows of one standard form."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from rageval.benchmark.question_rows import Columns
from rageval.errors import BenchmarkError

Row: TypeAlias = Mapping[str, Any]

STANDARD: Columns = {role: (role,) for role in ("id", "question", "documents", "references", "grades")}
"""The columns of the rows that a layout makes.

A grade of None is no label. References of `{"text": []}` stand for a question that cannot be answered.
"""

_NO_ANSWER = {"text": list[str]()}


@dataclass(frozen=True, slots=True)
class PublishedLayout:
    """How a set is published: the columns that it is known by, what they are read as, its rows in standard form."""

    name: str
    columns: tuple[str, ...]
    roles: str
    convert: Callable[[Row], Row]

    def rows(self, rows: Iterable[Row], place: str) -> Iterator[Row]:
        """The rows in the standard form. Raises BenchmarkError for one of another form."""
        for number, row in enumerate(rows):
            try:
                yield self.convert(row)
            except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
                found = f"{place}[{number}]: found a row ({type(error).__name__}: {error})"
                remedy = f"expected one in the layout of {self.name}, or `columns` that say what is what"
                raise BenchmarkError([f"{found}, {remedy}"]) from None


def published_layout(columns: Sequence[str]) -> PublishedLayout | None:
    """The layout of a table with these columns, where it is a known one."""
    return next((layout for layout in _LAYOUTS if set(layout.columns) <= set(columns)), None)


def _items(value: Any, *keys: str) -> list[Row]:
    """A list of mappings from one, from a mapping of lists, from a list of lists whose items are called `keys`, or from
    any of these as JSON text.
    """
    given = json.loads(value) if isinstance(value, str) else value
    if isinstance(given, Mapping):
        columns = cast("Mapping[str, list[Any]]", given)
        return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    return [item if isinstance(item, Mapping) else dict(zip(keys, item, strict=True)) for item in _list(given)]


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value or [])


def _texts(*texts: str | None) -> list[str]:
    return [text for text in dict.fromkeys(texts) if text]


def _multi_hop(row: Row) -> Row:
    """HotpotQA and 2WikiMultihopQA: paragraphs as lists of sentences, and titles of those that support it."""
    paragraphs = _items(row["context"], "title", "sentences")
    supporting = {fact["title"] for fact in _items(row["supporting_facts"], "title", "sent_id")}
    sentences = [one["sentences"] if "sentences" in one else one["content"] for one in paragraphs]
    return {
        "id": row["id"] if "id" in row else row["_id"],
        "question": row["question"],
        "documents": [
            {"title": one["title"], "text": " ".join(text.strip() for text in texts)}
            for one, texts in zip(paragraphs, sentences, strict=True)
        ],
        "references": _texts(row.get("answer")),
        "grades": [int(one["title"] in supporting) for one in paragraphs],
    }


def _ms_marco(row: Row) -> Row:
    """MS MARCO v1.1 and v2.1: ten passages, of which annotators selected those that they answered from."""
    passages = _items(row["passages"])
    answers = _texts(*row["answers"])
    answerable = answers != ["No Answer Present."]
    return {
        "id": row["query_id"],
        "question": row["query"],
        "documents": [{"title": "", "text": passage["passage_text"]} for passage in passages],
        "references": answers if answerable else _NO_ANSWER,
        "grades": [passage["is_selected"] if answerable else 0 for passage in passages],
    }


def _musique(row: Row) -> Row:
    """MuSiQue: twenty paragraphs; in the full set half of the questions lack one that they need."""
    paragraphs = _items(row["paragraphs"])
    answerable = row.get("answerable") is not False
    return {
        "id": row["id"],
        "question": row["question"],
        "documents": [{"title": one["title"], "text": one["paragraph_text"]} for one in paragraphs],
        "references": _texts(row.get("answer"), *_list(row.get("answer_aliases"))) if answerable else _NO_ANSWER,
        "grades": [int(one.get("is_supporting") or 0) if answerable else 0 for one in paragraphs],
    }


def _trivia_qa(row: Row) -> Row:
    """TriviaQA: pages that were found for the question; nobody said which of them answer it, so there are no labels."""
    pages = [(one["title"], one["wiki_context"]) for one in _items(row["entity_pages"])]
    pages += [(one["title"], one["search_context"]) for one in _items(row["search_results"])]
    answer = cast("Row", row.get("answer") or {})
    hidden = answer.get("value") == "<unk>"
    return {
        "id": row["question_id"],
        "question": row["question"],
        "documents": [{"title": title or "", "text": text or ""} for title, text in pages],
        "references": [] if hidden else _texts(answer.get("value"), *_list(answer.get("aliases"))),
        "grades": [None] * len(pages),
    }


_LAYOUTS = (
    PublishedLayout(
        "HotpotQA and 2WikiMultihopQA",
        ("question", "context", "supporting_facts"),
        "context → documents, relevant where supporting_facts has the title; answer → references",
        _multi_hop,
    ),
    PublishedLayout(
        "MS MARCO",
        ("query", "query_id", "passages", "answers", "wellFormedAnswers"),
        "passages → documents, relevant where is_selected; answers → references, none for 'No Answer Present.'",
        _ms_marco,
    ),
    PublishedLayout(
        "MuSiQue",
        ("id", "question", "paragraphs"),
        "paragraphs → documents, relevant where is_supporting; answer, answer_aliases → references, none where not "
        "answerable",
        _musique,
    ),
    PublishedLayout(
        "TriviaQA",
        ("question_id", "question", "entity_pages", "search_results"),
        "entity_pages, search_results → documents, without labels; answer → references",
        _trivia_qa,
    ),
)
