"""What a run's answers took, all together and stage by stage."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple

from rageval.io.records import Outcome, usage_to_json
from rageval.types import Failure, Json, Usage

NO_STAGE = "pipeline"


def totals(outcomes: Iterable[Outcome]) -> dict[str, Json]:
    """For the manifest: `failed` and `abstained` questions, mean latency of the others in seconds (None where there are
    none), `usage` of the pipeline, and `usage_by_stage`, by the names of the steps.

    What no step asked for, as in systems that record none, is under `pipeline`. The stages add up to the whole.
    """
    failed = abstained = answered = 0
    latency_s = 0.0
    answering = Usage()
    stages: dict[str, Usage] = {}
    for outcome in outcomes:
        if isinstance(outcome, Failure):
            failed += 1
            continue
        answered += 1
        abstained += bool(outcome.abstained)
        latency_s += outcome.latency_s
        answering += outcome.usage
        for step in outcome.steps:
            stages[step.name] = stages.get(step.name, Usage()) + step.usage
    told = {name: usage for name, usage in stages.items() if usage != Usage()}
    rest = Usage(*(n - m for n, m in zip(astuple(answering), astuple(sum(told.values(), Usage())), strict=True)))
    if rest != Usage():
        told[NO_STAGE] = rest
    return {
        "failed": failed,
        "abstained": abstained,
        "mean_latency_s": latency_s / answered if answered else None,
        "usage": usage_to_json(answering),
        "usage_by_stage": {name: usage_to_json(usage) for name, usage in told.items()},
    }
