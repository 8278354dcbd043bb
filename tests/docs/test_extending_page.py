"""docs/extending.md: every example runs from a folder outside the repository, by path and from an installed package,
and passes its conformance test.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import get_args

import pytest

import rageval.testing
from rageval.io.plugins import Kind
from tests.unit.installed import install

PAGE = (Path(__file__).parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
FILES = {found[1]: text for _, text in BLOCKS if (found := re.match(r"# (\S+)\n", text))}
PARTS = {name: text for name, text in FILES.items() if name.endswith(".py")}
MOST_LINES = 25
CHECKS = re.findall(r"`rageval\.testing\.(check_\w+)\((.*?)\)`", PAGE)
ENTRY_POINTS = tomllib.loads(FILES["pyproject.toml"])["project"]["entry-points"]


def block(language: str) -> str:
    (text,) = (text for found, text in BLOCKS if found == language)
    return text


def run(folder: Path, *arguments: str, site: Path | None = None) -> str:
    """`rageval ARGUMENTS` in the folder, in a process that knows nothing of this one; standard output."""
    return python(folder, "from rageval.cli.app import main; main()", *arguments, site=site)


def python(folder: Path, code: str, *arguments: str, site: Path | None = None) -> str:
    home = str(Path(rageval.__file__).parents[1])
    paths = [home] if site is None else [home, str(site)]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def scores(folder: Path) -> dict[str, dict[str, object]]:
    """By pipeline, without the names that tell how parts are called."""
    found: dict[str, dict[str, object]] = {}
    for run_folder in (folder / "results" / "runs").iterdir():
        label = json.loads((run_folder / "manifest.json").read_text(encoding="utf-8"))["label"]
        plain = label.replace(".py:ByTitle", "").replace("ByTitle", "by_title").replace(".py", "")
        found[plain] = json.loads((run_folder / "scores.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def by_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder outside the repository where the page's commands ran."""
    folder = tmp_path_factory.mktemp("project")
    assert not folder.is_relative_to(Path(rageval.__file__).parents[1])
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "faq.csv").write_text(block("csv"), encoding="utf-8")
    first, second = block("bash").splitlines()
    run(folder, *first.split()[1:])
    runs = [str(path.relative_to(folder)) for path in sorted((folder / "results" / "runs").iterdir())]
    arguments = [one for part in second.split()[1:] for one in (runs if "*" in part else [part])]
    (folder / "printed.csv").write_text(run(folder, *arguments), encoding="utf-8")
    return folder


def test_there_is_an_example_of_every_seam_and_none_is_long() -> None:
    assert {group.removeprefix("rageval.") for group in ENTRY_POINTS} == {*get_args(Kind)}
    modules = {target.partition(":")[0] for group in ENTRY_POINTS.values() for target in group.values()}
    assert {f"{module}.py" for module in modules} == {*PARTS}
    for name, text in PARTS.items():
        assert len(text.splitlines()) <= MOST_LINES, name


def test_they_run_by_path(by_path: Path) -> None:
    """The metrics are worked out by hand: the first document found is the right one, or is not found at all."""
    found = scores(by_path)
    assert len(found) == 3
    by_title = next(of_run for label, of_run in found.items() if label.startswith("by_title"))
    assert by_title["metric.first_grade"]["questions"] == {"q0": 1.0, "q1": 1.0, "q2": 1.0}  # type: ignore[index]
    assert by_title["answer_contains"]["questions"] == {"q0": 1.0, "q1": 1.0, "q2": 1.0}  # type: ignore[index]
    for of_run in found.values():
        assert of_run["custom.committed"]["estimate"] is not None  # type: ignore[index]
    rows = list(csv.DictReader(io.StringIO((by_path / "printed.csv").read_text(encoding="utf-8"))))
    assert [*rows[0]] == ["pipeline", "ndcg@10", "answer_contains", "custom.committed", "metric.first_grade"]
    assert {row["metric.first_grade"] for row in rows if row["pipeline"].startswith("ByTitle")} == {"1.000"}


def test_they_run_from_an_installed_package(by_path: Path, tmp_path: Path) -> None:
    """With the same scores."""
    points = "".join(
        f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in of_group.items())
        for group, of_group in ENTRY_POINTS.items()
    )
    modules = {name.removesuffix(".py"): text for name, text in PARTS.items()}
    site = install(tmp_path / "site", modules, points)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "installed.yaml").write_text(FILES["installed.yaml"], encoding="utf-8")
    (folder / "faq.csv").write_text(block("csv"), encoding="utf-8")
    run(folder, "run", "installed.yaml", site=site)
    assert scores(folder) == scores(by_path)
    runs = [str(path) for path in sorted((folder / "results" / "runs").iterdir())]
    printed = run(folder, "leaderboard", *runs, "--format", "csv_table", site=site)
    assert printed.splitlines()[0] == (by_path / "printed.csv").read_text(encoding="utf-8").splitlines()[0]
    assert "mine" not in run(folder, "list", "metrics", site=site)
    assert "first_grade:FirstGrade (my-parts)" in run(folder, "list", "metrics", site=site)


def test_every_example_passes_its_conformance_test(by_path: Path) -> None:
    assert {name for name, _ in CHECKS} == {*rageval.testing.__all__}
    imports = "".join(f"from {name.removesuffix('.py')} import *\n" for name in PARTS)
    calls = "".join(f"rageval.testing.{name}({arguments})\n" for name, arguments in CHECKS)
    python(by_path, f"import rageval.testing\nfrom pathlib import Path\n{imports}{calls}")
