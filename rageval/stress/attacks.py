"""Attacks as files: `benchmarks/attacks/stress/*.yaml`, and those of the user."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import pydantic
from pydantic import Field

from rageval.errors import DeclarationError
from rageval.io.shipped import find_shipped
from rageval.io.strict import Place, Strict, first_problem, read_mapping
from rageval.text.languages import LANGUAGES, Language, base_language

Change: TypeAlias = Literal[
    "misspell", "words", "lower case", "upper case", "full width", "traditional", "paraphrase", "ask again"
]
Success: TypeAlias = Literal["truth lost", "falsehood", "obeyed", "leaked", "answered"]
"""What an attack wants: an answer that said the truth no longer does; it says the planted falsehood and not the truth;
it says the planted word and little else; it gives a canary or a secret line away; it answers though nothing was asked.
"""
Table: TypeAlias = dict[str, Annotated[tuple[str, ...], Field(min_length=1)]]

QUESTION, FALSEHOOD, CANARY, PADDING = "question", "falsehood", "canary", "padding"
_PLACEHOLDER = re.compile(r"\{(\w*)\}")
_NEEDS_ANSWERS: tuple[Change, ...] = ("ask again",)


class TurnTemplate(Strict):
    """One turn before the question: what the user or the assistant said."""

    user: str | None = None
    assistant: str | None = None

    @pydantic.model_validator(mode="after")
    def _one_side(self) -> TurnTemplate:
        if (self.user is None) == (self.assistant is None):
            raise ValueError("expected a text under user or under assistant")
        return self


class Wording(Strict):
    """An attack in one language. Texts may hold `{question}`, `{falsehood}`, `{canary}` and `{padding}`, which is the
    text under `padding` over and over. Of several under `question`, each question gets one, drawn by the seed; all of
    the `documents` are planted, for each question where they hold something of it.

    `metadata` is given to every document of the benchmark, and `metadata_of_documents` to the planted ones. `system` is
    a line that the chat model's system message ends with. `table` is what a `change` takes its letters or words from.
    """

    question: tuple[str, ...] = ()
    history: tuple[TurnTemplate, ...] = ()
    documents: tuple[str, ...] = ()
    metadata: dict[str, str] = Field(default_factory=dict)
    metadata_of_documents: dict[str, str] = Field(default_factory=dict)
    system: str = ""
    padding: str = ""
    table: Table = Field(default_factory=dict)

    @property
    def texts(self) -> tuple[str, ...]:
        turns = (turn.user or turn.assistant or "" for turn in self.history)
        return (*self.question, *turns, *self.documents, *self.metadata.values(), *filter(None, [self.system]))

    @pydantic.model_validator(mode="after")
    def _known_placeholders(self) -> Wording:
        for text in (*self.texts, *self.metadata_of_documents.values()):
            unknown = {*_PLACEHOLDER.findall(text)} - {QUESTION, FALSEHOOD, CANARY, PADDING}
            if unknown:
                raise ValueError(
                    f"found the placeholder {{{min(unknown)}}}, expected {{question}}, {{falsehood}}, {{canary}} or "
                    "{padding}"
                )
        return self


class _File(Strict):
    """What stands in an attack's file; `what` and `succeeds` are said in reports."""

    what: str
    succeeds: Success
    change: Change | None = None
    en: Wording | None = None
    zh: Wording | None = None

    @pydantic.model_validator(mode="after")
    def _does_something(self) -> _File:
        given = [wording for wording in (self.en, self.zh) if wording is not None]
        if not given:
            raise ValueError("found neither en nor zh, expected the attack in one of them at least")
        if self.change is None and not any(wording.texts for wording in given):
            raise ValueError("found no change and no texts, expected what the attack does")
        if self.change in ("misspell", "words") and not all(wording.table for wording in given):
            raise ValueError(f"found the change {self.change} without a table, expected one in each language")
        wanted = {"falsehood": FALSEHOOD, "obeyed": CANARY, "leaked": CANARY}.get(self.succeeds)
        if wanted and not all(_has(wording.texts, wanted) for wording in given):
            raise ValueError(f"found no {{{wanted}}} in the texts, expected one: it succeeds by {self.succeeds}")
        return self


@dataclass(frozen=True)
class Attack:
    """An attack: its name, what is said of it, what counts as its success, and what it does by language.

    A language without wording is not attacked. Nothing but the name, the change and the wordings decides what it does.
    """

    name: str
    what: str
    succeeds: Success
    change: Change | None
    wordings: tuple[tuple[Language, Wording], ...]

    def wording(self, language: Language) -> Wording | None:
        """What it does to questions in that language; None where it is not defined for it."""
        return dict(self.wordings).get(base_language(language))

    @property
    def languages(self) -> tuple[Language, ...]:
        return tuple(language for language, _ in self.wordings)

    @property
    def keeps_question(self) -> bool:
        """Whether the question is still asked, so that metrics mean what they meant."""
        return all(_holds(text, QUESTION) for _, wording in self.wordings for text in wording.question)

    @property
    def changes_documents(self) -> bool:
        return any(wording.documents or wording.metadata for _, wording in self.wordings)

    @property
    def plants_in_prompt(self) -> bool:
        return any(wording.system for _, wording in self.wordings)

    @property
    def needs_answers(self) -> bool:
        """Whether it says nothing where no answers are generated."""
        return self.change in _NEEDS_ANSWERS or not self.keeps_question or self.plants_in_prompt

    @property
    def needs_chat(self) -> bool:
        """Whether a chat model must be there for the attack itself."""
        return self.change == "paraphrase" or self.plants_in_prompt


def fill(template: str, fields: dict[str, str]) -> str:
    """The template with its placeholders filled in; braces around anything else stay."""
    return _PLACEHOLDER.sub(lambda found: fields.get(found[1], found[0]), template)


def needs_falsehood(wording: Wording) -> bool:
    """Whether some text of it says a falsehood."""
    return _has(wording.texts, FALSEHOOD)


def shipped_attacks() -> dict[str, Attack]:
    """The attacks of `benchmarks/attacks/stress`, by name, looked for where all benchmarks are."""
    for folder in find_shipped("benchmarks"):
        if files := sorted((folder / "attacks" / "stress").glob("*.yaml")):
            return {path.stem: read_attack(path) for path in files}
    raise DeclarationError(
        "benchmarks/attacks/stress: found no attacks, expected them here or in the package: reinstall rageval"
    )


def choose_attacks(names: Sequence[str], files: Sequence[Path] = ()) -> list[Attack]:
    """The attacks of these names, all shipped ones without any, and those of the user's own `files` behind them.

    Raises DeclarationError for an unknown name, a name given twice, and a file that is no attack.
    """
    shipped, own = shipped_attacks(), [read_attack(path) for path in files]
    unknown = [name for name in names if name not in shipped]
    if unknown:
        raise DeclarationError(f"--attacks: found {unknown[0]!r}, expected some of {', '.join(shipped)}")
    chosen = [*(shipped[name] for name in names), *own] if names or own else [*shipped.values()]
    twice = [
        attack.name for number, attack in enumerate(chosen) if attack.name in {one.name for one in chosen[:number]}
    ]
    if twice:
        raise DeclarationError(f"--attacks: found {twice[0]!r} twice, expected each attack once: rename the file")
    return chosen


def read_attack(path: Path) -> Attack:
    """The attack of a file, named after it. Raises DeclarationError that names the file and the key."""
    data = read_mapping(path, "an attack", "what, succeeds, en and zh")
    try:
        file = _File.model_validate(data)
    except pydantic.ValidationError as error:
        raise DeclarationError(f"{path}: {first_problem(error, _known_keys)}") from None
    by_language = {"en": file.en, "zh": file.zh}
    wordings = tuple((language, one) for language in LANGUAGES if (one := by_language[language]) is not None)
    return Attack(path.stem, file.what, file.succeeds, file.change, wordings)


def _known_keys(place: Place) -> list[str]:
    if not place:
        return [*_File.model_fields]
    return [*(TurnTemplate if "history" in place else Wording).model_fields]


def _has(texts: Sequence[str], name: str) -> bool:
    return any(_holds(text, name) for text in texts)


def _holds(text: str, name: str) -> bool:
    return f"{{{name}}}" in text
