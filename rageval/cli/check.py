"""`rageval check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rageval.cli.output import JsonFlag, print_json
from rageval.types import Json


def check(
    experiment: Annotated[Path, typer.Argument(help="An experiment file (YAML).")], as_json: JsonFlag = False
) -> None:
    """Check an experiment's names, labels and models; say what it would ask of models. Spends nothing."""
    import tempfile

    from rageval.experiment.estimate import estimate_cost
    from rageval.experiment.plan import load_experiment

    with tempfile.TemporaryDirectory() as scratch, load_experiment(experiment, Path(scratch)) as planned:
        costs = estimate_cost(planned)
    if as_json:
        pipelines: list[Json] = [
            {"pipeline": c.pipeline, "calls": [c.low, c.high], "prompt_tokens": c.prompt_tokens} for c in costs
        ]
        print_json({"questions": len(planned.questions), "pipelines": pipelines})
        return
    benchmark = planned.benchmark
    print(f"{benchmark.name}: {len(benchmark.documents)} documents, {len(planned.questions)} questions to ask")
    for role, models in (("chat", [planned.chat]), ("embed", [planned.embedder]), ("judge", planned.raters or [None])):
        for model in models:
            print(f"{role}: {'not needed' if model is None else model.identity}")
    if planned.raters and planned.judge_samples > 1:
        print(f"each judge is asked {planned.judge_samples} times")
    for cost in costs:
        calls = str(cost.low) if cost.low == cost.high else f"{cost.low} to {cost.high}"
        print(f"{cost.pipeline}: {calls} chat calls, at most {cost.prompt_tokens:,} prompt tokens")
    total = sum(cost.low for cost in costs), sum(cost.high for cost in costs)
    print(f"in all: {total[0]} to {total[1]} chat calls if nothing is cached; equal calls are made once")
