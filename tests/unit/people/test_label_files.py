"""Label files: what is read, and one line with its place for everything that is wrong."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from rageval.errors import LabelFileError
from rageval.people.label_files import LabelRow, read_label_files
from rageval.scores.human_labels import HumanLabel

HEADER = "run,question_id,metric,label,annotator\n"


def row(**changes: object) -> str:
    fields = {"run": "r", "question_id": "q1", "metric": "faithfulness", "label": 1, "annotator": "ann", **changes}
    return json.dumps({k: v for k, v in fields.items() if v is not ...}, ensure_ascii=False) + "\n"


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("given", "label"),
    [(0, 0.0), (1, 1.0), (0.25, 0.25), ("0.5", 0.5), (" 1 ", 1.0), (".5", 0.5), ("1e-1", 0.1), ("１", 1.0)],
)
def test_numbers(given: object, label: float, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", row(label=given))
    assert read_label_files([path]) == [
        LabelRow(f"{path}:1", "r", "", "faithfulness", "q1", "ann", HumanLabel("q1", label, "ann"))
    ]


@pytest.mark.parametrize("given", ["?", " ? ", "cannot tell", "Cannot Tell", "can't tell", "无法判断"])
@pytest.mark.parametrize("metric", ["faithfulness", "answer_relevance"])
def test_who_cannot_tell_says_so(given: str, metric: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", row(label=given, metric=metric))
    assert read_label_files([path]) == [LabelRow(f"{path}:1", "r", "", metric, "q1", "ann", None)]


@pytest.mark.parametrize("empty", [None, "", "  "])
def test_rows_without_a_label_are_not_labelled_yet(empty: object, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", row(label=empty, question_id="q0") + row())
    assert [r.question_id for r in read_label_files([path])] == ["q1"]


def test_csv_and_jsonl_together(tmp_path: Path) -> None:
    """Other columns are ignored, in any order; cells hold newlines; the place is the record's first line."""
    text = (
        "\ufeffnote,sample,label,annotator,metric,question_id,run\n"
        '"two\nlines",s1,1,李,faithfulness,问1,r\n'
        ",s1,0.5,,faithfulness,q2,r\n\n"
    )
    one, two = write(tmp_path / "a.csv", text), write(tmp_path / "b.jsonl", row(annotator="ben", sample="s1"))
    assert read_label_files([one, two]) == [
        LabelRow(f"{one}:2", "r", "s1", "faithfulness", "问1", "李", HumanLabel("问1", 1.0, "李")),
        LabelRow(f"{one}:4", "r", "s1", "faithfulness", "q2", "", HumanLabel("q2", 0.5)),
        LabelRow(f"{two}:1", "r", "s1", "faithfulness", "q1", "ben", HumanLabel("q1", 1.0, "ben")),
    ]


def test_the_same_label_twice_counts_once_and_annotators_are_kept_apart(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", row() + row() + row(annotator="ben", label=0))
    assert [r.human for r in read_label_files([path])] == [HumanLabel("q1", 1.0, "ann"), HumanLabel("q1", 0.0, "ben")]


def test_long_cells_leave_the_csv_module_as_it_was(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    text = f"passages,{HEADER}{'x' * (limit + 1)},r,q1,faithfulness,1,ann\n"
    assert len(read_label_files([write(tmp_path / "a.csv", text)])) == 1
    assert csv.field_size_limit() == limit


BAD = {
    "text as label": ("a.jsonl", row(label="yes"), [":1: found the label 'yes', expected a number from 0 to 1"]),
    "above one": ("a.jsonl", row(label=1.5), [":1: found the label 1.5, expected a number from 0 to 1"]),
    "below zero": ("a.jsonl", row(label=-0.1), [":1: found the label -0.1"]),
    "comma": ("a.jsonl", row(label="0,5"), [":1: found the label '0,5'"]),
    "true": ("a.jsonl", row(label=True), [":1: found the label True"]),
    "list": ("a.jsonl", row(label=[1]), [":1: found the label a list"]),
    "nan": ("a.jsonl", row(label="nan"), [":1: found the label 'nan'"]),
    "infinite": ("a.jsonl", row(label="1e999"), [":1: found the label '1e999'"]),
    "huge": ("a.jsonl", row(label=10**400), [":1: found the label 1000"]),
    "underscore": ("a.jsonl", row(label="0_1"), [":1: found the label '0_1'"]),
    "share on a binary metric": (
        "a.jsonl",
        row(metric="answer_relevance", label=0.5),
        [":1: found the label 0.5, expected 0 or 1 (or ? for cannot tell) for answer_relevance"],
    ),
    "JSON NaN": ("a.jsonl", '{"label": NaN}\n', [":1: found bad JSON (NaN is not a JSON number)"]),
    "unknown metric": ("a.jsonl", row(metric="faith"), [":1: unknown metric 'faith'"]),
    "no run": ("a.jsonl", row(run=...), [":1: found no run, expected a text"]),
    "no label key": ("a.jsonl", row(label=...), [":1: found no label, expected one"]),
    "number as id": ("a.jsonl", row(question_id=7), [":1: found a number for question_id, expected a text"]),
    "a list a line": ("a.jsonl", "[]\n", [":1: found a list, expected one JSON object a line"]),
    "two labels by one": (
        "a.jsonl",
        row() + row(label=0),
        [":2: found the label 0 for 'q1', expected the label 1 as the same annotator 'ann' says at"],
    ),
    "a label and none": (
        "a.jsonl",
        row(label="?") + row(label=0),
        [":2: found the label 0 for 'q1', expected no label (cannot tell) as the same annotator 'ann' says at"],
    ),
    "nothing filled in": ("a.jsonl", row(label=None), ["a.jsonl: found no label, expected at least one row"]),
    "empty": ("a.csv", "", ["a.csv: found no label"]),
    "other ending": ("a.xlsx", "", ["a.xlsx: found the ending '.xlsx', expected .jsonl, or .csv"]),
    "spreadsheet": (
        "a.xlsx",
        b"PK\x03\x04\x14",
        ["a.xlsx: found a spreadsheet (.xlsx), expected .jsonl, or .csv (save the sheet as CSV, UTF-8, with commas)"],
    ),
    "no such file": ("a.csv", None, ["a.csv: found no readable file (No such file or directory)"]),
    "GBK": ("a.csv", "run\n问".encode("gbk"), ["a.csv:2: found the byte 0xce at position 1, expected UTF-8 text"]),
    "semicolons": (
        "a.csv",
        "\ufeff" + HEADER.replace(",", ";") + "r;q1;faithfulness;0,5;ann\n",
        ["a.csv:1: found columns separated by semicolons, expected commas: choose the comma as field separator when"],
    ),
    "tabs": ("a.csv", HEADER.replace(",", "\t"), ["a.csv:1: found columns separated by tabs, expected commas"]),
    "a table as JSON": (
        "a.jsonl",
        HEADER,
        ["a.jsonl:1: found a table (columns separated by commas), expected JSON Lines (.jsonl)"],
    ),
    "items as a sheet": (
        "a.csv",
        "id,question,answer,label\n",
        ["a.csv:1: found no column run, question_id, metric, annotator, expected a sheet of `rageval sample` with"],
    ),
    "one column gone": ("a.csv", HEADER.replace("label,", ""), ["a.csv:1: found no column label, expected"]),
    "too few cells": ("a.csv", HEADER + "r,q1\n", ["a.csv:2: found 2 columns, expected 5 as in the header"]),
    "open quote": ("a.csv", HEADER + 'r,"q1\n', ["a.csv:2: found bad CSV (unexpected end of data)"]),
    "all at once": (
        "a.jsonl",
        row(label=2) + row() + "{\n" + row(metric="x"),
        [":1: found the label 2", ":3: found bad JSON", ":4: unknown metric 'x'"],
    ),
}


@pytest.mark.parametrize(("name", "content", "told"), BAD.values(), ids=BAD)
def test_every_problem_is_told_with_its_place(
    name: str, content: str | bytes | None, told: list[str], tmp_path: Path
) -> None:
    path = tmp_path / name
    if content is not None:
        write(path, content)
    with pytest.raises(LabelFileError) as caught:
        read_label_files([path])
    assert len(caught.value.problems) == len(told)
    for problem, words in zip(caught.value.problems, told, strict=True):
        assert problem.startswith(str(path))
        assert words in problem
        assert "\n" not in problem
    assert str(caught.value).startswith(caught.value.problems[0])
