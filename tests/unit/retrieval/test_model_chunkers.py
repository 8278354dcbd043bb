"""Chunkers that ask a model where to cut: by embeddings of sentences, and by the chat model."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rageval.errors import DeclarationError, ExecutionError, ModelError
from rageval.models.base import Vectors
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.models.wrapped import MeteredChat
from rageval.pipeline import IndexStore, Resources
from rageval.retrieval import (
    BM25,
    ClusterSemanticChunker,
    Dense,
    MixPassages,
    ModelChunker,
    ModelTopicChunker,
    MultiVector,
    Passages,
    Retrieve,
    RetrieveLabelled,
    SemanticChunker,
    hybrid,
)
from rageval.retrieval.chunkers.by_model import read_ends
from rageval.scores.chunkings import score_chunking
from rageval.testing import check_chunker
from rageval.testing.samples import sample_benchmark
from rageval.text import count_tokens
from rageval.types import Document, Passage
from tests.unit.scripts import by_prompt

CHUNKERS = [
    SemanticChunker(12),
    SemanticChunker(12, similarity=0.3),
    SemanticChunker(12, percentile=25),
    ClusterSemanticChunker(12),
    ModelTopicChunker(12, 20),
]
TEXT = "Apes eat. Apes sit. Bees fly. Bees hum."  # four sentences of three tokens
CHINESE = "猿猴进食。猿猴安坐。蜜蜂飞舞。蜜蜂嗡鸣。"  # four of five tokens


class ByAnimal:
    """Sentences about apes point one way, all others another."""

    identity = "by animal"

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        return np.array([[1, 0] if "Apes" in text or "猿" in text else [0, 1] for text in texts], dtype=np.float32)

    async def close(self) -> None: ...


def cut(chunker: ModelChunker, *texts: str, chat: ScriptedChat | None = None, language: str = "en") -> list[list[str]]:
    documents = [Document(f"d{n}", text, "Title", language) for n, text in enumerate(texts)]
    resources = Resources((), chat=chat, embedder=ByAnimal())
    return [[one.text for one in some] for some in asyncio.run(chunker.split_all(documents, resources))]


@pytest.mark.parametrize(
    "chunker",
    [
        SemanticChunker(100, similarity=0.5),
        SemanticChunker(100, percentile=50),  # the joins are 1, 0, 1
        SemanticChunker(6 + 6, similarity=-1.0),  # not cut by its threshold, but by its size: at the weakest join
        ClusterSemanticChunker(100),
    ],
)
def test_a_passage_ends_where_the_next_sentence_is_about_something_else(chunker: ModelChunker) -> None:
    assert cut(chunker, CHINESE, language="zh")[0] == ["猿猴进食。猿猴安坐。", "蜜蜂飞舞。蜜蜂嗡鸣。"]
    if chunker.indexing_calls([]) == 0 and getattr(chunker, "similarity", None) != -1.0:
        assert cut(chunker, TEXT)[0] == ["Apes eat. Apes sit.", "Bees fly. Bees hum."]


def test_by_default_passages_have_half_of_the_bound_on_average() -> None:
    """12 tokens of at most 12 are cut once, at the weakest join; at most 8, into three: the first of equal joins."""
    assert cut(SemanticChunker(12), TEXT)[0] == ["Apes eat. Apes sit.", "Bees fly. Bees hum."]
    assert cut(SemanticChunker(8), TEXT)[0] == ["Apes eat.", "Apes sit.", "Bees fly. Bees hum."]


def test_documents_are_embedded_together_and_short_ones_not_at_all() -> None:
    embedder = HashEmbedder()
    documents = [Document("a", TEXT), Document("b", "Alone."), Document("c", ""), Document("d", CHINESE)]
    found = asyncio.run(ClusterSemanticChunker(9).split_all(documents, Resources((), embedder=embedder)))
    assert [one.text for one in found[1]] == ["Alone."]
    assert [(one.start, one.end) for one in found[2]] == [(0, 0)]
    assert len(embedder.texts) == 8


@pytest.mark.parametrize("seed", range(20))
def test_the_best_cut_of_all(seed: int) -> None:
    """Against every way to cut nine sentences, with the worth of each pair added up."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(9, 3)).astype(np.float32) + 0.5
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    sizes, most = [int(one) for one in rng.integers(1, 9, 9)], 16
    alike = vectors.astype(float) @ vectors.T.astype(float)
    mean = (alike.sum() - np.trace(alike)) / 72

    def worth(starts: Sequence[int]) -> float:
        spans = [*pairwise([*starts, 9])]
        if any(sum(sizes[a:b]) > most for a, b in spans):
            return -np.inf
        return sum(2 * (alike[i, j] - mean) for a, b in spans for i, j in combinations(range(a, b), 2))

    cuts = [(0, *inner) for n in range(9) for inner in combinations(range(1, 9), n)]
    assert worth(ClusterSemanticChunker(most).starts(vectors, sizes)) == pytest.approx(max(map(worth, cuts)), abs=1e-5)


@given(
    st.lists(
        st.sampled_from(["Apes eat leaves. ", "Bees! ", "\n\n", "蜜蜂飞舞。", "word ", "x" * 90, " "]), max_size=25
    ),
    st.sampled_from(CHUNKERS),
)
@settings(deadline=None)
def test_nothing_visible_is_lost_or_repeated_and_sizes_hold(pieces: list[str], chunker: ModelChunker) -> None:
    document = Document("d", "".join(pieces))
    chat = ScriptedChat(lambda request: "1, 2" if len(request.messages[-1].content) % 2 else "nonsense")
    resources = Resources((document,), embedder=HashEmbedder(16), chat=chat)
    (passages,) = asyncio.run(chunker.split_all([document], resources))
    assert all(document.text[one.start : one.end] == one.text for one in passages)
    assert all(a.end <= b.start for a, b in pairwise(passages))
    assert all(count_tokens(one.text) <= 12 for one in passages)
    assert "".join("".join(one.text.split()) for one in passages) == "".join(document.text.split())
    assert len(passages) <= len(chunker.pieces(document))
    assert len(chat.requests) == chunker.indexing_calls([document])


@pytest.mark.parametrize("chunker", CHUNKERS)
def test_they_keep_the_protocol(chunker: ModelChunker) -> None:
    check_chunker(chunker)
    assert hash(chunker) == hash(type(chunker)(**vars(chunker)))


def test_the_model_says_where_the_topic_changes() -> None:
    chat = by_prompt(topic_changes=["2", "0", " 2、3。"])
    assert cut(ModelTopicChunker(100, 100), TEXT, "One fact. One more.", chat=chat) == [
        ["Apes eat. Apes sit.", "Bees fly. Bees hum."],
        ["One fact. One more."],
    ]
    assert cut(ModelTopicChunker(100, 100), CHINESE, chat=chat, language="zh") == [
        ["猿猴进食。猿猴安坐。", "蜜蜂飞舞。", "蜜蜂嗡鸣。"]
    ]
    first, _, last = (request.messages[-1].content for request in chat.requests)
    assert first.startswith("<passages>\n[1] Apes eat.\n[2] Apes sit.\n")
    assert "4 sentences" in first
    assert "4 个句子" in last


def test_each_place_between_two_sentences_is_asked_about_once() -> None:
    """Nine tokens are three sentences: 1 to 3, 3 to 5, and 5 to 6."""
    chat = by_prompt(topic_changes=["1", "2", "1"])
    chunker = ModelTopicChunker(9, 9)
    text = f"{TEXT} Cats nap. Dogs dig."
    assert cut(chunker, text, chat=chat)[0] == [
        "Apes eat.", "Apes sit. Bees fly. Bees hum.", "Cats nap.", "Dogs dig.",
    ]  # fmt: skip
    assert len(chat.requests) == chunker.indexing_calls([Document("d", text)]) == 3
    sent = sum(count_tokens(message.content) for request in chat.requests for message in request.messages)
    assert chunker.indexing_tokens([Document("d", text)]) == sent


def test_a_reply_that_cannot_be_read_cuts_whole_sentences_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    chat = by_prompt(topic_changes=["The topic changes after 2.", "1"])
    with caplog.at_level(logging.WARNING):
        found = cut(ModelTopicChunker(9, 100), TEXT, "One fact. One more.", chat=chat)
    assert found == [["Apes eat. Apes sit. Bees fly.", "Bees hum."], ["One fact.", "One more."]]
    assert "1 of 2 replies to topic_changes could not be read" in caplog.text


@pytest.mark.parametrize(
    ("reply", "ends"),
    [
        ("3, 7", [3, 7]),
        ("7，3、3.", [3, 7]),
        ("[3], [7]", [3, 7]),
        ("3\n7\n", [3, 7]),
        ("0", []),
        ("8", []),  # behind the last there is nothing to cut
        ("9", None),
        ("", None),
        ("none", None),
        ("3 and 7", None),
        ("-3", None),
    ],
)
def test_replies(reply: str, ends: list[int] | None) -> None:
    assert read_ends(reply, 8) == ends


DOCUMENTS = (Document("a", TEXT), Document("z", CHINESE, language="zh"))


def test_bounds_of_a_search_contain_those_of_its_chunker_once() -> None:
    chunker = ModelTopicChunker(12, 20)
    search = Retrieve(hybrid(chunker))
    assert search.needs(generate=False) == {"chat", "embed"}
    assert search.all_prompts() == {"topic_changes"}
    assert search.context_size().tokens_each == 12
    assert search.indexing_calls(DOCUMENTS) == chunker.indexing_calls(DOCUMENTS) == 2
    assert search.indexing_tokens(DOCUMENTS) == chunker.indexing_tokens(DOCUMENTS)
    assert Retrieve(BM25(SemanticChunker(12))).needs(generate=False) == {"embed"}


def test_true_calls_are_within_the_bounds() -> None:
    """Summaries are priced as if every sentence were a passage."""
    search = Retrieve(MultiVector(("summaries",), chunker=ModelTopicChunker(12, 20)))
    chat = MeteredChat(ScriptedChat(lambda request: "2"))
    resources = Resources(DOCUMENTS, chat=chat, embedder=HashEmbedder())
    built: Any = asyncio.run(resources.get(search.indexes()[0]))
    assert len(built.passages.passages) == 4
    assert chat.asked == 2 + 4 <= search.indexing_calls(DOCUMENTS) == 2 + 8


def test_the_model_is_part_of_what_is_stored(tmp_path: Path) -> None:
    """ByAnimal cuts by topic; an embedder that finds all alike joins what fits."""

    class Alike(ByAnimal):
        identity = "alike"

        async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
            return np.array([[1, 0]] * len(texts), dtype=np.float32)

    chunker = SemanticChunker(100, similarity=0.5)

    def passages(embedder: ByAnimal) -> Sequence[Passage]:
        resources = Resources(DOCUMENTS, embedder=embedder, indexes=IndexStore(tmp_path, large=1))
        return asyncio.run(resources.get(Passages(chunker)))

    assert [len(passages(embedder)) for embedder in (ByAnimal(), Alike(), ByAnimal())] == [4, 2, 4]
    assert len([*tmp_path.glob("passages-*[0-9a-f]")]) == 2


@pytest.mark.parametrize(
    "build",
    [
        lambda: RetrieveLabelled(chunker=SemanticChunker()),
        lambda: MixPassages(index=BM25(SemanticChunker())),
        lambda: score_chunking(sample_benchmark(), SemanticChunker()),
        lambda: SemanticChunker().split(DOCUMENTS[0]),
    ],
)
def test_where_no_model_is_at_hand_they_are_refused(build: Callable[[], object]) -> None:
    with pytest.raises(DeclarationError, match="chunker: found SemanticChunker, which asks a model where to cut"):
        build()


def test_a_call_that_fails_fails_the_index() -> None:
    chat = ScriptedChat(lambda request: ExecutionError("HTTP 500"))
    with pytest.raises(ModelError, match="cannot be built: HTTP 500"):
        asyncio.run(Resources(DOCUMENTS, chat=chat).get(Passages(ModelTopicChunker(12, 20))))


@pytest.mark.parametrize(
    ("build", "problem"),
    [
        (lambda: SemanticChunker(7), "tokens: found 7, expected at least 8"),
        (lambda: ClusterSemanticChunker(7), "tokens: found 7, expected at least 8"),
        (lambda: ModelTopicChunker(100, 50), "shown: found 50, expected at least tokens, 100"),
        (lambda: SemanticChunker(similarity=0.5, percentile=5), "similarity: found beside percentile"),
        (lambda: SemanticChunker(similarity=1.5), "similarity: found 1.5, expected a cosine"),
        (lambda: SemanticChunker(percentile=101), "percentile: found 101, expected 0 to 100"),
    ],
)
def test_settings_out_of_range(build: Callable[[], object], problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem):
        build()


def test_dense_search_over_them() -> None:
    resources = Resources(DOCUMENTS, embedder=ByAnimal())
    built: Any = asyncio.run(resources.get(Dense(SemanticChunker(100, similarity=0.5))))
    assert [one.text for one in built.passages.passages][:2] == ["Apes eat. Apes sit.", "Bees fly. Bees hum."]
