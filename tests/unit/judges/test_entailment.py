"""Entailment by detectors: the answer as a whole, and sentence by sentence against single sentences of the context."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from rageval.judges import AnswerEntailment, Judged, SentenceEntailment, asks_model
from rageval.judges.custom import NoChat
from rageval.judges.light.detectors import Pair, with_detector
from rageval.models.base import ChatModel
from rageval.types import Abstained, Graded, Hit, Passage, Question, Response, Usage

QUESTION = Question("q", "How deep is the lake?")
TEXTS = ("Lake Corva is 61 metres deep. Its water is salty.", "The Brone is long.")
ANSWER = "Lake Corva is 61 metres deep. It was painted by Bern in 1987."


@dataclass(frozen=True)
class Table:
    """P of (claim, text), 0.1 for any other, the best of several texts; keeps what it is asked."""

    said: dict[Pair | tuple[str, str], float | Abstained]
    endpoint: bool = False
    asked: list[Pair] = field(default_factory=list[Pair])
    name: str = "table"
    metrics: tuple[Any, ...] = ("faithfulness",)

    @property
    def settings(self) -> dict[str, Any]:
        return {"name": self.name}

    def calls(self, pairs: int) -> int:
        return pairs if self.endpoint else 0

    async def probabilities(
        self, metric: str, pairs: Sequence[Pair], language: str, chat: ChatModel
    ) -> tuple[list[float | Abstained], Usage]:
        self.asked.extend(pairs)
        return [self._best(claim, texts) for claim, texts in pairs], Usage()

    def _best(self, claim: str, texts: Sequence[str]) -> float | Abstained:
        found = [self.said.get((claim, text), 0.1) for text in texts]
        return next((one for one in found if isinstance(one, Abstained)), None) or max(
            one for one in found if not isinstance(one, Abstained)
        )


def response(answer: str = ANSWER, read: int = 2, title: str = "") -> Response:
    hits = tuple(Hit(Passage(f"d{i}", 0, len(text), text, title), 1.0) for i, text in enumerate(TEXTS))
    return Response(hits, answer, tuple(range(read)), abstained=False)


def judge(instrument: Any, given: Response | None = None) -> Judged:
    return asyncio.run(instrument.judge(QUESTION, given or response(), NoChat("none")))


@pytest.mark.parametrize("endpoint", [False, True])
def test_the_best_single_sentence_counts(endpoint: bool) -> None:
    first, second = ANSWER.split(". ")[0] + ".", "It was painted by Bern in 1987."
    table = Table({(first, TEXTS[0].split(". ")[0] + "."): 0.9, (second, "The Brone is long."): 0.3}, endpoint)
    judged = judge(SentenceEntailment().with_detector(table))
    assert [(one.item, one.text) for one in judged.items] == [("sentence", first), ("sentence", second)]
    assert [one.verdict for one in judged.items] == [Graded(1.0, 0.9), Graded(0.0, 0.3)]
    assert len(table.asked) == (2 if endpoint else 6)


def test_a_lost_score_loses_its_sentence() -> None:
    lost = Abstained("no score")
    table = Table({("It was painted by Bern in 1987.", "Its water is salty."): lost})
    assert [one.verdict for one in judge(SentenceEntailment().with_detector(table)).items] == [Graded(0.0, 0.1), lost]


def test_the_answer_as_a_whole_against_all_passages() -> None:
    table = Table({(ANSWER, TEXTS[1]): 0.75})
    (item,) = judge(AnswerEntailment().with_detector(table)).items
    assert (item.item, item.verdict, table.asked) == ("answer", Graded(1.0, 0.75), [(ANSWER, [*TEXTS])])


def test_the_packaged_judge_needs_no_model() -> None:
    for instrument in (SentenceEntailment(), AnswerEntailment()):
        assert not asks_model(instrument)
        verdicts = [one.verdict for one in judge(instrument, response("Lake Corva is 61 metres deep.")).items]
        assert all(isinstance(one, Graded) and one.grade == 1.0 for one in verdicts)
    chinese = Response(
        (Hit(Passage("a", 0, 9, "东湖最深处四十米。湖水很冷。"), 1.0),), "东湖最深处九十米。", (0,), abstained=False
    )
    asked = Question("q", "东湖有多深？", "zh")
    (item,) = asyncio.run(SentenceEntailment().judge(asked, chinese, NoChat("none"))).items
    assert isinstance(item.verdict, Graded)
    assert item.verdict.grade == 0.0


def test_a_detector_of_something_else_leaves_the_packaged_one() -> None:
    assert with_detector(SentenceEntailment(), Table({}, metrics=("answer_relevance",))) is None
    assert with_detector(AnswerEntailment(), Table({})) == AnswerEntailment().with_detector(Table({}))


@pytest.mark.parametrize("instrument", [SentenceEntailment(), AnswerEntailment()], ids=lambda one: one.name)
def test_without_context_or_answer(instrument: Any) -> None:
    assert all(
        isinstance(one.verdict, Graded) and not one.verdict.grade for one in judge(instrument, response(read=0)).items
    )
    for given in (Response(answer=""), Response(), Response(answer="No idea.", abstained=True)):
        assert judge(instrument, given) == Judged()
