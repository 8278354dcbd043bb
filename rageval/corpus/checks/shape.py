"""Documents that say nothing, say too much at once, or say it in another language."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from rageval.corpus.faults import Fault
from rageval.corpus.prose import excerpt
from rageval.text import count_tokens
from rageval.text.languages import Guess, Language, base_language, in_order
from rageval.types import Document

LONGEST = 20_000
FEWEST_TOKENS = 4
USUAL_SHARE = 0.1
_LETTER = re.compile(r"[^\W\d_]")


def unfindable_faults(documents: Sequence[Document]) -> Iterator[Fault]:
    """Documents without a letter, or of fewer than `FEWEST_TOKENS` estimated tokens."""
    for document in documents:
        if not document.text.strip():
            yield Fault("unfindable", document.id, "no text")
        elif not _LETTER.search(document.text):
            yield Fault("unfindable", document.id, f"numbers and marks alone: {excerpt(document.text)}")
        elif count_tokens(document.text) < FEWEST_TOKENS:
            yield Fault("unfindable", document.id, f"only: {excerpt(document.text)}")


def long_faults(documents: Sequence[Document], longest: int) -> Iterator[Fault]:
    """Documents of more than so many estimated tokens."""
    for document in documents:
        if len(document.text) > longest and (n := count_tokens(document.text)) > longest:
            yield Fault("long", document.id, f"about {n:,} tokens, expected at most {longest:,}")


def language_faults(documents: Sequence[Document], languages: Collection[Language]) -> Iterator[Fault]:
    """Documents in other languages than these; without any, in languages that fewer than a tenth of the documents and
    not the most are in. Documents that are too short to tell are left out.
    """
    told = [one for one in documents if not isinstance(one.language, Guess)]
    counts = Counter(base_language(one.language) for one in told)
    fewest = min(USUAL_SHARE * len(told), max(counts.values(), default=0))
    usual = {base_language(one) for one in languages} or {one for one, n in counts.items() if n >= fewest}
    for document in told:
        if base_language(document.language) not in usual:
            expected = ", ".join(in_order(usual))
            yield Fault("language", document.id, f"in {document.language}, expected {expected}")
