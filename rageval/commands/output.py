"""How commands print."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated

import typer

from rageval.types import Json

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]


def print_json(data: Mapping[str, Json]) -> None:
    """One JSON object on one line."""
    print(json.dumps(data, ensure_ascii=False, allow_nan=False))
