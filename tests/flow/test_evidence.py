"""Evidence metrics from experiment files: scores of stored runs, recorded systems, gates, and refusals in one line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from rageval.text import count_tokens
from tests.conftest import CommandLine
from tests.flow.small_world import DOCUMENTS, QUESTIONS, read_jsonl, run_folders, write_benchmark, write_lines

EVIDENCE = {
    "en-1": [("arlen", "Mount Arlen is 2310 metres high.")],
    "en-2": [
        ("brone", "It flows into Lake Corva near the town of Delmar."),
        ("corva", "Lake Corva is 61 metres deep."),
    ],
    "zh-1": [("qingshi", "山顶的寺庙建于一六〇二年。")],
    "zh-2": [("lanjiang", "在白沙镇流入东湖。")],
}
SMALL = {"naive": {"retriever": "bm25", "k": 1, "chunk_tokens": 12}}
LARGE = {"naive": {"retriever": "bm25", "k": 2, "chunk_tokens": 60}}
METRICS = ["recall@1", "evidence_recall@1", "evidence_precision@2", "evidence_hit@2", "evidence_recall@20t"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with the small benchmark, whose labels mark the evidence."""
    monkeypatch.chdir(tmp_path)
    write_benchmark(tmp_path / "small")
    rows = [
        f"{question}\t{doc}\t1\t{DOCUMENTS[doc].index(quote)}\t{DOCUMENTS[doc].index(quote) + len(quote)}\n"
        for question, spans in EVIDENCE.items()
        for doc, quote in spans
    ]
    (tmp_path / "small" / "labels.tsv").write_text("question_id\tdocument_id\tgrade\tstart\tend\n" + "".join(rows))
    return tmp_path


def write_spec(name: str, *pipelines: object, metrics: list[str] = METRICS) -> Path:
    path = Path(f"{name}.yaml")
    path.write_text(yaml.safe_dump({"benchmark": "small", "pipelines": [*pipelines], "metrics": metrics}))
    return path


def characters(doc: str, start: int, end: int) -> set[tuple[str, int]]:
    return {(doc, position) for position in range(start, end)}


def evidence_of(question: str) -> set[tuple[str, int]]:
    found = [(doc, DOCUMENTS[doc].index(quote), len(quote)) for doc, quote in EVIDENCE[question]]
    return set[tuple[str, int]]().union(*(characters(doc, start, start + length) for doc, start, length in found))


def read_of(response: Mapping[str, Any], k: int) -> tuple[set[tuple[str, int]], int]:
    """The characters of the first k passages, and how many there are if repeats count."""
    hits = [(doc, start, end) for doc, start, end, _ in response["hits"][:k]]
    return set[tuple[str, int]]().union(*(characters(*hit) for hit in hits)), sum(end - start for _, start, end in hits)


def within_tokens(response: Mapping[str, Any], budget: int) -> set[tuple[str, int]]:
    """The characters of the passages within a budget of tokens; the last one is cut after a word."""
    found = set[tuple[str, int]]()
    for doc, start, end, _ in response["hits"]:
        text = DOCUMENTS[doc]
        ends = [at for at in range(start, end + 1) if count_tokens(text[start:at]) <= budget]
        whole = [
            at for at in ends if at == end or not (text[at - 1 : at + 1].isascii() and text[at - 1 : at + 1].isalnum())
        ]
        last = start + len(text[start : max(whole)].rstrip())
        found |= characters(doc, start, last)
        budget -= count_tokens(text[start:last])
        if last < end:
            break
    return found


def test_a_run_is_scored_by_its_passages_and_again_from_disk(folder: Path, command_line: CommandLine) -> None:
    """The second experiment adds a budget of tokens to the run, which has the text of the first passages alone."""
    assert command_line("run", write_spec("first", SMALL, metrics=METRICS[:-1])).code == 0
    (run,) = run_folders(folder / "results").values()
    stored = (run / "responses.jsonl").read_bytes()
    assert command_line("run", write_spec("first", SMALL)).code == 0
    assert (run / "responses.jsonl").read_bytes() == stored
    scores = json.loads((run / "scores.json").read_text())
    responses = {line["question_id"]: line for line in read_jsonl(run / "responses.jsonl")}
    for question in EVIDENCE:
        evidence, response = evidence_of(question), responses[question]
        (first, _), (both, size) = read_of(response, 1), read_of(response, 2)
        assert scores["evidence_recall@1"]["questions"][question] == pytest.approx(
            len(evidence & first) / len(evidence), abs=1e-12
        )
        assert scores["evidence_precision@2"]["questions"][question] == pytest.approx(len(evidence & both) / size)
        within = len(evidence & within_tokens(response, 20)) / len(evidence)
        assert scores["evidence_recall@20t"]["questions"][question] == pytest.approx(within, abs=1e-12)
        assert [*response["texts"]] == ["0"]
    assert any(len(line["hits"]) > 1 for line in responses.values())
    reasons = {"the question is unanswerable: there is no evidence to find"}
    for metric in METRICS[1:]:
        assert set(scores[metric]["unscored"]) == {name for name in QUESTIONS if name.endswith("none")}
        assert {*scores[metric]["unscored"].values()} == reasons


def test_compare_and_gate_take_evidence_metrics(folder: Path, command_line: CommandLine) -> None:
    assert command_line("run", write_spec("both", SMALL, LARGE)).code == 0
    small, large = sorted((folder / "results" / "runs").iterdir(), key=lambda path: "12" not in _label(path))
    ended = command_line("compare", small, large, "--metric", "evidence_recall@20t", "--json")
    assert ended.code == 0
    assert [*json.loads(ended.out)["metrics"]] == ["evidence_recall@20t"]
    gated = command_line("gate", small, "--baseline", small, "--margin", "evidence_recall@1=0.5")
    assert gated.code in (0, 3)
    assert "evidence_recall@1" in gated.out
    board = command_line("leaderboard", small, large, "--format", "md")
    assert board.code == 0, board.err
    assert (
        "evidence_recall@1, evidence_precision@2, evidence_hit@2, evidence_recall@20t see passages; recall@1 see whole "
        "documents, whichever of their passages was found."
    ) in board.out


def _label(run: Path) -> str:
    return json.loads((run / "manifest.json").read_text())["label"]


def test_recorded_passages_are_found_in_their_documents(folder: Path, command_line: CommandLine) -> None:
    """One text word for word, one that its document lacks, one without an id, and one that no document has."""
    lines = [
        {"question_id": "en-1", "contexts": [{"doc_id": "arlen", "text": "2310 metres high."}]},
        {"question_id": "en-2", "contexts": [{"doc_id": "brone", "text": "The Brone ends in Lake Corva."}]},
        {"question_id": "zh-1", "contexts": ["寺庙建于一六〇二年。"]},
        {"question_id": "zh-2", "contexts": ["别的书里的话。"]},
    ]
    write_lines(folder / "answers.jsonl", lines)
    spec = write_spec("recorded", {"recorded": {"path": "answers.jsonl"}}, metrics=["evidence_recall@1"])
    assert command_line("run", spec).code == 0
    (run,) = run_folders(folder / "results").values()
    scores = json.loads((run / "scores.json").read_text())["evidence_recall@1"]
    assert scores["questions"] == {"en-1": pytest.approx(17 / 32), "zh-1": pytest.approx(10 / 13), "zh-2": 0.0}
    assert "its place is not known" in scores["unscored"]["en-2"]


@pytest.mark.parametrize("command", ["run", "check"])
def test_labels_without_spans_are_refused_before_any_call(
    command: str, folder: Path, command_line: CommandLine
) -> None:
    rows = [f"{question}\t{doc}\t1\n" for question, spans in EVIDENCE.items() for doc, _ in spans]
    (folder / "small" / "labels.tsv").write_text("question_id\tdocument_id\tgrade\n" + "".join(rows))
    ended = command_line(command, write_spec("refused", SMALL))
    assert ended.code == 2
    assert ended.err.splitlines()[-1].startswith(
        "error: refused.yaml: metrics: evidence_recall@1, evidence_precision@2, evidence_hit@2, evidence_recall@20t "
        "need labels that mark spans, and those of the 6 questions mark none: "
    )


def test_trec_files_have_no_passages(folder: Path, command_line: CommandLine) -> None:
    (folder / "qrels").write_text("q 0 d 1\n")
    (folder / "run").write_text("q Q0 d 1 1 tag\n")
    ended = command_line("metrics", "qrels", "run", "-m", "evidence_recall@5")
    assert (ended.code, ended.out) == (2, "")
    assert "found a metric of passages, expected a ranking metric: files hold no passages" in ended.err
