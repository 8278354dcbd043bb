"""A sweep as lines and tables for every format."""

from __future__ import annotations

from collections.abc import Sequence

from rageval.decide.choosing import Choice
from rageval.decide.halving import Halving
from rageval.decide.sweep import SweepResult
from rageval.report.choosing import ABOUT_CHOICE, choice_told
from rageval.report.leaderboard_printout import board_legend, leaderboard_blocks, made_with
from rageval.report.sweep import halving_told, parts, saved_lines
from rageval.report.tables.printout import Legend, Line, Printout

_SHORT = {
    "gaps": "Behind the best: paired, p adjusted for all pairs of cells.",
    "effects": "Settings: mean paired change, more than 0 is better; a metric's intervals hold together.",
    "shares": "Shares of the variance between cells; × beyond each alone.",
    "interactions": "Interactions: what a change does more where the other is made, p adjusted for all of them.",
    "front": "Worth its cost: no other cell is better and cheaper; a question's cost alone, and what was paid.",
}


def sweep_printout(
    result: SweepResult, halved: Halving | None, choice: Choice | None = None, searched: Sequence[str] = ()
) -> Printout:
    """The choice, if one was made, and what was `searched`; the leaderboard of the cells, gaps, effects, what is worth
    its cost, and how cells were dropped.
    """
    board = result.leaderboard
    found = [*parts(result)]
    about = board_legend(board)
    short = [*about.short, *([" ".join(_SHORT[one.name] for one, _ in found)] if found else [])]
    if board.by_labels:
        short.append("Behind the best is by people's labels and the judge together; effects are the judge's alone.")
    chosen = [] if choice is None else [Line("The choice", "strong"), *map(Line, [*choice_told(choice), *searched])]
    halving = [] if halved is None else [Line("Successive halving", "strong"), *map(Line, halving_told(halved))]
    return Printout(
        f"Sweep over {board.benchmark}",
        (
            *chosen,
            *leaderboard_blocks(board),
            *(one for one, _ in found),
            *map(Line, saved_lines(result)),
            *halving,
            Legend(
                tuple(short),
                (
                    *about.explained,
                    *(f"{one.title}: {text}" for one, text in found),
                    *([] if choice is None else [f"The choice: {ABOUT_CHOICE}"]),
                ),
            ),
            *made_with(board),
        ),
    )
