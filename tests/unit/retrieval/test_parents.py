"""Larger passages in the place of small ones."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from rageval.errors import DeclarationError
from rageval.pipeline import ContextSize, Query, Resources, State
from rageval.retrieval import ModelTopicChunker, SemanticChunker, SentenceChunker, ToParent, WindowChunker
from rageval.types import Document, Hit, Passage, Question, Response

# Sentences of three tokens and seven characters; of nine tokens, three make a parent.
TEXT = "Ab cde. Fg hij. Kl mno. Pq rst. Uv wxy. Za bcd. Ef ghi."
DOCUMENTS = (Document("d", TEXT, "T"), Document("z", "猫睡觉。狗吃饭。鸟唱歌。", language="zh"))
PARENTS = SentenceChunker(9)


def piece(words: str, document: Document = DOCUMENTS[0]) -> Passage:
    start = document.text.index(words)
    return document.passage(start, start + len(words))


def run(stage: ToParent, passages: Sequence[Passage], read: int | None = None) -> Response:
    hits = tuple(Hit(passage, 1.0 / (n + 1)) for n, passage in enumerate(passages))
    response = Response(hits=hits, context=tuple(range(len(hits) if read is None else read)))
    state = State(Question("q", "Which?"), (Query("Which?"),), response)
    return asyncio.run(stage.run(state, Resources(DOCUMENTS))).response


def test_a_parent_is_read_where_enough_of_it_was_found() -> None:
    """Two of three sentences are 14 of 23 characters, 0.61; one is 0.30."""
    found = [piece("Kl mno."), piece("Pq rst."), piece("Ab cde.")]
    assert [one.text for one in run(ToParent(PARENTS, 0.6), found).context_passages] == [
        "Ab cde. Fg hij. Kl mno.",
        "Pq rst.",
    ]
    assert [one.text for one in run(ToParent(PARENTS, 0.7), found).context_passages] == [one.text for one in found]
    assert [one.text for one in run(ToParent(PARENTS, 0.0), found).context_passages] == [
        "Ab cde. Fg hij. Kl mno.",
        "Pq rst. Uv wxy. Za bcd.",
    ]


def test_chinese() -> None:
    """Two sentences of four tokens fit into nine."""
    (one,) = run(ToParent(PARENTS, 0.5), [piece("狗吃饭。", DOCUMENTS[1])]).context_passages
    assert one == piece("猫睡觉。狗吃饭。", DOCUMENTS[1])


def test_what_is_found_twice_counts_once() -> None:
    """The union of two overlapping passages is 10 of 23 characters, 0.43."""
    found = [piece("Ab cde. F"), piece("cde. Fg")]
    assert len(run(ToParent(PARENTS, 0.44), found).context_passages) == 2
    assert len(run(ToParent(PARENTS, 0.43), found).context_passages) == 1


def test_passages_of_several_sizes_become_the_larger_one_at_the_better_place() -> None:
    large = piece("Pq rst. Uv wxy. Za bcd.")
    found = [piece("Ef ghi."), piece("Uv wxy."), piece("Fg hij."), large, piece("Pq rst.")]
    response = run(ToParent(SentenceChunker(8), 1.0), found)
    assert [one.text for one in response.context_passages] == ["Ef ghi.", large.text, "Fg hij."]
    assert response.context == (0, 1, 2)


def test_the_ranking_behind_loses_what_is_read_already() -> None:
    found = [piece("Ab cde. Fg hij."), piece("Kl mno."), piece("Ef ghi."), piece("Uv wxy.")]
    response = run(ToParent(PARENTS, 0.5), found, read=1)
    assert [hit.passage.text for hit in response.hits] == ["Ab cde. Fg hij. Kl mno.", "Ef ghi.", "Uv wxy."]
    assert [hit.score for hit in response.hits] == [3.0, 2.0, 1.0]
    assert response.context == (0,)


def test_what_has_no_parent_stays() -> None:
    """A passage across two parents, one whose text is not that of its span, one of a document that is not there."""
    across, other = piece("Kl mno. Pq rst."), Passage("d", 0, 7, "AB CDE!!")
    gone = Passage("gone", 0, 3, "abc")
    assert run(ToParent(PARENTS, 0.0), [across, other, gone]).context_passages == (across, other, gone)
    assert run(ToParent(PARENTS), []).context == ()


def test_sizes_needs_and_settings() -> None:
    assert ToParent(PARENTS).context_size(ContextSize(5, 3)) == ContextSize(5, 9)
    assert ToParent(PARENTS).context_size(ContextSize(5, 30)) == ContextSize(5, 30)
    assert ToParent(PARENTS).context_size(ContextSize(5, None)) == ContextSize(5, None)
    assert ToParent(SemanticChunker()).needs(generate=False) == {"embed"}
    by_model = ToParent(ModelTopicChunker(9, 9))
    assert by_model.needs(generate=False) == {"chat"}
    assert by_model.all_prompts() == {"topic_changes"}
    assert by_model.indexing_calls(DOCUMENTS) == 3 + 2
    assert by_model.indexing_tokens(DOCUMENTS) == ModelTopicChunker(9, 9).indexing_tokens(DOCUMENTS)
    assert ToParent(WindowChunker()).indexing_tokens(DOCUMENTS) == 0
    with pytest.raises(DeclarationError, match=r"share: found 1\.5, expected 0 to 1"):
        ToParent(share=1.5)
