"""Quotes in texts: what may differ, and that spans are those of the original text."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.text.quotes import FoldedText, fold, fold_quote, likeness


def found(text: str, quote: str) -> list[str]:
    return [text[start:end] for start, end in FoldedText.of(text).spans(quote)]


@pytest.mark.parametrize(
    ("text", "quote", "expected"),
    [
        ("Lake Corva is 61 m deep.", "lake corva", ["Lake Corva"]),
        ("Lake\n  Corva is deep.", "Lake Corva is", ["Lake\n  Corva is"]),
        ("Ｌａｋｅ　Ｃｏｒｖａ，６１ｍ", "Lake Corva,61m", ["Ｌａｋｅ　Ｃｏｒｖａ，６１ｍ"]),
        ("稠密检索\n使用向量，不用词。", "检索使用向量,", ["检索\n使用向量，"]),
        ("The infor-\nmation need", "information", ["infor-\nmation"]),
        ("a state-of-\nthe-art method", "state-of-the-art", ["state-of-\nthe-art"]),
        ("a state-of-the-art method", "state-of-\nthe-art", ["state-of-the-art"]),
        ("soft\u00adware and zero\u200bwidth", "software and zerowidth", ["soft\u00adware and zero\u200bwidth"]),
        ("non\u2011linear", "non-linear", ["non\u2011linear"]),
        ("a graph-based search", "-based search", ["based search"]),
        ("minus -5 degrees", "-5", ["-5"]),
        ("pages 3-4", "34", []),
        ("The eﬃcient ﬁlter", "efficient filter", ["eﬃcient ﬁlter"]),
        ("Straße", "STRASSE", ["Straße"]),
        ("caf\u00e9", "cafe\u0301", ["caf\u00e9"]),
        ("cafe\u0301", "caf\u00e9", ["cafe\u0301"]),
        ("caf\u00e9 and cafe\u0301", "cafe", []),
        ("한국어 문서", "한국어", ["한국어"]),
        ("\U00020000字 and \U00020000", "\U00020000 字", ["\U00020000字"]),
        ("aaa", "aa", ["aa", "aa"]),
        ("words", " \n", []),
        ("", "words", []),
    ],
)  # fmt: skip
def test_what_may_differ(text: str, quote: str, expected: list[str]) -> None:
    assert found(text, quote) == expected


alphabet = st.sampled_from([*"abÀé ß\n　-ＡＢ，。检索１½ﬁ", "e\u0301", "\u00ad"])
texts = st.lists(alphabet, max_size=30).map("".join)


def plain(text: str) -> str:
    """An independent folding without hyphens: NFKD of the whole, case, white space and soft hyphens."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return re.sub(r"[\s\u00ad]", "", decomposed)


plain_texts = st.text(st.sampled_from("abÀ ß\n　ＡＢ，。检索１½ﬁ"), max_size=30)


@given(text=plain_texts, before=plain_texts, after=plain_texts)
def test_a_piece_of_a_text_is_found_where_it_stands(text: str, before: str, after: str) -> None:
    start, end = len(before) + len(text) - len(text.lstrip()), len(before) + len(text.rstrip())
    expected = {(start, end)} if text.strip() else set()
    assert expected <= {*FoldedText.of(before + text + after).spans(text)}


@given(text=texts, quote=texts)
def test_what_is_found_folds_to_the_quote(text: str, quote: str) -> None:
    for start, end in FoldedText.of(text).spans(quote):
        assert fold_quote(text[start:end]) == fold_quote(quote)
        assert plain(text[start:end]).replace("-", "") == plain(quote).replace("-", "")


@given(text=texts)
def test_fold_is_that_of_the_folded_text(text: str) -> None:
    folded = FoldedText.of(text)
    assert folded.folded == fold(text)
    assert len(folded.places) == len(folded.folded)
    assert [*folded.places] == sorted(folded.places)


def test_the_nearest_text() -> None:
    text = "Lakes are wet. Lake Corva is 61 metres deep, and salty. 东湖最深处四十米，湖中盛产银鱼。"

    def nearest(quote: str) -> str:
        span = FoldedText.of(text).nearest(quote)
        assert span is not None
        return text[span[0] : span[1]]

    assert nearest("Lake Corva is 61 m deep") == "Lake Corva is 61 metre"
    assert nearest("东湖最深处五十米") == "东湖最深处四十米"
    assert FoldedText.of(text).nearest("XYZ") is None
    assert likeness("Lake Corva is 61 m deep", "lake corva is  61 m deep") == 1.0
    assert likeness("abc", "xyz") == 0.0
