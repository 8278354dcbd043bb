"""`rageval search-prompts`: candidates from files and from the model, chosen on one part and reported on the other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rageval.benchmark import load
from tests.conftest import CommandLine
from tests.flow.fake_server import Canned, FakeServer, Received, completion
from tests.flow.small_world import write_experiment

ANSWERS = {question.text: question.references[0] for question in load("handbook").questions if question.references}
PROPOSED = ["Without a place for the question.", "```\nKNOWS {question}\n```", "KNOWS {question}"]
SEARCHED: dict[str, Any] = {
    "benchmark": "handbook",
    "questions": {"language": "en", "exclude_tags": ["unanswerable"]},
    "pipelines": [
        {"mine": {"stages": [{"retrieve": {"retriever": "bm25", "k": 1}}, {"answer": {"abstain": "never"}}]}}
    ],
    "metrics": ["exact_match"],
}


class Model:
    """Answers rightly where the prompt says KNOWS, every other time where it says GUESSES, and proposes in turn."""

    def __init__(self) -> None:
        self.asked_for_better: list[str] = []
        self.questions: dict[str, set[str]] = {}

    def __call__(self, received: Received) -> Canned:
        content = received.payload["messages"][-1]["content"]
        if content.startswith("You improve"):
            self.asked_for_better.append(content)
            return completion(PROPOSED[(len(self.asked_for_better) - 1) % len(PROPOSED)])
        question = next(text for text in ANSWERS if text in content.rpartition("</passages>")[2])
        knows = "KNOWS" in content or ("GUESSES" in content and len(question) % 2)
        return completion(ANSWERS[question] if knows else "I cannot say.")


def test_the_model_proposes_what_is_chosen_on_one_part_and_reported_on_the_other(
    tmp_path: Path, command_line: CommandLine
) -> None:
    model = Model()
    folder, out = tmp_path / "candidates", tmp_path / "out"
    folder.mkdir()
    (folder / "guess.yaml").write_text('en: "GUESSES {question}"\n', encoding="utf-8")
    with FakeServer(model) as server:
        experiment = write_experiment(tmp_path, server.base_url, **SEARCHED)
        ended = command_line(
            "search-prompts",
            experiment,
            "--candidates",
            folder,
            "--rounds",
            1,
            "--proposals",
            3,
            "--out",
            out,
            "--json",
        )
        assert ended.code == 0, ended.err
        found = json.loads(ended.out)
    search, choice = found["search"], found["choice"]
    assert (len(search["given"]), len(search["proposed"]), search["proposal_calls"]) == (1, 1, 3)
    assert [why.partition(".yaml: ")[2] for why in search["refused"]] == [
        "en: found the placeholders none, expected {question} or {abstention}, {question}",
        "found the same text as before, expected another one",
    ]
    assert choice["winner"].endswith("round1-2.yaml)")
    assert choice["first"] == "mine(answer.prompt=None)"
    assert (choice["held_out"]["mean"] if "mean" in choice["held_out"] else choice["held_out"]["point"]) == 1.0
    assert choice["gain_over_first"]["low"] > 0.5
    asked = {
        kind: {
            question
            for path in (out / "runs").glob(f"experiment-prompts-{kind}-*")
            for question in json.loads((path / "manifest.json").read_text("utf-8"))["questions"]
        }
        for kind in ("choosing", "held-out")
    }
    assert asked["choosing"].isdisjoint(asked["held-out"])
    texts = {question.id: question.text for question in load("handbook").questions}
    for content in model.asked_for_better:
        assert "GUESSES {question}" in content
        assert not any(texts[question] in content for question in asked["held-out"])
        assert any(texts[question] in content for question in asked["choosing"])
    assert (out / "sweeps" / "experiment-prompts.md").read_text("utf-8").startswith("## The choice")


@pytest.mark.parametrize(
    ("changes", "options", "told"),
    [
        ({}, [], "search-prompts: found no candidates, expected --candidates"),
        ({}, ["--setting", "answer.cite"], "--setting: found 'answer.cite', expected a prompt, such as answer.prompt"),
        ({"pipelines": ["naive"]}, [], "search-prompts: found a recipe, expected one pipeline that is composed"),
        ({"pipelines": ["naive", "closed_book"]}, [], "search-prompts: found 2 pipelines, expected one"),
    ],
)
def test_mistakes(
    changes: dict[str, Any], options: list[str], told: str, tmp_path: Path, command_line: CommandLine
) -> None:
    model = Model()
    with FakeServer(model) as server:
        experiment = write_experiment(tmp_path, server.base_url, **{**SEARCHED, **changes})
        rounds = [] if "no candidates" in told else ["--rounds", 1]
        ended = command_line("search-prompts", experiment, *rounds, *options, "--out", tmp_path / "out")
        assert (ended.code, server.calls) == (2, 0)
        assert told in ended.err
