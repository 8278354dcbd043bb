"""A stored scaling at work: which judge it fits, what it makes of verdicts, and how it is cited."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rageval.errors import DeclarationError
from rageval.scores.agreement import measure
from rageval.scores.calibration_record import CalibrationRecord, write_record
from rageval.scores.calibrations import Calibration, apply_calibration, by_judge, instrument, read_calibration
from rageval.scores.scaling import Isotonic, Platt, Scaling
from rageval.types import Abstained, Evidence, Graded, Judgment, Verdict

RECORD = CalibrationRecord(
    judge="claim_support",
    key="claim_support-0123456789",
    model="critic",
    labels="labels.jsonl",
    sha256="ab" * 32,
    n=4,
    abstained=1,
    zero_shot=measure([0, 1, 1, 0], [0.6, 0.9, 0.4, 0.3]),
    cross_validated=measure([0, 1, 1, 0], [0.2, 0.8, 0.6, 0.3]),
    scaling=Platt(2.0, -1.0),
    created="2026-01-02T03:04:05+00:00",
)
EVIDENCE = (Evidence(0, "words"),)


def entry(scaling: Scaling | None) -> dict[str, Any]:
    """As it is read from a manifest."""
    record = replace(RECORD, scaling=scaling)
    written = json.dumps(Calibration("c.json", record).citation())
    return {"key": RECORD.key, "model": "critic", "calibration": json.loads(written)}


def judgments(*verdicts: Verdict) -> dict[str, tuple[Judgment, ...]]:
    return {"q": tuple(Judgment("q", RECORD.key, "claim", i, f"claim {i}", v) for i, v in enumerate(verdicts))}


def test_platt_by_hand() -> None:
    """logistic(2 · logit(P) - 1). Of 0.6: 2 · 0.4055 - 1 = -0.1891, and 1 / (1 + e^0.1891) = 0.4529: yes becomes no.
    Of 0.7: 2 · 0.8473 - 1 = 0.6946, and 1 / (1 + e^-0.6946) = 0.6670: still yes.
    """
    said = judgments(Graded(1.0, 0.6, EVIDENCE, "why"), Graded(1.0, 0.7, votes=(1.0, None)))
    (no, yes) = (judgment.verdict for judgment in apply_calibration(entry(Platt(2.0, -1.0)), said)["q"])
    assert isinstance(no, Graded)
    assert isinstance(yes, Graded)
    assert (no.grade, no.evidence, no.rationale) == (0.0, EVIDENCE, "why")
    assert (yes.grade, yes.votes) == (1.0, (1.0, None))
    assert (no.probability, yes.probability) == (pytest.approx(0.4529, abs=5e-5), pytest.approx(0.6670, abs=5e-5))
    assert said == judgments(Graded(1.0, 0.6, EVIDENCE, "why"), Graded(1.0, 0.7, votes=(1.0, None)))


def test_isotonic_by_hand() -> None:
    """From (0.2, 0.1) to (0.6, 0.5) the line rises by one: 0.6 is just yes, 0.59 is 0.49 and no."""
    steps = Isotonic((0.2, 0.6), (0.1, 0.5))
    said = judgments(Graded(1.0, 0.59), Graded(1.0, 0.6), Graded(1.0, 0.99), Graded(0.0, 0.0))
    verdicts = [judgment.verdict for judgment in apply_calibration(entry(steps), said)["q"]]
    assert [(v.grade, v.probability) for v in verdicts if isinstance(v, Graded)] == [
        (0.0, pytest.approx(0.49)),
        (1.0, pytest.approx(0.5)),
        (1.0, pytest.approx(0.5)),
        (0.0, pytest.approx(0.1)),
    ]


def test_without_a_probability_the_grade_counts_and_no_verdict_stays_none() -> None:
    """A grade of 1 is P = 1 - 1e-6, as when the scaling was fitted: 2 · 13.8 - 1 = 26.6, which is yes."""
    unreadable = Abstained("cut off", "raw")
    said = judgments(Graded(1.0), Graded(0.0), unreadable)
    yes, no, none = (judgment.verdict for judgment in apply_calibration(entry(Platt(2.0, -1.0)), said)["q"])
    assert isinstance(yes, Graded)
    assert isinstance(no, Graded)
    assert (yes.grade, no.grade, none) == (1.0, 0.0, unreadable)


def test_without_a_scaling_verdicts_are_as_they_were() -> None:
    said = judgments(Graded(1.0, 0.2), Graded(3.0))
    assert apply_calibration({"key": "k"}, said) == said
    assert apply_calibration(entry(None), said) == said


def test_the_instrument_changes_with_the_scaling_alone() -> None:
    made = [instrument(entry(scaling)) for scaling in (Platt(2.0, -1.0), Platt(2.0, -1.5), Isotonic((0.1,), (0.2,)))]
    assert len(set(made)) == 3
    assert all(name.startswith(f"{RECORD.key}~") for name in made)
    assert instrument({**entry(Platt(2.0, -1.0)), "summary": "other"}) == made[0]
    assert instrument(entry(None)) == instrument({"key": RECORD.key}) == RECORD.key


def test_citation(tmp_path: Path) -> None:
    """Of the four items three are judged right at first (recalls 1/2 of yes and 1/2 of no), then all of them."""
    path = write_record(RECORD, tmp_path)
    cited: Any = read_calibration("out/c.json", path).citation()
    assert (cited["file"], cited["labels"], cited["n"]) == ("out/c.json", "labels.jsonl", 4)
    assert cited["scaling"] == {"slope": 2.0, "intercept": -1.0, "method": "platt"}
    assert (cited["before"]["point"], cited["after"]["point"]) == (0.5, 1.0)
    assert math.isclose(cited["before"]["level"], 0.95)
    bare: Any = Calibration("c", replace(RECORD, zero_shot=None, cross_validated=None, scaling=None)).citation()
    assert (bare["before"], bare["after"], bare["scaling"]) == (None, None, None)


def test_each_calibration_finds_its_judge() -> None:
    of_passages = replace(RECORD, judge="passage_relevance", key="passage_relevance-1")
    given = [Calibration("a.json", RECORD), Calibration("b.json", of_passages)]
    keys = {"passage_relevance": "passage_relevance-1", "claim_support": RECORD.key, "answer_relevance": "x"}
    assert by_judge(given, keys) == {"claim_support": given[0], "passage_relevance": given[1]}
    assert by_judge([], keys) == {}


@pytest.mark.parametrize(
    ("files", "keys", "told"),
    [
        (
            ["a.json"],
            {"claim_support": "claim_support-999"},
            r"a\.json: found the calibration of claim_support-0123456789 \(critic\), expected one of claim_support-999",
        ),
        (
            ["a.json"],
            {"completeness": "completeness-1", "harmlessness": "harmlessness-2"},
            r"a\.json: found the calibration of claim_support-0123456789, expected .* completeness-1, harmlessness-2",
        ),
        (["a.json"], {}, "expected one of a judge that some metric reads"),
        (["a.json", "b.json"], {"claim_support": RECORD.key}, r"b\.json: found a second calibration of claim_support"),
    ],
)
def test_a_calibration_of_another_judge_is_refused(files: list[str], keys: dict[str, str], told: str) -> None:
    with pytest.raises(DeclarationError, match=told):
        by_judge([Calibration(file, RECORD) for file in files], keys)
