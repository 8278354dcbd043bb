"""A chat model whose calls are collected and submitted together as batches."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from rageval.errors import ExecutionError, ModelError
from rageval.io.disk import locked_patiently
from rageval.models import batch_api
from rageval.models.base import ChatReply, ChatRequest
from rageval.models.batch_state import STATE, Submission, Submissions
from rageval.models.openai_compatible import OpenAIChat
from rageval.models.refused_call import NotFoundError, RejectedError
from rageval.models.replies import Replies, request_key
from rageval.models.wire import NoTextError, OutOfRoomError, UnfinishedError, read_completion

T = TypeVar("T")

_GROWTH = 1.5
_MAY_REFUSE_A_FIELD = (400, 403, 404, 422, 501)
_log = logging.getLogger("rageval")


@dataclass(frozen=True, slots=True)
class Pace:
    """When to submit a batch, and how often to poll it.

    Requests are submitted when none has arrived for `quiet_s` seconds, or when there are `most_requests` of them; if
    they exceed `most_bytes`, as several batches (OpenAI takes 50,000 requests and 200 MB). A batch is polled at once,
    again after `first_look_s` seconds, and then less and less often, down to once every `longest_look_s`. If an
    endpoint does not report the batch's state for `patience_s` seconds, the run stops.
    """

    quiet_s: float = 10.0
    most_requests: int = 50_000
    most_bytes: int = 200_000_000
    first_look_s: float = 5.0
    longest_look_s: float = 60.0
    patience_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class _Held:
    """A request that has not been submitted."""

    prompt: str
    payload: dict[str, Any]


class _RefusedError(Exception):
    """What a batch has for a request instead of a reply: a status that may refuse a field, and its body."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


_Requests: TypeAlias = Mapping[str, _Held]


class BatchChat:
    """A chat model that sends the requests of `chat` through the batches of its endpoint.

    If a batch has no reply to a request (an error, or the batch expired, failed or was cancelled), or one that was cut
    off in the model's reasoning, the request is sent directly. A reply that the service's filter withheld fails its
    call. A request with a field that is refused goes into another batch without that field.

    Submissions are kept in `cache`/batches.sqlite. A submission is deleted only after its replies are in the reply
    cache beside it, so a process killed at any moment pays for nothing twice after a restart, nor do several processes
    that share a cache. There are two exceptions: a batch whose creation is still on its way through the network when
    the endpoint is asked whether it exists, and endpoints that do not list their batches.

    `concurrency` equals the number of requests a batch may have, so that a whole experiment is in flight. `only` is as
    in `Replies`. Use it inside one event loop.

    In addition to the errors of `chat`, `complete` raises `ModelError` where the endpoint takes no batches.
    """

    def __init__(self, chat: OpenAIChat, cache: Path, pace: Pace | None = None, only: set[str] | None = None) -> None:
        self._chat = chat
        self._endpoint = chat.endpoint
        self._cache = cache
        self._pace = pace or Pace()
        self._only = only
        self._open: tuple[Submissions, Replies] | None = None
        self._held: dict[str, _Held] = {}
        self._said: dict[str, asyncio.Future[ChatReply | None]] = {}
        self._quiet: asyncio.TimerHandle | None = None
        self._followed: dict[int, set[str]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"BatchChat({self._chat!r})"

    @property
    def identity(self) -> str:
        return self._chat.identity

    @property
    def concurrency(self) -> int:
        return self._pace.most_requests

    def most_reply_tokens(self, request: ChatRequest) -> int:
        """As that of `OpenAIChat`."""
        return self._chat.most_reply_tokens(request)

    async def complete(self, request: ChatRequest) -> ChatReply:
        key = request_key(self.identity, request)
        while True:
            room = self._chat.room
            payload = self._chat.payload(request, room)
            try:
                reply = await self._in_a_batch(key, _Held(request.prompt, payload))
            except _RefusedError as refused:
                error = self._endpoint.failure(refused.status, refused.body, payload)
                if isinstance(error, RejectedError) and self._chat.leave_out(error, request, payload, room):
                    continue
                reply = None
            except OutOfRoomError as error:
                return await self._chat.complete_again(request, error, room)
            return await self._chat.complete(request) if reply is None else self._chat.finish(request, reply)

    def let_go(self) -> None:
        """Stop waiting for batches and submit no more; direct calls continue."""
        if self._quiet is not None:
            self._quiet.cancel()
        for task in self._tasks:
            task.cancel()
        for future in self._said.values():
            future.cancel()
        self._said.clear()
        self._held.clear()

    async def close(self) -> None:
        self.let_go()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._open is not None:
            for database in self._open:
                database.close()
            self._open = None
        await self._chat.close()

    async def _in_a_batch(self, key: str, held: _Held) -> ChatReply | None:
        """Return the batch's reply, or None if it has none. Raises `_RefusedError`, and errors that stop the run."""
        future = self._said.get(key)
        if future is None:
            loop = asyncio.get_running_loop()
            future = self._said[key] = loop.create_future()
            future.add_done_callback(_mark_as_seen)
            self._held[key] = held
            if self._quiet is not None:
                self._quiet.cancel()
            full = len(self._held) >= self._pace.most_requests
            self._quiet = loop.call_later(0.0 if full else self._pace.quiet_s, self._submit_held)
        return await asyncio.shield(future)

    def _submit_held(self) -> None:
        held, self._held = self._held, {}
        rest = set(held)
        self._start(self._submit(held, rest), rest)

    def _start(self, work: Coroutine[Any, Any, None], keys: set[str]) -> None:
        """Start a task that answers these requests or hands them on. Keys left in the set get no reply."""

        def over(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if task.cancelled():
                return  # `let_go` cancelled it, and the waiting callers too
            error = task.exception()
            for key in keys:
                if error is None:
                    self._answer(key, None)
                else:
                    self._fail(key, error)

        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(over)

    async def _submit(self, held: _Requests, rest: set[str]) -> None:
        """Make sure that each request is in a batch that is being followed."""
        submissions, replies = self._databases()
        try:
            async with locked_patiently(self._cache / "batches"):
                for submission in submissions.interrupted(self.identity):
                    await self._recover(submission)
                known = submissions.under_way(held)
                new: dict[str, _Held] = {}
                for key, request in held.items():
                    # After `under_way`: what another process has settled meanwhile is among the replies by now.
                    reply = replies.find(key)
                    if reply is not None or key not in self._said:
                        rest.discard(key)
                        self._answer(key, reply)
                    elif key in known:
                        rest.discard(key)
                        self._follow(known[key], {key})
                    else:
                        new[key] = request
                for some, content in self._files(new):
                    submission = await self._submit_file(some, content)
                    rest.difference_update(some)
                    self._follow(submission, some)
        except ExecutionError as error:
            raise ModelError(f"{error}: no batch could be submitted: run the same command again") from None

    async def _recover(self, submission: Submission) -> None:
        """Find out what happened to an interrupted submission; delete it if it never reached the endpoint."""
        submissions, _ = self._databases()
        batch = None
        if submission.file is not None:
            batch = await batch_api.find(self._endpoint, submission.file, submission.begun)
        if batch is None:
            submissions.forget(submission.number)
        else:
            submissions.submitted(submission.number, batch)

    def _files(self, held: _Requests) -> Iterable[tuple[dict[str, str], bytes]]:
        """Yield files small enough for the endpoint, each with the prompt names of its requests by request key."""
        some: dict[str, str] = {}
        lines = bytearray()
        for key, request in held.items():
            line = batch_api.line(self._endpoint, key, request.payload)
            if some and (len(some) == self._pace.most_requests or len(lines) + len(line) > self._pace.most_bytes):
                content, lines = bytes(lines), bytearray()
                yield some, content
                some = {}
            some[key] = request.prompt
            lines += line
        if some:
            yield some, bytes(lines)

    async def _submit_file(self, prompts: Mapping[str, str], content: bytes) -> Submission:
        """Submit one file. Each step is on disk before the next, so that a restart knows what may be paid for."""
        submissions, _ = self._databases()
        submission = submissions.begin(self.identity, prompts)
        file = await batch_api.upload(self._endpoint, content)
        submissions.uploaded(submission.number, file)
        batch = await batch_api.create(self._endpoint, file, submission.begun)
        submissions.submitted(submission.number, batch)
        return replace(submission, file=file, batch=batch)

    def _follow(self, submission: Submission, keys: Iterable[str]) -> None:
        """Start waiting for the batch's results for these requests."""
        waiting = self._followed.get(submission.number)
        if waiting is None:
            waiting = self._followed[submission.number] = set()
            self._start(self._settle(submission, waiting), waiting)
        waiting.update(keys)

    async def _settle(self, submission: Submission, waiting: set[str]) -> None:
        """When a batch has ended, take its replies, keep them all, and answer the waiting callers."""
        assert submission.batch is not None
        submissions, replies = self._databases()
        try:
            batch = await self._ended(submission.batch)
            missing = submissions.prompts(submission.number)
            refused: list[tuple[str, _RefusedError]] = []
            told = batch.told
            for file in batch.files:
                with tempfile.TemporaryFile() as lines:
                    await self._patiently(batch.id, partial(batch_api.download, self._endpoint, file, lines))
                    for outcome in batch_api.outcomes(lines):
                        prompt = missing.get(outcome.key)
                        if prompt is None:
                            continue
                        if outcome.status in _MAY_REFUSE_A_FIELD:
                            refused.append((outcome.key, _RefusedError(outcome.status, outcome.body)))
                        elif self._take(outcome, prompt):
                            waiting.discard(outcome.key)
                        else:
                            told = told or self._endpoint.told(outcome.body)
                            continue
                        del missing[outcome.key]
                        await asyncio.sleep(0)  # lets waiting callers go on before the next reply takes memory
            for key in list(waiting):
                reply = replies.find(key)  # another process may have settled the batch first
                if reply is not None:
                    waiting.discard(key)
                    self._answer(key, reply)
            submissions.forget(submission.number)
            # Not earlier: a request retried without an option would find this batch and wait for it.
            for key, error in refused:
                waiting.discard(key)
                self._fail(key, error)
        finally:
            del self._followed[submission.number]
        if waiting:
            why = f": {told}" if told else ""
            _log.warning(
                "%s: %s is %s without a reply to %d requests, which are asked directly%s",
                self.identity,
                batch.id,
                batch.status,
                len(waiting),
                why,
            )

    async def _ended(self, name: str) -> batch_api.Batch:
        """The batch, when it has ended."""
        wait = self._pace.first_look_s
        while True:
            try:
                batch = await self._patiently(name, partial(batch_api.look, self._endpoint, name))
            except NotFoundError:
                raise ModelError(
                    f"{self.identity}: does not know {name}, which was submitted there: give the key that it was "
                    f"submitted with, or delete {self._cache / STATE} to pay for its requests again"
                ) from None
            if batch.ended:
                return batch
            await asyncio.sleep(wait)
            wait = min(wait * _GROWTH, self._pace.longest_look_s)

    async def _patiently(self, name: str, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return the endpoint's answer. While the endpoint is unreachable, keep asking: the batch goes on meanwhile."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._pace.patience_s
        while True:
            try:
                return await ask()
            except ExecutionError as error:
                if loop.time() >= end:
                    raise ModelError(
                        f"{error}: {name} goes on there: run the same command again to get its replies"
                    ) from None
            await asyncio.sleep(self._pace.longest_look_s)

    def _take(self, outcome: batch_api.BatchOutcome, prompt: str) -> bool:
        """Keep a reply, or report a reply without text; False if the outcome is neither."""
        _, replies = self._databases()
        if not 200 <= outcome.status < 300:
            return False
        try:
            reply = read_completion(outcome.body, self.identity)
        except UnfinishedError:
            return False
        except NoTextError as error:
            self._fail(outcome.key, error)
            return True
        except ExecutionError:
            return False
        replies.keep(outcome.key, self.identity, prompt, reply)
        self._answer(outcome.key, reply)
        return True

    def _answer(self, key: str, reply: ChatReply | None) -> None:
        future = self._said.pop(key, None)
        if future is not None and not future.done():
            future.set_result(reply)

    def _fail(self, key: str, error: BaseException) -> None:
        future = self._said.pop(key, None)
        if future is not None and not future.done():
            future.set_exception(error)

    def _databases(self) -> tuple[Submissions, Replies]:
        """Open the databases at the first call, so that a model that is never asked writes nothing."""
        if self._open is None:
            self._open = Submissions(self._cache / STATE), Replies(self._cache / "chat.sqlite", self._only)
        return self._open


def _mark_as_seen(future: asyncio.Future[ChatReply | None]) -> None:
    """Keep asyncio from reporting an unread exception when every waiting caller was cancelled."""
    if not future.cancelled():
        future.exception()
