"""docs/relevance_labels.md: its evidence loads, its commands run, and print what it shows."""

from __future__ import annotations

import csv
import json
import re
import shlex
from pathlib import Path

import pytest

from rageval.benchmark import load, statistics
from rageval.metrics import parse
from rageval.metrics.unjudged import has_bounds
from tests.conftest import CommandLine
from tests.flow.small_world import write_experiment, write_lines

PAGE = (Path(__file__).parents[2] / "docs" / "relevance_labels.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
OLD = {"corva": "Lake Corva is 61 metres deep. Its water is salty.", "donghu": "东湖最深处四十米。东湖的水是淡水。"}
NEW = {"corva": f"Update: {OLD['corva']}", "donghu": "东湖最深处四十一米。东湖的水是淡水。"}


def blocks(language: str) -> list[str]:
    return [text for name, text in BLOCKS if name == language]


def command(name: str) -> list[str]:
    (found,) = (block for block in blocks("bash") if f"rageval {name}" in block)
    program, *arguments = shlex.split(found)
    assert program == "rageval"
    return arguments


def write(folder: Path, documents: dict[str, str]) -> Path:
    """A benchmark with the evidence of the page."""
    folder.mkdir()
    (folder / "card.yaml").write_text("name: lakes\n", encoding="utf-8")
    write_lines(folder / "documents.jsonl", [{"id": name, "text": text} for name, text in documents.items()])
    (question,) = blocks("json")
    other = json.dumps({"id": "q2", "text": "How deep are the lakes, and what is their water like?"})
    (folder / "questions.jsonl").write_text(f"{question}{other}\n", encoding="utf-8")
    (table,) = blocks("text")
    (folder / "labels.tsv").write_text(table, encoding="utf-8")
    return folder


def test_the_evidence_of_the_page(tmp_path: Path) -> None:
    benchmark = load(str(write(tmp_path / "lakes", OLD)))
    figures = statistics(benchmark)
    assert (figures.spans, figures.parts, figures.parts_with_alternatives) == (5, 3, 2)


def test_changed_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "old", OLD)
    write(tmp_path / "new", NEW)
    ended = command_line(*command("check-benchmark"))
    assert ended.code == 2
    shown, _ = blocks("")
    assert ended.out == shown
    assert (tmp_path / "labels.tsv").read_text("utf-8").count("\n") == 5


def test_unjudged_documents_and_the_next_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "benchmark", OLD)
    ranking = ["q1 Q0 donghu 1 2 t", "q1 Q0 corva 2 1 t", "q2 Q0 corva 1 2 t", "q2 Q0 donghu 2 1 t"]
    Path("theirs.run").write_text("\n".join(ranking), encoding="utf-8")
    pipelines = [{"recorded": {"path": "theirs.run"}}]
    experiment = write_experiment(
        tmp_path, "http://127.0.0.1:9", benchmark="benchmark", pipelines=pipelines, metrics=["ndcg@10"], models=None
    )
    assert command_line("run", experiment, "--out", "results").code == 0
    runs = [str(path) for path in Path("results/runs").iterdir()]

    def run(name: str) -> str:
        arguments = command(name)
        place = arguments.index("results/runs/*")
        ended = command_line(*arguments[:place], *runs, *arguments[place + 1 :])
        assert ended.code == 0, ended.err
        return ended.out

    assert "Unjudged documents" in run("leaderboard")
    assert [line.split("\t")[:2] for line in run("label-next").splitlines()] == [["q1", "donghu"]]
    with Path("next.csv").open(encoding="utf-8-sig", newline="") as sheet:
        columns, *rows = csv.reader(sheet)
    rows[0][columns.index("grade")], rows[0][columns.index("quote")] = "1", "东湖的水"
    with Path("next.csv").open("w", encoding="utf-8-sig", newline="") as sheet:
        csv.writer(sheet).writerows([columns, *rows])
    (code,) = blocks("python")
    exec(code, {})
    labels = [label for label in load("benchmark").labels if label.doc_id == "donghu" and label.question_id == "q1"]
    assert [(label.grade, label.start, label.end) for label in labels] == [(1, 9, 13)]


def test_the_unjudged_documents_of_the_handbook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine
) -> None:
    monkeypatch.chdir(tmp_path)
    _, shown = blocks("")
    experiment = write_experiment(
        tmp_path,
        "http://127.0.0.1:9",
        benchmark="handbook",
        pipelines=[{"naive": {"retriever": "bm25"}}, {"naive": {"retriever": "bm25", "chunk_tokens": 64}}],
        metrics=["ndcg@10", "hit_rate@5", "bpref"],
        models=None,
    )
    assert command_line("run", experiment, "--out", "out").code == 0
    ended = command_line("leaderboard", *Path("out/runs").iterdir(), "--unjudged")
    assert shown in ended.out


def test_the_metrics_with_bounds() -> None:
    (sentence,) = re.findall(r"([\w, ]+) have such\s+bounds", PAGE)
    named = re.findall(r"\w+", sentence.replace(" and ", " "))
    assert all(has_bounds(parse(f"{name}@5")) for name in named)
    assert set(named) == {"hit_rate", "mrr", "ndcg", "precision", "recall"}
