"""A leaderboard: runs over the same questions, side by side, each number with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from rageval.errors import DeclarationError
from rageval.experiment.scoring import estimate_to_json
from rageval.store import RunFolder
from rageval.types import Estimate, Json, Usage


@dataclass(frozen=True, slots=True)
class Row:
    """One run. `estimates` holds None where no question could be scored.

    `rank` is a range: how many runs are surely ahead, plus one, to how many are not surely behind, by whether the
    intervals of the first metric overlap. Runs that cannot be told apart share places. None without an estimate.
    """

    label: str
    path: Path
    estimates: Mapping[str, Estimate | None]
    rank: tuple[int, int] | None
    failed: int
    abstained: int
    calls: int
    mean_latency_s: float | None


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Rows sorted by the first metric, best first.

    `models` says which model did what (chat, embed, judge), `machine` where the first of the runs was made.
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
                    "mean_latency_s": row.mean_latency_s,
                }
                for row in self.rows
            ],
        }


def metric_to_json(mean: Estimate | None, questions: int) -> dict[str, Json]:
    """An estimate, or the same keys with null where nothing could be scored."""
    if mean is not None:
        return estimate_to_json(mean)
    nothing: dict[str, Json] = dict.fromkeys(("mean", "low", "high", "level", "method"))
    return {**nothing, "n": 0, "unscored": questions, "failed": 0}


def read_leaderboard(paths: Sequence[Path]) -> Leaderboard:
    """The leaderboard of finished runs.

    Raises DeclarationError for a folder that holds no finished run, and for runs that cannot be compared: another
    benchmark, or other questions.
    """
    if not paths:
        raise DeclarationError("leaderboard: found no runs, expected one or more run folders")
    folders = [RunFolder(path) for path in paths]
    manifests = [folder.manifest() for folder in folders]
    _require_comparable(paths, manifests)
    metrics = tuple(dict.fromkeys(cast(str, name) for manifest in manifests for name in manifest["metrics"]))
    estimates = [_estimates(folder.scores(), metrics) for folder in folders]
    ranks = _rank_ranges([by_metric[metrics[0]] for by_metric in estimates])
    rows = [
        _row(path, manifest, by_metric, rank)
        for path, manifest, by_metric, rank in zip(paths, manifests, estimates, ranks, strict=True)
    ]
    rows.sort(key=lambda row: -_point(row.estimates[metrics[0]]))
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


def _estimates(scores: Mapping[str, Any], metrics: Sequence[str]) -> dict[str, Estimate | None]:
    return {name: _estimate(scores[name]["estimate"]) if name in scores else None for name in metrics}


def _estimate(data: Mapping[str, Any] | None) -> Estimate | None:
    return None if data is None else Estimate(data["mean"], **{k: v for k, v in data.items() if k != "mean"})


def _rank_ranges(estimates: Sequence[Estimate | None]) -> list[tuple[int, int] | None]:
    known = [estimate for estimate in estimates if estimate is not None]
    return [
        None
        if mine is None
        else (
            1 + sum(other.low > mine.high for other in known),
            len(known) - sum(other.high < mine.low for other in known),
        )
        for mine in estimates
    ]


def _row(
    path: Path, manifest: Mapping[str, Any], estimates: Mapping[str, Estimate | None], rank: tuple[int, int] | None
) -> Row:
    usage = sum((Usage(**part) for part in manifest["usage"].values()), Usage())
    return Row(
        manifest["label"],
        path,
        estimates,
        rank,
        manifest["failed"],
        manifest["abstained"],
        usage.calls,
        manifest["mean_latency_s"],
    )


def _point(mean: Estimate | None) -> float:
    return -1.0 if mean is None else mean.point


def _models(manifests: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    models: dict[str, str] = {}
    for manifest in manifests:
        judges = [("judge", judge["model"]) for judge in manifest["judges"].values()]
        for role, identity in [*manifest["models"].items(), *judges]:
            if identity is not None:
                models.setdefault(role, identity)
    return models
