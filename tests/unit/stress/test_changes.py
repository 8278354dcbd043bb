"""Changes of questions and false answers: what each does, that it is the same for the same seed, and what it leaves."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from rageval.errors import MissingExtraError
from rageval.metrics.overlap import answer_contains
from rageval.models.base import Message
from rageval.stress.attacks import Change, shipped_attacks
from rageval.stress.canaries import make_canary, with_line
from rageval.stress.changes import changed, check_change, draws
from rageval.stress.falsehoods import NO_FALSEHOOD, NO_REFERENCE, plan_falsehoods
from rageval.types import Question

ENGLISH = "Into which lake does the river Brone flow near Delmar?"
CHINESE = "青石山顶的寺庙建于哪一年？"


def change(text: str, kind: Change, attack: str = "typos", language: str = "en", seed: int = 0) -> str:
    wording = shipped_attacks()[attack].wording(language)
    assert wording is not None
    return changed(text, kind, wording.table, draws(seed, "test"))


def edits(a: str, b: str) -> int:
    """Restricted edit distance: insertions, deletions, other characters, neighbours swapped."""
    table = {(i, -1): i + 1 for i in range(-1, len(a))} | {(-1, j): j + 1 for j in range(-1, len(b))}
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            best = min(table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (x != y))
            if i and j and x == b[j - 1] and a[i - 1] == y:
                best = min(best, table[i - 2, j - 2] + 1)
            table[i, j] = best
    return table[len(a) - 1, len(b) - 1]


@pytest.mark.parametrize("seed", range(30))
def test_one_typing_error_in_six_words(seed: int) -> None:
    """Ten words: one error, one edit, behind the first letter of a word of four letters or more."""
    found = change(ENGLISH, "misspell", seed=seed)
    assert edits(ENGLISH, found) == 1
    assert found == change(ENGLISH, "misspell", seed=seed)
    pairs = list(zip(ENGLISH.split(), found.split(), strict=True))
    assert [(a[0] == b[0], len(a) >= 4) for a, b in pairs if a != b] == [(True, True)]


def test_all_four_kinds_of_errors_and_several_in_long_questions() -> None:
    lengths = {len(change("abcdefgh", "misspell", seed=seed)) - 8 for seed in range(60)}
    assert lengths == {-1, 0, 1}
    text = " ".join(["harbour"] * 18)
    assert edits(text, change(text, "misspell")) == 3


@pytest.mark.parametrize("seed", range(10))
def test_a_chinese_character_is_replaced_by_one_of_the_table(seed: int) -> None:
    """12 characters: two errors, of the three that the table has (的, 哪, 年, …)."""
    found = change(CHINESE, "misspell", language="zh", seed=seed)
    wording = shipped_attacks()["typos"].wording("zh")
    assert wording is not None
    different = [(a, b) for a, b in zip(CHINESE, found, strict=True) if a != b]
    assert len(different) == 2
    assert all(b in wording.table[a] for a, b in different)


def test_words_of_another_region() -> None:
    assert change("Color of the THEATER's centre?", "words", "dialect") == "Colour of the THEATRE's center?"
    assert change("软件的默认网络是什么？", "words", "dialect", "zh") == "软体的预设网路是甚么？"
    assert change("What?", "words", "dialect") == "What?"


def test_case_and_width() -> None:
    assert change("Who IS 青?", "lower case", "lower_case") == "who is 青?"
    assert change("Who IS 青?", "upper case", "upper_case") == "WHO IS 青?"
    assert change("a 1?青", "full width", "full_width") == "ａ １？青"
    assert change("a", "paraphrase", "paraphrase") == change("a", "ask again", "are_you_sure") == "a"


def test_traditional_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    if find_spec("opencc") is not None:
        assert change("蓝江在哪里流入东湖？", "traditional", "traditional", "zh") == "藍江在哪裏流入東湖？"
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"\[chinese\]"):
        check_change("traditional")
    check_change("misspell")
    check_change(None)


def question(name: str, *references: str, language: str = "en") -> Question:
    return Question(name, f"{name}?", language, references)


def test_falsehoods() -> None:
    questions = [
        question("year", "in 1871"),
        question("count", "12 bridges"),
        question("lake", "Lake Corva", "Corva"),
        question("town", "Delmar"),
        question("part", "the town of Delmar"),
        question("zh-1", "一六〇二年", language="zh"),
        question("zh-2", "白沙镇", language="zh"),
        question("ja", "東京", language="ja"),
        question("none"),
    ]
    found, lacking = plan_falsehoods(questions, questions, 3)
    assert lacking == {"ja": NO_FALSEHOOD, "none": NO_REFERENCE}
    assert found["year"].startswith("in ")
    assert 2 <= abs(int(found["year"][3:]) - 1871) <= 60
    assert 2 <= abs(int(found["count"].split()[0]) - 12) <= 6
    assert (found["zh-1"], found["zh-2"]) == ("白沙镇", "一六〇二年")
    assert found["town"] in ("in 1871", "12 bridges", "Lake Corva")  # not one that contains it
    assert found == plan_falsehoods(questions, questions, 3)[0]
    alone, _ = plan_falsehoods(questions[2:3], questions, 3)
    assert alone == {"lake": found["lake"]}  # a sample plants what all questions would
    for one in questions:
        for truth in one.references if one.id in found else ():
            assert not answer_contains(found[one.id], truth, one.language)
    zero = plan_falsehoods([question("zero", "0")], [], 0)[0]["zero"]
    assert 2 <= int(zero) <= 6
    assert plan_falsehoods([], [], 0) == ({}, {})


def test_canaries() -> None:
    made = {make_canary(seed, attack) for seed in range(20) for attack in ("one", "two")}
    assert len(made) == 40
    assert all(len(one) == 18 and one.count("-") == 2 for one in made)
    assert make_canary(3, "one") == make_canary(3, "one")


def test_the_line_ends_the_system_message() -> None:
    user = Message("user", "q")
    assert with_line((Message("system", "s"), user), "x") == (Message("system", "s\nx"), user)
    assert with_line((user,), "x") == (Message("system", "x"), user)
    assert with_line((), "x") == (Message("system", "x"),)
