"""MT-RAG files: small ones, and MTRAG-UN itself where it is at hand."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rageval.benchmark import load
from rageval.errors import BenchmarkError
from rageval.types import Document, Question, RelevanceLabel, Turn

MTRAG_UN = Path(__file__).parents[4] / "shared" / "data" / "mtragun" / "reference.jsonl"
LINE: dict[str, Any] = {
    "task_id": "c1<::>2",
    "input": [
        {"speaker": "user", "text": "东湖在哪里？"},
        {"speaker": "agent", "text": "在北边。"},
        {"speaker": "user", "text": "它有多深？"},
    ],
    "contexts": [{"document_id": "d", "text": "东湖深四十米。", "title": "东湖"}] * 2,
    "targets": [{"speaker": "agent", "text": "四十米。"}],
    "answerability": ["ANSWERABLE"],
    "Collection": "lakes",
    "Multi-Turn": ["Follow-up"],
}


def write(folder: Path, *lines: dict[str, Any]) -> str:
    path = folder / "tiny.jsonl"
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return f"mtrag:{path}"


def test_the_last_message_is_the_question(tmp_path: Path) -> None:
    benchmark = load(write(tmp_path, LINE))
    assert benchmark.questions == (
        Question(
            "c1<::>2",
            "它有多深？",
            "zh",
            ("四十米。",),
            ("answerable",),
            {"collection": "lakes", "turn_type": "Follow-up"},
            (Turn("user", "东湖在哪里？"), Turn("assistant", "在北边。")),
        ),
    )
    assert benchmark.documents == (Document("d", "东湖深四十米。", "东湖"),)
    assert benchmark.labels == (RelevanceLabel("c1<::>2", "d", 1),)


@pytest.mark.parametrize("kind", ["UNANSWERABLE", ["underspecified"]])
def test_what_has_no_answer_has_neither_references_nor_labels(tmp_path: Path, kind: object) -> None:
    benchmark = load(write(tmp_path, {**LINE, "answerability": kind}))
    (question,) = benchmark.questions
    assert question.tags == (kind.lower() if isinstance(kind, str) else kind[0],)  # type: ignore[index]
    assert (question.references, benchmark.labels) == ((), ())
    assert len(benchmark.documents) == 1


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"answerability": ["MAYBE"]}, "found a list for 'answerability', expected one of answerable, partial"),
        ({"input": []}, "'input': found no message, expected the conversation"),
        ({"input": LINE["input"][:2]}, "'input': found assistant as the last to speak, expected the user"),
        ({"input": [{"speaker": "judge", "text": "x"}]}, "'input': message 1: found the role 'judge'"),
        ({"contexts": ["text"]}, "found a list for 'contexts', expected a list of objects"),
        ({"task_id": ""}, "found the id '', expected an id without white space"),
    ],
)
def test_a_bad_line_is_told(tmp_path: Path, changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(BenchmarkError) as caught:
        load(write(tmp_path, LINE, {**LINE, "task_id": "c2", **changes}))
    assert caught.value.problems[0].startswith(f"{tmp_path / 'tiny.jsonl'}:2: {problem}")


def test_one_id_has_one_text(tmp_path: Path) -> None:
    other = {**LINE, "task_id": "c2", "contexts": [{"document_id": "d", "text": "Something else."}]}
    with pytest.raises(BenchmarkError, match="found another text of the document 'd'"):
        load(write(tmp_path, LINE, other))


@pytest.mark.skipif(not MTRAG_UN.is_file(), reason="the shared data are not at hand")
def test_mtrag_un() -> None:
    benchmark = load(f"mtrag:{MTRAG_UN}")
    assert Counter(tag for question in benchmark.questions for tag in question.tags) == {
        "answerable": 285,
        "unanswerable": 97,
        "underspecified": 78,
        "partial": 47,
    }
    assert (len(benchmark.documents), len(benchmark.labels)) == (1152, 851)
    assert sum(not question.history for question in benchmark.questions) == 42
    assert max(len(question.history) for question in benchmark.questions) == 20
