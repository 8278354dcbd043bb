"""LlamaIndex: its engines and retrievers as pipelines, its models as rageval's, its documents as benchmarks, and back.

    engine = VectorStoreIndex.from_documents(documents(benchmark)).as_query_engine()
    rageval.evaluate(benchmark, [pipeline(engine), "naive"], ["ndcg@10", "faithfulness"])

Needs the extra `llama-index`. Nothing here opens a connection or sends telemetry by itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import json
import logging
import math
import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from types import FunctionType
from typing import Any, Literal, Protocol, TypeAlias, cast, runtime_checkable

import numpy as np

from rageval.benchmark import detect_language, from_records
from rageval.errors import DeclarationError, ExecutionError, ModelError, RagevalError
from rageval.extras import need_package
from rageval.identity import class_source, fingerprint, function_source
from rageval.models.base import ChatModel, ChatReply, ChatRequest, Embedder, Token, Vectors
from rageval.models.unit_vectors import unit_vectors
from rageval.models.wire import NoTextError, one_line, read_completion
from rageval.pipeline import ContextSize, Pipeline, Resources, Stage, State
from rageval.pipeline.abstention import is_abstention
from rageval.retrieval.fusion import reciprocal_rank_fusion
from rageval.types import (
    LANGUAGES,
    Benchmark,
    Document,
    Hit,
    Json,
    Passage,
    Question,
    RelevanceLabel,
    Usage,
)

try:
    from llama_index.core import Document as LlamaDocument
    from llama_index.core.base.base_query_engine import BaseQueryEngine
    from llama_index.core.base.base_retriever import BaseRetriever
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.base.llms.base import BaseLLM
    from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse, LogProb, MessageRole
    from llama_index.core.base.response.schema import (
        AsyncStreamingResponse,
        PydanticResponse,
        Response,
        StreamingResponse,
    )
    from llama_index.core.chat_engine.types import AgentChatResponse, BaseChatEngine
    from llama_index.core.constants import DEFAULT_CHUNK_SIZE
    from llama_index.core.indices.base import BaseIndex
    from llama_index.core.instrumentation.event_handlers import BaseEventHandler
    from llama_index.core.instrumentation.events import BaseEvent
    from llama_index.core.instrumentation.events.llm import (
        LLMChatEndEvent,
        LLMChatStartEvent,
        LLMCompletionEndEvent,
        LLMCompletionStartEvent,
    )
    from llama_index.core.postprocessor.types import BaseNodePostprocessor
    from llama_index.core.prompts import BasePromptTemplate
    from llama_index.core.query_engine import CustomQueryEngine, RetrieverQueryEngine
    from llama_index.core.response_synthesizers import BaseSynthesizer
    from llama_index.core.schema import BaseNode, MetadataMode, NodeWithScore, QueryBundle, TextNode
    from llama_index.core.storage.docstore import SimpleDocumentStore
    from llama_index.core.vector_stores import MetadataFilters
    from llama_index_instrumentation import get_dispatcher
    from llama_index_instrumentation.events.span import SpanDropEvent
except ModuleNotFoundError:
    need_package("llama_index", "llama-index", "rageval.integrations.llama_index")
    raise

System: TypeAlias = BaseQueryEngine | BaseChatEngine | BaseRetriever

_EMPTY_RESPONSE = "Empty Response"  # what LlamaIndex says where it has nothing to say
_BATCHES_AT_ONCE = 8
_RRF_K = 60
_log = logging.getLogger("rageval")


@runtime_checkable
class Indexed(Protocol):
    """Any index of LlamaIndex."""

    def as_retriever(self, **kwargs: Any) -> BaseRetriever: ...


# Pipelines


def pipeline(system: System, *, name: str | None = None) -> Pipeline:
    """A pipeline of a query engine, a chat engine or a retriever, named after its class.

    Source nodes are the hits, in the order in which the system gives them; a score that a node lacks is minus its
    position. A node is a span of the benchmark's document that `ref_doc_id` names, else `metadata["doc_id"]`, else its
    own id; a node of no such document is an ExecutionError, as is whatever the system raises. A retriever gives no
    answer, and a plain `RetrieverQueryEngine` is only asked to retrieve where no metric needs answers. A chat engine is
    reset before each question and asked one question at a time. An answer "Empty Response" is an abstention. Systems
    are asked by their async methods; those that have none of their own, in a thread. Usage counts the calls of
    LlamaIndex LLMs under way and the tokens that their raw replies tell.

    The fingerprint, by which results are kept, covers what can be seen: the classes (the source of those that are not
    LlamaIndex's), their plain settings, prompts, the names of models, and the texts in an index that keeps them in
    memory. The content of a vector store, a model's other settings and a program behind an address cannot be seen:
    give another `name` when they change, or results of before are taken for those of now.

    Raises DeclarationError for anything else than such a system.
    """
    if not isinstance(cast("object", system), BaseQueryEngine | BaseChatEngine | BaseRetriever):
        raise DeclarationError(
            f"pipeline: found a {type(system).__name__}, expected a query engine, chat engine or retriever of "
            "LlamaIndex: of an index, give index.as_query_engine() or index.as_retriever()"
        )
    return Pipeline(name or type(system).__name__, AskSystem(_digest(system), system))


def retrieve(index: Indexed, *, k: int = 5, depth: int = 100) -> Stage:
    """A stage that searches an index of LlamaIndex with every query and puts the `k` best nodes into the context.

    The ranking goes on to `depth` nodes, for the ranking metrics. Several queries are joined by reciprocal rank fusion.
    A query is embedded as a question even where it is a passage that a model imagined. Nodes become hits, and the
    fingerprint sees, as told at `pipeline`. Raises DeclarationError where `index` is none.
    """
    if not isinstance(cast("object", index), Indexed):
        raise DeclarationError(f"retrieve: found a {type(index).__name__}, expected an index of LlamaIndex")
    if not 1 <= k <= depth:
        raise DeclarationError(f"k: found {k} (depth {depth}), expected 1 <= k <= depth")
    retriever = index.as_retriever(similarity_top_k=depth)
    return RetrieveNodes(_digest(retriever), k, depth, retriever)


@dataclass(frozen=True)
class AskSystem(Stage):
    """A system of LlamaIndex, asked the question. `source` identifies it in fingerprints."""

    source: str
    system: System = field(compare=False, repr=False)

    def spec(self) -> dict[str, Json]:
        return {"stage": "AskSystem", "source": self.source}

    def asks_outside(self) -> bool:
        return True

    async def run(self, state: State, resources: Resources) -> State:
        turn = await resources.get(_Turn(id(self.system))) if isinstance(self.system, BaseChatEngine) else None
        async with turn or nullcontext():
            with _counted() as calls:
                answer, nodes = await _asked(self.system, state.question.text, state.generate)
        hits = _hits(nodes, await resources.get(_DocumentsById()))
        return state.with_response(
            hits=hits,
            context=tuple(range(len(hits))),
            answer=answer,
            abstained=answer is not None and (answer == _EMPTY_RESPONSE or is_abstention(answer)),
        ).with_step("llama_index", calls.usage, system=type(self.system).__name__)


@dataclass(frozen=True)
class RetrieveNodes(Stage):
    """What `retrieve` makes."""

    source: str
    k: int
    depth: int
    retriever: BaseRetriever = field(compare=False, repr=False)

    def spec(self) -> dict[str, Json]:
        return {"stage": "RetrieveNodes", "source": self.source, "k": self.k, "depth": self.depth}

    def asks_outside(self) -> bool:
        return True

    def context_size(self) -> ContextSize:
        return ContextSize(self.k, DEFAULT_CHUNK_SIZE)

    async def run(self, state: State, resources: Resources) -> State:
        by_id = await resources.get(_DocumentsById())
        rankings = [_hits((await _asked(self.retriever, q.text, False))[1], by_id) for q in state.queries]
        hits = rankings[0] if len(rankings) == 1 else reciprocal_rank_fusion(rankings, _RRF_K)
        return state.with_response(hits=hits, context=tuple(range(min(self.k, len(hits)))))


@dataclass(frozen=True)
class _DocumentsById:
    async def build(self, resources: Resources) -> Mapping[str, Document]:
        return {document.id: document for document in resources.documents}


@dataclass(frozen=True)
class _Turn:
    """Whose turn it is with a chat engine, by its address: its memory holds one conversation."""

    engine: int

    async def build(self, resources: Resources) -> asyncio.Lock:
        return asyncio.Lock()


async def _asked(system: System, text: str, generate: bool) -> tuple[str | None, Sequence[NodeWithScore]]:
    """The answer, None where there is none, and the source nodes. Raises ExecutionError for whatever goes wrong."""
    try:
        if isinstance(system, BaseRetriever):
            return None, await _nodes(system, text)
        if isinstance(system, BaseChatEngine):
            system.reset()
            return await _read(await system.achat(text))
        if not generate and isinstance(system, RetrieverQueryEngine) and _inherits(system, "_aquery"):
            return None, await system.aretrieve(QueryBundle(text))
        if isinstance(system, CustomQueryEngine) and _inherits(system, "acustom_query"):
            return await _read(await asyncio.to_thread(system.query, text))
        return await _read(await system.aquery(text))
    except RagevalError:
        raise
    except Exception as error:
        raise ExecutionError(f"{type(error).__name__}: {one_line(error)}") from error


async def _nodes(retriever: BaseRetriever, text: str) -> Sequence[NodeWithScore]:
    if _inherits(retriever, "_aretrieve"):
        return await asyncio.to_thread(retriever.retrieve, text)
    return await retriever.aretrieve(text)


_BASES = {"_aquery": RetrieverQueryEngine, "acustom_query": CustomQueryEngine, "_aretrieve": BaseRetriever}


def _inherits(system: System, method: str) -> bool:
    """Whether the system does not override that method. Static, since a wrapped one is another object at each look."""
    return inspect.getattr_static(type(system), method) is inspect.getattr_static(_BASES[method], method)


async def _read(response: object) -> tuple[str | None, Sequence[NodeWithScore]]:
    """Answer and nodes of any response; a stream is read to its end."""
    match response:
        case AsyncStreamingResponse():
            response = await response.get_response()
        case StreamingResponse():
            response = await asyncio.to_thread(response.get_response)
        case PydanticResponse():
            return None if response.response is None else str(response), response.source_nodes
        case _:
            pass
    if not isinstance(response, Response | AgentChatResponse):
        raise ExecutionError(f"the engine returned a {type(response).__name__}, expected a response of LlamaIndex")
    return None if response.response is None else str(response.response), response.source_nodes


# Nodes as passages


def _hits(nodes: Sequence[NodeWithScore], by_id: Mapping[str, Document]) -> tuple[Hit, ...]:
    return tuple(Hit(_passage(found.node, by_id), _score(found, position)) for position, found in enumerate(nodes))


def _score(found: NodeWithScore, position: int) -> float:
    score = float(-position if found.score is None else found.score)
    if not math.isfinite(score):
        raise ExecutionError(f"node {found.node_id!r}: found the score {score}, expected a finite number")
    return score


def _passage(node: BaseNode, by_id: Mapping[str, Document]) -> Passage:
    """The node as a span of its document. Its offsets count where the document has its text there, else the first
    place that has it; a text that the document lacks (a summary) stands at the document's beginning.
    """
    names = (node.ref_doc_id, node.metadata.get("doc_id"), node.node_id)
    document = next((by_id[name] for name in names if isinstance(name, str) and name in by_id), None)
    if document is None:
        raise ExecutionError(
            f"node {node.node_id!r}: found ref_doc_id {names[0]!r} and metadata doc_id {names[1]!r}, expected a "
            "document of the benchmark: index documents(benchmark), or put the document's id into the metadata"
        )
    text = node.get_content(MetadataMode.NONE)
    told = node.start_char_idx if isinstance(node, TextNode) else None
    start = told if told is not None and document.text.startswith(text, told) else max(0, document.text.find(text))
    return Passage(document.id, start, start + len(text), text, document.title)


# What identifies a system

_UNSTABLE = re.compile("key|token|secret|password|auth|credential|header|session|node_id|index_id", re.IGNORECASE)
_PARTS = (BaseQueryEngine, BaseChatEngine, BaseRetriever, BaseSynthesizer, BaseNodePostprocessor, BaseIndex)


def _digest(system: object) -> str:
    return fingerprint(_described(system, "", set()))


def _described(thing: object, name: str, seen: set[int]) -> Json:
    """What can be seen of a part of a system that is kept under that name; None where that is nothing.

    Texts with the name of a secret, or of an id that each process draws anew, are left out.
    """
    match thing:
        case Enum():
            return str(thing.value)
        case bool() | int():
            return thing
        case float():
            return repr(thing)
        case str():
            return None if _UNSTABLE.search(name) else thing
        case FunctionType():
            return function_source(thing)
        case ChatMessage():
            return str(thing)
        case BasePromptTemplate():
            return thing.get_template()
        case BaseLLM():
            return [_class(thing), _model_name(thing), repr(getattr(thing, "temperature", None))]
        case BaseEmbedding():
            return [_class(thing), thing.model_name]
        case MetadataFilters():
            return thing.model_dump_json()
        case list() | tuple():
            return [_described(item, name, seen) for item in cast("Sequence[object]", thing)]
        case dict():
            return _settings(cast("dict[object, object]", thing), seen)
        case SimpleDocumentStore() if id(thing) not in seen:
            seen.add(id(thing))
            texts = (node.get_content(MetadataMode.NONE) for node in thing.docs.values())
            return [*sorted(hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest() for text in texts)]
        case _:
            if id(thing) in seen or not _is_part(thing):
                return None
            seen.add(id(thing))
            return [_class(thing), _settings(vars(thing), seen)]


def _is_part(thing: object) -> bool:
    return isinstance(thing, _PARTS)


def _settings(values: Mapping[Any, object], seen: set[int]) -> dict[str, Json]:
    described = {str(name): _described(value, str(name), seen) for name, value in values.items()}
    return {name: value for name, value in described.items() if value is not None}


def _class(thing: object) -> str:
    """The name of a class, and the source of what is not LlamaIndex's in it."""
    kind = type(thing)
    base = next(one for one in kind.__mro__ if one.__module__.startswith("llama_index."))
    return f"{kind.__module__}.{kind.__qualname__}\n{class_source(kind, base)}"


def _model_name(llm: BaseLLM) -> str:
    names = (getattr(llm, name, None) for name in ("model", "model_name", "model_id"))
    return next((name for name in names if isinstance(name, str)), None) or llm.metadata.model_name


# Usage: LlamaIndex tells every call of an LLM to the handlers of its root dispatcher


class _Calls:
    """The calls of LLMs that one question took. A call that another one makes (complete for chat) counts with it."""

    def __init__(self) -> None:
        self._replies: list[Usage] = []
        self._under_way: set[str | None] = set()

    @property
    def usage(self) -> Usage:
        return sum(self._replies, Usage())

    def begin(self, span: str | None) -> None:
        if _OUTER.get() not in self._under_way:
            _OUTER.set(span)
            self._under_way.add(span)

    def end(self, span: str | None, reply: ChatResponse | CompletionResponse | None) -> None:
        if span in self._under_way:
            self._under_way.discard(span)
            self._replies.append(Usage(calls=1) if reply is None else _usage(reply))

    def drop(self, span: str | None) -> None:
        self._under_way.discard(span)


_CALLS: ContextVar[_Calls | None] = ContextVar("rageval_llama_index_calls", default=None)
_OUTER: ContextVar[str | None] = ContextVar("rageval_llama_index_outer_call", default="")


class _CallCounter(BaseEventHandler):
    """Counts what is called in the context of a question of rageval's, and nothing else."""

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        calls = _CALLS.get()
        if calls is None:
            return
        match event:
            case LLMChatStartEvent() | LLMCompletionStartEvent():
                calls.begin(event.span_id)
            case LLMChatEndEvent() | LLMCompletionEndEvent():
                calls.end(event.span_id, event.response)
            case SpanDropEvent():
                calls.drop(event.span_id)
            case _:
                pass


@cache
def _count_calls() -> None:
    """Once in a process, and for good: to take a handler out while a thread goes through them makes it skip one."""
    get_dispatcher().add_event_handler(_CallCounter())


@contextmanager
def _counted() -> Generator[_Calls]:
    _count_calls()
    calls = _Calls()
    token = _CALLS.set(calls)
    try:
        yield calls
    finally:
        _CALLS.reset(token)


_PROMPT_TOKENS = ("prompt_tokens", "input_tokens", "prompt_token_count", "prompt_eval_count")
_COMPLETION_TOKENS = ("completion_tokens", "output_tokens", "candidates_token_count", "eval_count")


def _usage(reply: ChatResponse | CompletionResponse) -> Usage:
    """One call, with the tokens that the raw reply or its additional arguments tell, under any of the usual names."""
    raw, more = _mapping(reply.raw), _mapping(cast("Any", reply).additional_kwargs)
    for told in (_mapping(raw.get("usage")), _mapping(raw.get("usage_metadata")), raw, more):
        prompt, completion = _count(told, _PROMPT_TOKENS), _count(told, _COMPLETION_TOKENS)
        if prompt or completion:
            cached = _count(_mapping(told.get("prompt_tokens_details")), ("cached_tokens",))
            return Usage(1, prompt_tokens=prompt, cached_tokens=cached, completion_tokens=completion)
    return Usage(calls=1)


def _count(told: Mapping[str, Any], names: Sequence[str]) -> int:
    values = (told.get(name) for name in names)
    return next((value for value in values if isinstance(value, int) and not isinstance(value, bool)), 0)


def _mapping(value: Any) -> Mapping[str, Any]:
    """A dictionary, or an object of pydantic as one; empty for anything else."""
    if isinstance(value, Mapping):
        return cast("Mapping[str, Any]", value)
    dump = getattr(value, "model_dump", None)
    return cast("Mapping[str, Any]", dump()) if callable(dump) else {}


# Models


def chat_model(llm: BaseLLM, *, concurrency: int = 16, name: str | None = None) -> ChatModel:
    """A chat model of rageval's from any LLM of LlamaIndex, for answers and for judging.

    Each call is made by a copy of the LLM whose fields `temperature`, `max_tokens` (or `max_new_tokens`), `logprobs`
    and `top_logprobs` say what is asked for; of those that its class lacks, one warning is logged, and the LLM does as
    it was built. A JSON schema stands at the end of the last message, and nothing holds the LLM to it. A raw reply that
    is a chat completion of OpenAI's form is read whole (tokens, log-probabilities, why it ended); of others the text,
    the usual names of usage, and log-probabilities whose likeliest tokens spell the text. Retries are its own, and an
    LLM without async methods answers one call after another.

    The identity, under which replies are kept, is the class and the model's name, or `name`: give one where those do
    not tell LLMs apart (another address, another system prompt). At most `concurrency` calls are under way. To be used
    inside one event loop; after `close` it may be used in another.

    `complete` raises ModelError where the LLM reports a status 401, 402, 403 or 404 or, before its first reply, cannot
    be reached, and ExecutionError for any other failure.
    """
    if concurrency < 1:
        raise DeclarationError(f"concurrency: found {concurrency}, expected at least 1")
    return LlamaIndexChat(llm, concurrency, name)


def embedder(embed_model: BaseEmbedding, *, name: str | None = None) -> Embedder:
    """An embedder of rageval's from any embedding model of LlamaIndex; vectors are scaled to unit length.

    Questions go to `aget_query_embedding`, passages to `aget_text_embedding_batch`, `embed_batch_size` a call and 8
    calls at once. Identity and errors as at `chat_model`.
    """
    return LlamaIndexEmbedder(embed_model, name)


class LlamaIndexChat:
    """What `chat_model` makes."""

    def __init__(self, llm: BaseLLM, concurrency: int = 16, name: str | None = None) -> None:
        self._llm = llm
        self._identity = f"llama_index/{type(llm).__name__}/{name or _model_name(llm)}"
        self._concurrency = concurrency
        self._set_up: dict[tuple[float, int, int], BaseLLM] = {}
        self._places: asyncio.Semaphore | None = None
        self._answered = False
        self._warned = False

    def __repr__(self) -> str:
        return f"LlamaIndexChat({self._identity!r})"

    @property
    def identity(self) -> str:
        return self._identity

    @property
    def concurrency(self) -> int:
        return self._concurrency

    async def complete(self, request: ChatRequest) -> ChatReply:
        messages = _messages(request)
        if self._places is None:
            self._places = asyncio.Semaphore(self._concurrency)
        async with self._places:
            try:
                response = await self._with_settings(request).achat(messages)
            except RagevalError:
                raise
            except Exception as error:
                raise _failure(error, self._identity, self._llm, self._answered) from error
        self._answered = True
        return _reply(response, self._identity)

    async def close(self) -> None:
        self._places = None

    def _with_settings(self, request: ChatRequest) -> BaseLLM:
        key = (request.temperature, request.max_tokens, request.top_logprobs)
        if key not in self._set_up:
            wanted: dict[str, object] = {"temperature": request.temperature}
            longest = "max_new_tokens" if "max_new_tokens" in type(self._llm).model_fields else "max_tokens"
            wanted[longest] = request.max_tokens
            if request.top_logprobs:
                wanted |= {"logprobs": True, "top_logprobs": request.top_logprobs}
            known = {name: value for name, value in wanted.items() if name in type(self._llm).model_fields}
            if len(known) < len(wanted) and not self._warned:
                self._warned = True
                lacking = ", ".join(sorted(wanted.keys() - known.keys()))
                _log.warning("%s does without %s: its class has no such fields", self._identity, lacking)
            self._set_up[key] = self._llm.model_copy(update=known)
        return self._set_up[key]


class LlamaIndexEmbedder:
    """What `embedder` makes."""

    def __init__(self, model: BaseEmbedding, name: str | None = None) -> None:
        self._model = model
        self._identity = f"llama_index/{type(model).__name__}/{name or model.model_name}"
        self._answered = False

    def __repr__(self) -> str:
        return f"LlamaIndexEmbedder({self._identity!r})"

    @property
    def identity(self) -> str:
        return self._identity

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        if not texts:
            return np.zeros((0, 0), dtype=np.float32)
        size = _BATCHES_AT_ONCE * (1 if kind == "query" else self._model.embed_batch_size)
        rows: list[list[float]] = []
        try:
            for first in range(0, len(texts), size):
                rows += await self._embed_part(list(texts[first : first + size]), kind)
        except RagevalError:
            raise
        except Exception as error:
            raise _failure(error, self._identity, self._model, self._answered) from error
        self._answered = True
        return unit_vectors(rows, len(texts), self._identity)

    async def close(self) -> None:
        return None

    async def _embed_part(self, texts: list[str], kind: Literal["query", "passage"]) -> list[list[float]]:
        if kind == "passage":
            return await self._model.aget_text_embedding_batch(texts)
        return list(await asyncio.gather(*(self._model.aget_query_embedding(text) for text in texts)))


def _failure(error: Exception, identity: str, model: object, answered: bool) -> ExecutionError | ModelError:
    """What an error of a model means for the run."""
    told = f"{type(error).__name__}: {one_line(_without_key(str(error), model))}"
    causes = list(_causes(error))
    status = next((status for cause in causes if (status := _status(cause)) is not None), None)
    if status in (401, 402, 403, 404):
        return ModelError(
            f"{identity}: status {status}: {told}: check key, model name and address of the LlamaIndex model"
        )
    unreachable = any(isinstance(cause, OSError) and not isinstance(cause, TimeoutError) for cause in causes)
    if unreachable and status is None and not answered:
        return ModelError(f"{identity}: cannot be reached ({told}): check its address and that the server runs")
    return ExecutionError(f"{identity}: {told}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _status(error: BaseException) -> int | None:
    """The HTTP status in an error of any client: most have it themselves, some in their response."""
    holders = (error, getattr(error, "response", None))
    values = (getattr(holder, name, None) for holder in holders for name in ("status_code", "code", "status"))
    return next((value for value in values if isinstance(value, int) and 400 <= value < 600), None)


def _without_key(text: str, model: object) -> str:
    key = getattr(model, "api_key", None)
    reveal = getattr(key, "get_secret_value", None)
    key = reveal() if callable(reveal) else key
    return text.replace(key, "***") if isinstance(key, str) and key else text


def _messages(request: ChatRequest) -> list[ChatMessage]:
    texts = [one.content for one in request.messages]
    if request.schema is not None:
        texts[-1] += f"\nJSON schema: {json.dumps(dict(request.schema), ensure_ascii=False)}"
    roles = [MessageRole(one.role) for one in request.messages]
    return [ChatMessage(role=role, content=text) for role, text in zip(roles, texts, strict=True)]


def _reply(response: ChatResponse, identity: str) -> ChatReply:
    """The reply in LlamaIndex's response. Raises NoTextError where it holds no text."""
    raw = _mapping(response.raw)
    if raw.get("choices"):
        try:
            return read_completion(raw, identity)
        except NoTextError:
            raise
        except ExecutionError:
            pass  # of another form, so only what LlamaIndex read in it is known
    text = response.message.content
    finish_reason = _finish_reason(raw)
    if not text:
        raise NoTextError(f"{identity}: the reply holds no text (finish reason {finish_reason})")
    return ChatReply(text, finish_reason, _tokens(response.logprobs, text), _usage(response))


def _finish_reason(raw: Mapping[str, Any]) -> str:
    """Why the reply ended, in rageval's words where it was cut off; `stop` where nobody says."""
    told = next((raw[name] for name in ("finish_reason", "stop_reason", "done_reason") if raw.get(name)), "stop")
    reason = str(told.value if isinstance(told, Enum) else told).lower()
    return "length" if reason in ("length", "max_tokens") else "stop" if reason == "end_turn" else reason


def _tokens(logprobs: list[list[LogProb]] | None, text: str) -> tuple[Token, ...]:
    """The tokens of a reply, where the likeliest alternatives spell it: LlamaIndex does not say which were drawn."""
    tokens: list[Token] = []
    for alternatives in logprobs or ():
        pairs = sorted(((one.token, one.logprob) for one in alternatives), key=lambda pair: -pair[1])
        tokens.append(Token(pairs[0][0] if pairs else "", tuple(pair for pair in pairs if math.isfinite(pair[1]))))
    return tuple(tokens) if "".join(token.text for token in tokens) == text else ()


# Benchmarks


def documents(benchmark: Benchmark) -> list[LlamaDocument]:
    """The benchmark's documents for LlamaIndex, under their ids, so that nodes map back to them.

    The title is in the metadata, which LlamaIndex puts before the text for embeddings and prompts; language and the
    document's own metadata are there too, and kept out of both.
    """
    return [_llama_document(document) for document in benchmark.documents]


def benchmark(
    name: str,
    documents_or_nodes: Iterable[BaseNode],
    questions: Iterable[Question],
    labels: Iterable[RelevanceLabel] = (),
) -> Benchmark:
    """A benchmark of LlamaIndex's documents, or of nodes, each a document under its own id.

    `title` and `language` come from the metadata; a language that is not told is detected in the text. Metadata that is
    not JSON becomes text. Raises BenchmarkError as `rageval.benchmark_from_records` does.
    """
    return from_records(name, map(_document, documents_or_nodes), questions, labels)


def _llama_document(document: Document) -> LlamaDocument:
    hidden = {**document.metadata, "language": document.language}
    metadata = {**hidden, "title": document.title} if document.title else hidden
    hidden.pop("title", None)
    return LlamaDocument(
        id_=document.id,
        text=document.text,
        metadata=metadata,
        excluded_embed_metadata_keys=[*hidden],
        excluded_llm_metadata_keys=[*hidden],
    )


def _document(node: BaseNode) -> Document:
    metadata: dict[str, Json] = json.loads(json.dumps(node.metadata, default=str))
    text = node.get_content(MetadataMode.NONE)
    title = metadata.pop("title", "")
    told = metadata.pop("language", None)
    language = told if told in LANGUAGES else detect_language(f"{title} {text}")
    return Document(node.node_id, text, str(title), language, metadata)
