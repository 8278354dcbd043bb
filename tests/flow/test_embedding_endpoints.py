"""An embedding endpoint in an experiment file, through the command line: settings, long texts, mistakes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CommandLine
from tests.flow.fake_server import Canned, FakeServer, Received, fault
from tests.flow.small_world import DOCUMENTS, respond, run_folders, write_experiment

SETTINGS: dict[str, Any] = {"pipelines": [{"naive": {"retriever": "dense", "k": 2}}], "metrics": ["ndcg@10"]}


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(respond) as server:
        yield server


def experiment(folder: Path, server: FakeServer, **embed: Any) -> Path:
    endpoint = {"provider": "openai", "base_url": server.base_url, "model": "fake"}
    return write_experiment(folder, server.base_url, **SETTINGS, models={"embed": {**endpoint, **embed}})


def manifest(out: Path) -> dict[str, Any]:
    (folder,) = run_folders(out).values()
    return json.loads((folder / "manifest.json").read_text())


def test_settings_reach_the_calls_and_the_key_of_the_run(
    tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    file = experiment(
        tmp_path,
        server,
        batch=5,
        dimensions=32,
        query_prefix="query: ",
        passage_prefix="passage: ",
        input_type={"field": "task", "query": "retrieval.query", "passage": "retrieval.passage"},
        extra_body={"truncation": False},
    )
    assert command_line("run", file, "--out", tmp_path / "out").code == 0
    sent = [received.payload for received in server.received]
    passages = [one for one in sent if one["task"] == "retrieval.passage"]
    queries = [one for one in sent if one["task"] == "retrieval.query"]
    assert sorted(len(one["input"]) for one in passages) == [3, 5]  # eight passages
    assert all(text.startswith("passage: ") for one in passages for text in one["input"])
    assert all(text.startswith("query: ") for one in queries for text in one["input"])
    assert all((one["dimensions"], one["truncation"]) == (32, False) for one in sent)
    made, first = server.calls, manifest(tmp_path / "out")
    assert command_line("run", file, "--out", tmp_path / "out").code == 0
    assert server.calls == made
    assert '"dimensions": 32' in first["models"]["embed"]
    offline = command_line("run", file, "--out", tmp_path / "out", "--offline", "--fresh")
    assert offline.code == 2
    assert command_line("run", file, "--out", tmp_path / "out", "--offline").code == 0


def test_texts_that_are_cut_are_told_at_the_end_and_kept(
    tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    """A passage of the small world is two sentences, mostly of more than 20 tokens together."""
    file, out = experiment(tmp_path, server, max_tokens=20), tmp_path / "out"
    ended = command_line("run", file, "--out", out)
    assert ended.code == 0
    sent = {text for received in server.received for text in received.payload["input"]}
    cut = [text for text in DOCUMENTS.values() if text not in sent]
    assert cut
    told = f"texts that were cut at 20 tokens to be embedded: {len(cut)}"
    assert f"note: fake @ {server.base_url}" in ended.err
    assert told in ended.err
    assert manifest(out)["notes"][0].endswith(told)
    again = command_line("run", file, "--out", out, "--json")
    assert json.loads(again.out)["runs"][0]["notes"][0].endswith(told)
    assert again.err.count(told) == 1


def test_a_text_that_may_not_be_cut_stops_the_index_and_is_named(
    tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    ended = command_line(
        "run", experiment(tmp_path, server, max_tokens=20, truncate="refuse"), "--out", tmp_path / "out"
    )
    assert ended.code == 5
    assert "texts got no vector; " in ended.err
    assert "takes more than the 20 tokens that are allowed" in ended.err
    assert "Traceback" not in ended.err


def test_a_question_without_a_vector_fails_alone(tmp_path: Path, command_line: CommandLine) -> None:
    def answer(received: Received) -> Canned:
        canned = respond(received)
        if received.payload["input"] == ["How high is Mount Arlen?"]:
            assert isinstance(canned.body, dict)
            canned.body["data"][0]["embedding"][3] = None
        return canned

    with FakeServer(answer) as server:
        assert command_line("run", experiment(tmp_path, server), "--out", tmp_path / "out").code == 0
    (folder,) = run_folders(tmp_path / "out").values()
    lines = [json.loads(line) for line in (folder / "responses.jsonl").read_text().splitlines()]
    (failed,) = (line for line in lines if "error" in line or "failure" in line)
    assert failed["question_id"] == "en-1"
    assert "the vector holds a number that is not finite" in json.dumps(failed)


@pytest.mark.parametrize(
    ("embed", "told"),
    [
        ({"batch": 0}, "batch"),
        ({"truncate": "tail"}, "truncate"),
        ({"dimension": 3}, "dimensions"),
        ({"input_type": {"query": "q"}}, "passage"),
        ({"input_type": {"query": "q", "passage": "p", "fild": "x"}}, "field"),
        ({"transport": "batch"}, "transport"),
        ({"api_key_env": "RAGEVAL_NO_KEY", "base_url": "https://models.example/v1"}, "no key in the environment var"),
        ({"extra_headers": {"X-Api-Key": "hush"}}, "a file must not contain a secret"),
    ],
)
def test_mistakes_are_told_before_any_call(
    embed: dict[str, Any], told: str, tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    ended = command_line("run", experiment(tmp_path, server, **embed), "--out", tmp_path / "out")
    assert (ended.code, server.calls) == (2, 0)
    assert told in ended.err
    assert "hush" not in ended.err


def test_a_field_of_ones_own_that_the_service_refuses_stops_the_run(tmp_path: Path, command_line: CommandLine) -> None:
    refusing = lambda _: fault(400, "Unknown parameter: 'task'.", param="task", code="unknown_parameter")  # noqa: E731
    with FakeServer(refusing) as server:
        role = {"field": "task", "query": "a", "passage": "b"}
        ended = command_line("run", experiment(tmp_path, server, input_type=role), "--out", tmp_path / "out")
        assert (ended.code, server.calls) == (5, 1)
    assert "the endpoint refuses `task`" in ended.err
