"""Metrics that compare embeddings, from an experiment file to the leaderboard."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import CommandLine
from tests.flow.fake_server import Canned, FakeServer, Received, completion, embeddings
from tests.flow.small_world import read_jsonl, run_folders, write_benchmark, write_experiment, write_lines

ANSWERS = {
    "en-1": "Mount Arlen is 2310 metres high.",
    "zh-1": "寺庙建于一六〇二年。",
    "en-none": "The passages do not contain the answer.",
}
ASKED_BACK = {
    ANSWERS["en-1"]: ["How high is Mount Arlen?", "What is the height of Mount Arlen?", "Which mountain is 2310 m?"],
    ANSWERS["zh-1"]: ["寺庙建于哪一年？", "什么建于一六〇二年？", "寺庙有多老？"],
}
METRICS = ["answer_relevance_by_questions", "semantic_similarity"]


def vector(text: str) -> np.ndarray:
    counted = np.array([text.count(chr(c)) for c in (*range(97, 123), *map(ord, "寺庙建年一"))], float) + 0.01
    return counted / np.linalg.norm(counted)


def respond(received: Received) -> Canned:
    if received.path == "/v1/embeddings":
        return embeddings([vector(text).tolist() for text in received.payload["input"]])
    found = re.search(r"\[1\] (.*)\n", received.payload["messages"][-1]["content"])
    assert found is not None
    return completion(json.dumps({"questions": ASKED_BACK[found[1]]}, ensure_ascii=False))


def test_questions_and_similarities_are_scored_and_kept(tmp_path: Path, command_line: CommandLine) -> None:
    benchmark = write_benchmark(tmp_path / "small")
    questions = read_jsonl(benchmark / "questions.jsonl")
    references = {"en-1": ["2310 metres", "2.3 km"], "zh-1": ["一六〇二年"], "en-none": []}
    write_lines(
        benchmark / "questions.jsonl",
        [{**line, "references": references.get(line["id"], [])} for line in questions],
    )
    write_lines(
        tmp_path / "theirs.jsonl",
        [{"question_id": question, "answer": text} for question, text in ANSWERS.items()],
    )
    asked = {line["id"]: line["text"] for line in questions}
    with FakeServer(respond) as server:
        experiment = write_experiment(
            tmp_path,
            server.base_url,
            pipelines=[{"recorded": {"path": "theirs.jsonl"}}],
            questions=[*ANSWERS],
            metrics=METRICS,
        )
        ended = command_line("run", experiment, "--out", tmp_path / "out", "--json")
        assert ended.code == 0, ended.err
        assert [received.path.rpartition("/")[2] for received in server.received].count("completions") == 2
        before = server.calls
        assert command_line("run", experiment, "--out", tmp_path / "out").code == 0
        assert server.calls == before
        run = run_folders(tmp_path / "out")["recorded"]
        scores = json.loads((run / "scores.json").read_text("utf-8"))
        judges = json.loads((run / "manifest.json").read_text("utf-8"))["judges"]
        board = command_line("leaderboard", run, "--format", "md").out

    by_questions = scores["answer_relevance_by_questions"]
    assert by_questions["questions"] == {
        q: pytest.approx(np.mean([vector(asked[q]) @ vector(text) for text in ASKED_BACK[ANSWERS[q]]]), abs=1e-5)
        for q in ("en-1", "zh-1")
    }
    assert by_questions["unscored"] == {"en-none": "the pipeline rightly abstained"}
    similar = scores["semantic_similarity"]
    assert similar["questions"] == {
        q: pytest.approx(max(vector(ANSWERS[q]) @ vector(text) for text in references[q]), abs=1e-5)
        for q in ("en-1", "zh-1")
    }
    assert similar["unscored"] == {"en-none": "the question has no reference answer"}
    assert {name: (judge["model"], judge["embedder"]) for name, judge in judges.items()} == {
        "regenerated_questions": (f"fake @ {server.base_url}", f"fake @ {server.base_url}"),
        "semantic_similarity": (None, f"fake @ {server.base_url}"),
    }
    assert f"- embed (judge): `fake @ {server.base_url}`" in board
