"""Prompts are data: one YAML file per prompt, hand-written in English and in Chinese, versioned.

    version: 1
    en: {instruction: "... {question} ..."}
    zh: {instruction: "... {question} ..."}

Every prompt is built the same way: one system line (the same for all prompts of a language), then the numbered
passages where the prompt has any, then the instruction. What changes most stands last, so that a model with a prefix
cache reads the passages of a question once for answering and for all judging. The language of the question chooses the
language of the prompt. For a language in which nothing is written by hand the prompt is English, with the instruction
to write in that language where a model writes (`other_languages/instruction.yaml`).
"""

from __future__ import annotations

import hashlib
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, cast

import yaml

from rageval.errors import DeclarationError
from rageval.models.base import ChatRequest, Message
from rageval.text.images import Image
from rageval.text.languages import LANGUAGES, ByLanguage, Language, base_language, prompt_language
from rageval.types import Json, Passage, Question

CONVERSATION = "conversation"
"""The prompt file that says how a question is shown that ends a conversation."""

IMAGES = "images"
"""The prompt file that says how passages show their images."""

_FENCE = re.compile(r"<(\s*/?\s*passages\s*)>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A loaded prompt file. `texts` holds, per language, its named texts; `digest` is of the file's bytes, and equal
    files are equal prompts.

    A prompt of the user's own (`rageval.prompts.own`) has the `name` of the one that it replaces, its `file`, and texts
    in the languages that the file has.
    """

    name: str
    version: int
    digest: str
    texts: ByLanguage[dict[str, str]] = field(compare=False)
    file: str = field(default="", compare=False)

    @property
    def identity(self) -> str:
        """Name and digest."""
        return f"{self.name}@{self.digest}"

    def id(self, language: Language) -> str:
        """`answer/zh@1-3f2a9c1d`: name, language, version and digest; part of every cache key."""
        prompted = prompt_language(language)
        if prompted == base_language(language):
            return f"{self.name}/{prompted}@{self.version}-{self.digest[:8]}"
        return f"{self.name}/{language}@{self.version}-{self.digest[:8]}-{load_instructions().digest[:8]}"

    def text(self, language: Language, variant: str = "instruction") -> str:
        """One of the texts. Raises DeclarationError for a language that a prompt of the user's own has none in."""
        if prompt_language(language) not in self.texts:
            raise DeclarationError(f"{self.file}: found no text under {prompt_language(language)}, expected one")
        return self.texts[language][variant]

    def messages(
        self,
        language: Language,
        fields: Mapping[str, object] | None = None,
        *,
        passages: Sequence[Passage] = (),
        images: Sequence[Image] = (),
        variant: str = "instruction",
    ) -> tuple[Message, ...]:
        """System line, passages, instruction; after them the images. `fields` must be exactly the placeholders of the
        instruction.
        """
        template = self.text(language, variant)
        given = fields or {}
        wanted = placeholders(template)
        if wanted != set(given):
            raise ValueError(f"prompt {self.name}/{language}: placeholders are {sorted(wanted)}, given {sorted(given)}")
        body = template.format(**given).strip()
        if told := load_instructions().told(self.name, language):
            body = f"{told}\n\n{body}"
        if passages:
            attached = f"{load_prompt(IMAGES).text(language, 'attached').strip()}\n\n" if images else ""
            body = f"{passages_block(passages)}\n\n{attached}{body}"
        return (Message("system", shared_text(language, "system")), Message("user", body, tuple(images)))


def yes_no_request(
    prompt: str | Prompt,
    language: Language,
    fields: Mapping[str, object],
    passages: Sequence[Passage] = (),
    images: Sequence[Image] = (),
) -> ChatRequest:
    """A request for one word, with the alternatives from which P(yes) is read (`structured.yes_probability`)."""
    prompt = as_prompt(prompt)
    messages = prompt.messages(language, fields, passages=passages, images=images)
    return ChatRequest(messages, prompt.id(language), max_tokens=1, top_logprobs=20)


def shown_question(question: Question) -> str:
    """What prompts show as the question: its text, and where it has a history the conversation that it ends, one turn a
    line: no text inside can pose as another turn.
    """
    if not question.history:
        return question.text
    texts = load_prompt(CONVERSATION).texts[question.language]
    turns = "\n".join(texts[turn.role].format(text=_unfence(turn.text)) for turn in question.history)
    return texts["shown"].format(turns=turns, question=question.text).strip()


def passages_block(passages: Sequence[Passage]) -> str:
    """The passages, one a line, numbered from 1: no text inside can close the fence or pose as another passage."""
    lines = [
        f"[{i}] {_unfence(f'{p.title}: ' if p.title else '')}{_unfence(p.text)}" for i, p in enumerate(passages, 1)
    ]
    return "<passages>\n" + "\n".join(lines) + "\n</passages>"


def _unfence(text: str) -> str:
    return re.sub(r"\s*\n\s*", " ", _FENCE.sub(r"(\1)", text))


@dataclass(frozen=True, slots=True)
class Instructions:
    """What prompts add for a language in which nothing is written by hand (`other_languages/instruction.yaml`)."""

    text: str
    prompts: frozenset[str]
    names: Mapping[Language, str]
    digest: str

    def told(self, prompt: str, language: Language) -> str:
        """The instruction for that prompt, "" where there is none."""
        if prompt not in self.prompts or prompt_language(language) == base_language(language):
            return ""
        name = self.names.get(base_language(language), f"the language with the code {language}")
        return self.text.format(language=name).strip()


@cache
def load_instructions() -> Instructions:
    """What prompts add for other languages."""
    raw = (resources.files(__name__) / "other_languages" / "instruction.yaml").read_bytes()
    data = cast("dict[str, Any]", yaml.safe_load(raw))
    return Instructions(data["instruction"], frozenset(data["prompts"]), data["names"], hashlib.sha256(raw).hexdigest())


def as_prompt(given: str | Prompt) -> Prompt:
    """The prompt, or the one of that name."""
    return load_prompt(given) if isinstance(given, str) else given


def load_prompt(name: str) -> Prompt:
    """The prompt of that name, from this folder. Raises ValueError where the file breaks the form above."""
    return _load(name)


@cache
def _load(name: str) -> Prompt:
    return parse_prompt(name, (resources.files(__name__) / f"{name}.yaml").read_bytes())


def parse_prompt(name: str, raw: bytes) -> Prompt:
    """The prompt that a file of these bytes holds. Raises ValueError where it breaks the form above."""
    data = cast("dict[str, Any]", yaml.safe_load(raw))
    if set(data) != {"version", *LANGUAGES}:
        raise ValueError(f"prompt {name}: keys are {sorted(data)}, expected version, {', '.join(LANGUAGES)}")
    texts = ByLanguage({language: dict[str, str](data[language]) for language in LANGUAGES})
    if texts["en"].keys() != texts["zh"].keys():
        raise ValueError(f"prompt {name}: the texts are {sorted(texts['en'])} in en, {sorted(texts['zh'])} in zh")
    for key in texts["en"]:
        if placeholders(texts["en"][key]) != placeholders(texts["zh"][key]):
            raise ValueError(f"prompt {name}: the placeholders of {key} differ between the languages")
    return Prompt(name, int(data["version"]), hashlib.sha256(raw).hexdigest(), texts)


def shared_text(language: Language, key: str) -> str:
    """A text that all prompts of a language share: `system` or `abstention`."""
    return load_prompt("shared").texts[language][key].strip()


def prompt_digests(names: Sequence[str]) -> dict[str, Json]:
    """Digest per prompt, `shared` included: what a fingerprint needs to know of prompts."""
    return {name: load_prompt(name).digest for name in sorted({"shared", *names})} if names else {}


def placeholders(template: str) -> set[str]:
    """The names of what is filled in; "" for `{}`, which has none. Raises ValueError for a brace without its other."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
