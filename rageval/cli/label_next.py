"""`rageval label-next`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rageval.cli.output import JsonFlag, print_json
from rageval.errors import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rageval.people.next_labels import NextLabel
    from rageval.scores.unjudged import RunRankings
    from rageval.types import Document


def label_next(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders over one benchmark.")],
    metric: Annotated[str, typer.Option("--metric", "-m", help="A ranking metric, such as ndcg@10.")],
    n: Annotated[int, typer.Option("-n", help="How many labels to ask for.")] = 20,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the sheet to fill in to this file, .jsonl or .csv.")
    ] = None,
    benchmark: Annotated[
        str | None, typer.Option(help="Where the documents are. [default: as the run's experiment named it]")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Name the documents without a label whose label would narrow the bounds of a ranking metric most."""
    from rageval.metrics import parse
    from rageval.people.next_labels import next_labels, write_label_sheet
    from rageval.people.sheet import check_sheet_path
    from rageval.scores.unjudged import read_rankings

    wanted = parse(metric)
    if out is not None:
        check_sheet_path(out)
    read = [read_rankings(run) for run in runs]
    found = next_labels(read, wanted, n)
    if out is not None and found:
        write_label_sheet(found, read, _documents(read[0], found, benchmark), out)
    if as_json:
        print_json({"metric": str(wanted), "labels": [one.to_json() for one in found]})
        return
    for one in found:
        print(f"{one.question_id}\t{one.doc_id}\t{one.narrows:.6f}\t{one.runs}\t{one.rank}")
    if not found:
        print(f"no label would narrow the bounds of {wanted}", file=sys.stderr)
        return
    print("columns: question, document, narrows the bounds of the mean by, runs, best rank", file=sys.stderr)
    if out is not None:
        print(f"fill in `grade` in {out}; docs/relevance_labels.md says how it goes into labels.tsv", file=sys.stderr)


def _documents(run: RunRankings, labels: Sequence[NextLabel], named: str | None) -> dict[str, Document]:
    """The documents to label, from the benchmark."""
    from rageval.benchmark import load

    try:
        loaded = load(named or run.reference)
    except DeclarationError as error:
        raise DeclarationError(f"{error}; name the benchmark of {run.path} with --benchmark") from None
    documents = {document.id: document for document in loaded.documents}
    missing = [label.doc_id for label in labels if label.doc_id not in documents]
    if missing:
        raise DeclarationError(
            f"{named or run.reference}: found no document {missing[0]!r}, expected the documents of {run.path}: name "
            "its benchmark with --benchmark"
        )
    return documents
