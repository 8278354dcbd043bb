"""Choosing the best of many cells on one part of the questions, and reporting it on the other.

The best of many cells looks better than it is on the questions that it was chosen by: its lucky questions helped to
choose it. On questions that took no part in the choice its estimate is that of any single system.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rageval.decide.halving import Halving, halve
from rageval.errors import DeclarationError
from rageval.experiment.plan import Experiment
from rageval.experiment.run import Executor, run_experiment
from rageval.experiment.workers import OnProgress
from rageval.metrics import parse
from rageval.scores.estimates import interval_to_json
from rageval.scores.reading import read_run_folder
from rageval.scores.run_scores import RunScores
from rageval.scores.sharing import Documents, find_sharing
from rageval.stats import Interval, PairedResult, mean_interval, paired_difference
from rageval.stats.clusters import Clusters
from rageval.stats.unpaired import UnpairedResult, unpaired_difference
from rageval.types import Json, Question, RelevanceLabel

SHARE = 0.5
FEWEST_QUESTIONS = 10
CHOOSING, HELD_OUT = "-choosing", "-held-out"


@dataclass(frozen=True, slots=True)
class Split:
    """Positions of the questions that choose, and of those held out; `groups` is how many groups there were of
    questions that share documents, which stay together.
    """

    choosing: tuple[int, ...]
    held_out: tuple[int, ...]
    groups: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the held-out questions say of the winner: its estimate there, and its gain over the first cell (candidate -
    baseline, None where it is the first cell itself).

    `chosen` is its estimate on the questions that chose it, and `optimism` how much more that says, better counted as
    more: an unpaired difference.
    """

    winner: int
    estimate: Interval
    gain: PairedResult | None
    chosen: Interval
    optimism: UnpairedResult


@dataclass(frozen=True, slots=True)
class Choice:
    """The outcome of choosing among `cells` by `metric` (lower is better where the metric says so)."""

    metric: str
    cells: int
    winner: str
    first: str
    verdict: Verdict
    split: Split
    runs: tuple[Path, ...]

    def to_json(self) -> dict[str, Json]:
        found = self.verdict
        gain = found.gain
        return {
            "metric": self.metric,
            "cells": self.cells,
            "winner": self.winner,
            "first": self.first,
            "questions": {"choosing": len(self.split.choosing), "held_out": len(self.split.held_out)},
            "groups": self.split.groups,
            "held_out": interval_to_json(found.estimate),
            "gain_over_first": None if gain is None else interval_to_json(gain.difference),
            "p_value": None if gain is None else gain.p_value,
            "choosing": interval_to_json(found.chosen),
            "optimism": interval_to_json(found.optimism.difference),
            "runs": [str(run) for run in self.runs],
        }


def choose(
    experiment: Experiment,
    out: Path,
    share: float = SHARE,
    top: int | None = None,
    on_progress: OnProgress | None = None,
    *,
    retry_failed: bool = False,
    executor: Executor | None = None,
) -> tuple[Experiment, list[Path], Halving | None, Choice]:
    """Choose the best cell by the first metric on that share of the questions; ask it and the first cell the others.

    Returns the experiment of the questions that choose with its runs, what halving did to find the `top` cells, if
    asked for, and the choice. Raises DeclarationError for one cell alone, and as `split_questions`.
    """
    if len(experiment.pipelines) < 2:
        raise DeclarationError("--choose: found 1 cell, expected two or more to choose from")
    split = split_questions(experiment.questions, documents_of(experiment.benchmark.labels), share, experiment.seed)
    part, halved = narrowed(experiment, split.choosing, CHOOSING), None
    if top is None:
        runs = run_experiment(part, out, on_progress=on_progress, retry_failed=retry_failed, executor=executor)
    else:
        part, halved = halve(part, out, top, on_progress, retry_failed=retry_failed, executor=executor)
        runs = [*halved.runs]
    read = [read_run_folder(run) for run in runs]
    metric = next(iter(read[0].metrics))
    best = part.pipelines[_best(_matrix(read, metric))]
    first = experiment.pipelines[0]
    kept = (first,) if best is first else (first, best)
    last = replace(narrowed(experiment, split.held_out, HELD_OUT), pipelines=kept)
    held = run_experiment(last, out, on_progress=on_progress, retry_failed=retry_failed, executor=executor)
    verdict = _weigh(read, [read_run_folder(run) for run in held], metric)
    cells = len(experiment.pipelines)
    return part, runs, halved, Choice(metric, cells, best.label, first.label, verdict, split, tuple(held))


def split_questions(questions: Sequence[Question], documents: Documents, share: float, seed: int) -> Split:
    """Split the questions into those that choose, about that share of them, and those held out.

    Questions that share a relevant document, directly or through others, stay on one side. Groups of them are drawn in
    random order, large ones first, each to the side on which the languages and tags come nearer to their shares
    (iterative stratification, Sechidis, Tsoumakas and Vlahavas 2011). Raises DeclarationError for a share outside (0,
    1), and where a side gets fewer than 10 questions.
    """
    if not 0.0 < share < 1.0:
        raise DeclarationError(f"--share: found {share:g}, expected more than 0 and less than 1")
    ids = [question.id for question in questions]
    strata = [frozenset({f"language {one.language}", *(f"tag {tag}" for tag in one.tags)}) for one in questions]
    groups = _groups(documents, ids)
    order: list[int] = np.random.default_rng(seed).permutation(len(groups)).tolist()
    order.sort(key=lambda number: -len(groups[number]))
    names = sorted({name for some in strata for name in some})
    counts = np.array([[float(name in some) for name in names] for some in strata])
    weight = 1.0 / counts.sum(axis=0)
    surplus = np.zeros(len(names))
    chosen: list[int] = []
    for number in order:
        gained = counts[groups[number]].sum(axis=0)
        inside, outside = surplus + (1.0 - share) * gained, surplus - share * gained
        takes = float(np.sum(weight * inside**2)) <= float(np.sum(weight * outside**2))
        surplus = inside if takes else outside
        chosen += groups[number] if takes else []
    held = sorted(set(range(len(questions))) - set(chosen))
    if min(len(chosen), len(held)) < FEWEST_QUESTIONS:
        raise DeclarationError(
            f"--choose: found {len(chosen)} questions to choose by and {len(held)} held out, in {len(groups)} groups "
            f"that share no document, expected at least {FEWEST_QUESTIONS} each: ask more questions, or choose without"
        )
    return Split(tuple(sorted(chosen)), tuple(held), len(groups))


def documents_of(labels: Sequence[RelevanceLabel]) -> Documents:
    """Numbers of each question's relevant documents, by question id."""
    numbers: dict[str, int] = {}
    found: dict[str, list[int]] = {}
    for label in labels:
        if label.grade > 0:
            found.setdefault(label.question_id, []).append(numbers.setdefault(label.doc_id, len(numbers)))
    return found


def narrowed(experiment: Experiment, positions: Sequence[int], suffix: str) -> Experiment:
    """The experiment with the questions at these positions alone; its runs are named with the suffix."""
    questions = tuple(experiment.questions[position] for position in positions)
    return replace(experiment, name=experiment.name + suffix, questions=questions)


def judge_choice(
    choosing: NDArray[np.float64],
    winner: NDArray[np.float64],
    first: NDArray[np.float64] | None,
    *,
    lower_is_better: bool = False,
    clusters: tuple[Clusters | None, Clusters | None] = (None, None),
) -> Verdict:
    """The verdict on the best of the rows of `choosing` (cells by questions), of which `winner` are the scores on
    questions held out; `first` are those of the first cell there, None where it is the winner. All in [0, 1].

    `clusters` are what the questions share that choose, and those held out.
    """
    better = 1.0 - choosing if lower_is_better else choosing
    best = _best(better)
    estimate = mean_interval(winner, clusters=clusters[1])
    chosen = mean_interval(choosing[best], clusters=clusters[0])
    sides = (chosen, estimate) if lower_is_better else (estimate, chosen)
    gain = None if first is None else paired_difference(first, winner, clusters=clusters[1])
    return Verdict(best, estimate, gain, chosen, unpaired_difference(*sides))


def _weigh(choosing: Sequence[RunScores], held: Sequence[RunScores], metric: str) -> Verdict:
    lower = parse(metric).lower_is_better
    sides = [_scores(choosing, metric), _scores(held, metric)]
    clusters = [
        find_sharing(read[0].documents, shared).clusters
        for read, (_, shared) in zip((choosing, held), sides, strict=True)
    ]
    (before, _), (after, _) = sides
    first = after[0] if len(after) > 1 else None
    return judge_choice(before, after[-1], first, lower_is_better=lower, clusters=(clusters[0], clusters[1]))


def _matrix(runs: Sequence[RunScores], metric: str) -> NDArray[np.float64]:
    """One row a run, one column a question scored in all, where more is better."""
    scores = _scores(runs, metric)[0]
    return 1.0 - scores if parse(metric).lower_is_better else scores


def _scores(runs: Sequence[RunScores], metric: str) -> tuple[NDArray[np.float64], list[str]]:
    """One row a run, one column a question scored in all, and these questions. Raises DeclarationError for fewer than
    two.
    """
    by_run = [run.metrics[metric].scores for run in runs]
    shared = sorted(set(by_run[0]).intersection(*by_run[1:]))
    if len(shared) < 2:
        raise DeclarationError(f"--choose: found {len(shared)} questions that all cells have {metric} of, expected two")
    return np.array([[scores[question] for question in shared] for scores in by_run]), shared


def _best(scores: NDArray[np.float64]) -> int:
    """The row with the highest mean; of equal ones the first."""
    return int(scores.mean(axis=1).argmax())


def _groups(documents: Documents, ids: Sequence[str]) -> list[list[int]]:
    """Positions of questions that share documents, directly or through others; each other question stands alone."""
    found: list[tuple[list[int], set[int]]] = []
    for position, one in enumerate(ids):
        positions, shared = [position], set(documents.get(one, ()))
        for group in [group for group in found if not shared.isdisjoint(group[1])]:
            found.remove(group)
            positions, shared = [*group[0], *positions], shared | group[1]
        found.append((positions, shared))
    return [positions for positions, _ in found]
