"""Chinese or English."""

from __future__ import annotations

from typing import cast

import pytest

from rageval.languages import detect_language
from rageval.types import Document, Question


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


def test_questions_and_documents_made_in_python_get_their_language_detected() -> None:
    assert [Question("q", text).language for text in ("什么是检索?", "What is HyDE?", "")] == ["zh", "en", "en"]
    assert Document("d", "一千八百米。").language == "zh"
    assert Document("d", "", "青石山").language == "zh"
    assert Document("d", "1.2", "BM25").language == "en"
    assert Question("q", "什么是检索?", "en").language == "en"
    assert Document("d", "text", language="zh").language == "zh"


def test_a_question_without_a_text_is_refused_later_and_not_here() -> None:
    assert Question("q", cast("str", 7)).language == "en"
