"""Draw the questions that people label where the judge is in doubt: for a run's mean, or for the difference of two.

Draws are independent, with replacement, and follow from seed, metric and scores (SHA-256), so a larger sample begins
with the smaller one. What people have labelled of the same answers already is known, and nobody is asked again.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping
from itertools import accumulate

from rageval.errors import DeclarationError
from rageval.io.run_folder import RunFolder
from rageval.scores.comparability import read_comparable
from rageval.scores.difference_doubts import difference_probabilities
from rageval.scores.human_labels import answer_digests, run_name
from rageval.scores.pairs import pair
from rageval.scores.random_order import random_numbers
from rageval.scores.run_labels import read_run_labels
from rageval.scores.samples import Design, Sample, Stratum
from rageval.scores.scored_questions import ScoredQuestions, read_scored_questions
from rageval.stats.active import doubts, draw_probabilities


def draw_active(run: RunFolder, metric: str, n: int, *, seed: int = 0) -> Sample:
    """Draw `n` times among the questions that the judge scored on `metric`. Writes nothing.

    Raises DeclarationError for a run or metric that has nothing to label, and for n below 1 or above the number of
    questions.
    """
    scored = read_scored_questions(run, metric)
    questions = sorted(scored.scores)
    _check(run, n, len(questions), f"scored on {scored.metric}")
    expected = doubts([scored.scores[question] for question in questions])
    expected[[question in scored.failed for question in questions]] = 0.0
    probabilities = dict(zip(questions, draw_probabilities(expected).tolist(), strict=True))
    return _sample(run, scored, Design(_draws(probabilities, n, scored.metric.name, seed), probabilities), seed)


def draw_against(run: RunFolder, baseline: RunFolder, metric: str, n: int, *, seed: int = 0) -> tuple[Sample, Sample]:
    """Draw `n` times for the difference between two runs: the samples of run and baseline, of the same questions.

    Only questions whose answers differ are drawn; the others differ by 0 for certain. Raises DeclarationError as
    `draw_active`, and NotComparableError for runs that cannot be compared.
    """
    both = [read_scored_questions(one, metric) for one in (run, baseline)]
    sides = read_comparable(baseline.path, run.path)
    probabilities = difference_probabilities(
        sides.baseline, sides.candidate, pair(sides.baseline, sides.candidate, str(both[0].metric), "none")
    )
    _check(run, n, len(probabilities), f"scored on {both[0].metric} in both runs and answered differently")
    draws = _draws(probabilities, n, both[0].metric.name, seed)
    of_run, of_baseline = (
        _sample(one, scored, Design(draws, probabilities, run_name(other)), seed)
        for one, other, scored in zip((run, baseline), (baseline, run), both, strict=True)
    )
    return of_run, of_baseline


def _check(run: RunFolder, n: int, questions: int, what: str) -> None:
    if not questions:
        raise DeclarationError(f"{run.path}: found no question that is {what}, expected some to draw from")
    if not 1 <= n <= questions:
        raise DeclarationError(
            f"{run.path}: found a sample of {n}, expected 1 to {questions} (that many questions are {what})"
        )


def _draws(probabilities: Mapping[str, float], n: int, metric: str, seed: int) -> tuple[str, ...]:
    questions = [*probabilities]
    ends = [*accumulate(probabilities.values())]
    numbers = (random_numbers(seed, metric, f"draw {draw}")[0] for draw in range(n))
    return tuple(questions[min(bisect(ends, number * ends[-1]), len(ends) - 1)] for number in numbers)


def _sample(run: RunFolder, scored: ScoredQuestions, design: Design, seed: int) -> Sample:
    answers = answer_digests(run.outcomes())
    drawn = tuple(dict.fromkeys(design.draws))
    earlier = read_run_labels(run, str(scored.metric), scored.scores)
    known = {} if earlier is None or earlier.warning else {q: earlier.given[q] for q in drawn if q in earlier.given}
    failed = {q: scored.metric.worst for q in drawn if q in scored.failed}
    frame = tuple(design.probabilities)
    return Sample(
        run_name(run),
        str(scored.metric),
        scored.judge,
        seed,
        {question: answers[question] for question in frame},
        (Stratum("", frame, len(drawn)),),
        drawn,
        {**known, **failed},
        design=design,
    )
