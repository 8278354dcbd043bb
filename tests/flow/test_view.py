"""`rageval view`: how it starts, what it prints and how it ends."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path

import pytest

from rageval.web import server
from tests.conftest import CommandLine
from tests.flow.judged_run import JudgedRun
from tests.flow.small_world import start_rageval

ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/\?token=[\w-]{43}\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    JudgedRun(tmp_path / "runs" / "one", 10)
    return tmp_path / "runs"


@pytest.fixture
def started(folder: Path) -> Iterator[subprocess.Popen[str]]:
    process = start_rageval("view", folder, "--no-browser")
    yield process
    process.kill()
    process.communicate(timeout=60)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_address_and_ends_quietly(
    started: subprocess.Popen[str], folder: Path, sent: signal.Signals
) -> None:
    assert started.stdout is not None
    address = started.stdout.readline()
    assert ADDRESS.fullmatch(address)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
    )
    with opener.open(address.strip(), timeout=30) as page:
        assert "token" not in page.url
        assert page.read().decode().startswith("<!doctype html>")
    started.send_signal(sent)
    out, err = started.communicate(timeout=60)
    assert (started.returncode, out) == (130, "")
    assert err == f"the runs in {folder}, on this machine alone; Ctrl-C ends it\n"


def test_two_servers_have_other_ports_and_tokens(started: subprocess.Popen[str], folder: Path) -> None:
    other = start_rageval("view", folder, "--no-browser")
    try:
        assert started.stdout is not None
        assert other.stdout is not None
        assert started.stdout.readline() != other.stdout.readline()
    finally:
        other.kill()
        other.communicate(timeout=60)


def test_what_cannot_be_served_is_told(tmp_path: Path, folder: Path, command_line: CommandLine) -> None:
    ended = command_line("view", tmp_path / "nothing", "--no-browser")
    assert (ended.code, ended.out) == (2, "")
    assert (
        ended.err
        == f"error: {tmp_path / 'nothing'}: found no such folder, expected one that holds runs, such as results/runs\n"
    )
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = command_line("view", folder, "--port", port, "--no-browser")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"error: --port: found {port}, which is taken, expected a free port, or 0 to take one\n"


def test_no_option_binds_elsewhere(command_line: CommandLine, folder: Path) -> None:
    for option in ("--host", "--bind", "--address"):
        assert command_line("view", folder, option, "0.0.0.0").code == 2


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a screen")
@pytest.mark.parametrize("screen", [True, False])
def test_the_browser_gets_a_token_that_works_once(folder: Path, monkeypatch: pytest.MonkeyPatch, screen: bool) -> None:
    """Without a screen, a browser would open in the terminal."""
    printed: list[str] = []
    opened: list[str] = []

    def open_browser(address: str) -> None:
        opened.append(address)

    class StopError(Exception):
        pass

    async def wait(_: object) -> None:
        raise StopError

    monkeypatch.setattr("webbrowser.open", open_browser)
    monkeypatch.setattr("asyncio.Event.wait", wait)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", ":0" if screen else "")
    with pytest.raises(StopError):
        server.serve(folder, port=0, ipv6=False, open_browser=True, on_start=printed.append)
    assert len(opened) == screen
    assert len(printed) == 1
    assert not {*opened} & {*printed}


def test_without_aiohttp_the_extra_is_named(folder: Path) -> None:
    code = "import sys; sys.modules['aiohttp'] = None; from rageval.cli.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "view", str(folder)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert "rageval view needs the package aiohttp: install it with  pip install" in done.stderr
    assert "[web]" in done.stderr
