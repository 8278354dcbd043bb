"""Replies that hold one entry for each of several numbered things, so that one call judges them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rageval.judges.asking import UnreadableReplyError, ask, verdict_of
from rageval.models.base import ChatModel, ChatReply, ChatRequest
from rageval.models.structured import bare_word, parse_object, word_probability, yes_probabilities
from rageval.prompts import load_prompt
from rageval.text.languages import ByLanguage, Language
from rageval.types import Abstained, Graded, Json, Passage, Usage

YES_NO = ByLanguage({"en": ("yes", "no"), "zh": ("是", "否")})

_TOKENS_EACH = 12


@dataclass(frozen=True, slots=True)
class Said:
    """One of the allowed words. With the words yes and no, also P(yes) if the model gives log-probabilities."""

    word: str
    probability: float | None


async def ask_each(
    chat: ChatModel,
    prompt_name: str,
    language: Language,
    fields: Mapping[str, object],
    words: Sequence[str],
    n: int,
    passages: Sequence[Passage] = (),
) -> tuple[list[Said] | Abstained, Usage]:
    """One of `words` for each of `n` things that the prompt numbers from 1, in one call."""
    prompt = load_prompt(prompt_name)
    numbers = numbered(n)
    request = ChatRequest(
        prompt.messages(language, fields, passages=passages),
        prompt.id(language),
        max_tokens=_TOKENS_EACH * n + 16,
        schema=closed_object(dict.fromkeys(numbers, one_of(words))),
        top_logprobs=10,
    )
    return await ask(chat, request, lambda reply: _read(reply, numbers, words))


def yes_no_verdict(said: Said) -> Graded:
    """Grade 1 where P(yes) >= 0.5, else 0; without a probability the word decides."""
    said_yes = float(any(said.word == yes for yes, _ in YES_NO.values()))
    return verdict_of(said_yes if said.probability is None else said.probability)


def numbered(n: int) -> list[str]:
    """The keys `1` to `n`."""
    return [str(number) for number in range(1, n + 1)]


def one_of(words: Sequence[str]) -> dict[str, Json]:
    """The schema of a text that is one of the words."""
    return {"type": "string", "enum": [*words]}


def closed_object(properties: Mapping[str, Json]) -> dict[str, Json]:
    """The schema of an object with exactly these properties, as OpenAI's strict mode wants it."""
    return {
        "type": "object",
        "properties": {**properties},
        "required": [*properties],
        "additionalProperties": False,
    }


def _read(reply: ChatReply, numbers: Sequence[str], words: Sequence[str]) -> list[Said]:
    if reply.finish_reason == "length":
        raise UnreadableReplyError("the verdicts were cut off")
    table = parse_object(reply.text, dict.fromkeys(numbers, str))
    if table is None or len(table) != len(numbers):
        raise UnreadableReplyError(f"the verdicts are unreadable, or not {len(numbers)}")
    soft = yes_probabilities(reply, r"\d+")
    said: dict[str, Said] = {}
    for place, (number, value) in enumerate(table.items()):
        word = _one_of(words, str(value))
        if word is None:
            raise UnreadableReplyError(f"verdict {number}: found {value!r}, expected one of {', '.join(words)}")
        said[number] = Said(word, soft[place] if len(soft) == len(numbers) else None)
    return [said[number] for number in numbers]


def _one_of(words: Sequence[str], value: str) -> str | None:
    """The word that was said, or None for another. Case and closing marks do not matter; a yes or no may be said in
    either language.
    """
    word = bare_word(value)
    if word in words:
        return word
    probability = word_probability(word) if tuple(words) in YES_NO.values() else None
    return None if probability is None else words[0] if probability else words[1]
