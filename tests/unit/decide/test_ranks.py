"""Ranks by people's labels, of runs in memory."""

from __future__ import annotations

from rageval.decide.ranks import labelled_rank_ranges, labelled_tests
from rageval.scores.run_labels import RunLabels
from rageval.scores.run_scores import RunScores
from tests.unit.sides import ids, side

N = 120
QUESTIONS = ids(N)
METRIC = "faithfulness"


def run(name: str, label: float | None, judged: float = 0.5) -> RunScores:
    """Forty answers labelled alike, or none."""
    frame = dict.fromkeys(QUESTIONS, "")
    labels = {} if label is None else {METRIC: RunLabels(dict.fromkeys(QUESTIONS[:40], label), frame)}
    return side({METRIC: [judged] * N}, name, labels=labels, answers={q: f"{name} {q}" for q in QUESTIONS})


def test_labels_put_runs_ahead_and_a_judge_does_not() -> None:
    runs = [run("low", 0.0, 1.0), run("high", 1.0, 0.0), run("high too", 1.0, 0.5), run("nobody asked", None, 1.0)]
    assert labelled_rank_ranges(runs, METRIC) == [(3, 4), (1, 3), (1, 3), (1, 4)]
    assert labelled_rank_ranges(runs[3:], METRIC) == [(1, 1)]
    assert labelled_rank_ranges([*runs[:2], side({"map": [0.5] * N})], METRIC) == [(2, 2), (1, 1), None]


def test_pairs_without_labels_do_not_count_for_holm() -> None:
    alone = labelled_tests([run("a", 0.0), run("b", 1.0)], METRIC)
    more = labelled_tests([run("a", 0.0), run("b", 1.0), *(run(f"c{i}", None) for i in range(5))], METRIC)
    assert more.p_adjusted[0, 1] == more.p_adjusted[1, 0] == alone.p_adjusted[0, 1] < 0.01
    assert more.p_adjusted[2:].min() == 1.0
    assert [*more.gains] == [(0, 1)]
    assert more.gains[0, 1].point == 1.0


def test_lower_is_better() -> None:
    frame = dict.fromkeys(QUESTIONS, "")
    runs = [
        side(
            {"hallucination": [0.5] * N},
            name,
            labels={"hallucination": RunLabels(dict.fromkeys(QUESTIONS[:40], label), frame)},
            answers={q: f"{name} {q}" for q in QUESTIONS},
        )
        for name, label in (("bad", 1.0), ("good", 0.0))
    ]
    assert labelled_rank_ranges(runs, "hallucination") == [(2, 2), (1, 1)]
