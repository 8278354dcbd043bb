"""Long work beside the event loop, for which nobody waits when the server ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


async def in_daemon(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """What `work` returns or raises in a thread of its own, which ends with the process at the latest.

    `asyncio.to_thread` is for short work: the end of its event loop waits for it.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(settled: Callable[[], None]) -> None:
        if not future.done():
            settled()

    def run() -> None:
        try:
            found = work(*arguments, **named)
        except Exception as error:  # noqa: BLE001 (it is raised where it is awaited)
            failed = error
            tell(lambda: future.set_exception(failed))
        else:
            tell(lambda: future.set_result(found))

    def tell(settled: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the event loop has ended
            loop.call_soon_threadsafe(settle, settled)

    threading.Thread(target=run, daemon=True).start()
    return await future
