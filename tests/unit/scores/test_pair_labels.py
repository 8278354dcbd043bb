"""Labels of two runs, joined question by question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from rageval.scores.baselines import write_baseline
from rageval.scores.pair_labels import PairLabels, labels_note, pair_labels
from rageval.scores.pairs import pair
from rageval.scores.reading import read_run_scores
from rageval.scores.run_labels import RunLabels, labels_from_json
from rageval.scores.run_scores import RunScores
from rageval.stats.labelled import WHOLE, labelled_difference
from tests.unit.sides import ids, side

N = 60
METRIC = "faithfulness"
QUESTIONS = ids(N)


def run(source: str, given: Mapping[str, float] | None, score: float = 0.5, **changes: Any) -> RunScores:
    """A run whose answers are its own, all judged alike, with these labels."""
    labels = {} if given is None else {METRIC: RunLabels(given, dict.fromkeys(QUESTIONS, ""))}
    fields = {"answers": {q: f"{source} {q}" for q in QUESTIONS}, "labels": labels, **changes}
    return side({METRIC: [score] * N}, source, **fields)


def joined(a: RunScores, b: RunScores) -> PairLabels:
    found = pair(a, b, METRIC).labels
    assert found is not None
    return found


FIRST = QUESTIONS[:20]


def test_no_labels_are_no_labels() -> None:
    pairs = pair(run("one", None), run("two", None), METRIC)
    assert (pairs.labels, pairs.labels_lacking, pairs.judged) == (None, "", True)
    assert pairs.source == " (judge only, uncorrected)"


def test_labels_of_both_are_labels_of_the_gain() -> None:
    one = run("one", dict.fromkeys(QUESTIONS[:30], 0.25))
    two = run("two", dict.fromkeys(QUESTIONS[10:40], 1.0), score=0.75)
    found = joined(one, two)
    assert found.low == found.high == dict.fromkeys(QUESTIONS[10:30], 0.75)
    assert (found.n, found.missing, found.same, found.share, found.sd) == (20, 0, 0, 1.0, 0.0)
    by_hand = labelled_difference([0.75] * 20, [0.25] * 20, [0.25] * 40, rng=np.random.default_rng(0))
    assert found.difference() == by_hand
    pairs = pair(one, two, METRIC)
    assert not pairs.judged
    assert pairs.source == " (by 20 people's labels of both and the judge)"


def test_a_gain_is_a_fall_where_lower_is_better() -> None:
    labels = {
        name: RunLabels(dict.fromkeys(FIRST, label), dict.fromkeys(QUESTIONS, ""))
        for name, label in (("one", 1.0), ("two", 0.25))
    }
    runs = [
        side(
            {"hallucination": [0.5] * N},
            name,
            labels={"hallucination": one},
            answers={q: f"{name} {q}" for q in QUESTIONS},
        )
        for name, one in labels.items()
    ]
    found = pair(*runs, "hallucination").labels
    assert found is not None
    assert found.low == dict.fromkeys(FIRST, 0.75)


def test_the_same_answers_gain_nothing_for_certain() -> None:
    """Forty-five of sixty: labels of both on the other fifteen count for a quarter, whatever people say of the same."""
    same = dict.fromkeys(QUESTIONS[15:], "the same")
    one = run("one", dict.fromkeys(QUESTIONS, 0.0), answers={**dict.fromkeys(QUESTIONS, "old"), **same})
    two = run("two", dict.fromkeys(QUESTIONS, 1.0), answers={**dict.fromkeys(QUESTIONS, "new"), **same})
    found = joined(one, two)
    assert (found.n, found.same, found.share) == (15, 45, 0.25)
    assert {*found.judged} == {*QUESTIONS[:15]}
    difference = found.difference()
    assert difference.point == pytest.approx(0.25)
    assert difference.n == N
    low, high = difference.interval(0.95)
    assert 0.12 < low < 0.25 < high < 0.4


def test_all_answers_the_same() -> None:
    found = joined(
        run("one", dict.fromkeys(FIRST, 1.0), answers=dict.fromkeys(QUESTIONS, "a")),
        run("two", None, answers=dict.fromkeys(QUESTIONS, "a")),
    )
    assert (found.n, found.same) == (0, N)


OF_ALL = dict.fromkeys(QUESTIONS, 1.0)


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [
        (OF_ALL, None, "people labelled the baseline's answers alone: label those of two as well"),
        (None, OF_ALL, "people labelled the candidate's answers alone: label those of one as well"),
        (
            dict.fromkeys(FIRST, 1.0),
            dict.fromkeys(QUESTIONS[19:], 1.0),
            "people labelled both answers to 1 of the 60 questions whose answers differ: label more",
        ),
    ],
)
def test_what_is_lacking(a: Mapping[str, float] | None, b: Mapping[str, float] | None, told: str) -> None:
    pairs = pair(run("one", a), run("two", b), METRIC)
    assert (pairs.labels, pairs.judged) == (None, True)
    assert pairs.labels_lacking.startswith(told)
    assert pairs.source == f" (judge only, uncorrected: {pairs.labels_lacking})"


def test_a_stratum_without_a_label_is_lacking() -> None:
    strata = {q: "new" if q in QUESTIONS[40:] else "old" for q in QUESTIONS}
    labels = {METRIC: RunLabels(dict.fromkeys(FIRST, 1.0), strata)}
    pairs = pair(run("one", None, labels=labels), run("two", None, labels=labels), METRIC)
    assert pairs.labels_lacking == "no label of both answers yet in 1 of 2 strata: label more"


def test_missing_labels_are_bounded() -> None:
    """Two of twenty-one: the lower end is that with the worst of both, the upper end that with the best."""
    labels = RunLabels(dict.fromkeys(FIRST[1:], 1.0), dict.fromkeys(QUESTIONS, ""), frozenset([FIRST[0]]))
    one = run("one", dict.fromkeys(FIRST, 0.5))
    found = joined(one, run("two", None, labels={METRIC: labels}))
    assert (found.low[FIRST[0]], found.high[FIRST[0]], found.missing, found.n) == (-0.5, 0.5, 1, 20)
    worst, best = ({**dict.fromkeys(FIRST, 0.5), FIRST[0]: end} for end in (-0.5, 0.5))
    ends = [labelled_difference([one[q] for q in FIRST], [0.0] * 20, [0.0] * 40) for one in (worst, best)]
    difference = found.difference()
    assert difference.interval(0.95) == pytest.approx((ends[0].interval(0.95)[0], ends[1].interval(0.95)[1]))
    assert difference.point == pytest.approx(sum(one.point for one in ends) / 2)
    whole = found.difference(unseen=WHOLE).against(0.1)
    by_worst = labelled_difference([worst[q] for q in FIRST], [0.0] * 20, [0.0] * 40, unseen=WHOLE).against(0.1)
    assert whole.p_pass == by_worst.p_pass
    assert labels_note([found]) == (
        "‡ by people's labels and the judge together (prediction-powered inference); the means are the judge's. Up to "
        "1 labels are missing: the interval holds whatever they would be."
    )


def test_questions_that_could_not_be_drawn_are_left_out() -> None:
    labels = {METRIC: RunLabels(dict.fromkeys(FIRST, 1.0), dict.fromkeys(QUESTIONS[:50], ""))}
    found = joined(run("one", None, labels=labels), run("two", dict.fromkeys(FIRST, 0.0)))
    assert (found.left_out, len(found.judged)) == (10, 50)
    assert "Up to 10 questions with answers newer than the samples are left out." in labels_note([found])


def test_warnings_are_kept() -> None:
    labels = {METRIC: RunLabels(dict.fromkeys(FIRST, 1.0), dict.fromkeys(QUESTIONS, ""), warning="hand-picked")}
    found = joined(run("one", None, labels=labels), run("two", None, labels=labels))
    assert found.warning == "hand-picked"
    assert "Labels not known to be a random sample: hand-picked." in labels_note([found])


def test_labels_survive_the_disk(tmp_path: Any) -> None:
    labels = RunLabels(
        {"q000": 0.5, "q001": 1.0}, dict.fromkeys(QUESTIONS, ""), frozenset(["q002"]), "hand-picked", 3, 0.01, 7
    )
    assert labels_from_json(labels.to_json()) == labels
    one = run("one", None, labels={METRIC: labels})
    pinned = read_run_scores(write_baseline(one, tmp_path, "main"))
    assert (pinned.labels, pinned.answers) == (one.labels, one.answers)


def test_only_these_questions() -> None:
    labels = RunLabels(dict.fromkeys(FIRST, 1.0), dict.fromkeys(QUESTIONS, ""), frozenset(["q030", "q031"]))
    part = labels.only(["q000", "q030", "q050"])
    assert (part.given, {*part.strata}, part.missing) == ({"q000": 1.0}, {"q000", "q030", "q050"}, {"q030"})


def test_several_metrics_have_labels_of_their_own() -> None:
    assert pair_labels(run("one", None), run("two", None), "answer_relevance", {}, None, lower_is_better=False) is None
