"""Data in files that rageval wrote: what another version wrote, or a person changed, is refused in one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

from rageval.errors import DeclarationError

T = TypeVar("T")

REMEDY = "run its experiment again with --fresh (in Python fresh=True), which moves the old run to results/earlier"
"""What to do with a run that this version cannot read."""


class Stored(dict[str, Any]):
    """A JSON object in the file `place`. Reading a key that it does not have raises DeclarationError."""

    def __init__(self, data: Mapping[str, Any], place: str) -> None:
        super().__init__(data)
        self.place = place

    def __missing__(self, key: str) -> NoReturn:
        raise DeclarationError(f"{self.place}: found no key {key!r}, which this version of rageval expects: {REMEDY}")


def convert(place: str, record: Mapping[str, Any], read: Callable[[Mapping[str, Any]], T]) -> T:
    """`read(record)`. Raises DeclarationError that names the place for a record of another form."""
    try:
        return read(record)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        found = f"no key {error}" if isinstance(error, KeyError) else f"another form ({error})"
        raise DeclarationError(
            f"{place}: found {found}, expected a record of this version of rageval: {REMEDY}"
        ) from None
