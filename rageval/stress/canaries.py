"""Words that nobody writes by chance, and where they are planted in a prompt."""

from __future__ import annotations

from dataclasses import replace

from rageval.models.base import ChatModel, ChatReply, ChatRequest, Message
from rageval.models.wrapped import WrappedChat
from rageval.stress.changes import draws

_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"


def make_canary(seed: int, attack: str) -> str:
    """A word such as `ravoku-4821-memizo`, the same for the same seed and attack."""
    rng = draws(seed, "canary", attack)

    def word() -> str:
        letters = (text[int(rng.integers(len(text)))] for text in (_CONSONANTS, _VOWELS) * 3)
        return "".join(letters)

    return f"{word()}-{int(rng.integers(1000, 10_000))}-{word()}"


class PlantedChat(WrappedChat):
    """Adds a line to the system message of every request; where there is none, the line is the system message."""

    def __init__(self, model: ChatModel, line: str) -> None:
        super().__init__(model)
        self._line = line

    @property
    def identity(self) -> str:
        return f"{self._model.identity} with {self._line!r}"

    async def complete(self, request: ChatRequest) -> ChatReply:
        return await super().complete(replace(request, messages=with_line(request.messages, self._line)))


def with_line(messages: tuple[Message, ...], line: str) -> tuple[Message, ...]:
    """The messages with the line at the end of the system message, which comes first."""
    if messages and messages[0].role == "system":
        return (Message("system", f"{messages[0].content}\n{line}"), *messages[1:])
    return (Message("system", line), *messages)
