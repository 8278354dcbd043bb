"""`rageval stress`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rageval.cli.output import (
    ExplainFlag,
    FormatFlag,
    JsonFlag,
    choose_format,
    end_if_all_failed,
    end_interrupted,
    print_found,
    print_json,
)
from rageval.cli.reuse import FreshFlag, RetryFailedFlag, tell_reuse
from rageval.types import Json

if TYPE_CHECKING:
    from rageval.stress.run import Stress


def stress(
    experiment: Annotated[Path, typer.Argument(help="An experiment file (YAML).")],
    attacks: Annotated[
        str, typer.Option(metavar="NAME,…", help="These attacks alone: see docs/stress.md. [default: all]")
    ] = "",
    own: Annotated[list[Path] | None, typer.Option(metavar="FILE", help="An attack of your own; repeatable.")] = None,
    sample: Annotated[int | None, typer.Option(min=1, metavar="N", help="Attack N of the questions.")] = None,
    seed: Annotated[int, typer.Option(help="What the sample, the changes and the planted words are drawn by.")] = 0,
    worst: Annotated[int, typer.Option(min=0, help="List so many of the worst cases of each attack.")] = 3,
    out: Annotated[Path, typer.Option(help="Where runs, caches and stress/NAME.md and .json go.")] = Path("results"),
    retry_failed: RetryFailedFlag = False,
    fresh: FreshFlag = False,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Say what is done and cached and what would be asked.")
    ] = False,
    output: FormatFlag = "terminal",
    explain: ExplainFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Attack the pipelines: on questions, documents and prompts, each attack paired with the clean run.

    Run it again to resume; what is done is not asked again.
    """
    from rageval.decide.leaderboard import read_leaderboard
    from rageval.errors import DeclarationError
    from rageval.experiment.plan import load_experiment
    from rageval.io.run_folder import replace_text, write_json
    from rageval.report.progress import progress_bars
    from rageval.report.stress import stress_printout
    from rageval.report.tables.formats import RENDERERS
    from rageval.stress.attacks import choose_attacks
    from rageval.stress.run import plan_stress, run_stress

    form = choose_format(output, as_json)
    if fresh and dry:
        raise DeclarationError("--fresh: found it with --dry-run, expected one of them")
    names = [name.strip() for name in attacks.split(",") if name.strip()]
    chosen = choose_attacks(names, own or ())
    with progress_bars() as bars:
        try:
            with load_experiment(experiment, out / "cache", bars.embedding, fresh=fresh) as planned:
                prepared = plan_stress(planned, chosen, sample=sample, seed=seed, named=bool(names or own))
                if dry:
                    _dry_run(prepared, out, retry_failed, form == "json")
                    return
                result = run_stress(prepared, out, on_progress=bars.questions, retry_failed=retry_failed, worst=worst)
        except KeyboardInterrupt:
            bars.stop()
            end_interrupted("everything done so far", out)
    runs = [folder for one in result.pipelines for folder in (one.run, *(attack.run for attack in one.attacks))]
    tell_reuse(runs)
    page = out / "stress" / f"{result.name}.md"
    replace_text(page, RENDERERS["md"](stress_printout(result)))
    write_json(page.with_suffix(".json"), result.to_json())
    print_found(form, lambda: stress_printout(result), result.to_json, explain=explain)
    print(page, file=sys.stderr)
    end_if_all_failed(read_leaderboard(result.clean_runs))


def _dry_run(prepared: Stress, out: Path, retry_failed: bool, as_json: bool) -> None:
    from dataclasses import asdict

    from rageval.pipeline.sizes import total
    from rageval.stress.run import price_stress

    priced = price_stress(prepared, out, retry_failed=retry_failed)
    calls = total(*(part.calls for runs in priced.values() for part in runs))
    if as_json:
        experiments: dict[str, Json] = {name: [asdict(part) for part in runs] for name, runs in priced.items()}
        print_json({"experiments": experiments, "calls": calls})
        return
    for name, runs in priced.items():
        for part in runs:
            most = "an unknown number of" if part.calls is None else f"at most {part.calls:,}"
            print(
                f"{name}: {part.pipeline}: {part.done} questions done, {part.cached} in the cache, {part.open} to ask "
                f"about ({most} chat calls)"
            )
    print(f"in all: {'an unknown number of' if calls is None else f'at most {calls:,}'} chat calls")
