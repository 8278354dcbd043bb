"""`rageval score`: logs scored without labels, through the command line, with a model that also crashes."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CommandLine
from tests.flow.fake_server import Canned, FakeServer, Received, completion, fault
from tests.flow.small_world import (
    DOCUMENTS,
    QUESTIONS,
    read_jsonl,
    respond,
    start_rageval,
    write_experiment,
    write_lines,
)

SECRETS = ("ann.lee@acme-works.org", "13912345678", "4111 1111 1111 1111")


def logged(n: int, seed: int = 1) -> list[dict[str, Any]]:
    """Answers of two models; every third is Chinese, every fifth abstains, three make a session."""
    rng = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for number in range(n):
        chinese = number % 3 == 0
        text = QUESTIONS["zh-1" if chinese else "en-1"]
        said = "山顶的寺庙建于一六〇二年。" if chinese else "It is 2310 metres high, as the survey says [1]."
        no = "根据已知信息无法回答该问题。" if chinese else "I don't know."
        rows.append(
            {
                "id": f"a{number}",
                "query": f"{text} {number}",
                "response": no if number % 5 == 4 else said,
                "contexts": [DOCUMENTS["qingshi" if chinese else "arlen"], DOCUMENTS["corva"]],
                "model": "large" if rng.random() < 0.8 else "small",
                "session_id": f"s{number // 3}",
                "timestamp": 1796040000 + 7200 * number,
                "usage": {"input_tokens": 100, "output_tokens": 10},
            }
        )
    return rows


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(respond) as one:
        yield one


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_lines(tmp_path / "log.jsonl", logged(60))
    return tmp_path / "log.jsonl"


def found(line: CommandLine, *arguments: object) -> dict[str, Any]:
    ended = line("score", *arguments, "--json")
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


def test_without_any_model(log: Path, command_line: CommandLine) -> None:
    scored = found(command_line, log, "--by", "language")
    assert (scored["answers"], scored["sessions"], scored["days"]) == (60, 20, ["2026-11-30", "2026-12-05"])
    assert scored["metrics"]["abstained"]["mean"]["point"] == pytest.approx(12 / 60)
    assert scored["metrics"]["abstained"]["this_log"] == pytest.approx([0.2, 0.2])
    assert scored["metrics"]["abstained"]["mean"]["method"].endswith("clustered")
    assert scored["metrics"]["prompt_tokens"]["mean"]["point"] == 100.0
    assert "latency_s" not in scored["metrics"]
    by_value = {one["value"]: one["answers"] for one in scored["slices"]}
    assert by_value == {"en": 40, "zh": 20}
    again = command_line("score", log, "--by", "language")
    assert "reused the numbers of 60 answers" in again.err
    for form in ("md", "csv", "html", "latex"):
        assert "abstained" in command_line("score", log, "--format", form).out


def test_a_judged_sample_by_strata(log: Path, server: FakeServer, tmp_path: Path, command_line: CommandLine) -> None:
    write_experiment(tmp_path, server.base_url)
    asked = (log, "-m", "faithfulness", "-m", "answer_relevance", "--strata", "model", "--sample", 20)
    dry = command_line("score", *asked, "--experiment", "experiment.yaml", "--dry-run")
    assert dry.code == 0, dry.err
    assert server.calls == 0
    low, high = (int(word.replace(",", "")) for word in dry.out.split() if word[0].isdigit())
    scored = found(command_line, *asked, "--experiment", "experiment.yaml")
    assert low <= server.calls <= high
    sample = scored["sample"]
    assert sample["drawn"] == 20 == sum(one["drawn"] for one in sample["strata"].values())
    relevance = scored["metrics"]["answer_relevance"]
    assert (relevance["judged"], relevance["asked"]) == (True, 20)
    run = Path(scored["run"])
    values = json.loads((run / "scores.json").read_text())["answer_relevance"]["questions"]
    strata = {row["id"]: row["model"] for row in read_jsonl(log)}
    weight = {name: one["answers"] / one["drawn"] for name, one in sample["strata"].items()}
    total = sum(weight[strata[name]] for name in values)
    assert relevance["mean"]["point"] == pytest.approx(
        sum(weight[strata[name]] * value for name, value in values.items()) / total
    )
    low, high = relevance["this_log"]
    assert relevance["mean"]["low"] < low <= high < relevance["mean"]["high"]
    calls = server.calls
    found(command_line, *asked, "--experiment", "experiment.yaml")
    assert server.calls == calls
    assert (
        "judged: 20 of 60 answers, drawn at random by model"
        in command_line("score", *asked, "--experiment", "experiment.yaml").out
    )


def test_no_personal_data_is_stored_or_sent(
    tmp_path: Path, server: FakeServer, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = logged(6)
    for row in rows:
        row["query"] += f" Write to {SECRETS[0]}."
        row["response"] = f"拨打{SECRETS[1]}，卡号 {SECRETS[2]}。"
        row["contexts"].append(f"Contact: {SECRETS[0]}, 电话{SECRETS[1]}")
        row["session_id"] = SECRETS[0]
    write_lines(tmp_path / "log.jsonl", rows)
    write_experiment(tmp_path, server.base_url)
    asked = ("log.jsonl", "-m", "faithfulness", "-m", "answer_relevance", "--experiment", "experiment.yaml")
    scored = found(command_line, *asked, "--mask", "--by", "session_id")
    assert scored["masked"] == {"answers": 6, "found": {"e-mail": 18, "phone number": 12, "bank card": 6}}
    assert server.calls > 0
    sent = json.dumps([one.payload for one in server.received], ensure_ascii=False)
    stored = [path for path in (tmp_path / "results").rglob("*") if path.is_file()]
    assert len(stored) > 5
    for secret in SECRETS:
        assert secret not in sent
        assert [path for path in stored if secret.encode() in path.read_bytes()] == []
    assert "[e-mail]" in sent


def test_a_judge_that_crashes_and_talks_garbage(log: Path, tmp_path: Path, command_line: CommandLine) -> None:
    def garbled(received: Received) -> Canned:
        number = len(json.dumps(received.payload)) % 3
        return (fault(500), completion("¯\\_(ツ)_/¯ {"), respond(received))[number]

    with FakeServer(garbled) as server:
        write_experiment(tmp_path, server.base_url, model={"max_retries": 0})
        scored = found(command_line, log, "-m", "answer_relevance", "--experiment", "experiment.yaml")
    relevance = scored["metrics"]["answer_relevance"]
    assert 0 < relevance["n"] < relevance["asked"] == 60
    assert 0.0 <= relevance["mean"]["low"] <= relevance["mean"]["high"] <= 1.0


def test_a_killed_run_goes_on_and_asks_nothing_twice(log: Path, tmp_path: Path, command_line: CommandLine) -> None:
    with FakeServer(respond, latency_s=0.05) as server:
        write_experiment(tmp_path, server.base_url, model={"concurrency": 2})
        asked = (log, "-m", "answer_relevance", "--experiment", "experiment.yaml", "--out", tmp_path / "results")
        process = start_rageval("score", *asked)
        deadline = time.monotonic() + 60
        while server.calls < 10 and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        time.sleep(0.2)
        before = server.calls
        scored = found(command_line, *asked)
        judged = scored["judging"]["calls"]
    prompts = [one.payload["messages"][-1]["content"] for one in server.received]
    assert before >= 10
    assert len(prompts) - len(set(prompts)) <= 2  # the calls that were under way when it was killed
    assert len(set(prompts)) == judged


def test_mistakes(log: Path, tmp_path: Path, command_line: CommandLine) -> None:
    (tmp_path / "bad.jsonl").write_text('{"question": "q", "answer": "a"}\n{"question": "q"}\n', encoding="utf-8")
    write_lines(tmp_path / "long.jsonl", [{"question": f"q{n}", "answer": "a"} for n in range(2001)])
    for arguments, told in (
        (("bad.jsonl",), "bad.jsonl:2: found no answer, expected one under answer, response"),
        (("none.jsonl",), "none.jsonl: cannot be read"),
        ((log, "--by", "modl"), "--by: found no answer with the field 'modl'"),
        ((log, "-m", "ndcg@10"), "--metric: found ndcg@10, which needs relevance labels"),
        ((log, "-m", "faithfulnes"), "did you mean faithfulness"),
        ((log, "--field", "anser=x"), "did you mean answer"),
        (("long.jsonl", "-m", "faithfulness"), "--sample: found none, and 2,001 answers to judge (faithfulness)"),
        ((log, "-m", "faithfulness", "--detector", "light", "--experiment", "x.yaml"), "found it with --experiment"),
        ((log, "-m", "answer_relevance", "--detector", "light"), "found the judge light, which judges"),
    ):
        ended = command_line("score", *arguments)
        assert (ended.code, ended.out) == (2, ""), arguments
        assert told in ended.err, ended.err
    skipped = found(command_line, "bad.jsonl", "--skip-bad")
    assert (skipped["answers"], skipped["bad_lines"]["count"]) == (1, 1)
    assert "1 bad lines left out" in command_line("score", "bad.jsonl", "--skip-bad").out


def test_the_light_judge_and_the_run_that_others_read(log: Path, tmp_path: Path, command_line: CommandLine) -> None:
    scored = found(command_line, log, "-m", "faithfulness", "--detector", "light", "--sample", 12)
    assert scored["judging"]["calls"] == 0
    shown = command_line("show", scored["run"])
    assert shown.code == 0, shown.err
    assert command_line("sample", scored["run"], "-m", "faithfulness", "-n", 5, "--out", "sheet.csv").code == 0
