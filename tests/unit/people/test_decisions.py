"""The log of a person's decisions: names, kills, and what is read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from rageval.errors import DeclarationError
from rageval.people.decisions import Decision, DecisionLog, Mark, Taken, annotator_name, decision_from_json
from rageval.scores.samples import Sample, Stratum

SAMPLE = Sample(
    "lakes", "faithfulness", "j", 0, {"q1": "a", "q2": "b"}, (Stratum("", ("q1", "q2"), 2),), ("q1", "q2"), {}
)
DECISIONS = [
    Decision("q1", 0.5, ("yes", "no"), "unsure\n", (Mark("d", 3, 9),), at="2026-01-01T00:00:00+00:00"),
    Decision("q2", "?"),
    Decision("q1", None, ("yes", None)),
    Decision("q2", None, taken=Taken("old", (("ann", 1.0), ("ben", None)))),
    Decision("q1", 1.0, after_judge=True),
]  # fmt: skip


def log(path: Path) -> DecisionLog:
    return DecisionLog(path / "faithfulness-s1", SAMPLE)


@pytest.mark.parametrize("decision", DECISIONS)
def test_there_and_back(decision: Decision) -> None:
    assert decision_from_json(decision.to_json(SAMPLE, "ann")) == decision


def test_the_last_decision_counts(tmp_path: Path) -> None:
    for decision in DECISIONS:
        log(tmp_path).append("ann", decision)
    assert log(tmp_path).read("ann") == {"q1": DECISIONS[4], "q2": DECISIONS[3]}
    assert log(tmp_path).read("ben") == {}
    assert log(tmp_path).annotators() == ["ann"]


def test_a_torn_line_is_dropped_and_nothing_else(tmp_path: Path) -> None:
    log(tmp_path).append("ann", DECISIONS[0])
    (file,) = tmp_path.rglob("*.jsonl")
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"question_id": "q2", "lab')
    assert log(tmp_path).read("ann") == {"q1": DECISIONS[0]}
    log(tmp_path).append("ann", DECISIONS[1])
    assert log(tmp_path).read("ann") == {"q1": DECISIONS[0], "q2": DECISIONS[1]}
    assert file.read_bytes().startswith(whole)


NAMES = ["ann", "Ann", "a/b", "a-b", "../../etc/passwd", "李", ".", "..", "con", "<script>", "x" * 40, "字" * 40]


def test_every_name_has_a_file_of_its_own_in_the_folder(tmp_path: Path) -> None:
    for number, name in enumerate(NAMES):
        log(tmp_path).append(annotator_name(name), Decision("q1", float(number % 2)))
    files = [*tmp_path.rglob("*.jsonl")]
    assert len({file.name.lower() for file in files}) == len(NAMES)
    assert {file.parent for file in files} == {tmp_path / "faithfulness-s1"}
    assert log(tmp_path).annotators() == sorted(NAMES)
    for number, name in enumerate(NAMES):
        assert log(tmp_path).read(name)["q1"].label == number % 2


@pytest.mark.parametrize("name", ["", "  ", "x" * 41, "a\nb", "a\u202eb", "a\x00", None, 3, ["ann"]])
def test_names_that_are_refused(name: object) -> None:
    with pytest.raises(DeclarationError, match="annotator: found"):
        annotator_name(name)


def test_a_name_in_two_ways_of_writing_is_one() -> None:
    assert annotator_name(" Zoe\u0308 ") == annotator_name("Zoë") == "Zo\u00eb"


@pytest.mark.parametrize("row", [{"label": 2.0}, {"label": "yes"}, {"label": 1, "verdicts": ["maybe"]}, {}])
def test_what_is_no_decision(row: dict[str, object]) -> None:
    with pytest.raises((ValueError, KeyError)):
        decision_from_json({"question_id": "q1", **row})
