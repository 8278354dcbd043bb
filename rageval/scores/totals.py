"""What a run's answers and model calls cost, by stage and judge: what the run paid, and what it would cost alone."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain, repeat

import numpy as np
from numpy.typing import NDArray

from rageval.io.records import Outcome, usage_to_json
from rageval.types import Failure, Json, Response, Usage

NO_STAGE = "pipeline"
ANSWERING = "answering"
INDEXING = "indexing"


class Tally:
    """A sum of many usages, whose requests take 32 bytes each."""

    def __init__(self) -> None:
        self._counts = Usage()
        self._requests = array("Q")
        self._costs = array("q")

    def add(self, usage: Usage) -> None:
        self._counts += replace(usage, requests={})
        for request, cost in usage.requests.items():
            self._requests.append(int(request, 16))
            self._costs.extend(cost)

    def without(self, earlier: NDArray[np.uint64]) -> tuple[Usage, NDArray[np.uint64]]:
        """Returns the sum, and the sorted union of `earlier` and its own requests. In the sum, a request adds nothing
        to the cost alone if it is in `earlier` or is repeated.
        """
        requests = np.array(self._requests, dtype=np.uint64)
        costs = np.array(self._costs, dtype=np.int64).reshape(-1, 3)
        different, first = np.unique(requests, return_index=True)
        repeated = np.ones(requests.size, dtype=bool)
        repeated[first[~np.isin(different, earlier, assume_unique=True)]] = False
        calls, prompt_tokens, completion_tokens = costs[repeated].sum(axis=0).tolist()
        usage = replace(
            self._counts,
            calls=self._counts.calls - calls,
            prompt_tokens=self._counts.prompt_tokens - prompt_tokens,
            completion_tokens=self._counts.completion_tokens - completion_tokens,
            free_calls=self._counts.free_calls - calls,
            free_prompt_tokens=self._counts.free_prompt_tokens - prompt_tokens,
            free_completion_tokens=self._counts.free_completion_tokens - completion_tokens,
        )
        return usage, np.union1d(earlier, different)


def totals(
    outcomes: Iterable[Outcome],
    indexing: Iterable[tuple[str, Usage]],
    judging: Mapping[str, Iterable[Usage]],
    repeated: Iterable[Outcome] = (),
) -> dict[str, Json]:
    """For the manifest: the number of `failed` and `abstained` questions, of answers of which it is `unsettled` whether
    they abstain, the mean latency of the questions that did not fail in seconds (None if there are none), `usage` of
    the pipeline (`answering`), of its indexes (`indexing`) and of each judge by its key, and `usage_by_stage` and
    `usage_by_index`, by the names of the steps and of the indexes.

    `repeated` are further answers to the same questions: they count in latency and usage, not as questions.

    Usage outside any step, as in systems that record none, is under `pipeline`. The stages add up to `answering`, the
    indexes to `indexing`. In the cost alone, a request that the run repeats counts only where it first occurs: in
    indexes, then stages (in the order in which they appear), then judges (in the order given). So the rows add up to
    what the run pays when it begins with an empty cache.
    """
    failed = abstained = unsettled = answered = 0
    latency_s = 0.0
    stages: dict[str, Tally] = {}
    others = Tally()
    indexes: dict[str, Tally] = {}
    judges: dict[str, Tally] = {key: Tally() for key in judging}
    for outcome, first in chain(zip(outcomes, repeat(True)), zip(repeated, repeat(False))):
        if isinstance(outcome, Failure):
            failed += first
            continue
        answered += 1
        abstained += first and bool(outcome.abstained)
        unsettled += first and outcome.abstained is None
        latency_s += outcome.latency_s
        for step in outcome.steps:
            if step.usage != Usage():
                stages.setdefault(step.name, Tally()).add(step.usage)
        others.add(_of_no_step(outcome))
    for name, usage in indexing:
        indexes.setdefault(name, Tally()).add(usage)
    for key, usages in judging.items():
        for usage in usages:
            judges[key].add(usage)
    by_index, by_stage, by_judge = _count_once(indexes, {**stages, NO_STAGE: others}, judges)
    return {
        "failed": failed,
        "abstained": abstained,
        "unsettled": unsettled,
        "mean_latency_s": latency_s / answered if answered else None,
        "usage": {
            ANSWERING: usage_to_json(sum(by_stage.values(), Usage())),
            INDEXING: usage_to_json(sum(by_index.values(), Usage())),
            **{key: usage_to_json(usage) for key, usage in by_judge.items()},
        },
        "usage_by_stage": {name: usage_to_json(usage) for name, usage in by_stage.items() if usage != Usage()},
        "usage_by_index": {name: usage_to_json(usage) for name, usage in by_index.items()},
    }


def total(usages: Iterable[Usage]) -> Usage:
    """The sum of the usages, without the names of their requests. Same result as adding them, but fast for many."""
    tally = Tally()
    for usage in usages:
        tally.add(usage)
    return _count_once({"": tally})[0][""]


def _count_once(*groups: Mapping[str, Tally]) -> list[dict[str, Usage]]:
    """The sums of the groups; a request counts in the cost alone only in the first tally that has it."""
    earlier = np.zeros(0, dtype=np.uint64)
    counted: list[dict[str, Usage]] = []
    for group in groups:
        sums: dict[str, Usage] = {}
        for name, tally in group.items():
            sums[name], earlier = tally.without(earlier)
        counted.append(sums)
    return counted


def _of_no_step(response: Response) -> Usage:
    """What the response cost beyond its steps."""
    whole, steps = response.usage, sum((step.usage for step in response.steps), Usage())
    return Usage(
        whole.calls - steps.calls,
        whole.cached_calls - steps.cached_calls,
        whole.prompt_tokens - steps.prompt_tokens,
        whole.cached_tokens - steps.cached_tokens,
        whole.completion_tokens - steps.completion_tokens,
        whole.free_calls - steps.free_calls,
        whole.free_prompt_tokens - steps.free_prompt_tokens,
        whole.free_completion_tokens - steps.free_completion_tokens,
        {request: cost for request, cost in whole.requests.items() if request not in steps.requests},
        whole.reasoning_tokens - steps.reasoning_tokens,
    )
