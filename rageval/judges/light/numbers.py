"""The numbers that a text states, as values: digits, English number words, Chinese numerals."""

from __future__ import annotations

import re
import unicodedata

_ENGLISH = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen twenty".split()
    )
} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_SCALES = {"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9}
_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_GROUPS = {"万": 10**4, "亿": 10**8}
_CHINESE = "".join([*_DIGITS, *_UNITS, *_GROUPS])
_NUMBER = re.compile(
    r"(?P<digits>\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    rf"(?P<scale>[ ]?(?:{'|'.join(_SCALES)})\b|[ ]?[千万亿]+)?"
    rf"|(?P<english>\b(?:{'|'.join(_ENGLISH)})(?:-(?:{'|'.join(_ENGLISH)}))?\b)"
    rf"(?P<hundreds>(?: (?:{'|'.join(_SCALES)})\b)*)"
    rf"|(?P<chinese>[{_CHINESE}]{{2,}}|[{_CHINESE}](?=[年月日个位名只条次倍篇种类步层段页件项章座岁米元]))"
)
# Neither is a number by itself: "one of them", 一个.
_VAGUE = frozenset({"one", "一"})


def numbers(text: str) -> frozenset[float]:
    """The values of the numbers in the text: 2310 for "2,310", "2310" and 二千三百一十; 2e6 for "two million".

    The words "one" and 一 alone are no numbers. Signs and units are left out.
    """
    return frozenset(
        value
        for match in _NUMBER.finditer(unicodedata.normalize("NFKC", text).lower())
        if (value := _value(match)) is not None
    )


def _value(match: re.Match[str]) -> float | None:
    if match["digits"]:
        value = float(match["digits"].replace(",", ""))
        for scale in (match["scale"] or "").split():
            value *= _SCALES.get(scale) or _chinese_scale(scale)
        return value
    if match["english"]:
        if match["english"] in _VAGUE and not match["hundreds"]:
            return None
        value = float(sum(_ENGLISH[word] for word in match["english"].split("-")))
        for scale in match["hundreds"].split():
            value *= _SCALES[scale]
        return value
    return None if match["chinese"] in _VAGUE else _chinese_value(match["chinese"])


def _chinese_scale(text: str) -> float:
    value = 1.0
    for character in text:
        value *= _UNITS.get(character) or _GROUPS[character]
    return value


def _chinese_value(text: str) -> float:
    """The value of a numeral; digits without a unit are read one after the other, as in 一六〇二."""
    if not any(character in _UNITS or character in _GROUPS for character in text):
        return float("".join(str(_DIGITS[character]) for character in text))
    total = section = 0.0
    digit: float | None = None
    for character in text:
        if character in _DIGITS:
            digit = float(_DIGITS[character])
        elif character in _UNITS:
            section += (1.0 if digit is None else digit) * _UNITS[character]
            digit = None
        else:
            total = (total + section + (digit or 0.0) or 1.0) * _GROUPS[character]
            section, digit = 0.0, None
    return total + section + (digit or 0.0)
