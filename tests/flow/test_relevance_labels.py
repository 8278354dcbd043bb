"""Relevance labels through the command line: quotes, changed documents, unjudged documents, the next labels."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CommandLine, Ended
from tests.flow.small_world import DOCUMENTS, QUESTIONS, write_benchmark, write_experiment, write_lines

EVIDENCE = {
    "en-1": {"doc_id": "arlen", "quote": "Mount Arlen is 2310 metres high"},
    "zh-1": {"doc_id": "qingshi", "quote": "山顶的寺庙建于一六〇二年"},
}


def quoted(folder: Path, **documents: str) -> Path:
    """The small benchmark with evidence by quote, and documents changed."""
    write_benchmark(folder)
    texts = {**DOCUMENTS, **documents}
    write_lines(folder / "documents.jsonl", [{"id": name, "text": text} for name, text in texts.items()])
    asked = [json.loads(line) for line in (folder / "questions.jsonl").read_text("utf-8").splitlines()]
    write_lines(
        folder / "questions.jsonl",
        [one | ({"evidence": [EVIDENCE[one["id"]]]} if one["id"] in EVIDENCE else {}) for one in asked],
    )
    return folder


def done(ended: Ended, code: int = 0) -> str:
    assert ended.code == code, ended.err
    return ended.out


def test_a_benchmark_with_quotes(tmp_path: Path, command_line: CommandLine) -> None:
    printed = json.loads(done(command_line("check-benchmark", quoted(tmp_path / "small"), "--json")))
    assert (printed["spans"], printed["parts"], printed["parts_with_alternatives"], printed["labels"]) == (2, 2, 0, 6)


def test_changed_documents_and_labels_at_their_new_places(tmp_path: Path, command_line: CommandLine) -> None:
    old = quoted(tmp_path / "old")
    same = done(command_line("check-benchmark", old, "--against", old))
    assert [line.split() for line in same.splitlines()[:3]] == [
        ["questions", "labels"],
        ["where", "it", "was", "4", "6"],
        ["moved", "0", "0"],
    ]
    arlen = f"Revised in 2025. {DOCUMENTS['arlen']}"
    new = quoted(tmp_path / "new", arlen=arlen, qingshi="青石山高一千八百米。山顶的寺庙建于一六〇三年。")
    labels = tmp_path / "moved.tsv"
    ended = command_line("check-benchmark", new, "--against", old, "--relocate", labels)
    assert "note: the labels of" in ended.err
    assert "found no '山顶的寺庙建于一六〇二年' in document 'qingshi'" in ended.err
    told = done(ended, 2)
    assert "en-1, arlen 0 to 31: moved to 17 to 48" in told
    assert "zh-1, qingshi 10 to 22: changed\n  was: 山顶的寺庙建于一六〇二年\n  now: 山顶的寺庙建于一六〇三年" in told
    assert "5 labels written, 1 left out\n  left out: zh-1, qingshi 10 to 22: changed" in told
    assert "en-1\tarlen\t2\t17\t48\t\n" in labels.read_text("utf-8")
    assert all(len(line) <= 80 for line in told.splitlines() if "/" not in line)
    found = json.loads(done(command_line("check-benchmark", new, "--against", old, "--json"), 2))
    assert found["questions"] == {"en-1": "moved", "en-2": "there", "zh-1": "changed", "zh-2": "there"}
    (moved,) = (one for one in found["evidence"] if one["fate"] == "moved")
    assert moved["now"] == {"document_id": "arlen", "start": 17, "end": 48}


def test_what_has_moved_and_is_labelled_there_is_no_loss(tmp_path: Path, command_line: CommandLine) -> None:
    old, new = quoted(tmp_path / "old"), quoted(tmp_path / "new", arlen=f"Revised in 2025. {DOCUMENTS['arlen']}")
    assert command_line("check-benchmark", new, "--against", old).code == 0  # its quotes are looked up anew
    plain = write_benchmark(tmp_path / "plain")
    (plain / "documents.jsonl").write_bytes((new / "documents.jsonl").read_bytes())
    assert command_line("check-benchmark", plain, "--against", old).code == 2
    labels = tmp_path / "moved.tsv"
    assert command_line("check-benchmark", plain, "--against", old, "--relocate", labels).code == 0
    (plain / "labels.tsv").write_bytes(labels.read_bytes())
    assert command_line("check-benchmark", plain, "--against", old).code == 0
    assert json.loads(done(command_line("check-benchmark", plain, "--json")))["spans"] == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--relocate", "a.tsv"], "--relocate: found no --against"),
        (["--against", "old", "--relocate", "old/labels.tsv"], "old/labels.tsv: found a file already there"),
        (["--against", "old", "--relocate", "no/a.tsv"], "no/a.tsv: cannot be written"),
        (["--against", "nowhere"], "nowhere: found no such folder"),
    ],
)
def test_wrong_input(
    arguments: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine
) -> None:
    monkeypatch.chdir(tmp_path)
    quoted(tmp_path / "old")
    ended = command_line("check-benchmark", "old", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err
    assert "Traceback" not in ended.err


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine) -> list[str]:
    """Two recorded runs over the small benchmark, each with all documents in another order."""
    monkeypatch.chdir(tmp_path)
    names = [*DOCUMENTS]
    for number, step in enumerate((1, 3)):
        ranked = [
            (q, names[(i * step + j) % len(names)], j) for i, q in enumerate(QUESTIONS) for j in range(len(names))
        ]
        lines = [f"{question} Q0 {document} {rank} {-rank} t\n" for question, document, rank in ranked]
        Path(f"run{number}.trec").write_text("".join(lines), encoding="utf-8")
    pipelines = [{"recorded": {"path": f"run{number}.trec"}} for number in range(2)]
    metrics = ["precision@2", "ndcg@2", "map", "bpref", "judged@2"]
    experiment = write_experiment(tmp_path, "http://127.0.0.1:9", pipelines=pipelines, metrics=metrics, models=None)
    done(command_line("run", experiment, "--out", "out"))
    return sorted(str(path) for path in Path("out/runs").iterdir())


def grades_and_rankings(run: str) -> dict[str, tuple[dict[str, int], list[str]]]:
    lines = {name: [json.loads(line) for line in Path(run, f"{name}.jsonl").read_text("utf-8").splitlines()]
             for name in ("questions", "responses")}  # fmt: skip
    ranked = {line["question_id"]: list(dict.fromkeys(hit[0] for hit in line["hits"])) for line in lines["responses"]}
    return {q["question_id"]: (q["grades"], ranked[q["question_id"]]) for q in lines["questions"] if q["grades"]}


def test_the_leaderboard_with_unjudged_documents(runs: list[str], command_line: CommandLine) -> None:
    """precision@2 by hand: from the relevant documents alone to those and all without a label."""
    board = json.loads(done(command_line("leaderboard", *runs, "--unjudged", "--format", "json")))
    for row, found in zip(board["runs"], board["unjudged"], strict=True):
        read = grades_and_rankings(row["path"]).values()
        low = [sum(grades.get(doc, 0) > 0 for doc in docs[:2]) / 2 for grades, docs in read]
        high = [sum(grades.get(doc, 1) > 0 for doc in docs[:2]) / 2 for grades, docs in read]
        open_share = [sum(doc not in grades for doc in docs[:2]) / len(docs[:2]) for grades, docs in read if docs]
        assert found["precision@2"] == {
            "low": pytest.approx(sum(low) / 4),
            "high": pytest.approx(sum(high) / 4),
            "unjudged": pytest.approx(sum(open_share) / len(open_share)),
            "n": 4,
        }
        assert row["metrics"]["precision@2"]["mean"] == pytest.approx(sum(low) / 4)
        assert found["ndcg@2"]["low"] <= row["metrics"]["ndcg@2"]["mean"] <= found["ndcg@2"]["high"]
        assert found["map"]["low"] is None
        assert row["metrics"]["judged@2"]["mean"] == pytest.approx(1 - found["judged@2"]["unjudged"])
    for form in ("terminal", "md"):
        told = done(command_line("leaderboard", *runs, "--unjudged", "--format", form))
        assert "Unjudged documents" in told
        assert "bpref" in told
        assert "no bounds" in told
    assert "unjudged" not in done(command_line("leaderboard", *runs))
    ended = command_line("leaderboard", *runs, "--unjudged", "--format", "mine.py")
    assert (ended.code, ended.out) == (2, "")
    assert "found 'mine.py' beside --unjudged, expected terminal, md, csv, latex, html, json" in ended.err


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_the_next_labels_become_lines_of_the_table(
    ending: str, runs: list[str], tmp_path: Path, command_line: CommandLine
) -> None:
    sheet = tmp_path / f"下一批.{ending}"
    ended = command_line("label-next", *runs, "-m", "precision@2", "-n", 3, "-o", sheet, "--benchmark", "small")
    lines = [line.split("\t") for line in done(ended).splitlines()]
    rows: list[dict[str, Any]]
    if ending == "csv":
        with sheet.open(encoding="utf-8-sig", newline="") as file:
            rows = [*csv.DictReader(file)]
    else:
        rows = [json.loads(line) for line in sheet.read_text("utf-8").splitlines()]
    assert [(row["question_id"], row["document_id"]) for row in rows] == [(line[0], line[1]) for line in lines]
    assert len(rows) == 3
    read = [grades_and_rankings(run) for run in runs]
    for row in rows:
        assert row["text"] == DOCUMENTS[row["document_id"]]
        assert not row["grade"]
        assert "grade" in row["instructions"]
        assert (row["language"] == "zh") == ("填写等级" in row["instructions"])
        assert any(row["document_id"] in one[row["question_id"]][1][:2] for one in read)
        assert all(row["document_id"] not in one[row["question_id"]][0] for one in read)
    with Path("small/labels.tsv").open("a", encoding="utf-8") as labels:
        labels.writelines(f"{row['question_id']}\t{row['document_id']}\t0\n" for row in rows)
    printed = json.loads(done(command_line("check-benchmark", "small", "--json")))
    assert printed["labels"] == 9


def test_next_labels_as_json_and_wrong_input(runs: list[str], tmp_path: Path, command_line: CommandLine) -> None:
    found = json.loads(done(command_line("label-next", *runs, "-m", "ndcg@2", "-n", 2, "--json")))
    assert found["metric"] == "ndcg@2"
    assert len(found["labels"]) == 2
    (tmp_path / "there.csv").touch()
    for arguments, told in (
        (["-m", "map@2"], "--metric: found map@2, expected one of hit_rate"),
        (["-m", "ndcg@2", "-o", "there.csv"], "there.csv: found a file already there"),
        (["-m", "ndcg@2", "-o", "a.txt"], "found the ending '.txt'"),
        (["-m", "ndcg@2", "-o", "a.csv", "--benchmark", "nowhere"], "with --benchmark"),
    ):
        ended = command_line("label-next", *runs, *arguments)
        assert (ended.code, ended.out) == (2, "")
        assert told in ended.err
    assert command_line("label-next", "nowhere", "-m", "ndcg@2").code == 4
