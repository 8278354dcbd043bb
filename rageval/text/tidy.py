"""Text as it comes out of files, without what only the file needed."""

from __future__ import annotations

import re
import unicodedata

_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff\ufffe\uffff]")
_BREAK = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_HALF_A_PAIR = re.compile("[\ud800-\udfff]")
_END_OF_LINE = re.compile(r"[ \t]+$", flags=re.MULTILINE)
_BLANK_LINES = re.compile(r"\n{3,}")
_BLANK_BEGINNING = re.compile(r"\A(?:[ \t]*\n)+")


def tidy(text: str) -> str:
    """The text in NFC, with line ends as line feeds, without control characters, white space at line ends, and more
    than one blank line in a row. Half a surrogate pair becomes U+FFFD.
    """
    text = _CONTROL.sub("", _BREAK.sub("\n", text))
    text = unicodedata.normalize("NFC", _HALF_A_PAIR.sub("\ufffd", text))
    text = _BLANK_LINES.sub("\n\n", _END_OF_LINE.sub("", text))
    return _BLANK_BEGINNING.sub("", text).rstrip()
