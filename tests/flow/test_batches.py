"""Experiments whose chat calls are submitted as batches: the same results, nothing paid for twice, whatever happens."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import rageval
from rageval.models import batch
from rageval.models.scripted import ScriptedChat
from rageval.types import Question
from tests.conftest import CommandLine
from tests.flow.batch_server import BatchServer, End
from tests.flow.fake_server import Canned, FakeServer, Received, fault
from tests.flow.small_world import (
    PIPELINES,
    QUESTIONS,
    read_jsonl,
    respond,
    results,
    run_folders,
    scripted_reply,
    start_rageval,
    write_benchmark,
    write_experiment,
    write_lines,
)

SECRET = "sk-very-secret-0123456789"
PACE = batch.Pace(quiet_s=0.15, first_look_s=0.02, longest_look_s=0.1)
QUICK = (
    "import functools, rageval.models.batch as b; "
    "b.BatchChat = functools.partial(b.BatchChat, "
    "pace=b.Pace(quiet_s=0.15, first_look_s=0.02, longest_look_s=0.1)); "
)
LONG_S = 600
NAIVE = {"pipelines": ["naive"], "metrics": ["faithfulness"]}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "BatchChat", functools.partial(batch.BatchChat, pace=PACE))


@pytest.fixture
def server() -> Iterator[BatchServer]:
    with BatchServer(respond) as server:
        yield server


def write(folder: Path, server: FakeServer, *, model: dict[str, object] | None = None, **changes: Any) -> Path:
    return write_experiment(folder, server.base_url, model={"transport": "batch", **(model or {})}, **changes)


def start(experiment: Path, out: Path) -> subprocess.Popen[str]:
    return start_rageval("run", experiment, "--out", out, first=QUICK)


def kill_under_way(server: BatchServer, experiment: Path, out: Path) -> None:
    """Run until the endpoint, which holds its batches, is asked how one stands; kill it then."""
    server.held = True
    looks = server.steps["look"]
    process = start(experiment, out)
    while server.steps["look"] == looks:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.communicate()


@dataclass(frozen=True)
class Direct:
    """What the experiments come to when every call is made directly, and what they ask."""

    results: dict[str, Any]
    asked: Counter[str]
    calls: int


def run_directly(folder: Path, run: CommandLine, **changes: Any) -> Direct:
    with FakeServer(respond) as server:
        experiment = write_experiment(folder / "direct", server.base_url, **changes)
        assert run("run", experiment, "--out", folder / "direct-out").code == 0
        chats = [r.payload for r in server.received if r.path.endswith("/chat/completions")]
    asked = Counter(json.dumps(payload, sort_keys=True) for payload in chats)
    return Direct(results(folder / "direct-out"), asked, calls(folder / "direct-out"))


def calls(out: Path) -> int:
    """The calls that the manifests of all runs tell of."""
    manifests = [json.loads((folder / "manifest.json").read_text()) for folder in run_folders(out).values()]
    return sum(usage["calls"] for manifest in manifests for usage in manifest["usage"].values())


def test_an_experiment_in_batches_is_the_one_made_directly(
    server: BatchServer, tmp_path: Path, command_line: CommandLine
) -> None:
    """All pipelines and judges: the same requests, each paid for once and none directly, the same scores and calls."""
    direct = run_directly(tmp_path, command_line)
    out = tmp_path / "out"
    ended = command_line("run", write(tmp_path, server), "--out", out)
    assert (ended.code, sorted(ended.err.splitlines())) == (0, sorted(map(str, run_folders(out).values())))
    assert results(out) == direct.results
    assert set(direct.results) == {next(iter(pipeline)) for pipeline in PIPELINES}
    assert server.times_paid == direct.asked
    assert server.direct == []
    assert calls(out) == direct.calls
    assert len(server.made) < direct.asked.total() / 4  # few batches of many requests
    for number in range(len(server.made)):
        sent = server.sent(number)
        assert len({line["custom_id"] for line in sent}) == len(sent)
        assert {(line["method"], line["url"]) for line in sent} == {("POST", "/v1/chat/completions")}


def test_the_second_run_asks_nothing(server: BatchServer, tmp_path: Path, command_line: CommandLine) -> None:
    experiment, out = write(tmp_path, server, **NAIVE), tmp_path / "out"
    assert command_line("run", experiment, "--out", out).code == 0
    before, paid = server.steps.copy(), server.times_paid
    assert command_line("run", experiment, "--out", out).code == 0
    assert (server.steps, server.times_paid) == (before, paid)


@pytest.mark.parametrize(("step", "nth"), [("upload", 1), ("create", 1), ("look", 1), ("download", 1), ("create", 2)])
def test_a_killed_run_pays_for_nothing_twice(
    step: str, nth: int, server: BatchServer, tmp_path: Path, command_line: CommandLine
) -> None:
    """Killed where the endpoint has just done something and not yet said so."""
    direct = run_directly(tmp_path, command_line, **NAIVE)
    experiment, out = write(tmp_path, server, **NAIVE), tmp_path / "out"
    process = start(experiment, out)

    def kill(now: str) -> Canned | None:
        if now == step and server.steps[step] == nth and process.poll() is None:
            process.kill()
            process.wait()
            return Canned("", hang_up=True)
        return None

    server.on = kill
    _, err = process.communicate(timeout=LONG_S)
    assert process.returncode == -signal.SIGKILL, err
    assert command_line("run", experiment, "--out", out).code == 0
    assert results(out) == direct.results
    assert server.times_paid == direct.asked
    assert len(server.files) >= len(server.made)


def test_a_run_killed_at_every_step_pays_for_nothing_twice(
    server: BatchServer, tmp_path: Path, command_line: CommandLine
) -> None:
    direct = run_directly(tmp_path, command_line, **NAIVE)
    experiment, out = write(tmp_path, server, **NAIVE), tmp_path / "out"
    kills = ["create", "look", "download", "create"]
    process: subprocess.Popen[str] | None = None

    def kill(now: str) -> Canned | None:
        if process is not None and kills and now == kills[0]:
            kills.pop(0)
            os.kill(process.pid, signal.SIGKILL)
            return Canned("", hang_up=True)
        return None

    server.on = kill
    while kills:
        process = start(experiment, out)
        _, err = process.communicate(timeout=LONG_S)
        assert process.returncode == -signal.SIGKILL, err
    assert command_line("run", experiment, "--out", out).code == 0
    assert results(out) == direct.results
    assert server.times_paid == direct.asked


def test_ctrl_c_says_that_the_endpoint_goes_on(server: BatchServer, tmp_path: Path, command_line: CommandLine) -> None:
    experiment, out = write(tmp_path, server, **NAIVE), tmp_path / "out"
    server.held = True
    process = start(experiment, out)
    while server.steps["look"] < 2:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=LONG_S)
    assert process.returncode == 130
    goes_on = "and the endpoint goes on with what was submitted (1 batch)"
    command = f"rageval run {experiment} --out {out}"
    assert err.splitlines() == [f"stopped; everything done so far is kept, {goes_on}. To go on:  {command}"]
    made = len(server.made)
    server.held = False
    assert command_line("run", experiment, "--out", out).code == 0
    assert made == 1
    assert set(server.times_paid.values()) == {1}


def test_ctrl_c_before_anything_is_submitted_submits_nothing(server: BatchServer, tmp_path: Path) -> None:
    slow = QUICK.replace("quiet_s=0.15", "quiet_s=3")
    seen: list[Received] = []

    process = start_rageval("run", write(tmp_path, server, **NAIVE), "--out", tmp_path / "out", first=slow)
    while not seen:
        assert process.poll() is None
        seen = [r for r in server.received if r.path.endswith("/embeddings")]
        time.sleep(0.01)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=LONG_S)
    assert (process.returncode, server.made, server.files) == (130, [], {})
    assert "endpoint goes on" not in err


@pytest.mark.parametrize("status", ["completed", "expired", "cancelled", "failed"])
def test_what_a_batch_has_no_reply_to_is_asked_directly(
    status: str, server: BatchServer, tmp_path: Path, command_line: CommandLine, caplog: pytest.LogCaptureFixture
) -> None:
    direct = run_directly(tmp_path, command_line, **NAIVE)

    def leaves(received: Received) -> bool:
        return any(QUESTIONS[name] in received.payload["messages"][-1]["content"] for name in ("en-1", "zh-2"))

    errors = [{"code": "invalid", "message": f"line 3 is\nnot right for {SECRET[:2]}", "line": 3}]
    server.end = lambda n: End(status, leaves=leaves, errors=errors if status == "failed" else []) if n == 0 else End()
    out = tmp_path / "out"
    assert command_line("run", write(tmp_path, server, **NAIVE), "--out", out).code == 0
    assert results(out) == direct.results
    assert server.times_paid == direct.asked
    n = len(server.sent(0)) if status == "failed" else 2
    assert len(server.direct) == n
    told = "line 3 is not right for sk" if status == "failed" else "not in time"
    assert caplog.messages == [
        f"fake @ {server.base_url}: batch_0 is {status} without a reply to {n} requests, which are asked directly: "
        + told
    ]


def test_a_request_that_failed_in_a_batch_is_tried_again_directly(
    server: BatchServer, tmp_path: Path, command_line: CommandLine
) -> None:
    direct = run_directly(tmp_path, command_line, **NAIVE)
    seen: Counter[str] = Counter()

    def overloaded_at_first(received: Received) -> Canned:
        key = json.dumps(received.payload, sort_keys=True)
        seen[key] += 1
        if received.path != "/v1/embeddings" and QUESTIONS["en-2"] in key and seen[key] <= 2:
            return fault(500 + 3 * (seen[key] - 1), "overloaded")
        return respond(received)

    server._respond = overloaded_at_first
    assert command_line("run", write(tmp_path, server, **NAIVE), "--out", tmp_path / "out").code == 0
    assert results(tmp_path / "out") == direct.results
    paid_directly = [r for r in server.direct if QUESTIONS["en-2"] in r.payload["messages"][-1]["content"]]
    assert len(paid_directly) == len(server.direct) >= 2  # one that failed there too, and the one that did not


@pytest.mark.parametrize(
    ("answer", "remedy"),
    [
        (fault(401, "Incorrect API key provided"), "check the key in the environment variable OPENAI_API_KEY"),
        (fault(404, "The model `fake` does not exist"), "check `model` and `base_url`"),
    ],
)
def test_what_no_retry_helps_stops_the_run(
    answer: Canned, remedy: str, server: BatchServer, tmp_path: Path, command_line: CommandLine
) -> None:
    server._respond = lambda received: respond(received) if received.path == "/v1/embeddings" else answer
    ended = command_line("run", write(tmp_path, server, **NAIVE), "--out", tmp_path / "out")
    assert ended.code == 5
    assert remedy in ended.err


def test_an_option_that_is_rejected_goes_again_in_a_batch(
    server: BatchServer, tmp_path: Path, command_line: CommandLine, caplog: pytest.LogCaptureFixture
) -> None:
    def newer(received: Received) -> Canned:
        if "max_tokens" in received.payload:
            return fault(400, "Use 'max_completion_tokens' instead of 'max_tokens'.", param="max_tokens")
        return respond(received)

    server._respond = newer
    assert command_line("run", write(tmp_path, server, **NAIVE), "--out", tmp_path / "out").code == 0
    assert server.direct == []
    assert all("max_completion_tokens" in received.payload for received in server.batched)
    assert set(server.times_paid.values()) == {1}
    (warning,) = caplog.messages
    assert "sends max_completion_tokens instead of max_tokens from now on" in warning


def test_lines_that_cannot_be_read_are_left_out(server: BatchServer, tmp_path: Path, command_line: CommandLine) -> None:
    direct = run_directly(tmp_path, command_line, **NAIVE)
    good = {"status_code": 200, "body": {"choices": []}}

    def end(number: int) -> End:
        key = server.sent(number)[0]["custom_id"]
        said = [
            {"custom_id": key, "response": {"status_code": "200", "body": None}, "error": None},
            {"custom_id": key, "response": good, "error": None},
            {"custom_id": "somebody else's", "response": good, "error": None},
            {"custom_id": [key], "response": good},
        ]
        broken = [b"", b"{", b"null", b"[]", b"7", b"[" * 100_000, b"\xff\xfe", b'{"custom_id": null}']
        return End(garbage=(*broken, *(json.dumps(line).encode() for line in said)))

    server.end = end
    assert command_line("run", write(tmp_path, server, **NAIVE), "--out", tmp_path / "out").code == 0
    assert results(tmp_path / "out") == direct.results
    assert (server.times_paid, server.direct) == (direct.asked, [])


def test_an_answer_that_is_lost_on_the_way_makes_no_second_batch(
    server: BatchServer, tmp_path: Path, command_line: CommandLine
) -> None:
    """The batch is found in the endpoint's list: on its second page here, after three others."""
    lost = [Canned("", hang_up=True), fault(503), Canned("not JSON")]

    def on(step: str) -> Canned | None:
        if step == "create" and lost:
            server.made += [{"id": f"other{i}", "input_file_id": "x", "created_at": 4e9} for i in range(3)]
            return lost.pop()
        return None

    server.on = on
    server.end = lambda _: End(looks=0)
    assert command_line("run", write(tmp_path, server, **NAIVE), "--out", tmp_path / "out").code == 0
    assert not lost
    assert set(server.times_paid.values()) == {1}
    assert server.direct == []


def test_models_and_endpoints_are_not_mixed(server: BatchServer, tmp_path: Path, command_line: CommandLine) -> None:
    """Two models at one endpoint and one at another, which is called as one of them; killed when each has a batch."""
    with BatchServer(respond) as elsewhere:
        one = {"provider": "openai", "base_url": server.base_url, "model": "one", "transport": "batch"}
        judges = [{**one, "base_url": elsewhere.base_url}, {**one, "model": "two"}]
        embed = {"provider": "openai", "base_url": server.base_url, "model": "fake"}
        experiment = write(tmp_path, server, **NAIVE, models={"chat": one, "embed": embed, "judge": judges})
        out = tmp_path / "out"
        for holding in (server, elsewhere, server):
            kill_under_way(holding, experiment, out)
            holding.held = False
        assert command_line("run", experiment, "--out", out).code == 0
        for host, models in ((server, {"one", "two"}), (elsewhere, {"one"})):
            asked = [{line["body"]["model"] for line in host.sent(number)} for number in range(len(host.made))]
            assert {len(names) for names in asked} == {1}
            assert set().union(*asked) == models
            assert set(host.times_paid.values()) == {1}
            assert host.direct == []


def test_the_key_goes_to_the_endpoint_alone(
    server: BatchServer,
    tmp_path: Path,
    command_line: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    errors = [{"code": "invalid_api_key", "message": f"Incorrect API key provided: {SECRET}"}]
    server.end = lambda n: End("failed", errors=errors) if n == 0 else End()
    ended = command_line("run", write(tmp_path, server, **NAIVE), "--out", tmp_path / "out")
    assert ended.code == 0
    assert server.keys == {f"Bearer {SECRET}"}
    assert "Incorrect API key provided: ***" in caplog.text
    assert SECRET not in ended.out + ended.err + caplog.text
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert any(path.name == "batches.sqlite" for path in files)
    assert not any(SECRET.encode() in path.read_bytes() for path in files)


def test_prompts_are_not_written_beside_the_cache(server: BatchServer, tmp_path: Path) -> None:
    kill_under_way(server, write(tmp_path, server, **NAIVE), tmp_path / "out")
    written = b"".join(path.read_bytes() for path in (tmp_path / "out" / "cache").glob("batches.sqlite*"))
    assert server.sent(0)[0]["custom_id"].encode() in written
    assert not any(text.encode() in written for text in QUESTIONS.values())


def test_an_endpoint_without_batches_is_told(tmp_path: Path, command_line: CommandLine) -> None:
    with FakeServer(respond) as server:
        ended = command_line("run", write(tmp_path, server, **NAIVE), "--out", tmp_path / "out")
    assert ended.code == 5
    (line,) = (line for line in ended.err.splitlines() if line.startswith("error:"))
    assert "takes no batches" in line
    assert "`transport: direct` makes the same calls without batches" in line


def test_a_batch_that_is_refused_is_told(server: BatchServer, tmp_path: Path, command_line: CommandLine) -> None:
    server.on = lambda step: fault(400, "Billing hard limit has been reached") if step == "refuse" else None
    ended = command_line("run", write(tmp_path, server, **NAIVE), "--out", tmp_path / "out")
    assert ended.code == 5
    assert "refuses the batch: Billing hard limit has been reached: `transport: direct`" in ended.err
    assert (server.times_paid, server.steps["create"]) == (Counter(), 1)
    server.on = lambda _: None
    assert command_line("run", write(tmp_path, server, **NAIVE), "--out", tmp_path / "out").code == 0
    assert set(server.times_paid.values()) == {1}


def test_a_batch_of_another_account_stops_the_run(
    server: BatchServer, tmp_path: Path, command_line: CommandLine
) -> None:
    experiment, out = write(tmp_path, server, **NAIVE), tmp_path / "out"
    kill_under_way(server, experiment, out)
    server.made[0]["id"] = "hidden"
    ended = command_line("run", experiment, "--out", out)
    assert ended.code == 5
    assert "does not know batch_0, which was submitted there: give the key that it was submitted with, or delete" in (
        ended.err
    )
    assert (len(server.made), server.direct) == (1, [])


def test_a_budget_bounds_batches(server: BatchServer, tmp_path: Path, command_line: CommandLine) -> None:
    """What is too much is not submitted, and the next run goes on."""
    out = tmp_path / "out"
    ended = command_line("run", write(tmp_path, server, **NAIVE, budget={"max_calls": 5}), "--out", out)
    assert ended.code == 6
    assert "the next call could go beyond max_calls 5, after 5 calls" in ended.err
    assert server.times_paid.total() == 5
    assert command_line("run", write(tmp_path, server, **NAIVE), "--out", out).code == 0
    assert set(server.times_paid.values()) == {1}
    assert server.direct == []


def test_dry_run_and_offline_submit_nothing(
    server: BatchServer, tmp_path: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment, out = write(tmp_path, server, **NAIVE), tmp_path / "out"
    dry = command_line("run", experiment, "--out", out, "--dry-run")
    assert (dry.code, server.steps) == (0, Counter())
    assert "naive: 0 questions done, 0 in the cache, 6 to ask about" in dry.out
    assert not (out / "cache" / "batches.sqlite").exists()
    refused = command_line("run", experiment, "--out", out, "--offline")
    assert (refused.code, server.steps) == (5, Counter())
    assert command_line("run", experiment, "--out", out).code == 0
    asked = server.steps.copy()
    for folder in run_folders(out).values():
        (folder / "responses.jsonl").unlink()
    assert command_line("run", experiment, "--out", out, "--offline").code == 0
    assert "6 questions done" in command_line("run", experiment, "--out", out, "--dry-run").out
    assert server.steps == asked


def test_judge_calibrate_and_prefer_ask_in_batches(
    server: BatchServer, tmp_path: Path, command_line: CommandLine
) -> None:
    out = tmp_path / "out"
    two = [{"naive": {"k": 1}}, {"naive": {"k": 2}}]
    experiment = write(tmp_path, server, pipelines=two, metrics=["answer_relevance"])
    assert command_line("run", experiment, "--out", out).code == 0
    runs = sorted((out / "runs").iterdir())
    other = write(tmp_path / "other", server, model={"model": "other"}, **NAIVE)
    labels = tmp_path / "labels.jsonl"
    items = [
        {"id": name, "question": text, "context": ["a text"], "answer": f"{text} {i}", "label": i % 2}
        for i, (name, text) in enumerate(QUESTIONS.items())
    ]
    labels.write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
    commands: list[tuple[object, ...]] = [
        ("judge", runs[0], "--name", "other", "--experiment", other, "--out", out),
        ("calibrate", "answer_relevance", "--labels", labels, "--experiment", other, "--out", out),
        ("prefer", *runs, "--experiment", other, "--out", out),
    ]
    for command in commands:
        before = len(server.made)
        ended = command_line(*command)
        assert ended.code == 0, ended.err
        assert len(server.made) > before, command
    assert server.direct == []
    assert set(server.times_paid.values()) == {1}
    assert all(read_jsonl(run / "responses.jsonl") for run in runs)


def test_systems_without_limits_are_not_asked_thousands_at_once(tmp_path: Path) -> None:
    """A function of the user's own, judged by a model that takes as many calls at once as a batch has."""
    now = most = 0

    async def answer(question: Question) -> str:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1
        return f"It is said that {question.text}"

    write_benchmark(tmp_path / "small")
    questions = [{"id": f"q{i}", "text": f"How many are {i}?", "tags": ["unanswerable"]} for i in range(100)]
    write_lines(tmp_path / "small" / "questions.jsonl", questions)
    (tmp_path / "small" / "labels.tsv").write_text("question_id\tdocument_id\tgrade\n", encoding="utf-8")
    judge = ScriptedChat(scripted_reply, concurrency=50_000)
    rageval.evaluate(tmp_path / "small", [answer], ["answer_relevance"], judge=judge, out=tmp_path / "out")
    assert most == 64
