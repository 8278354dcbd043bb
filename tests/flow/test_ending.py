"""How a command ends when its output is closed, the disk is full, rageval itself is wrong, or it is asked to stop."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

import rageval
from tests.conftest import CommandLine
from tests.flow.fake_server import Canned, FakeServer, Received
from tests.flow.small_world import QUESTIONS, read_jsonl, respond, start_rageval, write_experiment

RAGEVAL = [sys.executable, "-m", "rageval"]
BM25 = {"pipelines": [{"naive": {"retriever": "bm25", "k": 2}}], "metrics": ["map"]}


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(respond) as server:
        yield server


def test_version_and_python_m() -> None:
    done = subprocess.run([*RAGEVAL, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"rageval {rageval.__version__}\n", "")


@pytest.mark.parametrize("command", ["--help", "list metrics", "list --help"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_leaves_is_no_failed_gate(command: str, unbuffered: str) -> None:
    """Written at once or at the very end: nothing is printed, and the code is that of SIGPIPE."""
    process = subprocess.Popen(
        [*RAGEVAL, *command.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": "", "PYTHONPATH": str(Path(rageval.__file__).parents[1]), "PYTHONUNBUFFERED": unbuffered},
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert (process.stderr.read(), process.wait()) == ("", 141)
    process.stderr.close()


def test_a_table_whose_reader_leaves(server: FakeServer, tmp_path: Path) -> None:
    """rich ends with 1 there."""
    process = start_rageval("run", write_experiment(tmp_path, server.base_url, **BM25), "--out", tmp_path / "out")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    told = process.stderr.read()
    assert process.wait() == 141
    process.stderr.close()
    assert "Traceback" not in told
    assert "error" not in told


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_behind_standard_output() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*RAGEVAL, "list", "metrics"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 74
    assert done.stderr == (
        "error: standard output: No space left on device: free space there; what was written before is kept\n"
    )


def test_a_file_that_cannot_grow_is_one_line_and_the_same_command_goes_on(
    server: FakeServer, tmp_path: Path, command_line: CommandLine
) -> None:
    """A limit on the size of files stands for a full disk."""
    experiment, out = write_experiment(tmp_path, server.base_url, **BM25), tmp_path / "out"
    process = start_rageval("run", experiment, "--out", out, first=LATE)
    printed, told = process.communicate(timeout=60)
    assert (process.returncode, printed) == (74, "")
    (line,) = told.splitlines()
    (run,) = (out / "runs").iterdir()
    assert line == (
        f"error: {run / 'responses.jsonl'}: File too large: make it writable, or choose another place; what was "
        "written before is kept"
    )
    ended = command_line("run", experiment, "--out", out)
    assert ended.code == 0
    assert {line["question_id"] for line in read_jsonl(run / "responses.jsonl")} == set(QUESTIONS)


LATE = """
import resource
from rageval.io.run_folder import RunFolder
write = RunFolder.write_questions
def then_limit(*given):
    write(*given)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, resource.RLIM_INFINITY))
RunFolder.write_questions = then_limit
"""


def test_a_mistake_in_rageval_is_told_with_where_to_report_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("Bearer sk-very-secret-key")

    monkeypatch.setattr("rageval.models.cache_folder.cache_stats", broken)
    ended = command_line("cache", "stats", "--out", tmp_path)
    assert (ended.code, ended.out) == (70, "")
    assert "Traceback (most recent call last)" in ended.err
    assert "sk-very-secret" not in ended.err
    last = ended.err.splitlines()[-1]
    assert last.startswith("error: this is a mistake in rageval (ZeroDivisionError: ")
    assert "report it as an issue of the repository that you got rageval from, with the lines above" in last


def test_no_other_way_to_end_has_the_code_of_a_failed_gate(
    monkeypatch: pytest.MonkeyPatch, command_line: CommandLine, tmp_path: Path
) -> None:
    for error, code in ((SystemExit(1), 70), (SystemExit(0), 70), (EOFError(), 70), (KeyboardInterrupt(), 130)):

        def stats(*_: object, error: BaseException = error) -> None:
            raise error

        monkeypatch.setattr("rageval.models.cache_folder.cache_stats", stats)
        assert command_line("cache", "stats", "--out", tmp_path).code == code


@pytest.mark.parametrize(
    ("sent", "ignores_ctrl_c"), [(signal.SIGTERM, False), (signal.SIGTERM, True), (signal.SIGINT, False)]
)
def test_sigterm_gives_calls_under_way_the_time_that_ctrl_c_gives_them(
    sent: signal.Signals, ignores_ctrl_c: bool, tmp_path: Path
) -> None:
    """The signal comes while four calls wait for their replies, which are kept. A background job ignores Ctrl-C."""
    processes: list[subprocess.Popen[str]] = []
    asked: list[str] = []

    def slowly(call: Received) -> Canned:
        if not call.path.endswith("/chat/completions"):
            return respond(call)
        asked.append(json.dumps(call.payload, sort_keys=True))
        if len(asked) == 4:
            processes[0].send_signal(sent)
        return replace(respond(call), delay_s=1.0 if len(asked) <= 4 else 60.0)

    handler = "SIG_IGN" if ignores_ctrl_c else "default_int_handler"
    script = f"import signal; signal.signal(signal.SIGINT, signal.{handler}); from rageval.cli.app import main; main()"
    closed_book = {"pipelines": ["closed_book"], "metrics": ["answer_relevance"]}
    with FakeServer(slowly) as server:
        experiment = write_experiment(tmp_path, server.base_url, **closed_book)
        command = [sys.executable, "-c", script, "run", experiment, "--out", tmp_path / "out"]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        _, told = processes[0].communicate(timeout=60)
    assert processes[0].returncode == 130, told
    assert told.startswith("stopped; everything done so far is kept. To go on:  ")
    assert len(asked) == 4
    with closing(sqlite3.connect(tmp_path / "out" / "cache" / "chat.sqlite")) as cache:
        assert cache.execute("SELECT COUNT(*) FROM replies").fetchone() == (4,)
