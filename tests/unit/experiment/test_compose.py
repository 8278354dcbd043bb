"""Pipelines composed of stages in an experiment file: what they become, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rageval.errors import DeclarationError
from rageval.experiment.choose_pipelines import choose_pipeline, choose_pipelines
from rageval.experiment.grid import grid_entries
from rageval.experiment.stages import STAGES
from rageval.generation import Adaptive, Answer, AnswerFromMemory, Corrective, StepBack, SubQuestions
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


STAGED = [{"retrieve": {"retriever": "bm25"}}, {"rerank": {"keep": 3}}, {"budget": 500}]


@pytest.mark.parametrize(
    ("changes", "stages"),
    [
        ({"retrieve.k": 7}, (Retrieve(BM25(), k=7), Rerank(Pointwise(), 3), Budget(500))),
        ({"rerank": None}, (Retrieve(BM25()), Budget(500))),
        ({"rerank": None, "rerank.keep": 9}, (Retrieve(BM25()), Budget(500))),
        ({"rerank": {"keep": 1}}, (Retrieve(BM25()), Rerank(Pointwise(), 1), Budget(500))),
        ({"rerank": "pointwise"}, (Retrieve(BM25()), Rerank(Pointwise(), 5), Budget(500))),
        ({"budget.tokens": 90}, (Retrieve(BM25()), Rerank(Pointwise(), 3), Budget(90))),
        ({"chunk": "headings"}, (Retrieve(BM25(HeadingChunker())), Rerank(Pointwise(), 3), Budget(500))),
    ],
)
def test_changes_by_name(changes: dict[str, Any], stages: tuple[Stage, ...]) -> None:
    assert composed(stages=STAGED, set=changes) == Chain(stages)


def test_stages_hold_stages() -> None:
    """The pipeline's chunker reaches the searches inside, also those that are not written down."""
    chunker = HeadingChunker(256)
    found = composed(
        chunk={"headings": {"tokens": 256}},
        stages=[
            {
                "adaptive": {
                    "none": ["answer_from_memory"],
                    "several": [
                        {"retrieve": {"retriever": "bm25"}},
                        {"corrective": {"search": [{"retrieve": {"k": 3}}]}},
                    ],
                }
            }
        ],
    )
    both = (BM25(chunker), Dense(chunker))
    assert isinstance(found, Chain)
    (stage,) = found.stages
    assert isinstance(stage, Adaptive)
    assert stage.none == Chain((AnswerFromMemory(),))
    assert stage.one == Retrieve(both) >> Answer()
    assert isinstance(stage.several, Chain)
    first, second = stage.several.stages
    assert first == Retrieve(BM25(chunker))
    assert isinstance(second, Corrective)
    assert stage.indexes() == (*both, BM25(chunker), *both)


def test_a_sweep_changes_a_composed_pipeline() -> None:
    sweep = {"pipeline": [{"mine": {"stages": STAGED}}], "rerank": [None, "pointwise"], "retrieve.k": [5, 9]}
    found = choose_pipelines(grid_entries(sweep, [{"rerank": None, "retrieve.k": 9}]), Path())
    assert [one.label for one in found] == [
        "mine(rerank=None, retrieve.k=5)",
        "mine(rerank=pointwise, retrieve.k=5)",
        "mine(rerank=pointwise, retrieve.k=9)",
    ]
    assert found[0].stage == Chain((Retrieve(BM25()), Budget(500)))
    assert found[1].params == {"rerank": "pointwise", "retrieve.k": 5}


def test_a_sweep_over_recipes_with_settings() -> None:
    entries = grid_entries({"pipeline": ["naive", {"naive": {"k": 3}}], "retriever": ["bm25"]}, [])
    assert entries == [{"naive": {"retriever": "bm25"}}, {"naive": {"k": 3, "retriever": "bm25"}}]


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
        (
            {"stages": ["retrieve"], "stage": 1},
            "mine: found the key 'stage', expected some of chunk, stages, set",
        ),
        ({"stages": ["retrieve"], "set": [1]}, r"mine\.set: found \[1\], expected names with values"),
        ({"stages": ["retrieve"], "set": {"rerank.keep": 1}}, r"set\.rerank\.keep: found no such stage, expected one"),
        ({"stages": ["retrieve"] * 2, "set": {"retrieve.k": 1}}, r"set\.retrieve\.k: found the stage more than once"),
        ({"stages": ["retrieve"], "set": {"retrieve": None}}, r"found a pipeline without stages"),
        ({"stages": ["retreive"]}, r"pipelines\.mine\.stages\.1: found 'retreive'.*did you mean retrieve"),
        ({"stages": ["retrieve", {"rerank": {"by": "x"}}]}, r"stages\.2\.rerank\.by: found 'x'"),
        ({"stages": [{"retrieve": {"kk": 2}}]}, r"stages\.1\.retrieve: found the setting 'kk'.*did you mean k"),
        ({"stages": [{"retrieve": {}, "answer": {}}]}, r"stages\.1: found .* expected the name of a stage"),
        ({"stages": [3]}, r"stages\.1: found 3, expected the name of a stage"),
        ({"stages": [{"step_back": 3}, "retrieve"]}, r"stages\.1\.step_back\.prompt: found 3, expected the path"),
        ({"stages": ["retrieve", {"order": "middle"}]}, r"stages\.2\.order\.by: found 'middle'"),
        ({"stages": ["retrieve", {"budget": 0}]}, r"stages\.2\.budget\.tokens: found 0, expected at least 1"),
        ({"stages": ["answer"]}, r"stages\.1: found Answer before any passages are found, expected retrieve"),
        ({"stages": ["step_back", "order", "retrieve"]}, r"stages\.2: found Order before any passages"),
        (
            {"stages": [{"adaptive": {"one": "answer"}}]},
            r"stages\.1\.adaptive\.one: found 'answer', expected a list of",
        ),
        ({"stages": [{"adaptive": {"one": []}}]}, r"stages\.1\.adaptive\.one: found \[\], expected a list of stages"),
        ({"stages": [{"adaptive": {"one": ["answer"]}}]}, r"adaptive\.one\.1: found Answer before any passages"),
        ({"stages": [{"adaptive": {"one": ["x"]}}]}, r"stages\.1\.adaptive\.one\.1: found 'x'"),
        ({"stages": ["corrective"]}, r"stages\.1: found Corrective before any passages"),
        (
            {"stages": ["retrieve", {"subgraph": {"triples": "none.jsonl"}}]},
            r"subgraph\.triples: none\.jsonl cannot be",
        ),
        ({"stages": [{"retrieve": {"retriever": {"graph": {"damping": 2}}}}]}, r"graph\.damping: found 2\.0"),
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
