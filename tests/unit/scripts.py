"""Chat models that answer by the name of the prompt."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

from rageval.models.base import ChatReply, ChatRequest, Token
from rageval.models.scripted import ScriptedChat
from rageval.types import Usage

Reply: TypeAlias = str | ChatReply | Exception
Script: TypeAlias = Reply | list[Reply] | Callable[[ChatRequest], Reply]


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
