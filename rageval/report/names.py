"""What can be named in an experiment, as a table for every format."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

from rageval.report.tables.printout import Cell, Column, Printout, Table


def names_printout(what: str, listed: Mapping[str, str]) -> Printout:
    """A row for each name, with what it is."""
    columns = (Column("name", "word"), Column("what it is", "word"))
    rows = tuple((Cell(name), Cell(text)) for name, text in listed.items())
    return Printout(what, (Table(what, columns, rows, turns="never"),))


def settings_line(part: Callable[..., object]) -> str:
    """The settings that the part takes, with their defaults: `tokens=384, overlap=0`; "" for a part without any.

    A default that is itself a part is shown by its class, one that is made anew each time not at all. Settings that are
    passed on to a package are left out.
    """
    taken = (one for one in inspect.signature(part).parameters.values() if one.kind is not one.VAR_KEYWORD)
    return ", ".join(
        one.name
        if one.default is one.empty or repr(one.default) == "<factory>"
        else f"{one.name}={_shown(one.default)}"
        for one in taken
    )


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_shown, value))}]"  # pyright: ignore[reportUnknownArgumentType]
    return str(value) if isinstance(value, str | int | float) else type(value).__name__
