"""A pipeline composed in an experiment file, from the price to the report, with a model that answers by rule."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import yaml

from rageval.prompts import load_prompt
from tests.conftest import CommandLine
from tests.flow.fake_server import FakeServer
from tests.flow.small_world import (
    DOCUMENTS,
    QUESTIONS,
    respond,
    run_folders,
    write_benchmark,
    write_experiment,
    write_lines,
)

SEEN = date(2024, 5, 7)
COMPOSED = [
    {
        "whole": {
            "chunk": {"headings": {"tokens": 64}},
            "stages": [
                "self_contained",
                "normalise",
                "read_filters",
                "sub_questions",
                "step_back",
                {"expand": {"repeat": 2}},
                {"iterate": {"steps": 2, "keep": 6, "retriever": "bm25"}},
                "feedback",
                {"retrieve": {"k": 6}},
                {"rerank": {"by": "late_interaction", "keep": 5}},
                {"rerank": {"by": {"listwise": {"window": 3, "step": 2}}, "keep": 4}},
                {"rerank": {"keep": 4}},
                {"filter": {"least": 0.1}},
                {"diversify": {"keep": 3}},
                {"to_parent": {"chunker": {"windows": {"size": 96}}, "share": 0.2}},
                {"window": {"sentences": 1, "similar": 0.2}},
                {"compress": 6},
                {"compress": {"sentences": 3, "by": "self_information"}},
                {"compress": {"sentences": 2, "by": "model"}},
                {"order": "ends"},
                {"budget": 120},
                {"answer": {"cite": True}},
            ],
        }
    },
    {
        "placed": {
            "chunk": {"sentences": {"tokens": 16}},
            "stages": [
                {
                    "retrieve": {
                        "retriever": {
                            "contextual": {
                                "index": {
                                    "weighted": {
                                        "index": ["bm25", {"multi_vector": {"views": ["titles", "key_phrases"]}}],
                                        "weights": [0.3, 0.7],
                                    }
                                }
                            }
                        }
                    }
                },
                "answer",
            ],
        }
    },
    {
        "grouped": {
            "stages": [
                {"retrieve": {"retriever": {"hierarchical": {"groups": "clusters", "by": "summary", "size": 3}}}},
                "answer",
            ],
        }
    },
    {
        "knowledge": {
            "chunk": {"sentences": {"tokens": 64}},
            "stages": [
                {"retrieve": {"retriever": ["bm25", {"graph": {"most": 2}}], "k": 3}},
                {"subgraph": {"most": 2, "hops": 2}},
                "answer",
            ],
        }
    },
    {
        "choosing": {
            "stages": [
                {
                    "adaptive": {
                        "one": [{"retrieve": {"k": 3}}, "corrective", "answer_candidates"],
                        "several": [{"iterate": {"steps": 2}}, {"answer_candidates": {"usefulness": 0.0}}],
                    }
                }
            ]
        }
    },
    {"plain": {"stages": [{"retrieve": {"retriever": "bm25", "k": 2}}, "answer"]}},
]


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(respond) as server:
        yield server


def test_it_is_priced_run_and_told_apart(tmp_path: Path, server: FakeServer, command_line: CommandLine) -> None:
    experiment = write_experiment(
        tmp_path, server.base_url, pipelines=COMPOSED, metrics=["recall@2", "answer_relevance"]
    )
    out = tmp_path / "out"
    priced = command_line("run", experiment, "--out", out, "--dry-run", "--json")
    assert priced.code == 0, priced.err
    bounds = {row["pipeline"]: row["calls"] for row in json.loads(priced.out)["runs"]}
    assert command_line("run", experiment, "--out", out).code == 0
    steps: dict[str, set[str]] = {}
    for label, folder in run_folders(out).items():
        responses = [json.loads(line) for line in (folder / "responses.jsonl").read_text("utf-8").splitlines()]
        assert len(responses) == len(QUESTIONS)
        steps[label] = {step["name"] for one in responses for step in one["steps"]}
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        answering, indexing = (manifest["usage"][kind]["calls"] for kind in ("answering", "indexing"))
        assert 0 < answering <= answering + indexing <= bounds[label]
    assert steps["whole"] >= {
        "sub_questions",
        "step_back",
        "expand_query",
        "next_thought",
        "feedback",
        "rerank",
        "answer",
    }
    assert steps["choosing"] >= {"how_many_searches", "corrective", "answer_candidates"}
    assert steps["knowledge"] >= {"subgraph", "answer"}
    assert not steps["plain"] & {"sub_questions", "step_back", "expand_query", "rerank"}


def test_metadata_filter_and_order(tmp_path: Path, server: FakeServer, command_line: CommandLine) -> None:
    stages = [
        "read_filters",
        {"retrieve": {"retriever": "bm25", "k": 3, "where": {"language": "{question.language}", "seen": {"to": SEEN}}}},
        {"recency": {"field": "seen", "weight": 1.0}},
        "answer",
    ]
    write_benchmark(tmp_path / "small")
    days = {name: f"2024-05-{n:02}" for n, name in enumerate(DOCUMENTS, start=1)}
    rows = [{"id": name, "text": text, "metadata": {"seen": days[name]}} for name, text in DOCUMENTS.items()]
    write_lines(tmp_path / "small" / "documents.jsonl", rows)
    experiment = write_experiment(tmp_path, server.base_url, pipelines=[{"mine": {"stages": stages}}])
    ended = command_line("run", experiment, "--out", tmp_path / "out")
    assert ended.code == 0, ended.err
    (folder,) = run_folders(tmp_path / "out").values()
    for line in (folder / "responses.jsonl").read_text("utf-8").splitlines():
        response = json.loads(line)
        found = [hit[0] for hit in response["hits"]]
        assert [days[name] for name in found] == sorted((days[name] for name in found), reverse=True)
        assert {DOCUMENTS[name].isascii() for name in found} <= {response["question_id"].startswith("en")}
        assert "donghu" not in found
        assert [step["name"] for step in response["steps"]][:2] == ["read_filters", "filter_documents"]


def test_a_field_that_is_nowhere_is_told_before_any_call(
    tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    mine = {"mine": {"stages": [{"retrieve": {"retriever": "bm25", "where": {"year": 2024}}}, "answer"]}}
    ended = command_line(
        "run", write_experiment(tmp_path, server.base_url, pipelines=[mine]), "--out", tmp_path / "out"
    )
    assert ended.code == 2
    assert "where.year: found a field that no document has, expected one of language" in ended.err
    assert "Traceback" not in ended.err
    assert server.calls == 0


def test_a_mistake_is_told_before_any_call(tmp_path: Path, server: FakeServer, command_line: CommandLine) -> None:
    wrong = [{"mine": {"stages": [{"retrieve": {"k": 3}}, {"rerank": {"kept": 3}}]}}]
    ended = command_line("run", write_experiment(tmp_path, server.base_url, pipelines=wrong), "--out", tmp_path / "out")
    assert ended.code == 2
    assert "pipelines.mine.stages.2.rerank: found the setting 'kept', expected one of: by, keep" in ended.err
    assert "Traceback" not in ended.err
    assert server.calls == 0


@pytest.mark.parametrize(
    ("what", "name", "settings"),
    [
        ("stages", "retrieve", "retriever=[BM25, Dense], k=5, depth=100, chunker=none, dense_search=exact,"),
        ("stages", "step_back", "prompt=none"),
        ("stages", "order", "by=ends"),
        ("chunkers", "sentences", "tokens=384, overlap=0"),
        ("chunkers", "semantic", "tokens=384, similarity=none, percentile=none"),
        ("chunkers", "langchain", ""),
        ("indexes", "bm25", "chunker=SentenceChunker"),
        ("rerankers", "endpoint", "base_url, model,"),
        ("rerankers", "pointwise", "prompt=none"),
    ],
)
def test_parts_are_listed_with_their_settings(what: str, name: str, settings: str, command_line: CommandLine) -> None:
    listed = command_line("list", what).out
    (line,) = (line for line in listed.splitlines() if line.startswith(f"{name} "))
    assert f"Settings: {settings}" in line if settings else "Settings" not in line


def test_a_missing_package_is_told_before_any_call(
    tmp_path: Path, server: FakeServer, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rageval.retrieval.graph.database.PACKAGE", "no_such_package")
    monkeypatch.setattr("rageval.retrieval.cypher.PACKAGE", "no_such_package")
    pipelines = [{"asking": {"stages": ["cypher", "answer"]}}]
    ended = command_line(
        "run", write_experiment(tmp_path, server.base_url, pipelines=pipelines), "--out", tmp_path / "out"
    )
    assert ended.code == 2
    assert "needs the package no_such_package" in ended.err
    assert "Traceback" not in ended.err
    assert server.calls == 0


SHORT = 'en: "{question} In ten words:"\nzh: "{question}请简短回答："\n'


def test_a_prompt_of_ones_own_is_a_factor_and_runs_beside_the_default(
    tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    (tmp_path / "short.yaml").write_text(SHORT, encoding="utf-8")
    stages = [{"retrieve": {"retriever": "bm25", "k": 2}}, {"answer": {"abstain": "never"}}]
    sweep = {"pipeline": [{"mine": {"stages": stages}}], "answer.prompt": [None, "short.yaml"]}
    setting = {"pipelines": None, "sweep": sweep, "metrics": ["answer_relevance"]}
    experiment, out = write_experiment(tmp_path, server.base_url, **setting), tmp_path / "out"
    ended = command_line("sweep", experiment, "--out", out, "--json")
    assert ended.code == 0, ended.err
    labels = [cell["label"] for cell in json.loads(ended.out)["cells"]]
    assert labels == ["mine(answer.prompt=None)", "mine(answer.prompt=short.yaml)"]
    asked = [one.payload["messages"][-1]["content"] for one in server.received if "messages" in one.payload]
    ends = [content.rpartition("</passages>")[2].strip() for content in asked]
    for question in QUESTIONS.values():
        shown = f"{question} In ten words:" if question.isascii() else f"{question}请简短回答："
        assert ends.count(shown) == 1
    server.received.clear()
    (tmp_path / "short.yaml").write_text(SHORT.replace("ten", "six"), encoding="utf-8")
    assert command_line("sweep", experiment, "--out", out).code == 0
    asked = [one.payload["messages"][-1]["content"] for one in server.received if "messages" in one.payload]
    assert sum(content.endswith("In six words:") for content in asked) == sum(q.isascii() for q in QUESTIONS.values())


def marked(folder: Path, name: str) -> str:
    """A file with the prompt `name`, each of whose instructions begins with a mark."""
    texts = load_prompt(name).texts
    own = {
        language: {key: f"Mark {name}. {text}" for key, text in texts[language].items() if "{question}" in text}
        for language in ("en", "zh")
    }
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(own, allow_unicode=True), encoding="utf-8")
    return f"{name}.yaml"


def test_every_stage_asks_with_a_prompt_of_ones_own(
    tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    def own(setting: str, name: str) -> dict[str, str]:
        return {setting: marked(tmp_path, name)}

    graded = {**own("prompt", "grade_passage"), **own("rewrite_prompt", "rewrite_queries")}
    candidates = {
        **own("prompt", "answer"),
        **own("grade_prompt", "grade_passage"),
        **own("support_prompt", "check_support"),
        **own("usefulness_prompt", "rate_usefulness"),
    }
    memory = {"answer_from_memory": own("prompt", "answer_from_memory")}
    searched = {"retrieve": {"retriever": "bm25", "k": 2}}, {"answer_candidates": candidates}
    stages = [
        {"self_contained": own("prompt", "self_contained")},
        {"read_filters": own("prompt", "read_filters")},
        {"rewrite": own("prompt", "rewrite_queries")},
        {"sub_questions": own("prompt", "sub_questions")},
        {"step_back": own("prompt", "step_back")},
        {"expand": own("prompt", "hypothetical_answer")},
        {"iterate": {"steps": 2, "retriever": "bm25", **own("prompt", "next_thought")}},
        {"compress": {"sentences": 2, "by": "model", **own("prompt", "needed_sentences")}},
        {"corrective": {"upper": 1.0, "lower": 1.0, **graded}},
        {
            "adaptive": {
                **own("prompt", "how_many_searches"),
                "none": [memory],
                "one": [*searched],
                "several": [*searched],
            }
        },
    ]
    write_benchmark(tmp_path / "small")
    rows = [{"id": name, "text": text, "metadata": {"of": name[0]}} for name, text in DOCUMENTS.items()]
    write_lines(tmp_path / "small" / "documents.jsonl", rows)
    said = [{"role": "user", "text": "I like mountains."}, {"role": "assistant", "text": "So do I."}]
    tags = {"tags": ["unanswerable"]}
    asked = [
        {"id": name, "text": text, "history": said, **(tags if name.endswith("none") else {})}
        for name, text in QUESTIONS.items()
    ]
    write_lines(tmp_path / "small" / "questions.jsonl", asked)
    experiment = write_experiment(
        tmp_path,
        server.base_url,
        pipelines=[{"mine": {"stages": stages}}, {"from_memory": {"stages": [memory]}}],
        metrics=["recall@2", "answer_relevance"],
    )
    ended = command_line("run", experiment, "--out", tmp_path / "out")
    assert ended.code == 0, ended.err
    found = " ".join(one.payload["messages"][-1]["content"] for one in server.received if "messages" in one.payload)
    files = {path.stem for path in tmp_path.glob("*.yaml")} - {"experiment"}
    assert len(files) == 14
    assert {*re.findall(r"Mark (\w+)\.", found)} == files


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('en: "Why?"\n', "set.answer.prompt: short.yaml: en: found the placeholders none, expected {question} or"),
        ('en: "{question}"\n', "short.yaml: found no text under zh, in which 3 of the 6 questions are prompted"),
    ],
)
def test_a_prompt_that_cannot_serve_is_told_before_any_call(
    text: str, told: str, tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    (tmp_path / "short.yaml").write_text(text, encoding="utf-8")
    stages = ["retrieve", {"answer": {"prompt": "short.yaml"}}]
    experiment = write_experiment(tmp_path, server.base_url, pipelines=[{"mine": {"stages": stages}}])
    ended = command_line("run", experiment, "--out", tmp_path / "out")
    assert ended.code == 2
    assert told.removeprefix("set.answer.prompt: ") in ended.err
    assert "Traceback" not in ended.err
    assert server.calls == 0
