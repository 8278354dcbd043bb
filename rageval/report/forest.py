"""A forest plot: every number of a leaderboard with its interval, a panel per metric."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from warnings import catch_warnings, filterwarnings

from rageval.decide.leaderboard import Leaderboard
from rageval.errors import DeclarationError
from rageval.extras import need_package
from rageval.metrics import parse
from rageval.report.fonts import choose_fonts, spell_out, warn_of_missing
from rageval.report.leaderboard import metric_title, rank_cell

FORMATS = (".svg", ".png", ".pdf")
_SETTINGS: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "rageval", "font.size": 9}


def draw_forest(board: Leaderboard, path: Path) -> None:
    """Write the plot to `path`, its format by the ending. The same leaderboard gives the same SVG to the byte.

    Points are hollow where a judge alone speaks, filled where people's labels correct it or no judge is involved.
    Raises DeclarationError for an unknown ending or a folder that cannot be written, MissingExtraError without
    matplotlib. Characters that no installed font has are written as codes in a .png or .pdf, with a warning; an .svg
    keeps its text as text, and whoever shows it chooses the fonts.
    """
    if path.suffix.lower() not in FORMATS:
        raise DeclarationError(f"{path}: found the ending {path.suffix!r}, expected one of {', '.join(FORMATS)}")
    need_package("matplotlib", "plot", "drawing a plot")
    import matplotlib as mpl
    from matplotlib.figure import Figure

    is_svg = path.suffix.lower() == ".svg"
    names = [row.label if board.unranked else f"{row.label}  ({rank_cell(row)})" for row in board.rows]
    ranks = "no ranks" if board.unranked else "in brackets the rank"
    caption = f"{board.benchmark}, {board.questions} questions; mean and 95% interval; {ranks}"
    caption += "; hollow: judge only, uncorrected"
    titles = [metric_title(metric) for metric in board.metrics]
    fonts: dict[Any, Any] = {}
    if not is_svg:
        fonts["font.family"], missing = choose_fonts([*names, *titles, caption])
        warn_of_missing(missing, path)
        caption, *texts = spell_out([caption, *names, *titles], missing)
        names, titles = texts[: len(names)], texts[len(names) :]
    with mpl.rc_context({**_SETTINGS, **fonts}), catch_warnings():  # pyright: ignore[reportUnknownMemberType]
        filterwarnings("ignore", message="Glyph ")  # of an .svg, whose text is not drawn here
        longest = max(map(len, names))
        panels = len(board.metrics)
        figure = Figure(figsize=(1.0 + longest * 0.075 + 2.1 * panels, 1.2 + 0.32 * len(names)), layout="constrained")
        axes = figure.subplots(1, panels, sharey=True, squeeze=False)[0]
        for metric, title, axis in zip(board.metrics, titles, axes, strict=True):
            for place, row in enumerate(board.rows):
                mean = row.estimates[metric]
                if mean is None:
                    continue
                hollow = parse(metric).kind == "judged" and not mean.n_labelled
                axis.plot([mean.low, mean.high], [place, place], color="#4464ad", linewidth=1.6)
                axis.plot(
                    [mean.point], [place], "o", color="#4464ad", markerfacecolor="white" if hollow else "#4464ad", ms=5
                )
            axis.set_title(title, fontsize=9)
            axis.set_xlim(-0.02, 1.02)
            axis.grid(axis="x", color="#dddddd", linewidth=0.6)
            axis.set_axisbelow(True)
            axis.spines[["top", "right"]].set_visible(False)
        axes[0].set_yticks(range(len(names)), names)
        axes[0].set_ylim(len(names) - 0.5, -0.5)
        figure.supxlabel(caption, fontsize=8)  # pyright: ignore[reportUnknownMemberType]
        metadata = {"Date": None} if is_svg else None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, dpi=150, metadata=metadata)  # pyright: ignore[reportUnknownMemberType]
        except OSError as error:
            raise DeclarationError(f"{path}: cannot be written ({error.strerror}): choose another place") from None
