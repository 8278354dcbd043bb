"""What `rageval check` tells of languages."""

from __future__ import annotations

from rageval.report.languages import language_lines
from rageval.text.languages import detect_language
from rageval.types import Document, Question


def test_languages_guesses_and_what_is_not_written_by_hand() -> None:
    documents = [
        Document("a", "Die Brücke über den Fluss ist sechzig Meter lang.", language="de"),
        Document("b", "The mill is by the river, and it was built in 1820.", language="en"),
        Document("c", "Paris", language=detect_language("Paris")),
    ]
    lines = language_lines(documents, [Question("q", "Wie lang?", "de"), Question("r", "多长？", "zh")])
    assert lines[0] == "languages: 2 en, 1 de documents, 1 zh, 1 de questions"
    assert lines[1].startswith("1 of these texts are too short to tell")
    assert lines[2].startswith("prompts and refusals are written by hand in en and zh: for de the prompts are English")


def test_english_and_chinese_need_no_more_than_a_line() -> None:
    english, chinese = Document("a", "text", language="en"), Question("q", "多长？", "zh-Hant")
    assert language_lines([english], [chinese]) == ["languages: 1 en documents, 1 zh-Hant questions"]
