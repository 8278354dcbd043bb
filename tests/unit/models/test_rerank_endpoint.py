"""Answers and refusals are forms of the services' own: Cohere, Voyage, TEI, DashScope, llama.cpp."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from rageval.errors import BudgetError, DeclarationError, ExecutionError, ModelError
from rageval.experiment.choose_models import choose_ranker
from rageval.models.base import ChatReply
from rageval.models.budget import Budget, Most, Price
from rageval.models.rerank_endpoint import RerankService, rank_request, read_ranks
from rageval.types import Usage
from tests.flow.fake_server import Canned, FakeServer, Received, fault

TEXTS = ["a", "bb", "ccc"]


class RerankServer(FakeServer):
    def _add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_post("/{path:.*}", self._handle)


def scored(received: Received, score: str = "relevance_score", texts: str = "documents") -> list[dict[str, Any]]:
    """The longest first, with its length as the score."""
    lengths = [len(text) for text in received.payload[texts]]
    return sorted(({"index": n, score: float(m)} for n, m in enumerate(lengths)), key=lambda one: -one[score])


def cohere(received: Received) -> Canned:
    return Canned({"id": "x", "results": scored(received), "meta": {"tokens": {"input_tokens": 30}}})


def tei(received: Received) -> Canned:
    if "texts" not in received.payload:
        told = "Failed to deserialize the JSON body into the target type: missing field `texts` at line 1 column 90"
        return Canned({"message": told, "code": 422, "type": "Validation"}, 422)
    if len(received.payload["texts"]) > 32:
        n = len(received.payload["texts"])
        return Canned({"message": f"batch size {n} > maximum allowed batch size 32", "code": 422}, 422)
    return Canned(scored(received, "score", "texts"))


def voyage(received: Received) -> Canned:
    if "top_n" in received.payload:
        return Canned({"detail": "Argument 'top_n' is not supported by our API; did you mean 'top_k'?"}, 400)
    return Canned({"object": "list", "data": scored(received), "usage": {"total_tokens": 26}})


def dashscope(received: Received) -> Canned:
    return cohere(received) if received.path.endswith("/reranks") else Canned("", 404)


def rank(
    server: FakeServer, cache: Path, *queries: str, texts: list[str] = TEXTS, budget: Budget | None = None, **more: Any
) -> list[ChatReply]:
    async def run() -> list[ChatReply]:
        service = RerankService(server.base_url, "ranker", **{"max_retries": 0, **more})
        model = choose_ranker(service, cache, budget)
        try:
            return [await model.complete(rank_request(query, texts)) for query in queries]
        finally:
            await model.close()

    return asyncio.run(run())


@pytest.mark.parametrize("answer", [cohere, tei, voyage, dashscope], ids=lambda f: f.__name__)
def test_the_shape_is_found_by_the_answer_and_remembered(answer: Callable[[Received], Canned], tmp_path: Path) -> None:
    with RerankServer(answer) as server:
        for reply in rank(server, tmp_path, "q", "r"):
            assert read_ranks(reply) == [1.0, 2.0, 3.0]
        before = server.calls
        rank(server, tmp_path, "s")
        assert server.calls == before + 1  # the next command knows it
        assert before == (2 if answer is cohere else 3)


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        ("jina", {"query": "q", "documents": TEXTS, "top_n": 3}),
        ("voyage", {"query": "q", "documents": TEXTS, "top_k": 3}),
        ("tei", {"query": "q", "texts": TEXTS}),
    ],
)
def test_a_given_shape_is_sent(shape: str, body: dict[str, Any], tmp_path: Path) -> None:
    with RerankServer(tei if shape == "tei" else cohere) as server:
        rank(server, tmp_path, "q", shape=shape, extra_body={"truncation": True})
        assert server.received[0].payload == {"model": "ranker", "truncation": True, **body}
        assert server.calls == 1


def test_nothing_is_paid_twice(tmp_path: Path) -> None:
    with RerankServer(cohere) as server:
        first, again = rank(server, tmp_path, "q", "q")
        (other,) = rank(server, tmp_path, "q")
        assert server.calls == 1
    assert (first.usage.calls, first.usage.prompt_tokens, first.usage.paid_calls) == (1, 30, 1)
    assert (again.usage.paid_calls, other.usage.paid_calls, other.usage.calls) == (0, 0, 1)
    assert first.text == again.text == other.text


def test_too_many_texts_are_split_and_the_number_is_remembered(tmp_path: Path) -> None:
    texts = ["x" * n for n in range(1, 51)]
    with RerankServer(tei) as server:
        first, second = rank(server, tmp_path, "q", "r", texts=texts, shape="tei")
        assert [len(received.payload["texts"]) for received in server.received] == [50, 32, 18, 32, 18]
    assert read_ranks(first) == read_ranks(second) == [float(n) for n in range(1, 51)]
    assert first.usage.calls == second.usage.calls == 2


def test_each_call_counts_against_the_budget(tmp_path: Path) -> None:
    budget = Budget(Most(calls=3))
    with RerankServer(cohere) as server, pytest.raises(BudgetError):
        rank(server, tmp_path, "q", "r", batch=2, budget=budget)
    assert server.calls == 3
    assert budget.taken.calls == 3


def test_a_budget_of_cost_needs_a_price(tmp_path: Path) -> None:
    with RerankServer(cohere) as server:
        with pytest.raises(DeclarationError, match=r"budget\.max_cost: found no price of ranker @ "):
            rank(server, tmp_path, "q", budget=Budget(Most(cost=1.0)))
        budget = Budget(Most(cost=1.0))
        rank(server, tmp_path, "q", budget=budget, price=Price(2.0, 0.0))
    assert budget.taken.cost == pytest.approx(30 * 2.0 / 1e6)


def test_raw_scores_stay_as_they_are_and_missing_ones_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answer = {"results": [{"index": 2, "relevance_score": 4.75}, {"index": 0, "relevance_score": -11.03}]}
    with RerankServer(lambda _: Canned(answer)) as server:
        (reply,) = rank(server, tmp_path, "q")
    assert read_ranks(reply) == [-11.03, None, 4.75]
    assert reply.usage == Usage(calls=1, requests=reply.usage.requests)
    assert "gave no score to 1 of 3 texts" in caplog.text


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        (Canned({"results": []}), ExecutionError, "not a ranking"),
        (fault(400, "documents must not be empty"), ExecutionError, "must not be empty"),
        (fault(422, "`inputs` must have less than 512 tokens"), ExecutionError, "make passages shorter"),
        (fault(401, "no"), ModelError, "key"),
        (fault(404, "no such model"), ModelError, "check `model`"),
    ],
)
def test_a_service_that_fails(answer: Canned, error: type[Exception], told: str, tmp_path: Path) -> None:
    with RerankServer(lambda _: answer) as server, pytest.raises(error, match=told):
        rank(server, tmp_path, "q")
    assert server.calls <= 2


def test_what_is_part_of_the_identity() -> None:
    def identity(**more: Any) -> str:
        return RerankService(**{"base_url": "http://127.0.0.1:1/v1", "model": "m", **more}).identity

    changes: list[dict[str, Any]] = [
        {},
        {"model": "n"},
        {"base_url": "http://127.0.0.1:2/v1"},
        {"shape": "tei"},
        {"extra_body": {"raw_scores": True}},
    ]
    assert len({identity(**change) for change in changes}) == len(changes)
    assert identity(batch=3, concurrency=2, api_key_env="OTHER") == identity()
    with pytest.raises(DeclarationError, match="shape: found 'cohre', expected auto or one of cohere"):
        identity(shape="cohre")
