"""What `rageval init` read and wrote, for people and programs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rageval.corpus.benchmark_folder import HOW_TO, Written
from rageval.corpus.folder import FolderRead
from rageval.corpus.readers.picture import PICTURES
from rageval.extras import install_command
from rageval.models.recognise import EXTRA_OCR
from rageval.report.tables.printout import Column, Line, Printout, Table, count_cell, text_rows
from rageval.text.languages import in_order
from rageval.types import Json

_COLUMNS = (Column("kind", "word"), Column("files"))
_SKIPPED_COLUMNS = (Column("skipped", "text"), Column("why", "text"))
_MOST_IDS = 5


def init_printout(found: FolderRead, written: Written, out: Path) -> Printout:
    """The kinds of files, what was skipped, and what is in the folder now."""
    languages = Counter(document.language for document in found.documents)
    told = ", ".join(f"{language} {languages[language]:,}" for language in in_order(languages))
    blocks: list[Line | Table] = [
        Table(
            "files", _COLUMNS, tuple(text_rows([(kind, count_cell("files", n))])[0] for kind, n in found.files.items())
        ),
        Line(""),
        Line(f"{len(found.documents):,} documents ({told})", "strong"),
    ]
    if found.skipped:
        rows = text_rows([(one.path, one.reason) for one in found.skipped])
        title = f"{len(found.skipped):,} skipped"
        blocks += [Line(""), Table("skipped", _SKIPPED_COLUMNS, rows, title=title, turns="never")]
    blocks += [Line(f"note: {one.path}: {one.reason}") for one in found.notes]
    if found.other:
        other = ", ".join(f"{suffix} {n}" for suffix, n in found.other.items())
        blocks.append(Line(f"note: files of other kinds are not read: {other}"))
        if {*found.other} & {*PICTURES}:
            blocks.append(Line(f"note: to recognise the text in pictures: {install_command(EXTRA_OCR)}"))
    blocks += [Line(""), *_written_lines(written, out)]
    return Printout("Documents read", tuple(blocks))


def _written_lines(written: Written, out: Path) -> list[Line]:
    lines = [Line(f"{out}: {', '.join(written.written)} written" if written.written else f"{out}: nothing has changed")]
    if written.images:
        lines.append(Line(f"  images copied: {written.images:,}"))
    for word, ids in (("added", written.added), ("changed", written.changed), ("gone", written.gone)):
        if ids:
            more = f", … ({len(ids):,})" if len(ids) > _MOST_IDS else ""
            lines.append(Line(f"  {word}: {', '.join(ids[:_MOST_IDS])}{more}"))
    lines += [Line(f"evidence of {line}", "warning") for line in written.lines()]
    if written.unchecked:
        lines.append(Line(f"the evidence was not valid before, so it is not compared: {written.unchecked}", "warning"))
    return [*lines, Line(f"next: write questions ({out / HOW_TO}), then  rageval check-benchmark {out}")]


def init_json(found: FolderRead, written: Written, out: Path) -> dict[str, Json]:
    """The same for programs."""
    return {
        "out": str(out),
        "documents": len(found.documents),
        "files": {**found.files},
        "skipped": [one.to_json() for one in found.skipped],
        "notes": [one.to_json() for one in found.notes],
        "other_kinds": {**found.other},
        "written": [*written.written],
        "images": written.images,
        "added": [*written.added],
        "changed": [*written.changed],
        "gone": [*written.gone],
        "unchecked": written.unchecked,
        "evidence": [one.to_json() for one in written.findings],
    }
