"""docs/gate.md: its commands run one after another, as written, in one folder."""

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "gate.md").read_text(encoding="utf-8")


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
            env={**os.environ, "PATH": path},
        )
        assert done.returncode == 0, done.stderr
        printed += done.stdout
    for shown in blocks(""):
        assert shown in printed
    assert "gate: pass" in printed
    assert (tmp_path / "gate.md").read_text("utf-8").startswith("## Gate: ")
    assert (tmp_path / "gate.xml").is_file()
    (script,) = blocks("python")
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] in ("pass", "inconclusive")
