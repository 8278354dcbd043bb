"""Saved labelling sheets: `rageval label` reads them as label files, and keeps comments and marks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rageval.people.decisions import Mark
from rageval.people.labelling import Labelling
from rageval.people.sheet import write_sheet
from tests.conftest import CommandLine
from tests.flow.judged_run import JudgedRun, fill
from tests.flow.page_labels import start


def rows(run: JudgedRun, labelling: Labelling, first: int) -> list[dict[str, Any]]:
    """As the sheet saves them: the last one has a comment only."""
    sample = labelling.sample
    found = [
        {"run": sample.run, "sample": sample.digest, "question_id": q, "metric": sample.metric, "label": run.gold[q],
         "annotator": "Ann", "at": "2026-12-01T10:00:00.000Z"}
        for q in sample.to_label[:first]
    ]  # fmt: skip
    found[0] |= {"comment": "clear", "evidence": [{"doc_id": passage_of(labelling, 0), "start": 2, "end": 5}]}
    found[-1] |= {"label": None, "comment": "later"}
    return found


def passage_of(labelling: Labelling, number: int) -> str:
    return labelling.item_of(labelling.sample.to_label[number]).passages[0].doc_id


def save(path: Path, found: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in found), "utf-8")
    return path


def test_a_saved_sheet_gives_what_a_filled_in_one_gives(tmp_path: Path, command_line: CommandLine) -> None:
    run = JudgedRun(tmp_path / "lakes", 60)
    labelling = start(run, 20)
    saved = save(tmp_path / "back.jsonl", rows(run, labelling, 11))
    assert command_line("label", run.folder.path, saved).code == 0
    labels = (run.folder.path / "labels" / f"{run.name}.json").read_bytes()
    decisions = labelling.log.read("Ann")
    first, last = labelling.sample.to_label[0], labelling.sample.to_label[10]
    assert decisions[first].evidence == (Mark(passage_of(labelling, 0), 2, 5),)
    assert (decisions[first].comment, decisions[last].comment, decisions[last].done) == ("clear", "later", False)
    log = next((run.folder.path / "labelling").rglob("Ann*.jsonl")).read_bytes()
    assert command_line("label", run.folder.path, saved).code == 0
    assert next((run.folder.path / "labelling").rglob("Ann*.jsonl")).read_bytes() == log

    write_sheet(run.folder, labelling.sample, tmp_path / "a.csv")
    fill(tmp_path / "a.csv", run.gold.get, "Ann", 10)
    assert command_line("label", run.folder.path, tmp_path / "a.csv").code == 0
    assert (run.folder.path / "labels" / f"{run.name}.json").read_bytes() == labels


BAD = {
    "mark": ({"evidence": [{"doc_id": "d999", "start": 0, "end": 1}]}, "found a mark outside the passages"),
    "verdicts": ({"verdicts": ["maybe"]}, "the verdicts"),
    "comment": ({"comment": "x" * 5000}, "comment: found 5000 characters"),
    "name": ({"annotator": "x" * 50}, "annotator: found"),
    "label": ({"label": 3}, "found the label 3"),
}


@pytest.mark.parametrize("change", BAD)
def test_a_bad_row_is_told_and_nothing_is_written(change: str, tmp_path: Path, command_line: CommandLine) -> None:
    run = JudgedRun(tmp_path / "lakes", 60)
    found = rows(run, start(run, 10), 5)
    changes, told = BAD[change]
    ended = command_line("label", run.folder.path, save(tmp_path / "a.jsonl", [*found[:2], {**found[2], **changes}]))
    assert ended.code == 2
    assert told in ended.err
    assert "Traceback" not in ended.err
    assert not (run.folder.path / "labels").exists()
    assert not (run.folder.path / "labelling").exists()
