import dataclasses

import pytest

from rageval.errors import DeclarationError
from rageval.judges import JUDGES
from rageval.metrics import ALL_METRICS, Metric, parse
from rageval.metrics.judged import JUDGED_METRICS, entries_read


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
        ("answer_f1", ["answer_f1", "Answer_F1"]),
        ("noise_sensitivity_relevant", ["noise_sensitivity_relevant"]),
        ("exact_match", ["exact_match"]),
        ("custom.polite", ["custom.polite"]),
        ("faithfulness:strong", ["faithfulness:strong", "Faithfulness : strong"]),
        ("custom.polite:gpt-4_b", ["custom.polite:gpt-4_b"]),
    ],
)
def test_every_spelling_is_one_metric(canonical: str, texts: list[str]) -> None:
    for text in texts:
        assert str(parse(text)) == canonical
    assert {parse(text) for text in texts} == {parse(canonical)}


def test_a_metric_of_a_named_judge_is_like_the_plain_one() -> None:
    for text in ("faithfulness", "answer_relevance", "hallucination", "custom.polite"):
        plain, named = parse(text), parse(f"{text}:strong")
        assert named == Metric(text, judge="strong") != plain
        assert (named.kind, named.binary, named.lower_is_better) == (plain.kind, plain.binary, plain.lower_is_better)
        assert set(entries_read(plain).values()) == set(entries_read(plain))
        assert entries_read(named) == {judge: f"{judge}:strong" for judge in entries_read(plain)}


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
        ("halucination", ["did you mean hallucination"]),
        ("context_utilization", ["did you mean context_utilisation"]),
        ("polite", ["unknown metric 'polite'"]),
        ("custom.", ["unknown metric 'custom.'"]),
        ("custom.Polite", ["unknown metric 'custom.Polite'"]),
        ("custom.7", ["unknown metric 'custom.7'"]),
        ("custom.a-b", ["unknown metric 'custom.a-b'"]),
        ("custom.polite\n", ["unknown metric"]),
        ("custom.polite@3", ["unknown metric 'custom.polite@3'"]),
        ("faithfulness:", ["found '' as the name of a judge", "as in strong"]),
        ("faithfulness:Strong", ["found 'Strong' as the name of a judge"]),
        ("faithfulness:7b", ["found '7b' as the name of a judge"]),
        ("faithfulness:a:b", ["found 'a:b' as the name of a judge"]),
        ("faithfullness:strong", ["did you mean faithfulness?"]),
        ("ndcg@10:strong", ["metric 'ndcg@10:strong'", "no judge scores ndcg: write ndcg@10"]),
        ("token_f1:strong", ["no judge scores token_f1: write token_f1"]),
        ("hallucination@3", ["takes no cutoff", "write hallucination"]),
        ("token_f1@3", ["takes no cutoff", "write token_f1"]),
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
        ("recall@2000t", ["only evidence metrics take a budget of tokens", "evidence_recall@2000t"]),
        ("evidence_recall", ["needs a cutoff"]),
        ("evidence_recall@0t", ["at least 1"]),
        ("evidence_recall@2kt", ["found the cutoff '2kt'", "evidence_recall@2000t for tokens of context"]),
        ("faithfulness@10t", ["takes no cutoff"]),
    ],
)
def test_what_names_no_metric_is_refused_in_one_line(text: str, parts: list[str]) -> None:
    with pytest.raises(DeclarationError) as caught:
        parse(text)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_a_budget_of_tokens() -> None:
    metric = parse("Evidence_Recall@2000T")
    assert metric == Metric("evidence_recall", 2000, tokens=True)
    assert str(metric) == "evidence_recall@2000t"
    assert metric != parse("evidence_recall@2000")


def test_a_metric_cannot_be_built_wrong() -> None:
    with pytest.raises(DeclarationError, match="did you mean mrr"):
        Metric("RR")
    with pytest.raises(DeclarationError, match="needs a cutoff"):
        Metric("precision")
    with pytest.raises(dataclasses.FrozenInstanceError):
        Metric("map").cutoff = 5  # type: ignore[misc]


LOWER_IS_BETTER = {
    "hallucination_ie",
    "hallucination_qa",
    "hallucination_nli",
    "hallucination_classifier",
    "hallucination_llm",
    "contradiction",
    "context_contradiction",
    "repetition",
    "repeated_sentences",
    "longest_loop",
    "hallucination",
    "self_knowledge",
    "noise_sensitivity_relevant",
    "noise_sensitivity_irrelevant",
}


def test_one_is_the_worst_of_some_metrics() -> None:
    for definition in ALL_METRICS:
        metric = Metric(definition.name, 5 if definition.cutoff == "required" else None)
        assert metric.lower_is_better == (metric.name in LOWER_IS_BETTER)
        assert metric.worst == (1.0 if metric.name in LOWER_IS_BETTER else 0.0)


def test_a_judge_of_ones_own() -> None:
    metric = parse("custom.polite")
    assert (metric.name, metric.cutoff, metric.kind, metric.worst) == ("custom.polite", None, "judged", 0.0)
    assert not metric.binary
    assert not metric.lower_is_better
    with pytest.raises(DeclarationError, match="takes no cutoff"):
        Metric("custom.polite", 3)


REPEATING = {"repetition", "repeated_sentences", "longest_loop"}
BY_KIND = {
    "ranking": {"hit_rate@k", "mrr, mrr@k", "ndcg, ndcg@k", "precision@k", "recall@k", "map, map@k", "r_precision"},
    "evidence": {
        f"evidence_{name}@k, evidence_{name}@Nt"
        for name in ("recall", "hit", "all", "precision", "iou", "mrr", "ndcg")
    },
    "judged": {
        "faithfulness", "answer_relevance", "context_relevance", "context_relevance_sentences",
        "context_relevance_graded", "context_precision", "context_recall",
        "context_utilisation", "answer_precision", "answer_recall", "answer_f1", "answer_correctness", "completeness",
        "harmlessness", *(LOWER_IS_BETTER - REPEATING), "citation_recall", "citation_precision", "citation_f1",
        "sufficient_context",
    },
    "answer": {
        "exact_match", "answer_contains", "token_f1", "rouge_l", "bleu", "chrf", "negative_rejection",
        "abstention_accuracy", "right_reaction", *REPEATING,
    },
}  # fmt: skip


def test_the_metrics_that_were_promised_are_there() -> None:
    for kind, forms in BY_KIND.items():
        assert forms <= {definition.form for definition in ALL_METRICS if definition.kind == kind}


def test_definitions_are_complete() -> None:
    assert len({definition.name for definition in ALL_METRICS}) == len(ALL_METRICS)
    for definition in ALL_METRICS:
        assert definition.meaning
        assert definition.source
        assert "\n" not in definition.meaning + definition.source


def test_every_judged_metric_has_its_arithmetic() -> None:
    assert set(JUDGED_METRICS) == {definition.name for definition in ALL_METRICS if definition.kind == "judged"}
    for name, metric in JUDGED_METRICS.items():
        assert set(metric.judges) <= set(JUDGES), name
