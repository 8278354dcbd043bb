"""Groups of questions that ask the same: all, some or none of them right, by hand."""

from __future__ import annotations

import pytest

from rageval.decide.paraphrases import read_paraphrases
from rageval.types import Json, Question


def asked(**groups: str) -> list[Question]:
    return [Question(name, "Why?", metadata={"group": group} if group else {}) for name, group in groups.items()]


def test_three_kinds_of_groups_across_languages() -> None:
    questions = [
        Question("en-1", "How deep is the lake?", metadata={"group": "depth"}),
        Question("zh-1", "湖有多深？", metadata={"group": "depth"}),
        *asked(a="x", b="x", c="x", d="y", e="y", f="z", g=""),
    ]
    right = {"en-1": True, "zh-1": False, "a": True, "b": True, "c": True, "d": False, "e": False, "f": True, "g": True}
    found = read_paraphrases(questions, right)
    assert found is not None
    assert (found.counts, found.consistent, found.unknown) == ((1, 1, 1), 2, 0)
    assert found.differing == {"depth": ("en-1", "zh-1")}
    assert [share.point for share in found.shares] == pytest.approx([1 / 3] * 3)
    # Clopper and Pearson, 1 of 3, at 1 - 0.05 / 3: the low end p has 1 - (1 - p) ** 3 = 0.05 / 6
    assert found.shares[0].low == pytest.approx(1 - (1 - 0.05 / 6) ** (1 / 3))


def test_what_is_not_known_is_told() -> None:
    found = read_paraphrases(asked(a="x", b="x", c="y", d="y"), {"a": True, "b": True, "c": None, "d": True})
    assert found is not None
    assert (found.counts, found.unknown) == ((1, 0, 0), 1)
    assert read_paraphrases(asked(a="x", b="x"), {"a": True, "b": None}) is None


@pytest.mark.parametrize("value", ["", 3, None])
def test_questions_without_a_group(value: Json) -> None:
    questions = [Question(name, "Why?", metadata={"group": value}) for name in "ab"]
    assert read_paraphrases(questions, {"a": True, "b": True}) is None
    assert read_paraphrases(asked(a="x", b="y"), {"a": True, "b": True}) is None
