"""docs/view.md: its commands work, and what it says of limits is what the code has."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from rageval.cli.exit_codes import INTERRUPTED
from rageval.report.html.page import Page, content_security_policy
from rageval.web import progress, runs
from tests.conftest import CommandLine
from tests.flow.judged_run import JudgedRun
from tests.flow.view_server import ViewServer

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "view.md").read_text(encoding="utf-8")
COMMANDS = [shlex.split(line)[1:] for line in re.findall(r"^    (rageval .*)$", PAGE, flags=re.MULTILINE)]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_commands_work(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine
) -> None:
    async def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    JudgedRun(tmp_path / "results" / "runs" / "one", 5)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("asyncio.Event.wait", interrupt)
    monkeypatch.setattr("webbrowser.open", lambda _: True)
    ended = command_line(*(("0" if word == "8000" else word) for word in command))
    assert ended.code == INTERRUPTED
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=\S+\n", ended.out)


def test_there_are_commands() -> None:
    assert len(COMMANDS) == 3


def test_what_it_says_of_limits(tmp_path: Path) -> None:
    for place in ("runs/one", "earlier/one.1", "a/b/c", "a/b/d/too-deep"):
        JudgedRun(tmp_path / place, 3)
    assert "three folders deep" in PAGE
    assert {row.name for row in runs.Runs(tmp_path).scan()} == {"runs/one", "earlier/one.1", "a/b/c"}
    assert "nothing was written for a minute" in PAGE
    assert progress.QUIET_S == 60
    assert "over the last five minutes" in PAGE
    assert progress.WINDOW_S == 300
    assert "longer than three seconds" in PAGE
    script = (ROOT / "rageval/report/html/assets/view_live.js").read_text(encoding="utf-8")
    assert "const QUICK_S = 3;" in script


def test_what_it_says_of_requests(tmp_path: Path) -> None:
    JudgedRun(tmp_path / "one", 3)
    with ViewServer(tmp_path) as server:
        assert server.ask("/", {"Cookie": None}).status == 403
        policy = server.ask("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert "http" not in policy
    assert "connect-src 'none'" in content_security_policy(Page("", ()))
