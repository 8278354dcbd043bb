"""docs/light_judge.md: its examples run as written, with a tiny classifier and a server in the place of yours."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from rageval.judges.light.alignment import ALIGNED
from rageval.judges.light.features import FEATURES
from rageval.people.judge_examples import FIRST_NEIGHBOUR
from rageval.people.judge_training import HELD_OUT
from rageval.scores.scaling import FEWEST_OF_EACH, FOLDS
from tests.conftest import CommandLine
from tests.docs.pages import DOCS, blocks
from tests.flow.fake_server import Canned, Received
from tests.unit.judges.tiny_gguf import write_gguf
from tests.unit.judges.tiny_onnx import write_model, write_tokenizer
from tests.unit.models.test_rerank_endpoint import RerankServer

NAME = "light_judge.md"
PAGE = (DOCS / NAME).read_text(encoding="utf-8")


def scored(received: Received) -> Canned:
    return Canned(
        {"results": [{"index": i, "relevance_score": 1.5} for i, _ in enumerate(received.payload["documents"])]}
    )


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine) -> None:
    monkeypatch.chdir(tmp_path)
    for language, text in blocks(DOCS / NAME):
        named = re.match(r"# (\S+\.(?:py|yaml))\n", text)
        if named:
            (tmp_path / named[1]).write_text(text, encoding="utf-8")
        assert language in ("python", "yaml", "bash")
        for command in text.splitlines() if language == "bash" else ():
            program, *arguments = shlex.split(command)
            if program == "python":
                subprocess.run([sys.executable, *arguments], check=True)
                continue
            ended = command_line(*arguments)
            assert ended.code == 0, ended.err
    write_model(tmp_path / "nli.onnx", [[0, 0], [0, 1]])
    write_tokenizer(tmp_path / "tokenizer.json", ["the"])
    assert command_line("run", "onnx.yaml").code == 0
    if find_spec("xllamacpp") is not None:
        write_gguf(tmp_path / "reranker.gguf", {"the": 1.0})
        monkeypatch.setattr("rageval.models.gguf_pairs.usable_cores", lambda: 1)
        ended = command_line("run", "gguf.yaml")
        assert ended.code == 0, ended.err
        assert "judged by the detector gguf (reranker.gguf " in " ".join(ended.out.split())
    with RerankServer(scored) as server:
        endpoint = yaml.safe_load((tmp_path / "endpoint.yaml").read_text(encoding="utf-8"))
        endpoint["models"]["judge"]["base_url"] = server.base_url
        (tmp_path / "endpoint.yaml").write_text(yaml.safe_dump(endpoint), encoding="utf-8")
        ended = command_line("run", "endpoint.yaml")
        assert ended.code == 0, ended.err
        assert "faithfulness" in ended.out


def test_what_it_names() -> None:
    assert len(FEATURES) == 8
    assert "logistic model of eight features" in " ".join(PAGE.split())
    assert len(ALIGNED) == 1
    assert "with one more feature" in " ".join(PAGE.split())
    assert HELD_OUT == 5
    assert "(one in five)" in " ".join(PAGE.split())
    assert f"ranks {FIRST_NEIGHBOUR} and beyond" in PAGE
    assert FEWEST_OF_EACH == 10
    assert FOLDS == 5


def test_the_figures_are_those_of_the_measured_page() -> None:
    measured = (DOCS / "light_judge_measured.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \| [^|]+" + r" \| (\d[^|]+)" * 4 + r" \|$", PAGE, flags=re.MULTILINE)
    assert len(rows) == 5
    for name, *figures in rows:
        found = re.findall(rf"^\| {re.escape(name)} \|[^|]+\|[^|]+\|[^|]+\| ([^|]+) \|", measured, flags=re.MULTILINE)
        assert found[:4] == figures, name
