"""A leaderboard: runs over the same questions, side by side, each number with its interval."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from rageval.errors import DeclarationError
from rageval.io.records import usage_to_json
from rageval.io.run_folder import RunFolder
from rageval.metrics import Metric, parse
from rageval.metrics.names import OF_JUDGE
from rageval.scores.calibrations import JudgeEntry
from rageval.scores.labelled import labelled_estimate
from rageval.scores.scoring import estimate_to_json
from rageval.scores.totals import NO_STAGE
from rageval.stats.many import paired_permutation
from rageval.types import Estimate, Json, Usage

if TYPE_CHECKING:
    from rageval.io.frames import DataFrame, Dtype

ESTIMATES: Mapping[str, Dtype] = {
    "pipeline": "string",
    "run": "string",
    "metric": "string",
    "mean": "Float64",
    "low": "Float64",
    "high": "Float64",
    "level": "Float64",
    "method": "string",
    "n": "Int64",
    "unscored": "Int64",
    "failed": "Int64",
    "n_labelled": "Int64",
    "warning": "string",
}
RUNS: Mapping[str, Dtype] = {
    "pipeline": "string",
    "run": "string",
    "first_rank": "Int64",
    "last_rank": "Int64",
    "failed": "Int64",
    "abstained": "Int64",
    "calls": "Int64",
    "tokens": "Int64",
    "mean_latency_s": "Float64",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One run. `estimates` holds None where no question could be scored.

    `rank` is a range, by the first metric (see `rank_ranges`): runs that cannot be told apart share places. None
    without an estimate. `usage` is what each stage and each judge cost, by name (`stage answer`,
    `judge answer_relevance`). `calls` and `tokens` (prompt and completion) are what the run itself paid, all together.
    `judges` is what the manifest says of each judge.
    """

    label: str
    path: Path
    estimates: Mapping[str, Estimate | None]
    rank: tuple[int, int] | None
    failed: int
    abstained: int
    usage: Mapping[str, Usage]
    mean_latency_s: float | None
    judges: Mapping[str, JudgeEntry]

    @property
    def calls(self) -> int:
        return sum(usage.calls for usage in self.usage.values())

    @property
    def tokens(self) -> int:
        return sum(usage.prompt_tokens + usage.completion_tokens for usage in self.usage.values())


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Rows sorted by the first metric, best first.

    `models` says which model did what (chat, embed, judge, and `judge strong` for a judge added under that name),
    `machine` where the first of the runs was made.
    """

    benchmark: str
    questions: int
    metrics: tuple[str, ...]
    rows: tuple[Row, ...]
    models: Mapping[str, str]
    machine: str

    def to_json(self) -> dict[str, Json]:
        """JSON data without NaN; a missing estimate is null."""
        return {
            "benchmark": self.benchmark,
            "questions": self.questions,
            "models": {**self.models},
            "machine": self.machine,
            "runs": [
                {
                    "pipeline": row.label,
                    "path": str(row.path),
                    "rank": None if row.rank is None else [*row.rank],
                    "metrics": {name: metric_to_json(mean, self.questions) for name, mean in row.estimates.items()},
                    "failed": row.failed,
                    "abstained": row.abstained,
                    "calls": row.calls,
                    "tokens": row.tokens,
                    "usage": {name: usage_to_json(usage) for name, usage in row.usage.items()},
                    "mean_latency_s": row.mean_latency_s,
                    "judges": {name: {**entry} for name, entry in row.judges.items()},
                }
                for row in self.rows
            ],
        }

    def to_pandas(self, table: Literal["estimates", "runs"] = "estimates") -> DataFrame:
        """The leaderboard as a DataFrame (extra `pandas`): a row for each run and metric, or for each run."""
        from rageval.io.frames import make_frame

        if table == "runs":
            return make_frame(RUNS, map(_run_cells, self.rows))
        if table != "estimates":
            raise DeclarationError(f"to_pandas: found the table {table!r}, expected estimates or runs")
        return make_frame(
            ESTIMATES,
            (
                (row.label, str(row.path), metric, *_estimate_cells(mean, self.questions))
                for row in self.rows
                for metric, mean in row.estimates.items()
            ),
        )


def _run_cells(row: Row) -> tuple[object, ...]:
    first, last = row.rank or (None, None)
    counts = (row.failed, row.abstained, row.calls, row.tokens)
    return row.label, str(row.path), first, last, *counts, row.mean_latency_s


def _estimate_cells(mean: Estimate | None, questions: int) -> tuple[object, ...]:
    data = metric_to_json(mean, questions)
    return tuple(data[name] for name in [*ESTIMATES][3:])


def metric_to_json(mean: Estimate | None, questions: int) -> dict[str, Json]:
    """An estimate, or the same keys with null where nothing could be scored."""
    if mean is not None:
        return estimate_to_json(mean)
    nothing: dict[str, Json] = dict.fromkeys(("mean", "low", "high", "level", "method"))
    no_labels: dict[str, Json] = {"n_labelled": 0, "judge_only": None, "labels_only": None, "warning": ""}
    return {**nothing, "n": 0, "unscored": questions, "failed": 0, **no_labels}


def read_leaderboard(paths: Sequence[Path]) -> Leaderboard:
    """The leaderboard of finished runs. Where people labelled a run's answers, its estimates are corrected by them.

    Raises DeclarationError for a folder that holds no finished run, and for runs that cannot be compared: another
    benchmark, or other questions.
    """
    if not paths:
        raise DeclarationError("leaderboard: found no runs, expected one or more run folders")
    folders = [RunFolder(path) for path in paths]
    manifests = [folder.manifest() for folder in folders]
    _require_comparable(paths, manifests)
    metrics = tuple(dict.fromkeys(cast(str, name) for manifest in manifests for name in manifest["metrics"]))
    estimates = [_estimates(folder, metrics) for folder in folders]
    first_metric = parse(metrics[0])
    ranks = rank_ranges(
        [_question_scores(folder, metrics[0]) for folder in folders], lower_is_better=first_metric.lower_is_better
    )
    rows = [
        _row(path, manifest, by_metric, rank)
        for path, manifest, by_metric, rank in zip(paths, manifests, estimates, ranks, strict=True)
    ]
    rows.sort(key=lambda row: (_badness(row.estimates[metrics[0]], first_metric), row.label))
    first = manifests[0]
    return Leaderboard(
        first["benchmark"]["name"],
        len(first["questions"]),
        metrics,
        tuple(rows),
        _models(manifests),
        first["machine"],
    )


def _require_comparable(paths: Sequence[Path], manifests: Sequence[Mapping[str, Any]]) -> None:
    for path, manifest in zip(paths, manifests, strict=True):
        if manifest["status"] != "complete":
            raise DeclarationError(f"{path}: the run is not finished; run its experiment again and it goes on")
        if manifest["benchmark"]["content_hash"] != manifests[0]["benchmark"]["content_hash"]:
            raise DeclarationError(f"{path}: found another benchmark than in {paths[0]}: the runs cannot be compared")
        if set(manifest["questions"]) != set(manifests[0]["questions"]):
            raise DeclarationError(f"{path}: found other questions than in {paths[0]}: the runs cannot be compared")


def _estimates(folder: RunFolder, metrics: Sequence[str]) -> dict[str, Estimate | None]:
    scores = folder.scores()
    return {name: _estimate(folder, name, scores[name]) if name in scores else None for name in metrics}


def _estimate(folder: RunFolder, metric: str, scores: Mapping[str, Any]) -> Estimate | None:
    labelled = labelled_estimate(folder, metric, scores)
    data = scores["estimate"]
    if labelled is not None or data is None:
        return labelled
    return Estimate(data["mean"], **{k: v for k, v in data.items() if k != "mean"})


def rank_ranges(
    scores: Sequence[Mapping[str, float]], level: float = 0.95, *, lower_is_better: bool = False
) -> list[tuple[int, int] | None]:
    """For each run the first and the last place that it may hold, from its score per question.

    A run is surely ahead of another where its mean over the questions that all runs are scored on is better, and
    Fisher's permutation test of the paired differences, adjusted for all pairs together (max-T, Westfall and Young
    1993), shows it at `level`. None for a run without scores.
    """
    with_scores = [run for run in scores if run]
    shared = sorted(set[str]().union(*with_scores).intersection(*with_scores)) if with_scores else []
    count = len(with_scores)
    if count < 2 or len(shared) < 2:
        return [(1, count) if run else None for run in scores]
    matrix = np.array([[run[question] for question in shared] for run in with_scores])
    surely = paired_permutation(matrix, rng=np.random.default_rng(0)).p_adjusted <= 1.0 - level
    means = -matrix.mean(axis=1) if lower_is_better else matrix.mean(axis=1)
    ahead = surely & (means[:, None] > means[None, :])
    in_front, behind = ahead.sum(axis=0), ahead.sum(axis=1)
    places = iter([(1 + int(in_front[i]), count - int(behind[i])) for i in range(count)])
    return [next(places) if run else None for run in scores]


def _row(
    path: Path, manifest: Mapping[str, Any], estimates: Mapping[str, Estimate | None], rank: tuple[int, int] | None
) -> Row:
    return Row(
        manifest["label"],
        path,
        estimates,
        rank,
        manifest["failed"],
        manifest["abstained"],
        _usage(manifest),
        manifest["mean_latency_s"],
        manifest["judges"],
    )


def _usage(manifest: Mapping[str, Any]) -> dict[str, Usage]:
    """By stage and judge; one that asked for nothing is left out. Older manifests do not say which stage asked."""
    used, judges = manifest["usage"], manifest["judges"]
    by_stage = manifest.get("usage_by_stage", {NO_STAGE: used.get("answering", {})})
    stages = {f"stage {name}": usage for name, usage in by_stage.items()}
    parts = {**stages, **{f"judge {name}": used.get(about["key"], {}) for name, about in judges.items()}}
    found = {name: Usage(**part) for name, part in parts.items()}
    return {name: usage for name, usage in found.items() if usage != Usage()}


def _question_scores(folder: RunFolder, metric: str) -> Mapping[str, float]:
    scores = folder.scores()
    return scores[metric]["questions"] if metric in scores else {}


def _badness(mean: Estimate | None, metric: Metric) -> float:
    if mean is None:
        return math.inf
    return mean.point if metric.lower_is_better else -mean.point


def _models(manifests: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    models: dict[str, str] = {}
    for manifest in manifests:
        judges = [(_role(entry), about["model"]) for entry, about in manifest["judges"].items()]
        compared = [("embed (judge)", judge.get("embedder")) for judge in manifest["judges"].values()]
        for role, identity in [*manifest["models"].items(), *judges, *compared]:
            if identity is not None:
                models.setdefault(role, identity)
    return models


def _role(entry: str) -> str:
    name = entry.partition(OF_JUDGE)[2]
    return f"judge {name}" if name else "judge"
