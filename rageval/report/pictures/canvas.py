"""What all pictures share: the file and its fonts, panels in rows, labels that fit, points with their intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias
from warnings import catch_warnings, filterwarnings

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from rageval.errors import DeclarationError
from rageval.extras import need_package
from rageval.report.pictures.fonts import choose_fonts, spell_out, warn_of_missing

Axes: TypeAlias = Any
Figure: TypeAlias = Any
"""Matplotlib's, and its subfigures; many of their methods have no complete types."""

Say: TypeAlias = Callable[[str], str]
Paint: TypeAlias = Callable[[Say], Figure]
"""Draws a figure; every text in it goes through `Say` first, which replaces characters that no font has."""

FORMATS = (".svg", ".png", ".pdf")
MOST_IN_A_ROW = 4
BLUE, GREEN, RED, GREY, PALE = "#4464ad", "#2e7d4f", "#b3392f", "#8a8a8a", "#dddddd"
SMALL, TINY = 8, 7

_DPI = 150
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "rageval",
    "font.size": 9,
    "text.parse_math": False,
}
_INCHES_A_CELL = 0.0085
_LONGEST_LABEL = 40
_LONGEST_OF_MANY = 72
_MANY = 12


def check_picture(path: Path) -> None:
    """Raises DeclarationError for an ending other than .svg, .png and .pdf, MissingExtraError without matplotlib."""
    if path.suffix.lower() not in FORMATS:
        raise DeclarationError(f"{path}: found the ending {path.suffix!r}, expected one of {', '.join(FORMATS)}")
    need_package("matplotlib", "plot", "drawing a plot")


def draw(path: Path, paint: Paint) -> None:
    """Write the picture to `path`, its format by the ending. The same content gives the same SVG to the byte.

    Characters that no installed font has are written as codes in a .png or .pdf, with a warning; an .svg keeps its text
    as text, and whoever shows it chooses the fonts. Raises as `check_picture`, and DeclarationError for a folder that
    cannot be written.
    """
    check_picture(path)
    import matplotlib as mpl

    is_svg = path.suffix.lower() == ".svg"
    fonts: dict[Any, Any] = {}
    say: Say = str
    with mpl.rc_context(_SETTINGS):  # pyright: ignore[reportUnknownMemberType]
        if not is_svg:
            families, missing = choose_fonts(_texts(paint))
            warn_of_missing(missing, path)
            fonts["font.family"] = families

            def spell(text: str) -> str:
                return spell_out([text], missing)[0]

            say = spell
    with mpl.rc_context({**_SETTINGS, **fonts}), catch_warnings():  # pyright: ignore[reportUnknownMemberType]
        filterwarnings("ignore", message="Glyph ")  # of an .svg, whose text is not drawn here
        figure = paint(say)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, dpi=_DPI, metadata={"Date": None} if is_svg else None)
        except OSError as error:
            raise DeclarationError(f"{path}: cannot be written ({error.strerror}): choose another place") from None


def _texts(paint: Paint) -> list[str]:
    """All texts of the picture."""
    found: list[str] = []

    def note(text: str) -> str:
        found.append(text)
        return text

    paint(note)
    return found


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of that size in inches, whose parts make room for each other."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def grid_shape(panels: int) -> tuple[int, int]:
    """Rows and columns for so many panels: at most four in a row, and rows as equal as they can be."""
    rows = math.ceil(panels / MOST_IN_A_ROW)
    return rows, math.ceil(panels / rows)


def make_panels(figure: Figure, panels: int, *, share_y: bool = False) -> list[Axes]:
    """So many axes in `grid_shape`, without frames at top and right; with `share_y` they have one y axis in common."""
    rows, columns = grid_shape(panels)
    every = figure.subplots(rows, columns, sharey=share_y, squeeze=False)
    axes: list[Axes] = [*every.flat]
    for axis in axes[panels:]:
        axis.remove()
    for axis in axes[:panels]:
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=SMALL, length=2)
    return axes[:panels]


def wrap(text: str, cells: int) -> str:
    """The text in lines of at most so many cells; a Chinese character takes two."""
    width = max(10, cells)
    lines = Text(text).wrap(Console(width=width), width)
    return "\n".join(line.plain.rstrip() for line in lines)


def wrap_labels(labels: Sequence[str]) -> list[str]:
    """The labels of rows in lines; wider ones where there are many rows, so that the picture is not too high."""
    return [wrap(label, _LONGEST_OF_MANY if len(labels) > _MANY else _LONGEST_LABEL) for label in labels]


def inches(texts: Iterable[str], size: int = 9) -> float:
    """About how wide the widest line of these texts is."""
    widest = max((cell_len(line) for text in texts for line in text.split("\n")), default=0)
    return widest * size * _INCHES_A_CELL


def line_count(text: str) -> int:
    """The number of lines of a text that is wrapped."""
    return text.count("\n") + 1


def write_caption(figure: Figure, title: str, caption: str, say: Say) -> None:
    """A title on top and a caption below, both wrapped to the figure's width."""
    width = figure.get_figwidth() - 0.2
    if title:
        figure.suptitle(say(wrap(title, int(width / (10 * _INCHES_A_CELL)))), fontsize=10)
    figure.supxlabel(say(wrap(caption, int(width / (SMALL * _INCHES_A_CELL)))), fontsize=SMALL)


def caption_height(title: str, caption: str, width: float) -> float:
    """The height in inches that `write_caption` takes in a figure of that width."""
    lines = [
        line_count(wrap(text, int((width - 0.2) / (size * _INCHES_A_CELL)))) * size
        for text, size in ((title, 10), (caption, SMALL))
        if text
    ]
    return sum(lines) / 72 * 1.4 + 0.15


def label_rows(axis: Axes, labels: Sequence[str], say: Say) -> None:
    """Rows from top to bottom, with their labels at the left."""
    axis.set_yticks(range(len(labels)), [say(label) for label in labels], fontsize=SMALL)
    axis.set_ylim(len(labels) - 0.5, -0.5)
    axis.tick_params(axis="y", length=0)


def row_height(labels: Sequence[str]) -> float:
    """The height of a row in inches, where all have room for the longest label."""
    return 0.1 + 0.15 * max(map(line_count, labels), default=1)


def draw_row(
    axis: Axes, place: int, ends: tuple[float, float, float], text: str, say: Say, *, colour: str, hollow: bool
) -> None:
    """An interval (point, low, high) in a row, and its number at the right of the panel."""
    point, low, high = ends
    axis.plot([low, high], [place, place], color=colour, linewidth=1.6)
    axis.plot([point], [place], "o", color=colour, markerfacecolor="white" if hollow else colour, ms=4.5)
    note_row(axis, place, text, say)


def note_row(axis: Axes, place: int, text: str, say: Say) -> None:
    """A text at the right end of a row."""
    axis.text(1.02, place, say(text), transform=axis.get_yaxis_transform(), fontsize=TINY, va="center", color="#333333")
