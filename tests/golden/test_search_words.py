"""What English and Chinese texts were searched by before other languages came, kept as it was then (commit 504e3aa)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rageval.text import search_words

GOLDEN = json.loads(Path(__file__).with_name("search_words.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("language", ["en", "zh", "en-GB", "zh-Hant"])
@pytest.mark.parametrize("case", GOLDEN, ids=range(len(GOLDEN)))
def test_words_of_english_and_chinese_stay(case: dict[str, object], language: str) -> None:
    assert search_words(str(case["text"]), language) == case["words"]
    assert search_words(str(case["text"])) == case["words"]
