"""Texts of images: what the chat model writes about one, and what text recognition reads in one."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from threading import Lock

from rageval.models.base import ChatRequest
from rageval.models.recognise import need_recognition, open_pages, recognise
from rageval.pipeline import Need, Resources
from rageval.pipeline.images import PassageImage, or_untitled
from rageval.prompts import load_prompt
from rageval.text.images import Image
from rageval.text.languages import Language

DESCRIBE = "describe_image"
DESCRIPTION_TOKENS = 384

_one_at_a_time = Lock()
_log = logging.getLogger("rageval")


def description_request(one: PassageImage, language: Language) -> ChatRequest:
    """The request for a description of the image in that language. It shows the image and its caption alone, so that
    searches and answers share the reply.
    """
    prompt = load_prompt(DESCRIBE)
    messages = prompt.messages(language, {"caption": or_untitled(one.caption, language)}, images=(one.image,))
    return ChatRequest(messages, prompt.id(language), max_tokens=DESCRIPTION_TOKENS)


@dataclass(frozen=True)
class Words:
    """The text that is recognised in an image, offline (extra `ocr`); "" where there is none, or where the picture is
    damaged, with a warning. Recognised once for all questions.
    """

    image: Image

    def needs(self) -> frozenset[Need]:
        return frozenset()

    async def build(self, resources: Resources) -> str:
        need_recognition()
        return await asyncio.to_thread(_recognised, self.image)


def _recognised(image: Image) -> str:
    raw = image.read()
    with _one_at_a_time:
        try:
            return "\n".join(recognise(page).text for page in open_pages(raw)).strip()
        except Exception as error:  # noqa: BLE001 (Pillow and rapidocr raise what they meet in a damaged file)
            _log.warning("the image %s: no text is read in it (%s: %s)", image.digest[:12], type(error).__name__, error)
            return ""
