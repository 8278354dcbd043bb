from __future__ import annotations

from pathlib import Path

import pytest

from rageval.errors import DeclarationError
from rageval.scores.baselines import write_baseline
from rageval.scores.reading import read_run_folder, read_run_scores
from rageval.scores.slices import NONE, question_slices, slice_members, slice_values
from rageval.types import Question
from tests.unit.sides import write_run

ASKED = [
    Question("q1", "How high?", "en", (), ("multi-hop", "peaks"), {"topic": "山", "year": 1871, "checked": True}),
    Question("q2", "多高？", "zh", (), ("peaks", "peaks"), {"topic": "peaks", "year": None, "sources": ["a"]}),
    Question("q3", "Who?", "en", (), (), {"year": 0.5, "language": "Latin"}),
]


def test_languages_tags_and_plain_metadata() -> None:
    assert question_slices(ASKED) == {
        "language": {"q1": ("en",), "q2": ("zh",), "q3": ("en",)},
        "tag": {"q1": ("multi-hop", "peaks"), "q2": ("peaks",), "q3": ()},
        "topic": {"q1": ("山",), "q2": ("peaks",)},
        "year": {"q1": ("1871",), "q3": ("0.5",)},
        "checked": {"q1": ("true",)},
    }


def test_a_question_is_in_the_slice_of_each_tag_or_in_that_without() -> None:
    slices = question_slices(ASKED)
    members = slice_members(slice_values(slices, "tag"), ["q1", "q2", "q3"], "tag")
    assert members == {"multi-hop": {"q1"}, "peaks": {"q1", "q2"}, NONE: {"q3"}}
    assert [*slice_members(slice_values(slices, "topic"), ["q3", "q1"], "topic")] == ["山", NONE]


def test_unknown_fields_and_fields_that_do_not_group() -> None:
    with pytest.raises(
        DeclarationError, match=r"^slices by hops: found no such field .* expected language, tag, topic, ye"
    ):
        slice_values(question_slices(ASKED), "hops")
    unique = {f"q{i}": (str(i),) for i in range(51)}
    with pytest.raises(DeclarationError, match=r"^slices by id: found 51 values, expected at most 50: choose a field"):
        slice_members(unique, unique, "id")


def test_a_baseline_keeps_the_slices(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", {"map": [1.0, 0.5, 0.0]}, asked={question.id: question for question in ASKED})
    of_run = read_run_folder(run)
    pinned = read_run_scores(write_baseline(of_run, tmp_path))
    for field in of_run.slices:
        members = [slice_members(slice_values(one.slices, field), one.digests, field) for one in (of_run, pinned)]
        assert members[0] == members[1]
    assert of_run.only(["q2"]).slices["topic"] == {"q2": ("peaks",)}
