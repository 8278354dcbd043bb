"""An OpenAI-compatible server on a loopback port, in a thread of its own, that answers and misbehaves as it is told."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

from rageval.models.base import Token


@dataclass(frozen=True)
class Received:
    path: str
    authorization: str
    payload: dict[str, Any]


@dataclass(frozen=True)
class Canned:
    """What to answer: `body` as JSON, or as it is where it is a string, after `delay_s` seconds.

    `hang_up` closes the connection instead.
    """

    body: object
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    hang_up: bool = False


def completion(
    text: str | None,
    finish_reason: str = "stop",
    top_logprobs: Mapping[str, float] | None = None,
    usage: Mapping[str, Any] | None = None,
    tokens: Sequence[Token] = (),
    **message: object,
) -> Canned:
    """`tokens` with their alternatives, or `top_logprobs`, the alternatives of the only one."""
    if top_logprobs:
        tokens = [Token(next(iter(top_logprobs)), tuple(top_logprobs.items()))]
    choice = {
        "index": 0,
        "finish_reason": finish_reason,
        "message": {"role": "assistant", "content": text, **message},
        "logprobs": {"content": [_token(token) for token in tokens]} if tokens else None,
    }
    counted = usage or {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    return Canned({"id": "x", "object": "chat.completion", "model": "fake", "choices": [choice], "usage": counted})


def _token(token: Token) -> dict[str, Any]:
    top = [{"token": text, "logprob": logprob} for text, logprob in token.alternatives]
    return {"token": token.text, "logprob": top[0]["logprob"] if top else 0.0, "top_logprobs": top}


def embeddings(vectors: list[list[float]]) -> Canned:
    data = [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(vectors)]
    return Canned({"object": "list", "model": "fake", "data": data, "usage": {"prompt_tokens": 1, "total_tokens": 1}})


def fault(status: int, message: str = "told to fail", *, retry_after: str = "0.001", **error: object) -> Canned:
    return Canned({"error": {"message": message, **error}}, status, {"Retry-After": retry_after})


def friendly(received: Received) -> Canned:
    """`ok` to every chat; for embeddings, vectors of three numbers that depend on the text alone."""
    if received.path == "/v1/embeddings":
        return embeddings([[len(text), sum(map(ord, text)) % 97, 1.0] for text in received.payload["input"]])
    return completion("ok")


class FakeServer:
    """Use as `with FakeServer() as server:` and point a client to `server.base_url`.

    `queue`d answers are given first, in order; then `respond` answers. `latency_s` delays every answer.
    """

    def __init__(
        self,
        respond: Callable[[Received], Canned] = friendly,
        latency_s: float = 0.0,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self.received: list[Received] = []
        self.most_in_flight = 0
        self._respond = respond
        self._latency_s = latency_s
        self._ssl_context = ssl_context
        self._queue: deque[Canned] = deque()
        self._in_flight = 0
        self._base_url = ""
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def queue(self, *answers: Canned) -> None:
        self._queue.extend(answers)

    @property
    def base_url(self) -> str:
        return self._base_url

    @property
    def in_flight(self) -> int:
        return self._in_flight

    @property
    def calls(self) -> int:
        return len(self.received)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10), "the fake server did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        app = web.Application(client_max_size=1 << 28)
        self._add_routes(app.router)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self._ssl_context).start()
        self._base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()

    def _add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_post("/v1/chat/completions", self._handle)
        router.add_post("/v1/embeddings", self._handle)

    async def _handle(self, request: web.Request) -> web.Response:
        received = Received(request.path, request.headers.get("Authorization", ""), await request.json())
        self.received.append(received)
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            canned = self._queue.popleft() if self._queue else self._respond(received)
            await asyncio.sleep(self._latency_s + canned.delay_s)
        finally:
            self._in_flight -= 1
        if canned.hang_up:
            assert request.transport is not None
            request.transport.abort()
        text = canned.body if isinstance(canned.body, str) else json.dumps(canned.body)
        return web.Response(text=text, status=canned.status, headers=canned.headers, content_type="application/json")
