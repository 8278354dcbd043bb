"""Judges of the user's own through the command line: a rubric and a Python file, checked, run, resumed, compared, gated
and labelled.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CommandLine
from tests.flow.fake_server import Canned, FakeServer, Received, completion, fault
from tests.flow.judged_run import fill, read_sheet
from tests.flow.small_world import QUESTIONS, read_jsonl, respond, run_folders, write_experiment

TONE = """\
name: tone
en: {question: "How polite is the answer?", levels: [rude, neutral, polite]}
zh: {question: "这个答案有多礼貌？", levels: [粗鲁, 平淡, 礼貌]}
"""
LENGTH = """\
from rageval import CustomJudge

class Length(CustomJudge):
    '''Is the answer one line?'''

    name = "custom.length"

    async def judge(self, question, response, chat):
        if question.id == "en-2":
            raise LookupError("no telling")
        return self.grade(1 / len(response.answer.splitlines()), response)

judge = Length()
"""
PIPELINES = [{"naive": {"retriever": "bm25", "k": 2}}, "closed_book"]
METRICS = ["judges/tone.yaml", "judges/length.py", "hit_rate@2"]
LEVELS = {"en-1": "3", "en-2": "2", "en-none": "1", "zh-1": "2. 平淡", "zh-2": "polite", "zh-none": "1"}


def is_rubric(received: Received) -> bool:
    content = received.payload.get("messages", [{"content": ""}])[-1]["content"]
    return content.endswith(("Reply with its number alone, from 1 to 3.", "只回复这一级的编号，从 1 到 3。"))


def grade(received: Received) -> Canned:
    """A level that depends on the question; other prompts get what they get elsewhere."""
    if not is_rubric(received):
        return respond(received)
    content = received.payload["messages"][-1]["content"]
    return completion(next(LEVELS[name] for name, text in QUESTIONS.items() if text in content))


@dataclass
class World:
    """A folder with an experiment and its judges, beside the server that it asks."""

    folder: Path
    server: FakeServer
    run: CommandLine
    rule: Callable[[Received], Canned] = grade

    def asked(self, work: Callable[[], object]) -> Counter[str]:
        """How many chat calls of each kind reach the server while `work` runs."""
        before = self.server.calls
        work()
        return Counter("rubric" if is_rubric(r) else "answer" for r in self.server.received[before:])


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine) -> Iterator[World]:
    with FakeServer(lambda received: world.rule(received)) as server:
        world = World(tmp_path, server, command_line)
        monkeypatch.chdir(tmp_path)
        (tmp_path / "judges").mkdir()
        (tmp_path / "judges" / "tone.yaml").write_text(TONE, encoding="utf-8")
        (tmp_path / "judges" / "length.py").write_text(LENGTH, encoding="utf-8")
        write_experiment(tmp_path, server.base_url, pipelines=PIPELINES, metrics=METRICS)
        yield world


def scores(run: Path) -> dict[str, Any]:
    return json.loads((run / "scores.json").read_text("utf-8"))


def test_check_counts_the_calls_of_rubrics(world: World) -> None:
    """Closed book: one answer, and at most two calls of the rubric (an unreadable verdict is asked for again)."""
    ended = world.run("check", "experiment.yaml", "--json")
    assert ended.code == 0
    by_pipeline = {p["pipeline"]: p["calls"] for p in json.loads(ended.out)["pipelines"]}
    assert by_pipeline["closed_book"] == [6, 6 * 3]
    assert world.server.calls == 0


def test_run_resume_and_edit(world: World) -> None:
    world.rule = lambda received: fault(401) if is_rubric(received) else grade(received)
    assert world.run("run", "experiment.yaml", "--out", "out").code == 5
    world.rule = grade
    resumed = world.asked(lambda: world.run("run", "experiment.yaml", "--out", "out"))
    again = world.asked(lambda: world.run("run", "experiment.yaml", "--out", "out"))
    assert resumed["rubric"] > 0
    assert again.total() == 0

    run = run_folders(Path("out"))["closed_book"]
    found = scores(run)["custom.tone"]
    assert found["questions"] == {"en-1": 1.0, "en-2": 0.5, "en-none": 0.0, "zh-1": 0.5, "zh-none": 0.0}
    assert found["unscored"] == {
        "zh-2": "1 of 1 verdicts missing: found no level, expected a number from 1 to 3",
    }
    lengths = scores(run)["custom.length"]
    assert lengths["questions"] == dict.fromkeys(set(QUESTIONS) - {"en-2"}, 0.5)
    assert lengths["unscored"] == {"en-2": "1 of 1 verdicts missing: LookupError: no telling"}

    responses = (run / "responses.jsonl").read_bytes()
    (world.folder / "judges" / "tone.yaml").write_text(TONE.replace("neutral", "so-so"), encoding="utf-8")
    edited = world.asked(lambda: world.run("run", "experiment.yaml", "--out", "out"))
    assert set(edited) == {"rubric"}
    assert (run / "responses.jsonl").read_bytes() == responses
    judgments = sorted(path.name.rpartition("-")[0] for path in (run / "judgments").iterdir())
    assert judgments == ["custom.length", "custom.tone", "custom.tone"]
    said = {line["question_id"]: line["judgments"] for line in read_jsonl(newest(run, "custom.tone"))}
    assert said["en-2"][0]["rationale"] == "level 2 of 3: so-so"

    judges = json.loads((run / "manifest.json").read_text("utf-8"))["judges"]
    assert judges["custom.tone"]["summary"] == "How polite is the answer? (rude, so-so, polite)"
    assert (judges["custom.tone"]["model"], judges["custom.length"]["model"]) == (
        f"fake @ {world.server.base_url}",
        None,
    )
    assert (judges["custom.length"]["verdicts"], judges["custom.length"]["abstained"]) == (6, 1)


def newest(run: Path, judge: str) -> Path:
    key = json.loads((run / "manifest.json").read_text("utf-8"))["judges"][judge]["key"]
    return run / "judgments" / f"{key}.jsonl"


def test_what_stored_runs_are_for(world: World) -> None:
    assert world.run("run", "experiment.yaml", "--out", "out").code == 0
    folders = run_folders(Path("out"))
    naive, closed = folders["naive"], folders["closed_book"]

    board = json.loads(world.run("leaderboard", naive, closed, "--format", "json").out)
    assert {n for r in board["runs"] for n in r["metrics"]} == {"custom.tone", "custom.length", "hit_rate@2"}
    assert "custom.tone" in world.run("leaderboard", naive, closed).out

    compared = world.run("compare", naive, closed)
    assert compared.code == 0, compared.err
    assert "custom.length" in compared.out

    pinned = world.run("baseline", "set", closed)
    assert pinned.code == 0, pinned.err
    margins = ("--margin", "custom.tone=0.9", "--margin", "custom.length=0.5")
    gated = world.run("gate", closed, "--baseline", pinned.out.strip(), *margins, "--json")
    assert gated.code == 0, gated.err

    shown = world.run("show", closed, "en-2").out
    assert "custom.tone" in shown
    assert "no verdict (LookupError: no telling)" in shown

    assert world.run("sample", closed, "-m", "custom.tone", "-n", 5, "--out", "sheet.jsonl").code == 0
    instructions = {row["question_id"]: row["instructions"] for row in read_sheet(Path("sheet.jsonl"))}
    asked = "How polite is the answer? (rude, neutral, polite)"
    assert instructions["en-1"] == f"{asked} A number from 0 (worst) to 1 (best), such as 0.5."
    assert instructions["zh-1"] == f"{asked} 填 0（最差）到 1（最好）之间的数，例如 0.5。"
    fill(Path("sheet.jsonl"), lambda _: 0.5)
    labelled = world.run("label", closed, "sheet.jsonl", "--json")
    assert labelled.code == 0, labelled.err
    assert json.loads(labelled.out)["metrics"]["custom.tone"]["labelled"] == 5

    (world.folder / "judges" / "tone.yaml").write_text(TONE + "version: 2\n", encoding="utf-8")
    assert world.run("run", "experiment.yaml", "--out", "out").code == 0
    refused = world.run("gate", closed, "--baseline", pinned.out.strip(), *margins)
    assert refused.code == 4
    assert "custom.tone" in refused.err


def test_a_judge_without_a_model_needs_none(world: World) -> None:
    """No key is set for the endpoint, and nothing asks it."""
    lines = [json.dumps({"question_id": name, "answer": "A line."}) for name in QUESTIONS]
    (world.folder / "theirs.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_experiment(
        world.folder,
        "https://models.example/v1",
        model={"api_key_env": "NO_SUCH_KEY"},
        pipelines=[{"recorded": {"path": "theirs.jsonl"}}],
        metrics=["judges/length.py"],
    )
    ended = world.run("run", "experiment.yaml", "--out", "out", "--json")
    assert ended.code == 0, ended.err
    (run,) = json.loads(ended.out)["runs"]
    assert (run["metrics"]["custom.length"]["mean"], run["metrics"]["custom.length"]["n"]) == (1.0, 5)
    assert run["calls"] == 0


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        (
            "tone.yaml",
            "name: tone\nen: {question: q, levels: [a, b]}\n",
            "custom.tone: found no wording in zh, which 3 of",
        ),
        ("tone.yaml", TONE + "show: [answer]\n", "judges/tone.yaml: show: found an unknown key"),
        ("length.py", "judge = 1\n", "judges/length.py: found 1, expected a CustomJudge or a CustomMetric"),
    ],
)
def test_mistakes_cost_nothing(name: str, text: str, told: str, world: World) -> None:
    (world.folder / "judges" / name).write_text(text, encoding="utf-8")
    ended = world.run("run", "experiment.yaml", "--out", "out")
    assert ended.code == 2
    (line,) = ended.err.splitlines()
    assert line.startswith("error: experiment.yaml: ")
    assert told in line
    assert world.server.calls == 0
