"""What docs/tour.md shows of the recorded tour: its experiment and its leaderboard. `python -m tests.docs.tour`."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from rageval.decide.leaderboard import Leaderboard, Row, read_leaderboard
from rageval.metrics.names import parse
from rageval.report.leaderboard import number_cell, rank_cell
from tests.docs.pages import DOCS
from website.pictures import EXPERIMENT, replay

PAGES = [DOCS / "tour.md", DOCS / "zh" / "tour.md"]


def with_results(page: str, board: Leaderboard) -> str:
    """The page with what stands between its markers made anew."""
    experiment = EXPERIMENT.read_text(encoding="utf-8").partition("benchmark:")
    shown = {"experiment": f"```yaml\n# tour.yaml\n{experiment[1]}{experiment[2]}```\n", "leaderboard": _table(board)}
    for name, text in shown.items():
        marked = re.compile(rf"(<!-- {name}: [^>]* -->\n).*?(<!-- end of {name} -->\n)", re.DOTALL)
        page, found = marked.subn(lambda match, text=text: f"{match[1]}\n{text}\n{match[2]}", page)
        assert found == 1, name
    return page


def _table(board: Leaderboard) -> str:
    """Metrics as rows, pipelines as columns."""
    lines = [("", *(f"`{row.label.partition('(')[0]}`" for row in board.rows)), ("---",) * (1 + len(board.rows))]
    lines.append(("rank", *map(rank_cell, board.rows)))
    lines += [(f"`{metric}`", *(_cell(row, metric) for row in board.rows)) for metric in board.metrics]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(row: Row, metric: str) -> str:
    return number_cell(row.estimates[metric], judged=parse(metric).kind == "judged")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        board = read_leaderboard(replay(Path(folder)))
    for page in PAGES:
        page.write_text(with_results(page.read_text(encoding="utf-8"), board), encoding="utf-8")


if __name__ == "__main__":
    main()
