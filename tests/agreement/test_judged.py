"""ir_measures' Judged as the oracle of judged@k."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import ir_measures
from hypothesis import given
from hypothesis import strategies as st

from rageval.metrics import parse
from rageval.metrics.ranking import score_rankings
from rageval.types import Score

KS = (1, 2, 3, 5, 10)
METRICS = [parse(f"judged@{k}") for k in KS]

docs = st.sampled_from(["a", "b", "B", "文档", "文", "\U0001f600", "10", "9"])
labels_strategy = st.dictionaries(st.sampled_from(["1", "问题"]), st.dictionaries(docs, st.integers(-2, 3), min_size=1))
rankings_strategy = st.dictionaries(st.sampled_from(["1", "问题"]), st.lists(docs, unique=True, max_size=8))


@given(labels=labels_strategy, rankings=rankings_strategy)
def test_as_ir_measures(labels: Mapping[str, Mapping[str, int]], rankings: Mapping[str, Sequence[str]]) -> None:
    run = {q: {doc: -float(rank) for rank, doc in enumerate(found)} for q, found in rankings.items() if found}
    graded = {question: grades for question, grades in labels.items() if grades}
    expected = {
        (row.query_id, row.measure): row.value
        for row in ir_measures.iter_calc([ir_measures.Judged @ k for k in KS], graded, run)
    }
    scored = score_rankings(METRICS, graded, {q: [*hits.items()] for q, hits in run.items()}, [*graded])
    for metric, k in zip(METRICS, KS, strict=True):
        for question in graded:
            score = scored[metric][question]
            assert isinstance(score, Score)
            assert math.isclose(score.value, expected.get((question, ir_measures.Judged @ k), 0.0), abs_tol=1e-12)
