"""Irregularities in files of others that loading tolerates: each kind is counted and told, or refused if strict.

Readers add what is wrong to a list of problems. Where that list is a `LenientProblems`, what stands in `TREATMENTS` is
counted instead. A plain list is strict: every irregularity is a problem.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice

from rageval.types import Tolerated

TREATMENTS: Mapping[str, str] = {
    "document without text": "left out",
    "question without text": "left out",
    "null": "read as empty",
    "metadata that is not an object": "not read",
    "number as an id": "read as text",
    "white space in an id": "kept",
    "blank line": "skipped",
    "comment": "skipped",
    "missing header": "columns taken in order",
    "other header": "columns taken by their names or in order",
    "missing iteration": "columns taken as question, document, grade",
    "extra column": "not read",
    "grade with a decimal point": "read as a whole number",
    "label given again": "counted once",
    "label of an unknown question": "left out",
    "label of an unknown document": "kept in the ideal ranking",
    "passage without text": "left out",
    "question that is a document": "stays in its own ranking unless exclude_self is set",
}
"""What is done about each kind, in the order in which they are told."""

_EXAMPLES = 3


class LenientProblems(list[str]):
    """The problems of a lenient reading, and the number of irregularities of each kind beside them."""

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[str, int] = {}
        self._examples: dict[str, list[str]] = {}

    def note(self, kind: str, problem: str) -> None:
        """Count an irregularity; `problem` is the line that a strict reading would give."""
        self._counts[kind] = self._counts.get(kind, 0) + 1
        if self._counts[kind] <= _EXAMPLES:
            self._examples.setdefault(kind, []).append(problem.partition(", expected ")[0])

    @property
    def tolerated(self) -> tuple[Tolerated, ...]:
        return tuple(
            Tolerated(kind, treatment, self._counts[kind], tuple(self._examples[kind]))
            for kind, treatment in TREATMENTS.items()
            if kind in self._counts
        )


def new_problems(*, strict: bool) -> list[str]:
    """An empty list of problems for a strict or a lenient reading."""
    return [] if strict else LenientProblems()


def tolerate(problems: list[str], kind: str, problem: str) -> bool:
    """Whether the irregularity is tolerated, and therefore counted; otherwise the problem is added."""
    if isinstance(problems, LenientProblems):
        problems.note(kind, problem)
        return True
    problems.append(problem)
    return False


def count(problems: list[str], kind: str, found: str) -> None:
    """Count what a strict reading allows too."""
    if isinstance(problems, LenientProblems):
        problems.note(kind, found)


def tolerated_in(problems: list[str]) -> tuple[Tolerated, ...]:
    """What a reading tolerated, by kind; nothing for a strict one."""
    return problems.tolerated if isinstance(problems, LenientProblems) else ()


def first_ids(ids: Iterable[str]) -> str:
    """The first three ids, for a message: `'a', 'b', 'c', …`."""
    first = [*islice(ids, _EXAMPLES + 1)]
    return ", ".join(map(repr, first[:_EXAMPLES])) + (", …" if len(first) > _EXAMPLES else "")
