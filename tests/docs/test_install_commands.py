"""Every command that installs rageval: those of pages, CI files, docstrings and error messages, and each runs today.

pip resolves them from this clone (`--dry-run`, without dependencies, without an index), so nothing is downloaded.
"""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from rageval import extras as module
from rageval.errors import MissingExtraError
from rageval.extras import install_command

ROOT = Path(__file__).parents[2]
EXTRAS: frozenset[str] = frozenset(
    tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
)
FOREIGN = {"chromadb", "huggingface_hub", "ragas", "langchain-community", "deepeval"}
"""What pages and messages name beside rageval, all of it published."""


def commands() -> Iterator[tuple[str, str]]:
    """File and what follows `pip install` there, without options."""
    files = [*ROOT.glob("*.md"), *ROOT.glob("*.yml")]
    files += [
        *(page for page in (ROOT / "docs").rglob("*.*") if page.suffix != ".png"),
        *(ROOT / "benchmarks").rglob("*.py"),
        *(ROOT / "rageval").rglob("*.py"),
        *(ROOT / "pipelines").rglob("*.py"),
    ]
    for path in files:
        for found in re.finditer(
            r"pip install ((?:'[^'\n]+'|\"[^\"\n]+\"|[\w.-]+| )+)", path.read_text(encoding="utf-8")
        ):
            if "{" not in found[1]:  # made when it is told: see below
                yield str(path.relative_to(ROOT)), found[1].strip()


FOUND = sorted({*commands()})
OURS = re.compile(r"^(\.|\./rageval|rageval)(?:\[([\w,-]+)\])?(?: @ (git\+\$URL))?$")


def test_the_pages_have_such_commands() -> None:
    assert {file for file, _ in FOUND} >= {"README.md", "README.zh.md", "docs/running.md", "docs/integrations/ragas.md"}
    assert len(FOUND) > 20


@pytest.mark.parametrize(("file", "command"), FOUND, ids=lambda text: text)
def test_a_page_names_this_clone_its_extras_and_published_packages(file: str, command: str) -> None:
    for what in (word for word in shlex.split(command) if not word.startswith("-")):
        ours = OURS.match(what)
        if ours is None:
            assert what in ("$INSTALL", "$RAGEVAL_INSTALL") or Requirement(what).name in FOREIGN, what
            continue
        place, extras, address = ours.groups()
        assert place != "rageval" or address, f"{what}: no index has rageval"
        assert {*(extras or "").split(",")} - {""} <= EXTRAS


def test_the_files_for_ci_install_what_is_there() -> None:
    install = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["inputs"]["install"]["default"]
    gitlab = yaml.safe_load((ROOT / "docs/ci/gitlab-ci.yml").read_text(encoding="utf-8"))["rageval"]
    steps = yaml.safe_load((ROOT / "docs/ci/github-actions.yml").read_text(encoding="utf-8"))["jobs"]["gate"]["steps"]
    assert install == "this[openai]"
    assert gitlab["variables"]["RAGEVAL_INSTALL"] == "./rageval[openai]"
    assert gitlab["variables"]["GIT_SUBMODULE_STRATEGY"] == "normal"
    assert steps[0]["with"] == {"submodules": True}
    assert steps[-1]["uses"] == "./rageval"
    page = (ROOT / "docs/integrations/ci.md").read_text(encoding="utf-8")
    assert 'git submodule add "$URL" rageval\n' in page


def test_every_extra_that_the_code_names_exists() -> None:
    position = {"need_package": 1, "MissingExtraError": 1, "install_command": 0}
    named = {
        argument.value
        for path in (ROOT / "rageval").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in position
        if isinstance(argument := call.args[position[call.func.id]], ast.Constant)
    }
    assert len(named) > 8
    assert named <= EXTRAS


def run_pip(*arguments: str, folder: Path) -> str:
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--no-index", "--no-build-isolation"]
    done = subprocess.run([*command, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "does not provide the extra" not in done.stdout + done.stderr
    return done.stdout


needs_pip = pytest.mark.skipif(
    find_spec("pip") is None or find_spec("hatchling") is None, reason="pip and hatchling install rageval here"
)


@needs_pip
def test_pip_takes_the_commands_of_pages_and_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All commands that install from the clone in one run of pip, and the same extras by the path of the clone."""
    monkeypatch.setattr(module, "_origin", lambda: {"url": ROOT.as_uri(), "dir_info": {}})
    pages = {word for _, command in FOUND for word in shlex.split(command) if word.startswith(".")}
    assert "Would install rageval-" in run_pip(*sorted(pages), folder=ROOT)
    monkeypatch.chdir(tmp_path)
    told = {shlex.split(install_command(extra))[2] for extra in EXTRAS}
    assert all(one.startswith(f"{ROOT}[") for one in told)
    assert "Would install rageval-" in run_pip(*sorted(told), folder=tmp_path)


@needs_pip
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="no git repository")
def test_pip_takes_the_command_by_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run(["git", "clone", "--quiet", "--bare", str(ROOT), str(tmp_path / "clone.git")], check=True)
    address = f"file://localhost{tmp_path}/clone.git"
    (page,) = {command for file, command in FOUND if file == "README.md" and "$URL" in command}
    assert "Would install rageval-" in run_pip(shlex.split(page.replace("$URL", address))[0], folder=tmp_path)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    origin = {"url": address, "vcs_info": {"vcs": "git", "commit_id": commit.strip()}}
    monkeypatch.setattr(module, "_origin", lambda: origin)
    assert "Would install rageval-" in run_pip(shlex.split(install_command("openai"))[2], folder=tmp_path)


@needs_pip
def test_the_action_installs_the_copy_that_it_is_part_of(tmp_path: Path) -> None:
    """GitHub sets GITHUB_ACTION_PATH; what somebody names is installed as it stands."""
    (step,) = [
        step
        for step in yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
        if step["name"] == "Install"
    ]
    for given, expected in (("this[openai]", f"{ROOT}[openai]"), ("./mine[x]", "./mine[x]")):
        script = step["run"].replace("python -m pip", "echo")
        environment = {"INSTALL": given, "GITHUB_ACTION_PATH": str(ROOT), "PATH": "/usr/bin:/bin"}
        done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout == f"install {expected}\n"
    assert "Would install rageval-" in run_pip(f"{ROOT}[openai]", folder=tmp_path)


@needs_pip
def test_the_job_for_gitlab_installs_the_submodule(tmp_path: Path) -> None:
    (tmp_path / "rageval").symlink_to(ROOT)
    job = yaml.safe_load((ROOT / "docs/ci/gitlab-ci.yml").read_text(encoding="utf-8"))["rageval"]
    assert job["before_script"] == ['python -m pip install "$RAGEVAL_INSTALL"']
    assert "Would install rageval-" in run_pip(job["variables"]["RAGEVAL_INSTALL"], folder=tmp_path)


@pytest.mark.parametrize(
    ("origin", "command"),
    [
        ({}, "pip install '.[ray]'  in the folder of your clone of rageval"),
        ({"url": "file:///home/me/my%20clone", "dir_info": {}}, "pip install '/home/me/my clone[ray]'"),
        ({"url": "file:///home/me/clone", "dir_info": {"editable": True}}, "pip install -e '/home/me/clone[ray]'"),
        (
            {"url": "https://git.example/rageval.git", "vcs_info": {"vcs": "git", "commit_id": "0a1b"}},
            "pip install 'rageval[ray] @ git+https://git.example/rageval.git@0a1b'",
        ),
        (
            {
                "url": "https://git.example/rageval.git",
                "vcs_info": {"vcs": "git", "commit_id": "0a1b", "requested_revision": "v1"},
            },
            "pip install 'rageval[ray] @ git+https://git.example/rageval.git@v1'",
        ),
        (
            {"url": "https://files.example/rageval-0.1.0-py3-none-any.whl", "archive_info": {}},
            "pip install 'rageval[ray] @ https://files.example/rageval-0.1.0-py3-none-any.whl'",
        ),
    ],
)
def test_a_message_names_where_rageval_came_from(
    origin: Mapping[str, Any], command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_origin", lambda: origin)
    assert install_command("ray") == command
    assert str(MissingExtraError("ray", "ray", "this")) == f"this needs the package ray: install it with  {command}"


def test_in_the_clone_itself_a_dot_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "_origin", lambda: {"url": Path.cwd().as_uri(), "dir_info": {}})
    assert install_command("ray") == "pip install '.[ray]'"


def test_what_pip_recorded_of_this_copy_is_read() -> None:
    try:
        recorded = distribution("rageval").read_text("direct_url.json")
    except PackageNotFoundError:
        pytest.skip("rageval is not installed")
    assert bool(module._origin()) == bool(recorded)
