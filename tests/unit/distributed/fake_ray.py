"""A Ray of one process: actors are objects here, all that crosses is pickled, and a worker is lost when told to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import cloudpickle

IsLost = Callable[[str, Sequence[Any]], bool]


class LostError(Exception):
    """In the place of `RayError`."""


class RaisedThereError(LostError):
    """In the place of `RayTaskError`."""


@dataclass
class FakeActor:
    """`is_lost` is asked before each `put`, with its letters, and after other calls, with their results."""

    held: Any
    is_lost: IsLost
    dead: bool = False
    under_way: set[asyncio.Future[Any]] = field(default_factory=set[asyncio.Future[Any]])

    def __getattr__(self, name: str) -> Any:
        return SimpleNamespace(remote=lambda *given: asyncio.ensure_future(self._call(name, *given)))

    async def _call(self, name: str, *given: Any) -> Any:
        if self.dead:
            raise LostError(f"{name}: the worker is dead\nits node was terminated")
        if name == "put" and self.is_lost(name, *given):
            self.die()
            raise LostError(f"{name}: the worker died\nits node was terminated")
        work = asyncio.ensure_future(getattr(self.held, name)(*map(_crossed, given)))
        self.under_way.add(work)
        try:
            result = await work
        except asyncio.CancelledError:
            if self.dead:
                raise LostError(f"{name}: the worker is dead\nits node was terminated") from None
            raise
        finally:
            self.under_way.discard(work)
        if name != "put" and self.is_lost(name, result):
            self.die()
            raise LostError(f"{name}: the worker died\nits node was terminated")
        return _crossed(result)

    def die(self) -> None:
        self.dead = True
        for work in (*self.under_way, *getattr(self.held, "_under_way", ())):
            work.cancel()


@dataclass
class FakeRay:
    """In the place of the module `ray`. `hired` are all actors that there ever were."""

    cpus: int = 2
    is_lost: IsLost = lambda name, result: False
    hired: list[FakeActor] = field(default_factory=list[FakeActor])
    exceptions: Any = field(default_factory=lambda: SimpleNamespace(RayError=LostError, RayTaskError=RaisedThereError))
    cloudpickle: Any = cloudpickle

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": float(self.cpus)}

    def put(self, value: Any) -> bytes:
        return cloudpickle.dumps(value)

    def remote(self, **_: Any) -> Callable[[type], Any]:
        return lambda kind: SimpleNamespace(remote=lambda: self._hire(kind))

    def kill(self, actor: FakeActor) -> None:
        actor.die()

    def _hire(self, kind: type) -> FakeActor:
        self.hired.append(FakeActor(kind(), self.is_lost))
        return self.hired[-1]


def _crossed(value: Any) -> Any:
    """As it arrives: what `put` gave as the thing itself."""
    return cloudpickle.loads(value if isinstance(value, bytes) else cloudpickle.dumps(value))
