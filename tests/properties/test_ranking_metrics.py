"""What must hold for every ranking metric, whatever the labels and rankings."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.metrics import ALL_METRICS, Metric, parse
from rageval.metrics.ranking import score_rankings
from rageval.types import Score

cutoffs = st.integers(1, 10**9 - 1)
every_metric = st.sampled_from(ALL_METRICS).flatmap(
    lambda definition: st.builds(
        Metric,
        st.just(definition.name),
        {"required": cutoffs, "optional": st.none() | cutoffs, "forbidden": st.none()}[definition.cutoff],
        tokens=st.booleans() if definition.budget else st.just(False),
    )
)
RANKING_METRICS = [
    Metric(definition.name, cutoff)
    for definition in ALL_METRICS
    if definition.kind == "ranking"
    for cutoff in {"required": (1, 3, 20), "optional": (None, 1, 3, 20), "forbidden": (None,)}[definition.cutoff]
]
doc_ids = st.sampled_from("abcdefghij")
labels_strategy = st.dictionaries(doc_ids, st.integers(-1, 3), min_size=1)
ranking_strategy = st.lists(st.tuples(doc_ids, st.integers(0, 3).map(float)), max_size=14)
distinct_ranking = st.lists(
    st.tuples(doc_ids, st.integers(0, 3).map(float)), unique_by=lambda hit: hit[0], min_size=1, max_size=10
)


def score_all(labels: dict[str, int], ranking: list[tuple[str, float]]) -> dict[Metric, float]:
    scored = score_rankings(RANKING_METRICS, {"q": labels}, {"q": ranking}, ["q"])
    scores = {metric: by_question["q"] for metric, by_question in scored.items()}
    return {metric: score.value for metric, score in scores.items() if isinstance(score, Score)}


@given(every_metric)
def test_parse_reads_what_str_writes(metric: Metric) -> None:
    assert parse(str(metric)) == metric
    assert parse(str(metric).upper()) == metric
    assert hash(parse(str(metric))) == hash(metric)


@given(labels_strategy, ranking_strategy)
def test_bounds_and_traits(labels: dict[str, int], ranking: list[tuple[str, float]]) -> None:
    values = score_all(labels, ranking)
    assert len(values) == len(RANKING_METRICS)
    for metric, value in values.items():
        assert metric.worst <= value <= 1 + 1e-12
        if metric.binary:
            assert value in (0.0, 1.0)


@given(labels_strategy, ranking_strategy, st.randoms())
def test_order_of_the_list_does_not_matter(
    labels: dict[str, int], ranking: list[tuple[str, float]], rng: random.Random
) -> None:
    shuffled = rng.sample(ranking, len(ranking))
    assert score_all(labels, shuffled) == score_all(labels, ranking)


@given(labels_strategy, ranking_strategy, st.data())
def test_repeating_a_hit_lower_changes_nothing(
    labels: dict[str, int], ranking: list[tuple[str, float]], data: st.DataObject
) -> None:
    if ranking:
        doc, score = data.draw(st.sampled_from(ranking))
        assert score_all(labels, [*ranking, (doc, score - data.draw(st.integers(0, 5)))]) == score_all(labels, ranking)


@given(labels_strategy, distinct_ranking, st.data())
def test_moving_a_better_document_up_never_hurts(
    labels: dict[str, int], ranking: list[tuple[str, float]], data: st.DataObject
) -> None:
    """Swap the scores of two documents so that the one with the higher grade comes first."""
    docs = [doc for doc, _ in ranking]
    scores = [float(len(docs) - i) for i in range(len(docs))]
    upper = data.draw(st.integers(0, len(docs) - 1))
    lower = data.draw(st.integers(upper, len(docs) - 1))
    if max(labels.get(docs[upper], 0), 0) <= max(labels.get(docs[lower], 0), 0):
        before = score_all(labels, list(zip(docs, scores, strict=True)))
        docs[upper], docs[lower] = docs[lower], docs[upper]
        after = score_all(labels, list(zip(docs, scores, strict=True)))
        for metric, value in after.items():
            # Of two documents that are not relevant, judged and bpref tell the one with a label from the other.
            if metric.name not in ("judged", "bpref"):
                assert value >= before[metric] - 1e-12, metric


@given(labels_strategy)
def test_ideal_ranking_scores_one(labels: dict[str, int]) -> None:
    """All labelled documents by falling grade, some relevant: 1 on every metric that can reach it at that depth."""
    values = score_all(labels, [(doc, float(grade)) for doc, grade in labels.items()])
    relevant = sum(grade > 0 for grade in labels.values())
    for metric, value in values.items():
        reach = {"precision": min(relevant / (metric.cutoff or 1), 1.0)}
        if metric.name in ("recall", "map") and metric.cutoff:
            reach[metric.name] = min(metric.cutoff / max(relevant, 1), 1.0)
        scores = relevant or metric.name == "judged"
        assert value == pytest.approx(reach.get(metric.name, 1.0) if scores else 0.0), metric


@given(labels_strategy, ranking_strategy, st.integers(1, 15))
def test_unretrieved_relevant_documents_never_help(
    labels: dict[str, int], ranking: list[tuple[str, float]], more: int
) -> None:
    before = score_all(labels, ranking)
    after = score_all({**labels, **{f"unseen{i}": 1 for i in range(more)}}, ranking)
    for metric, value in after.items():
        # R-precision looks at more ranks and bpref at more irrelevant documents as R grows, so they may rise.
        if metric.name not in ("r_precision", "bpref"):
            assert value <= before[metric] + 1e-12, metric
