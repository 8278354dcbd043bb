"""Chat models and embedders behind any OpenAI-compatible address, through the `openai` SDK on its aiohttp transport."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import urlsplit

import numpy as np

from rageval.errors import DeclarationError, ExecutionError, ModelError
from rageval.extras import need_package
from rageval.models.base import ChatReply, ChatRequest, Vectors
from rageval.models.wire import one_line, read_completion, to_payload, without_lengths

if TYPE_CHECKING:
    import openai

# What an endpoint may not know, and the words by which its error 400 names it.
_OPTIONAL: Mapping[str, tuple[str, ...]] = {
    "response_format": ("response_format", "json_schema"),
    "logprobs": ("logprobs",),
    "seed": ("seed",),
    "temperature": ("temperature",),
    "max_tokens": ("max_completion_tokens",),
}
_NO_KEY = "none"  # what servers that ask for no key are sent, since the SDK insists on one
_TOO_LONG = ("context length", "context size", "context window", "context_length", "too many tokens")
_log = logging.getLogger("rageval")


class OpenAIChat:
    """A chat model at `base_url` (with its `/v1`), `concurrency` calls at once, `timeout_s` seconds for each attempt.

    The key is read from the environment variable `api_key_env` and goes nowhere but to the endpoint; a loopback address
    needs none. Status 429, 5xx, timeouts and lost connections are retried `max_retries` times with jittered exponential
    back-off or after the time that `Retry-After` gives. Where the endpoint rejects an optional parameter by name
    (schema, log-probabilities, seed, temperature), a warning is logged and that parameter is left out from then on;
    `max_tokens` becomes `max_completion_tokens` where the endpoint asks for that.

    To be used inside one event loop; after `close` it may be used in another.

    Raises `DeclarationError` for a bad address or a missing key; from `complete`, `ModelError` where the endpoint
    refuses key, model or address and `ExecutionError` where this call failed for good.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key_env: str = "OPENAI_API_KEY",
        concurrency: int = 16,
        timeout_s: float = 120.0,
        max_retries: int = 6,
    ) -> None:
        self._endpoint = _Endpoint(base_url, model, api_key_env, concurrency, timeout_s, max_retries)
        self._left_out: set[str] = set()

    def __repr__(self) -> str:
        return f"OpenAIChat({self.identity!r})"

    @property
    def identity(self) -> str:
        return self._endpoint.identity

    @property
    def concurrency(self) -> int:
        return self._endpoint.concurrency

    async def complete(self, request: ChatRequest) -> ChatReply:
        while True:
            payload = self._payload(request)
            try:
                return read_completion(await self._endpoint.post("/chat/completions", payload), self.identity)
            except _RejectedError as rejected:
                option = _rejected_option(rejected, payload)
                if option is None:
                    raise ExecutionError(str(rejected)) from None
                if option not in self._left_out:
                    self._left_out.add(option)
                    _log.warning("%s does without %s from now on: %s", self.identity, option, one_line(rejected.told))

    async def close(self) -> None:
        await self._endpoint.close()

    def _payload(self, request: ChatRequest) -> dict[str, Any]:
        payload = without_lengths(to_payload(request))
        for option in self._left_out:
            payload.pop(option, None)
        if "logprobs" in self._left_out:
            payload.pop("top_logprobs", None)
        if "max_tokens" in self._left_out:
            payload["max_completion_tokens"] = request.max_tokens
        return payload


class OpenAIEmbedder:
    """An embedder at `base_url`: `batch` texts a call, `concurrency` calls at once. Texts are sent as they are.

    Key, retries and errors are those of `OpenAIChat`. Vectors are scaled to unit length.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key_env: str = "OPENAI_API_KEY",
        batch: int = 64,
        concurrency: int = 8,
        timeout_s: float = 120.0,
        max_retries: int = 6,
    ) -> None:
        self._endpoint = _Endpoint(base_url, model, api_key_env, concurrency, timeout_s, max_retries)
        self._batch = batch

    def __repr__(self) -> str:
        return f"OpenAIEmbedder({self.identity!r})"

    @property
    def identity(self) -> str:
        return self._endpoint.identity

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        if not texts:
            return np.zeros((0, 0), dtype=np.float32)
        parts = [texts[i : i + self._batch] for i in range(0, len(texts), self._batch)]
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._embed_part(part)) for part in parts]
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        return np.concatenate([task.result() for task in tasks])

    async def close(self) -> None:
        await self._endpoint.close()

    async def _embed_part(self, texts: Sequence[str]) -> Vectors:
        payload = {"model": self._endpoint.model, "input": list(texts), "encoding_format": "float"}
        return _read_vectors(await self._endpoint.post("/embeddings", payload), len(texts), self.identity)


class _RejectedError(ExecutionError):
    """A status 400 or 422. `told` is what the endpoint said, `param` the parameter that it named, if any."""

    def __init__(self, message: str, told: str, param: str | None) -> None:
        super().__init__(message)
        self.told = told
        self.param = param


class _Endpoint:
    """One address, one model, one key: sends JSON, gets JSON, and tells every failure in rageval's own words."""

    def __init__(
        self, base_url: str, model: str, api_key_env: str, concurrency: int, timeout_s: float, max_retries: int
    ) -> None:
        for package in ("openai", "aiohttp"):
            need_package(package, "openai", "an OpenAI-compatible endpoint")
        self.model = model
        self.concurrency = concurrency
        self._base_url, self._loopback = _checked_url(base_url)
        self.identity = f"{model} @ {self._base_url}"
        self._key_name = api_key_env
        self._key = _read_key(api_key_env, self._base_url, self._loopback)
        self._timeout_s = timeout_s
        self._max_retries = max_retries
        self._open: tuple[openai.AsyncOpenAI, asyncio.Semaphore] | None = None
        self._answered = False

    async def post(self, path: str, payload: Mapping[str, Any]) -> Any:
        import httpx2
        import openai

        client, slots = self._client()
        body = {"model": self.model, **payload}
        async with slots:
            try:
                response = await client.post(path, cast_to=httpx2.Response, body=body)
                self._answered = True
                return response.json()
            except openai.APIStatusError as error:
                self._answered = True
                failure = self._status_failure(error)
            except openai.APIConnectionError as error:
                failure = self._connection_failure(error)
            except (openai.OpenAIError, httpx2.HTTPError, ValueError) as error:
                failure = ExecutionError(f"{self.identity}: the call failed: {self._safe(error)}")
        # Raised out here so that no chained exception carries the request and with it the key.
        raise failure

    async def close(self) -> None:
        if self._open is not None:
            client, _ = self._open
            self._open = None
            await client.close()

    def _client(self) -> tuple[openai.AsyncOpenAI, asyncio.Semaphore]:
        if self._open is None:
            import openai

            client = openai.AsyncOpenAI(
                api_key=self._key or _NO_KEY,
                base_url=self._base_url,
                timeout=self._timeout_s,
                max_retries=self._max_retries,
                # A proxy from the environment must not take calls to this machine.
                http_client=openai.DefaultAioHttpClient(trust_env=not self._loopback),
            )
            self._open = client, asyncio.Semaphore(self.concurrency)
        return self._open

    def _status_failure(self, error: openai.APIStatusError) -> ExecutionError | ModelError:
        status = error.status_code
        told = self._safe(_told(error))
        where = f"{self.identity}: status {status}: {told}"
        if status == 401:
            return ModelError(f"{where}: check the key in the environment variable {self._key_name}")
        if status in (402, 403) or error.code == "insufficient_quota":
            return ModelError(f"{where}: the account behind {self._key_name} may not use this model: check its rights")
        if status == 404:
            return ModelError(f"{where}: check `model` and `base_url` (which most often ends in /v1)")
        if status in (400, 422):
            return _RejectedError(where, told, error.param)
        return ExecutionError(where + (self._tries() if status in (408, 409, 429) or status >= 500 else ""))

    def _connection_failure(self, error: openai.APIConnectionError) -> ExecutionError | ModelError:
        import aiohttp

        # The SDK's transport calls every lost connection a timeout; only the exceptions underneath tell them apart.
        causes = _causes(error)
        told = self._safe(causes[-1])
        if any(isinstance(cause, TimeoutError) for cause in causes):
            return ExecutionError(f"{self.identity}: no reply within {self._timeout_s:g} s{self._tries()}")
        if self._answered or not any(isinstance(cause, aiohttp.ClientConnectorError) for cause in causes):
            return ExecutionError(f"{self.identity}: connection lost{self._tries()}: {told}")
        return ModelError(f"{self.identity}: cannot be reached ({told}): check `base_url` and that the server runs")

    def _tries(self) -> str:
        return f" ({self._max_retries + 1} attempts)"

    def _safe(self, text: object) -> str:
        line = " ".join(str(text).split())
        return one_line(line.replace(self._key, "***") if self._key else line)


def _checked_url(base_url: str) -> tuple[str, bool]:
    """The address without a trailing slash, and whether it is on this machine."""
    try:
        parts = urlsplit(base_url)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.username or parts.password or parts.query or parts.fragment:
        # The address becomes part of names and logs, so nothing secret may stand in it; it is not quoted here either.
        raise DeclarationError(
            f"base_url for {host}: has a user, password, query or fragment; give the plain address and put the key "
            "into the environment variable that `api_key_env` names"
        )
    if parts.scheme not in ("http", "https") or not host:
        raise DeclarationError(f"base_url {base_url!r}: expected an address such as http://127.0.0.1:8000/v1")
    return base_url.rstrip("/"), _is_loopback(host)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _read_key(name: str, base_url: str, loopback: bool) -> str:
    key = os.environ.get(name, "").strip()
    if key:
        return key
    if loopback:
        return ""
    raise DeclarationError(
        f"{base_url}: no key in the environment variable {name}: set it, or name another one with `api_key_env`"
    )


def _causes(error: BaseException) -> list[BaseException]:
    """`error`, what it was raised from, and so on down."""
    causes = [error]
    while (cause := causes[-1].__cause__) is not None:
        causes.append(cause)
    return causes


def _told(error: openai.APIStatusError) -> str:
    """The words of the endpoint's own error; servers put them at various places."""
    body = error.body
    if isinstance(body, dict):
        fields = cast("dict[str, object]", body)
        return str(fields.get("message") or fields.get("detail") or fields.get("error") or fields)
    return str(body or error.message)


def _rejected_option(rejected: _RejectedError, payload: Mapping[str, Any]) -> str | None:
    """The optional parameter of `payload` that the endpoint rejected, or None where something else is wrong."""
    told = rejected.told.lower()
    if any(words in told for words in _TOO_LONG):
        return None
    for option, words in _OPTIONAL.items():
        if option in payload and any(word in told or word in (rejected.param or "") for word in words):
            return option
    return None


def _read_vectors(body: Any, n: int, endpoint: str) -> Vectors:
    try:
        items = sorted(body["data"], key=lambda item: int(item["index"]))
        vectors = np.array([item["embedding"] for item in items], dtype=np.float32)
        positions = [int(item["index"]) for item in items]
    except (KeyError, TypeError, ValueError):
        raise ExecutionError(f"{endpoint}: the reply is not a list of embeddings: {one_line(body)}") from None
    if positions != list(range(n)) or vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise ExecutionError(f"{endpoint}: expected {n} finite vectors of one length, got shape {vectors.shape}")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not lengths.all():
        raise ExecutionError(f"{endpoint}: a vector has length 0, so it has no direction")
    return vectors / lengths
