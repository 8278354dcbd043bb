"""From bytes to text: UTF-8, UTF-16 and UTF-32 with a mark, GB18030, and what charset-normalizer knows."""

from __future__ import annotations

import codecs
from importlib import import_module
from typing import Any, cast

from rageval.corpus.readers.reading import EXTRA, RefusedFile
from rageval.extras import need_package
from rageval.text.languages import base_language, detect_language

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ALLOWED = frozenset(b"\t\n\x0b\x0c\r\x1a\x1b")
_MOST_CONTROLS = 0.01
_COMMON_SHARE = 0.95  # of the Chinese characters, that GB2312 has too
_LOOKED_AT = 1 << 20


def decode(raw: bytes) -> str:
    """The text of the bytes. Raises `RefusedFile` for binary content and for an encoding that cannot be told,
    `MissingExtraError` where it takes charset-normalizer to tell.
    """
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return _decoded(raw, encoding)
    refuse_binary(raw)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return read_chinese(raw) or _detected(raw)


def refuse_binary(raw: bytes) -> None:
    """Raises `RefusedFile` for bytes that no text has: NUL, or more than one control character in a hundred."""
    head = raw[:_LOOKED_AT]
    controls = sum(head.count(byte) for byte in range(32) if byte not in _ALLOWED)
    if b"\0" in head or controls > _MOST_CONTROLS * len(head):
        raise RefusedFile("binary content, not text")


def _decoded(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise RefusedFile(f"damaged {encoding} text (byte {error.start})") from None


def read_chinese(raw: bytes) -> str:
    """The text in GB18030 if it is Chinese of common characters; "" otherwise."""
    try:
        text = raw.decode("gb18030")
    except UnicodeDecodeError:
        return ""
    if base_language(detect_language(text)) != "zh":
        return ""
    foreign = [character for character in text if character > "\u3400"]
    common = sum(bool(character.encode("gb2312", "ignore")) for character in foreign)
    return text if common >= _COMMON_SHARE * len(foreign) else ""


def _detected(raw: bytes) -> str:
    need_package("charset_normalizer", EXTRA, "a text that is not UTF-8")
    found = cast("Any", import_module("charset_normalizer")).from_bytes(raw).best()
    if found is None:
        raise RefusedFile("an encoding that cannot be told: save it as UTF-8")
    return str(found)
