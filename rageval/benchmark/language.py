"""Telling Chinese from English where a file does not say which it is."""

from __future__ import annotations

import re

from rageval.types import Language

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_LATIN_WORD = re.compile("[A-Za-z\u00c0-\u024f]+")


def detect_language(text: str) -> Language:
    """`zh` where at least half of the text's words are Chinese characters, else `en`.

    Each Chinese character counts as one word and so does each run of Latin letters; digits and punctuation count for
    nothing. So `HyDE 的全称是什么` (6 against 1) is Chinese, and an English sentence that quotes one Chinese name stays
    English. A text with neither, the empty one included, is `en`.
    """
    if text.isascii():
        return "en"
    han = len(_HAN.findall(text))
    return "zh" if han and han >= len(_LATIN_WORD.findall(text)) else "en"
