"""The images of passages: which ones a passage has, what reads them, and how prompts show them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, cast

from rageval.pipeline.resources import Resources
from rageval.pipeline.sizes import text_size, times, total
from rageval.pipeline.stage import Need
from rageval.prompts import IMAGES, load_prompt
from rageval.text import count_tokens
from rageval.text.images import IMAGE_TOKENS, Image, find_references
from rageval.text.languages import Language
from rageval.types import Document, Passage

ImageReader: TypeAlias = Literal["chat", "embed", "ocr"]

_BEFORE = 4000  # characters in which a reference begins that ends in a passage


@dataclass(frozen=True, slots=True)
class PassageImage:
    """An image that a passage names at `start` to `end` of its text, with its caption. `shown` is the part of the
    caption that stands in the passage: a chunker may have cut within it.
    """

    start: int
    end: int
    caption: str
    shown: str
    image: Image


@dataclass(frozen=True)
class Illustrated:
    """The documents that name images, by id."""

    def needs(self) -> frozenset[Need]:
        return frozenset()

    async def build(self, resources: Resources) -> Mapping[str, Document]:
        return {document.id: document for document in resources.documents if document.images}


def image_readers(part: object) -> frozenset[ImageReader]:
    """What reads images for this part of a pipeline, as its method `image_readers` says: the chat model, the embedder,
    text recognition. Empty where it uses none.
    """
    readers = getattr(part, "image_readers", None)
    return cast("frozenset[ImageReader]", readers()) if callable(readers) else frozenset()


def images_in(passage: Passage, documents: Mapping[str, Document]) -> list[PassageImage]:
    """The images whose references end in the passage, in order, each once, at its first reference. `documents` are the
    illustrated ones by id.
    """
    document = documents.get(passage.doc_id)
    if document is None:
        return []
    text, offset = passage.text, 0
    if document.text[passage.start : passage.end] == passage.text:
        offset = min(passage.start, _BEFORE)
        text = document.text[passage.start - offset : passage.end]
    found: dict[Image, PassageImage] = {}
    for one in find_references(text):
        image = document.images.get(one.name)
        if not isinstance(image, Image) or image in found or one.end <= offset:
            continue
        start, end = max(one.start - offset, 0), one.end - offset
        within = passage.text[start:end].removeprefix("![").rpartition("](")[0]
        found[image] = PassageImage(start, end, one.caption, " ".join(within.split()), image)
    return [*found.values()]


def write_images(
    passage: Passage, images: Sequence[PassageImage], write: Callable[[PassageImage], str | None]
) -> Passage:
    """The passage with what is written in the place of each reference; None leaves it as it is."""
    text, end = "", 0
    for one in images:
        written = write(one)
        if written is not None:
            text += passage.text[end : one.start] + written
            end = one.end
    return replace(passage, text=text + passage.text[end:]) if end else passage


def show_images(
    passages: Sequence[Passage], documents: Mapping[str, Document], most: int, language: Language
) -> tuple[list[Passage], list[Image]]:
    """The first `most` different images of the passages, and the passages with the number of each in the place of its
    reference. References to others stay as they are.
    """
    numbers: dict[Image, int] = {}

    def numbered(one: PassageImage) -> str | None:
        if one.image not in numbers and len(numbers) == most:
            return None
        number = numbers.setdefault(one.image, len(numbers) + 1)
        text = load_prompt(IMAGES).text(language, "numbered")
        return text.format(number=number, caption=or_untitled(one.shown, language))

    shown = [write_images(passage, images_in(passage, documents), numbered) for passage in passages]
    return shown, [*numbers]


def or_untitled(caption: str, language: Language) -> str:
    """The caption, or the words for an image without one."""
    return caption or load_prompt(IMAGES).text(language, "untitled").strip()


def shown_size(most: int, language: Language, passages: int) -> int | None:
    """Tokens that at most so many images add to a prompt with so many passages, as `show_images` shows them."""
    if not most or not passages:
        return 0
    untitled = count_tokens(or_untitled("", language))
    each = text_size(IMAGES, language, "numbered", count_tokens(str(most)), untitled)
    return total(text_size(IMAGES, language, "attached"), times(most * passages, each), most * IMAGE_TOKENS)
