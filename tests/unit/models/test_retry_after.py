"""What endpoints say of when to come back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from rageval.models.retry_after import back_off, retry_after, until_reset, wait_until


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": " 0.25 "}, 0.25),
        ({"retry-after-ms": "1500", "Retry-After": "2"}, 1.5),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "inf"}, None),
        ({"retry-after-ms": "soon"}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_retry_after_as_a_date() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    wait = retry_after({"Retry-After": soon})
    assert wait is not None
    assert 28.0 <= wait <= 30.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0.0),
        ({"x-ratelimit-remaining-requests": "3", "x-ratelimit-reset-requests": "1s"}, 0.0),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m30s"}, 90.0),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "120ms"}, 0.12),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1h0m0.5s"}, 3600.5),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "tomorrow at 5s"}, 0.0),
        ({"x-ratelimit-remaining-tokens": "0"}, 0.0),
        # Azure: plain seconds, and less than nothing left; Groq: fractions; Mistral: names of its own; epochs.
        ({"x-ratelimit-remaining-tokens": "-27689", "x-ratelimit-reset-tokens": "10"}, 10.0),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "2m59.56s"}, 179.56),
        ({"ratelimitbysize-remaining": "0", "ratelimitbysize-reset": "34"}, 34.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1000000000000"}, 0.0),
        ({"x-ratelimit-remaining": "many", "x-ratelimit-reset": "10"}, 0.0),
        ({"x-ratelimit-remaining": "3.0", "x-ratelimit-reset": "10"}, 0.0),
    ],
)
def test_until_reset(headers: dict[str, str], seconds: float) -> None:
    assert until_reset(headers) == pytest.approx(seconds)


@pytest.mark.parametrize("form", ["s", "ms", "rfc3339", "z"])
def test_points_in_time(form: str) -> None:
    then = datetime.now(UTC) + timedelta(seconds=30)
    text = {
        "s": f"{then.timestamp():.0f}",
        "ms": f"{then.timestamp() * 1000:.0f}",
        "rfc3339": then.isoformat(),
        "z": then.isoformat().replace("+00:00", "Z"),
    }[form]
    wait = wait_until(text)
    assert wait is not None
    assert 28.0 <= wait <= 31.0


@pytest.mark.parametrize("text", ["", "soon", "-3", "1s later", "nan", "inf", "2026-11-30T00:00:00"])
def test_what_is_no_time(text: str) -> None:
    assert wait_until(text) is None


@pytest.mark.parametrize(("attempt", "longest"), [(0, 0.5), (1, 1.0), (3, 4.0), (4, 8.0), (50, 8.0)])
def test_back_off_is_doubled_up_to_eight_seconds_and_jittered(attempt: int, longest: float) -> None:
    waits = [back_off(attempt) for _ in range(200)]
    assert longest / 2 <= min(waits) < longest * 0.6
    assert longest * 0.9 < max(waits) <= longest
