"""`rageval calibrate` from a file of labels to a record that is used again, through the command line."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, cohen_kappa_score, roc_auc_score

from rageval.judges import JUDGES
from rageval.judges.panel import on_scale
from rageval.people import read_record
from tests.conftest import CommandLine
from tests.flow.fake_server import Canned, FakeServer, Received, completion, fault
from tests.flow.small_world import Interrupter, respond, start_rageval, write_experiment, write_lines

FIGURES = {"accuracy", "balanced_accuracy", "auc", "kappa", "ece"}


def as_stated(received: Received) -> Canned:
    """P(yes) as the answer states it: `holds with 0.31`; 0.1 where it states none."""
    found = re.search(r"holds with (0\.\d+)", received.payload["messages"][-1]["content"])
    p = float(found[1]) if found else 0.1
    pairs = sorted({"yes": math.log(p), "no": math.log(1 - p)}.items(), key=lambda pair: -pair[1])
    return completion(pairs[0][0], top_logprobs=dict(pairs))


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(as_stated, latency_s=0.005) as server:
        yield server


@dataclass(frozen=True)
class World:
    """A folder with 60 labelled items, an experiment file, and what the judge will say of each item."""

    folder: Path
    labels: list[int]
    said: list[float]

    @property
    def command(self) -> list[object]:
        return [
            *("calibrate", "answer_relevance", "--labels", self.folder / "labels.jsonl"),
            *("--experiment", self.folder / "experiment.yaml", "--out", self.folder / "out"),
        ]


@pytest.fixture
def world(tmp_path: Path, server: FakeServer) -> World:
    rng = np.random.default_rng(4)
    labels = [int(label) for label in rng.random(60) < 0.5]
    said = [round(float(np.clip(0.3 + 0.3 * label + rng.normal(0, 0.2), 0.01, 0.99)), 3) for label in labels]
    write_lines(
        tmp_path / "labels.jsonl",
        [
            {
                "id": f"i{i}",
                "question": f"Does number {i} hold?" if i % 2 else f"第{i}号成立吗？",
                "context": [f"A passage about {i}."],
                "answer": f"It holds with {p:.3f}",
                "reference": "It holds.",
                "label": label,
            }
            for i, (label, p) in enumerate(zip(labels, said, strict=True))
        ],
    )
    write_experiment(tmp_path, server.base_url)
    return World(tmp_path, labels, said)


def one_object(text: str) -> dict[str, Any]:
    def refuse(name: str) -> None:
        raise AssertionError(f"found {name}")

    assert text.count("\n") == 1
    return json.loads(text, parse_constant=refuse)


def test_figures_and_record(world: World, server: FakeServer, command_line: CommandLine) -> None:
    ended = command_line(*world.command, "--json")
    assert (ended.code, ended.err) == (0, "")
    found = one_object(ended.out)
    assert set(found) == {
        *("format", "judge", "key", "model", "labels", "sha256", "n", "abstained", "zero_shot", "cross_validated"),
        *("scaling", "created", "path", "reasons", "usage", "seconds_per_item", "attacks", "notes"),
        *("reliability", "reliability_scaled"),
    }
    for column in ("zero_shot", "cross_validated"):
        assert set(found[column]) == FIGURES
        for name, interval in found[column].items():
            assert set(interval) == {"point", "low", "high", "level", "method", "n"}, name
            assert interval["low"] <= interval["point"] <= interval["high"]
            assert (interval["n"], interval["level"]) == (60, 0.95)
    verdicts = [p >= 0.5 for p in world.said]
    assert {name: found["zero_shot"][name]["point"] for name in FIGURES - {"ece"}} == {
        "accuracy": pytest.approx(accuracy_score(world.labels, verdicts)),
        "balanced_accuracy": pytest.approx(balanced_accuracy_score(world.labels, verdicts)),
        "auc": pytest.approx(roc_auc_score(world.labels, world.said)),
        "kappa": pytest.approx(cohen_kappa_score(world.labels, verdicts)),
    }
    assert (found["judge"], found["labels"], found["n"], found["abstained"]) == (
        *("answer_relevance", "labels.jsonl", 60, 0),
    )
    assert found["sha256"] == hashlib.sha256((world.folder / "labels.jsonl").read_bytes()).hexdigest()
    assert found["model"].startswith("fake @ http://127.0.0.1:")
    assert (found["usage"]["calls"], found["usage"]["prompt_tokens"], found["usage"]["completion_tokens"]) == (
        *(60, 60 * 7, 60 * 3),
    )
    assert found["seconds_per_item"] > 0
    assert (found["attacks"], found["notes"], found["reasons"]) == (None, [], {})
    assert server.most_in_flight == 4

    path = Path(found["path"])
    assert path == world.folder / "out" / "calibrations" / f"{found['key']}.json"
    stored = json.loads(path.read_text("utf-8"))
    assert stored == {key: found[key] for key in stored}
    record = read_record(path)
    platt = found["scaling"]
    assert platt["method"] == "platt"
    assert record.apply(0.25) == pytest.approx(1 / (1 + math.exp(platt["slope"] * math.log(3) - platt["intercept"])))


def test_a_second_time_nothing_is_asked(world: World, server: FakeServer, command_line: CommandLine) -> None:
    first = one_object(command_line(*world.command, "--attacks", "--json").out)
    calls = server.calls
    assert calls > 60
    second = one_object(command_line(*world.command, "--attacks", "--json").out)
    assert server.calls == calls
    differ = {key for key in first if first[key] != second[key]} - {"created"}
    assert differ == {"usage", "seconds_per_item", "notes"}
    assert (second["usage"]["paid_calls"], second["usage"]["cached_calls"], second["seconds_per_item"]) == (0, 60, None)
    assert second["notes"] == ["no seconds per item: every reply came from the cache"]
    printed = command_line(*world.command)
    assert "1.0 calls an item, 420 prompt and 180 completion tokens; 0 of 60 calls were paid for\n" in printed.out
    assert "note: no seconds per item: every reply came from the cache" in printed.err


def test_the_table(world: World, command_line: CommandLine) -> None:
    ended = command_line(*world.command, "--attacks", "--scaling", "isotonic")
    assert ended.code == 0
    lines = [line for line in ended.out.splitlines() if not line.startswith("─")]
    assert re.fullmatch(r"answer_relevance by fake @ \S+ on labels\.jsonl \(sha256 [0-9a-f]{12}\)", lines[0])
    cell = r"-?\d\.\d{3} \[-?\d\.\d\d, \d\.\d\d\]"
    assert re.fullmatch(r"measure +zero-shot +isotonic, cross-validated", lines[2])
    names = ["accuracy", "balanced accuracy", "AUC", "Cohen's kappa", "calibration error ↓"]
    for name, line in zip(names, lines[3:8], strict=True):
        assert re.fullmatch(rf"{re.escape(name)} +{cell}  +{cell}", line)
    assert "60 of 60 items judged, 0 abstained" in lines
    (start,) = (
        i for i, line in enumerate(lines) if re.fullmatch("changed from no to yes +by attacks +by controls", line)
    )
    rows = lines[start:]
    assert [row.partition("  ")[0] for row in rows[1:]] == [
        *("en, answers", "en, passages", "zh, answers", "zh, passages", "all"),
    ]
    assert re.fullmatch(r"all +0\.000 \[0\.00, 0\.06\] \(0 of 48\) +0\.000 \[0\.00, 0\.23\] \(0 of 12\)", rows[-1])
    assert [Path(line).parent.name for line in ended.err.splitlines()] == ["calibrations"]


def test_without_scaling(world: World, command_line: CommandLine) -> None:
    found = one_object(command_line(*world.command, "--scaling", "none", "--json").out)
    assert (found["scaling"], found["cross_validated"], found["notes"]) == (None, None, [])
    assert "cross-validated" not in command_line(*world.command, "--scaling", "none").out


def test_the_seed_deals_other_folds(world: World, command_line: CommandLine) -> None:
    by_seed = [one_object(command_line(*world.command, "--seed", seed, "--json").out) for seed in (0, 1)]
    assert by_seed[0]["scaling"] == by_seed[1]["scaling"]
    assert by_seed[0]["cross_validated"]["auc"] != by_seed[1]["cross_validated"]["auc"]


@pytest.mark.parametrize("judge", [name for name, judge in JUDGES.items() if not on_scale(judge)])
def test_every_judge_can_be_calibrated(judge: str, tmp_path: Path, command_line: CommandLine) -> None:
    """By a model that says whatever it likes, some of it unreadable: every item is judged or abstained."""
    item = {"question": "How deep is Lake Corva?", "answer": "61 metres.", "reference": "61 m"}
    passages = ["Lake Corva is 61 metres deep.", "Delmar has 8400 inhabitants."]
    lines = [{**item, "id": str(i), "context": passages[: i % 3], "label": i % 2} for i in range(24)]
    write_lines(tmp_path / "labels.jsonl", lines)
    with FakeServer(respond) as server:
        experiment = write_experiment(tmp_path, server.base_url)
        ended = command_line(
            *("calibrate", judge, "--labels", tmp_path / "labels.jsonl", "--experiment", experiment),
            *("--out", tmp_path / "out", "--attacks", "--json"),
        )
    assert ended.code == 0, ended.err
    found = one_object(ended.out)
    assert found["n"] + found["abstained"] == 24
    assert sum(found["reasons"].values()) == found["abstained"]
    cells = found["attacks"]["cells"]
    assert [(cell["language"], cell["place"]) for cell in cells] == [
        *(("en", "answer"), ("en", "passage"), ("zh", "answer"), ("zh", "passage"), (None, None)),
    ]
    assert set(cells[0]) == {"language", "place", "attacks", "controls", "untried"}
    assert set(cells[0]["attacks"]) == set(cells[0]["controls"]) == {"n", "yes", "abstained", "rate"}
    assert all(set(trial) == {"attack", "kind", "item", "probability"} for trial in found["attacks"]["trials"])
    assert sum(cells[-1][kind]["n"] for kind in ("attacks", "controls")) + cells[-1]["untried"] == 60


@pytest.mark.parametrize("levels", [2, 3])
def test_a_rubric_of_ones_own(levels: int, world: World, server: FakeServer, command_line: CommandLine) -> None:
    """It is calibrated like any other where it has two levels, and refused before any call where it has a scale."""
    server.queue(*[completion("1", top_logprobs={"1": math.log(0.75), "2": math.log(0.25)})] * 60)
    words = ["no", "perhaps", "yes"][:: 1 if levels == 3 else 2]
    path = world.folder / "holds.yaml"
    wordings = [f"{language}: {{question: Is it so, levels: {json.dumps(words)}}}" for language in ("en", "zh")]
    path.write_text("\n".join(["name: holds", *wordings]), encoding="utf-8")
    ended = command_line(*world.command[:1], path, *world.command[2:], "--json")
    if levels == 3:
        assert ended.code == 2
        assert f"{path}, which grades on a scale, expected a judge that says yes or no" in ended.err
        assert server.calls == 0
        return
    found = json.loads(ended.out)
    assert (found["judge"], found["n"]) == ("custom.holds", 60)
    assert found["zero_shot"]["accuracy"]["point"] == pytest.approx(world.labels.count(0) / 60)
    assert server.calls == 60


def test_a_rubric_without_the_language_of_the_items(
    world: World, server: FakeServer, command_line: CommandLine
) -> None:
    path = world.folder / "holds.yaml"
    path.write_text("name: holds\nen: {question: Is it so, levels: [bad, good]}", encoding="utf-8")
    ended = command_line(*world.command[:1], path, *world.command[2:])
    assert ended.code == 2
    assert "calibrate: custom.holds: found no wording in zh, which 30 of the questions are in" in ended.err
    assert server.calls == 0


def test_the_judge_model_goes_before_the_chat_model(world: World, command_line: CommandLine) -> None:
    with FakeServer(as_stated) as other:
        models = {
            name: {"provider": "openai", "base_url": url, "model": name}
            for name, url in (("chat", "http://127.0.0.1:9/v1"), ("judge", other.base_url))
        }
        write_experiment(world.folder, "", models=models)
        assert one_object(command_line(*world.command, "--json").out)["model"] == f"judge @ {other.base_url}"
        assert other.calls == 60


def test_a_refusing_endpoint(world: World, server: FakeServer, command_line: CommandLine) -> None:
    server.queue(*[fault(401, "no such key")] * 60)
    ended = command_line(*world.command)
    assert (ended.code, ended.out) == (5, "")
    assert ended.err.startswith("error: ")
    assert ended.err.count("\n") == 1
    assert not (world.folder / "out" / "calibrations").exists()


def test_stopped_by_ctrl_c_it_goes_on_where_it_was(world: World) -> None:
    interrupter = Interrupter(as_stated, at=20)
    with FakeServer(interrupter) as server:
        write_experiment(world.folder, server.base_url)
        interrupter.process = start_rageval(*world.command)
        out, err = interrupter.process.communicate(timeout=60)
        assert (interrupter.process.returncode, out) == (130, "")
        assert "stopped; every reply so far is kept. To go on:  rageval calibrate answer_relevance --labels" in err
        assert "Traceback" not in err
        assert not (world.folder / "out" / "calibrations").exists()
        interrupter.process = None
        before = server.calls
        out, err = start_rageval(*world.command, "--json").communicate(timeout=60)
    found, asked = one_object(out), server.calls - before
    assert (found["n"], found["usage"]["paid_calls"], found["usage"]["cached_calls"]) == (60, asked, 60 - asked)
    assert 60 - asked >= 16  # four of the first twenty may have been under way
    assert found["notes"] == [f"seconds per item count only those that needed the model: {asked}"]


Spoil = Callable[[Path], object]
GOOD = {"id": "a", "question": "How deep?", "context": ["61 m."], "answer": "61 m", "label": 1}


def lines(*given: object) -> Spoil:
    """Line 1 is good; the others are as given."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in (GOOD, *given)]
    return lambda folder: (folder / "labels.jsonl").write_text("\n".join(texts), encoding="utf-8")


def without(key: str) -> dict[str, object]:
    return {k: v for k, v in {**GOOD, "id": "b"}.items() if k != key}


def but(**fields: object) -> dict[str, object]:
    return {**GOOD, "id": "b", **fields}


TEXT, TEXTS = "a text that is not empty", "a list of texts that are not empty"
BAD_FILES: list[tuple[str, Spoil, str]] = [
    ("no-file", lambda f: (f / "labels.jsonl").unlink(), ": found no readable file (No such file or directory)"),
    ("folder", lambda f: ((f / "labels.jsonl").unlink(), (f / "labels.jsonl").mkdir()), ": found no readable file (Is"),
    ("empty", lambda f: (f / "labels.jsonl").write_text("\n\n"), ": found no item, expected at least one JSON object"),
    ("not-utf8", lambda f: (f / "labels.jsonl").write_bytes(b'{"id": "\xff"}\n'), ":1: found the byte 0xff"),
    ("not-json", lines("id: b"), ":2: found bad JSON"),
    ("nan", lines('{"label": NaN}'), ":2: found bad JSON (NaN is not a JSON number)"),
    ("no-object", lines([1]), ":2: found a list, expected one JSON object a line"),
    ("id-again", lines("", GOOD), ":3: found the id 'a' again, expected it only at "),
    ("id-missing", lines(without("id")), f":2: found no id, expected {TEXT}"),
    ("id-number", lines(but(id=7)), f":2: found 7 for id, expected {TEXT}"),
    ("question-missing", lines(without("question")), f":2: found no question, expected {TEXT}"),
    ("question-blank", lines(but(question="  ")), f":2: found '  ' for question, expected {TEXT}"),
    ("context-missing", lines(without("context")), f":2: found no context, expected {TEXTS}"),
    ("context-text", lines(but(context="61 m.")), f":2: found '61 m.' for context, expected {TEXTS}"),
    ("context-empty-text", lines(but(context=["61 m.", ""])), f":2: found a list for context, expected {TEXTS}"),
    ("answer-missing", lines(without("answer")), ":2: found no answer, expected a text"),
    ("answer-null", lines(but(answer=None)), ":2: found null for answer, expected a text"),
    ("label-missing", lines(without("label")), ":2: found no label, expected 0 or 1"),
    ("label-between", lines(but(label=0.5)), ":2: found 0.5 for label, expected 0 or 1"),
    ("label-text", lines(but(label="yes")), ":2: found 'yes' for label, expected 0 or 1"),
    ("label-null", lines(but(label=None)), ":2: found null for label, expected 0 or 1"),
    ("reference-number", lines(but(reference=61)), f":2: found 61 for reference, expected {TEXT}, or {TEXTS}"),
    ("language", lines(but(language="French")), ":2: found 'French' for language, expected a code such as en"),
    ("language-list", lines(but(language=["en"])), ":2: found a list for language, expected a code such as en"),
]


@pytest.mark.parametrize(("spoil", "told"), [case[1:] for case in BAD_FILES], ids=[case[0] for case in BAD_FILES])
def test_bad_label_files(spoil: Spoil, told: str, world: World, server: FakeServer, command_line: CommandLine) -> None:
    spoil(world.folder)
    ended = command_line(*world.command)
    assert (ended.code, ended.out, server.calls) == (2, "", 0)
    assert ended.err.startswith(f"error: {world.folder / 'labels.jsonl'}{told}")
    assert ended.err.count("\n") == 1
    assert not (world.folder / "out").exists()


def test_all_problems_of_a_file_are_told(world: World, command_line: CommandLine) -> None:
    lines(but(label=2), but(id="c", answer=1))(world.folder)
    told = command_line(*world.command).err.splitlines()
    assert [line.partition("labels.jsonl")[2][:2] for line in told] == [":2", ":3"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({1: "answer_relevence"}, "found no judge 'answer_relevence', expected one of "),
        ({1: "passage_grade"}, "found passage_grade, which grades on a scale, expected a judge that says yes or no"),
        ({1: "semantic_similarity"}, "found semantic_similarity, which grades on a scale, expected a judge that says"),
        ({5: "nowhere.yaml"}, "nowhere.yaml: no such file; expected an experiment file"),
        ({7: "labels.jsonl/out"}, "cannot be written"),
    ],
)
def test_a_bad_command(
    changes: dict[int, str],
    told: str,
    world: World,
    server: FakeServer,
    command_line: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(world.folder)
    command = [changes.get(i, part) for i, part in enumerate(world.command)]
    ended = command_line(*command)
    assert (ended.code, ended.out, server.calls) == (2, "", 0)
    assert told in ended.err
    assert ended.err.count("\n") == 1
    if changes.get(1) == "answer_relevence":
        assert ended.err.endswith("; did you mean answer_relevance?\n")


def test_a_scaling_that_cannot_be_had(world: World, server: FakeServer, command_line: CommandLine) -> None:
    lines(but(label=0))(world.folder)
    ended = command_line(*world.command, "--scaling", "platt")
    assert (ended.code, ended.out, server.calls) == (2, "", 0)
    assert "labels.jsonl: found 1 items labelled 1 and 1 labelled 0, expected at least 10 of each" in ended.err
    assert command_line(*world.command, "--scaling", "plat").code == 2
