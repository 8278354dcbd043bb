"""Each imitated service of embeddings and rankings: the vectors and scores are right, and nothing is refused twice."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rageval.experiment.choose_models import choose_ranker
from rageval.models.base import ChatReply, Vectors
from rageval.models.known_models import KnownModel
from rageval.models.openai_embedder import OpenAIEmbedder
from rageval.models.rerank_endpoint import RerankService, rank_request, read_ranks
from tests.flow.vector_services import ROWS, VectorService, numbers, relevance, tokens

EMBEDDINGS = [name for name, row in ROWS.items() if "embeddings" in row]
RANKINGS = [name for name, row in ROWS.items() if "rerank" in row]
LIMIT = 400
LONG = " ".join(f"Sentence {n} of a text that is too long." for n in range(60))  # 9 words and a mark each: 600


def embed(server: VectorService, file: Path, texts: list[str], **settings: Any) -> tuple[Vectors, OpenAIEmbedder]:
    async def run() -> tuple[Vectors, OpenAIEmbedder]:
        known = KnownModel("fake", "embed", file)
        embedder = OpenAIEmbedder(server.base_url, "fake", known=known, max_retries=0, **settings)
        try:
            return await embedder.embed(texts, "passage"), embedder
        finally:
            await embedder.close()

    return asyncio.run(run())


def unit(text: str) -> np.ndarray:
    return np.array(numbers(text)) / np.linalg.norm(numbers(text))


@pytest.mark.parametrize("name", EMBEDDINGS)
def test_embeddings(name: str, tmp_path: Path) -> None:
    texts = [f"Text number {n}." for n in range(120)]
    settings: dict[str, Any] = {"batch": 120, "dimensions": 3, "encoding_format": "base64", "concurrency": 1}
    with VectorService(ROWS[name]) as server:
        vectors, _ = embed(server, tmp_path / "known.json", texts, **settings)
        first = server.calls
        again, _ = embed(server, tmp_path / "known.json", texts, **settings)
        most = ROWS[name]["embeddings"].get("most", 120)
        if "most_in_all" not in ROWS[name]["embeddings"]:
            assert server.calls - first <= -(-120 // most) + 1  # what was refused once is known
            assert all(len(received.payload["input"]) <= most for received in server.received[first:])
        assert first <= server.calls - first + 4
    np.testing.assert_allclose(vectors, [unit(text) for text in texts], rtol=1e-6)
    np.testing.assert_array_equal(vectors, again)


@pytest.mark.parametrize("name", EMBEDDINGS)
def test_a_text_that_is_too_long(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    row = ROWS[name]["embeddings"]
    with VectorService(ROWS[name]) as server:
        vectors, embedder = embed(server, tmp_path / "known.json", ["One.", LONG, "Two."])
        sent = next(text for text in server.received[-1].payload["input"] if len(text) > 20)
    np.testing.assert_allclose(vectors[[0, 2]], [unit("One."), unit("Two.")], rtol=1e-6)
    if "too_long" in row:
        assert sent.endswith(".")
        assert len(tokens(sent)) <= row["most_tokens"]
        np.testing.assert_allclose(vectors[1], unit(sent), rtol=1e-6)
        assert embedder.notes[0].endswith("to be embedded: 1")
    elif "cuts_at" in row:
        assert sent == LONG
    else:
        np.testing.assert_allclose(vectors[1], unit(LONG), rtol=1e-6)


def rank(server: VectorService, cache: Path, *queries: str, texts: list[str]) -> list[ChatReply]:
    async def run() -> list[ChatReply]:
        model = choose_ranker(RerankService(server.rerank_url, "ranker", max_retries=0), cache)
        try:
            return [await model.complete(rank_request(query, texts)) for query in queries]
        finally:
            await model.close()

    return asyncio.run(run())


@pytest.mark.parametrize("name", RANKINGS)
def test_rankings(name: str, tmp_path: Path) -> None:
    texts = [f"{(7 * n) % 40} words" for n in range(40)]
    row = ROWS[name]["rerank"]
    with VectorService(ROWS[name]) as server:
        (first,) = rank(server, tmp_path, "one", texts=texts)
        before = server.calls
        (second,) = rank(server, tmp_path, "two", texts=texts)
        assert server.calls - before == -(-40 // row.get("most", 40))  # what was refused once is known
        assert before <= server.calls - before + 2
    expected = [relevance(text) for text in texts]
    if row.get("scale") == "logits":
        expected = [20 * score - 11 for score in expected]
    assert read_ranks(first) == read_ranks(second) == pytest.approx(expected)
    assert first.usage.calls == server.calls - before
    assert first.usage.prompt_tokens == (40 if "40" in str(row.get("usage")) else 0)
