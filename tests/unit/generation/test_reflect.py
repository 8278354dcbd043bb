"""Self-reflection, path by path."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from rageval.errors import DeclarationError
from rageval.generation import SelfReflect, WriteHypotheticalAnswers
from rageval.models.base import ChatRequest
from rageval.models.scripted import ScriptedChat
from rageval.pipeline import NO_CONTEXT, Calls, ContextSize, Query, Resources, Stage, State
from rageval.types import Hit, Passage, Question, Response
from tests.unit.scripts import Reply, by_prompt, names, p_yes

HOUSE = "The passages do not contain the answer."


@dataclass(frozen=True)
class Find(Stage):
    """Four hits named after the query, the first `k` of them in the context."""

    k: int = 3

    def context_size(self, before: ContextSize = NO_CONTEXT) -> ContextSize:
        return ContextSize(self.k, 10)

    async def run(self, state: State, resources: Resources) -> State:
        (query,) = state.queries
        hits = tuple(Hit(Passage(f"{query.text}{i}", 0, 1, f"{query.text}{i}"), 1.0 / (1 + i)) for i in range(4))
        return state.with_response(hits=hits, context=tuple(range(self.k)))


def run(stage: SelfReflect, chat: ScriptedChat, *, generate: bool = True) -> Response:
    state = State(Question("q", "Why?"), (Query("Why?"),), generate=generate)
    return asyncio.run(stage.run(state, Resources((), chat=chat))).response


def keep(*wanted: str) -> Any:
    """Grades: yes for passages whose text is among these."""

    def grade(request: ChatRequest) -> Reply:
        text = request.messages[-1].content.split("\n")[1].removeprefix("[1] ")
        return p_yes(0.9 if text in wanted else 0.2)

    return grade


def doc_ids(response: Response) -> list[str]:
    return [hit.passage.doc_id for hit in response.hits]


def test_where_retrieval_would_not_help_it_answers_from_memory() -> None:
    chat = by_prompt(need_retrieval=p_yes(0.3), answer_from_memory="42.")
    response = run(SelfReflect(Find()), chat)
    assert names(chat) == ["need_retrieval", "answer_from_memory"]
    assert (response.answer, response.hits, response.context) == ("42.", (), ())


def test_passages_below_the_threshold_are_dropped_and_citations_name_the_kept_hits() -> None:
    chat = by_prompt(
        need_retrieval=p_yes(0.9),
        grade_passage=keep("Why?0", "Why?2"),
        answer="Because [2].",
        check_support=p_yes(0.8),
    )
    response = run(SelfReflect(Find()), chat)
    assert names(chat) == ["need_retrieval", *["grade_passage"] * 3, "answer", "check_support"]
    assert doc_ids(response) == ["Why?0", "Why?2", "Why?1", "Why?3"]
    assert response.context == (0, 1)
    assert [hit.score for hit in response.hits] == [4.0, 3.0, 2.0, 1.0]
    assert response.answer == "Because."
    assert [response.hits[i].passage.doc_id for i in response.citations] == ["Why?2"]
    assert "Why?1" not in chat.requests[-2].messages[-1].content
    assert response.steps[1].detail == {
        "passages": ["Why?0#0-1", "Why?1#0-1", "Why?2#0-1"],
        "probabilities": [0.9, 0.2, 0.9],
        "kept": 2,
    }
    assert response.usage.calls == 6


@pytest.mark.parametrize(("threshold", "kept"), [(0.2, 3), (0.21, 1), (0.95, 0)])
def test_the_threshold_decides(threshold: float, kept: int) -> None:
    chat = by_prompt(grade_passage=keep("Why?0"), answer="Because.", check_support=p_yes(0.96))
    response = run(SelfReflect(Find(), decide=False, threshold=threshold, max_retries=0), chat)
    assert len(response.context) == kept


def test_an_unsupported_answer_is_tried_again_with_another_query() -> None:
    chat = by_prompt(
        grade_passage=p_yes(0.9),
        answer=["Wrong [1].", "Right [3]."],
        check_support=[p_yes(0.1), p_yes(0.9)],
        rewrite_queries="other",
    )
    response = run(SelfReflect(Find(), decide=False, max_retries=3), chat)
    again = [*["grade_passage"] * 3, "answer", "check_support"]
    assert names(chat) == [*again, "rewrite_queries", *again]
    assert (response.answer, response.citations, response.abstained) == ("Right.", (2,), False)
    assert doc_ids(response)[0] == "other0"


def test_each_retry_searches_with_the_latest_rewriting() -> None:
    def rewrite(request: ChatRequest) -> str:
        n = 2 if "Write 2 different" in request.messages[-1].content else 1
        return "\n".join(["first", "second"][:n])

    chat = by_prompt(grade_passage=keep("second1"), answer="Because.", check_support="yes", rewrite_queries=rewrite)
    response = run(SelfReflect(Find(), decide=False, max_retries=5), chat)
    assert names(chat).count("rewrite_queries") == 2
    assert doc_ids(response) == ["second1", "second0", "second2", "second3"]


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_retries_have_a_cap_and_with_nothing_kept_it_abstains(retries: int) -> None:
    chat = by_prompt(grade_passage="no", rewrite_queries="other")
    response = run(SelfReflect(Find(), decide=False, max_retries=retries), chat)
    assert names(chat).count("rewrite_queries") == retries
    assert (response.answer, response.abstained, response.context) == (HOUSE, True, ())


def test_an_abstention_after_an_answer_keeps_none_of_its_citations() -> None:
    chat = by_prompt(grade_passage=keep("Why?0"), answer="Wrong [1].", check_support="no", rewrite_queries="other")
    response = run(SelfReflect(Find(), decide=False, max_retries=1), chat)
    assert (response.answer, response.abstained, response.citations) == (HOUSE, True, ())


def test_the_last_try_stands_even_where_it_is_not_supported() -> None:
    chat = by_prompt(grade_passage="yes", answer="Still wrong.", check_support="no", rewrite_queries="other")
    response = run(SelfReflect(Find(), decide=False, max_retries=1), chat)
    assert (response.answer, response.abstained) == ("Still wrong.", False)


def test_what_cannot_be_read_is_not_invented() -> None:
    chat = by_prompt(need_retrieval="?", grade_passage="?", answer="Because.", check_support="?")
    response = run(SelfReflect(Find()), chat)
    assert (response.answer, response.context) == ("Because.", (0, 1, 2))
    steps = {step.name: step.detail for step in response.steps}
    assert steps["need_retrieval"] == steps["check_support"] == {"probability": None}
    assert steps["grade_passages"]["probabilities"] == [None, None, None]


@pytest.mark.parametrize(("kept", "rewritten"), [("Why?0", 0), ("nothing", 1)])
def test_without_answers_it_only_grades(kept: str, rewritten: int) -> None:
    chat = by_prompt(grade_passage=keep(kept), rewrite_queries="other")
    response = run(SelfReflect(Find()), chat, generate=False)
    assert response.answer is None
    assert set(names(chat)) == {"grade_passage"} | ({"rewrite_queries"} if rewritten else set())
    assert names(chat).count("rewrite_queries") == rewritten


@pytest.mark.parametrize("decide", [True, False])
@pytest.mark.parametrize("generate", [True, False])
@pytest.mark.parametrize("word", ["yes", "no"])
def test_calls_stay_within_what_was_announced(decide: bool, generate: bool, word: str) -> None:
    inner = WriteHypotheticalAnswers(2) >> TakeFirst() >> Find()
    stage = SelfReflect(inner, decide=decide, max_retries=2)
    scripts = dict.fromkeys(["grade_passage", "check_support", "answer", "hypothetical_answer"], word)
    chat = by_prompt(need_retrieval="yes", rewrite_queries="other", **scripts)
    run(stage, chat, generate=generate)
    calls = stage.calls(generate)
    assert calls.low <= len(chat.requests) <= calls.high


@dataclass(frozen=True)
class TakeFirst(Stage):
    """Forget all queries but the first."""

    async def run(self, state: State, resources: Resources) -> State:
        return State(state.question, state.queries[:1], state.response, state.generate)


def test_calls_by_arithmetic() -> None:
    # decide 1, then at most three tries of 3 grades, answer and check, and two rewritings.
    assert SelfReflect(Find(), max_retries=2).calls(generate=True) == Calls(2, 1 + 3 * 5 + 2)
    assert SelfReflect(Find(), max_retries=2).calls(generate=False) == Calls(3, 3 * 3 + 2)
    # A retrieval that itself asks twice, in each of two tries.
    inner = WriteHypotheticalAnswers(2) >> Find()
    assert SelfReflect(inner, decide=False).calls(generate=True).high == 2 * (2 + 3 + 2) + 1


@pytest.mark.parametrize(
    ("settings", "problem"),
    [({"threshold": 1.1}, "threshold: found 1.1"), ({"max_retries": -1}, "max_retries: found -1")],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem):
        SelfReflect(Find(), **settings)
