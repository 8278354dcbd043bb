"""Prompts of the user's own, in the place of those that stages bring.

    # prompts/short.yaml
    en: "{question} Answer in at most ten words:"
    zh: "{question}请用不超过二十个字回答："

A file has a text in both languages or in one. A prompt of several texts (`answer` has one for each way of answering)
takes a mapping of them by name, or one text for all that have its placeholders.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from rageval.errors import DeclarationError
from rageval.io.plugins import BuiltSetting
from rageval.io.strict import read_mapping
from rageval.io.user_files import find_file
from rageval.prompts import Prompt, load_prompt, placeholders
from rageval.text.languages import LANGUAGES, ByLanguage, prompt_language
from rageval.types import Question

_VERSION = "version"


@dataclass(frozen=True, eq=False)
class OwnPrompt(BuiltSetting):
    """Marks a setting that takes a file of the user's in the place of the prompt `name`, or in Python a `Prompt`:
    `Annotated[Prompt, OwnPrompt("step_back")] | None`.
    """

    name: str

    def build(self, given: object, base: Path, place: str) -> Prompt:
        if isinstance(given, Prompt):
            return given
        if not isinstance(given, str | os.PathLike):
            raise DeclarationError(f"{place}: found {given!r}, expected the path of a file with a prompt")
        reference = os.fspath(cast("str | os.PathLike[str]", given))
        try:
            return read_prompt(self.name, find_file(place, reference, base))
        except DeclarationError as error:
            told = str(error)
            raise DeclarationError(told if told.startswith(place) else f"{place}: {told}") from None


def read_prompt(name: str, path: Path) -> Prompt:
    """The prompt that a file of the user's holds, to stand in the place of the prompt `name`.

    Words that the prompt `name` has beside its instructions, such as the reply that ends a search, may be left out.
    Raises DeclarationError that names the file and the key: for a language without prompts, a text of another name, an
    empty text, and placeholders other than those of the text that it replaces.
    """
    data, replaced = read_mapping(path, "a prompt", " or ".join(LANGUAGES)), load_prompt(name)
    version = data.get(_VERSION, 1)
    if isinstance(version, bool) or not isinstance(version, int):
        raise DeclarationError(f"{path}: {_VERSION}: found {version!r}, expected a whole number")
    given = {key: value for key, value in data.items() if key != _VERSION}
    for key in given:
        if key not in LANGUAGES:
            raise DeclarationError(
                f"{path}: found the key {key!r}, expected some of {', '.join(LANGUAGES)}, {_VERSION}"
            )
    if not given:
        raise DeclarationError(f"{path}: found no text, expected one under {' or '.join(LANGUAGES)}")
    texts = {key: _texts(value, replaced.texts[key], f"{path}: {key}") for key, value in given.items()}
    return Prompt(name, version, hashlib.sha256(path.read_bytes()).hexdigest(), ByLanguage(texts), path.name)


def check_texts(prompt: Prompt | None, text: str, at: str = "prompt") -> None:
    """Raises DeclarationError, whose message begins with `at`, where a prompt lacks that text in one of its languages;
    None lacks nothing.
    """
    for language in prompt.texts if prompt else ():
        if prompt and text not in prompt.texts[language]:
            wanted = _listed(placeholders(load_prompt(prompt.name).texts[language][text]))
            raise DeclarationError(
                f"{at}: {prompt.file}: {language}: found no text for {text}, expected one with the placeholders "
                f"{wanted}"
            )


def check_prompt_languages(prompts: Iterable[Prompt], questions: Sequence[Question]) -> None:
    """Raises DeclarationError where one of these prompts has no text for the language of some question."""
    for prompt in prompts:
        missing = [one.language for one in questions if prompt_language(one.language) not in prompt.texts]
        if missing:
            raise DeclarationError(
                f"{prompt.file}: found no text under {prompt_language(missing[0])}, in which {len(missing)} of the "
                f"{len(questions)} questions are prompted: add it, or choose questions by language"
            )


def _texts(given: object, replaced: Mapping[str, str], at: str) -> dict[str, str]:
    """The texts of one language by name: what is given, and the words of the prompt that is replaced."""
    instructions = {key: placeholders(text) for key, text in replaced.items() if placeholders(text)}
    words = {key: text for key, text in replaced.items() if key not in instructions}
    if isinstance(given, str):
        found = _placeholders(given, at)
        fitting = {key: given for key, wanted in instructions.items() if wanted == found}
        if not fitting:
            expected = " or ".join(dict.fromkeys(map(_listed, instructions.values())))
            raise DeclarationError(f"{at}: found the placeholders {_listed(found)}, expected {expected}")
        return {**words, **fitting}
    if not isinstance(given, Mapping):
        raise DeclarationError(f"{at}: found {given!r}, expected a text, or texts by name: {', '.join(replaced)}")
    own: dict[str, str] = {}
    for key, text in cast("Mapping[object, object]", given).items():
        if not isinstance(key, str) or key not in replaced:
            raise DeclarationError(f"{at}: found the text {key!r}, expected some of {', '.join(replaced)}")
        found = _placeholders(text, f"{at}.{key}")
        if found != placeholders(replaced[key]):
            expected = _listed(placeholders(replaced[key]))
            raise DeclarationError(f"{at}.{key}: found the placeholders {_listed(found)}, expected {expected}")
        own[key] = cast("str", text)
    if own.keys().isdisjoint(instructions):
        raise DeclarationError(f"{at}: found no instruction, expected at least one of {', '.join(instructions)}")
    return {**words, **own}


def _placeholders(text: object, at: str) -> set[str]:
    if not isinstance(text, str) or not text.strip():
        raise DeclarationError(f"{at}: found {text!r}, expected a text")
    try:
        return placeholders(text)
    except ValueError as error:
        raise DeclarationError(f"{at}: found {error}, expected {{{{ and }}}} for braces that stay braces") from None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(names)) or "none"
