"""`rageval questions-from-logs`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rageval.cli.output import JsonFlag, print_json
from rageval.cli.score import FieldFlag, LogFile, MaskFlag, SkipBadFlag


def questions_from_logs(
    log: LogFile,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A benchmark folder, new or with documents alone.")],
    sample: Annotated[int | None, typer.Option(min=1, help="Write so many questions, drawn at random. [all]")] = None,
    strata: Annotated[
        str | None, typer.Option(metavar="FIELD", help="Draw from each value of this field, and keep it as metadata.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another sample.")] = 0,
    field: FieldFlag = None,
    mask: MaskFlag = False,
    skip_bad: SkipBadFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Make questions of a benchmark out of a log: those asked alike are joined, to be labelled by people."""
    from rageval.traffic.fields import parse_field_names
    from rageval.traffic.log import Log
    from rageval.traffic.masking import Masker
    from rageval.traffic.questions import questions_from_log

    names = parse_field_names(field or ())
    read = Log(log, names, () if strata is None else (strata,), skip_bad, Masker(names) if mask else None)
    found = questions_from_log(
        read, out, name=log.name.partition(".")[0] or "log", strata=strata, sample=sample, seed=seed
    )
    masked = {} if read.masker is None else {"masked": read.masker.to_json()}
    if as_json:
        print_json({"folder": str(out), **found.to_json(), **masked, "bad_lines": read.bad.count})
        return
    print(
        f"{found.answers:,} answers, {found.questions:,} different questions "
        f"({found.exact:,} exact and {found.near:,} near duplicates joined), {found.written:,} written to {out}"
    )
    for name, (questions, written) in found.strata.items():
        print(f"  {strata} {name}: {written:,} of {questions:,}")
    if found.documents:
        print(f"documents: {found.documents:,}, of the passages in the log")
    if read.bad.count:
        print(f"{read.bad.count:,} bad lines left out, the first: {read.bad.examples[0]}", file=sys.stderr)
    if read.masker is not None:
        print(f"masked: {dict(read.masker.counts)}", file=sys.stderr)
    print("to label them: rageval label-next, or rageval label", file=sys.stderr)
