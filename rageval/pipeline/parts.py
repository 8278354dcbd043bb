"""What a stage is made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, cast


def parts_of(value: object) -> Iterator[object]:
    """Yield the value and everything in it, at any depth: the fields of dataclasses and the items of sequences."""
    yield value
    if isinstance(value, tuple | list):
        inner = [*cast("Sequence[object]", value)]
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        inner = [cast("object", getattr(cast("Any", value), field.name)) for field in dataclasses.fields(value)]
    else:
        return
    for one in inner:
        yield from parts_of(one)
