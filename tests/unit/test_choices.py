"""Which option does an answer choose?"""

import pytest

from rageval.text.choices import chosen_option

OPTIONS = ("61 metres", "73 metres", "2310 metres", "95 kilometres")
CHINESE = ("四十米", "九十米", "一千八百米", "三百公里")


@pytest.mark.parametrize(
    ("answer", "place"),
    [
        ("B", 1),
        ("B.", 1),
        ("(C)", 2),
        ("**D**", 3),
        ("A. 61 metres", 0),
        ("D: it is 61 metres deep", 3),  # the letter counts, not what stands behind it
        ("The answer is B.", 1),
        ("I would choose option C", 2),
        ("Answer: D", 3),
        ("The lake is 73 metres deep.", 1),
        ("It is 61 METRES deep, I think", 0),
        ("The correct answer is 2310 metres", 2),
        ("E", None),
        ("It is 161 metres deep.", None),
        ("61 metres or 73 metres", None),
        ("The answer is A, or the answer is B", None),
        ("A lake may be deep.", None),
        ("", None),
        ("?!", None),
    ],
)
def test_in_english(answer: str, place: int | None) -> None:
    assert chosen_option(answer, OPTIONS, "en") == place


@pytest.mark.parametrize(
    ("answer", "place"),
    [
        ("B", 1),
        ("C、一千八百米", 2),
        ("（D）", 3),
        ("答案是B。", 1),
        ("应选 C", 2),
        ("东湖最深处四十米。", 0),
        ("四十米或九十米", None),
        ("不清楚", None),
    ],
)
def test_in_chinese(answer: str, place: int | None) -> None:
    assert chosen_option(answer, CHINESE, "zh") == place


def test_of_options_within_each_other_the_longest_counts() -> None:
    assert chosen_option("It is the red lake.", ("lake", "red lake", "river"), "en") == 1
