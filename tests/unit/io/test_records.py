import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rageval.io.records import (
    judgment_from_json,
    judgment_to_json,
    outcome_from_json,
    outcome_to_json,
    question_from_json,
    question_to_json,
)
from rageval.types import (
    Abstained,
    Document,
    Evidence,
    Failure,
    Graded,
    Hit,
    Judgment,
    Passage,
    Question,
    RelevanceLabel,
    Response,
    Step,
    Turn,
    Usage,
)

DOCUMENTS = {
    "d1": Document("d1", "One sentence. Another one, with emoji 🙂.", title="First"),
    "d2": Document("d2", "第一句。第二句。", language="zh"),
}

finite = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(0, 10**9)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def spans(draw: st.DrawFn) -> Passage:
    """A span of one of the documents."""
    document = DOCUMENTS[draw(st.sampled_from(list(DOCUMENTS)))]
    start = draw(st.integers(0, len(document.text)))
    end = draw(st.integers(start, len(document.text)))
    return Passage(document.id, start, end, document.text[start:end], document.title)


strangers = st.builds(Passage, st.sampled_from(["d1", "elsewhere"]), counts, counts, st.text(), st.text())


@st.composite
def responses(draw: st.DrawFn) -> Response:
    hits = tuple(draw(st.lists(st.builds(Hit, spans() | strangers, finite), max_size=5)))
    positions = st.lists(st.sampled_from(range(len(hits))), unique=True).map(tuple) if hits else st.just(())
    return Response(
        hits,
        draw(st.none() | st.text()),
        draw(positions),
        draw(positions),
        draw(st.booleans()),
        tuple(draw(st.lists(st.builds(Step, st.text(), st.dictionaries(st.text(), json_values)), max_size=3))),
        draw(st.builds(Usage, *[counts] * 8, st.dictionaries(st.text(), st.tuples(counts, counts, counts)), counts)),
        draw(st.floats(0, 1e6)),
        draw(st.none() | st.text()),
    )


votes = st.lists(st.none() | finite, max_size=3).map(tuple)
verdicts = st.builds(Abstained, st.text(), st.text(), votes) | st.builds(
    Graded,
    finite,
    st.none() | st.floats(0, 1),
    st.lists(st.builds(Evidence, counts, st.text()), max_size=2).map(tuple),
    st.text(),
    votes,
)


def through_text(data: Any) -> Any:
    return json.loads(json.dumps(data, allow_nan=False))


@given(responses())
def test_response_round_trip(response: Response) -> None:
    again = outcome_from_json(through_text(outcome_to_json(response, DOCUMENTS)), DOCUMENTS)
    assert isinstance(again, Response)
    # A passage that nobody read keeps its text; its title is then its document's.
    assert [hit.passage.text for hit in again.hits] == [hit.passage.text for hit in response.hits]
    assert [(hit.passage.id, hit.score) for hit in again.hits] == [(hit.passage.id, hit.score) for hit in response.hits]
    assert again.context_passages == response.context_passages
    assert {name: getattr(again, name) for name in OTHERS} == {name: getattr(response, name) for name in OTHERS}


OTHERS = ("answer", "context", "citations", "abstained", "steps", "usage", "latency_s", "cited_answer")


def test_what_was_read_can_be_shown_without_the_documents() -> None:
    passages = [Passage("d1", 0, 13, "One sentence.", "First"), Passage("d2", 0, 4, "第一句。")]
    response = Response(tuple(Hit(passage, 1.0) for passage in passages), context=(1,))
    data = outcome_to_json(response, DOCUMENTS)
    assert data["texts"] == {"1": ["", "第一句。"]}  # the other one is a span of its document
    again = outcome_from_json(through_text(data), {})
    assert isinstance(again, Response)
    assert [hit.passage.text for hit in again.hits] == ["", "第一句。"]


@given(st.builds(Failure, st.text(), st.text(), st.text()))
def test_failure_round_trip(failure: Failure) -> None:
    assert outcome_from_json(through_text(outcome_to_json(failure, DOCUMENTS)), DOCUMENTS) == failure


@given(st.builds(Judgment, st.just("q"), st.just("judge-1"), st.text(), counts, st.text(), verdicts))
def test_judgment_round_trip(judgment: Judgment) -> None:
    assert judgment_from_json(through_text(judgment_to_json(judgment)), "q", "judge-1") == judgment


def test_a_traceback_is_kept_where_there_is_one() -> None:
    assert outcome_to_json(Failure("KeyError", "x"), {}) == {"failure": {"error": "KeyError", "message": "x"}}
    said = Judgment("q", "j", "answer", 0, "text", Abstained("KeyError: x", traceback="judge.py, line 2"))
    again = judgment_from_json(through_text(judgment_to_json(said)), "q", "j").verdict
    assert isinstance(again, Abstained)
    assert again.traceback == "judge.py, line 2"
    assert "traceback" not in judgment_to_json(replace(said, verdict=Abstained("unreadable")))


def test_votes_are_kept_only_where_a_panel_voted() -> None:
    alone = Judgment("q", "j", "answer", 0, "text", Graded(1.0))
    voted = replace(alone, verdict=Abstained("no majority", votes=(1.0, None)))
    assert "votes" not in judgment_to_json(alone)
    assert judgment_to_json(voted)["votes"] == [1.0, None]


def test_question_keeps_the_highest_grade_of_each_document() -> None:
    question = Question("q", "为什么？", "zh", ("因为。",), ("multi-hop",))
    labels = [RelevanceLabel("q", "a", 1, 0, 3), RelevanceLabel("q", "a", 2, 5, 9), RelevanceLabel("q", "b", 0)]
    assert question_from_json(through_text(question_to_json(question, labels))) == (question, {"a": 2, "b": 0})


def test_a_question_keeps_its_history() -> None:
    question = Question("q", "它呢？", "zh", history=(Turn("user", "东湖多深？"), Turn("assistant", "四十米。")))
    data = through_text(question_to_json(question, []))
    assert question_from_json(data)[0] == question
    assert "history" not in question_to_json(replace(question, history=()), [])
