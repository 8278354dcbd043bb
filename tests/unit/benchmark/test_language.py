"""Chinese or English."""

from __future__ import annotations

import pytest

from rageval.benchmark import detect_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("", "en"),
        ("2024: 3.14!", "en"),
        ("What is HyDE?", "en"),
        ("Où est le café?", "en"),
        ("什么是检索?", "zh"),
        ("什麼是檢索?", "zh"),
        ("BM25 的 k1 与 b 有何作用?", "zh"),
        ("HyDE 的全称 Hypothetical Document Embeddings 是什么意思?", "zh"),
        ("什么是 Retrieval-Augmented Generation?", "zh"),
        ("How does jieba cut the word 检索 in a longer sentence?", "en"),
        ("𠮷", "zh"),
    ],
)
def test_detect_language(text: str, language: str) -> None:
    assert detect_language(text) == language
