"""The same experiment over a Ray cluster of two nodes: the same results and the same calls, whatever is lost.

One cluster serves all tests of this file; each run connects to it anew, as the command line does.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from rageval.distributed.cluster import import_ray, ray_cluster
from rageval.errors import ExecutionError
from rageval.experiment.plan import load_experiment
from rageval.experiment.run import run_experiment
from rageval.extras import install_command
from tests.conftest import CommandLine
from tests.flow.fake_server import Canned, FakeServer, Received, fault
from tests.flow.small_world import (
    METRICS,
    PIPELINES,
    QUESTIONS,
    drop_costs,
    read_jsonl,
    respond,
    run_folders,
    start_rageval,
    write_experiment,
)

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs the extra ray"),
    pytest.mark.xdist_group("ray"),  # one cluster for all
]

CONCURRENCY = 4
SOON_FOUND_DEAD = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 2000,
    "health_check_failure_threshold": 4,
}
FIRST_HITS = """\
from dataclasses import dataclass
from rageval.pipeline import Stage
from rageval.retrieval import BM25, Retrieve

@dataclass(frozen=True)
class FirstHits(Stage):
    n: int

    async def run(self, state, resources):
        return state.with_response(hits=state.response.hits[: self.n], context=tuple(range(self.n)))

def build(n: int = 1) -> Stage:
    return Retrieve(BM25()) >> FirstHits(n)
"""
LENGTH = """\
from rageval import CustomJudge

class Length(CustomJudge):
    '''Is the answer one line?'''

    name = "custom.length"

    async def judge(self, question, response, chat):
        return self.grade(1 / len(response.answer.splitlines()), response)

judge = Length()
"""
RECORDED = [
    {"question_id": name, "answer": f"It is {name}.", "hits": [{"doc_id": "arlen"}, {"doc_id": "donghu"}]}
    for name in QUESTIONS
]


@dataclass
class Saboteur:
    """Answers by the rule, and does `deed` when the call number `at` arrives."""

    at: int = 0
    deed: Callable[[], None] = lambda: None
    calls: int = 0

    def __call__(self, received: Received) -> Canned:
        self.calls += 1
        if self.calls == self.at:
            self.deed()
        return replace(respond(received), delay_s=0.002)

    def prepare(self, at: int, deed: Callable[[], None]) -> None:
        self.calls, self.at, self.deed = 0, at, deed


@pytest.fixture(scope="module")
def saboteur() -> Saboteur:
    return Saboteur()


@pytest.fixture(scope="module")
def server(saboteur: Saboteur) -> Iterator[FakeServer]:
    with FakeServer(saboteur) as server:
        yield server


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head without CPUs and two nodes with one each."""
    import_ray()
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "include_dashboard": False, "_system_config": SOON_FOUND_DEAD}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(2):
            cluster.add_node(num_cpus=1)
        yield cluster
    finally:
        cluster.shutdown()


@dataclass(frozen=True)
class Local:
    """What a run in one process left behind, and what it asked of the server."""

    experiment: Path
    asked: Counter[str]
    results: dict[str, Any]
    calls: int


@pytest.fixture(scope="module")
def local(server: FakeServer, tmp_path_factory: pytest.TempPathFactory) -> Local:
    """Every kind of pipeline and judge: shipped, pooled, of the user's own, and one that reads a file here."""
    folder = tmp_path_factory.mktemp("local")
    (folder / "first_hits.py").write_text(FIRST_HITS, encoding="utf-8")
    (folder / "length.py").write_text(LENGTH, encoding="utf-8")
    (folder / "recorded.jsonl").write_text("".join(json.dumps(line) + "\n" for line in RECORDED), encoding="utf-8")
    pipelines = [*PIPELINES, {"./first_hits.py": {"n": 1}}, {"recorded": {"path": "recorded.jsonl"}}]
    metrics = [*METRICS, "nugget_recall", "length.py"]
    model = {"concurrency": CONCURRENCY}
    experiment = write_experiment(folder, server.base_url, model=model, pipelines=pipelines, metrics=metrics)
    out = folder / "out"
    asked = requests(server, lambda: run(experiment, out))
    return Local(experiment, asked, results(out), calls_counted(out))


def run(experiment: Path, out: Path, **options: Any) -> None:
    with load_experiment(experiment, out / "cache") as planned:
        run_experiment(planned, out, **options)


def requests(server: FakeServer, work: Callable[[], object]) -> Counter[str]:
    """The chat requests that the server gets while `work` runs, and the texts that it embeds."""
    before = server.calls
    work()
    asked: Counter[str] = Counter()
    for received in server.received[before:]:
        texts = received.payload.get("input")
        asked.update([json.dumps(received.payload, sort_keys=True)] if texts is None else texts)
    return asked


def results(out: Path) -> dict[str, Any]:
    """Of every pipeline: scores.json to the byte, and all responses and judgments without time and cost."""
    found: dict[str, Any] = {}
    for name, folder in run_folders(out).items():
        lines: dict[str, Any] = {}
        for log in (folder / "responses.jsonl", *sorted((folder / "judgments").glob("*.jsonl"))):
            read = read_jsonl(log)
            lines[log.name] = {line.pop("question_id"): line for line in read}
            assert len(lines[log.name]) == len(read), f"a question twice in {log}"
            for line in lines[log.name].values():
                drop_costs(line)
        found[name] = (folder / "scores.json").read_bytes(), lines
    return found


def calls_counted(out: Path) -> int:
    """What the manifests say that was paid for."""
    manifests = [json.loads((folder / "manifest.json").read_text()) for folder in run_folders(out).values()]
    return sum(usage["paid_calls"] for manifest in manifests for usage in manifest["usage"].values())


def test_as_in_one_process(local: Local, server: FakeServer, cluster: Any, tmp_path: Path) -> None:
    assert len(local.results) == len(PIPELINES) + 2
    told: list[tuple[int, int]] = []
    with ray_cluster(cluster.address) as executor:
        asked = requests(
            server,
            lambda: run(local.experiment, tmp_path, executor=executor, on_progress=lambda *done: told.append(done)),
        )
    assert results(tmp_path) == local.results
    assert asked == local.asked
    assert calls_counted(tmp_path) == local.calls
    total = len(QUESTIONS) * len(local.results)
    # once for what is judged alone, once for the judge that waits for all answers
    assert told == [(done, total) for done in range(total + 1)] * 2


def test_a_node_is_lost(local: Local, server: FakeServer, saboteur: Saboteur, cluster: Any, tmp_path: Path) -> None:
    node = cluster.add_node(num_cpus=1)
    saboteur.prepare(70, lambda: cluster.remove_node(node, allow_graceful=False))
    with ray_cluster(cluster.address) as executor:
        asked = requests(server, lambda: run(local.experiment, tmp_path, executor=executor))
    assert node not in cluster.worker_nodes
    assert results(tmp_path) == local.results
    assert asked == local.asked


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)])
def test_a_driver_that_is_stopped_goes_on(
    sent: signal.Signals,
    code: int,
    local: Local,
    server: FakeServer,
    saboteur: Saboteur,
    cluster: Any,
    tmp_path: Path,
    command_line: CommandLine,
) -> None:
    """What was in flight at a kill may be asked again, and nothing else."""
    on_ray = ("run", local.experiment, "--out", tmp_path, "--executor", "ray", "--ray-address", cluster.address)

    def stop() -> None:
        process = start_rageval(*on_ray)
        saboteur.prepare(90, lambda: os.kill(process.pid, sent))
        out, err = process.communicate(timeout=120)
        assert (process.returncode, out) == (code, ""), err
        if sent == signal.SIGINT:
            assert err.startswith("stopped; everything done so far is kept. To go on:  rageval run ")

    before = requests(server, stop)
    assert any((folder / "responses.jsonl").exists() for folder in (tmp_path / "runs").iterdir())
    after = requests(server, lambda: command_line(*on_ray))
    assert set(before | after) == set(local.asked)
    assert (before + after).total() <= local.asked.total() + (CONCURRENCY if sent == signal.SIGKILL else 0)
    assert results(tmp_path) == local.results


def numberless(text: str) -> str:
    """How many tokens were spent before the budget ended depends on the order of the questions."""
    return re.sub(r"[\d.]+", "#", text)


def refuse(received: Received) -> Canned:
    return fault(401, "no such key")


BROKEN = """\
from dataclasses import dataclass
from rageval.errors import DeclarationError
from rageval.pipeline import Stage

@dataclass(frozen=True)
class Broken(Stage):
    how: str

    async def run(self, state, resources):
        if state.question.id == "zh-1":
            BREAK[self.how]()
        return state.with_response(answer="It is so.")

def declare():
    raise DeclarationError("how: found a question that cannot be asked")

def fall():
    {}["title"]

def die():
    import os
    os._exit(1)

BREAK = {"declare": declare, "fall": fall, "die": die}

def build(how: str) -> Stage:
    return Broken(how)
"""


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"model": {"max_retries": 0}, "pipelines": ["naive"]}, 5),
        ({"budget": {"max_calls": 7}}, 6),
        ({"pipelines": [{"./broken.py": {"how": "declare"}}], "metrics": ["answer_relevance"]}, 2),
    ],
    ids=["model", "budget", "declaration"],
)
def test_errors_end_the_command_as_they_do_here(
    changes: dict[str, Any],
    code: int,
    cluster: Any,
    tmp_path: Path,
    command_line: CommandLine,
) -> None:
    (tmp_path / "broken.py").write_text(BROKEN, encoding="utf-8")
    with FakeServer(refuse if code == 5 else respond) as server:
        experiment = write_experiment(tmp_path, server.base_url, **changes)
        here = command_line("run", experiment, "--out", tmp_path / "here")
        there = command_line(
            "run", experiment, "--out", tmp_path / "there", "--executor", "ray", "--ray-address", cluster.address
        )
    assert (there.code, here.code, there.out) == (code, code, "")
    assert numberless(there.err) == numberless(here.err)


def test_an_error_in_a_stage_is_that_questions_failure_and_a_process_that_dies_ends_the_run(
    server: FakeServer, cluster: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The failure is told with the place where it happened; a process that dies each time is not hired for ever."""
    (tmp_path / "broken.py").write_text(BROKEN, encoding="utf-8")
    changes: dict[str, Any] = {"metrics": ["answer_relevance"]}

    def broken(how: str) -> Path:
        return write_experiment(tmp_path, server.base_url, pipelines=[{"./broken.py": {"how": how}}], **changes)

    with ray_cluster(cluster.address) as executor:
        run(broken("fall"), tmp_path / "fallen", executor=executor)
        with pytest.raises(ExecutionError, match=r"broken.*question zh-1: 3 Ray workers were lost") as ended:
            run(broken("die"), tmp_path / "out", executor=executor)
    fallen = read_jsonl(run_folders(tmp_path / "fallen")["broken"] / "responses.jsonl")
    failures = {line["question_id"]: line["failure"] for line in fallen if "failure" in line}
    assert {line["question_id"] for line in fallen} == set(QUESTIONS)
    assert [*failures] == ["zh-1"]
    assert (failures["zh-1"]["error"], failures["zh-1"]["message"]) == ("KeyError", "'title'")
    assert "broken.py" in failures["zh-1"]["traceback"]
    assert "in fall" in failures["zh-1"]["traceback"]
    assert "\n" not in str(ended.value)
    assert [record.message.partition(",")[0] for record in caplog.records] == ["a Ray worker was lost"] * 2
    answered = {line["question_id"] for line in read_jsonl(run_folders(tmp_path / "out")["broken"] / "responses.jsonl")}
    assert answered < set(QUESTIONS)


def test_a_sweep(server: FakeServer, cluster: Any, tmp_path: Path, command_line: CommandLine) -> None:
    """Halved as well: each round is a run."""
    grid = {"pipeline": ["naive"], "retriever": ["bm25"], "chunk_tokens": [16, 32, 64]}
    experiment = write_experiment(tmp_path, server.base_url, pipelines=None, sweep=grid, metrics=["ndcg@10"])
    found: dict[str, Any] = {}
    for name, options in (("here", []), ("there", ["--executor", "ray", "--ray-address", cluster.address])):
        ended = command_line("sweep", experiment, "--out", tmp_path / name, "--halving", "--top", 1, "--json", *options)
        assert ended.code == 0, ended.err
        found[name] = json.loads(ended.out)
    for part in ("halving", "behind_the_best", "effects", "saved"):
        assert found["there"][part] == found["here"][part]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--ray-address", "127.0.0.1:6379"], "--ray-address: found an address without --executor ray"),
        (["--executor", "ray", "--ray-address", "ray://127.0.0.1:10001"], "found ray://127.0.0.1:10001, expected"),
        (["--executor", "ray", "--ray-address", "127.0.0.1:1"], "found no Ray cluster that can be used at 127.0.0.1:1"),
        (["--executor", "ray", "--ray-address", "nowhere"], "found no Ray cluster that can be used at nowhere (Inval"),
    ],
)
def test_mistakes(options: list[str], told: str, server: FakeServer, tmp_path: Path, command_line: CommandLine) -> None:
    before = server.calls
    ended = command_line("run", write_experiment(tmp_path, server.base_url), "--out", tmp_path / "out", *options)
    assert (ended.code, server.calls) == (2, before)
    (line,) = ended.err.splitlines()
    assert told in line


def test_without_the_extra(
    server: FakeServer, tmp_path: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "ray" else real(name))
    experiment = write_experiment(tmp_path, server.base_url)
    ended = command_line("run", experiment, "--out", tmp_path / "out", "--executor", "ray")
    assert ended.code == 2
    assert ended.err == (f"error: --executor ray needs the package ray: install it with  {install_command('ray')}\n")


def test_ray_is_imported_by_nobody_else() -> None:
    code = "import sys, rageval.cli.app, rageval.distributed.cluster; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
