"""What answering costs, by hand: prices per million tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rageval.io.run_folder import RunFolder
from rageval.models.budget import Price
from rageval.scores.baselines import pin, read_baseline
from rageval.scores.reading import read_run_folder
from rageval.scores.spending import UnknownCostError, cost_of, folder_spending, read_spending
from rageval.types import Failure, Response, Step, Usage
from tests.unit.sides import write_run

LARGE: dict[str, Any] = {"prompt": 1.0, "completion": 4.0, "cached": 0.1}
RANK: dict[str, Any] = {"prompt": 0.5, "completion": 0.0, "cached": None}
USAGE = Usage(calls=2, prompt_tokens=1000, completion_tokens=100, cached_tokens=600)


def prices(models: dict[str, Any], steps: dict[str, list[str]], **changes: Any) -> dict[str, Any]:
    return {"models": models, "steps": steps, "embedder": None, "outside": False, "recorded": False, **changes}


def folder(path: Path, kept: dict[str, Any] | None, **outcomes: Response | Failure) -> RunFolder:
    made = RunFolder(write_run(path, {"map": [0.5] * 3}, **({} if kept is None else {"prices": kept})))
    for question, outcome in outcomes.items():
        made.add_outcome(question, outcome)
    return made


def of(made: RunFolder) -> Any:
    return folder_spending(made, made.manifest())


def test_alone_all_prompt_tokens_count_in_full_and_paid_ones_have_the_cached_price() -> None:
    """1,000 at 1 and 100 at 4 are 1,400 millionths; 600 of the prompt tokens at 0.1 make 400 + 60 + 400 = 860."""
    price = Price(1.0, 4.0, 0.1)
    assert cost_of(USAGE, {"large": price}) == pytest.approx(0.0014)
    assert cost_of(USAGE, {"large": price}, Price.cost) == pytest.approx(0.00086)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"large": None}, "no price of large"),
        ({"large": Price(1, 4), "small": Price(0.1, 0.4)}, "large, small have different prices"),
        ({}, "no price of the model"),
    ],
)
def test_what_is_not_known_is_never_0(asked: dict[str, Price | None], told: str) -> None:
    with pytest.raises(UnknownCostError, match=told):
        cost_of(USAGE, asked)
    assert cost_of(Usage(), asked) == 0.0


def test_calls_without_tokens_have_no_cost_unless_the_model_is_free() -> None:
    with pytest.raises(UnknownCostError, match="reported no tokens"):
        cost_of(Usage(calls=1), {"large": Price(1, 4)})
    assert cost_of(Usage(calls=1), {"large": Price(0, 0)}) == 0.0


def test_steps_have_the_price_of_their_own_model(tmp_path: Path) -> None:
    """2,000 tokens read by the rerank model are 0.001; the rest, 1,000 and 100, is 0.0014 as above."""
    rank = Usage(calls=1, prompt_tokens=2000)
    response = Response(answer="x", usage=USAGE + rank, steps=(Step("rerank", {}, rank),), latency_s=1.5)
    kept = prices({"large": LARGE, "rank": RANK}, {"": ["large"], "rerank": ["rank"]})
    found = of(folder(tmp_path, kept, q000=response, q001=Failure("E", "m")))
    assert found.costs == {"q000": pytest.approx(0.0024)}
    assert found.latencies == {"q000": 1.5}
    assert found.failed == ("q001",)


def test_an_answer_partly_from_the_cache_has_a_cost_and_no_latency(tmp_path: Path) -> None:
    cached = Usage(calls=1, cached_calls=1, prompt_tokens=1000, free_calls=1, free_prompt_tokens=1000)
    found = of(folder(tmp_path, prices({"large": LARGE}, {"": ["large"]}), q000=Response(usage=cached, latency_s=0.1)))
    assert found.costs == {"q000": pytest.approx(0.001)}
    assert (found.latencies, found.cached) == ({}, ("q000",))


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        (None, "before prices were kept"),
        (prices({"large": None}, {"": ["large"]}), "no price of large"),
        (prices({}, {"": []}, outside=True), "asks models by itself"),
        (prices({}, {"": []}, recorded=True), "recorded elsewhere"),
    ],
)
def test_a_run_says_why_its_costs_are_not_known(kept: dict[str, Any] | None, told: str, tmp_path: Path) -> None:
    found = of(folder(tmp_path, kept, q000=Response(usage=USAGE, latency_s=1.0)))
    assert found.costs == {}
    assert told in found.unknown
    assert found.latencies == ({} if kept and kept["recorded"] else {"q000": 1.0})


def test_a_baseline_keeps_costs_and_latencies(tmp_path: Path) -> None:
    kept = prices({"large": LARGE}, {"": ["large"]})
    folder(tmp_path / "run", kept, q000=Response(usage=USAGE, latency_s=1.5), q001=Failure("E", "m"))
    run = read_run_folder(tmp_path / "run")
    pin(run, tmp_path / "base.json")
    baseline = read_baseline(tmp_path / "base.json")
    assert baseline.spending == read_spending(run)
    assert baseline.only({"q001"}).spending == read_spending(run).only({"q001"})
