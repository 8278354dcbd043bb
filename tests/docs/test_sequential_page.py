"""docs/sequential.md: its commands run one after another, as written, in one folder, and print what it shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "sequential.md").read_text(encoding="utf-8")


def test_every_block_runs(tmp_path: Path) -> None:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    for block in (text for name, text in found if name == "yaml"):
        (tmp_path / block.split()[1]).write_text(block, encoding="utf-8")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    (script,) = (text for name, text in found if name == "bash")
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": path, "COLUMNS": "200"},
    )
    assert done.returncode == 0, done.stderr
    shown = [text for name, text in found if name == ""]
    assert len(shown) == 2
    for text in shown:
        assert text in done.stdout
    (note,) = re.findall(r"^> (note: .*)$", PAGE, flags=re.MULTILINE)
    assert note in done.stderr
    (folder,) = (tmp_path / "results" / "runs").glob("stop-*")
    assert len((folder / "responses.jsonl").read_text("utf-8").splitlines()) == 40
