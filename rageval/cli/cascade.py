"""`rageval cascade`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rageval.cli.exit_codes import GATE_INCONCLUSIVE
from rageval.cli.output import ExplainFlag, FormatFlag, JsonFlag, choose_format, print_found


def cascade(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A labelled run that a light judge has judged too.")],
    metric: Annotated[str, typer.Option("--metric", "-m", help="A yes or no of one judge, such as attribution.")],
    light: Annotated[str, typer.Option(help="The name of the light judge in the run.")] = "light",
    most_lost: Annotated[float, typer.Option(help="The share of answers on which agreement may be lost.")] = 0.05,
    output: FormatFlag = "terminal",
    explain: ExplainFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Find which clear noes a light judge may decide before the chat judge is asked, by people's labels."""
    from rageval.decide.cascade import find_cascade
    from rageval.io.run_folder import RunFolder
    from rageval.report.cascade import cascade_printout

    form = choose_format(output, as_json)
    found = find_cascade(RunFolder(run), metric, light=light, most_lost=most_lost)
    print_found(form, lambda: cascade_printout(found), found.to_json, explain=explain)
    if found.threshold.found is None:
        raise typer.Exit(GATE_INCONCLUSIVE)
