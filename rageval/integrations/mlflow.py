"""A finished run in MLflow: settings, estimates with their intervals, and the files that they rest on."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from rageval.decide.leaderboard import Leaderboard, Row, read_leaderboard
from rageval.errors import DeclarationError
from rageval.extras import need_package
from rageval.io.run_folder import RunFolder
from rageval.report.leaderboard import markdown

_ARTEFACTS = ("manifest.json", "scores.json")


def log_run(
    run: str | Path,
    *,
    tracking_uri: str | None = None,
    experiment: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> str:
    """Log a finished run to MLflow; the id of the MLflow run that is made, another one at every call.

    `tracking_uri` is MLflow's own by default (MLFLOW_TRACKING_URI); `experiment`, made where there is none, that of the
    run. Parameters are the pipeline and its settings, the benchmark and its hash, the models and the seed. Each metric
    is logged as its point estimate (`ndcg_at_10`, since MLflow takes no "@") and as `.low`, `.high`, `.n`, `.failed`
    and `.unscored`; one that no question could be scored on has `.n` 0 and no estimate. Estimates are those of the
    leaderboard: corrected by people's labels where there are any. Artefacts are manifest.json, scores.json and
    leaderboard.md; no prompt, answer or passage is among them.

    Raises DeclarationError for a folder that holds no finished run, and with MLflow's words where it refuses.
    """
    need_package("mlflow", "mlflow", "logging to MLflow")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when mlflow is imported
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    folder = RunFolder(run)
    board, manifest = read_leaderboard([folder.path]), folder.manifest()
    try:
        client: Any = MlflowClient(tracking_uri=tracking_uri)
        return _log(client, experiment or manifest["experiment"], folder.path, board, manifest, tags or {})
    except MlflowException as error:
        raise DeclarationError(f"mlflow: {' '.join(str(error).split())}") from None
    except ImportError as error:
        raise DeclarationError(
            f"mlflow: this store needs the module {error.name}: install mlflow instead of mlflow-skinny, or log "
            "to a server"
        ) from None


def _log(
    client: Any,
    experiment: str,
    folder: Path,
    board: Leaderboard,
    manifest: Mapping[str, Any],
    tags: Mapping[str, str],
) -> str:
    from mlflow.entities import Metric, Param

    (row,) = board.rows
    found = client.get_experiment_by_name(experiment)
    made = client.create_run(
        client.create_experiment(experiment) if found is None else found.experiment_id,
        start_time=_milliseconds(manifest["created"]),
        tags={**_tags(folder, manifest), **tags},
        run_name=row.label,
    )
    run_id: str = made.info.run_id
    finished = _milliseconds(manifest["finished"])
    client.log_batch(
        run_id,
        metrics=[Metric(key, value, finished, 0) for key, value in _metrics(board, row).items()],
        params=[Param(key, value) for key, value in _params(board, row, manifest).items()],
    )
    for name in _ARTEFACTS:
        client.log_artifact(run_id, str(folder / name))
    client.log_text(run_id, markdown(board), "leaderboard.md")
    client.set_terminated(run_id, end_time=finished)
    return run_id


def _metrics(board: Leaderboard, row: Row) -> dict[str, float]:
    found: dict[str, float] = {}
    for metric, mean in row.estimates.items():
        name = _name(metric)
        if mean is None:
            found |= {f"{name}.n": 0.0, f"{name}.failed": 0.0, f"{name}.unscored": float(board.questions)}
            continue
        found |= {name: mean.point, f"{name}.low": mean.low, f"{name}.high": mean.high}
        found |= {f"{name}.n": mean.n, f"{name}.failed": mean.failed, f"{name}.unscored": mean.unscored}
    found |= {"failed": row.failed, "abstained": row.abstained, "calls": row.calls, "tokens": row.tokens}
    found |= {"paid_calls": row.paid_calls, "paid_tokens": row.paid_tokens}
    return found if row.mean_latency_s is None else {**found, "mean_latency_s": row.mean_latency_s}


def _params(board: Leaderboard, row: Row, manifest: Mapping[str, Any]) -> dict[str, str]:
    found = {
        "pipeline": row.label,
        "benchmark": board.benchmark,
        "benchmark_hash": manifest["benchmark"]["content_hash"],
        "questions": str(board.questions),
        "seed": str(manifest["seed"]),
    }
    found |= {f"pipeline.{_name(key)}": str(value) for key, value in manifest["params"].items()}
    return found | {f"model.{_name(role)}": identity for role, identity in board.models.items()}


def _tags(folder: Path, manifest: Mapping[str, Any]) -> dict[str, str]:
    found = {
        "rageval.run": folder.name,
        "rageval.fingerprint": manifest["fingerprint"],
        "rageval.version": manifest["versions"]["rageval"],
    }
    commit = manifest["git_commit"]
    return found if commit is None else {**found, "mlflow.source.git.commit": commit}


def _name(text: str) -> str:
    """As MLflow takes it, on every platform."""
    return re.sub(r"[^\w.\-]+", "_", text.replace("@", "_at_")).strip("_")


def _milliseconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp() * 1000)
