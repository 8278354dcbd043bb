"""The answers are forms of the services' own references (docs: Cohere, Jina, Voyage, SGLang, TEI, DashScope, vLLM)."""

from __future__ import annotations

import pytest

from rageval.errors import ExecutionError
from rageval.models.rerank_reply import SHAPES, read_scores
from rageval.models.usage_reply import read_tokens


def ranking(score: str = "relevance_score", **more: object) -> list[dict[str, object]]:
    return [{"index": 2, score: 0.9, **more}, {"index": 0, score: 0.25, **more}, {"index": 1, score: -1.5, **more}]


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        ({"id": "x", "results": ranking(), "meta": {"billed_units": {"search_units": 1}}}, 0),
        ({"model": "m", "usage": {"total_tokens": 38}, "results": ranking(document={"text": "a"})}, 38),
        ({"object": "list", "data": ranking(), "usage": {"total_tokens": 26}}, 26),
        (ranking("score", document="a", meta_info={}), 0),
        (ranking("score"), 0),
        ({"id": "x", "results": ranking(), "meta": {"tokens": {"input_tokens": 11, "output_tokens": 0}}}, 11),
        ({"results": ranking(document=None), "meta": None, "usage": None}, 0),
        ({"object": "list", "results": ranking(), "usage": {"prompt_tokens": 7}}, 7),
    ],
    ids=["cohere", "jina", "voyage", "sglang", "tei", "siliconflow", "xinference", "llama.cpp"],
)
def test_scores_are_read_by_index(body: object, tokens: int) -> None:
    assert read_scores(body, 3, "here") == [0.25, -1.5, 0.9]
    assert read_tokens(body) == tokens


def test_what_is_left_out_or_no_number_has_no_score() -> None:
    results = [{"index": 1, "relevance_score": float("nan")}, {"index": 0, "relevance_score": 3}]
    assert read_scores({"results": results}, 3, "here") == [3.0, None, None]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "not a ranking"),
        ("Ollama is running", "not a ranking"),
        ({"results": []}, "not a ranking"),
        ({"results": [1, 2]}, "not a ranking"),
        ([{"index": 0, "score": None}], "not a ranking"),
        ([{"score": 0.5}], "the index None, expected 0 to 1"),
        ([{"index": 2, "score": 0.5}], "the index 2"),
        ([{"index": 0, "score": 0.5}, {"index": 0, "score": 0.4}], "the index 0"),
        ([{"index": "0", "score": 0.5}], "the index '0'"),
    ],
)
def test_a_body_that_is_no_ranking_is_a_failure(body: object, told: str) -> None:
    with pytest.raises(ExecutionError, match=f"here: .*{told}"):
        read_scores(body, 2, "here")


def test_what_is_sent() -> None:
    bodies = {name: shape.body("q", ["a", "b"]) for name, shape in SHAPES.items()}
    assert bodies["cohere"] == {"query": "q", "documents": ["a", "b"], "top_n": 2}
    assert bodies["voyage"] == {"query": "q", "documents": ["a", "b"], "top_k": 2}
    assert bodies["tei"] == {"query": "q", "texts": ["a", "b"]}
    assert SHAPES["dashscope"].path == "/reranks"
