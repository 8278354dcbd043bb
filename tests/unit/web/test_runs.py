"""Which runs a folder holds, while they come, grow, break and go."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from rageval.scores.estimates import read_estimates
from rageval.web.runs import RunRow, Runs
from tests.flow.judged_run import JudgedRun, response


def by_name(runs: Runs) -> dict[str, RunRow]:
    return {row.name: row for row in runs.scan()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    JudgedRun(tmp_path / "done", 20, failed=2)
    return tmp_path


def begin(folder: Path, name: str, n: int = 5) -> JudgedRun:
    """A run that has asked everything and answered nothing yet."""
    run = JudgedRun(folder / name, n)
    run.write_manifest(status="running", created="2026-12-01T10:00:00+00:00")
    (folder / name / "responses.jsonl").unlink()
    (folder / name / "scores.json").unlink()
    return run


def test_a_finished_run_has_its_estimates(folder: Path) -> None:
    (row,) = Runs(folder).scan()
    assert (row.status, row.label, row.benchmark, row.questions, row.failed) == ("complete", "done", "lakes", 20, 2)
    mean = read_estimates(JudgedRun(folder / "same", 20, failed=2).folder, ["answer_relevance"])["answer_relevance"]
    assert mean is not None
    assert row.metrics is not None
    found = row.metrics["answer_relevance"]
    assert isinstance(found, dict)
    assert (found["mean"], found["low"], found["high"]) == (mean.point, mean.low, mean.high)


def test_a_run_is_followed_while_it_is_written(folder: Path) -> None:
    runs = Runs(folder)
    assert [*by_name(runs)] == ["done"]
    run = begin(folder, "new")
    path = folder / "new" / "responses.jsonl"
    row = by_name(runs)["new"]
    assert row.progress is not None
    assert (row.status, row.progress.answered, row.progress.total, row.metrics) == ("running", 0, 5, None)
    run.folder.add_outcome("q000", response(0))
    with path.open("a") as file:
        file.write('{"question_id": "q001", "torn')
    row = by_name(runs)["new"]
    assert row.progress is not None
    assert row.progress.answered == 1
    path.write_text(path.read_text().partition('{"question_id": "q001"')[0])  # what a start does to a torn line
    for i in range(1, 5):
        run.folder.add_outcome(f"q{i:03}", response(i))
    row = by_name(runs)["new"]
    assert row.progress is not None
    assert row.progress.answered == 5
    JudgedRun(folder / "new", 5)
    row = by_name(runs)["new"]
    assert (row.status, row.progress) == ("complete", None)
    assert row.metrics is not None


def test_what_changes_in_a_finished_run_counts_at_the_next_scan(folder: Path) -> None:
    runs = Runs(folder)
    before = by_name(runs)["done"].metrics
    path = folder / "done" / "scores.json"
    scores = json.loads(path.read_text())
    scores["answer_relevance"]["estimate"]["mean"] = 0.125
    path.write_text(json.dumps(scores))
    after = by_name(runs)["done"].metrics
    assert before is not None
    assert after is not None
    assert before != after


def test_the_newest_comes_first(folder: Path) -> None:
    JudgedRun(folder / "b", 5).write_manifest(created="2026-12-02T00:00:00+00:00")
    JudgedRun(folder / "a", 5).write_manifest(created="2026-12-03T00:00:00+00:00")
    assert [row.name for row in Runs(folder).scan()] == ["a", "b", "done"]


def test_a_run_that_vanishes_is_gone_and_one_that_moves_is_another(folder: Path) -> None:
    runs = Runs(folder)
    run_id = by_name(runs)["done"].id
    (folder / "done").rename(folder / "moved")
    assert [row.name for row in runs.scan()] == ["moved"]
    for ask in (runs.path, runs.row, lambda one: runs.answered(one, 0, 5)):
        with pytest.raises(KeyError):
            ask(run_id)
    shutil.rmtree(folder / "moved")
    assert runs.scan() == []
    shutil.rmtree(folder)
    assert runs.scan() == [], "the folder itself may go, and come again"
    JudgedRun(folder / "done", 5)
    assert by_name(runs)["done"].id == run_id


@pytest.mark.parametrize(
    ("manifest", "told"),
    [
        ("", "cannot be read"),
        ("{", "cannot be read"),
        ("[]", "expected a JSON object"),
        ('{"format": 2}', "found format 2, expected 3"),
        ('{"format": 3}', "found no key 'label'"),
        ('{"format": 3, "label": "x", "benchmark": 5}', "another form"),
        ('{"format": 3, "label": "x", "benchmark": {"name": "n"}, "questions": null}', "another form"),
        (
            '{"format": 3, "label": "x", "benchmark": {"name": "n"}, "questions": [], "status": "new", "judges": []}',
            "another form",
        ),
        ("[" * 100_000, "nested too deep"),
        ("\xff", "cannot be read"),
    ],
)  # fmt: skip
def test_a_manifest_that_cannot_be_read_says_why_and_hides_no_other_run(folder: Path, manifest: str, told: str) -> None:
    (folder / "bad").mkdir()
    (folder / "bad" / "manifest.json").write_bytes(manifest.encode("latin-1"))
    found = by_name(Runs(folder))
    assert found["done"].status == "complete"
    assert found["bad"].status == "unreadable"
    assert told in found["bad"].reason


def test_broken_scores_and_logs_say_why(folder: Path) -> None:
    (folder / "done" / "scores.json").write_text("{")
    begin(folder, "new")
    (folder / "new" / "responses.jsonl").write_text("no JSON\n")
    found = by_name(Runs(folder))
    assert (found["done"].status, found["done"].metrics) == ("complete", None)
    assert "scores.json: cannot be read" in found["done"].reason
    assert (found["new"].status, "found a line that is not JSON" in found["new"].reason) == ("unreadable", True)


def test_depth_links_and_hidden_folders(tmp_path: Path) -> None:
    for place in ("results/runs/a", "results/earlier/b.1", "c", "1/2/3/4/too-deep", ".hidden/d", "c/inner"):
        JudgedRun(tmp_path / place, 3)
    (tmp_path / "results" / "loop").symlink_to(tmp_path)
    assert {row.name for row in Runs(tmp_path).scan()} == {"results/runs/a", "results/earlier/b.1", "c"}
    (row,) = Runs(tmp_path / "c").scan()
    assert row.name == ".", "a run folder alone is fine too"


def test_estimates_are_read_for_about_a_second(folder: Path) -> None:
    """Time passes as runs are read: what does not fit into this scan is told, and read by the next one."""
    for name in ("a", "b", "c"):
        JudgedRun(folder / name, 3)
    now = iter(range(100))
    runs = Runs(folder, clock=lambda: float(next(now)))
    read = [sum(row.metrics is not None for row in runs.scan()) for _ in range(4)]
    assert read == sorted(read)
    assert read[0] < 4
    assert all(row.metrics is not None and not row.reading for row in runs.scan())


def test_the_answers_so_far_the_latest_first(folder: Path) -> None:
    run = begin(folder, "new")
    runs = Runs(folder)
    run_id = by_name(runs)["new"].id
    assert runs.answered(run_id, 0, 5) == []
    for i in range(4):
        run.folder.add_outcome(f"q{i:03}", response(i))
    assert [line["question_id"] for line in runs.answered(run_id, 1, 2)] == ["q002", "q001"]
    assert runs.answered(run_id, 9, 2) == []
