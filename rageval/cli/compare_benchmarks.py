"""`rageval compare-benchmarks`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rageval.cli.output import ExplainFlag, FormatFlag, JsonFlag, choose_format, print_found
from rageval.cli.side_by_side import ClusterFlag


def compare_benchmarks(
    synth: Annotated[str, typer.Argument(help="A benchmark, such as a synthetic one: its name, folder, or hash.")],
    human: Annotated[str, typer.Argument(help="The benchmark to hold it against.")],
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Runs of the same pipelines on both.")],
    metric: Annotated[
        list[str] | None, typer.Option("--metric", "-m", help="Such as ndcg@10; repeatable. All by default.")
    ] = None,
    cluster_by: ClusterFlag = None,
    output: FormatFlag = "terminal",
    explain: ExplainFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Show whether two benchmarks rank the same pipelines alike, and how far off their means are."""
    from rageval.decide.benchmarks_alike import benchmarks_alike
    from rageval.report.benchmarks_alike import alike_printout

    form = choose_format(output, as_json)
    found = benchmarks_alike(synth, human, [*map(str, runs)], metrics=metric or (), cluster_by=cluster_by)
    print_found(form, lambda: alike_printout(found), found.to_json, explain=explain)
