"""The one check: which runs may be compared, by whom they were judged, and what else differs."""

from __future__ import annotations

from pathlib import Path

import pytest

from rageval.decide.comparison import compare
from rageval.decide.gate import gate
from rageval.decide.leaderboard import read_leaderboard
from rageval.errors import NotComparableError
from rageval.io.run_folder import RunFolder
from rageval.scores.comparability import (
    LeftOut,
    Sides,
    common_questions,
    differences,
    metric_conflicts,
    read_comparable,
)
from rageval.scores.reading import read_scored_run
from rageval.scores.run_scores import JudgedBy
from rageval.types import Json
from tests.unit.sides import ids, side, write_run

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
    assert read_comparable(one, two) == Sides(one, two, LeftOut())
    assert common_questions([one]) == ({"q000"}, LeftOut(((),)))
    assert metric_conflicts([one, two]) == {}
    assert differences([one, two]) == {}


def test_only_questions_that_all_runs_have_unchanged_are_common() -> None:
    """q2 is missing in one, q3 is another question in one; q4 is missing in one and changed in another."""
    asked = [
        {"q1": "a", "q2": "a", "q3": "a", "q4": "a"},
        {"q1": "a", "q2": "a", "q3": "a", "q4": "b", "q5": "a"},
        {"q1": "a", "q3": "b"},
    ]
    runs = [side({"map": [1.0]}, name, digests=digests) for name, digests in zip("abc", asked, strict=True)]
    common, left_out = common_questions(runs)
    assert common == {"q1"}
    assert left_out == LeftOut((("q5",), (), ("q2", "q4", "q5")), ("q3",))
    assert left_out.not_in_all == ("q2", "q4", "q5")
    assert left_out.of_many == [
        (
            "Left out: 3 questions that not all runs have: q2, q4, q5; 1 question that changed (words, references, "
            "labels or labelled documents): q3."
        )
    ]


def test_what_is_left_out_of_two_is_told_by_side() -> None:
    """Scores, failures, documents, texts and slices of other questions are gone from both."""
    scores = {"map": [1.0, 0.5, None, 0.0, 1.0, 1.0]}
    digests = dict.fromkeys(ids(6), "a")
    baseline = side(scores, digests=digests, slices={"tag": {"q000": ("x",), "q005": ("y",)}})
    candidate = side(scores, "two", digests={**dict.fromkeys(ids(2), "a"), "q003": "b", "q7": "a"})
    sides = read_comparable(baseline, candidate)
    assert sides.baseline.questions == sides.candidate.questions == ("q000", "q001")
    assert sides.baseline.metrics["map"].scores == {"q000": 1.0, "q001": 0.5}
    assert sides.baseline.metrics["map"].unscored == {}
    assert sides.baseline.slices == {"tag": {"q000": ("x",)}}
    assert [*sides.baseline.documents] == ["q000", "q001"]
    assert sides.left_out.pair_to_json() == {
        "only_baseline": ["q002", "q004", "q005"],
        "only_candidate": ["q7"],
        "changed": ["q003"],
        "other_corpus": False,
    }
    (line,) = sides.left_out.of_two
    assert line.startswith(
        "Left out: 3 questions that only the baseline has: q002, q004, q005; 1 question that only the"
    )


def test_no_question_in_common_is_refused() -> None:
    runs = [
        side({"map": [1.0]}, name, digests=digests)
        for name, digests in (("a", {"q1": "a", "q2": "a"}), ("b", {"q1": "a"}), ("c", {"q1": "b"}))
    ]
    with pytest.raises(
        NotComparableError, match=r"^c: found no question of a unchanged \(0 questions missing, 1 question"
    ):
        common_questions(runs)


def test_another_corpus_needs_consent_and_is_told() -> None:
    runs = [side({"map": [1.0]}), side({"map": [0.0]}, "two"), side({"map": [0.5]}, "three", corpus="e" * 64)]
    with pytest.raises(
        NotComparableError, match=r"^three: found another corpus \(eeeeeeee\) than in one .*--other-corpus"
    ):
        common_questions(runs)
    common, left_out = common_questions(runs, other_corpus=True)
    assert (common, left_out.other_corpus) == ({"q000"}, True)
    assert left_out.of_many == ["The runs searched different documents (another corpus)."]
    assert differences(runs) == {"corpus": ("cccccccc", "cccccccc", "eeeeeeee")}
    for result in (
        compare(runs[0], runs[2], other_corpus=True),
        gate(runs[0], runs[2], {"map": 0.1}, other_corpus=True),
    ):
        assert result.left_out.other_corpus
        assert str(result).endswith("(another corpus).")


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
