"""The corrected mean: arithmetic by hand, the same numbers from `ppi_mean` called by hand, and every warning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from rageval.people.attach import attach
from rageval.people.sampling import draw_sample
from rageval.people.sheet import write_sheet as write_sample_sheet
from rageval.scores.estimates import labelled_estimate
from rageval.scores.human_labels import HumanLabel, MetricLabels
from rageval.scores.run_labels import annotator_variance
from rageval.scores.samples import Sample, Stratum
from rageval.stats import PPIResult, mean_interval, ppi_mean
from rageval.stats.annotators import stretch_for_annotators
from rageval.types import Estimate
from tests.flow.judged_run import FAITHFULNESS, JudgedRun, fill, mean, response, write_sheet


def label(run: JudgedRun, n: int, *, first: int | None = None, gaps: Sequence[int] = (), say: str = "?") -> Sample:
    """Draw, have people label, attach. `gaps` are rows in which people `say` no label."""
    sheet = run.folder.path.parent / "sheet.jsonl"
    sample = draw_sample(run.folder, run.name, n)
    run.folder.write_sample(sample.metric, sample.digest, sample.to_json())
    write_sample_sheet(run.folder, sample, sheet)
    without = {sample.to_label[i] for i in gaps}
    fill(sheet, lambda q: say if q in without else run.gold[q], first=first)
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


def test_strata_of_an_earlier_version_are_weighted_by_the_recorded_probabilities(tmp_path: Path) -> None:
    """Horvitz and Thompson: the sum of label / inclusion probability over N; the plain mean of labels is another."""
    run = JudgedRun(tmp_path / "lakes", 300)
    parts = (tuple(run.gold)[:60], tuple(run.gold)[60:])
    judged = {q: float(q in parts[0]) for q in run.gold}
    scores = run.folder.scores()
    run.folder.write_scores({run.name: {**scores[run.name], "questions": judged}})
    drawn = (*parts[0][:20], *parts[1][:20])
    strata = tuple(Stratum(name, part, 20) for name, part in zip("ab", parts, strict=True))
    sample = replace(draw_sample(run.folder, run.name, 40), strata=strata, drawn=drawn)
    run.folder.write_sample(sample.metric, sample.digest, sample.to_json())
    labels = MetricLabels(
        run.name, tuple(HumanLabel(q, run.gold[q]) for q in drawn), sample, "", {q: sample.answers[q] for q in drawn}
    )
    run.folder.write_labels(run.name, labels.to_json())
    found = estimate(run)
    assert found.point == pytest.approx(sum(run.gold[q] * (3 if q in parts[0] else 12) for q in drawn) / 300)
    labelled, rest = sorted(drawn), [q for q in run.gold if q not in drawn]
    by_hand = ppi_mean(
        [run.gold[q] for q in labelled],
        [judged[q] for q in labelled],
        [judged[q] for q in rest],
        strata=([q in parts[0] for q in labelled], [q in parts[0] for q in rest]),
    )
    assert (found.low, found.high, found.method) == (by_hand.low, by_hand.high, by_hand.method)
    assert found.method.startswith("stratified")


@pytest.mark.parametrize("say", ["?", ""])
def test_with_labels_missing_the_interval_holds_whatever_they_would_be(say: str, tmp_path: Path) -> None:
    run = JudgedRun(tmp_path / "lakes", 200)
    sample = label(run, 60, gaps=(3, 17, 40), say=say)
    found = estimate(run)
    missing = {sample.to_label[i] for i in (3, 17, 40)}
    assert (found.n_labelled, found.method) == (57, "beta chain, missing labels bounded")
    assert found.warning == "3 of 60 drawn have no label: the interval holds whatever these would be"
    labelled, rest = [q for q in run.gold if q in sample.drawn], [q for q in run.gold if q not in sample.drawn]

    def with_all(end: float) -> PPIResult:
        y = [end if q in missing else run.gold[q] for q in labelled]
        return ppi_mean(y, [run.judged[q] for q in labelled], [run.judged[q] for q in rest])

    assert (found.low, found.high) == (with_all(0.0).low, with_all(1.0).high)
    whole = JudgedRun(tmp_path / "other" / "lakes", 200)
    label(whole, 60)
    assert found.low < estimate(whole).low
    assert found.high > estimate(whole).high


def test_annotators_who_differ_widen_the_interval(tmp_path: Path) -> None:
    """Two who disagree by .4 on every answer: half of that squared over two is the variance of their mean."""
    run = JudgedRun(tmp_path / "lakes", 200, metric=FAITHFULNESS)
    sample = draw_sample(run.folder, run.name, 40)
    run.folder.write_sample(sample.metric, sample.digest, sample.to_json())
    given = tuple(
        HumanLabel(q, 0.3 + 0.3 * run.gold[q] + shift, name)
        for q in sample.drawn
        for name, shift in (("ann", 0.0), ("ben", 0.4))
    )
    labels = MetricLabels(run.name, given, sample, "", {q: sample.answers[q] for q in sample.drawn})
    assert annotator_variance(labels) == pytest.approx(0.4**2 / 2 / 2)
    run.folder.write_labels(run.name, labels.to_json())
    two = estimate(run)
    same = tuple(HumanLabel(one.question_id, labels.by_question[one.question_id], "ann") for one in given[::2])
    run.folder.write_labels(run.name, replace(labels, labels=same).to_json())
    one = estimate(run)
    assert two.method == f"{one.method}, 2 annotators"
    assert (two.low, two.high) == pytest.approx(
        [
            min(max(end, 0.0), 1.0)
            for end in stretch_for_annotators(one.point, one.low, one.high, annotator_variance(labels), 2, 0.95)
        ]
    )
    assert two.high - two.low > 1.5 * (one.high - one.low)


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


def test_after_one_answer_changes_only_that_label_goes(run: JudgedRun) -> None:
    """And its question leaves the mean, since it could not be drawn: an answer nobody labelled likewise."""
    sample = label(run, 20)
    labelled = sample.to_label[4]
    other = next(q for q in run.judged if q not in sample.drawn)
    for gone, question in enumerate((labelled, other), 1):
        run.folder.add_outcome(question, response(int(question[1:]), answer="another one"))
        found = estimate(run)
        assert (found.n, found.n_labelled) == (37 - gone, 19)
        assert found.warning == f"{gone} questions whose answers are newer than the sample are left out"
    rest = [q for q in run.judged if q not in (labelled, other)]
    y, f = zip(*((run.gold[q], run.judged[q]) for q in rest if q in sample.drawn), strict=True)
    by_hand = ppi_mean(y, f, [run.judged[q] for q in rest if q not in sample.drawn])
    assert (found.point, found.low, found.high) == (by_hand.point, by_hand.low, by_hand.high)


def test_where_all_answers_changed_no_label_is_used(run: JudgedRun) -> None:
    label(run, 20)
    for i in range(40):
        run.folder.add_outcome(f"q{i:03}", response(i, answer="another one"))
    found = estimate(run)
    assert found.warning == "labels not used: none is of this run's answers as they are now"
    assert (found.point, found.n_labelled, found.judge_only) == (pytest.approx(mean(run.judged)), 0, None)


def rejudge(run: JudgedRun, scores: dict[str, float]) -> None:
    data = run.folder.scores()
    unscored = {q: "not judged" for q in run.folder.questions() if q not in scores}
    data[run.name] = {**data[run.name], "questions": scores, "unscored": unscored}
    run.folder.write_scores(data)


def test_another_judge_keeps_the_labels(tmp_path: Path) -> None:
    """A new judge scores other questions: those that could not be drawn stay out."""
    run = JudgedRun(tmp_path / "lakes", 200, unscored=3)
    sample = label(run, 40)
    now = {q: 1.0 - 0.5 * score for i, (q, score) in enumerate(run.judged.items()) if i % 10}
    rejudge(run, {**now, "q000": 1.0})
    found = estimate(run)
    assert found.warning == "1 questions whose answers are newer than the sample are left out"
    assert (found.n, found.n_labelled) == (len(now), sum(q in now for q in sample.drawn))
    y, f = zip(*((run.gold[q], now[q]) for q in now if q in sample.drawn), strict=True)
    by_hand = ppi_mean(y, f, [now[q] for q in now if q not in sample.drawn])
    assert (found.point, found.low, found.high) == (by_hand.point, by_hand.low, by_hand.high)


def test_labels_that_no_longer_suffice_leave_the_judge_alone_with_a_warning(run: JudgedRun) -> None:
    sample = label(run, 10)
    rejudge(run, {q: score for q, score in run.judged.items() if q not in sample.drawn})
    found = estimate(run)
    assert found.warning == "labels not used: none is of this run's answers as they are now"
    assert (found.n, found.n_labelled) == (27, 0)


def test_nothing_scored_any_more(run: JudgedRun) -> None:
    label(run, 10)
    rejudge(run, {})
    assert labelled_estimate(run.folder, run.name, run.folder.scores()[run.name]) is None
