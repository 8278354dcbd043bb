"""rageval's models in the places of the models of RAGAS's metrics."""

from __future__ import annotations

import asyncio
import copy
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar, cast

import pydantic
from langchain_core.outputs import Generation, LLMResult
from ragas import RunConfig, SingleTurnSample
from ragas.embeddings.base import BaseRagasEmbedding, BaseRagasEmbeddings
from ragas.llms.base import BaseRagasLLM, InstructorBaseRagasLLM
from ragas.metrics.base import SingleTurnMetric

from rageval.errors import BudgetError, DeclarationError, ExecutionError, ModelError, RagevalError
from rageval.integrations.ragas.metrics import AnyMetric, asks_model, compares_embeddings, parameters_of
from rageval.judges.asking import UnreadableReplyError, ask
from rageval.models.base import ChatModel, ChatReply, ChatRequest, Embedder, Message
from rageval.models.structured import parse_object
from rageval.pipeline import complete_all
from rageval.types import Abstained, Json

T = TypeVar("T")
Reply = TypeVar("Reply", bound=pydantic.BaseModel)
ONCE = RunConfig(max_retries=1)  # rageval's models try again themselves
_TEMPERATURE = 0.01  # both as RAGAS's own clients have it
_UNFINISHED = frozenset({"length", "refusal", "content_filter"})
# Metrics run in the loop that the models live in: a call that blocks it would wait for itself.
_WAITS = "found a call of {0}, which blocks, expected the metric to await a{0}"


class UnreadError(Exception):
    """A reply that could not be read; `problem` is the abstention to record."""

    def __init__(self, problem: Abstained) -> None:
        super().__init__(problem.reason)
        self.problem = problem


class ModelCalls:
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
        """A reply of that form, asked for once more where it is none. Raises `UnreadError` where it is none again."""
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
            raise UnreadError(reply)
        return reply

    async def vectors(self, texts: Sequence[str]) -> list[list[float]]:
        """Embeds all texts as queries: RAGAS compares texts with each other and searches for none of them."""
        return await self._there(lambda: self._embed(texts))

    def vectors_now(self, texts: Sequence[str]) -> list[list[float]]:
        """As `vectors`, for synchronous code; call it only outside the loop's own thread."""
        return asyncio.run_coroutine_threadsafe(self.vectors(texts), self._loop).result()

    async def _embed(self, texts: Sequence[str]) -> list[list[float]]:
        if self._embedder is None:
            raise DeclarationError(f"{self._prompt} needs an embedder, and none was given (models: embed)")
        return (await self._embedder.embed(texts, "query")).tolist()

    async def _there(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Runs the work in the models' own event loop and returns its result."""
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


class TextModel(BaseRagasLLM):
    """The model of a metric of `ragas.metrics`."""

    def __init__(self, line: ModelCalls) -> None:
        super().__init__(run_config=ONCE)
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


class StructuredModel(InstructorBaseRagasLLM):
    """The model of a metric of `ragas.metrics.collections`; without a line, its place until the metric is used."""

    is_async = True

    def __init__(self, line: ModelCalls | None = None) -> None:
        self._line = line

    def generate(self, prompt: str, response_model: type[Reply]) -> Reply:
        raise ExecutionError(_WAITS.format("generate"))

    async def agenerate(self, prompt: str, response_model: type[Reply]) -> Reply:
        return await cast("ModelCalls", self._line).structured(prompt, response_model)


class OldEmbeddings(BaseRagasEmbeddings):
    """The embedder of a metric of `ragas.metrics`."""

    def __init__(self, line: ModelCalls) -> None:
        super().__init__()
        self.set_run_config(ONCE)
        self._line = line

    def embed_query(self, text: str) -> list[float]:
        return self._line.vectors_now([text])[0]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self._line.vectors_now(texts)

    async def aembed_query(self, text: str) -> list[float]:
        return (await self._line.vectors([text]))[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return await self._line.vectors(texts)


class NewEmbedding(BaseRagasEmbedding):
    """The embedder of a metric of `ragas.metrics.collections`; without a line, its place until the metric is used."""

    def __init__(self, line: ModelCalls | None = None) -> None:
        super().__init__()
        self._line = line

    def embed_text(self, text: str, **_: Any) -> list[float]:
        raise ExecutionError(_WAITS.format("embed_text"))

    async def aembed_text(self, text: str, **_: Any) -> list[float]:
        return (await self.aembed_texts([text]))[0]

    async def aembed_texts(self, texts: list[str], **_: Any) -> list[list[float]]:
        return await cast("ModelCalls", self._line).vectors(texts)


async def value_of(metric: AnyMetric, sample: SingleTurnSample, line: ModelCalls) -> tuple[object, str]:
    """What the metric makes of the sample, and why, by a copy of it whose models are the line's."""
    own: Any = copy.copy(metric)
    if isinstance(metric, SingleTurnMetric):
        if asks_model(metric):
            own.llm = TextModel(line)
        if compares_embeddings(metric):
            own.embeddings = OldEmbeddings(line)
        own.init(ONCE)
        # Some of them wait for embeddings without letting go of their event loop, so they get one of their own.
        scored = own.single_turn_ascore
        value = await (_apart(lambda: scored(sample)) if compares_embeddings(metric) else scored(sample))
        return getattr(value, "item", lambda: value)(), ""
    if asks_model(metric):
        own.llm = StructuredModel(line)
    if compares_embeddings(metric):
        own.embeddings = NewEmbedding(line)
    result = await own.ascore(**{column: getattr(sample, column) for column in parameters_of(own)})
    return getattr(result.value, "item", lambda: result.value)(), result.reason or ""


async def _apart(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs the work in its own event loop in its own thread and returns the result. With a thread pool, such work could
    take every thread and then wait for one.
    """
    thread = ThreadPoolExecutor(1)
    try:
        return await asyncio.get_running_loop().run_in_executor(thread, lambda: asyncio.run(work()))
    finally:
        thread.shutdown(wait=False)
