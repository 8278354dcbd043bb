"""Which passages are asked about."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.synthesis.coverage import Source, find_topics, sources_in_turn, worth_asking
from rageval.types import Passage


def passages(doc_id: str, n: int) -> list[Passage]:
    return [Passage(doc_id, 10 * i, 10 * i + 9, f"{doc_id} {i}") for i in range(n)]


def test_short_passages_are_left_out_by_tokens_not_characters() -> None:
    heading = Passage("d", 0, 12, "Introduction")
    chinese = Passage("d", 12, 26, "青石山高一千八百米，山上有寺庙")
    assert worth_asking([heading, chinese]) == [chinese]
    assert worth_asking([heading]) == [heading]
    assert worth_asking([Passage("d", 0, 1, " ")]) == []


def test_topics_are_the_clusters() -> None:
    """Ten documents around one direction, ten around another, in any order."""
    draw = np.random.default_rng(3)
    centres = np.repeat(np.eye(2, 8), 10, axis=0)
    raw = centres + draw.normal(0, 0.02, (20, 8))
    vectors = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
    topics = find_topics(vectors, seed=1)
    assert set(topics[:10]).isdisjoint(topics[10:])
    assert (find_topics(vectors, seed=1) == topics).all()


def test_one_document_and_equal_documents_have_topics() -> None:
    assert list(find_topics(np.full((1, 4), 0.5, np.float32), seed=0)) == [0]
    assert len(find_topics(np.full((30, 4), 0.5, np.float32), seed=0)) == 30


@given(st.lists(st.integers(0, 4), min_size=1, max_size=12), st.integers(0, 5))
def test_every_document_once_before_any_twice(sizes: list[int], seed: int) -> None:
    by_document = {f"d{i}": passages(f"d{i}", n) for i, n in enumerate(sizes)}
    there = [doc_id for doc_id, own in by_document.items() if own]
    turn = sources_in_turn(by_document, {doc_id: i % 3 for i, doc_id in enumerate(by_document)}, seed)
    if not there:
        with pytest.raises(ValueError, match="no passages"):
            next(turn)
        return
    drawn = [*islice(turn, 3 * len(there))]
    for cycle in range(3):
        part = drawn[cycle * len(there) : (cycle + 1) * len(there)]
        assert sorted(one.passage.doc_id for one in part) == sorted(there)
    assert len({(one.passage.id, one.draw) for one in drawn}) == len(drawn)


def test_a_document_gives_each_passage_before_any_again() -> None:
    drawn = [*islice(sources_in_turn({"d": passages("d", 3)}, {"d": 0}, 0), 7)]
    assert [one.draw for one in drawn] == [0, 0, 0, 1, 1, 1, 2]
    assert len({one.passage for one in drawn[:3]}) == 3
    assert Source(drawn[0].passage, 1) == drawn[3]


def test_topics_come_in_proportion() -> None:
    """Topic 0 has 20 documents, topic 1 has 10: of the first 15 drawn, 10 and 5, up to one."""
    by_document = {f"d{i:02}": passages(f"d{i:02}", 1) for i in range(30)}
    topics = {doc_id: int(i >= 20) for i, doc_id in enumerate(by_document)}
    for seed in range(20):
        drawn = [topics[one.passage.doc_id] for one in islice(sources_in_turn(by_document, topics, seed), 15)]
        assert abs(Counter(drawn)[1] - 5) <= 1


def test_the_seed_decides() -> None:
    by_document = {f"d{i:02}": passages(f"d{i:02}", 3) for i in range(20)}
    topics = dict.fromkeys(by_document, 0)
    first, again, other = ([*islice(sources_in_turn(by_document, topics, seed), 20)] for seed in (1, 1, 2))
    assert first == again != other
