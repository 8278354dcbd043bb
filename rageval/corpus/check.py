"""All checks over a corpus."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypeAlias

from rageval.corpus.checks.boilerplate import boilerplate, boilerplate_faults
from rageval.corpus.checks.duplicates import (
    duplicate_faults,
    exact_duplicates,
    near_duplicate_faults,
    near_duplicates,
)
from rageval.corpus.checks.encodings import encoding_faults
from rageval.corpus.checks.html_leftovers import html_faults
from rageval.corpus.checks.outliers import embedded_text, outlier_faults
from rageval.corpus.checks.personal import personal_faults
from rageval.corpus.checks.shape import LONGEST, language_faults, long_faults, unfindable_faults
from rageval.corpus.checks.stale import stale_faults
from rageval.corpus.faults import KINDS, CorpusCheck, Fault, Kind
from rageval.corpus.folder import Skipped
from rageval.corpus.readers.reading import EXTRA
from rageval.extras import need_package
from rageval.models.base import Vectors
from rageval.text.languages import Language
from rageval.types import Document

Embed: TypeAlias = Callable[[Sequence[str]], Vectors]
"""From texts to unit vectors, one a row."""

_PACKAGES = ("datasketch", "ftfy", "stdnum", "phonenumbers")


def need_checks() -> None:
    """Raises MissingExtraError without the packages that the checks need."""
    for package in _PACKAGES:
        need_package(package, EXTRA, "checking a corpus")


def check_corpus(
    documents: Sequence[Document],
    *,
    today: str,
    skipped: Sequence[Skipped] = (),
    languages: Collection[Language] = (),
    older_than: str = "",
    longest: int = LONGEST,
    embed: Embed | None = None,
    why_not: str = "no embedder",
) -> CorpusCheck:
    """Look for every kind of fault. The order of the documents decides which of several copies is the first.

    `skipped` are files that could not be read. `languages` are those that are meant (any of those that many documents
    are in, where none is given). `today` and `older_than` are days (`YYYY-MM-DD`), `longest` is in estimated tokens.
    Without `embed` there is no look for outliers, for the reason `why_not`. Raises MissingExtraError without the extra.
    """
    need_checks()
    exact = exact_duplicates(documents)
    singles = [one for one in documents if one.id not in exact]
    near = near_duplicates(singles)
    same = exact | {one: other for one, other, _ in near}
    stands_for = {name: _first(name, same) for name in same}
    vectors = embed([embedded_text(one) for one in documents]) if embed is not None and documents else None
    faults = [
        *(Fault("unreadable", one.path, one.reason) for one in skipped),
        *duplicate_faults(documents, exact),
        *near_duplicate_faults(near),
        *boilerplate_faults(documents, boilerplate(documents, stands_for)),
        *encoding_faults(documents),
        *html_faults(documents),
        *unfindable_faults(documents),
        *language_faults(documents, languages),
        *([] if vectors is None else outlier_faults(documents, vectors)),
        *stale_faults(documents, today=today, older_than=older_than),
        *personal_faults(documents),
        *long_faults(documents, longest),
    ]
    faults.sort(key=lambda fault: KINDS.index(fault.kind))
    not_checked: dict[Kind, str] = {"outlier": why_not} if vectors is None else {}
    return CorpusCheck(tuple(documents), tuple(faults), not_checked, vectors)


def _first(name: str, same: dict[str, str]) -> str:
    while name in same:
        name = same[name]
    return name
