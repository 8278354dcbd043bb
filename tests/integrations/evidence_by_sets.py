"""Evidence recall by sets of characters, for what other frameworks return."""

from __future__ import annotations

from rageval.types import Benchmark

Character = tuple[str, int]


def recall_of(benchmark: Benchmark, question_id: str, read: set[Character]) -> float:
    """Of each part the alternative of which most is read counts, of equal ones the shortest."""
    parts: dict[object, list[set[Character]]] = {}
    for label in benchmark.labels:
        if label.question_id == question_id and label.start is not None and label.end is not None:
            span = {(label.doc_id, position) for position in range(label.start, label.end)}
            parts.setdefault(label.part or label, []).append(span)
    chosen = [max(sorted(part, key=len), key=lambda span: len(span & read) / len(span)) for part in parts.values()]
    evidence = set[Character]().union(*chosen)
    return len(evidence & read) / len(evidence)
