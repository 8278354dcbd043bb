"""Boilerplate: sentences that many documents have, such as footers and notices."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from rageval.corpus.faults import Fault
from rageval.corpus.prose import excerpt, prose_spans
from rageval.text import sentences
from rageval.text.quotes import fold
from rageval.types import Document

FEWEST_DOCUMENTS = 3
_SHARE = 0.02
_FEWEST_LETTERS = 20  # folded; a Chinese character counts as three
_HAN = re.compile("[\u3400-\u9fff]")
_LETTER = re.compile(r"[^\W\d_]")
_STRUCTURE = re.compile(r"\s*(?:#{1,6}\s|\|)")


def boilerplate(documents: Sequence[Document], same: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Folded sentences that stand in at least three documents, and in one of fifty, with the ids of these.

    Headings, tables, code and short sentences do not count. `same` maps duplicates to the document that stands for
    them: several copies of a text count once.
    """
    where: dict[str, dict[str, None]] = {}
    for document in documents:
        for sentence, _, _ in _sentences(document.text):
            where.setdefault(sentence, {})[document.id] = None
    fewest = max(FEWEST_DOCUMENTS, _SHARE * len({same.get(one.id, one.id) for one in documents}))
    return {
        sentence: (*ids,) for sentence, ids in where.items() if len({same.get(name, name) for name in ids}) >= fewest
    }


def boilerplate_faults(documents: Sequence[Document], found: Mapping[str, tuple[str, ...]]) -> list[Fault]:
    """A fault for each sentence, with its words in the first document that has it."""
    by_id = {document.id: document for document in documents}
    faults: list[Fault] = []
    for sentence, ids in found.items():
        text = by_id[ids[0]].text
        start, end = next(span for words, *span in _sentences(text) if words == sentence)
        faults.append(Fault("boilerplate", ids[0], f"in {len(ids)} documents: {excerpt(text[start:end])}", ids[1:]))
    return faults


def cut_boilerplate(text: str, found: Collection[str]) -> tuple[str, int]:
    """The text without these folded sentences, and how many were cut."""
    spans = [(start, end) for sentence, start, end in _sentences(text) if sentence in found]
    for start, end in reversed(spans):
        text = text[:start] + text[end:]
    return text, len(spans)


def _sentences(text: str) -> Iterator[tuple[str, int, int]]:
    """The sentences of the prose that are long enough: folded, with their spans in the text."""
    for begin, stop in prose_spans(text):
        prose = text[begin:stop]
        for start, end in sentences(prose):
            sentence = prose[start:end]
            if _STRUCTURE.match(sentence):
                continue
            if len(_LETTER.findall(sentence)) + 2 * len(_HAN.findall(sentence)) >= _FEWEST_LETTERS:
                yield fold(sentence), begin + start, begin + end
