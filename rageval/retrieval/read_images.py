"""The stage that puts texts in the place of the images in the context."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from rageval.errors import DeclarationError
from rageval.models.base import ChatRequest
from rageval.models.recognise import recogniser_identity
from rageval.pipeline import (
    NO_CONTEXT,
    Calls,
    ContextSize,
    Need,
    PromptSizes,
    Resources,
    Shared,
    Stage,
    State,
    complete_all,
)
from rageval.pipeline.images import Illustrated, ImageReader, PassageImage, images_in, or_untitled, write_images
from rageval.pipeline.sizes import prompt_size, reply_size, text_size, times
from rageval.prompts import IMAGES, load_prompt
from rageval.retrieval.image_texts import DESCRIBE, DESCRIPTION_TOKENS, Words, description_request
from rageval.retrieval.reshape import with_passages
from rageval.text import count_tokens, cut_at_sentence
from rageval.text.images import IMAGE_TOKENS
from rageval.text.languages import LANGUAGES, Language
from rageval.types import Passage, Usage

_MOST_TOKENS = reply_size(DESCRIPTION_TOKENS)


@dataclass(frozen=True)
class ReadImages(Stage):
    """Put what the first `n` images of the context show in the place of their references, as text.

    By the `model`, a vision model describes each in the language of its document: a call for an image, of which the
    view `image_descriptions` has made the same. By `ocr`, the text in it is recognised offline (extra `ocr`), at most
    768 tokens of it. An image of which nothing is read stays as it is, and the step `read_images` counts it as `empty`.
    Whatever reads the passages later, judges included, sees these texts.
    """

    by: Literal["model", "ocr"] = "model"
    n: int = 4
    recogniser: str = field(default="", init=False)

    def __post_init__(self) -> None:
        if self.n < 1:
            raise DeclarationError(f"n: found {self.n}, expected at least 1")
        if self.by == "ocr":
            object.__setattr__(self, "recogniser", recogniser_identity())

    def needs(self, generate: bool) -> frozenset[Need]:
        return frozenset({"chat"} if self.by == "model" else ())

    def image_readers(self) -> frozenset[ImageReader]:
        return frozenset({"chat"} if self.by == "model" else {"ocr"})

    def all_prompts(self) -> frozenset[str]:
        return frozenset({IMAGES, DESCRIBE} if self.by == "model" else {IMAGES})

    def indexes(self) -> tuple[Shared[object], ...]:
        return (Illustrated(),)

    def calls(self, generate: bool, before: ContextSize = NO_CONTEXT) -> Calls:
        return Calls(0, self.n) if self.by == "model" and before.passages else Calls()

    def prompt_tokens(self, generate: bool, sizes: PromptSizes) -> int | None:
        calls = self.calls(generate, sizes.context).high
        asked = [prompt_size(DESCRIBE, language, _caption_size(sizes, language)) for language in LANGUAGES]
        each = max(size for size in asked if size is not None)
        return times(calls, each + IMAGE_TOKENS)

    def context_size(self, before: ContextSize = NO_CONTEXT) -> ContextSize:
        if not before.passages:
            return before
        written = [
            text_size(IMAGES, language, "read", count_tokens(or_untitled("", language)), _MOST_TOKENS) or 0
            for language in LANGUAGES
        ]
        return replace(before, added=before.added + self.n * max(written))

    async def run(self, state: State, resources: Resources) -> State:
        illustrated = await resources.get(Illustrated())
        context = state.response.context
        passages = {position: state.response.hits[position].passage for position in context}
        found = [(position, one) for position in context for one in images_in(passages[position], illustrated)][
            : self.n
        ]
        if not found:
            return state
        languages = [illustrated[passages[position].doc_id].language for position, _ in found]
        texts, usage = await self._read([one for _, one in found], languages, resources)
        written = dict[int, dict[PassageImage, str]]()
        for (position, one), text, language in zip(found, texts, languages, strict=True):
            if text:
                written.setdefault(position, {})[one] = _shown(one, text, language)
        shown = {position: _with_texts(passages[position], some) for position, some in written.items()}
        told = {"images": len(found), "empty": sum(not text for text in texts)}
        return with_passages(state, shown, context).with_step("read_images", usage, **told)

    async def _read(
        self, images: Sequence[PassageImage], languages: Sequence[Language], resources: Resources
    ) -> tuple[list[str], Usage]:
        if self.by == "ocr":
            words = await asyncio.gather(*(resources.get(Words(one.image)) for one in images))
            return [cut_at_sentence(text, _MOST_TOKENS) for text in words], Usage()
        requests: list[ChatRequest] = [
            description_request(one, language) for one, language in zip(images, languages, strict=True)
        ]
        replies = await complete_all(resources.chat, requests)
        return [reply.text.strip() for reply in replies], sum((reply.usage for reply in replies), Usage())


def _caption_size(sizes: PromptSizes, language: Language) -> int:
    return max(sizes.corpus.caption, count_tokens(or_untitled("", language)))


def _shown(one: PassageImage, text: str, language: Language) -> str:
    template = load_prompt(IMAGES).text(language, "read")
    return template.format(caption=or_untitled(one.shown, language), text=text)


def _with_texts(passage: Passage, texts: dict[PassageImage, str]) -> Passage:
    return write_images(passage, [*texts], texts.get)
