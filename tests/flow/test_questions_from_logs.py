"""`rageval questions-from-logs`: questions asked alike are joined, strata kept, and the folder is a benchmark."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CommandLine
from tests.flow.small_world import read_jsonl, write_lines

PASSAGE = {"id": "corva", "text": "Lake Corva is 61 metres deep."}
TEXTS = [
    "How deep is Lake Corva near the town of Delmar in winter?",
    "how deep is  lake corva near the town of Delmar in winter?",
    "Tell me how deep is Lake Corva near the town of Delmar in winter?",
    "What did the mine of Delmar earn in the whole year of 2024?",
    "What did the mine of Delmar earn in the whole year of 2025?",
    "蓝江在白沙镇的哪一个地方流入东湖呢？",
    "请问蓝江在白沙镇的哪一个地方流入东湖呢？",
    "Why?",
]


def row(text: str, number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"a{number}", "question": text, "answer": "…", "passages": [PASSAGE], "route": "web",
        "time": f"2026-11-{10 + number % 5}", **more,
    }  # fmt: skip


@pytest.fixture
def log(tmp_path: Path) -> Path:
    rows = [row(text, number, route="app" if "Delmar" in text else "web") for number, text in enumerate(TEXTS)]
    write_lines(tmp_path / "log.jsonl", rows)
    return tmp_path / "log.jsonl"


def test_duplicates_are_joined_and_counted(log: Path, tmp_path: Path, command_line: CommandLine) -> None:
    out = tmp_path / "benchmark"
    ended = command_line("questions-from-logs", log, out, "--strata", "route", "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert (found["answers"], found["exact_duplicates"], found["near_duplicates"]) == (8, 1, 2)
    assert (found["questions"], found["written"], found["documents"]) == (5, 5, 1)
    questions = {one["id"]: one for one in read_jsonl(out / "questions.jsonl")}
    assert {name: one["metadata"]["asked"] for name, one in questions.items()} == {
        "a0": 3, "a3": 1, "a4": 1, "a5": 2, "a7": 1,
    }  # fmt: skip
    assert questions["a0"]["metadata"] == {
        "asked": 3, "route": "app", "first_day": "2026-11-10", "last_day": "2026-11-12",
    }  # fmt: skip
    assert found["strata"] == {"app": {"questions": 3, "written": 3}, "web": {"questions": 2, "written": 2}}
    checked = command_line("check-benchmark", out)
    assert "labels" in checked.out + checked.err
    again = command_line("questions-from-logs", log, out)
    assert again.code == 2
    assert "found questions, expected none" in again.err


def test_a_sample_keeps_strata_and_conversations_differ(tmp_path: Path, command_line: CommandLine) -> None:
    asked = "How deep is it then, in metres, at the deepest place?"
    rows = [row(f"Question number {n} about something else entirely {n * n}?", n) for n in range(60)]
    rows += [row(f"Rare question {n} of the app, please {n * 7}?", 100 + n, route="app") for n in range(3)]
    for number, lake in ((200, "Corva"), (201, "Corva"), (202, "Donghu")):
        before = [{"role": "user", "content": f"Do you know the great lake {lake}?"}]
        rows.append(row(asked, number, history=before, route="talk"))
    write_lines(tmp_path / "log.jsonl", rows)
    found = json.loads(
        command_line(
            "questions-from-logs",
            tmp_path / "log.jsonl",
            tmp_path / "out",
            "--sample",
            20,
            "--strata",
            "route",
            "--json",
        ).out
    )
    assert found["written"] == 20
    assert found["strata"]["app"] == {"questions": 3, "written": 3}
    assert found["strata"]["talk"] == {"questions": 2, "written": 2}
    talks = [one for one in read_jsonl(tmp_path / "out" / "questions.jsonl") if one["metadata"]["route"] == "talk"]
    assert sorted(one["metadata"]["asked"] for one in talks) == [1, 2]
    assert all(one["history"] for one in talks)


def test_masked_and_without_documents(log: Path, tmp_path: Path, command_line: CommandLine) -> None:
    write_lines(tmp_path / "own.jsonl", [row("Ask ann.lee@acme-works.org about it, please?", 1)])
    ended = command_line("questions-from-logs", tmp_path / "own.jsonl", tmp_path / "own", "--mask")
    assert ended.code == 0, ended.err
    assert "'e-mail': 1" in ended.err
    assert "acme" not in "".join(path.read_text("utf-8") for path in (tmp_path / "own").iterdir())
    write_lines(tmp_path / "bare.jsonl", [{"question": "Why is that so?", "answer": "…"}])
    ended = command_line("questions-from-logs", tmp_path / "bare.jsonl", tmp_path / "bare")
    assert ended.code == 2
    assert "found no documents, and no passages in the log" in ended.err
    assert not (tmp_path / "bare").exists()
    (tmp_path / "bare").mkdir()
    write_lines(tmp_path / "bare" / "documents.jsonl", [{"id": "d", "text": "Because."}])
    assert command_line("questions-from-logs", tmp_path / "bare.jsonl", tmp_path / "bare").code == 0
