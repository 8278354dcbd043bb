"""A recorded run and its benchmark must speak of the same questions and documents."""

from __future__ import annotations

from pathlib import Path

import pytest

import rageval
from rageval.types import Document, Question, RelevanceLabel

BENCHMARK = rageval.benchmark_from_records(
    "lakes",
    [Document(f"d{n}", f"Text {n}.") for n in range(4)],
    [Question(f"q{n}", f"Question {n}?") for n in range(4)],
    [RelevanceLabel(f"q{n}", f"d{n}", 1) for n in range(4)],
)


def score(tmp_path: Path, name: str, content: str) -> rageval.Result:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    return rageval.evaluate(BENCHMARK, [{"recorded": {"path": str(path)}}], ["mrr"], out=tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        (
            "theirs.run",
            "0 Q0 d0 1 1.0 t\n1 Q0 d1 1 1.0 t\n",
            r"found no question of lakes, .* lakes has 'q0', 'q1', 'q2', …, and .*theirs.run '0', '1'$",
        ),
        (
            "theirs.jsonl",
            '{"question_id": 0, "hits": [{"doc_id": "d0"}]}\n',
            r"found no question of lakes, .* and .*theirs.jsonl '0'$",
        ),
        (
            "theirs.run",
            "q0 Q0 D0 1 1.0 t\nq1 Q0 D1 1 1.0 t\nq2 Q0 D2 1 1.0 t\n",
            r"found no document of lakes, .* benchmark has 'd0', 'd1', 'd2', …, and the run 'D0', 'D1', 'D2'$",
        ),
    ],
)
def test_ids_of_two_kinds(name: str, content: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(rageval.DeclarationError, match=problem):
        score(tmp_path, name, content)


def test_few_questions_are_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    result = score(tmp_path, "theirs.run", "q0 Q0 d0 1 1.0 t\n")
    assert "theirs.run has 1 of the 4 questions of lakes: lakes has 'q0', 'q1', 'q2', …, and " in caplog.text
    assert rageval.RunFolder(result.runs[0]).scores()["mrr"]["questions"] == {"q0": 1.0, "q1": 0, "q2": 0, "q3": 0}
