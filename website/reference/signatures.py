"""Arguments of functions and classes: as a table of settings, and as one writes them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import UnionType
from typing import Any, Literal, Union, Unpack, get_args, get_origin, get_type_hints

from rageval.retrieval.settings import retrieve
from website.reference.markdown import NONE, code, table

_LONGEST = 100
_MADE_ANEW = "<factory>"


def settings_table(target: Callable[..., object]) -> str:
    """The settings of a recipe or part with their types and defaults; empty if it takes none."""
    rows = [(code(name), code(_type(kind)), _default(default)) for name, kind, default in _settings(target)]
    return table(("setting", "type", "default"), rows) if rows else ""


def signature(name: str, target: Callable[..., object]) -> str:
    """The call of a function or class with types and defaults, on one line where it fits."""
    parts = [_written(one) for one in inspect.signature(target).parameters.values()]
    line = f"{name}({', '.join(parts)})"
    return line if len(line) <= _LONGEST else f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + ")"


def _settings(target: Callable[..., object]) -> Iterator[tuple[str, object, object]]:
    hints = get_type_hints(target)
    for one in inspect.signature(target).parameters.values():
        if one.kind is not inspect.Parameter.VAR_KEYWORD:
            yield one.name, hints[one.name], one.default
        elif get_origin(hints[one.name]) is Unpack:
            (unpacked,) = get_args(hints[one.name])
            defaults = inspect.signature(retrieve).parameters
            for name, kind in get_type_hints(unpacked).items():
                yield name, kind, defaults[name].default
        else:
            yield f"**{one.name}", hints[one.name], None


def _type(kind: Any) -> str:
    if get_origin(kind) is None:
        return "None" if kind is type(None) else getattr(kind, "__name__", str(kind))
    arguments = [arg for arg in get_args(kind) if arg is not type(None)]
    if get_origin(kind) is Literal:
        return " | ".join(map(repr, arguments))
    if get_origin(kind) not in (Union, UnionType):
        inner = ", ".join("..." if arg is ... else _type(arg) for arg in arguments)
        return f"{get_origin(kind).__name__}[{inner}]"
    optional = [] if len(arguments) == len(get_args(kind)) else ["None"]
    return " | ".join([*map(_type, arguments), *optional])


def _default(value: object) -> str:
    if value is inspect.Parameter.empty:
        return "required"
    return NONE if value is None else code(_shown(value))


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_shown, value))})"
    if isinstance(value, str | int | float | bool):
        return repr(value)
    return "..." if repr(value) == _MADE_ANEW else type(value).__name__


def _written(one: inspect.Parameter) -> str:
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}.get(one.kind, "")
    kind = one.annotation if isinstance(one.annotation, str) else inspect.formatannotation(one.annotation)
    typed = "" if one.annotation is inspect.Parameter.empty else f": {kind}"
    if one.default is inspect.Parameter.empty:
        return f"{stars}{one.name}{typed}"
    default = repr(one.default)
    return f"{stars}{one.name}{typed} = {'...' if default == _MADE_ANEW else default}"
