"""Documents to passages."""

import asyncio

import pytest

from rageval.errors import DeclarationError
from rageval.pipeline import Resources
from rageval.retrieval import Passages, SentenceChunker
from rageval.text import count_tokens
from rageval.types import Document, Passage


def split(text: str, tokens: int, overlap: int = 0) -> list[str]:
    return [passage.text for passage in SentenceChunker(tokens, overlap).split(Document("d", text))]


def test_whole_sentences_up_to_the_budget() -> None:
    # "One two." counts 3 tokens.
    text = "One two. Six ten. Cat dog. Red sky. Old man."
    assert split(text, 9) == ["One two. Six ten. Cat dog.", "Red sky. Old man."]
    assert split(text, 8) == ["One two. Six ten.", "Cat dog. Red sky.", "Old man."]
    assert split(text, 100) == [text]


def test_chinese_sentences_count_characters() -> None:
    # Four characters and a full stop: 5 tokens each.
    text = "检索增强。生成答案。向量索引。"
    assert split(text, 10) == ["检索增强。生成答案。", "向量索引。"]


def test_mixed_text_and_line_breaks() -> None:
    assert split("用BM25检索。 Then rerank it.\n\n最后作答。", 10) == ["用BM25检索。 Then rerank it.", "最后作答。"]


def test_overlap_repeats_sentences() -> None:
    text = "One two. Six ten. Cat dog. Red sky. Old man."
    assert split(text, 9, overlap=1) == ["One two. Six ten. Cat dog.", "Cat dog. Red sky. Old man."]
    assert split(text, 9, overlap=2) == [
        "One two. Six ten. Cat dog.",
        "Six ten. Cat dog. Red sky.",
        "Cat dog. Red sky. Old man.",
    ]


def test_overlap_gives_way_to_a_new_sentence_that_needs_the_room() -> None:
    # 3 + 3 + 3 tokens, then 8: with the budget of 10 nothing can be repeated before the long one.
    assert split("One two. Six ten. Cat dog. Red sky old man one two six.", 10, overlap=2) == [
        "One two. Six ten. Cat dog.",
        "Red sky old man one two six.",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one two six ten cat dog red sky old man", ["one two six ten cat dog red sky", "old man"]),
        ("one two six ten cat dog red retrieval", ["one two six ten cat dog red", "retrieval"]),
        ("检索增强生成答案向量索引", ["检索增强生成答案", "向量索引"]),
        ("a" * 100, ["a" * 40, "a" * 40, "a" * 20]),
    ],
)
def test_a_sentence_longer_than_the_budget_is_cut_between_words_or_characters(text: str, expected: list[str]) -> None:
    assert split(text, 8) == expected


@pytest.mark.parametrize("text", ["", "  \n\n "])
def test_a_document_without_text_gives_one_empty_passage_with_its_title(text: str) -> None:
    assert SentenceChunker().split(Document("d", text, title="T")) == [Passage("d", 0, 0, "", "T")]


def test_spans_are_of_the_document() -> None:
    text = "  One two.   Six ten.  "
    assert SentenceChunker(8).split(Document("d", text, title="T")) == [Passage("d", 2, 21, "One two.   Six ten.", "T")]
    assert text[2:21] == "One two.   Six ten."


def test_build_goes_through_all_documents_in_order() -> None:
    documents = (Document("b", "检索增强。生成答案。"), Document("a", "One two."))
    passages = asyncio.run(Resources(documents).get(Passages(SentenceChunker(8))))
    assert [passage.id for passage in passages] == ["b#0-5", "b#5-10", "a#0-8"]
    assert all(count_tokens(passage.text) <= 8 for passage in passages)


@pytest.mark.parametrize(
    ("tokens", "overlap", "problem"), [(7, 0, "chunk_tokens: found 7"), (8, -1, "overlap: found -1")]
)
def test_impossible_settings_are_refused(tokens: int, overlap: int, problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem):
        SentenceChunker(tokens, overlap)
