"""The turns of a conversation as JSON: rageval's own form, and the message lists of other tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, cast

from rageval.types import Json, Turn

MESSAGES = "messages"
"""The key under which a record has a whole conversation."""

_ROLES: Mapping[str, Literal["user", "assistant"] | None] = {
    **dict.fromkeys(("user", "human", "HumanMessage"), "user"),
    **dict.fromkeys(("assistant", "ai", "agent", "AIMessage"), "assistant"),
    **dict.fromkeys(("system", "developer", "tool", "function", "SystemMessage", "ToolMessage"), None),
}
"""What the two sides are called; None for messages that are no turn."""


def turns_to_json(turns: Sequence[Turn]) -> list[Json]:
    """The turns, oldest first, as objects with `role` and `text`."""
    return [{"role": turn.role, "text": turn.text} for turn in turns]


def read_turns(value: object) -> tuple[Turn, ...]:
    """The turns of a list of messages, or of turns, oldest first.

    A message is an object with `role` (or `type`, `speaker`) and `text` (or `content`), as rageval, OpenAI and
    LangChain write them; content may be a list of parts, of which those with a text count, and LangChain's `data` may
    hold it. System and tool messages are left out, and so are blank ones, such as calls of tools. Raises ValueError,
    which says what was found and expected, for anything else.
    """
    if not isinstance(value, list | tuple):
        raise ValueError(f"found {type(value).__name__}, expected a list of messages with role and text")
    turns: list[Turn] = []
    for number, message in enumerate(cast("Sequence[object]", value), 1):
        given = {"role": message.role, "text": message.text} if isinstance(message, Turn) else message
        if not isinstance(given, Mapping):
            raise ValueError(f"message {number}: found {type(message).__name__}, expected an object with role and text")
        fields = cast("Mapping[str, object]", given)
        said = fields.get("role") or fields.get("type") or fields.get("speaker")
        if not isinstance(said, str) or said not in _ROLES:
            raise ValueError(f"message {number}: found the role {said!r}, expected user or assistant")
        role, text = _ROLES[said], _text(fields)
        if text is None:
            raise ValueError(f"message {number}: found no text, expected one under text or content")
        if role and text.strip():
            turns.append(Turn(role, text))
    return tuple(turns)


def up_to_question(turns: Sequence[Turn]) -> Sequence[Turn]:
    """The turns up to the last one by the user. Raises ValueError where there is none."""
    last = max((place for place, turn in enumerate(turns) if turn.role == "user"), default=None)
    if last is None:
        raise ValueError("found no message by the user, expected one at least")
    return turns[: last + 1]


def last_answer(turns: Sequence[Turn]) -> str | None:
    """What the assistant said last; None where the user has the last word."""
    return turns[-1].text if turns and turns[-1].role == "assistant" else None


def _text(message: Mapping[str, object]) -> str | None:
    """What the message says, "" where its content is null; None where it has no content that is text."""
    inner = message.get("data")
    fields = cast("Mapping[str, object]", inner) if isinstance(inner, Mapping) else message
    if "text" not in fields and "content" not in fields:
        return None
    content = fields.get("text", fields.get("content"))
    if content is None:
        return ""
    if isinstance(content, list):
        parts = (
            cast("Mapping[str, object]", part) for part in cast("list[object]", content) if isinstance(part, Mapping)
        )
        return "\n".join(str(part["text"]) for part in parts if isinstance(part.get("text"), str))
    return content if isinstance(content, str) else None
