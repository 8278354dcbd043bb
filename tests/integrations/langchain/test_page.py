"""docs/integrations/langchain.md does what it shows: all its code runs, its models against a server on loopback."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flow.fake_server import FakeServer
from tests.flow.small_world import respond

pytest.importorskip("langchain_openai")

ROOT = Path(__file__).parents[3]
BLOCKS = re.findall(
    r"^```python\n(.*?)^```$", (ROOT / "docs/integrations/langchain.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
)
FIRST, SPLITTING, *REST = BLOCKS
SHOW_SPLIT = """
print(rageval.evaluate(benchmark, [split], ["ndcg@10"], questions=4))
"""
SHOW_REST = """
print(rageval.evaluate(benchmark, [ours], ["ndcg@10", "faithfulness"], questions=4, chat=judge))
print("hybrid", len(hybrid.invoke("What is HyDE?")))
"""


def run(script: str, folder: Path, base_url: str) -> str:
    path = folder / "page.py"
    path.write_text(script, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, path],
        cwd=folder,
        env={**os.environ, "OPENAI_API_KEY": "secret-for-the-test", "OPENAI_API_BASE": base_url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_block_is_a_complete_example(tmp_path: Path) -> None:
    assert len(FIRST.splitlines()) <= 15
    printed = run(FIRST, tmp_path, "")
    assert "| mine |" in printed
    assert "| naive(retriever=bm25) |" in printed


def test_the_second_block_splits(tmp_path: Path) -> None:
    pytest.importorskip("langchain_text_splitters")
    assert "| split |" in run(f"{FIRST}{SPLITTING}{SHOW_SPLIT}", tmp_path, "")


def test_the_other_blocks_after_the_first(tmp_path: Path) -> None:
    with FakeServer(respond) as server:
        printed = run("".join([FIRST, *REST, SHOW_REST]), tmp_path, server.base_url)
        assert {received.path for received in server.received} == {"/v1/chat/completions", "/v1/embeddings"}
    tables = [line for line in printed.splitlines() if line.startswith("| rank |")]
    assert len(tables) == 3
    assert "faithfulness" in tables[1]
    assert "semantic_similarity" in tables[1]
    assert ">> Answer() |" in printed
    assert "hybrid 4" in printed
    assert "en-bm25" in printed
