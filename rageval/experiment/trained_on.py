"""No question is asked of an adapter that was trained on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rageval.errors import DeclarationError
from rageval.pipeline import Pipeline
from rageval.retrieval import AdaptedDense
from rageval.retrieval.indexes.over import OverIndexes
from rageval.types import Question


def check_trained_on(pipelines: Sequence[Pipeline], questions: Sequence[Question]) -> None:
    """Raises DeclarationError where the adapter of a pipeline was trained on one of the questions."""
    for pipeline in pipelines:
        for index in _with_inner(pipeline.stage.indexes()):
            if isinstance(index, AdaptedDense) and (seen := index.adapter.seen(questions)):
                raise DeclarationError(
                    f"pipelines: {pipeline.label}: found {len(seen)} of {len(questions)} questions that {index.path} "
                    f"was trained on ({seen[0].id}{', …' if len(seen) > 1 else ''}), expected others: train it apart "
                    "from these (rageval train-adapter --apart-from), or ask other questions"
                )


def _with_inner(indexes: Iterable[object]) -> Iterator[object]:
    """The indexes, and those that they are made of."""
    for index in indexes:
        yield index
        if isinstance(index, OverIndexes):
            yield from _with_inner(index.inner())
