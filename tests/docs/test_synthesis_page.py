"""docs/synthesis.md: its commands run one after another, as written, and print what it shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

import rageval
from rageval.benchmark import load
from rageval.experiment.spec import Filter
from rageval.models.base import ChatReply
from rageval.models.scripted import HashEmbedder
from rageval.synthesis import KINDS
from rageval.synthesis.drafts import FILTERS
from tests.conftest import CommandLine
from tests.flow.fake_server import Canned, FakeServer, Received, completion, embeddings
from tests.flow.small_world import _vector
from tests.flow.synthetic_world import Author, write_corpus

PAGE = (Path(__file__).parents[2] / "docs" / "synthesis.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [text for name, text in BLOCKS if name == language]


def answer(received: Received) -> Canned:
    if received.path.endswith("/embeddings"):
        return embeddings([_vector(text) for text in received.payload["input"]])
    said = Author().say(received.payload["messages"][-1]["content"])
    assert isinstance(said, str | ChatReply)
    return completion(said if isinstance(said, str) else said.text)


def test_the_commands_run_and_print_what_is_shown(
    tmp_path: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_corpus(tmp_path / "corpus")
    printed = ""
    with FakeServer(answer) as server:
        models = blocks("yaml")[0].replace("http://127.0.0.1:8000/v1", server.base_url)
        (tmp_path / "models.yaml").write_text(models, encoding="utf-8")
        for block in blocks("bash"):
            program, *arguments = shlex.split(block)
            assert program == "rageval"
            ended = command_line(*arguments)
            assert ended.code == 0, ended.err
            printed += ended.out
    (shown,) = blocks("")
    assert shown in printed
    assert len(load("synthetic").questions) == 12


def test_the_tables_name_every_kind_and_filter() -> None:
    rows = re.findall(r"^\| `([\w ]+)` \|", PAGE, flags=re.MULTILINE)
    assert rows == [*KINDS, *FILTERS]


def test_the_selection_is_one_of_an_experiment_file() -> None:
    selection = yaml.safe_load(blocks("yaml")[1])["questions"]
    assert Filter.model_validate(selection).exclude_tags == ("synthetic",)


def test_the_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    write_corpus(tmp_path / "corpus")
    names = {"MODEL": Author().chat(), "EMBEDDER": HashEmbedder()}
    exec(compile(blocks("python")[0], "docs/synthesis.md", "exec"), names)
    assert capsys.readouterr().out == "factual 3 {}\nunanswerable 1 {}\nall there\n"
    assert rageval.load_benchmark("from_python").name == "mountains-synthetic"
