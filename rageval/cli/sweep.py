"""`rageval sweep`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rageval.cli.executor import ExecutorFlag, ExecutorName, RayAddress, TraceFile, chosen_executor
from rageval.cli.notes import tell_notes
from rageval.cli.output import (
    ExplainFlag,
    FormatFlag,
    JsonFlag,
    PlotFile,
    choose_format,
    end_if_all_failed,
    end_interrupted,
    print_found,
)
from rageval.cli.reuse import FreshFlag, RetryFailedFlag, tell_reuse, with_reuse
from rageval.types import Json


def sweep(
    experiment: Annotated[Path, typer.Argument(help="An experiment file (YAML) with `sweep`, `pipelines` or both.")],
    out: Annotated[Path, typer.Option(help="Where runs, caches and sweeps/NAME.md and .json go.")] = Path("results"),
    top: Annotated[
        int | None, typer.Option(min=1, help="With --halving: how many of the best cells to find (3, or fewer).")
    ] = None,
    halving: Annotated[
        bool, typer.Option("--halving", help="Ask few questions first, and drop cells that are surely behind.")
    ] = False,
    choose: Annotated[
        bool, typer.Option("--choose", help="Choose the best cell on some questions, and report it on the others.")
    ] = False,
    share: Annotated[
        float | None, typer.Option(help="With --choose: the share of the questions that choose (0.5).")
    ] = None,
    retry_failed: RetryFailedFlag = False,
    fresh: FreshFlag = False,
    plot: PlotFile = None,
    output: FormatFlag = "terminal",
    explain: ExplainFlag = False,
    as_json: JsonFlag = False,
    executor: ExecutorFlag = ExecutorName.local,
    ray_address: RayAddress = None,
    trace: TraceFile = None,
) -> None:
    """Run all cells of a grid, and say which is best, what each setting does, and what is worth its cost."""
    from rageval.decide.choosing import SHARE
    from rageval.decide.choosing import choose as choose_best
    from rageval.decide.halving import MOST_KEPT, halve
    from rageval.decide.sweep import read_sweep
    from rageval.errors import DeclarationError
    from rageval.experiment.plan import load_experiment
    from rageval.experiment.run import run_experiment
    from rageval.io.run_folder import replace_text, write_json
    from rageval.report.choosing import choice_lines
    from rageval.report.progress import progress_bars
    from rageval.report.sweep import halving_lines, markdown
    from rageval.report.sweep_printout import sweep_printout

    form = choose_format(output, as_json)
    if plot is not None:
        from rageval.report.pictures.canvas import check_picture

        check_picture(plot)
    for name, value, flag, given in (("--top", top, "--halving", halving), ("--share", share, "--choose", choose)):
        if value is not None and not given:
            raise DeclarationError(f"sweep: found {name} without {flag}, expected both, or {flag} alone")
    halved = choice = None
    with progress_bars() as bars:
        try:
            with (
                chosen_executor(executor, ray_address, trace) as chosen,
                load_experiment(experiment, out / "cache", bars.embedding, fresh=fresh) as planned,
            ):
                if planned.until is not None:
                    raise DeclarationError("until: found it in a sweep, expected it with `rageval run` alone")
                if halving and top is None:
                    top = max(1, min(MOST_KEPT, len(planned.pipelines) - 1))
                if choose:
                    part = SHARE if share is None else share
                    left, paths, halved, choice = choose_best(
                        planned, out, part, top, bars.questions, retry_failed=retry_failed, executor=chosen
                    )
                elif top is not None:
                    left, halved = halve(planned, out, top, bars.questions, retry_failed=retry_failed, executor=chosen)
                    paths = [*halved.runs]
                else:
                    left = planned
                    paths = run_experiment(
                        planned, out, on_progress=bars.questions, retry_failed=retry_failed, executor=chosen
                    )
        except KeyboardInterrupt:
            bars.stop()
            end_interrupted("everything done so far", out)
    result = read_sweep(paths, left.pipelines)
    text = markdown(result) + ("" if halved is None else halving_lines(halved))
    text = ("" if choice is None else choice_lines(choice)) + text
    page = out / "sweeps" / f"{planned.name}.md"
    replace_text(page, text)
    board = result.to_json()
    notes = tell_notes(paths)
    runs = with_reuse(board, tell_reuse(paths))
    content: dict[str, Json] = {**board, "runs": [{**run, "notes": notes[str(run["path"])]} for run in runs]}
    if halved is not None:
        content["halving"] = halved.to_json()
    if choice is not None:
        content["choice"] = choice.to_json()
    write_json(page.with_suffix(".json"), content)
    if plot is not None:
        from rageval.report.pictures.sweep import draw_sweep, has_picture

        if has_picture(result):
            draw_sweep(result, plot)
        else:
            print(f"{plot}: not drawn: the sweep has no effects and no costs to show", file=sys.stderr)
    print_found(
        form, lambda: sweep_printout(result, halved, choice), lambda: content, markdown=lambda: text, explain=explain
    )
    print(page, file=sys.stderr)
    end_if_all_failed(result.leaderboard)
