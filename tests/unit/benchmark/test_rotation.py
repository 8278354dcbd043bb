"""Multiple choice questions in all cyclic orders, and what a run shows of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rageval.benchmark import load
from rageval.benchmark.in_memory import from_records
from rageval.benchmark.rotation import options_of, right_option, rotate_options
from rageval.decide.choices import read_choices
from rageval.errors import DeclarationError
from rageval.metrics.choice import choice_accuracy
from rageval.types import Document, Failure, Json, Question, RelevanceLabel, Response, Score, Unscored
from tests.flow.small_world import write_lines

OPTIONS: list[Json] = ["61 metres", "73 metres", "80 metres"]
TEXT = "How deep is Lake Corva?\nA. 61 metres\nB. 73 metres\nC. 80 metres"
ABOUT: dict[str, Json] = {"options": OPTIONS, "right": "B"}
CHOICE = Question("q", TEXT, references=("B. 73 metres", "73 metres"), metadata=ABOUT)
CHINESE = Question(
    "z",
    "东湖有多深？\nA. 四十米\nB. 九十米",
    "zh",
    ("A. 四十米", "四十米"),
    metadata={"options": ["四十米", "九十米"], "right": "A"},
)
PLAIN = Question("p", "Why?")
LABELS = [RelevanceLabel("q", "d", 1), RelevanceLabel("p", "d", 1)]


def test_every_order_once_with_its_letter_reference_and_labels() -> None:
    found = rotate_options(from_records("exam", [Document("d", "Deep.")], [CHOICE, PLAIN, CHINESE], LABELS))
    assert [one.id for one in found.questions] == ["q~0", "q~1", "q~2", "p", "z~0", "z~1"]
    first, second, third = found.questions[:3]
    assert (first.text, first.references) == (TEXT, CHOICE.references)
    assert second.text == "How deep is Lake Corva?\nA. 73 metres\nB. 80 metres\nC. 61 metres"
    assert (second.references, second.metadata["right"]) == (("A. 73 metres", "73 metres"), "A")
    assert third.text.endswith("A. 80 metres\nB. 61 metres\nC. 73 metres")
    assert third.metadata["right"] == "C"
    assert {one.metadata["rotation_of"] for one in found.questions[:3]} == {"q"}
    assert all(options_of(one)[right_option(one) or 0] == "73 metres" for one in found.questions[:3])
    assert found.questions[5].text == "东湖有多深？\nA. 九十米\nB. 四十米"
    assert [label.question_id for label in found.labels] == ["q~0", "q~1", "q~2", "p"]


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (PLAIN, "found no question with options"),
        (Question("q", "How deep?", metadata=ABOUT), "expected its options"),
        (Question("q", TEXT, metadata={"options": OPTIONS, "right": "D"}), "the letter of the right one"),
        (Question("q", TEXT, metadata={"options": OPTIONS}), "the letter of the right one"),
    ],
)
def test_what_cannot_be_rotated_is_refused(question: Question, words: str) -> None:
    with pytest.raises(DeclarationError, match=words):
        rotate_options(from_records("exam", [Document("d", "Deep.")], [question]))


def test_by_reference(tmp_path: Path) -> None:
    (tmp_path / "exam").mkdir()
    (tmp_path / "exam" / "card.yaml").write_text("name: exam\n", encoding="utf-8")
    write_lines(tmp_path / "exam" / "documents.jsonl", [{"id": "d", "text": "Deep."}])
    write_lines(tmp_path / "exam" / "questions.jsonl", [{"id": "q", "text": TEXT, "metadata": ABOUT}])
    assert len(load("rotated:exam", base=tmp_path).questions) == 3


@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        (CHOICE, "B", 1.0),
        (CHOICE, "It is 73 metres deep.", 1.0),
        (CHOICE, "A", 0.0),
        (CHOICE, "61 or 73 metres: 61 metres, 73 metres", 0.0),
        (CHOICE, "", 0.0),
        (CHINESE, "答案是A", 1.0),
        (CHINESE, "九十米", 0.0),
    ],
)
def test_accuracy(question: Question, answer: str, expected: float) -> None:
    assert choice_accuracy(question, Response(answer=answer)) == Score(expected)


def test_what_has_no_choice() -> None:
    assert isinstance(choice_accuracy(PLAIN, Response(answer="B")), Unscored)
    assert isinstance(choice_accuracy(CHOICE, Response()), Unscored)
    assert choice_accuracy(CHOICE, Response(answer="I do not know.", abstained=True)) == Score(0.0)
    assert choice_accuracy(CHOICE, Failure("E", "x")) == Score(0.0, failed=True)


def test_a_model_that_always_says_a() -> None:
    """Of three orders of one question it gets one right, of two of the other one: 1/3 and 1/2, where chance is the
    mean of three thirds and two halves. It is caught by position alone from enough questions on.
    """
    rotated = rotate_options(from_records("exam", [Document("d", "Deep.")], [CHOICE, CHINESE])).questions
    found = read_choices([(one, Response(answer="A")) for one in rotated])
    assert found is not None
    assert (found.questions, found.orders, found.always, found.unread) == (2, 3, 0, 0)
    assert found.accuracy.point == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert found.chance == pytest.approx((3 * (1 / 3) + 2 * (1 / 2)) / 5)
    assert [share.point for share in found.chosen] == [1.0, 0.0, 0.0]
    assert found.right == pytest.approx((2 / 5, 2 / 5, 1 / 5))
    many = read_choices([(one, Response(answer="A")) for one in rotated[:3]] * 5)
    assert many is not None
    assert many.biased == ("A", "B", "C")[: len(many.biased)]
    assert "A" in many.biased


def test_a_model_that_knows() -> None:
    rotated = rotate_options(from_records("exam", [Document("d", "Deep.")], [CHOICE])).questions
    found = read_choices([(one, Response(answer="73 metres")) for one in rotated])
    assert found is not None
    assert (found.accuracy.point, found.always, found.biased) == (1.0, 1, ())
    assert read_choices([(PLAIN, Response(answer="A"))]) is None
    silent = read_choices([(CHOICE, Failure("E", "x"))])
    assert silent is not None
    assert (silent.accuracy.point, silent.unread, silent.chosen) == (0.0, 1, ())
