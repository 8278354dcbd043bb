from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.models.base import ChatReply, Token
from rageval.models.structured import parse_object, word_probability, word_shares, yes_probabilities, yes_probability
from tests.unit.scripts import one_token, spelled

GRADE = {"grade": int}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    "text",
    [
        '{"grade": 2}',
        '  {"grade": 2}\n',
        '```json\n{"grade": 2}\n```',
        'Here is my verdict:\n```\n{ "grade" : 2 }\n``` I hope it helps.',
        'The set {a, b} is small. {"grade": 2}',
        '好的，结果如下：{"grade": 2}。',
        '{"grade": 1} {"grade": 2}',
        '{"other": 1} {"grade": 2}',
        '{"grade": 1, oops} No: {"grade": 2}',
        '{"grade": 2} and {"gra',
        '[{"grade": 2}]',
        '<think>a } b</think>{"grade": 2}',
    ],
)
def test_last_complete_object_is_found(text: str) -> None:
    assert parse_object(text, GRADE) == {"grade": 2}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "grade: 2",
        "2",
        "{}",
        '{"grade": "2"}',
        '{"grade": true}',
        '{"grade": 2.0}',
        '{"grade": null}',
        '{"Grade": 2}',
        '{"grade": 2',
        "{'grade': 2}",
        '{"grade": 2,}',
        '{"grade": 2, "grade": 1}',
        '{"grade": 2, "other": NaN}',
        '{"grade": 2, "other": 1e999}',
        '{"verdicts": [{"grade": 2}, {"gra',
        '{"reason": "he said "x" {"grade": 5}", "grade": 1}',
        '{"inner": {"grade": 2}}',
        '{"grade": 2} {"other": 1}',
        '{"inner": {"grade": 2}, oops}',
        '{"grade": ' * 100_000,
        '{"grade": ' + "1" * 5000 + "}",
    ],
)
def test_no_grade_is_invented(text: str) -> None:
    assert parse_object(text, GRADE) is None


@pytest.mark.parametrize(
    ("value", "kind", "fits"),
    [
        ("1", float, True),
        ("1.5", float, True),
        ("true", float, False),
        ("true", bool, True),
        ("1", bool, False),
        ('"x"', str, True),
        ("[1]", list, True),
        ('{"a": 1}', dict, True),
        ("null", str, False),
    ],
)
def test_types_are_exact(value: str, kind: type, fits: bool) -> None:
    found = parse_object(f'{{"key": {value}, "more": 1}}', {"key": kind})
    assert found == ({"key": json.loads(value), "more": 1} if fits else None)


@given(st.dictionaries(st.text(), JSON, min_size=1), st.sampled_from(["", "Sure: ", "```json\n"]), st.booleans())
def test_whatever_json_writes_is_read_back(value: dict[str, object], before: str, ascii_only: bool) -> None:
    text = before + json.dumps(value, ensure_ascii=ascii_only, indent=1) + "\n```"
    assert parse_object(text, {}) == value


@given(st.dictionaries(st.text(), JSON, min_size=1), st.data())
def test_an_object_cut_off_is_none(value: dict[str, object], data: st.DataObject) -> None:
    text = json.dumps(value)
    assert parse_object(text[: data.draw(st.integers(0, len(text) - 1))], {}) is None


@given(st.text(), st.sampled_from([{}, GRADE]))
def test_any_text_is_survived(text: str, required: dict[str, type]) -> None:
    parse_object(text, required)


def reply(*alternatives: tuple[str, float], text: str = "?") -> ChatReply:
    return one_token(text, *((token, math.log(mass)) for token, mass in alternatives))


@pytest.mark.parametrize(
    ("alternatives", "expected"),
    [
        ([("Yes", 0.6), ("No", 0.2)], 0.75),
        ([("Yes", 0.3), (" yes", 0.2), ("YES", 0.1), (" No", 0.3), ("no", 0.1), ("The", 0.0001)], 0.6),
        ([("是", 0.5), ("是的", 0.1), ("否", 0.1), ("不", 0.05), ("不是", 0.05)], 0.75),
        ([("\u2581yes", 0.1), ("\u0120no", 0.3)], 0.25),
        ([("yes", 0.1), ("maybe", 0.9)], 1.0),
        ([("否", 0.1), ("maybe", 0.9)], 0.0),
        ([("maybe", 0.9), ("yesterday", 0.1), ("none", 0.1)], None),
    ],
)
def test_yes_probability_from_alternatives(alternatives: list[tuple[str, float]], expected: float | None) -> None:
    found = yes_probability(reply(*alternatives, text="yes"))
    assert found == (None if expected is None else pytest.approx(expected))


def test_masses_too_small_for_a_float_still_compare() -> None:
    found = yes_probability(one_token("?", ("yes", -2000.0), ("no", -2000.0 - math.log(3))))
    assert found == pytest.approx(0.75)
    assert yes_probability(one_token("?", ("yes", -math.inf), ("no", -1.0))) == 0.0
    assert yes_probability(one_token("?", ("yes", -math.inf))) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yes", 1.0),
        (" Yes.\n", 1.0),
        ("YES!", 1.0),
        ("是。", 1.0),
        ("No", 0.0),
        ("否！", 0.0),
        ("不是", 0.0),
        ("", None),
        (".", None),
        ("yes, but", None),
        ("no idea", None),
        ("yes/no", None),
        ("maybe", None),
        ("是否", None),
    ],
)
def test_without_alternatives_only_a_bare_word_decides(text: str, expected: float | None) -> None:
    assert yes_probability(ChatReply(text)) == expected
    assert word_probability(text) == expected


@given(st.lists(st.tuples(st.sampled_from(["yes", " No", "是", "不", "x"]), st.floats(-1e3, 0)), max_size=8))
def test_probability_is_one_or_none(alternatives: list[tuple[str, float]]) -> None:
    found = yes_probability(one_token("?", *alternatives))
    assert found is None or 0.0 <= found <= 1.0


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (['{"1": "', ("yes", 0.75), '", "2": "', ("no", 0.625), '"}'], [0.75, 0.375]),
        (['{"', "1", '":"', ("yes", 0.75), '","', "2", '":"', ("no", 0.625), '"}'], [0.75, 0.375]),
        (['{"1":', (' "yes', 0.75), '", "2":', (' "No', 0.625), '"}'], [0.75, 0.375]),
        (['{\n "1"', " :\n", ' "', ("是", 0.75), '",\n "2" : "', ("否", 0.625), '"\n}'], [0.75, 0.375]),
        (['{"1": ', ("yes", 0.75), "}"], [0.75]),  # without quotation marks, no JSON, but a verdict
        (['{"1": "', "", ("yes", 0.75), '"}'], [0.75]),  # an empty token, as some servers send for half a character
        (['{"1": "', "y", "es", '", "2": "', ("no", 0.625), '"}'], [None, 0.375]),
        (['{"1": "yes", "2": "', ("no", 0.625), '"}'], [0.375]),  # the first verdict has no token of its own
        (['{"10": "', ("yes", 0.75), '", "a1": "', ("no", 0.625), '"}'], [0.75]),
        (['{"1": ', "{", '"1": "', ("yes", 0.75), '"}}'], [0.75]),  # an object is no verdict
        (['{"1": ["', ("yes", 0.75), '"], "2": "', ("no", 0.625), '"}'], [0.375]),  # nor is a list
        (["The 1: ", ("yes", 0.75)], []),
        ([("yes", 0.75)], []),
    ],
)
def test_p_yes_at_each_verdict(pieces: list[str | tuple[str, float]], expected: list[float | None]) -> None:
    found = yes_probabilities(spelled(*pieces), r"\d+")
    assert [None if p is None else round(p, 9) for p in found] == expected


def test_p_yes_under_one_key_alone() -> None:
    pieces = ['{"1": {"supported": "', ("yes", 0.75), '", "passage": "', ("no", 0.625), '"}}']
    assert yes_probabilities(spelled(*pieces), "supported") == [pytest.approx(0.75)]
    assert yes_probabilities(spelled(*pieces), "passage") == [pytest.approx(0.375)]
    assert yes_probabilities(spelled(*pieces), "supported|passage") == [pytest.approx(0.75), pytest.approx(0.375)]
    assert yes_probabilities(spelled(*pieces), "support") == []


def test_no_tokens_no_probabilities() -> None:
    assert yes_probabilities(ChatReply('{"1": "yes"}'), r"\d+") == []
    bare = tuple(Token(text) for text in ('{"1": "', "yes", '"}'))
    assert yes_probabilities(ChatReply('{"1": "yes"}', tokens=bare), r"\d+") == [None]


@pytest.mark.parametrize(
    ("alternatives", "expected"),
    [
        ([("2", 0.5), ("1", 0.2), (" 2", 0.1), ("two", 0.1)], [0.25, 0.75, 0.0]),
        ([("3", 0.01)], [0.0, 0.0, 1.0]),
        ([("12", 0.5), ("two", 0.5)], None),
        ([], None),
    ],
)
def test_shares_of_words(alternatives: list[tuple[str, float]], expected: list[float] | None) -> None:
    found = word_shares(reply(*alternatives), ("1", "2", "3"))
    assert found == (None if expected is None else pytest.approx(expected))
