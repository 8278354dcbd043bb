from __future__ import annotations

import json
import math
import re
from statistics import stdev
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, norm

from rageval.decide.comparison import compare
from rageval.errors import DeclarationError, NotComparableError
from rageval.scores.pairs import Change, pair, signed
from rageval.scores.run_scores import JudgedBy, MetricScores, RunScores
from rageval.stats import required_questions
from tests.unit.sides import ids, side


def test_worked_example() -> None:
    """Eight questions, seven of them won: McNemar's exact p is 2 / 2**7; the interval is 0 or 1 carried to [-1, 1]."""
    result = compare(side({"hit_rate@1": [0] * 8}), side({"hit_rate@1": [1] * 7 + [0]}, "two"))
    assert list(result.comparisons) == ["hit_rate@1"]
    one = result.comparisons["hit_rate@1"]
    assert (one.wins, one.ties, one.losses) == (7, 1, 0)
    assert (one.pairs.baseline_mean, one.pairs.candidate_mean, one.difference.point) == (0.0, 0.875, 0.875)
    assert (one.p_value, one.p_adjusted, one.test) == (2 / 2**7, 2 / 2**7, "mcnemar")
    assert one.verdict == "better"
    assert (
        one.sentence
        == f"candidate is better on hit_rate@1 by 0.875 [{one.difference.low:.3f}, {one.difference.high:.3f}]"
    )


def test_the_interval_is_jeffreys_where_all_differences_are_one() -> None:
    one = compare(side({"map": [0] * 9}), side({"map": [1] * 9})).comparisons["map"]
    assert one.difference.low == pytest.approx(2 * beta(9.5, 0.5).ppf(0.025) - 1, abs=0.05)
    assert one.difference.high == 1.0


def test_worse_is_told_in_positive_numbers() -> None:
    one = compare(side({"map": [1] * 9}), side({"map": [0] * 9})).comparisons["map"]
    assert one.verdict == "worse"
    assert one.sentence == f"candidate is worse on map by 1.000 [{-one.difference.high:.3f}, 1.000]"


@pytest.mark.parametrize(
    ("before", "after", "verdict", "sentence"),
    [
        (1.0, 0.25, "better", r"candidate is better on hallucination by 0\.750 \[0\.\d+, 0\.\d+\]"),
        (0.25, 1.0, "worse", r"candidate is worse on hallucination by 0\.750 \[0\.\d+, 0\.\d+\]"),
        (0.25, 0.25, "cannot be told apart", "hallucination cannot be told apart: no question changed"),
    ],
)
def test_less_hallucination_is_better(before: float, after: float, verdict: str, sentence: str) -> None:
    """Means stay as they are; the difference is turned round, so that more than 0 is an improvement."""
    one = compare(side({"hallucination": [before] * 9}), side({"hallucination": [after] * 9})).comparisons[
        "hallucination"
    ]
    assert one.verdict == verdict
    assert (one.pairs.baseline_mean, one.pairs.candidate_mean) == (before, after)
    assert one.difference.point == pytest.approx(before - after)
    assert (one.wins, one.losses) == (9 * (before > after), 9 * (before < after))
    assert re.match(sentence, one.sentence)
    assert one.pairs.changed == tuple(Change(q, before, after) for q in ids(9) if before != after)


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=2, max_size=20))
def test_a_metric_turned_round_gives_the_same_verdict(eighths: list[tuple[int, int]]) -> None:
    """Faithfulness 1 - h says of two systems what hallucination h says. Eighths have no rounding."""
    before, after = ([pair[i] / 8 for pair in eighths] for i in (0, 1))
    low = compare(side({"hallucination": before}), side({"hallucination": after})).comparisons["hallucination"]
    high = compare(
        side({"faithfulness": [1 - h for h in before]}), side({"faithfulness": [1 - h for h in after]})
    ).comparisons["faithfulness"]
    assert (low.verdict, low.p_value, low.difference) == (high.verdict, high.p_value, high.difference)
    assert (low.wins, low.ties, low.losses) == (high.wins, high.ties, high.losses)
    assert low.more_questions == high.more_questions


def test_holm_over_the_metrics_compared() -> None:
    """Six wins of six: p = 2 / 2**6 = 0.03125 is enough alone and not enough beside a second metric like it."""
    before, after = side({"map": [0] * 6, "mrr": [0] * 6}), side({"map": [1] * 6, "mrr": [1] * 6})
    alone = compare(before, after, ["AP"]).comparisons["map"]
    assert (alone.p_adjusted, alone.verdict) == (0.03125, "better")
    both = compare(before, after).comparisons
    assert {one.p_value for one in both.values()} == {0.03125}
    assert {one.p_adjusted for one in both.values()} == {0.0625}
    assert {one.verdict for one in both.values()} == {"cannot be told apart"}
    d = both["map"].difference
    assert d.low > 0  # the interval is of one metric alone, and does not decide alone: the sentence says so
    assert both["map"].sentence == (
        f"map cannot be told apart: the interval of this metric alone, [{signed(d.low)}, +1.000], excludes 0, but "
        "adjusted p is 0.0625; differences up to 1.00 are not excluded (n = 6)"
    )


def test_a_small_p_beside_an_interval_with_0_is_explained() -> None:
    """Twelve differences of 0.01: no sign pattern is as extreme, but twelve questions prove no thirteenth."""
    one = compare(side({"map": [0.5] * 12}), side({"map": [0.51] * 12})).comparisons["map"]
    d = one.difference
    assert one.p_adjusted < 0.05
    assert d.low < 0 < d.high
    assert one.sentence.startswith(
        f"map cannot be told apart: adjusted p is {one.p_adjusted:.4f}, but the interval of this metric alone, "
        f"[{signed(d.low)}, {signed(d.high)}], does not exclude 0; "
    )


def alternating(n: int, size: float) -> tuple[list[float], list[float]]:
    """Differences +size, -size, +size, …: a mean of 0 for even n."""
    return [0.5] * n, [0.5 + (size if i % 2 else -size) for i in range(n)]


@pytest.mark.parametrize(("metrics", "quantile"), [(["map"], 0.975), (["map", "mrr"], 0.9875)])
def test_more_questions(metrics: list[str], quantile: float) -> None:
    """What the p-value alone takes is ((z + z of power 0.8) sd / difference)**2, where z is Bonferroni's, Holm's
    hardest step. The interval takes a few more; `tests/statistics/test_power.py` shows that they are enough.
    """
    before, after = alternating(20, 0.2)
    result = compare(side(dict.fromkeys(metrics, before)), side(dict.fromkeys(metrics, after)), difference=0.04)
    sd = stdev(b - a for a, b in zip(before, after, strict=True))
    needed = required_questions(0.04, sd, tests=len(metrics))
    assert 1.0 < needed / ((norm.ppf(quantile) + norm.ppf(0.8)) * sd / 0.04) ** 2 < 1.1
    one = result.comparisons["map"]
    assert one.more_questions == needed - 20
    assert one.sentence == f"map cannot be told apart: {needed - 20} more questions would show a difference of 0.04"


def test_rare_losses_take_more_questions() -> None:
    """Two losses of 0.4 among 18 gains of 0.02 vary as much as two gains of 0.4 among 18 losses."""
    losses, gains = ([sign * (0.4 if i < 2 else -0.02) for i in range(20)] for sign in (-1.0, 1.0))
    more = [
        compare(side({"map": [0.5] * 20}), side({"map": [0.5 + d for d in found]})).comparisons["map"].more_questions
        for found in (losses, gains)
    ]
    assert more[0] is not None
    assert more[1] is not None
    assert more[0] > more[1] + 20


def test_more_questions_in_clusters() -> None:
    """Ten groups of two alike: sums are ±0.4, so the design effect is 10 * 0.16 * 10/9 / (20 * 0.04) = 20/9."""
    before, after = [0.5] * 20, [0.5 + (0.2 if i // 2 % 2 else -0.2) for i in range(20)]
    documents = {question: (i // 2,) for i, question in enumerate(ids(20))}
    alone = compare(side({"map": before}), side({"map": after})).comparisons["map"]
    clustered = compare(side({"map": before}, documents=documents), side({"map": after}), cluster_by="document")
    one = clustered.comparisons["map"]
    assert alone.more_questions is not None
    assert one.more_questions == math.ceil((alone.more_questions + 20) * 20 / 9) - 20
    assert one.pairs.clusters == tuple(frozenset([i // 2]) for i in range(20))
    assert one.difference.high - one.difference.low > 1.3 * (alone.difference.high - alone.difference.low)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (*alternating(200, 0.1), "the difference is smaller than 0.05, if there is any"),
        ([0.5] * 10, [0.5] * 10, r"no question changed, yet differences up to 0\.\d\d are not excluded \(n = 10\)"),
        ([0.5], [0.7], r"differences up to 0\.\d\d are not excluded \(n = 1\)"),
        ([0.5] * 3, [0.7] * 3, r"differences up to 0\.\d\d are not excluded \(n = 3\)"),
    ],
)
def test_what_is_said_where_no_number_of_questions_is(before: list[float], after: list[float], told: str) -> None:
    one = compare(side({"map": before}), side({"map": after})).comparisons["map"]
    assert one.more_questions is None
    assert one.sentence.startswith("map cannot be told apart: ")
    with pytest.raises(AssertionError, match=f"^map cannot be told apart: {told}$"):
        raise AssertionError(one.sentence)


def test_left_out_questions_are_counted_and_in_no_mean() -> None:
    before = side({"faithfulness": [1.0, None, 0.5, None, 0.0]})
    after = side({"faithfulness": [0.5, 1.0, None, None, 0.0]}, "two")
    pairs = compare(before, after).comparisons["faithfulness"].pairs
    assert (pairs.ids, pairs.baseline, pairs.candidate) == (("q000", "q004"), (1.0, 0.0), (0.5, 0.0))
    assert (pairs.only_baseline, pairs.only_candidate, pairs.left_out) == (("q002",), ("q001",), 2)
    assert (pairs.n, pairs.baseline_mean, pairs.candidate_mean) == (2, 0.5, 0.25)


def test_failed_questions_of_the_pairs_are_counted() -> None:
    first = MetricScores({"q000": 1.0, "q001": 1.0, "q003": 0.0}, failed=("q003",))
    second = MetricScores({"q000": 0.0, "q001": 1.0, "q002": 0.0}, failed=("q000", "q002"))
    before, after = (side({"map": [0.0] * 4}, metrics={"map": scores}) for scores in (first, second))
    assert pair(before, after, "map").failed == (0, 1)


def test_the_ten_questions_that_changed_most() -> None:
    """By size, ties by id (0.3 - 0.0 and 0.4 - 0.1 are a tie though not in floating point), unchanged ones never."""
    before = [0.5, 0.0, 0.1, 0.9] + [0.0] * 9
    after = [0.5, 0.3, 0.4, 0.1] + [0.2] * 9
    pairs = compare(side({"map": before}), side({"map": after})).comparisons["map"].pairs
    assert [change.question_id for change in pairs.changed] == [
        "q003", "q001", "q002", "q004", "q005", "q006", "q007", "q008", "q009", "q010",
    ]  # fmt: skip
    assert pairs.changed[0] == Change("q003", 0.9, 0.1)


def test_judged_metrics_are_marked() -> None:
    result = compare(side({"faithfulness": [0] * 9, "map": [0] * 9}), side({"faithfulness": [1] * 9, "map": [1] * 9}))
    assert [one.pairs.judged for one in result.comparisons.values()] == [True, False]
    first, second = str(result).splitlines()
    assert first.startswith("candidate is better on faithfulness")
    assert first.endswith(" (judge only, uncorrected)")
    assert "judge" not in second


def with_judge(key: str, model: str) -> RunScores:
    return side({"faithfulness": [1.0], "map": [1.0]}, "two", judges={"faithfulness": JudgedBy(key, model)})


GOOD = side({"faithfulness": [1.0], "map": [1.0]})


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (side({"map": [1.0]}, "two", corpus="b" * 64), r"two: found another corpus \(bbbbbbbb\) than in one \(ccc"),
        (side({"map": [1.0]}, "two", digests={"q000": "x"}), r"no question of one unchanged .*1 question changed"),
        (side({"map": [1.0]}, "two", digests={"q9": "x"}), r"found no question of one unchanged \(1 question missing"),
        (side({"map": [1.0]}, "two"), "two: found no faithfulness, expected it beside map"),
        (with_judge("judge-1", "critic"), "faithfulness: found other judges .*judge-0123456789 by critic; two: ju"),
        (with_judge("judge-0123456789", "other"), "two: judge-0123456789 by other"),
        (side({"faithfulness": [None]}, "two"), r"no question with a score in both \(two: nothing to score\)"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared(other: RunScores, told: str) -> None:
    with pytest.raises(NotComparableError, match=told):
        compare(GOOD, other, ["faithfulness"])
    with pytest.raises(NotComparableError):
        compare(other, GOOD, ["faithfulness"])


def test_without_names_what_can_be_compared_is() -> None:
    result = compare(GOOD, with_judge("judge-1", "critic"))
    assert list(result.comparisons) == ["map"]
    assert list(result.refused) == ["faithfulness"]
    assert "found other judges" in str(result).splitlines()[1]
    with pytest.raises(NotComparableError, match="have no metric that can be compared: one: found no mrr"):
        compare(side({"map": [1.0]}), side({"mrr": [1.0]}, "two"))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"metrics": ["ndgc@10"]}, "unknown metric"),
        ({"level": 1.0}, "found level 1"),
        ({"difference": 0.0}, "found difference 0"),
        ({"cluster_by": "document"}, "--cluster-by document: found that all 2 questions share a document"),
    ],
)
def test_wrong_requests(changes: dict[str, Any], told: str) -> None:
    of_one_document = side({"map": [1.0, 0.0]}, documents={"q000": (7,), "q001": (7,)})
    with pytest.raises(DeclarationError, match=told) as error:
        compare(of_one_document, of_one_document, **changes)
    assert not isinstance(error.value, NotComparableError)


def test_json() -> None:
    result = compare(side({"hit_rate@1": [0, 1, None]}), side({"hit_rate@1": [1, 1, 1]}, "two"))
    data = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert data["baseline"] == {"source": "one", "pipeline": "pipeline one", "fingerprint": "f" * 64}
    assert (data["benchmark"], data["questions"], data["level"], data["not_compared"]) == ("small", 3, 0.95, {})
    metric = data["metrics"]["hit_rate@1"]
    assert {key: metric[key] for key in ("baseline", "candidate", "n", "only_candidate", "wins", "ties", "losses")} == {
        "baseline": 0.5, "candidate": 1.0, "n": 2, "only_candidate": ["q002"], "wins": 1, "ties": 1, "losses": 0,
    }  # fmt: skip
    assert metric["changed"] == [{"question_id": "q000", "from": 0.0, "to": 1.0}]
    assert (metric["p_value"], metric["verdict"]) == (1.0, "cannot be told apart")
    assert set(metric["difference"]) == {"point", "low", "high", "level", "method"}


@pytest.mark.parametrize(
    ("number", "text"), [(0.0314, "+0.031"), (-0.0314, "-0.031"), (-0.0001, "+0.000"), (0, "+0.000")]
)
def test_signed(number: float, text: str) -> None:
    assert signed(number) == text
