"""Fixtures that several folders of tests share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import hypothesis
import pytest

from rageval.cli.app import main

# pytest-xdist tells its workers the width of its terminal; commands are to print as they do in any other pipe.
os.environ.pop("COLUMNS", None)
# The local model's threads sleep where they wait for each other: other tests run beside them.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
hypothesis.settings.register_profile("rageval", deadline=None)  # how long an example takes is the machine's affair
hypothesis.settings.load_profile("rageval")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With pytest-xdist, one worker runs all that loads the real models, so that they are in memory once."""
    for item in items:
        if item.get_closest_marker("local_model"):
            item.add_marker(pytest.mark.xdist_group("local_model"))


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


CommandLine: TypeAlias = Callable[..., Ended]


@pytest.fixture
def command_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """Run `rageval ARGUMENTS` in this process."""

    def run(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["rageval", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        captured = capsys.readouterr()
        return Ended(int(stopped.value.code or 0), captured.out, captured.err)

    return run
