"""Comparisons, gates and leaderboards by slice: which questions count where, and what is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rageval.decide import slicing
from rageval.decide.comparison import compare
from rageval.decide.gate import gate
from rageval.errors import DeclarationError
from rageval.report.compare import markdown
from rageval.scores.run_scores import RunScores
from rageval.stats import holm
from tests.unit.sides import ids, side

N = 60


def two(gain_en: float, gain_zh: float, **changes: Any) -> tuple[RunScores, RunScores]:
    """Sixty questions, half of them Chinese; the candidate gains so much in each language, give or take 0.1."""
    noise = np.random.default_rng(3).choice([-0.1, 0.1], N)
    gains = np.where(np.arange(N) % 2 == 0, gain_en, gain_zh) + noise
    slices = {"language": {q: ("zh" if i % 2 else "en",) for i, q in enumerate(ids(N))}, **changes.pop("slices", {})}
    before = side({"ndcg@10": [0.5] * N}, **changes)
    return before, side({"ndcg@10": [*(0.5 + gains)]}, "two", slices=slices, **changes)


def test_what_helps_in_one_language_alone() -> None:
    """Slices are the candidate's; means, n and differences are of the slice's questions."""
    before, after = two(0.3, 0.0)
    result = compare(before, after, by="language")
    (sliced,) = result.slices
    assert (sliced.metric, sliced.by, sliced.overlap) == ("ndcg@10", "language", False)
    english, chinese = sliced.slices
    assert [(one.name, one.n) for one in sliced.slices] == [("en", 30), ("zh", 30)]
    scores = after.metrics["ndcg@10"].scores
    assert english.candidate == pytest.approx(np.mean([scores[q] for q in ids(N)[::2]]))
    assert english.difference.point == pytest.approx(english.candidate - 0.5)
    assert (english.verdict, chinese.verdict) == ("better", "cannot be told apart")
    assert sliced.interaction is not None
    assert sliced.interaction.p_adjusted < 0.01
    assert sliced.interaction.slices == ("en", "zh")
    assert sliced.sentence.startswith("ndcg@10 by language: the difference depends on it (adjusted p 0.0")
    assert sliced.sentence in str(result)
    same = compare(*two(0.1, 0.1), by=["language", "language"]).slices[0]
    assert same.interaction is not None
    assert same.interaction.p_value > 0.05
    assert "not shown that the difference depends on it" in same.sentence


def test_the_more_slices_the_wider_each() -> None:
    """Of the same thirty questions, beside one other slice or four."""
    halves, fifths = two(0.1, 0.1), two(0.1, 0.1)
    few = compare(*halves, by="language").slices[0].slices[0]
    topics = {q: ("en" if i % 2 == 0 else f"t{i // 2 % 4}",) for i, q in enumerate(ids(N))}
    many = compare(fifths[0], two(0.1, 0.1, slices={"topic": topics})[1], by="topic").slices[0].slices[0]
    assert (few.name, many.name, few.n, many.n) == ("en", "en", 30, 30)
    assert many.difference.high - many.difference.low > few.difference.high - few.difference.low


def test_small_slices_are_told_and_not_tested() -> None:
    """Nine questions: an interval, but no part in the test; with one slice left there is none."""
    topics = {q: ("rare" if i < 9 else "common",) for i, q in enumerate(ids(N))}
    before, after = two(0.1, 0.1, slices={"topic": topics})
    (sliced,) = compare(before, after, by="topic").slices
    assert [(one.name, one.n, one.few) for one in sliced.slices] == [("common", 51, False), ("rare", 9, True)]
    assert sliced.interaction is None
    assert sliced.untested == "it takes two slices of 10 scored questions or more, and there is 1"
    assert sliced.sentence.endswith(sliced.untested)
    data = json.loads(json.dumps(compare(before, after, by="topic").to_json(), allow_nan=False))
    assert data["slices"][0]["interaction"] is None
    assert [one["few"] for one in data["slices"][0]["slices"]] == [False, True]


def test_questions_with_several_tags_are_in_each_slice() -> None:
    """Each tag is tested against the questions without it; the smallest adjusted p-value is reported."""
    tags = {q: (("a", "b") if i < 20 else ("b",) if i < 40 else ()) for i, q in enumerate(ids(N))}
    before, after = two(0.1, 0.1, slices={"tag": tags})
    (sliced,) = compare(before, after, by="tag").slices
    assert sliced.overlap
    assert [(one.name, one.n) for one in sliced.slices] == [("a", 20), ("b", 40), ("(none)", 20)]
    assert sliced.interaction is not None
    assert sliced.interaction.test.endswith("each slice against the rest")
    differences = np.array([after.metrics["ndcg@10"].scores[q] for q in ids(N)]) - 0.5
    p_values: list[float] = []
    for first, last in ((0, 20), (0, 40), (40, 60)):
        inside = np.zeros(N, dtype=bool)
        inside[first:last] = True
        parts = [differences[inside], differences[~inside]]
        p_values.append(slicing.slices_differ(parts, rng=np.random.default_rng(0))[0])
    assert sliced.interaction.p_value == pytest.approx(min(holm(p_values)))


def test_p_values_are_adjusted_over_the_metrics() -> None:
    before, after = two(0.15, 0.0)
    twice = [
        replace(run, metrics={"ndcg@10": run.metrics["ndcg@10"], "map": run.metrics["ndcg@10"]})
        for run in (before, after)
    ]
    both = compare(twice[0], twice[1], by="language").slices
    p = [one.interaction.p_value for one in both if one.interaction]
    adjusted = [one.interaction.p_adjusted for one in both if one.interaction]
    assert adjusted == pytest.approx([*holm(p)])


def test_lower_is_better_is_turned_round() -> None:
    slices = {"language": dict.fromkeys(ids(12), ("en",))}
    before = side({"hallucination": [0.5] * 12})
    after = side({"hallucination": [0.0] * 12}, "two", slices=slices)
    (one,) = compare(before, after, by="language").slices[0].slices
    assert (one.baseline, one.candidate, one.difference.point, one.verdict) == (0.5, 0.0, 0.5, "better")


def test_slices_of_questions_in_clusters() -> None:
    """Pairs of questions that share a document: wider intervals; a slice of one document says next to nothing."""
    documents = {q: (i // 4,) for i, q in enumerate(ids(N))}
    before, after = two(0.1, 0.1, documents=documents)
    alone, clustered = (compare(before, after, by="language", cluster_by=how).slices[0] for how in ("none", "document"))
    for one, other in zip(alone.slices, clustered.slices, strict=True):
        assert other.difference.high - other.difference.low >= one.difference.high - one.difference.low
        assert other.difference.method == "gaffke, clustered, together"
    assert clustered.interaction is not None
    assert clustered.interaction.test == "dirichlet, clustered"
    topics = {q: ("one" if i < 4 else "others",) for i, q in enumerate(ids(N))}
    before, after = two(0.1, 0.1, documents=documents, slices={"topic": topics})
    (lonely, _) = compare(before, after, by="topic", cluster_by="document").slices[0].slices
    assert lonely.difference.high - lonely.difference.low > 1.0


def test_a_gate_of_a_slice() -> None:
    """The margin is held against that slice's questions alone, and Holm counts all margins."""
    before, after = two(0.3, -0.3)
    margins = {"ndcg@10": 0.2, "nDCG@10[language=zh]": 0.05, "ndcg@10[language=en]": 0.05}
    result = gate(before, after, margins, by="language")
    assert [*result.gates] == ["ndcg@10", "ndcg@10[language=zh]", "ndcg@10[language=en]"]
    whole, chinese, english = result.gates.values()
    assert (whole.pairs.n, chinese.pairs.n, english.pairs.n) == (60, 30, 30)
    assert (chinese.verdict, english.verdict, result.verdict) == ("fail", "pass", "fail")
    assert chinese.sentence.startswith("ndcg@10[language=zh] fails: worse by more than 0.05, -0.")
    assert {one.metrics for one in result.gates.values()} == {3}
    alone = gate(before, after, {"ndcg@10[language=zh]": 0.05}).gates["ndcg@10[language=zh]"]
    assert chinese.p_fail == alone.p_fail
    assert chinese.p_fail_adjusted >= alone.p_fail_adjusted
    assert chinese.to_json()["slice"] == "language=zh"
    assert "slice" not in whole.to_json()
    assert [(one.metric, one.by) for one in result.slices] == [("ndcg@10", "language")]


@pytest.mark.parametrize(
    ("margins", "told"),
    [
        (
            {"ndcg@10[language=de]": 0.1},
            r"margin of ndcg@10\[language=de\]: found no question with language 'de', expected",
        ),
        ({"ndcg@10[hops=2]": 0.1}, "slices by hops: found no such field of the questions, expected language"),
        ({"ndcg@10[language=zh]": 0.1, "nDCG@10[language=zh]": 0.1}, r"found two margins for ndcg@10\[language=zh\]"),
        ({"ndcg@10[zh]": 0.1}, r"found the cutoff .10\[zh\]., expected"),
    ],
)
def test_margins_of_slices_that_are_not_there(margins: dict[str, float], told: str) -> None:
    with pytest.raises(DeclarationError, match=told):
        gate(*two(0.0, 0.0), margins)


def test_fields_found_in_the_run_need_its_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The seam for `cause`: values by question from the candidate's folder, with a warning in the report."""
    causes = {q: "right" if i % 2 else "missed" for i, q in enumerate(ids(N))}
    monkeypatch.setitem(slicing.FOUND_IN_RUN, "cause", lambda path: causes if path == tmp_path else {})
    before, after = two(0.0, 0.0)
    with pytest.raises(DeclarationError, match="slices by cause: found the baseline two, expected a run folder"):
        compare(before, after, by="cause")
    result = compare(before, replace(after, source=str(tmp_path)), by="cause")
    assert [(one.name, one.n) for one in result.slices[0].slices] == [("missed", 30), ("right", 30)]
    assert result.slices[0].interaction is None
    assert "Slices by cause follow from the candidate's own results" in markdown(result)
    with pytest.raises(DeclarationError, match="found slices that follow from the candidate's own results"):
        gate(before, after, {"ndcg@10[cause=missed]": 0.1})
