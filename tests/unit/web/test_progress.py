"""How far an unfinished run is, from its logs alone."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from rageval.errors import DeclarationError
from rageval.io.disk import lock_file
from rageval.io.run_folder import RunFolder
from rageval.web.progress import GrowingLog, Watch

MANIFEST = {"questions": ["a", "b", "c", "d"], "judges": {"support": {"key": "support-1"}}}


def append(path: Path, *records: object, torn: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write("".join(json.dumps(one) + "\n" for one in records) + torn)


def answer(question: str) -> dict[str, object]:
    return {"question_id": question, "answer": f"the answer to {question}"}


def failure(question: str) -> dict[str, object]:
    return {"question_id": question, "failure": {"error": "TimeoutError", "message": "late"}}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_log_is_read_as_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "responses.jsonl"
    log = GrowingLog(path)
    log.update()
    assert (len(log), log.failed) == (0, 0)
    append(path, answer("a"), failure("b"), torn='{"question_id": "c", "ans')
    log.update()
    assert (log.questions, log.failed) == (["a", "b"], 1)
    append(path, torn='wer": "whole now"}\n')
    log.update()
    assert log.questions == ["a", "b", "c"]
    assert log.line("c")["answer"] == "whole now"
    append(path, answer("b"))
    log.update()
    assert (log.questions, log.failed) == (["a", "c", "b"], 0), "asked again: the last line counts"
    with pytest.raises(KeyError):
        log.line("d")


def test_a_log_that_was_cut_or_replaced_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "responses.jsonl"
    append(path, answer("a"), answer("b"))
    log = GrowingLog(path)
    log.update()
    path.write_text(json.dumps(answer("c")) + "\n")
    log.update()
    assert log.questions == ["c"]
    other = tmp_path / "other"
    append(other, answer("x"), answer("y"), answer("z"))
    other.replace(path)
    log.update()
    assert log.questions == ["x", "y", "z"]
    path.unlink()
    log.update()
    assert log.questions == []


def test_a_line_that_is_no_record_is_told_with_its_number(tmp_path: Path) -> None:
    append(tmp_path / "log", answer("a"), torn="nonsense\n")
    log = GrowingLog(tmp_path / "log")
    with pytest.raises(DeclarationError, match="log:2: found a line that is not JSON"):
        log.update()


def test_rate_and_remaining_time(tmp_path: Path) -> None:
    """Four answers and three judgments (one answer failed) are asked for; 4 of 7 come in 8 s, so 3 more take 6 s."""
    clock = Clock()
    watch = Watch(RunFolder(tmp_path), clock)
    append(tmp_path / "responses.jsonl", answer("a"))
    first = watch.update(MANIFEST)
    assert (first.total, first.answered, first.rate, first.remaining_s) == (4, 1, None, None)
    clock.now += 8
    append(tmp_path / "responses.jsonl", failure("b"), answer("c"))
    append(tmp_path / "judgments" / "support-1.jsonl", {"question_id": "a"}, {"question_id": "c"})
    then = watch.update(MANIFEST)
    assert (then.answered, then.failed, then.judged) == (3, 1, {"support": 2})
    assert then.rate == pytest.approx(4 / 8)
    assert then.remaining_s == pytest.approx((1 + 1) / (4 / 8))
    clock.now += 8
    assert watch.update(MANIFEST).rate == pytest.approx(4 / 16), "a pause slows the rate"


def test_the_rate_forgets_what_is_long_ago(tmp_path: Path) -> None:
    clock = Clock()
    watch = Watch(RunFolder(tmp_path), clock)
    watch.update(MANIFEST)
    append(tmp_path / "responses.jsonl", answer("a"), answer("b"))
    for _ in range(4):
        clock.now += 100
        watch.update(MANIFEST)
    clock.now += 100
    assert watch.update(MANIFEST).rate is None, "nothing came for five minutes"


def test_repeats_count(tmp_path: Path) -> None:
    append(tmp_path / "responses.jsonl", *map(answer, "abcd"))
    append(tmp_path / "repeats" / "2" / "responses.jsonl", answer("a"), failure("b"))
    found = Watch(RunFolder(tmp_path)).update({**MANIFEST, "repeats": 2})
    assert (found.total, found.answered, found.failed) == (8, 6, 1)


def test_running_or_stopped(tmp_path: Path) -> None:
    """A run is running if it wrote lately, or if a process holds it (which the system tells on Linux)."""
    append(tmp_path / "responses.jsonl", answer("a"))
    watch = Watch(RunFolder(tmp_path))
    assert watch.update(MANIFEST).running
    hour = time.time() - 3600
    os.utime(tmp_path / "responses.jsonl", (hour, hour))
    found = watch.update(MANIFEST)
    assert not found.running
    assert found.quiet_s == pytest.approx(3600, abs=60)
    if not Path("/proc/locks").exists():
        pytest.skip("the system does not tell who holds a file")
    with lock_file(tmp_path / ".lock"):
        assert watch.update(MANIFEST).running
    assert not watch.update(MANIFEST).running
