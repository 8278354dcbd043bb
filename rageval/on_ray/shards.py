"""What is still to be done, handed out to workers in shards."""

from __future__ import annotations

import asyncio
import math
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

from rageval.experiment.answering import Piece


@dataclass(frozen=True, slots=True)
class Handed:
    """Pieces of one group in the hands of a worker."""

    number: int
    group: Hashable
    pieces: tuple[Piece, ...]


class Shards:
    """Pieces in groups that need the same indexes, handed out at most `size` at a time.

    A worker stays with its group while any of that is left; then it goes where no other is. It joins others only where
    what is left takes them longer than building the indexes once more, as far as finished shards tell. A piece that was
    lost with a worker goes to one that has nothing else in hand: if that is lost too, it is known why. Workers are told
    apart by equality. To be used inside one event loop.
    """

    def __init__(self, pieces: Iterable[Piece], group_of: Callable[[Piece], Hashable], size: int) -> None:
        self.finished = asyncio.Event()
        self._size = size
        self._waiting: dict[Hashable, deque[Piece]] = {}
        self._suspects: deque[tuple[Hashable, Piece]] = deque()
        self._at: dict[Hashable, Hashable] = {}
        self._handed: dict[Hashable, dict[int, Handed]] = {}
        self._losses: Counter[tuple[int, str]] = Counter()
        self._building_s: dict[tuple[Hashable, Hashable], float] = {}
        self._working_s, self._worked = 0.0, 0
        self._numbers = 0
        self._changed = asyncio.Event()
        for piece in pieces:
            self._waiting.setdefault(group_of(piece), deque()).append(piece)

    async def take(self, worker: Hashable) -> Handed:
        """A shard for that worker, as soon as there is one."""
        while (shard := self._next(worker)) is None:
            await self._changed.wait()
        group, pieces = shard
        self._at[worker] = group
        handed = Handed(self._numbers, group, pieces)
        self._numbers += 1
        self._handed.setdefault(worker, {})[handed.number] = handed
        return handed

    def done(self, worker: Hashable, number: int, building_s: float, working_s: float) -> None:
        """The worker has finished that shard; so long it built indexes, and so long it worked on the pieces."""
        handed = self._handed[worker].pop(number)
        place = worker, handed.group
        self._building_s[place] = max(building_s, self._building_s.get(place, 0.0))
        self._working_s += working_s
        self._worked += len(handed.pieces)
        self._tell()

    def lost(self, worker: Hashable, is_done: Callable[[Piece], bool]) -> list[tuple[Piece, int]]:
        """The worker is gone. What it had in hand and is not done waits again; each of these pieces with how often it
        was lost by now.
        """
        self._at.pop(worker, None)
        lost: list[tuple[Piece, int]] = []
        for handed in self._handed.pop(worker, {}).values():
            for piece in handed.pieces:
                if not is_done(piece):
                    self._suspects.append((handed.group, piece))
                    self._losses[_key(piece)] += 1
                    lost.append((piece, self._losses[_key(piece)]))
        self._tell()
        return lost

    def _next(self, worker: Hashable) -> tuple[Hashable, tuple[Piece, ...]] | None:
        in_hand = [piece for handed in self._handed.get(worker, {}).values() for piece in handed.pieces]
        if any(self._losses[_key(piece)] for piece in in_hand):
            return None
        if self._suspects and not in_hand:
            group, suspect = self._suspects.popleft()
            return group, (suspect,)
        group = self._choose(worker)
        if group is None:
            return None
        waiting = self._waiting[group]
        pieces = tuple(waiting.popleft() for _ in range(min(self._size, len(waiting))))
        if not waiting:
            del self._waiting[group]
        return group, pieces

    def _choose(self, worker: Hashable) -> Hashable | None:
        if self._at.get(worker) in self._waiting:
            return self._at[worker]
        others = Counter(group for other, group in self._at.items() if other != worker)
        loads = {
            group: len(left) / others[group] if others[group] else math.inf for group, left in self._waiting.items()
        }
        group = max(loads, key=lambda group: loads[group], default=None)
        return group if group is not None and self._is_worth_building(loads[group]) else None

    def _is_worth_building(self, load: float) -> bool:
        """Whether indexes are built sooner than one worker does so many pieces."""
        if not self._worked or math.isinf(load):
            return True
        mean_building_s = sum(self._building_s.values()) / len(self._building_s)
        return load * self._working_s / self._worked > mean_building_s

    def _tell(self) -> None:
        if not self._waiting and not self._suspects and not any(self._handed.values()):
            self.finished.set()
        self._changed.set()
        self._changed = asyncio.Event()


def _key(piece: Piece) -> tuple[int, str]:
    return piece.pipeline, piece.question.id
