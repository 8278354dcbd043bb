"""The exit codes of all commands, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

DONE = 0
GATE_FAILED = 1
WRONG_INPUT = 2
GATE_INCONCLUSIVE = 3
NOT_COMPARABLE = 4
ENDPOINT_REFUSED = 5
BUDGET_SPENT = 6
ALL_FAILED = 7
INTERNAL = 70
DISK = 74
INTERRUPTED = 130
OUTPUT_CLOSED = 141

GATE_CODES: Mapping[str, int] = MappingProxyType({"pass": DONE, "fail": GATE_FAILED, "inconclusive": GATE_INCONCLUSIVE})
"""By a gate's verdict."""

MEANINGS: Mapping[int, str] = MappingProxyType(
    {
        DONE: "done or gate passed",
        GATE_FAILED: "gate failed",
        WRONG_INPUT: "wrong input (nothing spent)",
        GATE_INCONCLUSIVE: "gate inconclusive",
        NOT_COMPARABLE: "results missing or not comparable",
        ENDPOINT_REFUSED: "model endpoint refused or index not built",
        BUDGET_SPENT: "budget spent",
        ALL_FAILED: "all questions of a run failed",
        INTERNAL: "mistake in rageval",
        DISK: "disk full or not writable",
        INTERRUPTED: "interrupted (the same command goes on)",
        OUTPUT_CLOSED: "output closed by its reader",
    }
)
