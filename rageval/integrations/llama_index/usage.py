"""Calls and tokens of LLMs: LlamaIndex tells every call of one to the handlers of its root dispatcher."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, cast

from llama_index.core.base.llms.types import ChatResponse, CompletionResponse
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.instrumentation.events.llm import (
    LLMChatEndEvent,
    LLMChatStartEvent,
    LLMCompletionEndEvent,
    LLMCompletionStartEvent,
)
from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.events.span import SpanDropEvent

from rageval.types import Usage


class _Calls:
    """The calls of LLMs that one question took. A call that another one makes (complete for chat) counts with it."""

    def __init__(self) -> None:
        self._replies: list[Usage] = []
        self._under_way: set[str | None] = set()

    @property
    def usage(self) -> Usage:
        return sum(self._replies, Usage())

    def begin(self, span: str | None) -> None:
        if _OUTER.get() not in self._under_way:
            _OUTER.set(span)
            self._under_way.add(span)

    def end(self, span: str | None, reply: ChatResponse | CompletionResponse | None) -> None:
        if span in self._under_way:
            self._under_way.discard(span)
            self._replies.append(Usage(calls=1) if reply is None else usage_of(reply))

    def drop(self, span: str | None) -> None:
        self._under_way.discard(span)


_CALLS: ContextVar[_Calls | None] = ContextVar("rageval_llama_index_calls", default=None)
_OUTER: ContextVar[str | None] = ContextVar("rageval_llama_index_outer_call", default="")


class _CallCounter(BaseEventHandler):
    """Counts what is called in the context of a question of rageval's, and nothing else."""

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        calls = _CALLS.get()
        if calls is None:
            return
        match event:
            case LLMChatStartEvent() | LLMCompletionStartEvent():
                calls.begin(event.span_id)
            case LLMChatEndEvent() | LLMCompletionEndEvent():
                calls.end(event.span_id, event.response)
            case SpanDropEvent():
                calls.drop(event.span_id)
            case _:
                pass


@cache
def _register_counter() -> None:
    """Registers the handler once per process, for good: removing a handler while another thread iterates over them
    makes that thread skip one.
    """
    get_dispatcher().add_event_handler(_CallCounter())


@contextmanager
def count_calls() -> Generator[_Calls]:
    """Count the calls of LLMs that are made within the block."""
    _register_counter()
    calls = _Calls()
    token = _CALLS.set(calls)
    try:
        yield calls
    finally:
        _CALLS.reset(token)


_PROMPT_TOKENS = ("prompt_tokens", "input_tokens", "prompt_token_count", "prompt_eval_count")
_COMPLETION_TOKENS = ("completion_tokens", "output_tokens", "candidates_token_count", "eval_count")


def usage_of(reply: ChatResponse | CompletionResponse) -> Usage:
    """One call, with the tokens that the raw reply or its additional arguments tell, under any of the usual names."""
    raw, more = as_mapping(reply.raw), as_mapping(cast("Any", reply).additional_kwargs)
    for told in (as_mapping(raw.get("usage")), as_mapping(raw.get("usage_metadata")), raw, more):
        prompt, completion = _count(told, _PROMPT_TOKENS), _count(told, _COMPLETION_TOKENS)
        if prompt or completion:
            cached = _count(as_mapping(told.get("prompt_tokens_details")), ("cached_tokens",))
            return Usage(1, prompt_tokens=prompt, cached_tokens=cached, completion_tokens=completion)
    return Usage(calls=1)


def _count(told: Mapping[str, Any], names: Sequence[str]) -> int:
    values = (told.get(name) for name in names)
    return next((value for value in values if isinstance(value, int) and not isinstance(value, bool)), 0)


def as_mapping(value: Any) -> Mapping[str, Any]:
    """A dictionary, or an object of pydantic as one; empty for anything else."""
    if isinstance(value, Mapping):
        return cast("Mapping[str, Any]", value)
    dump = getattr(value, "model_dump", None)
    return cast("Mapping[str, Any]", dump()) if callable(dump) else {}
