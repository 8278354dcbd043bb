"""Does an answer say the same again and again? By its words alone, in Chinese by its characters.

Words are those of `token_f1`: without punctuation, case and, in English, articles.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np

from rageval.metrics.definitions import AnswerMetric
from rageval.metrics.verdicts import ABSTAINED, NO_ANSWER
from rageval.text import sentences
from rageval.text.languages import Language
from rageval.text.normal_words import tokens
from rageval.types import Failure, Question, Response, Score, Unscored

N = 4
COPIES = 3
"""Of a unit, back to back, from which on it is a loop: `very, very good` and `had had` are none."""

_DEGENERATE_FROM = 0.5
_WELLECK = "Welleck et al. 2020, arXiv 1908.04319"

_Text: TypeAlias = Callable[[str, Language], float | None]


def repetition(text: str, language: Language) -> float | None:
    """1 - distinct sequences of four words / all of them (seq-rep-4); None for fewer than four words."""
    words = tokens(text, language)
    grams = [tuple(words[i : i + N]) for i in range(len(words) - N + 1)]
    return 1.0 - len(set(grams)) / len(grams) if grams else None


def repeated_sentences(text: str, language: Language) -> float | None:
    """Sentences that the answer has said before, word for word / its sentences; None where there is none."""
    said = [tuple(tokens(text[start:end], language)) for start, end in sentences(text)]
    said = [words for words in said if words]
    return 1.0 - len(set(said)) / len(said) if said else None


def longest_loop(text: str, language: Language) -> float | None:
    """Words in the longest stretch in which a unit of words stands three times or more, back to back / all words; the
    unit may begin once more at the end. None for a text without words.
    """
    words = tokens(text, language)
    if not words:
        return None
    _, ids = np.unique(np.array(words, dtype=object), return_inverse=True)
    longest = 0
    for period in range(1, len(words) // COPIES + 1):
        again = _longest_run(ids[period:] == ids[:-period])
        if again >= (COPIES - 1) * period:
            longest = max(longest, again + period)
    return longest / len(words)


def is_degenerate(text: str, language: Language) -> bool:
    """Whether an answer repeats itself for half of its length or more, in a loop or by sequences of four words."""
    found = (repetition(text, language), longest_loop(text, language))
    return any(share is not None and share >= _DEGENERATE_FROM for share in found)


def _longest_run(same: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int:
    """How many stand in a row at most."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], same.astype(np.int8), [0]))))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _score(share: _Text, missing: str, question: Question, outcome: Response | Failure) -> Score | Unscored:
    if isinstance(outcome, Failure):
        return Score(1.0, failed=True)
    if outcome.abstained:
        return Unscored(ABSTAINED)
    if outcome.answer is None:
        return Unscored(NO_ANSWER)
    found = share(outcome.answer, question.language)
    return Unscored(missing) if found is None else Score(found)


def _metric(share: _Text, missing: str, meaning: str, source: str) -> AnswerMetric:
    return AnswerMetric(share.__name__, meaning, source, formula=partial(_score, share, missing), lower_is_better=True)


METRICS = (
    _metric(
        repetition,
        f"the answer has fewer than {N} words",
        "1 - distinct sequences of four words of the answer (characters in Chinese) / all of them",
        _WELLECK,
    ),
    _metric(
        repeated_sentences,
        "the answer has no sentence",
        "sentences that the answer has said before / all its sentences",
        "rageval",
    ),
    _metric(
        longest_loop,
        "the answer has no words",
        "words in the longest stretch of three or more copies of the same words, back to back / all words",
        "rageval",
    ),
)
