"""Does a corpus loader keep its protocol?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rageval.benchmark.in_memory import validated
from rageval.errors import BenchmarkError
from rageval.testing.expect import expect, expect_type
from rageval.types import Benchmark


def check_corpus_loader(load: Callable[..., Benchmark], *arguments: Any, **settings: Any) -> None:
    """Raises AssertionError where the loader does not keep its protocol. Calls `load(*arguments, **settings)` twice.

    Checked are: that it returns a `Benchmark`, as `rageval.benchmark_from_records` makes one; that its documents,
    questions and labels pass the validation that files pass; and that a second call gives the same content.
    """
    first, second = (_load(load, arguments, settings) for _ in range(2))
    expect(
        first.content_hash == second.content_hash,
        f"load: found other content at the second call ({second.content_hash[:10]}) than at the first "
        f"({first.content_hash[:10]}), expected the same: read in a fixed order, draw with a fixed seed",
    )


def _load(load: Callable[..., Benchmark], arguments: tuple[Any, ...], settings: dict[str, Any]) -> Benchmark:
    try:
        found: object = load(*arguments, **settings)
    except BenchmarkError as error:
        raise AssertionError(f"load: {error}") from error
    except Exception as error:
        raise AssertionError(f"load: raised {type(error).__name__} ({error}), expected a Benchmark") from error
    benchmark = expect_type(found, Benchmark, "load")
    try:
        return validated(benchmark)
    except BenchmarkError as error:
        raise AssertionError(f"load: {error}") from error
