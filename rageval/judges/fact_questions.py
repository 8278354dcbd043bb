"""Questions about the facts of the answer, answered from the context and compared: QAGS and QuestEval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from rageval.judges.asking import UnreadableReplyError, ask, asking
from rageval.judges.base import Item, JudgeBound, Judged
from rageval.judges.tables import closed_object, numbered
from rageval.models.base import ChatModel, ChatReply, ChatRequest
from rageval.models.structured import parse_object
from rageval.pipeline import PromptSizes
from rageval.pipeline.sizes import passage_size, prompt_size, reply_size
from rageval.prompts import load_prompt
from rageval.text.languages import ByLanguage
from rageval.text.normal_words import token_f1
from rageval.types import Abstained, Graded, Json, Passage, Question, Response, Verdict

_WRITING, _ANSWERING = "fact_questions", "answer_briefly"
_MOST = 5
_TOKENS = 80 * _MOST
_TEXT: dict[str, Json] = {"type": "string"}
_SCHEMA = closed_object(
    {
        "questions": {
            "type": "array",
            "items": closed_object({"question": _TEXT, "answer": _TEXT}),
            "minItems": 1,
            "maxItems": _MOST,
        }
    }
)
_NOT_STATED = ByLanguage({"en": "not stated", "zh": "未提及"})

_Asked = tuple[str, str]
"""A question about the answer, and what the answer says to it."""


@dataclass(frozen=True)
class FactQuestions:
    """Does the context answer questions about the answer's facts as the answer does?

    One call writes at most five questions with the answer's reply to each; one more answers all of them from the
    context, where it may say that the context does not state it. The grade is the F1 of the words of both replies
    (characters in Chinese), 0 where the context does not say it. Without context, every grade is 0. Source: QAGS, Wang
    et al. 2020, arXiv 2004.04228, who use models trained for both steps.
    """

    name: str = "fact_questions"
    summary: str = "Does the context answer questions about the answer's facts as the answer does?"
    prompts: tuple[str, ...] = (_WRITING, _ANSWERING)
    graded: bool = True

    def calls(self, passages: int) -> tuple[int, int]:
        return 0, 2 if passages else 1

    def bound(self, sizes: PromptSizes) -> JudgeBound:
        writing = asking(prompt_size(_WRITING, sizes.language, 1, passage_size(sizes.answer)))
        if not sizes.context.passages:
            return JudgeBound(writing)
        asked = reply_size(2 * _TOKENS)
        return JudgeBound(writing + asking(prompt_size(_ANSWERING, sizes.language, asked, sizes.passages())))

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        answer, language = response.answer, question.language
        if response.abstained or not answer:
            return Judged()
        prompt = load_prompt(_WRITING)
        shown = [Passage("", 0, len(answer), answer)]
        messages = prompt.messages(language, {"most": _MOST}, passages=shown)
        request = ChatRequest(messages, prompt.id(language), max_tokens=_TOKENS, schema=_SCHEMA)
        asked, usage = await ask(chat, request, _read_questions)
        if isinstance(asked, Abstained):
            return Judged((Item("questions", 0, answer, asked),), usage)
        verdicts: list[Verdict] = [Graded(0.0, rationale="there is no context")] * len(asked)
        if response.context:
            prompt = load_prompt(_ANSWERING)
            numbers = numbered(len(asked))
            listed = "\n".join(f"{number}. {text}" for number, (text, _) in zip(numbers, asked, strict=True))
            messages = prompt.messages(language, {"questions": listed}, passages=response.context_passages)
            schema = closed_object(dict.fromkeys(numbers, _TEXT))
            request = ChatRequest(messages, prompt.id(language), max_tokens=_TOKENS, schema=schema)
            replies, cost = await ask(chat, request, lambda reply: _read_answers(reply, numbers))
            usage += cost
            verdicts = (
                [replies] * len(asked)
                if isinstance(replies, Abstained)
                else [_compare(said, reply, question) for (_, said), reply in zip(asked, replies, strict=True)]
            )
        items = (
            Item("question", i, f"{text} {said}", verdict)
            for i, ((text, said), verdict) in enumerate(zip(asked, verdicts, strict=True))
        )
        return Judged(tuple(items), usage)


def _compare(said: str, reply: str, question: Question) -> Graded:
    language = question.language
    if token_f1(reply, _NOT_STATED[language], language) == 1.0:
        return Graded(0.0, rationale="the context does not say it")
    return Graded(round(token_f1(reply, said, language), 6), rationale=f"the context says: {reply}")


def _read_questions(reply: ChatReply) -> list[_Asked]:
    parsed = None if reply.finish_reason == "length" else parse_object(reply.text, {"questions": list})
    rows = [] if parsed is None else cast("list[Json]", parsed["questions"])
    asked: list[_Asked] = []
    for row in rows[:_MOST]:
        text, said = (row.get("question"), row.get("answer")) if isinstance(row, dict) else (None, None)
        if not (isinstance(text, str) and isinstance(said, str) and text.strip() and said.strip()):
            raise UnreadableReplyError("a question without a text or an answer")
        asked.append((" ".join(text.split()), " ".join(said.split())))
    if not asked:
        raise UnreadableReplyError("the list of questions is unreadable or empty")
    return asked


def _read_answers(reply: ChatReply, numbers: list[str]) -> list[str]:
    parsed = None if reply.finish_reason == "length" else parse_object(reply.text, dict.fromkeys(numbers, str))
    if parsed is None or len(parsed) != len(numbers):
        raise UnreadableReplyError(f"the answers are unreadable, or not {len(numbers)}")
    return [str(parsed[number]) for number in numbers]
