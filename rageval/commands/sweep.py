"""`rageval sweep`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from rageval.commands.output import JsonFlag, print_json

INTERRUPTED = 130


def sweep(
    experiment: Annotated[Path, typer.Argument(help="An experiment file (YAML) with `sweep`, `pipelines` or both.")],
    out: Annotated[Path, typer.Option(help="Where runs, caches and sweeps/NAME.md and .json go.")] = Path("results"),
    as_json: JsonFlag = False,
) -> None:
    """Run all cells of a grid, and say which is best, what each setting does, and what is worth its cost."""
    from rageval.experiment.plan import load_experiment
    from rageval.experiment.running import run_experiment
    from rageval.report.progress import progress_bars
    from rageval.report.sweep import markdown
    from rageval.store import replace_text, write_json
    from rageval.sweep import read_sweep

    with progress_bars() as bars:
        planned = load_experiment(experiment, out / "cache", bars.embedding)
        try:
            paths = run_experiment(planned, out, on_progress=bars.questions)
        except KeyboardInterrupt:
            bars.stop()
            command = shlex.join(["rageval", *sys.argv[1:]])
            print(f"stopped; everything done so far is kept. To go on:  {command}", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None
    result = read_sweep(planned.pipelines, paths)
    text = markdown(result)
    page = out / "sweeps" / f"{planned.name}.md"
    replace_text(page, text)
    write_json(page.with_suffix(".json"), result.to_json())
    if as_json:
        print_json(result.to_json())
    else:
        print(text, end="")
    print(page, file=sys.stderr)
