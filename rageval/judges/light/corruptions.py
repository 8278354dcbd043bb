"""Changes to a text that keep its meaning or break it: what the light judge is trained on.

A change takes a text of one language and returns the changed text, or None where the text gives it nothing to change.
Those of `BREAKING` say something that the source does not; those of `KEEPING` say the same or less.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from types import MappingProxyType
from typing import TypeAlias

from rageval.judges.light.features import NAME
from rageval.judges.light.numbers import numbers
from rageval.judges.light.words import (
    CHINESE_OPPOSITES,
    CHINESE_SYNONYMS,
    ENGLISH_OPPOSITES,
    ENGLISH_SYNONYMS,
    denials,
)
from rageval.text import CJK, search_words, sentences
from rageval.text.languages import Language


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a corpus has to put in the place of something else: its `names` and other `words`, each once, in order."""

    names: tuple[str, ...]
    words: tuple[str, ...]


Change: TypeAlias = Callable[[str, Language, Vocabulary, random.Random], str | None]

_DIGITS = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")
_LATIN = re.compile(r"[A-Za-z][A-Za-z'’-]{3,}")
_FEWEST_LETTERS = 4
_MONTHS = (
    "January February March April May June July August September October November December Monday Tuesday Wednesday "
    "Thursday Friday Saturday Sunday"
).split()
_CHINESE_DIGITS = "一二三四五六七八九"
_CHINESE_NUMERAL = re.compile(f"[{_CHINESE_DIGITS}]")
_AUXILIARY = re.compile(
    r"\b(is|are|was|were|can|could|will|would|should|must|may|has|have|had|does|do|did)\b(?! not\b)"
)
_PLAIN_NOT = re.compile(r"\b(is|are|was|were|can|could|will|would|should|must|may|has|have|had|does|do|did) not\b")
_CHINESE_VERB = re.compile("(?<![不没])(?:是(?!否)|能(?!够?否)|会|可以|需要|要|应该|应)")
_CHINESE_NOT = re.compile("不(?=是|能|会|可以|需要|要|应)")
_CLAUSE = re.compile(r"[,;，；、]\s*")
_FUNCTION_WORDS = re.compile(
    r"\b(?:the|a|an|also|only|just|then|so|thus|very|about|usually|often) |也|都|就|了|还|约|往往|通常"
)
_OPINIONS: Mapping[Language, tuple[str, ...]] = MappingProxyType(
    {
        "en": (
            "I think that is very interesting.", "It is my favourite of them all.", "I really like it, do you?",
            "Most people find this surprising.", "This is by far the best way to do it.",
            "I have never tried it, but I would love to.", "Everybody should know about it.",
        ),
        "zh": (
            "我觉得这很有意思。", "这是我最喜欢的一种。", "我很喜欢，你呢？", "很多人对此感到惊讶。",
            "这无疑是最好的做法。", "我自己没试过，不过很想试试。", "每个人都应该了解它。",
        ),
    }
)  # fmt: skip


def vocabulary(texts: Iterable[str], language: Language) -> Vocabulary:
    """What the texts have to put in the place of something else."""
    names: dict[str, None] = {}
    words: dict[str, None] = {}
    for text in texts:
        for start, end in sentences(text):
            sentence = text[start:end]
            names.update(dict.fromkeys(match.group() for match in NAME.finditer(sentence) if match.start()))
            words.update(dict.fromkeys(_words(sentence, language)))
    return Vocabulary(tuple(names), tuple(word for word in words if word not in names))


def swap_number(text: str, language: Language, vocabulary: Vocabulary, rng: random.Random) -> str | None:
    """Another value for one of the numbers, months or days; of as many digits where it is written in digits."""
    found = [match.span() for match in _DIGITS.finditer(text)]
    found += [match.span() for match in re.finditer(rf"\b(?:{'|'.join(_MONTHS)})\b", text)]
    if language == "zh":
        found += [match.span() for match in _CHINESE_NUMERAL.finditer(text) if _is_number(text, match.start())]
    if not found:
        return None
    start, end = rng.choice(found)
    old = text[start:end]
    return text[:start] + _another_number(old, rng) + text[end:]


def swap_name(text: str, language: Language, vocabulary: Vocabulary, rng: random.Random) -> str | None:
    """A name of the corpus for one of the names."""
    found = [match for match in NAME.finditer(text) if match.start()]
    return _replaced(text, [match.span() for match in found], vocabulary.names, rng)


def swap_word(text: str, language: Language, vocabulary: Vocabulary, rng: random.Random) -> str | None:
    """A word of the corpus for one of the words."""
    return _replaced(text, _places(text, language), vocabulary.words, rng)


def swap_roles(text: str, language: Language, vocabulary: Vocabulary, rng: random.Random) -> str | None:
    """Two names of the text, or two words where it has no two names, each in the place of the other."""
    spans = [match.span() for match in NAME.finditer(text) if match.start()]
    if len({text[slice(*span)] for span in spans}) < 2:
        spans = _places(text, language)
    pairs = [
        (a, b) for a, b in combinations(sorted(set(spans)), 2) if a[1] <= b[0] and text[slice(*a)] != text[slice(*b)]
    ]
    if not pairs:
        return None
    (start, end), (from_, to) = rng.choice(pairs)
    return text[:start] + text[from_:to] + text[end:from_] + text[start:end] + text[to:]


def negate(text: str, language: Language, vocabulary: Vocabulary, rng: random.Random) -> str | None:
    """The opposite statement: a negation taken out where there is one that can be, otherwise put in."""
    there, verb = (_CHINESE_NOT, _CHINESE_VERB) if language == "zh" else (_PLAIN_NOT, _AUXILIARY)
    if match := there.search(text):
        return text[: match.start()] + match.group().replace(" not", "").replace("不", "") + text[match.end() :]
    found = [*verb.finditer(text)]
    if not found or denials(text):
        return None
    match = rng.choice(found)
    denied = f"不{match.group()}" if language == "zh" else f"{match.group()} not"
    return text[: match.start()] + denied + text[match.end() :]


def oppose(text: str, language: Language, vocabulary: Vocabulary, rng: random.Random) -> str | None:
    """A word's opposite in its place."""
    pairs = CHINESE_OPPOSITES if language == "zh" else ENGLISH_OPPOSITES
    edge = "" if language == "zh" else r"\b"
    found = [
        (match.span(), others)
        for word, others in pairs.items()
        if len(word) > 1
        for match in re.finditer(f"{edge}{word}{edge}", text)
    ]
    if not found:
        return None
    (start, end), others = rng.choice(found)
    return text[:start] + rng.choice(others) + text[end:]


def add_opinion(text: str, language: Language, vocabulary: Vocabulary, rng: random.Random) -> str | None:
    """An opinion before or after it."""
    opinion = rng.choice(_OPINIONS["zh" if language == "zh" else "en"])
    return _joined(*((opinion, text) if rng.random() < 0.3 else (text, opinion)), language)


def cut(text: str, language: Language, vocabulary: Vocabulary, rng: random.Random) -> str | None:
    """One or more of its clauses, from the first or to the last."""
    parts = _clauses(text)
    if len(parts) < 2:
        return None
    at = rng.randrange(1, len(parts))
    kept = parts[:at] if rng.random() < 0.5 else parts[at:]
    return _sentence("".join(kept), language)


def reorder(text: str, language: Language, vocabulary: Vocabulary, rng: random.Random) -> str | None:
    """Its clauses in another order."""
    parts = [part.rstrip(" ,;，；、.。") for part in _clauses(text)]
    if len(parts) < 2:
        return None
    at = rng.randrange(1, len(parts))
    between = "，" if language == "zh" else ", "
    return _sentence(between.join([*parts[at:], *parts[:at]]), language)


def shorten(text: str, language: Language, vocabulary: Vocabulary, rng: random.Random) -> str | None:
    """The text without its articles and other small words."""
    short = _FUNCTION_WORDS.sub(lambda match: "" if rng.random() < 0.7 else match.group(), text)
    return short if short != text else None


def reword(text: str, language: Language, vocabulary: Vocabulary, rng: random.Random) -> str | None:
    """Its words replaced by synonyms, as many as are known."""
    pairs = CHINESE_SYNONYMS if language == "zh" else ENGLISH_SYNONYMS
    edge = "" if language == "zh" else r"\b"
    every = "|".join(sorted(pairs, key=len, reverse=True))
    new = re.sub(f"{edge}(?:{every}){edge}", lambda match: rng.choice(pairs[match.group()]), text)
    return new if new != text else None


BREAKING: Mapping[str, Change] = MappingProxyType(
    {
        "number": swap_number, "name": swap_name, "word": swap_word, "roles": swap_roles, "negation": negate,
        "opposite": oppose, "opinion": add_opinion,
    }
)  # fmt: skip
KEEPING: Mapping[str, Change] = MappingProxyType(
    {"cut": cut, "reordered": reorder, "shortened": shorten, "reworded": reword}
)


def join(first: str, second: str, language: Language) -> str:
    """Two sentences as one text."""
    return _joined(first, second, language)


def _words(text: str, language: Language) -> list[str]:
    """The longer words as they stand in the text, so that they can be replaced."""
    if language != "zh":
        return [match.group() for match in _LATIN.finditer(text) if match.start()]
    return [word for word in search_words(text, language) if len(word) > 1 and re.match(f"[{CJK}]", word)]


def _places(text: str, language: Language) -> list[tuple[int, int]]:
    """Where the longer words are, each at its first place."""
    return [(at, at + len(word)) for word in _words(text, language) if (at := text.find(word)) >= 0]


def _replaced(text: str, spans: Sequence[tuple[int, int]], pool: Sequence[str], rng: random.Random) -> str | None:
    if not spans:
        return None
    start, end = rng.choice(spans)
    others = [one for one in pool if one.lower() not in text.lower()]
    return text[:start] + rng.choice(others) + text[end:] if others else None


def _another_number(old: str, rng: random.Random) -> str:
    if old in _MONTHS:
        return rng.choice([one for one in _MONTHS if one != old])
    digits = [place for place, character in enumerate(old) if character.isdigit()]
    if not digits:
        return rng.choice([digit for digit in _CHINESE_DIGITS if digit != old])
    # Not the leading digit of a longer number to 0, and not decimals behind it alone.
    place = rng.choice(digits[: max(1, len(digits) // 2)] if len(digits) > 2 else digits)
    choices = [digit for digit in "123456789" if digit != old[place]]
    return old[:place] + rng.choice(choices) + old[place + 1 :]


def _is_number(text: str, at: int) -> bool:
    """Whether the Chinese digit there is part of a number and not of a word."""
    return bool(numbers(text[max(0, at - 1) : at + 2]))


def _clauses(text: str) -> list[str]:
    """The clauses of the text with the marks that end them; those that are too short stay with the next."""
    parts: list[str] = []
    start = 0
    for match in _CLAUSE.finditer(text):
        if match.end() - start >= _FEWEST_LETTERS * 2:
            parts.append(text[start : match.end()])
            start = match.end()
    if len(text) - start >= _FEWEST_LETTERS * 2 or not parts:
        parts.append(text[start:])
    return parts


def _sentence(text: str, language: Language) -> str:
    return text.strip().rstrip(" ,;，；、.。") + ("。" if language == "zh" else ".")


def _joined(first: str, second: str, language: Language) -> str:
    return first + second if language == "zh" else f"{first} {second}"
