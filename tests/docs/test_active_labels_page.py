"""docs/active_labels.md: its commands run in order on runs with these names, people's work being done in between."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from tests.conftest import CommandLine
from tests.flow.fake_server import Canned, FakeServer, Received, completion
from tests.flow.judged_run import JudgedRun, fill
from tests.flow.two_judged_runs import TwoJudgedRuns

PAGE = (Path(__file__).parents[2] / "docs" / "active_labels.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
INCONCLUSIVE = 3


def test_every_command_runs_and_prints_what_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine
) -> None:
    monkeypatch.chdir(tmp_path)
    runs = tmp_path / "results" / "runs"
    lakes, pair = JudgedRun(runs / "lakes", graded=True), TwoJudgedRuns(runs)
    owner = {"doubt.csv": lakes, "labels.csv": lakes, "pairs.jsonl": pair.new, "pairs-baseline.jsonl": pair.old}
    lakes.write_manifest(generate=True)
    assert {language for language, _ in BLOCKS} == {"bash", ""}
    printed = ""

    def say(received: Received) -> Canned:
        """The expert finds every answer relevant that people do, but for those to lakes 7, 17, …"""
        lake = re.findall(r"lake (\d+)", received.payload["messages"][-1]["content"])[0]
        relevant = (lakes.gold[f"q{int(lake):03}"] == 1.0) != lake.endswith("7")
        word = "yes" if relevant else "no"
        return completion(word, top_logprobs={word: -0.01})

    with FakeServer(say) as server:
        model = {"provider": "openai", "base_url": server.base_url, "model": "strong"}
        experiment = {"benchmark": "lakes", "pipelines": ["naive"], "metrics": ["mrr"], "models": {"judge": model}}
        Path("strong.yaml").write_text(yaml.safe_dump(experiment), "utf-8")
        for line in "".join(text for language, text in BLOCKS if language == "bash").splitlines():
            program, *arguments = shlex.split(line)
            assert program == "rageval"
            if line == "rageval label results/runs/lakes --expert strong --metric answer_relevance":
                (lakes.folder.path / "labels" / "answer_relevance.json").unlink()  # nobody has labelled anything yet
            ended = command_line(*arguments)
            assert ended.code == (INCONCLUSIVE if arguments[0] == "gate" else 0), (line, ended.err)
            printed += ended.out
            if arguments[0] == "sample":
                for sheet in (name for name in owner if Path(name).exists() and name in ended.out):
                    gold = owner[sheet].gold
                    fill(Path(sheet), lambda question, gold=gold: int(gold[question]))
    shown = [text for language, text in BLOCKS if not language]
    assert len(shown) == 4
    for text in shown:
        assert " ".join(text.split()) in " ".join(printed.split()), printed
