"""Draw the questions that people label: at random, by a rule that can be repeated and extended.

Each question gets a pseudo-random number from the seed, the metric and its own id (SHA-256). The questions with the
smallest numbers are drawn. So the same seed draws the same questions on every machine and in every run, which makes
labels of two runs labels of their difference, and a larger sample begins with the smaller one.

Labels of another run carry over where the answer, and what the generator read, is the same. Among the questions whose
answers have not changed, the labelled ones are as random as they were among all. They are strata of their own beside
the changed ones, from which new questions are drawn at the same rate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rageval.errors import DeclarationError
from rageval.io.run_folder import RunFolder
from rageval.scores.human_labels import answer_digests, run_name
from rageval.scores.random_order import in_random_order
from rageval.scores.reading import read_run_scores
from rageval.scores.samples import Sample, Stratum
from rageval.scores.scored_questions import ScoredQuestions, read_scored_questions

FEWEST_A_STRATUM = 5
CARRIED, NEW = "carried", "new"


def draw_sample(run: RunFolder, metric: str, n: int, *, seed: int = 0, carry_from: str | None = None) -> Sample:
    """Draw `n` of the questions that the judge scored on `metric`. Writes nothing.

    `carry_from` is an earlier run (a folder, a baseline, or its name) whose labels are kept for the answers that are
    the same now: they count among the `n`, and are in `known` of the sample. Every stratum gets five labels or all that
    it has.

    Raises DeclarationError for a run or metric that has nothing to label, if `n` is more than there are questions, and
    where the earlier run has no labels that may be used.
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
    parts = [_Part("", tuple(scored.scores), {})]
    if carry_from is not None:
        parts = _carried(scored, answers, carry_from, len(scored.scores), n)
        seed_of_new = f"{seed}:{carry_from}"
    else:
        seed_of_new = str(seed)
    strata: list[Stratum] = []
    place: dict[str, float] = {}
    labels: dict[str, float] = {}
    for part in parts:
        order = in_random_order(seed_of_new, scored.metric.name, part.questions)
        wanted = n if carry_from is None else _wanted(part, n, len(scored.scores))
        fresh = [q for q in order if q not in part.labels]
        drawn = [*part.labels, *fresh[: max(0, wanted - len(part.labels))]]
        strata.append(Stratum(part.name, part.questions, len(drawn)))
        place |= {q: -1.0 if q in part.labels else (rank + 0.5) / len(drawn) for rank, q in enumerate(drawn)}
        labels |= part.labels
    drawn_order = tuple(sorted(place, key=lambda q: place[q])) if len(parts) > 1 else tuple(place)
    failed = {q: scored.metric.worst for q in drawn_order if q in scored.failed}
    frame = {q: answers[q] for q in scored.scores}
    return Sample(
        run_name(run), str(scored.metric), scored.judge, seed, frame, tuple(strata), drawn_order, {**labels, **failed}
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """A stratum to draw from, and the labels that it has."""

    name: str
    questions: tuple[str, ...]
    labels: Mapping[str, float]


def _carried(
    scored: ScoredQuestions, answers: Mapping[str, str], carry_from: str, questions: int, n: int
) -> list[_Part]:
    """The strata of the earlier labels, as far as their answers are the same, and the questions with new answers."""
    earlier = read_run_scores(carry_from)
    labels = earlier.labels.get(str(scored.metric))
    if labels is None or not labels.given:
        raise DeclarationError(f"--carry-from {carry_from}: found no labels of {scored.metric}, expected some")
    if labels.warning or labels.missing:
        why = labels.warning or f"{len(labels.missing)} drawn questions without a label"
        raise DeclarationError(
            f"--carry-from {carry_from}: found labels that are no complete random sample ({why}), expected one"
        )
    same = {q for q in scored.scores if q in labels.strata and earlier.answers.get(q) == answers[q]}
    by_stratum: dict[str, list[str]] = {}
    for question in scored.scores:
        by_stratum.setdefault(labels.strata[question] if question in same else NEW, []).append(question)
    parts = [
        _Part(
            f"{CARRIED} {name}".strip() if name != NEW else NEW,
            tuple(members),
            {q: labels.given[q] for q in members if q in labels.given and q in same},
        )
        for name, members in by_stratum.items()
    ]
    return _merged(parts, n / questions)


def _merged(parts: Sequence[_Part], rate: float) -> list[_Part]:
    """Strata of earlier labels whose rate is the wanted one, but for rounding, are one: as if drawn together."""
    alike = [p for p in parts if p.name != NEW and abs(len(p.labels) - rate * len(p.questions)) <= 1.0]
    others = [part for part in parts if part not in alike]
    if len(alike) < 2:
        return list(parts)
    questions = tuple(question for part in alike for question in part.questions)
    labels = {question: label for part in alike for question, label in part.labels.items()}
    return [_Part(CARRIED, questions, labels), *others]


def _wanted(part: _Part, n: int, questions: int) -> int:
    """The labels of a stratum: its share of all, rounded up, but a few at least."""
    share = -(-n * len(part.questions) // questions)
    return min(len(part.questions), max(share, FEWEST_A_STRATUM))
