"""The stage Rerank, and what it costs to rerank many passages and read a few."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from typing import Any

import pytest

from rageval.errors import DeclarationError, ExecutionError
from rageval.generation import Answer, RewriteQueries, SelfReflect
from rageval.models.base import ChatReply, ChatRequest, Token
from rageval.models.scripted import ScriptedChat
from rageval.pipeline import Calls, ContextSize, Pipeline, Query, Resources, Stage, State
from rageval.retrieval import BM25, Filter, Pointwise, Rerank, Reranker, Retrieve, SentenceChunker
from rageval.types import Document, Hit, Passage, Question, Response, Usage

QUESTION = Question("q", "Which?")


@dataclass(frozen=True)
class Given(Reranker):
    """Scores by passage text."""

    scores: tuple[tuple[str, float | None], ...]

    async def score(
        self, question: Question, passages: Sequence[Passage], resources: Resources
    ) -> Sequence[float | None]:
        return [dict(self.scores)[passage.text] for passage in passages]


def given(**scores: float | None) -> Given:
    return Given(tuple(scores.items()))


def state(names: str, context: tuple[int, ...]) -> State:
    hits = tuple(Hit(Passage(f"d{name}", 0, 1, name), 1.0 / n) for n, name in enumerate(names, 1))
    return State(QUESTION, (Query("Which?"),), Response(hits=hits, context=context))


def run(stage: Stage, before: State, chat: ScriptedChat | None = None) -> Response:
    return asyncio.run(stage.run(before, Resources((), chat=chat))).response


def names(response: Response) -> str:
    return "".join(hit.passage.text for hit in response.hits)


@pytest.mark.parametrize(
    ("scores", "k", "expected", "context"),
    [
        (given(a=1, b=3, c=2), 2, "bcade", (0, 1)),
        (given(a=1, b=3, c=2), 9, "bcade", (0, 1, 2)),
        # Equal scores keep their order; what has no score comes behind what has one, in its order.
        (given(a=0, b=1, c=1), 2, "bcade", (0, 1)),
        (given(a=None, b=-5, c=None), 3, "bacde", (0, 1, 2)),
        (given(a=None, b=None, c=None), 1, "abcde", (0,)),
    ],
)
def test_the_context_is_ordered_by_the_scores_and_the_best_are_kept(
    scores: Given, k: int, expected: str, context: tuple[int, ...]
) -> None:
    response = run(Rerank(scores, k), state("abcde", (0, 1, 2)))
    assert names(response) == expected
    assert response.context == context
    assert [hit.score for hit in response.hits] == [5.0, 4.0, 3.0, 2.0, 1.0]
    (step,) = response.steps
    assert step.name == "rerank"
    assert step.detail == {"passages": ["da#0-1", "db#0-1", "dc#0-1"], "scores": [score for _, score in scores.scores]}


def test_the_context_may_be_any_of_the_hits() -> None:
    response = run(Rerank(given(b=1, d=2), 1), state("abcde", (3, 1)))
    assert names(response) == "dbace"
    assert response.context == (0,)


def test_nothing_to_rerank_asks_nobody() -> None:
    chat = ScriptedChat(lambda _: "yes")
    response = run(Rerank(Pointwise()), state("ab", ()), chat)
    assert (names(response), response.context, chat.requests) == ("ab", (), [])


@pytest.mark.parametrize("scores", [[1.0], [1.0, 2.0, 3.0], [1.0, float("nan")], [float("inf"), 0.0], []])
def test_scores_that_do_not_fit_fail_the_question(scores: list[float]) -> None:
    @dataclass(frozen=True)
    class Wrong(Reranker):
        async def score(self, question: Question, passages: Sequence[Passage], resources: Resources) -> list[float]:
            return scores

    with pytest.raises(ExecutionError, match=r"reranker Wrong: found the scores .* for each of 2 passages"):
        run(Rerank(Wrong()), state("ab", (0, 1)))


def yes_if_even(request: ChatRequest) -> ChatReply:
    text = request.messages[-1].content
    share = -0.1 if any(f"[1] {name}" in text for name in "bd") else -3.0
    usage = Usage(calls=1, prompt_tokens=7, completion_tokens=1)
    token = Token("yes", (("yes", share), ("no", -2.0)))
    return ChatReply("?" if "[1] c" in text else "yes", tokens=() if "[1] c" in text else (token,), usage=usage)


def test_pointwise_asks_once_a_passage_and_its_cost_is_the_steps() -> None:
    chat = ScriptedChat(yes_if_even)
    response = run(Rerank(Pointwise(), 2), state("abcd", (0, 1, 2, 3)), chat)
    assert names(response) == "bdac"
    assert response.context == (0, 1)
    assert len(chat.requests) == 4
    assert {request.prompt.partition("/")[0] for request in chat.requests} == {"grade_passage"}
    (step,) = response.steps
    assert step.usage == response.usage == Usage(calls=4, prompt_tokens=28, completion_tokens=4)
    low, high = (exp(share) / (exp(share) + exp(-2.0)) for share in (-3.0, -0.1))
    assert step.detail["scores"] == [round(low, 6), round(high, 6), None, round(high, 6)]


def test_what_is_read_after_reranking_is_what_counts() -> None:
    find = Retrieve(BM25(SentenceChunker(100)), k=50)
    chain = find >> Rerank(Pointwise(), k=5) >> Answer()
    assert find.context_size() == ContextSize(50, 100)
    assert chain.context_size() == ContextSize(5, 100)
    assert chain.calls(generate=True) == Calls(1, 50 + 2)
    assert (find >> Rerank(given(), 5) >> Rerank(Pointwise(), 2)).calls(generate=False) == Calls(0, 5)
    assert Rerank(Pointwise(), 9).context_size(ContextSize(3, 10)) == ContextSize(3, 10)
    assert (RewriteQueries() >> chain).context_size() == ContextSize(5, 100)
    assert SelfReflect(chain, decide=False, max_retries=0).context_size() == ContextSize(5, 100)
    assert SelfReflect(find >> Rerank(Pointwise(), 5), False, max_retries=0).calls(generate=False).high == 50 + 5


def test_a_whole_chain_reads_what_it_keeps() -> None:
    documents = tuple(Document(name, f"{name} word") for name in "abcd")
    chat = ScriptedChat(lambda request: yes_if_even(request) if request.prompt.startswith("grade") else "Yes.")
    stage = Retrieve(BM25(), k=4) >> Rerank(Pointwise(), 2) >> Answer("never")
    response = asyncio.run(Pipeline("p", stage).answer(Question("q", "word"), Resources(documents, chat=chat)))
    assert [passage.doc_id for passage in response.context_passages] == ["b", "d"]
    assert response.answer == "Yes."
    assert chat.requests[-1].messages[-1].content.startswith("<passages>\n[1] b word\n[2] d word\n</passages>")
    assert response.usage.calls == 5


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"k": 0}, "k: found 0"),
        ({"reranker": "pointwise"}, "reranker: found 'pointwise', expected a reranker"),
        ({"reranker": Pointwise}, "reranker: found <class"),
        ({"reranker": BM25()}, "reranker: found BM25"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem):
        Rerank(**{"reranker": Pointwise(), **settings})


def test_needs_prompts_and_defaults() -> None:
    stage = Rerank(Pointwise())
    assert stage.needs(generate=False) == {"chat"}
    assert stage.all_prompts() == {"grade_passage"}
    assert Rerank(given()).needs(generate=True) == Rerank(given()).all_prompts() == frozenset()
    assert Rerank(given()).calls(True, ContextSize(9, 9)) == Calls()


@pytest.mark.parametrize(("least", "context"), [(2, (1, 2)), (0, (0, 1, 2)), (9, (2,))])
def test_a_filter_drops_low_scores_and_keeps_what_has_none(least: float, context: tuple[int, ...]) -> None:
    response = run(Filter(given(a=1, b=3, c=None), least), state("abcde", (0, 1, 2)))
    assert response.context == context
    assert names(response) == "abcde"
    assert response.steps[-1].detail["scores"] == [1, 3, None]


def test_a_filter_costs_what_its_reranker_costs() -> None:
    assert Filter(Pointwise()).calls(True, ContextSize(7, 10)) == Calls(0, 7)
    assert run(Filter(Pointwise()), state("abc", ())).context == ()
