"""`rageval check-benchmark`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from rageval.cli.exit_codes import WRONG_INPUT
from rageval.cli.output import JsonFlag, print_json
from rageval.errors import BenchmarkError
from rageval.types import Json


def check_benchmark(
    benchmark: Annotated[
        str, typer.Argument(help="A folder, a name, beir:PATH, trec:PATH, hf:NAME, ir_datasets:NAME or FILE.py.")
    ],
    split: Annotated[str | None, typer.Option(help="The split of a BEIR benchmark or Hugging Face dataset.")] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse irregular data that is otherwise tolerated.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Validate a benchmark: its statistics, or every problem at once."""
    from dataclasses import asdict

    from rageval.benchmark import load, statistics

    try:
        loaded = load(benchmark, split=split, strict=strict)
    except BenchmarkError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        raise typer.Exit(WRONG_INPUT) from None
    figures: dict[str, Json] = {
        "name": loaded.name,
        "description": loaded.card.description,
        "license": loaded.card.license,
        "source": loaded.card.source,
        "content_hash": loaded.content_hash,
        **asdict(statistics(loaded)),
    }
    if as_json:
        print_json({**figures, "tolerated": [one.to_json() for one in loaded.tolerated]})
        return
    for key, value in figures.items():
        text = ", ".join(f"{k}: {v}" for k, v in value.items()) if isinstance(value, dict) else value
        print(f"{key.replace('_', ' '):<26} {text if not isinstance(text, float) else round(text, 2)}")
    for one in loaded.tolerated:
        print(f"{'tolerated':<26} {one}")
