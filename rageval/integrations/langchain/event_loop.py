"""Event loops in threads of their own, and the one in which all of LangChain runs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


async def run_in_langchain_loop(work: Coroutine[Any, Any, T]) -> T:
    """Runs a LangChain coroutine in the one loop kept for LangChain and returns its result."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, _langchain_loop()))


@cache
def _langchain_loop() -> asyncio.AbstractEventLoop:
    """Returns one loop for the whole process. LangChain's packages share and keep HTTP clients between models, and a
    client works only in the event loop that first used it, while every evaluation has its own loop.
    """
    return start_loop("rageval-langchain")


def is_in_langchain_loop() -> bool:
    """Whether the caller runs in that loop."""
    try:
        return asyncio.get_running_loop() is _langchain_loop()
    except RuntimeError:  # none runs in this thread
        return False


def start_loop(name: str) -> asyncio.AbstractEventLoop:
    """Starts an event loop in a thread of that name; the thread ends when the loop is stopped."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=_run_loop, args=(loop,), name=name, daemon=True).start()
    return loop


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    loop.close()
