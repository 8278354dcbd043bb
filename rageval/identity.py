"""The source of functions and classes, as far as Python can tell it: what identifies code of the user's own."""

from __future__ import annotations

import hashlib
import inspect
import json
import textwrap
from collections.abc import Callable
from types import CellType
from typing import cast

from rageval.types import Json


def fingerprint(value: Json) -> str:
    """64 hex digits of the canonical JSON of `value`: equal values, equal digits, on every platform."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def function_source(function: object) -> str:
    """The function's source and what it captured, as far as that can be told: plain values, and other functions."""
    captured = [_captured(cell) for cell in getattr(function, "__closure__", None) or ()]
    return "\n".join([_source(function), *captured])


def holds_objects(function: object) -> bool:
    """Whether it is a function with more to it than `function_source` tells: a method or another callable object, a
    closure over anything but plain values and simple functions, a function made within another with values as defaults.
    """
    if not inspect.isfunction(function):
        return True
    made_within = "<locals>" in function.__qualname__
    if made_within and (function.__defaults__ or function.__kwdefaults__):
        return True
    return any(map(_holds_object, function.__closure__ or ()))


def class_source(kind: type, base: type) -> str:
    """The source of a class and of what it inherits from, down to `base`, with what its functions captured.

    Its functions and plain values are given beside the whole: in a notebook, and for one of two classes of the same
    name, Python may not find the source of the class, or find the wrong one.
    """
    return "\n".join(_class_source(one) for one in kind.__mro__ if one not in base.__mro__)


def _class_source(kind: type) -> str:
    members = {name: value for name, value in vars(kind).items() if not (name.startswith("__") and _is_plain(value))}
    values = [f"{name} = {value!r}" for name, value in members.items() if _is_plain(value)]
    functions = [function_source(value) for value in members.values() if inspect.isfunction(value)]
    return "\n".join([_source(kind), *values, *functions])


def _source(thing: object) -> str:
    try:
        return textwrap.dedent(inspect.getsource(cast("Callable[..., object]", thing)))
    except (OSError, TypeError):
        kind = type(thing)
        return f"{kind.__module__}.{getattr(thing, '__qualname__', kind.__qualname__)}"


def _captured(cell: CellType) -> str:
    try:
        value = cell.cell_contents
    except ValueError:
        return "empty"
    if _is_plain(value):
        return repr(value)
    return _source(value) if inspect.isfunction(value) else type(value).__qualname__


def _holds_object(cell: CellType) -> bool:
    try:
        value = cell.cell_contents
    except ValueError:
        return False
    return not _is_plain(value) and (getattr(value, "__closure__", None) is not None or holds_objects(value))


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, bool | int | float | str)
