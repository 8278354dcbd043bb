"""Rubrics: a question about an answer, and levels to choose one of, in the user's own words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from rageval.errors import DeclarationError
from rageval.judges.asking import UnreadableReplyError, ask, asking
from rageval.judges.base import Item, JudgeBound, Judged
from rageval.judges.tables import numbered
from rageval.models.base import ChatModel, ChatReply, ChatRequest
from rageval.models.structured import word_shares
from rageval.pipeline import PromptSizes
from rageval.pipeline.sizes import prompt_size, text_size
from rageval.prompts import load_prompt, shown_question
from rageval.text import count_tokens
from rageval.text.languages import Language, base_language
from rageval.types import Abstained, Graded, Json, Question, Response

Shown: TypeAlias = Literal["question", "answer", "passages", "references"]

SHOWN: tuple[Shown, ...] = get_args(Shown)
FEWEST_LEVELS, MOST_LEVELS = 2, 9

_PROMPT = "rubric"
_TOKENS = 8
_AROUND = " \t\r\n\"'*"
_LEVEL = re.compile(r"([0-9]+)(?:[.:)、。\s]+(.*?))?[.。]?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Wording:
    """A rubric in one language: the question, and the levels from worst to best."""

    question: str
    levels: tuple[str, ...]


@dataclass(frozen=True)
class Rubric:
    """Which of 2 to 9 levels fits an answer best? One call. The metric has the rubric's name, which is `custom.…`.

    The grade is (level - 1) / (levels - 1), so that the worst level is 0 and the best 1; with two levels `probability`
    is P(the better one) where the model tells. `shows` says what the model sees; where references are to be shown and
    the question has none, the judge abstains. An abstention and an empty answer are not sent to the model. Raises
    DeclarationError unless there is a wording, and each has a question and as many levels as the others, no two alike.
    """

    name: str
    wordings: Mapping[Language, Wording]
    shows: tuple[Shown, ...] = ("question", "answer")
    version: int = 1

    def __post_init__(self) -> None:
        _check_wordings(self.wordings)
        if not self.shows or len(set(self.shows)) < len(self.shows) or not {*self.shows} <= {*SHOWN}:
            raise DeclarationError(f"shows: found {[*self.shows]}, expected some of {', '.join(SHOWN)}, each once")

    @property
    def summary(self) -> str:
        """The question and its levels, in the rubric's first language."""
        wording = next(iter(self.wordings.values()))
        return f"{wording.question} ({', '.join(wording.levels)})"

    @property
    def prompts(self) -> tuple[str, ...]:
        return (_PROMPT,)

    @property
    def graded(self) -> bool:
        """Whether there are more levels than two."""
        return len(next(iter(self.wordings.values())).levels) > FEWEST_LEVELS

    @property
    def settings(self) -> Mapping[str, Json]:
        wordings: dict[str, Json] = {
            language: {"question": wording.question, "levels": [*wording.levels]}
            for language, wording in self.wordings.items()
        }
        shows: list[Json] = [*sorted(self.shows)]
        return {"version": self.version, "shows": shows, **wordings}

    def wording(self, language: Language) -> Wording | None:
        """The wording for questions in that language: `pt` also serves `pt-BR`. None where there is none."""
        return self.wordings.get(language) or self.wordings.get(base_language(language))

    def _worded(self, language: Language) -> Wording:
        wording = self.wording(language)
        if wording is None:
            raise DeclarationError(f"{self.name}: found no wording in {language}")
        return wording

    def calls(self, passages: int) -> tuple[int, int]:
        return 0, 1

    def bound(self, sizes: PromptSizes) -> JudgeBound:
        language, wording = sizes.language, self._worded(sizes.language)
        if "references" in self.shows and not sizes.references:
            return JudgeBound()
        things = {"question": sizes.question, "references": sizes.listed_references, "answer": sizes.answer}
        shown = [text_size(_PROMPT, language, name, size) for name, size in things.items() if name in self.shows]
        asked = count_tokens(wording.question) + sum(count_tokens(level) + 2 for level in wording.levels) + 1
        passages = sizes.passages() if "passages" in self.shows else 0
        return JudgeBound(asking(prompt_size(_PROMPT, language, *shown, asked, passages)))

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        if response.abstained or not response.answer:
            return Judged()
        if "references" in self.shows and not question.references:
            verdict = Abstained("the question has no reference answer to show")
            return Judged((Item("answer", 0, response.answer, verdict),))
        levels = self._worded(question.language).levels
        request = self._request(question, response, response.answer)
        verdict, usage = await ask(chat, request, lambda reply: _read(reply, levels))
        return Judged((Item("answer", 0, response.answer, verdict),), usage)

    def _request(self, question: Question, response: Response, answer: str) -> ChatRequest:
        prompt, language = load_prompt(_PROMPT), question.language
        wording, texts = self._worded(language), prompt.texts[language]
        things = {
            "question": shown_question(question),
            "references": "\n".join(f"- {reference}" for reference in question.references),
            "answer": answer,
        }
        shown = [texts[name].format(**{name: text}).strip() for name, text in things.items() if name in self.shows]
        fields = {
            "shown": "\n".join(shown),
            "rubric": wording.question,
            "levels": "\n".join(f"{number}. {level}" for number, level in enumerate(wording.levels, 1)),
            "last": len(wording.levels),
        }
        passages = response.context_passages if "passages" in self.shows else ()
        messages = prompt.messages(language, fields, passages=passages)
        return ChatRequest(messages, prompt.id(language), max_tokens=_TOKENS, top_logprobs=20)


def _check_wordings(wordings: Mapping[Language, Wording]) -> None:
    if not wordings:
        raise DeclarationError("found no wording, expected one under the code of its language, such as en or zh")
    first, counts = next(iter(wordings)), {language: len(wording.levels) for language, wording in wordings.items()}
    for language, wording in wordings.items():
        levels = [_plain(level) for level in wording.levels]
        if not wording.question.strip():
            raise DeclarationError(f"{language}.question: found nothing, expected a question")
        if not FEWEST_LEVELS <= len(levels) <= MOST_LEVELS:
            raise DeclarationError(
                f"{language}.levels: found {len(levels)}, expected {FEWEST_LEVELS} to {MOST_LEVELS} levels, worst first"
            )
        if not all(levels) or len(set(levels)) < len(levels):
            raise DeclarationError(f"{language}.levels: found {[*wording.levels]}, expected levels that differ")
        if counts[language] != counts[first]:
            raise DeclarationError(
                f"{language}.levels: found {counts[language]}, expected {counts[first]}, as many as in {first}"
            )


def _read(reply: ChatReply, levels: Sequence[str]) -> Graded:
    """Returns the most likely level. The reply must be a level's number, which may be followed by the level's name."""
    if reply.finish_reason == "length":
        raise UnreadableReplyError("the reply was cut off, expected the number of a level")
    found = _LEVEL.fullmatch(unicodedata.normalize("NFKC", reply.text).strip(_AROUND))
    level = int(found[1]) if found and len(found[1]) == 1 else 0
    named = found[2] if found else None
    if not 1 <= level <= len(levels) or (named and _plain(named) != _plain(levels[level - 1])):
        raise UnreadableReplyError(f"found no level, expected a number from 1 to {len(levels)}")
    shares = word_shares(reply, numbered(len(levels))) if _begins_with(reply, level) else None
    if shares is not None:
        level = 1 + shares.index(max(shares))
    probability = round(shares[1], 6) if shares is not None and len(levels) == 2 else None
    rationale = f"level {level} of {len(levels)}: {levels[level - 1]}"
    return Graded((level - 1) / (len(levels) - 1), probability, rationale=rationale)


def _begins_with(reply: ChatReply, level: int) -> bool:
    """Whether the first token is the number, so that its alternatives are alternatives to the number."""
    return bool(reply.tokens) and reply.tokens[0].text.strip() == str(level)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip(_AROUND).rstrip(".。").casefold()
