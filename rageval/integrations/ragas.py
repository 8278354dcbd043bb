"""RAGAS: its data sets as benchmarks with recorded runs, runs as its data sets, its metrics as judges (extra `ragas`).

    result = evaluate(dataset, [Faithfulness(), ContextRecall()], llm={"provider": "openai", ...})

A metric's model calls go through rageval's models, so its scores have rageval's cache, resume, budget and intervals.
Importing this module switches RAGAS's usage reports off, for the whole process.
"""

from __future__ import annotations

import asyncio
import copy
import hashlib
import inspect
import math
import os
import re
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar, cast

import pydantic

from rageval.benchmark import detect_language, from_records
from rageval.errors import (
    BudgetError,
    DeclarationError,
    ExecutionError,
    MissingExtraError,
    ModelError,
    RagevalError,
)
from rageval.experiment.choose_judges import MetricLike
from rageval.front import ModelLike, Result
from rageval.front import evaluate as evaluate_benchmark
from rageval.identity import class_source, fingerprint
from rageval.io.records import outcome_to_json
from rageval.io.run_folder import RunFolder
from rageval.io.run_tables import RunTable
from rageval.judges import CustomJudge, Item, Judged, Rubric
from rageval.judges.asking import UnreadableReplyError, ask
from rageval.metrics.names import CUSTOM
from rageval.models.base import ChatModel, ChatReply, ChatRequest, Embedder, Message
from rageval.models.structured import parse_object
from rageval.pipeline import Pipeline, complete_all
from rageval.pipeline.systems import CallFunction
from rageval.types import (
    Abstained,
    Benchmark,
    Document,
    Graded,
    Hit,
    Json,
    Passage,
    Question,
    RelevanceLabel,
    Response,
    Verdict,
)

os.environ["RAGAS_DO_NOT_TRACK"] = "true"

try:
    import ragas
    from datasets import Dataset  # pyright: ignore[reportMissingTypeStubs]
    from langchain_core.embeddings import Embeddings
    from langchain_core.language_models import BaseChatModel
    from langchain_core.outputs import Generation, LLMResult
    from ragas import EvaluationDataset, RunConfig, SingleTurnSample
    from ragas._analytics import do_not_track
    from ragas.embeddings.base import BaseRagasEmbedding, BaseRagasEmbeddings, LangchainEmbeddingsWrapper
    from ragas.llms.base import BaseRagasLLM, InstructorBaseRagasLLM, LangchainLLMWrapper
    from ragas.metrics.base import (
        Metric,
        MetricType,
        MetricWithEmbeddings,
        MetricWithLLM,
        ModeMetric,
        SimpleBaseMetric,
        SingleTurnMetric,
    )
    from ragas.metrics.collections.base import BaseMetric
    from ragas.utils import convert_v1_to_v2_dataset
    from ragas.validation import remap_column_names
except ImportError as error:
    raise MissingExtraError(error.name or "ragas", "ragas", "rageval.integrations.ragas") from None

do_not_track.cache_clear()  # it remembers what it found if something of RAGAS ran before

T = TypeVar("T")
Reply = TypeVar("Reply", bound=pydantic.BaseModel)
AnyMetric: TypeAlias = SingleTurnMetric | BaseMetric

_ONCE = RunConfig(max_retries=1)  # rageval's models try again themselves
_TEMPERATURE = 0.01  # both as RAGAS's own clients have it
_MAX_TOKENS = 1024
_UNFINISHED = frozenset({"length", "refusal", "content_filter"})
_OF_RUNS = frozenset({"user_input", "response", "retrieved_contexts", "retrieved_context_ids", "reference"})
# Metrics run in the loop that the models live in: a call that blocks it would wait for itself.
_WAITS = "found a call of {0}, which blocks, expected the metric to await a{0}"
_ROUNDING = 1e-6
_FOLDER_NAME = re.compile(r"\w[\w .-]*")


def to_ragas(run_folder: str | Path) -> EvaluationDataset:
    """A run as a RAGAS data set: a sample for each question, in the order of the run.

    `retrieved_contexts` are the passages that the generator read, as judges see them (with their titles), and
    `retrieved_context_ids` their documents; `reference` is the first reference; `reference_context_ids` are the
    documents with a grade above 0, best first. What a question has none of is None: a failed one has no response and no
    contexts. Raises DeclarationError where the folder holds no finished run.
    """
    folder = RunFolder(Path(run_folder))
    name = folder.manifest()["benchmark"]["name"]
    outcomes = folder.outcomes()
    samples: list[SingleTurnSample] = []
    for question, grades in folder.questions().values():
        outcome = outcomes.get(question.id)
        if outcome is None:
            raise DeclarationError(f"{run_folder}: question {question.id} has no response yet: finish the run first")
        relevant = sorted((doc_id for doc_id, grade in grades.items() if grade > 0), key=lambda d: (-grades[d], d))
        response = outcome if isinstance(outcome, Response) else Response()
        given = SingleTurnSample(reference_context_ids=[*relevant] or None)
        samples.append(_sample(question, response, given))
    return EvaluationDataset(samples=[*samples], name=name)


def from_ragas(dataset: EvaluationDataset, name: str) -> tuple[Benchmark, Pipeline]:
    """A RAGAS data set as a benchmark of that name, and what it recorded as the pipeline `recorded`.

    Questions are `q1`, `q2`, … in the order of the samples. Contexts are documents, under their ids where the samples
    give any, else under a digest of their text; an id without a text is a document without one. Reference contexts are
    labels of grade 1. Raises DeclarationError where a sample is of several turns, has no `user_input`, or has other
    than one id for each context.
    """
    samples = _single_turns(dataset)
    retrieved = [
        _contexts(f"samples[{i}].retrieved_context", s.retrieved_context_ids, s.retrieved_contexts)
        for i, s in enumerate(samples)
    ]
    relevant = [
        _contexts(f"samples[{i}].reference_context", s.reference_context_ids, s.reference_contexts)
        for i, s in enumerate(samples)
    ]
    all_contexts = [context for contexts in (*retrieved, *relevant) for context in contexts]
    known = {text: doc_id for doc_id, text in reversed(all_contexts) if doc_id and text}

    def document_of(doc_id: str, text: str) -> str:
        return doc_id or known.get(text) or f"text-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    texts: dict[str, dict[str, None]] = {}
    for doc_id, text in all_contexts:
        texts.setdefault(document_of(doc_id, text), {}).update({text: None} if text else {})
    documents = {doc_id: _document(doc_id, "\n\n".join(parts)) for doc_id, parts in texts.items()}
    questions: list[Question] = []
    labels: list[RelevanceLabel] = []
    responses: dict[str, Response] = {}
    for number, (sample, hits, wanted) in enumerate(zip(samples, retrieved, relevant, strict=True), 1):
        text, references = sample.user_input or "", (sample.reference,) if sample.reference else ()
        question = Question(f"q{number}", text, detect_language(text), references)
        questions.append(question)
        labels += [RelevanceLabel(question.id, d, 1) for d in dict.fromkeys(document_of(*one) for one in wanted)]
        found = [_hit(documents[document_of(*one)], one[1], rank) for rank, one in enumerate(hits)]
        responses[question.id] = Response(tuple(found), sample.response)
    no_documents = [Document("none", "", "no passages were recorded")]
    benchmark = from_records(name, [*documents.values()] or no_documents, questions, labels)

    async def recorded(question: Question) -> Response:
        return responses[question.id]

    digest = fingerprint({question: outcome_to_json(response, {}) for question, response in responses.items()})
    return benchmark, Pipeline("recorded", CallFunction(digest, recorded))


def judge(
    metric: type[Metric | SimpleBaseMetric] | AnyMetric,
    *,
    name: str | None = None,
    scale: tuple[float, float] | None = None,
    samples: Mapping[str, SingleTurnSample] | None = None,
    max_tokens: int = _MAX_TOKENS,
    **settings: Any,
) -> RagasJudge:
    """A single-turn metric of RAGAS as a judge of rageval's, for `metrics` of `rageval.evaluate` or a `.py` file there.

    `metric` is one of `ragas.metrics` or `ragas.metrics.collections`, or its class, which is made with `settings`:
    those of collections need no `llm` then. Whatever models it has, the run's judge model and embedder take their
    place. The metric is called `custom.` and `name`, or RAGAS's name. `scale` is (worst, best) of its values, which
    become grades from 0 to 1: what the metric says of itself, else (0, 1); (1, 0) where less is better. `samples`, by
    question id, hold what a run does not (`reference_contexts`, `rubrics`, …). Replies have `max_tokens` at most.

    A value that is NaN or off the scale, a reply that cannot be read and an error in the metric are abstentions, with
    the cause. Raises DeclarationError for a metric of several turns or of images, one that needs what is not there, and
    one where less is better without a `scale`.
    """
    built = _built(metric, settings)
    kind = type(built).__name__
    required, read = _columns(built)
    missing = sorted(required - _OF_RUNS) if samples is None else []
    if missing:
        raise DeclarationError(
            f"{kind}: needs {missing[0]}, which no run holds: give samples={{question id: SingleTurnSample(...)}}"
        )
    if scale is None and "NoiseSensitivity" in kind:
        raise DeclarationError(f"{kind}: less is better, and grades go from worst to best: give scale=(1, 0)")
    worst, best = scale or _own_scale(built)
    if worst == best or not math.isfinite(worst - best):
        raise DeclarationError(f"{kind}: scale: found {(worst, best)}, expected two different numbers")
    column = f"{built.name}(mode={built.mode})" if isinstance(built, ModeMetric) else built.name
    given: Mapping[str, SingleTurnSample] = samples if samples and read - _OF_RUNS else {}
    made_of: dict[str, Json] = {
        "ragas": ragas.__version__,
        "source": _own_source(type(built)),
        "metric": _described(built),
        "samples": {question_id: sample.model_dump(mode="json") for question_id, sample in given.items()},
    }
    of_its_kind = RagasEmbeddingJudge if _compares_embeddings(built) else RagasJudge
    return of_its_kind(
        CUSTOM + (name or _plain_name(column)),
        column,
        fingerprint(made_of),
        (float(worst), float(best)),
        max_tokens,
        built,
        _Samples(given),
        reads_answers="response" in read,
    )


@dataclass(frozen=True, eq=False)
class RagasJudge(CustomJudge):
    """A metric of RAGAS as a judge; `judge` makes one. `column` is what RAGAS calls its values."""

    name: str
    column: str
    made_of: str
    scale: tuple[float, float]
    max_tokens: int
    metric: AnyMetric
    samples: _Samples
    reads_answers: bool = True
    embedder: Embedder | None = None

    @property
    def summary(self) -> str:
        return f"{type(self.metric).__name__} of RAGAS {ragas.__version__}"

    def calls(self, passages: int) -> tuple[int, int]:
        """At most two for each passage and four more, or as many as the metric's `strictness`: no metric of 0.4.3 takes
        more; how many exactly, only the metric knows.
        """
        return 0, max(2 * passages + 4, getattr(self.metric, "strictness", 0)) if _asks_model(self.metric) else 0

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        sample = _sample(question, response, self.samples.by_question.get(question.id))
        missing = sorted(column for column in _columns(self.metric)[0] if getattr(sample, column) is None)
        if missing:
            return self._judged(Abstained(f"the sample has no {missing[0]}"), response)
        line = _Line(chat, self.embedder, asyncio.get_running_loop(), f"ragas/{self.column}", self.max_tokens)
        try:
            value, reason = await _value(self.metric, sample, line)
        except _UnreadError as error:
            return self._judged(error.problem, response)
        finally:
            if line.stopped is not None:  # the metric may have made something else of it, or nothing
                raise line.stopped
        return self._judged(self._verdict(value, reason, line.failed), response)

    def _verdict(self, value: object, reason: str, failed: str) -> Verdict:
        if isinstance(value, float) and math.isnan(value):
            return Abstained(f"RAGAS scored NaN: {failed or reason or 'it found nothing to score'}")
        worst, best = self.scale
        grade = (float(value) - worst) / (best - worst) if isinstance(value, int | float) else math.nan
        if not -_ROUNDING <= grade <= 1 + _ROUNDING:
            return Abstained(f"RAGAS scored {value!r}, expected {worst:g} to {best:g} (see `scale`)")
        return Graded(min(1.0, max(0.0, grade)), rationale=reason)

    def _judged(self, verdict: Verdict, response: Response) -> Judged:
        return Judged((Item("answer", 0, response.answer or "", verdict),))


@dataclass(frozen=True, eq=False)
class RagasEmbeddingJudge(RagasJudge):
    """A metric of RAGAS that compares embeddings, with the run's embedder."""

    def with_embedder(self, embedder: Embedder) -> RagasEmbeddingJudge:
        return replace(self, embedder=embedder)


@dataclass(frozen=True, slots=True)
class RagasResult(Result):
    """What `evaluate` returns: the run, and its leaderboard with intervals; `result["recorded"]` are the estimates.

    `dataset` is what was scored, `columns` says what RAGAS calls each metric.
    """

    dataset: EvaluationDataset
    columns: Mapping[str, str]

    def to_pandas(self, table: RunTable | Literal["ragas"] = "ragas") -> Any:
        """A data frame as RAGAS makes one: a row for each sample, with a column for each metric.

        The scores are rageval's, from 0 (worst) to 1; `<NA>` where there is none. A metric of rageval's own is called
        `rageval.faithfulness` where RAGAS's is `faithfulness`. Another `table` is as of any `Result`.
        """
        if table != "ragas":
            return Result.to_pandas(self, table)
        frame: Any = self.dataset.to_pandas()
        theirs = {*self.columns.values()}
        for metric, scored in RunFolder(self.runs[0]).scores().items():
            column = self.columns.get(metric, f"rageval.{metric}" if metric in theirs else metric)
            frame[column] = [scored["questions"].get(f"q{number}") for number in range(1, len(frame) + 1)]
            frame = frame.astype({column: "Float64"})
        return frame


def evaluate(
    dataset: EvaluationDataset | Dataset,
    metrics: Sequence[type[Metric | SimpleBaseMetric] | AnyMetric | MetricLike] | None = None,
    llm: ModelLike | BaseChatModel | LangchainLLMWrapper | None = None,
    embeddings: Embedder | Embeddings | LangchainEmbeddingsWrapper | Mapping[str, Any] | str | None = None,
    experiment_name: str | None = None,
    callbacks: Sequence[Any] | None = None,
    run_config: RunConfig | None = None,
    token_usage_parser: Callable[..., Any] | None = None,
    raise_exceptions: bool = False,
    column_map: Mapping[str, str] | None = None,
    show_progress: bool = False,
    batch_size: int | None = None,
    return_executor: bool = False,
    allow_nest_asyncio: bool = True,
    *,
    out: str | Path = "results",
    budget: Mapping[str, float] | None = None,
) -> RagasResult:
    """`ragas.evaluate` by rageval: the same metrics over the same data, cached and resumable, with intervals.

    `metrics` may be those of `ragas.metrics` and `ragas.metrics.collections` or their classes, judges that `judge`
    made, and rageval's own (`"faithfulness"`); without any, RAGAS's four. `llm` and `embeddings` are models as for
    `rageval.evaluate` (a mapping, an object, or the local ones, which they are unless given), or LangChain's, with or
    without RAGAS's wrapper around them. `column_map` is for a `datasets.Dataset`. Runs and caches go to `out`; `budget`
    as for `rageval.evaluate`. Works with and without a running event loop, whatever `allow_nest_asyncio` says. The
    other arguments of RAGAS's are refused where they ask for anything, with what to use.

    Raises DeclarationError before anything is spent, BudgetError and ModelError as `rageval.evaluate` does.
    """
    _refuse(
        callbacks=(callbacks, "`rageval run --dry-run` and the run's folder tell what is asked"),
        run_config=(run_config, 'timeout, retries and workers are the model\'s: llm={..., "concurrency": 16}'),
        token_usage_parser=(token_usage_parser, "tokens are counted, and the leaderboard shows them"),
        raise_exceptions=(raise_exceptions, "what fails is an abstention with its cause, and is counted"),
        show_progress=(show_progress, "`rageval run` shows progress"),
        batch_size=(batch_size, 'the model bounds what is in flight: llm={..., "concurrency": 16}'),
        return_executor=(return_executor, "a run that is interrupted goes on where it stopped"),
    )
    chat, embed = _chat(llm), _embedder(embeddings)
    name = experiment_name or "ragas"
    if not _FOLDER_NAME.fullmatch(name):
        raise DeclarationError(f"experiment_name: found {name!r}, expected letters, digits, spaces, `.`, `-` and `_`")
    data = _as_evaluation_dataset(dataset, column_map)
    benchmark, pipeline = from_ragas(data, name)
    samples = {question.id: sample for question, sample in zip(benchmark.questions, _single_turns(data), strict=True)}
    judges = [
        one if isinstance(one, str | CustomJudge | Rubric) else judge(one, samples=samples)
        for one in (_default_metrics() if metrics is None else metrics)
    ]
    ours = [one for one in judges if isinstance(one, RagasJudge)]
    for one in ours:
        _check_columns(one, [*samples.values()])
    done = evaluate_benchmark(benchmark, [pipeline], judges, chat=chat, embed=embed, budget=budget, out=out, name=name)
    return RagasResult(done.runs, done.leaderboard, data, {one.name: one.column for one in ours})


@dataclass(frozen=True, slots=True)
class _Samples:
    by_question: Mapping[str, SingleTurnSample]


class _UnreadError(Exception):
    def __init__(self, problem: Abstained) -> None:
        super().__init__(problem.reason)
        self.problem = problem


class _Line:
    """What a metric asks for one answer, on its way to rageval's models, which live in the event loop `loop`.

    Equal prompts are further draws, so that the cache does not answer one with the reply to the other. `stopped` keeps
    an error that has to stop the run, `failed` the last error of another kind: metrics catch what they like.
    """

    def __init__(
        self,
        chat: ChatModel,
        embedder: Embedder | None,
        loop: asyncio.AbstractEventLoop,
        prompt: str,
        max_tokens: int,
    ) -> None:
        self.stopped: RagevalError | None = None
        self.failed = ""
        self._chat = chat
        self._embedder = embedder
        self._loop = loop
        self._prompt = prompt
        self._max_tokens = max_tokens
        self._drawn: Counter[str] = Counter()

    async def texts(self, prompt: str, n: int, temperature: float) -> list[str]:
        """`n` replies to the prompt. Raises ExecutionError where one is cut off or refused."""
        replies = await self._there(lambda: complete_all(self._chat, self._requests(prompt, n, temperature)))
        for reply in replies:
            if reply.finish_reason in _UNFINISHED:
                self.failed = f"the reply ended with {reply.finish_reason} (max_tokens is {self._max_tokens})"
                raise ExecutionError(self.failed)
        return [reply.text for reply in replies]

    async def structured(self, prompt: str, form: type[Reply]) -> Reply:
        """A reply of that form, asked for once more where it is none. Raises `_UnreadError` where it is none again."""
        schema: dict[str, Json] = form.model_json_schema()
        request = replace(self._requests(prompt, 1, _TEMPERATURE)[0], schema=schema)

        def read(reply: ChatReply) -> Reply:
            if reply.finish_reason == "length":
                raise UnreadableReplyError(f"the reply was cut off (max_tokens is {self._max_tokens})")
            try:
                return form.model_validate(parse_object(reply.text, {}))
            except pydantic.ValidationError as error:
                raise UnreadableReplyError(f"the reply is no {form.__name__}: {error.errors()[0]['msg']}") from None

        reply, _ = await self._there(lambda: ask(self._chat, request, read))
        if isinstance(reply, Abstained):
            self.failed = reply.reason
            raise _UnreadError(reply)
        return reply

    async def vectors(self, texts: Sequence[str]) -> list[list[float]]:
        """All as queries: none of the texts that RAGAS compares is to be found by another."""
        return await self._there(lambda: self._embed(texts))

    def vectors_now(self, texts: Sequence[str]) -> list[list[float]]:
        """The same for code that cannot wait; only outside the loop's own thread."""
        return asyncio.run_coroutine_threadsafe(self.vectors(texts), self._loop).result()

    async def _embed(self, texts: Sequence[str]) -> list[list[float]]:
        if self._embedder is None:
            raise DeclarationError(f"{self._prompt} needs an embedder, and none was given (models: embed)")
        return (await self._embedder.embed(texts, "query")).tolist()

    async def _there(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What comes of the work, which is done in the models' own loop."""
        if self.stopped is not None:
            raise self.stopped
        try:
            if asyncio.get_running_loop() is self._loop:
                return await work()
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(), self._loop))
        except (BudgetError, DeclarationError, ModelError) as error:
            self.stopped = error
            raise
        except Exception as error:
            self.failed = f"{type(error).__name__}: {error}"
            raise

    def _requests(self, prompt: str, n: int, temperature: float) -> list[ChatRequest]:
        first = self._drawn[prompt]
        self._drawn[prompt] += n
        message = Message("user", prompt)
        return [
            ChatRequest((message,), self._prompt, self._max_tokens, temperature, sample=sample)
            for sample in range(first, first + n)
        ]


class _TextModel(BaseRagasLLM):
    """The model of a metric of `ragas.metrics`."""

    def __init__(self, line: _Line) -> None:
        super().__init__(run_config=_ONCE)
        self._line = line

    def generate_text(
        self,
        prompt: Any,
        n: int = 1,
        temperature: float = _TEMPERATURE,
        stop: list[str] | None = None,
        callbacks: Any = None,
    ) -> LLMResult:
        raise ExecutionError(_WAITS.format("generate_text"))

    async def agenerate_text(
        self,
        prompt: Any,
        n: int = 1,
        temperature: float | None = _TEMPERATURE,
        stop: list[str] | None = None,
        callbacks: Any = None,
    ) -> LLMResult:
        texts = await self._line.texts(prompt.to_string(), n, _TEMPERATURE if temperature is None else temperature)
        return LLMResult(generations=[[Generation(text=text) for text in texts]])

    def is_finished(self, response: LLMResult) -> bool:
        return True


class _StructuredModel(InstructorBaseRagasLLM):
    """The model of a metric of `ragas.metrics.collections`; without a line, its place until the metric is used."""

    is_async = True

    def __init__(self, line: _Line | None = None) -> None:
        self._line = line

    def generate(self, prompt: str, response_model: type[Reply]) -> Reply:
        raise ExecutionError(_WAITS.format("generate"))

    async def agenerate(self, prompt: str, response_model: type[Reply]) -> Reply:
        return await cast("_Line", self._line).structured(prompt, response_model)


class _OldEmbeddings(BaseRagasEmbeddings):
    """The embedder of a metric of `ragas.metrics`."""

    def __init__(self, line: _Line) -> None:
        super().__init__()
        self.set_run_config(_ONCE)
        self._line = line

    def embed_query(self, text: str) -> list[float]:
        return self._line.vectors_now([text])[0]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self._line.vectors_now(texts)

    async def aembed_query(self, text: str) -> list[float]:
        return (await self._line.vectors([text]))[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return await self._line.vectors(texts)


class _NewEmbedding(BaseRagasEmbedding):
    """The embedder of a metric of `ragas.metrics.collections`; without a line, its place until the metric is used."""

    def __init__(self, line: _Line | None = None) -> None:
        super().__init__()
        self._line = line

    def embed_text(self, text: str, **_: Any) -> list[float]:
        raise ExecutionError(_WAITS.format("embed_text"))

    async def aembed_text(self, text: str, **_: Any) -> list[float]:
        return (await self.aembed_texts([text]))[0]

    async def aembed_texts(self, texts: list[str], **_: Any) -> list[list[float]]:
        return await cast("_Line", self._line).vectors(texts)


async def _value(metric: AnyMetric, sample: SingleTurnSample, line: _Line) -> tuple[object, str]:
    """What the metric makes of the sample, and why, by a copy of it whose models are the line's."""
    own: Any = copy.copy(metric)
    if isinstance(metric, SingleTurnMetric):
        if _asks_model(metric):
            own.llm = _TextModel(line)
        if _compares_embeddings(metric):
            own.embeddings = _OldEmbeddings(line)
        own.init(_ONCE)
        # Some of them wait for embeddings without letting go of their event loop, so they get one of their own.
        scored = own.single_turn_ascore
        value = await (_apart(lambda: scored(sample)) if _compares_embeddings(metric) else scored(sample))
        return getattr(value, "item", lambda: value)(), ""
    if _asks_model(metric):
        own.llm = _StructuredModel(line)
    if _compares_embeddings(metric):
        own.embeddings = _NewEmbedding(line)
    result = await own.ascore(**{column: getattr(sample, column) for column in _parameters(own)})
    return getattr(result.value, "item", lambda: result.value)(), result.reason or ""


async def _apart(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What comes of the work in an event loop of its own, in a thread of its own: a pool's threads could all be taken
    by such work, which waits for what may need one.
    """
    thread = ThreadPoolExecutor(1)
    try:
        return await asyncio.get_running_loop().run_in_executor(thread, lambda: asyncio.run(work()))
    finally:
        thread.shutdown(wait=False)


def _built(metric: Any, settings: Mapping[str, Any]) -> AnyMetric:
    """The metric, made where it is a class. Raises DeclarationError where rageval cannot be its judge."""
    if isinstance(metric, type):
        built = _made(cast("type[Any]", metric), settings)
    elif settings:
        raise DeclarationError(f"judge: found {sorted(settings)} beside a metric, expected its class: they make one")
    else:
        built = metric
    kind = type(built).__name__
    if not isinstance(built, SingleTurnMetric | BaseMetric):
        raise DeclarationError(
            f"judge: found a {kind}, expected a single-turn metric of ragas.metrics or ragas.metrics.collections"
        )
    if "MultiModal" in kind:
        raise DeclarationError(f"judge: found a {kind}, which looks at images, expected a metric of texts")
    unknown = sorted(_columns(built)[0] - {*SingleTurnSample.model_fields})
    if unknown or _reads_conversations(built):
        raise DeclarationError(f"judge: found a {kind}, which scores conversations, expected a single-turn metric")
    return built


def _made(kind: type[Any], settings: Mapping[str, Any]) -> Any:
    taken = _settings(kind)
    unknown = sorted({*settings} - taken)
    if unknown:
        raise DeclarationError(f"{kind.__name__}: found {unknown[0]!r}, expected settings of {sorted(taken)}")
    places = {"llm": _StructuredModel, "embeddings": _NewEmbedding} if issubclass(kind, SimpleBaseMetric) else {}
    try:
        return kind(**{name: place() for name, place in places.items() if name in taken}, **settings)
    except (ImportError, TypeError, ValueError) as error:
        raise DeclarationError(f"{kind.__name__}: {error}") from None


def _settings(kind: type) -> set[str]:
    """What the class is made with; those of collections take anything and forget what they do not know."""
    made = [inspect.signature(one.__init__).parameters.values() for one in kind.__mro__ if "__init__" in vars(one)]
    return {p.name for parameters in made for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)} - {
        "self"
    }


def _own_source(kind: type) -> str:
    """The source of a class of the user's own; RAGAS's are told by its version."""
    if kind.__module__.startswith("ragas."):
        return ""
    return class_source(kind, Metric if issubclass(kind, Metric) else SimpleBaseMetric)


def _columns(metric: AnyMetric) -> tuple[set[str], set[str]]:
    """The fields of a sample that the metric needs, and those that it reads."""
    if isinstance(metric, SingleTurnMetric):
        turn = MetricType.SINGLE_TURN.name
        needed = metric.required_columns.get(turn, set())
        return {*needed}, {*metric.get_required_columns(with_optional=True).get(turn, set())}
    parameters = _parameters(metric).values()
    return {p.name for p in parameters if p.default is p.empty}, {p.name for p in parameters}


def _parameters(metric: Any) -> Mapping[str, inspect.Parameter]:
    """What a metric of collections is given."""
    return inspect.signature(metric.ascore).parameters


def _reads_conversations(metric: AnyMetric) -> bool:
    if isinstance(metric, SingleTurnMetric):
        return False
    asked = _parameters(metric).get("user_input")
    return asked is not None and "Message" in str(asked.annotation)


def _asks_model(metric: AnyMetric) -> bool:
    return hasattr(metric, "llm") if isinstance(metric, BaseMetric) else isinstance(metric, MetricWithLLM)


def _compares_embeddings(metric: AnyMetric) -> bool:
    if isinstance(metric, BaseMetric):
        return hasattr(metric, "embeddings")
    return isinstance(metric, MetricWithEmbeddings)


def _own_scale(metric: AnyMetric) -> tuple[float, float]:
    match getattr(metric, "allowed_values", None):
        case (int() | float() as worst, int() | float() as best):
            return worst, best
        case _:
            return 0.0, 1.0


def _plain_name(column: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_")


def _described(value: Any) -> Json:
    """What a metric is made of, its models aside, as far as that can be told the same way in every process."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Enum():
            return value.name
        case pydantic.BaseModel():
            return value.model_dump(mode="json")
        case Mapping():
            return {str(key): _described(held) for key, held in cast("Mapping[Any, Any]", value).items()}
        case list() | tuple():
            return [_described(held) for held in cast("Sequence[Any]", value)]
        case set() | frozenset():
            return [*sorted(map(str, cast("set[Any]", value)))]
        case Metric() | SimpleBaseMetric():
            held = {key: _described(one) for key, one in vars(value).items() if key not in ("llm", "embeddings")}
            return {"kind": _kind(value), **held}
        case _ if hasattr(value, "instruction"):
            parts = ("instruction", "examples", "language")
            return {"kind": _kind(value), **{part: _described(getattr(value, part, None)) for part in parts}}
        case _:
            return _kind(value)


def _kind(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _sample(question: Question, response: Response, given: SingleTurnSample | None) -> SingleTurnSample:
    """The response as RAGAS sees it, with what else is `given`."""
    passages = response.context_passages
    texts = [f"{p.title}: {p.text}" if p.title else p.text for p in passages] if any(p.text for p in passages) else None
    known = given or SingleTurnSample()
    return known.model_copy(
        update={
            "user_input": question.text,
            "response": response.answer,
            "retrieved_contexts": texts,
            "retrieved_context_ids": [passage.doc_id for passage in passages] or None,
            "reference": question.references[0] if question.references else known.reference,
        }
    )


def _single_turns(dataset: EvaluationDataset) -> list[SingleTurnSample]:
    samples: list[SingleTurnSample] = []
    for number, sample in enumerate(dataset.samples):
        if not isinstance(sample, SingleTurnSample):
            raise DeclarationError(f"samples[{number}]: found a {type(sample).__name__}, expected a SingleTurnSample")
        if not (sample.user_input or "").strip():
            raise DeclarationError(f"samples[{number}].user_input: found none, expected the question")
        samples.append(sample)
    if not samples:
        raise DeclarationError("samples: found none, expected at least one")
    return samples


def _contexts(place: str, ids: Sequence[object] | None, texts: Sequence[str] | None) -> list[tuple[str, str]]:
    """Ids with texts, either of them empty where it is not given."""
    given_texts = [""] * len(ids or ()) if texts is None else texts
    given_ids = [""] * len(given_texts) if ids is None else [str(one) for one in ids]
    if len(given_ids) != len(given_texts):
        raise DeclarationError(
            f"{place}_ids: found {len(given_ids)}, expected {len(given_texts)}, one for each of the contexts"
        )
    return [*zip(given_ids, given_texts, strict=True)]


def _document(doc_id: str, text: str) -> Document:
    return Document(doc_id, text, "" if text.strip() else doc_id, detect_language(text))


def _hit(document: Document, text: str, rank: int) -> Hit:
    given = text or document.text
    start = document.text.index(given)
    return Hit(Passage(document.id, start, start + len(given), given, document.title), -float(rank))


def _as_evaluation_dataset(dataset: Any, column_map: Mapping[str, str] | None) -> EvaluationDataset:
    if isinstance(dataset, EvaluationDataset):
        if column_map:
            raise DeclarationError("column_map: found one with an EvaluationDataset, expected a datasets.Dataset")
        return dataset
    if not isinstance(dataset, Dataset):
        raise DeclarationError(f"dataset: found a {type(dataset).__name__}, expected an EvaluationDataset or a Dataset")
    try:
        columns: Any = convert_v1_to_v2_dataset(remap_column_names(dataset, dict(column_map or {})))
        return cast("Any", EvaluationDataset).from_list(columns.to_list())
    except ValueError as error:
        raise DeclarationError(f"dataset: {' '.join(str(error).split())}") from None


def _default_metrics() -> list[SingleTurnMetric]:
    """Those that `ragas.evaluate` takes where none are given."""
    from ragas.metrics._answer_relevance import AnswerRelevancy
    from ragas.metrics._context_precision import ContextPrecision
    from ragas.metrics._context_recall import ContextRecall
    from ragas.metrics._faithfulness import Faithfulness

    return [AnswerRelevancy(), ContextPrecision(), Faithfulness(), ContextRecall()]


def _refuse(**arguments: tuple[object, str]) -> None:
    for name, (found, instead) in arguments.items():
        if found:
            raise DeclarationError(f"{name}: found {found!r}, expected nothing: {instead}")


def _chat(llm: Any) -> ModelLike:
    """A model of rageval's for what `evaluate` was given: LangChain's are made one, none is the local one."""
    model: Any = cast("Any", llm).langchain_llm if isinstance(llm, LangchainLLMWrapper) else llm
    if isinstance(model, BaseChatModel):
        from rageval.integrations.langchain import chat_model

        return chat_model(model)
    return _own_model("llm", model, "complete")


def _embedder(embeddings: Any) -> Embedder | Mapping[str, Any] | str:
    wrapped = isinstance(embeddings, LangchainEmbeddingsWrapper)
    model: Any = embeddings.embeddings if wrapped else embeddings
    if isinstance(model, Embeddings):
        from rageval.integrations.langchain import embedder

        return embedder(model)
    return _own_model("embeddings", model, "embed")


def _own_model(name: str, given: Any, method: str) -> Any:
    if given is None:
        return "local"
    if isinstance(given, str | Mapping) or (hasattr(given, "identity") and hasattr(given, method)):
        return cast("Any", given)
    raise DeclarationError(
        f"{name}: found a {type(given).__name__}, expected a model of rageval's or of LangChain's, such as "
        '{"provider": "openai", "base_url": ..., "model": ..., "api_key_env": "OPENAI_API_KEY"}'
    )


def _check_columns(one: RagasJudge, samples: Sequence[SingleTurnSample]) -> None:
    """As RAGAS does, but over all samples: those that lack something that others have are abstentions."""
    for column in sorted(_columns(one.metric)[0]):
        if all(getattr(sample, column) is None for sample in samples):
            raise DeclarationError(f"{one.column}: needs {column}, which none of the {len(samples)} samples has")
