"""What was submitted, on disk: every step is there for the next process, and nothing is in two batches."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from rageval.errors import DeclarationError
from rageval.models.batch_state import STATE, Submission, Submissions, batches_under_way

PROMPTS = {"k1": "answer/en@1", "k2": "claims/zh@2"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / STATE


def reopened(path: Path) -> closing[Submissions]:
    """As another process sees it."""
    return closing(Submissions(path))


def test_every_step_is_on_disk(path: Path) -> None:
    before = time.time()
    with reopened(path) as here:
        begun = here.begin("m", PROMPTS)
        assert before <= begun.begun <= time.time()
        with reopened(path) as there:
            assert there.interrupted("m") == [begun] == [Submission(begun.number, begun.begun)]
            assert there.under_way(PROMPTS) == {}  # it may be that nothing arrived
            assert there.prompts(begun.number) == PROMPTS
        here.uploaded(begun.number, "file-1")
        uploaded = replace(begun, file="file-1")
        with reopened(path) as there:
            assert there.interrupted("m") == [uploaded]
            assert there.under_way(PROMPTS) == {}
        here.submitted(begun.number, "batch-1")
        submitted = replace(uploaded, batch="batch-1")
        with reopened(path) as there:
            assert there.interrupted("m") == []
            assert there.under_way(["k1", "k2", "k3"]) == {"k1": submitted, "k2": submitted}
        here.forget(begun.number)
        here.forget(begun.number)
        with reopened(path) as there:
            assert (there.interrupted("m"), there.under_way(PROMPTS), there.prompts(begun.number)) == ([], {}, {})


def test_models_are_apart(path: Path) -> None:
    with reopened(path) as state:
        one = state.begin("one", {"k1": "p"})
        two = state.begin("two", {"k2": "p"})
        assert (state.interrupted("one"), state.interrupted("two")) == ([one], [two])
        state.forget(one.number)
        assert (state.interrupted("one"), state.interrupted("two")) == ([], [two])


def test_a_request_is_in_one_submission_alone(path: Path) -> None:
    with reopened(path) as state:
        first = state.begin("m", PROMPTS)
        with pytest.raises(DeclarationError, match="UNIQUE"):
            state.begin("m", {"k3": "p", "k2": "p"})
        assert state.interrupted("m") == [first]  # nothing of the second was written
        assert state.prompts(first.number) == PROMPTS
        state.forget(first.number)
        assert state.prompts(state.begin("m", {"k3": "p", "k2": "p"}).number) == {"k3": "p", "k2": "p"}


def test_how_many_are_under_way(path: Path) -> None:
    assert batches_under_way(path) == 0
    assert not path.exists()
    with reopened(path) as state:
        numbers = [state.begin("m", {f"k{i}": "p"}).number for i in range(3)]
        assert batches_under_way(path) == 0
        for number in numbers[:2]:
            state.uploaded(number, "file")
            state.submitted(number, f"batch-{number}")
        assert batches_under_way(path) == 2
    path.write_text("this is no database, but it is long enough to have a header of a hundred bytes " * 9)
    assert batches_under_way(path) == 0


CHILD = """
import os, signal, sys
from pathlib import Path
from rageval.models.batch_state import Submissions
state = Submissions(Path(sys.argv[1]))
number = state.begin("m", {"k": "p"}).number
if sys.argv[2] != "begin":
    state.uploaded(number, "file")
if sys.argv[2] == "submitted":
    state.submitted(number, "batch")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(
    ("last", "file", "batch"), [("begin", None, None), ("uploaded", "file", None), ("submitted", "file", "batch")]
)
def test_a_step_that_returned_survives_a_kill(path: Path, last: str, file: str | None, batch: str | None) -> None:
    subprocess.run([sys.executable, "-c", CHILD, str(path), last], check=False, capture_output=True)
    with reopened(path) as state:
        found = [*state.interrupted("m"), *state.under_way(["k"]).values()]
        assert [(one.file, one.batch) for one in found] == [(file, batch)]
        assert state.prompts(found[0].number) == {"k": "p"}


def test_a_file_that_cannot_be_written_is_told(path: Path) -> None:
    with reopened(path) as state:
        number = state.begin("m", PROMPTS).number
        state._database.execute("PRAGMA query_only=ON")
        for step in (
            lambda: state.begin("m", {"k": "p"}),
            lambda: state.uploaded(number, "file"),
            lambda: state.submitted(number, "batch"),
            lambda: state.forget(number),
        ):
            with pytest.raises(DeclarationError, match=r"batches\.sqlite: cannot be written") as caught:
                step()
            assert "\n" not in str(caught.value)
        assert [one.file for one in state.interrupted("m")] == [None]
