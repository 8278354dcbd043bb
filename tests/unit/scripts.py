"""Chat models that answer by the name of the prompt."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from rageval.models.base import ChatReply, ChatRequest, Token
from rageval.models.scripted import ScriptedChat
from rageval.types import Language, Usage

Reply: TypeAlias = str | ChatReply | Exception
Script: TypeAlias = Reply | list[Any] | Callable[[ChatRequest], Reply]

OTHER_WORD = {"yes": "no", "no": "yes", "Yes": "No", "No": "Yes", "是": "否", "否": "是"}


def prompt_name(request: ChatRequest) -> str:
    return request.prompt.split("/")[0]


def by_prompt(**scripts: Script) -> ScriptedChat:
    """One script per prompt name: a reply, a list of replies to be given in order, or a function.

    A prompt without a script, and a list that has run out, fail the test.
    """

    def reply(request: ChatRequest) -> Reply:
        script = scripts[prompt_name(request)]
        if isinstance(script, list):
            return script.pop(0)
        return script(request) if callable(script) else script

    return ScriptedChat(reply)


def names(chat: ScriptedChat) -> list[str]:
    """The names of the prompts that were sent, in order."""
    return [prompt_name(request) for request in chat.requests]


def one_token(text: str, *alternatives: tuple[str, float]) -> ChatReply:
    """A reply of one token with these (token, log-probability) pairs."""
    return ChatReply(text, tokens=(Token(text, alternatives),), usage=Usage(calls=1))


def p_yes(probability: float) -> ChatReply:
    """A reply whose first token has these odds."""
    pairs = (("yes", math.log(probability)), ("no", math.log(1 - probability)))
    return one_token("yes" if probability >= 0.5 else "no", *pairs)


def spelled(*pieces: str | tuple[str, float], finish_reason: str = "stop") -> ChatReply:
    """A reply whose tokens are these pieces. A pair is a token with a verdict in it, and the probability of that very
    verdict; the rest goes to the other word.
    """
    tokens = tuple(Token(piece) if isinstance(piece, str) else _verdict(*piece) for piece in pieces)
    return ChatReply("".join(token.text for token in tokens), finish_reason, tokens, Usage(calls=1))


def verdict_table(*probabilities: float, language: Language = "en") -> ChatReply:
    """`{"1": "yes", "2": "no"}` with these P(yes)."""
    pieces: list[str | tuple[str, float]] = []
    for number, probability in enumerate(probabilities, 1):
        pieces += [f'{", " if pieces else "{"}"{number}": "', verdict(probability, language), '"']
    return spelled(*pieces, "}")


def verdict(probability: float, language: Language = "en") -> tuple[str, float]:
    """The likelier word of the language, with its probability, for `spelled`."""
    yes, no = ("yes", "no") if language == "en" else ("是", "否")
    return (yes, probability) if probability >= 0.5 else (no, 1 - probability)


def as_json(**content: object) -> str:
    return json.dumps(content, ensure_ascii=False)


def numbered(values: Sequence[object], start: int = 1) -> str:
    """A JSON object with these values under 1, 2, …"""
    return json.dumps({str(number): value for number, value in enumerate(values, start)}, ensure_ascii=False)


def _verdict(text: str, probability: float) -> Token:
    word = text.strip(' "')
    other = text.replace(word, OTHER_WORD[word])
    return Token(text, ((text, math.log(probability)), (other, math.log(1 - probability))))


def only(text: str, log_probability: Callable[[str], float]) -> ChatReply:
    """`{"text": ...}` as a model is made to write it, a token a character, each as likely as `log_probability` says."""
    inside = [(piece, json.dumps(piece, ensure_ascii=False)[1:-1]) for piece in text]
    tokens = [Token(written, ((written, log_probability(piece)), ("other", -20.0))) for piece, written in inside]
    around = (Token('{"text": "', (("{", 0.0),)), *tokens, Token('"}', (('"', 0.0),)))
    return ChatReply("".join(token.text for token in around), tokens=around, usage=Usage(calls=1))
