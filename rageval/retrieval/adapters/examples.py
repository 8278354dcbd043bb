"""What an adapter is trained on: questions with the passages that answer them, and with some that only look so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rageval.models.base import Embedder, Vectors
from rageval.retrieval.indexes.by_vector import embedded_text
from rageval.types import Benchmark, Passage, Question


@dataclass(frozen=True)
class Examples:
    """Unit vectors of the questions, shape (n, dim), and of all passages, shape (passages, dim), by whose rows
    everything else is given.

    `targets` gives each question the shares of its candidates, which sum to 1; a candidate with the share 0 is a hard
    negative. `relevant` are all passages that are right for a question: none of them is its negative.
    """

    asked: tuple[Question, ...]
    questions: Vectors
    passages: Vectors
    targets: tuple[Mapping[int, float], ...]
    relevant: tuple[frozenset[int], ...]

    def columns(self, some: NDArray[np.int64]) -> tuple[list[int], NDArray[np.float64]]:
        """The candidates of these questions, each once, and the share of each for each question, shape (questions,
        candidates).

        A candidate of another question alone has the share 0 as well, and NaN, which means that it is left out, where
        it is relevant: those are no negatives.
        """
        columns = [*dict.fromkeys(row for question in map(int, some) for row in self.targets[question])]
        shares = np.zeros((len(some), len(columns)))
        for place, question in enumerate(map(int, some)):
            for column, row in enumerate(columns):
                share = self.targets[question].get(row)
                shares[place, column] = np.nan if share is None and row in self.relevant[question] else share or 0.0
        return columns, shares


async def find_examples(
    benchmark: Benchmark, passages: Sequence[Passage], embedder: Embedder, *, negatives: int = 8
) -> Examples:
    """The questions of a benchmark that have relevant documents, each with the passage of these that is nearest to it
    as its target, and the `negatives` nearest passages of other documents.

    Questions without relevance labels are left out, and so are those of whose relevant documents none has a passage.
    """
    vectors = await embedder.embed([embedded_text(passage) for passage in passages], "passage")
    rows_of: dict[str, list[int]] = {}
    for row, passage in enumerate(passages):
        rows_of.setdefault(passage.doc_id, []).append(row)
    relevant: dict[str, set[int]] = {}
    for label in benchmark.labels:
        if label.grade >= benchmark.grade_threshold:
            relevant.setdefault(label.question_id, set()).update(rows_of.get(label.doc_id, ()))
    asked = tuple(question for question in benchmark.questions if relevant.get(question.id))
    questions = await embedder.embed([question.text for question in asked], "query")
    targets = [
        _targets(vector @ vectors.T, relevant[question.id], negatives)
        for question, vector in zip(asked, questions, strict=True)
    ]
    return Examples(asked, questions, vectors, tuple(targets), tuple(frozenset(relevant[one.id]) for one in asked))


def _targets(cosines: Vectors, relevant: set[int], negatives: int) -> Mapping[int, float]:
    nearest = [int(row) for row in np.argsort(-cosines, kind="stable")]
    best = next(row for row in nearest if row in relevant)
    others = [row for row in nearest[: negatives + len(relevant)] if row not in relevant][:negatives]
    return {best: 1.0, **dict.fromkeys(others, 0.0)}
