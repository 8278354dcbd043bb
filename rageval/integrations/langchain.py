"""LangChain: its chains, agents and retrievers as pipelines; its models, embeddings and vector stores within rageval.

    chain = {"context": store.as_retriever() | join, "question": RunnablePassthrough()} | prompt | model
    rageval.evaluate(benchmark, [pipeline(chain, name="mine"), "naive"], ["ndcg@10", "faithfulness"])

`documents` gives a benchmark's documents to be indexed, so that what is found maps back to them; `retriever` is
rageval's own search for use in a chain. Needs the extra `langchain`.
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import logging
import threading
import weakref
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cache, partial
from operator import itemgetter
from types import FunctionType, MethodType
from typing import Any, Literal, TypeAlias, TypeVar, cast
from uuid import UUID, uuid4

import numpy as np
from pydantic import BaseModel, PrivateAttr, SecretStr

from rageval import types
from rageval.benchmark.language import detect_language
from rageval.errors import DeclarationError, ExecutionError, ModelError, RagevalError
from rageval.extras import need_package
from rageval.identity import function_source
from rageval.models.base import ChatModel, ChatReply, ChatRequest, Embedder, Vectors
from rageval.models.unit_vectors import unit_vectors
from rageval.models.wire import one_line, read_completion, to_payload, without_lengths
from rageval.pipeline import ContextSize, Pipeline, Query, Resources, Shared, Stage, State
from rageval.pipeline.abstention import is_abstention
from rageval.retrieval import Chunking, Retrieve, reciprocal_rank_fusion
from rageval.types import Benchmark, Hit, Json, Passage, Question, Step, Usage

need_package("langchain_core", "langchain", "rageval.integrations.langchain")

from langchain_core.callbacks import (  # noqa: E402 (only now is it known to be there)
    AsyncCallbackManagerForRetrieverRun,
    BaseCallbackHandler,
    CallbackManagerForRetrieverRun,
)
from langchain_core.documents import Document  # noqa: E402
from langchain_core.embeddings import Embeddings  # noqa: E402
from langchain_core.language_models import BaseChatModel  # noqa: E402
from langchain_core.messages import (  # noqa: E402
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.outputs import ChatGeneration, LLMResult  # noqa: E402
from langchain_core.retrievers import BaseRetriever  # noqa: E402
from langchain_core.runnables import Runnable  # noqa: E402
from langchain_core.vectorstores import VectorStore  # noqa: E402

T = TypeVar("T")
MakeInput: TypeAlias = Callable[[Question], Any]

_INPUT_KEYS = ("question", "input", "query", "messages")
_CONTEXT_KEYS = ("context", "documents", "source_documents")
_ANSWER_KEYS = ("answer", "output", "result")
_ID_KEYS = ("id", "doc_id", "source")
_MODEL_NAMES = ("model_name", "model", "model_id", "deployment_name", "repo_id")
# How the fields of LangChain's chat models are called that set what a request asks for.
_OPTION_FIELDS: Mapping[str, tuple[str, ...]] = {
    "temperature": ("temperature",),
    "max_tokens": ("max_tokens", "max_output_tokens", "num_predict", "max_new_tokens"),
    "seed": ("seed",),
    "logprobs": ("logprobs",),
    "top_logprobs": ("top_logprobs",),
}
# What a model may not know, and the words by which its error names it.
_REFUSABLE: Mapping[str, tuple[str, ...]] = {
    "response_format": ("response_format", "json_schema", "structured", "method argument"),
    "logprobs": ("logprobs",),
    "seed": ("seed",),
    "temperature": ("temperature",),
}
_FINISH_REASONS = {"max_tokens": "length", "end_turn": "stop", "stop_sequence": "stop", "safety": "content_filter"}
_MESSAGES = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}
_SHORTEST_KEY = 8  # what is shorter is none, but a word such as "none"
_log = logging.getLogger("rageval")


def documents(benchmark: Benchmark) -> list[Document]:
    """The benchmark's documents, to be indexed; id, title and language stand in the metadata.

    The texts are as they are in the benchmark, without titles. Split them with `add_start_index=True`, and the pieces
    map back to spans of the documents: text splitters keep the metadata.
    """
    return [
        Document(one.text, id=one.id, metadata={"id": one.id, "title": one.title, "language": one.language})
        for one in benchmark.documents
    ]


def pipeline(system: Runnable[Any, Any], *, name: str | None = None, make_input: MakeInput | None = None) -> Pipeline:
    """A chain, graph, agent or retriever as a pipeline, as it stands.

    Input: the question's text, or a dict with it under the only key that the system wants (of a graph's state,
    `question`, `input` or `query`), or `{"messages": [...]}`, as the input schema says. Where that does not tell,
    DeclarationError asks for `make_input`, a function from a `Question` to the input.

    Hits: the documents in the output (`context`, `documents` or `source_documents`, or a list of documents alone), else
    those that its retrievers and tools (as artifacts) handed on, in the order in which they were asked, each once. All
    of them are the context. A document is known by its metadata `id`, `doc_id` or `source`, or by its own id; it is the
    span from `start` (or `start_index`) to `end` where the metadata has one, else where its text stands. A document
    without an id fails the question, and so do documents of which the benchmark has none.

    Answer: a text or message, `answer`, `output` or `result` of a dict, or the last message of a graph's state. A
    retriever gives none. Usage is what the chat models report to callbacks. Whatever is raised is that question's
    failure. Graphs with a checkpointer get a thread of their own for each question.

    Runs are kept by name and fingerprint. The fingerprint covers what can be seen of the system: its parts, prompts,
    settings, models' names, and the source of its functions with what they captured. What an index holds, globals and
    objects of other packages cannot be seen: give another `name` when those change, or the earlier answers count.
    """
    if not isinstance(cast("object", system), Runnable):
        raise DeclarationError(
            f"langchain.pipeline: found a {type(system).__name__}, expected a Runnable, such as a chain, a graph or "
            "store.as_retriever()"
        )
    settings = _Settings(system, make_input)
    return Pipeline(
        name or system.get_name(),
        CallRunnable(settings.digest, system, make_input or _input_form(system), frozenset(settings.secrets)),
    )


def retrieve(store: VectorStore, k: int = 5, *, depth: int = 100, name: str = "") -> Stage:
    """A stage that searches a LangChain vector store: `retrieve(store) >> Answer()`.

    `depth` pieces are ranked, and the `k` best are the context. What the store holds maps to the benchmark as in
    `pipeline`. Several queries are joined by reciprocal rank fusion; the store embeds each as a query. The fingerprint
    covers the classes and plain settings of store and embeddings, not what is in the store: name it, and give it
    another `name` when that changes.
    """
    if not isinstance(cast("object", store), VectorStore):
        raise DeclarationError(f"langchain.retrieve: found a {type(store).__name__}, expected a VectorStore")
    if not 1 <= k <= depth:
        raise DeclarationError(f"k: found {k} (depth {depth}), expected 1 <= k <= depth")
    settings = _Settings(store, name)
    return SearchStore(settings.digest, k, depth, store, frozenset(settings.secrets))


def retriever(
    benchmark: Benchmark,
    stage: Stage | None = None,
    *,
    embedder: Embedder | None = None,
    chat: ChatModel | None = None,
) -> BaseRetriever:
    """A search of rageval's over a benchmark's documents as a LangChain retriever: BM25 unless `stage` says otherwise.

    `Retrieve("hybrid", k=3)` needs an embedder; any stage that finds passages will do. The passages of its context are
    returned, with `id`, `start`, `end`, `title` and `score` as metadata. The index is built at once.
    """
    stage = stage or Retrieve("bm25")
    resources = Resources(benchmark.documents, chat=chat, embedder=embedder)
    search = _Search(stage, resources, isinstance(chat, LangChainChat))
    settings = {"benchmark": benchmark.content_hash, "stage": stage.spec(), "models": _identities(chat, embedder)}
    return BenchmarkRetriever(settings, search)


def chat_model(model: BaseChatModel, *, concurrency: int = 16) -> ChatModel:
    """A LangChain chat model for rageval's pipelines and judges; `concurrency` calls at once at most.

    Temperature, longest reply, seed and log-probabilities of a request are set where the model has fields for them, and
    a schema is asked for where it has structured output by `json_schema`; what it refuses by name is left out from then
    on, with a warning. Without log-probabilities judges read the words alone, and without a schema the JSON that their
    prompts ask for. What the model itself is set to in these is not used. Retries are the model's own (`max_retries`).

    The identity names class and model and ends in a digest of the plain settings, without keys. Raises `ModelError`
    where key, model or address are refused, `ExecutionError` where one call failed.
    """
    if not isinstance(cast("object", model), BaseChatModel):
        raise DeclarationError(f"langchain.chat_model: found a {type(model).__name__}, expected a BaseChatModel")
    if concurrency < 1:
        raise DeclarationError(f"concurrency: found {concurrency}, expected at least 1")
    return LangChainChat(model, concurrency)


def embedder(embeddings: Embeddings) -> Embedder:
    """LangChain embeddings for rageval: `embed_query` for questions, `embed_documents` for passages.

    Vectors are scaled to unit length. Identity and errors are as in `chat_model`; of embeddings that are no pydantic
    model, the class and the model's name alone are in the identity.
    """
    if not isinstance(cast("object", embeddings), Embeddings):
        raise DeclarationError(f"langchain.embedder: found a {type(embeddings).__name__}, expected Embeddings")
    return LangChainEmbedder(embeddings)


@dataclass(frozen=True)
class CallRunnable(Stage):
    """A Runnable, called once per question. `source` identifies it in fingerprints; see `pipeline`."""

    source: str
    runnable: Runnable[Any, Any] = field(compare=False)
    make_input: MakeInput = field(compare=False)
    secrets: frozenset[str] = field(default=frozenset(), compare=False, repr=False)

    def spec(self) -> dict[str, Json]:
        return {"stage": "CallRunnable", "source": self.source}

    def indexes(self) -> tuple[Shared[object], ...]:
        return (_ById(),)

    def asks_outside(self) -> bool:
        return True

    async def run(self, state: State, resources: Resources) -> State:
        seen = _Seen()
        try:
            asked = self.make_input(state.question)
            output = await _in_langchains_loop(
                self.runnable.ainvoke(asked, {"callbacks": [seen], "configurable": {"thread_id": uuid4().hex}})
            )
        except RagevalError:
            raise
        except Exception as error:  # noqa: BLE001 (whatever the system raises is this question's failure)
            raise ExecutionError(_told(error, self.secrets)) from None
        answer, found = _read_output(output)
        hits = _hits(seen.documents if found is None else found, await resources.get(_ById()))
        return state.with_response(
            hits=hits,
            context=tuple(range(len(hits))),
            answer=answer,
            abstained=answer is not None and is_abstention(answer),
            steps=tuple(Step("retrieve", {"query": query, "found": len(some)}) for query, some in seen.searches),
            usage=seen.usage,
        )


@dataclass(frozen=True)
class SearchStore(Stage):
    """Search a vector store with every query of the state. `source` identifies it in fingerprints; see `retrieve`."""

    source: str
    k: int
    depth: int
    store: VectorStore = field(compare=False)
    secrets: frozenset[str] = field(default=frozenset(), compare=False, repr=False)

    def spec(self) -> dict[str, Json]:
        return {"stage": "SearchStore", "source": self.source, "k": self.k, "depth": self.depth}

    def context_size(self) -> ContextSize:
        """The pieces in the store are taken to be as long as rageval's own passages at most."""
        return ContextSize(self.k, Chunking().tokens)

    def indexes(self) -> tuple[Shared[object], ...]:
        return (_ById(),)

    def asks_outside(self) -> bool:
        return True

    async def run(self, state: State, resources: Resources) -> State:
        known = await resources.get(_ById())
        rankings = [_hits(await self._search(query.text), known) for query in state.queries]
        hits = rankings[0] if len(rankings) == 1 else reciprocal_rank_fusion(rankings)
        return state.with_response(hits=hits, context=tuple(range(min(self.k, len(hits)))))

    async def _search(self, text: str) -> list[Document]:
        try:
            return await _in_langchains_loop(self.store.asimilarity_search(text, k=self.depth))
        except Exception as error:  # noqa: BLE001 (whatever the store's package raises)
            raise ExecutionError(f"{type(self.store).__name__}: {_told(error, self.secrets)}") from None


class BenchmarkRetriever(BaseRetriever):
    """What `retriever` returns. `settings` are for fingerprints."""

    settings: dict[str, Any]
    _search: _Search = PrivateAttr()

    def __init__(self, settings: Mapping[str, Any], search: _Search) -> None:
        super().__init__(settings=dict(settings))  # pyright: ignore[reportCallIssue] (pydantic's own)
        self._search = search

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return self._search.wait_for(query)

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        return await asyncio.wrap_future(self._search.begin(query))


class LangChainChat:
    """What `chat_model` returns. To be used inside one event loop; after `close` it may be used in another."""

    def __init__(self, model: BaseChatModel, concurrency: int) -> None:
        settings = _Settings(model)
        self._model = model
        self._identity = _identity(model, settings)
        self._secrets = frozenset(settings.secrets)
        self._concurrency = concurrency
        self._places: asyncio.Semaphore | None = None
        self._left_out: set[str] = set()
        self._answered = False

    def __repr__(self) -> str:
        return f"LangChainChat({self.identity!r})"

    @property
    def identity(self) -> str:
        return self._identity

    @property
    def concurrency(self) -> int:
        return self._concurrency

    async def complete(self, request: ChatRequest) -> ChatReply:
        if self._places is None:
            self._places = asyncio.Semaphore(self._concurrency)
        async with self._places:
            outcome = await self._attempt(request)
            while isinstance(outcome, Exception) and self._leave_out(outcome, request):
                outcome = await self._attempt(request)
        if isinstance(outcome, Exception):
            raise _failure(outcome, self.identity, self._secrets, self._answered)
        self._answered = True
        return read_completion(_as_completion(outcome), self.identity)

    async def close(self) -> None:
        self._places = None

    async def _attempt(self, request: ChatRequest) -> AIMessage | Exception:
        """The message, or what was raised: told outside, so that no chained exception carries the request's key."""
        try:
            return await _in_langchains_loop(self._ask(request))
        except Exception as error:  # noqa: BLE001 (whatever a provider's package raises)
            return error

    async def _ask(self, request: ChatRequest) -> AIMessage:
        payload = self._payload(request)
        messages = [_MESSAGES[message.role](message.content) for message in request.messages]
        model = _with_options(self._model, payload)
        structured = type(model).with_structured_output
        taken = inspect.signature(structured).parameters
        if "response_format" not in payload or "method" not in taken:
            return await model.ainvoke(messages)
        form = payload["response_format"]["json_schema"]
        strict: dict[str, Any] = {"strict": form["strict"]} if "strict" in taken else {}
        schema = {"title": form["name"], "description": "The reply.", **form["schema"]}
        asked = cast(
            "Runnable[Any, dict[str, Any]]", structured(model, schema, method="json_schema", include_raw=True, **strict)
        )
        return (await asked.ainvoke(messages))["raw"]

    def _payload(self, request: ChatRequest) -> dict[str, Any]:
        payload = without_lengths(to_payload(request))
        for option in self._left_out:
            payload.pop(option, None)
        if "logprobs" in self._left_out:
            payload.pop("top_logprobs", None)
        return payload

    def _leave_out(self, error: Exception, request: ChatRequest) -> bool:
        """Do from now on without the option of this request that the model refused by name; False where none is."""
        if not isinstance(error, TypeError | ValueError | NotImplementedError) and _status(error) not in (400, 422):
            return False
        told, payload = str(error).lower(), self._payload(request)
        for option, words in _REFUSABLE.items():
            if option in payload and any(word in told for word in words):
                self._left_out.add(option)
                _log.warning("%s does without %s from now on: %s", self.identity, option, _told(error, self._secrets))
                return True
        return False


class LangChainEmbedder:
    """What `embedder` returns."""

    def __init__(self, embeddings: Embeddings) -> None:
        settings = _Settings(embeddings)
        self._embeddings = embeddings
        self._identity = _identity(embeddings, settings)
        self._secrets = frozenset(settings.secrets)
        self._answered = False

    def __repr__(self) -> str:
        return f"LangChainEmbedder({self.identity!r})"

    @property
    def identity(self) -> str:
        return self._identity

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        if not texts:
            return np.zeros((0, 0), dtype=np.float32)
        rows = await self._attempt(texts, kind)
        if isinstance(rows, Exception):
            raise _failure(rows, self.identity, self._secrets, self._answered)
        self._answered = True
        return unit_vectors(rows, len(texts), self.identity)

    async def close(self) -> None:
        return None

    async def _attempt(self, texts: Sequence[str], kind: str) -> list[list[float]] | Exception:
        try:
            if kind == "query":
                return [await asyncio.to_thread(self._embeddings.embed_query, text) for text in texts]
            return await asyncio.to_thread(self._embeddings.embed_documents, [*texts])
        except Exception as error:  # noqa: BLE001 (whatever a provider's package raises)
            return error


@dataclass(frozen=True)
class _ById:
    """The benchmark's documents by their ids."""

    async def build(self, resources: Resources) -> Mapping[str, types.Document]:
        return {document.id: document for document in resources.documents}


@dataclass
class _Run:
    """A run of a part of the system; `found` are the documents that it handed on, None where it is no search."""

    parent: UUID | None
    query: str = ""
    found: Sequence[Document] | None = None


class _Seen(BaseCallbackHandler):
    """What callbacks tell of one call: the documents that were found, and what the models cost."""

    run_inline = True

    def __init__(self) -> None:
        self._runs: dict[UUID, _Run] = {}
        self._usages: list[Usage] = []  # appended to, since parts may run in threads of their own

    @property
    def usage(self) -> Usage:
        return sum(self._usages, Usage())

    @property
    def searches(self) -> list[tuple[str, Sequence[Document]]]:
        """Queries and what was found, in the order in which they began.

        Only the outermost ones: what a search within a search finds is that one's affair.
        """
        runs = self._runs.values()
        return [(run.query, run.found) for run in runs if run.found is not None and not self._is_within_search(run)]

    @property
    def documents(self) -> list[Document]:
        return [document for _, found in self.searches for document in found]

    def _is_within_search(self, run: _Run) -> bool:
        while run.parent is not None and run.parent in self._runs:
            run = self._runs[run.parent]
            if run.found is not None:
                return True
        return False

    def on_chain_start(
        self, serialized: object, inputs: object, *, run_id: UUID, parent_run_id: UUID | None = None, **_: Any
    ) -> None:
        self._runs[run_id] = _Run(parent_run_id)

    def on_tool_start(
        self, serialized: object, input_str: str, *, run_id: UUID, parent_run_id: UUID | None = None, **_: Any
    ) -> None:
        self._runs[run_id] = _Run(parent_run_id, input_str)

    def on_tool_end(self, output: object, *, run_id: UUID, **_: Any) -> None:
        if isinstance(output, ToolMessage):
            self._runs[run_id].found = _all_documents(output.artifact)

    def on_retriever_start(
        self, serialized: object, query: str, *, run_id: UUID, parent_run_id: UUID | None = None, **_: Any
    ) -> None:
        self._runs[run_id] = _Run(parent_run_id, query, found=())

    def on_retriever_end(self, documents: Sequence[Document], *, run_id: UUID, **_: Any) -> None:
        self._runs[run_id].found = documents

    def on_llm_end(self, response: LLMResult, **_: Any) -> None:
        generations = [generation for some in response.generations for generation in some]
        messages = [generation.message for generation in generations if isinstance(generation, ChatGeneration)]
        counted = [message.usage_metadata for message in messages if isinstance(message, AIMessage)]
        self._usages += [Usage(calls=1), *(_usage(one) for one in counted if one)]


class _Search:
    """A stage of rageval's and what it draws on, in an event loop of its own: chains ask it from any thread or loop."""

    def __init__(self, stage: Stage, resources: Resources, asks_langchain: bool) -> None:
        self._stage = stage
        self._resources = resources
        self._asks_langchain = asks_langchain
        self._loop = _start_loop("rageval-retriever")
        weakref.finalize(self, self._loop.call_soon_threadsafe, self._loop.stop)
        asyncio.run_coroutine_threadsafe(_build(stage, resources), self._loop).result()

    def wait_for(self, query: str) -> list[Document]:
        """What is found. Raises ExecutionError where the stage's model could not answer as long as this waits."""
        if self._asks_langchain and _is_in_langchains_loop():
            raise ExecutionError(
                "found rageval's retriever called by `invoke` in an async function, which holds the event loop that "
                "its stage's chat model answers in, expected `await retriever.ainvoke(...)`"
            )
        return self.begin(query).result()

    def begin(self, query: str) -> Future[list[Document]]:
        return asyncio.run_coroutine_threadsafe(_find(query, self._stage, self._resources), self._loop)


async def _in_langchains_loop(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine of LangChain's returns; it runs in the one loop that is kept for those."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, _langchains_loop()))


@cache
def _langchains_loop() -> asyncio.AbstractEventLoop:
    """One for the whole process: LangChain's packages share HTTP clients between models and keep them, and a client
    works in the event loop alone that used it first, while every evaluation has a loop of its own.
    """
    return _start_loop("rageval-langchain")


def _is_in_langchains_loop() -> bool:
    try:
        return asyncio.get_running_loop() is _langchains_loop()
    except RuntimeError:  # none runs in this thread
        return False


def _start_loop(name: str) -> asyncio.AbstractEventLoop:
    """An event loop in a thread of that name, which ends when the loop is stopped."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=_run_loop, args=(loop,), name=name, daemon=True).start()
    return loop


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    loop.close()


async def _build(stage: Stage, resources: Resources) -> None:
    for index in stage.indexes():
        await resources.get(index)


async def _find(text: str, stage: Stage, resources: Resources) -> list[Document]:
    question = Question("", text, detect_language(text))
    response = (await stage.run(State(question, (Query(text),), generate=False), resources)).response
    return [_as_document(response.hits[position]) for position in response.context]


def _as_document(hit: Hit) -> Document:
    passage = hit.passage
    metadata = {"start": passage.start, "end": passage.end, "title": passage.title, "score": hit.score}
    return Document(passage.text, id=passage.id, metadata={"id": passage.doc_id, **metadata})


class _Settings:
    """What can be seen of LangChain's objects: parts, plain settings, prompts, and the source of functions.

    Stores, clients and objects of other kinds count by their class alone. Keys are no part of it; they are kept in
    `secrets`, to be struck from errors.
    """

    def __init__(self, *things: object) -> None:
        self.secrets: set[str] = set()
        self._seen: dict[int, object] = {}
        self._lines: list[str] = []
        for thing in things:
            self._look(thing)

    @property
    def digest(self) -> str:
        """64 hex digits."""
        return hashlib.sha256("\n".join(self._lines).encode(errors="surrogatepass")).hexdigest()

    def _look(self, thing: object) -> None:
        if isinstance(thing, SecretStr):
            if len(thing) >= _SHORTEST_KEY:
                self.secrets.add(thing.get_secret_value())
        elif thing is None or isinstance(thing, bool | int | float | str | itemgetter):
            self._lines.append(repr(cast("object", thing)))
        elif id(thing) in self._seen:
            self._lines.append("seen above")
        else:
            self._seen[id(thing)] = thing
            self._lines.append(f"{type(thing).__module__}.{type(thing).__qualname__}")
            for name, part in sorted(_parts(thing).items()):
                self._lines.append(name)
                self._look(part)


def _parts(thing: object) -> dict[str, object]:
    match thing:
        case Mapping():
            return {str(key): value for key, value in cast("Mapping[object, object]", thing).items()}
        case list() | tuple():
            return {f"{place:09}": part for place, part in enumerate(cast("Sequence[object]", thing))}
        case FunctionType():
            cells = thing.__closure__ or ()
            return {"source": function_source(thing), **{f"cell {i}": _content(cell) for i, cell in enumerate(cells)}}
        case MethodType():
            return {"self": thing.__self__, "function": thing.__func__}
        case partial():
            part = cast("partial[object]", thing)
            return {"function": part.func, "arguments": part.args, "keywords": part.keywords}
        case type():
            return {"name": f"{thing.__module__}.{thing.__qualname__}"}
        case BaseModel():
            settings = {name for name, field in type(thing).model_fields.items() if not field.exclude}
            if isinstance(thing, BaseMessage):
                settings.discard("id")  # given to a message when it is first used
            return {name: getattr(thing, name) for name in settings}
        case VectorStore():
            return {"embeddings": thing.embeddings}
        case _ if isinstance(thing, Runnable) or type(thing).__module__.startswith("langgraph.pregel"):
            return dict(vars(cast("object", thing)))
        case _:
            return {}


def _content(cell: Any) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        return "empty"


def _identity(thing: BaseChatModel | Embeddings, settings: _Settings) -> str:
    names = (getattr(thing, name, None) for name in _MODEL_NAMES)
    name = next((f"/{name}" for name in names if isinstance(name, str) and name), "")
    return f"langchain/{type(thing).__name__}{name}/{settings.digest[:8]}"


def _identities(*models: ChatModel | Embedder | None) -> list[str | None]:
    return [None if model is None else model.identity for model in models]


def _input_form(system: Runnable[Any, Any]) -> MakeInput:
    """How the system wants to be asked. Raises DeclarationError where its input schema does not tell."""
    keys, is_text = _input_keys(system)
    if is_text:
        return lambda question: question.text
    if len(keys) == 1:
        (key,) = keys
        if key == "messages":
            return lambda question: {key: [HumanMessage(question.text)]}
        return lambda question: {key: question.text}
    found = f"an input with the keys {', '.join(keys)}" if keys else "an input of any kind"
    raise DeclarationError(
        f"langchain.pipeline: found {found}, expected a text or one key for the question: say how to ask it with "
        'make_input, such as make_input=lambda question: {"question": question.text}'
    )


def _input_keys(system: Runnable[Any, Any]) -> tuple[list[str], bool]:
    """The keys that a question may go under, and whether the input is a plain text.

    A graph's state has more keys than its input needs, and its schema cannot always be made: TypedDict of Python 3.11
    has none. So the names of its state are read, and of those the known ones alone.
    """
    state = getattr(getattr(system, "builder", None), "input_schema", None)
    if state is not None:
        names = (
            getattr(state, "model_fields", None)
            or getattr(state, "__dataclass_fields__", None)
            or state.__annotations__
        )
        return [key for key in _INPUT_KEYS if key in names] or [*names], False
    try:
        schema = system.get_input_jsonschema()
    except Exception:  # noqa: BLE001 (pydantic has no schema for some types, and many ways to say so)
        return [], False
    if any(one.get("type") == "string" for one in (schema, *schema.get("anyOf", ()))):
        return [], True
    required, names = schema.get("required", ()), [*schema.get("properties", {})]
    known = [key for key in _INPUT_KEYS if key in names]
    return [*required] or known or names, False


def _read_output(output: object) -> tuple[str | None, Sequence[Document] | None]:
    """The answer, None of a retriever, and the documents, None where the output holds none."""
    found = _all_documents(output)
    if found is not None:
        return None, found
    if isinstance(output, str | BaseMessage):
        return _text(output), None
    shape = f"a {type(output).__name__}"
    if isinstance(output, Mapping):
        fields = cast("Mapping[str, object]", output)
        found = next((some for key in _CONTEXT_KEYS if (some := _all_documents(fields.get(key))) is not None), None)
        answer = next((one for key in _ANSWER_KEYS if isinstance(one := fields.get(key), str | BaseMessage)), None)
        messages = fields.get("messages")
        if answer is None and isinstance(messages, list) and messages and isinstance(messages[-1], AIMessage):
            answer = messages[-1]
        if answer is not None:
            return _text(answer), found
        shape = f"a dict of {', '.join(map(str, fields))}"
    raise ExecutionError(
        f"the output is {shape}, expected a text, a message, a list of documents, or a dict with the answer under "
        f"{', '.join(_ANSWER_KEYS)} or in messages"
    )


def _text(output: str | BaseMessage) -> str:
    return output if isinstance(output, str) else str(output.text)


def _all_documents(value: object) -> list[Document] | None:
    """The documents of a list that holds nothing else; None of anything else."""
    if not isinstance(value, list | tuple):
        return None
    items = [*cast("Sequence[object]", value)]
    found = [item for item in items if isinstance(item, Document)]
    return found if len(found) == len(items) else None


def _hits(found: Sequence[Document], known: Mapping[str, types.Document]) -> tuple[Hit, ...]:
    """The documents as hits, each once, scored by minus their rank: what stores call a score may rise or fall."""
    passages = list(dict.fromkeys(_passage(document, known) for document in found))
    if passages and not any(passage.doc_id in known for passage in passages):
        raise ExecutionError(
            f"found documents with ids such as {passages[0].doc_id!r}, expected ids of the benchmark such as "
            f"{next(iter(known), '')!r} in their metadata: index what documents(benchmark) returns, or put `id` there"
        )
    return tuple(Hit(passage, -float(rank)) for rank, passage in enumerate(passages, 1))


def _passage(found: Document, known: Mapping[str, types.Document]) -> Passage:
    metadata = cast("dict[str, object]", found.metadata)  # pyright: ignore[reportUnknownMemberType]
    names = [str(name) for name in (*map(metadata.get, _ID_KEYS), found.id) if name is not None and name != ""]
    if not names:
        raise ExecutionError(
            f"found a document without an id: {one_line(found.page_content[:60])!r}, expected the benchmark's id in "
            "its metadata (`id`, `doc_id` or `source`): index what documents(benchmark) returns"
        )
    doc_id = next((name for name in names if name in known), names[0])
    document = known.get(doc_id)
    title = document.title if document else ""
    start, end = _span(found.page_content, metadata, document.text if document else "")
    return Passage(doc_id, start, end, found.page_content, title)


def _span(text: str, metadata: Mapping[str, object], whole: str) -> tuple[int, int]:
    """What the metadata says, or else where the text stands in the whole, from 0 on where it does not."""
    start, end = metadata.get("start", metadata.get("start_index")), metadata.get("end")
    if isinstance(start, int) and start >= 0:
        return start, end if isinstance(end, int) and end >= start else start + len(text)
    start = max(0, whole.find(text))
    return start, start + len(text)


def _with_options(model: BaseChatModel, payload: Mapping[str, Any]) -> BaseChatModel:
    """The model, with those of its fields set that the payload asks for."""
    fields = type(model).model_fields
    named = {option: next((name for name in names if name in fields), None) for option, names in _OPTION_FIELDS.items()}
    changes = {name: payload[option] for option, name in named.items() if name and option in payload}
    return model.model_copy(update=changes) if changes else model


def _as_completion(message: AIMessage) -> dict[str, Any]:
    """A message as the body of an OpenAI chat completion."""
    metadata = cast("dict[str, Any]", message.response_metadata)  # pyright: ignore[reportUnknownMemberType]
    reason = next(
        (metadata[key] for key in ("finish_reason", "stop_reason", "done_reason") if metadata.get(key)), "stop"
    )
    finish_reason = str(reason).lower()
    usage = _usage(message.usage_metadata) if message.usage_metadata else Usage()
    more = cast("dict[str, Any]", message.additional_kwargs)  # pyright: ignore[reportUnknownMemberType]
    return {
        "choices": [
            {
                "message": {"content": str(message.text), "refusal": more.get("refusal")},
                "finish_reason": _FINISH_REASONS.get(finish_reason, finish_reason),
                "logprobs": metadata.get("logprobs"),
            }
        ],
        "usage": {
            "prompt_tokens": usage.prompt_tokens,
            "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
            "completion_tokens": usage.completion_tokens,
        },
    }


def _usage(counted: Mapping[str, Any]) -> Usage:
    details: Mapping[str, Any] = counted.get("input_token_details") or {}
    return Usage(
        prompt_tokens=counted["input_tokens"],
        cached_tokens=details.get("cache_read") or 0,
        completion_tokens=counted["output_tokens"],
    )


def _failure(error: Exception, identity: str, secrets: frozenset[str], answered: bool) -> Exception:
    """The error to raise for what a model's package raised. `answered` says that the model has answered before."""
    if isinstance(error, RagevalError):
        return error
    status, told = _status(error), f"{identity}: {_told(error, secrets)}"
    if status in (401, 402, 403, 404) or getattr(error, "code", None) == "insufficient_quota":
        return ModelError(f"{told}: check key, model name and address")
    if not answered and _is_unreachable(error):
        return ModelError(f"{told}: cannot be reached: check the address and that the server runs")
    return ExecutionError(told)


def _status(error: Exception) -> int | None:
    """The HTTP status, as providers' packages keep it."""
    for holder in (error, getattr(error, "response", None)):
        status = getattr(holder, "status_code", None)
        if isinstance(status, int):
            return status
    return None


def _is_unreachable(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ConnectionError):
        error = error.__cause__ or error.__context__
    return error is not None


def _told(error: Exception, secrets: frozenset[str]) -> str:
    """The error on one line, without keys."""
    told = f"{type(error).__name__}: {error}"
    for secret in secrets:
        told = told.replace(secret, "***")
    return one_line(told)
