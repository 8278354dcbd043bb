"""What is read after every question: its order, its verdicts, and when they come."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

import numpy as np
import pytest

from rageval.benchmark import from_records, select_questions
from rageval.decide.sequential import compare_sequentially, gate_sequentially, reading_order
from rageval.errors import DeclarationError, NotComparableError
from rageval.scores.run_scores import RunScores
from rageval.types import Document, Question
from tests.unit.sides import ids, side

N = 120


def digest(seed: int, question: str) -> str:
    return hashlib.sha256(f"{seed}:{question}".encode()).hexdigest()


def two(differences: dict[str, np.ndarray], **changes: Any) -> tuple[RunScores, RunScores]:
    """Baseline and candidate with these differences, by metric."""
    before = {name: [float(0.5 - x / 2) for x in d] for name, d in differences.items()}
    after = {name: [float(0.5 + x / 2) for x in d] for name, d in differences.items()}
    return side(before, **changes), side(after, "two", **changes)


def first(run: RunScores, n: int) -> RunScores:
    """The run as it was after the first n questions of the order of reading."""
    return run.only({question for question, place in reading_order(run).items() if place <= n})


def test_the_order_is_that_of_the_digests_of_seed_and_id() -> None:
    baseline, _ = two({"map": np.zeros(N)})
    assert [*reading_order(baseline)] == sorted(ids(N), key=lambda question: digest(0, question))
    seeded, _ = two({"map": np.zeros(N)}, settings={"seed": "7"})
    assert [*reading_order(seeded)] == sorted(ids(N), key=lambda question: digest(7, question))
    assert [*reading_order(first(baseline, 30))] == [*reading_order(baseline)][:30]


def test_a_growing_sample_is_read_in_the_order_in_which_it_grew() -> None:
    questions = [Question(question, f"What is {question}?", "en") for question in ids(N)]
    benchmark = from_records("one language", [Document("d", "text")], questions, [])
    baseline, _ = two({"map": np.zeros(N)}, settings={"seed": "3"})
    for n in (10, 40, 90):
        drawn = {question.id for question in select_questions(benchmark, n, 3)}
        assert drawn == {*[*reading_order(baseline)][:n]}


def test_questions_of_a_document_stand_together() -> None:
    groups = {question: number // 3 for number, question in enumerate(ids(N))}
    baseline, _ = two({"map": np.zeros(N)}, documents={question: (group,) for question, group in groups.items()})
    order = [groups[question] for question in reading_order(baseline, groups)]
    assert order == [group for group in dict.fromkeys(order) for _ in range(3)]
    assert [*dict.fromkeys(order)] == sorted(range(N // 3), key=lambda group: digest(0, ids(N)[3 * group]))


def test_a_gate_comes_when_its_last_metric_passes_and_stays() -> None:
    """All differences equal: the capital after n is the mean of (1 + c * 0.1)**n and so on over the fractions c."""
    result = gate_sequentially(*two({"map": np.zeros(N), "mrr": np.full(N, 0.1)}), {"map": 0.1, "mrr": 0.1})
    gains = {"map": 0.1 / 0.9, "mrr": 0.2 / 0.9}
    for name, gain in gains.items():
        capital = [np.mean([(1 + (j + 0.5) / 20 * gain) ** n for j in range(20)]) for n in range(1, N + 1)]
        expected = next(n for n, value in enumerate(capital, 1) if value >= 20)
        assert (result.gates[name].verdict, result.gates[name].decided_after) == ("pass", expected)
        assert result.gates[name].p_pass == pytest.approx(1 / capital[-1])
    last = result.gates["map"].decided_after
    assert (result.verdict, result.decided_after) == ("pass", last)
    assert result.headline == f"gate: pass, decided after {last} of 120 questions"
    assert f"map passes: not worse by 0.1, decided after {last} of 120 questions; +0.000 [-0." in str(result)
    before = gate_sequentially(*(first(run, last - 1) for run in (result.baseline, result.candidate)), {"map": 0.1})  # type: ignore[operator]
    assert (before.verdict, before.decided_after) == ("inconclusive", None)
    assert before.headline == f"gate: inconclusive after {last - 1} questions"  # type: ignore[operator]


def test_one_metric_that_fails_fails_the_gate_by_its_share_of_the_error() -> None:
    d = np.where(np.arange(N) % 2, -0.5, 0.2)
    many = gate_sequentially(*two({"map": np.full(N, 0.5), "mrr": d}), {"map": 0.05, "mrr": 0.02})
    alone = gate_sequentially(*two({"mrr": d}), {"mrr": 0.02})
    one = many.gates["mrr"]
    assert (many.verdict, one.verdict, alone.verdict) == ("fail", "fail", "fail")
    assert many.decided_after == one.decided_after > alone.decided_after  # type: ignore[operator]
    assert one.p_fail == alone.gates["mrr"].p_fail
    assert one.p_fail_adjusted == pytest.approx(2 * one.p_fail)
    assert one.difference.high > alone.gates["mrr"].difference.high
    assert one.difference.low == alone.gates["mrr"].difference.low
    assert one.difference.level == pytest.approx(1 - 0.05 - 0.025)
    assert "mrr fails: worse by more than 0.02, decided after" in str(many)


def test_the_interval_is_the_verdict() -> None:
    rng = np.random.default_rng(5)
    verdicts: set[str] = set()
    for mean in np.linspace(-0.3, 0.3, 13):
        d = np.clip(rng.normal(mean, 0.3, N), -1, 1)
        one = gate_sequentially(*two({"map": d}), {"map": 0.05}).gates["map"]
        low, high = one.difference.low, one.difference.high
        assert one.verdict == ("pass" if low > -0.05 else "fail" if high < -0.05 else "inconclusive")
        verdicts.add(one.verdict)
    assert verdicts == {"pass", "fail", "inconclusive"}


def test_where_lower_is_better_a_rise_fails() -> None:
    result = gate_sequentially(*two({"hallucination": np.full(N, 0.4)}), {"hallucination": 0.1})
    assert result.verdict == "fail"
    assert result.gates["hallucination"].sentence.endswith("after all (judge only, uncorrected)")


def test_a_slice_counts_all_questions_that_were_asked() -> None:
    questions = ids(N)
    slices = {"language": {question: ("en" if i % 2 else "zh",) for i, question in enumerate(questions)}}
    baseline, candidate = two({"map": np.full(N, 0.1)}, slices=slices)
    one = gate_sequentially(baseline, candidate, {"map[language=en]": 0.1}).gates["map[language=en]"]
    of_slice = [place for question, place in reading_order(candidate).items() if question in questions[1::2]]
    whole = gate_sequentially(baseline, candidate, {"map": 0.1}).decided_after
    assert (one.pairs.n, one.questions) == (N // 2, N)
    assert one.decided_after == of_slice[whole - 1]  # type: ignore[operator]


def test_clusters_are_read_whole() -> None:
    documents = {question: (number // 2,) for number, question in enumerate(ids(N))}
    baseline, candidate = two({"map": np.full(N, 0.05)}, documents=documents)
    single = gate_sequentially(baseline, candidate, {"map": 0.05}, cluster_by="none")
    clustered = gate_sequentially(baseline, candidate, {"map": 0.05}, cluster_by="document")
    assert clustered.decided_after == 2 * single.decided_after  # type: ignore[operator]
    assert clustered.gates["map"].difference.method.endswith(", clustered")


def test_comparisons_come_when_holm_over_what_was_read_until_then_rejects() -> None:
    rng = np.random.default_rng(9)
    d = {
        "map": np.clip(rng.normal(0.12, 0.3, N), -1, 1),
        "mrr": np.clip(rng.normal(-0.2, 0.3, N), -1, 1),
        "ndcg@10": np.clip(rng.normal(0.0, 0.1, N), -1, 1),
    }
    baseline, candidate = two(d)
    result = compare_sequentially(baseline, candidate)
    assert [one.verdict for one in result.comparisons.values()] == ["better", "worse", "cannot be told apart"]
    for name, one in result.comparisons.items():
        after = one.decided_after
        if after is None:
            assert one.p_adjusted > 0.05
            assert one.sentence.startswith(f"{name} cannot be told apart after 120 questions: ")
            continue
        then, before = (
            compare_sequentially(first(baseline, n), first(candidate, n)).comparisons[name] for n in (after, after - 1)
        )
        assert (then.verdict, before.verdict) == (one.verdict, "cannot be told apart")
        assert one.sentence.startswith(f"candidate is {one.verdict} on {name} by ")
        assert f", shown after {after} of 120 questions" in one.sentence
    assert math.isclose(result.comparisons["ndcg@10"].p_value, result.comparisons["ndcg@10"].p_adjusted)


def test_equal_runs_are_not_told_apart() -> None:
    one = compare_sequentially(*two({"map": np.zeros(N)})).comparisons["map"]
    assert (one.verdict, one.p_value, one.decided_after) == ("cannot be told apart", 1.0, None)


def test_three_metrics_at_the_margin_seldom_fail_and_hardly_ever_pass() -> None:
    """Alike on the same questions, worse by exactly the margin: 5% and three standard errors of 100 draws."""
    rng = np.random.default_rng(12)
    verdicts: list[str] = []
    for _ in range(100):
        common = rng.normal(-0.1, 0.2, N)
        d = {name: np.clip(common + rng.normal(0, 0.1, N), -1, 1) for name in ("map", "mrr", "ndcg@10")}
        verdicts.append(gate_sequentially(*two(d), dict.fromkeys(d, 0.1)).verdict)
    limit = 0.05 + 3 * math.sqrt(0.05 * 0.95 / 100)
    assert verdicts.count("fail") / 100 <= limit
    assert verdicts.count("pass") / 100 <= limit


def test_json_has_no_nan_and_all_that_is_printed() -> None:
    runs = two({"map": np.full(N, 0.5)})
    result = gate_sequentially(*runs, {"map": 0.1})
    gated = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert (gated["sequential"], gated["verdict"], gated["decided_after"]) == (True, "pass", result.decided_after)
    assert gated["metrics"]["map"]["questions"] == N
    compared = json.loads(json.dumps(compare_sequentially(*runs).to_json(), allow_nan=False))
    assert compared["metrics"]["map"]["verdict"] == "better"


def test_refuses() -> None:
    runs = two({"map": np.zeros(N)})
    with pytest.raises(DeclarationError, match="found margin 2"):
        gate_sequentially(*runs, {"map": 2.0})
    with pytest.raises(NotComparableError, match="found no mrr"):
        gate_sequentially(*runs, {"mrr": 0.1})
    with pytest.raises(DeclarationError, match="found level 1"):
        compare_sequentially(*runs, level=1.0)
    with pytest.raises(NotComparableError, match="found no mrr"):
        compare_sequentially(*runs, ["mrr"])


def test_questions_that_all_hang_together_are_refused() -> None:
    """In a chain: each shares a document with the next, so there is one group, which cannot be bet on."""
    documents = {question: (number, number + 1) for number, question in enumerate(ids(N))}
    baseline, candidate = two({"map": np.full(N, 0.05)}, documents=documents)
    with pytest.raises(DeclarationError, match="--cluster-by none"):
        gate_sequentially(baseline, candidate, {"map": 0.05})
    assert gate_sequentially(baseline, candidate, {"map": 0.05}, cluster_by="none").verdict in ("pass", "inconclusive")
