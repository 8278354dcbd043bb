"""The executor with workers that live in this process and die when told to; tests/flow/test_ray.py has real ones."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from rageval.distributed.driver import OnRay
from rageval.distributed.messages import RecordMessage, Shard
from rageval.errors import BudgetError, DeclarationError, ExecutionError, IndexBuildError, ModelError
from rageval.experiment.answer import WorkerContext
from rageval.experiment.choose_metrics import parse_metrics
from rageval.experiment.plan import Experiment
from rageval.experiment.recipes import build_pipeline
from rageval.experiment.run import run_experiment
from rageval.io.run_folder import RunFolder
from rageval.models.base import ChatReply, ChatRequest
from rageval.models.cache import CachedChat
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.pipeline import Pipeline, Resources, Shared, Stage, State
from rageval.types import Benchmark
from tests.flow.small_world import DOCUMENTS, QUESTIONS, read_jsonl, run_folders, scripted_reply
from tests.unit.distributed.fake_ray import FakeRay

RECIPES: dict[str, dict[str, Any]] = {"naive": {"retriever": "bm25", "k": 2}, "rag_fusion": {"k": 2, "n": 2}}
METRICS = ["ndcg@10", "faithfulness", "answer_relevance", "nugget_recall"]


@dataclass
class Bench:
    """Experiments on the small benchmark with one chat model that has no cache before it: each request shows."""

    benchmark: Benchmark
    folder: Path

    def run(self, out: str, ray: FakeRay | None = None, **changes: Any) -> tuple[dict[str, Any], Counter[Any]]:
        """What was written, and what was asked."""
        chat = changes.pop("chat", None) or ScriptedChat(scripted_reply, concurrency=4)
        metrics = parse_metrics(changes.pop("metrics", METRICS))
        pipelines = changes.pop("pipelines", None) or tuple(
            build_pipeline(name, params, self.folder) for name, params in RECIPES.items()
        )
        experiment = Experiment(
            name="e",
            benchmark=self.benchmark,
            reference="small",
            questions=self.benchmark.questions,
            pipelines=pipelines,
            metrics=metrics,
            chat=chat,
            embedder=changes.pop("embedder", None) or HashEmbedder(),
            raters=(chat,),
        )
        executor = None if ray is None else OnRay(ray)
        try:
            run_experiment(experiment, self.folder / out, executor=executor, **changes)
        finally:
            if executor is not None:
                executor.close()
        requests = chat.requests if isinstance(chat, ScriptedChat) else ()
        asked = Counter((request.prompt, request.messages, request.sample) for request in requests)
        return written(self.folder / out), asked


def written(out: Path) -> dict[str, Any]:
    """Scores to the byte; responses and judgments without time and cost, in the order of the questions."""
    found: dict[str, Any] = {}
    for name, folder in run_folders(out).items():
        scores = folder / "scores.json"
        found[name] = scores.read_bytes() if scores.exists() else None
        for log in (folder / "responses.jsonl", *(folder / "judgments").glob("*.jsonl")):
            lines = read_jsonl(log) if log.exists() else []
            for line in lines:
                line.pop("usage", None)
                line.pop("latency_s", None)
            found[f"{name}/{log.name}"] = sorted(lines, key=lambda line: line["question_id"])
    return found


@pytest.fixture
def bench(small: Benchmark, tmp_path: Path) -> Bench:
    return Bench(small, tmp_path)


def test_as_in_one_process(bench: Bench) -> None:
    here = bench.run("here")
    told: list[tuple[int, int]] = []
    ray = FakeRay()
    there = bench.run("there", ray, on_progress=lambda *done: told.append(done))
    assert there == here
    assert told == [(done, 12) for done in range(13)] * 2
    assert len(ray.hired) == 2  # who serve the judge that waits for all answers, too
    assert all(actor.dead for actor in ray.hired)
    again = bench.run("there", FakeRay(is_lost=lambda *_: pytest.fail("a worker was hired")))
    assert again == (here[0], Counter())


@pytest.mark.parametrize("at", [1, 2, 3, 5, 8, 13, 21, 34])
@pytest.mark.parametrize("what", ["take", "put"])
def test_a_worker_is_lost(what: str, at: int, bench: Bench) -> None:
    """With letters that were on their way to it or from it. What it had asked may be asked again: there is no cache."""
    here, asked_here = bench.run("here")
    count = 0

    def is_lost(name: str, _: Any) -> bool:
        nonlocal count
        count += name == what
        return (name, count) == (what, at)

    there, asked_there = bench.run("there", FakeRay(is_lost=is_lost))
    assert count >= at
    assert there == here
    assert set(asked_there) == set(asked_here)


def test_what_workers_spend_on_indexes_is_the_runs(bench: Bench) -> None:
    """Each worker builds the index; with a cache in the driver one of them pays."""
    params: dict[str, Any] = {"views": ["sentences", "summaries"], "k": 2}
    pipelines = (build_pipeline("multi_vector", params, bench.folder),)
    chat = CachedChat(ScriptedChat(scripted_reply, concurrency=4), bench.folder / "chat.sqlite")
    ray = FakeRay()
    bench.run("there", ray, chat=chat, pipelines=pipelines, metrics=["ndcg@10"])
    asyncio.run(chat.close())
    (folder,) = run_folders(bench.folder / "there").values()
    usage = RunFolder(folder).manifest()["usage"]["indexing"]
    assert len(ray.hired) == 2
    assert (usage["calls"], usage["paid_calls"]) == (len(DOCUMENTS), len(DOCUMENTS))


def holds(letters: Sequence[Any], question_id: str) -> bool:
    shards = [letter for letter in letters if isinstance(letter, Shard)]
    return any(task.question.id == question_id for shard in shards for task in shard.tasks)


def test_what_loses_every_worker_is_named_and_the_rest_is_kept(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    ray = FakeRay(is_lost=lambda name, letters: name == "put" and holds(letters, "zh-1"))
    with pytest.raises(ExecutionError) as ended:
        bench.run("there", ray)
    assert str(ended.value).endswith(
        ", question zh-1: 3 Ray workers were lost while they worked on it (its node was terminated): everything done "
        "so far is kept"
    )
    assert len(caplog.records) >= 2
    assert not any("zh-1" in str(line) for name, line in written(bench.folder / "there").items() if "naive/" in name)
    here, _ = bench.run("here")
    assert bench.run("there", FakeRay())[0] == here


def test_no_worker_can_start(bench: Bench) -> None:
    ray = FakeRay(is_lost=lambda name, _: name == "open")
    with pytest.raises(DeclarationError, match=r"no worker can start \(its node was terminated\): install rageval"):
        bench.run("there", ray)
    assert len(ray.hired) <= 2 * 3


def test_other_versions_on_a_node(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rageval.distributed.worker.versions", lambda: {"rageval": "0.0.1", "numpy": "1.0"})
    with pytest.raises(DeclarationError, match=r"found rageval 0\.0\.1, numpy 1\.0 on a node, expected rageval "):
        bench.run("there", FakeRay())


def test_what_cannot_be_sent_is_told_at_once(bench: Bench) -> None:
    @dataclass(frozen=True)
    class Held(Odd):
        lock: Any = field(default_factory=Lock)

    ray = FakeRay()
    with pytest.raises(
        DeclarationError, match=r"that cannot be sent to workers \(.*lock.*\): let its settings be plain"
    ):
        bench.run("there", ray, pipelines=(Pipeline("held", Held("")),), metrics=["answer_relevance"])
    assert not ray.hired


def test_a_cluster_without_cpus(bench: Bench) -> None:
    with pytest.raises(DeclarationError, match="found no CPU in the cluster"):
        bench.run("there", FakeRay(cpus=0))


@pytest.mark.parametrize("error", [ModelError("bad key"), BudgetError("spent"), DeclarationError("no")])
def test_errors_of_models_end_the_run_as_they_are(error: Exception, bench: Bench) -> None:
    with pytest.raises(type(error)) as raised:
        bench.run("there", FakeRay(), chat=ScriptedChat(lambda request: error))
    assert str(raised.value) == str(error)


def test_a_call_that_fails_for_good_is_the_same_failure(bench: Bench) -> None:
    def reply(request: ChatRequest) -> ChatReply | Exception:
        failed = QUESTIONS["en-1"] in request.messages[-1].content
        return ExecutionError("no reply") if failed else scripted_reply(request)

    here, there = (bench.run(out, ray, chat=ScriptedChat(reply)) for out, ray in (("here", None), ("there", FakeRay())))
    assert there == here
    (line,) = (line for line in here[0]["naive/responses.jsonl"] if line["question_id"] == "en-1")
    assert line["failure"] == {"error": "ExecutionError", "message": "no reply"}


class OwnError(Exception):
    """Of the user's own: with a constructor that a copy could not be made by."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(f"{words} ({code})")


@dataclass(frozen=True)
class Odd(Stage):
    """Returns what cannot be written or is no response, or raises."""

    how: str

    async def run(self, state: State, resources: Resources) -> State:
        if state.question.id != "zh-1":
            return state.with_response(answer="It is so.")
        match self.how:
            case "unwritable":
                return state.with_step("odd", found={1, 2})  # pyright: ignore[reportArgumentType]
            case "no response":
                return state.with_response(answer=5)
            case "raises":
                raise LookupError("nothing there")
            case _:
                raise OwnError(7, "nothing there")


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ("unwritable", "ExecutionError", "step 'odd': detail.found: found a set, expected JSON: texts, "),
        ("no response", "ExecutionError", "the response's answer: found a int, expected a text or None"),
        ("raises", "LookupError", "nothing there"),
        ("raises its own", "OwnError", "nothing there (7)"),
    ],
)
def test_what_goes_wrong_in_a_stage_is_the_same_failure(how: str, error: str, message: str, bench: Bench) -> None:
    odd = {"pipelines": (Pipeline("odd", Odd(how)),), "metrics": ["answer_relevance"]}
    here, there = (bench.run(out, ray, **odd) for out, ray in (("here", None), ("there", FakeRay())))
    assert there == here
    (line,) = (line for line in here[0]["odd/responses.jsonl"] if line["question_id"] == "zh-1")
    assert line["failure"]["error"] == error
    assert line["failure"]["message"].startswith(message)
    assert ("test_driver.py" in line["failure"].get("traceback", "")) == how.startswith("raises")


@pytest.mark.parametrize("error", [KeyError("x"), OwnError(7, "no reply")])
def test_what_a_model_of_the_users_own_raises_is_told_with_the_place(error: Exception, bench: Bench) -> None:
    def reply(request: ChatRequest) -> ChatReply | Exception:
        if QUESTIONS["en-1"] in request.messages[-1].content:
            raise error
        return scripted_reply(request)

    here, there = (bench.run(out, ray, chat=ScriptedChat(reply)) for out, ray in (("here", None), ("there", FakeRay())))
    for found in (here, there):
        failures = {
            line["question_id"]: line["failure"] for line in found[0]["naive/responses.jsonl"] if "failure" in line
        }
        assert [*failures] == ["en-1"]
        assert str(error) in failures["en-1"]["message"]
        assert "test_driver.py" in failures["en-1"]["traceback"]
        assert "raise error" in failures["en-1"]["traceback"]
    assert there[0]["naive"] == here[0]["naive"]


@dataclass(frozen=True)
class Needs(Stage):
    """Needs an index."""

    index: Shared[object]

    def indexes(self) -> tuple[Shared[object], ...]:
        return (self.index,)

    async def run(self, state: State, resources: Resources) -> State:
        return state


@dataclass(frozen=True)
class Unbuildable:
    async def build(self, resources: Resources) -> object:
        raise OwnError(7, f"no words in {resources.documents[0].id}")


def test_an_index_that_cannot_be_built_ends_the_run_with_the_cause(bench: Bench) -> None:
    for out, ray in (("here", None), ("there", FakeRay())):
        with pytest.raises(
            IndexBuildError, match=r"^Unbuildable\(\) cannot be built: OwnError: no words in arlen \(7\)"
        ):
            bench.run(out, ray, pipelines=(Pipeline("p", Needs(Unbuildable())),), metrics=["map"])


def test_an_error_of_rageval_itself_says_where_it_happened(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fall(*_: object) -> None:
        raise LookupError("nothing there")

    monkeypatch.setattr(WorkerContext, "work_on", fall)
    with pytest.raises(LookupError, match="nothing there") as raised:
        bench.run("there", FakeRay(), metrics=["answer_relevance"])
    assert any("test_driver.py" in note and "in fall" in note for note in raised.value.__notes__)


def test_a_worker_builds_an_index_once(bench: Bench) -> None:
    embedder = HashEmbedder()
    bench.run("there", FakeRay(), embedder=embedder, metrics=["map"])
    passages = Counter(text for text in embedder.texts if text in DOCUMENTS.values())
    assert set(passages) == set(DOCUMENTS.values())
    assert max(passages.values()) <= 2


def test_records_carry_no_texts_of_documents(bench: Bench) -> None:
    seen: list[RecordMessage] = []

    def is_lost(name: str, letters: Any) -> bool:
        seen.extend(letter for letter in letters if name == "take" and isinstance(letter, RecordMessage))
        return False

    bench.run("there", FakeRay(is_lost=is_lost), metrics=["map"])
    assert seen
    for record in seen:
        read_by_the_generator = {str(position) for position in record.data["context"]}
        assert set(record.data["texts"]) == read_by_the_generator


def test_a_stop_kills_the_workers(bench: Bench) -> None:
    ray = FakeRay()

    def reply(request: ChatRequest) -> ChatReply:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.run("there", ray, chat=ScriptedChat(reply))
    assert all(actor.dead for actor in ray.hired)
