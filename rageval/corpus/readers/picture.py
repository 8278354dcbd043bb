"""Pictures: PNG, JPEG, TIFF, BMP and WebP, by the text that is recognised in them."""

from __future__ import annotations

from rageval.corpus.readers.pdf import join_pages
from rageval.corpus.readers.reading import Part, Read, RefusedFile
from rageval.models.recognise import need_recognition, open_pages, recognise, recognised_note
from rageval.types import Json

PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")


def read_picture(raw: bytes) -> Read:
    """The text of all pages (a TIFF file may have several). `recognised` in the metadata lists the pages with text,
    from 1, and `pages`, where there are several, has the offset at which each begins.

    Raises `RefusedFile` for a damaged picture, and for one without any text.
    """
    need_recognition()
    try:
        pages = [recognise(page) for page in open_pages(raw)]
    except Exception as error:  # noqa: BLE001 (Pillow and rapidocr raise what they meet in a damaged file)
        raise RefusedFile(f"a damaged picture ({type(error).__name__}: {error})") from None
    if not any(page.text for page in pages):
        raise RefusedFile("no text is recognised in it")
    text, starts = join_pages([page.text for page in pages])
    metadata: dict[str, Json] = {"recognised": [number for number, page in enumerate(pages, start=1) if page.text]}
    if len(pages) > 1:
        metadata["pages"] = [*starts]
    return Read((Part(text, metadata=metadata),), notes=(recognised_note(pages),))
