"""The labelling sheet as a file: what is in it, and what is not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rageval.errors import DeclarationError
from rageval.report.html.label_page import labelling_sheet
from tests.conftest import CommandLine
from tests.flow.judged_claims import add_claims
from tests.flow.judged_run import FAITHFULNESS, JudgedRun, response
from tests.flow.page_labels import draw


def data_of(text: str) -> dict[str, Any]:
    (block,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    return json.loads(block)


def test_the_items_in_the_order_of_the_sample_without_the_judge(tmp_path: Path) -> None:
    run = JudgedRun(tmp_path / "lakes", 60, metric=FAITHFULNESS)
    truth = add_claims(run)
    sample = draw(run, 12)
    text = labelling_sheet(run.folder, run.name)
    data = data_of(text)
    assert (data["run"], data["sample"], data["metric"]) == ("lakes", sample.digest, "faithfulness")
    assert [item["question_id"] for item in data["items"]] == [*sample.to_label]
    for item in data["items"]:
        assert len(item["pieces"]) == len(truth[item["question_id"]])
        assert {*item} == {
            "question_id", "language", "question", "references", "answer", "passages", "kind", "pieces", "asked",
        }  # fmt: skip
        assert all({*piece} == {"text", "passage"} for piece in item["pieces"])
    assert "connect-src 'none'" in text.replace("&#x27;", "'")


def test_the_latest_sample_unless_one_is_named(tmp_path: Path) -> None:
    run = JudgedRun(tmp_path / "lakes", 60)
    with pytest.raises(DeclarationError, match="found no sample of answer_relevance, expected one: draw it with"):
        labelling_sheet(run.folder, run.name)
    first, second = draw(run, 5), draw(run, 8)
    assert len(data_of(labelling_sheet(run.folder, run.name))["items"]) == 8
    assert len(data_of(labelling_sheet(run.folder, run.name, sample=first.digest))["items"]) == 5
    run.folder.add_outcome(second.to_label[7], response(1, answer="another"))
    with pytest.raises(DeclarationError, match="drawn before 1 of its answers changed"):
        labelling_sheet(run.folder, run.name)


def test_texts_are_never_markup(tmp_path: Path) -> None:
    run = JudgedRun(tmp_path / "lakes", 20)
    for i in range(20):
        run.folder.add_outcome(f"q{i:03}", response(i, answer="</script><script>alert(1)</script><!--"))
    draw(run, 5)
    text = labelling_sheet(run.folder, run.name)
    assert "<script>alert(1)" not in text
    assert data_of(text)["items"][0]["answer"] == "</script><script>alert(1)</script><!--"


def test_the_command(tmp_path: Path, command_line: CommandLine) -> None:
    run = JudgedRun(tmp_path / "lakes", 20)
    draw(run, 5)
    page = tmp_path / "sheet.html"
    arguments = ("report", run.folder.path, "--labelling", "sheet", "--html", page)
    ended = command_line(*arguments, "--metric", run.name)
    assert (ended.code, ended.out) == (0, f"{page}\n")
    assert len(data_of(page.read_text("utf-8"))["items"]) == 5
    again = command_line(*arguments, "--metric", run.name)
    assert (again.code, again.err.count("\n")) == (2, 1)
    assert "found a file already there" in again.err
    assert "found 1 runs and no metric" in command_line(*arguments).err
    strange = command_line("report", run.folder.path, "--labelling", "book", "-m", run.name, "--html", tmp_path / "b")
    assert "--labelling: found 'book', expected sheet" in strange.err
