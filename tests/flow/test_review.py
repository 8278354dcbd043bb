"""`rageval review`: a random order, a sheet, verdicts that change the benchmark, and how many questions were right."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from statsmodels.stats.proportion import proportion_confint

from rageval.benchmark import load
from tests.conftest import CommandLine, Ended
from tests.flow.small_world import write_lines

PLACES = 130
Row = dict[str, str]


def write_synthetic(folder: Path, questions: int = PLACES, per_document: int = 1) -> Path:
    """Written questions about lakes, with quotes, and two that people wrote; every tenth is in Chinese."""
    folder.mkdir()
    (folder / "card.yaml").write_text("# mine\nname: lakes\nlicense: CC0-1.0\n", encoding="utf-8")
    lakes = range(questions // per_document)
    write_lines(
        folder / "documents.jsonl",
        [
            {"id": f"lake{n}", "text": f"About lake {n}. Lake {n} is {n + 10} metres deep. Fish live in it."}
            for n in lakes
        ],
    )
    write_lines(
        folder / "questions.jsonl",
        [
            {
                "id": f"s{n}",
                "text": f"{n}号湖有多深？" if n % 10 == 3 else f"How deep is lake {n // per_document}, asked {n}?",
                "references": [f"{n // per_document + 10} metres"],
                "tags": ["factual", "synthetic"],
                "evidence": [
                    {"doc_id": f"lake{n // per_document}", "quote": f"is {n // per_document + 10} metres deep"}
                ],
            }
            for n in range(questions)
        ]
        + [{"id": f"p{n}", "text": f"Which fish live in lake {n}?", "tags": ["unanswerable"]} for n in range(2)],
    )
    return folder


def read_sheet(path: Path) -> list[Row]:
    return [*csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline=""))]


def write_sheet(path: Path, rows: list[Row]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0]])
        writer.writeheader()
        writer.writerows(rows)
    return path


def fill(rows: list[Row], verdicts: Mapping[int, str]) -> list[Row]:
    """Accept each row but those of `verdicts`, by their place."""
    return [{**row, "verdict": verdicts.get(place, "accept"), "annotator": "ann"} for place, row in enumerate(rows)]


def done(ended: Ended) -> str:
    assert ended.code == 0, ended.err
    return ended.out


def as_json(command_line: CommandLine, *arguments: object) -> dict[str, Any]:
    return json.loads(done(command_line("review", *arguments, "--json")))


def test_a_hundred_reviewed(tmp_path: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = write_synthetic(tmp_path / "lakes")
    before = as_json(command_line, folder)
    assert before["sentence"] == "none of the 130 written questions has been reviewed by people"
    assert done(command_line("review", folder, "-n", 100)).strip() == "lakes-review.csv"
    rows = read_sheet(tmp_path / "lakes-review.csv")
    drawn = [row["question_id"] for row in rows]
    assert len({*drawn}) == 100
    assert {name[0] for name in drawn} == {"s"}
    assert drawn != sorted(drawn, key=lambda name: int(name[1:]))
    number = drawn[0][1:]
    assert f"Lake {number} 【is {int(number) + 10} metres deep】. Fish live in it." in rows[0]["evidence"]
    assert {row["instructions"][:7] for row in rows} == {"accept:", "accept："}

    filled = fill(rows, {**dict.fromkeys(range(10, 20), "reject"), **dict.fromkeys(range(20, 23), "mend")})
    filled[10]["comment"] = "nobody asks this"
    for place in range(20, 23):
        filled[place]["new_question"] = f"What is the depth of {filled[place]['question_id']}?"
    filled[20]["new_reference"] = "ten"
    found = as_json(command_line, folder, write_sheet(tmp_path / "filled.csv", filled))
    wilson = proportion_confint(87, 100, method="wilson")
    assert found["verdicts"] == {"accept": 87, "mend": 3, "reject": 10, "?": 0}
    assert found["right"] == 0.87
    assert [found["low"], found["high"]] == pytest.approx(wilson, abs=0.01)
    told = "87 of 100 sampled questions were right: 0.87 [0.79, 0.93]; verified ones 90 of 120"
    assert found["sentence"] == told
    assert found["waiting"] == 30

    changed = load(str(folder))
    assert (folder / "card.yaml").read_text("utf-8").splitlines()[0] == "# mine"
    assert changed.card.review == told
    assert told in done(command_line("check-benchmark", folder))
    by_id = {question.id: question for question in changed.questions}
    assert not {*drawn[10:20]} & {*by_id}
    assert by_id[drawn[20]].text == f"What is the depth of {drawn[20]}?"
    assert by_id[drawn[20]].references == ("ten",)
    assert {name for name, question in by_id.items() if "verified" in question.tags} == {*drawn[:10], *drawn[20:]}
    rejected = [json.loads(line) for line in (folder / "rejected.jsonl").read_text("utf-8").splitlines()]
    assert [(one["id"], one["rejected"]) for one in rejected if one["id"] == drawn[10]] == [
        (drawn[10], "nobody asks this")
    ]
    assert len(rejected) == 10

    again = command_line("review", folder, tmp_path / "filled.csv")
    assert again.code == 2
    assert f"{drawn[0]!r}, expected one: it is reviewed already" in again.err
    assert done(command_line("review", folder, "-n", 100, "--out", tmp_path / "more.jsonl"))
    more = [json.loads(line) for line in (tmp_path / "more.jsonl").read_text("utf-8").splitlines()]
    assert len(more) == 30
    assert not {one["question_id"] for one in more} & {*drawn}


def test_only_the_reviewed_beginning_counts(tmp_path: Path, command_line: CommandLine) -> None:
    """Somebody who fills in rows 1, 2 and 4 has reviewed two; what could not be judged widens the interval."""
    folder = write_synthetic(tmp_path / "lakes", 20)
    done(command_line("review", folder, "-n", 20, "--out", tmp_path / "sheet.csv"))
    rows = fill(read_sheet(tmp_path / "sheet.csv"), {1: "?", 2: "", **dict.fromkeys(range(4, 20), "")})
    found = as_json(command_line, folder, write_sheet(tmp_path / "filled.csv", rows))
    assert (found["sampled"], found["verdicts"]["accept"], found["verdicts"]["?"]) == (2, 1, 1)
    assert "1 of 2 sampled questions were right (1 could not be judged): 0.50 [0." in found["sentence"]
    assert found["high"] == 1.0
    assert found["verified"] == 2
    done(command_line("review", folder, "-n", 20, "--out", tmp_path / "rest.csv"))
    rest = fill(read_sheet(tmp_path / "rest.csv"), {})
    assert len(rest) == 17
    found = as_json(command_line, folder, write_sheet(tmp_path / "rest-filled.csv", rest))
    assert (found["sampled"], found["verdicts"]["accept"], found["waiting"]) == (20, 19, 0)


def test_questions_of_one_document_are_not_independent(tmp_path: Path, command_line: CommandLine) -> None:
    """Ten questions from each of 12 documents: verdicts that go by document say as much as 12 questions do."""
    folder = write_synthetic(tmp_path / "lakes", 120, per_document=10)
    done(command_line("review", folder, "-n", 120, "--out", tmp_path / "sheet.csv"))
    rows = read_sheet(tmp_path / "sheet.csv")
    bad = {place: "reject" for place, row in enumerate(rows) if int(row["question_id"][1:]) // 10 in (2, 5, 7)}
    found = as_json(command_line, folder, write_sheet(tmp_path / "filled.csv", fill(rows, bad)))
    low, high = proportion_confint(9, 12, method="wilson")
    assert found["right"] == 0.75
    assert found["high"] - found["low"] > 0.75 * (high - low)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"verdict": "fine"}, "found the verdict 'fine', expected one of accept, mend, reject, ?"),
        (
            {"verdict": "mend"},
            "found no change with the verdict mend, expected new_question or new_reference",
        ),
        ({"new_question": "So?"}, "found new_question with the verdict accept, expected"),
        ({"question_id": "p1"}, "found the question 'p1', expected one with the tag 'synthetic'"),
        ({"digest": "0" * 12}, "has changed since the sheet was written"),
    ],
)
def test_what_a_sheet_may_not_say(
    tmp_path: Path, command_line: CommandLine, change: Mapping[str, str], message: str
) -> None:
    folder = write_synthetic(tmp_path / "lakes", 5)
    done(command_line("review", folder, "-n", 5, "--out", tmp_path / "sheet.csv"))
    rows = fill(read_sheet(tmp_path / "sheet.csv"), {})
    rows[3] |= change
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    ended = command_line("review", folder, write_sheet(tmp_path / "filled.csv", rows))
    assert ended.code == 2
    (line,) = ended.err.splitlines()
    assert line.startswith(f"{tmp_path}/filled.csv:5: ")
    assert message in line
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".lock"} == before


def test_nothing_changes_where_the_result_would_not_load(tmp_path: Path, command_line: CommandLine) -> None:
    """Rejecting every answerable question leaves a benchmark that nobody can load: it stays as it was."""
    folder = write_synthetic(tmp_path / "lakes", 5)
    entries = [json.loads(line) for line in (folder / "questions.jsonl").read_text("utf-8").splitlines()]
    write_lines(folder / "questions.jsonl", [one for one in entries if one["id"].startswith("s")])
    done(command_line("review", folder, "-n", 5, "--out", tmp_path / "sheet.csv"))
    before = (folder / "questions.jsonl").read_bytes()
    rows = fill(read_sheet(tmp_path / "sheet.csv"), dict.fromkeys(range(5), "reject"))
    ended = command_line("review", folder, write_sheet(tmp_path / "filled.csv", rows))
    assert ended.code == 2
    assert "questions.jsonl" in ended.err
    assert (folder / "questions.jsonl").read_bytes() == before
    assert as_json(command_line, folder)["sampled"] == 0


def test_labels_of_rejected_questions_go_too(tmp_path: Path, command_line: CommandLine) -> None:
    folder = write_synthetic(tmp_path / "lakes", 6)
    entries = [json.loads(line) for line in (folder / "questions.jsonl").read_text("utf-8").splitlines()]
    write_lines(folder / "questions.jsonl", [{k: v for k, v in one.items() if k != "evidence"} for one in entries])
    table = "question_id\tdocument_id\tgrade\n" + "".join(f"s{n}\tlake{n}\t1\n" for n in range(6))
    (folder / "labels.tsv").write_text(table, encoding="utf-8")
    done(command_line("review", folder, "-n", 6, "--out", tmp_path / "sheet.csv"))
    rows = read_sheet(tmp_path / "sheet.csv")
    gone = rows[random.Random(1).randrange(6)]["question_id"]
    bad = {place: "reject" for place, row in enumerate(rows) if row["question_id"] == gone}
    done(command_line("review", folder, write_sheet(tmp_path / "filled.csv", fill(rows, bad))))
    assert {label.question_id for label in load(str(folder)).labels} == {f"s{n}" for n in range(6)} - {gone}
    assert (folder / "labels.tsv").read_text("utf-8") == table.replace(f"{gone}\tlake{gone[1:]}\t1\n", "")


def test_a_benchmark_of_people(tmp_path: Path, command_line: CommandLine) -> None:
    ended = command_line("review", "benchmarks/handbook")
    assert ended.code == 2
    assert "found no question with the tag 'synthetic'" in ended.err
