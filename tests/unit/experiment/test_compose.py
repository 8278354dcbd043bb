"""Pipelines composed of stages in an experiment file: what they become, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rageval.errors import DeclarationError
from rageval.experiment.choose_pipelines import choose_pipeline, choose_pipelines
from rageval.experiment.stages import STAGES
from rageval.generation import Answer, StepBack, SubQuestions
from rageval.pipeline import Chain, Stage
from rageval.retrieval import BM25, Dense, HeadingChunker, Pointwise, RecursiveChunker, Rerank, Retrieve
from rageval.retrieval.context import Budget, Order

OWN = """
from dataclasses import dataclass
from rageval.pipeline import Resources, Stage, State

@dataclass(frozen=True)
class Mine(Stage):
    size: int = 1

    async def run(self, state: State, resources: Resources) -> State:
        return state
"""


def composed(base: Path = Path(), **settings: Any) -> Stage:
    return choose_pipeline({"mine": settings}, base).stage


def test_stages_in_their_order_with_their_settings() -> None:
    chunker = HeadingChunker(256)
    assert composed(
        chunk={"headings": {"tokens": 256}},
        stages=[
            "step_back",
            {"sub_questions": {"n": 2}},
            {"retrieve": {"k": 20}},
            {"rerank": None},
            {"order": "ends"},
            {"budget": 800},
            {"answer": {"cite": True}},
        ],
    ) == Chain(
        (
            StepBack(),
            SubQuestions(2),
            Retrieve((BM25(chunker), Dense(chunker)), k=20),
            Rerank(Pointwise(), 5),
            Order("ends"),
            Budget(800),
            Answer(cite=True),
        )
    )


def test_a_retrieve_with_a_chunker_of_its_own_keeps_it() -> None:
    stage = composed(
        chunk="headings",
        stages=[{"retrieve": {"retriever": "bm25", "chunker": {"recursive": {"tokens": 64}}}}],
    )
    assert stage == Chain((Retrieve(BM25(RecursiveChunker(64))),))


def test_the_users_own_stage_stands_anywhere(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")
    stage = composed(tmp_path, stages=[{"own.py:Mine": {"size": 3}}, "answer"])
    assert isinstance(stage, Chain)
    assert [type(one).__name__ for one in stage.stages] == ["Mine", "Answer"]
    assert stage.stages[0].spec() != composed(tmp_path, stages=["own.py:Mine"]).spec()


def test_a_composed_pipeline_is_called_by_its_name() -> None:
    both = choose_pipelines(
        [{"mine": {"stages": ["retrieve"]}}, {"mine": {"stages": [{"retrieve": {"k": 3}}]}}], Path()
    )
    assert [one.label for one in both] == ["mine", "mine (2)"]


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_is_built_with_its_defaults_and_described(name: str) -> None:
    stage = STAGES[name]()
    assert isinstance(stage, Stage)
    assert (STAGES[name].__doc__ or "").strip()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stages": []}, r"pipelines\.mine\.stages: found \[\], expected a list of stages"),
        ({"stages": "answer"}, r"pipelines\.mine\.stages: found 'answer', expected a list"),
        ({"stages": ["retrieve"], "stage": 1}, "pipelines.mine: found the key 'stage', expected chunk and stages"),
        ({"stages": ["retreive"]}, r"pipelines\.mine\.stages\.1: found 'retreive'.*did you mean retrieve"),
        ({"stages": ["retrieve", {"rerank": {"by": "x"}}]}, r"stages\.2\.rerank\.by: found 'x'"),
        ({"stages": [{"retrieve": {"kk": 2}}]}, r"stages\.1\.retrieve: found the setting 'kk'.*did you mean k"),
        ({"stages": [{"retrieve": {}, "answer": {}}]}, r"stages\.1: found .* expected the name of a stage"),
        ({"stages": [3]}, r"stages\.1: found 3, expected the name of a stage"),
        ({"stages": [{"step_back": 3}, "retrieve"]}, r"stages\.1\.step_back: found 3, expected no setting"),
        ({"stages": ["retrieve", {"order": "middle"}]}, r"stages\.2\.order\.by: found 'middle'"),
        ({"stages": ["retrieve", {"budget": 0}]}, r"stages\.2\.budget\.tokens: found 0, expected at least 1"),
        ({"stages": ["answer"]}, r"stages\.1: found Answer before any passages are found, expected retrieve"),
        ({"stages": ["step_back", "order", "retrieve"]}, r"stages\.2: found Order before any passages"),
        ({"stages": ["answer_from_memory"], "chunk": "headings"}, "found a chunker and no stage retrieve"),
        ({"stages": ["retrieve"], "chunk": "heading"}, "found 'heading'.*did you mean headings"),
    ],
)
def test_what_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        composed(**settings)


@pytest.mark.parametrize("name", ["naive", "pipelines/naive.py"])
def test_a_recipes_name_is_taken(name: str) -> None:
    with pytest.raises(DeclarationError, match="is a recipe, expected another name"):
        choose_pipeline({name: {"stages": ["retrieve"]}}, Path())
