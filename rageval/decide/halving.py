"""Successive halving: all cells answer a few questions, those surely behind are dropped, the others get twice as many.

After Jamieson and Talwalkar 2016 (arXiv 1502.07943), who always drop half of the arms. Here a cell is dropped only if
paired tests show that at least `top` others are ahead of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rageval.decide.ranks import rank_ranges
from rageval.errors import DeclarationError
from rageval.experiment.plan import Experiment
from rageval.experiment.run import Executor, run_experiment
from rageval.experiment.workers import OnProgress
from rageval.metrics import parse
from rageval.scores.reading import read_run_folder
from rageval.scores.sharing import Documents
from rageval.types import Json

FEWEST_QUESTIONS = 10
MOST_KEPT = 3
"""How many cells are found where nobody says how many."""
_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Round:
    """One round: how many questions and cells it had, and the cells `dropped` because they were surely behind."""

    questions: int
    cells: int
    dropped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Halving:
    """The remaining cells with their runs over all questions, and the rounds that led there.

    `asked` counts the pairs of cell and question that were asked, `whole` those of a sweep without halving.
    """

    kept: tuple[str, ...]
    runs: tuple[Path, ...]
    rounds: tuple[Round, ...]
    asked: int
    whole: int

    def to_json(self) -> dict[str, Json]:
        return {
            "kept": [*self.kept],
            "rounds": [{"questions": r.questions, "cells": r.cells, "dropped": [*r.dropped]} for r in self.rounds],
            "asked": self.asked,
            "whole": self.whole,
        }


def halve(
    experiment: Experiment,
    out: Path,
    top: int,
    on_progress: OnProgress | None = None,
    *,
    retry_failed: bool = False,
    executor: Executor | None = None,
) -> tuple[Experiment, Halving]:
    """Find the best `top` cells by the first metric; returns the experiment with only the remaining pipelines.

    Questions are drawn in random order from the experiment's seed, and each round includes all questions of the round
    before. The chance that a cell among the best `top` is dropped is at most 5% over all rounds. Each round tests at
    its share of the 5%, adjusted for all pairs of cells. A round is a separate run, named after the experiment and the
    round; it takes the answers of the round before from the cache. The models stay open between rounds and afterwards,
    and one budget covers all rounds. `retry_failed` is as in `run_experiment`. Raises DeclarationError if there are no
    more cells than `top`.
    """
    cells, total = len(experiment.pipelines), len(experiment.questions)
    if not 1 <= top < cells:
        raise DeclarationError(f"--top: found {top}, expected at least 1 and fewer than the {cells} cells of the sweep")
    order = np.random.default_rng(experiment.seed).permutation(total).tolist()
    sizes = round_sizes(total, cells, top)
    kept = tuple(pipeline.label for pipeline in experiment.pipelines)
    rounds: list[Round] = []
    for number, size in enumerate(sizes[:-1], 1):
        part = _narrowed(experiment, kept, order[:size], f"-round{number}")
        runs = run_experiment(part, out, on_progress=on_progress, retry_failed=retry_failed, executor=executor)
        dropped = _surely_behind(kept, runs, top, len(sizes) - 1)
        rounds.append(Round(size, len(kept), dropped))
        kept = tuple(label for label in kept if label not in dropped)
        if len(kept) == top:
            break
    last = _narrowed(experiment, kept, order, "")
    runs = run_experiment(last, out, on_progress=on_progress, retry_failed=retry_failed, executor=executor)
    rounds.append(Round(total, len(kept), ()))
    return last, Halving(kept, tuple(runs), tuple(rounds), _asked(rounds), cells * total)


def round_sizes(questions: int, cells: int, top: int) -> list[int]:
    """The number of questions in each round: all in the last round, and half as many in each earlier one. There are as
    many rounds as it takes to halve the cells down to `top`, and no round has fewer than ten questions.
    """
    halvings = math.ceil(math.log2(cells / top))
    sizes = {math.ceil(questions / 2**n) for n in range(halvings + 1)}
    return [size for size in sorted(sizes) if size >= FEWEST_QUESTIONS or size == questions]


def surely_behind(
    scores: Sequence[Mapping[str, float]],
    top: int,
    level: float,
    *,
    lower_is_better: bool,
    documents: Documents | None = None,
) -> list[int]:
    """The positions of the cells that at least `top` others are surely ahead of (`rank_ranges`)."""
    places = rank_ranges(scores, level, lower_is_better=lower_is_better, documents=documents)
    return [position for position, place in enumerate(places) if place is not None and place[0] > top]


def _surely_behind(labels: Sequence[str], runs: Sequence[Path], top: int, tests: int) -> tuple[str, ...]:
    read = [read_run_folder(run) for run in runs]
    metric = next(iter(read[0].metrics))
    behind = surely_behind(
        [run.metrics[metric].scores for run in read],
        top,
        1.0 - (1.0 - _LEVEL) / tests,
        lower_is_better=parse(metric).lower_is_better,
        documents=read[0].documents,
    )
    return tuple(labels[position] for position in behind)


def _narrowed(experiment: Experiment, labels: Sequence[str], positions: Sequence[int], suffix: str) -> Experiment:
    """The experiment with only these pipelines and the questions at these positions, in the experiment's order."""
    return replace(
        experiment,
        name=experiment.name + suffix,
        pipelines=tuple(pipeline for pipeline in experiment.pipelines if pipeline.label in labels),
        questions=tuple(experiment.questions[position] for position in sorted(positions)),
    )


def _asked(rounds: Sequence[Round]) -> int:
    before = [0, *(one.questions for one in rounds)]
    return sum(one.cells * (one.questions - earlier) for one, earlier in zip(rounds, before, strict=False))
