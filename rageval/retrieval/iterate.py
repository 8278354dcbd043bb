"""Retrieval and reasoning in turns: each thought of the model is the next search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

from rageval.errors import DeclarationError
from rageval.models.base import ChatRequest
from rageval.pipeline import NO_CONTEXT, Calls, ContextSize, Need, PromptSizes, Query, Resources, Shared, Stage, State
from rageval.pipeline.sizes import prompt_size, reply_size, times, total
from rageval.prompts import Prompt, as_prompt, shown_question
from rageval.prompts.own import OwnPrompt
from rageval.retrieval.fusion import fuse, take_turns
from rageval.types import Document, Hit

_PROMPT = "next_thought"


@dataclass(frozen=True)
class Iterate(Stage):
    """Search for the question, let the model write one sentence of reasoning on what was found, search for that
    sentence, and so on, at most `steps` times, until the model says that it is enough.

    The passages of all searches are joined by `combine`: `turns`, the best of each search in turn, since each searches
    for another fact, or `rrf` (reciprocal rank fusion). The first `keep` are read. Helps where the answer joins facts
    of which the second can only be searched for when the first is known. A reply that cannot be used (empty, or a
    thought that came before) ends the search. Source: IRCoT (Trivedi et al. 2023, arXiv 2212.10509), with general
    instructions in place of its examples. `prompt` replaces `next_thought`.
    """

    retrieve: Stage
    steps: int = 3
    keep: int = 8
    max_tokens: int = 64
    prompt: Annotated[Prompt, OwnPrompt(_PROMPT)] | None = None
    combine: Literal["rrf", "turns"] = "turns"
    prompts: ClassVar[tuple[str, ...]] = (_PROMPT,)

    def __post_init__(self) -> None:
        for name, value in (("steps", self.steps), ("keep", self.keep)):
            if value < 1:
                raise DeclarationError(f"{name}: found {value}, expected at least 1")

    def needs(self, generate: bool) -> frozenset[Need]:
        return self.retrieve.needs(generate) | frozenset[Need]({"chat"})

    def calls(self, generate: bool, before: ContextSize = NO_CONTEXT) -> Calls:
        each = self.retrieve.calls(generate, before)
        return Calls(each.low + 1, each.high * (self.steps + 1) + self.steps)

    def prompt_tokens(self, generate: bool, sizes: PromptSizes) -> int | None:
        shown = replace(sizes, context=self.context_size(sizes.context))
        thoughts = reply_size(self.max_tokens) * self.steps
        each = prompt_size(self.prompt or _PROMPT, sizes.language, sizes.question, thoughts, shown.passages(), 2)
        return total(times(self.steps + 1, self.retrieve.prompt_tokens(generate, sizes)), times(self.steps, each))

    def indexing_calls(self, documents: Sequence[Document]) -> int:
        return self.retrieve.indexing_calls(documents)

    def indexing_tokens(self, documents: Sequence[Document]) -> int | None:
        return self.retrieve.indexing_tokens(documents)

    def indexes(self) -> tuple[Shared[object], ...]:
        return self.retrieve.indexes()

    def context_size(self, before: ContextSize = NO_CONTEXT) -> ContextSize:
        return ContextSize(self.keep, self.retrieve.context_size(before).tokens_each)

    async def run(self, state: State, resources: Resources) -> State:
        state = await self.retrieve.run(state, resources)
        rankings, thoughts = [state.response.hits], list[str]()
        for _ in range(self.steps):
            state = self._joined(state, rankings)
            state, thought = await self._think(state, thoughts, resources)
            if not thought or thought in thoughts:
                break
            thoughts.append(thought)
            state = await self.retrieve.run(replace(state, queries=(Query(thought),)), resources)
            rankings.append(state.response.hits)
        queries = (Query(state.standalone.text), *map(Query, thoughts))
        return replace(self._joined(state, rankings), queries=queries)

    def _joined(self, state: State, rankings: Sequence[Sequence[Hit]]) -> State:
        hits = tuple(fuse(rankings) if self.combine == "rrf" else take_turns(rankings))
        return state.with_response(hits=hits, context=tuple(range(min(self.keep, len(hits)))))

    async def _think(self, state: State, thoughts: Sequence[str], resources: Resources) -> tuple[State, str]:
        """The next thought, "" where there is enough."""
        language, prompt = state.question.language, as_prompt(self.prompt or _PROMPT)
        enough = prompt.text(language, "enough")
        fields = {
            "question": shown_question(state.standalone),
            "thoughts": "\n".join(f"- {one}" for one in thoughts) or prompt.text(language, "none"),
            "enough": enough,
        }
        messages = prompt.messages(language, fields, passages=state.response.context_passages)
        reply = await resources.chat.complete(ChatRequest(messages, prompt.id(language), max_tokens=self.max_tokens))
        thought = " ".join(reply.text.split()).lstrip("-•* ")
        if enough.lower() in thought.lower():
            thought = ""
        return state.with_step(_PROMPT, reply.usage, thought=thought or None), thought
