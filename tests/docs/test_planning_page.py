"""docs/planning.md: its commands run one after another, as written, in one folder, and print what is shown."""

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "planning.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert {name for name, _ in found} == {"yaml", "bash", "python", ""}
    return [text for name, text in found if name == language]


def test_every_block_runs(tmp_path: Path) -> None:
    for block in blocks("yaml"):
        (tmp_path / block.split()[1]).write_text(block, encoding="utf-8")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    printed = ""
    for script in blocks("bash"):
        done = subprocess.run(
            ["bash", "-euc", script],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PATH": path, "COLUMNS": "80"},
        )
        assert done.returncode == 0, done.stderr
        printed += done.stdout
    for shown in blocks(""):
        assert shown in printed
    (script,) = blocks("python")
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.split()) == 2


def test_what_a_judge_saves() -> None:
    """The table: with many more judged items the width is sqrt(1 - r²) of labels alone, the labels 1 - r²."""
    rows = re.findall(r"^\| (0\.\d) \| (0\.\d\d) \| (\d+)% \|$", PAGE, flags=re.MULTILINE)
    assert len(rows) == 4
    for correlation, width, saved in ((float(r), float(w), int(s)) for r, w, s in rows):
        assert abs((1 - correlation**2) ** 0.5 - width) < 0.0051
        assert abs(100 * correlation**2 - saved) < 0.5
