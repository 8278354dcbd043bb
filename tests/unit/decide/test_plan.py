"""Plans: the spread of earlier runs, what is assumed without them, costs in proportion, and text of 80 columns."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rageval.decide.plan import Aim, SizePlan, plan_size
from rageval.decide.plan_costs import Measured, Prices, cost_of, measure, prices_of
from rageval.decide.spread import find_spreads
from rageval.errors import DeclarationError, NotComparableError
from rageval.experiment.estimate import CostEstimate
from rageval.experiment.plan import Experiment, plan
from rageval.experiment.spec import Models, OpenAIModel, PricePart, Spec
from rageval.io.records import usage_to_json
from rageval.metrics import Metric
from rageval.models.budget import Price
from rageval.pipeline import Bound
from rageval.report.plan import plan_printout
from rageval.report.tables.terminal import terminal_text
from rageval.stats import gate_power, required_questions
from rageval.types import Usage
from tests.conftest import CommandLine
from tests.flow.judged_run import JudgedRun, fill, read_sheet
from tests.flow.small_world import write_benchmark

RELEVANCE = Metric("answer_relevance")


@pytest.fixture
def experiment(tmp_path: Path) -> Iterator[Experiment]:
    """Six questions, four of them with relevance labels; a pipeline without a model."""
    write_benchmark(tmp_path / "small")
    spec = Spec(benchmark="small", pipelines=({"naive": {"retriever": "bm25"}},), metrics=("ndcg@10", "recall@2"))
    with plan(spec, name="x", base=tmp_path, cache=tmp_path / "cache") as found:
        yield found


def sizes(experiment: Experiment, **changes: Any) -> SizePlan:
    aim = Aim(**{"difference": 0.05, **changes.pop("aim", {})})
    return plan_size(experiment, aim, **changes)


def test_without_runs_two_assumptions_are_stated(experiment: Experiment) -> None:
    """Of six questions the four with labels count, for one metric at 5% and for two at 2.5%."""
    one = sizes(experiment, metrics=["ndcg@10"])
    assert [(each.spread.name, each.spread.sd, each.spread.origin) for each in one.plans] == [
        ("typical", 0.25, "assumed"),
        ("worst case", 0.5, "assumed"),
    ]
    for each in one.plans:
        assert each.comparison is not None
        needed = required_questions(0.05, each.spread.sd)
        assert each.comparison.questions == math.ceil(needed * 6 / 4)
        assert each.comparison.missing(one.asked) == math.ceil(needed * 6 / 4) - 6
        assert each.gate is None
        assert each.comparison.shows is None  # four questions have no p-value of 0.05
    both = sizes(experiment)
    assert len(both.plans) == 4
    first = both.plans[0].comparison
    assert first is not None
    assert first.questions == math.ceil(required_questions(0.05, 0.25, tests=2) * 6 / 4)


def test_every_metric_of_a_gate_has_its_own_level(experiment: Experiment) -> None:
    found = sizes(experiment, aim={"difference": None, "margin": 0.1}, sd=0.2)
    for each in found.plans:
        assert each.comparison is None
        assert each.gate is not None
        assert each.gate.questions == math.ceil(required_questions(0.0, 0.2, margin=0.1) * 6 / 4)
        assert each.gate.shows is not None
        assert gate_power(0.0, 0.2, 4, margin=each.gate.shows) == pytest.approx(0.8, abs=1e-6)


def test_repeats_divide_the_share_within_questions(experiment: Experiment) -> None:
    found = sizes(experiment, metrics=["ndcg@10"], sd=0.3, aim={"within": 0.4, "repeats": 3})
    (each,) = found.plans
    assert each.comparison is not None
    assert found.aim.sd(each.spread) == pytest.approx(0.3 * math.sqrt(0.6 + 0.4 / 3))
    by_repeats = dict(each.repeats)
    assert by_repeats[3] == each.comparison.questions
    assert by_repeats[1] == math.ceil(required_questions(0.05, 0.3) * 6 / 4)
    answers = [number * questions for number, questions in each.repeats if questions is not None]
    assert answers == sorted(answers)
    assert found.costs[0].repeats == 3


def test_two_runs_show_the_spread_of_their_differences(tmp_path: Path, experiment: Experiment) -> None:
    """The second judge is graded, so the same questions have other scores."""
    runs = [JudgedRun(tmp_path / "a", unscored=30), JudgedRun(tmp_path / "b", graded=True, unscored=30)]
    (spread,) = find_spreads(experiment, [RELEVANCE], [str(run.folder.path) for run in runs])
    d = np.array([runs[1].judged[question] - runs[0].judged[question] for question in sorted(runs[0].judged)])
    assert spread.origin == "paired runs"
    assert spread.sd == pytest.approx(d.std(ddof=1))
    assert spread.skewness == pytest.approx(((d - d.mean()) ** 3).mean() / d.std() ** 3)
    assert (spread.scored, spread.per_unit, spread.binary) == (0.9, 1.0, False)


def test_one_run_and_a_stated_correlation(tmp_path: Path, experiment: Experiment) -> None:
    run = JudgedRun(tmp_path / "a")
    sd = np.std([*run.judged.values()], ddof=1)
    for correlation, factor in ((None, 1.0), (0.875, 0.5)):
        (spread,) = find_spreads(experiment, [RELEVANCE], [str(run.folder.path)], correlation=correlation)
        assert spread.sd == pytest.approx(factor * sd)
        assert spread.how.endswith(f"correlation of two systems {correlation or 0.5:g}, assumed")
    assert spread.labels.correlation is None
    assert spread.labels.mean == pytest.approx(np.mean([*run.judged.values()]))


def test_attached_labels_show_how_good_the_judge_is(
    tmp_path: Path, experiment: Experiment, command_line: CommandLine
) -> None:
    run = JudgedRun(tmp_path / "a")
    for n, known in ((9, False), (60, True)):
        sheet = tmp_path / f"{n}.jsonl"
        asked = ("sample", run.folder.path, "--metric", run.name, "-n", n, "--out", sheet)
        assert command_line(*asked).code == 0
        fill(sheet, run.gold.get)
        assert command_line("label", run.folder.path, sheet).code == 0
        (spread,) = find_spreads(experiment, [RELEVANCE], [str(run.folder.path)])
        assert (spread.labels.correlation is not None) == known
    labelled = [row["question_id"] for row in read_sheet(tmp_path / "60.jsonl")]
    people, judge = ([of[question] for question in labelled] for of in (run.gold, run.judged))
    assert spread.labels.correlation == pytest.approx(np.corrcoef(people, judge)[0, 1])
    assert spread.labels.sd == pytest.approx(np.std(people, ddof=1))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"aim": {"difference": None}}, "--detect, --margin"),
        ({"aim": {"difference": 1.0}}, "--detect: found 1"),
        ({"aim": {"margin": 0.0}}, "--margin: found 0"),
        ({"aim": {"power": 1.5}}, "--power: found 1.5"),
        ({"aim": {"repeats": 3}}, "--repeats: found 3 without --within"),
        ({"aim": {"repeats": 0}}, "--repeats: found 0"),
        ({"aim": {"within": 2.0}}, "--within: found 2"),
        ({"aim": {"sample": 0}}, "--labels: found 0"),
        ({"aim": {"correlation": 2.0}}, "--judge-correlation: found 2"),
        ({"metrics": ["map"]}, "--metric: found map, expected one of the experiment: ndcg@10, recall@2"),
        ({"sd": 0.0}, "--sd: found 0,"),
        ({"sd": 0.1, "like": ["run"]}, "--sd: found it with --like"),
        ({"correlation": 0.5}, "--correlation: found 0.5 with 0 runs"),
        ({"cluster_by": "document"}, "--cluster-by: found 0 runs"),
        ({"like": ["a", "b", "c"]}, "--like: found 3 runs"),
    ],
)
def test_refuses(experiment: Experiment, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        sizes(experiment, **changes)


def test_refuses_runs_without_the_metric(tmp_path: Path, experiment: Experiment) -> None:
    path = str(JudgedRun(tmp_path / "a").folder.path)
    for like in ([path], [path, path]):
        with pytest.raises(NotComparableError, match=r"found no ndcg@10, expected it beside answer_relevance"):
            sizes(experiment, like=like)


ESTIMATE = CostEstimate("p", 25, 65, 2100, (), Bound(5, 100), Bound(20, 1000), Bound(40, 1000))
UNKNOWN = CostEstimate("q", 20, None, None, ("why",), Bound(), Bound(None, None), Bound(40, 1000))


def test_costs_grow_with_questions_and_repeats() -> None:
    """Ten questions take 20 calls and 5 for the index, which is built once; 30 answers take 65 and at most 185."""
    prices = Prices(Price(1.0, 5.0), Price(2.0, 5.0))
    cost = cost_of([ESTIMATE], 15, 10, prices, repeats=2)
    assert (cost.low, cost.high, cost.prompt_tokens) == (65, 185, 6100)
    assert cost.money == pytest.approx((3100 * 1.0 + 3000 * 2.0) / 1e6)
    assert cost_of([ESTIMATE], 10, 10, Prices(Price(1.0, 5.0))).money is None
    several = cost_of([ESTIMATE, UNKNOWN], 10, 10, prices)
    assert (several.low, several.high, several.prompt_tokens, several.money) == (45, None, None, None)


def test_measured_costs() -> None:
    usages = Usage(2, prompt_tokens=100), Usage(10, prompt_tokens=800, completion_tokens=200), Usage(0)
    took = Measured("r", 10, *usages)
    assert (took.calls(30), took.tokens(30)) == (32.0, 3100.0)
    assert took.money(30, Prices(Price(1.0, 2.0))) == pytest.approx((100 + 3 * (800 + 400)) / 1e6)
    assert took.money(30, Prices(None, Price(1.0, 2.0))) is None


def test_measures_folders_alone(tmp_path: Path) -> None:
    run = JudgedRun(tmp_path / "a", n=20)
    run.write_manifest(
        usage={
            "answering": usage_to_json(Usage(20)),
            "indexing": usage_to_json(Usage()),
            "some judge": usage_to_json(Usage(40)),
        }
    )
    found = measure(str(run.folder.path))
    assert found is not None
    assert (found.questions, found.calls(10)) == (20, 30.0)
    assert measure("main") is None


def test_prices_of_several_judges_are_their_mean() -> None:
    dear, cheap = (
        OpenAIModel(provider="openai", base_url="http://x/v1", model="m", price=PricePart(prompt=p, completion=2 * p))
        for p in (3.0, 1.0)
    )
    spec = Spec(benchmark="handbook", pipelines=("naive",), metrics=("map",), models=Models(chat=dear))
    assert prices_of(spec) == Prices(Price(3.0, 6.0), Price(3.0, 6.0))
    panel = spec.model_copy(update={"models": Models(judge=(dear, cheap))})
    assert prices_of(panel) == Prices(Price(0.0, 0.0), Price(2.0, 4.0))
    unpriced = cheap.model_copy(update={"price": None})
    assert prices_of(spec.model_copy(update={"models": Models(chat=unpriced)})) == Prices()


def test_text_of_80_columns(experiment: Experiment) -> None:
    found = sizes(experiment, aim={"margin": 0.02, "within": 0.3}, metrics=["ndcg@10", "recall@2"])
    lines = terminal_text(plan_printout(found), 80).splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.split() == ["metric", "sd", "questions", "missing", "6", "give"] for line in lines)
    assert "The experiment asks no chat model." in lines
    json.dumps(found.to_json(), allow_nan=False)
