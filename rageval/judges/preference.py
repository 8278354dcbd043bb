"""Which of two answers is better? One call judges one order of the two; the caller asks for both orders."""

from __future__ import annotations

import unicodedata

from rageval.judges.asking import UnreadableReplyError, ask
from rageval.models.base import ChatModel, ChatReply, ChatRequest
from rageval.models.structured import word_shares
from rageval.prompts import load_prompt, passages_block, shown_question
from rageval.types import Abstained, Passage, Question, Usage

PROMPTS = ("prefer",)

_WORDS = ("1", "2")
_DECIMALS = 6


async def ask_preference(
    question: Question, first: str, second: str, chat: ChatModel
) -> tuple[float | Abstained, Usage]:
    """Returns P(the answer shown first is better), or 0 or 1 where the model gives no log-probabilities. Costs one
    call.

    The model sees the question, its references if there are any, and the two answers, but no passages. A value below
    0.5 means that the second answer is better. A reply that is neither 1 nor 2 is an abstention.
    """
    prompt, language = load_prompt("prefer"), question.language
    references = "\n".join(f"- {reference}" for reference in question.references)
    shown = prompt.texts[language]["references"].format(references=references) if references else ""
    # after the question, not before it as passages stand: whoever knows what was asked compares better
    answers = passages_block([Passage("", 0, len(answer), answer) for answer in (first, second)])
    messages = prompt.messages(
        language, {"question": shown_question(question), "references": shown, "answers": answers}
    )
    return await ask(chat, ChatRequest(messages, prompt.id(language), max_tokens=1, top_logprobs=20), _read)


def _read(reply: ChatReply) -> float:
    word = unicodedata.normalize("NFKC", reply.text).strip().rstrip(".。")
    if word not in _WORDS:
        raise UnreadableReplyError("neither 1 nor 2")
    shares = word_shares(reply, _WORDS) if reply.first_token else None
    return float(word == _WORDS[0]) if shares is None else round(shares[0], _DECIMALS)
