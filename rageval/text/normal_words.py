"""Words of a text after normalisation, by which answers are compared; `rageval.metrics.overlap` says how."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter

from rageval.text import CJK, UNSPACED
from rageval.text.languages import Language, base_language

_ASCII_MARKS = frozenset(string.punctuation)
_ARTICLES = frozenset({"a", "an", "the"})
_NUMBER_MARK = re.compile(r"(?<=\d)(?:,(?=\d{3}(?!\d))|\.(?=\d))")
_TOKEN = re.compile(rf"[{CJK}]|[^\s{CJK}]+")
_UNSPACED_TOKEN = re.compile(rf"[{CJK}{UNSPACED}]|[^\s{CJK}{UNSPACED}]+")


def token_f1(prediction: str, reference: str, language: Language) -> float:
    """2 x shared tokens / all tokens of both, each token as often as it stands; 0 where none is shared.

    Tokens are normalised words, and single characters of Chinese in either language, as of Japanese, Korean and Thai
    in any other (CMRC 2018's segmentation; its own
    F1 counts the longest common substring instead). Source: Rajpurkar et al. 2016, arXiv 1606.05250.
    """
    predicted, expected = Counter(tokens(prediction, language)), Counter(tokens(reference, language))
    shared = (predicted & expected).total()
    return 2 * shared / (predicted.total() + expected.total()) if shared else 0.0


def tokens(text: str, language: Language) -> list[str]:
    """The words of a text after normalisation; a Chinese character counts as one."""
    token = _TOKEN if base_language(language) in ("en", "zh") else _UNSPACED_TOKEN
    return token.findall(" ".join(normal_words(text, language)))


def normal_words(text: str, language: Language, gap: str = "") -> list[str]:
    """What stands between white space once `gap` is in the place of punctuation; in English without articles.

    Full-width marks always part words, because no space follows them. Articles stay where there is nothing else: the
    answer to a question may be A.
    """
    numbers_whole = _NUMBER_MARK.sub("", text)
    parted = "".join(" " if _is_wide_mark(character) else character for character in numbers_whole)
    plain = unicodedata.normalize("NFKC", parted).lower()
    words = "".join(gap if _is_mark(character) else character for character in plain).split()
    if base_language(language) != "en":
        return words
    return [word for word in words if word not in _ARTICLES] or words


def _is_mark(character: str) -> bool:
    return character in _ASCII_MARKS or unicodedata.category(character).startswith("P")


def _is_wide_mark(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF" and all(
        map(_is_mark, unicodedata.normalize("NFKC", character))
    )
