"""Tables at 80, 120 and 200 columns as they were looked at, in English and Chinese.

`python -m tests.unit.report.test_table_snapshots` writes the files again: look at what changed before you commit it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from rich.cells import cell_len

from rageval.report.compare_printout import compare_printout
from rageval.report.gate_printout import gate_printout
from rageval.report.leaderboard_printout import leaderboard_printout
from rageval.report.sweep_printout import sweep_printout
from rageval.report.tables.printout import Printout
from rageval.report.tables.terminal import terminal_text
from tests.unit.report.shown_results import compared, gated, leaderboard, swept

FOLDER = Path(__file__).parent / "snapshots"
SHOWN: Mapping[str, Callable[[], Printout]] = {
    "leaderboard_and_slices": lambda: leaderboard_printout(leaderboard()),
    "leaderboard_with_failures": lambda: leaderboard_printout(leaderboard(failed=4)),
    "compare_and_slices": lambda: compare_printout(compared()),
    "gate_and_slices": lambda: gate_printout(gated()),
    "sweep": lambda: sweep_printout(swept(), None),
}
WIDTHS = (80, 120, 200)


def rendered(name: str, width: int) -> str:
    return terminal_text(SHOWN[name](), width)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", SHOWN)
def test_tables_are_as_they_were_looked_at(name: str, width: int) -> None:
    text = rendered(name, width)
    assert max(map(cell_len, text.splitlines())) <= width
    assert text == (FOLDER / f"{name}_{width}.txt").read_text("utf-8")


def test_long_text_is_behind_explain() -> None:
    long = terminal_text(SHOWN["gate_and_slices"](), 120, explain=True)
    assert "Holm shows no more than the margin" in " ".join(long.split())
    assert "Holm shows" not in rendered("gate_and_slices", 120)
    assert "--explain" in rendered("gate_and_slices", 120)
    assert "--explain" not in long


def test_failures_are_never_left_out() -> None:
    """The column `failed` is there as soon as one question failed, and gone with `abstained` where none did."""
    shown, without = rendered("leaderboard_with_failures", 80), rendered("leaderboard_and_slices", 80)
    assert any(line.startswith("failed ") for line in shown.splitlines())
    assert "4 of 112 questions failed. Cause: TimeoutError: 模型没有回答" in " ".join(shown.split())
    assert not any(line.startswith(("failed ", "abstained ")) for line in without.splitlines())
    assert "none failed" in without


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in SHOWN:
        for columns in WIDTHS:
            (FOLDER / f"{each}_{columns}.txt").write_text(rendered(each, columns), "utf-8")
