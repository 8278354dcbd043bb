"""One sheet of labels for both: it corrects a run's numbers, and it measures the judge that gave them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rageval.io.run_folder import RunFolder
from tests.conftest import CommandLine
from tests.flow.fake_server import FakeServer
from tests.flow.judged_run import fill, read_sheet, write_sheet
from tests.flow.small_world import DOCUMENTS, respond, run_folders, write_benchmark, write_experiment, write_lines

METRICS = ["attribution", "faithfulness", "answer_relevance"]


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(respond) as server:
        yield server


@pytest.fixture
def run(tmp_path: Path, server: FakeServer, command_line: CommandLine) -> Path:
    """A run over documents with titles and line breaks, judged by the server's model."""
    write_benchmark(tmp_path / "small")
    documents = [{"id": name, "title": f"On {name}", "text": f"{text}\nSo it is."} for name, text in DOCUMENTS.items()]
    write_lines(tmp_path / "small" / "documents.jsonl", documents)
    experiment = write_experiment(
        tmp_path, server.base_url, pipelines=[{"naive": {"k": 2}}], metrics=[*METRICS, "hallucination_llm"]
    )
    assert command_line("run", experiment, "--out", tmp_path / "out").code == 0
    return run_folders(tmp_path / "out")["naive"]


Draw = Callable[..., Path]


@pytest.fixture
def draw(run: Path, tmp_path: Path, command_line: CommandLine) -> Draw:
    """A sheet of all questions that are scored on a metric, with these labels by question."""

    def sheet(metric: str, ending: str = "jsonl", labels: dict[str, Any] | None = None) -> Path:
        scored = RunFolder(run).scores()[metric]["questions"]
        path = tmp_path / f"{metric}.{ending}"
        assert command_line("sample", run, "-m", metric, "-n", len(scored), "--out", path).code == 0
        fill(path, lambda question: 1 if labels is None else labels.get(question, 1))
        return path

    return sheet


def calibrate(command_line: CommandLine, folder: Path, judge: str, sheet: Path, *more: object) -> Any:
    given = ("--labels", sheet, "--experiment", folder / "experiment.yaml", "--out", folder / "out")
    return command_line("calibrate", judge, *given, *more)


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
@pytest.mark.parametrize(("metric", "judge"), [("attribution", "claim_support"), ("answer_relevance",) * 2])
def test_the_labels_of_a_run_measure_its_judge(
    metric: str,
    judge: str,
    ending: str,
    run: Path,
    draw: Draw,
    tmp_path: Path,
    server: FakeServer,
    command_line: CommandLine,
) -> None:
    """The prompts are those of the run, to the letter: every reply is in its cache. And the verdicts are the run's.

    An abstention, on which no judge was asked, is left unlabelled.
    """
    outcomes = RunFolder(run).outcomes()
    scored = RunFolder(run).scores()[metric]["questions"]
    scores = {question: score for question, score in scored.items() if not outcomes[question].abstained}
    labels = {**dict.fromkeys(scored), **{question: int(i % 3 > 0) for i, question in enumerate(sorted(scores))}}
    sheet = draw(metric, ending, labels)
    calls = server.calls
    ended = calibrate(command_line, tmp_path, judge, sheet, "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert server.calls == calls
    assert (found["judge"], found["n"], found["abstained"]) == (judge, len(scores), 0)
    right = [float(score == labels[question]) for question, score in scores.items()]
    assert found["zero_shot"]["accuracy"]["point"] == pytest.approx(sum(right) / len(right))
    assert found["key"] == RunFolder(run).manifest()["judges"][judge]["key"]
    labelled = command_line("label", run, sheet, "--allow-any-sample")
    assert labelled.code == 0, labelled.err


def test_rows_that_are_not_filled_in_are_left_out(draw: Draw, tmp_path: Path, command_line: CommandLine) -> None:
    sheet = draw("attribution")
    rows = read_sheet(sheet)
    write_sheet(sheet, [{**rows[0], "label": None}, *rows[1:]])
    assert json.loads(calibrate(command_line, tmp_path, "claim_support", sheet, "--json").out)["n"] == len(rows) - 1
    write_sheet(sheet, [{**row, "label": None} for row in rows])
    ended = calibrate(command_line, tmp_path, "claim_support", sheet)
    assert (ended.code, "found no item, expected at least one JSON object with a label" in ended.err) == (2, True)


def test_two_people_may_label_a_question_if_they_agree(draw: Draw, tmp_path: Path, command_line: CommandLine) -> None:
    sheet = draw("attribution")
    rows = read_sheet(sheet)
    write_sheet(sheet, [*rows, {**rows[1], "annotator": "ben"}])
    assert json.loads(calibrate(command_line, tmp_path, "claim_support", sheet, "--json").out)["n"] == len(rows)
    write_sheet(sheet, [*rows, {**rows[1], "annotator": "ben", "label": 0}])
    ended = calibrate(command_line, tmp_path, "claim_support", sheet)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        f"error: {sheet}:{len(rows) + 1}: found the label 0 for {rows[1]['question_id']!r}, expected 1 as at "
        f"{sheet}:2: a judge is measured against one label, so decide on one first\n"
    )


A_NUMBER = "a number for each answer, where claim_support gives a verdict on each of its parts"
REFUSED = [
    ("faithfulness", "claim_support", f"{A_NUMBER}: expected labels of attribution"),
    (
        *("answer_relevance", "claim_support"),
        "judged by answer_relevance, for the judge claim_support: expected labels of attribution",
    ),
    (
        *("hallucination_llm", "claim_support"),
        "which are 1 where claim_support says no: expected labels of attribution",
    ),
    (
        *("attribution", "passage_relevance"),
        "judged by claim_support, for the judge passage_relevance: expected a file of items, each labelled 0 or 1",
    ),
]


@pytest.mark.parametrize(("metric", "judge", "told"), REFUSED)
def test_labels_of_another_kind_are_refused_before_any_call(
    metric: str, judge: str, told: str, draw: Draw, tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    sheet = draw(metric, labels={"en-1": 0.5} if metric == "faithfulness" else None)
    calls = server.calls
    ended = calibrate(command_line, tmp_path, judge, sheet)
    assert (ended.code, ended.out, server.calls) == (2, "", calls)
    assert ended.err == f"error: {sheet}:1: found labels of {metric}, {told}\n"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"passages": ["It is deep."]}, "found a list for passages, expected numbered passages"),
        ({"question": ""}, "found '' for question, expected a text that is not empty"),
        ({"answer": None}, "found null for answer, expected a text"),
        ({"language": "French"}, "found 'French' for language, expected a code such as en"),
        ({"references": 7}, "found 7 for references, expected a list of texts that are not empty"),
        ({"label": 0.5}, "found the label 0.5, expected 0 or 1 (or ? for cannot tell) for attribution"),
    ],
)
def test_rows_that_cannot_be_judged_are_told(
    changes: dict[str, Any], told: str, draw: Draw, tmp_path: Path, command_line: CommandLine
) -> None:
    sheet = draw("attribution")
    rows = read_sheet(sheet)
    write_sheet(sheet, [rows[0], {**rows[1], **changes}, *rows[2:]])
    ended = calibrate(command_line, tmp_path, "claim_support", sheet)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: {sheet}:2: {told}")
    assert ended.err.count("\n") == 1
