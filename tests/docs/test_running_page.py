"""docs/running.md: its settings are accepted and its commands work."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from rageval.experiment.grid import grid_entries
from rageval.experiment.plan import load_experiment
from rageval.experiment.spec import OpenAIModel, read_spec
from rageval.models.budget import Most, Price
from tests.conftest import CommandLine
from tests.flow.fake_server import FakeServer
from tests.flow.small_world import respond, write_experiment

PAGE = (Path(__file__).parents[2] / "docs" / "running.md").read_text(encoding="utf-8")


def test_the_settings_are_accepted(tmp_path: Path) -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) == 5
    path = tmp_path / "experiment.yaml"
    (over_models,) = (block for block in blocks if "models.chat:" in block)
    blocks.remove(over_models)
    path.write_text("benchmark: handbook\nmetrics: [answer_relevance]\n" + over_models, encoding="utf-8")
    with load_experiment(path, tmp_path / "cache", offline=True) as planned:
        assert len(planned.pipelines) == 2 * 2 * 3
    path.write_text("benchmark: handbook\nmetrics: [map]\n" + "".join(blocks), encoding="utf-8")
    file = read_spec(path)
    assert file.sweep is not None
    assert len(grid_entries(file.sweep, file.exclude)) == 2 * 3 * 3 - 3
    assert file.pipelines == ({"naive": {"retriever": "dense", "dense_search": "approximate"}},)
    assert file.budget is not None
    assert file.budget.most == Most(5000, 2_000_000, 3.5)
    chat = file.models.chat
    assert isinstance(chat, OpenAIModel)
    assert chat.price is not None
    assert chat.price.price == Price(0.4, 1.6, 0.1)
    assert chat.transport == "direct"


def test_the_commands_work_in_their_order(
    tmp_path: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = [shlex.split(line)[1:] for line in re.findall(r"^    (rageval .*)$", PAGE, flags=re.MULTILINE)]
    assert len(commands) == 6
    monkeypatch.chdir(tmp_path)
    with FakeServer(respond) as server:
        write_experiment(tmp_path, server.base_url, pipelines=["naive"])
        dry, *cache = commands
        assert command_line(*dry).code == 0
        assert server.calls == 0
        assert command_line("run", "experiment.yaml").code == 0
        made = server.calls
        for command in cache:
            ended = command_line(*command)
            assert ended.code == 0, ended.err
        assert server.calls == made
