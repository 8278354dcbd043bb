"""Does each passage of the context help?"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rageval.judges.asking import ATTEMPTS, asking
from rageval.judges.base import Item, JudgeBound, Judged
from rageval.judges.tables import YES_NO, Said, ask_each, yes_no_verdict
from rageval.models.base import ChatModel
from rageval.pipeline import Bound, PromptSizes
from rageval.pipeline.sizes import passages_size, prompt_size, times, total
from rageval.prompts import shown_question
from rageval.text import sentences
from rageval.types import Abstained, Graded, Passage, Question, Response, Usage, Verdict

SENTENCES_A_CALL = 40


@dataclass(frozen=True)
class PassageRelevance:
    """Does each passage of the context state the answer to the question, or a part of it? One call for all passages."""

    name: str = "passage_relevance"
    summary: str = "Does each passage of the context state the answer to the question, or a part of it?"
    prompts: tuple[str, ...] = ("passage_relevance",)

    def calls(self, passages: int) -> tuple[int, int]:
        return 0, min(passages, 1)

    def bound(self, sizes: PromptSizes) -> JudgeBound:
        return _bound_for_passages(self.name, sizes)

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        passages = response.context_passages
        if not passages:
            return Judged()
        words = YES_NO[question.language]
        fields = {"question": shown_question(question), "last": len(passages)}
        said, usage = await ask_each(
            chat, "passage_relevance", question.language, fields, words, len(passages), passages
        )
        verdicts = _each(said, len(passages), lambda one: yes_no_verdict(one))
        return Judged(_passage_items(response, verdicts), usage)


@dataclass(frozen=True)
class PassageGrade:
    """How well does each passage of the context answer the question, from 0 to 3? One call for all passages.

    The grades are UMBRELA's (Upadhyay et al. 2024, arXiv 2406.06519): 0 has nothing to do with the question, 1 is
    related but does not answer it, 2 has an answer that is unclear or hidden among other things, 3 is dedicated to the
    question and holds the exact answer.
    """

    name: str = "passage_grade"
    summary: str = "How well does each passage of the context answer the question, from 0 to 3 (UMBRELA)?"
    prompts: tuple[str, ...] = ("passage_grade",)
    graded: bool = True

    def calls(self, passages: int) -> tuple[int, int]:
        return 0, min(passages, 1)

    def bound(self, sizes: PromptSizes) -> JudgeBound:
        return _bound_for_passages(self.name, sizes)

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        passages = response.context_passages
        if not passages:
            return Judged()
        fields = {"question": shown_question(question), "last": len(passages)}
        said, usage = await ask_each(
            chat, "passage_grade", question.language, fields, ("0", "1", "2", "3"), len(passages), passages
        )
        verdicts = _each(said, len(passages), lambda one: Graded(float(one.word)))
        return Judged(_passage_items(response, verdicts), usage)


@dataclass(frozen=True)
class SentenceRelevance:
    """Is each sentence of the context needed to answer the question? One call for every forty sentences.

    Source: context relevance in Es et al. 2023, arXiv 2309.15217.
    """

    name: str = "sentence_relevance"
    summary: str = "Is each sentence of the context needed to answer the question?"
    prompts: tuple[str, ...] = ("sentence_relevance",)

    def calls(self, passages: int) -> tuple[int, int]:
        return 0, passages

    def bound(self, sizes: PromptSizes) -> JudgeBound:
        """Takes the largest number of sentences that a passage of that size in the corpus can have."""
        n = sizes.context.passages * sizes.passage_sentences
        calls = math.ceil(n / SENTENCES_A_CALL)
        each = total(prompt_size(self.name, sizes.language, sizes.question, 1), passages_size([0]))
        text = sizes.context.passages * sizes.passage_text + passages_size([0] * n)
        return JudgeBound(Bound(calls, total(times(calls, each), text)) * ATTEMPTS)

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        found = [
            Passage(passage.doc_id, passage.start + start, passage.start + end, passage.text[start:end])
            for passage in response.context_passages
            for start, end in sentences(passage.text)
        ]
        words = YES_NO[question.language]
        verdicts: list[Verdict] = []
        usage = Usage()
        for at in range(0, len(found), SENTENCES_A_CALL):
            part = found[at : at + SENTENCES_A_CALL]
            fields = {"question": shown_question(question), "last": len(part)}
            said, cost = await ask_each(chat, "sentence_relevance", question.language, fields, words, len(part), part)
            verdicts += _each(said, len(part), lambda one: yes_no_verdict(one))
            usage += cost
        items = enumerate(zip(found, verdicts, strict=True))
        return Judged(tuple(Item("sentence", i, sentence.id, verdict) for i, (sentence, verdict) in items), usage)


def _bound_for_passages(prompt: str, sizes: PromptSizes) -> JudgeBound:
    if not sizes.context.passages:
        return JudgeBound()
    return JudgeBound(asking(prompt_size(prompt, sizes.language, sizes.question, 1, sizes.passages())))


def _each(said: list[Said] | Abstained, n: int, verdict: Callable[[Said], Verdict]) -> list[Verdict]:
    return [said] * n if isinstance(said, Abstained) else [verdict(one) for one in said]


def _passage_items(response: Response, verdicts: Sequence[Verdict]) -> tuple[Item, ...]:
    items = zip(response.context, response.context_passages, verdicts, strict=True)
    return tuple(Item("passage", hit, passage.id, verdict) for hit, passage, verdict in items)
