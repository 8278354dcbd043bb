"""DeepEval's test cases: files that DeepEval 4.3.1 wrote (see make_saved.py), and objects of whichever is installed."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import rageval
from rageval.errors import BenchmarkError, DeclarationError
from rageval.integrations.deepeval import read_test_cases
from rageval.models.scripted import ScriptedChat
from rageval.pipeline import Pipeline, Resources
from rageval.types import Benchmark, Question, Response
from tests.flow.small_world import scripted_reply

HERE = Path(__file__).parent
ARLEN = "Mount Arlen is 2310 metres high. Two sisters reached its summit in 1871."


def replayed(benchmark: Benchmark, pipeline: Pipeline) -> list[Response]:
    async def all_of_them() -> list[Response]:
        return [await pipeline.answer(question, Resources(())) for question in benchmark.questions]

    return asyncio.run(all_of_them())


@pytest.mark.parametrize("kind", ["json", "jsonl", "csv"])
def test_what_deepeval_saved(kind: str) -> None:
    benchmark, pipeline = read_test_cases(HERE / f"saved.{kind}", name="saved by DeepEval")
    assert benchmark.name == "saved by DeepEval"
    assert [(q.text, q.language, q.references) for q in benchmark.questions] == [
        ("Into which lake does the river Brone flow?", "en", ("Lake Corva",)),
        ("How high is Mount Arlen?", "en", ("2310 metres",)),
        ("青石山高多少?", "zh", ("一千八百米",)),
        ("Who painted the ceiling?", "en", ()),
    ]
    assert [(d.text, d.language) for d in benchmark.documents] == [
        (ARLEN, "en"),
        ("Delmar lies below it.", "en"),
        ("青石山高一千八百米。", "zh"),
    ]
    assert [(label.question_id, label.doc_id, label.grade) for label in benchmark.labels] == [
        ("case-2", "context-1", 1),
        ("case-2", "context-2", 1),
        ("case-3", "context-3", 1),
    ]
    golden, arlen, qingshi, ceiling = replayed(benchmark, pipeline)
    assert (golden.answer, golden.hits) == (None, ())
    assert arlen.answer == 'It is "2310 metres" high,\nsays the atlas.'
    river, mountain = (hit.passage for hit in arlen.hits)
    assert (river.text, river.title) == ("The river Brone is 95 kilometres long.", "")
    assert river.doc_id.startswith("retrieved-")
    assert (mountain.text, mountain.title) == ("Mount Arlen is 2310 metres high.", "atlas.md")
    assert (mountain.doc_id, mountain.start, mountain.end) == ("context-1", 0, 32)
    assert arlen.context == (0, 1)
    assert [hit.passage.doc_id for hit in qingshi.hits] == ["context-3"]
    assert (ceiling.abstained, ceiling.hits) == (True, ())


def test_all_three_files_make_the_same_benchmark_and_run() -> None:
    read = [read_test_cases(HERE / f"saved.{kind}") for kind in ("json", "jsonl", "csv")]
    assert len({benchmark.content_hash for benchmark, _ in read}) == 1
    assert len({str(pipeline.stage.spec()) for _, pipeline in read}) == 1


def test_two_systems_are_judged_and_compared(tmp_path: Path) -> None:
    cases: list[dict[str, Any]] = json.loads((HERE / "saved.json").read_text("utf-8"))[1:]
    benchmark, before = read_test_cases(cases, system="before")
    better = [
        {**case, "retrieval_context": case["context"], "actual_output": case["expected_output"]} for case in cases
    ]
    same_benchmark, after = read_test_cases(better, system="after")
    assert same_benchmark == benchmark
    result = rageval.evaluate(
        benchmark,
        [before, after],
        ["mrr", "recall@5", "exact_match", "faithfulness"],
        chat=ScriptedChat(scripted_reply),
        out=tmp_path,
    )
    points = {
        system: {metric: estimate and estimate.point for metric, estimate in result[system].items()}
        for system in ("before", "after")
    }
    assert points["before"]["mrr"] == pytest.approx((1 / 2 + 1) / 2)
    assert points["before"]["recall@5"] == pytest.approx((1 / 2 + 1) / 2)
    assert points["before"]["exact_match"] == 0.5
    assert (points["after"]["mrr"], points["after"]["recall@5"], points["after"]["exact_match"]) == (1.0, 1.0, 1.0)
    assert points["before"]["faithfulness"] is not None
    assert set(rageval.compare(*result.runs).comparisons) == {"mrr", "recall@5", "exact_match", "faithfulness"}


def test_cases_without_context_have_no_labels_and_share_their_benchmark(tmp_path: Path) -> None:
    asked = {"input": "Why?", "expected_output": "Because."}
    one, pipeline = read_test_cases([{**asked, "actual_output": "So.", "retrieval_context": ["First."]}])
    other, _ = read_test_cases([{**asked, "actual_output": "Because.", "retrieval_context": ["Second."]}])
    assert one.labels == ()
    assert one.content_hash == other.content_hash
    with pytest.raises(DeclarationError, match="mrr need relevance labels"):
        rageval.evaluate(one, [pipeline], ["mrr"], out=tmp_path)


def test_questions_of_another_data_set_fail_and_are_counted(tmp_path: Path) -> None:
    cases = [{"input": text, "actual_output": text, "expected_output": text} for text in ("One?", "Two?")]
    benchmark, _ = read_test_cases(cases)
    _, other = read_test_cases([cases[0], {**cases[1], "input": "Three?"}], system="other")
    result = rageval.evaluate(benchmark, [other], ["exact_match"], out=tmp_path)
    estimate = result["other"]["exact_match"]
    assert estimate is not None
    assert (estimate.point, estimate.failed, estimate.n) == (0.5, 1, 2)


def test_a_warning_where_no_retrieved_text_fits(caplog: pytest.LogCaptureFixture) -> None:
    case = {"input": "Why?", "context": ["Since it is so."], "retrieval_context": ["Because it is so."]}
    with caplog.at_level(logging.WARNING, logger="rageval"):
        read_test_cases([case])
        assert "no retrieved text is part of its case's context" in caplog.text
        caplog.clear()
        read_test_cases([case, {**case, "retrieval_context": ["And so: Since it is so. Is it?"]}])
        read_test_cases([{**case, "context": None}])
    assert not caplog.records


def test_a_bar_parts_texts_in_lines_and_not_in_json(tmp_path: Path) -> None:
    case = {"input": "Which?", "retrieval_context": ["a|b", "c"]}
    (tmp_path / "cases.json").write_text(json.dumps([case]), "utf-8")
    joined = {**case, "retrieval_context": "a|b|c"}
    (tmp_path / "cases.jsonl").write_text(json.dumps(joined) + "\n", "utf-8")
    found = {
        kind: [hit.passage.text for hit in replayed(*read_test_cases(str(tmp_path / f"cases.{kind}")))[0].hits]
        for kind in ("json", "jsonl")
    }
    assert found == {"json": ["a|b", "c"], "jsonl": ["a", "b", "c"]}


@pytest.mark.parametrize(
    ("case", "problem"),
    [
        ({"actual_output": "So."}, r"^test_cases\[0\]: found no `input`, expected the question$"),
        ({"input": " "}, "found no `input`"),
        ({"input": 3}, "found a number for `input`, expected a text"),
        ({"input": "Why?", "actual_output": ["So."]}, "found a list for `actual_output`, expected a text"),
        ({"input": "Why?", "context": 3}, "found a number for `context`, expected a list of texts"),
        ({"input": "Why?", "retrieval_context": [None]}, "found null in `retrieval_context`, expected texts"),
        ({"input": "What is on [DEEPEVAL:IMAGE:4f]?"}, "found an image or a PDF, expected texts"),
        ({"scenario": "A call.", "turns": []}, "found a conversation, expected a test case with `input`"),
        (3, "found no `input`"),
    ],
)
def test_problems_of_a_case(case: object, problem: str) -> None:
    with pytest.raises(BenchmarkError, match=problem):
        read_test_cases([case])


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("cases.json", "{", r"cases\.json: found bad JSON \(.*\), expected a list of test cases"),
        ("cases.json", "{}", "found an object, expected a list of test cases"),
        ("cases.json", "[1]", r"cases\.json\[0\]: found a number, expected a test case"),
        ("cases.json", "[]", "found no test cases, expected at least one"),
        ("cases.jsonl", "[]\n", "cases.jsonl:1: found a list, expected one JSON object a line"),
        ("cases.csv", "", "cases.csv:1: found no columns, expected the columns input, actual_output"),
        ("cases.csv", "scenario,turns\na,b\n", "found scenario, turns, expected the columns input"),
        ("cases.csv", 'input\n"two\nlines"\n""\n', "cases.csv:4: found no `input`"),
        ("cases.csv", f"input\n{'long' * 50_000}\n", "found bad CSV .*: save as JSON"),
        ("cases.csv", None, "cannot be read"),
        ("cases.yaml", "", r"found the ending '\.yaml', expected \.json, \.jsonl or \.csv"),
    ],
)
def test_problems_of_a_file(tmp_path: Path, name: str, content: str | None, problem: str) -> None:
    if content is not None:
        (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(DeclarationError, match=problem):
        read_test_cases(tmp_path / name)


def test_something_else() -> None:
    with pytest.raises(DeclarationError, match="found a SimpleNamespace, expected a file, or a list of test cases"):
        read_test_cases(SimpleNamespace(test_cases=[]))  # pyright: ignore[reportArgumentType]


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "cases.csv").write_bytes(b"input\n\xff\n")
    with pytest.raises(BenchmarkError, match="found bytes that are not UTF-8"):
        read_test_cases(tmp_path / "cases.csv")


def test_every_problem_is_told() -> None:
    with pytest.raises(BenchmarkError) as raised:
        read_test_cases([{"input": 1}, {"input": "Why?"}, {"input": "Why?", "context": 2}])
    assert [problem.partition(":")[0] for problem in raised.value.problems] == ["test_cases[0]", "test_cases[2]"]


def test_objects_are_read_by_their_attributes() -> None:
    data = SimpleNamespace(source="atlas.md", context="Because it is so.")
    case = SimpleNamespace(input="Why?", actual_output="So.", context=["Because it is so."], retrieval_context=[data])
    benchmark, pipeline = read_test_cases(iter([case]))
    (response,) = replayed(benchmark, pipeline)
    assert benchmark.name == "deepeval"
    assert [(hit.passage.doc_id, hit.passage.title) for hit in response.hits] == [("context-1", "atlas.md")]


def test_objects_of_the_installed_deepeval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPEVAL_TELEMETRY_OPT_OUT", "YES")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # DeepEval looks for news of itself when it is imported
    test_case = pytest.importorskip("deepeval.test_case", exc_type=ImportError)
    case = test_case.LLMTestCase(
        input="How high is Mount Arlen?",
        actual_output="2310 metres.",
        expected_output="2310 metres",
        context=[ARLEN],
        retrieval_context=["Mount Arlen is 2310 metres high."],
    )
    benchmark, pipeline = read_test_cases([case])
    assert benchmark.questions == (Question("case-1", "How high is Mount Arlen?", "en", ("2310 metres",)),)
    assert [document.text for document in benchmark.documents] == [ARLEN]
    (response,) = replayed(benchmark, pipeline)
    assert response.answer == "2310 metres."
    assert [hit.passage.id for hit in response.hits] == ["context-1#0-32"]
