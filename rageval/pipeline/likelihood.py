"""How likely a chat model finds a given text, by a reply that can say nothing else."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from rageval.models.base import ChatReply, ChatRequest, Message, Token
from rageval.text import count_tokens
from rageval.types import Json

_ROOM = 4  # model tokens for a token that is estimated
_AROUND = 16
_KEY = "text"


def forced_request(messages: Sequence[Message], prompt: str, text: str) -> ChatRequest:
    """A request whose JSON schema lets the model say nothing but this text, as `{"text": ...}`; `prompt` is the id of
    the messages' prompt. The log-probabilities of the reply are those of the model's free choice.
    """
    schema: dict[str, Json] = {
        "type": "object",
        "properties": {_KEY: {"type": "string", "enum": [text]}},
        "required": [_KEY],
        "additionalProperties": False,
    }
    return ChatRequest(tuple(messages), prompt, forced_tokens(text), schema=schema, top_logprobs=20)


def forced_tokens(text: str) -> int:
    """The tokens that such a reply may have, at most."""
    return _ROOM * count_tokens(text) + _AROUND


def token_likelihoods(reply: ChatReply, text: str) -> list[tuple[int, float]] | None:
    """Where each token of the text begins in it, and its log-probability, in order.

    A token that is not among the 20 most likely ones counts as the last of these, so that no log-probability is too
    low. A token that also holds what stands around the text begins at the text's nearest end. None where the reply has
    no log-probabilities or is not the text.
    """
    try:
        if json.loads(reply.text) != {_KEY: text}:
            return None
    except ValueError:
        return None
    start = reply.text.index('"', reply.text.index(":")) + 1
    end = reply.text.rindex('"')
    positions = _positions(reply.text[start:end])
    at, found = 0, list[tuple[int, float]]()
    for token in reply.tokens:
        if at < end and at + len(token.text) > start:
            if not token.alternatives:
                return None
            found.append((positions[max(at - start, 0)], _of_token(token)))
        at += len(token.text)
    usable = at == len(reply.text) and all(math.isfinite(logarithm) for _, logarithm in found)
    return found if usable else None


def _positions(written: str) -> list[int]:
    """For each character of a JSON string's inside, the position of the character that it spells."""
    positions, place, at = list[int](), 0, 0
    while at < len(written):
        length = 1
        if written[at] == "\\":
            length = 6 if written[at + 1] == "u" else 2
            if length == 6 and "d800" <= written[at + 2 : at + 6].lower() <= "dbff":
                length = 12  # a pair of surrogates spells one character
        positions += [place] * length
        at, place = at + length, place + 1
    return positions


def _of_token(token: Token) -> float:
    last = min(logarithm for _, logarithm in token.alternatives)
    return next((logarithm for text, logarithm in token.alternatives if text == token.text), last)
