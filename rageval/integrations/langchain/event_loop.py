"""Event loops in threads of their own, and the one in which all of LangChain runs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


async def run_in_langchain_loop(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine of LangChain's returns; it runs in the one loop that is kept for those."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, _langchain_loop()))


@cache
def _langchain_loop() -> asyncio.AbstractEventLoop:
    """One for the whole process: LangChain's packages share HTTP clients between models and keep them, and a client
    works in the event loop alone that used it first, while every evaluation has a loop of its own.
    """
    return start_loop("rageval-langchain")


def is_in_langchain_loop() -> bool:
    """Whether the caller runs in that loop."""
    try:
        return asyncio.get_running_loop() is _langchain_loop()
    except RuntimeError:  # none runs in this thread
        return False


def start_loop(name: str) -> asyncio.AbstractEventLoop:
    """An event loop in a thread of that name, which ends when the loop is stopped."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=_run_loop, args=(loop,), name=name, daemon=True).start()
    return loop


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    loop.close()
