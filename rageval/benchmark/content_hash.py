"""One number for what a benchmark asks, so that results are only ever compared on the same questions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from rageval.io.turns import turns_to_json
from rageval.types import Document, Question, RelevanceLabel


def content_hash(documents: Iterable[Document], questions: Iterable[Question], labels: Iterable[RelevanceLabel]) -> str:
    """SHA-256 of the content, as 64 hex digits.

    Hashed are all fields of every document, question and label, as one line of ASCII JSON each, sorted. So neither the
    order of lines nor the file format plays a part, nor what the card says (name, description, licence, source). A
    language that was detected counts like one that was written down. Metadata and history of questions, parts of
    evidence, and the digests of images that documents name are hashed where there are any.
    """
    lines = [
        _line(
            "document",
            *(d.id, d.title, d.text, d.language, dict(d.metadata)),
            *([d.image_digests] if d.image_digests else []),
        )
        for d in documents
    ]
    lines += [
        _line(
            "question",
            *(q.id, q.text, q.language, q.references, q.tags),
            *([dict(q.metadata)] if q.metadata else []),
            *([turns_to_json(q.history)] if q.history else []),
        )
        for q in questions
    ]
    lines += [
        _line("label", x.question_id, x.doc_id, x.grade, x.start, x.end, *([x.part] if x.part else [])) for x in labels
    ]
    lines.sort()
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode("ascii"))
    return digest.hexdigest()


def _line(*fields: object) -> str:
    return json.dumps(fields, ensure_ascii=True, allow_nan=False, sort_keys=True, separators=(",", ":")) + "\n"
