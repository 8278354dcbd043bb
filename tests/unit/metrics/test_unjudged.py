"""Bounds over the labels that unjudged documents may get, against every way to label them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rageval.metrics import parse
from rageval.metrics.unjudged import JudgedRanking, bounds, has_bounds

NAMES = [f"{name}@{k}" for name in ("hit_rate", "mrr", "ndcg", "precision", "recall") for k in (1, 3, 5)] + [
    "mrr",
    "ndcg",
]


def score(name: str, ranked: Sequence[int | None], elsewhere: Sequence[int], least: int) -> float:
    """The metric by its definition; a document without a label is irrelevant and not in the ideal ranking."""
    kind, _, k = name.partition("@")
    depth = int(k) if k else 1000
    everything = [*(grade for grade in ranked if grade is not None), *elsewhere]
    first = [(grade or 0) >= least for grade in ranked[:depth]]
    relevant = sum(grade >= least for grade in everything)
    match kind:
        case "hit_rate":
            return float(any(first))
        case "precision":
            return sum(first) / depth
        case "recall":
            return sum(first) / relevant if relevant else 0.0
        case "mrr":
            return next((1 / rank for rank, hit in enumerate(first, 1) if hit), 0.0)
        case _:
            best = dcg(sorted(everything, reverse=True)[:depth])
            return dcg(ranked[:depth]) / best if best else 0.0


def dcg(grades: Sequence[int | None]) -> float:
    return sum(max(grade or 0, 0) / math.log2(rank + 1) for rank, grade in enumerate(grades, 1))


ranked_strategy = st.lists(st.one_of(st.none(), st.none(), st.integers(-1, 2)), max_size=5)


@settings(max_examples=150)
@given(
    name=st.sampled_from(NAMES),
    ranked=ranked_strategy,
    elsewhere=st.lists(st.integers(-1, 2), max_size=4),
    least=st.integers(1, 2),
    spare=st.integers(0, 1),
)
def test_bounds_are_the_extremes_over_all_labellings(
    name: str, ranked: list[int | None], elsewhere: list[int], least: int, spare: int
) -> None:
    grades = [*(grade for grade in ranked if grade is not None), *elsewhere]
    top = max([least, *grades]) + spare
    cutoff = parse(name).cutoff or len(ranked)
    places = [i for i, grade in enumerate(ranked[:cutoff]) if grade is None]
    tried: list[float] = []
    for given_grades in itertools.product(range(top + 1), repeat=len(places)):
        labelled = [*ranked]
        for place, grade in zip(places, given_grades, strict=True):
            labelled[place] = grade
        tried.append(score(name, labelled, elsewhere, least))
    low, high = bounds(parse(name), JudgedRanking(ranked, grades, top, least))
    assert math.isclose(low, min(tried), abs_tol=1e-12)
    assert math.isclose(high, max(tried), abs_tol=1e-12)


def test_a_relevant_document_at_the_end_can_lower_ndcg() -> None:
    """The example of the module: all relevant is not the best labelling there."""
    ranking = JudgedRanking([1, *[0] * 8, None], [1, *[0] * 8])
    both = (1 + 1 / math.log2(11)) / (1 + 1 / math.log2(3))
    assert bounds(parse("ndcg@10"), ranking) == pytest.approx((both, 1.0))
    assert round(both, 2) == 0.79


def test_a_label_that_is_added() -> None:
    ranking = JudgedRanking([None, 2], [2], 2).labelled(0, 1)
    assert (ranking.ranked, ranking.grades) == ([1, 2], [2, 1])
    assert bounds(parse("hit_rate@2"), ranking) == (1.0, 1.0)


@pytest.mark.parametrize("name", ["map", "map@5", "r_precision", "bpref", "judged@5", "faithfulness"])
def test_metrics_without_bounds(name: str) -> None:
    assert not has_bounds(parse(name))
    with pytest.raises(KeyError):
        bounds(parse(name), JudgedRanking([None], []))
