"""The hits of a recorded response, in the forms in which systems log them."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, cast

from rageval.errors import ExecutionError
from rageval.io.turns import MESSAGES
from rageval.types import Document, Hit, Passage, Response

CONTEXTS = ("contexts", "retrieved_contexts", "documents", "source_documents")
"""What other systems call the passages that the generator read: RAGAS the first two, LangChain the last."""
RESPONSE_KEYS = ("answer", "abstained", "hits", MESSAGES, *CONTEXTS)

_HIT_KEYS = ("doc_id", "score", "text")
_TEXTS = ("text", "page_content", "content")
_IDS = ("doc_id", "document_id", "id", "source")
_UNTRACED = "text-"


def recorded_hits(data: Mapping[str, Any], documents: Mapping[str, Document]) -> tuple[Hit, ...]:
    """The hits of a record: `hits`, or the passages under one of `CONTEXTS`, best first.

    A passage is a text; the id of a document; or an object with a text (`text`, `page_content`, `content`) and an id
    (`doc_id`, `document_id`, `id`, `source`, there or in its `metadata`). One without an id that the corpus has belongs
    to the first document in which its text stands. In none, it is a hit on a document of its own, `text-` and a digest
    of its text, which no relevance label can name. Raises TypeError, ValueError or KeyError for anything else.
    """
    given = [key for key in ("hits", *CONTEXTS) if data.get(key) is not None]
    if len(given) > 1:
        raise ValueError(f"{given[0]} and {given[1]} at once")
    if not given:
        return ()
    listed = data[given[0]]
    if not isinstance(listed, list | tuple):
        raise TypeError(f"{given[0]} is not a list")
    read = _named_hit if given == ["hits"] else _passage
    return tuple(read(one, rank, documents) for rank, one in enumerate(cast("Sequence[Any]", listed)))


def check_keys(given: object, known: Sequence[str]) -> None:
    """Raises ValueError that names an unknown key, and the known one that is nearest."""
    if not isinstance(given, Mapping):
        raise TypeError("not an object")
    for key in cast("Mapping[str, object]", given):
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            raise ValueError(f"the unknown key {key!r}; {hint}")


def check_documents(response: Response, documents: Mapping[str, Document]) -> None:
    """Raises ExecutionError for a document that the corpus lacks."""
    for hit in response.hits:
        doc_id = hit.passage.doc_id
        if doc_id not in documents and not doc_id.startswith(_UNTRACED):
            some = ", ".join(list(documents)[:3]) or "none"
            raise ExecutionError(
                f"the recorded doc_id {doc_id!r} is not in the corpus; expected the id of one of its "
                f"{len(documents)} documents, such as {some}"
            )


def to_id(value: object, key: str) -> str:
    """An id: a text, or a whole number as text."""
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    raise TypeError(f"{key} is not a text")


def hit_of(doc_id: str, score: float, text: str | None, documents: Mapping[str, Document]) -> Hit:
    """A hit on the place of the text in the document (see `place_of`); without a text, on the whole document."""
    document = documents.get(doc_id)
    given = text if text is not None else document.text if document else ""
    start, end = place_of(given, document)
    return Hit(Passage(doc_id, start, end, given, document.title if document else ""), score)


def place_of(text: str, document: Document | None) -> tuple[int, int]:
    """The span of the first place where the text stands in the document. Where it does not (a summary, another
    spelling) its place is not known: an empty span at the beginning. Without a document it stands alone, from 0 on.
    """
    start = 0 if document is None else document.text.find(text)
    return (0, 0) if start < 0 else (start, start + len(text))


def _named_hit(hit: Any, rank: int, documents: Mapping[str, Document]) -> Hit:
    check_keys(hit, _HIT_KEYS)
    return hit_of(to_id(hit["doc_id"], "doc_id"), float(hit.get("score", -rank)), hit.get("text"), documents)


def _passage(given: Any, rank: int, documents: Mapping[str, Document]) -> Hit:
    if isinstance(given, str) and given in documents:
        return hit_of(given, float(-rank), None, documents)
    text, ids, _ = passage_fields(given)
    doc_id = next((one for one in ids if one in documents), None)
    if text is None:
        return hit_of(doc_id or ids[0], float(-rank), None, documents)
    return hit_of(doc_id or _document_of(text, documents), float(-rank), text, documents)


def passage_fields(given: object) -> tuple[str | None, list[str], float | None]:
    """The text of a recorded passage (a text, or an object as `recorded_hits` says), the ids that it has, and its
    score. Raises TypeError for anything else, ValueError where it has neither a text nor an id.
    """
    if isinstance(given, str):
        return given, [], None
    if not isinstance(given, Mapping):
        raise TypeError("a passage that is neither a text nor an object")
    fields = cast("Mapping[str, object]", given)
    about = fields.get("metadata")
    more: Mapping[str, object] = cast("Mapping[str, object]", about) if isinstance(about, Mapping) else {}
    text = next((fields[key] for key in _TEXTS if fields.get(key) is not None), None)
    if not isinstance(text, str | None):
        raise TypeError("a passage whose text is not a text")
    ids = [to_id(part[key], key) for part in (fields, more) for key in _IDS if part.get(key) is not None]
    if text is None and not ids:
        raise ValueError("a passage with neither a text nor an id")
    score = fields.get("score")
    return text, ids, float(score) if isinstance(score, int | float) and not isinstance(score, bool) else None


def _document_of(text: str, documents: Mapping[str, Document]) -> str:
    """The first document in which the text stands; where none has it, an id of its own."""
    words = text.strip()
    holder = next((document.id for document in documents.values() if words and words in document.text), None)
    return holder or f"{_UNTRACED}{hashlib.sha256(text.encode()).hexdigest()[:12]}"
