"""How a benchmark is scored, where that is not the usual way: part of what it is, and so of its hash."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from rageval.benchmark.content_hash import content_hash
from rageval.errors import DeclarationError
from rageval.types import Benchmark


def with_settings(
    benchmark: Benchmark, *, exclude_self: bool | None = None, grade_threshold: int | None = None
) -> Benchmark:
    """The benchmark with these settings (see `Benchmark`); None leaves one as it is.

    Where any of them is not the usual one, the hash is that of content and settings. Raises DeclarationError for a
    threshold below 1.
    """
    exclude = benchmark.exclude_self if exclude_self is None else exclude_self
    threshold = benchmark.grade_threshold if grade_threshold is None else grade_threshold
    if threshold < 1:
        raise DeclarationError(f"grade_threshold: found {threshold}, expected at least 1")
    if (exclude, threshold) == (benchmark.exclude_self, benchmark.grade_threshold):
        return benchmark
    of_content = benchmark.content_hash
    if benchmark.exclude_self or benchmark.grade_threshold != 1:
        of_content = content_hash(benchmark.documents, benchmark.questions, benchmark.labels)
    return replace(
        benchmark,
        exclude_self=exclude,
        grade_threshold=threshold,
        content_hash=_hash_with_settings(of_content, exclude, threshold),
    )


def _hash_with_settings(of_content: str, exclude_self: bool, grade_threshold: int) -> str:
    if not exclude_self and grade_threshold == 1:
        return of_content
    settings = json.dumps([of_content, {"exclude_self": exclude_self, "grade_threshold": grade_threshold}])
    return hashlib.sha256(settings.encode("ascii")).hexdigest()
