"""The one check: which runs may be compared, by whom they were judged, and what else differs."""

from __future__ import annotations

from pathlib import Path

import pytest

from rageval.decide.comparison import compare
from rageval.decide.gate import gate
from rageval.decide.leaderboard import read_leaderboard
from rageval.errors import NotComparableError
from rageval.io.run_folder import RunFolder
from rageval.scores.comparability import differences, metric_conflicts, read_comparable, require_same_questions
from rageval.scores.reading import read_scored_run
from rageval.scores.run_scores import JudgedBy
from rageval.types import Json
from tests.unit.sides import side, write_run

PLATT: dict[str, Json] = {"method": "platt", "slope": 2.0, "intercept": 0.5}
ENTRY: dict[str, Json] = {"key": "claim_support-1", "model": "critic"}
COUNTS: dict[str, Json] = {
    "failed": 0, "abstained": 0, "usage": {}, "usage_by_stage": {}, "usage_by_index": {}, "mean_latency_s": None,
    "machine": "Linux, 2 cores",
}  # fmt: skip


def judged(path: Path, entry: dict[str, Json], **changes: Json) -> Path:
    return write_run(path, {"faithfulness": [1.0, 0.5, 0.0]}, judges={"claim_support": entry}, **{**COUNTS, **changes})


def test_runs_that_agree() -> None:
    one, two = side({"map": [1.0]}), side({"map": [0.0]}, "two")
    assert read_comparable(one, two) == (one, two)
    require_same_questions([one])
    assert metric_conflicts([one, two]) == {}
    assert differences([one, two]) == {}


def test_every_run_is_held_against_the_first() -> None:
    runs = [side({"map": [1.0]}), side({"map": [1.0]}, "two"), side({"map": [1.0]}, "three", content_hash="b" * 64)]
    with pytest.raises(NotComparableError, match=r"^three: found another benchmark .* than in one"):
        require_same_questions(runs)


OTHER_JUDGES: dict[str, dict[str, Json]] = {
    "another model": {"key": "claim_support-2", "model": "other"},
    "other prompts": {"key": "claim_support-3", "model": "critic"},
    "a calibration": {**ENTRY, "calibration": {"scaling": PLATT}},
}


@pytest.mark.parametrize("entry", OTHER_JUDGES.values(), ids=OTHER_JUDGES)
def test_other_judges_are_refused_everywhere(entry: dict[str, Json], tmp_path: Path) -> None:
    """Leaderboard, comparison and gate say the same of the same runs."""
    one, two = judged(tmp_path / "one", ENTRY), judged(tmp_path / "two", entry)
    (told,) = metric_conflicts([read_scored_run(one), read_scored_run(two)]).values()
    assert told.startswith(f"faithfulness: found other judges ({one}: claim_support-1 by critic; {two}: ")
    with pytest.raises(NotComparableError) as of_board:
        read_leaderboard([one, two], ranks="required")
    with pytest.raises(NotComparableError) as of_pair:
        compare(one, two, ["faithfulness"])
    with pytest.raises(NotComparableError) as of_gate:
        gate(one, two, {"faithfulness": 0.1})
    assert str(of_board.value) == f"{told}, or show them without ranks (--unranked)"
    assert str(of_pair.value) == str(of_gate.value) == told


def test_judges_of_metrics_that_no_two_runs_share_are_no_conflict() -> None:
    runs = [
        side({"faithfulness": [1.0]}, judges={"faithfulness": JudgedBy("claim_support-1", "critic")}),
        side({"attribution": [1.0]}, "two", judges={"attribution": JudgedBy("claim_support-2", "other")}),
        side({"map": [1.0]}, "three"),
    ]
    assert metric_conflicts(runs) == {}


def test_runs_of_one_judge_are_named_together() -> None:
    critic, other = JudgedBy("claim_support-1", "critic"), JudgedBy("claim_support-2", "other")
    runs = [
        side({"faithfulness": [1.0]}, name, judges={"faithfulness": judge})
        for name, judge in (("a", critic), ("b", other), ("c", critic))
    ]
    (told,) = metric_conflicts(runs).values()
    assert "(a, c: claim_support-1 by critic; b: claim_support-2 by other)" in told


def test_differences_are_those_of_the_manifests(tmp_path: Path) -> None:
    """Chat model, embedder, judge, prompts and seed. Who uses no embedder or not that prompt does not differ in it."""
    changes: list[dict[str, Json]] = [
        {"models": {"chat": "writer", "embed": "small"}, "prompts": {"answer": "1" * 64, "shared": "5" * 64}},
        {"models": {"chat": "writer", "embed": None}, "prompts": {"answer": "2" * 64, "shared": "5" * 64}, "seed": 3},
        {"models": {"chat": "author", "embed": "large"}, "prompts": {"rewrite": "3" * 64}},
    ]
    runs = [read_scored_run(judged(tmp_path / str(i), ENTRY, **change)) for i, change in enumerate(changes)]
    assert differences(runs) == {
        "chat": ("writer", "writer", "author"),
        "embed": ("small", None, "large"),
        "prompt answer": ("11111111", "22222222", None),
        "seed": ("0", "3", "0"),
    }
    strong = {**RunFolder(tmp_path / "0").manifest(), "judges": {"claim_support": {"key": "k", "model": "strong"}}}
    RunFolder(tmp_path / "0").write_manifest(strong)
    assert differences([read_scored_run(tmp_path / "0"), runs[1]]) == {
        "judge": ("strong", "critic"),
        "prompt answer": ("11111111", "22222222"),
        "judging by claim_support": ("k", "claim_support-1"),
        "seed": ("0", "3"),
    }
