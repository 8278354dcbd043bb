"""A run's questions as chats to fine-tune a model on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rageval.benchmark import from_records
from rageval.errors import DeclarationError
from rageval.experiment.training_data import write_training_data
from rageval.front import evaluate
from rageval.pipeline import Stage
from rageval.prompts import shared_text
from rageval.retrieval import BM25, Retrieve
from rageval.types import Document, Question, RelevanceLabel
from tests.conftest import CommandLine

DOCUMENTS = (Document("arlen", "Mount Arlen is 2310 metres high."), Document("donghu", "东湖最深处四十米。"))
QUESTIONS = (
    Question("en", "How high is Mount Arlen?", references=("2310 metres", "2.3 km")),
    Question("zh", "东湖有多深？", references=("四十米",)),
    Question("none", "Who climbed Mount Arlen in 1990?", tags=("unanswerable",)),
    Question("open", "Why is Mount Arlen high?"),
)


def run_of(tmp_path: Path, questions: tuple[Question, ...], stage: Stage) -> Path:
    labels = [RelevanceLabel(questions[0].id, "arlen", 1)]
    benchmark = from_records("small", DOCUMENTS, questions, labels)
    (path,) = evaluate(benchmark, [stage], ["recall@1"], out=tmp_path).runs
    return path


def test_each_passage_read_is_an_example(tmp_path: Path, command_line: CommandLine) -> None:
    run, file = run_of(tmp_path, QUESTIONS, Retrieve(BM25(), k=1)), tmp_path / "new" / "chats.jsonl"
    ended = command_line("training-data", run, file)
    assert ended.code == 0, ended.err
    assert ended.err.startswith("3 examples\n")
    found = {line["question_id"]: line["messages"] for line in map(json.loads, file.read_text("utf-8").splitlines())}
    assert {name: messages[-1]["content"] for name, messages in found.items()} == {
        "en": "2310 metres",
        "zh": "四十米",
        "none": shared_text("en", "abstention"),
    }
    for name, messages in found.items():
        assert [message["role"] for message in messages] == ["system", "user", "assistant"]
        language = "zh" if name == "zh" else "en"
        assert shared_text(language, "abstention") in messages[1]["content"]
    assert found["zh"][1]["content"].startswith("<passages>\n[1] 东湖最深处四十米。\n</passages>")
    assert "问题：东湖有多深？" in found["zh"][1]["content"]


def test_what_gives_no_example_is_told(tmp_path: Path, command_line: CommandLine) -> None:
    run = run_of(tmp_path, QUESTIONS[3:], Retrieve(BM25(), k=1))
    with pytest.raises(DeclarationError, match="found no question with passages and an expected answer"):
        write_training_data(run, tmp_path / "chats.jsonl")
    ended = command_line("training-data", tmp_path / "gone", tmp_path / "chats.jsonl")
    assert ended.code == 2
    assert "Traceback" not in ended.err
