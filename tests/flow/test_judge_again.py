"""`rageval judge`: several judges of one run side by side, panels, and calibrations, through the command line."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from rageval.metrics.judged import JUDGED_METRICS
from rageval.scores.agreement import measure
from rageval.scores.calibration_record import CalibrationRecord, write_record
from rageval.scores.scaling import Platt
from tests.conftest import CommandLine
from tests.flow.fake_server import Canned, FakeServer, Received, completion, fault
from tests.flow.judged_run import fill
from tests.flow.small_world import QUESTIONS, read_jsonl, respond, start_rageval, write_experiment, write_lines

# What the model `strong` says of the answers, in P(yes); `weak` says the opposite.
STRONG = {"en-1": 0.6, "en-2": 0.9, "en-none": 0.7, "zh-1": 0.55, "zh-2": 0.2, "zh-none": 0.8}
GRADES = {"en-1": 1.0, "en-2": 1.0, "en-none": 1.0, "zh-1": 1.0, "zh-2": 0.0, "zh-none": 1.0}
HITS = {"en": ["arlen", "brone"], "zh": ["qingshi", "lanjiang"]}
METRICS = ["answer_relevance", "context_relevance", "hit_rate@2"]
TONE = """\
name: tone
en: {question: "How polite is the answer?", levels: [rude, neutral, polite]}
zh: {question: "这个答案有多礼貌？", levels: [粗鲁, 平淡, 礼貌]}
"""


def by_model(received: Received) -> Canned:
    """A model that only judges is asked for one token about an answer, or for a table of passages."""
    payload = received.payload
    prompt = payload["messages"][-1]["content"]
    if payload["model"] == "fake" or payload["max_tokens"] > 1:
        return respond(received)
    p = next(p for name, p in STRONG.items() if QUESTIONS[name] in prompt)
    p = p if payload["model"] == "strong" else 1 - p
    pairs = sorted({"yes": math.log(p), "no": math.log(1 - p)}.items(), key=lambda pair: -pair[1])
    return completion(pairs[0][0], top_logprobs=dict(pairs))


@dataclass
class World:
    """A folder with an experiment over recorded answers, judged by `fake`, and experiment files of other judges."""

    folder: Path
    server: FakeServer
    line: CommandLine
    rule: Callable[[Received], Canned] = by_model

    def experiment(self, name: str = "experiment", **changes: Any) -> Path:
        path = self.folder / f"{name}.yaml"
        content = yaml.safe_load((self.folder / "experiment.yaml").read_text("utf-8"))
        path.write_text(yaml.safe_dump({**content, **changes}), "utf-8")
        return path

    def model(self, name: str) -> dict[str, Any]:
        return {"provider": "openai", "base_url": self.server.base_url, "model": name, "concurrency": 2}

    def run(self, code: int = 0) -> list[Path]:
        ended = self.line("run", "experiment.yaml", "--out", "out", "--json")
        assert ended.code == code, ended.err
        return [Path(run["path"]) for run in json.loads(ended.out)["runs"]] if code == 0 else []

    def judge(self, run: Path, name: str, *options: object, experiment: str = "strong.yaml", code: int = 0) -> Any:
        command = ("judge", run, "--name", name, "--experiment", experiment, "--out", "out", "--json", *options)
        ended = self.line(*command)
        assert ended.code == code, ended.err
        return json.loads(ended.out) if code == 0 else ended.err

    def asked(self, work: Callable[[], object]) -> Counter[str]:
        """How many calls each model gets while `work` runs."""
        before = self.server.calls
        work()
        return Counter(r.payload["model"] for r in self.server.received[before:])


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine) -> Iterator[World]:
    with FakeServer(lambda received: world.rule(received)) as server:
        world = World(tmp_path, server, command_line)
        monkeypatch.chdir(tmp_path)
        for name in ("a", "b"):
            write_lines(
                tmp_path / f"{name}.jsonl",
                [
                    {
                        "question_id": q,
                        "answer": f"The lake of {q} is deep ({name}).",
                        "hits": [{"doc_id": d} for d in HITS[q[:2]]],
                    }
                    for q in QUESTIONS
                ],
            )
        pipelines = [{"recorded": {"path": f"{name}.jsonl"}} for name in ("a", "b")]
        write_experiment(tmp_path, server.base_url, pipelines=pipelines, metrics=METRICS)
        for name in ("strong", "weak"):
            world.experiment(name, models={"judge": world.model(name)})
        yield world


def read(run: Path, name: str) -> dict[str, Any]:
    return json.loads((run / f"{name}.json").read_text("utf-8"))


def test_another_judge_stands_beside_the_first(world: World) -> None:
    run, _ = world.run()
    before, manifest, responses = read(run, "scores"), read(run, "manifest"), (run / "responses.jsonl").read_bytes()
    said: list[Any] = []
    asked = world.asked(lambda: said.append(world.judge(run, "strong")))
    assert asked == {"strong": 6 + 6}  # the answer and the passages of each of six questions

    scores, after = read(run, "scores"), read(run, "manifest")
    assert scores["answer_relevance:strong"]["questions"] == GRADES
    assert {name: scores[name] for name in before} == before
    assert [*scores] == [*METRICS, "answer_relevance:strong", "context_relevance:strong"] == after["metrics"]
    assert (run / "responses.jsonl").read_bytes() == responses
    assert {name: after["judges"][name] for name in manifest["judges"]} == manifest["judges"]
    entry = after["judges"]["answer_relevance:strong"]
    assert (entry["model"], entry["verdicts"]) == (f"strong @ {world.server.base_url}", 6)
    assert after["usage"][entry["key"]]["calls"] == 6
    kept = {line["question_id"]: line["judgments"] for line in read_jsonl(run / "judgments" / f"{entry['key']}.jsonl")}
    assert {q: judgments[0]["probability"] for q, judgments in kept.items()} == pytest.approx(STRONG)
    assert all("votes" not in judgments[0] for judgments in kept.values())

    (printed,) = said
    assert printed["metrics"]["answer_relevance:strong"]["mean"] == pytest.approx(5 / 6)
    assert printed["judges"] == {name: e for name, e in after["judges"].items() if name.endswith(":strong")}
    files = {path.name: path.read_bytes() for path in run.glob("*.json")}
    assert world.asked(lambda: world.judge(run, "strong")).total() == 0
    assert {path.name: path.read_bytes() for path in run.glob("*.json")} == files


def test_all_commands_take_its_metrics(world: World) -> None:
    a, b = world.run()
    for run in (a, b):
        world.judge(run, "strong", "-m", "answer_relevance")
    board = world.line("leaderboard", a, b, "--format", "md", "--plot", "plot.svg")
    assert " answer_relevance:strong |" in board.out.splitlines()[0]
    assert "0.833 [" in board.out
    assert f"- judge strong: `strong @ {world.server.base_url}`" in board.out
    assert "answer_relevance:strong" in Path("plot.svg").read_text("utf-8")
    assert "answer_relevance:strong\n  1 P(yes) 0.60" in world.line("show", a, "en-1").out

    compared = world.line("compare", a, b, "--metric", "answer_relevance:strong", "--json")
    assert json.loads(compared.out)["metrics"]["answer_relevance:strong"]["ties"] == 6
    pinned = world.line("baseline", "set", a, "--out", "out").out.strip()
    assert world.line("gate", b, "--baseline", pinned, "--margin", "answer_relevance:strong=0.9").code == 0
    assert world.line("compare", pinned, b, "--metric", "answer_relevance:strong").code == 0

    drawn = world.line("sample", a, "--metric", "answer_relevance:strong", "-n", "6", "--out", "s.jsonl")
    assert drawn.code == 0, drawn.err
    assert read_jsonl(Path("s.jsonl"))[0]["instructions"] in JUDGED_METRICS["answer_relevance"].instruction.values()
    fill(Path("s.jsonl"), lambda question: 1)
    labelled = world.line("label", a, "s.jsonl", "--json")
    assert json.loads(labelled.out)["metrics"]["answer_relevance:strong"]["estimate"]["mean"] == 1.0
    (row,) = json.loads(world.line("leaderboard", a, "--format", "json").out)["runs"]
    assert {name: e["n_labelled"] for name, e in row["metrics"].items() if "answer" in name} == {
        "answer_relevance": 0,
        "answer_relevance:strong": 6,
    }


def test_a_later_run_keeps_what_was_added(world: World) -> None:
    run, _ = world.run()
    world.judge(run, "strong")
    added = {name: s for name, s in read(run, "scores").items() if name.endswith(":strong")}
    entries = {name: e for name, e in read(run, "manifest")["judges"].items() if name.endswith(":strong")}
    assert set(entries) == {"answer_relevance:strong", "passage_relevance:strong"}

    world.experiment(metrics=["abstention_accuracy", "completeness", "answer_relevance"])
    world.rule = lambda received: fault(401)
    world.run(code=5)
    stopped = read(run, "manifest")
    assert stopped["status"] == "running"
    world.rule = by_model
    assert world.asked(world.run) == {"fake": 2 * 6}
    scores, manifest = read(run, "scores"), read(run, "manifest")
    assert [*scores] == ["abstention_accuracy", "completeness", "answer_relevance", *added] == manifest["metrics"]
    assert {name: scores[name] for name in added} == added
    assert {name: stopped["judges"][name] for name in entries} == entries
    assert {name: manifest["judges"][name] for name in entries} == entries
    assert all(manifest["usage"][entry["key"]]["calls"] == 6 for entry in entries.values())


def test_what_was_judged_before_an_error_is_not_asked_again(world: World) -> None:
    run, _ = world.run()
    before = {name: read(run, name) for name in ("scores", "manifest")}
    answered: list[str] = []

    def four_times(received: Received) -> Canned:
        if len(answered) == 4:
            return fault(401)
        answered.append(received.payload["messages"][-1]["content"])
        return by_model(received)

    world.rule = four_times
    told = world.judge(run, "strong", code=5)
    assert told.startswith("error: ")
    assert told.count("\n") == 1
    assert {name: read(run, name) for name in before} == before
    world.rule = by_model
    resumed = world.server.calls
    world.judge(run, "strong")
    asked = [r.payload["messages"][-1]["content"] for r in world.server.received[resumed:]]
    assert len(asked) == 12 - 4
    assert not {*asked} & {*answered}
    assert read(run, "scores")["answer_relevance:strong"]["questions"] == GRADES


def test_ctrl_c_tells_how_to_go_on(world: World) -> None:
    run, _ = world.run()
    process: list[subprocess.Popen[str]] = []
    count = world.server.calls

    def interrupt(received: Received) -> Canned:
        if world.server.calls == count + 3:
            os.kill(process[0].pid, signal.SIGINT)
        return replace(by_model(received), delay_s=0.2)

    world.rule = interrupt
    process.append(start_rageval("judge", run, "--name", "strong", "--experiment", "strong.yaml", "--out", "out"))
    out, err = process[0].communicate(timeout=60)
    assert (process[0].returncode, out) == (130, "")
    command = f"rageval judge {run} --name strong --experiment strong.yaml --out out"
    assert err == f"stopped; every verdict so far is kept. To go on:  {command}\n"
    world.rule = by_model
    assert world.asked(lambda: world.judge(run, "strong")).total() < 12


def record(run: Path, judge: str, folder: Path, scaling: Platt | None = Platt(2.0, -1.0), **changes: Any) -> Path:  # noqa: B008
    """The record of a calibration of the judge with that entry: balanced accuracy 0.5 before and 1 after."""
    key = read(run, "manifest")["judges"][judge]["key"]
    figures = {
        "zero_shot": measure([0, 1, 1, 0], [0.6, 0.9, 0.4, 0.3]),
        "cross_validated": measure([0, 1, 1, 0], [0.2, 0.8, 0.6, 0.3]) if scaling else None,
    }
    about: dict[str, Any] = {"judge": judge.partition(":")[0], "key": key, "model": "m", "n": 4, "abstained": 0}
    stored = CalibrationRecord(
        **about, **figures, labels="people.jsonl", sha256="0" * 64, scaling=scaling, created="2026"
    )
    return write_record(replace(stored, **changes), folder)


def test_a_calibration_is_put_on_and_taken_off_without_a_call(world: World) -> None:
    """Yes from logit(P) 0.5 on, which is P = 0.6225: 0.6 and 0.55 become no. The mean is 3/6, and 5/6 without."""
    run, other = world.run()
    world.judge(run, "strong")
    path = record(run, "answer_relevance:strong", world.folder / "cal")
    judgments = {file.name: file.read_bytes() for file in (run / "judgments").iterdir()}
    said: list[Any] = []
    asked = world.asked(lambda: said.append(world.judge(run, "strong", "--calibration", path)))
    assert asked.total() == 0
    assert {file.name: file.read_bytes() for file in (run / "judgments").iterdir()} == judgments
    assert read(run, "scores")["answer_relevance:strong"]["questions"] == {
        "en-1": 0.0, "en-2": 1.0, "en-none": 1.0, "zh-1": 0.0, "zh-2": 0.0, "zh-none": 1.0,
    }  # fmt: skip
    assert said[0]["metrics"]["answer_relevance:strong"]["mean"] == 0.5
    cited = read(run, "manifest")["judges"]["answer_relevance:strong"]["calibration"]
    assert (cited["file"], cited["labels"], cited["n"]) == (str(path), "people.jsonl", 4)
    assert (cited["before"]["point"], cited["after"]["point"]) == (0.5, 1.0)
    assert "calibration" not in read(run, "manifest")["judges"]["passage_relevance:strong"]
    notes = [
        line
        for line in world.line("leaderboard", run, "--format", "md").out.splitlines()
        if line.startswith("- answer_relevance:strong: ")
    ]
    assert len(notes) == 1
    assert "calibrated by platt on people.jsonl (n = 4): balanced accuracy 0.500 [" in notes[0]
    assert "] before, 1.000 [" in notes[0]

    path.unlink()  # the manifest holds what it takes to score again
    world.run()
    assert read(run, "scores")["answer_relevance:strong"]["estimate"]["mean"] == 0.5
    world.judge(other, "strong")
    refused = world.line("compare", run, other, "--metric", "answer_relevance:strong")
    assert refused.code == 4
    assert "found other judges" in refused.err

    assert world.asked(lambda: world.judge(run, "strong")).total() == 0
    assert read(run, "scores")["answer_relevance:strong"]["questions"] == GRADES
    assert world.line("compare", run, other, "--metric", "answer_relevance:strong").code == 0


def test_a_calibration_in_the_experiment_file(world: World) -> None:
    run, _ = world.run()
    plain = read(run, "scores")["answer_relevance"]["questions"]
    path = record(run, "answer_relevance", world.folder / "cal", Platt(0.0, 9.0))  # P is 0.9999 whatever the judge says
    world.experiment(calibrations=["cal/" + path.relative_to(world.folder / "cal").as_posix()])
    assert world.asked(world.run).total() == 0
    assert read(run, "scores")["answer_relevance"]["questions"] == dict.fromkeys(plain, 1.0)
    assert read(run, "manifest")["judges"]["answer_relevance"]["calibration"]["labels"] == "people.jsonl"
    bare = record(run, "answer_relevance", world.folder / "cal", None)
    world.experiment(calibrations=[str(bare)])
    world.run()
    assert read(run, "scores")["answer_relevance"]["questions"] == plain
    assert "no scaling" in world.line("leaderboard", run).out

    record(run, "answer_relevance", world.folder / "cal", key="answer_relevance-9999999999")
    world.experiment(calibrations=["cal/calibrations/answer_relevance-9999999999.json"])
    ended = world.line("run", "experiment.yaml", "--out", "out")
    key = read(run, "manifest")["judges"]["answer_relevance"]["key"]
    assert ended.code == 2
    assert ended.err.startswith("error: experiment.yaml: cal/calibrations/answer_relevance-9999999999.json: found ")
    assert f"expected one of {key}" in ended.err


def test_a_panel_of_two_models_that_never_agree(world: World) -> None:
    """`weak` says the opposite of `strong`: two raters, no majority, and alpha below 0.

    Of 12 grades 6 are 1: expected disagreement 2 · 6 · 6 / (12 · 11), observed 1; alpha is 1 - 132 / 72 = -0.833.
    """
    run, _ = world.run()
    options = ("--experiment", "weak.yaml", "-m", "answer_relevance")
    said: list[Any] = []
    assert world.asked(lambda: said.append(world.judge(run, "both", *options))) == {"strong": 6, "weak": 6}
    scores = read(run, "scores")["answer_relevance:both"]
    assert scores["questions"] == {}
    assert scores["unscored"]["zh-2"] == "1 of 1 verdicts missing: the panel has no majority: 1 for 0, 1 for 1"
    entry = said[0]["judges"]["answer_relevance:both"]
    strong, weak = (f"{name} @ {world.server.base_url}" for name in ("strong", "weak"))
    assert (entry["model"], entry["verdicts"], entry["abstained"]) == (f"{strong} + {weak}", 6, 6)
    agreement = entry["agreement"]
    assert (agreement["raters"], agreement["items"], agreement["abstained"]) == (2, 6, {strong: 0, weak: 0})
    assert agreement["alpha"]["point"] == pytest.approx(1 - 132 / 72)
    lines = read_jsonl(judgments_of(run, "answer_relevance:both"))
    votes = {line["question_id"]: line["judgments"][0]["votes"] for line in lines}
    assert votes == {q: [g, 1 - g] for q, g in GRADES.items()}
    shown = world.line("show", run, "zh-2").out
    assert "no verdict (the panel has no majority: 1 for 0, 1 for 1) (votes 0, 1)" in shown

    ended = world.line("judge", run, "--name", "both", "--experiment", "strong.yaml", *options, "--out", "out")
    assert "2 raters, Krippendorff's alpha -0.833 [" in ended.out
    assert "on 6 items; abstained: none" in ended.out


def test_a_panel_in_the_experiment_file(world: World) -> None:
    """Two models, three samples each: six raters, and six calls for what one judge asks once; twice as many at most,
    where no reply can be read.
    """
    models = {"judge": [world.model("strong"), world.model("weak")], "judge_samples": 3}
    world.experiment(models=models, metrics=["answer_relevance"], pipelines=[{"recorded": {"path": "a.jsonl"}}])
    checked = world.line("check", "experiment.yaml", "--json")
    assert [p["calls"] for p in json.loads(checked.out)["pipelines"]] == [[0, 2 * 6 * 6]]
    printed = world.line("check", "experiment.yaml").out.splitlines()
    assert [line for line in printed if line.startswith(("judge: ", "each "))] == [
        f"judge: strong @ {world.server.base_url}",
        f"judge: weak @ {world.server.base_url}",
        "each judge is asked 3 times",
    ]
    runs: list[Path] = []
    assert world.asked(lambda: runs.extend(world.run())) == {"strong": 18, "weak": 18}
    temperatures = Counter(r.payload["temperature"] for r in world.server.received if r.payload["model"] == "weak")
    assert temperatures == {0.0: 6, 0.7: 12}
    entry = read(runs[0], "manifest")["judges"]["answer_relevance"]
    assert entry["model"].endswith(", 3 samples each")
    assert (entry["agreement"]["raters"], entry["agreement"]["items"]) == (6, 6)
    assert [*entry["agreement"]["abstained"]][1] == f"strong @ {world.server.base_url}, sample 2"
    assert "6 raters, Krippendorff's alpha" in world.line("leaderboard", runs[0]).out
    assert world.asked(world.run).total() == 0


def judgments_of(run: Path, entry: str) -> Path:
    return run / "judgments" / f"{read(run, 'manifest')['judges'][entry]['key']}.jsonl"


def test_judges_of_ones_own_are_given_by_their_paths(world: World) -> None:
    (world.folder / "tone.yaml").write_text(TONE, "utf-8")
    world.rule = lambda received: completion("3") if received.payload["max_tokens"] == 8 else by_model(received)
    world.experiment(metrics=["tone.yaml", "answer_relevance"])
    run, _ = world.run()
    said = world.judge(run, "strong")
    assert [*said["metrics"]] == ["answer_relevance:strong"]
    said = world.judge(run, "strong", "--metric", "tone.yaml")
    assert [*said["metrics"]] == ["answer_relevance:strong", "custom.tone:strong"]
    assert said["metrics"]["custom.tone:strong"]["mean"] == 1.0
    drawn = world.line("sample", run, "--metric", "custom.tone:strong", "-n", "2", "--out", "s.jsonl")
    assert drawn.code == 0
    assert "How polite is the answer?" in read_jsonl(Path("s.jsonl"))[0]["instructions"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--name", "Strong"], "--name: found 'Strong' as the name of a judge, expected lower-case letters"),
        (["--name", "s", "-m", "hit_rate@2"], "--metric: found hit_rate@2, which no judge scores"),
        (["--name", "s", "-m", "faithfullness"], "unknown metric 'faithfullness': did you mean faithfulness?"),
        (["--name", "s", "-m", "faithfulness:x"], "found faithfulness:x, expected faithfulness: `rageval judge RUN"),
        (["--name", "s", "-m", "tone.yaml"], "found no custom.tone, expected it in the run: run the experiment"),
        (["--name", "s", "-m", "custom.tone"], "found custom.tone, expected the path of that judge"),
        (["--name", "s", "--calibration", "none.json"], "none.json: no such file; expected the record"),
        (["--name", "s", "--experiment", "strong.yaml"], "2 times in a panel, expected models that differ"),
        (["--name", "s", "--experiment", "gone.yaml"], "gone.yaml: no such file"),
    ],
)
def test_mistakes_cost_nothing(options: list[str], told: str, world: World) -> None:
    (world.folder / "tone.yaml").write_text(TONE, "utf-8")
    run, _ = world.run()
    before = world.server.calls
    ended = world.line("judge", run, "--experiment", "strong.yaml", "--out", "out", *options)
    assert ended.code == 2
    (line,) = ended.err.splitlines()
    assert line.startswith("error: ")
    assert told in line
    assert world.server.calls == before


def test_what_cannot_be_judged_again(world: World) -> None:
    run, other = world.run()
    world.judge(run, "strong")
    told = world.judge(run, "strong", experiment="weak.yaml", code=2)
    assert f"--name strong: found answer_relevance:strong judged by strong @ {world.server.base_url}" in told
    wrong = record(run, "answer_relevance", world.folder / "cal")
    told = world.judge(other, "strong", "--calibration", wrong, code=2)
    entries = read(run, "manifest")["judges"]
    own, added = (entries[name]["key"] for name in ("answer_relevance", "answer_relevance:strong"))
    assert f"found the calibration of {own} (m), expected one of {added}" in told
    manifest = read(other, "manifest")
    (other / "manifest.json").write_text(json.dumps({**manifest, "status": "running"}), "utf-8")
    assert "the run is not finished" in world.judge(other, "strong", code=2)
    assert "no such file" in world.judge(world.folder, "strong", code=2)

    world.experiment(metrics=["hit_rate@2"])
    without, _ = world.run()
    assert "found no judged metric of rageval's own" in world.judge(without, "strong", code=2)
    assert "found no answers, expected some for answer_relevance" in world.judge(
        without, "strong", "-m", "answer_relevance", code=2
    )
    assert [*world.judge(without, "strong", "-m", "context_relevance")["metrics"]] == ["context_relevance:strong"]


def test_a_panel_is_not_calibrated(world: World) -> None:
    world.experiment(models={"judge": [world.model("strong"), world.model("weak")]})
    write_lines(world.folder / "l.jsonl", [{"id": "1", "question": "q", "context": [], "answer": "a", "label": 1}])
    ended = world.line("calibrate", "completeness", "--labels", "l.jsonl", "--experiment", "experiment.yaml")
    assert ended.code == 2
    assert ended.err == "error: experiment.yaml: models.judge: found a panel, expected one model, asked once\n"


def test_an_experiment_names_no_other_judge(world: World) -> None:
    world.experiment(metrics=["faithfulness:strong"])
    ended = world.line("check", "experiment.yaml")
    assert ended.code == 2
    assert "found faithfulness:strong, expected faithfulness: `rageval judge RUN --name strong` adds" in ended.err
