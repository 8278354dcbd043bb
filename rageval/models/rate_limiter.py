"""The limiter to one endpoint: how many calls are under way at once, how many a minute, and when to wait."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

_START = 32
_WEIGHT = 0.1
_SLOWER = 2.0
_FORGET = 1.001


class AdaptiveLimit:
    """How many calls may run at once, at most `most`: grows while the endpoint keeps its pace, halves after trouble.

    Starts at 32. Each call that succeeds while all places are taken adds one place, so the limit doubles in the time of
    one call. After the first trouble it grows by one place in that time (additive increase, multiplicative decrease:
    Chiu and Jain 1989). It does not grow while the mean latency of the latest calls is over twice its best value.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = float(min(_START, most))
        self._threshold = float(most)
        self._lowered_at = float("-inf")
        self._latency: float | None = None
        self._best = float("inf")

    def __int__(self) -> int:
        return int(self._limit)

    def succeeded(self, latency_s: float, *, full: bool) -> None:
        """Record a call that came back; `full` says that no place was free while it ran."""
        before = latency_s if self._latency is None else self._latency
        self._latency = before + (latency_s - before) * _WEIGHT
        self._best = min(self._best * _FORGET, self._latency)
        if full and self._latency <= _SLOWER * self._best:
            self._limit = min(self._most, self._limit + (1.0 if self._limit < self._threshold else 1.0 / self._limit))

    def troubled(self, started: float, now: float) -> None:
        """Record that a call started at `started` was refused for its rate, or got no reply in time.

        Calls that were already running when the limit was lowered do not lower it again.
        """
        if started >= self._lowered_at:
            self._limit = self._threshold = max(1.0, self._limit / 2.0)
            self._lowered_at = now


class MinuteBudget:
    """A budget of units per minute, spread evenly; `take` returns the wait. At most one second's worth accumulates."""

    def __init__(self, per_minute: float) -> None:
        self._per_second = per_minute / 60.0
        self._left = self._most = max(1.0, self._per_second)
        self._at: float | None = None

    def take(self, units: float, now: float) -> float:
        """Take units, on credit if too few are left; return how many seconds to wait until the credit is paid back."""
        waited = 0.0 if self._at is None else now - self._at
        self._left = min(self._most, self._left + waited * self._per_second) - units
        self._at = now
        return max(0.0, -self._left / self._per_second)

    def give_back(self, units: float) -> None:
        """Give back unused units; a negative number accounts for units used beyond those taken."""
        self._left += units


class RateLimiter:
    """Lets calls through in order of arrival.

    At most `most` calls run at once, or fewer if `AdaptiveLimit` says so. `requests_per_minute` and `tokens_per_minute`
    are enforced if given. Use it inside one event loop.
    """

    def __init__(
        self, most: int, requests_per_minute: float | None = None, tokens_per_minute: float | None = None
    ) -> None:
        self._limit = AdaptiveLimit(most)
        self._requests = None if requests_per_minute is None else MinuteBudget(requests_per_minute)
        self._tokens = None if tokens_per_minute is None else MinuteBudget(tokens_per_minute)
        self._in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._paused_until = float("-inf")

    @asynccontextmanager
    async def place(self, *, again: bool = False) -> AsyncGenerator[None]:
        """Hold a place among the running calls for one attempt. A retry (`again`) goes ahead of all waiting calls."""
        await self._enter(again)
        try:
            yield
        finally:
            self._in_flight -= 1
            self._let_in()

    async def wait_for_turn(self, tokens: int) -> None:
        """Wait until another attempt of about so many tokens may begin."""
        now = asyncio.get_running_loop().time()
        waits = [self._paused_until - now]
        if self._requests is not None:
            waits.append(self._requests.take(1.0, now))
        if self._tokens is not None:
            waits.append(self._tokens.take(tokens, now))
        if max(waits) > 0.0:
            await asyncio.sleep(max(waits))

    def pause(self, seconds: float) -> None:
        """Start no attempt for this many seconds."""
        self._paused_until = max(self._paused_until, asyncio.get_running_loop().time() + seconds)

    def succeeded(self, started: float, tokens_over: int = 0) -> None:
        """Record a reply; the attempt began at `started` (the loop's clock) and left over `tokens_over` tokens."""
        now = asyncio.get_running_loop().time()
        self._limit.succeeded(now - started, full=self._in_flight >= int(self._limit))
        if self._tokens is not None:
            self._tokens.give_back(tokens_over)
        self._let_in()

    def troubled(self, started: float) -> None:
        """An attempt that began at `started` was refused for its rate, or got no reply in time."""
        self._limit.troubled(started, asyncio.get_running_loop().time())

    async def _enter(self, again: bool) -> None:
        if (again or not self._waiting) and self._in_flight < int(self._limit):
            self._in_flight += 1
            return
        turn = asyncio.get_running_loop().create_future()
        if again:
            self._waiting.appendleft(turn)
        else:
            self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # the place had been given to it
                self._in_flight -= 1
                self._let_in()
            raise

    def _let_in(self) -> None:
        while self._waiting and self._in_flight < int(self._limit):
            turn = self._waiting.popleft()
            if not turn.done():
                self._in_flight += 1
                turn.set_result(None)
