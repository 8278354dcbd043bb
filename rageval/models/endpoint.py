"""One address, one model, one key: sends and receives JSON and files, retries where useful, explains every failure."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from rageval.errors import ExecutionError, ModelError
from rageval.extras import need_package
from rageval.models.access import Access, check_address, endpoint_identity, read_key
from rageval.models.json_parts import as_object
from rageval.models.rate_limiter import RateLimiter
from rageval.models.refusals import Refusal, sort_failure
from rageval.models.refused_call import explain
from rageval.models.retry_after import back_off, retry_after, until_reset
from rageval.models.service_errors import ServiceError, error_inside, read_error
from rageval.models.wire import UnfinishedError, one_line
from rageval.text.images import IMAGE_TOKENS
from rageval.types import Json

if TYPE_CHECKING:
    import aiohttp

_LONGEST_PAUSE_S = 120.0
_CHARACTERS_A_TOKEN = 3
_LARGE_BODY = 1 << 20
_IMAGE = re.compile(rb'"(?:data:image/[a-z]+;base64,)?[A-Za-z0-9+/]{512,}={0,2}"')
_SLOWEST_UPLOAD = 100_000  # bytes a second
_CHUNK = 1 << 16
_LONGEST_ATTEMPT = 10  # time limits


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits for an endpoint: concurrent calls, seconds without a byte of an answer, retries, and rates per minute
    (None: no limit).
    """

    concurrency: int = 16
    timeout_s: float = 120.0
    max_retries: int = 6
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None


class Endpoint:
    """An OpenAI-compatible address. Connections are opened for one event loop at a time, and closed where that ends.

    A limit that passes and trouble of the service (`sort_failure`), timeouts, lost connections and cut bodies are tried
    again up to `max_retries` times, after the wait that is asked for or a jittered exponential back-off; such a call
    goes before those that have not been made yet. Where a rate limit says that nothing is left, all calls wait. An
    error inside a status 200 counts as one.

    `settings` are what else can change a reply, for the identity.

    Raises `DeclarationError` for a bad address or a missing key; from every call, `ModelError` where none can succeed,
    `RejectedError` where the endpoint will not have this body, `ExecutionError` where this call failed for good.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key_env: str | None,
        limits: Limits,
        access: Access | None = None,
        settings: Mapping[str, Json] | None = None,
    ) -> None:
        need_package("aiohttp", "openai", "an OpenAI-compatible endpoint")
        access = access or Access()
        self.model = model
        self.limits = limits
        self._address = check_address(base_url, model, access.api_version)
        self.identity = endpoint_identity(base_url, model, {**access.settings, **(settings or {})})
        self._key_name = api_key_env
        key = read_key(api_key_env, self._address)
        self._headers = access.headers(key, self._address.url)
        hidden = [value for name, value in self._headers.items() if access.extra_headers.get(name) != value]
        self._secrets = tuple(value.removeprefix("Bearer ") for value in hidden)
        self._ssl = access.ssl_context(self._address.url)
        self._open: _Open | None = None
        self._answered = False
        self._served = False

    def body(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """What is sent for a payload: with the model's name."""
        return {"model": self.model, **payload}

    async def post(
        self,
        path: str,
        payload: Mapping[str, Any],
        reply_tokens: int = 0,
        read: Callable[[Any], Any] | None = None,
    ) -> Any:
        """The model's answer to a payload: what `read` makes of the parsed body, or the body itself. An
        `UnfinishedError` of `read` is tried again. `reply_tokens` is how long it may get, for the rate limit.
        """
        body = json.dumps(self.body(payload)).encode()
        texts, images = _IMAGE.subn(b"", body)
        tokens = len(texts) // _CHARACTERS_A_TOKEN + IMAGE_TOKENS * images + reply_tokens
        return await self._send(_Call("POST", path, body, tokens=tokens, payload=payload, read=read))

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

    def failure(self, status: int, content: Any, payload: Mapping[str, Any]) -> ExecutionError | ModelError:
        """The error for a call with that payload that came back with this status and body, parsed."""
        error = read_error(content)
        refusal = sort_failure(status, error, payload, served=self._served)
        return self._explained(refusal, status, error)

    def told(self, content: Any) -> str:
        """Return the text of the endpoint's own error, on one line and without the key."""
        return self._safe(read_error(content).message)

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
            if not isinstance(outcome, _Failed) or not outcome.again or attempt + 1 >= outcome.most_attempts:
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
            url = self._address.path(call.path)
            async with session.request(call.method, url, **self._options(call)) as response:
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
            error = read_error(raw.decode(errors="replace") if content is None else content)
            return self._refused(limiter, started, status, headers, error, call)
        if call.into is not None:
            return None
        if content is None:
            return self._no_json(raw.decode(errors="replace"), call)
        return self._answer(limiter, started, headers, content, call)

    def _answer(
        self, limiter: RateLimiter, started: float, headers: Mapping[str, str], content: Any, call: _Call
    ) -> Any | _Failed:
        """What the call returns for a body that came with a status below 300."""
        if call.tokens is None:
            return content
        inside = error_inside(content)
        if inside is not None:
            status, error = inside
            return self._refused(limiter, started, status, headers, error, call)
        try:
            reply = content if call.read is None else call.read(content)
        except UnfinishedError as error:
            return _Failed(UnfinishedError(f"{error}{self._tries()}"))
        except ExecutionError as error:
            reply = _final(error)
        self._served = True
        limiter.succeeded(started, call.tokens - _used(content, call.tokens))
        return reply

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
        if call.body is None:
            return {}
        data = call.body if len(call.body) < _LARGE_BODY else io.BytesIO(call.body)  # aiohttp sends large ones in parts
        return {"data": data, "headers": {"Content-Type": "application/json"}}

    async def _connect(self) -> _Open:
        sessions = self._sessions()
        limits = self.limits
        limiter = RateLimiter(limits.concurrency, limits.requests_per_minute, limits.tokens_per_minute)
        return _Open(asyncio.get_running_loop(), sessions, await anext(sessions), limiter)

    async def _sessions(self) -> AsyncGenerator[aiohttp.ClientSession]:
        """One session. An event loop that ends closes its asynchronous generators, and with this one the session.

        The time limit is for silence: a service that queues calls may send blank lines for minutes.
        """
        import aiohttp

        within = self.limits.timeout_s
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self._ssl or True),
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=_LONGEST_ATTEMPT * within, sock_connect=within, sock_read=within),
            trust_env=not self._address.is_loopback,  # a proxy of the environment must not take calls to this machine
        ) as session:
            yield session

    def _refused(
        self,
        limiter: RateLimiter,
        started: float,
        status: int,
        headers: Mapping[str, str],
        error: ServiceError,
        call: _Call,
    ) -> _Failed:
        told = retry_after(headers)
        if told is not None:
            error = replace(error, wait_s=told)
        refusal = sort_failure(status, error, call.payload, served=self._served, headers=headers)
        failed = self._explained(refusal, status, error)
        if refusal.kind not in ("limit", "service"):
            return _final(failed)
        wait = error.wait_s
        if refusal.kind == "limit":
            limiter.troubled(started)
            if wait is not None and wait > _LONGEST_PAUSE_S:
                asked = f"asks to wait for {wait:.0f} s: run the same command again after that"
                return _final(ModelError(f"{self._where(status, error)}: {asked}"))
        most = refusal.most_attempts or self.limits.max_retries + 1
        return _Failed(failed, wait_s=wait and min(wait, _LONGEST_PAUSE_S), most_attempts=most)

    def _explained(self, refusal: Refusal, status: int, error: ServiceError) -> ExecutionError | ModelError:
        again = refusal.kind in ("limit", "service")
        where = self._where(status, error) + (self._tries(refusal.most_attempts) if again else "")
        return explain(refusal, status, where, error.message, self._key_name)

    def _where(self, status: int, error: ServiceError) -> str:
        return f"{self.identity}: status {status}: {self._safe(error.message)}"

    def _no_json(self, text: str, call: _Call) -> _Failed:
        """A web page instead of a model's answer is a wrong address, unless the endpoint has answered before."""
        told = self._safe(read_error(text).message)
        if text.lstrip().startswith("<") and call.tokens is not None and not self._served:
            return _final(ModelError(f"{self.identity}: answers with a web page ({told}): check `base_url`"))
        return _Failed(ExecutionError(f"{self.identity}: the reply is not JSON{self._tries()}: {told}"))

    def _unreachable(self, error: Exception) -> ExecutionError | ModelError:
        import aiohttp

        told = self._safe(error)
        if isinstance(error, aiohttp.ClientSSLError):
            remedy = "name the file of its certificates with `verify`"
            return ModelError(f"{self.identity}: no secure connection ({told}): {remedy}")
        if self._answered:
            return ExecutionError(f"{self.identity}: connection lost{self._tries()}: {told}")
        return ModelError(f"{self.identity}: cannot be reached ({told}): check `base_url` and that the server runs")

    def _tries(self, most: int | None = None) -> str:
        return f" ({min(self.limits.max_retries + 1, most or self.limits.max_retries + 1)} attempts)"

    def _safe(self, text: object) -> str:
        line = " ".join(str(text).split())
        for secret in self._secrets:
            line = line.replace(secret, "***")
        return one_line(line)


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
    one is given. `tokens` is how many the call may take; None where it uses no model. `payload` is what the body is
    made of, and `read` makes the result of the parsed reply.
    """

    method: Literal["GET", "POST"]
    path: str
    body: bytes | None = None
    form: tuple[str, Mapping[str, str]] | None = None
    into: BinaryIO | None = None
    tokens: int | None = None
    payload: Mapping[str, Any] | None = None
    read: Callable[[Any], Any] | None = None


@dataclass(frozen=True, slots=True)
class _Failed:
    """An attempt without a reply: the error if it is the last one, whether another may help, when, and how many make
    sense together.
    """

    error: ExecutionError | ModelError
    again: bool = True
    wait_s: float | None = None
    most_attempts: float = float("inf")


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
    total = as_object(as_object(content).get("usage")).get("total_tokens")
    return total if isinstance(total, int) and not isinstance(total, bool) else expected
