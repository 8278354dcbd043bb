"""Every public name of the package `rageval`, with its signature and docstring."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator
from typing import Any

import rageval
from website.reference.markdown import code, prose
from website.reference.signatures import signature

_KINDS = (("Functions", inspect.isfunction), ("Classes", inspect.isclass))


def python_page() -> str:
    """The page of the names in `rageval.__all__`."""
    found = {name: getattr(rageval, name) for name in sorted(rageval.__all__, key=str.lower)}
    errors = {name: one for name, one in found.items() if inspect.isclass(one) and issubclass(one, Exception)}
    sections = [
        (heading, {name: one for name, one in found.items() if is_kind(one) and name not in errors})
        for heading, is_kind in _KINDS
    ]
    told = [f"## {heading}\n\n" + "\n".join(map(_section, some, some.values())) for heading, some in sections]
    raised = "## Errors\n\n" + "\n".join(f"### {name}\n\n{prose(one.__doc__)}\n" for name, one in errors.items())
    return "\n".join([f"# Python\n\nMade from the code.\n\n{prose(rageval.__doc__)}\n", *told, raised])


def _section(name: str, one: Any) -> str:
    return f"### {name}\n\n```python\n{signature(name, one)}\n```\n\n{prose(one.__doc__)}\n{_members(one)}"


def _members(one: Any) -> str:
    if not inspect.isclass(one):
        return ""
    rows = [f"- {code(member)}: {text}\n" for member, text in _public(one)]
    return "\n" + "".join(rows) if rows else ""


def _public(one: type) -> Iterator[tuple[str, str]]:
    """The public methods and properties that have a docstring of their own, each with its text."""
    fields = {field.name for field in dataclasses.fields(one)} if dataclasses.is_dataclass(one) else set[str]()
    for name, member in vars(one).items():
        if name.startswith("_") or name in fields:
            continue
        target = member.fget if isinstance(member, property) else getattr(one, name)
        doc = " ".join(prose(target.__doc__).split()) if callable(target) else ""
        if doc:
            shown = name if isinstance(member, property) else f"{name}{_arguments(target)}"
            yield shown, doc


def _arguments(method: Any) -> str:
    names = [part.name for part in inspect.signature(method).parameters.values() if part.name not in ("self", "cls")]
    return f"({', '.join(names)})"
