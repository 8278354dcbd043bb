"""Nuggets: the facts by which all answers to a question are checked, pooled over the systems that are compared.

Source: Voorhees 2003 (TREC question answering); Pradeep et al. 2024, arXiv 2411.09607 (AutoNuggetizer), who take them
from passages that were judged relevant.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import cast

from rageval.identity import fingerprint
from rageval.judges.asking import ATTEMPTS, UnreadableReplyError, ask, asking
from rageval.judges.base import Item, JudgeBound, Judged
from rageval.judges.tables import ask_each, closed_object, one_of
from rageval.models.base import ChatModel, ChatReply, ChatRequest
from rageval.models.structured import parse_object
from rageval.pipeline import PromptSizes
from rageval.pipeline.sizes import passage_size, prompt_size, reply_size, text_size
from rageval.prompts import load_prompt, shown_question
from rageval.text.languages import ByLanguage, Language
from rageval.types import Abstained, Graded, Json, Passage, Question, Response, Usage

MOST_NUGGETS = 10
NO_SOURCE = "the question has no reference answer, and no pipeline answered it"
WRITING = "nuggets"

_SUPPORT = "nugget_support"
_IMPORTANCE = ByLanguage({"en": ("vital", "okay"), "zh": ("关键", "次要")})
_SAID = ByLanguage({"en": ("support", "partial", "not"), "zh": ("支持", "部分", "没有")})
_GRADES = (1.0, 0.5, 0.0)
_TOKENS_A_NUGGET = 64
_BLANK = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class _Nugget:
    text: str
    vital: bool


@dataclass(frozen=True)
class Nuggets:
    """Which of the facts that an answer should state does it state? Two calls, one of which all pipelines share.

    One call writes at most ten facts, vital or okay, from the question, its references and the distinct answers of all
    pipelines (`answers` by question id, and this one); one says of each fact whether this answer supports it: grade 1,
    in part 0.5, or not 0. An abstention, an empty answer and whatever is said to an unanswerable question are not sent
    to the model; where there is neither reference nor answer the judge abstains.
    """

    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    name: str = "nuggets"
    summary: str = "Which of the facts that all references and answers together yield does the answer state?"
    prompts: tuple[str, ...] = (WRITING, _SUPPORT)
    splits: int = 1
    graded: bool = True

    @property
    def settings(self) -> Mapping[str, Json]:
        pool: dict[str, Json] = {question: [*answers] for question, answers in self.answers.items()}
        return {"pool": fingerprint(pool)}

    def pool(self, responses: Mapping[str, Sequence[Response]]) -> Nuggets:
        return replace(self, answers={question: _distinct(given) for question, given in responses.items()})

    def calls(self, passages: int) -> tuple[int, int]:
        return 0, 2

    def bound(self, sizes: PromptSizes) -> JudgeBound:
        language, question = sizes.language, sizes.question
        shown = text_size(WRITING, language, "references", sizes.listed_references)
        writing = prompt_size(WRITING, language, question, shown, 1, sizes.pool)
        facts = reply_size(ATTEMPTS * _TOKENS_A_NUGGET * MOST_NUGGETS)
        support = prompt_size(_SUPPORT, language, question, facts, 1, passage_size(sizes.answer))
        return JudgeBound(asking(support), asking(writing))

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        answers = {*self.answers.get(question.id, ()), *_distinct([response])}
        if not answers and not question.references:
            return Judged((Item("nuggets", 0, response.answer or "", Abstained(NO_SOURCE)),))
        if response.abstained or not response.answer or not question.answerable:
            return Judged()
        nuggets, usage = await _write(question, answers, chat)
        if isinstance(nuggets, Abstained):
            return Judged((Item("nuggets", 0, response.answer, nuggets),), usage)
        words = _SAID[question.language]
        fields = {
            "question": shown_question(question),
            "facts": "\n".join(f"{number}. {nugget.text}" for number, nugget in enumerate(nuggets, 1)),
            "last": len(nuggets),
        }
        shown = [_passage(response.answer)]
        said, cost = await ask_each(chat, _SUPPORT, question.language, fields, words, len(nuggets), shown)
        verdicts = (
            [said] * len(nuggets)
            if isinstance(said, Abstained)
            else [Graded(_GRADES[words.index(one.word)]) for one in said]
        )
        items = [
            Item("vital_nugget" if nugget.vital else "okay_nugget", i, nugget.text, verdict)
            for i, (nugget, verdict) in enumerate(zip(nuggets, verdicts, strict=True))
        ]
        return Judged(tuple(items), usage + cost)


async def _write(
    question: Question, answers: Collection[str], chat: ChatModel
) -> tuple[tuple[_Nugget, ...] | Abstained, Usage]:
    prompt, language = load_prompt(WRITING), question.language
    references = "\n".join(f"- {reference}" for reference in question.references)
    shown = prompt.texts[language]["references"].format(references=references) if references else ""
    fields = {"question": shown_question(question), "references": shown, "most": MOST_NUGGETS}
    request = ChatRequest(
        prompt.messages(language, fields, passages=[_passage(answer) for answer in _shuffled(answers, question)]),
        prompt.id(language),
        max_tokens=_TOKENS_A_NUGGET * MOST_NUGGETS,
        schema=_schema(language),
    )
    return await ask(chat, request, partial(_read, language))


def _distinct(responses: Sequence[Response]) -> tuple[str, ...]:
    """Returns each distinct answer once, sorted, so that the order of the pipelines makes no difference. Drops
    abstentions.
    """
    return tuple(sorted({r.answer.strip() for r in responses if r.answer and r.answer.strip() and not r.abstained}))


def _shuffled(answers: Collection[str], question: Question) -> list[str]:
    """Shuffles in an order that depends on the question's id, so that no system's answer always comes first."""

    def drawn(answer: str) -> bytes:
        return hashlib.sha256(f"{question.id}\0{answer}".encode(errors="surrogatepass")).digest()

    return sorted(answers, key=drawn)


def _passage(text: str) -> Passage:
    return Passage("", 0, len(text), text)


def _schema(language: Language) -> dict[str, Json]:
    nugget = closed_object({"text": {"type": "string"}, "importance": one_of(_IMPORTANCE[language])})
    return closed_object({"nuggets": {"type": "array", "items": nugget, "minItems": 1, "maxItems": MOST_NUGGETS}})


def _read(language: Language, reply: ChatReply) -> tuple[_Nugget, ...]:
    """Returns the distinct nuggets in order. A repeated nugget is vital if any of its copies is."""
    if reply.finish_reason == "length":
        raise UnreadableReplyError("the list of nuggets was cut off")
    parsed = parse_object(reply.text, {"nuggets": list})
    if parsed is None:
        raise UnreadableReplyError("the list of nuggets is unreadable")
    rows = cast("list[Json]", parsed["nuggets"])
    if not 1 <= len(rows) <= MOST_NUGGETS:
        raise UnreadableReplyError(f"found {len(rows)} nuggets, expected 1 to {MOST_NUGGETS}")
    vital: dict[str, bool] = {}
    for number, row in enumerate(rows, 1):
        text, importance = (row.get("text"), row.get("importance")) if isinstance(row, dict) else (None, None)
        plain = _BLANK.sub(" ", text).strip() if isinstance(text, str) else ""
        word = importance.strip().lower() if isinstance(importance, str) else ""
        if not plain or word not in _IMPORTANCE[language]:
            raise UnreadableReplyError(f"nugget {number} is not a text with an importance")
        vital[plain] = vital.get(plain, False) or word == _IMPORTANCE[language][0]
    return tuple(_Nugget(text, is_vital) for text, is_vital in vital.items())
