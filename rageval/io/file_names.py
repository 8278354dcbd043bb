"""Names that become names of files and folders."""

from __future__ import annotations

import re

from rageval.errors import DeclarationError

_PLAIN = re.compile(r"[\w-][\w.-]*")
_NOT_PLAIN = re.compile(r"[^\w.-]+")


def check_file_name(name: str, place: str) -> None:
    """Raises DeclarationError, which begins with the place, for a name that is not safe as the name of a file."""
    if not _PLAIN.fullmatch(name):
        raise DeclarationError(f"{place}: found {name!r}, expected letters, digits, '-', '_' and '.', as in main")


def to_file_name(text: str) -> str:
    """A name that `check_file_name` takes: '-' stands for all else. Different texts may give the same name."""
    return _NOT_PLAIN.sub("-", text).strip("-.") or "unnamed"
