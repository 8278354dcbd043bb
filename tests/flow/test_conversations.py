"""Questions that end a conversation, from the file to the pages, with a model that answers by rule."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CommandLine
from tests.flow.fake_server import Canned, FakeServer, Received, completion
from tests.flow.small_world import read_jsonl, respond, run_folders, write_benchmark, write_experiment, write_lines

TALKS: list[dict[str, Any]] = [
    {
        "id": "en",
        "text": "And how big is it?",
        "history": [
            {"role": "user", "content": "Into which lake does the river Brone flow?"},
            {"role": "assistant", "content": "Into Lake Corva."},
        ],
    },
    {
        "id": "zh",
        "text": "那么它呢？",
        "history": [{"role": "user", "text": "蓝江流入哪里？"}, {"role": "assistant", "text": "流入东湖。"}],
    },
    {"id": "alone", "text": "How high is Mount Arlen?"},
]
LABELS = "question_id\tdocument_id\tgrade\nen\tcorva\t1\nzh\tdonghu\t1\nalone\tarlen\t1\n"
WRITTEN = {"And how big is it?": "How deep is Lake Corva?", "那么它呢？": "东湖最深处多少米？"}
PIPELINES = [
    {"talk": {"stages": ["self_contained", {"retrieve": {"retriever": "bm25", "k": 1}}, "answer"]}},
    {"deaf": {"stages": [{"retrieve": {"retriever": "bm25", "k": 1}}, "answer"]}},
]


def talk(received: Received) -> Canned:
    """As `respond`, and the last question of a conversation in full."""
    if received.path.endswith("/chat/completions"):
        shown = received.payload["messages"][-1]["content"]
        if "who has not seen the conversation" in shown or "没有看过对话的人" in shown:
            return completion(next(full for text, full in WRITTEN.items() if text in shown))
    return respond(received)


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(talk) as server:
        yield server


@pytest.fixture
def experiment(tmp_path: Path, server: FakeServer) -> Path:
    folder = write_benchmark(tmp_path / "small")
    write_lines(folder / "questions.jsonl", TALKS)
    (folder / "labels.tsv").write_text(LABELS, encoding="utf-8")
    return write_experiment(
        tmp_path, server.base_url, pipelines=PIPELINES, metrics=["recall@1", "answer_relevance", "faithfulness"]
    )


def test_the_question_in_full_finds_what_the_last_words_do_not(
    tmp_path: Path, server: FakeServer, experiment: Path, command_line: CommandLine
) -> None:
    out = tmp_path / "out"
    priced = command_line("run", experiment, "--out", out, "--dry-run", "--json")
    bounds = {row["pipeline"]: row["calls"] for row in json.loads(priced.out)["runs"]}
    ended = command_line("run", experiment, "--out", out)
    assert ended.code == 0, ended.err
    found = run_folders(out)
    for name, folder in found.items():
        scores = json.loads((folder / "scores.json").read_text("utf-8"))["recall@1"]["questions"]
        assert scores["alone"] == 1.0
        assert (scores["en"], scores["zh"]) == ((1.0, 1.0) if name == "talk" else (0.0, 0.0))
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        assert "conversation" in manifest["prompts"]
        assert manifest["usage"]["answering"]["calls"] <= bounds[name]
    steps = {line["question_id"]: line["steps"] for line in read_jsonl(found["talk"] / "responses.jsonl")}
    assert "self_contained" not in [step["name"] for step in steps["alone"]]
    assert steps["zh"][0]["detail"] == {"question": "东湖最深处多少米？"}
    answering = [one.payload["messages"][-1]["content"] for one in server.received if "chat" in one.path]
    judged = [text for text in answering if "directly address" in text and "And how big is it?" in text]
    assert judged
    assert all("Assistant: Into Lake Corva.\nUser: And how big is it?" in text for text in judged)


def test_people_see_the_conversation(tmp_path: Path, experiment: Path, command_line: CommandLine) -> None:
    out = tmp_path / "out"
    assert command_line("run", experiment, "--out", out).code == 0
    run = run_folders(out)["talk"]
    shown = command_line("show", run, "en").out
    places = [shown.index(text) for text in ("user: Into which", "assistant: Into Lake Corva.", "And how big is it?")]
    assert places == sorted(places)
    view = json.loads(command_line("show", run, "en", "--json").out)
    assert [turn["role"] for turn in view["history"]] == ["user", "assistant"]
    report = tmp_path / "report.html"
    assert command_line("report", run, "--html", report).code == 0
    texts = report.read_text("utf-8") + "".join(
        path.read_text("utf-8", errors="replace") for path in tmp_path.rglob("*.js")
    )
    assert "turn_assistant" in texts
    sheet = tmp_path / "sheet.jsonl"
    drawn = command_line("sample", run, "-m", "answer_relevance", "-n", "3", "--out", sheet)
    assert drawn.code == 0, drawn.err
    assert any("Assistant: Into Lake Corva." in row["question"] for row in read_jsonl(sheet))


DECLINED = "I am sorry that I do not have that information."
REACTIONS = {
    "How deep is Lake Corva?": ("answerable", "61 metres."),
    "东湖最深处多少米？": ("partial", "最深处四十米。"),
    "How big is it?": ("underspecified", "Which lake do you mean?"),
    "它多大？": ("underspecified", "您指的是哪个湖？"),
    "Who painted the theatre?": ("unanswerable", DECLINED),
}


@pytest.mark.parametrize(
    ("says", "right"),
    [
        (
            lambda text: REACTIONS[text][1],
            {"answerable": 1.0, "partial": 1.0, "underspecified": 1.0, "unanswerable": 1.0},
        ),
        (lambda _: "61 metres.", {"answerable": 1.0, "partial": 1.0, "underspecified": 0.0, "unanswerable": 0.0}),
        (lambda _: DECLINED, {"answerable": 0.0, "partial": 0.0, "underspecified": 0.0, "unanswerable": 1.0}),
    ],
    ids=["fitting", "always answers", "always declines"],
)
def test_every_kind_of_question_has_its_reaction(
    tmp_path: Path, command_line: CommandLine, says: Callable[[str], str], right: dict[str, float]
) -> None:
    """A recorded system's conversations, question by question and by kind."""
    folder = write_benchmark(tmp_path / "small")
    write_lines(
        folder / "questions.jsonl",
        [
            {"id": f"q{n}", "messages": [*TALKS[0]["history"], {"role": "user", "content": text}], "tags": [kind]}
            for n, (text, (kind, _)) in enumerate(REACTIONS.items())
        ],
    )
    (folder / "labels.tsv").unlink()
    write_lines(
        tmp_path / "talks.jsonl",
        [
            {"question_id": f"q{n}", "messages": [{"role": "user", "text": text}, {"role": "ai", "text": says(text)}]}
            for n, text in enumerate(REACTIONS)
        ],
    )
    experiment = write_experiment(
        tmp_path,
        "http://127.0.0.1:9/v1",
        pipelines=[{"recorded": {"path": "talks.jsonl"}}],
        metrics=["right_reaction"],
        models=None,
    )
    ended = command_line("run", experiment, "--out", tmp_path / "out")
    assert ended.code == 0, ended.err
    (run,) = run_folders(tmp_path / "out").values()
    scores = json.loads((run / "scores.json").read_text("utf-8"))["right_reaction"]["questions"]
    kinds = [kind for kind, _ in REACTIONS.values()]
    assert {kind: scores[f"q{n}"] for n, kind in enumerate(kinds)} == right
    assert scores["q2"] == scores["q3"]
