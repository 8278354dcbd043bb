"""What a claim and its context look like to the light judge: numbers without a model, in English and Chinese.

Every feature is of a claim (a sentence or several) against a context (passages). None of them reads meaning: they see
which words, numbers and names the context has, and in which order.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from rageval.judges.light.numbers import numbers
from rageval.judges.light.words import CHINESE_OPPOSITES, ENGLISH_OPPOSITES, denials
from rageval.text import CJK, search_words, sentences
from rageval.text.languages import Language

FEATURES = (
    "subsequence", "rare_words", "nearest_rare_words", "bigrams", "missing_numbers", "missing_names", "added_negation",
    "opposites",
)  # fmt: skip
"""The names of the features, in the order of `features`."""
SIGNS = (1, 1, 1, 1, -1, -1, -1, -1)
"""Which way each feature may push the probability: shared words up; what the context lacks or denies down."""

_TOKEN = re.compile(rf"[{CJK}]|[^\W_{CJK}]+")
NAME = re.compile(r"(?<![\w.])[A-Z][\w’'-]*[\w]")
_CHINESE = re.compile(rf"[{CJK}]+")
_CHINESE_WORD = re.compile(rf"[{CJK}]{{2,}}")
_MOST_CACHED = 64
_HALF = 0.5


@dataclass(frozen=True, slots=True)
class Window:
    """One sentence of the context, or two that stand together: its `parts`."""

    text: str
    parts: tuple[str, ...]
    tokens: tuple[str, ...]
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class PreparedContext:
    """A context as the features need it; `idf` is of the words of its sentences, `unseen` that of any other word."""

    text: str
    tokens: tuple[str, ...]
    words: frozenset[str]
    windows: tuple[Window, ...]
    idf: dict[str, float]
    unseen: float
    numbers: frozenset[float]


@lru_cache(_MOST_CACHED)
def prepare(passages: tuple[str, ...], language: Language) -> PreparedContext:
    """The passages of a context, made ready once for all claims that are held against it."""
    parts = [[text[start:end] for start, end in sentences(text)] for text in passages]
    words = {sentence: frozenset(search_words(sentence, language)) for part in parts for sentence in part}
    windows: list[Window] = []
    for part in parts:
        for first, second in zip(part, [*part[1:], ""], strict=False):
            text = f"{first} {second}" if second else first
            both = (first, second) if second else (first,)
            windows.append(Window(text, both, surface_tokens(text), words[first] | words.get(second, frozenset())))
    found = Counter(word for sentence in words.values() for word in sentence)
    text = "\n".join(passages)
    count = len(words)
    return PreparedContext(
        text,
        surface_tokens(text),
        frozenset(found),
        tuple(windows),
        {word: math.log((count + 1.0) / (n + 0.5)) for word, n in found.items()},
        math.log((count + 1.0) / 0.5),
        numbers(text),
    )


def features(claim: str, passages: Sequence[str], language: Language) -> tuple[float, ...]:
    """The features of the claim against the passages, in the order of `FEATURES`, each from 0 to 1.

        subsequence          tokens of the claim in its longest common subsequence with the context / its tokens
        rare_words           words of the claim that the context has / its words, each weighted by its idf
        nearest_rare_words   the same with the two neighbouring sentences of the context that have most of them
        bigrams              pairs of neighbouring tokens that the context has / pairs
        missing_numbers      numbers that the context lacks, 1 - 1/2^n
        missing_names        capitalised names and Chinese words that the context lacks, 1 - 1/2^n
        added_negation       1 where the claim denies more often than those two sentences
        opposites            words whose opposite stands in those two sentences while they do not, 1 - 1/2^n

    A claim without a word or token has 1 where shares are of nothing: nothing in it is unsupported. Without a context,
    shares of a claim are 0. The idf of a word is over the distinct sentences of the context: log((N + 1) / (n + 0.5)).
    """
    context = prepare(tuple(passages), language)
    tokens = surface_tokens(claim)
    words = frozenset(search_words(claim, language))
    nearest = _nearest(words, context)
    pairs = list(pairwise(tokens))
    known = set(pairwise(context.tokens))
    return (
        _share(common_subsequence(tokens, context.tokens), len(tokens)),
        _coverage(words, context.words, context),
        _coverage(words, nearest.words, context),
        _share(sum(pair in known for pair in pairs), len(pairs)),
        _saturated(len(numbers(claim) - context.numbers)),
        _saturated(len(_missing_names(claim, words, context))),
        float(denials(claim) > denials(nearest.text)),
        _saturated(_opposites(claim, tokens, nearest)),
    )


def surface_tokens(text: str) -> tuple[str, ...]:
    """Words in lower case and single Chinese characters, in order, without punctuation."""
    return tuple(_TOKEN.findall(unicodedata.normalize("NFKC", text).lower()))


def common_subsequence(a: Sequence[str], b: Sequence[str]) -> int:
    """The length of the longest common subsequence. Bit-parallel: Hyyrö 2004, "Bit-parallel LCS-length computation
    revisited".
    """
    places: dict[str, int] = {}
    for position, token in enumerate(a):
        places[token] = places.get(token, 0) | 1 << position
    every = (1 << len(a)) - 1
    row = every
    for token in b:
        hits = row & places.get(token, 0)
        row = ((row + hits) | (row - hits)) & every
    return len(a) - row.bit_count()


def _nearest(words: frozenset[str], context: PreparedContext) -> Window:
    """The window with the most of the claim's words by idf; of equal ones, the first."""
    return max(
        context.windows, key=lambda one: math.fsum(context.idf[word] for word in words & one.words), default=_NOTHING
    )


_NOTHING = Window("", (), (), frozenset())


def _coverage(words: frozenset[str], known: frozenset[str], context: PreparedContext) -> float:
    weights = {word: context.idf.get(word, context.unseen) for word in words}
    whole = math.fsum(weights.values())  # exact, so that the order of a set does not matter
    if not whole:
        return 1.0
    characters = set(context.tokens)
    covered = math.fsum(
        w if word in known else w * _HALF * _known_characters(word, characters) for word, w in weights.items()
    )
    return covered / whole


def _known_characters(word: str, characters: set[str]) -> float:
    """The share of a Chinese word's characters that the context has, since words are cut differently in other places;
    0 for any other word.
    """
    return sum(one in characters for one in word) / len(word) if _CHINESE.fullmatch(word) else 0.0


def _missing_names(claim: str, words: frozenset[str], context: PreparedContext) -> set[str]:
    starts = {start for start, _ in sentences(claim)}
    have = set(context.tokens)
    english = {
        match.group().lower()
        for match in NAME.finditer(claim)
        if match.start() not in starts and not have.issuperset(surface_tokens(match.group()))
    }
    chinese = {word for word in words if _CHINESE_WORD.fullmatch(word) and have.isdisjoint(word)}
    return english | chinese


def _opposites(claim: str, tokens: Sequence[str], nearest: Window) -> int:
    have = set(nearest.tokens)
    english = sum(
        token not in have and not have.isdisjoint(ENGLISH_OPPOSITES.get(token, ())) for token in dict.fromkeys(tokens)
    )
    chinese = sum(
        word in claim and word not in nearest.text and any(one in nearest.text and one not in claim for one in others)
        for word, others in CHINESE_OPPOSITES.items()
    )
    return english + chinese


def _saturated(n: int) -> float:
    return 1.0 - 0.5**n


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0
