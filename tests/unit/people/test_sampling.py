"""Which questions are drawn: with the probabilities that are recorded, in an order that favours none."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from scipy.stats import binom

from rageval.errors import DeclarationError
from rageval.io.run_folder import RunFolder
from rageval.people.sampling import draw_sample
from rageval.scores.samples import Sample, Stratum, sample_from_json
from rageval.types import Json
from tests.flow.judged_run import FAITHFULNESS, JudgedRun, response

SEEDS = 1000


pytestmark = pytest.mark.xdist_group("sampling")  # its draws are made once


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> JudgedRun:
    """Sixty questions with nine different scores, three of them failed."""
    return JudgedRun(tmp_path_factory.mktemp("runs") / "graded", 60, metric=FAITHFULNESS, graded=True, failed=3)


@pytest.fixture(scope="module")
def draws(graded: JudgedRun) -> dict[bool, list[Sample]]:
    """Samples of 25 with every seed: simple, and stratified."""
    return {
        stratify: [
            draw_sample(graded.folder, "faithfulness", 25, stratify=stratify, seed=seed) for seed in range(SEEDS)
        ]
        for stratify in (False, True)
    }


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


def test_every_question_is_drawn_equally_often(draws: dict[bool, list[Sample]], graded: JudgedRun) -> None:
    assert within_chance(drawn_at(draws[False], slice(25)), dict.fromkeys(graded.judged, 25 / 60), SEEDS)


@pytest.mark.parametrize("positions", [slice(1), slice(9), slice(20, 25)])
def test_so_it_is_in_any_part_of_the_order(
    draws: dict[bool, list[Sample]], graded: JudgedRun, positions: slice
) -> None:
    length = len(range(25)[positions])
    assert within_chance(drawn_at(draws[False], positions), dict.fromkeys(graded.judged, length / 60), SEEDS)


def test_strata_are_drawn_at_the_recorded_rates(draws: dict[bool, list[Sample]]) -> None:
    data = draws[True][0].to_json()
    recorded = {
        question_id: stratum["drawn"] / stratum["population"]
        for stratum in data["strata"]  # pyright: ignore[reportGeneralTypeIssues, reportOptionalIterable]
        for question_id in stratum["questions"]
    }
    assert len(recorded) == 60
    assert len({round(p, 6) for p in recorded.values()}) > 1  # some strata are drawn at a higher rate than others
    assert within_chance(drawn_at(draws[True], slice(25)), recorded, SEEDS)
    assert all(
        entry["inclusion_probability"] == recorded[entry["question_id"]]
        for entry in data["drawn"]  # pyright: ignore[reportGeneralTypeIssues, reportOptionalIterable]
    )


def test_a_first_part_holds_every_stratum_in_its_share(draws: dict[bool, list[Sample]]) -> None:
    for sample in draws[True]:
        stratum_of = sample.stratum_of()
        for length in range(1, 26):
            seen = Counter(stratum_of[question_id] for question_id in sample.drawn[:length])
            for i, stratum in enumerate(sample.strata):
                assert abs(seen[i] - stratum.drawn * length / 25) <= len(sample.strata)


def test_within_a_stratum_every_question_is_as_often_early(draws: dict[bool, list[Sample]]) -> None:
    """So that a first part is a random sample of each stratum: of its first-drawn question all are equally likely."""
    firsts = Counter(next(q for q in s.drawn if q in s.strata[0].questions) for s in draws[True])
    stratum = draws[True][0].strata[0]
    assert within_chance(firsts, dict.fromkeys(stratum.questions, 1 / len(stratum.questions)), SEEDS)


def scored(path: Path, scores: Sequence[float]) -> RunFolder:
    run = JudgedRun(path, len(scores), metric=FAITHFULNESS)
    run.folder.write_scores(
        {"faithfulness": {"questions": {f"q{i:03}": s for i, s in enumerate(scores)}, "failed": [], "unscored": {}}}
    )
    return run.folder


@pytest.mark.parametrize(
    ("scores", "n", "strata"),
    [
        # one score, one stratum; then two and three scores, labels by share, at least 5
        ([1.0] * 20, 20, [("1", 20, 20)]),
        ([0.0] * 50 + [1.0] * 50, 20, [("0", 50, 10), ("1", 50, 10)]),
        ([0.0] * 10 + [0.5] * 30 + [1.0] * 160, 40, [("0", 10, 5), ("0.5", 30, 6), ("1", 160, 29)]),
        # a stratum smaller than 5 is taken whole
        ([0.0] * 3 + [1.0] * 97, 20, [("0", 3, 3), ("1", 97, 17)]),
        # more scores than strata: quantiles, equal scores together
        ([i / 100 for i in range(100)], 20, [
            ("0 to 0.24", 25, 5), ("0.25 to 0.49", 25, 5), ("0.5 to 0.74", 25, 5), ("0.75 to 0.99", 25, 5)]),
        ([0.1, 0.2, 0.3, 0.4] * 10 + [1.0] * 60, 20, [("0.1 to 0.2", 20, 5), ("0.3 to 0.4", 20, 5), ("1", 60, 10)]),
        # no more strata than there are labels for
        ([0.0] * 50 + [1.0] * 50, 9, [("0 to 1", 100, 9)]),
        ([0.0] * 50 + [0.5] * 40 + [1.0] * 10, 10, [("0", 50, 5), ("0.5 to 1", 50, 5)]),
    ],
)  # fmt: skip
def test_strata(scores: list[float], n: int, strata: list[tuple[str, int, int]], tmp_path: Path) -> None:
    sample = draw_sample(scored(tmp_path / "run", scores), "faithfulness", n, stratify=True)
    assert [(s.name, len(s.questions), s.drawn) for s in sample.strata] == strata
    drawn = Counter(sample.stratum_of()[question_id] for question_id in sample.drawn)
    assert [drawn[i] for i in range(len(strata))] == [drawn for *_, drawn in strata]


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
    assert everything.strata == (Stratum("0 to 1", tuple(sorted(run.judged, key=run.judged.__getitem__)), 37),)


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
    sample = draw_sample(run.folder, run.name, 20, stratify=True, seed=5)
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
