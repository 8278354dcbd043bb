"""The results of a sweep over settings: which cell is best, what each setting does, and what is worth its cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from rageval.decide.comparison import BY_LABELS
from rageval.decide.costs import RunCosts
from rageval.decide.leaderboard import Leaderboard, read_leaderboard
from rageval.decide.ranks import LabelledTests, labelled_tests
from rageval.decide.sweep_effects import (
    LEVEL,
    Effect,
    Factors,
    FactorShare,
    Interaction,
    factor_shares,
    interactions,
    main_effects,
)
from rageval.experiment.grid import PIPELINE
from rageval.io.records import usage_from_json
from rageval.io.run_folder import RunFolder
from rageval.metrics import parse
from rageval.pipeline import Pipeline
from rageval.scores.comparability import common_questions
from rageval.scores.estimates import interval_to_json
from rageval.scores.pairs import UNCORRECTED
from rageval.scores.reading import read_run_folder
from rageval.scores.run_scores import RunScores
from rageval.scores.sharing import find_sharing
from rageval.scores.totals import ANSWERING
from rageval.stats import Interval, paired_difference
from rageval.stats.clusters import Clusters
from rageval.stats.many import mean_tests
from rageval.types import Json, Usage


@dataclass(frozen=True, slots=True)
class Cell:
    """One run of the sweep. `factors` are its pipeline and the settings given for it.

    `calls` and `tokens` are the average cost of answering a question if this cell ran on its own: calls that an earlier
    cell already made count here too. `paid_calls` and `paid_tokens` are what this cell paid. `latency_s` is None if any
    reply came from the cache, because the latency then means nothing. `cost` is the mean cost alone
    of a question; None where it is not known.
    """

    label: str
    path: Path
    factors: Factors
    calls: float
    tokens: float
    paid_calls: float
    paid_tokens: float
    latency_s: float | None
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """The gap between a cell and the best one by the first metric: best - this one, more than 0 if this one is behind.

    The interval is for this pair alone. `p_adjusted` is for all pairs of cells together (`mean_tests`), so it stays
    valid even though the best cell was chosen from the same data.

    Where people's labels decide the leaderboard's ranks, they decide here too (`labelled_tests`): p is adjusted by
    Holm, and 1 for a cell whose labels cannot be joined with those of the best one; the interval is then the judge's,
    which its `method` says.
    """

    label: str
    difference: Interval
    p_adjusted: float


@dataclass(frozen=True, slots=True)
class Saved:
    """Savings from work that cells share. Indexes wanted and built, calls that the cells would make on their own and
    calls that were made, and the tokens saved by that.
    """

    indexes_wanted: int
    indexes_built: int
    calls_wanted: int
    calls_made: int
    tokens_saved: int

    def to_json(self) -> dict[str, Json]:
        return {
            "indexes": [self.indexes_built, self.indexes_wanted],
            "calls": [self.calls_made, self.calls_wanted],
            "tokens_saved": self.tokens_saved,
        }


@dataclass(frozen=True, slots=True)
class SweepResult:
    """`questions` is, by metric, the number of questions scored in every cell. `front` holds the labels of the cells
    that no other cell beats in quality (the first metric), latency, and cost (where it is not known: tokens and
    calls) together. `saved` is None where the pipelines, which say what they would build, are not at hand.
    """

    leaderboard: Leaderboard
    cells: tuple[Cell, ...]
    gaps: tuple[Gap, ...]
    effects: tuple[Effect, ...]
    front: tuple[str, ...]
    questions: Mapping[str, int]
    saved: Saved | None
    shares: tuple[FactorShare, ...] = ()
    interactions: tuple[Interaction, ...] = ()

    def to_json(self) -> dict[str, Json]:
        return {
            **self.leaderboard.to_json(),
            "questions_shared": {**self.questions},
            "cells": [
                {
                    "label": cell.label,
                    "path": str(cell.path),
                    "factors": {**cell.factors},
                    "calls": cell.calls,
                    "tokens": cell.tokens,
                    "paid_calls": cell.paid_calls,
                    "paid_tokens": cell.paid_tokens,
                    "latency_s": cell.latency_s,
                    "cost": cell.cost,
                }
                for cell in self.cells
            ],
            "behind_the_best": [
                {"label": gap.label, "difference": interval_to_json(gap.difference), "p_adjusted": gap.p_adjusted}
                for gap in self.gaps
            ],
            "effects": [
                {
                    "metric": effect.metric,
                    "factor": effect.factor,
                    "from": effect.before,
                    "to": effect.after,
                    "contexts": effect.contexts,
                    "difference": interval_to_json(effect.difference),
                    "p_value": effect.p_value,
                    "p_adjusted": effect.p_adjusted,
                }
                for effect in self.effects
            ],
            "shares": [share.to_json() for share in self.shares],
            "interactions": [one.to_json() for one in self.interactions],
            "front": [*self.front],
            "saved": None if self.saved is None else self.saved.to_json(),
        }


def read_sweep(runs: Sequence[Path], pipelines: Sequence[Pipeline] = ()) -> SweepResult:
    """What finished runs show. `pipelines` are theirs, in the same order; without them `saved` is None. Raises what
    `read_leaderboard` raises.
    """
    return sweep_of(read_leaderboard(runs), runs, [read_run_folder(run) for run in runs], pipelines)


def sweep_of(
    board: Leaderboard, runs: Sequence[Path], read: Sequence[RunScores], pipelines: Sequence[Pipeline] = ()
) -> SweepResult:
    """The same of runs that are read already; `board` is their leaderboard."""
    manifests = [RunFolder(run).manifest() for run in runs]
    spent = {row.path: row.costs for row in board.rows}
    costs = [spent[RunFolder(run).path] for run in runs]
    cells = tuple(map(_cell, runs, manifests, costs))
    common, _ = common_questions(read)
    scores_of = [run.only(common) for run in read]
    scores = {metric: _matrix(scores_of, metric) for metric in board.metrics}
    documents = scores_of[0].documents
    clusters = {metric: find_sharing(documents, shared).clusters for metric, (_, shared) in scores.items()}
    quality, shared = scores[board.metrics[0]]
    clusters_of_first = clusters[board.metrics[0]]
    means = _means(cells, quality, board) if shared else np.empty(0)
    by_labels = labelled_tests(scores_of, board.metrics[0]) if board.by_labels else None
    effects: list[Effect] = []
    shares: list[FactorShare] = []
    together: list[Interaction] = []
    factors = [cell.factors for cell in cells]
    for metric, (matrix, questions) in scores.items():
        if questions:
            effects += main_effects(metric, factors, matrix, clusters[metric])
            shares += factor_shares(metric, factors, matrix, clusters[metric])
            together += interactions(metric, factors, matrix, clusters[metric])
    return SweepResult(
        board,
        cells,
        _gaps(cells, quality, clusters_of_first, means, by_labels) if len(shared) > 1 and len(cells) > 1 else (),
        tuple(effects),
        _front(cells, means, [m["failed"] < len(m["questions"]) for m in manifests]) if shared else (),
        {metric: len(questions) for metric, (_, questions) in scores.items()},
        _saved(pipelines, manifests) if pipelines else None,
        tuple(shares),
        tuple(together),
    )


def pareto_front(points: np.ndarray) -> list[int]:
    """The rows that no other row beats: none is at least as small in every column and smaller in one. Equal rows are
    both kept.
    """
    return [
        i
        for i, point in enumerate(points)
        if not any(bool((other <= point).all() and (other < point).any()) for other in points)
    ]


def _cell(run: Path, manifest: Mapping[str, Any], costs: RunCosts | None) -> Cell:
    answering = usage_from_json(manifest["usage"][ANSWERING])
    questions = len(cast("list[str]", manifest["questions"]))
    return Cell(
        manifest["label"],
        run,
        {PIPELINE: manifest.get("recipe", manifest["label"]), **manifest.get("params", {})},
        answering.calls / questions,
        (answering.prompt_tokens + answering.completion_tokens) / questions,
        answering.paid_calls / questions,
        (answering.paid_prompt_tokens + answering.paid_completion_tokens) / questions,
        None if answering.cached_calls else manifest["mean_latency_s"],
        None if costs is None or costs.mean is None else costs.mean.point,
    )


def _matrix(runs: Sequence[RunScores], metric: str) -> tuple[np.ndarray, list[str]]:
    """One row per cell, one column per question scored in all of them, flipped if lower is better; the questions."""
    nothing: Mapping[str, float] = {}
    by_cell = [run.metrics[metric].scores if metric in run.metrics else nothing for run in runs]
    shared = sorted(set(by_cell[0]).intersection(*by_cell[1:]))
    matrix = np.array([[scores[question] for question in shared] for scores in by_cell])
    return (1.0 - matrix if parse(metric).lower_is_better else matrix), shared


def _means(cells: Sequence[Cell], scores: np.ndarray, board: Leaderboard) -> np.ndarray:
    """The cells' means on the first metric, more is better: by people's labels where these decide ranks."""
    if not board.by_labels:
        return scores.mean(axis=1)
    estimates = {row.path: row.estimates[board.metrics[0]] for row in board.rows}
    found = [estimates[RunFolder(cell.path).path] for cell in cells]
    points = np.array([math.nan if mean is None else mean.point for mean in found])
    return 1.0 - points if parse(board.metrics[0]).lower_is_better else points


def _gaps(
    cells: Sequence[Cell],
    scores: np.ndarray,
    clusters: Clusters | None,
    means: np.ndarray,
    by_labels: LabelledTests | None,
) -> tuple[Gap, ...]:
    best = int(means.argmax())
    if by_labels is None:
        p_adjusted = mean_tests(scores, clusters=clusters, rng=np.random.default_rng(0)).p_adjusted
    else:
        p_adjusted = by_labels.p_adjusted
    gaps: list[Gap] = []
    for i, cell in enumerate(cells):
        if i == best:
            continue
        behind = paired_difference(scores[i], scores[best], clusters=clusters).difference
        if by_labels is not None:
            behind = _by_labels(by_labels, i, best) or replace(behind, method=f"{behind.method}, {UNCORRECTED}")
        gaps.append(Gap(cell.label, behind, float(p_adjusted[best, i])))
    return tuple(sorted(gaps, key=lambda gap: gap.difference.point))


def _by_labels(tests: LabelledTests, i: int, best: int) -> Interval | None:
    """The gain of the best cell over cell i; None without labels of both."""
    found = tests.gains.get((min(i, best), max(i, best)))
    if found is None:
        return None
    point, (low, high) = found.point, found.interval(LEVEL)
    if best < i:
        point, low, high = -point, -high, -low
    return Interval(point, low, high, LEVEL, BY_LABELS, found.n)


def _front(cells: Sequence[Cell], means: np.ndarray, answered: Sequence[bool]) -> tuple[str, ...]:
    """The labels of the cells that no other one beats, among those that `answered` a question: in money where all
    costs are known, else in tokens and calls.
    """
    cells, means = [cell for cell, any_answer in zip(cells, answered, strict=True) if any_answer], means[[*answered]]
    costs = [cell.cost for cell in cells]
    columns = [-means, [cell.tokens for cell in cells], [cell.calls for cell in cells]]
    if None not in costs:
        columns = [-means, cast("list[float]", costs)]
    latencies = [cell.latency_s for cell in cells]
    if None not in latencies:
        columns.append(cast("list[float]", latencies))
    return tuple(cells[i].label for i in pareto_front(np.column_stack(columns)))


def _saved(pipelines: Sequence[Pipeline], manifests: Sequence[Mapping[str, Any]]) -> Saved:
    wanted = [index for pipeline in pipelines for index in pipeline.stage.indexes()]
    used = (usage_from_json(part) for manifest in manifests for part in manifest["usage"].values())
    usage = sum(used, Usage())
    tokens = usage.free_prompt_tokens + usage.free_completion_tokens
    return Saved(len(wanted), len(set(wanted)), usage.calls, usage.paid_calls, tokens)
