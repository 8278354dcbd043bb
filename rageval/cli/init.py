"""`rageval init`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rageval.cli.exit_codes import WRONG_INPUT
from rageval.cli.output import FormatFlag, JsonFlag, choose_format, print_found

MostMb = Annotated[float, typer.Option(min=0.001, help="Skip files of more than so many million bytes.")]


def init(
    folder: Annotated[
        Path, typer.Argument(help="A folder with Markdown, HTML, text, PDF, DOCX, CSV, JSONL, EPUB, pictures.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The benchmark folder to write.")] = Path("benchmarks/mine"),
    update: Annotated[
        bool, typer.Option("--update", help="Rewrite documents.jsonl where the documents are others now.")
    ] = False,
    most_mb: MostMb = 50.0,
    output: FormatFlag = "terminal",
    as_json: JsonFlag = False,
) -> None:
    """Make a benchmark folder of your documents, with a page that shows how to write questions.

    Files that cannot be read are told and skipped. Questions and labels in the folder are never touched. Pictures that
    documents name in Markdown are copied.
    """
    from dataclasses import replace

    from rageval.corpus.benchmark_folder import write_benchmark
    from rageval.corpus.folder import read_folder
    from rageval.corpus.images import place_images
    from rageval.report.corpus_init import init_json, init_printout
    from rageval.report.progress import progress_bars
    from rageval.types import Card

    form = choose_format(output, as_json)
    with progress_bars() as bars:
        found = read_folder(folder, most_mb=most_mb, leave_out=out, on_file=bars.files)
    if not found.documents:
        for one in found.skipped:
            print(f"{one.path}: {one.reason}", file=sys.stderr)
        print(f"error: {folder}: found no document that can be read, expected at least one", file=sys.stderr)
        raise typer.Exit(WRONG_INPUT)
    name = folder.resolve().name or "documents"
    card = Card(out.resolve().name, f"Documents of the folder {name}", source=name)
    placed = place_images(found.documents, folder)
    written = write_benchmark(out, placed.documents, card, update=update)
    written = replace(written, images=placed.copy(out))
    print_found(form, lambda: init_printout(found, written, out), lambda: init_json(found, written, out))
