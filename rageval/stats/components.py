"""Where the variance of scores comes from: the questions, chance in the answers to them, chance in the judge.

Each of n questions is answered m times, and each answer may be judged r times. The variance of a score that one judge
sample gave to one answer is the sum of three parts (nested analysis of variance, Searle, Casella and McCulloch 1992):
between questions, between the answers to a question (generation), between the judgments of an answer (judge).

The shares of these parts have intervals from a Bayesian bootstrap over questions (Rubin 1981). Each bound counts half
an unseen question that speaks for it, as in `rageval.stats.dirichlet`: for the upper bound of a part's share, one that
varies in that part as much as scores in [0, 1] can; for the lower bound, one that varies elsewhere. Without it, twenty
questions whose answers never differ would prove that answers never do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rageval.stats.checks import check_level
from rageval.stats.intervals import Interval
from rageval.stats.quantiles import normal_quantile

DRAWS = 2000
MOST_ANSWERS = 20
UNSEEN = 0.5
_AT_ONCE = 4_000_000

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Components:
    """The variance of one judgment of one answer to one question, in parts, estimated from `n` questions.

    `judge` is None where each answer was judged once: chance in the judge is then part of `generation`. The shares are
    intervals of the parts divided by their sum; None where no two scores differ.
    """

    question: float
    generation: float
    judge: float | None
    question_share: Interval | None
    generation_share: Interval | None
    judge_share: Interval | None
    n: int

    @property
    def within(self) -> float:
        """The variance between answers to the same question, the judge's chance included."""
        return self.generation + (self.judge or 0.0)


@dataclass(frozen=True, slots=True)
class _Questions:
    """What the estimate needs of each question: the mean of its scores, the variance between its answers' means, that
    between the judgments of an answer (NaN where unknown); and what the noise of a mean is made of.

    `apart` is the share of pairs of answers that were judged apart. `answers` are the numbers of answers, `judgments`
    is the mean of 1/r over answers.
    """

    means: Floats
    between: Floats
    judged: Floats | None
    answers: Floats
    judgments: float
    apart: Floats


@dataclass(frozen=True, slots=True)
class _Unseen:
    """A question that was not seen: its mean, and its variances between answers and between judgments."""

    mean: float
    between: float = 0.0
    judged: float = 0.0


def variance_components(
    scores: Sequence[Sequence[float]] | Floats,
    *,
    apart: Sequence[float] | Floats | None = None,
    level: float = 0.95,
    rng: np.random.Generator | None = None,
) -> Components:
    """The parts of the variance of scores in [0, 1]: questions by answers, or questions by answers by judgments.

    NaN stands for what is missing. Questions with one score alone count for the variance between questions, and those
    without any not at all. `apart` is for each question the share (0 to 1) of pairs of its answers whose judgments are
    independent draws: less than 1 where a judge says the same of equal answers, since it is asked once. It matters only
    with several judgments. Negative estimates of a part become 0.

    Raises ValueError for another shape, fewer than 2 questions, none that has two answers, and values outside [0, 1].
    """
    check_level(level, "variance_components")
    found = _summarise(np.asarray(scores, dtype=np.float64), apart)
    n = found.means.size
    even = np.full((1, n), 1.0 / n)
    variances = _parts(found, even, np.zeros(1), _Unseen(0.5), n / (n - 1))
    question, generation, judge = (float(part[0]) for part in variances)
    total = question + generation + judge
    with_judge = found.judged is not None
    shares: list[Interval | None] = [None, None, None]
    if total > 1e-12:
        rng = rng or np.random.default_rng(0)
        bounds = _share_bounds(found, level, rng)
        shares = [
            Interval(part / total, min(low, part / total), max(high, part / total), level, "dirichlet", n)
            for part, (low, high) in zip((question, generation, judge), bounds, strict=True)
        ]
    return Components(
        question, generation, judge if with_judge else None, shares[0], shares[1], shares[2] if with_judge else None, n
    )


def expected_half_width(components: Components, questions: int, answers: int, level: float = 0.95) -> float:
    """Half the width of a mean's interval, about, with that many questions and answers to each (normal quantiles).

    Raises ValueError for fewer than one of either.
    """
    if questions < 1 or answers < 1:
        raise ValueError(f"expected_half_width: found {questions} questions, {answers} answers, expected at least 1")
    variance = components.question + components.within / answers
    return normal_quantile((1.0 + level) / 2.0) * math.sqrt(variance / questions)


def best_answers(components: Components, question_cost: float, most: int = MOST_ANSWERS) -> int:
    """How many answers to each question make the narrowest interval for the money, at least 1 and at most `most`.

    `question_cost` is what one more question costs (its label, its retrieval), in units of what one more answer costs.
    The best number minimises (question + within / m) * (question_cost + m): the whole number beside
    sqrt(question_cost * within / question), two-stage sampling as in Cochran 1977, 10.6. Where nothing varies it is 1.
    Raises ValueError for a negative cost.
    """
    if not (question_cost >= 0.0 and math.isfinite(question_cost)):
        raise ValueError(f"best_answers: found a cost of {question_cost:g}, expected at least 0")

    def spent(answers: int) -> float:
        return (components.question + components.within / answers) * (question_cost + answers)

    return min(range(1, most + 1), key=lambda answers: (round(spent(answers), 12), answers))


def _summarise(scores: Floats, apart: Sequence[float] | Floats | None) -> _Questions:
    if scores.ndim not in (2, 3):
        raise ValueError(f"variance_components: found {scores.ndim} dimensions, expected 2 or 3")
    if np.nanmin(scores, initial=0.0) < 0.0 or np.nanmax(scores, initial=1.0) > 1.0:
        raise ValueError("variance_components: found scores outside of [0, 1]")
    several = scores.ndim == 3 and scores.shape[2] > 1
    cube = scores if scores.ndim == 3 else scores[:, :, None]
    given = ~np.isnan(cube)
    seen = given.any(axis=(1, 2))
    cube, given = cube[seen], given[seen]
    of_pairs = np.ones(cube.shape[0]) if apart is None else np.asarray(apart, dtype=np.float64)[seen]
    judgments: Floats = given.sum(axis=2).astype(np.float64)
    answered = judgments > 0
    by_answer = np.where(answered, np.nansum(cube, axis=2) / np.maximum(judgments, 1), np.nan)
    answers: Floats = answered.sum(axis=1).astype(np.float64)
    if answers.size < 2 or answers.max() < 2:
        raise ValueError(
            f"variance_components: found {answers.size} scored questions with at most "
            f"{answers.max(initial=0):g} scored answers each, expected at least 2 of both"
        )
    means: Floats = np.nansum(by_answer, axis=1) / answers
    squares = np.nansum((by_answer - means[:, None]) ** 2, axis=1)
    between = np.where(answers > 1, squares / np.maximum(answers - 1, 1), np.nan)
    judged = None
    if several and judgments.max() > 1:
        own = np.nansum((cube - by_answer[:, :, None]) ** 2, axis=2) / np.maximum(judgments - 1, 1)
        twice = judgments > 1
        known = np.where(twice, own, 0.0).sum(axis=1) / np.maximum(twice.sum(axis=1), 1)
        judged = np.where(twice.any(axis=1), known, np.nan)
    of_mean = float(np.mean(1.0 / judgments[answered]))
    return _Questions(means, between, judged, answers, of_mean, of_pairs)


def _share_bounds(found: _Questions, level: float, rng: np.random.Generator) -> list[tuple[float, float]]:
    """The bounds of the three shares: question, generation, judge (0 where answers were judged once).

    A share's upper bound is by the draws with the unseen question that varies in that part, its lower bound the lowest
    by those with any other. The fourth unseen question, whose answers vary less than their judgments explain, speaks
    against generation alone.
    """
    n, centre = found.means.size, float(found.means.mean())
    most = _most_variance(int(found.answers.max()))
    unseen = [_Unseen(0.0 if centre > 0.5 else 1.0), _Unseen(centre, most)]
    if found.judged is not None:
        in_judge = _most_variance(max(2, round(1.0 / found.judgments)))
        unseen += [_Unseen(centre, in_judge * found.judgments, in_judge), _Unseen(centre, 0.0, in_judge)]
    draws: list[list[Floats]] = [[] for _ in unseen]
    for size in _blocks(n):
        weights = rng.standard_gamma(1.0, (size, n))
        extra = rng.standard_gamma(UNSEEN, size)
        whole = weights.sum(axis=1) + extra
        weights /= whole[:, None]
        for kind, one in enumerate(unseen):
            parts = np.array(_parts(found, weights, extra / whole, one, (n + 1) / (n - 1)))
            draws[kind].append(parts / np.maximum(parts.sum(axis=0), 1e-300))
    shares = [np.concatenate(of_kind, axis=1) for of_kind in draws]
    tail = (1.0 - level) / 2.0
    bounds: list[tuple[float, float]] = []
    for part in range(min(3, len(unseen))):
        others = [of_kind[part] for kind, of_kind in enumerate(shares) if kind != part and (kind < 3 or part == 1)]
        low = min(float(np.quantile(other, tail)) for other in others)
        bounds.append((low, float(np.quantile(shares[part][part], 1.0 - tail))))
    return [*bounds, *[(0.0, 0.0)] * (3 - len(bounds))]


def _parts(
    found: _Questions, weights: Floats, extra: Floats, unseen: _Unseen, correction: float
) -> tuple[Floats, Floats, Floats]:
    """Variance between questions, of generation and of the judge for each row of `weights` (rows sum to 1 with `extra`,
    the weight of the unseen question). `correction` makes the variance of the means unbiased.
    """
    means = weights @ found.means + extra * unseen.mean
    variance = (weights @ found.means**2 + extra * unseen.mean**2 - means**2) * correction
    between = _mean_of(found.between, weights, extra, unseen.between)
    apart = weights @ found.apart + extra
    each = weights @ (1.0 / found.answers) + extra / float(found.answers.max())
    judge = np.zeros_like(means)
    noise = between * each
    if found.judged is not None:
        judge = _mean_of(found.judged, weights, extra, unseen.judged)
        noise = np.maximum(between - apart * judge * found.judgments, 0.0) * each
        noise += judge * found.judgments * (1.0 - apart * (1.0 - each))
        between = np.maximum(between - apart * judge * found.judgments, 0.0)
    return np.maximum(variance - noise, 0.0), between, judge


def _mean_of(values: Floats, weights: Floats, extra: Floats, unseen: float) -> Floats:
    """The weighted mean of the values that are known."""
    known = ~np.isnan(values)
    whole = weights[:, known].sum(axis=1) + extra
    return (weights[:, known] @ values[known] + extra * unseen) / whole


def _most_variance(count: int) -> float:
    """The largest sample variance of so many values in [0, 1]: half of them 0, half 1."""
    ones = count // 2
    return ones * (count - ones) / (count * (count - 1))


def _blocks(n: int) -> list[int]:
    """Sizes of blocks of draws whose weights fit into memory."""
    size = max(1, min(DRAWS, _AT_ONCE // n))
    return [min(size, DRAWS - start) for start in range(0, DRAWS, size)]
