"""Calls that are still running when a model is closed: they are paid for, so their replies are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

_GRACE_S = 5.0


async def let_finish(calls: Iterable[asyncio.Task[Any]]) -> None:
    """Wait a few seconds for the calls, then cancel those still running. Does not raise what the calls raise."""
    waiting = [*calls]
    if waiting:
        await asyncio.wait(waiting, timeout=_GRACE_S)
    for call in waiting:
        call.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


def mark_as_seen(call: asyncio.Task[Any]) -> None:
    """Keep Python from reporting the error of a finished call when every waiting caller was cancelled."""
    if not call.cancelled():
        call.exception()
