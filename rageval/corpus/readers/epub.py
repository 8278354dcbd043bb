"""EPUB: a zip of XHTML, a document for each chapter."""

from __future__ import annotations

import posixpath
import zipfile
from typing import Any
from urllib.parse import unquote

from rageval.corpus.readers.html import decode_html, need_html, parse_html
from rageval.corpus.readers.reading import EXTRA, Part, Read, RefusedFile, dated, find_date, tidy_line
from rageval.corpus.readers.zip_files import open_zip, parse_xml, read_part
from rageval.extras import need_package
from rageval.types import Json

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_ROOT_FILE = ".//{urn:oasis:names:tc:opendocument:xmlns:container}rootfile"
_OPF = "{http://www.idpf.org/2007/opf}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_REFERENCE = ".//{http://www.w3.org/2001/04/xmlenc#}CipherReference"


def read_epub(raw: bytes) -> Read:
    """The chapters in the book's order, each with the path of its file in the book as its name. Chapters without a text
    (a cover) are noted. Raises `RefusedFile` for an encrypted book.
    """
    need_html()
    need_package("defusedxml", EXTRA, "reading EPUB")
    with open_zip(raw) as archive:
        package = _package_file(archive)
        root = parse_xml(read_part(archive, package), package)
        chapters = _chapters(root, posixpath.dirname(package))
        if locked := {*chapters} & _encrypted(archive):
            raise RefusedFile(f"encrypted ({len(locked)} of {len(chapters)} chapters)")
        book: dict[str, Json] = {"book": tidy_line(root.findtext(f".//{_DC}title") or "")}
        book |= dated(find_date(root.findtext(f".//{_DC}date") or ""))
        parts = [_chapter(archive, name, book) for name in chapters]
    empty = sum(not part.text for part in parts)
    notes = (f"{empty} of {len(parts)} chapters have no text",) if empty else ()
    return Read(tuple(part for part in parts if part.text), notes=notes)


def _package_file(archive: zipfile.ZipFile) -> str:
    found = parse_xml(read_part(archive, _CONTAINER), _CONTAINER).find(_ROOT_FILE)
    path = None if found is None else found.get("full-path")
    if not path:
        raise RefusedFile(f"no root file in {_CONTAINER}")
    return str(path)


def _chapters(root: Any, folder: str) -> list[str]:
    """The paths of the chapters, in the order of the spine, each once."""
    items = {item.get("id"): str(item.get("href")) for item in root.iter(f"{_OPF}item")}
    names = [items[one.get("idref")] for one in root.iter(f"{_OPF}itemref") if one.get("idref") in items]
    return list(dict.fromkeys(posixpath.normpath(posixpath.join(folder, unquote(name))) for name in names))


def _encrypted(archive: zipfile.ZipFile) -> set[str]:
    if _ENCRYPTION not in archive.namelist():
        return set()
    root = parse_xml(read_part(archive, _ENCRYPTION), _ENCRYPTION)
    return {unquote(str(one.get("URI"))) for one in root.iterfind(_REFERENCE)}


def _chapter(archive: zipfile.ZipFile, name: str, book: dict[str, Json]) -> Part:
    part = parse_html(decode_html(read_part(archive, name)))
    return Part(part.text, part.title or str(book["book"]), name, book)
