"""Spans of runs, as OpenTelemetry's own SDK collects and exports them."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes, server_attributes
from opentelemetry.semconv.attributes import error_attributes
from opentelemetry.trace import SpanKind, StatusCode
from packaging.version import Version

import rageval
from rageval.errors import ExecutionError, ModelError
from rageval.integrations.opentelemetry import traced
from rageval.models.base import ChatReply, ChatRequest
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.types import Question
from tests.conftest import CommandLine
from tests.flow.fake_server import FakeServer
from tests.flow.small_world import QUESTIONS, respond, scripted_reply, write_benchmark, write_experiment

JUDGE = "critic @ https://models.example.com/v1"
PIPELINES = [{"naive": {"k": 2, "retriever": "dense"}}, {"naive": {"k": 1, "retriever": "dense"}}]
METRICS = ["ndcg@10", "faithfulness"]
OUR_ATTRIBUTES = {
    "rageval.abstained", "rageval.answer", "rageval.benchmark", "rageval.cached", "rageval.hits", "rageval.latency_s",
    "rageval.pipeline", "rageval.prompt", "rageval.question.id", "rageval.question.text", "rageval.role", "rageval.run",
    "rageval.texts", "rageval.texts.kind", "rageval.usage.saved_tokens",
}  # fmt: skip


class World:
    """A small benchmark, models, and the spans of what is run on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.benchmark = rageval.load_benchmark(str(write_benchmark(folder / "small")))
        self.chat = ScriptedChat(scripted_reply, identity="local/writer")
        self.judge = ScriptedChat(scripted_reply, identity=JUDGE)
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    def run(self, pipelines: Sequence[Any] = PIPELINES, *, texts: bool = False, **changes: Any) -> rageval.Result:
        settings: dict[str, Any] = {
            "chat": self.chat,
            "judge": self.judge,
            "embed": HashEmbedder(),
            "out": self.folder / "out",
            "executor": traced(self.provider, texts=texts),
            **changes,
        }
        return rageval.evaluate(self.benchmark, pipelines, METRICS, **settings)

    def spans(self, name: str, **attributes: object) -> list[ReadableSpan]:
        """Those whose names begin so and which have these attributes, "__" for each "."."""
        wanted = {key.replace("__", "."): value for key, value in attributes.items()}
        return [
            span
            for span in self.exporter.get_finished_spans()
            if span.name.startswith(name) and wanted.items() <= attributes_of(span).items()
        ]


def attributes_of(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def parent(span: ReadableSpan) -> int | None:
    return None if span.parent is None else span.parent.span_id


def span_id(span: ReadableSpan) -> int:
    return span.get_span_context().span_id


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_span_for_each_question_and_pipeline(world: World) -> None:
    result = world.run()
    spans = world.spans("rageval.question")
    pairs = {(a["rageval.pipeline"], a["rageval.question.id"], a["rageval.run"]) for a in map(attributes_of, spans)}
    labels = {row.label: row.path.name for row in result.leaderboard.rows}
    assert len(spans) == 2 * len(QUESTIONS)
    assert pairs == {(label, question, run) for label, run in labels.items() for question in QUESTIONS}
    for span in spans:
        assert parent(span) is None
        assert span.status.status_code is StatusCode.UNSET
        assert attributes_of(span)["rageval.benchmark"] == "small"
        assert [(event.name, dict(event.attributes or {})["rageval.judge"]) for event in span.events] == [
            ("rageval.judged", "claim_support")
        ]


def test_a_child_for_each_call_of_a_chat_model(world: World) -> None:
    result = world.run()
    questions = {span_id(span): span for span in world.spans("rageval.question")}
    answers, verdicts = world.spans("chat local/writer"), world.spans("chat critic")
    assert len(answers) == len(world.chat.requests) > 0
    assert len(verdicts) == len(world.judge.requests) > 0
    for span in (*answers, *verdicts):
        found = attributes_of(span)
        question = questions[parent(span) or 0]
        assert question.start_time is not None
        assert question.end_time is not None
        assert span.start_time is not None
        assert span.end_time is not None
        assert question.start_time <= span.start_time <= span.end_time <= question.end_time
        assert found["gen_ai.operation.name"] == "chat"
        assert found["gen_ai.response.finish_reasons"] == ("stop",)
        assert found["rageval.cached"] is False
    (answered,) = {(a["rageval.role"], a["gen_ai.provider.name"]) for a in map(attributes_of, answers)}
    assert answered == ("answer", "local")
    keys = ("rageval.role", "gen_ai.provider.name", "gen_ai.request.model", "server.address", "server.port")
    (judged,) = {tuple(a[key] for key in keys) for a in map(attributes_of, verdicts)}
    assert judged == ("judge", "openai", "critic", "models.example.com", 443)
    assert {span.kind for span in answers} == {SpanKind.INTERNAL}
    assert {span.kind for span in verdicts} == {SpanKind.CLIENT}
    used = [usage for row in result.leaderboard.rows for usage in row.usage.values()]
    for attribute, total in (
        ("gen_ai.usage.input_tokens", sum(usage.paid_prompt_tokens for usage in used)),
        ("gen_ai.usage.output_tokens", sum(usage.paid_completion_tokens for usage in used)),
    ):
        assert sum(attributes_of(span)[attribute] for span in (*answers, *verdicts)) == total > 0


def test_embedding_is_traced_too(world: World) -> None:
    world.run()
    (passages,) = world.spans("embeddings hash-256", rageval__texts__kind="passage")
    assert parent(passages) is None
    assert attributes_of(passages)["rageval.texts"] == len(world.benchmark.documents)
    questions = {span_id(span) for span in world.spans("rageval.question")}
    queries = world.spans("embeddings hash-256", rageval__texts__kind="query")
    assert len(queries) == 2 * len(QUESTIONS)
    assert {parent(span) for span in queries} == questions
    assert len([span for span in queries if attributes_of(span)["rageval.cached"]]) >= len(QUESTIONS)


def test_what_the_cache_answers_is_seen_as_such(world: World) -> None:
    world.run()
    asked, embedded = len(world.spans("chat")), len(world.spans("embeddings"))
    world.exporter.clear()
    nobody = ScriptedChat(lambda request: ModelError("asked"), identity="local/writer")
    world.run(name="again", chat=nobody, judge=ScriptedChat(lambda request: ModelError("asked"), identity=JUDGE))
    chats = world.spans("chat", rageval__cached=True)
    assert len(chats) == asked
    assert len(world.spans("embeddings", rageval__cached=True)) == embedded
    for span in chats:
        assert attributes_of(span)["rageval.usage.saved_tokens"] > 0
        assert "gen_ai.usage.input_tokens" not in attributes_of(span)
    world.exporter.clear()
    world.run(name="again")
    assert world.exporter.get_finished_spans() == ()


def test_runs_and_scores_are_those_without_spans(world: World) -> None:
    with_spans = world.run()
    without = world.run(out=world.folder / "untraced", executor=None)
    assert [run.name for run in with_spans.runs] == [run.name for run in without.runs]
    for one, other in zip(with_spans.runs, without.runs, strict=True):
        assert (one / "scores.json").read_bytes() == (other / "scores.json").read_bytes()
    assert len(world.spans("rageval.question")) == 2 * len(QUESTIONS)


def test_texts_only_where_they_are_asked_for(world: World) -> None:
    world.run()
    told = "".join(span.to_json() for span in world.exporter.get_finished_spans())
    secrets = [*QUESTIONS.values(), *(document.text for document in world.benchmark.documents), "salt lake"]
    assert [secret for secret in secrets if json.dumps(secret)[1:-1] in told or secret in told] == []
    world.exporter.clear()
    world.run(texts=True, name="with texts")
    span = next(s for s in world.spans("chat local/writer") if attributes_of(s)["rageval.prompt"].startswith("answer/"))
    sent = {request.messages[-1].content for request in world.chat.requests}
    messages = json.loads(attributes_of(span)["gen_ai.input.messages"])
    assert messages[-1]["role"] == "user"
    assert {part["type"] for part in messages[-1]["parts"]} == {"text"}
    assert messages[-1]["parts"][0]["content"] in sent
    (reply,) = json.loads(attributes_of(span)["gen_ai.output.messages"])
    assert (reply["role"], reply["finish_reason"]) == ("assistant", "stop")
    assert reply["parts"][0]["content"].startswith("The salt lake")
    (question,) = world.spans("rageval.question", rageval__question__id="en-1", rageval__pipeline=pipeline_label(1))
    assert attributes_of(question)["rageval.question.text"] == QUESTIONS["en-1"]
    assert attributes_of(question)["rageval.answer"].startswith("The salt lake")


def pipeline_label(k: int) -> str:
    return f"naive(k={k}, retriever=dense)"


def test_errors_are_the_status(world: World) -> None:
    def reply(request: ChatRequest) -> ChatReply | Exception:
        asked = request.messages[-1].content
        return ExecutionError("the endpoint is tired") if QUESTIONS["en-1"] in asked else scripted_reply(request)

    def broken(question: Question) -> str:
        raise KeyError("lost")

    world.run([PIPELINES[0], broken], chat=ScriptedChat(reply, identity="local/writer"))
    failed = [
        span for kind in ("ExecutionError", "KeyError") for span in world.spans("rageval.question", error__type=kind)
    ]
    told = {(attributes_of(span)["rageval.pipeline"], span.status.description) for span in failed}
    assert told == {(pipeline_label(2), "the endpoint is tired"), ("broken", "'lost'")}
    assert len(failed) == 1 + len(QUESTIONS)
    assert {span.status.status_code for span in failed} == {StatusCode.ERROR}
    (call,) = world.spans("chat local/writer", error__type="ExecutionError")
    assert call.status.status_code is StatusCode.ERROR
    assert "the endpoint is tired" in (call.status.description or "")
    assert [event.name for event in call.events] == ["exception"]


def test_a_model_that_refuses_ends_the_run_and_its_span(world: World) -> None:
    refusing = ScriptedChat(lambda request: ModelError("no such key"), identity="local/writer")
    with pytest.raises(ModelError):
        world.run(chat=refusing)
    assert any(span.status.status_code is StatusCode.ERROR for span in world.spans("rageval.question"))


def test_spans_of_ones_own_are_in_those_of_the_question(world: World) -> None:
    tracer = world.provider.get_tracer("mine")

    def mine(question: Question) -> str:
        with tracer.start_as_current_span("my retrieval"):
            return "An answer."

    with tracer.start_as_current_span("my evaluation") as above:
        world.run([mine])
    questions = world.spans("rageval.question")
    assert {parent(span) for span in questions} == {above.get_span_context().span_id}
    assert {parent(span) for span in world.spans("my retrieval")} == {span_id(span) for span in questions}


@pytest.mark.skipif(
    Version(version("opentelemetry-sdk")) < Version("1.40"), reason="older conventions lack some of the names"
)
def test_names_are_those_of_the_conventions(world: World) -> None:
    world.run(texts=True)
    conventions = (gen_ai_attributes, server_attributes, error_attributes)
    known = {value for module in conventions for value in vars(module).values() if isinstance(value, str)}
    used = {name for span in world.exporter.get_finished_spans() for name in attributes_of(span)}
    assert used - known <= OUR_ATTRIBUTES
    operations = {attributes_of(span)["gen_ai.operation.name"] for span in (*world.spans("chat"), *world.spans("emb"))}
    assert operations == {"chat", "embeddings"}


def test_the_command_line_writes_a_file(tmp_path: Path, command_line: CommandLine) -> None:
    spans = tmp_path / "spans" / "run.jsonl"
    with FakeServer(respond) as server:
        file = write_experiment(tmp_path, server.base_url, pipelines=["naive"], metrics=METRICS)
        ended = command_line("run", file, "--out", tmp_path / "out", "--trace", spans)
        assert ended.code == 0, ended.err
        lines = [json.loads(line) for line in spans.read_text("utf-8").splitlines()]
        chats = [line for line in lines if line["name"] == "chat fake"]
        assert len(chats) == sum(received.path == "/v1/chat/completions" for received in server.received)
    assert len([line for line in lines if line["name"] == "rageval.question"]) == len(QUESTIONS)
    assert {line["resource"]["attributes"]["service.name"] for line in lines} == {"rageval"}
    assert {line["attributes"]["server.address"] for line in chats} == {"127.0.0.1"}
    ended = command_line("run", file, "--out", tmp_path / "out", "--trace", tmp_path)
    assert (ended.code, "cannot be written" in ended.err) == (2, True)
    ended = command_line("run", file, "--out", tmp_path / "out", "--trace", spans, "--executor", "ray")
    assert (ended.code, "--trace: found it with --executor ray" in ended.err) == (2, True)


def test_without_the_package_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    find: Callable[..., Any] = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "opentelemetry" else find(name))
    with pytest.raises(rageval.DeclarationError, match=r"pip install .*\[otel\]'"):
        traced()
    assert "opentelemetry" in sys.modules
