"""Attempts at questions, and what follows from them: which are kept, and which are to be made next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rageval.io.records import usage_from_json, usage_to_json
from rageval.synthesis.checks import duplicate_in
from rageval.synthesis.coverage import Source
from rageval.synthesis.drafts import Draft, place_from_json, place_to_json
from rageval.types import Document, Json, Passage, Usage


@dataclass(frozen=True, slots=True)
class Task:
    """The attempt number `attempt` (from 0) at the question number `slot`, of that kind, about that source."""

    slot: int
    attempt: int
    kind: str
    source: Source


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of a task. `filter` is what refused it, with the `reason`; "" for a question that passed.

    `rank`, `others` are those of `Passed`. `draft` is None where nothing usable was written.
    """

    slot: int
    attempt: int
    kind: str
    filter: str
    reason: str
    draft: Draft | None
    rank: int | None
    others: tuple[Passage, ...]
    source: Passage
    usage: Usage

    def to_json(self) -> dict[str, Json]:
        return {
            "slot": self.slot,
            "attempt": self.attempt,
            "kind": self.kind,
            "filter": self.filter,
            "reason": self.reason,
            "draft": None if self.draft is None else self.draft.to_json(),
            "rank": self.rank,
            "others": [place_to_json(one) for one in self.others],
            "source": place_to_json(self.source),
            "usage": usage_to_json(self.usage),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], documents: Mapping[str, Document]) -> Attempt:
        return cls(
            data["slot"],
            data["attempt"],
            data["kind"],
            data["filter"],
            data["reason"],
            None if data["draft"] is None else Draft.from_json(data["draft"], documents),
            data["rank"],
            tuple(place_from_json(place, documents) for place in data["others"]),
            place_from_json(data["source"], documents),
            usage_from_json(data["usage"]),
        )


@dataclass(frozen=True, slots=True)
class State:
    """Where the work stands.

    `kept` are the attempts whose questions are in the benchmark, by slot. `refused` are the others, each with the
    filter that refused it; that may be `duplicate` although the attempt itself passed. `round` is the number of the
    first round that is not finished, `open` are the slots without a question in it that were not tried yet, and
    `earlier` are the questions kept before it.
    """

    kept: Mapping[int, Attempt]
    refused: Sequence[tuple[Attempt, str]]
    round: int
    open: Sequence[int]
    earlier: Sequence[str]


@dataclass(slots=True)
class _Kept:
    attempts: dict[int, Attempt] = field(default_factory=dict[int, Attempt])
    questions: list[str] = field(default_factory=list[str])


def settle(made: Mapping[tuple[int, int], Attempt], slots: int, rounds: int, known: Sequence[str]) -> State:
    """The state after these attempts, by slot and round. `known` are questions that none may repeat.

    In a round every slot without a question is tried once. Whoever finished first plays no part: of two questions that
    ask the same in one round, the one of the lower slot is kept.
    """
    kept, refused = _Kept(questions=[*known]), list[tuple[Attempt, str]]()
    for number in range(rounds):
        earlier = [*kept.questions]
        wanted = [slot for slot in range(slots) if slot not in kept.attempts]
        for slot in wanted:
            one = made.get((slot, number))
            if one is None:
                continue
            if one.filter or one.draft is None:
                refused.append((one, one.filter))
            elif duplicate_in(one.draft.asked, kept.questions) is not None:
                refused.append((one, "duplicate"))
            else:
                kept.attempts[slot] = one
                kept.questions.append(one.draft.asked)
        left = [slot for slot in wanted if (slot, number) not in made]
        if left:
            return State(kept.attempts, refused, number, left, earlier)
        if len(kept.attempts) == slots:
            break
    return State(kept.attempts, refused, rounds, (), [*kept.questions])
