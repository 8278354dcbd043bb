"""Maps on the vectors of questions: their gradients, what they learn, their file, and the index that uses them."""

from __future__ import annotations

import asyncio
import io
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from rageval.benchmark import from_records
from rageval.errors import DeclarationError
from rageval.identity import describe
from rageval.models.base import Vectors
from rageval.models.scripted import HashEmbedder
from rageval.pipeline import Query, Resources
from rageval.retrieval import AdaptedDense, Dense, SentenceChunker
from rageval.retrieval.adapters import (
    AdaptedQueries,
    Examples,
    QueryAdapter,
    find_examples,
    fit,
    question_digest,
    read_adapter,
    train_adapter,
    write_adapter,
)
from rageval.retrieval.adapters.fit import _gradients, loss
from rageval.types import Benchmark, Document, Question, RelevanceLabel

DIM = 6


def unit(rows: np.ndarray) -> Vectors:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def turned(n: int = 60, extra: int = 20, seed: int = 1) -> Examples:
    """Questions that are their passages with neighbouring coordinates exchanged, which a map of rank 3 undoes."""
    draws = np.random.default_rng(seed)
    passages = unit(draws.normal(size=(n + extra, DIM)))
    questions = passages[:n][:, [1, 0, 3, 2, 5, 4]]
    cosines = questions @ passages.T
    targets = tuple(
        {n_: 1.0, **{int(row): 0.0 for row in np.argsort(-cosines[n_])[:6] if row != n_}} for n_ in range(n)
    )
    asked = tuple(Question(f"q{number}", f"Question {number}?") for number in range(n))
    return Examples(asked, questions, passages, targets, tuple(frozenset({row}) for row in range(n)))


@pytest.mark.parametrize("shapes", [[(DIM, DIM)], [(DIM, 2), (2, DIM)]])
def test_the_gradient_is_that_of_the_loss(shapes: list[tuple[int, int]]) -> None:
    """By central differences. A target may be shared by passages, and another's target may be relevant here too."""
    examples = turned(12)
    relevant = (frozenset({0, 1}), *examples.relevant[1:])
    examples = replace(examples, relevant=relevant, targets=({0: 0.25, 5: 0.75, 13: 0.0}, *examples.targets[1:]))
    draws = np.random.default_rng(2)
    factors = [draws.normal(scale=0.3, size=shape) for shape in shapes]
    some = np.arange(8)
    found = _gradients(examples, some, factors, 0.2, 0.01)
    for number, factor in enumerate(factors):
        for place in np.ndindex(factor.shape):
            before = factor[place]
            sides: list[float] = []
            for step in (1e-5, -1e-5):
                factor[place] = before + step
                sides.append(loss(examples, some, factors, 0.2, 0.01))
            factor[place] = before
            assert found[number][place] == pytest.approx((sides[0] - sides[1]) / 2e-5, abs=1e-6)


def test_the_loss_of_one_question_by_hand() -> None:
    """cos 1 with its passage and 0 with the other: log(1 + e^(-1/0.5)); and half of it to each, where both share."""
    passages = np.eye(2, dtype=np.float32)
    one = Examples((Question("q", "?"),), passages[:1], passages, ({0: 1.0, 1: 0.0},), (frozenset({0}),))
    nothing = [np.zeros((2, 2))]
    some = np.array([0])
    expected = np.log1p(np.exp(-2.0))
    assert loss(one, some, nothing, 0.5, 0.0) == pytest.approx(expected)
    shared = replace(one, targets=({0: 0.5, 1: 0.5},))
    assert loss(shared, some, nothing, 0.5, 0.0) == pytest.approx(0.5 * expected + 0.5 * (expected + 2.0))
    assert loss(one, some, [np.eye(2)], 0.5, 0.1) == pytest.approx(expected + 0.2)


@pytest.mark.parametrize("rank", [None, 3])
def test_it_learns_a_map_that_finds_the_passages(rank: int | None) -> None:
    examples = turned()
    factors, history = fit(examples, rank=rank, rate=0.05, seed=3)
    assert history[0].number == 0
    assert max(epoch.held_out for epoch in history) > history[0].held_out + 0.2
    other = turned(seed=9)
    moved = QueryAdapter("e", factors, "s", frozenset()).map(other.questions)
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), 1.0, atol=1e-5)
    before, after = ((rows * other.passages[: len(rows)]).sum(axis=1).mean() for rows in (other.questions, moved))
    assert after > before + 0.1
    again, same = fit(examples, rank=rank, rate=0.05, seed=3)
    assert same == history
    for one, two in zip(factors, again, strict=True):
        np.testing.assert_array_equal(one, two)


def test_where_nothing_helps_nothing_changes() -> None:
    """Questions that are their passages already rank them first."""
    examples = turned()
    same = replace(examples, questions=examples.passages[:60])
    factors, history = fit(same)
    assert len(history) == 1 + 10
    moved = QueryAdapter("e", factors, "s", frozenset()).map(same.questions)
    np.testing.assert_allclose(moved, same.questions, atol=1e-6)


@pytest.mark.parametrize(("settings", "told"), [({"rank": 0}, "rank: found 0"), ({"temperature": 0.0}, "temperature")])
def test_settings_out_of_range(settings: dict[str, float], told: str) -> None:
    with pytest.raises(DeclarationError, match=told):
        fit(turned(), **settings)  # pyright: ignore[reportArgumentType]
    with pytest.raises(DeclarationError, match="found 9 questions with relevant passages, expected at least 10"):
        fit(turned(9))


DOCUMENTS = (
    Document("cat", "cats chase mice. " * 30, "Cats"),
    Document("dog", "dogs chase cats"),
    Document("zh", "向量检索使用倒排索引", language="zh"),
)


def small(n: int = 12) -> Benchmark:
    questions = [Question(f"q{number}", f"what do cats chase {number}") for number in range(n)]
    labels = [RelevanceLabel(question.id, "cat", 1) for question in questions]
    asked = (*questions, Question("none", "nobody"), Question("zero", "zero"))
    return from_records("small", DOCUMENTS, asked, [*labels, RelevanceLabel("zero", "cat", 0)])


def test_examples_are_the_nearest_right_passage_and_the_nearest_wrong_ones() -> None:
    passages = [passage for document in DOCUMENTS for passage in SentenceChunker(40).split(document)]
    rows = [row for row, passage in enumerate(passages) if passage.doc_id == "cat"]
    assert len(rows) > 1
    found = asyncio.run(find_examples(small(3), passages, HashEmbedder(64), negatives=1))
    assert [question.id for question in found.asked] == ["q0", "q1", "q2"]
    for number, targets in enumerate(found.targets):
        cosines = found.passages @ found.questions[number]
        (best,) = (row for row, share in targets.items() if share == 1.0)
        (wrong,) = (row for row, share in targets.items() if share == 0.0)
        assert best == max(rows, key=lambda row: float(cosines[row]))
        assert wrong == max({*range(len(passages))} - {*rows}, key=lambda row: float(cosines[row]))
        assert found.relevant[number] == {*rows}


def test_what_is_relevant_to_another_question_too_is_no_negative() -> None:
    examples = turned(4)
    shared = replace(
        examples,
        relevant=(frozenset({0, 1}), *examples.relevant[1:]),
        targets=({0: 1.0}, {1: 1.0}, {2: 1.0, 0: 0.0}, {3: 1.0}),
    )
    columns, shares = shared.columns(np.array([0, 1, 2]))
    assert columns == [0, 1, 2]
    np.testing.assert_array_equal(shares, [[1.0, np.nan, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


ADAPTER = QueryAdapter(
    HashEmbedder(64).identity, (np.full((64, 1), 0.5, np.float32), np.ones((1, 64), np.float32)), "s", frozenset({"a"})
)


def test_a_file_holds_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.npz"
    write_adapter(ADAPTER, path)
    read = read_adapter(path)
    assert (read.embedder, read.source, read.trained_on, read.digest) == (
        ADAPTER.embedder,
        "s",
        {"a"},
        ADAPTER.digest,
    )
    assert all(member.endswith(".npy") for member in zipfile.ZipFile(path).namelist())
    other = replace(ADAPTER, factors=(np.zeros((64, 64), np.float32),))
    assert other.digest != ADAPTER.digest
    assert replace(ADAPTER, source="t", trained_on=frozenset()).digest == ADAPTER.digest


def arrays(**given: Any) -> bytes:
    content = io.BytesIO()
    np.savez(content, **given)
    return content.getvalue()


ABOUT = np.array('{"embedder": "e", "source": "s", "trained_on": []}')


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04 no zip",
        b"text",
        arrays(a=np.zeros(3)),
        arrays(about=np.array("{}"), factor_0=np.eye(2)),
        arrays(about=np.array("[1]"), factor_0=np.eye(2)),
        arrays(about=np.array({"embedder": 1}, dtype=object), factor_0=np.eye(2)),
        arrays(about=ABOUT),
        arrays(about=ABOUT, factor_0=np.zeros((2, 3))),
        arrays(about=ABOUT, factor_0=np.zeros((2, 3)), factor_1=np.zeros((2, 2))),
        arrays(about=ABOUT, factor_0=np.zeros(3)),
        arrays(about=ABOUT, factor_0=np.full((2, 2), np.nan)),
        arrays(about=ABOUT, factor_0=np.array([["a"]])),
    ],
)
def test_any_other_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "wrong.npz"
    path.write_bytes(content)
    with pytest.raises(DeclarationError, match=r"wrong\.npz: found .*, expected a file that `rageval train-adapter`"):
        AdaptedDense(path)
    with pytest.raises(DeclarationError, match=r"gone\.npz: cannot be read \(No such file"):
        read_adapter(tmp_path / "gone.npz")


def test_queries_are_moved_and_passages_are_not() -> None:
    adapted = AdaptedQueries(HashEmbedder(64), ADAPTER)

    def embed(kind: Literal["query", "passage"]) -> Vectors:
        return asyncio.run(adapted.embed(["cats chase mice"], kind))

    plain = asyncio.run(HashEmbedder(64).embed(["cats chase mice"], "query"))
    moved = plain + 0.5 * plain.sum()
    np.testing.assert_allclose(embed("query"), moved / np.linalg.norm(moved), atol=1e-6)
    np.testing.assert_array_equal(embed("passage"), asyncio.run(HashEmbedder(64).embed(["cats chase mice"], "passage")))
    assert adapted.identity != HashEmbedder(64).identity
    opposite = QueryAdapter("e", (-np.eye(2, dtype=np.float32),), "s", frozenset())
    np.testing.assert_array_equal(opposite.map(np.eye(2, dtype=np.float32)), np.eye(2))


def test_an_adapter_of_another_embedder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_adapter(replace(ADAPTER, embedder="another"), path)
    resources = Resources(DOCUMENTS, embedder=HashEmbedder(64))
    with pytest.raises(DeclarationError, match="found one for the vectors of another, expected one for hash"):
        asyncio.run(resources.get(AdaptedDense(path)))


def test_the_index_is_the_dense_one_with_other_queries(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_adapter(replace(ADAPTER, factors=(np.zeros((64, 64), np.float32),)), path)
    resources = Resources(DOCUMENTS, embedder=HashEmbedder(64))

    async def hits(index: Dense | AdaptedDense) -> list[float]:
        return [hit.score for hit in await (await resources.get(index)).search(Query("cats"), 9)]

    index = AdaptedDense(path)
    assert asyncio.run(hits(index)) == pytest.approx(asyncio.run(hits(Dense())))
    moved = tmp_path / "b.npz"
    moved.write_bytes(path.read_bytes())
    assert describe(AdaptedDense(moved)) == describe(index)
    write_adapter(ADAPTER, path)
    assert describe(AdaptedDense(path)) != describe(index)
    assert describe(AdaptedDense(moved, SentenceChunker(64))) != describe(index)


def test_a_benchmark_becomes_an_adapter() -> None:
    trained = asyncio.run(train_adapter(small(), HashEmbedder(64), source="small", rank=2))
    assert trained.questions == 12
    assert [factor.shape for factor in trained.adapter.factors] == [(64, 2), (2, 64)]
    assert trained.adapter.embedder == HashEmbedder(64).identity
    assert trained.adapter.seen(small().questions) == [*small().questions[:12]]
    assert trained.best.held_out >= trained.history[0].held_out
    assert trained.to_json()["questions"] == 12


def test_a_question_is_known_again_by_its_words() -> None:
    assert question_digest("What IS\n it?") == question_digest("what is it?")
    assert question_digest("什么？") != question_digest("什么")
