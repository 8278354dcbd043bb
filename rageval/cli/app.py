"""The app: every command under its name, and errors as one line and an exit code.

Standard output carries results alone; all else goes to standard error. Exit codes: `rageval.cli.exit_codes`.
"""

from __future__ import annotations

import logging
import sys
from typing import NoReturn

import typer

from rageval.cli.cache import cache_app
from rageval.cli.calibrate import calibrate
from rageval.cli.check import check
from rageval.cli.check_benchmark import check_benchmark
from rageval.cli.compare import baseline_app, compare, gate
from rageval.cli.exit_codes import BUDGET_SPENT, ENDPOINT_REFUSED, MEANINGS, NOT_COMPARABLE, WRONG_INPUT
from rageval.cli.export import export
from rageval.cli.judge import judge
from rageval.cli.labels import label, sample
from rageval.cli.leaderboard import leaderboard
from rageval.cli.list_names import list_names
from rageval.cli.metrics import metrics
from rageval.cli.prefer import prefer
from rageval.cli.run import run
from rageval.cli.show import show
from rageval.cli.sweep import sweep
from rageval.errors import BudgetError, ModelError, NotComparableError, RagevalError

_EXIT_CODES: tuple[tuple[type[RagevalError], int], ...] = (
    (ModelError, ENDPOINT_REFUSED),
    (BudgetError, BUDGET_SPENT),
    (NotComparableError, NOT_COMPARABLE),
    (RagevalError, WRONG_INPUT),
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Evaluate retrieval-augmented generation, with honest intervals, in Chinese and English.",
    epilog="Exit codes: " + ", ".join(f"{code} {meaning}" for code, meaning in MEANINGS.items()) + ".",
)

for command in (
    run, check, metrics, show, leaderboard, check_benchmark, sample, label, calibrate, judge, export, sweep, compare,
    prefer, gate,
):  # fmt: skip
    app.command()(command)
app.command(name="list")(list_names)
app.add_typer(baseline_app, name="baseline")
app.add_typer(cache_app, name="cache")


def main() -> NoReturn:
    """Entry point: errors that rageval raises on purpose become one line and an exit code."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING, stream=sys.stderr)
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")  # an answer may hold what the terminal cannot show
    try:
        app()
    except RagevalError as error:
        print("error:", " ".join(str(error).splitlines()), file=sys.stderr)
        sys.exit(next(code for kind, code in _EXIT_CODES if isinstance(error, kind)))
    sys.exit(0)
