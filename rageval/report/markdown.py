"""The parts of Markdown that reports share. No text of a run does anything in it, on GitHub and GitLab neither."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

_COLUMNS = 90
_BACKTICKS = re.compile("`+")
_HIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table; cells may hold any text."""
    rule = f"|{'---|' * len(header)}"
    return [_row(header), rule, *map(_row, rows)]


def code(text: str) -> str:
    """Text as a code span on one line, in which nothing is a link, a mention or HTML."""
    plain = visible(" ".join(text.split())).replace("`", "'")
    return f"`{plain}`" if plain else ""


def block(text: str) -> list[str]:
    """Text as a fenced code block of wrapped lines, in which nothing is Markdown, HTML, a link or a mention.

    The fence is longer than any run of backticks in the text. Each line begins with a space, so that none is a command
    to GitLab (`/close`), whose search for commands takes any line of three backticks for the end of a block.
    """
    lines = [wrapped for line in text.splitlines() for wrapped in _wrap(visible(line.expandtabs(4)))]
    fence = "`" * max(3, 1 + max((len(run) for run in _BACKTICKS.findall(text)), default=0))
    return [f"{fence}text", *(f" {line}".rstrip() for line in lines), fence]


def visible(text: str) -> str:
    """Text in which control characters, among them those that change the direction of writing, are shown as escapes."""
    return _HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def fit(sections: Iterable[Sequence[str]], most: int | None) -> str:
    """The lines of all sections; if they are more than `most` characters, the first whole sections and a line that says
    so.
    """
    texts = ["".join(f"{line}\n" for line in section) for section in sections if section]
    whole = "".join(texts).rstrip("\n") + "\n"
    if most is None or len(whole) <= most:
        return whole
    told = f"_The rest is left out: the whole report has {len(whole):,} characters, and this one at most {most:,}._\n"
    size, kept = len(told), list[str]()
    for text in texts:
        size += len(text)
        if size > most:
            break
        kept.append(text)
    return "".join([*kept, told])


def _wrap(line: str) -> list[str]:
    from rich.cells import cell_len

    columns = _COLUMNS * len(line) // max(1, cell_len(line))
    return textwrap.wrap(line, max(1, columns), replace_whitespace=False, break_on_hyphens=False) or [""]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")
