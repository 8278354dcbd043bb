"""Labels with a design: kept in samples and baselines, cut to some questions, joined for two runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rageval.decide.gate import gate
from rageval.people.active_sampling import draw_active
from rageval.scores.baselines import read_baseline, write_baseline
from rageval.scores.pair_labels import PairLabels
from rageval.scores.pairs import pair
from rageval.scores.random_order import random_numbers
from rageval.scores.run_labels import RunLabels, labels_from_json
from rageval.scores.run_scores import RunScores
from rageval.scores.samples import Design, sample_from_json
from rageval.stats.active import doubts, draw_probabilities
from tests.flow.judged_run import JudgedRun
from tests.unit.sides import ids, side

METRIC = "answer_relevance"
N = 60
DRAWS = tuple(f"q{place % 40:03}" for place in range(0, 200, 4))  # 50 draws of 10 questions


def run(source: str, shift: float, design: Design, draws: int = len(DRAWS), same: int = 0) -> RunScores:
    """Judged 0, 1, 0, …, and labelled alike but for `shift`; the first `same` answers are those of every run."""
    judged = [float(place % 2) for place in range(N)]
    given = {q: abs(float(int(q[1:]) % 2) - shift) for q in design.draws[:draws]}
    labels = RunLabels(given, dict.fromkeys(ids(N), ""), design=replace(design, draws=design.draws[:draws]))
    return side(
        {METRIC: judged},
        source,
        labels={METRIC: labels},
        answers={question: "same" if question in ids(same) else source for question in ids(N)},
    )


@pytest.fixture
def design() -> Design:
    return Design(DRAWS, dict.fromkeys(ids(N), 1.0 / N), "other")


def pair_labels(a: RunScores, b: RunScores) -> PairLabels:
    found = pair(a, b, METRIC, "none")
    assert found.labels is not None, found.labels_lacking
    return found.labels


def test_a_sample_is_read_as_it_was_written(tmp_path: Path) -> None:
    lakes = JudgedRun(tmp_path / "lakes", 60, graded=True, failed=3)
    sample = draw_active(lakes.folder, lakes.name, 30)
    assert sample.design is not None
    assert sample_from_json(sample.to_json()) == sample
    assert sample.drawn == tuple(dict.fromkeys(sample.design.draws))
    assert len(sample.design.draws) == 30
    assert sum(sample.design.probabilities.values()) == pytest.approx(1.0)
    assert {*sample.known} == {*lakes.failed} & {*sample.drawn}


def test_draws_follow_the_probabilities_by_the_numbers_of_the_order(tmp_path: Path) -> None:
    """Each draw is the question at which the running sum of the probabilities passes its number."""
    lakes = JudgedRun(tmp_path / "lakes", 60, graded=True)
    sample = draw_active(lakes.folder, lakes.name, 40, seed=5)
    assert sample.design is not None
    expected = draw_probabilities(doubts([lakes.judged[question] for question in ids(60)]))
    for draw, question in enumerate(sample.design.draws):
        number = random_numbers(5, METRIC, f"draw {draw}")[0]
        place = int(question[1:])
        assert expected[:place].sum() <= number + 1e-12
        assert number <= expected[: place + 1].sum() + 1e-12


def test_labels_and_baselines_keep_the_design(design: Design, tmp_path: Path) -> None:
    given = run("old", 0.0, design)
    assert labels_from_json(given.labels[METRIC].to_json()) == given.labels[METRIC]
    pinned = read_baseline(write_baseline(given, tmp_path, "old"))
    assert pinned.labels == given.labels


def test_of_some_questions_the_draws_of_these_are_left(design: Design) -> None:
    found = run("old", 0.0, design).only(ids(20)).labels[METRIC].design
    assert found is not None
    assert found.draws == tuple(question for question in DRAWS if question in ids(20))
    assert {*found.probabilities} == {*ids(20)}


def test_a_pair_has_the_draws_that_both_have_labels_of(design: Design) -> None:
    found = pair_labels(run("old", 0.0, design), run("new", 0.0, design, draws=30))
    assert found.design is not None
    assert found.design.draws == DRAWS[:30]
    assert found.n == len({*DRAWS[:30]})
    difference = found.difference()
    assert (difference.point, difference.n_labelled, difference.n) == (0.0, 30, N)


def test_answers_that_are_the_same_gain_nothing(design: Design) -> None:
    found = pair_labels(run("old", 0.0, design, same=20), run("new", 1.0, design, same=20))
    assert (found.same, len(found.judged)) == (20, 40)
    assert found.design is not None
    assert not {*found.design.draws} & {*ids(20)}


@pytest.mark.parametrize("change", ["probabilities", "draws", "none"])
def test_samples_that_were_not_drawn_together_are_not_joined(change: str, design: Design) -> None:
    other = {
        "probabilities": replace(design, probabilities={**design.probabilities, "q000": 0.5}),
        "draws": replace(design, draws=DRAWS[1:]),
        "none": design,
    }[change]
    new = run("new", 0.0, other)
    if change == "none":
        new = replace(new, labels={METRIC: replace(new.labels[METRIC], design=None)})
    assert "were not drawn together" in pair(run("old", 0.0, design), new, METRIC, "none").labels_lacking


def test_an_inconclusive_gate_says_what_to_label_and_a_decided_one_nothing(design: Design) -> None:
    old, new = run("old", 0.0, design), run("new", 0.0, design, draws=12)
    asked = gate(old, new, {METRIC: 0.15}, cluster_by="none").gates[METRIC]
    assert asked.verdict == "inconclusive"
    need = asked.label_need
    assert need is not None
    assert need.fewest is not None
    assert asked.more_labels == need.fewest.questions
    assert need.fewest.command in asked.sentence
    decided = gate(old, run("new", 0.0, design), {METRIC: 0.5}, cluster_by="none").gates[METRIC]
    assert (decided.verdict, decided.label_need, decided.more_labels) == ("pass", None, None)


def test_a_margin_too_small_for_these_questions_needs_more_than_there_are(design: Design) -> None:
    one = gate(run("old", 0.0, design), run("new", 0.0, design), {METRIC: 0.001}, cluster_by="none").gates[METRIC]
    assert "more labels than there are questions are needed" in one.sentence
    assert one.more_labels is None
