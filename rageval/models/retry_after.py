"""How long an endpoint asks us to wait, and how long to wait where it does not say."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_FIRST_S, _LONGEST_S = 0.5, 8.0
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|d|h|m|s)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NUMBER = re.compile(r"\d+(\.\d+)?")
_IN_TEXT = re.compile(r"(?:try again|retry) (?:in|after) ((?:\d+(?:\.\d+)?(?:ms|d|h|m|s))+)\b", re.IGNORECASE)
# A number from here on is a point in time, not a span: Unix seconds (2001), or milliseconds.
_EPOCH_S, _EPOCH_MS = 1e9, 1e12
# How services call what is left and when it is there again, by kind of limit.
_LEFT_AND_RESET = (
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("ratelimitbysize-remaining", "ratelimitbysize-reset"),
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
    ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
)


def back_off(attempt: int) -> float:
    """Seconds before the attempt after `attempt` (from 0) failed ones: doubled each time up to 8, less up to a half."""
    return min(_FIRST_S * 2.0**attempt, _LONGEST_S) * random.uniform(0.5, 1.0)  # noqa: S311


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from `Retry-After` (seconds or an HTTP date, RFC 9110) or `retry-after-ms`; None without either."""
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000.0)
    except ValueError:
        return None
    value = headers.get("Retry-After")
    return None if value is None else wait_until(value)


def until_reset(headers: Mapping[str, str]) -> float:
    """Seconds until requests or tokens are there again, where the endpoint says that none are left; else 0.

    None are left where a header such as `x-ratelimit-remaining-requests` is 0 or below; the reset beside it is in any
    form that `wait_until` reads.
    """
    waits = [
        wait_until(headers.get(reset, "")) or 0.0 for left, reset in _LEFT_AND_RESET if _is_used_up(headers.get(left))
    ]
    return max(waits, default=0.0)


def wait_until(text: str) -> float | None:
    """Seconds until then, 0 for what has passed; None where it cannot be read.

    Read are a span (`6m0s`, `1.5s`, `120ms`), plain seconds, Unix time in seconds or milliseconds, an HTTP date and an
    RFC 3339 time.
    """
    text = text.strip()
    now = datetime.now(UTC)
    if _NUMBER.fullmatch(text):
        number = float(text)
        if number < _EPOCH_S:
            return number
        return max(0.0, (number / 1000.0 if number >= _EPOCH_MS else number) - now.timestamp())
    parts = _SPAN.findall(text)
    if parts and "".join(map("".join, parts)) == text:
        return sum(float(n) * _SECONDS[unit] for n, unit in parts)
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            return max(0.0, (read(text) - now).total_seconds())
        except (ValueError, TypeError):
            continue
    return None


def wait_in_text(text: str) -> float | None:
    """Seconds from words such as "Please try again in 1.2s"; None without them."""
    found = _IN_TEXT.search(text)
    return wait_until(found[1]) if found else None


def _is_used_up(left: str | None) -> bool:
    try:
        return left is not None and float(left) <= 0.0
    except ValueError:
        return False
