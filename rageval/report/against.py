"""What became of a benchmark's evidence when its documents changed, for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from rich.console import Console
from rich.text import Text

from rageval.benchmark.against import FATES, Against, Fate, Finding, place_of

_WORDS: Mapping[Fate, str] = {"there": "where it was", "moved": "moved", "changed": "changed", "gone": "gone"}
_MOST_NAMED = 10


def print_against(found: Against, console: Console) -> None:
    """Counts, then a paragraph for each label whose evidence is not where it was."""
    questions = Counter(found.fate_of_questions().values())
    labels = Counter(one.fate for one in found.findings)
    console.print(Text(f"{'':<14}{'questions':>10}{'labels':>8}"))
    for fate in FATES:
        console.print(Text(f"{_WORDS[fate]:<14}{questions[fate]:>10}{labels[fate]:>8}"))
    for what, ids in (("no longer asked", found.lost), ("new", found.added)):
        if ids:
            more = f", … ({len(ids)})" if len(ids) > _MOST_NAMED else ""
            console.print(Text(f"{what}: {', '.join(ids[:_MOST_NAMED])}{more}"))
    for one in found.findings:
        if one.fate != "there":
            console.print(Text(f"\n{place_of(one.label)}: {_told(one)}"))
            if one.text:
                console.print(Text(f"  was: {' '.join(one.text.split())}"))
            if one.fate == "changed":
                console.print(Text(f"  now: {' '.join(one.now_text.split())}"))


def _told(one: Finding) -> str:
    if one.now is None:
        return _WORDS[one.fate]
    document = "" if one.now.doc_id == one.label.doc_id else f"{one.now.doc_id} "
    return f"moved to {document}{one.now.start} to {one.now.end}"
