from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rageval.experiment.estimate import estimate_cost
from rageval.experiment.plan import Experiment, load_experiment
from rageval.generation import AnswerFromMemory
from tests.flow.small_world import METRICS, write_experiment

NOBODY = "http://127.0.0.1:9/v1"  # nothing listens there, and nothing is asked
RANKING = ["ndcg@10", "map"]


class Planner:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._planned: list[Experiment] = []

    def __call__(self, **changes: Any) -> Experiment:
        path = write_experiment(self._folder, NOBODY, **changes)
        self._planned.append(load_experiment(path, self._folder / "cache"))
        return self._planned[-1]

    def close(self) -> None:
        for planned in self._planned:
            planned.__exit__()


@pytest.fixture
def plan(tmp_path: Path) -> Iterator[Planner]:
    planner = Planner(tmp_path)
    yield planner
    planner.close()


@pytest.mark.parametrize(
    ("pipeline", "metrics", "needed"),
    [
        ({"naive": {"retriever": "bm25"}}, RANKING, set()),
        ({"naive": {"retriever": "dense"}}, RANKING, {"embed"}),
        ({"naive": {"retriever": "bm25"}}, ["faithfulness"], {"chat", "judge"}),
        ("naive", METRICS, {"chat", "embed", "judge"}),
        ({"rag_fusion": {"retriever": "bm25"}}, RANKING, {"chat"}),  # the rewritten questions
        ("hyde", RANKING, {"chat", "embed"}),
        ("multi_vector", RANKING, {"embed"}),
        ({"multi_vector": {"views": ["summaries"]}}, RANKING, {"chat", "embed"}),
        ({"self_rag": {"retriever": "bm25"}}, RANKING, {"chat"}),  # the grades of passages
        ("oracle", RANKING, set()),
        ("closed_book", ["answer_relevance"], {"chat", "judge"}),
        ({"recorded": {"path": "theirs.jsonl"}}, RANKING, set()),
        ({"recorded": {"path": "theirs.jsonl"}}, ["semantic_similarity"], {"embed"}),
        ({"recorded": {"path": "theirs.jsonl"}}, ["answer_relevance_by_questions"], {"embed", "judge"}),
        ({"recorded": {"path": "theirs.jsonl"}}, ["faithfulness"], {"judge"}),
    ],
)
def test_only_what_is_needed_is_made(
    pipeline: object, metrics: list[str], needed: set[str], plan: Planner, tmp_path: Path
) -> None:
    (tmp_path / "theirs.jsonl").write_text('{"question_id": "en-1", "answer": "2310 metres"}\n', encoding="utf-8")
    planned = plan(pipelines=[pipeline], metrics=metrics)
    made = {"chat": planned.chat, "embed": planned.embedder, "judge": planned.first_rater}
    assert {role for role, model in made.items() if model is not None} == needed


def test_what_is_not_needed_is_not_even_looked_at(plan: Planner) -> None:
    broken = {"provider": "openai", "base_url": "https://models.example/v1", "model": "m", "api_key_env": "NO_SUCH_KEY"}
    planned = plan(
        pipelines=[{"naive": {"retriever": "bm25"}}],
        metrics=RANKING,
        models={"chat": broken, "embed": broken, "judge": broken},
    )
    assert (planned.chat, planned.embedder, planned.raters) == (None, None, ())
    assert not planned.generate


def test_the_judge_is_the_chat_model_unless_given(plan: Planner) -> None:
    planned = plan(pipelines=["closed_book"], metrics=["answer_relevance"])
    assert planned.raters == (planned.chat,)
    chat = {"provider": "openai", "base_url": NOBODY, "model": "writer"}
    same = plan(pipelines=["closed_book"], metrics=["answer_relevance"], models={"chat": chat, "judge": chat})
    assert same.raters == (same.chat,)
    other = plan(
        pipelines=["closed_book"],
        metrics=["answer_relevance"],
        models={"chat": chat, "judge": {**chat, "model": "judge"}},
    )
    assert other.chat
    (judge,) = other.raters
    assert (other.chat.identity, judge.identity) == (f"writer @ {NOBODY}", f"judge @ {NOBODY}")


def test_context_relevance_alone_asks_for_no_answers(plan: Planner) -> None:
    planned = plan(pipelines=[{"naive": {"retriever": "bm25"}}], metrics=["context_relevance"])
    assert not planned.generate
    assert planned.chat is None
    assert planned.raters


def test_paths_are_relative_to_the_file(plan: Planner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    planned = plan(pipelines=["oracle"], metrics=RANKING, questions=["zh-2", "en-1"])
    assert (planned.name, planned.reference, planned.benchmark.name) == ("experiment", "small", "small")
    assert [question.id for question in planned.questions] == ["en-1", "zh-2"]


def test_judges_are_named_once_in_the_order_of_the_metrics(plan: Planner) -> None:
    planned = plan(pipelines=["closed_book"], metrics=["context_relevance", "map", "faithfulness"])
    assert [judge.name for judge in planned.judges] == ["passage_relevance", "claim_support"]
    assert planned.generate


def test_cost_of_a_naive_pipeline(plan: Planner) -> None:
    """Check and answer take 1 to 2 calls; claims, their verdicts and sources 0 to 3, the answer 0 to 1, the passages 0
    to 1, and each of these five may be asked twice.
    """
    planned = plan(pipelines=[{"naive": {"retriever": "bm25", "k": 2}}, "oracle"])
    naive, _ = estimate_cost(planned)
    assert (naive.pipeline, naive.low, naive.high) == ("naive(retriever=bm25, k=2)", 6 * 1, 6 * (2 + 2 * (3 + 1 + 1)))


def test_cost_without_generation(plan: Planner) -> None:
    bm25, fusion, views = estimate_cost(
        plan(
            pipelines=[
                {"naive": {"retriever": "bm25"}},
                "rag_fusion",
                {"multi_vector": {"views": ["summaries", "questions"]}},
            ],
            metrics=RANKING,
        )
    )
    assert (bm25.low, bm25.high, bm25.prompt_tokens) == (0, 0, 0)
    assert (fusion.low, fusion.high) == (6, 6)
    assert (views.low, views.high) == (16, 16)  # one call per passage and view


def test_a_recipe_beside_the_user_goes_before_a_shipped_one(
    plan: Planner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "naive.py").write_text(
        "from rageval.generation import AnswerFromMemory\n"
        "def build(n: int = 1): return AnswerFromMemory(max_tokens=n)\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    (pipeline,) = plan(pipelines=[{"naive": {"n": 2}}], metrics=["faithfulness"]).pipelines
    assert (pipeline.label, pipeline.stage) == ("naive(n=2)", AnswerFromMemory(max_tokens=2))
