"""Which questions are drawn: with the probabilities that are recorded, in an order that favours none."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import binom

from rageval.errors import DeclarationError, NotComparableError
from rageval.people.sampling import draw_sample
from rageval.scores.baselines import write_baseline
from rageval.scores.human_labels import HumanLabel, MetricLabels
from rageval.scores.reading import read_run_folder
from rageval.scores.run_labels import read_run_labels
from rageval.scores.samples import Carried, Sample, Stratum, sample_from_json
from rageval.types import Hit, Json, Passage, Response
from tests.flow.judged_run import FAITHFULNESS, JudgedRun, response

SEEDS = 1000

pytestmark = pytest.mark.xdist_group("sampling")  # its draws are made once


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> JudgedRun:
    """Sixty questions with nine different scores, three of them failed."""
    return JudgedRun(tmp_path_factory.mktemp("runs") / "graded", 60, metric=FAITHFULNESS, graded=True, failed=3)


@pytest.fixture(scope="module")
def draws(graded: JudgedRun) -> list[Sample]:
    """Samples of 25 with every seed."""
    return [draw_sample(graded.folder, "faithfulness", 25, seed=seed) for seed in range(SEEDS)]


def within_chance(counts: Mapping[str, int], probability: Mapping[str, float], trials: int) -> bool:
    """No count lies in a tail of its binomial that is rarer than one in a million, by exact probabilities: expected
    counts go down to 17, where the normal approximation calls too many extreme. About 400 counts are looked at here, so
    a right sampler fails once in 1,000 choices of seeds.
    """
    return all(
        counts[q] == trials * p or min(binom.cdf(counts[q], trials, p), binom.sf(counts[q] - 1, trials, p)) > 1e-6
        for q, p in probability.items()
    )


def drawn_at(samples: Sequence[Sample], positions: slice) -> Counter[str]:
    return Counter(question_id for sample in samples for question_id in sample.drawn[positions])


def test_every_question_is_drawn_equally_often(draws: list[Sample], graded: JudgedRun) -> None:
    assert within_chance(drawn_at(draws, slice(25)), dict.fromkeys(graded.judged, 25 / 60), SEEDS)


@pytest.mark.parametrize("positions", [slice(1), slice(9), slice(20, 25)])
def test_so_it_is_in_any_part_of_the_order(draws: list[Sample], graded: JudgedRun, positions: slice) -> None:
    length = len(range(25)[positions])
    assert within_chance(drawn_at(draws, positions), dict.fromkeys(graded.judged, length / 60), SEEDS)


def test_a_larger_sample_goes_on_where_a_smaller_one_ended(run: JudgedRun) -> None:
    small, large = (draw_sample(run.folder, run.name, n, seed=3) for n in (8, 30))
    assert large.drawn[:8] == small.drawn
    assert draw_sample(run.folder, run.name, 8, seed=4).drawn != small.drawn
    assert draw_sample(run.folder, run.name, 8, seed=3).digest == small.digest != large.digest


def test_failures_are_known_and_unscored_questions_out(run: JudgedRun) -> None:
    everything = draw_sample(run.folder, run.name, 37)
    assert set(everything.drawn) == set(run.judged)
    assert everything.known == dict.fromkeys(run.failed, 0.0)
    assert set(everything.to_label) == set(run.judged) - set(run.failed)
    assert everything.strata == (Stratum("", tuple(run.judged), 37),)


def test_failures_score_one_where_lower_is_better(run: JudgedRun) -> None:
    """And the judge is named by both that the metric reads."""
    run.folder.write_scores({"hallucination": run.folder.scores()[run.name]})
    judges: dict[str, Json] = {
        name: {"key": f"{name}-1", "model": "critic"} for name in ("claim_support", "claim_agreement")
    }
    run.write_manifest(metrics=["hallucination"], judges=judges)
    sample = draw_sample(run.folder, "hallucination", 37)
    assert sample.known == dict.fromkeys(run.failed, 1.0)
    assert sample.judge == "claim_support-1+claim_agreement-1"


def test_the_design_survives_the_disk(run: JudgedRun) -> None:
    sample = replace(draw_sample(run.folder, run.name, 20, seed=5), carried=Carried("old", 3, 2, 0.01))
    run.folder.write_sample(sample.metric, sample.digest, sample.to_json())
    stored = json.loads((run.folder.path / f"samples/answer_relevance-{sample.digest}.json").read_text("utf-8"))
    assert sample_from_json(stored) == sample
    assert (stored["seed"], stored["judge"], stored["run"]) == (5, "answer_relevance-1", "lakes")


def test_other_answers_give_another_digest(run: JudgedRun) -> None:
    before = draw_sample(run.folder, run.name, 5).answers
    run.folder.add_outcome("q009", response(9))
    assert draw_sample(run.folder, run.name, 5).answers == before  # the same words again
    run.folder.add_outcome("q009", response(9, answer="Nobody knows."))
    assert draw_sample(run.folder, run.name, 5).answers != before


@pytest.mark.parametrize(
    ("metric", "n", "told"),
    [
        ("faithfullness", 5, "unknown metric 'faithfullness': did you mean faithfulness"),
        ("ndcg@10", 5, "metric ndcg@10: found a metric that is not judged, expected a judged one"),
        ("faithfulness", 5, "found no scores of faithfulness, expected one of answer_relevance"),
        ("answer_relevance", 0, "found a sample of 0, expected 1 to 37"),
        ("answer_relevance", 38, "found a sample of 38, expected 1 to 37"),
    ],
)
def test_refusals(metric: str, n: int, told: str, run: JudgedRun) -> None:
    with pytest.raises(DeclarationError, match=told):
        draw_sample(run.folder, metric, n)


def test_unfinished_runs_and_runs_without_scores_are_refused(run: JudgedRun, tmp_path: Path) -> None:
    empty = JudgedRun(tmp_path / "empty", 4, unscored=4)
    with pytest.raises(DeclarationError, match="found no question that is scored on answer_relevance"):
        draw_sample(empty.folder, empty.name, 1)
    run.write_manifest(status="running")
    with pytest.raises(DeclarationError, match="the run is not finished"):
        draw_sample(run.folder, run.name, 5)


def next_release(path: Path, changed: range, **other: Any) -> JudgedRun:
    """A run of the same forty questions in which these answers are new."""
    run = JudgedRun(path, 40, **{"failed": 2, "unscored": 3, **other})
    for i in changed:
        run.folder.add_outcome(f"q{i:03}", response(i, answer="A new answer."))
    return run


def keep_labels(run: JudgedRun, sample: Sample, first: int | None = None, annotators: Sequence[str] = ("ann",)) -> None:
    """As `rageval label` stores them."""
    run.folder.write_sample(sample.metric, sample.digest, sample.to_json())
    asked = sample.to_label[:first]
    labels = tuple(HumanLabel(q, run.gold[q], name) for q in asked for name in annotators)
    run.folder.write_labels(
        sample.metric,
        MetricLabels(sample.metric, labels, sample, "", {q: sample.answers[q] for q in asked}).to_json(),
    )


def test_labels_carry_over_where_the_answer_is_the_same(run: JudgedRun, tmp_path: Path) -> None:
    """The drawn questions are the same, with the earlier seed; only those with new answers are asked about."""
    before = draw_sample(run.folder, run.name, 20, seed=9)
    keep_labels(run, before)
    later = next_release(tmp_path / "later", range(5, 25))
    sample = draw_sample(later.folder, run.name, 20, carry_from=str(run.folder.path))
    new = {f"q{i:03}" for i in range(5, 25)}
    assert (sample.drawn, sample.seed) == (before.drawn, 9)
    assert {*sample.to_label} == {*before.to_label} & new
    assert sample.known == {q: run.gold[q] for q in before.drawn if q not in new}
    carried = len({*before.to_label} - new)
    assert sample.carried == Carried(str(run.folder.path), carried, 1, 0.0)
    assert 0 < carried < 20


def test_they_carry_over_from_a_baseline_and_from_there_on(run: JudgedRun, tmp_path: Path) -> None:
    """Three releases: what the first labelled, and neither the second nor the third changed, is never asked again."""
    sample = draw_sample(run.folder, run.name, 20)
    keep_labels(run, sample)
    for name, changed in (("two", range(5, 15)), ("three", range(5, 20))):
        baseline = write_baseline(read_run_folder(run.folder.path), tmp_path / "baselines")
        run = next_release(tmp_path / name, changed)
        sample = draw_sample(run.folder, run.name, 20, carry_from=str(baseline))
        keep_labels(run, sample)
        new = {"two": range(5, 15), "three": range(15, 20)}[name]  # the second's new answers are still there
        assert {*sample.to_label} == {q for q in sample.drawn if int(q[1:]) in new and q not in run.failed}
        found = read_run_labels(run.folder, run.name, run.judged)
        assert found is not None
        assert found.given == {q: run.gold[q] for q in sample.drawn}


def test_a_first_part_of_the_earlier_labels_carries_over_as_far_as_it_goes(run: JudgedRun, tmp_path: Path) -> None:
    before = draw_sample(run.folder, run.name, 20)
    keep_labels(run, before, first=8)
    sample = draw_sample(
        next_release(tmp_path / "later", range(0)).folder, run.name, 20, carry_from=str(run.folder.path)
    )
    assert sample.to_label == before.to_label[8:]


def test_other_passages_or_another_question_need_another_label(run: JudgedRun, tmp_path: Path) -> None:
    keep_labels(run, draw_sample(run.folder, run.name, 37))
    later = next_release(tmp_path / "later", range(0))
    hits = (Hit(Passage("d9", 0, 5, "Other"), 1.0),)
    later.folder.add_outcome("q009", Response(hits, response(9).answer, (0,)))
    rows = [json.loads(line) for line in (later.folder.path / "questions.jsonl").read_text("utf-8").splitlines()]
    later.folder.write_questions([{**r, "digest": "other"} if r["question_id"] == "q011" else r for r in rows])
    sample = draw_sample(later.folder, run.name, 37, carry_from=str(run.folder.path))
    assert {*sample.to_label} == {"q009", "q011"}


def test_what_annotators_differ_by_is_carried_along(run: JudgedRun, tmp_path: Path) -> None:
    sample = draw_sample(run.folder, run.name, 20)
    keep_labels(run, sample, annotators=("ann",))
    stored = read_run_labels(run.folder, run.name, run.judged)
    assert stored is not None
    assert (stored.annotators, stored.annotator_variance) == (1, 0.0)
    kept = replace(sample, carried=Carried("old", 3, 4, 0.01))
    keep_labels(run, kept)
    stored = read_run_labels(run.folder, run.name, run.judged)
    assert stored is not None
    assert (stored.annotators, stored.annotator_variance) == (4, 0.01)
    later = next_release(tmp_path / "later", range(0))
    again = draw_sample(later.folder, run.name, 20, carry_from=str(run.folder.path))
    assert again.carried == Carried(str(run.folder.path), 20 - len({*run.failed} & {*sample.drawn}), 4, 0.01)


def test_nothing_to_carry(run: JudgedRun, tmp_path: Path) -> None:
    later = next_release(tmp_path / "later", range(0))
    with pytest.raises(DeclarationError, match="lakes: found no labels of answer_relevance to carry over, expected"):
        draw_sample(later.folder, run.name, 5, carry_from=str(run.folder.path))
    with pytest.raises(NotComparableError, match="nowhere: found neither a run folder nor a baseline"):
        draw_sample(later.folder, run.name, 5, carry_from="nowhere")
