"""PDF, through pypdf."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Sequence
from importlib import import_module
from typing import Any, cast

from rageval.corpus.readers.reading import EXTRA, Part, Read, RefusedFile, dated, find_date, tidy_line
from rageval.extras import install_command, need_package
from rageval.models.recognise import EXTRA_OCR, Recognised, can_recognise, recognise, recognised_note
from rageval.text.tidy import tidy
from rageval.types import Json

BETWEEN_PAGES = "\n\n"
_FILE_NAME = re.compile(r"(?i)\.\w{2,5}$|^(?:untitled|microsoft word)\b")
_PDF_DATE = re.compile(r"D:(\d{4})(\d\d)(\d\d)")


def read_pdf(raw: bytes) -> Read:
    """The text of all pages. `pages` in the metadata has the offset at which each page begins in it, those without text
    included. The title is that of the file's properties, unless that is a file's name. On pages without text that of
    their pictures is recognised where the extra for it is installed; `recognised` lists the pages where there was some.

    Raises `RefusedFile` for an encrypted file, and for one without any text (a scan).
    """
    need_package("pypdf", EXTRA, "reading PDF")
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = cast("Any", import_module("pypdf")).PdfReader(io.BytesIO(raw))
        if reader.is_encrypted:
            raise RefusedFile("encrypted: save a copy without a password")
        pages = [tidy(page.extract_text()) for page in reader.pages]
        scans = {n: _scan(reader.pages[n]) for n, text in enumerate(pages) if not text} if can_recognise() else {}
        title, date = _properties(reader.metadata)
    except RefusedFile:
        raise
    except Exception as error:  # noqa: BLE001 (pypdf raises what it meets in a damaged file)
        raise RefusedFile(f"a damaged PDF file ({type(error).__name__}: {error})") from None
    found = {number: scan for number, scan in scans.items() if scan.text}
    pages = [found[number].text if number in found else page for number, page in enumerate(pages)]
    empty = [number for number, page in enumerate(pages, start=1) if not page]
    if len(empty) == len(pages):
        remedy = "" if can_recognise() else f": recognise its text, by {install_command(EXTRA_OCR)}"
        raise RefusedFile(f"no text on its {len(pages)} pages (a scan?){remedy}")
    notes = [f"no text on pages {', '.join(map(str, empty))}"] if empty else []
    text, starts = join_pages(pages)
    metadata: dict[str, Json] = {"pages": [*starts], **dated(date)}
    if found:
        metadata["recognised"] = [number + 1 for number in found]
        notes.append(recognised_note([*found.values()]))
    return Read((Part(text, title, metadata=metadata),), notes=tuple(notes))


def _scan(page: Any) -> Recognised:
    """The text of the page's pictures, one under the other, as the page is turned."""
    turned = (picture.image.convert("RGB").rotate(-page.rotation, expand=True) for picture in page.images)
    read = [one for one in map(recognise, turned) if one.text]
    if not read:
        return Recognised("", 0.0)
    return Recognised("\n".join(one.text for one in read), sum(one.confidence for one in read) / len(read))


def join_pages(pages: Sequence[str]) -> tuple[str, list[int]]:
    """The pages as one text, and where each begins; one without text begins where the next one does."""
    text = ""
    starts: list[int] = []
    for page in pages:
        starts.append(len(text) + (len(BETWEEN_PAGES) if text else 0))
        if page:
            text += (BETWEEN_PAGES if text else "") + page
    return text, [min(start, len(text)) for start in starts]


def _properties(metadata: Any) -> tuple[str, str]:
    """Title and date of the file's properties."""
    if metadata is None:
        return "", ""
    title = tidy_line(str(metadata.get("/Title") or ""))
    found = next(
        filter(None, (_PDF_DATE.search(str(metadata.get(key))) for key in ("/ModDate", "/CreationDate"))), None
    )
    return "" if _FILE_NAME.search(title) else title, find_date("-".join(found.groups())) if found else ""
