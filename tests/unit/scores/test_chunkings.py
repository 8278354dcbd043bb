"""Precision Ω of a chunking: by hand, over a benchmark, and from the command line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from rageval.benchmark import from_records
from rageval.errors import DeclarationError
from rageval.metrics.verdicts import NO_LABELS
from rageval.retrieval import SentenceChunker
from rageval.scores.chunkings import score_chunking
from rageval.scores.evidence_scores import NO_EVIDENCE
from rageval.types import Document, Passage, Question, RelevanceLabel, Score
from tests.conftest import CommandLine

TEXT = "0123456789" * 10
DOCUMENTS = [Document("a", TEXT), Document("b", TEXT), Document("never-cut", TEXT)]
QUESTIONS = [
    Question("within", "?", "en"),
    Question("across", "?", "en"),
    Question("either", "?", "en"),
    Question("unlabelled", "?", "en"),
    Question("none", "?", "en", tags=("unanswerable",)),
]
BENCHMARK = from_records(
    "digits",
    DOCUMENTS,
    QUESTIONS,
    [
        RelevanceLabel("within", "a", 1, 2, 7),
        RelevanceLabel("across", "a", 1, 18, 22),
        RelevanceLabel("across", "b", 1, 40, 50),
        RelevanceLabel("either", "a", 1, 0, 10, "1"),
        RelevanceLabel("either", "b", 1, 5, 15, "1"),
    ],
)


@dataclass(frozen=True)
class Windows:
    """Windows of `size` characters, a step apart; it cannot cut the last document."""

    size: int
    step: int

    def split(self, document: Document) -> list[Passage]:
        assert document.id != "never-cut"
        return [document.passage(at, min(at + self.size, 100)) for at in range(0, 100, self.step)]


def test_by_hand() -> None:
    """Windows of 10. `across`: two of them touch the first span, one the second. `either`: each is covered whole, and
    of two alternatives as long as each other the first counts, which one window holds.
    """
    found = score_chunking(BENCHMARK, Windows(10, 10))
    assert found.scores == {
        "within": Score(5 / 10),
        "across": Score(pytest.approx(14 / 30)),
        "either": Score(1.0),
        "unlabelled": NO_LABELS,
        "none": NO_EVIDENCE,
    }
    assert (found.passages, found.mean_characters) == (20, 10.0)
    assert found.precision_omega.point == pytest.approx((0.5 + 14 / 30 + 1.0) / 3)
    assert (found.precision_omega.n, found.precision_omega.unscored) == (3, 2)


def test_overlap_counts_each_time_and_gaps_are_missed() -> None:
    """Windows of 10, 5 apart: `within` is touched by 0-10 and 5-15. Windows of 5, 10 apart: half is missing."""
    assert score_chunking(BENCHMARK, Windows(10, 5)).scores["within"] == Score(5 / 20)
    assert score_chunking(BENCHMARK, Windows(5, 10)).scores["within"] == Score(pytest.approx(3 / (5 + 2)))


def test_questions_can_be_chosen_and_must_have_evidence() -> None:
    assert [*score_chunking(BENCHMARK, Windows(10, 10), QUESTIONS[:1]).scores] == ["within"]
    with pytest.raises(DeclarationError, match="digits: found no label that marks a span"):
        score_chunking(BENCHMARK, Windows(10, 10), QUESTIONS[3:])
    with pytest.raises(DeclarationError, match=r"expected an object with split\(document\)"):
        score_chunking(BENCHMARK, "sentences")


def test_from_the_command_line(tmp_path: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pipelines with the same chunker have the same numbers; one without a chunker has no row."""
    monkeypatch.chdir(tmp_path)
    pipelines = [
        {"naive": {"retriever": "bm25", "chunk_tokens": 64}},
        {"naive": {"retriever": "bm25", "chunk_tokens": 256}},
        {"naive": {"retriever": "bm25", "chunk_tokens": 256, "k": 1}},
        "closed_book",
    ]
    spec = {"benchmark": "handbook", "questions": 20, "pipelines": pipelines, "metrics": ["ndcg@10"]}
    Path("sizes.yaml").write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    ended = command_line("chunking", "sizes.yaml", "--json")
    assert ended.code == 0, ended.err
    said = json.loads(ended.out)
    small, large, again = said["chunkings"]
    assert said["benchmark"] == "handbook"
    assert small["pipeline"] == "naive(retriever=bm25, chunk_tokens=64)"
    assert small["precision_omega"]["mean"] > large["precision_omega"]["mean"] > 0
    assert {**again, "pipeline": large["pipeline"]} == large
    shown = command_line("chunking", "sizes.yaml")
    assert "precision Ω" in shown.out
    assert f"{large['passages']:,}" in shown.out
    Path("sizes.yaml").write_text(yaml.safe_dump({**spec, "pipelines": ["closed_book"]}), encoding="utf-8")
    refused = command_line("chunking", "sizes.yaml")
    assert (refused.code, refused.err) == (
        2,
        "error: sizes.yaml: found no pipeline with a chunker, expected one, such as naive\n",
    )


def test_the_handbook_in_python() -> None:
    import rageval

    handbook = rageval.load_benchmark("handbook")
    found = score_chunking(handbook, SentenceChunker(128))
    assert found.precision_omega.n == sum(question.answerable for question in handbook.questions)
    assert found.to_json()["passages"] == found.passages
