"""The corrected mean: arithmetic by hand, the same numbers from `ppi_mean` called by hand, and every warning."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rageval.people.attach import attach
from rageval.people.sampling import draw_sample
from rageval.people.sheet import write_sheet as write_sample_sheet
from rageval.scores.estimates import labelled_estimate
from rageval.scores.samples import Sample
from rageval.stats import mean_interval, ppi_mean
from rageval.types import Estimate
from tests.flow.judged_run import FAITHFULNESS, JudgedRun, fill, mean, response, write_sheet


def label(run: JudgedRun, n: int, *, stratify: bool = False, first: int | None = None) -> Sample:
    """Draw, have people label, attach."""
    sheet = run.folder.path.parent / "sheet.jsonl"
    sample = draw_sample(run.folder, run.name, n, stratify=stratify)
    run.folder.write_sample(sample.metric, sample.digest, sample.to_json())
    write_sample_sheet(run.folder, sample, sheet)
    fill(sheet, run.gold.get, first=first)
    attach(run.folder, [sheet])
    return sample


def estimate(run: JudgedRun) -> Estimate:
    found = labelled_estimate(run.folder, run.name, run.folder.scores()[run.name])
    assert found is not None
    return found


def test_no_labels_no_estimate(run: JudgedRun) -> None:
    assert labelled_estimate(run.folder, run.name, run.folder.scores()[run.name]) is None


@pytest.mark.parametrize("graded", [False, True])
def test_it_is_ppi_over_all_scored_questions(graded: bool, tmp_path: Path) -> None:
    run = JudgedRun(tmp_path / "lakes", 200, metric=FAITHFULNESS, graded=graded, failed=5, unscored=4)
    sample = label(run, 60)
    drawn, rest = set(sample.drawn), [q for q in run.judged if q not in sample.drawn]
    y, f = zip(*((run.gold[q], run.judged[q]) for q in run.judged if q in drawn), strict=True)
    by_hand = ppi_mean(y, f, [run.judged[q] for q in rest])
    found = estimate(run)
    assert (found.point, found.low, found.high, found.method) == (
        by_hand.point,
        by_hand.low,
        by_hand.high,
        by_hand.method,
    )
    assert (found.n, found.n_labelled, found.unscored, found.failed, found.warning) == (196, 60, 4, 5, "")
    judge, labels = mean_interval([*run.judged.values()]), mean_interval(y)
    assert judge.point == pytest.approx(mean(run.judged))
    assert found.judge_only == (judge.point, judge.low, judge.high)
    assert found.labels_only == (labels.point, labels.low, labels.high)


def test_binary_by_hand(tmp_path: Path) -> None:
    """Mean = share(judge says 1) * P(1 | judge says 1) + share(judge says 0) * P(1 | judge says 0)."""
    run = JudgedRun(tmp_path / "lakes", 200)
    sample = label(run, 60)
    by_hand = 0.0
    for verdict in (0.0, 1.0):
        share = sum(score == verdict for score in run.judged.values()) / 200
        given = [run.gold[q] for q in sample.drawn if run.judged[q] == verdict]
        by_hand += share * sum(given) / len(given)
    found = estimate(run)
    assert found.method == "beta chain"
    assert found.point == pytest.approx(by_hand)


def test_strata_are_weighted_by_the_recorded_probabilities(tmp_path: Path) -> None:
    """Horvitz and Thompson: the sum of label / inclusion probability over N; the plain mean of labels is another."""
    run = JudgedRun(tmp_path / "lakes", 300, failed=8)
    scores = run.folder.scores()
    rare = {q: float(i % 25 != 0) for i, q in enumerate(run.judged)}  # zeros are rare, hence drawn at a higher rate
    rare |= dict.fromkeys(run.failed, 0.0)
    scores[run.name]["questions"] = rare
    run.folder.write_scores(scores)
    sample = label(run, 30, stratify=True)
    stored = json.loads((run.folder.path / f"samples/answer_relevance-{sample.digest}.json").read_text("utf-8"))
    probability = {entry["question_id"]: entry["inclusion_probability"] for entry in stored["drawn"]}
    assert len(set(probability.values())) == 2
    found = estimate(run)
    assert found.point == pytest.approx(sum(run.gold[q] / p for q, p in probability.items()) / 300)
    assert found.point != pytest.approx(sum(run.gold[q] for q in probability) / 30)
    stratum_of = sample.stratum_of()
    labelled = [q for q in rare if q in probability]
    rest = [q for q in rare if q not in probability]
    by_hand = ppi_mean(
        [run.gold[q] for q in labelled],
        [rare[q] for q in labelled],
        [rare[q] for q in rest],
        strata=([stratum_of[q] for q in labelled], [stratum_of[q] for q in rest]),
    )
    assert (found.low, found.high, found.method) == (by_hand.low, by_hand.high, by_hand.method)
    assert found.method.startswith("stratified")


def test_a_first_part_counts_only_what_is_labelled(tmp_path: Path) -> None:
    run = JudgedRun(tmp_path / "lakes", 200)
    sample = label(run, 60, first=25)
    found = estimate(run)
    assert found.n_labelled == 25
    assert found.labels_only is not None
    assert found.labels_only[0] == pytest.approx(sum(run.gold[q] for q in sample.drawn[:25]) / 25)


def test_where_everything_is_labelled_the_judge_has_no_say(run: JudgedRun) -> None:
    label(run, 37)
    found, by_hand = estimate(run), mean_interval([*run.gold.values()])
    assert (found.point, found.low, found.high) == (by_hand.point, by_hand.low, by_hand.high)
    assert found.point == pytest.approx(mean(run.gold))
    assert (found.n, found.n_labelled, found.unscored, found.failed) == (37, 37, 3, 2)
    assert found.labels_only == (found.point, found.low, found.high)
    assert found.judge_only is not None
    assert found.judge_only[0] == pytest.approx(mean(run.judged))


def test_few_labels_stand_alone(run: JudgedRun) -> None:
    label(run, 37, first=5)
    found = estimate(run)
    assert found.method == "labels only (fewer than 10 labels)"
    assert found.labels_only == (found.point, found.low, found.high)


def test_any_sample_is_used_with_a_warning(run: JudgedRun, tmp_path: Path) -> None:
    write_sheet(tmp_path / "a.jsonl", run.rows(**{q: run.gold[q] for q in list(run.gold)[5:20]}))
    attach(run.folder, [tmp_path / "a.jsonl"], allow_any_sample=True)
    found = estimate(run)
    assert found.n_labelled == 15
    assert found.warning.startswith(
        "labels not known to be a random sample: found answer_relevance labels that name no"
    )


def test_labels_of_other_answers_are_not_used(run: JudgedRun) -> None:
    label(run, 20)
    run.folder.add_outcome("q030", response(30, answer="another one"))
    found = estimate(run)
    assert found.warning == "labels not used: they were given before this run's answers changed"
    assert (found.point, found.n_labelled, found.judge_only) == (pytest.approx(mean(run.judged)), 0, None)


def rejudge(run: JudgedRun, scores: dict[str, float]) -> None:
    data = run.folder.scores()
    unscored = {q: "not judged" for q in run.folder.questions() if q not in scores}
    data[run.name] = {**data[run.name], "questions": scores, "unscored": unscored}
    run.folder.write_scores(data)


def test_another_judge_keeps_the_labels(tmp_path: Path) -> None:
    """A new judge scores other questions: the strata are the old ones, questions that could not be drawn stay out."""
    run = JudgedRun(tmp_path / "lakes", 200, unscored=3)
    sample = label(run, 40, stratify=True)
    now = {q: 1.0 - 0.5 * score for i, (q, score) in enumerate(run.judged.items()) if i % 10}
    rejudge(run, {**now, "q000": 1.0})
    found = estimate(run)
    assert found.warning == "1 questions scored since the sample was drawn are left out"
    assert (found.n, found.n_labelled) == (len(now), sum(q in now for q in sample.drawn))
    by_hand = 0.0
    for stratum in sample.strata:
        given = [run.gold[q] for q in stratum.questions if q in sample.drawn and q in now]
        by_hand += sum(q in now for q in stratum.questions) / len(now) * sum(given) / len(given)
    assert found.point == pytest.approx(by_hand)


def test_labels_that_no_longer_suffice_leave_the_judge_alone_with_a_warning(run: JudgedRun) -> None:
    sample = label(run, 10)
    rejudge(run, {q: score for q, score in run.judged.items() if q not in sample.drawn})
    found = estimate(run)
    assert found.warning == "labels not used: too few of the labelled questions are scored now"
    assert (found.n, found.n_labelled) == (27, 0)


def test_nothing_scored_any_more(run: JudgedRun) -> None:
    label(run, 10)
    rejudge(run, {})
    assert labelled_estimate(run.folder, run.name, run.folder.scores()[run.name]) is None
