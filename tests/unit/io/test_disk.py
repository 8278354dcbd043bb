"""Locks between threads, tasks and processes."""

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rageval.io.disk import lock_file, locked, locked_patiently

HOLDER = """
import sys
from pathlib import Path
from rageval.io.disk import locked

with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def is_free(path: Path) -> bool:
    """Whether the lock beside `path` can be had at once."""
    lock = lock_file(path.with_name(f"{path.name}.lock"))
    try:
        with lock.acquire(blocking=False):
            return True
    except TimeoutError:
        return False


def test_a_lock_ends_with_the_process_that_held_it(tmp_path: Path) -> None:
    path = tmp_path / "shared"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert not is_free(path)
        holder.kill()
        holder.wait()
        with locked(path):
            assert not is_free(path)
    assert is_free(path)


def test_threads_wait_for_each_other(tmp_path: Path) -> None:
    counts: list[int] = []

    def work() -> None:
        with locked(tmp_path / "shared"):
            counts.append(len(counts) + 1)
            counts.append(len(counts) - 1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [number for first in range(0, 16, 2) for number in (first + 1, first)]


def test_a_task_that_waits_lets_the_others_go_on(tmp_path: Path) -> None:
    path, order = tmp_path / "shared", list[str]()

    async def first() -> None:
        async with locked_patiently(path):
            order.append("first")
            await asyncio.sleep(0.05)
            order.append("first goes on")

    async def second() -> None:
        async with locked_patiently(path):
            order.append("second")

    async def both() -> None:
        await asyncio.gather(first(), second())

    asyncio.run(both())
    assert order == ["first", "first goes on", "second"]
    assert is_free(path)


def test_a_thread_does_not_wait_for_itself(tmp_path: Path) -> None:
    with locked(tmp_path / "shared"), pytest.raises(RuntimeError, match="Deadlock"), locked(tmp_path / "shared"):
        pass
