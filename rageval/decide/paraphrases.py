"""The same question in other words, or in another language: does it get the same answer?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rageval.scores.estimates import interval_to_json
from rageval.stats import Interval
from rageval.stats.shares import simultaneous_shares
from rageval.types import Json, Question

GROUP = "group"
"""The key of a question's metadata: questions with the same value ask the same."""

_FEWEST = 2


@dataclass(frozen=True, slots=True)
class Paraphrases:
    """Groups of questions that ask the same, by how many of their answers are right: all, some, none, with the share of
    each among the groups (the intervals hold together). `differing` has the ids of the questions of each group of which
    only some are right, by the group's name. `unknown` groups have a question of which it is not known.
    """

    counts: tuple[int, int, int]
    shares: tuple[Interval, ...]
    differing: Mapping[str, tuple[str, ...]]
    unknown: int

    @property
    def consistent(self) -> int:
        """How many groups have only right or only wrong answers."""
        return self.counts[0] + self.counts[2]

    def to_json(self) -> dict[str, Json]:
        kinds = zip(("all_right", "some_right", "none_right"), self.counts, self.shares, strict=True)
        return {
            **{kind: {"groups": count, "share": interval_to_json(share)} for kind, count, share in kinds},
            "differing": {name: [*ids] for name, ids in self.differing.items()},
            "unknown": self.unknown,
        }


def read_paraphrases(questions: Sequence[Question], right: Mapping[str, bool | None]) -> Paraphrases | None:
    """The groups of these questions; `right` says by id whether the answer is right, None where that is not known. None
    where no two questions are of one group, or no group is wholly known.
    """
    groups: dict[str, list[str]] = {}
    for question in questions:
        name = question.metadata.get(GROUP)
        if isinstance(name, str) and name:
            groups.setdefault(name, []).append(question.id)
    several = {name: ids for name, ids in groups.items() if len(ids) >= _FEWEST}
    known = {name: ids for name, ids in several.items() if all(right.get(one) is not None for one in ids)}
    if not known:
        return None
    shares = {name: sum(bool(right[one]) for one in ids) / len(ids) for name, ids in known.items()}
    every, none = (sum(share == all_of for share in shares.values()) for all_of in (1.0, 0.0))
    counts = (every, len(known) - every - none, none)
    differing = {name: tuple(known[name]) for name, share in shares.items() if 0.0 < share < 1.0}
    return Paraphrases(counts, simultaneous_shares(counts), differing, len(several) - len(known))
