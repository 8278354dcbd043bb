"""Sentences, search words and token counts, in English, Chinese and mixed text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.text import (
    count_tokens,
    cut_at_sentence,
    read_numbers,
    reply_lines,
    search_words,
    sentences,
    take_citations,
)

texts = st.text(
    st.sampled_from("ab Z1.!?。！？；…”\"')\n\t 　中文字e.g.") | st.characters(exclude_categories=["Cs"]), max_size=60
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n ", []),
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("No end here", ["No end here"]),
        ("It costs 3.14 euros. Yes.", ["It costs 3.14 euros.", "Yes."]),
        (
            "Use sparse methods, e.g. BM25, first. Then rerank.",
            ["Use sparse methods, e.g. BM25, first.", "Then rerank."],
        ),
        ("Gao et al. 2022 wrote it. S. Robertson did not.", ["Gao et al. 2022 wrote it.", "S. Robertson did not."]),
        ('He said "stop." Then he left.', ['He said "stop."', "Then he left."]),
        ("Wait... what?!  Nothing", ["Wait...", "what?!", "Nothing"]),
        ("A title\nA line", ["A title", "A line"]),
        ("第一句。第二句！第三句？", ["第一句。", "第二句！", "第三句？"]),
        ("他说：“停。”然后走了。", ["他说：“停。”", "然后走了。"]),
        ("分号；也断句……对。", ["分号；", "也断句……", "对。"]),
        ("用BM25.再重排。Then stop.", ["用BM25.", "再重排。", "Then stop."]),
        ("版本3.5很快。", ["版本3.5很快。"]),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == expected


@given(texts)
def test_sentences_cover_every_visible_character_once_and_in_order(text: str) -> None:
    spans = sentences(text)
    ends = [0, *(end for _, end in spans), len(text)]
    starts = [*(start for start, _ in spans), len(text)]
    assert all(start < end for start, end in spans)
    for gap_start, gap_end in zip(ends, starts, strict=False):
        assert gap_start <= gap_end
        assert not text[gap_start:gap_end].strip()
    assert all(text[start:end] == text[start:end].strip() for start, end in spans)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("  \n", 0), ("a", 1), ("hello", 1), ("vector", 2), ("retrieval!", 3), ("检索增强", 4), ("用BM25。", 3)],
)
def test_count_tokens(text: str, tokens: int) -> None:
    assert count_tokens(text) == tokens


@given(texts, texts)
def test_tokens_of_a_joined_text_are_at_most_the_sum(left: str, right: str) -> None:
    assert max(count_tokens(left), count_tokens(right)) <= count_tokens(left + right)
    assert count_tokens(left + right) <= count_tokens(left) + count_tokens(right)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("The of and", []),
        ("Ranked passages are ranking", ["rank", "passag", "rank"]),
        ("ＢＭ２５ and BM25", ["bm25", "bm25"]),
        ("倒排索引的", ["倒排", "索引"]),
        ("用的是", ["用"]),
        ("自然语言处理", ["自然", "语言", "处理", "自然语言"]),
    ],
)
def test_search_words(text: str, words: list[str]) -> None:
    assert sorted(search_words(text)) == sorted(words)


def test_search_words_of_mixed_text_hold_both_languages() -> None:
    assert set(search_words("使用HyDE检索documents")) == {"使用", "检索", "hyde", "document"}


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("ja", "東京タワー", ["東京", "京タ", "タワ", "ワー"]),
        ("ja", "BM25で検索", ["で検", "検索", "bm25"]),
        ("ko", "서울의 인구", ["서울", "울의", "인구"]),
        ("th", "ภู", ["ภู"]),
        ("th", "เขา", ["เข", "ขา"]),
        ("ja", "本 1", ["本", "1"]),
        ("de", "Die Brücken", ["die", "bruck"]),
        ("fr", "Les cafés", ["le", "caf"]),
        ("ru", "мосты", ["мост"]),
        ("hi", "किताब", ["किताब"]),
        ("sw", "Vitabu vizuri", ["vitabu", "vizuri"]),
        ("de", "Das Wort 检索", ["检索", "das", "wort"]),
    ],
)
def test_search_words_of_other_languages(language: str, text: str, words: list[str]) -> None:
    """Stems as on snowballstem.org; bigrams by hand."""
    assert search_words(text, language) == words


@pytest.mark.parametrize(
    ("reply", "lines"),
    [
        ("", []),
        ("1. What is BM25?\n2) What is HyDE?\n", ["What is BM25?", "What is HyDE?"]),
        ("- one\n* two\n• three\n\n  one", ["one", "two", "three"]),
        ("1、第一条\n（2）\n2：第二条\n“第三条”", ["第一条", "（2）", "第二条", "第三条"]),
        ('"quoted question"', ["quoted question"]),
        ("3.5 billion parameters\n12:30 in Paris", ["3.5 billion parameters", "12:30 in Paris"]),
        ("2022 wrote it", ["2022 wrote it"]),
    ],
)
def test_reply_lines(reply: str, lines: list[str]) -> None:
    assert reply_lines(reply) == lines


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Plain.", ("Plain.", [])),
        ("One [1]. Two.[2]", ("One. Two.", [1, 2])),
        ("甲［1］。乙【12】。", ("甲。乙。", [1, 12])),
        ("Both [1, 3]. 都[2，4]。", ("Both. 都。", [1, 3, 2, 4])),
        ("Not [a], [], [1234] or (1).", ("Not [a], [], [1234] or (1).", [])),
        ("[3]", ("", [3])),
    ],
)
def test_take_citations(text: str, expected: tuple[str, list[int]]) -> None:
    assert take_citations(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "arr[0] is the first, arr[1] the second",
        "rows[1][2] and f(x)[0]",
        "x[1]",
        "RFC [793] replaced it.",
        "RFC［793］取代了它。",
        "see [6]",
        "the interval [0, 3]",
        "the interval [3, 7]",
        "[1](https://example.org)",
        "a matrix [[1], [2]]",
        "[2]nd place",
        "根据第[3]条和第【4】款",
        "第 [3] 条，第［５］章",
        "数组a[1]，列表arr［２］",
    ],
)
def test_what_names_no_passage_stays(text: str) -> None:
    assert take_citations(text, 5) == (text, [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is x[0] [2].", ("It is x[0].", [2])),
        ("Both [1][3], and [4] too [9].", ("Both, and too [9].", [1, 3, 4])),
        ("[1] One.\n[2] Two.\n\nThree [3]", ("One.\nTwo.\n\nThree", [1, 2, 3])),
        ("第3条［1］。", ("第3条。", [1])),
        ("见[1]与【5】。", ("见与。", [1, 5])),
        ("天空是蓝色的［１，２］。", ("天空是蓝色的。", [1, 2])),
        ("（2310米）[2]", ("（2310米）", [2])),
    ],
)
def test_citations_of_five_passages(text: str, expected: tuple[str, list[int]]) -> None:
    assert take_citations(text, 5) == expected


@pytest.mark.parametrize("text", ["One [1].", "甲［1］。"])
def test_without_passages_there_is_nothing_to_cite(text: str) -> None:
    assert take_citations(text, 0) == (text, [])


@pytest.mark.parametrize(
    ("text", "tokens", "expected"),
    [
        ("One two. Three four. Five.", 100, "One two. Three four. Five."),
        ("One two. Three four. Five.", 6, "One two. Three four."),
        ("One two. Three four. Five.", 5, "One two."),
        ("第一句。第二句。", 4, "第一句。"),
        ("第一句话很长很长。第二句。", 4, "第一句话"),
        ("one two three four five", 3, "one two three"),
        ("abcdefghijklmnopqrst", 2, "abcdefghij"),
        ("  A b.  C d.", 3, "  A b."),
        ("", 1, ""),
    ],
)
def test_a_text_is_cut_at_a_sentence(text: str, tokens: int, expected: str) -> None:
    """Tokens are counted by hand: a Chinese character, a mark, and each five letters begun count one."""
    assert cut_at_sentence(text, tokens) == expected


@given(texts, st.integers(1, 20))
def test_what_is_cut_fits_and_is_a_beginning(text: str, tokens: int) -> None:
    cut = cut_at_sentence(text, tokens)
    assert text.startswith(cut)
    assert count_tokens(cut) <= tokens


@pytest.mark.parametrize(
    ("reply", "numbers"),
    [
        ("[2] > [1]", [2, 1]),
        ("The order is [3]>[1], since 2 is off", [3, 1]),
        ("2, 3, 1", [2, 3, 1]),
        ("【3】＞［1，2］", [3, 1, 2]),
        ("[1] [1] [4] [2] [0]", [1, 2]),
        ("句子 2 和 3", [2, 3]),
        ("99999999999999999999", []),
        ("", []),
    ],
)
def test_reading_numbers(reply: str, numbers: list[int]) -> None:
    assert read_numbers(reply, 3) == numbers
