"""`rageval check`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rageval.cli.exit_codes import ENDPOINT_REFUSED
from rageval.cli.output import JsonFlag, calls_text, print_json
from rageval.types import Json

if TYPE_CHECKING:
    from rageval.experiment.estimate import CostEstimate
    from rageval.experiment.live_check import CheckedModel
    from rageval.experiment.plan import Experiment


def check(
    experiment: Annotated[Path, typer.Argument(help="An experiment file (YAML).")],
    as_json: JsonFlag = False,
    live: Annotated[
        bool, typer.Option("--live", help="Also ask each endpoint what it can do, with a few paid calls.")
    ] = False,
    out: Annotated[Path, typer.Option(help="With --live: where runs and caches go.")] = Path("results"),
) -> None:
    """Check an experiment's names, labels and models; say what it would ask of models. Spends only with --live."""
    import tempfile

    from rageval.experiment.estimate import estimate_cost
    from rageval.experiment.plan import load_experiment
    from rageval.report.languages import language_lines

    checked: list[CheckedModel] = []
    with tempfile.TemporaryDirectory() as scratch, load_experiment(experiment, Path(scratch)) as planned:
        costs = estimate_cost(planned)
        if live:
            from rageval.experiment.live_check import check_live
            from rageval.experiment.spec import read_spec

            checked = check_live(read_spec(experiment), planned, experiment.resolve().parent, out / "cache")
    if as_json:
        pipelines: list[Json] = [
            {
                "pipeline": cost.pipeline,
                "calls": [cost.low, cost.high],
                "prompt_tokens": cost.prompt_tokens,
                "unknown": [*cost.unknown],
            }
            for cost in costs
        ]
        found: dict[str, Json] = {"models": [model.to_json() for model in checked]} if live else {}
        tolerated: list[Json] = [one.to_json() for one in planned.benchmark.tolerated]
        languages: list[Json] = [*language_lines(planned.benchmark.documents, planned.questions)]
        about: dict[str, Json] = {"questions": len(planned.questions), "tolerated": tolerated, "languages": languages}
        print_json({**about, "pipelines": pipelines, **found})
    else:
        _print_plan(planned, costs)
        _print_checked(checked)
    if any(model.error is not None for model in checked):
        raise typer.Exit(ENDPOINT_REFUSED)


def _print_plan(planned: Experiment, costs: Sequence[CostEstimate]) -> None:
    from rageval.pipeline.sizes import total
    from rageval.report.languages import language_lines

    benchmark = planned.benchmark
    print(f"{benchmark.name}: {len(benchmark.documents)} documents, {len(planned.questions)} questions to ask")
    if benchmark.card.description:
        print(f"read as: {benchmark.card.description}")
    for line in language_lines(benchmark.documents, planned.questions):
        print(line)
    for role, models in (
        ("chat", planned.chats or [None]),
        ("embed", planned.embedders or [None]),
        ("judge", planned.raters or [None]),
    ):
        for model in models if role != "judge" or planned.detector is None else ():
            print(f"{role}: {'not needed' if model is None else model.identity}")
    if planned.detector is not None:
        print(f"judge: {planned.detector.name}, no chat model")
    if planned.raters and planned.judge_samples > 1:
        print(f"each judge is asked {planned.judge_samples} times")
    for cost in costs:
        tokens = "an unknown number of" if cost.prompt_tokens is None else f"at most {cost.prompt_tokens:,}"
        why = f" (unknown: {', '.join(cost.unknown)})" if cost.unknown else ""
        print(f"{cost.pipeline}: {calls_text(cost.low, cost.high)}, {tokens} prompt tokens{why}")
    low, high = sum(cost.low for cost in costs), total(*(cost.high for cost in costs))
    print(f"in all: {calls_text(low, high)} if nothing is cached; equal calls are made once")


def _print_checked(checked: Sequence[CheckedModel]) -> None:
    for model in checked:
        tokens = model.usage.prompt_tokens + model.usage.completion_tokens
        print(f"\n{', '.join(model.roles)}: {model.model} ({model.usage.calls} calls, {tokens:,} tokens)")
        for line in model.does if model.error is None else (f"error: {model.error}",):
            print(f"  {line}")
