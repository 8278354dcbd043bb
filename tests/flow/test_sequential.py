"""Gates and comparisons read after every question, and experiments that ask until a gate is decided, from the command
line.
"""

from __future__ import annotations

import json
import os
import re
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from tests.conftest import CommandLine
from tests.flow.fake_server import Canned, FakeServer, Received, completion
from tests.flow.small_world import (
    read_jsonl,
    respond,
    results,
    run_folders,
    start_rageval,
    write_experiment,
    write_lines,
)
from tests.unit.sides import write_run

N = 60
BATCH = 10
EACH = 2
"""Calls for a question: its answer, and whether that abstains."""


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with finished runs over sixty questions."""
    monkeypatch.chdir(tmp_path)
    good = [2 / 3, 1.0, 1 / 3] * (N // 3)
    write_run(tmp_path / "good", {"ndcg@10": good, "faithfulness": good})
    write_run(tmp_path / "same", {"ndcg@10": good, "faithfulness": good})
    write_run(tmp_path / "worse", {"ndcg@10": [x - 1 / 3 for x in good], "faithfulness": good})
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ("gate same --baseline good --margin ndcg@10=0.2", 0, r"^gate: pass, decided after \d+ of 60 questions$"),
        ("gate worse --baseline good --margin ndcg@10=0.1", 1, r"^gate: fail, decided after \d+ of 60 questions$"),
        ("gate same --baseline good --margin ndcg@10=0.01", 3, r"^gate: inconclusive after 60 questions$"),
        (
            "compare good worse",
            0,
            r"^candidate is worse on ndcg@10 by 0\.333 \[0\.\d+, 0\.\d+\], shown after \d+ of 60",
        ),
        ("compare good worse --by language", 2, r"^error: --by: found language with --sequential, expected one of "),
        ("gate same --baseline good --margin ndcg@10=0.2 --by tag", 2, r"^error: --by: found tag with --sequential"),
    ],
)
def test_exit_codes(arguments: str, code: int, told: str, runs: Path, command_line: CommandLine) -> None:
    ended = command_line(*arguments.split(), "--sequential")
    assert ended.code == code
    assert re.search(told, ended.out + ended.err, flags=re.MULTILINE)


def test_reports_are_written_beside_what_is_printed(runs: Path, command_line: CommandLine) -> None:
    files = ("--markdown", "reports/gate.md", "--junit", "reports/gate.xml", "--json")
    ended = command_line("gate", "worse", "--baseline", "good", "--margin", "ndcg@10=0.1", "--sequential", *files)
    found = json.loads(ended.out)
    after = found["decided_after"]
    assert (runs / "reports/gate.md").read_text("utf-8").startswith(f"## Gate: fail, decided after {after} of 60 quest")
    (suite,) = ElementTree.parse(runs / "reports/gate.xml").getroot()
    assert [(case.get("name"), case[0].tag) for case in suite] == [("ndcg@10", "failure")]
    assert suite[0][0].get("message") == found["metrics"]["ndcg@10"]["sentence"]
    ended = command_line("compare", "good", "worse", "--sequential", "--markdown", "reports/compare.md", "--json")
    compared = json.loads(ended.out)["metrics"]
    assert [one["verdict"] for one in compared.values()] == ["worse", "cannot be told apart"]
    assert f"- {compared['ndcg@10']['sentence']}\n" in (runs / "reports/compare.md").read_text("utf-8")


@dataclass
class Lakes:
    """A model that knows how deep lake i is where i % 5 is below `knows`. It stops the process `pid` at call `at`."""

    knows: int = 5
    at: int = 0
    pid: int = 0
    calls: int = 0

    def __call__(self, received: Received) -> Canned:
        self.calls += 1
        if self.calls == self.at:
            os.kill(self.pid, signal.SIGKILL)
        number = int(re.findall(r"lake(\d+)", received.payload["messages"][-1]["content"])[-1])
        return replace(completion(f"{number} metres" if number % 5 < self.knows else "No idea at all"), delay_s=0.002)


@pytest.fixture
def lakes() -> Lakes:
    return Lakes()


@pytest.fixture
def server(lakes: Lakes) -> Iterator[FakeServer]:
    with FakeServer(lakes) as server:
        yield server


@pytest.fixture
def world(tmp_path: Path, server: FakeServer, lakes: Lakes, command_line: CommandLine) -> Path:
    """A benchmark of sixty questions, and a run of a baseline that knows three fifths of the answers."""
    folder = tmp_path / "lakes"
    folder.mkdir()
    (folder / "card.yaml").write_text("name: lakes\nlicense: CC0-1.0\n", encoding="utf-8")
    documents = [{"id": f"d{i}", "text": f"The lake{i} is {i} metres deep."} for i in range(N)]
    questions = [
        {"id": f"q{i:02}", "text": f"How deep is lake{i}?", "references": [f"{i} metres"], "tags": ["odd"] * (i % 2)}
        for i in range(N)
    ]
    write_lines(folder / "documents.jsonl", documents)
    write_lines(folder / "questions.jsonl", questions)
    rows = [f"q{i:02}\td{i}\t1\n" for i in range(N)]
    (folder / "labels.tsv").write_text("question_id\tdocument_id\tgrade\n" + "".join(rows), encoding="utf-8")
    lakes.knows = 3
    assert command_line("run", write(tmp_path, server, "main", k=2), "--out", tmp_path / "base").code == 0
    lakes.knows, lakes.calls = 5, 0
    return tmp_path


def write(folder: Path, server: FakeServer, name: str, k: int = 1, **changes: Any) -> Path:
    """An experiment; `decided` are changes to what is under until.decided."""
    if "decided" in changes:
        (baseline,) = (folder / "base" / "runs").iterdir()
        asked = {"baseline": f"base/runs/{baseline.name}", "margins": {"exact_match": 0.1}, "batch": BATCH}
        changes["until"] = {"decided": {**asked, **changes.pop("decided")}}
    content: dict[str, Any] = {
        "benchmark": "lakes",
        "pipelines": [{"naive": {"retriever": "bm25", "k": k}}],
        "metrics": ["exact_match", "recall@1"],
        "models": {"chat": {"provider": "openai", "base_url": server.base_url, "model": "fake", "concurrency": 4}},
        **changes,
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def manifest(out: Path) -> dict[str, Any]:
    (folder,) = run_folders(out).values()
    return json.loads((folder / "manifest.json").read_text("utf-8"))


def logs(out: Path) -> dict[str, int]:
    """Lines by log of the only run."""
    (folder,) = run_folders(out).values()
    return {name: len(read_jsonl(folder / f"{name}.jsonl")) for name in ("questions", "responses")}


def test_what_is_decided_early_asks_no_more(
    world: Path, server: FakeServer, lakes: Lakes, command_line: CommandLine
) -> None:
    experiment, out = write(world, server, "better", decided={}), world / "out"
    ended = command_line("run", experiment, "--out", out, "--json")
    assert ended.code == 0, ended.err
    until = json.loads(ended.out)["until"]
    asked = until["asked"]
    assert until["stopped_by"] == "decided"
    assert until["gate"]["verdict"] == "pass"
    assert asked - BATCH < until["gate"]["decided_after"] <= asked < N
    assert lakes.calls == EACH * asked
    assert until["sentence"] == f"stopped after {asked} of {N} questions: the gate is decided (pass)"
    assert f"note: asked until decided: {until['sentence']}" in ended.err
    assert "reused" not in ended.err

    left = manifest(out)
    assert (left["status"], len(left["questions"])) == ("complete", asked)
    assert left["until"]["asked"] == asked
    assert logs(out) == {"questions": asked, "responses": asked}
    (folder,) = run_folders(out).values()
    (baseline,) = run_folders(world / "base").values()
    read = command_line("gate", folder, "--baseline", baseline, "--margin", "exact_match=0.1", "--sequential", "--json")
    assert json.loads(read.out)["decided_after"] == until["gate"]["decided_after"]

    again = command_line("run", experiment, "--out", out)
    assert (again.code, lakes.calls) == (0, EACH * asked)
    assert f"gate: pass, decided after {until['gate']['decided_after']} of {asked} questions" in again.out
    assert f"reused {asked} of {asked} answers" in again.err
    assert manifest(out)["notes"] == left["notes"]


def test_a_worse_one_fails_and_a_close_one_is_asked_everything(
    world: Path, server: FakeServer, lakes: Lakes, command_line: CommandLine
) -> None:
    lakes.knows = 1
    ended = command_line("run", write(world, server, "worse", decided={}), "--out", world / "worse")
    assert ended.code == 1
    assert len(manifest(world / "worse")["questions"]) < N
    lakes.knows = 3
    close = write(world, server, "close", decided={"margins": {"exact_match": 0.01}})
    ended = command_line("run", close, "--out", world / "close", "--fresh")
    assert ended.code == 3
    assert "gate: inconclusive after 60 questions" in ended.out
    left = manifest(world / "close")
    assert (left["until"]["stopped_by"], left["fresh"], len(left["questions"])) == ("questions", True, N)


def test_a_spent_budget_leaves_a_finished_run_that_goes_on(
    world: Path, server: FakeServer, lakes: Lakes, command_line: CommandLine
) -> None:
    decided = {"margins": {"exact_match": 0.01, "recall@1": 0.01}}
    lakes.knows = 3
    before = len(server.received)
    out = world / "out"
    ended = command_line("run", write(world, server, "close", decided=decided, budget={"max_calls": 50}), "--out", out)
    assert ended.code == 6
    assert "error: budget: stopped after 20 of 60 questions: the budget is spent and the gate is inconcl" in ended.err
    left = manifest(out)
    assert (left["status"], len(left["questions"]), left["until"]["stopped_by"]) == ("complete", 20, "budget")
    assert logs(out) == {"questions": 20, "responses": 20}
    assert len(server.received) - before == 50
    assert command_line("leaderboard", *run_folders(out).values()).code == 0
    ended = command_line("run", write(world, server, "close", decided=decided), "--out", out)
    assert ended.code == 3
    assert "reused 20 of 60 answers" in ended.err
    assert [note for note in manifest(out)["notes"] if "budget" in note] == []
    asked = Counter(json.dumps(one.payload, sort_keys=True) for one in server.received[before:])
    assert sorted(asked.values()) == [1] * N * EACH
    command_line("run", write(world, server, "close", decided=decided), "--out", world / "undisturbed")
    assert results(out) == results(world / "undisturbed")


def test_a_budget_that_ends_within_the_first_batch_leaves_no_finished_run(
    world: Path, server: FakeServer, command_line: CommandLine
) -> None:
    experiment = write(world, server, "poor", decided={}, budget={"max_calls": 5})
    ended = command_line("run", experiment, "--out", world / "out")
    assert ended.code == 6
    assert "everything done so far is kept" in ended.err
    assert manifest(world / "out")["status"] == "running"


def test_a_killed_one_ends_where_an_undisturbed_one_ends(
    world: Path, server: FakeServer, lakes: Lakes, command_line: CommandLine
) -> None:
    experiment, out = write(world, server, "better", decided={"margins": {"exact_match": 0.02}}), world / "out"
    process = start_rageval("run", experiment, "--out", out)
    lakes.pid, lakes.at = process.pid, 33
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    lakes.at = 0
    ended = command_line("run", experiment, "--out", out)
    assert ended.code == 0
    command_line("run", experiment, "--out", world / "undisturbed")
    assert results(out) == results(world / "undisturbed")
    assert manifest(out)["until"] == manifest(world / "undisturbed")["until"]


REFUSED: list[tuple[int, dict[str, Any], str]] = [
    (2, {"decided": {"margins": {"map": 0.1}}}, "until.decided.margins: found map, expected one of the metrics, exact"),
    (2, {"decided": {"margins": {"exact_match": 1}}}, "until.decided.margins.exact_match: found 1: "),
    (2, {"decided": {"margins": {}}}, "until.decided.margins: found an empty mapping"),
    (2, {"decided": {"margins": {"exact-match": 0.1}}}, "unknown metric 'exact-match'"),
    (2, {"decided": {"batch": 0}}, "until.decided.batch: found 0: "),
    (
        2,
        {"decided": {"batches": 3}},
        "until.decided.batches: found an unknown key, expected one of baseline, margins, ",
    ),
    (2, {"until": {"tired": {}}}, "until.tired: found an unknown key, expected one of decided"),
    (2, {"decided": {}, "pipelines": ["naive", "closed_book"]}, "until.decided: found 2 pipelines, expected the one "),
    (4, {"decided": {"baseline": "nowhere"}}, "nowhere: found neither a run folder nor a baseline"),
    (
        4,
        {"decided": {"margins": {"recall@2": 0.1}}, "metrics": ["recall@2"]},
        "found no recall@2, expected it beside exact_match, recall@1",
    ),
    (
        4,
        {"decided": {}, "grade_threshold": 2},
        "found 60 of the 60 questions missing or changed ('q00', 'q01', 'q02', ",
    ),
]


@pytest.mark.parametrize(("code", "changes", "told"), REFUSED)
def test_mistakes_cost_nothing(
    code: int, changes: dict[str, Any], told: str, world: Path, server: FakeServer, command_line: CommandLine
) -> None:
    before = server.calls
    ended = command_line("run", write(world, server, "mistaken", **changes), "--out", world / "out")
    assert (ended.code, server.calls - before) == (code, 0)
    assert told in ended.err


def test_a_sweep_has_no_until(world: Path, server: FakeServer, command_line: CommandLine) -> None:
    ended = command_line("sweep", write(world, server, "swept", decided={}), "--out", world / "out")
    assert ended.code == 2
    assert "error: until: found it in a sweep, expected it with `rageval run` alone" in ended.err


@pytest.mark.parametrize(
    ("metric", "changes", "code", "told"),
    [
        ("faithfulness", {}, 3, "all questions are asked and the gate is inconclusive"),
        ("faithfulness", {"model": {"model": "another"}}, 4, "until.decided: faithfulness: found other judges (base/"),
        (
            "nugget_recall",
            {},
            2,
            "until.decided: found a judge that waits for all answers, expected nugget_recall with",
        ),
    ],
)
def test_the_judge_has_to_be_that_of_the_baseline(
    metric: str,
    changes: dict[str, Any],
    code: int,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command_line: CommandLine,
) -> None:
    monkeypatch.chdir(tmp_path)
    with FakeServer(respond) as server:
        setting: dict[str, Any] = {"pipelines": ["naive"], "metrics": [metric]}
        command_line("run", write_experiment(tmp_path, server.base_url, **setting), "--out", "base")
        (baseline,) = Path("base/runs").iterdir()
        setting["until"] = {"decided": {"baseline": str(baseline), "margins": {metric: 0.1}, "batch": 4}}
        before = server.calls
        ended = command_line("run", write_experiment(tmp_path, server.base_url, **setting, **changes), "--out", "out")
        assert ended.code == code, ended.err
        assert told in ended.err
        assert (server.calls > before) == (code == 3)
