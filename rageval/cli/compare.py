"""`rageval compare`, `rageval gate`, `rageval baseline set`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rageval.cli.exit_codes import GATE_CODES
from rageval.cli.output import ExplainFlag, Format, FormatFlag, JsonFlag, choose_format, print_found, write_file
from rageval.cli.side_by_side import ByFlag, ClusterFlag, OtherCorpusFlag
from rageval.errors import DeclarationError

if TYPE_CHECKING:
    from rageval.scores.sharing import ClusterBy

RUN_OR_BASELINE = "A run folder, a baseline file, or the name of one in results/baselines."

baseline_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Pin scores to compare later runs with.")

SequentialFlag = Annotated[
    bool, typer.Option("--sequential", help="Read after every question: look, ask more and look again.")
]
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
    sequential: SequentialFlag = False,
    markdown: MarkdownFile = None,
    output: FormatFlag = "terminal",
    explain: ExplainFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Compare two runs question by question: which is better, or that it cannot be told."""
    from rageval.decide.comparison import compare as compare_runs
    from rageval.report.compare import markdown as markdown_of
    from rageval.report.compare_printout import compare_printout

    form = choose_format(output, as_json)
    if sequential:
        _refuse_slices(by)
        _compare_sequentially(baseline, candidate, metric, cluster_by, other_corpus, markdown, form, explain)
        return
    result = compare_runs(
        baseline,
        candidate,
        metric,
        cluster_by=cluster_by,
        difference=difference,
        by=by or (),
        other_corpus=other_corpus,
    )
    text = partial(markdown_of, result)
    if markdown is not None:
        write_file(markdown, text())
    print_found(form, partial(compare_printout, result), result.to_json, markdown=text, explain=explain)


def gate(
    candidate: Annotated[str, typer.Argument(help=RUN_OR_BASELINE)],
    baseline: Annotated[str, typer.Option(help=RUN_OR_BASELINE)],
    margin: Annotated[
        list[str],
        typer.Option(
            help="By how much a metric may be worse: ndcg@10=0.02, ndcg@10[language=zh]=0.05; how much more may be "
            "spent: cost=+10%, latency_p95=+0.5s; repeatable."
        ),
    ],
    cluster_by: ClusterFlag = None,
    by: ByFlag = None,
    other_corpus: OtherCorpusFlag = False,
    sequential: SequentialFlag = False,
    markdown: MarkdownFile = None,
    markdown_limit: Annotated[
        int | None,
        typer.Option(min=1000, help="Cut the Markdown at whole sections to so many characters, for a comment."),
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML to this file as well.")] = None,
    output: FormatFlag = "terminal",
    explain: ExplainFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Check that a run is not worse than a baseline by more than a margin. Exit 0 pass, 1 fail, 3 inconclusive."""
    from rageval.decide.gate import gate as gate_runs
    from rageval.report import gate as report
    from rageval.report.gate_printout import gate_printout

    form = choose_format(output, as_json)
    margins = _margins(margin)
    if sequential:
        from rageval.decide.cost_gate import refuse_cost_margins
        from rageval.decide.sequential import gate_sequentially
        from rageval.report import sequential_printout
        from rageval.report.sequential import gate_markdown

        _refuse_slices(by)
        asked = refuse_cost_margins(margins)
        result = gate_sequentially(baseline, candidate, asked, cluster_by=cluster_by, other_corpus=other_corpus)
        text = partial(gate_markdown, result, markdown_limit)
        printout = partial(sequential_printout.gate_printout, result)
    else:
        result = gate_runs(baseline, candidate, margins, cluster_by=cluster_by, by=by or (), other_corpus=other_corpus)
        text, printout = partial(report.markdown, result, markdown_limit), partial(gate_printout, result)
    if markdown is not None:
        write_file(markdown, text())
    if junit is not None:
        write_file(junit, report.junit(result))
    print_found(form, printout, result.to_json, markdown=text, explain=explain)
    raise typer.Exit(GATE_CODES[result.verdict])


@baseline_app.command(name="set")
def set_baseline(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    name: Annotated[
        str | None, typer.Option(help="The baseline's name; by default that of the run folder without its digest.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The folder that has baselines/.")] = Path("results"),
    scores_only: Annotated[
        bool, typer.Option("--scores-only", help="Leave out what a failed gate shows: answers and ids of passages.")
    ] = False,
) -> None:
    """Pin a run's scores as OUT/baselines/NAME.json, small enough to commit; prints the file's path."""
    from rageval.scores.baselines import write_baseline
    from rageval.scores.excerpts import with_excerpts
    from rageval.scores.reading import read_run_folder

    scores = read_run_folder(run)
    print(write_baseline(scores if scores_only else with_excerpts(scores), out / "baselines", name))


def _compare_sequentially(
    baseline: str,
    candidate: str,
    metrics: Sequence[str] | None,
    cluster_by: ClusterBy | None,
    other_corpus: bool,
    markdown: Path | None,
    form: Format,
    explain: bool,
) -> None:
    from rageval.decide.sequential import compare_sequentially
    from rageval.report.sequential import compare_markdown
    from rageval.report.sequential_printout import compare_printout

    result = compare_sequentially(baseline, candidate, metrics, cluster_by=cluster_by, other_corpus=other_corpus)
    text = partial(compare_markdown, result)
    if markdown is not None:
        write_file(markdown, text())
    print_found(form, partial(compare_printout, result), result.to_json, markdown=text, explain=explain)


def _refuse_slices(by: Sequence[str] | None) -> None:
    if by:
        raise DeclarationError(
            f"--by: found {by[0]} with --sequential, expected one of them: the intervals of slices hold at one number "
            "of questions"
        )


def _margins(texts: Sequence[str]) -> dict[str, float | str]:
    """The margins by name, those of cost and latency as they are written."""
    from rageval.decide.cost_gate import NAMES

    margins: dict[str, float | str] = {}
    for text in texts:
        metric, equals, number = text.rpartition("=")
        try:
            value = number if metric in NAMES else float(number)
        except ValueError:
            value = None
        if not equals or value is None:
            raise DeclarationError(f"--margin: found {text!r}, expected a metric and a number, such as ndcg@10=0.02")
        if metric in margins:
            raise DeclarationError(f"--margin: found two margins for {metric}, expected one")
        margins[metric] = value
    return margins
