"""`--format` wherever a table is printed, and the width of standard output where it is no terminal."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
import typer

from rageval.cli.app import app
from rageval.cli.output import choose_format
from rageval.errors import DeclarationError
from rageval.report.terminal import stdout_console
from tests.conftest import CommandLine
from tests.flow.judged_run import JudgedRun

PAGE = (Path(__file__).parents[3] / "docs" / "running.md").read_text("utf-8")


def test_the_page_names_the_commands_with_formats() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    with_format = {name for name, one in commands.items() if any("--format" in option.opts for option in one.params)}
    (sentence,) = re.findall(r"^`rageval leaderboard`, (.*?) take `--format`", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert with_format == {"leaderboard", *re.findall(r"`([\w-]+)`", sentence)}


def test_json_and_another_format_are_an_error(command_line: CommandLine) -> None:
    assert choose_format("terminal", as_json=True) == choose_format("json", as_json=False) == "json"
    with pytest.raises(DeclarationError, match="--json: found it with --format csv, expected one of them"):
        choose_format("csv", as_json=True)
    ended = command_line("leaderboard", "nowhere", "--json", "--format", "md")
    assert (ended.code, ended.err) == (2, "error: --json: found it with --format md, expected one of them\n")


def test_formats_of_a_leaderboard_and_a_comparison(tmp_path: Path, command_line: CommandLine) -> None:
    runs = [JudgedRun(tmp_path / name, 20).folder.path for name in ("one", "two")]
    printed_csv = command_line("leaderboard", *runs, "--format", "csv")
    tables = [row["table"] for row in csv.DictReader(io.StringIO(printed_csv.out))]
    assert tables == ["leaderboard"] * 2 + ["costs"] * 2
    for command in ("leaderboard", "compare"):
        printed = {name: command_line(command, *runs, "--format", name) for name in ("md", "latex", "html", "json")}
        assert {ended.code for ended in printed.values()} == {0}
        assert printed["md"].out.count("|---|") >= 1
        assert r"\toprule" in printed["latex"].out
        assert printed["html"].out.startswith("<!DOCTYPE html>")
        assert printed["json"].out == command_line(command, *runs, "--json").out
    assert command_line("compare", *runs, "--format", "pdf").code == 2


@pytest.mark.parametrize(("columns", "width"), [("97", 97), ("", 240), ("0", 240), ("wide", 240)])
def test_the_width_of_a_pipe(columns: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    console = stdout_console()
    assert (console.is_terminal, console.width, console.color_system) == (False, width, None)
