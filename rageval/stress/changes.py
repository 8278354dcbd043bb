"""Other words for a question: each change takes a text and gives one, the same for the same seed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from rageval.extras import need_package
from rageval.identity import fingerprint
from rageval.stress.attacks import Change, Table
from rageval.text import CJK
from rageval.types import Json

TYPO_EVERY = 6
"""One typing error for so many words, and at least one; in Chinese for so many characters."""
_WORD = re.compile(r"[A-Za-z]{4,}")
_HAN = re.compile(f"[{CJK}]")
_LATIN_WORD = re.compile(r"[A-Za-z]+")


def draws(*names: Json) -> np.random.Generator:
    """The generator of these names: equal names, equal draws, on every platform."""
    return np.random.default_rng(int(fingerprint([*names])[:16], 16))


def check_change(change: Change | None) -> None:
    """Raises MissingExtraError where the change needs a package that is not installed."""
    if change == "traditional":
        need_package("opencc", "chinese", "the attack traditional")


def changed(text: str, change: Change, table: Table, rng: np.random.Generator) -> str:
    """The text after the change; the text itself where the change finds nothing to do.

    `misspell` makes a typing error in one of six words of four letters or more, never in the first letter, or puts a
    character of the table in the place of one of six Chinese ones. `words` replaces every word of the table.
    `paraphrase` and `ask again` are for a model and change nothing here.
    """
    match change:
        case "misspell":
            return _misspelt(text, table, rng)
        case "words":
            return _replaced(text, table, rng)
        case "lower case":
            return text.lower()
        case "upper case":
            return text.upper()
        case "full width":
            return "".join(_wide(character) for character in text)
        case "traditional":
            check_change(change)
            converter: Any = import_module("opencc").OpenCC("s2t")
            return str(converter.convert(text))
        case "paraphrase" | "ask again":
            return text


def _misspelt(text: str, table: Table, rng: np.random.Generator) -> str:
    places = [(found.start(), found.end()) for found in _WORD.finditer(text) if not table.keys().isdisjoint(found[0])]
    of_characters = [(found.start(), found.end()) for found in _HAN.finditer(text) if found[0] in table]
    places += of_characters
    if not places:
        return text
    sizes = max(len(_LATIN_WORD.findall(text)), 1) if not of_characters else len(_HAN.findall(text))
    wanted = min(len(places), max(1, sizes // TYPO_EVERY))
    chosen: list[int] = rng.choice(len(places), wanted, replace=False).tolist()
    for start, end in (places[number] for number in sorted(chosen, reverse=True)):
        word = text[start:end]
        text = text[:start] + (_other(word, table, rng) if len(word) == 1 else _typo(word, table, rng)) + text[end:]
    return text


def _typo(word: str, table: Table, rng: np.random.Generator) -> str:
    """A neighbouring key, a dropped or a doubled letter, or two swapped ones, behind the first letter."""
    place = int(rng.integers(1, len(word) - 1))
    letter, following = word[place], word[place + 1]
    kind = int(rng.integers(4))
    if kind == 0 and letter in table:
        return word[:place] + _other(letter, table, rng) + word[place + 1 :]
    if kind == 1:
        return word[:place] + letter + word[place:]
    if kind == 2 and letter != following:
        return word[:place] + following + letter + word[place + 2 :]
    return word[:place] + word[place + 1 :]


def _replaced(text: str, table: Table, rng: np.random.Generator) -> str:
    """Longer words first; Latin ones as whole words, with capitals where there were some."""
    latin = {word: others for word, others in table.items() if word.isascii()}
    rest = [re.escape(word) for word in sorted(table, key=len, reverse=True) if word not in latin]

    def other(found: re.Match[str]) -> str:
        word = found[0]
        known: Mapping[str, tuple[str, ...]] = latin
        if word.lower() not in known:
            return word
        new = _other(word.lower(), table, rng)
        return new.upper() if word.isupper() else new.capitalize() if word[0].isupper() else new

    text = _LATIN_WORD.sub(other, text)
    return re.sub("|".join(rest), lambda found: _other(found[0], table, rng), text) if rest else text


def _other(word: str, table: Table, rng: np.random.Generator) -> str:
    others = table[word]
    return others[int(rng.integers(len(others)))]


def _wide(character: str) -> str:
    return chr(ord(character) + 0xFEE0) if "!" <= character <= "~" else character
