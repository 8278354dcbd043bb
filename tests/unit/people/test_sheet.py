"""The file to fill in: everything that a person needs, nothing that would sway them, and it comes back whole."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from rageval.errors import DeclarationError
from rageval.io.run_folder import RunFolder
from rageval.metrics.judged import JUDGED_METRICS
from rageval.people.label_files import read_label_files
from rageval.people.sampling import draw_sample
from rageval.people.sheet import COLUMNS, write_sheet
from rageval.scores.samples import Sample
from rageval.text.languages import LANGUAGES
from rageval.types import Hit, Passage, Response
from tests.flow.judged_run import FAITHFULNESS, JudgedRun, fill, read_sheet


def test_instructions_are_there_for_every_judged_metric_and_language() -> None:
    for metric in JUDGED_METRICS.values():
        assert {*metric.instruction} == {*LANGUAGES}, metric.name
        assert all(text and "\n" not in text for text in metric.instruction.values()), metric.name


def write(
    run: RunFolder, path: Path, metric: str = "answer_relevance", n: int = 20
) -> tuple[Sample, list[dict[str, Any]]]:
    sample = draw_sample(run, metric, n)
    write_sheet(run, sample, path)
    return sample, read_sheet(path)


@pytest.mark.parametrize("ending", ["jsonl", "csv", "CSV"])
def test_a_row_for_each_question_that_needs_a_label(ending: str, run: JudgedRun, tmp_path: Path) -> None:
    sample = draw_sample(run.folder, run.name, 37)
    path = tmp_path / f"sheet.{ending}"
    write_sheet(run.folder, sample, path)
    if ending == "CSV":
        path = path.rename(path.with_suffix(".csv"))
    rows = read_sheet(path)
    assert [row["question_id"] for row in rows] == list(sample.to_label)
    assert len(rows) == 37 - len(run.failed)
    assert all(tuple(row) == COLUMNS and not row["label"] and not row["annotator"] for row in rows)


def test_what_a_row_holds(run: JudgedRun, tmp_path: Path) -> None:
    sample, rows = write(run.folder, tmp_path / "a.jsonl")
    number = int(rows[0]["question_id"][1:])
    assert rows[0] == {
        "run": "lakes",
        "sample": sample.digest,
        "question_id": f"q{number:03}",
        "metric": "answer_relevance",
        "label": None,
        "annotator": "",
        "instructions": JUDGED_METRICS["answer_relevance"].instruction["en"],
        "language": "en",
        "question": f"How deep is lake {number}?",
        "references": [str(10 * number)],
        "passages": [f'[1] d {number}: =SUM(A1): lake {number} is said to be\n{10 * number} metres, "or so".'],
        "answer": f"It is {10 * number} metres deep.",
    }


def test_the_judge_cannot_be_read_out_of_the_sheet(tmp_path: Path) -> None:
    """Two runs that differ in their scores alone give the same rows, but for the name of the sample."""
    sheets: list[list[dict[str, Any]]] = []
    for name in ("a", "b"):
        run = JudgedRun(tmp_path / name / "run", 40)
        if name == "b":
            scores = run.folder.scores()
            scores[run.name]["questions"] = {q: 1.0 - score for q, score in run.judged.items()}
            run.folder.write_scores(scores)
        sheets.append(write(run.folder, tmp_path / f"{name}.jsonl")[1])
    assert [{**row, "sample": ""} for row in sheets[0]] == [{**row, "sample": ""} for row in sheets[1]]


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_chinese_comes_back_whole(ending: str, tmp_path: Path) -> None:
    run = JudgedRun(tmp_path / "湖", 30, language="zh", metric=FAITHFULNESS)
    path = tmp_path / f"表.{ending}"
    _, rows = write(run.folder, path, "faithfulness")
    number = int(rows[0]["question_id"][1:])
    passage = f"[1] d {number}: 第{number}号湖据说深\n“{10 * number}米”，左右。"
    assert rows[0]["passages"] == (passage if ending == "csv" else [passage])
    assert rows[0]["instructions"] == JUDGED_METRICS["faithfulness"].instruction["zh"]
    fill(path, run.gold.get, annotator="李")
    read = read_label_files([path])
    assert [(r.run, r.human.question_id, r.human.label, r.human.annotator) for r in read] == [
        ("湖", row["question_id"], run.gold[row["question_id"]], "李") for row in rows
    ]


def test_a_spreadsheet_finds_no_formula_and_ids_come_back(tmp_path: Path) -> None:
    """Whatever a model or document says, no cell starts as a formula does; what is matched later is restored."""
    run = JudgedRun(tmp_path / "=run", 5)
    for i, answer in enumerate(["=HYPERLINK(1)", "+1", "-1", "@x", "\t=1"]):
        run.folder.add_outcome(f"q{i:03}", Response((Hit(Passage("d", 0, 1, "=1"), 1.0),), answer, (0,)))
    path = tmp_path / "a.csv"
    _, rows = write(run.folder, path, n=5)
    assert {row["answer"] for row in rows} == {"'=HYPERLINK(1)", "'+1", "'-1", "'@x", "'\t=1"}
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert not any(
            cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cells in csv.reader(file) for cell in cells
        )
    fill(path, run.gold.get)
    assert {row.run for row in read_label_files([path])} == {"=run"}


def test_half_a_character_does_no_harm(tmp_path: Path) -> None:
    run = JudgedRun(tmp_path / "run", 1)
    run.folder.add_outcome("q000", Response((), "half \ud83d", ()))
    for name in ("a.csv", "a.jsonl"):
        write(run.folder, tmp_path / name, n=1)


def test_csv_starts_with_a_byte_order_mark(run: JudgedRun, tmp_path: Path) -> None:
    write(run.folder, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes().startswith(b"\xef\xbb\xbfrun,sample,")


def test_filled_in_work_is_never_overwritten(run: JudgedRun, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("labels")
    with pytest.raises(DeclarationError, match=r"a\.jsonl: found a file already there"):
        write(run.folder, path)
    assert path.read_text() == "labels"


@pytest.mark.parametrize(
    ("name", "told"),
    [("a.xlsx", "found the ending '.xlsx', expected .jsonl or .csv"), ("no/a.csv", "cannot be written")],
)
def test_unwritable(name: str, told: str, run: JudgedRun, tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=told):
        write(run.folder, tmp_path / name)
