"""Zip files that others made (DOCX, EPUB): opened only where they unpack to a size that a document has."""

from __future__ import annotations

import io
import zipfile
from importlib import import_module
from typing import Any, cast

from rageval.corpus.readers.reading import RefusedFile

MOST_BYTES = 300_000_000
MOST_RATIO = 200
MOST_PARTS = 10_000
_SMALL = 2_000_000  # below which no ratio is suspicious

_DECLARATIONS = ("<!DOCTYPE", "<!ENTITY")
_XML_ENCODINGS = ("ascii", "utf-16-le", "utf-16-be")  # in all others that are read, these letters are ASCII
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
    except Exception as error:  # noqa: BLE001 (zipfile raises what it meets in a damaged file)
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
    except Exception as error:  # noqa: BLE001 (zipfile raises what it meets in a damaged file)
        raise RefusedFile(f"a damaged zip file ({name}: {error})") from None


def parse_xml(raw: bytes, name: str) -> Any:
    """The root element. Raises `RefusedFile` for bad XML and for one with entities of its own (an entity bomb)."""
    module, common = (cast("Any", import_module(f"defusedxml.{one}")) for one in ("ElementTree", "common"))
    try:
        return module.fromstring(raw)
    except common.DefusedXmlException:
        raise _entity_bomb(name) from None
    except (module.ParseError, ValueError, LookupError) as error:
        raise RefusedFile(f"bad XML in {name} ({error})") from None


def refuse_declarations(raw: bytes, name: str) -> None:
    """Raises `RefusedFile` for XML with a document type, which no DOCX has and an entity bomb needs."""
    if any(declaration.encode(encoding) in raw for declaration in _DECLARATIONS for encoding in _XML_ENCODINGS):
        raise _entity_bomb(name)


def _entity_bomb(name: str) -> RefusedFile:
    return RefusedFile(f"{name} declares entities or a document type (an entity bomb?)")
