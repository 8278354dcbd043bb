"""How many calls are under way, by worked arithmetic, and in which order they are let in."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.models.rate_limiter import AdaptiveLimit, MinuteBudget, RateLimiter


def succeed(limit: AdaptiveLimit, times: int, latency_s: float = 1.0, *, full: bool = True) -> None:
    for _ in range(times):
        limit.succeeded(latency_s, full=full)


@pytest.mark.parametrize(("most", "first"), [(1, 1), (3, 3), (32, 32), (500, 32)])
def test_it_begins_with_thirty_two_or_all(most: int, first: int) -> None:
    assert int(AdaptiveLimit(most)) == first


def test_it_doubles_with_each_round_of_calls_up_to_the_most() -> None:
    limit = AdaptiveLimit(200)
    rounds = [32]
    for _ in range(4):
        succeed(limit, rounds[-1])
        rounds.append(int(limit))
    assert rounds == [32, 64, 128, 200, 200]


def test_nothing_is_added_where_places_are_free() -> None:
    limit = AdaptiveLimit(100)
    succeed(limit, 50, full=False)
    assert int(limit) == 32


def test_trouble_halves_it_once_for_calls_that_were_under_way_together() -> None:
    limit = AdaptiveLimit(64)
    succeed(limit, 32)
    limit.troubled(started=9.0, now=10.0)
    limit.troubled(started=9.5, now=10.1)
    assert int(limit) == 32
    limit.troubled(started=10.0, now=11.0)
    assert int(limit) == 16
    for now in range(12, 30):
        limit.troubled(started=now - 0.5, now=now)
    assert int(limit) == 1


def test_after_trouble_one_is_added_a_round() -> None:
    limit = AdaptiveLimit(16)
    limit.troubled(started=1.0, now=2.0)
    rounds = [8]
    for _ in range(3):
        succeed(limit, rounds[-1] + 1)  # 8 additions of 1/8 to 1/9 come to a little less than 1
        rounds.append(int(limit))
    assert rounds == [8, 9, 10, 11]


def test_it_does_not_grow_while_the_endpoint_slows_down() -> None:
    """With weight 0.1 the mean of 0.2 s is over 0.4 s after the first reply of 3 s: 0.2 + 0.1 x 2.8 = 0.48."""
    limit = AdaptiveLimit(100)
    succeed(limit, 4, 0.2)
    succeed(limit, 20, 3.0)
    assert int(limit) == 36
    slow = AdaptiveLimit(100)
    succeed(slow, 4, 0.2)
    succeed(slow, 20, 0.39)  # less than twice as slow
    assert int(slow) == 56


@given(st.integers(1, 300), st.lists(st.tuples(st.booleans(), st.floats(0.001, 100.0)), max_size=200))
def test_it_stays_between_one_and_the_most(most: int, events: list[tuple[bool, float]]) -> None:
    limit = AdaptiveLimit(most)
    for now, (good, latency) in enumerate(events):
        if good:
            limit.succeeded(latency, full=True)
        else:
            limit.troubled(now - latency, now)
        assert 1 <= int(limit) <= most


def test_units_of_a_minute_are_spread_over_it() -> None:
    """120 a minute are two a second: two at once, and each further one half a second later."""
    budget = MinuteBudget(120.0)
    assert [budget.take(1.0, 0.0) for _ in range(5)] == pytest.approx([0.0, 0.0, 0.5, 1.0, 1.5])
    assert budget.take(1.0, 100.0) == 0.0
    budget.give_back(1.0)
    assert [budget.take(1.0, 100.0) for _ in range(3)] == pytest.approx([0.0, 0.0, 0.5])


@given(st.floats(1.0, 6000.0), st.lists(st.floats(0.0, 30.0), min_size=1, max_size=300))
def test_no_minute_has_more_than_it_may(per_minute: float, gaps: Sequence[float]) -> None:
    """Within any sixty seconds there begin at most a minute's units, and what a second saves up."""
    budget = MinuteBudget(per_minute)
    now, starts = 0.0, list[float]()
    for gap in gaps:
        now += gap
        starts.append(now + budget.take(1.0, now))
    assert starts == sorted(starts)
    for i, start in enumerate(starts):
        within = sum(start <= later < start + 60.0 - 1e-6 for later in starts[i:])
        assert within <= per_minute + max(1.0, per_minute / 60.0) + 1e-6


def test_calls_are_let_in_in_their_order_and_never_too_many() -> None:
    order: list[int] = []
    most = 0

    async def run() -> None:
        nonlocal most
        limiter, inside = RateLimiter(3), 0

        async def call(number: int) -> None:
            nonlocal inside, most
            async with limiter.place():
                order.append(number)
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0)
                inside -= 1

        await asyncio.gather(*map(call, range(20)))

    asyncio.run(run())
    assert (order, most) == (list(range(20)), 3)


@pytest.mark.parametrize("when", ["while it waits", "when its turn has come"])
def test_a_call_that_is_cancelled_leaves_its_place_to_the_next(when: str) -> None:
    async def run() -> list[str]:
        limiter, told = RateLimiter(1), list[str]()

        async def call(name: str) -> None:
            async with limiter.place():
                told.append(name)

        async with limiter.place():
            waiting = [asyncio.create_task(call(name)) for name in "ab"]
            await asyncio.sleep(0)
            if when == "while it waits":
                waiting[0].cancel()
        waiting[0].cancel()  # its turn has been given to it, and it has not run yet
        await asyncio.gather(*waiting, return_exceptions=True)
        async with limiter.place():
            return told

    assert asyncio.run(asyncio.wait_for(run(), 5)) == ["b"]


def test_a_lane_that_is_paused_waits() -> None:
    async def run() -> float:
        limiter, loop = RateLimiter(4), asyncio.get_running_loop()
        started = loop.time()
        limiter.pause(0.05)
        limiter.pause(0.01)
        await limiter.wait_for_turn(10)
        return loop.time() - started

    assert asyncio.run(run()) >= 0.045
