"""The images that documents name: files beside the benchmark, and data URIs. Nothing is fetched."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

from rageval.text.images import Image, ImageReference, find_references
from rageval.types import Document

MOST_BYTES = 10_000_000

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
_DATA = re.compile(r"data:[^,]*;base64,(?P<data>.*)", re.IGNORECASE)
_SHORT = re.compile(r"data:[0-9a-f]{12}")
_DIGITS = 12


def with_images(document: Document, folder: Path) -> Document:
    """The document with the images that its text names: paths are relative to `folder`, and lead nowhere else.

    A data URI gives way to a short name in the text, `![caption](data:3f2a9c1d0b77)`, since its base64 is of no use to
    searches and prompts: offsets into the text count it so. An image that cannot be used (an address, a path that leads
    out of the folder, a missing or too large file, another kind of file) has the reason in its place.
    """
    references = find_references(document.text)
    if not references:
        return document
    images: dict[str, Image | str] = {}
    text, end = "", 0
    for reference in references:
        name, image = _embedded(reference.name) or (reference.name, _in_folder(reference.name, folder))
        images[name] = image
        written = document.text[reference.start : reference.end].replace(reference.name, name)
        text += document.text[end : reference.start] + written
        end = reference.end
    return replace(document, text=text + document.text[end:], images=images)


def unusable_images(documents: Iterable[Document]) -> list[str]:
    """What is wrong with the images that the documents name, a line each."""
    return [
        f"document {document.id!r}: found the image {_shown(reference)!r}, {cause}"
        for document in documents
        for reference in find_references(document.text)
        if isinstance(cause := document.images.get(reference.name, _NOT_LOOKED_UP), str)
    ]


_NOT_LOOKED_UP = "which is not looked up for this kind of benchmark: expected a folder in rageval's own format"


def _shown(reference: ImageReference) -> str:
    return reference.name if len(reference.name) <= 100 else f"{reference.name[:100]}…"


def _embedded(name: str) -> tuple[str, Image | str] | None:
    """The short name of a data URI, and its image; None for another reference."""
    if _SHORT.fullmatch(name):
        return name, "whose bytes are not there: expected the data URI that it stands for"
    if name[:5].lower() != "data:":
        return None
    short = f"data:{hashlib.sha256(name.encode()).hexdigest()[:_DIGITS]}"
    found = _DATA.fullmatch(name)
    if found is None:
        return short, "a data URI without base64: expected data:image/png;base64,… or another kind of picture"
    try:
        raw = base64.b64decode(found["data"], validate=True)
    except (binascii.Error, ValueError):
        return short, "a data URI whose base64 is broken: expected that of a picture"
    return short, _image(raw)


def _in_folder(name: str, folder: Path) -> Image | str:
    if _SCHEME.match(name):
        return "an address: expected a file beside the documents, since nothing is fetched"
    beside = [part for part in (name, unquote(name)) if _stays_within(part, folder)]
    if not beside:
        return "which leads out of the benchmark's folder: expected a file within it"
    path = next((folder / part for part in beside if (folder / part).is_file()), None)
    if path is None:
        return f"and no such file: expected {folder / name}"
    size = path.stat().st_size
    if size > MOST_BYTES:
        return f"a file of {size:,} bytes: expected at most {MOST_BYTES:,}"
    try:
        return _image(path.read_bytes(), path.resolve())
    except OSError as error:
        return f"which cannot be read ({error.strerror}): expected a file that can"


def _stays_within(name: str, folder: Path) -> bool:
    """Whether the path leads to a place within the folder, links followed."""
    if "\\" in name or "\0" in name:
        return False
    root = folder.resolve()
    return (
        not Path(name).is_absolute() and ".." not in Path(name).parts and (root / name).resolve().is_relative_to(root)
    )


def _image(raw: bytes, path: Path | None = None) -> Image | str:
    if len(raw) > MOST_BYTES:
        return f"of {len(raw):,} bytes: expected at most {MOST_BYTES:,}"
    try:
        return Image.of(raw, path)
    except ValueError as error:
        return f"which is {error}: expected one"
