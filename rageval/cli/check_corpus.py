"""`rageval check-corpus`."""

from __future__ import annotations

import asyncio
import re
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rageval.cli.check_benchmark import end_with_problems
from rageval.cli.exit_codes import GATE_FAILED
from rageval.cli.init import MostMb
from rageval.cli.output import FormatFlag, JsonFlag, PlotFile, choose_format, print_found
from rageval.errors import BenchmarkError, DeclarationError, MissingExtraError
from rageval.types import Json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rageval.corpus.check import Embed
    from rageval.corpus.faults import CorpusCheck, Kind
    from rageval.models.base import Vectors

MOST_EMBEDDED = 500
_BATCH = 8
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def check_corpus(
    corpus: Annotated[str, typer.Argument(help="A benchmark, as check-benchmark takes it, or a folder of files.")],
    language: Annotated[
        list[str] | None,
        typer.Option(help="A language that is meant, such as en; repeatable. The usual ones by default."),
    ] = None,
    older_than: Annotated[
        str, typer.Option(metavar="DAY", help="Documents with a date before this day (YYYY-MM-DD) are stale.")
    ] = "",
    longest: Annotated[int, typer.Option(min=1, help="Documents of more estimated tokens are too long.")] = 20_000,
    embed: Annotated[
        bool | None,
        typer.Option(help="Embed the documents to find outliers; by default if they are 500 at most."),
    ] = None,
    fail_on: Annotated[
        str, typer.Option(metavar="KINDS", help="Exit 1 if any of these kinds is found, such as encoding,html; or all.")
    ] = "",
    fix: Annotated[Path | None, typer.Option(metavar="OUT", help="Write a cleaned copy into this folder.")] = None,
    redact: Annotated[bool, typer.Option("--redact", help="With --fix: take personal data out too.")] = False,
    most_mb: MostMb = 50.0,
    output: FormatFlag = "terminal",
    plot: PlotFile = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what hurts retrieval in documents: duplicates, boilerplate, broken text, personal data and more."""
    from rageval.corpus.check import check_corpus as check
    from rageval.corpus.check import need_checks
    from rageval.corpus.cleaned_folder import check_empty, write_cleaned
    from rageval.corpus.source import read_corpus
    from rageval.report.corpus_printout import corpus_printout
    from rageval.report.progress import progress_bars

    form = choose_format(output, as_json)
    gate = _kinds(fail_on)
    need_checks()
    if older_than and not _DAY.fullmatch(older_than):
        raise DeclarationError(f"--older-than: found {older_than!r}, expected a day such as 2024-01-31")
    if redact and fix is None:
        raise DeclarationError("--redact: found no --fix, expected the folder of the cleaned copy")
    if fix is not None:
        check_empty(fix)
    if plot is not None:
        from rageval.report.pictures.canvas import check_picture

        check_picture(plot)
    with progress_bars() as bars:
        try:
            found = read_corpus(corpus, most_mb=most_mb, on_file=bars.files)
        except BenchmarkError as error:
            end_with_problems(error)
        embedder, why_not = _embedder(len(found.documents), embed, bars.embedding)
        if embedder is None and ("outlier" in gate or plot is not None):
            asked = "--plot" if plot is not None else "--fail-on: outlier"
            raise DeclarationError(f"{asked}: needs embeddings of the documents ({why_not})")
        checked = check(
            found.documents,
            today=date.today().isoformat(),
            skipped=found.skipped,
            languages=language or (),
            older_than=older_than,
            longest=longest,
            embed=embedder,
            why_not=why_not,
        )
    changes = None if fix is None else write_cleaned(found, fix, redacted=redact)
    if plot is not None:
        from rageval.report.pictures.corpus import draw_corpus

        draw_corpus(checked, plot)
    extra: dict[str, Json] = {} if changes is None else {"changes": [{**one.to_json()} for one in changes]}
    print_found(form, lambda: corpus_printout(checked, changes, str(fix)), lambda: {**checked.to_json(), **extra})
    _end_if_failed(checked, gate)


def _kinds(fail_on: str) -> tuple[Kind, ...]:
    """The kinds of `--fail-on`. Raises DeclarationError for one that is not known."""
    from rageval.corpus.faults import KINDS

    names = [name.strip() for name in fail_on.split(",") if name.strip()]
    unknown = [name for name in names if name not in (*KINDS, "all")]
    if unknown:
        raise DeclarationError(f"--fail-on: found {unknown[0]!r}, expected all, or some of {', '.join(KINDS)}")
    return tuple(kind for kind in KINDS if kind in names) if "all" not in names else KINDS


def _embedder(n: int, asked: bool | None, on_progress: Callable[[int, int], None]) -> tuple[Embed | None, str]:
    """What embeds so many documents; None and the reason where nothing does.

    Raises MissingExtraError where it was asked for and is not installed.
    """
    from rageval.models.local import LocalEmbedder

    if asked is False:
        return None, "--no-embed"
    if asked is None and n > MOST_EMBEDDED:
        return None, f"more than {MOST_EMBEDDED} documents: --embed looks all the same"
    try:
        embedder = LocalEmbedder()
    except MissingExtraError as error:
        if asked:
            raise
        return None, str(error)

    async def embed(texts: Sequence[str]) -> Vectors:
        import numpy as np

        parts: list[Vectors] = []
        for start in range(0, len(texts), _BATCH):
            on_progress(start, len(texts))
            parts.append(await embedder.embed(texts[start : start + _BATCH], "passage"))
        await embedder.close()
        return np.concatenate(parts)

    return lambda texts: asyncio.run(embed(texts)), ""


def _end_if_failed(checked: CorpusCheck, gate: Sequence[Kind]) -> None:
    """Ends with GATE_FAILED if any fault of these kinds was found."""
    counts = checked.counts()
    if failed := [f"{counts[kind]:,} {kind}" for kind in gate if counts.get(kind)]:
        print(f"failed: found {', '.join(failed)}", file=sys.stderr)
        raise typer.Exit(GATE_FAILED)
