"""Judges that compare embeddings. Both texts of a pair are embedded as queries, since neither is searched for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from rageval.errors import DeclarationError, ExecutionError
from rageval.judges.asking import UnreadableReplyError, ask, asking
from rageval.judges.base import Item, JudgeBound, Judged
from rageval.judges.tables import closed_object
from rageval.models.base import ChatModel, ChatReply, ChatRequest, Embedder
from rageval.models.structured import parse_object
from rageval.pipeline import PromptSizes
from rageval.pipeline.sizes import passage_size, prompt_size
from rageval.prompts import load_prompt
from rageval.types import Abstained, Graded, Json, Passage, Question, Response

QUESTIONS = 3

_PROMPT = "regenerated_questions"
_TOKENS = 256
_DECIMALS = 6


@dataclass(frozen=True)
class RegeneratedQuestions:
    """Which questions would the answer answer, and how close are they to the one that was asked? One call.

    The model sees the answer alone and writes three questions in the asked question's language; the grade of each is
    the cosine of its embedding with that of the question, -1 to 1. An abstention and an empty answer are not sent.
    Source: answer relevance in Es et al. 2023, arXiv 2309.15217, which makes a call for each question.
    """

    embedder: Embedder | None = None
    name: str = "regenerated_questions"
    summary: str = "How close is the question to three that are written from the answer alone (RAGAS)?"
    prompts: tuple[str, ...] = (_PROMPT,)
    graded: bool = True

    @property
    def settings(self) -> Mapping[str, Json]:
        return {"embedder": _identity(self.embedder)}

    def with_embedder(self, embedder: Embedder) -> RegeneratedQuestions:
        return replace(self, embedder=embedder)

    def calls(self, passages: int) -> tuple[int, int]:
        return 0, 1

    def bound(self, sizes: PromptSizes) -> JudgeBound:
        return JudgeBound(asking(prompt_size(_PROMPT, sizes.language, 1, passage_size(sizes.answer))))

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        embedder = _given(self.embedder, self.name)
        answer = response.answer
        if response.abstained or not answer:
            return Judged()
        prompt = load_prompt(_PROMPT)
        shown = [Passage("", 0, len(answer), answer)]
        request = ChatRequest(
            prompt.messages(question.language, {"n": QUESTIONS}, passages=shown),
            prompt.id(question.language),
            max_tokens=_TOKENS,
            schema=_SCHEMA,
        )
        written, usage = await ask(chat, request, _read)
        if isinstance(written, Abstained):
            return Judged((Item("questions", 0, answer, written),), usage)
        cosines = await _cosines(embedder, question.text, written)
        if isinstance(cosines, Abstained):
            return Judged((Item("questions", 0, answer, cosines),), usage)
        graded = enumerate(zip(written, cosines, strict=True))
        return Judged(tuple(Item("question", i, text, Graded(cosine)) for i, (text, cosine) in graded), usage)


@dataclass(frozen=True)
class SemanticSimilarity:
    """How close is the answer to the nearest reference answer? No call: the cosine of their embeddings, not below 0.

    Nothing is judged where there is no reference, no answer, or an abstention.
    """

    embedder: Embedder | None = None
    name: str = "semantic_similarity"
    summary: str = "How close is the answer to the nearest reference answer, by their embeddings?"
    prompts: tuple[str, ...] = ()
    graded: bool = True

    @property
    def settings(self) -> Mapping[str, Json]:
        return {"embedder": _identity(self.embedder)}

    def with_embedder(self, embedder: Embedder) -> SemanticSimilarity:
        return replace(self, embedder=embedder)

    def calls(self, passages: int) -> tuple[int, int]:
        return 0, 0

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        embedder = _given(self.embedder, self.name)
        answer = response.answer
        if response.abstained or not answer or not question.references:
            return Judged()
        cosines = await _cosines(embedder, answer, question.references)
        if isinstance(cosines, Abstained):
            return Judged((Item("answer", 0, answer, cosines),))
        best = max(cosines)
        nearest = question.references[cosines.index(best)]
        return Judged((Item("answer", 0, answer, Graded(max(0.0, best), rationale=f"nearest: {nearest}")),))


_SCHEMA = closed_object(
    {"questions": {"type": "array", "items": {"type": "string"}, "minItems": QUESTIONS, "maxItems": QUESTIONS}}
)


def _read(reply: ChatReply) -> tuple[str, ...]:
    if reply.finish_reason == "length":
        raise UnreadableReplyError("the list of questions was cut off")
    parsed = parse_object(reply.text, {"questions": list})
    if parsed is None:
        raise UnreadableReplyError("the list of questions is unreadable")
    raw = cast("list[Json]", parsed["questions"])
    questions = tuple(text.strip() for text in raw if isinstance(text, str) and text.strip())
    if not len(questions) == len(raw) == QUESTIONS:
        raise UnreadableReplyError(f"found {len(questions)} questions in a list of {len(raw)}, expected {QUESTIONS}")
    return questions


async def _cosines(embedder: Embedder, text: str, others: Sequence[str]) -> list[float] | Abstained:
    try:
        vectors = await embedder.embed([text, *others], "query")
    except ExecutionError as error:
        return Abstained(f"the judge's embedding failed: {error}")
    products = vectors[1:] @ vectors[0]
    # rounding also takes back what float32 adds to a cosine of 1
    return [round(min(1.0, max(-1.0, float(cosine))), _DECIMALS) for cosine in products]


def _given(embedder: Embedder | None, name: str) -> Embedder:
    if embedder is None:
        raise DeclarationError(f"the judge {name} needs an embedder, and none was given (models: embed)")
    return embedder


def _identity(embedder: Embedder | None) -> str | None:
    return None if embedder is None else embedder.identity
