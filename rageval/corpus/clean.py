"""A cleaned copy of documents, and labels that move with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from rageval.benchmark.against import check_against, place_of, relocate
from rageval.corpus.checks.boilerplate import boilerplate, cut_boilerplate
from rageval.corpus.checks.duplicates import exact_duplicates, near_duplicates
from rageval.corpus.checks.encodings import encoding_faults, mend_encoding
from rageval.corpus.checks.html_leftovers import strip_html
from rageval.corpus.checks.personal import redact
from rageval.corpus.readers.pdf import join_pages
from rageval.text.quotes import FoldedText
from rageval.text.tidy import tidy
from rageval.types import Benchmark, Document, Json, RelevanceLabel


@dataclass(frozen=True, slots=True)
class Change:
    """What was done to a document or label, and in words how much."""

    what: str
    where: str
    note: str

    def to_json(self) -> dict[str, Json]:
        return {"what": self.what, "where": self.where, "note": self.note}


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The documents that are left, by whose id those of dropped copies stand (`twins`), and what was changed."""

    documents: tuple[Document, ...]
    twins: Mapping[str, str]
    changes: tuple[Change, ...]


def clean(documents: Sequence[Document], *, redacted: bool = False) -> Cleaned:
    """Drop exact duplicates, mend encodings, strip HTML, cut boilerplate, and with `redacted` take personal data out.

    Documents of which nothing is left are dropped too. The offsets of pages (`pages` in the metadata) move along. The
    language of a document stays.
    """
    twins = exact_duplicates(documents)
    changes = [Change("dropped", name, f"a copy of {twin}") for name, twin in twins.items()]
    kept = [one for one in documents if one.id not in twins]
    kept = _changed(kept, changes, "encoding mended", lambda text, _: mend_encoding(text))
    changes += [Change("encoding not mended", one.doc_id, one.note) for one in encoding_faults(kept)]
    kept = _changed(kept, changes, "HTML stripped", lambda text, _: strip_html(text))
    repeated = boilerplate(kept, {one: other for one, other, _ in near_duplicates(kept)})
    kept = _changed(kept, changes, "boilerplate cut", lambda text, _: cut_boilerplate(text, repeated)[0])
    if redacted:
        kept = _changed(kept, changes, "redacted", lambda text, document: redact(text, document.language)[0])
    changes += [Change("dropped", one.id, "nothing of it is left") for one in kept if not one.text.strip()]
    return Cleaned(tuple(one for one in kept if one.text.strip()), twins, tuple(changes))


def move_labels(benchmark: Benchmark, cleaned: Cleaned) -> tuple[tuple[RelevanceLabel, ...], tuple[Change, ...]]:
    """The labels of the benchmark for its cleaned documents, and which of them moved or are lost."""
    known = {document.id: document for document in benchmark.documents}
    pointed = [_of_twin(label, cleaned.twins, known) for label in benchmark.labels]
    old = replace(benchmark, labels=tuple(dict.fromkeys(pointed)))
    new = Benchmark(benchmark.card, cleaned.documents, benchmark.questions, (), "")
    found = check_against(new, old)
    moved = relocate(found, ())
    changes = [
        Change("label moved", place_of(before), f"a copy: now {place_of(after)}")
        for before, after in zip(benchmark.labels, pointed, strict=True)
        if before != after
    ]
    changes += [
        Change("label moved", place_of(one.label), f"now {place_of(one.now)}")
        for one in found.findings
        if one.now is not None and one.now != one.label
    ]
    changes += [Change("label lost", *line.split(": ", 1)) for line in moved.left_out]
    labelled = Counter(label.question_id for label in moved.labels if label.grade > 0)
    bare = dict.fromkeys(
        label.question_id for label in old.labels if label.grade > 0 and not labelled[label.question_id]
    )
    changes += [Change("question without a label", name, "label it again, or leave it out") for name in bare]
    return moved.labels, tuple(changes)


def _of_twin(label: RelevanceLabel, twins: Mapping[str, str], documents: Mapping[str, Document]) -> RelevanceLabel:
    """The label in the copy that is kept; the same words stand there."""
    twin = twins.get(label.doc_id)
    if twin is None or label.start is None or label.end is None:
        return label if twin is None else replace(label, doc_id=twin)
    start = label.start
    quote = documents[label.doc_id].text[label.start : label.end]
    spans = FoldedText.of(documents[twin].text).spans(quote)
    place = min(spans, key=lambda span: abs(span[0] - start), default=None)
    return label if place is None else replace(label, doc_id=twin, start=place[0], end=place[1])


def _changed(
    documents: Sequence[Document], changes: list[Change], what: str, change: Callable[[str, Document], str]
) -> list[Document]:
    """The documents with that change in title and text, and a line for each that it changed."""
    kept: list[Document] = []
    for document in documents:
        text, metadata = _by_page(document, lambda part, one=document: change(part, one))
        title = " ".join(change(document.title, document).split())
        if (text, title) != (document.text, document.title):
            length = f"{len(document.text):,} to {len(text):,} characters"
            changes.append(Change(what, document.id, length if text != document.text else "the title"))
            document = replace(document, text=text, title=title, metadata=metadata)
        kept.append(document)
    return kept


def _by_page(document: Document, change: Callable[[str], str]) -> tuple[str, Mapping[str, Json]]:
    """The changed text, and the metadata with the new offsets of pages. A text without a change stays to the byte."""
    if (changed := change(document.text)) == document.text:
        return document.text, document.metadata
    starts = document.metadata.get("pages")
    if not isinstance(starts, list):
        return tidy(changed), document.metadata
    offsets = [one for one in starts if isinstance(one, int)]
    pieces = [document.text[start:end] for start, end in pairwise([*offsets, len(document.text)])]
    text, moved = join_pages([tidy(change(piece)) for piece in pieces])
    pages: list[Json] = [*moved]
    return text, {**document.metadata, "pages": pages}
