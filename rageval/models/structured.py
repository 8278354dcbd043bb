"""Reading verdicts out of replies. What cannot be read is None; nothing is guessed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from rageval.models.base import ChatReply
from rageval.types import Json

_OBJECT_START = re.compile(r'\{\s*["}]')
_STRING_OR_BRACE = re.compile(r'"(?:[^"\\]|\\.)*"|[{}]', re.DOTALL)
_YES = frozenset({"yes", "是", "是的"})
_NO = frozenset({"no", "否", "不", "不是"})
# The last two stand for a space in SentencePiece and byte-level BPE tokens; a quotation mark may open a JSON text.
_AROUND = ' \t\r\n"\u3000\u2581\u0120'
_CLOSING_MARKS = ".!。！."


def parse_object(text: str, required: Mapping[str, type]) -> dict[str, Json] | None:
    """The last JSON object in `text`, be it in a code fence or among prose, with every `required` key of its type.

    None where there is no object, where a key is given twice, or where a key is missing or of another type. One that is
    cut off or malformed is no object, and neither is what stands inside it. `bool` is no `int`; an `int` passes for a
    `float`; NaN and infinities are malformed. Further keys are kept.
    """
    found: dict[str, Json] | None = None
    place = 0
    while (start := _OBJECT_START.search(text, place)) is not None:
        try:
            found, place = _DECODER.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            end = _end_of_braces(text, start.start())
            if end is None:
                break
            place = end
    if found is not None and all(key in found and _is(found[key], kind) for key, kind in required.items()):
        return found
    return None


def _end_of_braces(text: str, start: int) -> int | None:
    """Where the braces that open at `start` are closed, those in strings not counted; None where they never are."""
    depth = 0
    for piece in _STRING_OR_BRACE.finditer(text, start):
        depth += {"{": 1, "}": -1}.get(piece[0], 0)
        if depth == 0:
            return piece.end()
    return None


def yes_probability(reply: ChatReply) -> float | None:
    """P(yes) from the first token's alternatives: the mass of yes over the mass of yes and no, in English and Chinese.

    Case and leading spaces do not matter. None where neither appears. Without alternatives the text decides: 1.0 for a
    bare yes, 0.0 for a bare no (a full stop or exclamation mark may follow), None for anything else.
    """
    return _share_of_yes(reply.first_token) if reply.first_token else word_probability(reply.text)


def word_probability(text: str) -> float | None:
    """1.0 for a bare yes, 0.0 for a bare no in English or Chinese (a full stop may follow), None for anything else."""
    word = bare_word(text)
    return 1.0 if word in _YES else 0.0 if word in _NO else None


def bare_word(text: str) -> str:
    """The text in lower case, without white space or quotation marks around it and without a closing mark."""
    return _word(text).rstrip(_CLOSING_MARKS)


def yes_probabilities(reply: ChatReply, key: str) -> list[float | None]:
    """P(yes) at each yes or no that a JSON reply gives under a key that matches the pattern `key`, in order.

    Objects and lists under such a key are no verdicts. Empty where the reply has no alternatives; None where neither
    word is among those of a verdict's token.
    """
    place = re.compile(rf'"(?:{key})"\s*:\s*"?$')
    found: list[float | None] = []
    so_far = ""
    for token in reply.tokens:
        if place.search(so_far) and _word(token.text)[:1] not in ("", "{", "["):
            found.append(_share_of_yes(token.alternatives))
        so_far += token.text
    return found


def word_shares(reply: ChatReply, words: Sequence[str]) -> list[float] | None:
    """The mass of each word among the first token's alternatives, as shares that sum to 1, in the order of `words`.

    Lower-case words that differ; case and leading spaces of tokens do not matter. None where none of them is there.
    """
    masses = [_log_mass(reply.first_token, frozenset({word})) for word in words]
    top = max(masses)
    if top == -math.inf:
        return None
    shares = [math.exp(mass - top) for mass in masses]
    return [share / sum(shares) for share in shares]


def _share_of_yes(alternatives: Sequence[tuple[str, float]]) -> float | None:
    yes = _log_mass(alternatives, _YES)
    no = _log_mass(alternatives, _NO)
    if yes == no == -math.inf:
        return None
    top = max(yes, no)
    return math.exp(yes - top) / (math.exp(yes - top) + math.exp(no - top))


def _log_mass(alternatives: Sequence[tuple[str, float]], words: frozenset[str]) -> float:
    found = [logprob for token, logprob in alternatives if _word(token) in words and math.isfinite(logprob)]
    if not found:
        return -math.inf
    top = max(found)
    return top + math.log(sum(math.exp(logprob - top) for logprob in found))


def _word(text: str) -> str:
    return text.strip(_AROUND).lower()


def _is(value: object, kind: type) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float if kind is float else kind)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _refuse(text: str) -> None:
    raise ValueError(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given twice")
    return found


_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_refuse, object_pairs_hook=_unique)
