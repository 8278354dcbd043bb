"""What hurts retrieval in a corpus, as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rageval.corpus.clean import Change
from rageval.corpus.faults import KINDS, REMEDIES, CorpusCheck, Fault, Kind
from rageval.report.lines import shorten
from rageval.report.tables.printout import Cell, Column, Line, Printout, Table, count_cell, text_rows

_COLUMNS = (Column("kind", "word"), Column("found"), Column("documents"))
_FOUND_COLUMNS = (Column("document", "text"), Column("found", "text"))
_SHOWN = 3
_LONGEST_NOTE = 72


def corpus_printout(check: CorpusCheck, changes: Sequence[Change] | None = None, out: str = "") -> Printout:
    """Counts of all kinds; then for each kind that was found up to three examples and what to do.

    `changes` are those of the cleaned copy in `out`.
    """
    counts = check.counts()
    rows = [
        (kind, count_cell("found", n), count_cell("documents", len(_concerned(check.of_kind(kind)))))
        for kind, n in counts.items()
    ]
    rows += [(kind, Cell("–", (("found", None),)), Cell("–", (("documents", None),))) for kind in check.not_checked]
    blocks: list[Line | Table] = [Table("kinds", _COLUMNS, text_rows(rows), turns="never")]
    blocks += [Line(f"{kind}: not checked ({why})", "warning") for kind, why in check.not_checked.items()]
    for kind in KINDS:
        if faults := check.of_kind(kind):
            blocks += _examples(kind, faults)
    n, documents = len(check.faults), len(check.documents)
    told = f"{n:,} faults in {documents:,} documents" if n else f"nothing found in {documents:,} documents"
    blocks += [Line(""), Line(told, "strong")]
    if changes is not None:
        blocks += [Line(""), *map(Line, change_lines(changes, out))]
    return Printout("Check of the corpus", tuple(blocks))


def change_lines(changes: Sequence[Change], out: str) -> Iterator[str]:
    """How many changes of each kind a cleaned copy has, and each label that was lost."""
    yield f"{out}: cleaned copy written, {len(changes):,} changes (changes.jsonl)"
    for what, n in Counter(one.what for one in changes).items():
        yield f"  {what}: {n:,}"
    for one in changes:
        if one.what in ("label lost", "question without a label"):
            yield f"  {one.what}: {one.where} ({one.note})"


def _examples(kind: Kind, faults: Sequence[Fault]) -> list[Line | Table]:
    rows = text_rows([(one.doc_id, shorten(one.note, _LONGEST_NOTE)) for one in faults[:_SHOWN]])
    more = f", the first {_SHOWN}" if len(faults) > _SHOWN else ""
    title = f"{kind}: {len(faults):,}{more}"
    table = Table(kind, _FOUND_COLUMNS, rows, title=title, turns="never")
    return [Line(""), table, Line(f"to do: {REMEDIES[kind]}")]


def _concerned(faults: Sequence[Fault]) -> set[str]:
    """The documents that have the fault."""
    shared = {other for one in faults if one.kind == "boilerplate" for other in one.others}
    return {one.doc_id for one in faults} | shared
