from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rageval.benchmark.digests import corpus_digest
from rageval.errors import ExecutionError, ModelError
from rageval.experiment.choose_metrics import parse_metrics
from rageval.experiment.plan import Experiment
from rageval.experiment.recipes import build_pipeline
from rageval.experiment.run import run_experiment
from rageval.io.records import usage_from_json
from rageval.models.base import ChatReply, ChatRequest
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.pipeline import IndexStore, Pipeline, Resources, Stage, State
from rageval.types import Benchmark, Hit, Passage, Step, Usage
from tests.flow.small_world import QUESTIONS, read_jsonl, scripted_reply

NAIVE = {"retriever": "bm25", "k": 2}


@dataclass
class Bench:
    """Runs experiments on the small benchmark into one folder, with one chat model that has no cache before it."""

    benchmark: Benchmark
    folder: Path
    chat: ScriptedChat

    def experiment(self, pipelines: Sequence[Pipeline] | None = None, metrics: Sequence[str] = ("map",)) -> Experiment:
        built = tuple(pipelines or [build_pipeline("naive", NAIVE, self.folder)])
        questions = self.benchmark.questions
        return Experiment(
            name="e",
            benchmark=self.benchmark,
            reference="small",
            questions=questions,
            pipelines=built,
            metrics=parse_metrics(metrics),
            chat=self.chat,
            embedder=HashEmbedder(),
            raters=(self.chat,),
            seed=7,
        )

    def run(self, *given: Any, **options: Any) -> Path:
        (path,) = run_experiment(self.experiment(*given), self.folder / "out", **options)
        return path


@pytest.fixture
def bench(small: Benchmark, tmp_path: Path) -> Bench:
    return Bench(small, tmp_path, ScriptedChat(scripted_reply))


def manifest(run: Path) -> dict[str, Any]:
    return json.loads((run / "manifest.json").read_text("utf-8"))


def lines(run: Path) -> dict[str, dict[str, Any]]:
    return {line["question_id"]: line for line in read_jsonl(run / "responses.jsonl")}


def test_manifest_says_what_was_run(bench: Bench) -> None:
    run = bench.run(None, ["ndcg@10", "faithfulness", "answer_relevance"])
    said = manifest(run)
    assert run.parent == bench.folder / "out" / "runs"
    assert run.name == f"e-naive-{said['fingerprint'][:10]}"
    assert said["label"] == "naive(retriever=bm25, k=2)"
    assert said["params"] == NAIVE
    assert said["benchmark"] == {
        "name": "small",
        "reference": "small",
        "source": bench.benchmark.card.source,
        "content_hash": bench.benchmark.content_hash,
        "corpus": corpus_digest(bench.benchmark.documents),
        "exclude_self": False,
        "grade_threshold": 1,
        "tolerated": [],
    }
    assert said["questions"] == list(QUESTIONS)
    assert said["models"] == {"chat": "scripted", "embed": None}
    assert {name: judge["model"] for name, judge in said["judges"].items()} == {
        "claim_support": "scripted",
        "answer_relevance": "scripted",
    }
    assert said["metrics"] == ["ndcg@10", "faithfulness", "answer_relevance"]
    assert (said["seed"], said["status"], said["failed"]) == (7, "complete", 0)
    assert said["versions"]["numpy"] == version("numpy")
    assert sum(usage["calls"] for usage in said["usage"].values()) == len(bench.chat.requests)
    latencies = [line["latency_s"] for line in lines(run).values()]
    assert said["mean_latency_s"] == pytest.approx(sum(latencies) / 6)


def test_every_question_has_a_line_and_the_questions_are_kept(bench: Bench) -> None:
    run = bench.run()
    assert set(lines(run)) == set(QUESTIONS)
    questions = {line["question_id"]: line for line in read_jsonl(run / "questions.jsonl")}
    assert {name: line["text"] for name, line in questions.items()} == QUESTIONS
    assert questions["en-1"]["grades"] == {"arlen": 2, "delmar": 0}
    assert len({line["digest"] for line in questions.values()}) == len(QUESTIONS)


def test_without_judged_metrics_nothing_is_generated(bench: Bench) -> None:
    run = bench.run(None, ["map", "mrr"])
    assert bench.chat.requests == []
    assert {line["answer"] for line in lines(run).values()} == {None}


def test_another_metric_judges_but_does_not_answer_again(bench: Bench) -> None:
    first = bench.run(None, ["faithfulness"])
    answers = (first / "responses.jsonl").read_bytes()
    before = len(bench.chat.requests)
    second = bench.run(None, ["faithfulness", "answer_relevance"])
    asked = Counter(request.prompt.partition("/")[0] for request in bench.chat.requests[before:])
    assert second == first
    assert (second / "responses.jsonl").read_bytes() == answers
    assert set(asked) == {"answer_relevance"}


def test_another_setting_is_another_run(bench: Bench) -> None:
    paths = {
        bench.run([build_pipeline("naive", params, bench.folder)], metrics)
        for params in (NAIVE, {**NAIVE, "k": 3})
        for metrics in (["map"], ["faithfulness"])
    }
    assert len(paths) == 4


def test_a_setting_that_is_the_default_changes_nothing(bench: Bench) -> None:
    plain = bench.run([build_pipeline("oracle", {}, bench.folder)])
    assert bench.run([build_pipeline("oracle", {"k": 5}, bench.folder)]) == plain


def test_another_model_is_another_run(bench: Bench) -> None:
    first = bench.run(None, ["faithfulness"])
    other = replace(bench, chat=ScriptedChat(scripted_reply, identity="other"))
    assert other.run(None, ["faithfulness"]) != first
    assert other.run(None, ["map"]) == bench.run(None, ["map"])  # which no model has a part in


def test_another_judge_judges_again_what_is_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    (bench.folder / "theirs.jsonl").write_text('{"question_id": "en-1", "answer": "2310 metres"}\n', "utf-8")
    recorded = [build_pipeline("recorded", {"path": "theirs.jsonl"}, bench.folder)]
    run = bench.run(recorded, ["answer_relevance"])
    assert (
        replace(bench, chat=ScriptedChat(scripted_reply, identity="other")).run(recorded, ["answer_relevance"]) == run
    )
    monkeypatch.setattr("rageval.judges.base.prompt_digests", lambda names: dict.fromkeys(names, "edited"))
    assert bench.run(recorded, ["answer_relevance"]) == run
    assert len(list((run / "judgments").iterdir())) == 3  # another model, another wording
    assert len((run / "responses.jsonl").read_text("utf-8").splitlines()) == len(QUESTIONS)


def test_judgments_of_a_lost_response_are_not_taken_for_those_of_its_successor(bench: Bench) -> None:
    run = bench.run(None, ["answer_relevance"])
    (run / "responses.jsonl").unlink()
    before = len(bench.chat.requests)
    bench.run(None, ["answer_relevance"])
    asked = Counter(request.prompt.partition("/")[0] for request in bench.chat.requests[before:])
    answered = [line for line in lines(run).values() if not line["abstained"]]
    assert asked["answer_relevance"] == len(answered) > 0


def test_progress_counts_pairs(bench: Bench) -> None:
    told: list[tuple[int, int]] = []
    bench.run(on_progress=lambda done, total: told.append((done, total)))
    assert told == [(done, 6) for done in range(7)]
    told.clear()
    bench.run(on_progress=lambda done, total: told.append((done, total)))
    assert told == [(6, 6)]


def test_a_model_error_stops_the_run_and_keeps_the_answers(bench: Bench) -> None:
    def refuse(request: ChatRequest) -> ChatReply | Exception:
        return (
            ModelError("no such model")
            if QUESTIONS["zh-1"] in request.messages[-1].content
            else scripted_reply(request)
        )

    stopped = replace(bench, chat=ScriptedChat(refuse, concurrency=1))
    with pytest.raises(ModelError, match="no such model"):
        stopped.run(None, ["answer_relevance"])
    (run,) = (bench.folder / "out" / "runs").iterdir()
    assert list(lines(run)) == ["en-1", "en-2", "en-none"]
    assert manifest(run)["status"] == "running"
    assert bench.run(None, ["answer_relevance"]) == run
    assert manifest(run)["status"] == "complete"
    assert not any(QUESTIONS["en-1"] in request.messages[-1].content for request in bench.chat.requests)


ODD_SCORES: dict[str, Any] = {"nan": math.nan, "numpy": np.float32(1.0)}


@dataclass(frozen=True)
class Odd(Stage):
    """Returns what cannot be written, or fails."""

    kind: str

    async def run(self, state: State, resources: Resources) -> State:
        if state.question.id == "en-2":
            raise ExecutionError("not this one")
        detail: Any = {self.kind} if self.kind == "set" else self.kind
        hits = (Hit(Passage("arlen", 0, 1, "M"), ODD_SCORES.get(self.kind, 1.0)),)
        return state.with_response(hits=hits, steps=(Step("odd", {"name": detail}),))


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("nan", "hit 0: found the score nan, expected a finite number"),
        ("set", "step 'odd': detail.name: found a set, expected JSON: texts, numbers, true, false, None, lists or "),
    ],
)
def test_a_response_that_is_no_json_is_a_failure(kind: str, message: str, bench: Bench) -> None:
    run = bench.run([Pipeline("odd", Odd(kind))])
    assert manifest(run)["failed"] == 6
    failures = {name: line["failure"]["message"] for name, line in lines(run).items()}
    assert failures.pop("en-2") == "not this one"
    assert all(found.startswith(message) for found in failures.values())


def test_numbers_of_numpy_are_kept_as_numbers(bench: Bench) -> None:
    run = bench.run([Pipeline("odd", Odd("numpy"))])
    assert manifest(run)["failed"] == 1
    assert lines(run)["en-1"]["hits"] == [["arlen", 0, 1, 1.0]]


def test_steps_are_kept_whatever_their_details_are_called(bench: Bench) -> None:
    run = bench.run([Pipeline("odd", Odd("x"))])
    assert lines(run)["en-1"]["steps"] == [{"name": "odd", "detail": {"name": "x"}}]


def test_models_are_left_to_their_owner(bench: Bench) -> None:
    class Closable(ScriptedChat):
        closed = 0

        async def close(self) -> None:
            self.closed += 1

    chat = Closable(scripted_reply)
    experiment = replace(bench, chat=chat).experiment(None, ["faithfulness"])
    run_experiment(experiment, bench.folder / "out")
    assert chat.closed == 0


def test_usage_is_that_of_the_calls(bench: Bench) -> None:
    run = bench.run(None, ["faithfulness"])
    usage = [usage_from_json(part) for part in manifest(run)["usage"].values()]
    total = sum(usage, Usage())
    sent = sum(len(request.messages[-1].content) for request in bench.chat.requests)
    assert (total.calls, total.prompt_tokens) == (len(bench.chat.requests), sent)  # a token per character here


def test_indexes_of_a_large_corpus_lie_in_the_cache_and_change_no_result(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipelines = [build_pipeline("naive", {"retriever": "hybrid", "k": k}, bench.folder) for k in (1, 2)]
    in_memory = [lines(run) for run in run_experiment(bench.experiment(pipelines), bench.folder / "memory")]
    monkeypatch.setattr("rageval.experiment.run.IndexStore", lambda folder: IndexStore(folder, 1))
    on_disk = [lines(run) for run in run_experiment(bench.experiment(pipelines), bench.folder / "out")]
    for one, other in zip(in_memory, on_disk, strict=True):
        for question, response in one.items():
            assert other[question]["hits"] == response["hits"]
    folders = [path.name for path in (bench.folder / "out" / "cache" / "indexes").iterdir() if path.is_dir()]
    assert sorted(name.split("-")[0] for name in folders) == ["bm25", "dense", "passages"]
    assert not (bench.folder / "memory" / "cache").exists()
