"""Answers under scrutiny, from the command line: recorded answers in two languages, judged by a model that behaves, and
by one that crashes and talks garbage.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rageval.io.run_folder import RunFolder
from tests.conftest import CommandLine
from tests.flow.fake_server import Canned, FakeServer, Received, completion, fault
from tests.flow.small_world import (
    DOCUMENTS,
    QUESTIONS,
    asked_schema,
    respond,
    run_folders,
    write_benchmark,
    write_experiment,
    write_lines,
)

CITATIONS = ["citation_recall", "citation_precision", "citation_f1"]
OFFLINE = ["hallucination_nli", "hallucination_classifier"]
BY_MODEL = [
    *CITATIONS,
    "hallucination_ie",
    "hallucination_qa",
    "hallucination_llm",
    "contradiction",
    "sufficient_context",
    "context_contradiction",
]
METRICS = [*BY_MODEL, *OFFLINE, "repetition"]
ANSWERS = {
    "en-1": ("Mount Arlen is 2310 metres high [1]. Two sisters reached its summit.", ["arlen", "delmar"]),
    "en-2": ("The river Brone flows into Lake Corva [1][2]. It is 95 kilometres long [9].", ["brone", "corva"]),
    "en-none": ("I do not know.", ["delmar"]),
    "zh-1": ("青石山顶的寺庙建于一六〇二年【1】。山高一千八百米（来源1）。", ["qingshi", "donghu"]),
    "zh-2": ("蓝江在白沙镇流入东湖[1-2]。湖中盛产银鱼。", ["lanjiang", "donghu"]),
    "zh-none": ("", ["baisha"]),
}


def scripted(received: Received) -> Canned:
    """As `respond`, with facts, questions and short answers where those are asked for."""
    prompt, schema = received.payload["messages"][-1]["content"], asked_schema(received.payload)
    properties: dict[str, Any] = {} if schema is None else {**schema["properties"]}
    if " | " in prompt:
        return completion("Mount Arlen | is | 2310 metres\n青石山 | 高 | 一千八百米")
    if "questions" in properties:
        return completion(json.dumps({"questions": [{"question": "How high?", "answer": "2310 metres"}]}))
    if properties.get("1") == {"type": "string"}:
        return completion(json.dumps(dict.fromkeys(properties, "2310 metres")))
    return respond(received)


def garbage(received: Received) -> Canned:
    """A refusal, a cut reply, a failure: in turn by the length of the prompt."""
    kind = len(received.payload["messages"][-1]["content"]) % 3
    return completion("…?!") if kind == 0 else completion('{"1": "ye', "length") if kind == 1 else fault(400)


def run(tmp_path: Path, command_line: CommandLine, model: Callable[[Received], Canned]) -> dict[str, Any]:
    """Scores of the recorded answers, how much the judges asked, the bound on it, and what `show` prints of `en-1`."""
    hits = [
        {"question_id": name, "answer": answer, "hits": [{"doc_id": doc, "text": DOCUMENTS[doc]} for doc in docs]}
        for name, (answer, docs) in ANSWERS.items()
    ]
    write_lines(tmp_path / "theirs.jsonl", hits)
    with FakeServer(model) as server:
        experiment = write_experiment(
            tmp_path, server.base_url, pipelines=[{"recorded": {"path": "theirs.jsonl"}}], metrics=METRICS
        )
        out = tmp_path / "out"
        priced = command_line("run", experiment, "--out", out, "--dry-run", "--json")
        assert priced.code == 0, priced.err
        ended = command_line("run", experiment, "--out", out)
        assert ended.code == 0, ended.err
    (folder,) = run_folders(out).values()
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    usages = [one for judge in manifest["judges"].values() for one in RunFolder(folder).judging_usages(judge["key"])]
    return {
        "scores": json.loads((folder / "scores.json").read_text("utf-8")),
        "asked": sum(usage.calls for usage in usages),
        "bound": json.loads(priced.out),
        "shown": command_line("show", folder, "en-1").out,
        "diagnosed": json.loads(command_line("diagnose", folder, "--json").out),
        "why": command_line("diagnose", folder).out,
    }


def test_recorded_answers_with_citations(tmp_path: Path, command_line: CommandLine) -> None:
    found = run(tmp_path, command_line, scripted)
    scores = found["scores"]
    recall, precision = (scores[name]["questions"] for name in CITATIONS[:2])
    assert recall.keys() == precision.keys() == {"en-1", "en-2", "zh-1", "zh-2"}
    assert {"en-none", "zh-none"} == scores["citation_recall"]["unscored"].keys()
    assert recall["en-1"] <= 0.5  # the second sentence cites nothing
    assert recall["en-2"] <= 0.5  # the second one cites what is not there
    assert "cites no passage" in found["shown"]
    answered = {"en-1", "en-2", "zh-1", "zh-2"}
    assert all({*scores[name]["questions"]} >= answered for name in METRICS if name != "context_contradiction")
    assert {*scores["sufficient_context"]["questions"]} == {*ANSWERS}
    assert {*scores["context_contradiction"]["questions"]} == answered
    assert scores["hallucination_qa"]["questions"]["en-1"] == 0.0  # the same reply from both
    table = found["diagnosed"]["sufficient_context"]
    assert sum(row["questions"] for row in table["rows"]) + table["unknown"] == len(ANSWERS)
    assert "what became of the answers, by sufficient_context" in found["why"]
    assert scores["repetition"]["questions"]["en-1"] == 0.0
    assert scores["hallucination_classifier"]["questions"]["zh-1"] in (0.0, 1.0)


def test_no_more_is_asked_than_the_dry_run_said(tmp_path: Path, command_line: CommandLine) -> None:
    found = run(tmp_path, command_line, scripted)
    assert 0 < found["asked"] <= found["bound"]["runs"][0]["calls"]


def test_a_judge_that_crashes_and_talks_garbage(tmp_path: Path, command_line: CommandLine) -> None:
    """What cannot be read is no score: every question says why it has none."""
    found = run(tmp_path, command_line, garbage)
    for name in BY_MODEL:
        data = found["scores"][name]
        assert data["unscored"].keys() == ANSWERS.keys(), name
        assert all(data["unscored"].values())


EXAM = "How deep is Lake Corva?\nA. 40 metres\nB. 61 metres"


def test_groups_and_multiple_choice_in_diagnose(tmp_path: Path, command_line: CommandLine) -> None:
    """No model: the group `height` is right in one of two languages, and of both orders of the exam `A` is right in
    one.
    """
    folder = write_benchmark(tmp_path / "small")
    asked: list[dict[str, Any]] = [
        {"id": "en", "text": QUESTIONS["en-1"], "references": ["2310 metres"], "metadata": {"group": "height"}},
        {"id": "zh", "text": "阿伦山有多高？", "references": ["2310米"], "metadata": {"group": "height"}},
        {
            "id": "exam",
            "text": EXAM,
            "references": ["B. 61 metres", "61 metres"],
            "metadata": {"options": ["40 metres", "61 metres"], "right": "B"},
        },
    ]
    write_lines(folder / "questions.jsonl", asked)
    rows = "".join(f"{question['id']}\tarlen\t1\n" for question in asked)
    (folder / "labels.tsv").write_text("question_id\tdocument_id\tgrade\n" + rows, encoding="utf-8")
    answers = {"en": "It is 2310 metres high.", "zh": "一千米。", "exam~0": "A", "exam~1": "A"}
    hits = [{"doc_id": "arlen", "text": DOCUMENTS["arlen"]}]
    write_lines(
        tmp_path / "theirs.jsonl",
        [{"question_id": name, "answer": answer, "hits": hits} for name, answer in answers.items()],
    )
    experiment = write_experiment(
        tmp_path,
        "http://127.0.0.1:9",
        benchmark="rotated:small",
        pipelines=[{"recorded": {"path": "theirs.jsonl"}}],
        metrics=["answer_contains", "choice_accuracy", "repetition"],
        models=None,
    )
    ended = command_line("run", experiment, "--out", tmp_path / "out")
    assert ended.code == 0, ended.err
    (run_folder,) = run_folders(tmp_path / "out").values()
    found = json.loads(command_line("diagnose", run_folder, "--json").out)
    assert found["choices"]["accuracy"]["point"] == found["choices"]["chance"] == 0.5
    assert (found["choices"]["questions"], found["choices"]["orders"]) == (1, 2)
    assert found["paraphrases"]["differing"] == {"height": ["en", "zh"]}
    printed = " ".join(command_line("diagnose", run_folder).out.split())
    assert "accuracy 0.500" in printed
    assert "where guessing reaches 0.500" in printed
    assert "such as height: en, zh" in printed
