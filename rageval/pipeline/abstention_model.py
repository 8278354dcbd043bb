"""How likely is it that an answer abstains, by its words alone?

A linear model over n-grams, in English (words) and Chinese (characters); those of a text are a vector of length 1.
`benchmarks/abstention/train.py` fits it on answers that were written for it and writes `abstention_weights.json`.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, cast

LONGEST_NGRAM = 4
_SHORT = 4  # words or characters, with the full stop
_READ = 600  # characters: what comes later in a long answer says little
_NUMBER = re.compile(r"\d+")
_WORD = re.compile(r"[a-z0']+|[^\sa-z0']")
_BLANK = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class _Weights:
    bias: float
    of: Mapping[str, float]


def abstention_probability(text: str, language: str) -> float:
    """The probability that this answer says no more than that it cannot answer, among answers of which half do so.

    `text` is in lower case and without markup. `language` is `en` or `zh`. Of a text of up to three words or characters
    it is at most one half: a name tells too little.
    """
    weights = _weights()[language]
    units = _units(text, language)
    found = _runs(units, language)
    logit = weights.bias + math.fsum(weights.of.get(ngram, 0.0) for ngram in found) / math.sqrt(max(1, len(found)))
    probability = 1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, logit))))
    return probability if len(units) > _SHORT else min(probability, 0.5)


def ngrams(text: str, language: str) -> set[str]:
    """The runs of one to four words (`en`) or characters (`zh`) at the beginning of a text; numbers are alike."""
    return _runs(_units(text, language), language)


def _runs(units: Sequence[str], language: str) -> set[str]:
    between = " " if language == "en" else ""
    return {
        between.join(units[start : start + length])
        for length in range(1, LONGEST_NGRAM + 1)
        for start in range(len(units) - length + 1)
    }


def _units(text: str, language: str) -> list[str]:
    read = _NUMBER.sub("0", text[:_READ])
    return _WORD.findall(read) if language == "en" else list(_BLANK.sub(" ", read))


def weights_digest() -> str:
    """SHA-256 of the weights."""
    return hashlib.sha256(_raw()).hexdigest()


def _raw() -> bytes:
    return (resources.files(__package__ or "rageval.pipeline") / "abstention_weights.json").read_bytes()


@cache
def _weights() -> dict[str, _Weights]:
    data = cast("dict[str, dict[str, Any]]", json.loads(_raw()))
    return {language: _Weights(one["bias"], one["ngrams"]) for language, one in data.items()}
