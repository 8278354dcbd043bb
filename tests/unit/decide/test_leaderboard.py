from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from rageval.decide.leaderboard import Leaderboard, read_leaderboard
from rageval.decide.ranks import rank_ranges
from rageval.errors import DeclarationError, NotComparableError
from rageval.io.records import question_to_json, usage_to_json
from rageval.io.run_folder import RunFolder
from rageval.report.leaderboard import markdown
from rageval.report.leaderboard_printout import leaderboard_printout
from rageval.report.tables.terminal import terminal_text
from rageval.types import Json, Question, Usage

Interval = tuple[float, float, float]

# The first metric's mean, low, high; the scores per question below decide about ranks.
INTERVALS: dict[str, Interval | None] = {
    "weak": (0.3, 0.2, 0.4),
    "good": (0.7, 0.5, 0.85),
    "silent": None,
    "best": (0.85, 0.8, 0.9),
}


# `weak` loses every question to both others; `best` gains on `good` in eight and loses in two.
QUESTIONS: dict[str, list[Json]] = {
    "weak": [0.3] * 10,
    "good": [0.7] * 10,
    "best": [0.8] * 8 + [0.4, 0.5],
    "silent": [],
}
# Of three calls to answer, the cache had one, with 6 prompt tokens and 2 completion tokens.
REWRITING: dict[str, Json] = {**usage_to_json(Usage(1, 0, 20))}
ANSWERING: dict[str, Json] = {**usage_to_json(Usage(3, 1, 46, 25, 12, 1, 6, 2))}
JUDGING: dict[str, Json] = {**usage_to_json(Usage(3, 1, 60, 0, 10))}
NO_LABELS: dict[str, Json] = {
    "n_labelled": 0,
    "judge_only": None,
    "labels_only": None,
    "these_questions": None,
    "warning": "",
    "expert": "",
}


def estimate(interval: Interval | None, unscored: int = 0) -> dict[str, Json] | None:
    if interval is None:
        return None
    mean, low, high = interval
    counts: dict[str, Json] = {"n": 10 - unscored, "unscored": unscored, "failed": 0}
    return {"mean": mean, "low": low, "high": high, "level": 0.95, "method": "wilson", **counts}


def write_run(path: Path, scores: Mapping[str, dict[str, Json] | None], **changes: Json) -> Path:
    folder = RunFolder(path)
    manifest: dict[str, Json] = {
        "label": path.name,
        "fingerprint": "f" * 64,
        "status": "complete",
        "benchmark": {"name": "small", "content_hash": "abc", "corpus": "def"},
        "questions": [f"q{i}" for i in range(10)],
        "metrics": [*scores],
        "models": {"chat": "writer", "embed": None},
        "prompts": {"answer": "0a1b2c3d4e5f"},
        "seed": 0,
        "machine": "Linux, 2 cores",
        "judges": {"claim_support": {"key": "claim_support-1", "model": "critic"}},
        "failed": 1,
        "abstained": 2,
        "usage": {"answering": {**usage_to_json(Usage(4, 1, 66, 25, 12, 1, 6, 2))}, "claim_support-1": JUDGING},
        "usage_by_stage": {"rewrite_queries": REWRITING, "answer": ANSWERING},
        "usage_by_index": {},
        "mean_latency_s": 1.25,
    }
    folder.write_manifest({**manifest, **changes})
    folder.write_questions(question_to_json(Question(f"q{i}", f"What is q{i}?"), []) for i in range(10))
    questions: dict[str, Json] = {f"q{i}": score for i, score in enumerate(QUESTIONS.get(path.name, [0.5] * 10))}
    folder.write_scores({name: {"estimate": mean, "questions": questions} for name, mean in scores.items()})
    return path


@pytest.fixture
def board(tmp_path: Path) -> Leaderboard:
    paths = [write_run(tmp_path / name, {"faithfulness": estimate(interval)}) for name, interval in INTERVALS.items()]
    return read_leaderboard(paths)


def test_rows_are_sorted_and_ranked_by_paired_tests(board: Leaderboard) -> None:
    """`best` gains 0.1 in 8 questions and loses 0.3 and 0.2 in two. `weak` loses every question to both: of 1,024 sign
    patterns only 2 are as extreme.
    """
    assert [(row.label, row.rank) for row in board.rows] == [
        ("best", (1, 2)),
        ("good", (1, 2)),
        ("weak", (3, 3)),
        ("silent", None),
    ]


def test_overlapping_intervals_are_told_apart_by_paired_scores() -> None:
    """Questions differ by much more than systems do; but one system is better on every single one."""
    worse = {f"q{i}": i / 25 for i in range(20)}
    better = {question: score + 0.2 for question, score in worse.items()}
    assert rank_ranges([worse, better]) == [(2, 2), (1, 1)]
    assert rank_ranges([worse, better, {}]) == [(2, 2), (1, 1), None]


def test_a_little_better_on_each_of_a_few_questions_is_not_surely_ahead() -> None:
    """A loss on one question in a hundred would make up for it, and need not be among twenty."""
    worse = {f"q{i}": i / 25 for i in range(20)}
    better = {question: score + 0.01 for question, score in worse.items()}
    assert rank_ranges([worse, better]) == [(1, 2), (1, 2)]


def test_the_lowest_mean_is_first_where_lower_is_better(tmp_path: Path) -> None:
    """The runs of `board`, as if their scores were shares of hallucinated claims: the order is the reverse, and a run
    without scores is last all the same.
    """
    judges: Json = {name: {"key": f"{name}-1", "model": "critic"} for name in ("claim_support", "claim_agreement")}
    paths = [
        write_run(tmp_path / name, {"hallucination": estimate(interval)}, judges=judges)
        for name, interval in INTERVALS.items()
    ]
    board = read_leaderboard(paths)
    assert [(row.label, row.rank) for row in board.rows] == [
        ("weak", (1, 1)),
        ("good", (2, 3)),
        ("best", (2, 3)),
        ("silent", None),
    ]
    table = markdown(board)
    assert table.startswith("| rank | pipeline | hallucination ↓ | failed |")
    assert table.splitlines()[2].startswith("| 1 | weak | 0.300 [0.20, 0.40]† |")
    assert "failed questions score 0, or 1 where lower is better (↓);" in table
    assert "hallucination ↓" in "".join(shown(board, 160))


def test_ranks_by_the_lowest() -> None:
    little = {f"q{i}": i / 25 for i in range(20)}
    more = {question: score + 0.2 for question, score in little.items()}
    assert rank_ranges([little, more, {}], lower_is_better=True) == [(1, 1), (2, 2), None]


def test_ranks_are_shared_without_evidence() -> None:
    one = {"q0": 0.0, "q1": 0.0}
    other = {"q0": 1.0, "q1": 1.0}
    assert rank_ranges([one, other]) == [(1, 2), (1, 2)]  # two questions: p = 1/2
    assert rank_ranges([one, {"q2": 1.0}]) == [(1, 2), (1, 2)]  # none in common
    assert rank_ranges([one, {}]) == [(1, 1), None]
    assert rank_ranges([{}, {}]) == [None, None]


def test_many_equal_systems_are_seldom_told_apart() -> None:
    """Six equal systems, fifteen pairs: adjusted for all of them, at most about 1 table in 20 tells any two apart."""
    rng = np.random.default_rng(11)
    false_alarms = 0
    for _ in range(100):
        scores = (rng.random((6, 40)) < 0.6).astype(float)
        ranks = rank_ranges([{f"q{i}": float(x) for i, x in enumerate(row)} for row in scores])
        false_alarms += any(rank != (1, 6) for rank in ranks)
    assert false_alarms <= 12  # P(more than 12 of 100 | 0.05) = 0.001


def test_json(board: Leaderboard, tmp_path: Path) -> None:
    data: dict[str, Any] = json.loads(json.dumps(board.to_json(), allow_nan=False))
    assert set(data) == {
        "benchmark", "questions", "left_out", "sharing", "unranked", "models", "machine", "runs", "slices",
    }  # fmt: skip
    assert (data["left_out"], data["slices"]) == ({"not_in_all": [], "changed": [], "other_corpus": False}, [])
    assert (data["machine"], data["unranked"]) == ("Linux, 2 cores", None)
    assert (data["benchmark"], data["questions"]) == ("small", 10)
    assert data["models"] == {"chat": "writer", "judge": "critic"}
    costs = data["runs"][0].pop("costs")
    assert (costs["per_question"], costs["latency"]["answers"]) == (None, 0)
    assert "before prices were kept" in costs["unknown"]
    assert data["runs"][0] == {
        "pipeline": "best",
        "path": str(tmp_path / "best"),
        "rank": [1, 2],
        "metrics": {"faithfulness": {**(estimate((0.85, 0.8, 0.9)) or {}), **NO_LABELS}},
        "failed": 1,
        "causes": [],
        "abstained": 2,
        "unsettled": 0,
        "calls": 7,
        "tokens": 148,
        "paid_calls": 6,
        "paid_tokens": 140,
        "usage": {"stage rewrite_queries": REWRITING, "stage answer": ANSWERING, "judge claim_support": JUDGING},
        "mean_latency_s": 1.25,
        "judges": {"claim_support": {"key": "claim_support-1", "model": "critic"}},
        "differs": {},
    }
    nothing = dict.fromkeys(("mean", "low", "high", "level", "method"))
    assert data["runs"][3]["metrics"] == {"faithfulness": {**nothing, "n": 0, "unscored": 10, "failed": 0, **NO_LABELS}}
    assert data["runs"][3]["rank"] is None


def test_markdown(tmp_path: Path) -> None:
    scores = {"faithfulness": estimate((0.5, 0.25, 0.75), unscored=3), "map": estimate((1 / 3, 0.1, 0.6))}
    paths = [
        write_run(tmp_path / "a|b", scores, mean_latency_s=None),
        write_run(tmp_path / "c", {"faithfulness": estimate((0.4, 0.1, 0.9))}),
    ]
    assert markdown(read_leaderboard(paths)) == (
        "| rank | pipeline | faithfulness | map | failed | abstained | calls | tokens | s/question |\n"
        "|---|---|---|---|---|---|---|---|---|\n"
        "| 1–2 | a\\|b | 0.500 [0.25, 0.75]† (7) | 0.333 [0.10, 0.60] | 1 | 2 | 7 (6 paid) | 148 (140 paid) | – |\n"
        "| 1–2 | c | 0.400 [0.10, 0.90]† | – | 1 | 2 | 7 (6 paid) | 148 (140 paid) | 1.25 |\n"
        "\n"
        "small, 10 questions. Mean [95% interval] (questions scored, where not all); ranks by the first metric, "
        "shared by runs that paired tests cannot tell apart (permutation, with half an unseen loss, adjusted "
        "for all pairs); failed questions "
        "score 0; calls and tokens are what each run costs alone, with nothing in the cache beforehand (paid: after "
        "what the cache had); seconds are as measured, less where the cache replied. † judge only, uncorrected: no "
        "people's labels.\n"
        "\n"
        "Failures:\n"
        "\n"
        "- a|b: 1 of 10 questions failed.\n"
        "- c: 1 of 10 questions failed.\n"
        "- `--retry-failed` (in Python `retry_failed=True`) asks failed questions again.\n"
        "\n"
        "What it cost:\n"
        "\n"
        "| pipeline | stage, index or judge | calls | prompt tokens | completion tokens | paid calls | paid prompt "
        "tokens | of which read | paid completion tokens |\n"
        "|---|---|---|---|---|---|---|---|---|\n"
        "| a\\|b | stage rewrite_queries | 1 | 20 | 0 | 1 | 20 | 20 | 0 |\n"
        "| a\\|b | stage answer | 3 | 46 | 12 | 2 | 40 | 15 | 10 |\n"
        "| a\\|b | judge claim_support | 3 | 60 | 10 | 3 | 60 | 60 | 10 |\n"
        "| c | stage rewrite_queries | 1 | 20 | 0 | 1 | 20 | 20 | 0 |\n"
        "| c | stage answer | 3 | 46 | 12 | 2 | 40 | 15 | 10 |\n"
        "| c | judge claim_support | 3 | 60 | 10 | 3 | 60 | 60 | 10 |\n"
        "\n"
        "Made with:\n"
        "\n"
        "- chat: `writer`\n"
        "- judge: `critic`\n"
        "- machine: Linux, 2 cores\n"
    )


def shown(board: Leaderboard, width: int) -> list[str]:
    return terminal_text(leaderboard_printout(board), width).splitlines()


def test_a_run_is_a_column_where_that_is_narrower(board: Leaderboard) -> None:
    lines = shown(board, 160)
    names = lines[0].split()
    rows = {name: cells for name, *cells in (re.split(" {2,}", line.strip()) for line in lines[2:9])}
    good = names.index("good") - 1
    assert {name: cells[good] for name, cells in rows.items()} == {
        "rank": "1–2",
        "faithfulness": "0.700 [0.50, 0.85]†",
        "failed": "1",
        "abstained": "2",
        "calls": "7 (6 paid)",
        "tokens": "148 (140 paid)",
        "s/question": "1.25",
    }


def test_narrow_terminal_shows_several_tables(board: Leaderboard) -> None:
    """Every number of a run stands whole below its name."""
    lines = shown(board, 60)
    assert max(map(len, lines)) <= 60
    for number in ("0.700 [0.50, 0.85]†", "7 (6 paid)", "148 (140 paid)", "1.25"):
        assert any(number in line for line in lines), number


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"status": "running"}, "the run is not finished"),
        (
            {"benchmark": {"name": "small", "content_hash": "abc", "corpus": "other"}},
            r"found another corpus \(other\) than in .* \(def\), expected the same documents to search",
        ),
        ({"questions": ["q99"]}, "found no question 'q99'"),
    ],
)
def test_what_cannot_be_compared_is_refused(changes: dict[str, Json], told: str, tmp_path: Path) -> None:
    good = write_run(tmp_path / "good", {"map": estimate((0.5, 0.4, 0.6))})
    other = write_run(tmp_path / "other", {"map": estimate((0.5, 0.4, 0.6))}, **changes)
    with pytest.raises(NotComparableError, match=told):
        read_leaderboard([good, other])


OTHER_JUDGE: Json = {"claim_support": {"key": "claim_support-2", "model": "other critic"}}
FAITHFUL = {"faithfulness": estimate((0.5, 0.25, 0.75)), "map": estimate((0.5, 0.4, 0.6))}


def test_runs_of_different_judges_have_no_ranks(tmp_path: Path) -> None:
    """They stand in the order given, and only where nobody asks for ranks."""
    paths = [write_run(tmp_path / "weak", FAITHFUL), write_run(tmp_path / "best", FAITHFUL, judges=OTHER_JUDGE)]
    with pytest.raises(NotComparableError, match="faithfulness: found other judges"):
        read_leaderboard(paths, ranks="required")
    for board in (read_leaderboard(paths), read_leaderboard(paths, ranks="none")):
        assert [(row.label, row.rank) for row in board.rows] == [("weak", None), ("best", None)]
        assert board.unranked == "different judges scored faithfulness"
        assert board.to_json()["unranked"] == board.unranked
        assert [row.differs for row in board.rows] == [
            {"judge": "critic", "judging by claim_support": "claim_support-1"},
            {"judge": "other critic", "judging by claim_support": "claim_support-2"},
        ]
        assert board.models == {"chat": "writer"}


def test_judges_of_a_later_metric_leave_the_ranks(tmp_path: Path) -> None:
    """`evaluate` ranks by the first metric whatever `rageval judge` added to one run or another."""
    scores = {"map": FAITHFUL["map"], "faithfulness": FAITHFUL["faithfulness"]}
    paths = [write_run(tmp_path / "weak", scores), write_run(tmp_path / "best", scores, judges=OTHER_JUDGE)]
    board = read_leaderboard(paths)
    assert (board.unranked, [row.rank for row in board.rows]) == ("", [(1, 1), (2, 2)])
    with pytest.raises(NotComparableError, match="faithfulness: found other judges"):
        read_leaderboard(paths, ranks="required")
    assert read_leaderboard(paths, ranks="none").unranked == "different judges scored faithfulness"


def test_ranks_that_nobody_asked_for(tmp_path: Path) -> None:
    board = read_leaderboard([write_run(tmp_path / "weak", FAITHFUL)], ranks="none")
    assert (board.unranked, board.rows[0].rank) == ("none were asked for", None)


def test_what_differs_is_shown_for_each_row_and_the_rest_once(tmp_path: Path) -> None:
    paths = [
        write_run(tmp_path / "best", FAITHFUL, machine="Darwin, 8 cores"),
        write_run(tmp_path / "weak", FAITHFUL, models={"chat": "author", "embed": None}, prompts={"answer": "9" * 64}),
    ]
    board = read_leaderboard(paths)
    rows = json.loads(json.dumps(board.to_json()))["runs"]
    assert [row["differs"] for row in rows] == [
        {"chat": "writer", "prompt answer": "0a1b2c3d", "machine": "Darwin, 8 cores"},
        {"chat": "author", "prompt answer": "99999999", "machine": "Linux, 2 cores"},
    ]
    assert (board.models, board.machine) == ({"judge": "critic"}, None)
    page = markdown(board)
    assert page.endswith(
        "Not the same for all rows:\n"
        "\n"
        "| pipeline | run | chat | prompt answer | machine |\n"
        "|---|---|---|---|---|\n"
        "| best | best | writer | 0a1b2c3d | Darwin, 8 cores |\n"
        "| weak | weak | author | 99999999 | Linux, 2 cores |\n"
        "\n"
        "Made with:\n"
        "\n"
        "- judge: `critic`\n"
    )
    lines = shown(board, 200)
    assert "  weak (weak): chat author; prompt answer 99999999; machine Linux, 2 cores" in lines
    assert "judge: critic" in lines
    assert not any(line.startswith(("chat: ", "machine: ")) for line in lines)


def test_a_run_without_that_model_does_not_differ_in_it(tmp_path: Path) -> None:
    paths = [write_run(tmp_path / "a", FAITHFUL), write_run(tmp_path / "b", FAITHFUL, models={"chat": None})]
    board = read_leaderboard(paths)
    assert [row.differs for row in board.rows] == [{}, {}]
    assert board.models == {"chat": "writer", "judge": "critic"}


def test_no_runs_are_refused() -> None:
    with pytest.raises(DeclarationError, match="found no runs"):
        read_leaderboard([])


def test_a_run_that_lacks_the_first_metric_comes_last(tmp_path: Path) -> None:
    paths = [
        write_run(tmp_path / "a", {"map": estimate((0.0, 0.0, 0.1))}),
        write_run(tmp_path / "b", {"mrr": estimate((1.0, 0.9, 1.0))}),
    ]
    board = read_leaderboard(paths)
    assert board.metrics == ("map", "mrr")
    assert [(row.label, row.rank) for row in board.rows] == [("a", (1, 1)), ("b", None)]
    assert not any(math.isnan(mean.point) for row in board.rows for mean in row.estimates.values() if mean)


def test_what_each_stage_and_judge_cost(tmp_path: Path) -> None:
    scores = {"faithfulness": estimate((0.7, 0.5, 0.85))}
    board = read_leaderboard([write_run(tmp_path / "good", scores)])
    (run,) = cast("list[dict[str, Any]]", board.to_json()["runs"])
    assert {name: used["calls"] for name, used in run["usage"].items()} == {
        "stage rewrite_queries": 1,
        "stage answer": 3,
        "judge claim_support": 3,
    }
    assert (run["calls"], run["tokens"]) == (7, 20 + 46 + 12 + 60 + 10)
    assert (run["paid_calls"], run["paid_tokens"]) == (6, 20 + 40 + 10 + 60 + 10)


def test_a_judge_under_two_names_costs_once(tmp_path: Path) -> None:
    """As where `rageval judge --name again` is given the model that judged the run."""
    judge: Json = {"key": "claim_support-1", "model": "critic"}
    path = write_run(
        tmp_path / "good",
        {"faithfulness": estimate((0.7, 0.5, 0.85))},
        judges={"claim_support": judge, "claim_support:again": judge},
    )
    (row,) = read_leaderboard([path]).rows
    assert [*row.usage] == ["stage rewrite_queries", "stage answer", "judge claim_support"]
    assert row.calls == 7


@pytest.mark.parametrize("metric", ["faithfulness", "hallucination"])
def test_a_run_of_which_all_questions_failed_has_no_rank_and_comes_last(metric: str, tmp_path: Path) -> None:
    judges: Json = {name: {"key": f"{name}-1", "model": "critic"} for name in ("claim_support", "claim_agreement")}
    board = read_leaderboard(
        [
            write_run(tmp_path / name, {metric: estimate(INTERVALS[name])}, judges=judges, failed=failed)
            for name, failed in (("weak", 10), ("good", 0), ("best", 10))
        ]
    )
    assert (board.rows[0].label, board.rows[0].rank) == ("good", (1, 1))
    assert [board.all_failed(row) for row in board.rows] == [False, True, True]
    assert {row.label: row.rank for row in board.rows[1:]} == {"weak": None, "best": None}
    assert "weak: all 10 questions failed, so it has no rank." in markdown(board)
    assert board.unranked == ""
    none = read_leaderboard([tmp_path / "weak", tmp_path / "best"])
    assert none.unranked == "all questions of every run failed"
    assert "No ranks: all questions of every run failed." in markdown(none)
