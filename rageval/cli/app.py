"""The app: every command under its name.

Standard output carries results alone; all else goes to standard error. Exit codes: `rageval.cli.exit_codes`.
"""

from __future__ import annotations

import logging
import sys
from typing import Annotated, NoReturn

import typer

import rageval
from rageval.cli.cache import cache_app
from rageval.cli.calibrate import calibrate
from rageval.cli.cascade import cascade
from rageval.cli.check import check
from rageval.cli.check_benchmark import check_benchmark
from rageval.cli.check_corpus import check_corpus
from rageval.cli.chunking import chunking
from rageval.cli.compare import baseline_app, compare, gate
from rageval.cli.compare_benchmarks import compare_benchmarks
from rageval.cli.diagnose import diagnose
from rageval.cli.ending import run_to_the_end
from rageval.cli.exit_codes import MEANINGS
from rageval.cli.export import export
from rageval.cli.init import init
from rageval.cli.judge import judge
from rageval.cli.judge_drift import judge_drift
from rageval.cli.label_next import label_next
from rageval.cli.labels import label, sample
from rageval.cli.leaderboard import leaderboard
from rageval.cli.list_names import list_names
from rageval.cli.metrics import metrics
from rageval.cli.plan import plan
from rageval.cli.prefer import prefer
from rageval.cli.questions_from_logs import questions_from_logs
from rageval.cli.repeats import repeats
from rageval.cli.report import report
from rageval.cli.review import review
from rageval.cli.run import run
from rageval.cli.score import score
from rageval.cli.score_days import score_days
from rageval.cli.search_prompts import search_prompts
from rageval.cli.show import show
from rageval.cli.stress import stress
from rageval.cli.sweep import sweep
from rageval.cli.synthesise import synthesise
from rageval.cli.traces import traces
from rageval.cli.train_adapter import train_adapter
from rageval.cli.train_judge import train_judge
from rageval.cli.training_data import training_data
from rageval.cli.trend import trend
from rageval.cli.view import view


def _print_version(asked: bool) -> None:
    if asked:
        print(f"rageval {rageval.__version__}")
        raise typer.Exit


app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Evaluate retrieval-augmented generation, with honest intervals, in Chinese and English.",
    epilog="Exit codes: " + ", ".join(f"{code} {meaning}" for code, meaning in MEANINGS.items()) + ".",
)


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """What `rageval` takes before a command."""


for command in (
    run, score, score_days, judge_drift, traces, questions_from_logs, check, metrics, show, report, view, diagnose,
    leaderboard, init, check_benchmark, check_corpus, chunking, synthesise, review, sample, label, label_next,
    calibrate, train_judge, train_adapter, cascade, judge, export, training_data, sweep, search_prompts, stress,
    compare, compare_benchmarks, prefer, gate, plan, repeats, trend,
):  # fmt: skip
    app.command()(command)
app.command(name="list")(list_names)
app.add_typer(baseline_app, name="baseline")
app.add_typer(cache_app, name="cache")


def main() -> NoReturn:
    """Entry point: errors become one line and an exit code."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING, stream=sys.stderr)
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")  # an answer may hold what the terminal cannot show
    sys.exit(run_to_the_end(app))
