"""How endpoints of embeddings and rankings say in words how many texts they take, and how long ones."""

from __future__ import annotations

import re

_BATCH_TOO_LARGE = re.compile(
    r"batch size|one batch|maximum batch|batch is too|batch too|array|数组|at most \d+ (?:items|inputs|texts|requests)"
    r"|too many inputs|tokens per request|tokens_per_request|entity too large|payload too large|body.{0,20}too large"
    r"|length limit exceeded"
)
_ONE_TEXT = ("too large to process", "tokens per batch size")  # llama.cpp and Qianfan say batch of one text's tokens
_LIMIT = re.compile(
    r"(?:(?:less|larger|more|longer|greater) than|at most|up to|(?:length|size|limit) ?(?:of|is|:|\()|\[1,"
    r"|max(?:imum)?\D{0,40}?|limit\D{0,20}?|不得?超过|<=?)\s*(\d{1,9})(?!\d)"
)
_FEWEST_TOKENS = 16


def is_batch_too_large(told: str) -> bool:
    """Whether the endpoint means the number of texts in the call or all of them together, not one that is too long."""
    lower = told.lower()
    return not any(words in lower for words in _ONE_TEXT) and _BATCH_TOO_LARGE.search(lower) is not None


def named_batch(told: str, n: int) -> int | None:
    """The number of texts a call that the endpoint names as its limit, below `n`; None where it names none."""
    return max((number for number in _limits(told) if 0 < number < n), default=None)


def named_tokens(told: str) -> int | None:
    """The tokens of a text that the endpoint names as its limit; None where it names none."""
    return min((number for number in _limits(told) if number >= _FEWEST_TOKENS), default=None)


def _limits(told: str) -> list[int]:
    return [int(digits) for digits in _LIMIT.findall(told.lower())]
