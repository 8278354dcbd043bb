from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rageval.errors import DeclarationError, ExecutionError, ModelError
from rageval.models.base import Vectors
from rageval.models.scripted import HashEmbedder
from rageval.models.vector_cache import CachedEmbedder

WORDS = [f"word{i} 词{i}" for i in range(10)]


class Named(HashEmbedder):
    """A `HashEmbedder` that goes by another name and keeps the size of each batch."""

    def __init__(self, name: str = "named", dim: int = 8) -> None:
        super().__init__(dim)
        self.name = name
        self.batches: list[int] = []

    @property
    def identity(self) -> str:
        return self.name

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        self.batches.append(len(texts))
        await asyncio.sleep(0)
        return await super().embed(texts, kind)


def embed(
    embedder: HashEmbedder,
    folder: Path,
    texts: Sequence[str],
    kind: Literal["query", "passage"] = "passage",
    **options: object,
) -> Vectors:
    async def run() -> Vectors:
        cached = CachedEmbedder(embedder, folder, **options)  # type: ignore[arg-type]
        try:
            return await cached.embed(texts, kind)
        finally:
            await cached.close()

    return asyncio.run(run())


def plain(texts: Sequence[str], dim: int = 8) -> Vectors:
    return asyncio.run(HashEmbedder(dim).embed(texts, "passage"))


def test_each_text_is_embedded_once_in_batches_and_returned_in_order(tmp_path: Path) -> None:
    first, second = Named(), Named()
    texts = [*WORDS, *WORDS[::-1], "new"]
    progress: list[tuple[int, int]] = []
    vectors = embed(first, tmp_path / "v", texts, batch=4, on_progress=lambda *counts: progress.append(counts))
    np.testing.assert_array_equal(vectors, plain(texts))
    assert vectors.dtype == np.float32
    assert first.texts == [*WORDS, "new"]
    assert first.batches == [4, 4, 3]
    assert progress == [(4, 11), (8, 11), (11, 11)]

    progress.clear()
    again = [WORDS[3], "newer", WORDS[0]]
    vectors = embed(second, tmp_path / "v", again, on_progress=lambda *counts: progress.append(counts))
    np.testing.assert_array_equal(vectors, plain(again))
    assert second.texts == ["newer"]
    assert progress == [(3, 3)]


def test_all_cached_asks_nothing_and_reports_nothing(tmp_path: Path) -> None:
    embed(Named(), tmp_path, WORDS)
    silent = Named()
    embed(silent, tmp_path, WORDS, on_progress=lambda *_: pytest.fail("no progress to report"))
    assert silent.texts == []


def test_kind_and_identity_are_part_of_the_key(tmp_path: Path) -> None:
    models = [Named("a/b"), Named("a/b"), Named("a b"), Named("模型")]
    for model, kind in zip(models, ("query", "passage", "query", "query"), strict=True):
        embed(model, tmp_path, ["x"], kind)  # type: ignore[arg-type]
        assert model.texts == ["x"]
    names = sorted(path.name for path in tmp_path.glob("*.f32"))
    assert len(names) == 3
    assert sum(name.startswith("a-b-") for name in names) == 2
    assert {path.stat().st_size for path in tmp_path.glob("*.f32")} == {8 * 4, 2 * 8 * 4}


def test_no_texts(tmp_path: Path) -> None:
    assert embed(Named(), tmp_path, []).shape[0] == 0


def test_another_length_under_the_same_name_is_refused(tmp_path: Path) -> None:
    embed(Named(dim=8), tmp_path, ["x"])
    with pytest.raises(ModelError, match=r"length 9, but those cached have 8.*\.f32"):
        embed(Named(dim=9), tmp_path, ["y"])
    np.testing.assert_array_equal(embed(Named(dim=8), tmp_path, ["x", "y"]), plain(["x", "y"]))


@pytest.mark.parametrize(
    "wrong", [np.zeros((2, 8)), np.zeros(8), np.full((1, 8), np.nan), np.zeros((1, 0))], ids=["n", "1d", "nan", "empty"]
)
def test_wrong_vectors_are_not_kept(tmp_path: Path, wrong: Vectors) -> None:
    class Wrong(Named):
        async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
            return wrong

    with pytest.raises(ExecutionError, match="named returned vectors of shape"):
        embed(Wrong(), tmp_path, ["x"])
    np.testing.assert_array_equal(embed(Named(), tmp_path, ["x"]), plain(["x"]))


def test_texts_in_flight_are_embedded_once(tmp_path: Path) -> None:
    async def run() -> list[Vectors]:
        cached = CachedEmbedder(model, tmp_path, batch=2)
        try:
            return await asyncio.gather(*(cached.embed(WORDS[i : i + 4], "passage") for i in range(6)))
        finally:
            await cached.close()

    model = Named()
    for i, vectors in enumerate(asyncio.run(run())):
        np.testing.assert_array_equal(vectors, plain(WORDS[i : i + 4]))
    assert sorted(model.texts) == sorted(WORDS[:9])


def test_one_callers_failure_is_not_anothers(tmp_path: Path) -> None:
    class Flaky(Named):
        async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
            vectors = await super().embed(texts, kind)
            if len(self.batches) == 1:
                raise ExecutionError("busy")
            return vectors

    async def run() -> list[Vectors | BaseException]:
        cached = CachedEmbedder(Flaky(), tmp_path)
        try:
            return await asyncio.gather(*(cached.embed(["x"], "query") for _ in range(2)), return_exceptions=True)
        finally:
            await cached.close()

    failed, succeeded = asyncio.run(run())
    assert isinstance(failed, ExecutionError)
    np.testing.assert_array_equal(succeeded, plain(["x"]))


def test_a_batch_under_way_is_kept_where_everybody_who_waits_for_it_is_stopped(tmp_path: Path) -> None:
    class Slow(Named):
        async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
            asked.set()
            await asyncio.sleep(0.05)
            return await super().embed(texts, kind)

    async def run() -> None:
        cached = CachedEmbedder(Slow(), tmp_path, batch=2)
        waiting = asyncio.create_task(cached.embed(WORDS[:4], "passage"))
        await asked.wait()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await cached.close()

    asked = asyncio.Event()
    asyncio.run(run())
    model = Named()
    np.testing.assert_array_equal(embed(model, tmp_path, WORDS[:4]), plain(WORDS[:4]))
    assert model.texts == WORDS[2:4]


def test_torn_tail_is_overwritten(tmp_path: Path) -> None:
    embed(Named(), tmp_path, WORDS[:3])
    (vectors,) = tmp_path.glob("*.f32")
    with vectors.open("ab") as file:
        file.write(b"\x7f" * 45)
    np.testing.assert_array_equal(embed(Named(), tmp_path, WORDS), plain(WORDS))
    assert vectors.stat().st_size == len(WORDS) * 8 * 4


def cut_vectors(folder: Path) -> None:
    (vectors,) = folder.glob("*.f32")
    vectors.write_bytes(vectors.read_bytes()[:-1])


def delete_vectors(folder: Path) -> None:
    (vectors,) = folder.glob("*.f32")
    vectors.unlink()


def spoil_index(folder: Path) -> None:
    (index,) = folder.glob("*.sqlite")
    index.write_text("no database " * 1000)


@pytest.mark.parametrize("damage", [cut_vectors, delete_vectors, spoil_index])
def test_damage_is_set_aside_and_rebuilt(
    tmp_path: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    embed(Named(), tmp_path, WORDS)
    damage(tmp_path)
    model = Named()
    with caplog.at_level(logging.WARNING, "rageval"):
        np.testing.assert_array_equal(embed(model, tmp_path, WORDS), plain(WORDS))
    assert model.texts == WORDS
    assert "corrupt-1" in caplog.text
    assert list(tmp_path.glob("*.sqlite.corrupt-1"))
    silent = Named()
    np.testing.assert_array_equal(embed(silent, tmp_path, WORDS), plain(WORDS))
    assert silent.texts == []


def test_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DeclarationError, match="cannot be written"):
        CachedEmbedder(Named(), tmp_path / "file")


def test_an_embedder_without_a_readable_identity_is_refused(tmp_path: Path) -> None:
    class Unnamed(Named):
        @property
        def identity(self) -> str:
            return repr(object())

    with pytest.raises(DeclarationError, match="Unnamed: found '<object object at 0x"):
        CachedEmbedder(Unnamed(), tmp_path)


CHILD = """
import asyncio, os, signal, sys
from pathlib import Path
from rageval.models.scripted import HashEmbedder
from rageval.models.vector_cache import CachedEmbedder

class Deadly(HashEmbedder):
    async def embed(self, texts, kind):
        print(len(texts), flush=True)
        return await super().embed(texts, kind)

async def main(folder, first, last, batch):
    cached = CachedEmbedder(Deadly(8), Path(folder), batch)
    await cached.embed([f"text {i}" for i in range(first, last)], "passage")
    await cached.close()

asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
"""


def child(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_killed_at_any_moment_it_resumes(tmp_path: Path) -> None:
    texts = [f"text {i}" for i in range(4000)]
    asked = 0
    for batches in (1, 7, 13, 22):
        killed = child(tmp_path, 0, 4000, 5)
        assert killed.stdout is not None
        assert killed.stderr is not None
        for _ in range(batches):
            killed.stdout.readline()
        killed.send_signal(signal.SIGKILL)
        asked += batches + len(killed.stdout.readlines())
        killed.wait()
        killed.stdout.close()
        killed.stderr.close()
        assert killed.returncode == -signal.SIGKILL
    model = HashEmbedder(8)
    np.testing.assert_array_equal(embed(model, tmp_path, texts), plain(texts))
    # Each kill costs the batch that was being embedded at most.
    assert 4000 - 5 * asked <= len(model.texts) <= 4000 - 5 * (asked - 4)
    assert not list(tmp_path.glob("*corrupt*"))


def test_several_processes_share_one_folder(tmp_path: Path) -> None:
    children = [child(tmp_path, first, first + 200, 3) for first in (0, 100, 0, 200)]
    for one in children:
        _, errors = one.communicate(timeout=60)
        assert (one.returncode, errors) == (0, "")
    silent = HashEmbedder(8)
    texts = [f"text {i}" for i in range(400)]
    np.testing.assert_array_equal(embed(silent, tmp_path, texts), plain(texts))
    assert silent.texts == []
    (vectors,) = tmp_path.glob("*.f32")
    assert vectors.stat().st_size == 400 * 8 * 4


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    calls=st.lists(st.lists(st.sampled_from([*WORDS, "", "\0", "\ud800"]), max_size=6), max_size=4),
    batch=st.integers(1, 7),
)
def test_cache_changes_no_vector(tmp_path_factory: pytest.TempPathFactory, calls: list[list[str]], batch: int) -> None:
    folder = tmp_path_factory.mktemp("vectors")
    for texts in calls:
        vectors = embed(Named(), folder, texts, batch=batch)
        assert len(vectors) == len(texts)
        if texts:
            np.testing.assert_array_equal(vectors, plain(texts))
