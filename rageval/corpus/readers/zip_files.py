"""Zip files that others made (DOCX, EPUB): opened only where they unpack to a size that a document has."""

from __future__ import annotations

import io
import zipfile
import zlib
from importlib import import_module
from typing import Any, cast
from xml.sax.handler import ContentHandler

from rageval.corpus.readers.reading import RefusedFile

MOST_BYTES = 300_000_000
MOST_RATIO = 200
MOST_PARTS = 10_000
_SMALL = 2_000_000  # below which no ratio is suspicious

_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def open_zip(raw: bytes) -> zipfile.ZipFile:
    """The zip file. Raises `RefusedFile` where it is damaged or encrypted, or a zip bomb: it has more than `MOST_PARTS`
    parts, or would unpack to more than `MOST_BYTES` bytes or `MOST_RATIO` times its size.

    The sizes are those that it declares; Python reads no more of a part than that.
    """
    if raw.startswith(_OLD_OFFICE):
        raise RefusedFile("encrypted, or a file of an old Office: save it again, without a password")
    try:
        archive = zipfile.ZipFile(io.BytesIO(raw))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise RefusedFile(f"a damaged zip file ({error})") from None
    parts = archive.infolist()
    size = sum(part.file_size for part in parts)
    if len(parts) > MOST_PARTS:
        raise RefusedFile(f"a zip bomb: {len(parts):,} parts, expected at most {MOST_PARTS:,}")
    if size > MOST_BYTES:
        raise RefusedFile(f"a zip bomb: it unpacks to {size:,} bytes, expected at most {MOST_BYTES:,}")
    if size > _SMALL and size > MOST_RATIO * len(raw):
        raise RefusedFile(f"a zip bomb: it unpacks to {size // len(raw):,} times its size, expected {MOST_RATIO}")
    if any(part.flag_bits & 1 for part in parts):
        raise RefusedFile("encrypted")
    return archive


def read_part(archive: zipfile.ZipFile, name: str) -> bytes:
    """The bytes of a part. Raises `RefusedFile` where it is not there or damaged."""
    try:
        return archive.read(name)
    except KeyError:
        raise RefusedFile(f"no {name} in it") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise RefusedFile(f"a damaged zip file ({name}: {error})") from None


def parse_xml(raw: bytes, name: str) -> Any:
    """The root element. Raises `RefusedFile` for bad XML and for one with entities of its own (an entity bomb)."""
    module = cast("Any", import_module("defusedxml.ElementTree"))
    with _Refusing(name):
        return module.fromstring(raw)


def refuse_declarations(raw: bytes, name: str) -> None:
    """Raises `RefusedFile` for XML with a document type, which no DOCX has and an entity bomb needs."""
    with _Refusing(name):
        cast("Any", import_module("defusedxml.sax")).parseString(raw, ContentHandler(), forbid_dtd=True)


class _Refusing:
    """Turns what defusedxml raises within the block into `RefusedFile`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        common = cast("Any", import_module("defusedxml.common"))
        if isinstance(error, common.DefusedXmlException):
            raise RefusedFile(f"{self._name} declares entities or a document type (an entity bomb?)") from None
        if isinstance(error, Exception):
            raise RefusedFile(f"bad XML in {self._name} ({error})") from None
