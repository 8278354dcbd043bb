"""The stage that reads from the question which documents are wanted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from rageval.errors import DeclarationError
from rageval.models.base import ChatRequest
from rageval.pipeline import NO_CONTEXT, Calls, ContextSize, Need, PromptSizes, Resources, Shared, Stage, State
from rageval.pipeline.conditions import Condition, Value, meets_all, values_of
from rageval.pipeline.sizes import prompt_size
from rageval.prompts import Prompt, as_prompt, load_prompt, shown_question
from rageval.prompts.own import OwnPrompt
from rageval.text import count_tokens, reply_lines
from rageval.text.languages import Language

_PROMPT = "read_filters"
_MOST_VALUES = 12
_LISTED_TOKENS = 600
_CONDITION = re.compile(r"^(?P<field>.+?)\s*(?P<sign>>=|<=|=|≥|≤|：|:)\s*(?P<value>.+)$")
_ISO_DATE = re.compile(r"\d{4}(?:-\d{2}){0,2}")


@dataclass(frozen=True)
class _Fields:
    """The values of each field of the documents' metadata, and `language`, sorted; only fields with several values."""

    names: tuple[str, ...]

    def needs(self) -> frozenset[Need]:
        return frozenset()

    async def build(self, resources: Resources) -> dict[str, list[Value]]:
        found: dict[str, dict[Value, None]] = {}
        for document in resources.documents:
            for name in self.names or (*document.metadata, "language"):
                found.setdefault(name, {}).update(dict.fromkeys(values_of(document, name)))
        for name in self.names:
            if not found.get(name):
                raise DeclarationError(f"fields: found {name!r}, which no document has")
        return {name: sorted(values, key=_order) for name, values in found.items() if len(values) > 1}


@dataclass(frozen=True)
class ReadFilters(Stage):
    """Later searches find only documents that meet the conditions that the model reads from the question.

    It is told the `fields` of the documents' metadata (all, where none are named) with their values, the first twelve
    where there are more, within 600 estimated tokens. A line of its reply that names no such field, or a value that no
    document has there, is dropped, and so are all conditions where no document meets them together: then the search is
    that of the question alone. The step `read_filters` has what was kept and what was dropped. Where documents have no
    such fields, nothing is asked. `prompt` replaces `read_filters`. Source: the self-query retriever of LangChain.
    """

    fields: tuple[str, ...] = ()
    max_tokens: int = 64
    prompt: Annotated[Prompt, OwnPrompt(_PROMPT)] | None = None
    prompts: ClassVar[tuple[str, ...]] = (_PROMPT,)

    def needs(self, generate: bool) -> frozenset[Need]:
        return frozenset({"chat"})

    def calls(self, generate: bool, before: ContextSize = NO_CONTEXT) -> Calls:
        return Calls(0, 1)

    def prompt_tokens(self, generate: bool, sizes: PromptSizes) -> int | None:
        prompt = as_prompt(self.prompt or _PROMPT)
        none = count_tokens(prompt.texts[sizes.language]["none"])
        return prompt_size(prompt, sizes.language, sizes.question, _LISTED_TOKENS, none)

    def indexes(self) -> tuple[Shared[object], ...]:
        return (_Fields(self.fields),)

    async def run(self, state: State, resources: Resources) -> State:
        fields = await resources.get(_Fields(self.fields))
        language, prompt = state.question.language, as_prompt(self.prompt or _PROMPT)
        listed = _listed(fields, language)
        if not listed:
            return state
        none = prompt.texts[language]["none"]
        given = {"fields": listed, "question": shown_question(state.standalone), "none": none}
        request = ChatRequest(prompt.messages(language, given), prompt.id(language), max_tokens=self.max_tokens)
        reply = await resources.chat.complete(request)
        kept, dropped = list[Condition](), list[str]()
        for line in reply_lines(reply.text):
            condition = _read(line, fields)
            if condition is not None:
                kept.append(condition)
            elif none.casefold() not in line.casefold():
                dropped.append(line)
        if kept and not any(meets_all(kept, document) for document in resources.documents):
            dropped, kept = [*map(str, kept), *dropped], []
        state = replace(state, conditions=(*state.conditions, *kept))
        return state.with_step(_PROMPT, reply.usage, conditions=[*map(str, kept)], dropped=[*dropped])


def _read(line: str, fields: dict[str, list[Value]]) -> Condition | None:
    """The condition in a line; None where it is none, or none about these fields and values."""
    found = _CONDITION.match(line)
    names = {name.casefold(): name for name in fields}
    name = names.get(found["field"].strip(" \"'“”`*").casefold()) if found else None
    if found is None or name is None:
        return None
    value, values = found["value"].strip(" \"'“”`*.。"), fields[name]
    match found["sign"]:
        case ">=" | "≥" | "<=" | "≤":
            end = _end(value, values)
            if end is None:
                return None
            return Condition(name, least=end) if found["sign"] in (">=", "≥") else Condition(name, most=end)
        case _:
            same = [one for one in values if str(one).casefold() == value.casefold()]
            return Condition(name, (same[0],)) if same else _period(name, value, values)


def _end(value: str, values: Sequence[Value]) -> Value | None:
    """An end of a range of numbers or dates; None where the field has no such."""
    if all(isinstance(one, int | float) for one in values):
        try:
            return float(value)
        except ValueError:
            return None
    return value if _ISO_DATE.fullmatch(value) and any(_is_date(one) for one in values) else None


def _period(name: str, value: str, values: Sequence[Value]) -> Condition | None:
    """A year or a month, where the field has dates."""
    end = None if any(isinstance(one, int | float) for one in values) else _end(value, values)
    return None if end is None else Condition(name, least=end, most=end)


def _listed(fields: dict[str, list[Value]], language: Language) -> str:
    """A line for each field, as many as fit."""
    texts, lines, used = load_prompt(_PROMPT).texts[language], list[str](), 0
    for name, values in fields.items():
        if len(values) > _MOST_VALUES and all(isinstance(one, int | float) or _is_date(one) for one in values):
            told = texts["between"].format(least=values[0], most=values[-1])
        elif len(values) > _MOST_VALUES:
            told = texts["examples"].format(examples=", ".join(map(str, values[:_MOST_VALUES])))
        else:
            told = ", ".join(map(str, values))
        line = f"- {name}: {told}"
        used += count_tokens(line)
        if used > _LISTED_TOKENS:
            break
        lines.append(line)
    return "\n".join(lines)


def _is_date(value: Value) -> bool:
    return isinstance(value, str) and _ISO_DATE.fullmatch(value) is not None


def _order(value: Value) -> tuple[bool, float, str]:
    """Numbers by size, then texts."""
    return isinstance(value, str), 0.0 if isinstance(value, str) else float(value), str(value)
