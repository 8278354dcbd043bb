"""The language of a text, and what is written by hand for it."""

from __future__ import annotations

from typing import cast

import pytest

import rageval
from rageval.benchmark import statistics
from rageval.text.languages import Guess, detect_language, is_language, prompt_language
from rageval.types import Document, Question


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("", "en"),
        ("2024: 3.14!", "en"),
        ("What is HyDE?", "en"),
        ("Paris", "en"),
        ("什么是检索?", "zh"),
        ("什麼是檢索?", "zh"),
        ("BM25 的 k1 与 b 有何作用?", "zh"),
        ("HyDE 的全称 Hypothetical Document Embeddings 是什么意思?", "zh"),
        ("什么是 Retrieval-Augmented Generation?", "zh"),
        ("How does jieba cut the word 检索 in a longer sentence?", "en"),
        ("𠮷", "zh"),
        ("青石山的高度是多少？", "zh"),
        ("東京都の人口は何人ですか", "ja"),
        ("カタカナ", "ja"),
        ("BERTとは何ですか", "ja"),
        ("人口減少社会における地方自治体の課題", "ja"),
        ("서울의 인구는 얼마입니까?", "ko"),
        ("大韓民國의 首都는 서울", "ko"),
        ("ภูเขาสูงเท่าไหร่", "th"),
        ("Wie hoch ist der Berg?", "de"),
        ("Où est le café de la gare ?", "fr"),
        ("¿Cuándo se abrió el puente de la bahía?", "es"),
        ("Когда был построен мост?", "ru"),
        ("Коли був побудований міст?", "uk"),
        ("متى بني الجسر؟", "ar"),
        ("कितने साल पहले पुल बनाया गया था?", "hi"),
        ("When was the bridge built and who designed it?", "en"),
    ],
)
def test_detect_language(text: str, language: str) -> None:
    assert detect_language(text) == language


@pytest.mark.parametrize("text", ["", "1889", "Paris", "BM25 k1 b idf", "Der Turm", "東京都", "検索"])
def test_a_text_that_is_too_short_to_tell_is_a_guess(text: str) -> None:
    assert isinstance(detect_language(text), Guess)


def test_a_text_in_english_needs_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rageval.text.languages._identifier", lambda: pytest.fail("py3langid was loaded"))
    assert detect_language("The tower was built in 1889, and it is 324 metres high.") == "en"
    assert detect_language("塔建于1889年，高324米。") == "zh"


def test_questions_and_documents_made_in_python_get_their_language_detected() -> None:
    assert [Question("q", text).language for text in ("什么是检索?", "What is HyDE?", "")] == ["zh", "en", "en"]
    assert Document("d", "一千八百米。").language == "zh"
    assert Document("d", "", "青石山").language == "zh"
    assert Document("d", "1.2", "BM25").language == "en"
    assert Question("q", "什么是检索?", "en").language == "en"
    assert Document("d", "text", language="zh").language == "zh"


def test_a_question_without_a_text_is_refused_later_and_not_here() -> None:
    assert Question("q", cast("str", 7)).language == "en"


def test_short_texts_have_the_language_of_most_others_in_their_script() -> None:
    benchmark = rageval.benchmark_from_records(
        "mixed",
        [
            Document("a", "Der Turm wurde im Jahr 1889 gebaut und ist sehr hoch."),
            Document("b", "Die Brücke über den Fluss ist sechzig Meter lang."),
            Document("c", "The mill is by the river, and it was built in 1820."),
            Document("d", "東京タワーは1958年に完成しました。"),
            Document("short", "Der Turm"),
            Document("english", "Der Turm", language="en"),
        ],
        [Question("1", "Höhe?"), Question("2", "東京都"), Question("3", "Wie hoch ist der Turm?")],
    )
    assert [document.language for document in benchmark.documents] == ["de", "de", "en", "ja", "de", "en"]
    assert [question.language for question in benchmark.questions] == ["de", "ja", "de"]
    figures = statistics(benchmark)
    assert figures.languages_guessed == 3
    assert [*figures.documents_by_language.items()] == [("en", 2), ("de", 3), ("ja", 1)]


@pytest.mark.parametrize("code", ["en", "zh", "de", "pt-BR", "zh-Hant", "zh-Hant-TW", "haw"])
def test_any_code_is_a_language(code: str) -> None:
    assert is_language(code)


@pytest.mark.parametrize("code", ["", "German", "EN", "e", "de_AT", "de-", 7, None])
def test_what_is_no_code_is_none(code: object) -> None:
    assert not is_language(code)


def test_prompts_are_in_the_language_itself_or_in_english() -> None:
    assert [prompt_language(code) for code in ("en-GB", "zh-Hant", "de", "ja")] == ["en", "zh", "en", "en"]
