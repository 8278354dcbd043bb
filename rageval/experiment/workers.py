"""Many tasks of work, several at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")

OnProgress = Callable[[int, int], None]


async def work_through(
    work: Collection[T], do: Callable[[T], Awaitable[None]], workers: int, done: int, on_progress: OnProgress
) -> None:
    """Do each task, at most `workers` at once, in order of beginning. The first error stops all and is raised.

    `on_progress` is told (done, total) after each task; `done` tasks were done before.
    """
    total = done + len(work)
    queue: Iterator[T] = iter(work)

    async def worker() -> None:
        nonlocal done
        for task in queue:
            await do(task)
            done += 1
            on_progress(done, total)

    await together(worker() for _ in range(min(workers, len(work))))


async def together(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run all at once. The first error stops the others and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for one in work:
                group.create_task(one)
    except ExceptionGroup as group_error:
        raise group_error.exceptions[0] from None
