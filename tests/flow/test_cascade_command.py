"""`rageval cascade`, and `models.cascade` in an experiment: who decides, what is lost, what is refused."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import scipy.stats

from rageval.types import Graded, Json, Judgment, Usage
from tests.conftest import CommandLine, Ended
from tests.flow.fake_server import FakeServer
from tests.flow.judged_run import JudgedRun, fill
from tests.flow.small_world import respond, write_experiment


def done(ended: Ended) -> str:
    assert ended.code == 0, ended.err
    return ended.out


def add_light(run: JudgedRun, probabilities: dict[str, float]) -> None:
    """As `rageval judge --name light --detector light` would."""
    key = "answer_relevance-light"
    for question, p in probabilities.items():
        verdict = Graded(float(p >= 0.5), p)
        judgment = Judgment(question, key, "answer", 0, "…", verdict)
        run.folder.add_judgments(key, question, (judgment,), Usage())
    judges = run.folder.manifest()["judges"]
    added: Json = {**judges, "answer_relevance:light": {"key": key, "model": None, "detector": "light"}}
    run.write_manifest(judges=added)


def labelled(tmp_path: Path, command_line: CommandLine, n: int) -> tuple[JudgedRun, dict[str, float]]:
    """300 answers; the light judge gives those that people call yes 0.12 or more, and half of the others less."""
    run = JudgedRun(tmp_path / "lakes", failed=4)
    rng = random.Random(8)
    light = {q: rng.uniform(0.12, 1.0) if label else rng.uniform(0.0, 0.24) for q, label in run.gold.items()}
    add_light(run, {q: p for q, p in light.items() if q not in run.failed})
    sheet = tmp_path / "sheet.jsonl"
    done(command_line("sample", run.folder.path, "-m", run.name, "-n", n, "--out", sheet))
    fill(sheet, run.gold.get)
    done(command_line("label", run.folder.path, sheet))
    return run, light


def test_the_threshold_that_labels_confirm(tmp_path: Path, command_line: CommandLine) -> None:
    run, light = labelled(tmp_path, command_line, 150)
    found = json.loads(done(command_line("cascade", run.folder.path, "-m", run.name, "--json")))
    sheet = [json.loads(line) for line in (tmp_path / "sheet.jsonl").read_text("utf-8").splitlines()]
    drawn = [row["question_id"] for row in sheet]
    below = found["below"]

    def lost(threshold: float) -> int:
        return sum(light[q] < threshold and run.gold[q] == 1.0 and run.judged[q] == 1.0 for q in drawn)

    def upper(threshold: float) -> float:
        return float(scipy.stats.beta.ppf(0.95, lost(threshold) + 1, len(drawn) - lost(threshold)))

    assert below >= 0.1
    assert upper(below) <= 0.05 < upper({0.1: 0.125, 0.125: 0.15, 0.15: 0.2, 0.2: 0.25}[below])
    assert found["labels"]["n"] == len(drawn)
    assert found["labels"]["decided"] == sum(light[q] < below for q in drawn)
    assert found["labels"]["lost"] == lost(below)
    assert found["labels"]["lost_at_most"] == pytest.approx(upper(below), abs=1e-9)
    assert found["answers"] == 296
    assert found["spared"] == sum(p < below for q, p in light.items() if q not in run.failed)
    told = done(command_line("cascade", run.folder.path, "-m", run.name))
    assert f"models: {{cascade: {{below: {below:g}}}}}" in told
    assert f"of {len(drawn)} labelled answers it decides" in told


def test_few_labels_confirm_nothing(tmp_path: Path, command_line: CommandLine) -> None:
    run, _ = labelled(tmp_path, command_line, 40)
    ended = command_line("cascade", run.folder.path, "-m", run.name)
    assert ended.code == 3
    assert "confirm no threshold of light that loses at most 5% of the answers; 59 labels" in ended.out
    assert json.loads(command_line("cascade", run.folder.path, "-m", run.name, "--json").out)["below"] is None


def test_what_it_needs(tmp_path: Path, command_line: CommandLine) -> None:
    run = JudgedRun(tmp_path / "lakes", 30)

    def error(*options: object) -> str:
        ended = command_line("cascade", run.folder.path, *options)
        assert ended.code == 2
        return ended.err

    assert "found no verdicts of answer_relevance:light, expected both judges" in error("-m", run.name)
    assert "found faithfulness, expected a yes or no of one judge" in error("-m", "faithfulness")
    assert "--most-lost: found 1.5" in error("-m", run.name, "--most-lost", "1.5")
    add_light(run, dict.fromkeys(run.gold, 0.5))
    assert "found no labels of answer_relevance" in error("-m", run.name)


def run_cascade(
    folder: Path, command_line: CommandLine, **models: Any
) -> tuple[dict[str, Any], list[dict[str, Any]], int]:
    """The manifest, the judgments of claim_support, and how often the server was asked."""
    with FakeServer(respond) as server:
        endpoint = {"provider": "openai", "base_url": server.base_url, "model": "fake", "concurrency": 4}
        path = write_experiment(
            folder,
            server.base_url,
            pipelines=[{"naive": {"retriever": "bm25", "k": 2}}],
            metrics=["faithfulness", "answer_relevance"],
            models={"chat": endpoint, **models},
        )
        done(command_line("run", path, "--out", folder / "results"))
        calls = server.calls
    (run,) = (folder / "results" / "runs").iterdir()
    manifest = json.loads((run / "manifest.json").read_text("utf-8"))
    log = run / "judgments" / f"{manifest['judges']['claim_support']['key']}.jsonl"
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    return manifest, [one for line in lines for one in line["judgments"]], calls


def test_an_experiment_with_a_cascade(tmp_path: Path, command_line: CommandLine) -> None:
    """The light judge decides what it is sure of; every such verdict says so, and the manifest counts them."""
    folders = {name: tmp_path / name for name in ("chat", "both")}
    for folder in folders.values():
        folder.mkdir()
    chat, _, before = run_cascade(folders["chat"], command_line)
    both, said, calls = run_cascade(folders["both"], command_line, cascade={"below": 0.18})
    entry = both["judges"]["claim_support"]
    decided = [one for one in said if "a clear no by light: P(yes) below 0.18" in str(one.get("rationale", ""))]
    assert entry["cascade"] == {"light": "light", "below": 0.18, "decided": len(decided)}
    assert entry["key"] != chat["judges"]["claim_support"]["key"]
    assert "cascade" not in both["judges"]["answer_relevance"]
    assert 0 < len(decided) < len(said)
    assert calls < before


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ({"cascade": {"below": 0.7}}, "models.cascade.below: found 0.7"),
        ({"cascade": {"light": "light"}}, "models.cascade.below"),
        ({"cascade": {"below": 0.1, "lihgt": 1}}, "lihgt"),
        ({"cascade": {"below": 0.1}, "judge": "light"}, "models.cascade: found it beside a detector"),
        ({"cascade": {"below": 0.1}, "judge_samples": 3}, "models.cascade: found it beside a panel"),
        ({"cascade": {"below": 0.1, "light": "nowhere.json"}}, "nowhere.json"),
        (
            {
                "cascade": {
                    "below": 0.1,
                    "light": {"provider": "rerank", "base_url": "http://localhost:1", "model": "m"},
                }
            },
            "models.cascade.light: found a detector behind an address",
        ),
    ],
)
def test_what_a_cascade_cannot_be(
    tmp_path: Path, command_line: CommandLine, models: dict[str, Any], message: str
) -> None:
    endpoint = {"provider": "openai", "base_url": "http://127.0.0.1:9", "model": "fake"}
    path = write_experiment(
        tmp_path,
        "http://127.0.0.1:9",
        pipelines=[{"naive": {"retriever": "bm25", "k": 2}}],
        metrics=["faithfulness"],
        models={"chat": endpoint, **models},
    )
    ended = command_line("check", path)
    assert ended.code == 2
    assert message in ended.err
