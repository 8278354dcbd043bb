"""The stage that writes the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, TypeAlias

from rageval.errors import DeclarationError
from rageval.models.base import ChatRequest
from rageval.models.structured import yes_probability
from rageval.pipeline import NO_CONTEXT, Calls, ContextSize, Need, PromptSizes, Resources, Shared, Stage, State
from rageval.pipeline.abstention import is_abstention
from rageval.pipeline.images import Illustrated, ImageReader, show_images, shown_size
from rageval.pipeline.sizes import prompt_size, reply_size, total
from rageval.prompts import IMAGES, Prompt, as_prompt, shared_text, shown_question, yes_no_request
from rageval.prompts.own import OwnPrompt, check_texts
from rageval.text import count_tokens, take_citations
from rageval.text.images import Image
from rageval.types import Json, Passage

Abstain: TypeAlias = Literal["ask_first", "in_answer", "never"]

_VARIANTS = {
    (False, False): "plain",
    (False, True): "or_abstain",
    (True, False): "citing",
    (True, True): "citing_or_abstain",
}


@dataclass(frozen=True)
class Answer(Stage):
    """Answer from the passages in the context, or abstain in the question's language where they do not hold it.

    `abstain` says how that is decided: `ask_first` asks whether the passages state the answer and abstains where
    P(yes) < 0.5 (small models need the separate question: offered an abstention within the prompt, the 1.5B model took
    it in half of the cases in which the answer stood there); `in_answer` offers it in the prompt and saves the call;
    `never` always answers. An unreadable check goes on to the answer.

    With `cite`, the answer is asked to name passages like [1]; these markers are taken out of it and kept as citations
    and in `cited_answer`, what names no passage stays (`rageval.text.take_citations`). Without `cite` nothing is taken
    out. With an empty context it abstains without a model call. The first `images` images that the passages name are
    sent with them, in their order, to a model that reads images; judges see the passages' texts alone. `prompt`
    replaces `answer`, and `check_prompt` `check_answerable`.
    """

    abstain: Abstain = "ask_first"
    cite: bool = False
    max_tokens: int = 128
    prompt: Annotated[Prompt, OwnPrompt("answer")] | None = None
    check_prompt: Annotated[Prompt, OwnPrompt("check_answerable")] | None = None
    images: int = 0
    prompts: ClassVar[tuple[str, ...]] = ("answer", "check_answerable")

    def __post_init__(self) -> None:
        if self.images < 0:
            raise DeclarationError(f"images: found {self.images}, expected at least 0")
        check_texts(self.prompt, self.variant)

    @property
    def variant(self) -> str:
        """Which text of the prompt is sent."""
        return _VARIANTS[self.cite, self.abstain == "in_answer"]

    def needs(self, generate: bool) -> frozenset[Need]:
        return frozenset({"chat"}) if generate else frozenset()

    def image_readers(self) -> frozenset[ImageReader]:
        return frozenset({"chat"} if self.images else ())

    def all_prompts(self) -> frozenset[str]:
        return super().all_prompts().union((IMAGES,) if self.images else ())

    def indexes(self) -> tuple[Shared[object], ...]:
        return (Illustrated(),) if self.images else ()

    def calls(self, generate: bool, before: ContextSize = NO_CONTEXT) -> Calls:
        if not generate:
            return Calls()
        return Calls(1, 2) if self.abstain == "ask_first" else Calls(1, 1)

    def prompt_tokens(self, generate: bool, sizes: PromptSizes) -> int | None:
        if not generate:
            return 0
        language = sizes.language
        shown = total(sizes.question, sizes.passages(), shown_size(self.images, language, sizes.context.passages))
        offered = self.abstain == "in_answer"
        phrase = count_tokens(shared_text(language, "abstention")) if offered else 0
        check = self.check_prompt or "check_answerable"
        asked_first = prompt_size(check, language, shown) if self.abstain == "ask_first" else 0
        answer = prompt_size(self.prompt or "answer", language, shown, phrase, variant=self.variant)
        return total(asked_first, answer)

    def answer_tokens(self, before: int | None) -> int | None:
        return reply_size(self.max_tokens)

    async def run(self, state: State, resources: Resources) -> State:
        if not state.generate:
            return state
        question = state.question
        abstention = shared_text(question.language, "abstention")
        passages = state.response.context_passages
        if not passages:
            return _abstain(state, abstention).with_step("abstain", reason="empty context")
        images: Sequence[Image] = ()
        if self.images:
            illustrated = await resources.get(Illustrated())
            passages, images = show_images(passages, illustrated, self.images, question.language)
        if self.abstain == "ask_first":
            fields = {"question": shown_question(question)}
            check = self.check_prompt or "check_answerable"
            state, probability = await ask_yes_no(state, resources, check, fields, passages, images)
            if probability is not None and probability < 0.5:
                return _abstain(state, abstention)
        offered = self.abstain == "in_answer"
        prompt = as_prompt(self.prompt or "answer")
        messages = prompt.messages(
            question.language,
            {"question": shown_question(question), **({"abstention": abstention} if offered else {})},
            passages=passages,
            images=images,
            variant=self.variant,
        )
        request = ChatRequest(messages, prompt.id(question.language), max_tokens=self.max_tokens)
        reply = await resources.chat.complete(request)
        text, numbers = take_citations(reply.text, len(passages)) if self.cite else (reply.text.strip(), [])
        cited = tuple(dict.fromkeys(state.response.context[n - 1] for n in numbers))
        return state.with_response(
            answer=text,
            abstained=is_abstention(text, resources.phrases, question.language),
            citations=cited,
            cited_answer=reply.text.strip() if numbers else None,
        ).with_step("answer", reply.usage, cut_off=reply.finish_reason == "length", **_told(images))


@dataclass(frozen=True)
class AnswerFromMemory(Stage):
    """Answer without passages, from what the model knows: the floor that retrieval must beat. `prompt` replaces
    `answer_from_memory`.
    """

    max_tokens: int = 128
    prompt: Annotated[Prompt, OwnPrompt("answer_from_memory")] | None = None
    prompts: ClassVar[tuple[str, ...]] = ("answer_from_memory",)

    def needs(self, generate: bool) -> frozenset[Need]:
        return frozenset({"chat"}) if generate else frozenset()

    def calls(self, generate: bool, before: ContextSize = NO_CONTEXT) -> Calls:
        return Calls(1, 1) if generate else Calls()

    def prompt_tokens(self, generate: bool, sizes: PromptSizes) -> int | None:
        phrase = count_tokens(shared_text(sizes.language, "abstention"))
        prompt = self.prompt or "answer_from_memory"
        return prompt_size(prompt, sizes.language, sizes.question, phrase) if generate else 0

    def answer_tokens(self, before: int | None) -> int | None:
        return reply_size(self.max_tokens)

    async def run(self, state: State, resources: Resources) -> State:
        if not state.generate:
            return state
        language = state.question.language
        prompt = as_prompt(self.prompt or "answer_from_memory")
        messages = prompt.messages(
            language, {"question": shown_question(state.question), "abstention": shared_text(language, "abstention")}
        )
        reply = await resources.chat.complete(ChatRequest(messages, prompt.id(language), max_tokens=self.max_tokens))
        text = reply.text.strip()
        return state.with_response(
            answer=text, abstained=is_abstention(text, resources.phrases, state.question.language)
        ).with_step("answer", reply.usage, cut_off=reply.finish_reason == "length")


def _told(images: Sequence[Image]) -> dict[str, Json]:
    """What the step says of images that were sent; nothing where there were none."""
    return {"images": [image.digest[:12] for image in images]} if images else {}


def _abstain(state: State, abstention: str) -> State:
    return state.with_response(answer=abstention, abstained=True, citations=(), cited_answer=None)


async def ask_yes_no(
    state: State,
    resources: Resources,
    prompt: str | Prompt,
    fields: Mapping[str, object],
    passages: Sequence[Passage] = (),
    images: Sequence[Image] = (),
) -> tuple[State, float | None]:
    """Ask the chat model a yes/no question; the state with the step recorded, and P(yes), None where unreadable."""
    reply = await resources.chat.complete(yes_no_request(prompt, state.question.language, fields, passages, images))
    probability = yes_probability(reply)
    return state.with_step(as_prompt(prompt).name, reply.usage, probability=rounded(probability)), probability


def rounded(probability: float | None) -> float | None:
    """Four decimals, for the steps that people read."""
    return None if probability is None else round(probability, 4)
