"""`rageval run`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from rageval.cli.ending import tell
from rageval.cli.executor import ExecutorFlag, ExecutorName, RayAddress, TraceFile, chosen_executor
from rageval.cli.exit_codes import BUDGET_SPENT, GATE_CODES
from rageval.cli.notes import tell_notes
from rageval.cli.output import ExplainFlag, JsonFlag, calls_text, end_if_all_failed, end_interrupted, print_json
from rageval.cli.repeats import tell_repeats
from rageval.cli.reuse import FreshFlag, RetryFailedFlag, tell_reuse, with_reuse
from rageval.types import Json

if TYPE_CHECKING:
    from rageval.decide.until_decided import UntilDecided
    from rageval.experiment.plan import Experiment


def run(
    experiment: Annotated[Path, typer.Argument(help="An experiment file (YAML).")],
    out: Annotated[Path, typer.Option(help="Where runs and caches go.")] = Path("results"),
    explain: ExplainFlag = False,
    as_json: JsonFlag = False,
    retry_failed: RetryFailedFlag = False,
    fresh: FreshFlag = False,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no model: the caches alone answer.")] = False,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Say what is done and cached and what would be asked.")
    ] = False,
    executor: ExecutorFlag = ExecutorName.local,
    ray_address: RayAddress = None,
    trace: TraceFile = None,
) -> None:
    """Run an experiment: answer, judge, score. Run it again to resume; what is done is not asked again.

    With `until` in the file it exits like the gate: 0 pass, 1 fail, 3 inconclusive; 6 where the budget was spent first.
    """
    from rageval.decide.leaderboard import read_leaderboard
    from rageval.decide.until_decided import ask_until_decided
    from rageval.errors import DeclarationError
    from rageval.experiment.plan import load_experiment
    from rageval.experiment.run import run_experiment
    from rageval.report.leaderboard_printout import leaderboard_printout
    from rageval.report.progress import progress_bars
    from rageval.report.sequential_printout import gate_printout
    from rageval.report.tables.terminal import print_printout
    from rageval.report.terminal import stdout_console

    for flag, given in (("--offline", offline), ("--dry-run", dry)):
        if fresh and given:
            raise DeclarationError(f"--fresh: found it with {flag}, expected one of them")
    with progress_bars() as bars:
        if dry:
            with load_experiment(experiment, out / "cache", offline=offline) as planned:
                _dry_run(planned, out, retry_failed, as_json)
            return
        try:
            with (
                chosen_executor(executor, ray_address, trace) as chosen,
                load_experiment(experiment, out / "cache", bars.embedding, offline=offline, fresh=fresh) as planned,
            ):
                until = None
                if planned.until is None:
                    paths = run_experiment(
                        planned, out, on_progress=bars.questions, retry_failed=retry_failed, executor=chosen
                    )
                else:
                    until = ask_until_decided(planned, out, bars.questions, retry_failed=retry_failed, executor=chosen)
                    paths = [until.run]
        except KeyboardInterrupt:
            bars.stop()
            end_interrupted("everything done so far", out)
    reused, notes = tell_reuse(paths), tell_notes(paths)
    board = read_leaderboard(paths)
    if as_json:
        by_path = {row.path: row for row in board.rows}
        runs: dict[str, dict[str, Json]] = {}
        for entry in with_reuse(board.to_json(), reused):
            path = str(entry["path"])
            runs[path] = {**entry, "notes": notes[path]}
        tolerated: list[Json] = [one.to_json() for one in planned.benchmark.tolerated]
        decided: dict[str, Json] = {} if until is None else {"until": until.to_json()}
        print_json({"runs": [runs[str(by_path[path].path)] for path in paths], "tolerated": tolerated, **decided})
        end_if_all_failed(board)
        _end_as_gate(until)
        return
    console = stdout_console()
    print_printout(leaderboard_printout(board), console, explain=explain)
    if until is not None and until.gate is not None:
        print_printout(gate_printout(until.gate), console, explain=explain)
    for path in paths:
        print(path, file=sys.stderr)
    tell_repeats(paths)
    end_if_all_failed(board)
    _end_as_gate(until)


def _end_as_gate(until: UntilDecided | None) -> None:
    """Ends with the exit code of the gate that was asked for, if one was."""
    if until is None:
        return
    if until.stopped_by == "budget":
        tell(f"budget: {until.sentence}; run again with another budget to go on")
        raise typer.Exit(BUDGET_SPENT)
    raise typer.Exit(GATE_CODES["inconclusive" if until.gate is None else until.gate.verdict])


def _dry_run(planned: Experiment, out: Path, retry_failed: bool, as_json: bool) -> None:
    from dataclasses import asdict

    from rageval.experiment.dry_run import dry_run
    from rageval.pipeline.sizes import total

    outlook = dry_run(planned, out, retry_failed=retry_failed)
    if as_json:
        print_json(cast("dict[str, Json]", asdict(outlook)))
        return
    for part in outlook.runs:
        most = "an unknown number of" if part.calls is None else f"at most {part.calls:,}"
        print(
            f"{part.pipeline}: {part.done} questions done, {part.cached} in the cache, {part.open} to ask about "
            f"({most} chat calls)"
        )
    calls = calls_text(outlook.calls, total(*(part.calls for part in outlook.runs)))
    print(f"in all: {calls} and at least {outlook.texts:,} texts to embed")
