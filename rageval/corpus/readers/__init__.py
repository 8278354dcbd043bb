"""Readers of files: from the bytes of one file to the documents in it. Each kind of file has a row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from rageval.corpus.readers.docx import read_docx
from rageval.corpus.readers.epub import read_epub
from rageval.corpus.readers.html import read_html
from rageval.corpus.readers.pdf import read_pdf
from rageval.corpus.readers.picture import PICTURES, read_picture
from rageval.corpus.readers.plain import read_markdown, read_text
from rageval.corpus.readers.reading import Read
from rageval.corpus.readers.tables import read_csv, read_jsonl

READERS: Mapping[str, tuple[str, Callable[[bytes], Read]]] = MappingProxyType(
    {
        ".md": ("Markdown", read_markdown),
        ".markdown": ("Markdown", read_markdown),
        ".txt": ("plain text", read_text),
        ".csv": ("CSV", read_csv),
        ".jsonl": ("JSONL", read_jsonl),
        ".html": ("HTML", read_html),
        ".htm": ("HTML", read_html),
        ".xhtml": ("HTML", read_html),
        ".pdf": ("PDF", read_pdf),
        ".docx": ("DOCX", read_docx),
        ".epub": ("EPUB", read_epub),
        **dict.fromkeys(PICTURES, ("picture", read_picture)),
    }
)
"""By the suffix in lower case: the name of the kind, and its reader. A reader raises `RefusedFile` with the reason, and
`MissingExtraError` where its package is not installed.
"""
