"""The images that a folder's documents name, on their way into a benchmark folder."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from rageval.benchmark.images import MOST_BYTES
from rageval.io.disk import write_atomically
from rageval.text.images import Image, ImageReference, find_references
from rageval.types import Document


@dataclass(frozen=True, slots=True)
class PlacedImages:
    """Documents that name their images by the paths from the folder's top, and the files behind these paths."""

    documents: tuple[Document, ...]
    files: Mapping[str, Path]

    def copy(self, out: Path) -> int:
        """Copy the files to the same paths in `out`; returns how many were not there yet or are others now."""
        copied = 0
        for name, path in self.files.items():
            raw, there = path.read_bytes(), out / name
            if not there.is_file() or there.read_bytes() != raw:
                there.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(there, raw)
                copied += 1
        return copied


def place_images(documents: Sequence[Document], folder: Path) -> PlacedImages:
    """The documents with references to images that count from the top of `folder`, not from the file of the document
    (its `path` in the metadata). What is no picture within the folder, or none that a benchmark takes, stays as it is.
    """
    files: dict[str, Path] = {}
    return PlacedImages(tuple(_placed(document, folder, files) for document in documents), files)


def _placed(document: Document, folder: Path, files: dict[str, Path]) -> Document:
    place = document.metadata.get("path")
    references = find_references(document.text) if isinstance(place, str) else []
    text, end = "", 0
    for one in references:
        name = _from_top(one, PurePosixPath(str(place)).parent, folder)
        if name is not None:
            files[name] = folder / name
            shown = f"<{name}>" if set(name) & set(" ()") else name
            text += f"{document.text[end : one.start]}![{one.caption}]({shown})"
            end = one.end
    return replace(document, text=text + document.text[end:]) if end else document


def _from_top(reference: ImageReference, beside: PurePosixPath, folder: Path) -> str | None:
    """The path of the picture within the folder; None where there is none."""
    for written in (reference.name, unquote(reference.name)):
        name = posixpath.normpath(str(beside / written))
        path = folder / name
        if name.startswith(("../", "/")) or "\\" in name or "\0" in name or not path.is_file():
            continue
        if not path.resolve().is_relative_to(folder.resolve()) or path.stat().st_size > MOST_BYTES:
            continue
        try:
            Image.of(path.read_bytes())
        except (OSError, ValueError):
            continue
        return name
    return None
