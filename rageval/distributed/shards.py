"""The remaining work, handed out to workers in shards."""

from __future__ import annotations

import asyncio
import math
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

from rageval.experiment.answer import Task


@dataclass(frozen=True, slots=True)
class Handed:
    """Tasks of one group that a worker is working on."""

    number: int
    group: Hashable
    tasks: tuple[Task, ...]


class Shards:
    """Tasks in groups that need the same indexes, handed out at most `size` at a time.

    A worker stays with its group while any task of it is left, then moves to a group without workers. It joins a group
    that has workers only if the rest would take them longer than building the indexes again, judging by finished
    shards. A task lost with a worker goes to a worker that has no other task, so that a second loss can be
    blamed on the task. Workers are distinguished by equality. Use it inside one event loop.
    """

    def __init__(self, tasks: Iterable[Task], group_of: Callable[[Task], Hashable], size: int) -> None:
        self.finished = asyncio.Event()
        self._size = size
        self._waiting: dict[Hashable, deque[Task]] = {}
        self._suspects: deque[tuple[Hashable, Task]] = deque()
        self._at: dict[Hashable, Hashable] = {}
        self._handed: dict[Hashable, dict[int, Handed]] = {}
        self._losses: Counter[tuple[int, str]] = Counter()
        self._building_s: dict[tuple[Hashable, Hashable], float] = {}
        self._working_s, self._worked = 0.0, 0
        self._numbers = 0
        self._changed = asyncio.Event()
        for task in tasks:
            self._waiting.setdefault(group_of(task), deque()).append(task)

    async def take(self, worker: Hashable) -> Handed:
        """Return a shard for that worker, as soon as there is one."""
        while (shard := self._next(worker)) is None:
            await self._changed.wait()
        group, tasks = shard
        self._at[worker] = group
        handed = Handed(self._numbers, group, tasks)
        self._numbers += 1
        self._handed.setdefault(worker, {})[handed.number] = handed
        return handed

    def done(self, worker: Hashable, number: int, building_s: float, working_s: float) -> None:
        """Record that the worker finished that shard, with the seconds it spent building indexes and on the tasks."""
        handed = self._handed[worker].pop(number)
        place = worker, handed.group
        self._building_s[place] = max(building_s, self._building_s.get(place, 0.0))
        self._working_s += working_s
        self._worked += len(handed.tasks)
        self._tell()

    def lost(self, worker: Hashable, is_done: Callable[[Task], bool]) -> list[tuple[Task, int]]:
        """Record that the worker is gone. Its unfinished tasks wait again; returns each of them with how often it has
        been lost so far.
        """
        self._at.pop(worker, None)
        lost: list[tuple[Task, int]] = []
        for handed in self._handed.pop(worker, {}).values():
            for task in handed.tasks:
                if not is_done(task):
                    self._suspects.append((handed.group, task))
                    self._losses[_key(task)] += 1
                    lost.append((task, self._losses[_key(task)]))
        self._tell()
        return lost

    def _next(self, worker: Hashable) -> tuple[Hashable, tuple[Task, ...]] | None:
        in_hand = [task for handed in self._handed.get(worker, {}).values() for task in handed.tasks]
        if any(self._losses[_key(task)] for task in in_hand):
            return None
        if self._suspects and not in_hand:
            group, suspect = self._suspects.popleft()
            return group, (suspect,)
        group = self._choose(worker)
        if group is None:
            return None
        waiting = self._waiting[group]
        tasks = tuple(waiting.popleft() for _ in range(min(self._size, len(waiting))))
        if not waiting:
            del self._waiting[group]
        return group, tasks

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
        """Whether building the indexes takes less time than one worker needs for this many tasks."""
        if not self._worked or math.isinf(load):
            return True
        mean_building_s = sum(self._building_s.values()) / len(self._building_s)
        return load * self._working_s / self._worked > mean_building_s

    def _tell(self) -> None:
        if not self._waiting and not self._suspects and not any(self._handed.values()):
            self.finished.set()
        self._changed.set()
        self._changed = asyncio.Event()


def _key(task: Task) -> tuple[int, str]:
    return task.pipeline, task.question.id
