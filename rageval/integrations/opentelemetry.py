"""OpenTelemetry spans of a run while it is made, by the semantic conventions for generative AI.

Nothing is traced unless asked for. The tracer provider decides where the spans go.
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import urlsplit

from rageval.errors import DeclarationError
from rageval.experiment.answer import Sink, Task, WorkerContext
from rageval.experiment.plan import Experiment
from rageval.experiment.run import Executor, OpenRun, work_here
from rageval.experiment.workers import OnProgress
from rageval.extras import need_package
from rageval.io.records import Outcome
from rageval.models.base import ChatModel, ChatReply, ChatRequest, Embedder, Vectors
from rageval.models.vector_cache import CachedEmbedder
from rageval.models.wrapped import WrappedChat
from rageval.types import Abstained, Failure, Judgment, Usage

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer, TracerProvider

Attributes: TypeAlias = dict[str, str | bool | int | float | Sequence[str]]


def traced(tracer_provider: TracerProvider | None = None, *, texts: bool = False) -> Executor:
    """For `rageval.evaluate(…, executor=traced())`: works in this process, and makes spans.

    They go to `tracer_provider`, by default OpenTelemetry's global one. Questions, prompts, replies and answers are in
    them only with `texts`; messages of errors always are. Runs, scores and caches are those of a run without spans.

    `rageval.question` is a pair of question and pipeline: answering, then judging, with an event for each judge. Its
    status is an error where the question failed. There is a second one where a judge waits for all answers, and none
    for what was done before. Its children `chat MODEL` and `embeddings MODEL` are calls; `rageval.role` tells answering
    from judging, and `rageval.cached` those that rageval's cache answered. Calls that build an index have no parent.
    """
    need_package("opentelemetry", "otel", "tracing")
    from opentelemetry import trace

    return _Traced(trace.get_tracer("rageval", importlib.metadata.version("rageval"), tracer_provider), texts)


@contextmanager
def traced_to_file(path: Path) -> Generator[Executor]:
    """As `traced`, for the time of the block; each span is added to the file as it ends, a JSON object a line.

    Raises DeclarationError where the file cannot be written.
    """
    need_package("opentelemetry", "otel", "tracing")
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a", encoding="utf-8")
    except OSError as error:
        raise DeclarationError(f"{path}: cannot be written ({error.strerror}): choose another file") from None
    with file:
        provider = TracerProvider(resource=Resource.create({"service.name": "rageval"}), shutdown_on_exit=False)
        exporter = ConsoleSpanExporter(out=file, formatter=lambda span: span.to_json(indent=None) + "\n")
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        try:
            yield traced(provider)
        finally:
            provider.shutdown()


@dataclass(frozen=True, slots=True)
class _Traced:
    tracer: Tracer
    texts: bool

    async def __call__(
        self,
        experiment: Experiment,
        runs: Sequence[OpenRun],
        tasks: Collection[Task],
        done: int,
        on_progress: OnProgress,
    ) -> None:
        raters = tuple(_TracedChat(model, "judge", self) for model in experiment.raters)
        watched = replace(
            experiment.with_wrapped(
                lambda chat: _TracedChat(chat, "answer", self), lambda embedder: _TracedEmbedder(embedder, self)
            ),
            raters=raters,
        )

        async def work(place: WorkerContext, task: Task, sink: Sink) -> None:
            run = runs[task.pipeline]
            attributes: Attributes = {
                "rageval.benchmark": experiment.benchmark.name,
                "rageval.run": run.folder.path.name,
                "rageval.pipeline": run.pipeline.label,
                "rageval.question.id": task.question.id,
            }
            if self.texts:
                attributes["rageval.question.text"] = task.question.text
            with self.tracer.start_as_current_span("rageval.question", attributes=attributes) as span:
                await place.work_on(task, _WatchedSink(sink, span, self.texts))

        await work_here(watched, runs, tasks, done, on_progress, work)


@dataclass(frozen=True, slots=True)
class _WatchedSink:
    """Records the outcome of a question on its span."""

    sink: Sink
    span: Span
    texts: bool

    def add_outcome(self, question_id: str, outcome: Outcome) -> None:
        from opentelemetry.trace import Status, StatusCode

        self.sink.add_outcome(question_id, outcome)
        if isinstance(outcome, Failure):
            self.span.set_attribute("error.type", outcome.error)
            self.span.set_status(Status(StatusCode.ERROR, outcome.message))
            return
        attributes: Attributes = {
            "rageval.hits": len(outcome.hits),
            "rageval.abstained": bool(outcome.abstained),
            "rageval.latency_s": outcome.latency_s,
        }
        if self.texts and outcome.answer is not None:
            attributes["rageval.answer"] = outcome.answer
        self.span.set_attributes(attributes)

    def add_judgments(self, judge: str, question_id: str, judgments: tuple[Judgment, ...], usage: Usage) -> None:
        self.sink.add_judgments(judge, question_id, judgments, usage)
        abstained = sum(isinstance(judgment.verdict, Abstained) for judgment in judgments)
        self.span.add_event(
            "rageval.judged",
            {"rageval.judge": judge, "rageval.verdicts": len(judgments), "rageval.verdicts.abstained": abstained},
        )


class _TracedChat(WrappedChat):
    """Wraps the cache, so that it also sees calls that the cache answers."""

    def __init__(self, model: ChatModel, role: Literal["answer", "judge"], to: _Traced) -> None:
        super().__init__(model)
        self._role = role
        self._to = to

    async def complete(self, request: ChatRequest) -> ChatReply:
        attributes: Attributes = {
            "rageval.role": self._role,
            "rageval.prompt": request.prompt,
            "gen_ai.request.max_tokens": request.max_tokens,
            "gen_ai.request.temperature": request.temperature,
            "gen_ai.output.type": "text" if request.schema is None else "json",
        }
        if self._to.texts:
            messages = [_message(message.role, message.content) for message in request.messages]
            attributes["gen_ai.input.messages"] = json.dumps(messages, ensure_ascii=False)
        with _call(self._to.tracer, "chat", self.identity, attributes) as span:
            reply = await super().complete(request)
            span.set_attributes(_reply_attributes(reply, self._to.texts))
            return reply


class _TracedEmbedder:
    def __init__(self, embedder: Embedder, to: _Traced) -> None:
        self._embedder = embedder
        self._to = to

    @property
    def identity(self) -> str:
        return self._embedder.identity

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        attributes: Attributes = {"rageval.texts": len(texts), "rageval.texts.kind": kind}
        if isinstance(self._embedder, CachedEmbedder):
            attributes["rageval.cached"] = not self._embedder.missing(texts, kind)
        with _call(self._to.tracer, "embeddings", self.identity, attributes):
            return await self._embedder.embed(texts, kind)

    async def close(self) -> None:
        return None


@contextmanager
def _call(
    tracer: Tracer, operation: Literal["chat", "embeddings"], identity: str, attributes: Attributes
) -> Generator[Span]:
    """Opens the span of a model call; an error raised in the block sets its status."""
    from opentelemetry.trace import SpanKind

    about = _model_attributes(identity)
    every: Mapping[str, str | bool | int | float | Sequence[str]] = {
        "gen_ai.operation.name": operation,
        **about,
        **attributes,
    }
    name = f"{operation} {about['gen_ai.request.model']}"
    kind = SpanKind.CLIENT if "server.address" in about else SpanKind.INTERNAL
    with tracer.start_as_current_span(name, kind=kind, attributes=every) as span:
        try:
            yield span
        except Exception as error:
            span.set_attribute("error.type", type(error).__name__)
            raise


def _model_attributes(identity: str) -> Attributes:
    """Of a model by its identity: `MODEL @ ADDRESS`, or its own name, which begins with what runs it."""
    model, _, address = identity.partition(" @ ")
    if not address:
        return {"gen_ai.provider.name": identity.partition("/")[0], "gen_ai.request.model": identity}
    parts = urlsplit(address)
    found: Attributes = {
        "gen_ai.provider.name": "openai",  # whose protocol it is
        "gen_ai.request.model": model,
        "server.address": parts.hostname or "",
    }
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return found if port is None else {**found, "server.port": port}


def _reply_attributes(reply: ChatReply, texts: bool) -> Attributes:
    usage = reply.usage
    found: Attributes = {
        "gen_ai.response.finish_reasons": (reply.finish_reason,),
        "rageval.cached": usage.cached_calls > 0,
    }
    if usage.cached_calls:
        found["rageval.usage.saved_tokens"] = usage.free_prompt_tokens + usage.free_completion_tokens
    else:
        found["gen_ai.usage.input_tokens"] = usage.prompt_tokens
        found["gen_ai.usage.output_tokens"] = usage.completion_tokens
        found["gen_ai.usage.cache_read.input_tokens"] = usage.cached_tokens
    if texts:
        message = {**_message("assistant", reply.text), "finish_reason": reply.finish_reason}
        found["gen_ai.output.messages"] = json.dumps([message], ensure_ascii=False)
    return found


def _message(role: str, content: str) -> dict[str, object]:
    return {"role": role, "parts": [{"type": "text", "content": content}]}
