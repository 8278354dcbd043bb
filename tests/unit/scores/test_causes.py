from __future__ import annotations

from pathlib import Path

from rageval.io.records import question_to_json
from rageval.io.run_folder import RunFolder
from rageval.scores.causes import Cause, read_causes
from rageval.types import Failure, Question, Response


def run_with(path: Path, *outcomes: Failure | Response, texts: str = "What is it?") -> RunFolder:
    folder = RunFolder(path)
    asked = [Question(f"q{i}", f"{texts} {i}") for i in range(len(outcomes))]
    folder.write_questions(question_to_json(question, []) for question in asked)
    for question, outcome in zip(asked, outcomes, strict=True):
        folder.add_outcome(question.id, outcome)
    return folder


def test_messages_that_differ_in_numbers_ids_and_the_question_are_one_cause(tmp_path: Path) -> None:
    folder = run_with(
        tmp_path,
        Response(answer="fine"),
        Failure("ModelError", "no reply after 1.5 s\nfrom http://127.0.0.1:8000/v1 (request 0a1b-17)"),
        Failure("LookupError", "What is it? 2: not found"),
        Failure("ModelError", "no reply after 20 s from http://127.0.0.1:8001/v1 (request 9c-3)"),
        Failure("LookupError", "What is it? 4: not found"),
        Failure("LookupError", "What is it? 5: not found"),
        Failure("KeyError", "What is it? 6: not found"),
    )
    assert read_causes(folder) == (
        Cause("LookupError", "What is it? 2: not found", 3),
        Cause("ModelError", "no reply after 1.5 s from http://127.0.0.1:8000/v1 (request 0a1b-17)", 2),
        Cause("KeyError", "What is it? 6: not found", 1),
    )


def test_chinese_messages_and_causes_of_equal_count(tmp_path: Path) -> None:
    folder = run_with(
        tmp_path,
        Failure("ValueError", "超时 30 秒"),
        Failure("ValueError", "连接被拒绝"),
        Failure("ValueError", "连接被拒绝"),
        Failure("ValueError", "超时 9 秒"),
        texts="什么？",
    )
    assert [(cause.message, cause.questions) for cause in read_causes(folder)] == [
        ("超时 30 秒", 2),
        ("连接被拒绝", 2),
    ]


def test_a_run_without_failures_has_no_causes(tmp_path: Path) -> None:
    assert read_causes(run_with(tmp_path, Response(answer="fine"))) == ()
    assert read_causes(RunFolder(tmp_path / "nowhere")) == ()
