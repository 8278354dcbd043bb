"""Systems that people already have: functions and recorded runs."""

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from rageval.errors import DeclarationError, ExecutionError
from rageval.identity import fingerprint
from rageval.pipeline import Pipeline, Resources
from rageval.pipeline.systems import System, function_pipeline, replay
from rageval.types import Document, Hit, Passage, Question, Response, Step, Usage

HITS = tuple(Hit(Passage(f"d{i}", 0, 4, "text"), 1.0 - i) for i in range(3))
DOCUMENTS = (Document("d1", "First text here.", title="One"), Document("d2", "第二个文本。", language="zh"))


def ask(pipeline: Pipeline, question_id: str = "q") -> Response:
    return asyncio.run(pipeline.answer(Question(question_id, "Why?"), Resources(DOCUMENTS)))


def returns(value: Any) -> Pipeline:
    return function_pipeline(lambda _: value)


def test_a_plain_function_may_return_a_text() -> None:
    def my_system(question: Question) -> str:
        return f"{question.text} Because."

    pipeline = function_pipeline(my_system)
    assert pipeline.label == "my_system"
    response = ask(pipeline)
    assert (response.answer, response.abstained, response.hits) == ("Why? Because.", False, ())
    assert response.latency_s > 0
    assert pipeline.stage.needs(generate=True) == frozenset()


def test_an_async_function_and_an_async_callable() -> None:
    async def my_system(question: Question) -> Response:
        await asyncio.sleep(0)
        return Response(answer="Because.")

    class Callable:
        async def __call__(self, question: Question) -> str:
            return "Because."

    assert ask(function_pipeline(my_system)).answer == "Because."
    assert ask(function_pipeline(Callable())).answer == "Because."
    assert function_pipeline(Callable()).label == "Callable"


def test_plain_functions_run_beside_each_other() -> None:
    """Each waits for the other: in one thread they would wait for ever."""
    barrier = threading.Barrier(2, timeout=20)

    def my_system(question: Question) -> str:
        barrier.wait()
        return "Because."

    async def both() -> None:
        pipeline = function_pipeline(my_system)
        await asyncio.gather(*(pipeline.answer(Question(q, "Why?"), Resources(())) for q in "ab"))

    asyncio.run(both())


def test_a_response_is_passed_on() -> None:
    given = Response(
        HITS, "Because.", context=(2, 0), citations=(2,), steps=(Step("mine"),), usage=Usage(calls=7), latency_s=99.0
    )
    response = ask(returns(given))
    assert (response.hits, response.context, response.citations) == (HITS, (2, 0), (2,))
    assert (response.steps, response.usage) == ((Step("mine"),), Usage(calls=7))
    assert response.latency_s < 99.0


@pytest.mark.parametrize(
    ("given", "context", "abstained"),
    [
        (Response(HITS, "Because."), (0, 1, 2), False),
        (Response(HITS, "I don't know."), (0, 1, 2), True),
        (Response(HITS, "Pass.", context=(1,), abstained=True), (1,), True),
        (Response(HITS), (0, 1, 2), False),
        ("根据已知信息无法回答该问题。", (), True),
    ],
)
def test_context_is_all_hits_unless_given_and_abstentions_are_seen(
    given: Any, context: tuple[int, ...], abstained: bool
) -> None:
    response = ask(returns(given))
    assert (response.context, response.abstained) == (context, abstained)


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_whatever_it_raises_is_the_failure_of_that_question(kind: str) -> None:
    def plain(question: Question) -> str:
        raise KeyError("index")

    async def coroutine(question: Question) -> str:
        raise KeyError("index")

    with pytest.raises(ExecutionError, match=r"^KeyError: 'index'$"):
        ask(function_pipeline(plain if kind == "plain" else coroutine))


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "returned a NoneType, expected a Response or a str"),
        (42, "returned a int"),
        ({"answer": "x"}, "returned a dict"),
        (Response(HITS, context=(3,)), r"context \(3,\) names positions outside its hits"),
        (Response(HITS, context=(-1,)), "outside its hits"),
        (Response((Hit(HITS[0].passage, float("nan")),)), "score that is not finite"),
        (Response(HITS, citations=(5,)), r"citations \(5,\) names positions outside its hits"),
    ],
)
def test_a_wrong_value_is_a_failure_that_says_what_it_was(value: Any, problem: str) -> None:
    with pytest.raises(ExecutionError, match=problem):
        ask(returns(value))


def test_the_code_of_a_function_is_in_its_fingerprint() -> None:
    def one(question: Question) -> str:
        return "one"

    assert fingerprint(function_pipeline(one).stage.spec()) == fingerprint(function_pipeline(one, "name").stage.spec())
    assert function_pipeline(one).stage.spec() != function_pipeline(lambda question: "two").stage.spec()


def test_trec_runs_are_ordered_by_score_then_by_descending_document(tmp_path: Path) -> None:
    path = tmp_path / "run.txt"
    path.write_text(
        "q Q0 d1 1 0.5 tag\nq Q0 d2 2 0.5 tag\nq Q0 zz 3 0.9 tag\nq Q0 d0 4 -1e300 tag\n"
        "r Q0 d1 1 16777217.0 tag\nr Q0 d2 2 16777216.0 tag\n"
    )
    pipeline = Pipeline("recorded", replay(path, k=2))
    response = ask(pipeline)
    assert [hit.passage.doc_id for hit in response.hits] == ["zz", "d2", "d1", "d0"]
    assert (response.context, response.answer) == ((0, 1), None)
    # As C floats both scores are 16777216: trec_eval sees a tie.
    assert [hit.passage.doc_id for hit in ask(pipeline, "r").hits] == ["d2", "d1"]


def test_hits_without_text_are_whole_documents(tmp_path: Path) -> None:
    path = tmp_path / "run.txt"
    path.write_text("q Q0 d1 1 3 tag\nq Q0 gone 2 2 tag\n")
    hits = ask(Pipeline("recorded", replay(path))).hits
    assert hits[0].passage == Passage("d1", 0, 16, "First text here.", "One")
    assert hits[1].passage == Passage("gone", 0, 0, "")


def test_a_question_that_the_file_lacks_has_no_hits_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "run.txt"
    path.write_text("q Q0 d1 1 3 tag\n")
    response = ask(Pipeline("recorded", replay(path)), "other")
    assert (response.hits, response.answer, response.steps) == ((), None, (Step("replay", {"found": False}),))


def write_lines(path: Path, *lines: object) -> Path:
    path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + "\n\n", encoding="utf-8")
    return path


def test_recorded_responses(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "responses.jsonl",
        {"question_id": "q", "answer": "Because.", "hits": [{"doc_id": "d2", "text": "文本"}, {"doc_id": "d1"}]},
        {"question_id": "r", "answer": "I don't know.", "hits": [{"doc_id": "x", "score": 2.5, "text": "new"}]},
        {"question_id": 7, "answer": None},
    )
    pipeline = Pipeline("recorded", replay(path, k=1))
    response = ask(pipeline)
    assert [hit.passage for hit in response.hits] == [
        Passage("d2", 3, 5, "文本"),
        Passage("d1", 0, 16, "First text here.", "One"),
    ]
    assert response.hits[0].score > response.hits[1].score
    assert (response.answer, response.abstained, response.context) == ("Because.", False, (0,))
    assert ask(pipeline, "r").abstained
    assert ask(pipeline, "r").hits == (Hit(Passage("x", 0, 3, "new"), 2.5),)
    assert ask(pipeline, "7").answer is None


GOOD = '{"question_id": "a", "answer": "x"}'


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "7",
        '{"answer": "x"}',
        '{"question_id": "q", "answer": 7}',
        '{"question_id": "q", "hits": [{"score": 1}]}',
        '{"question_id": "q", "hits": ["d1"]}',
        '{"question_id": "q", "hits": [{"doc_id": "d1", "score": "high"}]}',
        '{"question_id": "q", "hits": [{"doc_id": "d1", "score": NaN}]}',
        '{"question_id": "q", "hits": [{"doc_id": "d1", "text": 7}]}',
        '{"question_id": "a", "answer": "again"}',
    ],
)
def test_a_bad_line_is_refused_at_once_with_its_place(tmp_path: Path, line: str) -> None:
    path = tmp_path / "responses.jsonl"
    path.write_text(f"{GOOD}\n\n{line}\n")
    with pytest.raises(DeclarationError) as refused:
        replay(path)
    message = str(refused.value)
    assert message.startswith(f"{path}:3: found ")
    assert "expected an object with question_id" in message
    assert "\n" not in message


def test_bad_utf8_has_its_place_too(tmp_path: Path) -> None:
    path = tmp_path / "responses.jsonl"
    path.write_bytes(f"{GOOD}\n".encode() + b'{"question_id": "\xff"}\n')
    with pytest.raises(DeclarationError, match=r"responses\.jsonl:2: found "):
        replay(path)


def test_a_bad_trec_line_or_a_missing_file_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "run.txt"
    path.write_text("q Q0 d1 1 3 tag\nq Q0 d2\n")
    with pytest.raises(DeclarationError, match=r"run\.txt:2: "):
        replay(path)
    with pytest.raises(DeclarationError, match=r"none\.jsonl: cannot be read"):
        replay(tmp_path / "none.jsonl")
    with pytest.raises(DeclarationError, match="k: found 0"):
        replay(path, k=0)


def test_the_content_of_the_file_is_in_the_fingerprint_not_its_place(tmp_path: Path) -> None:
    first, copy, other = (tmp_path / name for name in ("a.txt", "b.txt", "c.txt"))
    first.write_text("q Q0 d1 1 3 tag\n")
    copy.write_text("q Q0 d1 1 3 tag\n")
    other.write_text("q Q0 d1 1 4 tag\n")
    assert replay(first).spec() == replay(copy).spec() != replay(other).spec()
    assert replay(first, k=3).spec() != replay(first, k=5).spec()


def test_functions_of_one_source_that_captured_other_values_differ() -> None:
    def make(k: int, rank: System) -> System:
        def system(question: Question) -> str:
            return f"{k}{rank(question)}"

        return system

    def one(question: Question) -> str:
        return "one"

    def other(question: Question) -> str:
        return "other"

    stages = [function_pipeline(make(*captured)).stage for captured in ((1, one), (2, one), (1, other), (1, one))]
    assert stages[0].spec() == stages[3].spec()
    assert len({fingerprint(stage.spec()) for stage in stages}) == 3
