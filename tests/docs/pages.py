"""Pages that people follow from top to bottom: their blocks, run as the page says, in one folder.

A YAML or Python block that begins with `# NAME` is written to that file. Any other Python block is run, and so is every
block of commands; `# exits with N` in it says how it ends. Blocks marked `text` are shown alone.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LANGUAGES = {"bash", "python", "yaml", "text", "json", "csv", "toml", ""}

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"^# ([\w./-]+\.(?:yaml|py|csv))\n")
_EXIT = re.compile(r"# exits with (\d)")


def blocks(page: Path) -> list[tuple[str, str]]:
    """The language and the text of each block."""
    return _BLOCK.findall(page.read_text(encoding="utf-8"))


def without_comments(page: Path) -> list[tuple[str, str]]:
    """The blocks without what a translation may change: comments, and blocks that are shown alone."""
    return [
        (language, re.sub(r"[ ]*(?<![\"\w])#(?! [\w./-]+\.(?:yaml|py|csv)\n).*", "", text))
        for language, text in blocks(page)
        if language != "text"
    ]


def follow(page: Path, folder: Path, between: Callable[[], None] = lambda: None) -> str:
    """Do what the page says in the folder, with `between` after every block; return what was printed.

    Raises AssertionError with the output of a block that ended otherwise than the page says.
    """
    return "".join(_follow(page, folder, between))


def _follow(page: Path, folder: Path, between: Callable[[], None]) -> Iterator[str]:
    for language, text in blocks(page):
        assert language in LANGUAGES, language
        named = _NAMED.match(text)
        if language in ("yaml", "python") and named:
            (folder / named[1]).write_text(text, encoding="utf-8")
        elif language in ("bash", "python"):
            yield _run(language, text, folder)
            between()


def _run(language: str, text: str, folder: Path) -> str:
    command = ["bash", "-uc", text] if language == "bash" else [sys.executable, "-c", text]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": path, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]), "COLUMNS": "200"},
    )
    expected = int(found[1]) if (found := _EXIT.search(text)) else 0
    assert done.returncode == expected, (text, done.stdout, done.stderr)
    return done.stdout
