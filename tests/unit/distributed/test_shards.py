"""Who gets which tasks, and what happens to those that are lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from rageval.distributed.shards import Handed, Shards
from rageval.experiment.answer import Task
from rageval.types import Question


def task(pipeline: int, number: int) -> Task:
    return Task(pipeline, Question(f"q{number}", "?"), None, ())


def shards(cells: Sequence[int], size: int) -> Shards:
    """As many tasks of each pipeline as `cells` says; each pipeline needs indexes of its own."""
    tasks = [task(cell, number) for cell, count in enumerate(cells) for number in range(count)]
    return Shards(tasks, lambda task: task.pipeline, size)


def names(handed: Handed) -> list[str]:
    return [f"{task.pipeline}/{task.question.id}" for task in handed.tasks]


def never_done(_: Task) -> bool:
    return False


def test_workers_begin_with_different_indexes_and_stay_with_them() -> None:
    async def work() -> None:
        left = shards([3, 3], 2)
        assert names(await left.take("a")) == ["0/q0", "0/q1"]
        assert names(await left.take("b")) == ["1/q0", "1/q1"]
        assert names(await left.take("a")) == ["0/q2"]
        assert names(await left.take("b")) == ["1/q2"]

    asyncio.run(work())


def test_others_are_joined_at_first() -> None:
    async def work() -> None:
        left = shards([4], 2)
        assert names(await left.take("a")) == ["0/q0", "0/q1"]
        assert names(await left.take("b")) == ["0/q2", "0/q3"]

    asyncio.run(work())


@pytest.mark.parametrize(("building_s", "joins"), [(2.9, True), (3.1, False)])
def test_others_are_joined_where_that_saves_more_than_another_index_takes(building_s: float, joins: bool) -> None:
    """Six tasks are left of the second pipeline, at half a second each: three seconds for the one that is there."""

    async def work() -> None:
        left = shards([2, 8], 2)
        first, _ = await left.take("a"), await left.take("b")
        left.done("a", first.number, building_s, 1.0)
        waiting = asyncio.create_task(left.take("a"))
        await asyncio.sleep(0)
        assert waiting.done() is joins
        waiting.cancel()

    asyncio.run(work())


def test_what_was_lost_goes_alone_to_one_that_has_nothing_else() -> None:
    async def work() -> None:
        left = shards([6], 3)
        assert names(await left.take("a")) == ["0/q0", "0/q1", "0/q2"]
        lost = left.lost("a", lambda task: task.question.id == "q1")
        assert [(task.question.id, times) for task, times in lost] == [("q0", 1), ("q2", 1)]
        suspect = await left.take("b")
        assert names(suspect) == ["0/q0"]
        more = asyncio.create_task(left.take("b"))
        await asyncio.sleep(0)
        assert not more.done()
        left.done("b", suspect.number, 0.0, 0.1)
        assert names(await more) == ["0/q2"]
        assert names(await left.take("c")) == ["0/q3", "0/q4", "0/q5"]
        assert [(task.question.id, times) for task, times in left.lost("b", never_done)] == [("q2", 2)]
        assert [(task.question.id, times) for task, times in left.lost("c", never_done)] == [
            ("q3", 1), ("q4", 1), ("q5", 1),
        ]  # fmt: skip
        assert [names(await left.take(name)) for name in "defg"] == [["0/q2"], ["0/q3"], ["0/q4"], ["0/q5"]]

    asyncio.run(work())


def test_one_who_waits_gets_what_another_lost() -> None:
    async def work() -> None:
        left = shards([1], 1)
        await left.take("a")
        waiting = asyncio.create_task(left.take("b"))
        await asyncio.sleep(0)
        assert not waiting.done()
        left.lost("a", never_done)
        assert names(await waiting) == ["0/q0"]

    asyncio.run(work())


def test_finished_when_nothing_waits_and_nobody_has_anything() -> None:
    async def work() -> None:
        left = shards([2], 1)
        first, second = await left.take("a"), await left.take("b")
        left.done("a", first.number, 0.0, 0.1)
        assert not left.finished.is_set()
        left.lost("b", lambda task: task in second.tasks)
        assert left.finished.is_set()

    asyncio.run(work())
