"""When documents change: what became of the evidence of an older benchmark in a newer one's documents."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, islice
from typing import Literal, TypeAlias, get_args

from rageval.benchmark.records import Rows
from rageval.benchmark.validate import without_repetitions
from rageval.text.quotes import FoldedText, fold, fold_quote, likeness, nearest_in
from rageval.types import Benchmark, Document, Json, RelevanceLabel

Fate: TypeAlias = Literal["there", "moved", "changed", "gone"]
FATES: tuple[Fate, ...] = get_args(Fate)
"""From the best to the worst."""

_ALIKE = 0.6  # from which likeness on the nearest text is taken for the changed one
_MOST_PLACES = 1000
_RUNS_IN_ALL = 6  # of a quote, that all documents are searched for
_BETWEEN_DOCUMENTS = "\n"  # never in a folded text


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of the evidence of one label of the older benchmark.

    `there`: at the same place; `moved`: the same words elsewhere in the document, or once in all others; `changed`:
    words that are alike (`now_text`); `gone`: none of these, or the same words several times in other documents. Of a
    label without a span, the document is there or gone. `now` is the label in the new documents, None where the words
    are not found.
    """

    label: RelevanceLabel
    fate: Fate
    text: str = ""
    now: RelevanceLabel | None = None
    now_text: str = ""

    def to_json(self) -> dict[str, Json]:
        now = self.now
        return {
            "question_id": self.label.question_id,
            "fate": self.fate,
            "was": {"document_id": self.label.doc_id, "start": self.label.start, "end": self.label.end},
            "text": self.text,
            "now": None if now is None else {"document_id": now.doc_id, "start": now.start, "end": now.end},
            "now_text": self.now_text,
        }


@dataclass(frozen=True, slots=True)
class Against:
    """The findings for all labels of the older benchmark whose question the newer one has too, in its order.

    `lost` are the questions with labels that the newer one lacks; `added` those that the older one does not ask.
    """

    findings: tuple[Finding, ...]
    lost: tuple[str, ...]
    added: tuple[str, ...]

    def fate_of_questions(self) -> dict[str, Fate]:
        """The worst fate among each question's labels."""
        worst: dict[str, Fate] = {}
        for one in self.findings:
            before = worst.get(one.label.question_id, FATES[0])
            if FATES.index(one.fate) >= FATES.index(before):
                worst[one.label.question_id] = one.fate
        return worst


@dataclass(frozen=True, slots=True)
class Relocated:
    """Labels for the newer benchmark, and one line for each that is left out."""

    labels: tuple[RelevanceLabel, ...]
    left_out: tuple[str, ...]


def check_against(new: Benchmark, old: Benchmark) -> Against:
    """Look up the evidence of `old` in the documents of `new`. White space, case, full width and hyphenation may differ
    (`rageval.text.quotes`).
    """
    here, there = {document.id: document for document in old.documents}, _Documents(new.documents)
    asked, asked_before = ({question.id for question in one.questions} for one in (new, old))
    labelled = dict.fromkeys(label.question_id for label in old.labels)
    return Against(
        tuple(there.find(label, here.get(label.doc_id)) for label in old.labels if label.question_id in asked),
        tuple(question for question in labelled if question not in asked),
        tuple(question.id for question in new.questions if question.id not in asked_before),
    )


def relocate(found: Against, labels_of_new: Sequence[RelevanceLabel]) -> Relocated:
    """The older benchmark's labels at their new places, then the newer one's labels of questions that the older one
    does not label.
    """
    labelled = {one.label.question_id for one in found.findings}
    rows = Rows[RelevanceLabel]("labels")
    left_out: list[str] = []
    for one in found.findings:
        if one.now is None:
            left_out.append(f"{place_of(one.label)}: {one.fate}")
        else:
            rows.records.append((place_of(one.label), one.now))
    rows.records += [(place_of(label), label) for label in labels_of_new if label.question_id not in labelled]
    kept = without_repetitions(rows, left_out)
    return Relocated(tuple(label for _, label in kept), tuple(left_out))


def place_of(label: RelevanceLabel) -> str:
    """Where a label points, for messages: `q1, handbook 120 to 150`."""
    span = "" if label.start is None else f" {label.start} to {label.end}"
    return f"{label.question_id}, {label.doc_id}{span}"


class _Documents:
    """The newer documents: each folded when it is first needed, and all together for what is not in its own."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._documents = documents
        self._by_id: Mapping[str, Document] = {document.id: document for document in documents}
        self._folded: dict[str, FoldedText] = {}

    def find(self, label: RelevanceLabel, document: Document | None) -> Finding:
        """What became of a label; `document` is the older one's."""
        own = self._by_id.get(label.doc_id)
        start, end = label.start, label.end
        if document is None or start is None or end is None:
            known = own is not None or document is None
            return Finding(label, "there", now=label) if known else Finding(label, "gone")
        text = document.text[start:end]
        if own is not None:
            if fold_quote(own.text[start:end]) == fold_quote(text):
                return Finding(label, "there", text, label, own.text[start:end])
            spans = [*islice(self._fold(own).spans(text), _MOST_PLACES)]
            if spans:
                return self._moved(label, text, own, min(spans, key=lambda span: abs(span[0] - start)))
        elsewhere = self._in_others(text, label.doc_id)
        if len(elsewhere) == 1:
            return self._moved(label, text, *elsewhere[0])
        near = "" if elsewhere else self._nearest(text, own)
        if near and likeness(text, near) >= _ALIKE:
            return Finding(label, "changed", text, None, near)
        return Finding(label, "gone", text)

    def _moved(self, label: RelevanceLabel, text: str, document: Document, span: tuple[int, int]) -> Finding:
        now = replace(label, doc_id=document.id, start=span[0], end=span[1])
        return Finding(label, "moved", text, now, document.text[span[0] : span[1]])

    def _fold(self, document: Document) -> FoldedText:
        if document.id not in self._folded:
            self._folded[document.id] = FoldedText.of(document.text)
        return self._folded[document.id]

    @cached_property
    def _all(self) -> tuple[str, list[int]]:
        """All documents folded, one after the other, and where each begins."""
        folded = [fold(document.text) + _BETWEEN_DOCUMENTS for document in self._documents]
        return "".join(folded), [0, *accumulate(map(len, folded))][:-1]

    def _document_at(self, place: int) -> Document:
        return self._documents[bisect_right(self._all[1], place) - 1]

    def _in_others(self, text: str, doc_id: str) -> list[tuple[Document, tuple[int, int]]]:
        """The first places where other documents have those words, two at least where there are several."""
        folded, wanted = self._all[0], fold_quote(text)
        at = folded.find(wanted) if wanted else -1
        found: list[tuple[Document, tuple[int, int]]] = []
        tried: set[str] = {doc_id}
        while at >= 0 and len(found) < 2:
            document = self._document_at(at)
            if document.id not in tried:
                tried.add(document.id)
                found += [(document, span) for span in islice(self._fold(document).spans(text), 2)]
            at = folded.find(wanted, at + 1)
        return found

    def _nearest(self, text: str, own: Document | None) -> str:
        """The nearest text of the document, or of any where it is no longer there."""
        if own is None:
            near = nearest_in(self._all[0], fold_quote(text), _RUNS_IN_ALL)
            if near is None:
                return ""
            own = self._document_at(near[0])
        span = self._fold(own).nearest(text)
        return "" if span is None else own.text[span[0] : span[1]]
