"""Runs in MLflow: the real client, with a folder as its store."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

import rageval
from rageval import DeclarationError, Document, Question, RelevanceLabel, Response
from rageval.integrations.mlflow import log_run
from rageval.models.scripted import ScriptedChat
from rageval.types import Hit
from tests.flow.small_world import scripted_reply

DOCUMENTS = [Document("arlen", "Mount Arlen is 2310 metres high."), Document("brone", "The Brone is long.")]
BENCHMARK = rageval.benchmark_from_records(
    "peaks",
    DOCUMENTS,
    [Question("q1", "How high is Mount Arlen?"), Question("q2", "How long is the Brone?"), Question("q3", "Why?")],
    [RelevanceLabel("q1", "arlen", 1), RelevanceLabel("q2", "brone", 1)],
)
SECRET = "the words of an answer"


def always_arlen(question: Question) -> Response:
    if question.id == "q3":
        raise KeyError("lost")
    return Response(hits=tuple(map(Hit.whole, DOCUMENTS)), answer=SECRET)


@pytest.fixture
def uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # MLflow would rather have a server or a database
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    return (tmp_path / "store").as_uri()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Of `always_arlen`; beside it lies one of naive RAG."""
    return rageval.evaluate(
        BENCHMARK,
        [always_arlen, {"naive": {"retriever": "bm25", "k": 1}}],
        ["mrr", "hit_rate@1", "exact_match"],
        chat=ScriptedChat(scripted_reply, identity="writer"),
        out=tmp_path,
    ).runs[0]


def client(uri: str) -> Any:
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=uri)


def test_what_is_logged(run: Path, uri: str, tmp_path: Path) -> None:
    run_id = log_run(run, tracking_uri=uri, tags={"team": "search"})
    logged = client(uri).get_run(run_id)
    manifest = json.loads((run / "manifest.json").read_text("utf-8"))
    scores = json.loads((run / "scores.json").read_text("utf-8"))
    metrics = logged.data.metrics
    assert (metrics["mrr"], metrics["mrr.n"], metrics["mrr.failed"], metrics["mrr.unscored"]) == (0.75, 2, 0, 1)
    assert metrics["hit_rate_at_1"] == 0.5
    estimate = scores["hit_rate@1"]["estimate"]
    assert (metrics["hit_rate_at_1.low"], metrics["hit_rate_at_1.high"]) == (estimate["low"], estimate["high"])
    assert (metrics["exact_match.n"], metrics["exact_match.unscored"]) == (0, 3)
    assert "exact_match" not in metrics
    assert (metrics["failed"], metrics["abstained"], metrics["calls"]) == (1, 0, 0)
    assert metrics["mean_latency_s"] == manifest["mean_latency_s"]
    assert logged.data.params == {
        "pipeline": "always_arlen",
        "benchmark": "peaks",
        "benchmark_hash": BENCHMARK.content_hash,
        "questions": "3",
        "seed": "0",
    }
    tags = logged.data.tags
    assert (tags["team"], tags["rageval.run"], tags["rageval.fingerprint"]) == (
        "search", run.name, manifest["fingerprint"]
    )  # fmt: skip
    assert tags["rageval.version"] == rageval.__version__
    assert logged.info.run_name == "always_arlen"
    assert logged.info.status == "FINISHED"
    assert logged.info.start_time == datetime.fromisoformat(manifest["created"]).timestamp() * 1000
    assert logged.info.end_time == datetime.fromisoformat(manifest["finished"]).timestamp() * 1000
    assert client(uri).get_experiment(logged.info.experiment_id).name == "evaluation"


def test_artefacts_are_the_files_without_texts(run: Path, uri: str, tmp_path: Path) -> None:
    run_id = log_run(run, tracking_uri=uri)
    (tmp_path / "down").mkdir()
    folder = Path(client(uri).download_artifacts(run_id, "", str(tmp_path / "down")))
    assert {path.name for path in folder.iterdir()} == {"manifest.json", "scores.json", "leaderboard.md"}
    for name in ("manifest.json", "scores.json"):
        assert (folder / name).read_bytes() == (run / name).read_bytes()
    assert "| 1 | always_arlen | 0.750 [" in (folder / "leaderboard.md").read_text("utf-8")
    assert not any(SECRET in path.read_text("utf-8") for path in folder.iterdir())


def test_settings_models_and_a_chosen_experiment(run: Path, uri: str) -> None:
    other = next(path for path in run.parent.iterdir() if path != run)
    ids = [log_run(other, tracking_uri=uri, experiment="retrieval") for _ in range(2)]
    assert len(set(ids)) == 2
    logged = [client(uri).get_run(run_id) for run_id in ids]
    (experiment,) = {one.info.experiment_id for one in logged}
    assert client(uri).get_experiment(experiment).name == "retrieval"
    params = logged[0].data.params
    assert (params["pipeline"], params["pipeline.retriever"], params["pipeline.k"], params["model.chat"]) == (
        "naive(retriever=bm25, k=1)", "bm25", "1", "writer"
    )  # fmt: skip


def test_names_of_models_and_metrics_are_fit_for_mlflow(run: Path, uri: str) -> None:
    manifest = json.loads((run / "manifest.json").read_text("utf-8"))
    manifest["models"] = {"chat": "writer @ http://127.0.0.1:1/v1", "embed": None}
    manifest["judges"] = {"semantic_similarity:strong": {"key": "k", "model": "critic", "embedder": "small e5"}}
    manifest["metrics"] = ["mrr", "semantic_similarity:strong"]
    (run / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    data = client(uri).get_run(log_run(run, tracking_uri=uri)).data
    assert data.params["model.chat"] == "writer @ http://127.0.0.1:1/v1"
    assert data.params["model.judge_strong"] == "critic"
    assert data.params["model.embed_judge"] == "small e5"
    assert data.metrics["semantic_similarity_strong.unscored"] == 3


def test_problems_are_one_line(run: Path, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DeclarationError, match="no such file; expected the folder of a run"):
        log_run(tmp_path / "nothing", tracking_uri=uri)
    find: Callable[..., Any] = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "mlflow" else find(name))
    with pytest.raises(DeclarationError, match=r"pip install .*\[mlflow\]'"):
        log_run(run, tracking_uri=uri)


@pytest.mark.skipif(
    Version(version("mlflow-skinny")) < Version("3.13"), reason="this MLflow takes folders without being told to"
)
def test_what_mlflow_refuses_is_one_line(run: Path, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE")
    with pytest.raises(DeclarationError, match=r"^mlflow: .*database") as raised:
        log_run(run, tracking_uri=uri)
    assert "\n" not in str(raised.value)


@pytest.mark.skipif(importlib.util.find_spec("alembic") is not None, reason="all of mlflow is installed")
def test_a_database_needs_all_of_mlflow(run: Path, uri: str, tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=r"^mlflow: this store needs the module alembic: install mlflow"):
        log_run(run, tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")


def test_telemetry_of_mlflow_is_off(run: Path, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY")
    log_run(run, tracking_uri=uri)
    from mlflow.environment_variables import MLFLOW_DISABLE_TELEMETRY

    assert MLFLOW_DISABLE_TELEMETRY.get() is True
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "false")
    log_run(run, tracking_uri=uri)
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "false"
