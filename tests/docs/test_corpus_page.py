"""docs/corpus.md: its example runs as written and prints what is shown; the numbers it names are those of the code."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from rageval.cli.check_corpus import MOST_EMBEDDED
from rageval.corpus.checks import boilerplate, duplicates, outliers, shape
from rageval.corpus.faults import KINDS
from rageval.corpus.folder import MOST_MB
from tests.conftest import CommandLine
from tests.docs.pages import DOCS, blocks

PAGE = DOCS / "corpus.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_the_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    printed: list[str] = []
    compared = 0
    for language, text in blocks(PAGE):
        match language:
            case "python":
                exec(compile(text, "example.py", "exec"), {"__name__": "example"})
            case "bash":
                _, *command = shlex.split(text)
                ended = command_line(*command)
                assert ended.code == 0, ended.err
                printed = [" ".join(line.split()) for line in ended.out.splitlines()]
            case "json":
                (tmp_path / "mine" / "questions.jsonl").write_text(text, "utf-8")
                ended = command_line("check-benchmark", "mine")
                assert ended.code == 0, ended.err
            case _:
                for line in text.splitlines():
                    assert any(shown.startswith(" ".join(line.split())) for shown in printed), (line, printed)
                    compared += 1
    assert compared == 9
    assert command_line("check-benchmark", "clean").code == 0
    assert "[e-mail]" in (tmp_path / "clean" / "documents.jsonl").read_text("utf-8")


def test_what_it_names() -> None:
    assert tuple(re.findall(r"^\| `([\w-]+)` \|", TEXT, flags=re.MULTILINE)) == KINDS
    for words in (
        f"`--most-mb` ({MOST_MB:g})",
        f"{duplicates.ALIKE:.0%} of all runs",
        f"at least {boilerplate.FEWEST_DOCUMENTS} documents",
        f"fewer than {shape.FEWEST_TOKENS} tokens",
        f"fewer than {shape.USUAL_SHARE:.0%} of the documents",
        f"`--longest` ({shape.LONGEST:,})",
        f"more than {MOST_EMBEDDED} documents",
    ):
        assert words in TEXT, words
    assert outliers.FEWEST_DOCUMENTS == 10
