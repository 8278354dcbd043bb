"""What is lost in retrieval and in generation, measured against runs of the recipes `oracle` and `closed_book`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rageval.decide.answer_checks import RightByReference
from rageval.decide.comparison import Comparison, compare
from rageval.errors import DeclarationError
from rageval.metrics import parse
from rageval.metrics.overlap import OVERLAP_METRICS
from rageval.scores.estimates import interval_to_json
from rageval.scores.reading import read_run_scores
from rageval.stats import Interval, mean_interval
from rageval.types import Json


@dataclass(frozen=True, slots=True)
class Losses:
    """Losses on one metric, 0 to 1 where 1 is the best (turned round where lower is better).

    `of_retriever` is the mean of oracle - run: what answers would gain if the generator read the labelled passages.
    `of_generator` is the mean of 1 - oracle: what is lost even with them. `from_retrieval` is the mean of run - closed
    book: what retrieval adds to what the model knows. The first and the last are paired, question by question; each
    interval is for this number alone. None where that run was not given.
    """

    metric: str
    of_retriever: Interval | None
    of_generator: Interval | None
    from_retrieval: Interval | None

    def to_json(self) -> dict[str, Json]:
        numbers = {
            "of_retriever": self.of_retriever,
            "of_generator": self.of_generator,
            "from_retrieval": self.from_retrieval,
        }
        return {
            "metric": self.metric,
            **{name: None if one is None else {**interval_to_json(one), "n": one.n} for name, one in numbers.items()},
        }


def measure_losses(
    run: Path,
    metrics: Sequence[str],
    oracle: str | Path | None,
    closed_book: str | Path | None,
    metric: str | None,
    correctness: RightByReference,
) -> Losses:
    """The losses of a run with these `metrics`, on `metric`; by default on the one that says whether its answers are
    right, and without one on the first metric of text overlap that all runs have.

    Raises NotComparableError for runs that cannot be compared on the metric, DeclarationError where there is none.
    """
    others = [one for one in (oracle, closed_book) if one is not None]
    name = metric or _common_metric(metrics, others, correctness)
    to_oracle = None if oracle is None else _paired(run, oracle, name)
    from_closed_book = None if closed_book is None else _paired(closed_book, run, name)
    return Losses(
        str(parse(name)),
        None if to_oracle is None else to_oracle.difference,
        None if to_oracle is None else mean_interval([1.0 - gain for gain in to_oracle.pairs.gains[1]]),
        None if from_closed_book is None else from_closed_book.difference,
    )


def _paired(baseline: str | Path, candidate: str | Path, metric: str) -> Comparison:
    (comparison,) = compare(baseline, candidate, [metric]).comparisons.values()
    return comparison


def _common_metric(metrics: Sequence[str], others: Sequence[str | Path], correctness: RightByReference) -> str:
    if correctness.name in metrics:
        return correctness.name
    of_others = [read_run_scores(one).metrics for one in others]
    for name in metrics:
        if name in OVERLAP_METRICS and all(name in known for known in of_others):
            return name
    raise DeclarationError(
        "found no metric of answers and references that all of these runs have, expected one such as "
        "answer_correctness or token_f1: run all with it, or name another one with --metric"
    )
