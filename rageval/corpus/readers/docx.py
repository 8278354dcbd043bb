"""DOCX, through mammoth to HTML and from there to Markdown."""

from __future__ import annotations

import io
import zipfile
from importlib import import_module
from typing import Any, cast

from rageval.corpus.readers.html import need_html, to_markdown
from rageval.corpus.readers.plain import split_heading
from rageval.corpus.readers.reading import EXTRA, Part, Read, RefusedFile, dated, find_date, tidy_line
from rageval.corpus.readers.zip_files import open_zip, parse_xml, read_part, refuse_declarations
from rageval.extras import need_package

_STYLES = "p[style-name='Title'] => h1:fresh\np.Title => h1:fresh"
_PROPERTIES = "docProps/core.xml"
_TITLE = "{http://purl.org/dc/elements/1.1/}title"
_DATES = ("{http://purl.org/dc/terms/}modified", "{http://purl.org/dc/terms/}created")


def read_docx(raw: bytes) -> Read:
    """The text with headings, lists and tables; pictures and comments are left out. The title is the heading at the
    top, or else that of the file's properties, whose date it has.
    """
    need_html()
    for package in ("mammoth", "defusedxml"):
        need_package(package, EXTRA, "reading DOCX")
    with open_zip(raw) as archive:
        for name in archive.namelist():
            if "/media/" not in name:
                refuse_declarations(read_part(archive, name), name)
        title, date = _properties(archive)
    heading, text = split_heading(to_markdown(_html(raw)))
    return Read((Part(text, heading or title, metadata=dated(date)),))


def _html(raw: bytes) -> str:
    mammoth = cast("Any", import_module("mammoth"))
    nothing = mammoth.images.img_element(lambda _: {})  # pyright: ignore[reportUnknownLambdaType]
    try:
        return mammoth.convert_to_html(io.BytesIO(raw), style_map=_STYLES, convert_image=nothing).value
    except Exception as error:  # noqa: BLE001 (mammoth raises what its parser meets in a damaged file)
        raise RefusedFile(f"a damaged DOCX file ({type(error).__name__}: {error})") from None


def _properties(archive: zipfile.ZipFile) -> tuple[str, str]:
    """Title and date of the file's properties."""
    if _PROPERTIES not in archive.namelist():
        return "", ""
    root = parse_xml(read_part(archive, _PROPERTIES), _PROPERTIES)
    dates = (find_date(root.findtext(key) or "") for key in _DATES)
    return tidy_line(root.findtext(_TITLE) or ""), next(filter(None, dates), "")
