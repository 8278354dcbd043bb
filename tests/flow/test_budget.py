"""A run that its budget stops, and that goes on with another one, through the command line."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import CommandLine
from tests.flow.fake_server import Canned, FakeServer, Received
from tests.flow.small_world import respond, write_experiment

PRICE = {"prompt": 1.0, "completion": 4.0}


def costly(received: Received) -> Canned:
    """The small world's replies, each of which took 300 and 50 tokens."""
    canned = respond(received)
    assert isinstance(canned.body, dict)
    return replace(canned, body={**canned.body, "usage": {"prompt_tokens": 300, "completion_tokens": 50}})


def asked(server: FakeServer) -> Counter[str]:
    """The chat requests that the server has got."""
    return Counter(json.dumps(r.payload, sort_keys=True) for r in server.received if r.path.endswith("/completions"))


@pytest.fixture(scope="module")
def in_full(tmp_path_factory: pytest.TempPathFactory) -> Counter[str]:
    """What a run without a budget asks."""
    import rageval

    folder = tmp_path_factory.mktemp("in_full")
    with FakeServer(respond) as server:
        model = {"provider": "openai", "base_url": server.base_url, "model": "fake"}
        write_experiment(folder, server.base_url)
        rageval.evaluate(str(folder / "small"), ["naive"], ["faithfulness"], chat=model, embed=model, out=folder)
        return asked(server)


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        ({"max_calls": 5}, "max_calls 5, after 5 calls"),
        ({"max_tokens": 5000}, "max_tokens 5000, after "),
        ({"max_cost": 0.006}, "max_cost 0.006, after "),
    ],
)
def test_the_budget_stops_the_run_and_another_one_lets_it_go_on(
    budget: dict[str, float], told: str, in_full: Counter[str], tmp_path: Path, command_line: CommandLine
) -> None:
    with FakeServer(costly) as server:

        def run(**changes: object) -> tuple[int, str]:
            setting = {"pipelines": ["naive"], "metrics": ["faithfulness"], **changes}
            experiment = write_experiment(tmp_path, server.base_url, model={"price": PRICE}, **setting)
            ended = command_line("run", experiment, "--out", tmp_path / "out")
            return ended.code, ended.err

        code, err = run(budget=budget)
        assert code == 6
        assert f"error: budget: the next call could go beyond {told}" in err
        assert 1 <= asked(server).total() < in_full.total()
        if "max_calls" in budget:
            assert asked(server).total() == 5
        assert run()[0] == 0
        assert sorted(asked(server).values()) == [1] * in_full.total()


def test_a_budget_that_is_enough_changes_nothing(tmp_path: Path, command_line: CommandLine) -> None:
    with FakeServer(respond) as server:
        budget = {"max_calls": 10_000, "max_tokens": 10**9, "max_cost": 1e6}
        experiment = write_experiment(tmp_path, server.base_url, model={"price": PRICE}, budget=budget)
        assert command_line("run", experiment, "--out", tmp_path / "out").code == 0
        assert set(asked(server).values()) == {1}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"budget": {"max_cost": 1.0}}, "budget.max_cost: found no price of fake @ "),
        ({"budget": {"max_call": 1}}, "budget.max_call: found an unknown key, expected one of max_calls, max_tokens"),
        ({"budget": {"max_calls": 0}}, "budget.max_calls: found 0: "),
        ({"model": {"price": {"prompt": 1.0}}}, "price.completion: found nothing, expected this key"),
        ({"model": {"price": {**PRICE, "reply": 1.0}}}, "price.reply: found an unknown key, expected one of prompt"),
    ],
)
def test_mistakes_cost_nothing(
    changes: dict[str, dict[str, object]], told: str, tmp_path: Path, command_line: CommandLine
) -> None:
    with FakeServer(respond) as server:
        ended = command_line("run", write_experiment(tmp_path, server.base_url, **changes), "--out", tmp_path / "out")
        assert (ended.code, server.calls) == (2, 0)
        assert told in ended.err
