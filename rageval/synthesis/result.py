"""What a synthesis came to: the yield of each kind, what it cost, and what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rageval.io.records import usage_to_json
from rageval.synthesis.attempts import State
from rageval.synthesis.folder import difficulty
from rageval.synthesis.kinds import KINDS
from rageval.types import Json, Usage


@dataclass(frozen=True, slots=True)
class Yield:
    """What became of the attempts at one kind of question.

    `wanted` questions were asked for; of the `tried` attempts each was `kept`, or refused by a filter. `hard` of the
    kept ones are not found by a search for them. `more_labels` other passages were found to answer kept ones too.
    `usage` is what all attempts cost.
    """

    kind: str
    wanted: int
    tried: int
    kept: int
    refused: Mapping[str, int]
    hard: int
    more_labels: int
    usage: Usage

    @property
    def missing(self) -> int:
        return self.wanted - self.kept

    def to_json(self) -> dict[str, Json]:
        return {
            "kind": self.kind,
            "wanted": self.wanted,
            "tried": self.tried,
            "kept": self.kept,
            "refused": {**self.refused},
            "hard": self.hard,
            "more_labels": self.more_labels,
            "calls": self.usage.calls,
            "paid_calls": self.usage.paid_calls,
            "tokens": self.usage.prompt_tokens + self.usage.completion_tokens,
        }


@dataclass(frozen=True, slots=True)
class Synthesis:
    """A benchmark of generated questions in the folder `path`.

    `questions` are their ids. `stopped` says why the work ended before all attempts were made; "" where it did not.
    `reused` attempts were made by earlier commands. `elapsed_s` is the time of this command.
    """

    path: Path
    questions: tuple[str, ...]
    yields: tuple[Yield, ...]
    attempts: int
    generator: str
    judge: str
    stopped: str = ""
    reused: int = 0
    elapsed_s: float = 0.0

    @property
    def usage(self) -> Usage:
        return sum((one.usage for one in self.yields), Usage())

    @property
    def missing(self) -> tuple[str, ...]:
        """For each kind with fewer questions than wanted, a line that says how many and why."""
        return tuple(self._why(one) for one in self.yields if one.missing)

    def _why(self, one: Yield) -> str:
        found = f"{one.kind}: {one.kept} of {one.wanted} questions"
        if self.stopped:
            return f"{found}; the work stopped before all attempts"
        most = max(one.refused, key=lambda name: one.refused[name], default="")
        why = f"; most often by the filter {most!r} ({one.refused[most]} times)" if most else ""
        return f"{found}: {self.attempts} attempts at each of the others were refused{why}"

    def to_json(self) -> dict[str, Json]:
        return {
            "path": str(self.path),
            "questions": [*self.questions],
            "kinds": [one.to_json() for one in self.yields],
            "missing": [*self.missing],
            "stopped": self.stopped or None,
            "generator": self.generator,
            "judge": self.judge,
            "reused_attempts": self.reused,
            "usage": usage_to_json(self.usage),
            "elapsed_s": round(self.elapsed_s, 1),
        }


def yields_of(state: State, kinds: Sequence[str]) -> tuple[Yield, ...]:
    """The yields of all kinds that were wanted. `kinds` has that of each slot."""
    found: list[Yield] = []
    for kind in KINDS:
        kept = [one for one in state.kept.values() if one.kind == kind]
        refused = [(one, name) for one, name in state.refused if one.kind == kind]
        wanted = kinds.count(kind)
        if not wanted:
            continue
        found.append(
            Yield(
                kind,
                wanted,
                len(kept) + len(refused),
                len(kept),
                dict(Counter(name for _, name in refused)),
                sum(KINDS[kind].answerable and difficulty(one) == "hard" for one in kept),
                sum(len(one.others) for one in kept),
                sum((one.usage for one in (*kept, *(one for one, _ in refused))), Usage()),
            )
        )
    return tuple(found)
