"""The tokens that services of embeddings and rankings count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast


def read_tokens(body: Any) -> int:
    """The tokens that the service counted, 0 where it does not say."""
    found: Mapping[str, Any] = cast("Mapping[str, Any]", body) if isinstance(body, Mapping) else {}
    usage = _mapping(found, "usage")
    tokens = _mapping(_mapping(found, "meta"), "tokens")
    for counted in (usage.get("total_tokens"), usage.get("prompt_tokens"), tokens.get("input_tokens")):
        if isinstance(counted, int) and not isinstance(counted, bool):
            return counted
    return 0


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    inner = value.get(name)
    return cast("Mapping[str, Any]", inner) if isinstance(inner, Mapping) else {}
