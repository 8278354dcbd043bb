"""Calls that are under way when a model is closed: they are paid for, so what they bring is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

_GRACE_S = 5.0


async def let_finish(calls: Iterable[asyncio.Task[Any]]) -> None:
    """Wait a few seconds for the calls and cancel those that are not done by then. What they raise is not raised."""
    waiting = [*calls]
    if waiting:
        await asyncio.wait(waiting, timeout=_GRACE_S)
    for call in waiting:
        call.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


def mark_as_seen(call: asyncio.Task[Any]) -> None:
    """For a call that is done: Python does not complain of its error where everybody who waited was cancelled."""
    if not call.cancelled():
        call.exception()
