"""docs/costs.md: its prices are accepted and its commands work, in order."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from rageval.experiment.spec import LocalModel, Models, OpenAIModel
from rageval.models.budget import Price
from tests.conftest import CommandLine
from tests.flow.fake_server import Canned, FakeServer, Received
from tests.flow.small_world import respond, write_experiment

PAGE = (Path(__file__).parents[2] / "docs" / "costs.md").read_text(encoding="utf-8")
(YAML,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def counted(received: Received) -> Canned:
    """The small world's replies, each of which took 300 and 50 tokens."""
    canned = respond(received)
    assert isinstance(canned.body, dict)
    return replace(canned, body={**canned.body, "usage": {"prompt_tokens": 300, "completion_tokens": 50}})


def test_the_prices_are_accepted() -> None:
    models = Models.model_validate(yaml.safe_load(YAML)["models"])
    assert isinstance(models.chat, OpenAIModel)
    assert models.chat.price is not None
    assert models.chat.price.price == Price(0.4, 1.6, 0.1)
    (free,) = re.findall(r"`chat: (\{provider: local.*?\}\})`", PAGE)
    local = Models.model_validate({"chat": yaml.safe_load(free)}).chat
    assert isinstance(local, LocalModel)
    assert local.price is not None


def test_the_commands_work_in_their_order(
    tmp_path: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = [shlex.split(line)[1:] for line in re.findall(r"^    (rageval .*)$", PAGE, flags=re.MULTILINE)]
    assert [command[0] for command in commands] == ["run", "leaderboard", "baseline", "gate"]
    monkeypatch.chdir(tmp_path)
    price = yaml.safe_load(YAML)["models"]["chat"]["price"]
    with FakeServer(counted) as server:
        write_experiment(
            tmp_path, server.base_url, pipelines=["naive"], model={"price": price}, metrics=["answer_contains"]
        )
        for command in commands:
            given = [one for word in command for one in (map(str, Path().glob(word)) if "*" in word else [word])]
            ended = command_line(*given)
            if command[0] == "gate":
                assert ended.code == 3
                assert "cost is inconclusive at margin +10%" in ended.out
                assert "latency_p95 is inconclusive at margin +0.5s" in ended.out
            else:
                assert ended.code == 0, ended.err
            if command[0] == "leaderboard":
                assert "cost/question" in ended.out
                assert "not known" not in ended.out.partition("Cost per question")[2].partition("embeddings")[0]
