"""docs/judges.md: its tables are those of the registries, and every metric has one paragraph that cites its source."""

import re
from pathlib import Path

import pytest

import rageval
from rageval.experiment.choose_judges import RubricFile, WordingPart
from rageval.judges.rubric import FEWEST_LEVELS, MOST_LEVELS, SHOWN
from rageval.metrics import ALL_METRICS, MetricDefinition
from rageval.models.scripted import ScriptedChat
from rageval.text.languages import LANGUAGES, is_language
from tests.docs.judges_page import PAGE, judges_of, with_tables
from tests.flow.small_world import write_benchmark

TEXT = PAGE.read_text(encoding="utf-8")
METRICS = {metric.name: metric for metric in ALL_METRICS}
EXPLAINED = [metric for metric in ALL_METRICS if metric.kind != "ranking"]

_SECTION = re.compile(r"^### (.+)\n((?:(?!##).*\n?)*)", re.MULTILINE)
_WORK = re.compile(r"\b[A-Z]\w+(?: et al\.| and \w+)? \d{4}\b")


def sections() -> list[tuple[list[str], str]]:
    """The names in each heading, arrows included, and what stands below it."""
    return [(heading.split(", "), body.strip()) for heading, body in _SECTION.findall(TEXT)]


def test_the_tables_are_those_of_the_registries() -> None:
    assert with_tables(TEXT) == TEXT, "run python -m tests.docs.judges_page"


def test_headings_name_metrics_with_their_direction() -> None:
    found = sections()
    assert len(found) == TEXT.count("\n### ")
    for names, _ in found:
        for name in names:
            assert name.removesuffix(" ↓") in METRICS, name
            assert METRICS[name.removesuffix(" ↓")].lower_is_better == name.endswith(" ↓"), name


@pytest.mark.parametrize("metric", EXPLAINED, ids=lambda metric: metric.name)
def test_every_metric_has_one_paragraph_with_its_judges_and_its_source(metric: MetricDefinition) -> None:
    """The work that the registry names is cited; a metric of our own is said to be ours."""
    bodies = [body for names, body in sections() if metric.name in [name.removesuffix(" ↓") for name in names]]
    assert len(bodies) == 1
    (body,) = bodies
    assert body
    assert "\n\n" not in body
    text = " ".join(body.split())
    for judge in judges_of(metric):
        assert f"`{judge}`" in text or judge == metric.name, judge
    for source in [r"\b[Oo]urs\b"] if metric.source == "rageval" else cited(metric.source):
        assert re.search(source, text), source


def cited(source: str) -> list[str]:
    """The works with their years (`Es et al. 2023`), as patterns; where there is none, the tool, which comes first."""
    return [re.escape(work) for work in _WORK.findall(source) or source.split()[:1]]


_RUBRIC = TEXT.partition("## A rubric of your own\n")[2].partition("\n## ")[0]


def test_the_rubric_runs_as_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model finds every answer neutral, the second of three levels: a half."""
    monkeypatch.chdir(tmp_path)
    write_benchmark(tmp_path / "benchmark")
    blocks = dict(re.findall(r"^```(\w+)\n(.*?)^```$", _RUBRIC, flags=re.MULTILINE | re.DOTALL))
    Path("tone.yaml").write_text(blocks["yaml"], encoding="utf-8")
    levels = ("1. rude\n2. neutral\n3. polite", "1. 粗鲁\n2. 一般\n3. 礼貌")
    model = ScriptedChat(lambda r: "2" if any(w in r.messages[-1].content for w in levels) else "It is 40 m deep.")
    names = {"model": model}
    exec(blocks["python"], names)
    result = names["result"]
    assert isinstance(result, rageval.Result)
    estimate = result["naive(retriever=bm25)"]["custom.tone"]
    assert estimate is not None
    assert (estimate.point, estimate.n) == (0.5, 6)
    asked = [request.messages[-1].content for request in model.requests]
    for language, words in (("en", "How polite is the answer?"), ("zh", "答案有多礼貌？")):
        assert any(words in text for text in asked), language


def test_the_keys_of_a_rubric_are_all_explained() -> None:
    cells = re.findall(r"^\| (`.*?) \| (.*) \|$", _RUBRIC, flags=re.MULTILINE)
    explained = {name for cell, _ in cells for name in re.findall(r"`(\w+)`", cell)}
    assert {*LANGUAGES} <= explained
    keys = {name for name in explained if not is_language(name)}
    assert keys == {*RubricFile.model_fields, *WordingPart.model_fields} - {"wordings"}
    meanings = dict(cells)
    assert f"{FEWEST_LEVELS} to {MOST_LEVELS} levels" in meanings["`levels`"]
    assert re.findall(r"`(\w+)`", meanings["`shows`"]) == [*SHOWN]
