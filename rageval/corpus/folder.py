"""From a folder of files to documents."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from rageval.corpus.readers import READERS
from rageval.corpus.readers.picture import PICTURES
from rageval.corpus.readers.reading import Part, RefusedFile
from rageval.errors import DeclarationError, MissingExtraError
from rageval.models.recognise import can_recognise
from rageval.types import Document, Json

MOST_MB = 50.0
OnFile = Callable[[int, int], None]
"""Gets the number of files done and of all."""

_KEPT_IN_IDS = "".join(chr(code) for code in range(33, 127) if chr(code) not in "%#")


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file, or a row in one, that was not read, by its path in the folder, and why."""

    path: str
    reason: str

    def to_json(self) -> dict[str, Json]:
        return {"path": self.path, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class FolderRead:
    """What a folder holds. `documents` are sorted by the path of their file, `skipped` is what could not be read.

    `files` counts the files of each kind that were read, `notes` are pairs of a path and what to know of the file, and
    `other` counts the files of no known kind by suffix, pictures among them where their text cannot be recognised.
    """

    documents: tuple[Document, ...]
    skipped: tuple[Skipped, ...]
    files: Mapping[str, int]
    notes: tuple[Skipped, ...]
    other: Mapping[str, int]


def read_folder(
    folder: Path, *, most_mb: float = MOST_MB, leave_out: Path | None = None, on_file: OnFile | None = None
) -> FolderRead:
    """Read every file of a known kind (`READERS`) in the folder and below.

    The id of a document is the path of its file in the folder, with `:` and a name behind it where the file has several
    documents. White space and `%` are percent-encoded, so different paths have different ids. A file larger than
    `most_mb` million bytes is skipped, and so is what links lead to outside of the folder. Hidden files and folders
    are not looked at, nor is the folder `leave_out`. Raises `DeclarationError` where there is no such folder.
    """
    if not folder.is_dir():
        raise DeclarationError(f"{folder}: found no such folder, expected a folder with documents")
    root = folder.resolve()
    documents: dict[str, Document] = {}
    skipped: list[Skipped] = []

    def tell(error: OSError) -> None:
        name = Path(error.filename).relative_to(folder).as_posix()
        skipped.append(Skipped(_printable(name), f"cannot be read ({error.strerror})"))

    paths = sorted(_files(folder, leave_out, tell), key=lambda path: path.relative_to(folder).as_posix())
    notes: list[Skipped] = []
    files, other = Counter[str](), Counter[str]()
    pictures = can_recognise()
    for number, path in enumerate(paths):
        if on_file is not None:
            on_file(number, len(paths))
        name = path.relative_to(folder).as_posix()
        suffix = path.suffix.lower()
        if (suffix not in READERS or (suffix in PICTURES and not pictures)) and not path.is_symlink():
            other[suffix or "without a suffix"] += 1
            continue
        try:
            new, more_skipped, more_notes = _read(path, name, root, most_mb, {*documents})
        except (RefusedFile, MissingExtraError) as error:
            skipped.append(Skipped(_printable(name), str(error)))
            continue
        documents |= new
        skipped += more_skipped
        notes += more_notes
        files[READERS[suffix][0]] += bool(new)
    if on_file is not None:
        on_file(len(paths), len(paths))
    return FolderRead((*documents.values(),), tuple(skipped), +files, tuple(notes), dict(sorted(other.items())))


def _files(folder: Path, leave_out: Path | None, on_error: Callable[[OSError], None]) -> Iterator[Path]:
    """All that is no folder, and links to folders; not what is hidden."""
    left_out = None if leave_out is None else leave_out.resolve()
    for here, folders, names in os.walk(folder, onerror=on_error):
        links = [name for name in folders if (Path(here) / name).is_symlink()]
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and name not in links and (Path(here) / name).resolve() != left_out
        ]
        yield from (Path(here) / name for name in [*names, *links] if not name.startswith("."))


def _read(
    path: Path, name: str, root: Path, most_mb: float, taken: set[str]
) -> tuple[dict[str, Document], list[Skipped], list[Skipped]]:
    if _printable(name) != name:
        raise RefusedFile("a name that is not UTF-8: rename it")
    raw = _bytes(path, root, most_mb)
    read = READERS[path.suffix.lower()][1](raw)
    skipped = [Skipped(name, reason) for reason in read.refused]
    new: dict[str, Document] = {}
    for part in read.parts:
        document = _document(part, name)
        if not document.text.strip():
            skipped.append(Skipped(name, "no text in it"))
        elif document.id in taken or document.id in new:
            skipped.append(Skipped(name, f"another document has the id {document.id!r}: rename the file"))
        else:
            new[document.id] = document
    if not read.parts and not skipped:
        skipped.append(Skipped(name, "no text in it"))
    return new, skipped, [Skipped(name, note) for note in read.notes]


def _printable(name: str) -> str:
    """The name, with `?` for bytes that are no UTF-8."""
    return name.encode(errors="replace").decode()


def _bytes(path: Path, root: Path, most_mb: float) -> bytes:
    """The content of a file. Raises `RefusedFile` where it may not or cannot be read."""
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(root):
            raise RefusedFile("a link out of the folder")
        if real.is_dir():
            raise RefusedFile("a link to a folder: its files are read where they are")
        if not real.is_file():
            raise RefusedFile("no regular file")
        if path.suffix.lower() not in READERS:
            raise RefusedFile("a link to a file of another kind")
        size = real.stat().st_size
        if size > most_mb * 1e6:
            raise RefusedFile(f"{size / 1e6:,.1f} MB, expected at most {most_mb:g} (--most-mb)")
        return real.read_bytes()
    except (OSError, RuntimeError) as error:  # a loop of links is a RuntimeError
        raise RefusedFile(f"cannot be read ({getattr(error, 'strerror', None) or error})") from None


def _document(part: Part, name: str) -> Document:
    title = part.title or PurePosixPath(name).stem
    whole = f"{name}:{part.name}" if part.name else name
    return Document(to_id(whole), part.text, title, metadata={"path": name, **part.metadata})


def to_id(name: str) -> str:
    """The name without white space, and different for different names: white space, `%`, `#` and control characters are
    percent-encoded; all other characters stay.
    """
    return "".join(
        one if one in _KEPT_IN_IDS or (ord(one) > 160 and one.isprintable()) else quote(one, safe="", errors="replace")
        for one in name
    )
