"""The pages about tools: their examples are short, complete, and run as they are written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rageval.io.trec_files import read_qrels
from rageval.models.scripted import HashEmbedder, ScriptedChat
from tests.flow.small_world import scripted_reply

PAGES = Path(__file__).parents[2] / "docs" / "integrations"
SMALL_MODELS = """
from rageval.models import local, scripted
from tests.flow.small_world import scripted_reply
local.LocalChat = lambda **_: scripted.ScriptedChat(scripted_reply)
local.LocalEmbedder = scripted.HashEmbedder
"""


@pytest.fixture(autouse=True)
def local_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of its own, and small models in the place of the packaged ones."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rageval.models.local.LocalChat", lambda **_: ScriptedChat(scripted_reply))
    monkeypatch.setattr("rageval.models.local.LocalEmbedder", HashEmbedder)


def example(page: str) -> str:
    (code,) = re.findall(r"^```python\n(.*?)^```$", (PAGES / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert len(code.splitlines()) <= 15
    return code


def run(page: str) -> None:
    exec(compile(example(page), page, "exec"), {})


def test_deepeval(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPEVAL_TELEMETRY_OPT_OUT", "YES")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # DeepEval looks for news of itself when it is imported
    pytest.importorskip("deepeval.test_case", exc_type=ImportError)
    run("deepeval.md")
    assert "| 1 | recorded | 0.500 " in capsys.readouterr().out


def test_trec(capsys: pytest.CaptureFixture[str]) -> None:
    run("trec.md")
    out = capsys.readouterr().out
    assert "recorded(path=bm25.run)" in out
    assert "mrr" in out
    assert read_qrels(Path("rageval.qrels")) == read_qrels(Path("qrels.txt"))
    assert Path("rageval.run").read_text().startswith("q1 Q0 d1 1 1.0 recorded(path=bm25.run)\n")


def test_opentelemetry(tmp_path: Path) -> None:
    """In a process of its own: the exporter keeps the standard output that it found when it was imported."""
    pytest.importorskip("opentelemetry.sdk")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PAGES.parents[1]), *sys.path])}
    script = [sys.executable, "-c", SMALL_MODELS + example("opentelemetry.md")]
    done = subprocess.run(script, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"name": "rageval.question"') == 3
    assert '"gen_ai.operation.name": "chat"' in done.stdout


def test_mlflow(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "store").as_uri())
    run("mlflow.md")
    run_id = capsys.readouterr().out.strip()
    assert [path.parent.name for path in tmp_path.rglob("hit_rate_at_5.low")] == ["metrics"]
    assert run_id in {path.name for path in tmp_path.glob("store/*/*")}
