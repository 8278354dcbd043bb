"""What one question is written and checked with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from rageval.errors import ExecutionError
from rageval.judges.asking import ask_yes_no
from rageval.judges.tables import YES_NO, Said, ask_each, closed_object, yes_no_verdict
from rageval.models.base import ChatModel, ChatReply, ChatRequest
from rageval.models.structured import parse_object
from rageval.models.wrapped import MeteredChat
from rageval.pipeline.abstention import is_abstention
from rageval.prompts import load_prompt, shared_text
from rageval.synthesis.drafts import RefusedError
from rageval.synthesis.search import Search
from rageval.text.languages import Language
from rageval.types import Abstained, Passage, Usage

_MAX_WRITTEN = 320
_MAX_ANSWER = 96
_TEMPERATURE = 0.7
_REFUSALS = frozenset({"refusal", "content_filter"})
_PASSAGES_A_CALL = 8


class _Metered(MeteredChat):
    """Counts calls, and refuses the question where one fails for good."""

    async def complete(self, request: ChatRequest) -> ChatReply:
        try:
            return await super().complete(request)
        except ExecutionError as error:
            raise RefusedError("call failed", str(error)) from None


class Desk:
    """The models for one attempt at a question, with a count of their calls.

    `sample` tells draws apart. `styles` are a `persona` and a real question to be `like`, where there are any.
    """

    def __init__(
        self, generator: ChatModel, judge: ChatModel, search: Search, sample: int, styles: Mapping[str, str]
    ) -> None:
        self.search = search
        self._styles = styles
        self._generator = _Metered(generator)
        self._judge = _Metered(judge)
        self._sample = sample

    @property
    def usage(self) -> Usage:
        """What all calls so far cost."""
        return self._generator.usage + self._judge.usage

    def style(self, language: Language) -> str:
        """The lines of a prompt in that language that tell the style, each with its end; "" where none is given."""
        texts = load_prompt("question_style").texts[language]
        return "".join(texts[name].format(**{name: text}) for name, text in self._styles.items())

    async def write(
        self,
        name: str,
        language: Language,
        keys: Sequence[str],
        fields: Mapping[str, object],
        passages: Sequence[Passage] = (),
    ) -> Written:
        """The texts that the generator writes under these keys. Raises RefusedError where it does not."""
        prompt = load_prompt(name)
        request = ChatRequest(
            prompt.messages(language, fields, passages=passages),
            prompt.id(language),
            max_tokens=_MAX_WRITTEN,
            temperature=_TEMPERATURE,
            schema=closed_object({key: {"type": "string"} for key in keys}),
            sample=self._sample,
        )
        return Written(read_texts(await self._generator.complete(request), keys), request.prompt)

    async def answer(
        self, question: str, language: Language, passages: Sequence[Passage], *, may_abstain: bool = True
    ) -> str | None:
        """The judge's answer from these passages alone, without any from what it knows; None where it abstains.

        With `may_abstain` False it is not told that it may: a small model abstains too often.
        """
        if not may_abstain:
            return await self._say("answer", "plain", language, {"question": question}, passages)
        fields = {"question": question, "abstention": shared_text(language, "abstention")}
        if not passages:
            return await self._say("answer_from_memory", "instruction", language, fields)
        return await self._say("answer", "or_abstain", language, fields, passages)

    async def _say(
        self,
        name: str,
        variant: str,
        language: Language,
        fields: Mapping[str, object],
        passages: Sequence[Passage] = (),
    ) -> str | None:
        prompt = load_prompt(name)
        messages = prompt.messages(language, fields, passages=passages, variant=variant)
        reply = await self._judge.complete(ChatRequest(messages, prompt.id(language), max_tokens=_MAX_ANSWER))
        text = reply.text.strip()
        if reply.finish_reason in _REFUSALS or not text:
            return None
        return None if is_abstention(text, language=language) else text

    async def is_right(self, question: str, language: Language, references: Sequence[str], answer: str) -> bool:
        """Whether the judge finds the answer to say what one of the references says."""
        listed = "\n".join(f"- {reference}" for reference in references)
        return await self.says_yes(
            "answer_correctness", language, {"question": question, "references": listed, "answer": answer}
        )

    async def says_yes(self, name: str, language: Language, fields: Mapping[str, object]) -> bool:
        """The judge's yes or no. Raises RefusedError for a reply that is neither, twice."""
        verdict, _ = await ask_yes_no(self._judge, name, language, fields)
        if isinstance(verdict, Abstained):
            raise RefusedError("unreadable", f"{name}: {verdict.reason}")
        return verdict.grade == 1.0

    async def say_yes_each(
        self, name: str, language: Language, fields: Mapping[str, object], n: int, passages: Sequence[Passage]
    ) -> list[bool]:
        """The judge's yes or no on each of n numbered things. Raises as `says_yes`."""
        said, _ = await ask_each(
            self._judge, name, language, {**fields, "last": n}, YES_NO[language], n, passages=passages
        )
        if isinstance(said, Abstained):
            raise RefusedError("unreadable", f"{name}: {said.reason}")
        return [_is_yes(one) for one in said]

    async def answering(self, question: str, language: Language, passages: Sequence[Passage]) -> AsyncIterator[Passage]:
        """Those of the passages of which the judge says that they state the answer; it is asked as they are taken."""
        for first in range(0, len(passages), _PASSAGES_A_CALL):
            some = passages[first : first + _PASSAGES_A_CALL]
            said = await self.say_yes_each("passage_relevance", language, {"question": question}, len(some), some)
            for passage, yes in zip(some, said, strict=True):
                if yes:
                    yield passage


@dataclass(frozen=True, slots=True)
class Written:
    """Texts by key, and the prompt that asked for them."""

    texts: Mapping[str, str]
    prompt: str

    def __getitem__(self, key: str) -> str:
        return self.texts[key]


def read_texts(reply: ChatReply, keys: Sequence[str]) -> dict[str, str]:
    """The texts under these keys of a JSON reply. Raises RefusedError where any is missing, blank or cut off."""
    if reply.finish_reason in _REFUSALS:
        raise RefusedError("unreadable", f"the model refused (finish reason {reply.finish_reason})")
    if reply.finish_reason == "length":
        raise RefusedError("unreadable", "the reply was cut off")
    found = parse_object(reply.text, dict.fromkeys(keys, str))
    if found is None:
        raise RefusedError("unreadable", f"expected JSON with {', '.join(keys)}, found {reply.text[:200]!r}")
    texts = {key: " ".join(str(found[key]).split()) for key in keys}
    if blank := [key for key, text in texts.items() if not text]:
        raise RefusedError("unreadable", f"nothing under {', '.join(blank)}")
    if any(not text.isprintable() for text in texts.values()):
        raise RefusedError("unreadable", "characters that cannot be printed")
    return texts


def _is_yes(said: Said) -> bool:
    return yes_no_verdict(said).grade == 1.0
