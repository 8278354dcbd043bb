"""Where the texts of foreign splitters lie in the document."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.retrieval.chunkers.placing import Piece, place
from rageval.types import Document, Passage


def spans(text: str, *pieces: str | tuple[str, int | None]) -> list[tuple[int, int, str]]:
    given_pieces = [Piece(piece) if isinstance(piece, str) else Piece(*piece) for piece in pieces]
    passages = place(given_pieces, Document("d", text, "T"))
    assert all((passage.doc_id, passage.title) == ("d", "T") for passage in passages)
    return [(passage.start, passage.end, passage.text) for passage in passages]


@pytest.mark.parametrize(
    ("text", "pieces", "expected"),
    [
        ("One. Two.", ("One.", "Two."), [(0, 4, "One."), (5, 9, "Two.")]),
        ("检索增强。生成答案。", ("检索增强。", "生成答案。"), [(0, 5, "检索增强。"), (5, 10, "生成答案。")]),
        # White space at the ends is no part of a passage, and a piece of nothing else is none.
        ("One.\n\nTwo.", ("  One.\n", "\n \n", "\nTwo. "), [(0, 4, "One."), (6, 10, "Two.")]),
        # The same words again are the next ones, not the first.
        ("No. No. No.", ("No.", "No.", "No."), [(0, 3, "No."), (4, 7, "No."), (8, 11, "No.")]),
        # Pieces may overlap, and nested ones are behind each other where they can be.
        ("a b c d e", ("a b c", "b c d", "c d e"), [(0, 5, "a b c"), (2, 7, "b c d"), (4, 9, "c d e")]),
        ("x x|x", ("x x", "x"), [(0, 3, "x x"), (4, 5, "x")]),
        # Out of order: found all the same, as the levels of a hierarchy are.
        ("One. Two.", ("One. Two.", "One.", "Two."), [(0, 9, "One. Two."), (0, 4, "One."), (5, 9, "Two.")]),
    ],
)
def test_verbatim_pieces_are_spans(text: str, pieces: tuple[str, ...], expected: list[tuple[int, int, str]]) -> None:
    assert spans(text, *pieces) == expected


def test_the_place_that_the_splitter_names_counts_where_it_is_right() -> None:
    text = "No. No. No."
    assert spans(text, ("No.", 8), ("No.", 4)) == [(8, 11, "No."), (4, 7, "No.")]
    assert spans(text, (" No.", 3)) == [(4, 7, "No.")]
    assert spans(text, ("No.", 5), ("No.", -1), ("No.", 99)) == [(0, 3, "No."), (4, 7, "No."), (8, 11, "No.")]


@pytest.mark.parametrize(
    ("text", "piece", "span"),
    [
        ("Zero. Cats chase mice. End.", "CATS CHASE MICE.", (6, 21)),
        ("Zero. Cats\n\n chase mice. End.", "Cats chase mice.", (6, 23)),
        ("Zero. Cats chase mice. End.", "Chapter: animals\nCats chase mice.", (6, 21)),
        ("零。猫捉老鼠。完。", "第一章：猫捉老鼠。", (2, 6)),
        ("Zero. Cats chase mice.", "Nothing of it", (0, 0)),
        ("", "Words", (0, 0)),
    ],
)
def test_other_pieces_keep_their_text_at_the_longest_run_of_words_that_is_shared(
    text: str, piece: str, span: tuple[int, int]
) -> None:
    assert spans(text, piece) == [(*span, piece)]


def test_pieces_that_share_nothing_lie_behind_the_one_before() -> None:
    assert spans("One two. Three.", "One two.", "Eins", "Three.") == [
        (0, 8, "One two."),
        (8, 8, "Eins"),
        (9, 15, "Three."),
    ]


@given(
    st.text(alphabet="ab .检\n", min_size=1, max_size=60),
    st.lists(st.integers(0, 60), max_size=6),
    st.integers(0, 5),
)
def test_whatever_is_cut_from_a_document_is_found_in_it(text: str, cuts: list[int], overlap: int) -> None:
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [text[max(0, start - overlap) : end] for start, end in pairwise(edges)]
    passages = place(map(Piece, pieces), Document("d", text))
    assert [passage.text for passage in passages] == [piece.strip() for piece in pieces if piece.strip()]
    assert all(passage == Document("d", text).passage(passage.start, passage.end) for passage in passages)


def test_places_of_distinct_sentences_are_exact() -> None:
    text = "\n".join(f"Sentence number {i} stands here." for i in range(50))
    pieces = [f" Sentence number {i} stands here.\nSentence number {i + 1} stands here." for i in range(49)]
    passages = place(map(Piece, pieces), Document("d", text))
    assert [passage.start for passage in passages] == [text.index(f"Sentence number {i} ") for i in range(49)]
    assert isinstance(passages[0], Passage)
