"""How embedding endpoints say that a call or a text is too large, in their words."""

from __future__ import annotations

import re

_TEXT_TOO_LONG = (
    "too large to process",
    "input length",
    "context length",
    "context window",
    "context_length",
    "too long",
    "too many tokens",
    "maximum number of tokens",
    "must have less than",
    "tokens_too_long",
    "characters_too_long",
)
_BATCH_TOO_LARGE = re.compile(
    r"batch size|one batch|maximum batch|batch is too|batch too|array|数组|at most \d+ (?:items|inputs|texts|requests)"
    r"|too many inputs|tokens per request|tokens_per_request|entity too large|payload too large|body.{0,20}too large"
    r"|length limit exceeded"
)
_NUMBER = re.compile(r"\d+")
_FEWEST_TOKENS = 16


def is_batch_too_large(told: str) -> bool:
    """Whether the endpoint means the number of texts in the call, or all of them together."""
    lower = told.lower()
    return "too large to process" not in lower and _BATCH_TOO_LARGE.search(lower) is not None


def is_text_too_long(told: str) -> bool:
    """Whether the endpoint means one text."""
    return not is_batch_too_large(told) and any(words in told.lower() for words in _TEXT_TOO_LONG)


def named_batch(told: str, n: int) -> int | None:
    """The number of texts a call that the endpoint names: the largest below `n`."""
    return max((number for number in _numbers(told) if 0 < number < n), default=None)


def named_tokens(told: str) -> int | None:
    """The tokens of a text that the endpoint allows: the smallest number that it names, small ones aside."""
    return min((number for number in _numbers(told) if number >= _FEWEST_TOKENS), default=None)


def _numbers(told: str) -> list[int]:
    return [int(digits) for digits in _NUMBER.findall(told) if len(digits) <= 9]
