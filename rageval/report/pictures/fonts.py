"""Fonts for pictures: every character is drawn, or told of; never a box in its place."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import import_module
from typing import Any

_DEFAULT = "DejaVu Sans"  # comes with matplotlib
_BOXES = ("Last Resort", "Adobe Blank", "Adobe NotDef")  # fonts that draw a box, or nothing, for every character
_MAINLAND = (" SC", " GB")
_log = logging.getLogger("rageval")


def choose_fonts(texts: Iterable[str]) -> tuple[list[str], frozenset[str]]:
    """The font families that have the characters of these texts, matplotlib's default first, and the characters that
    no installed font has.
    """
    font_manager: Any = import_module("matplotlib.font_manager")
    families = [_DEFAULT]
    missing = {character for text in texts for character in text if not character.isspace()}
    missing -= _characters(font_manager.findfont(families[0]))
    if missing:
        for entry in sorted(font_manager.fontManager.ttflist, key=_preference):
            if entry.style != "normal" or entry.name.startswith(_BOXES):
                continue
            if found := missing & _characters(entry.fname):
                families.append(entry.name)
                missing -= found
            if not missing:
                break
    return families, frozenset(missing)


def spell_out(texts: Sequence[str], missing: frozenset[str]) -> list[str]:
    r"""The texts with the code of each missing character in its place: `\u9752`."""
    return ["".join(_code(one) if one in missing else one for one in text) for text in texts]


def warn_of_missing(missing: frozenset[str], path: object) -> None:
    """Logs one line if there are missing characters."""
    if missing:
        some = "".join(sorted(missing)[:5]) + ("…" if len(missing) > 5 else "")
        _log.warning(
            "%s: no installed font has %s (%d characters), which are written as codes such as %s: install a font that "
            "has them (for Chinese, Noto Sans CJK), or draw an .svg",
            path,
            some,
            len(missing),
            _code(min(missing)),
        )


def _preference(entry: Any) -> tuple[bool, str, str, str]:
    """Fonts with the forms of mainland China first: one file may have those of other places under other names."""
    return not entry.name.endswith(_MAINLAND), entry.name, entry.style, entry.fname


def _code(character: str) -> str:
    return character.encode("ascii", "backslashreplace").decode()


@cache
def _characters(file: str) -> frozenset[str]:
    """Those that the font in that file has; none where it cannot be read."""
    font_manager: Any = import_module("matplotlib.font_manager")
    try:
        return frozenset(map(chr, font_manager.get_font(file).get_charmap()))
    except (OSError, RuntimeError, ValueError):
        return frozenset()
