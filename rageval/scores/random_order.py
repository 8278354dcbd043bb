"""The order in which questions are drawn for people: pseudo-random, the same on every machine, and known beforehand."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def random_numbers(seed: int | str, what: str, question_id: str) -> tuple[float, float]:
    """Two numbers from 0 to 1, as good as random, from SHA-256 of the seed, what is labelled, and the question's id."""
    digest = hashlib.sha256(f"label:{seed}:{what}:{question_id}".encode(errors="backslashreplace")).digest()
    first, second = (int.from_bytes(digest[i : i + 8], "big") / 2**64 for i in (0, 8))
    return first, second


def in_random_order(seed: int | str, what: str, questions: Iterable[str]) -> list[str]:
    """The questions in the order of their first number; any first part is a random sample."""
    return sorted(questions, key=lambda question_id: random_numbers(seed, what, question_id)[0])
