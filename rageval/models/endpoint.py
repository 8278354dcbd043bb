"""One address, one model, one key: sends and receives JSON and files, retries where useful, explains every failure."""

from __future__ import annotations

import asyncio
import io
import json
import os
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, cast
from urllib.parse import urlsplit

from rageval.errors import DeclarationError, ExecutionError, ModelError
from rageval.extras import need_package
from rageval.models.rate_limiter import RateLimiter
from rageval.models.retry_after import back_off, retry_after, until_reset
from rageval.models.wire import one_line

if TYPE_CHECKING:
    import aiohttp

_LONGEST_PAUSE_S = 120.0
_CHARACTERS_A_TOKEN = 3
_SLOWEST_UPLOAD = 100_000  # bytes a second
_CHUNK = 1 << 16


def endpoint_identity(base_url: str, model: str) -> str:
    """Return the identity of a model at an address. Raises DeclarationError for a bad address."""
    return f"{model} @ {_checked_url(base_url)[0]}"


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits for an endpoint: concurrent calls, seconds per attempt, retries, and rates per minute (None: no
    limit).
    """

    concurrency: int = 16
    timeout_s: float = 120.0
    max_retries: int = 6
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None


class NotFoundError(ModelError):
    """A status 404: the endpoint has no such model, address, file or batch."""


class RejectedError(ExecutionError):
    """A status 400 or 422. `told` is what the endpoint said, `param` the parameter that it named, if any."""

    def __init__(self, message: str, told: str, param: str | None) -> None:
        super().__init__(message)
        self.told = told
        self.param = param


class Endpoint:
    """An OpenAI-compatible address. Connections are opened for one event loop at a time, and closed where that ends.

    Status 408, 409, 429 and 5xx, timeouts, lost connections and cut bodies are tried again up to `max_retries` times,
    after `Retry-After` or a jittered exponential back-off; such a call goes before those that have not been made yet.
    Where a rate limit says that nothing is left, all calls wait.

    Raises `DeclarationError` for a bad address or a missing key; from every call, `ModelError` where none can succeed,
    `RejectedError` where the endpoint will not have this body, `ExecutionError` where this call failed for good.
    """

    def __init__(self, base_url: str, model: str, api_key_env: str, limits: Limits) -> None:
        need_package("aiohttp", "openai", "an OpenAI-compatible endpoint")
        self.model = model
        self.limits = limits
        self._base_url, self._loopback = _checked_url(base_url)
        self.identity = endpoint_identity(base_url, model)
        self._key_name = api_key_env
        self._key = _read_key(api_key_env, self._base_url, self._loopback)
        self._open: _Open | None = None
        self._answered = False

    def body(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """What is sent for a payload: with the model's name."""
        return {"model": self.model, **payload}

    async def post(self, path: str, payload: Mapping[str, Any], reply_tokens: int = 0) -> Any:
        """The model's answer to a payload, parsed. `reply_tokens` is how long it may get, for the rate limit."""
        body = json.dumps(self.body(payload)).encode()
        return await self._send(_Call("POST", path, body, tokens=len(body) // _CHARACTERS_A_TOKEN + reply_tokens))

    async def post_once(self, path: str, payload: Mapping[str, Any]) -> Any:
        """Return the answer to a payload that names no model. It is sent only once: it may start paid work."""
        return await self._send(_Call("POST", path, json.dumps(payload).encode()), retries=0)

    async def get(self, path: str) -> Any:
        """Return the parsed content at that path."""
        return await self._send(_Call("GET", path))

    async def upload(self, path: str, name: str, content: bytes, fields: Mapping[str, str]) -> Any:
        """Upload a file with form fields and return the parsed answer. The time limit allows for 100 kB a second."""
        return await self._send(_Call("POST", path, content, form=(name, fields)))

    async def download(self, path: str, into: BinaryIO) -> None:
        """Write the content at that path to a file, whatever its length. The time limit applies to each part of it."""
        await self._send(_Call("GET", path, into=into))

    def rejection(self, status: int, content: Any) -> RejectedError:
        """The error for a status 400 or 422 with this body, parsed."""
        param = _field(content, "param")
        told = self.told(content)
        where = f"{self.identity}: status {status}: {told}"
        return RejectedError(where, told, param if isinstance(param, str) else None)

    def told(self, content: Any) -> str:
        """Return the text of the endpoint's own error, on one line and without the key."""
        return self._safe(_told(content))

    async def close(self) -> None:
        if self._open is not None:
            opened, self._open = self._open, None
            await opened.sessions.aclose()

    async def _send(self, call: _Call, retries: int | None = None) -> Any:
        opened = self._open
        if opened is None or opened.loop is not asyncio.get_running_loop():
            opened = self._open = await self._connect()
        session, limiter = opened.session, opened.limiter
        retries = self.limits.max_retries if retries is None else retries
        async with limiter.place():
            outcome = await self._attempt(session, limiter, call)
        for attempt in range(retries):
            if not isinstance(outcome, _Failed) or not outcome.again:
                break
            await asyncio.sleep(back_off(attempt) if outcome.wait_s is None else outcome.wait_s)
            async with limiter.place(again=True):
                outcome = await self._attempt(session, limiter, call)
        if isinstance(outcome, _Failed):
            raise outcome.error  # out here so that no chained exception carries the request and with it the key
        return outcome

    async def _attempt(self, session: aiohttp.ClientSession, limiter: RateLimiter, call: _Call) -> Any | _Failed:
        import aiohttp

        await limiter.wait_for_turn(call.tokens or 0)
        started = asyncio.get_running_loop().time()
        try:
            async with session.request(call.method, self._base_url + call.path, **self._options(call)) as response:
                raw = await _read(response, call.into)
                status, headers = response.status, response.headers
        except TimeoutError:
            limiter.troubled(started)
            return _Failed(
                ExecutionError(f"{self.identity}: no reply within {self.limits.timeout_s:g} s{self._tries()}")
            )
        except aiohttp.ClientConnectorError as error:
            return _Failed(self._unreachable(error))
        except (aiohttp.ClientError, OSError) as error:
            return _Failed(ExecutionError(f"{self.identity}: connection lost{self._tries()}: {self._safe(error)}"))
        self._answered = True
        limiter.pause(min(until_reset(headers), _LONGEST_PAUSE_S))
        try:
            content = json.loads(raw)
        except ValueError:
            content = None
        if status >= 300:
            return self._refused(limiter, started, status, headers, content or raw.decode(errors="replace"))
        if call.into is not None:
            return None
        if content is None:
            told = self._safe(raw.decode(errors="replace"))
            return _Failed(ExecutionError(f"{self.identity}: the reply is no JSON{self._tries()}: {told}"))
        if call.tokens is not None:
            limiter.succeeded(started, call.tokens - _used(content, call.tokens))
        return content

    def _options(self, call: _Call) -> dict[str, Any]:
        """Return the arguments for sending the call, new ones for each attempt: a form can be sent only once."""
        import aiohttp

        within = self.limits.timeout_s
        if call.form is not None:
            name, fields = call.form
            content = call.body or b""
            form = aiohttp.FormData(dict(fields))
            form.add_field("file", io.BytesIO(content), filename=name, content_type="application/jsonl")
            return {"data": form, "timeout": aiohttp.ClientTimeout(total=within + len(content) / _SLOWEST_UPLOAD)}
        if call.into is not None:
            return {"timeout": aiohttp.ClientTimeout(total=None, sock_connect=within, sock_read=within)}
        return {} if call.body is None else {"data": call.body, "headers": {"Content-Type": "application/json"}}

    async def _connect(self) -> _Open:
        sessions = self._sessions()
        limits = self.limits
        limiter = RateLimiter(limits.concurrency, limits.requests_per_minute, limits.tokens_per_minute)
        return _Open(asyncio.get_running_loop(), sessions, await anext(sessions), limiter)

    async def _sessions(self) -> AsyncGenerator[aiohttp.ClientSession]:
        """One session. An event loop that ends closes its asynchronous generators, and with this one the session."""
        import aiohttp

        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            headers={"Authorization": f"Bearer {self._key}"} if self._key else None,
            timeout=aiohttp.ClientTimeout(total=self.limits.timeout_s),
            trust_env=not self._loopback,  # a proxy of the environment must not take calls to this machine
        ) as session:
            yield session

    def _refused(
        self, limiter: RateLimiter, started: float, status: int, headers: Mapping[str, str], content: Any
    ) -> _Failed:
        where = f"{self.identity}: status {status}: {self.told(content)}"
        if status == 401:
            return _final(ModelError(f"{where}: check the key in the environment variable {self._key_name}"))
        if status in (402, 403) or _field(content, "code") == "insufficient_quota":
            return _final(
                ModelError(f"{where}: the account behind {self._key_name} may not use this model: check its rights")
            )
        if status == 404 or status < 400:
            kind = NotFoundError if status == 404 else ModelError
            return _final(kind(f"{where}: check `model` and `base_url` (which most often ends in /v1)"))
        if status in (400, 422):
            return _final(self.rejection(status, content))
        if status not in (408, 409, 429) and status < 500:
            return _final(ExecutionError(where))
        wait = retry_after(headers)
        if status == 429:
            limiter.troubled(started)
            if wait is not None and wait > _LONGEST_PAUSE_S:
                return _final(ModelError(f"{where}: asks to wait for {wait:.0f} s: run the same again after that"))
        return _Failed(ExecutionError(where + self._tries()), wait_s=wait and min(wait, _LONGEST_PAUSE_S))

    def _unreachable(self, error: Exception) -> ExecutionError | ModelError:
        told = self._safe(error)
        if self._answered:
            return ExecutionError(f"{self.identity}: connection lost{self._tries()}: {told}")
        return ModelError(f"{self.identity}: cannot be reached ({told}): check `base_url` and that the server runs")

    def _tries(self) -> str:
        return f" ({self.limits.max_retries + 1} attempts)"

    def _safe(self, text: object) -> str:
        line = " ".join(str(text).split())
        return one_line(line.replace(self._key, "***") if self._key else line)


@dataclass(frozen=True, slots=True)
class _Open:
    """What an endpoint has open in an event loop; `sessions` holds the session."""

    loop: asyncio.AbstractEventLoop
    sessions: AsyncGenerator[aiohttp.ClientSession]
    session: aiohttp.ClientSession
    limiter: RateLimiter


@dataclass(frozen=True, slots=True)
class _Call:
    """One call: a JSON body, or a file of that name with the fields of a `form`. The reply is written `into` a file if
    one is given. `tokens` is how many the call may take; None where it uses no model.
    """

    method: Literal["GET", "POST"]
    path: str
    body: bytes | None = None
    form: tuple[str, Mapping[str, str]] | None = None
    into: BinaryIO | None = None
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class _Failed:
    """An attempt without a reply: the error if it is the last one, whether another may help, and when."""

    error: ExecutionError | ModelError
    again: bool = True
    wait_s: float | None = None


def _final(error: ExecutionError | ModelError) -> _Failed:
    return _Failed(error, again=False)


async def _read(response: aiohttp.ClientResponse, into: BinaryIO | None) -> bytes:
    """Return the body. If `into` is given and the status is below 300, write it there and return no bytes."""
    if into is None or response.status >= 300:
        return await response.read()
    into.seek(0)
    into.truncate()
    async for chunk in response.content.iter_chunked(_CHUNK):
        into.write(chunk)
    return b""


def _used(content: Any, expected: int) -> int:
    """Return the tokens that the endpoint counted, or `expected` if it does not say."""
    total = _field(content, "total_tokens", inside="usage")
    return total if isinstance(total, int) and not isinstance(total, bool) else expected


def _field(content: Any, name: str, inside: str = "error") -> Any:
    """`content[inside][name]`, or None where there is no such thing."""
    outer = cast("dict[str, Any]", content).get(inside) if isinstance(content, dict) else None
    return cast("dict[str, Any]", outer).get(name) if isinstance(outer, dict) else None


def _told(content: Any) -> str:
    """The words of the endpoint's own error; servers put them at various places."""
    error = cast("dict[str, Any]", content).get("error", content) if isinstance(content, dict) else content
    if isinstance(error, dict):
        fields = cast("dict[str, Any]", error)
        return str(fields.get("message") or fields.get("detail") or fields)
    return str(error)


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
