"""What an HTML report starts with: leaderboard, scores by question, comparisons, diagnoses, judges and sweep as JSON.

Texts of questions' answers and passages are not in it (`rageval.report.html.texts`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from rageval.decide.comparison import CompareResult, compare
from rageval.decide.diagnose import DiagnoseResult, diagnose_read
from rageval.decide.diagnosis import CAUSES, RunDiagnosis
from rageval.decide.leaderboard import Leaderboard, Row, read_leaderboard
from rageval.decide.sweep import sweep_of
from rageval.errors import NotComparableError
from rageval.io.records import Outcome
from rageval.io.run_folder import RunFolder
from rageval.metrics import parse
from rageval.metrics.verdicts import ABSTENTION, settled
from rageval.report.compare import legend as comparison_legend
from rageval.report.failures import failure_notes
from rageval.report.html.judges import judges_json
from rageval.report.judge_notes import judge_notes
from rageval.report.leaderboard import (
    difference_cells,
    label_notes,
    label_warnings,
    legend,
    metric_title,
    number_cell,
    rank_cell,
)
from rageval.report.money import (
    COST_HEADER,
    comparison_lines,
    cost_about,
    cost_rows,
    cost_unknowns,
    diagnosis_lines,
    shown_costs,
)
from rageval.report.passage_note import passage_notes
from rageval.report.tables.shared_settings import shorten_labels
from rageval.scores.estimates import estimate_to_json
from rageval.scores.reading import read_run_folder
from rageval.scores.run_scores import RunScores
from rageval.scores.sharing import ClusterBy
from rageval.types import Failure, Json

MOST_PAIRS = 10
"""More pairs of runs than this are not all compared: then each run is compared with the first one alone."""


@dataclass(frozen=True, slots=True)
class ReadRuns:
    """The runs of a report with what was read of each; all in the order in which they were given.

    `questions` are those of any run, in the order of the first run that has them. `scores` is empty for a single run.
    """

    paths: tuple[Path, ...]
    diagnosed: tuple[RunDiagnosis, ...]
    diagnoses: tuple[DiagnoseResult, ...]
    board: Leaderboard
    questions: tuple[str, ...] = field(repr=False)
    scores: tuple[RunScores, ...] = field(repr=False)

    @property
    def metrics(self) -> tuple[str, ...]:
        return self.board.metrics


def read_runs(
    paths: Sequence[Path],
    *,
    cluster_by: ClusterBy | None = None,
    by: Sequence[str] = (),
    other_corpus: bool = False,
) -> ReadRuns:
    """Read finished runs. Arguments and errors are those of `read_leaderboard`."""
    board = read_leaderboard(paths, cluster_by=cluster_by, by=by, other_corpus=other_corpus)
    diagnosed: list[RunDiagnosis] = []
    for path in paths:
        known = next((one.benchmark for one in diagnosed if one.benchmark is not None), None)
        same = known is not None and RunFolder(path).manifest()["benchmark"]["content_hash"] == known.content_hash
        diagnosed.append(RunDiagnosis(path, benchmark=known if same else None))
    questions = dict.fromkeys(question for run in diagnosed for question in run.questions)
    diagnoses = tuple(diagnose_read(one) for one in diagnosed)
    scores = tuple(map(read_run_folder, paths)) if len(paths) > 1 else ()
    return ReadRuns(tuple(paths), tuple(diagnosed), diagnoses, board, tuple(questions), scores)


def summary(read: ReadRuns, *, cluster_by: ClusterBy | None = None, other_corpus: bool = False) -> dict[str, Json]:
    """The JSON that the page's script starts with. `MOST_PAIRS` says which runs are compared."""
    names, shared = shorten_labels(run.manifest["label"] for run in read.diagnosed)
    return {
        "benchmark": read.board.benchmark,
        "shared_settings": shared,
        "runs": [
            {
                "label": run.manifest["label"],
                "short": names.get(run.manifest["label"], run.manifest["label"]),
                "name": run.folder.path.resolve().name,
                "made": run.manifest.get("created", ""),
            }
            for run in read.diagnosed
        ],
        "metrics": [_metric(name) for name in read.metrics],
        "board": _board(read.board, read.paths),
        "money": _money(read.board, read.paths),
        "questions": _questions(read),
        "results": [_results(run, told, read) for run, told in zip(read.diagnosed, read.diagnoses, strict=True)],
        "causes": [*CAUSES],
        "comparisons": _comparisons(read, cluster_by, other_corpus=other_corpus),
        "diagnoses": [_diagnosis(one) for one in read.diagnoses],
        "judges": judges_json(read.diagnosed),
        "sweep": _sweep(read),
    }


def _metric(name: str) -> dict[str, Json]:
    metric = parse(name)
    return {"name": name, "title": metric_title(name), "lower": metric.lower_is_better, "kind": metric.kind}


def _board(board: Leaderboard, paths: Sequence[Path]) -> dict[str, Json]:
    places = {RunFolder(path).path: place for place, path in enumerate(paths)}
    return {
        "rows": [_row(row, places[row.path]) for row in board.rows],
        "questions": board.questions,
        "ranked": not board.unranked,
        "unranked": board.unranked,
        "legend": legend(board),
        "left_out": [*board.left_out.of_many],
        "notes": [*label_notes(board), *judge_notes(board), *passage_notes(board)],
        "warnings": [*failure_notes(board), *label_warnings(board)],
        "models": [[role, identity] for role, identity in board.models.items()],
        "machine": board.machine,
        "differs": [[*cells] for cells in difference_cells(board)],
        "slices": [
            {
                "by": one.by,
                "slice": one.name,
                "metric": one.metric,
                "label": one.label,
                "questions": one.questions,
                "few": one.few,
                "cell": number_cell(one.estimate),
                "interval": None if one.estimate is None else _interval(one.estimate),
            }
            for one in board.slices
        ],
    }


def _money(board: Leaderboard, paths: Sequence[Path]) -> Json:
    """The table of costs and latencies, a row for each run in the order of the paths; null where nothing is known."""
    rows = cost_rows(board)
    if not rows:
        return None
    of_run = dict(zip((row.path for row in board.rows if row.costs is not None), rows, strict=True))
    places = [RunFolder(path).path for path in paths]
    shown = [i for i in shown_costs(board) if i]
    return {
        "columns": [COST_HEADER[i] for i in shown],
        "rows": [[of_run[place][i] for i in shown] if place in of_run else None for place in places],
        "notes": [*cost_about(board), *cost_unknowns(board)],
    }


def _row(row: Row, run: int) -> dict[str, Json]:
    return {
        "run": run,
        "rank": rank_cell(row),
        "label": row.label,
        "cells": {
            name: {"text": number_cell(mean, judged=parse(name).kind == "judged")}
            if mean is None
            else {
                "text": number_cell(mean, judged=parse(name).kind == "judged"),
                "interval": _interval(mean),
                "about": estimate_to_json(mean),
            }
            for name, mean in row.estimates.items()
        },
        "failed": row.failed,
        "abstained": row.abstained,
        "calls": row.calls,
        "tokens": row.tokens,
        "paid_calls": row.paid_calls,
        "paid_tokens": row.paid_tokens,
        "latency": row.mean_latency_s,
        "usage": [
            [name, usage.calls, usage.prompt_tokens, usage.completion_tokens, usage.paid_calls]
            for name, usage in row.usage.items()
        ],
    }


def _interval(found: Any) -> list[Json]:
    return [found.point, found.low, found.high]


def _questions(read: ReadRuns) -> dict[str, Json]:
    """By column, in the order of `ReadRuns.questions`. `changed` are those that not all runs have in the same words."""
    asked = {name: run.question(name) for run in reversed(read.diagnosed) for name in run.questions}
    digests = [run.folder.digests() for run in read.diagnosed]
    changed: list[Json] = [
        place
        for place, name in enumerate(read.questions)
        if len({digest[name] for digest in digests if name in digest}) > 1
    ]
    return {
        "ids": [*read.questions],
        "texts": [asked[name].text for name in read.questions],
        "languages": [asked[name].language for name in read.questions],
        "tags": [[*asked[name].tags] for name in read.questions],
        "changed": changed,
    }


def _results(run: RunDiagnosis, told: DiagnoseResult, read: ReadRuns) -> dict[str, Json]:
    """One run's results by column, null where the run has not asked the question or the metric has no score."""
    asked = {*run.questions}
    causes = [*CAUSES]
    outcomes, said = run.folder.outcomes(hits=False), run.judgments.get(ABSTENTION, {})
    return {
        "scores": {
            name: [run.scores.get(name, _NOTHING)["questions"].get(question) for question in read.questions]
            for name in read.metrics
        },
        "outcomes": [
            _outcome(settled(outcomes[question], said.get(question))) if question in asked else None
            for question in read.questions
        ],
        "causes": [
            causes.index(told.questions[question].cause) if question in asked else None for question in read.questions
        ],
    }


_NOTHING: Mapping[str, Mapping[str, float]] = {"questions": {}}


def _outcome(outcome: Outcome) -> str:
    if isinstance(outcome, Failure):
        return "failed"
    if outcome.answer is None:
        return "no answer"
    return "abstained" if outcome.abstained else "answered"


def _comparisons(read: ReadRuns, cluster_by: ClusterBy | None, *, other_corpus: bool) -> dict[str, Json]:
    """Paired results by `baseline:candidate`, of all pairs of runs or of each run with the first."""
    pairs = [*combinations(range(len(read.paths)), 2)]
    if len(pairs) > MOST_PAIRS:
        pairs = [(0, place) for place in range(1, len(read.paths))]
    return {f"{a}:{b}": _compared(read.scores[a], read.scores[b], cluster_by, other_corpus) for a, b in pairs}


def _compared(
    baseline: RunScores, candidate: RunScores, cluster_by: ClusterBy | None, other_corpus: bool
) -> dict[str, Json]:
    try:
        found = compare(baseline, candidate, cluster_by=cluster_by, other_corpus=other_corpus)
    except NotComparableError as error:
        return {"refused": str(error)}
    return comparison_json(found)


def comparison_json(found: CompareResult) -> dict[str, Json]:
    """A comparison as the page shows it."""
    return {
        "metrics": [
            {
                "name": name,
                "title": metric_title(name),
                "verdict": one.verdict,
                "sentence": _without_paths(one.sentence, found),
                "baseline": one.pairs.baseline_mean,
                "candidate": one.pairs.candidate_mean,
                "difference": _interval(one.difference),
                "p": one.p_adjusted,
                "wins": one.wins,
                "ties": one.ties,
                "losses": one.losses,
                "n": one.pairs.n,
            }
            for name, one in found.comparisons.items()
        ],
        "not_compared": [_without_paths(f"{name}: {reason}", found) for name, reason in found.refused.items()],
        "left_out": [*found.left_out.of_two],
        "legend": comparison_legend(found),
        "costs": [*comparison_lines(found.costs)],
    }


def _without_paths(text: str, found: CompareResult) -> str:
    """The text with the names of the run folders in the place of their paths, which are nobody else's business."""
    for run in (found.baseline, found.candidate):
        text = text.replace(run.source, Path(run.source).resolve().name)
    return text


def _diagnosis(told: DiagnoseResult) -> dict[str, Json]:
    return {
        "shares": [
            {
                "cause": one.cause,
                "questions": one.questions,
                "interval": _interval(one.share),
                "right": one.right,
            }
            for one in told.shares
        ],
        "remedies": {cause: {"advice": one.advice, "sweep": one.sweep} for cause, one in told.remedies.items()},
        "notes": [*told.notes],
        "right_by": told.right_by,
        "costs": [line.strip() for line in diagnosis_lines(told)],
    }


def _sweep(read: ReadRuns) -> Json:
    """Effects and front, where some factor of the runs has two levels, else null; also for runs of earlier versions,
    which do not name their recipe.
    """
    if not read.scores or not all("recipe" in run.manifest for run in read.diagnosed):
        return None
    found = sweep_of(read.board, read.paths, read.scores)
    if not found.effects:
        return None
    return {
        "cells": [
            {
                "label": cell.label,
                "factors": {**cell.factors},
                "calls": cell.calls,
                "tokens": cell.tokens,
                "latency": cell.latency_s,
                "front": cell.label in found.front,
            }
            for cell in found.cells
        ],
        "effects": [
            {
                "metric": one.metric,
                "factor": one.factor,
                "from": one.before,
                "to": one.after,
                "contexts": one.contexts,
                "interval": _interval(one.difference),
                "p": one.p_adjusted,
            }
            for one in found.effects
        ],
        "gaps": [
            {"label": gap.label, "interval": _interval(gap.difference), "p": gap.p_adjusted} for gap in found.gaps
        ],
    }
