"""Draw the questions that people label: at random, by a rule that can be repeated and extended.

Each question gets a pseudo-random number from the seed, the metric and its own id (SHA-256). The questions with the
smallest numbers are drawn: permanent random numbers (Ohlsson 1995). So the same seed draws the same questions on every
machine and in every run, which makes labels of two runs labels of their difference, and a larger sample begins with the
smaller one.

Labels of an earlier run carry over where the answer, and what the generator read, is the same. What is drawn does not
depend on them, so the sample is as random as any other: people are asked about the drawn questions whose answers are
new.
"""

from __future__ import annotations

from collections.abc import Mapping

from rageval.errors import DeclarationError
from rageval.io.run_folder import RunFolder
from rageval.scores.human_labels import answer_digests, run_name
from rageval.scores.random_order import in_random_order
from rageval.scores.reading import read_run_scores
from rageval.scores.run_labels import RunLabels
from rageval.scores.run_scores import RunScores
from rageval.scores.samples import Carried, Sample, Stratum
from rageval.scores.scored_questions import read_scored_questions


def draw_sample(
    run: RunFolder, metric: str, n: int, *, seed: int | None = None, carry_from: str | None = None
) -> Sample:
    """Draw `n` of the questions that the judge scored on `metric`. Writes nothing.

    `carry_from` is an earlier run (a folder, a baseline, or its name) whose labels are kept for the answers that are
    the same now: those of drawn questions count among the `n`, and are in `known` of the sample. `seed` is by default
    that of the earlier run's sample, so that the same questions are drawn again, or 0.

    Raises DeclarationError for a run or metric that has nothing to label, if `n` is more than there are questions, and
    where the earlier run has no labels; NotComparableError where there is no such run.
    """
    scored = read_scored_questions(run, metric)
    if not scored.scores:
        raise DeclarationError(f"{run.path}: found no question that is scored on {metric}, expected some to draw from")
    if not 1 <= n <= len(scored.scores):
        raise DeclarationError(
            f"{run.path}: found a sample of {n}, expected 1 to {len(scored.scores)} "
            f"(that many questions are scored on {scored.metric})"
        )
    answers = answer_digests(run.outcomes())
    earlier = None if carry_from is None else read_run_scores(carry_from)
    labels = None if earlier is None else _labels_of(earlier, str(scored.metric))
    if seed is None:
        seed = 0 if labels is None else labels.seed
    drawn = tuple(in_random_order(seed, scored.metric.name, scored.scores)[:n])
    known: dict[str, float] = {}
    carried = None
    if earlier is not None and labels is not None:
        same = _same_answers(earlier, answers, run.digests())
        known = {q: labels.given[q] for q in drawn if q in same and q in labels.given and q not in scored.failed}
        carried = Carried(earlier.source, len(known), labels.annotators, labels.annotator_variance)
    known |= {q: scored.metric.worst for q in drawn if q in scored.failed}
    frame = {q: answers[q] for q in scored.scores}
    strata = (Stratum("", tuple(scored.scores), n),)
    return Sample(run_name(run), str(scored.metric), scored.judge, seed, frame, strata, drawn, known, carried)


def _labels_of(earlier: RunScores, metric: str) -> RunLabels:
    labels = earlier.labels.get(metric)
    if labels is None or not labels.given:
        raise DeclarationError(f"{earlier.source}: found no labels of {metric} to carry over, expected some")
    return labels


def _same_answers(earlier: RunScores, answers: Mapping[str, str], questions: Mapping[str, str]) -> set[str]:
    """The questions that are what they were, and so are their answers and what the generator read."""
    return {
        question
        for question, answer in answers.items()
        if earlier.answers.get(question) == answer and earlier.digests.get(question) == questions[question]
    }
