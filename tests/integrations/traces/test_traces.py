"""Files that the real SDKs wrote (`make_traces.py`) are read back into the same answers and hits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rageval.errors import DeclarationError
from rageval.traffic.fields import FieldNames
from rageval.traffic.record import LoggedAnswer, read_record
from rageval.traffic.spans import Span, answer_in, documents_in, question_in
from rageval.traffic.traces import convert_traces, logged_answer
from tests.conftest import CommandLine

HERE = Path(__file__).parent
ARLEN, CORVA = "Mount Arlen is 2310 metres high.", "Lake Corva is 61 metres deep."
LANJIANG = "蓝江全长三百公里，在白沙镇流入东湖。"
ASKED = {
    "How deep is Lake Corva?": ([CORVA, ARLEN], "It is 61 metres deep."),
    "蓝江在哪里流入东湖？": ([LANJIANG], "在白沙镇。"),
}
WRITTEN = {  # tokens, model, session
    "openinference_langchain.otlp.jsonl": ((50, 7), None, "talk-1"),
    "openinference_langchain.console.json": ((50, 7), None, "talk-1"),
    "openinference_llama_index.otlp.jsonl": ((None, None), "scripted-1", ""),
    "traceloop_langchain.otlp.jsonl": ((50, 7), "unknown", "talk-1"),
    "gen_ai.console.json": ((50, 7), "scripted-1", "talk-2"),
    "langsmith.runs.jsonl": ((None, None), None, "talk-1"),
}


def answers(path: Path, tmp_path: Path) -> dict[str, LoggedAnswer]:
    log = tmp_path / "log.jsonl"
    convert_traces([path], log)
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    found = [read_record(row, FieldNames(), ("model",)) for row in rows]
    return {one.question.text: one for one in found}


@pytest.mark.parametrize("name", WRITTEN)
def test_the_same_answers_and_hits(name: str, tmp_path: Path) -> None:
    found = answers(HERE / name, tmp_path)
    tokens, model, session = WRITTEN[name]
    assert found.keys() == ASKED.keys()
    for question, (texts, answer) in ASKED.items():
        one = found[question]
        assert one.response.answer == answer
        read = [passage.text for passage in one.response.context_passages]
        more = [ARLEN] if name.startswith("gen_ai") and ARLEN not in texts else []  # of the second search
        assert read == [*texts, *more]
        assert one.usage == tokens
        assert one.groups["model"] == (model or "(none)")
        assert one.session == session
        assert one.day.startswith("20")
        assert one.latency_s is not None
        first, *others = one.response.steps
        assert (first.detail["query"], first.detail["hits"]) == (question, [*range(len(texts))])
        assert len(others) == name.startswith("gen_ai")


def test_both_exporters_write_the_same_trace(tmp_path: Path) -> None:
    names = ("openinference_langchain.otlp.jsonl", "openinference_langchain.console.json")
    otlp, console = (answers(HERE / name, tmp_path) for name in names)
    assert otlp == console


LANGFUSE = {
    "id": "t1",
    "timestamp": "2026-11-30T12:00:00.000Z",
    "input": {"messages": [{"role": "user", "content": "How deep is Lake Corva?"}]},
    "output": "It is 61 metres deep.",
    "sessionId": "s9",
    "latency": 1.25,
    "totalCost": 0.002,
    "scores": [
        {"name": "hallucination", "value": 0.3},
        {"name": "user-feedback", "value": 1},
    ],
    "observations": [
        {
            "id": "o1",
            "type": "SPAN",
            "startTime": "2026-11-30T12:00:00.100Z",
            "endTime": "2026-11-30T12:00:00.200Z",
            "input": {"query": "depth Corva"},
            "output": [{"page_content": CORVA, "metadata": {"source": "corva"}}],
        },
        {
            "id": "o2",
            "type": "GENERATION",
            "parentObservationId": "t1",
            "startTime": "2026-11-30T12:00:00.300Z",
            "endTime": "2026-11-30T12:00:01.000Z",
            "model": "m-1",
            "usageDetails": {"input": 80, "output": 9},
            "input": "…",
            "output": {"role": "assistant", "content": "It is 61 metres deep."},
        },
    ],
}


@pytest.mark.parametrize("wrapped", [LANGFUSE, [LANGFUSE], {"data": [LANGFUSE]}])
def test_an_export_of_langfuse(wrapped: Any, tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_text(json.dumps(wrapped, indent=2), encoding="utf-8")
    one = answers(path, tmp_path)["How deep is Lake Corva?"]
    assert (one.id, one.day, one.session, one.feedback, one.cost) == ("t1", "2026-11-30", "s9", 1.0, 0.002)
    assert (one.usage, one.latency_s, one.groups) == ((80.0, 9.0), 1.25, {"model": "m-1"})
    assert [hit.passage.doc_id for hit in one.response.hits] == ["corva"]
    assert one.response.steps[0].detail["query"] == "depth Corva"


def test_nested_spans_count_once_and_a_reranker_decides_what_was_read() -> None:
    a, b = {"text": "A."}, {"text": "B."}
    spans = [
        Span("t", "root", "", input="Where?", output="There.", start=0.0, end=2.0),
        Span("t", "r1", "root", "retrieval", 0.1, query="Where?", documents=(a, b)),
        Span("t", "r2", "r1", "retrieval", 0.2, query="where", documents=(a, b)),
        Span("t", "rank", "root", "rerank", 0.3, documents=(b,)),
        Span("t", "c1", "root", "chat", 0.4, tokens=(10, 2), cost=0.5),
        Span("t", "c2", "c1", "chat", 0.5, tokens=(10, 2), cost=0.5),
    ]
    row = logged_answer(spans)
    assert isinstance(row, dict)
    assert (row["passages"], row["prompt_tokens"], row["completion_tokens"], row["cost"]) == ([b], 10, 2, 0.5)
    assert [hop["query"] for hop in row["hops"]] == ["Where?"]  # type: ignore[index, union-attr]
    assert logged_answer([Span("t", "x", "", output="There.")]) == "without the text of a question"
    assert logged_answer([Span("t", "x", "", input="Where?")]) == "without an answer"
    loop = [Span("t", "a", "b", input="Where?", output="There."), Span("t", "b", "a", "chat", tokens=(1, 1))]
    assert isinstance(logged_answer(loop), dict)


def test_texts_in_odd_places() -> None:
    assert question_in('{"query_bundle": {"query_str": "Where?"}}') == "Where?"
    assert question_in([[{"type": "HumanMessage", "data": {"content": "Where?"}}]]) == "Where?"
    assert answer_in({"choices": [{"message": {"role": "assistant", "content": "There."}}]}) == "There."
    assert answer_in({"generations": [[{"text": "There."}]]}) == "There."
    assert question_in({"n": 3}) == question_in(None) == ""
    assert documents_in(["a", "b"]) == documents_in({"x": 1}) == ()
    deep: Any = "x"
    for _ in range(50):
        deep = [deep]
    assert question_in(deep) == ""


def test_the_command_and_its_mistakes(tmp_path: Path, command_line: CommandLine) -> None:
    log = tmp_path / "made" / "log.jsonl"
    files = [HERE / name for name in ("gen_ai.console.json", "openinference_llama_index.otlp.jsonl")]
    ended = command_line("traces", *files, "--out", log)
    assert ended.code == 0, ended.err
    assert "4 answers of 4 traces (32 spans)" in ended.out
    scored = json.loads(command_line("score", log, "--out", tmp_path / "out", "--json").out)
    assert scored["metrics"]["hops"]["mean"]["point"] == 1.5
    for content, told in (
        ("{", "found no JSON, expected OpenTelemetry spans"),
        ("[3]", "found int, expected OpenTelemetry spans"),
        ('{"question": "q", "answer": "a"}', "found a trace that cannot be read (the keys question, answer)"),
        ('{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "a"}]}]}]}', "the key 'spanId' is missing"),
        ('{"resourceSpans": []}', "found no answer (it has no spans)"),
    ):
        path = tmp_path / "bad.json"
        path.write_text(content, encoding="utf-8")
        ended = command_line("traces", path, "--out", log)
        assert (ended.code, ended.out) == (2, "")
        assert told in ended.err
    with pytest.raises(DeclarationError, match="cannot be read"):
        convert_traces([tmp_path / "none.json"], log)
