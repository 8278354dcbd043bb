"""How long an endpoint asks us to wait, and how long to wait where it does not say."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_FIRST_S, _LONGEST_S = 0.5, 8.0
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def back_off(attempt: int) -> float:
    """Seconds before the attempt after `attempt` (from 0) failed ones: doubled each time up to 8, less up to a half."""
    return min(_FIRST_S * 2.0**attempt, _LONGEST_S) * random.uniform(0.5, 1.0)  # noqa: S311


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from `Retry-After` (seconds or an HTTP date, RFC 9110) or `retry-after-ms`; None without either."""
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000.0)
        value = headers.get("Retry-After")
        if value is None:
            return None
        if re.fullmatch(r"\s*\d+(\.\d+)?\s*", value):
            return float(value)
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def until_reset(headers: Mapping[str, str]) -> float:
    """Seconds until requests or tokens are there again, where the endpoint says that none are left; else 0.

    By the headers of OpenAI and those who follow it: `x-ratelimit-remaining-requests: 0` and
    `x-ratelimit-reset-requests: 1m30s`, and the same for tokens.
    """
    waits = [
        _span(headers.get(f"x-ratelimit-reset-{kind}", ""))
        for kind in ("requests", "tokens")
        if headers.get(f"x-ratelimit-remaining-{kind}", "").strip() == "0"
    ]
    return max(waits, default=0.0)


def _span(text: str) -> float:
    """`6m0s`, `1.5s` or `120ms` in seconds; 0 where it is something else."""
    text = text.strip()
    parts = _SPAN.findall(text)
    return sum(float(n) * _SECONDS[unit] for n, unit in parts) if "".join(map("".join, parts)) == text else 0.0
