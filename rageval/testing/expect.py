"""How the conformance tests say what is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from numbers import Real
from typing import TypeVar, cast

T = TypeVar("T")


def expect(condition: bool, message: str) -> None:
    """Raises AssertionError with the message unless the condition holds, also under `python -O`."""
    if not condition:
        raise AssertionError(message)


def expect_type(value: object, kind: type[T], what: str) -> T:
    """The value, which must be of that type."""
    if not isinstance(value, kind):
        raise AssertionError(f"{what}: found a {type(value).__name__}, expected a {kind.__name__}")
    return value


def expect_sequence(value: object, what: str) -> Sequence[object]:
    """The value, which must be a list, a tuple or the like."""
    return cast("Sequence[object]", expect_type(value, Sequence, what))


def expect_text(value: object, what: str) -> str:
    """The value, which must be a text that is not empty."""
    text = expect_type(value, str, what)
    expect(bool(text.strip()), f"{what}: found an empty text")
    return text


def expect_number(value: object, what: str, low: float, high: float) -> float:
    """The value, which must be a finite number from `low` to `high`."""
    number = float(value) if isinstance(value, Real) else math.nan
    if not math.isfinite(number) or not low <= number <= high:
        bounds = f"from {low:g} to {high:g}" if math.isfinite(high) else f"of at least {low:g}"
        raise AssertionError(f"{what}: found {value!r}, expected a finite number {bounds}")
    return number


def expect_stable(read: Callable[[], object], what: str) -> None:
    """Reading it twice must give the same."""
    first, second = read(), read()
    expect(first == second, f"{what}: found {first!r} and then {second!r}, expected the same at every reading")
