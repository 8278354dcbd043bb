"""Chunkers that follow the structure of a text: separators from strong to weak, and Markdown headings."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.errors import DeclarationError
from rageval.retrieval import Chunker, HeadingChunker, RecursiveChunker
from rageval.text import count_tokens
from rageval.types import Document

GUIDE = """Before all.

# Install

Run this:

```bash
# not a heading
make
```

## Linux

Use apt. It is quick.

# Use

Ask away.
"""


def texts(chunker: Chunker, text: str) -> list[str]:
    return [passage.text for passage in chunker.split(Document("d", text))]


def test_paragraphs_are_kept_whole_and_joined_while_they_fit() -> None:
    text = "One two three.\n\nFour five six.\n\nSeven eight nine. Ten eleven twelve. Ten six one two."
    assert texts(RecursiveChunker(8), text) == [
        "One two three.\n\nFour five six.",
        "Seven eight nine.",
        "Ten eleven twelve.",
        "Ten six one two.",
    ]
    assert texts(RecursiveChunker(100), text) == [text]


def test_a_section_is_not_joined_with_half_of_the_next() -> None:
    text = "# A\nOne two.\n# B\nThree four. Five six. Seven eight. Nine ten. One two."
    found = texts(RecursiveChunker(12), text)
    assert found[0] == "# A\nOne two."
    assert all(count_tokens(one) <= 12 for one in found)


def test_chinese_paragraphs() -> None:
    assert texts(RecursiveChunker(10), "检索增强。生成答案。\n\n向量索引。") == ["检索增强。生成答案。", "向量索引。"]


def test_sections_carry_their_headings() -> None:
    found = HeadingChunker(100).split(Document("d", GUIDE, "Guide"))
    assert [(one.title, one.text.split("\n")[0]) for one in found] == [
        ("Guide", "Before all."),
        ("Guide › Install", "# Install"),
        ("Guide › Install › Linux", "## Linux"),
        ("Guide › Use", "# Use"),
    ]
    assert "# not a heading" in found[1].text


def test_a_document_without_headings_or_title() -> None:
    (one,) = HeadingChunker().split(Document("d", "Plain text."))
    assert (one.title, one.text) == ("", "Plain text.")
    (empty,) = HeadingChunker().split(Document("d", "", "Title"))
    assert (empty.start, empty.end, empty.title) == (0, 0, "Title")


PIECES = st.sampled_from(
    ["# A\n", "## B b\n", "word ", "Sentence one. ", "\n", "\n\n", "检索增强。", "x" * 30, "```\n# c\n```\n"]
)


@given(st.lists(PIECES, max_size=30).map("".join), st.integers(8, 40), st.booleans())
def test_nothing_visible_is_lost_or_repeated_and_budgets_hold(text: str, tokens: int, headings: bool) -> None:
    chunker = HeadingChunker(tokens) if headings else RecursiveChunker(tokens)
    passages = chunker.split(Document("d", text))
    assert all(text[one.start : one.end] == one.text for one in passages)
    assert all(a.end <= b.start for a, b in pairwise(passages))
    assert all(count_tokens(one.text) <= tokens for one in passages)
    assert "".join("".join(one.text.split()) for one in passages) == "".join(text.split())


@pytest.mark.parametrize("chunker", [RecursiveChunker, HeadingChunker])
def test_a_budget_of_a_few_tokens_is_refused(chunker: type[RecursiveChunker | HeadingChunker]) -> None:
    with pytest.raises(DeclarationError, match="tokens: found 7, expected at least 8"):
        chunker(7)
