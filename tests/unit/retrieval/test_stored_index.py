"""Indexes on disk: whole or not there, checked before they are trusted, made once by however many processes."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rageval.errors import DeclarationError
from rageval.retrieval.stored.stored_index import Arrays, IndexWriter, index_path, stored_index
from rageval.types import Json

KEY: dict[str, Json] = {"kind": "test", "of": "numbers"}
LAYOUT = {"numbers": "<i4", "rows": "<f4", "nothing": "<i8"}

CHILD = """
import asyncio, sys, time
from pathlib import Path
import numpy as np
from rageval.retrieval.stored.stored_index import stored_index

async def write(writer):
    print("writing", flush=True)
    for i in range(200):
        writer.append("numbers", np.array([i]))
        writer.append("rows", np.full((1, 2), i))
        print(i, flush=True)
        time.sleep(float(sys.argv[2]))

layout = {"numbers": "<i4", "rows": "<f4", "nothing": "<i8"}
arrays = asyncio.run(stored_index(Path(sys.argv[1]), {"kind": "test", "of": "numbers"}, layout, write))
print("sum", arrays["numbers"].sum())
"""


def child(folder: Path, pause_s: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, str(folder), str(pause_s)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


class Writes:
    """Writes 0 to 199, and counts how often it was asked to."""

    def __init__(self) -> None:
        self.times = 0

    async def __call__(self, writer: IndexWriter) -> None:
        self.times += 1
        for first in range(0, 200, 50):
            writer.append("numbers", np.arange(first, first + 50))
            writer.append("rows", np.repeat(np.arange(first, first + 50), 2).reshape(50, 2))
        (writer.folder / "helper.npy").write_bytes(b"1234")


def opened(folder: Path, write: Writes, key: dict[str, Json] = KEY) -> Arrays:
    return asyncio.run(stored_index(folder, key, LAYOUT, write))


def check(arrays: Arrays) -> None:
    np.testing.assert_array_equal(arrays["numbers"], np.arange(200))
    np.testing.assert_array_equal(arrays["rows"], np.stack([np.arange(200), np.arange(200)], axis=1))
    assert [(a.dtype.str, a.shape) for a in arrays.values()] == [("<i4", (200,)), ("<f4", (200, 2)), ("<i8", (0,))]


def test_written_once_and_mapped_from_then_on(tmp_path: Path) -> None:
    write = Writes()
    for _ in range(3):
        arrays = opened(tmp_path / "indexes", write)
        check(arrays)
        assert isinstance(arrays["rows"].base, np.memmap)
        assert not arrays["rows"].flags.writeable
    assert write.times == 1
    path = index_path(tmp_path / "indexes", KEY)
    assert sorted(file.name for file in path.iterdir()) == ["meta.json", "nothing.bin", "numbers.bin", "rows.bin"]
    assert json.loads((path / "meta.json").read_text("utf-8"))["key"] == KEY
    assert (path / "numbers.bin").read_bytes() == np.arange(200, dtype="<i4").tobytes()


def test_another_key_is_another_index(tmp_path: Path) -> None:
    write = Writes()
    opened(tmp_path, write)
    opened(tmp_path, write, {**KEY, "of": "others"})
    assert write.times == 2
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 2


def _cut_short(path: Path) -> None:
    (path / "rows.bin").write_bytes((path / "rows.bin").read_bytes()[:-4])


def of_rageval(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Without what asyncio says of tasks that other tests left behind."""
    return [record for record in caplog.records if record.name == "rageval"]


def _flip_a_bit(path: Path) -> None:
    data = bytearray((path / "rows.bin").read_bytes())
    data[777] ^= 1
    (path / "rows.bin").write_bytes(data)


def _of_something_else(path: Path) -> None:
    meta = json.loads((path / "meta.json").read_text("utf-8"))
    (path / "meta.json").write_text(json.dumps({**meta, "key": {"kind": "test", "of": "words"}}), encoding="utf-8")


def _older_format(path: Path) -> None:
    meta = json.loads((path / "meta.json").read_text("utf-8"))
    (path / "meta.json").write_text(json.dumps({**meta, "format": 0}), encoding="utf-8")


def _no_arrays(path: Path) -> None:
    meta = json.loads((path / "meta.json").read_text("utf-8"))
    (path / "meta.json").write_text(json.dumps({**meta, "arrays": {}}), encoding="utf-8")


def _negative_shape(path: Path) -> None:
    meta = json.loads((path / "meta.json").read_text("utf-8"))
    meta["arrays"]["rows"]["shape"] = [-200, -2]
    (path / "meta.json").write_text(json.dumps(meta), encoding="utf-8")


def _a_file_in_its_place(path: Path) -> None:
    for file in path.iterdir():
        file.unlink()
    path.rmdir()
    path.write_text("something", encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (_cut_short, r"corrupt \(rows.bin has 1,596 bytes and not 1,600\)"),
        (_flip_a_bit, r"corrupt \(rows.bin is not what was written\)"),
        (_of_something_else, "something else"),
        (_older_format, "has format 0, expected 1"),
        (_no_arrays, r"corrupt \('numbers'\)"),
        (_negative_shape, "corrupt"),
        (lambda path: (path / "numbers.bin").unlink(), "corrupt .*numbers.bin"),
        (lambda path: (path / "meta.json").unlink(), "corrupt .*meta.json"),
        (lambda path: (path / "meta.json").write_bytes(b"\xff{"), "corrupt"),
        (lambda path: (path / "meta.json").write_text("[1]", encoding="utf-8"), "corrupt"),
        (_a_file_in_its_place, "corrupt"),
    ],
)
def test_what_is_not_what_was_written_is_set_aside_and_made_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, spoil: Callable[[Path], object], why: str
) -> None:
    write = Writes()
    opened(tmp_path, write)
    path = index_path(tmp_path, KEY)
    spoil(path)
    with caplog.at_level(logging.WARNING, "rageval"):
        check(opened(tmp_path, write))
    assert write.times == 2
    (record,) = of_rageval(caplog)
    assert path.name in record.getMessage()
    assert (tmp_path / f"{path.name}.corrupt-1").exists()
    caplog.clear()
    check(opened(tmp_path, write))
    assert (write.times, of_rageval(caplog)) == (2, [])
    assert re.search(why, record.getMessage())


def test_a_failed_write_leaves_nothing_and_is_tried_again(tmp_path: Path) -> None:
    async def fail(writer: IndexWriter) -> None:
        writer.append("numbers", np.arange(3))
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        asyncio.run(stored_index(tmp_path, KEY, LAYOUT, fail))
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []
    check(opened(tmp_path, Writes()))


def test_rows_of_two_shapes_are_refused(tmp_path: Path) -> None:
    async def write(writer: IndexWriter) -> None:
        writer.append("rows", np.zeros((2, 3)))
        writer.append("rows", np.zeros((2, 4)))

    with pytest.raises(ValueError, match=r"shape \(4,\), expected \(3,\)"):
        asyncio.run(stored_index(tmp_path, KEY, LAYOUT, write))


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(DeclarationError, match=r"file.*cannot be written"):
        opened(tmp_path / "file" / "indexes", Writes())


def test_killed_while_writing_it_is_made_afresh(tmp_path: Path) -> None:
    for lines in (1, 40):
        killed = child(tmp_path, 0.01)
        assert killed.stdout is not None
        for _ in range(lines):
            killed.stdout.readline()
        killed.send_signal(signal.SIGKILL)
        killed.communicate(timeout=60)
        assert killed.returncode == -signal.SIGKILL
        assert index_path(tmp_path, KEY).with_name(index_path(tmp_path, KEY).name + ".partial").is_dir()
        assert not index_path(tmp_path, KEY).exists()
    write = Writes()
    check(opened(tmp_path, write))
    assert write.times == 1
    assert not list(tmp_path.glob("*corrupt*")) + list(tmp_path.glob("*.partial"))


def test_of_several_processes_one_writes_and_all_read(tmp_path: Path) -> None:
    children = [child(tmp_path, 0.005) for _ in range(3)]
    outputs: list[str] = []
    for one in children:
        out, errors = one.communicate(timeout=60)
        assert (one.returncode, errors) == (0, "")
        outputs.append(out)
    assert all(out.endswith("sum 19900\n") for out in outputs)
    assert sum("writing" in out for out in outputs) == 1


def test_two_tasks_of_one_loop_do_not_block_each_other(tmp_path: Path) -> None:
    times = 0

    async def write(writer: IndexWriter) -> None:
        nonlocal times
        times += 1
        await asyncio.sleep(0.3)
        await Writes()(writer)

    async def both() -> list[Arrays]:
        return list(await asyncio.gather(*(stored_index(tmp_path, KEY, LAYOUT, write) for _ in range(2))))

    for arrays in asyncio.run(both()):
        check(arrays)
    assert times == 1
