"""Draw the questions that people label: at random, by a rule that can be repeated and extended.

Each question gets a pseudo-random number from the seed, the metric and its own id (SHA-256). The questions with the
smallest numbers are drawn. So the same seed draws the same questions on every machine. Without strata, a larger sample
begins with the smaller one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from rageval.errors import DeclarationError
from rageval.io.run_folder import RunFolder
from rageval.scores.human_labels import answers_digest, run_name
from rageval.scores.random_order import random_numbers
from rageval.scores.samples import Sample, Stratum
from rageval.scores.scored_questions import ScoredQuestions, read_scored_questions

MOST_STRATA = 4
FEWEST_A_STRATUM = 5


def draw_sample(run: RunFolder, metric: str, n: int, *, stratify: bool = False, seed: int = 0) -> Sample:
    """Draw `n` of the questions that the judge scored on `metric`. Writes nothing.

    `stratify` draws within up to 4 strata by the judge's score. It takes at least 5 questions from each stratum (all of
    a smaller one) and the rest in proportion. If the judge has few different scores, each gets a stratum; otherwise the
    strata are quantiles. This makes sure that rare scores are drawn. The inclusion probabilities are recorded, and the
    estimate is weighted by them.

    Raises DeclarationError for a run or metric that has nothing to label, and if `n` is more than there are questions.
    """
    scored = read_scored_questions(run, metric)
    if not scored.scores:
        raise DeclarationError(f"{run.path}: found no question that is scored on {metric}, expected some to draw from")
    if not 1 <= n <= len(scored.scores):
        raise DeclarationError(
            f"{run.path}: found a sample of {n}, expected 1 to {len(scored.scores)} "
            f"(that many questions are scored on {scored.metric})"
        )
    wanted = max(1, min(MOST_STRATA, n // FEWEST_A_STRATUM)) if stratify else 1
    strata, order = _draw(scored, n, wanted, seed)
    return Sample(
        run_name(run),
        str(scored.metric),
        scored.judge,
        seed,
        answers_digest(run.outcomes()),
        strata,
        order,
        {question_id: scored.metric.worst for question_id in order if question_id in scored.failed},
    )


def _draw(scored: ScoredQuestions, n: int, wanted: int, seed: int) -> tuple[tuple[Stratum, ...], tuple[str, ...]]:
    """The strata, and the drawn questions in order: each stratum's spread evenly, so that a first part has its share.

    Within a stratum the order is that of the drawing, hence random.
    """
    strata: list[Stratum] = []
    place: dict[str, float] = {}
    parts = _by_score(scored.scores, wanted)
    for part, drawn in zip(parts, _allocate([len(part) for part in parts], n), strict=True):
        strata.append(Stratum(_name(part, scored.scores), tuple(part), drawn))
        numbers = {question_id: random_numbers(seed, scored.metric.name, question_id) for question_id in part}
        for rank, question_id in enumerate(sorted(part, key=lambda q: numbers[q][0])[:drawn]):
            place[question_id] = (rank + numbers[question_id][1]) / drawn
    return tuple(strata), tuple(sorted(place, key=lambda q: place[q]))


def _by_score(scores: Mapping[str, float], wanted: int) -> list[list[str]]:
    """Up to `wanted` groups of questions by score, of about equal size; equal scores stay together."""
    by_score = sorted(scores, key=lambda question_id: scores[question_id])
    levels = [list(level) for _, level in groupby(by_score, key=lambda question_id: scores[question_id])]
    if len(levels) <= wanted:
        return levels
    parts: dict[int, list[str]] = {}
    before = 0
    for level in levels:
        middle = (before + len(level) / 2) / len(scores)
        parts.setdefault(int(middle * wanted), []).extend(level)
        before += len(level)
    return [*parts.values()]


def _allocate(sizes: Sequence[int], n: int) -> list[int]:
    """`n` labels over strata: a few to each, then each to the one that is furthest below its share."""
    drawn = [min(FEWEST_A_STRATUM, size, n) for size in sizes]
    while sum(drawn) < n:
        open_strata = [i for i, size in enumerate(sizes) if drawn[i] < size]
        drawn[max(open_strata, key=lambda i: sizes[i] / (2 * drawn[i] + 1))] += 1
    return drawn


def _name(questions: Sequence[str], scores: Mapping[str, float]) -> str:
    low, high = min(scores[q] for q in questions), max(scores[q] for q in questions)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
