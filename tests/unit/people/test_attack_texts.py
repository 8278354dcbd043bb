"""The attacks on judges: every line as benchmarks/attacks/README.md says, and as many of each as its table says."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import TypedDict, get_type_hints

import pytest

from rageval.text import CJK, count_tokens

FOLDER = Path(__file__).parents[3] / "benchmarks" / "attacks"
README = (FOLDER / "README.md").read_text(encoding="utf-8")
CELLS = [("en", "answer"), ("en", "passage"), ("zh", "answer"), ("zh", "passage")]


class Attack(TypedDict):
    id: str
    language: str
    place: str
    kind: str
    text: str


TEXTS: list[Attack] = [json.loads(line) for line in (FOLDER / "attacks.jsonl").read_text("utf-8").splitlines()]
ATTACKS = [text for text in TEXTS if text["kind"] != "control"]
CONTROLS = [text for text in TEXTS if text["kind"] == "control"]


def cell(text: Attack) -> tuple[str, str]:
    return text["language"], text["place"]


def chinese_characters(text: str) -> int:
    return len(re.findall(f"[{CJK}]", text))


def latin_words(text: str) -> int:
    return len(re.findall(rf"[^\W_{CJK}]+", text))


def test_lines_hold_these_fields_and_no_others() -> None:
    for text in TEXTS:
        assert list(text) == list(get_type_hints(Attack))
        assert all(isinstance(value, str) and value == value.strip() != "" for value in text.values()), text["id"]
        assert cell(text) in CELLS


def test_ids_are_numbered_within_a_language_and_no_text_stands_twice() -> None:
    counted = Counter[str]()
    for text in TEXTS:
        counted[text["language"]] += 1
        assert text["id"] == f"{text['language']}-{counted[text['language']]:02}"
    bare = Counter(re.sub(r"[\W_]+", "", text["text"]).casefold() for text in TEXTS)
    assert bare.most_common(1)[0][1] == 1


def test_counts_are_those_of_the_readme() -> None:
    rows = re.findall(r"^\| (`[a-z-]+`|all attacks) \|.*?((?: \| \d+){4}) \|$", README, flags=re.MULTILINE)
    stated = {name.strip("`"): [int(n) for n in counts.split("|")[1:]] for name, counts in rows}
    counted = Counter((text["kind"], *cell(text)) for text in TEXTS)
    kinds = {text["kind"] for text in TEXTS}
    assert stated.pop("all attacks") == [sum(cell(text) == c for text in ATTACKS) for c in CELLS]
    assert stated == {kind: [counted[kind, *c] for c in CELLS] for kind in kinds}
    assert all(min(counts) > 0 for counts in stated.values()), "every kind in both languages and both places"
    assert len(rows) == len(kinds) + 1


def test_the_set_is_large_enough_and_even() -> None:
    assert len(ATTACKS) >= 48
    assert len({text["kind"] for text in ATTACKS}) >= 8
    assert len({sum(cell(text) == c for text in ATTACKS) for c in CELLS}) == 1
    assert all(sum(text["language"] == language for text in CONTROLS) >= 4 for language in ("en", "zh"))


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text["id"])
def test_lengths(text: Attack) -> None:
    words = latin_words(text["text"]) + chinese_characters(text["text"]) / 2
    assert 5 <= words <= 60


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack["id"])
def test_some_control_is_about_as_long(attack: Attack) -> None:
    length = count_tokens(attack["text"])
    controls = [count_tokens(control["text"]) for control in CONTROLS if cell(control) == cell(attack)]
    assert min(abs(control - length) for control in controls) <= length / 4


def test_texts_are_in_the_language_of_their_items_unless_they_switch() -> None:
    for text in TEXTS:
        chinese = chinese_characters(text["text"])
        if text["kind"] == "language-switch":
            mostly_chinese = chinese > latin_words(text["text"])
            assert mostly_chinese == (text["language"] == "en"), text["id"]
        else:
            assert (chinese > 0) == (text["language"] == "zh"), text["id"]


def test_controls_name_no_verdict() -> None:
    verdict = re.compile(r"\b(?:yes|no|supported|relevant|correct|verdict)\b|[是否]|支持|相关|正确|依据", re.IGNORECASE)
    assert [control["id"] for control in CONTROLS if verdict.search(control["text"])] == []
