"""Phrases that a text may be about: runs of words that could be a noun phrase."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Protocol, cast

from rageval.text import CJK

_PIECE = re.compile(rf"(?P<chinese>[{CJK}]+)|(?P<word>[^\W_{CJK}]+(?:[-'’.&][^\W_{CJK}]+)*)|(?P<gap>[^\s])")
_MOST_WORDS = 3
_NOUN_TAGS = ("n", "vn", "an", "j", "eng")
_FUNCTION_WORDS = frozenset(
    "a about above after again against all also although am among an and any are as at be became because become been "
    "before being below between both but by can cannot could did do does doing done down during each either else even "
    "ever every few for from further get gets give given gives go goes had has have having he her here hers herself "
    "him himself his how however i if in into is it its itself just know known later least less let like made main "
    "make makes many may me might more most much must my myself near need never no nor not now of off often on once "
    "one only onto or other others our ours out over own per put rather re said same say says see seen several shall "
    "she should shown since so some such take taken takes than that the their theirs them themselves then there "
    "therefore these they this those though through thus to together too two under until up upon us use used uses "
    "using very via was we well were what when where whether which while who whom whose why will with within without "
    "would yet you your yours yourself".split()
)


class _Tagger(Protocol):
    def tag(self, text: str, hmm: bool = True) -> list[tuple[str, str]]: ...


def phrases(text: str, most: int) -> list[str]:
    """At most `most` different phrases of a text, those first that are frequent and long: by occurrences times words,
    then by their first place.

    English: the last three words of a run without function words, numbers and punctuation, for an English noun phrase
    ends with its noun. Chinese: up to three neighbouring words that jieba tags as nouns, of two characters at least.
    Words of other alphabets are taken as English ones. Spelling is that of the first occurrence.
    """
    counts, spelled = Counter[str](), dict[str, tuple[str, int]]()
    for words, between in _runs(text):
        phrase = between.join(words)
        if len(phrase) > 1:
            counts[phrase.lower()] += 1
            spelled.setdefault(phrase.lower(), (phrase, len(words)))
    weighed = sorted(spelled, key=lambda key: -counts[key] * spelled[key][1])
    return [spelled[key][0] for key in weighed[:most]]


def _runs(text: str) -> Iterator[tuple[list[str], str]]:
    """The words of each candidate, and what stands between them."""
    run: list[str] = []
    for found in _PIECE.finditer(text):
        word = found["word"]
        if word and word.lower() not in _FUNCTION_WORDS and not word[0].isdigit():
            run.append(word)
            continue
        yield run[-_MOST_WORDS:], " "
        run = []
        if found["chinese"]:
            yield from ((words, "") for words in _chinese_runs(found["chinese"]))
    yield run[-_MOST_WORDS:], " "


def _chinese_runs(text: str) -> Iterator[list[str]]:
    import rjieba

    run: list[str] = []
    for word, tag in [*cast(_Tagger, rjieba).tag(text), ("", "")]:
        if tag.startswith(_NOUN_TAGS):
            run.append(word)
        else:
            yield run[-_MOST_WORDS:]
            run = []
