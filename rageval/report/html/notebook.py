"""What a notebook shows of an evaluation."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

from rageval.decide.leaderboard import Leaderboard
from rageval.report.html.page import packed, page_text
from rageval.report.html.summary import read_runs, summary
from rageval.report.html.texts import blocks
from rageval.report.html.write import report_data, report_page
from rageval.report.leaderboard import cells, header, legend, no_ranks

MOST_QUESTIONS = 200
"""With more questions than this the notebook, which keeps what it shows, has the leaderboard alone."""


def notebook_html(runs: Sequence[Path], board: Leaderboard) -> str:
    """The report in a frame that may run its own script and nothing else; above `MOST_QUESTIONS` questions a table."""
    if board.questions > MOST_QUESTIONS:
        return _table(board)
    read = read_runs(runs)
    data = report_data(read, summary(read))
    parts = ((f"questions-{number}", packed(part)) for number, part in enumerate(blocks(read)))
    page = "".join(page_text(report_page(data), data, parts))
    return (
        '<iframe sandbox="allow-scripts allow-downloads allow-modals" title="rageval report" '
        f'style="width:100%;height:640px;border:1px solid #8888" srcdoc="{html.escape(page)}"></iframe>'
    )


def _table(board: Leaderboard) -> str:
    rows = [header(board), *(cells(board, row) for row in board.rows)]
    head, *body = ["".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row) for tag, row in _tagged(rows)]
    notes = "".join(f"<p>{html.escape(note)}</p>" for note in (*no_ranks(board), legend(board)))
    return (
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(f'<tr>{row}</tr>' for row in body)}</tbody></table>"
        f"{notes}<p>{board.questions} questions are too many to show here: <code>result.to_html('report.html')</code> "
        "writes the whole report.</p>"
    )


def _tagged(rows: Sequence[Sequence[str]]) -> list[tuple[str, Sequence[str]]]:
    return [("th" if number == 0 else "td", row) for number, row in enumerate(rows)]
