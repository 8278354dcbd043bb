"""A whole small experiment, and every failure, against each imitated service: see `imitation.py` and `services/`."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from rageval.errors import ExecutionError, ModelError
from rageval.models.base import ChatReply, ChatRequest, Message
from rageval.models.openai_compatible import OpenAIChat
from rageval.models.structured import yes_probability
from rageval.prompts import yes_no_request
from rageval.report.judge_notes import WORDS
from tests.conftest import CommandLine
from tests.flow.fake_server import Received
from tests.flow.imitation import KEY, THOUGHT, Imitation, Profile, profiles
from tests.flow.small_world import read_jsonl, run_folders, write_experiment

PROFILES = profiles()
FAILURES = [(name, row) for name, profile in PROFILES.items() for row in profile.get("errors", ())]
PIPELINES = [{"naive": {"k": 2, "retriever": "dense"}}]
METRICS = ["ndcg@10", "faithfulness", "answer_relevance", "context_relevance"]


def settings(profile: Profile) -> dict[str, Any]:
    """What a user has to set for this service."""
    query = profile.get("query")
    return {} if query is None else {"api_version": query["api-version"]}


@pytest.mark.parametrize("name", PROFILES)
def test_a_small_experiment(
    name: str,
    tmp_path: Path,
    command_line: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Everything is answered and judged; thoughts are nowhere but in the count; what is refused is told once."""
    profile = PROFILES[name]
    monkeypatch.setenv("RAGEVAL_TEST_KEY", KEY)
    model = {"api_key_env": "RAGEVAL_TEST_KEY", "max_retries": 1, **settings(profile)}
    with Imitation(profile, key=KEY) as server, caplog.at_level(logging.WARNING, "rageval"):
        experiment = write_experiment(tmp_path, server.base_url, model=model, pipelines=PIPELINES, metrics=METRICS)
        add_to_embedder(experiment, model)
        ended = command_line("run", experiment, "--out", tmp_path / "out")
        chats = [received for received in server.received if received.path.endswith("/chat/completions")]
    assert ended.code == 0, ended.err
    (folder,) = run_folders(tmp_path / "out").values()
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    answers = read_jsonl(folder / "responses.jsonl")
    assert len(answers) == 6
    assert manifest["failed"] == 0
    assert {judge: about["abstained"] for judge, about in manifest["judges"].items()} == dict.fromkeys(
        manifest["judges"], 0
    )
    written = "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.jsonl"))
    assert THOUGHT not in written
    assert "think>" not in written
    takes = {"json": "json_schema", "logprobs": True, **profile.get("takes", {})}
    assert (f"answer_relevance: {WORDS}" in ended.out) is not takes["logprobs"]
    assert json_forms(chats)[-1] == takes["json"]
    reasoned = sum(usage.get("reasoning_tokens", 0) for usage in manifest["usage"].values())
    counts = profile.get("answers", {}).get("usage") not in ("odd", "times")
    assert (reasoned > 0) == ("reasoning" in profile and counts) or not counts
    told = Counter(record.getMessage() for record in caplog.records if record.name == "rageval")
    assert set(told.values()) <= {1}
    assert KEY not in written + caplog.text + json.dumps(manifest)


def add_to_embedder(experiment: Path, model: dict[str, Any]) -> None:
    content = yaml.safe_load(experiment.read_text(encoding="utf-8"))
    content["models"]["embed"] |= model
    experiment.write_text(yaml.safe_dump(content), encoding="utf-8")


def json_forms(chats: list[Received]) -> list[str]:
    """The forms in which JSON was asked for, in order."""
    asked = [received.payload for received in chats if "JSON" in received.payload["messages"][-1]["content"]]
    return [payload.get("response_format", {"type": "text"})["type"] for payload in asked]


NO_LOGPROBS = {"status": 400, "body": {"error": {"message": "Unsupported parameter: 'logprobs'", "param": "logprobs"}}}


@pytest.mark.parametrize("name", PROFILES)
def test_without_log_probabilities_a_verdict_is_the_word(name: str) -> None:
    profile = {**PROFILES[name], "refuses": [*PROFILES[name].get("refuses", ()), {"field": "logprobs", **NO_LOGPROBS}]}
    fields = {"question": "How high is Mount Arlen?", "answer": "2310 metres."}

    async def work() -> list[ChatReply]:
        model = OpenAIChat(server.base_url, "fake", max_retries=0, **settings(profile))
        try:
            return [await model.complete(yes_no_request("answer_relevance", "en", fields)) for _ in range(2)]
        finally:
            await model.close()

    with Imitation(profile) as server:
        replies = asyncio.run(work())
        assert "logprobs" not in server.received[-1].payload
    assert [(reply.text, reply.tokens) for reply in replies] == [("yes", ())] * 2
    assert yes_probability(replies[0]) == 1.0


@pytest.mark.parametrize(("name", "row"), FAILURES, ids=[f"{name}, {row['when']}" for name, row in FAILURES])
def test_a_failure_is_what_the_service_means_by_it(name: str, row: dict[str, Any]) -> None:
    """Account and address stop the run, an input fails its call, and what may pass is tried again."""

    async def work() -> None:
        model = OpenAIChat(server.base_url, "fake", max_retries=2, **settings(PROFILES[name]))
        try:
            for number in range(1 + row.get("after", 0)):
                await model.complete(ChatRequest((Message("user", f"Reply {number}"),), "test@1", 100))
        finally:
            await model.close()

    again = row["means"] in ("limit", "service")
    with Imitation(PROFILES[name], trouble=row, times=1 if again else None) as server:
        if again:
            asyncio.run(work())
            assert server.calls >= 2 + row.get("after", 0)
            return
        stops = row["means"] in ("account", "address")
        with pytest.raises(ModelError if stops else ExecutionError) as caught:
            asyncio.run(work())
        assert server.calls == 1
        assert "\n" not in str(caught.value)
