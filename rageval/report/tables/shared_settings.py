"""Labels of pipelines without the settings that all of them share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_LABEL = re.compile(r"([^()]+)\((.*)\)", re.DOTALL)


def shorten_labels(labels: Iterable[str]) -> tuple[dict[str, str], str]:
    """A name for each label with what differs alone, and what all share: `k=3`, `k=5` and `rag(chunk=400)` for
    `rag(k=3, chunk=400)` and `rag(k=5, chunk=400)`.

    Nothing is shared, and labels stay as they are, where there are fewer than two or where the names would be the same.
    """
    parsed = {label: _parse(label) for label in labels}
    if len(parsed) < 2:
        return {}, ""
    (first, settings), *others = parsed.values()
    shared = [one for one in settings if all(one in theirs for _, theirs in others)]
    left = {label: (name, [one for one in all_ if one not in shared]) for label, (name, all_) in parsed.items()}
    one_name = all(name == first and settings for name, settings in left.values())
    names = {label: ", ".join(rest) if one_name else _written(name, rest) for label, (name, rest) in left.items()}
    if not (shared or one_name) or len({*names.values()}) < len(names):
        return {}, ""
    return names, _written(first, shared) if one_name else ", ".join(shared)


def _parse(label: str) -> tuple[str, tuple[str, ...]]:
    match = _LABEL.fullmatch(label)
    return (match[1], tuple(_split(match[2]))) if match else (label, ())


def _split(settings: str) -> list[str]:
    """At commas outside brackets and quotes."""
    parts: list[str] = []
    depth, quote, start = 0, "", 0
    for i, char in enumerate(settings):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == "," and depth == 0:
            parts.append(settings[start:i].strip())
            start = i + 1
    return [part for part in (*parts, settings[start:].strip()) if part]


def _written(name: str, settings: Sequence[str]) -> str:
    return f"{name}({', '.join(settings)})" if settings else name
