"""The fewest and the most chat calls that an experiment needs, estimated before it spends anything."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from rageval.experiment.plan import Experiment
from rageval.judges import Judge, judge_bound
from rageval.pipeline import Bound, Pipeline, PromptSizes
from rageval.pipeline.sizes import CorpusSizes, passages_size
from rageval.text import count_tokens
from rageval.types import Question, Response


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """The fewest and the most chat calls that one pipeline and the judging of its answers need if nothing is cached.

    All repeats are counted.

    `high` includes second attempts of judges. Judges ask nothing if a pipeline abstains, which explains much of the gap
    to `low`. `prompt_tokens` is an upper bound on the tokens of all prompts together, as `rageval.text.count_tokens`
    estimates them. A value that is not known is None, and `unknown` says why. `indexing`, `answering` and `judging` are
    the parts of the upper bounds.
    """

    pipeline: str
    low: int
    high: int | None
    prompt_tokens: int | None
    unknown: tuple[str, ...]
    indexing: Bound
    answering: Bound
    judging: Bound

    def of_questions(self, n: int, of: int) -> CostEstimate:
        """The estimate for `n` answered questions of the same kind, from this one for `of` questions. Indexes are built
        once.
        """
        answering, judging = (_scaled(part, n, of) for part in (self.answering, self.judging))
        most = self.indexing + answering + judging
        once = self.indexing.calls or 0
        low = once + math.ceil((self.low - once) * n / of)
        return CostEstimate(
            self.pipeline, low, most.calls, most.prompt_tokens, self.unknown, self.indexing, answering, judging
        )


class Bounds:
    """Upper bounds on what the questions of an experiment ask, pipeline by pipeline."""

    def __init__(self, experiment: Experiment) -> None:
        self._documents = experiment.benchmark.documents
        self._generate = experiment.generate
        self._corpus = CorpusSizes(self._documents)
        answers = [_answer_size(pipeline) for pipeline in experiment.pipelines]
        known = [answer for answer in answers if answer is not None]
        self._pool = passages_size(known) if len(known) == len(answers) else None

    def indexing(self, pipeline: Pipeline) -> Bound:
        """What it takes to build the pipeline's indexes."""
        stage = pipeline.stage
        return Bound(stage.indexing_calls(self._documents), stage.indexing_tokens(self._documents))

    def answering(self, pipeline: Pipeline, question: Question) -> Bound:
        """What it takes to answer the question."""
        if pipeline.stage.asks_outside():
            return Bound(None, None)
        tokens = pipeline.stage.prompt_tokens(self._generate, self._before(question))
        return Bound(pipeline.stage.calls(self._generate).high, tokens)

    def judging(self, judge: Judge, pipeline: Pipeline, question: Question, response: Response | None = None) -> Bound:
        """The cost of judging the pipeline's answer; `response` is that answer if it exists already."""
        sizes = self._before(question)
        if response is not None:
            texts = [count_tokens(passage.text) for passage in response.context_passages]
            context = replace(sizes.context, passages=len(texts), tokens_each=max(texts, default=0))
            sizes = replace(sizes, context=context, answer=count_tokens(response.answer or ""))
        elif pipeline.stage.asks_outside():
            return Bound(None, None) if judge.calls(1)[1] else Bound()
        else:
            sizes = replace(sizes, context=pipeline.stage.context_size(), answer=_answer_size(pipeline))
        bound = judge_bound(judge, sizes)
        return bound.each + bound.once

    def _before(self, question: Question) -> PromptSizes:
        return replace(PromptSizes.of(question, self._corpus), pool=self._pool)


def estimate_cost(experiment: Experiment) -> tuple[CostEstimate, ...]:
    """What the experiment will ask of chat models, per pipeline, if nothing is cached."""
    bounds = Bounds(experiment)
    return tuple(_estimate(experiment, pipeline, bounds) for pipeline in experiment.pipelines)


def _estimate(experiment: Experiment, pipeline: Pipeline, bounds: Bounds) -> CostEstimate:
    stage, judges, questions = pipeline.stage, experiment.judges, experiment.questions
    passages = stage.context_size().passages
    each = stage.calls(experiment.generate).low + sum(judge.calls(passages)[0] for judge in judges)
    indexing = bounds.indexing(pipeline)
    repeats = experiment.repeats_of(pipeline)
    answering = sum((bounds.answering(pipeline, question) * repeats for question in questions), Bound())
    judging = {
        judge.name: sum((bounds.judging(judge, pipeline, question) * repeats for question in questions), Bound())
        for judge in judges
    }
    judged = sum(judging.values(), Bound())
    most = indexing + answering + judged
    unknown: list[str] = []
    if stage.asks_outside():
        unknown.append("what it asks outside of rageval")
    else:
        if (indexing + answering).prompt_tokens is None:
            unknown.append("how long its prompts get")
        if experiment.generate and _answer_size(pipeline) is None:
            unknown.append("how long its answers get")
        elif None in (bound.prompt_tokens for bound in judging.values()):
            names = [name for name, bound in judging.items() if bound.prompt_tokens is None]
            unknown.append(f"how long the prompts of {', '.join(names)} get")
    low = (indexing.calls or 0) + len(questions) * repeats * each
    return CostEstimate(
        pipeline.label, low, most.calls, most.prompt_tokens, tuple(unknown), indexing, answering, judged
    )


def _scaled(bound: Bound, n: int, of: int) -> Bound:
    calls, tokens = (None if part is None else math.ceil(part * n / of) for part in (bound.calls, bound.prompt_tokens))
    return Bound(calls, tokens)


def _answer_size(pipeline: Pipeline) -> int | None:
    """Tokens of the pipeline's answers, at most."""
    return None if pipeline.stage.asks_outside() else pipeline.stage.answer_tokens(0)
