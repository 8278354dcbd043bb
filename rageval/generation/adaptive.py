"""Stages that hold other stages, and choose between them for each question."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from rageval.errors import DeclarationError
from rageval.generation.answer import rounded
from rageval.generation.queries import RewriteQueries
from rageval.models.structured import bare_word, word_shares
from rageval.pipeline import NO_CONTEXT, Calls, ContextSize, Need, PromptSizes, Query, Resources, Shared, Stage, State
from rageval.pipeline.grading import GRADE_PASSAGE, grade_passages, grading_size
from rageval.pipeline.sizes import prompt_size, total
from rageval.prompts import Prompt, shown_question, yes_no_request
from rageval.prompts.own import OwnPrompt
from rageval.types import Document

_HOW_MANY = "how_many_searches"
_LETTERS = ("a", "b", "c")


@dataclass(frozen=True)
class _Choice(Stage):
    """A stage of which one of several `branches` runs for a question. Inherit from it."""

    @property
    @abstractmethod
    def branches(self) -> tuple[Stage, ...]:
        """The stages of which one runs."""

    def needs(self, generate: bool) -> frozenset[Need]:
        return frozenset[Need]({"chat"}).union(*(stage.needs(generate) for stage in self.branches))

    def indexing_calls(self, documents: Sequence[Document]) -> int:
        return sum(stage.indexing_calls(documents) for stage in self.branches)

    def indexing_tokens(self, documents: Sequence[Document]) -> int | None:
        return total(*(stage.indexing_tokens(documents) for stage in self.branches))

    def indexes(self) -> tuple[Shared[object], ...]:
        return tuple(index for stage in self.branches for index in stage.indexes())

    def answer_tokens(self, before: int | None) -> int | None:
        return _most(*(stage.answer_tokens(before) for stage in self.branches))

    def context_size(self, before: ContextSize = NO_CONTEXT) -> ContextSize:
        return _largest(*(stage.context_size(before) for stage in self.branches))


@dataclass(frozen=True)
class Adaptive(_Choice):
    """Ask first whether a question takes `none`, `one` or `several` searches, and run those stages.

    One call a question more than the stages that run. A reply that cannot be read stands for one search. `prompt`
    replaces `how_many_searches`. Source:
    Adaptive-RAG (Jeong et al. 2024, arXiv 2403.14403), whose classifier is trained; here the chat model is asked.
    """

    none: Stage
    one: Stage
    several: Stage
    prompt: Annotated[Prompt, OwnPrompt(_HOW_MANY)] | None = None
    prompts: ClassVar[tuple[str, ...]] = (_HOW_MANY,)

    @property
    def branches(self) -> tuple[Stage, ...]:
        return (self.none, self.one, self.several)

    def calls(self, generate: bool, before: ContextSize = NO_CONTEXT) -> Calls:
        each = [stage.calls(generate, before) for stage in self.branches]
        return Calls(1 + min(calls.low for calls in each), 1 + max(calls.high for calls in each))

    def prompt_tokens(self, generate: bool, sizes: PromptSizes) -> int | None:
        most = _most(*(stage.prompt_tokens(generate, sizes) for stage in self.branches))
        return total(prompt_size(self.prompt or _HOW_MANY, sizes.language, sizes.question), most)

    async def run(self, state: State, resources: Resources) -> State:
        fields = {"question": shown_question(state.standalone)}
        request = yes_no_request(self.prompt or _HOW_MANY, state.question.language, fields)
        reply = await resources.chat.complete(request)
        shares = word_shares(reply, _LETTERS)
        word = bare_word(reply.text)
        chosen = _LETTERS.index(word) if word in _LETTERS else None
        if shares is not None:
            chosen = max(range(len(shares)), key=shares.__getitem__)
        names = ("none", "one", "several")
        state = state.with_step(_HOW_MANY, reply.usage, searches=None if chosen is None else names[chosen])
        return await self.branches[1 if chosen is None else chosen].run(state, resources)


@dataclass(frozen=True)
class Corrective(_Choice):
    """Grade the passages of the context, and act by the best grade: use them, refine them, or `search` again.

    The grade is the chat model's P(yes). From `upper` on, the passages of at least `lower` are used as they are; in
    between, `refine` shortens them (the nearest sentences); below `lower` they are all dropped, and `search` runs with
    a rewritten question. A passage whose grade cannot be read stays, and if none can be read, all are used. Source:
    CRAG (Yan et al. 2024, arXiv 2401.15884), which searches the web where this searches the same corpus again, and has
    a trained grader. `prompt` replaces `grade_passage`, and `rewrite_prompt` `rewrite_queries`.
    """

    search: Stage
    refine: Stage
    upper: float = 0.7
    lower: float = 0.3
    prompt: Annotated[Prompt, OwnPrompt(GRADE_PASSAGE)] | None = None
    rewrite_prompt: Annotated[Prompt, OwnPrompt("rewrite_queries")] | None = None
    prompts: ClassVar[tuple[str, ...]] = (GRADE_PASSAGE, "rewrite_queries")

    def __post_init__(self) -> None:
        if not 0.0 <= self.lower <= self.upper <= 1.0:
            raise DeclarationError(f"lower: found {self.lower} (upper {self.upper}), expected 0 <= lower <= upper <= 1")

    @property
    def branches(self) -> tuple[Stage, ...]:
        return (self.refine, self.search)

    @property
    def _rewrite(self) -> Stage:
        return RewriteQueries(1, prompt=self.rewrite_prompt)

    def calls(self, generate: bool, before: ContextSize = NO_CONTEXT) -> Calls:
        refine, search = (stage.calls(generate, before) for stage in self.branches)
        return Calls(0, before.passages + max(refine.high, 1 + search.high))

    def prompt_tokens(self, generate: bool, sizes: PromptSizes) -> int | None:
        refine, search = (stage.prompt_tokens(generate, sizes) for stage in self.branches)
        again = total(self._rewrite.prompt_tokens(generate, sizes), search)
        return total(grading_size(sizes, self.prompt or GRADE_PASSAGE), _most(refine, again))

    def context_size(self, before: ContextSize = NO_CONTEXT) -> ContextSize:
        return _largest(before, super().context_size(before))

    async def run(self, state: State, resources: Resources) -> State:
        response, counting = state.response, resources.counting()
        grades = await grade_passages(
            state.standalone, response.context_passages, counting.chat, self.prompt or GRADE_PASSAGE
        )
        best = max((grade for grade in grades if grade is not None), default=self.upper if grades else 0.0)
        action = "use" if best >= self.upper else "refine" if best >= self.lower else "search"
        state = state.with_step(
            "corrective", counting.usage, grades=[rounded(grade) for grade in grades], action=action
        )
        if action == "search":
            question = replace(state, queries=(Query(state.standalone.text),))
            rewritten = await self._rewrite.run(question, resources)
            return await self.search.run(replace(rewritten, queries=rewritten.queries[-1:]), resources)
        pairs = zip(response.context, grades, strict=True)
        kept = tuple(position for position, grade in pairs if grade is None or grade >= self.lower)
        state = state.with_response(context=kept)
        return state if action == "use" else await self.refine.run(state, resources)


def _largest(*sizes: ContextSize) -> ContextSize:
    """A context that is no smaller than any of these."""
    return ContextSize(
        max(size.passages for size in sizes),
        _most(*(size.tokens_each for size in sizes)),
        max(size.added for size in sizes),
    )


def _most(*parts: int | None) -> int | None:
    """The largest; None where a part is not known."""
    known = [part for part in parts if part is not None]
    return max(known) if len(known) == len(parts) else None
