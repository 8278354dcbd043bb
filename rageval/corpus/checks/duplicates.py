"""Exact duplicates, and near ones: found by MinHash (Broder 1997), then confirmed by their words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, cast

from rageval.corpus.faults import Fault
from rageval.text import CJK
from rageval.text.quotes import fold
from rageval.types import Document

ALIKE = 0.6
_CANDIDATES_FROM = 0.5
_PERMUTATIONS = 128
_SHINGLE = 3
_WORD = re.compile(rf"[{CJK}]|[^\W_{CJK}]+")


def exact_duplicates(documents: Sequence[Document]) -> dict[str, str]:
    """The ids of documents whose text an earlier document has, with that one's id. White space, case, full width and
    hyphens within words may differ.
    """
    first: dict[str, str] = {}
    found: dict[str, str] = {}
    for document in documents:
        text = fold(document.text)
        if text and first.setdefault(text, document.id) != document.id:
            found[document.id] = first[text]
    return found


def duplicate_faults(documents: Sequence[Document], duplicates: Mapping[str, str]) -> list[Fault]:
    """A fault for each copy, in the order of the documents."""
    return [
        Fault("exact-duplicate", one.id, f"the text of {duplicates[one.id]}", (duplicates[one.id],))
        for one in documents
        if one.id in duplicates
    ]


def near_duplicates(documents: Sequence[Document]) -> list[tuple[str, str, float]]:
    """Pairs of ids, the earlier one second, of which at least `ALIKE` of all runs of three words are in both (Jaccard).
    A Chinese character counts as a word. Each document is paired with the earlier one that it is most like.
    """
    datasketch = cast("Any", import_module("datasketch"))
    index = datasketch.MinHashLSH(threshold=_CANDIDATES_FROM, num_perm=_PERMUTATIONS)
    runs: dict[str, frozenset[str]] = {}
    found: list[tuple[str, str, float]] = []
    for document in documents:
        own = _runs(document.text)
        if not own:
            continue
        sketch = datasketch.MinHash(num_perm=_PERMUTATIONS, seed=1)
        sketch.update_batch([run.encode() for run in sorted(own)])
        likely: list[str] = sorted(index.query(sketch))
        alike = [(len(own & runs[other]) / len(own | runs[other]), other) for other in likely]
        if alike and (best := max(alike))[0] >= ALIKE:
            found.append((document.id, best[1], best[0]))
        index.insert(document.id, sketch)
        runs[document.id] = own
    return found


def near_duplicate_faults(pairs: Sequence[tuple[str, str, float]]) -> list[Fault]:
    """A fault for each pair."""
    return [Fault("near-duplicate", one, f"{share:.0%} as {other}", (other,)) for one, other, share in pairs]


def _runs(text: str) -> frozenset[str]:
    words = _WORD.findall(text.casefold())
    return frozenset(" ".join(words[at : at + _SHINGLE]) for at in range(len(words) - _SHINGLE + 1))
