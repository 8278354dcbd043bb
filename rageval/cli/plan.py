"""`rageval plan`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rageval.cli.compare import RUN_OR_BASELINE, ClusterFlag
from rageval.cli.output import FormatFlag, JsonFlag, choose_format, print_found


def plan(
    experiment: Annotated[Path, typer.Argument(help="An experiment file (YAML).")],
    detect: Annotated[float | None, typer.Option(help="The difference that a comparison is to show.")] = None,
    margin: Annotated[
        float | None, typer.Option(help="The margin at which a gate is to pass an equally good candidate.")
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option("--metric", "-m", help="Such as ndcg@10; repeatable. All by default.")
    ] = None,
    power: Annotated[float, typer.Option(help="The probability of success to plan for.")] = 0.8,
    like: Annotated[
        list[str] | None,
        typer.Option(help=f"{RUN_OR_BASELINE} Twice, for two systems as different as yours; or once."),
    ] = None,
    correlation: Annotated[
        float | None, typer.Option(help="With one --like: how two systems' scores correlate (0.5 if not given).")
    ] = None,
    sd: Annotated[float | None, typer.Option(help="Without --like: the standard deviation of differences.")] = None,
    cluster_by: ClusterFlag = None,
    repeats: Annotated[int, typer.Option(help="How many answers each question gets; needs --within.")] = 1,
    within: Annotated[
        float | None, typer.Option(help="The share of the differences' variance within questions, 0 to 1.")
    ] = None,
    half_width: Annotated[float, typer.Option(help="Of a mean's interval by people's labels.")] = 0.05,
    labels: Annotated[int, typer.Option(help="Say what so many of people's labels give.")] = 50,
    judge_correlation: Annotated[
        float | None, typer.Option(help="Of judge and people; labels in a --like run show it.")
    ] = None,
    output: FormatFlag = "terminal",
    as_json: JsonFlag = False,
) -> None:
    """Say how many questions, labels and calls it takes to show a difference or pass a gate. Spends nothing."""
    import tempfile

    from rageval.decide.plan import Aim, plan_size
    from rageval.decide.plan_costs import prices_of
    from rageval.experiment.plan import load_experiment
    from rageval.experiment.spec import read_spec
    from rageval.report.plan import plan_printout

    form = choose_format(output, as_json)
    aim = Aim(detect, margin, power, repeats, within, half_width, labels, judge_correlation)
    with tempfile.TemporaryDirectory() as scratch, load_experiment(experiment, Path(scratch)) as planned:
        found = plan_size(
            planned,
            aim,
            metric,
            like=like or (),
            sd=sd,
            correlation=correlation,
            cluster_by=cluster_by,
            prices=prices_of(read_spec(experiment)),
        )
    print_found(form, lambda: plan_printout(found), found.to_json)
