"""What an experiment asks of chat models at most, told before anything is spent."""

from __future__ import annotations

from dataclasses import dataclass

from rageval.experiment.plan import Experiment
from rageval.text import count_tokens
from rageval.types import Benchmark


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """Chat calls that one pipeline takes over all questions, at least and at most, if nothing is cached.

    Judges ask nothing where a pipeline abstains: hence the distance between `low` and `high`. `prompt_tokens` is an
    upper bound in estimated tokens.
    """

    pipeline: str
    low: int
    high: int
    prompt_tokens: int


_PROMPT_OVERHEAD = 150


def estimate_cost(experiment: Experiment) -> tuple[CostEstimate, ...]:
    """What the experiment will ask of chat models, per pipeline, if nothing is cached."""
    n = len(experiment.questions)
    estimates: list[CostEstimate] = []
    for pipeline in experiment.pipelines:
        stage, context = pipeline.stage, pipeline.stage.context_size()
        answering = stage.calls(experiment.generate)
        judging = [judge.calls(context.passages) for judge in experiment.judges]
        indexing = stage.indexing_calls(experiment.benchmark.documents)
        low = indexing + n * (answering.low + sum(call[0] for call in judging))
        high = indexing + n * (answering.high + sum(call[1] for call in judging))
        each = _longest(experiment.benchmark) if context.tokens_each is None else context.tokens_each
        tokens = high * (context.passages * each + _PROMPT_OVERHEAD)
        estimates.append(CostEstimate(pipeline.label, low, high, tokens))
    return tuple(estimates)


def _longest(benchmark: Benchmark) -> int:
    """Tokens of the longest document, for passages of which nothing else is known."""
    return max((count_tokens(document.text) for document in benchmark.documents), default=0)
