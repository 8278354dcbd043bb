"""Files of attacks: the shipped ones are complete, and what is refused names the file and the key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from rageval.errors import DeclarationError
from rageval.stress.attacks import choose_attacks, fill, read_attack, shipped_attacks
from rageval.text import CJK

ATTACKS = shipped_attacks()
PAGE = Path(__file__).parents[3] / "docs" / "stress.md"


def test_the_shipped_ones() -> None:
    assert len(ATTACKS) == 22
    assert {attack.succeeds for attack in ATTACKS.values()} == {
        "truth lost",
        "falsehood",
        "obeyed",
        "leaked",
        "answered",
    }
    assert [name for name, attack in ATTACKS.items() if attack.languages == ("en", "zh")] == [
        name for name in ATTACKS if name != "traditional"
    ]
    assert ATTACKS["traditional"].languages == ("zh",)


@pytest.mark.parametrize("name", ATTACKS)
def test_texts_are_in_their_language(name: str) -> None:
    for language, wording in ATTACKS[name].wordings:
        for text in filter(None, wording.texts):
            bare = re.sub(r"\{\w+\}|/srv/\S*|<\|.*?\|>", "", text).strip()
            chinese = len(re.findall(f"[{CJK}]", bare))
            assert chinese >= 3 if language == "zh" and bare else chinese == 0, text


@pytest.mark.parametrize("name", ATTACKS)
def test_the_page_names_each(name: str) -> None:
    assert f"`{name}`" in PAGE.read_text(encoding="utf-8")


def test_kept_questions_and_planted_things() -> None:
    other = {name for name, attack in ATTACKS.items() if not attack.keeps_question}
    assert other == {"empty_question", "reveal_prompt", "reveal_prompt_later", "other_user", "other_user_later"}
    documents = {name for name, attack in ATTACKS.items() if attack.changes_documents}
    assert documents == {
        "noise", "contradiction", "poison", "injection", "reveal_metadata", "reveal_sources", "other_user",
        "other_user_later",
    }  # fmt: skip
    assert {name for name, attack in ATTACKS.items() if attack.needs_chat} == {
        "paraphrase",
        "reveal_prompt",
        "reveal_prompt_later",
    }


def test_fill_leaves_other_braces() -> None:
    assert fill("{a} {b} {} {a}", {"a": "{b}"}) == "{b} {b} {} {b}"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({}, "found an empty file"),
        ({"what": "w"}, "succeeds: found nothing, expected this key"),
        ({"what": "w", "succeeds": "won"}, "succeeds: found 'won'"),
        ({"what": "w", "succeeds": "truth lost"}, "found neither en nor zh"),
        ({"what": "w", "succeeds": "truth lost", "en": {}}, "found no change and no texts"),
        ({"what": "w", "succeeds": "truth lost", "change": "words", "en": {}}, "without a table"),
        ({"what": "w", "succeeds": "leaked", "en": {"question": ["q"]}}, "found no {canary} in the texts"),
        ({"what": "w", "succeeds": "falsehood", "en": {"documents": ["q"]}}, "found no {falsehood} in the texts"),
        ({"what": "w", "succeeds": "truth lost", "en": {"question": ["{word}"]}}, "found the placeholder {word}"),
        ({"what": "w", "succeeds": "truth lost", "en": {"questoin": ["q"]}}, "did you mean question?"),
        ({"what": "w", "succeeds": "truth lost", "en": {"history": [{"user": "a", "assistant": "b"}]}}, "en.history.0"),
        ({"what": "w", "succeeds": "truth lost", "change": "words", "en": {"table": {"a": []}}}, "at least one entry"),
    ],
)
def test_what_is_refused(content: dict[str, object], told: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content) if content else "", encoding="utf-8")
    with pytest.raises(DeclarationError) as error:
        read_attack(path)
    assert str(error.value).startswith(str(path))
    assert told in str(error.value)


def test_choosing(tmp_path: Path) -> None:
    own = tmp_path / "mine.yaml"
    own.write_text("what: w\nsucceeds: truth lost\nen: {question: ['Hm. {question}']}\n", encoding="utf-8")
    assert [one.name for one in choose_attacks([])] == [*ATTACKS]
    assert [one.name for one in choose_attacks(["poison", "typos"], [own])] == ["poison", "typos", "mine"]
    assert [one.name for one in choose_attacks([], [own])] == ["mine"]
    for names, told in ((["poisen"], "found 'poisen', expected some of are_you_sure, "), (["typos"] * 2, "twice")):
        with pytest.raises(DeclarationError, match=told):
            choose_attacks(names)
