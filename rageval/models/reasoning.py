"""The reasoning that a model writes before its answer: found in the text of a reply and taken out of it."""

from __future__ import annotations

import re

# Opening and closing marks, as patterns. The last two are Harmony's (gpt-oss) and Gemma's channels.
_MARKS = (
    *(
        (rf"<{name}>", rf"</{name}>")
        for name in ("think", "thinking", "thought", "thoughts", "reasoning", "seed:think")
    ),
    (r"\[THINK\]", r"\[/THINK\]"),
    (r"◁think▷", r"◁/think▷"),
    (r"<\|begin_of_thought\|>", r"<\|end_of_thought\|>"),
    (r"<\|begin_of_reasoning\|>", r"<\|end_of_reasoning\|>"),
    (
        r"(?:<\|start\|>assistant)?<\|channel\|>(?:analysis|commentary)<\|message\|>",
        r"(?:<\|end\|>)?(?:<\|start\|>assistant)?<\|channel\|>final<\|message\|>",
    ),
    (r"<\|channel>thought", r"<channel\|>"),
)
_PAIRS = [(re.compile(open_, re.IGNORECASE), re.compile(close, re.IGNORECASE)) for open_, close in _MARKS]
_OPENS = re.compile("|".join(rf"(?:{open_})" for open_, _ in _MARKS), re.IGNORECASE)
_CLOSES = re.compile("|".join(rf"(?:{close})" for _, close in _MARKS), re.IGNORECASE)
_MAY_HOLD_ONE = re.compile(r"think|thought|reasoning|<\|channel", re.IGNORECASE)
_ANSWER = re.compile(
    r"\s*(?:<\|begin_of_(?:solution|answer)\|>|<\|channel\|>final<\|message\|>)(.*?)"
    r"(?:<\|end_of_(?:solution|answer)\|>|<\|return\|>|<\|end\|>)?\s*",
    re.IGNORECASE | re.DOTALL,
)


def split_reasoning(text: str) -> tuple[str, str, bool]:
    """The reasoning in `text`, the answer after it, and whether the reasoning is unclosed (then there is no answer).

    Reasoning is a block between marks (`<think>…</think>` and its relatives) at the beginning of the text or of a line,
    a block without an end, and all before a closing mark whose opening mark is not in the text: templates put that into
    the prompt. Marks in backticks, and within a line, are text. Without reasoning the text is returned as it is.
    """
    if not _MAY_HOLD_ONE.search(text):
        return "", text, False
    thoughts: list[str] = []
    rest = text
    while True:
        opened = _first_block(rest)
        closed = next((mark for mark in _CLOSES.finditer(rest) if not _is_quoted(rest, mark)), None)
        if closed is not None and not _OPENS.search(rest[: closed.start()]):
            thoughts.append(rest[: closed.start()])
            rest = rest[closed.end() :]
        elif opened is not None:
            start, inside, end, after = opened
            thoughts.append(rest[inside:end])
            if after is None:
                return _joined(thoughts), rest[:start].strip(), True
            rest = rest[:start] + rest[after:]
        else:
            break
    if not thoughts:
        return "", text, False
    answer = _ANSWER.fullmatch(rest)
    return _joined(thoughts), (answer[1] if answer else rest).strip(), False


def _first_block(text: str) -> tuple[int, int, int, int | None] | None:
    """Where the first block begins, where its inside begins and ends, and where the text goes on (None: unclosed)."""
    for mark in _OPENS.finditer(text):
        if text[: mark.start()].rpartition("\n")[2].strip():
            continue
        close = next(close for open_, close in _PAIRS if open_.fullmatch(mark[0]))
        end = close.search(text, mark.end())
        if end is None:
            return mark.start(), mark.end(), len(text), None
        return mark.start(), mark.end(), end.start(), end.end()
    return None


def _is_quoted(text: str, mark: re.Match[str]) -> bool:
    return text[: mark.start()].endswith("`") and text[mark.end() :].startswith("`")


def _joined(thoughts: list[str]) -> str:
    return "\n".join(filter(None, (thought.strip() for thought in thoughts)))
