"""Benchmarks by loaders of the user's own: a function that returns one, in a file or an installed package."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path

from rageval.benchmark.in_memory import validated
from rageval.errors import BenchmarkError, DeclarationError
from rageval.io.plugins import build_found, find_plugin, installed_plugins, split_reference
from rageval.io.strict import shown
from rageval.types import Benchmark


def names_loader(reference: str) -> bool:
    """Whether it is a Python file, or the name of an installed loader, alone or with a text after a colon."""
    file, _ = split_reference(reference)
    return (file or "").endswith(".py") or reference.partition(":")[0] in installed_plugins("corpora")


def load_own(reference: str, settings: Mapping[str, object] | None, base: Path, split: str | None) -> Benchmark:
    """The benchmark that the loader returns for these settings, validated as files are.

    `reference` is `FILE.py` (its function `load`), `FILE.py:FUNCTION`, or the name of an installed loader; of
    `NAME:REST`, REST is the first setting. Settings annotated as `Path` are relative to `base`. Loaders with a
    parameter `split` receive the split. Raises DeclarationError if the loader cannot be called this way, BenchmarkError
    for an invalid benchmark.
    """
    name, rest = reference, ""
    if split_reference(reference)[0] is None:
        name, _, rest = reference.partition(":")
    loader = find_plugin("corpora", name, {}, base, "benchmark")
    given = {**(settings or {}), **({} if split is None else {"split": split})}
    if rest:
        first = next(iter(inspect.signature(loader.target).parameters), None) if callable(loader.target) else None
        if first is None or first in given:
            raise DeclarationError(f"benchmark: found {rest!r} behind {name}:, expected nothing there")
        given[first] = rest
    found = build_found(loader, given, base, "benchmark")
    if not isinstance(found, Benchmark):
        raise DeclarationError(
            f"benchmark: {name} returned {shown(found)}, expected a Benchmark, such as rageval.benchmark_from_records "
            "returns"
        )
    try:
        return validated(found)
    except BenchmarkError as error:
        raise BenchmarkError([f"{name}: {problem}" for problem in error.problems]) from None
