"""Candidates for key phrases."""

from __future__ import annotations

from rageval.text.phrases import phrases


def test_runs_without_function_words_the_frequent_and_long_ones_first() -> None:
    text = "The reciprocal rank fusion of rankings: it is in rankings, rankings and 2019 rankings."
    assert phrases(text, 2) == ["rankings", "reciprocal rank fusion"]  # four times a word, once three words


def test_a_long_run_gives_its_end() -> None:
    assert phrases("very large American steel producing companies", 9) == ["steel producing companies"]


def test_chinese_nouns_next_to_each_other() -> None:
    assert phrases("国家电网有限公司的净利润增长。", 5) == ["国家电网有限公司", "净利润"]


def test_both_languages_in_one_text() -> None:
    found = phrases("向量索引使用 HNSW 图。", 9)
    assert "HNSW" in found
    assert any("索引" in one for one in found)


def test_nothing_in_a_text_without_nouns() -> None:
    assert phrases("", 5) == phrases("It was 42 of the 17.", 5) == []
