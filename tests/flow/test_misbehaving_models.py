"""Models that fail, stall and talk nonsense: counted, never hidden, never turned into numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CommandLine
from tests.flow.fake_server import Canned, FakeServer, Received, completion, fault
from tests.flow.small_world import (
    QUESTIONS,
    asked_schema,
    read_jsonl,
    respond,
    run_folders,
    start_rageval,
    write_experiment,
)

PIPELINES = [{"naive": {"k": 2}}, {"rag_fusion": {"k": 2, "n": 2}}, {"self_rag": {"k": 2}}, "closed_book"]
CONCURRENCY = 8
METRICS = ["answer_relevance", "faithfulness", "context_relevance", "ndcg@10"]

SUPPORTED = {"1": "否", "2": "是", "3": "否。"}
HALF = "半个表情\ud83d"  # a reply cut within an emoji leaves half a surrogate pair


def misbehave(received: Received) -> Canned:
    """What happens depends on the question and on what is asked: text, yes or no, claims, or verdicts on several things
    (on claims without the question).
    """
    if received.path == "/v1/embeddings":
        return respond(received)
    prompt = received.payload["messages"][-1]["content"]
    schema = asked_schema(received.payload)
    kind = "yes_no" if "logprobs" in received.payload else "text"
    if schema is not None:
        kind = "claims" if "claims" in schema["properties"] else "verdicts"
    question = next((name for name, text in QUESTIONS.items() if text in prompt), "")
    match question, kind:
        case "en-1", "text":
            return fault(503, "overloaded")
        case "en-2", "text" if "<passages>" in prompt:
            return replace(completion("too late"), delay_s=30.0)
        case "en-none", "yes_no":
            return completion("no", top_logprobs={"yes": math.nan, "no": -0.1})
        case "en-none", "text":
            return completion("I do not know.")
        case "zh-1", "claims":
            return completion('{"claims": ["青石', finish_reason="length")
        case "zh-2", "claims":
            return completion('```json\n{"claims": ["蓝江流入东湖。", "东湖是最大的湖。"]}\n```')
        case "zh-none", "claims":
            return completion(json.dumps({"claims": [HALF, "镇上有图书馆。"]}))
        case "en-2", "claims":
            return completion("Sure! Here are the claims: {{{")
        case "zh-1", "verdicts":
            return completion('{"1": "是", "2": NaN}')
        case "zh-2", "verdicts":
            return completion('好的：\n{"2": "否", "1": "是"}\n还有别的问题吗？')
        case _, "verdicts" if "最大" in prompt:
            return completion(json.dumps(SUPPORTED))
        case "zh-none", "yes_no":
            return completion("perhaps\x00")
        case _, "yes_no":
            return completion("yes", top_logprobs={"yes": -0.1, "no": -3.0})
        case _:
            return respond(received)


@dataclass
class Moody:
    """A server's rule that can be changed while it runs."""

    rule: Callable[[Received], Canned]

    def __call__(self, received: Received) -> Canned:
        return self.rule(received)


@pytest.fixture
def mood() -> Moody:
    return Moody(misbehave)


@pytest.fixture
def server(mood: Moody) -> Iterator[FakeServer]:
    with FakeServer(mood) as server:
        yield server


def write(folder: Path, server: FakeServer) -> Path:
    model = {"timeout_s": 1.5, "max_retries": 0, "concurrency": CONCURRENCY}
    return write_experiment(folder, server.base_url, model=model, pipelines=PIPELINES, metrics=METRICS)


@pytest.fixture
def experiment(server: FakeServer, tmp_path: Path) -> Path:
    return write(tmp_path, server)


@dataclass(frozen=True)
class Finished:
    """What a run with the misbehaving model left behind and printed."""

    out: Path
    printed: str


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("finished")
    with FakeServer(misbehave) as server:
        process = start_rageval("run", write(folder, server), "--out", folder / "out", "--json")
        printed, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return Finished(folder / "out", printed)


def refuse_constant(name: str) -> None:
    raise AssertionError(f"found {name} in a file")


def scores(out: Path) -> dict[str, dict[str, Any]]:
    return {name: json.loads((folder / "scores.json").read_text()) for name, folder in run_folders(out).items()}


def test_what_goes_wrong_is_counted(finished: Finished) -> None:
    by_pipeline = scores(finished.out)

    # A pipeline that never retrieves has neither ranking nor context to score, whether a question failed or not.
    for metric in ("ndcg@10", "faithfulness", "context_relevance"):
        data = by_pipeline["closed_book"].pop(metric)
        assert data["estimate"] is None
        assert set(data["unscored"]) == set(QUESTIONS)

    # Every other metric of every pipeline accounts for all questions.
    for metrics in by_pipeline.values():
        for data in metrics.values():
            assert data["estimate"]["n"] + data["estimate"]["unscored"] == len(QUESTIONS)
            assert data["estimate"]["failed"] == len(data["failed"])
            assert set(data["questions"]) | set(data["unscored"]) == set(QUESTIONS)
            assert all(data["questions"][question] == 0.0 for question in data["failed"])

    # Failures are in the mean: the denominator does not shrink for those who fail.
    assert {name: metrics["answer_relevance"]["failed"] for name, metrics in by_pipeline.items()} == {
        "naive": ["en-1", "en-2"],
        "rag_fusion": ["en-1", "en-2"],
        "self_rag": ["en-1", "en-2"],
        "closed_book": ["en-1"],
    }
    for name in ("naive", "rag_fusion", "self_rag"):
        data = by_pipeline[name]["ndcg@10"]
        assert set(data["questions"]) == {"en-1", "en-2", "zh-1", "zh-2"}
        assert (data["questions"]["en-1"], data["questions"]["en-2"]) == (0.0, 0.0)

    naive = by_pipeline["naive"]
    assert naive["answer_relevance"]["questions"] == {"en-1": 0.0, "en-2": 0.0, "zh-1": 1.0, "zh-2": 1.0}
    assert naive["answer_relevance"]["estimate"]["mean"] == 0.5
    assert naive["answer_relevance"]["unscored"] == {
        "en-none": "the pipeline rightly abstained",
        "zh-none": "1 of 1 verdicts missing: neither yes nor no",
    }
    assert naive["faithfulness"]["questions"] == {"en-1": 0.0, "en-2": 0.0, "zh-2": 0.5}
    assert naive["faithfulness"]["estimate"]["mean"] == pytest.approx(0.5 / 3)
    why = naive["faithfulness"]["unscored"]
    assert why["zh-1"] == "1 of 1 verdicts missing: the list of claims was cut off"
    assert why["en-none"] == "the pipeline abstained: nothing to check"
    assert why["zh-none"].startswith("2 of 2 verdicts missing: the judge's call failed: ")
    assert set(why) == {"zh-1", "en-none", "zh-none"}
    assert naive["context_relevance"]["questions"] == {"en-1": 0.0, "en-2": 0.0, "zh-2": 0.5}
    why = naive["context_relevance"]["unscored"]
    assert why["zh-1"] == "2 of 2 verdicts missing: the verdicts are unreadable, or not 2"
    assert set(why) == {"zh-1", "en-none", "zh-none"}

    printed = {run["pipeline"].partition("(")[0]: run for run in json.loads(finished.printed)["runs"]}
    nothing = dict.fromkeys(("mean", "low", "high", "level", "method"))
    no_labels = {
        "n_labelled": 0,
        "judge_only": None,
        "labels_only": None,
        "these_questions": None,
        "warning": "",
        "expert": "",
    }
    counts = {"n": 0, "unscored": 6, "failed": 0}
    for metric in ("ndcg@10", "faithfulness", "context_relevance"):
        assert printed["closed_book"]["metrics"].pop(metric) == {**nothing, **counts, **no_labels}
    for name, metrics in by_pipeline.items():
        assert printed[name]["metrics"] == {
            metric: {**data["estimate"], **no_labels} for metric, data in metrics.items()
        }


def test_the_failures_say_why_and_the_replies_are_kept(finished: Finished, command_line: CommandLine) -> None:
    naive = run_folders(finished.out)["naive"]
    failures = {
        line["question_id"]: line["failure"]["message"]
        for line in read_jsonl(naive / "responses.jsonl")
        if "failure" in line
    }
    assert "status 503: overloaded" in failures["en-1"]
    assert "no reply within 1.5 s" in failures["en-2"]
    judged = {
        line["question_id"]: line["judgments"] for line in read_jsonl(next(naive.glob("judgments/claim_support-*")))
    }
    assert judged["zh-1"][0]["raw"] == '{"claims": ["青石'
    assert judged["zh-none"][1]["text"] == HALF
    shown = command_line("show", naive, "zh-none")
    assert shown.code == 0
    assert "半个表情" in shown.out
    assert "no verdict (neither yes nor no)" in shown.out
    assert "failed: ExecutionError: fake @ " in command_line("show", naive, "en-1").out


def test_no_file_holds_nan(finished: Finished, command_line: CommandLine) -> None:
    runs = finished.out / "runs"
    texts = [path.read_text("utf-8") for path in runs.rglob("*.json")]
    lines = [line for path in runs.rglob("*.jsonl") for line in path.read_text("utf-8").splitlines()]
    assert len(texts) == len(PIPELINES) * 2
    assert len(lines) > len(PIPELINES) * len(QUESTIONS) * 2
    board = command_line("leaderboard", *run_folders(finished.out).values(), "--format", "json").out
    for text in [*texts, *lines, finished.printed, board]:
        json.loads(text, parse_constant=refuse_constant)


def test_retry_failed_asks_again_what_failed(
    experiment: Path, tmp_path: Path, command_line: CommandLine, server: FakeServer, mood: Moody
) -> None:
    out = tmp_path / "out"
    command_line("run", experiment, "--out", out)
    first, calls = scores(out), server.calls
    mood.rule = respond
    command_line("run", experiment, "--out", out)
    assert server.calls == calls
    assert scores(out) == first

    assert command_line("run", experiment, "--out", out, "--retry-failed").code == 0
    prompts = "".join(json.dumps(received.payload, ensure_ascii=False) for received in server.received[calls:])
    assert [name for name, text in QUESTIONS.items() if text in prompts] == ["en-1", "en-2"]
    second = scores(out)
    for name, metrics in second.items():
        for metric, data in metrics.items():
            assert data["failed"] == []
            if (name, metric) != ("closed_book", "ndcg@10"):  # without a failure it has nothing to rank
                for question in ("en-none", "zh-1", "zh-2", "zh-none"):
                    assert data["questions"].get(question) == first[name][metric]["questions"].get(question)


def test_refusal_stops_the_run_and_keeps_what_is_done(
    experiment: Path, tmp_path: Path, server: FakeServer, mood: Moody
) -> None:
    out = tmp_path / "out"
    calls = 0

    def refuse_later(received: Received) -> Canned:
        nonlocal calls
        calls += 1
        if calls > 60:
            return fault(401, "no longer welcome")
        return replace(respond(received), delay_s=0.01 * (calls % 3))  # so that others are in flight at the refusal

    mood.rule = refuse_later
    process = start_rageval("run", experiment, "--out", out)
    printed, err = process.communicate(timeout=60)
    assert (process.returncode, printed) == (5, "")
    (line,) = err.splitlines()
    assert "status 401: no longer welcome" in line
    assert "check the key in the environment variable OPENAI_API_KEY" in line
    logs = {name: folder / "responses.jsonl" for name, folder in run_folders(out).items()}
    done = {name: log.read_bytes() for name, log in logs.items() if log.exists()}
    assert done

    mood.rule = respond
    process = start_rageval("run", experiment, "--out", out)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert all(logs[name].read_bytes().startswith(lines) for name, lines in done.items())
    sent = [json.dumps(r.payload, sort_keys=True) for r in server.received if "messages" in r.payload]
    assert len(sent) - len(set(sent)) <= CONCURRENCY + 1  # those in flight at the refusal, and the refused one


def test_unreachable_server_is_told_in_one_line(tmp_path: Path, command_line: CommandLine) -> None:
    with FakeServer() as gone:
        address = gone.base_url
    experiment = write_experiment(tmp_path, address, model={"max_retries": 0}, pipelines=["closed_book"])
    ended = command_line("run", experiment, "--out", tmp_path / "out")
    assert ended.code == 5
    (line,) = ended.err.splitlines()
    assert "cannot be reached" in line
    assert "check `base_url` and that the server runs" in line
