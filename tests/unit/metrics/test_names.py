import dataclasses

import pytest

from rageval.errors import DeclarationError
from rageval.metrics import ALL_METRICS, Metric, parse


@pytest.mark.parametrize(
    ("canonical", "texts"),
    [
        ("hit_rate@5", ["hit_rate@5", "Success@5", "success_5", "success.5", "hit@5", "HIT_RATE@5"]),
        ("mrr", ["mrr", "MRR", "RR", "recip_rank"]),
        ("mrr@10", ["mrr@10", "MRR@10", "RR@10"]),
        ("ndcg", ["ndcg", "nDCG"]),
        ("ndcg@10", ["ndcg@10", "nDCG@10", "ndcg_cut_10", "ndcg_cut.10", " ndcg@10 "]),
        ("precision@5", ["precision@5", "P@5", "P_5"]),
        ("recall@100", ["recall@100", "R@100", "recall_100"]),
        ("map", ["map", "MAP", "AP"]),
        ("map@10", ["map@10", "AP@10", "map_cut_10"]),
        ("r_precision", ["r_precision", "Rprec"]),
        ("faithfulness", ["faithfulness", "Faithfulness"]),
        ("answer_relevance", ["answer_relevance"]),
        ("context_relevance", ["context_relevance"]),
    ],
)
def test_every_spelling_is_one_metric(canonical: str, texts: list[str]) -> None:
    for text in texts:
        assert str(parse(text)) == canonical
    assert {parse(text) for text in texts} == {parse(canonical)}


def test_fields_and_traits() -> None:
    metric = parse("nDCG@10")
    assert (metric.name, metric.cutoff, metric.kind, metric.binary, metric.worst) == ("ndcg", 10, "ranking", False, 0.0)
    assert parse("faithfulness").kind == "judged"
    assert {str(parse(name)) for name in ("hit_rate@1", "answer_relevance") if parse(name).binary} == {
        "hit_rate@1",
        "answer_relevance",
    }


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("ndgc@10", ["unknown metric 'ndgc@10'", "did you mean ndcg, ndcg@k", "rageval list metrics"]),
        ("faithfullness", ["did you mean faithfulness?", "rageval list metrics"]),
        ("bpref_nothing_near_zzz", ["unknown metric", "`rageval list metrics` lists all"]),
        ("", ["unknown metric ''"]),
        ("@10", ["unknown metric '@10'"]),
        ("ndcg_10", ["unknown metric 'ndcg_10'"]),
        ("P_10_20", ["unknown metric"]),
        ("recall", ["'recall' needs a cutoff", "recall@10"]),
        ("hit", ["'hit_rate' needs a cutoff"]),
        ("P", ["'precision' needs a cutoff"]),
        ("r_precision@5", ["takes no cutoff", "write r_precision"]),
        ("faithfulness@3", ["takes no cutoff", "write faithfulness"]),
        ("ndcg@0", ["at least 1", "ndcg@10"]),
        ("success_0", ["at least 1", "hit_rate@10"]),
        ("ndcg@", ["found the cutoff ''", "ndcg@10"]),
        ("ndcg@ten", ["found the cutoff 'ten'", "whole number"]),
        ("RR@-1", ["found the cutoff '-1'", "mrr@10"]),
        ("ndcg@1.5", ["found the cutoff '1.5'"]),
        ("ndcg@٣", ["found the cutoff '٣'"]),
        ("ndcg@" + "9" * 5000, ["found the cutoff"]),
    ],
)
def test_what_names_no_metric_is_refused_in_one_line(text: str, parts: list[str]) -> None:
    with pytest.raises(DeclarationError) as caught:
        parse(text)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_a_metric_cannot_be_built_wrong() -> None:
    with pytest.raises(DeclarationError, match="did you mean mrr"):
        Metric("RR")
    with pytest.raises(DeclarationError, match="needs a cutoff"):
        Metric("precision")
    with pytest.raises(dataclasses.FrozenInstanceError):
        Metric("map").cutoff = 5  # type: ignore[misc]


def test_definitions_are_complete() -> None:
    assert [definition.form for definition in ALL_METRICS] == [
        "hit_rate@k",
        "mrr, mrr@k",
        "ndcg, ndcg@k",
        "precision@k",
        "recall@k",
        "map, map@k",
        "r_precision",
        "faithfulness",
        "answer_relevance",
        "context_relevance",
    ]
    for definition in ALL_METRICS:
        assert definition.meaning
        assert definition.source
        assert "\n" not in definition.meaning + definition.source
