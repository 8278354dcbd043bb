"""Text that was read in a wrong encoding: U+FFFD, and mojibake that ftfy or a second reading tells."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any, cast

from rageval.corpus.faults import Fault
from rageval.corpus.prose import excerpt
from rageval.corpus.readers.decoding import read_chinese
from rageval.types import Document

_LOST = "\ufffd"
_LOST_TWICE = "锟斤拷"  # U+FFFD in UTF-8, read as GBK
_READ_AS_GBK = re.compile("[锛銆鐨涓鍦鏄浜鎴鍙鏈鍜鐢]")
"""What the first bytes of common Chinese characters and marks in UTF-8 give in GBK; rare in Chinese."""
_HAN = re.compile("[\u3400-\u9fff]")
_FEWEST = 3
_SHARE = 0.08
_SUSPECT = re.compile(r"[^\x00-\x7f]{2}")


def encoding_faults(documents: Sequence[Document]) -> Iterator[Fault]:
    """A fault for each document with a broken text or title."""
    fix = _fixer()
    for document in documents:
        text = f"{document.title}\n{document.text}"
        broken = [line for line in text.split("\n") if _LOST_TWICE in line or _mended_line(line, fix) != line]
        if lost := text.count(_LOST):
            yield Fault("encoding", document.id, f"{lost} characters are lost (U+FFFD)")
        elif broken or _is_read_as_gbk(text):
            yield Fault("encoding", document.id, f"mojibake: {excerpt(broken[0] if broken else text)}")


def mend_encoding(text: str) -> str:
    """The text with its mojibake read again, line by line; what cannot be told stays."""
    fix = _fixer()
    return "\n".join(_mended_line(line, fix) for line in text.split("\n"))


def _fixer() -> Callable[[str], str]:
    return cast("Any", import_module("ftfy")).fix_encoding


def _mended_line(line: str, fix: Callable[[str], str]) -> str:
    if not _SUSPECT.search(line):
        return line
    if _is_read_as_gbk(line):
        try:
            return line.encode("gb18030").decode()
        except UnicodeError:
            return line
    return _read_as_latin(line) or fix(line)


def _read_as_latin(line: str) -> str:
    """Chinese in GB18030 that was read as Latin-1 (`ÎÒÃÇ`), as Chinese; "" where it is none."""
    try:
        return read_chinese(line.encode("latin-1"))
    except UnicodeEncodeError:
        return ""


def _is_read_as_gbk(text: str) -> bool:
    signs = len(_READ_AS_GBK.findall(text))
    return signs >= _FEWEST and signs >= _SHARE * len(_HAN.findall(text))
