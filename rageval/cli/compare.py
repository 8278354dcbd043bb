"""`rageval compare`, `rageval gate`, `rageval baseline set`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from rageval.cli.exit_codes import DONE, GATE_FAILED, GATE_INCONCLUSIVE
from rageval.cli.output import JsonFlag, print_json, write_file
from rageval.cli.side_by_side import ByFlag, ClusterFlag, OtherCorpusFlag
from rageval.errors import DeclarationError

RUN_OR_BASELINE = "A run folder, a baseline file, or the name of one in results/baselines."

baseline_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Pin scores to compare later runs with.")

MarkdownFile = Annotated[Path | None, typer.Option(help="Write a Markdown report to this file as well.")]


def compare(
    baseline: Annotated[str, typer.Argument(help=RUN_OR_BASELINE)],
    candidate: Annotated[str, typer.Argument(help=RUN_OR_BASELINE)],
    metric: Annotated[
        list[str] | None, typer.Option("--metric", "-m", help="Such as ndcg@10; repeatable. All by default.")
    ] = None,
    difference: Annotated[float, typer.Option(help="Say how many questions would show such a difference.")] = 0.05,
    cluster_by: ClusterFlag = None,
    by: ByFlag = None,
    other_corpus: OtherCorpusFlag = False,
    markdown: MarkdownFile = None,
    as_json: JsonFlag = False,
) -> None:
    """Compare two runs question by question: which is better, or that it cannot be told."""
    from rageval.decide.comparison import compare as compare_runs
    from rageval.report import compare as report
    from rageval.report.terminal import stdout_console

    result = compare_runs(
        baseline,
        candidate,
        metric,
        cluster_by=cluster_by,
        difference=difference,
        by=by or (),
        other_corpus=other_corpus,
    )
    if markdown is not None:
        write_file(markdown, report.markdown(result))
    if as_json:
        print_json(result.to_json())
    else:
        report.print_comparison(result, stdout_console())


def gate(
    candidate: Annotated[str, typer.Argument(help=RUN_OR_BASELINE)],
    baseline: Annotated[str, typer.Option(help=RUN_OR_BASELINE)],
    margin: Annotated[
        list[str],
        typer.Option(help="By how much a metric may be worse: ndcg@10=0.02, ndcg@10[language=zh]=0.05; repeatable."),
    ],
    cluster_by: ClusterFlag = None,
    by: ByFlag = None,
    other_corpus: OtherCorpusFlag = False,
    markdown: MarkdownFile = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML to this file as well.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Check that a run is not worse than a baseline by more than a margin. Exit 0 pass, 1 fail, 3 inconclusive."""
    from rageval.decide.gate import gate as gate_runs
    from rageval.report import gate as report
    from rageval.report.terminal import stdout_console

    result = gate_runs(
        baseline, candidate, _margins(margin), cluster_by=cluster_by, by=by or (), other_corpus=other_corpus
    )
    if markdown is not None:
        write_file(markdown, report.markdown(result))
    if junit is not None:
        write_file(junit, report.junit(result))
    if as_json:
        print_json(result.to_json())
    else:
        report.print_gate(result, stdout_console())
    raise typer.Exit({"pass": DONE, "fail": GATE_FAILED, "inconclusive": GATE_INCONCLUSIVE}[result.verdict])


@baseline_app.command(name="set")
def set_baseline(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    name: Annotated[
        str | None, typer.Option(help="The baseline's name; by default that of the run folder without its digest.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The folder that has baselines/.")] = Path("results"),
) -> None:
    """Pin a run's scores as OUT/baselines/NAME.json, small enough to commit; prints the file's path."""
    from rageval.scores.baselines import write_baseline
    from rageval.scores.reading import read_run_folder

    print(write_baseline(read_run_folder(run), out / "baselines", name))


def _margins(texts: Sequence[str]) -> dict[str, float]:
    margins: dict[str, float] = {}
    for text in texts:
        metric, equals, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = None
        if not equals or value is None:
            raise DeclarationError(f"--margin: found {text!r}, expected a metric and a number, such as ndcg@10=0.02")
        if metric in margins:
            raise DeclarationError(f"--margin: found two margins for {metric}, expected one")
        margins[metric] = value
    return margins
