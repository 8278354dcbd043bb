"""An adapter from training to the report: the command, the index, and questions that it was trained on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rageval.models.base import Token
from tests.conftest import CommandLine
from tests.flow.fake_server import Canned, FakeServer, Received, completion
from tests.flow.small_world import (
    DOCUMENTS,
    asked_schema,
    respond,
    run_folders,
    write_benchmark,
    write_experiment,
    write_lines,
)


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(respond) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path, server: FakeServer) -> Path:
    """A BEIR folder whose training split asks after each document in other words, and a file of models."""
    beir = tmp_path / "beir"
    (beir / "qrels").mkdir(parents=True)
    asked = {f"t{n}-{name}": (f"{name} {n}?", name) for n in range(3) for name in DOCUMENTS}
    write_lines(beir / "corpus.jsonl", [{"_id": name, "title": "", "text": text} for name, text in DOCUMENTS.items()])
    write_lines(beir / "queries.jsonl", [{"_id": name, "text": text} for name, (text, _) in asked.items()])
    rows = [f"{name}\t{document}\t1\n" for name, (_, document) in asked.items()]
    for split in ("train", "test"):
        (beir / "qrels" / f"{split}.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(rows), encoding="utf-8")
    embed = {"provider": "openai", "base_url": server.base_url, "model": "fake", "api_key_env": None}
    (tmp_path / "models.yaml").write_text(yaml.safe_dump({"models": {"embed": embed}}), encoding="utf-8")
    return tmp_path


def train(folder: Path, command_line: CommandLine, *more: object) -> dict[str, object]:
    ended = command_line(
        *("train-adapter", f"beir:{folder / 'beir'}", "--split", "train", "--out", folder / "adapter.npz"),
        *("--models", folder / "models.yaml", "--cache", folder / "cache", "--json", *more),
    )
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


def test_it_is_trained_searched_with_and_told_apart(
    folder: Path, server: FakeServer, command_line: CommandLine
) -> None:
    told = train(folder, command_line, "--rank", 4)
    assert told["questions"] == 24
    assert told["shape"] == [[32, 4], [4, 32]]
    pipelines = [
        {"plain": {"stages": [{"retrieve": {"retriever": "dense", "k": 2}}]}},
        {"moved": {"stages": [{"retrieve": {"retriever": {"adapted": {"path": "adapter.npz"}}, "k": 2}}]}},
    ]
    experiment = write_experiment(folder, server.base_url, pipelines=pipelines, metrics=["recall@2"])
    ended = command_line("run", experiment, "--out", folder / "out")
    assert ended.code == 0, ended.err
    assert {*run_folders(folder / "out")} == {"plain", "moved"}


def likely_from_the_named(received: Received) -> Canned:
    """Any answer is likely where the passage holds what the question asks about, and unlikely elsewhere."""
    if received.path == "/v1/embeddings":
        return respond(received)
    content = received.payload["messages"][-1]["content"]
    passages, _, asked = content.partition("</passages>")
    (answer,) = asked_schema(received.payload)["properties"]["text"]["enum"]  # pyright: ignore
    name = next(name for name in DOCUMENTS if f"Where is {name}" in asked)
    text = json.dumps({"text": answer})
    return completion(text, tokens=(Token(text, ((text, -0.1 if DOCUMENTS[name] in passages else -9.0),)),))


def test_it_learns_from_the_answers_that_passages_make_likely(tmp_path: Path, command_line: CommandLine) -> None:
    write_benchmark(tmp_path / "small")
    asked = {f"{name}-{n}": (f"Where is {name}, {n}?", name) for n in range(3) for name in DOCUMENTS}
    rows = [{"id": key, "text": text, "language": "en", "references": ["There."]} for key, (text, _) in asked.items()]
    write_lines(tmp_path / "small" / "questions.jsonl", [*rows, {"id": "open", "text": "Where?", "language": "en"}])
    labels = "".join(f"{key}\t{name}\t1\n" for key, (_, name) in asked.items()) + "open\tarlen\t1\n"
    (tmp_path / "small" / "labels.tsv").write_text("question_id\tdocument_id\tgrade\n" + labels, encoding="utf-8")
    with FakeServer(likely_from_the_named) as server:
        endpoint = {"provider": "openai", "base_url": server.base_url, "model": "fake", "api_key_env": None}
        (tmp_path / "models.yaml").write_text(yaml.safe_dump({"models": {"chat": endpoint, "embed": endpoint}}))
        command = ("train-adapter", tmp_path / "small", "--out", tmp_path / "a.npz", "--by-answers", "--json")
        ended = command_line(*command, "--models", tmp_path / "models.yaml", "--cache", tmp_path / "cache")
        assert ended.code == 0, ended.err
        chats = [one for one in server.received if one.path == "/v1/chat/completions"]
    told = json.loads(ended.out)
    assert told["questions"] == 24
    assert told["source"] == f"{tmp_path / 'small'}, by the answers of fake @ {server.base_url}"
    assert len(chats) == 24 * len(DOCUMENTS)


ADAPTED = {"adapted": {"path": "adapter.npz"}}


@pytest.mark.parametrize(
    "retriever", [ADAPTED, {"weighted": {"index": ["bm25", {"hierarchical": {"index": ADAPTED}}]}}]
)
def test_questions_that_it_was_trained_on_are_refused(
    retriever: dict[str, Any], folder: Path, server: FakeServer, command_line: CommandLine
) -> None:
    train(folder, command_line)
    pipelines = [{"moved": {"stages": [{"retrieve": {"retriever": retriever}}]}}]
    experiment = write_experiment(
        folder, server.base_url, pipelines=pipelines, metrics=["recall@2"], benchmark=f"beir:{folder / 'beir'}"
    )
    ended = command_line("run", experiment, "--out", folder / "out")
    assert ended.code == 2
    assert "found 24 of 24 questions that" in ended.err
    assert "was trained on (t0-arlen, …), expected others" in ended.err
    (folder / "beir" / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nt0-arlen\tarlen\t1\n", "utf-8")
    assert train(folder, command_line, "--apart-from", f"beir:{folder / 'beir'}")["questions"] == 23
    assert command_line("run", experiment, "--out", folder / "out").code == 0


def test_mistakes_are_told(folder: Path, command_line: CommandLine) -> None:
    beir = f"beir:{folder / 'beir'}"
    ended = command_line("train-adapter", beir, "--out", folder / "adapter.json")
    assert ended.code == 2
    assert "--out: found" in ended.err
    assert "expected a file that ends in .npz" in ended.err
    ended = command_line("train-adapter", beir, "--split", "dev", "--out", folder / "adapter.npz")
    assert ended.code == 2
    assert "found no split 'dev'" in ended.err
    printed = command_line(
        *("train-adapter", beir, "--out", folder / "adapter.npz", "--models", folder / "models.yaml"),
        *("--cache", folder / "cache"),
    )
    assert printed.code == 0, printed.err
    assert "reciprocal rank" in printed.out
