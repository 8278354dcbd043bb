"""Labelling a sample: the order, what is hidden, what is stored, and that it is what a filled-in sheet gives."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from rageval.errors import DeclarationError
from rageval.people.attach import attach
from rageval.people.labelling import Labelling, open_labelling
from rageval.people.labelling_results import attach_labelling, find_disagreements, settle, summary
from rageval.people.parts import Said
from rageval.people.sheet import write_sheet
from rageval.scores.human_labels import read_labels
from rageval.scores.run_labels import read_run_labels
from rageval.types import Json
from tests.conftest import CommandLine
from tests.flow.judged_claims import add_claims
from tests.flow.judged_run import ANSWER_RELEVANCE, FAITHFULNESS, JudgedRun, fill, read_sheet
from tests.flow.judged_run import write_sheet as write_filled
from tests.flow.page_labels import draw, start, work, yes_or_no


def labels_file(run: JudgedRun) -> bytes:
    return (run.folder.path / "labels" / f"{run.name}.json").read_bytes()


def test_an_item_without_and_with_the_judge(tmp_path: Path) -> None:
    run = JudgedRun(tmp_path / "lakes", 40)
    labelling = start(run, 10)
    question = labelling.sample.to_label[0]
    item = labelling.item("ann", 0)
    place = int(question[1:])
    assert item["question"] == f"How deep is lake {place}?"
    assert item["references"] == [str(10 * place)]
    assert item["answer"] == f"It is {10 * place} metres deep."
    assert item["kind"] == "yes or no"
    assert item["asked"]["zh"].startswith("答案是否直接回应")
    (passage,) = item["passages"]
    assert (passage["doc_id"], passage["start"], passage["marks"], passage["number"]) == (f"d{place}", 0, True, 1)
    assert (item["decision"], item["judge"], item["earlier"]) == (None, None, None)
    after = labelling.decide("ann", question, {"label": "?", "comment": "odd"})
    assert after["judge"] == {"score": run.judged[question], "verdicts": []}
    assert after["decision"]["label"] == "?"
    assert labelling.item("ann", 0)["judge"] == after["judge"]
    assert labelling.item("ben", 0)["judge"] is None


def test_the_order_is_that_of_the_sample(tmp_path: Path) -> None:
    labelling = start(JudgedRun(tmp_path / "lakes", 40), 5)
    first, second, *_ = labelling.sample.to_label
    with pytest.raises(DeclarationError, match="number: found 1, expected 0 to 0"):
        labelling.item("ann", 1)
    with pytest.raises(DeclarationError, match="number: found 1, expected 0 to 0"):
        labelling.decide("ann", second, {"label": 1})
    with pytest.raises(DeclarationError, match="expected a question of the sample"):
        labelling.decide("ann", "q999", {"label": 1})
    labelling.decide("ann", first, {"label": 1})
    labelling.decide("ann", second, {"label": 0})
    assert labelling.position("ann") == 2
    labelling.decide("ann", first, {"label": 0})
    assert [one["label"] for one in labelling.state("ann")["labels"]] == [0.0, 0.0]
    people = summary(labelling)["annotators"]
    assert people == [{"name": "ann", "done": 2, "cannot_tell": 0, "taken": 0, "after_judge": 1}]
    with pytest.raises(DeclarationError, match="expected another one in the place"):
        labelling.decide("ann", first, {"label": None})


def test_claim_by_claim(tmp_path: Path) -> None:
    run = JudgedRun(tmp_path / "lakes", 40, metric=FAITHFULNESS, failed=2)
    truth = add_claims(run)
    labelling = start(run, 20)
    question = next(q for q in labelling.sample.to_label if len(truth[q]) == 3)
    work(labelling, "ann", truth.__getitem__, labelling.sample.to_label.index(question))
    item = labelling.item("ann", labelling.position("ann"))
    assert item["kind"] == "pieces"
    assert [piece["text"] for piece in item["pieces"]] == [f"claim {i} of {question}" for i in range(3)]
    assert item["asked"]["en"].startswith("Can this claim be inferred")
    after = labelling.decide("ann", question, {"verdicts": ["yes", "no", None]})
    assert (after["judge"], after["decision"]["label"], after["decision"]["done"]) == (None, None, False)
    after = labelling.decide("ann", question, {"verdicts": ["yes", "no", "yes"]})
    assert after["decision"]["label"] == 2 / 3
    assert [one["grade"] for one in after["judge"]["verdicts"]].count(1.0) == round(3 * run.judged[question])
    assert after["judge"]["verdicts"][0]["reason"] == "so"
    assert labelling.decide("ann", question, {"verdicts": ["yes", "no", "cannot tell"]})["decision"]["label"] == "?"


def test_a_number_where_the_judge_listed_no_claims(tmp_path: Path) -> None:
    labelling = start(JudgedRun(tmp_path / "lakes", 40, metric=FAITHFULNESS), 5)
    item = labelling.item("ann", 0)
    assert (item["kind"], item["pieces"]) == ("number", [])
    assert labelling.decide("ann", item["question_id"], {"label": 0.25})["decision"]["label"] == 0.25


BAD = [
    {"label": 2},
    {"label": True},
    {"label": "yes"},
    {"label": 0.5},
    {"label": float("nan")},
    {"label": 1, "comment": 3},
    {"label": 1, "comment": "x" * 4001},
    {"label": 1, "evidence": "d0"},
    {"label": 1, "evidence": [{"doc_id": "other", "start": 0, "end": 1}]},
    {"label": 1, "evidence": [{"doc_id": "d0", "start": 0, "end": 9999}]},
    {"label": 1, "take": True},
]


@pytest.mark.parametrize("given", BAD, ids=str)
def test_what_is_refused_is_not_stored(given: dict[str, object], tmp_path: Path) -> None:
    labelling = start(JudgedRun(tmp_path / "lakes", 40), 5)
    with pytest.raises(DeclarationError, match="found"):
        labelling.decide("ann", labelling.sample.to_label[0], given)
    assert not (tmp_path / "lakes" / "labelling").exists()


def test_marks_of_evidence(tmp_path: Path) -> None:
    run = JudgedRun(tmp_path / "lakes", 40, language="zh")
    labelling = start(run, 5)
    question = labelling.sample.to_label[0]
    text = labelling.item_of(question).passages[0].text
    at = text.index("米")
    mark = {"doc_id": f"d{int(question[1:])}", "start": at, "end": at + 1}
    labelling.decide("ann", question, {"label": 1, "evidence": [mark]})
    (path,) = (run.folder.path / "labelling").rglob("ann.jsonl")
    assert json.loads(path.read_text("utf-8"))["evidence"] == [mark]
    assert labelling.item("ann", 0)["decision"]["evidence"] == [mark]


@pytest.mark.parametrize("claims", [False, True])
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_the_page_gives_what_the_sheet_gives(
    claims: bool, ending: str, tmp_path: Path, command_line: CommandLine
) -> None:
    """Two annotators, some answers of which they cannot tell, and not all of the sample done."""
    for folder in ("page", "sheet"):
        (tmp_path / folder).mkdir()
    boards: list[str] = []
    files: list[bytes] = []
    unsure: Said = "cannot tell"
    for way in ("page", "sheet"):
        run = JudgedRun(tmp_path / way / "lakes", 120, failed=4, metric=FAITHFULNESS if claims else ANSWER_RELEVANCE)
        truth = add_claims(run) if claims else {}
        sample = draw(run, 40)
        labelling = Labelling(run.folder, sample)
        ann = {q: truth.get(q, "yes" if run.gold[q] else "no") for q in sample.to_label}
        ann |= {q: [unsure, *truth[q][1:]] if claims else unsure for q in sample.to_label[3::7]}
        ben = {**ann, sample.to_label[1]: ["no"] * len(truth[sample.to_label[1]]) if claims else "no"}
        if way == "page":
            work(labelling, "ben", ben.__getitem__, 15)
            work(labelling, "ann", ann.__getitem__, 30)
            attach_labelling(labelling)
        else:
            sheets = [tmp_path / f"{name}.{ending}" for name in ("ann", "ben")]
            for sheet, said, first in zip(sheets, (ann, ben), (30, 15), strict=True):
                write_sheet(run.folder, sample, sheet)
                fill(sheet, lambda question, said=said: label_of(said[question]), sheet.stem, first)
            assert command_line("label", run.folder.path, *sheets).code == 0
        files.append(labels_file(run))
        boards.append(command_line("leaderboard", run.folder.path, "--format", "json").out)
    assert files[0] == files[1]
    assert boards[0].replace("/page/", "/sheet/") == boards[1]


def label_of(said: Sequence[str] | str) -> Json:
    """What a person would write into the cell: the share of yes, of verdicts."""
    if isinstance(said, str):
        return {"yes": 1, "no": 0}.get(said, "?")
    return "?" if "cannot tell" in said else said.count("yes") / len(said)


def test_settled_on_the_page_and_in_a_file(tmp_path: Path) -> None:
    """The settled label is the question's; how far annotators differ, and their agreement, stay what they were."""
    files: list[bytes] = []
    for way in ("page", "file"):
        (tmp_path / way).mkdir()
        run = JudgedRun(tmp_path / way / "lakes", 100)
        labelling = start(run, 20)
        differ = labelling.sample.to_label[:4]
        work(labelling, "ann", yes_or_no(run.gold))
        work(labelling, "ben", yes_or_no({q: 1 - run.gold[q] if q in differ else run.gold[q] for q in run.gold}))
        attach_labelling(labelling)
        before = read_run_labels(run.folder, run.name, run.judged)
        assert before is not None
        assert [one["question_id"] for one in find_disagreements(labelling)] == [*differ]
        assert {before.given[q] for q in differ} == {0.5}
        if way == "page":
            settle(labelling, "Cleo", differ[0], {"label": 1.0, "comment": "see the second passage"})
            settle(labelling, "Cleo", differ[1], {"label": 0.0})
            settle(labelling, "Cleo", differ[1], {"label": "?"})
            with pytest.raises(DeclarationError, match="on which annotators disagree"):
                settle(labelling, "Cleo", labelling.sample.to_label[9], {"label": 1.0})
            attach_labelling(labelling)
            found = find_disagreements(labelling)
            assert [one["settled"] and one["settled"]["label"] for one in found] == [1.0, "?", None, None]
        else:
            rows = [row for name in ("ann", "ben") for row in rows_of(run, labelling, name, tmp_path)]
            given = ((differ[0], 1), (differ[1], "?"))
            settled = [
                {**rows[0], "question_id": q, "label": y, "annotator": "Cleo", "settles": "yes"} for q, y in given
            ]
            write_filled(tmp_path / "all.csv", [{**row, "settles": ""} for row in rows] + settled)
            attach(run.folder, [tmp_path / "all.csv"])
        after = read_run_labels(run.folder, run.name, run.judged)
        assert after is not None
        assert [after.given.get(q) for q in differ] == [1.0, None, 0.5, 0.5]
        assert after.missing == {differ[1]}
        assert (after.annotators, after.annotator_variance) == (before.annotators, before.annotator_variance)
        files.append(labels_file(run))
    assert files[0] == files[1]


def rows_of(run: JudgedRun, labelling: Labelling, name: str, path: Path) -> list[dict[str, object]]:
    sheet = path / f"{name}-all.jsonl"
    write_sheet(run.folder, labelling.sample, sheet)
    decided = labelling.log.read(name)
    fill(sheet, lambda question: decided[question].label, name)
    return read_sheet(sheet)


def test_the_disagreements_of_others_are_hidden_until_one_has_decided(tmp_path: Path) -> None:
    run = JudgedRun(tmp_path / "lakes", 60)
    labelling = start(run, 12)
    work(labelling, "ann", lambda question: "yes")
    work(labelling, "ben", lambda question: "no")
    work(labelling, "cleo", lambda question: "no", 3)
    assert len(find_disagreements(labelling, "cleo")) == 3
    assert len(find_disagreements(labelling, "dora")) == 12
    assert summary(labelling)["disagreements"] == 12


def test_an_answer_that_is_labelled_in_another_run_is_offered(tmp_path: Path) -> None:
    """The label counts as that of the person who gave it, and is not told before it is taken."""
    old, new = JudgedRun(tmp_path / "old", 60, answer_from=60), JudgedRun(tmp_path / "new", 60, answer_from=30)
    first = start(old, 30)
    work(first, "ann", yes_or_no(old.gold))
    attach_labelling(first)
    labelling = start(new, 30, [tmp_path / "nowhere", old.folder.path, new.folder.path])
    same = [question for question in labelling.sample.to_label if question < "q030"]
    for number, question in enumerate(labelling.sample.to_label):
        item = labelling.item("ben", number)
        assert item["earlier"] == ({"run": "old", "annotators": ["ann"]} if question in same else None)
        if question in same:
            after = labelling.decide("ben", question, {"take": True})
            assert after["decision"]["taken"] == {"run": "old", "labels": [["ann", old.gold[question]]]}
            assert after["judge"] is not None
        else:
            labelling.decide("ben", question, {"label": new.gold[question]})
    attach_labelling(labelling)
    labels = read_labels(new.folder, new.name)
    assert labels is not None
    assert {one.question_id: one.annotator for one in labels.labels} == {
        question: "ann" if question in same else "ben" for question in labelling.sample.to_label
    }
    assert labels.by_question == {question: new.gold[question] for question in labelling.sample.to_label}


def test_labels_of_another_sample_are_replaced_only_when_that_is_asked(tmp_path: Path) -> None:
    """And are kept, and offered for the larger sample, which begins with the smaller one."""
    run = JudgedRun(tmp_path / "lakes", 60)
    first = start(run, 10)
    work(first, "ann", yes_or_no(run.gold))
    attach_labelling(first)
    second = start(run, 20)
    second.decide("ben", second.sample.to_label[0], {"take": True})
    with pytest.raises(DeclarationError, match="found 10 labels of answer_relevance that are not of the sample"):
        attach_labelling(second)
    attach_labelling(second, replace=True)
    again = open_labelling(run.folder, second.sample.digest)
    assert again.item("ben", 1)["earlier"] == {"run": "lakes", "annotators": ["ann"]}
    again.decide("ben", second.sample.to_label[1], {"take": True})
    labels = attach_labelling(again)
    assert labels is not None
    assert [*labels.by_question] == [*first.sample.to_label[:2]]


def test_labels_of_others_in_the_same_sample_stay(tmp_path: Path) -> None:
    """A colleague sent a sheet; the page goes on beside it."""
    run = JudgedRun(tmp_path / "lakes", 60)
    labelling = start(run, 12)
    sheet = tmp_path / "dora.csv"
    write_sheet(run.folder, labelling.sample, sheet)
    fill(sheet, lambda question: "?" if question == labelling.sample.to_label[5] else 1, "dora")
    attach(run.folder, [sheet])
    work(labelling, "ann", yes_or_no(run.gold), 3)
    labels = attach_labelling(labelling)
    assert labels is not None
    assert labels.annotators == ("ann", "dora")
    assert len(labels.labels) == 3 + 11
    assert labels.cannot_tell == (labelling.sample.to_label[5],)


def test_the_interval_narrows_as_one_labels(tmp_path: Path, command_line: CommandLine) -> None:
    run = JudgedRun(tmp_path / "lakes")
    labelling = start(run, 60)
    for k in (15, 30, 60):
        work(labelling, "ann", yes_or_no(run.gold), k)
        attach_labelling(labelling)
        summary(labelling, note=True)
        summary(labelling, note=True)
    told = summary(labelling)
    widths = [one["high"] - one["low"] for one in told["narrowing"]]
    assert [one["n_labelled"] for one in told["narrowing"]] == [15, 30, 60]
    assert widths == sorted(widths, reverse=True)
    board = json.loads(command_line("leaderboard", run.folder.path, "--format", "json").out)
    (shown,) = board["runs"]
    assert told["estimate"] == shown["metrics"][run.name]
    assert (told["agreement"], told["disagreements"], told["attached"]) == (None, 0, True)


def test_agreement_is_told_live(tmp_path: Path) -> None:
    run = JudgedRun(tmp_path / "lakes", 100)
    labelling = start(run, 30)
    for name in ("ann", "ben"):
        work(labelling, name, yes_or_no(run.gold), 12)
    attach_labelling(labelling)
    agreement = summary(labelling)["agreement"]
    assert (agreement["alpha"], agreement["questions"]) == (1.0, 12)


def test_a_sample_of_answers_that_changed(tmp_path: Path) -> None:
    run = JudgedRun(tmp_path / "lakes", 40)
    sample = draw(run, 40)
    other = JudgedRun(tmp_path / "other" / "lakes", 40, answer_from=0)
    run.folder.add_outcome("q007", other.folder.outcomes()["q007"])
    with pytest.raises(DeclarationError, match=r"drawn before 1 of its answers changed \(q007\)"):
        open_labelling(run.folder, sample.digest)
    with pytest.raises(DeclarationError, match="found no sample 'nothing'"):
        open_labelling(run.folder, "nothing")


KEYS = """
import sys
from collections.abc import Sequence
from pathlib import Path
from rageval.io.run_folder import RunFolder
from rageval.people.labelling import open_labelling
from rageval.people.labelling_results import attach_labelling
labelling = open_labelling(RunFolder(Path(sys.argv[1])), sys.argv[2])
for question in labelling.sample.to_label[labelling.position("ann"):]:
    pieces = len(labelling.item_of(question).pieces)
    for n in range(1, pieces + 1):
        labelling.decide("ann", question, {"verdicts": ["yes"] * n + [None] * (pieces - n)})
        print(question, n, flush=True)
    attach_labelling(labelling)
"""


def test_killed_between_keys_and_resumed(tmp_path: Path) -> None:
    """SIGKILL at three moments: whatever was told as stored is there, and at the end all is."""
    run = JudgedRun(tmp_path / "lakes", 60, metric=FAITHFULNESS)
    truth = add_claims(run)
    sample = draw(run, 12)
    for keys in (3, 5, 8):
        script = [sys.executable, "-c", KEYS, str(run.folder.path), sample.digest]
        with subprocess.Popen(script, stdout=subprocess.PIPE, text=True, env={**os.environ}) as process:
            assert process.stdout is not None
            said = [process.stdout.readline().split() for _ in range(keys)]
            process.send_signal(signal.SIGKILL)
        stored = open_labelling(run.folder, sample.digest).log.read("ann")
        for question, n in said:
            verdicts = stored[question].verdicts
            assert len(verdicts) - verdicts.count(None) >= int(n)
            assert len(verdicts) == len(truth[question])
    labelling = open_labelling(run.folder, sample.digest)
    work(labelling, "ann", lambda question: ["yes"] * len(truth[question]))
    labels = attach_labelling(labelling)
    assert labels is not None
    assert labels.by_question == dict.fromkeys(sample.to_label, 1.0)
