"""Contexts with a chosen share of noise, and the experiments that are made of them."""

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from rageval.errors import DeclarationError
from rageval.experiment.plan import load_experiment
from rageval.pipeline import Pipeline, Query, Resources, State
from rageval.retrieval import BM25, SentenceChunker
from rageval.retrieval.mixing import MixPassages
from rageval.types import Benchmark, Document, Question, RelevanceLabel, Response

QUESTION = Question("q", "What is it?")
NOBODY = {"provider": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "m"}  # nothing listens there
EXPERIMENTS = Path(__file__).parents[3] / "benchmarks" / "abilities"
FALSE = {"kind": "counterfactual"}
# Question q has relevant documents p0 to p5, irrelevant n0 to n5 and counterfactual w0 to w5.
RGB = tuple(
    Document(f"{letter}{i}", f"Text {letter}{i}.", metadata=FALSE if letter == "w" else {})
    for letter in "pnw"
    for i in range(6)
)
RGB_LABELS = tuple(RelevanceLabel("q", document.id, int(document.id[0] == "p")) for document in RGB)
OTHERS = (Document("o", "What is it? Text of others."), Document("ow", "What is it? False.", metadata=FALSE))
OTHERS_LABELS = (RelevanceLabel("other", "o", 0), RelevanceLabel("other", "ow", 0))


def mix(
    stage: MixPassages,
    documents: tuple[Document, ...] = (*OTHERS, *RGB),
    labels: tuple[RelevanceLabel, ...] = (*OTHERS_LABELS, *RGB_LABELS),
    question: Question = QUESTION,
) -> Response:
    state = State(question, (Query(question.text),))
    return asyncio.run(stage.run(state, Resources(documents, labels=labels))).response


def names(response: Response) -> list[str]:
    return [hit.passage.doc_id for hit in response.hits]


def counts(response: Response) -> tuple[object, ...]:
    (step,) = response.steps
    assert step.name == "mix_passages"
    assert list(step.detail) == ["relevant", "counterfactual", "noise"]
    return tuple(step.detail.values())


@pytest.mark.parametrize(
    ("noise", "k", "expected"),
    [
        (0.0, 5, "p0 p1 p2 p3 p4"),
        (0.2, 5, "p0 p1 p2 p3 n0"),
        (0.4, 5, "p0 p1 p2 n0 n1"),
        (0.6, 5, "p0 p1 n0 n1 n2"),
        (0.8, 5, "p0 n0 n1 n2 n3"),
        (1.0, 5, "n0 n1 n2 n3 n4"),
        (0.66, 3, "p0 n0 n1"),
        (0.25, 4, "p0 p1 p2 n0"),
        (0.1, 4, "p0 p1 p2 p3"),
        # Six relevant documents: noise takes the place of the seventh and eighth.
        (0.0, 8, "p0 p1 p2 p3 p4 p5 n0 n1"),
        # Six irrelevant ones: there is no seventh, and nothing relevant in its place.
        (1.0, 7, "n0 n1 n2 n3 n4 n5"),
    ],
)
def test_the_share_of_noise(noise: float, k: int, expected: str) -> None:
    response = mix(MixPassages(k, noise))
    assert names(response) == expected.split()
    assert counts(response) == (expected.count("p"), 0, expected.count("n"))
    assert [hit.score for hit in response.hits] == [float(name[0] == "p") for name in names(response)]
    assert sorted(response.context) == list(range(len(response.hits)))


def test_counterfactual_passages_stand_in_for_the_relevant_ones() -> None:
    response = mix(MixPassages(5, 0.4, counterfactual=True))
    assert names(response) == ["w0", "w1", "w2", "n0", "n1"]
    assert counts(response) == (0, 3, 2)


def test_a_question_without_counterfactual_passages_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"no counterfactual passage for question 'q'.*rgb:zh_fact\.json"):
        mix(MixPassages(counterfactual=True), labels=(*OTHERS_LABELS, RelevanceLabel("q", "p0", 1)))


def test_the_order_is_shuffled_and_the_same_every_time() -> None:
    def order(seed: int, question_id: str = "q", noise: float = 0.4) -> tuple[str, ...]:
        labels = tuple(replace(label, question_id=question_id) for label in RGB_LABELS)
        response = mix(MixPassages(5, noise, seed=seed), labels=labels, question=Question(question_id, "What is it?"))
        return tuple(passage.doc_id for passage in response.context_passages)

    orders = [order(seed) for seed in range(300)]
    assert orders == [order(seed) for seed in range(300)]
    assert {frozenset(one) for one in orders} == {frozenset({"p0", "p1", "p2", "n0", "n1"})}
    # Of 120 orders, 300 draws miss about 10; each passage is first about 60 times (standard deviation 7).
    assert len(set(orders)) > 90
    assert all(32 < times < 88 for times in Counter(one[0] for one in orders).values())
    assert len({order(0, f"q{i}") for i in range(20)}) > 10
    common = {"p0", "p1", "n0", "n1"}
    assert [n for n in order(5, noise=0.4) if n in common] == [n for n in order(5, noise=0.6) if n in common]


def test_the_higher_grade_goes_first_then_the_language_of_the_question() -> None:
    documents = (
        Document("zh-a", "甲文。", language="zh"),
        Document("en-low", "Low."),
        Document("en-a", "Alpha."),
        Document("zh-b", "乙文。", language="zh"),
    )
    labels = tuple(RelevanceLabel("q", d.id, 1 if d.id == "en-low" else 2) for d in documents)
    assert names(mix(MixPassages(9), documents, labels)) == ["en-a", "zh-a", "zh-b", "en-low"]
    chinese = Question("q", "甲？", "zh")
    assert names(mix(MixPassages(9), documents, labels, chinese)) == ["zh-a", "zh-b", "en-a", "en-low"]


def test_the_evidence_is_the_labelled_span() -> None:
    documents = (Document("a", "检索增强。生成答案。向量索引。"),)
    response = mix(MixPassages(1, index=BM25(SentenceChunker(8))), documents, (RelevanceLabel("q", "a", 1, 5, 10),))
    assert [passage.text for passage in response.context_passages] == ["生成答案。"]


def test_near_noise_where_no_document_is_labelled_irrelevant() -> None:
    documents = (
        Document("far", "Rivers run to the sea."),
        Document("near", "The index of a library lists titles. Rivers have none."),
        Document("nearest", "An inverted index is an index that lists postings."),
        Document("evidence", "An inverted index maps words to documents."),
        Document("also", "The inverted index again."),
        Document("foreign", "inverted index 倒排索引", language="zh"),
        Document("false", "The inverted index is a fruit.", metadata=FALSE),
    )
    labels = (
        RelevanceLabel("q", "evidence", 2),
        RelevanceLabel("q", "also", 1),
        RelevanceLabel("q2", "near", 0),
        RelevanceLabel("q2", "nearest", 1),
    )
    question = Question("q", "What is an inverted index?")
    # "far" shares no word with the question.
    assert names(mix(MixPassages(5, 0.4), documents, labels, question)) == ["evidence", "also", "nearest", "near"]
    assert names(mix(MixPassages(1, 1.0), documents, labels, question)) == ["nearest"]
    unlabelled = replace(question, id="q3")
    found = names(mix(MixPassages(9), documents, labels, unlabelled))
    assert sorted(found) == ["also", "evidence", "near", "nearest"]


def test_nothing_to_be_found_is_an_empty_context() -> None:
    response = mix(MixPassages(), (Document("a", "Text."),), (), Question("q", "Unknown words"))
    assert (response.hits, response.context) == ((), ())
    assert counts(response) == (0, 0, 0)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"k": 0}, "k: found 0, expected at least 1"),
        ({"noise": 1.01}, "noise: found 1.01, expected a share from 0 to 1"),
        ({"noise": -0.1}, "noise: found -0.1"),
        ({"noise": float("nan")}, "noise: found nan"),
    ],
)
def test_settings_out_of_range(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem):
        MixPassages(**settings)


def contexts(pipeline: Pipeline, benchmark: Benchmark, questions: tuple[Question, ...]) -> Counter[tuple[object, ...]]:
    async def run() -> Counter[tuple[object, ...]]:
        resources = Resources(benchmark.documents, labels=benchmark.labels)
        return Counter([counts(await pipeline.answer(q, resources, generate=False)) for q in questions])

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("noise_robustness", [{(1, 0, n): 40} for n in range(5)]),
        ("negative_rejection", [{(0, 0, 5): 24}]),
        ("information_integration", [{(3, 0, n): 24, (2, 0, n + 1): 8} for n in range(3)]),
        ("counterfactual_robustness", [{(2, 0, 0): 24}, {(0, 2, 0): 24}]),
    ],
)
def test_the_ready_experiments_ask_what_they_say(
    name: str, expected: list[dict[tuple[object, ...], int]], tmp_path: Path
) -> None:
    path = EXPERIMENTS / f"{name}.yaml"
    given = yaml.safe_load(path.read_text(encoding="utf-8"))
    if given["benchmark"].startswith("rgb:"):
        given["benchmark"] = f"rgb:{EXPERIMENTS / given['benchmark'].removeprefix('rgb:')}"
    copy = tmp_path / path.name
    copy.write_text(yaml.safe_dump({**given, "models": {"chat": NOBODY}}))
    with load_experiment(copy, tmp_path) as experiment:
        pass
    assert [str(metric) for metric in experiment.metrics] == given["metrics"]
    found = [contexts(pipeline, experiment.benchmark, experiment.questions) for pipeline in experiment.pipelines]
    assert found == expected


def test_all_ready_experiments_are_tried_and_described() -> None:
    described = (EXPERIMENTS / "README.md").read_text(encoding="utf-8")
    assert sorted(path.stem for path in EXPERIMENTS.glob("*.yaml")) == [
        "counterfactual_robustness",
        "information_integration",
        "negative_rejection",
        "noise_robustness",
    ]
    for path in EXPERIMENTS.iterdir():
        assert path.name == "README.md" or path.name in described
