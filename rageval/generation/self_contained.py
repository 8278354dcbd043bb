"""The stage that writes the last question of a conversation so that it can be understood alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from rageval.models.base import ChatRequest
from rageval.pipeline import NO_CONTEXT, Calls, ContextSize, Need, PromptSizes, Query, Resources, Stage, State
from rageval.pipeline.abstention import is_abstention
from rageval.pipeline.sizes import prompt_size
from rageval.prompts import CONVERSATION, Prompt, as_prompt, shown_question
from rageval.prompts.own import OwnPrompt
from rageval.text import count_tokens, reply_lines

_PROMPT = "self_contained"


@dataclass(frozen=True)
class SelfContained(Stage):
    """Search with the last question of a conversation, written so that it can be understood alone.

    What is written takes the place of the first query, and later stages that search, write queries or order passages
    read it in place of question and history (`State.standalone`). The answer is still asked for with both. A question
    without history costs no call. A reply without words, a refusal, and one that is longer than the conversation are
    not used: then the question is searched with as it is, and the step says so. Also known as condensing the question.
    `prompt` replaces `self_contained`. Source: Anantha et al. 2021, arXiv 2010.04898 (QReCC), with a general model in
    place of a trained one.
    """

    max_tokens: int = 64
    prompt: Annotated[Prompt, OwnPrompt(_PROMPT)] | None = None
    prompts: ClassVar[tuple[str, ...]] = (_PROMPT, CONVERSATION)

    def needs(self, generate: bool) -> frozenset[Need]:
        return frozenset({"chat"})

    def calls(self, generate: bool, before: ContextSize = NO_CONTEXT) -> Calls:
        return Calls(0, 1)

    def prompt_tokens(self, generate: bool, sizes: PromptSizes) -> int | None:
        return prompt_size(self.prompt or _PROMPT, sizes.language, sizes.question)

    async def run(self, state: State, resources: Resources) -> State:
        question = state.question
        if not question.history:
            return state
        prompt, shown = as_prompt(self.prompt or _PROMPT), shown_question(question)
        messages = prompt.messages(question.language, {"question": shown})
        reply = await resources.chat.complete(ChatRequest(messages, prompt.id(question.language), self.max_tokens))
        written = next(iter(reply_lines(reply.text)), "")
        if reason := _unusable(written, shown) or _refusal(written, resources, state):
            return state.with_step(_PROMPT, reply.usage, question=None, reason=reason, reply=reply.text)
        queries = (Query(written), *state.queries[1:])
        return replace(state, queries=queries, self_contained=written).with_step(_PROMPT, reply.usage, question=written)


def _unusable(written: str, shown: str) -> str:
    if not any(character.isalnum() for character in written):
        return "the reply has no words"
    return "the reply is longer than the conversation" if count_tokens(written) > count_tokens(shown) else ""


def _refusal(written: str, resources: Resources, state: State) -> str:
    abstains = is_abstention(written, resources.phrases, state.question.language)
    return "the reply is a refusal" if abstains else ""
