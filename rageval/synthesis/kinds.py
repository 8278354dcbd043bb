"""The kinds of questions that can be asked for, and a mix of them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from rageval.errors import DeclarationError
from rageval.scores.random_order import in_random_order

_ENTRY = re.compile(r"\s*([a-z_]+)[\s:=]+(\d+)\s*")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of question. `share` is its part of the default mix, in percent.

    `calls` are the chat calls for one question that passes all filters, at least and at most, without those for other
    passages that seem to answer it too.
    """

    share: int
    calls: tuple[int, int]
    answerable: bool = True


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "factual": Kind(25, (5, 8)),
        "paraphrase": Kind(10, (6, 9)),
        "multi_hop": Kind(15, (7, 12)),
        "comparison": Kind(5, (5, 8)),
        "summary": Kind(10, (5, 8)),
        "cross_lingual": Kind(5, (6, 9)),
        "false_premise": Kind(5, (5, 8)),
        "unanswerable": Kind(15, (3, 6), answerable=False),
        "follow_up": Kind(5, (6, 9)),
        "multiple_choice": Kind(5, (7, 10)),
    }
)


def parse_mix(text: str | None) -> dict[str, int]:
    """The weight of each kind, from `factual 40, multi_hop 20`; the default mix for None.

    Raises DeclarationError for another form, an unknown kind, one given twice, and where all weights are 0.
    """
    if text is None:
        return {name: kind.share for name, kind in KINDS.items()}
    mix: dict[str, int] = {}
    for part in re.split("[,，]", text):
        entry = _ENTRY.fullmatch(part)
        if entry is None:
            raise DeclarationError(
                f"mix: found {part.strip()!r}, expected kinds with weights: factual 40, multi_hop 20"
            )
        name = entry[1]
        if name in mix:
            raise DeclarationError(f"mix: found {name} twice, expected each kind once")
        mix[name] = int(entry[2])
    return check_mix(mix)


def check_mix(mix: Mapping[str, int]) -> dict[str, int]:
    """The kinds with a weight above 0. Raises DeclarationError as `parse_mix`."""
    for name, weight in mix.items():
        if name not in KINDS:
            near = difflib.get_close_matches(name, KINDS, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise DeclarationError(f"mix: found the unknown kind {name!r}, expected some of {', '.join(KINDS)}{hint}")
        if weight < 0:
            raise DeclarationError(f"mix: found the weight {weight} for {name}, expected 0 or more")
    kept = {name: weight for name, weight in mix.items() if weight}
    if not kept:
        raise DeclarationError("mix: found no weight above 0, expected at least one kind to ask for")
    return kept


def allot(mix: Mapping[str, int], n: int) -> dict[str, int]:
    """How many of `n` questions each kind gets, in proportion to its weight, by largest remainders."""
    whole = sum(mix.values())
    counts = {name: weight * n // whole for name, weight in mix.items()}
    by_remainder = sorted(mix, key=lambda name: -(mix[name] * n % whole))
    for name in by_remainder[: n - sum(counts.values())]:
        counts[name] += 1
    return counts


def kinds_in_order(mix: Mapping[str, int], n: int, seed: int) -> list[str]:
    """The kind of each of the `n` questions, shuffled, so that every kind is spread over the corpus."""
    names = [name for name, count in allot(mix, n).items() for _ in range(count)]
    return [names[int(place)] for place in in_random_order(seed, "kinds", map(str, range(n)))]
