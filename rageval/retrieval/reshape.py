"""Stages that change the passages of the context themselves: with their neighbours, or with their best sentences alone.

Hits stay where they are in the ranking; those of the context get another passage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Annotated, Literal

import numpy as np

from rageval.errors import DeclarationError, ExecutionError
from rageval.models.base import ChatRequest
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
from rageval.pipeline.documents import DocumentsById
from rageval.pipeline.likelihood import forced_request, token_likelihoods
from rageval.pipeline.sizes import passages_size, prompt_size, times
from rageval.prompts import Prompt, as_prompt, load_prompt, shown_question
from rageval.prompts.own import OwnPrompt
from rageval.text import count_tokens, read_numbers, sentences
from rageval.types import Document, Passage, Question, Usage

_NEEDED = "needed_sentences"
_SOME_PASSAGE = "some_passage"
_A_NUMBER = 6  # tokens of `[123] `
_LEFT_OUT = " … "


class _Corpus:
    """Documents by id, and the spans of their sentences, found when they are first asked for."""

    def __init__(self, by_id: Mapping[str, Document]) -> None:
        self.by_id = by_id
        self._sentences: dict[str, list[tuple[int, int]]] = {}

    def sentences(self, document: Document) -> list[tuple[int, int]]:
        if document.id not in self._sentences:
            self._sentences[document.id] = sentences(document.text)
        return self._sentences[document.id]


@dataclass(frozen=True)
class _TheCorpus:
    """The corpus, made once for all questions."""

    def needs(self) -> frozenset[Need]:
        return frozenset()

    async def build(self, resources: Resources) -> _Corpus:
        return _Corpus(await resources.get(DocumentsById()))


@dataclass(frozen=True)
class Window(Stage):
    """Hand over each passage with the `sentences` before it and behind it in its document.

    Small passages are found well and read badly: search small ones, read large ones. With `similar` the window ends on
    each side before the first sentence whose embedding has a smaller cosine with that of the passage: only what belongs
    to it is handed over. A passage that overlaps one before it in the context becomes part of that one. Titles stay. A
    passage whose text is not that of its span stays as it is. Source: LlamaIndex's sentence window.
    """

    sentences: int = 2
    similar: float | None = None

    def __post_init__(self) -> None:
        if self.sentences < 1:
            raise DeclarationError(f"sentences: found {self.sentences}, expected at least 1")
        if self.similar is not None and not -1.0 <= self.similar <= 1.0:
            raise DeclarationError(f"similar: found {self.similar}, expected a cosine from -1 to 1")

    def needs(self, generate: bool) -> frozenset[Need]:
        return frozenset() if self.similar is None else frozenset({"embed"})

    def context_size(self, before: ContextSize = NO_CONTEXT) -> ContextSize:
        return replace(before, tokens_each=None if before.passages else 0)

    def indexes(self) -> tuple[Shared[object], ...]:
        return (_TheCorpus(),)

    async def run(self, state: State, resources: Resources) -> State:
        corpus = await resources.get(_TheCorpus())
        context: list[int] = []
        shown: dict[int, Passage] = {}
        for position in state.response.context:
            passage = await self._wider(state.response.hits[position].passage, corpus, resources)
            joined = next((one for one in context if _overlap(shown[one], passage)), None)
            if joined is None:
                context.append(position)
                shown[position] = passage
            else:
                shown[joined] = _union(shown[joined], passage, corpus.by_id)
        return with_passages(state, shown, context)

    async def _wider(self, passage: Passage, corpus: _Corpus, resources: Resources) -> Passage:
        document = corpus.by_id.get(passage.doc_id)
        if document is None or document.text[passage.start : passage.end] != passage.text or not passage.text:
            return passage
        spans = corpus.sentences(document)
        inside = [n for n, (start, end) in enumerate(spans) if start < passage.end and passage.start < end]
        before = spans[max(inside[0] - self.sentences, 0) : inside[0]][::-1]
        behind = spans[inside[-1] + 1 : inside[-1] + 1 + self.sentences]
        if self.similar is not None and (before or behind):
            texts = [document.text[start:end] for start, end in (*before, *behind)]
            vectors = await resources.embedder.embed([passage.text, *texts], "passage")
            near = (vectors[1:] @ vectors[0] >= self.similar).tolist()
            before, behind = _up_to(before, near[: len(before)]), _up_to(behind, near[len(before) :])
        first, last = (before or [spans[inside[0]]])[-1], (behind or [spans[inside[-1]]])[-1]
        return replace(document.passage(first[0], last[1]), title=passage.title)


@dataclass(frozen=True)
class Compress(Stage):
    """Keep the `sentences` of the context that are nearest to the question by their embeddings, that the chat model
    names as needed, or that tell it most.

    The sentences of a passage stay in their order; where one is left out between two, `…` stands for it. A passage of
    which nothing is kept leaves the context. By the `model` it is one call with all sentences, numbered; a reply that
    names none leaves the context as it is, which the step `compress` tells; `prompt` replaces `needed_sentences`. A
    context of no more than so many sentences stays as it is, and nothing is asked. Source: the extractive compressor of
    RECOMP (Xu et al. 2023, arXiv 2310.04408), with general models in place of a trained one.

    By `self_information`, a sentence is the better the less likely the chat model finds its tokens, on the mean, behind
    what stands before it in the passage (Selective Context, Li et al. 2023, arXiv 2310.06201, with sentences as units).
    The question plays no part. One call a passage, whose reply can be nothing but the passage, so that the model writes
    as many tokens as the context has; replies are kept for later questions. Raises ExecutionError where the model gives
    no log-probabilities of such a reply.
    """

    sentences: int = 8
    by: Literal["embeddings", "model", "self_information"] = "embeddings"
    prompt: Annotated[Prompt, OwnPrompt(_NEEDED)] | None = None

    def __post_init__(self) -> None:
        if self.prompt is not None and self.by != "model":
            raise DeclarationError(f"prompt: found one with by {self.by}, expected by model, which alone asks with it")
        if self.sentences < 1:
            raise DeclarationError(f"sentences: found {self.sentences}, expected at least 1")

    def needs(self, generate: bool) -> frozenset[Need]:
        return frozenset({"embed"} if self.by == "embeddings" else {"chat"})

    def all_prompts(self) -> frozenset[str]:
        asked = {"model": _NEEDED, "self_information": _SOME_PASSAGE}
        return frozenset({asked[self.by]}) if self.by in asked else frozenset()

    def calls(self, generate: bool, before: ContextSize = NO_CONTEXT) -> Calls:
        match self.by:
            case "embeddings":
                return Calls()
            case "model":
                return Calls(0, min(before.passages, 1))
            case "self_information":
                return Calls(0, before.passages)

    def prompt_tokens(self, generate: bool, sizes: PromptSizes) -> int | None:
        calls = self.calls(generate, sizes.context).high
        if not calls or self.by == "self_information":
            return times(calls, prompt_size(_SOME_PASSAGE, sizes.language))
        passages = sizes.context.passages
        others = passages * (sizes.passage_sentences - 1)
        shown = passages_size([sizes.passage_text] * passages + [0] * others)
        return prompt_size(
            self.prompt or _NEEDED, sizes.language, sizes.question, shown, count_tokens(str(self.sentences))
        )

    async def run(self, state: State, resources: Resources) -> State:
        passages = state.response.context_passages
        spans = [(n, span) for n, passage in enumerate(passages) for span in sentences(passage.text)]
        if len(spans) <= self.sentences:
            return state
        texts = [passages[n].text[start:end] for n, (start, end) in spans]
        match self.by:
            case "model":
                state, best = await self._needed(state, texts, resources)
                if not best:
                    return state
            case "self_information":
                state, best = await self._telling(state, spans, resources)
            case "embeddings":
                best = await self._nearest(state.standalone, texts, resources)
        kept: dict[int, list[tuple[int, int]]] = {}
        for number, (n, span) in enumerate(spans):
            if number in best:
                kept.setdefault(n, []).append(span)
        context = [state.response.context[n] for n in kept]
        shown = {state.response.context[n]: _excerpt(passages[n], chosen) for n, chosen in kept.items()}
        return with_passages(state, shown, context)

    async def _nearest(self, question: Question, texts: Sequence[str], resources: Resources) -> frozenset[int]:
        asked = await resources.embedder.embed([question.text], "query")
        nearness = await resources.embedder.embed(texts, "passage") @ asked[0]
        return frozenset(map(int, np.argsort(-nearness, kind="stable")[: self.sentences]))

    async def _needed(self, state: State, texts: Sequence[str], resources: Resources) -> tuple[State, frozenset[int]]:
        """Those that the model names; none where its reply cannot be used."""
        prompt, question = as_prompt(self.prompt or _NEEDED), state.standalone
        shown = [Passage(str(number), 0, len(text), text) for number, text in enumerate(texts)]
        messages = prompt.messages(
            question.language, {"question": shown_question(question), "most": self.sentences}, passages=shown
        )
        request = ChatRequest(messages, prompt.id(question.language), max_tokens=_A_NUMBER * self.sentences)
        reply = await resources.chat.complete(request)
        named = read_numbers(reply.text, len(texts))[: self.sentences]
        told = state.with_step("compress", reply.usage, sentences=len(texts), kept=[*named] or None)
        return told, frozenset(number - 1 for number in named)

    async def _telling(
        self, state: State, spans: Sequence[tuple[int, tuple[int, int]]], resources: Resources
    ) -> tuple[State, frozenset[int]]:
        """Those whose tokens have the highest mean self-information."""
        passages, language = state.response.context_passages, state.question.language
        prompt = load_prompt(_SOME_PASSAGE)
        requests = [forced_request(prompt.messages(language), prompt.id(language), one.text) for one in passages]
        replies = await complete_all(resources.chat, requests)
        tokens = [token_likelihoods(reply, one.text) for reply, one in zip(replies, passages, strict=True)]
        said = list[float]()
        for n, (start, end) in spans:
            found = tokens[n]
            if found is None:
                raise ExecutionError(
                    f"compress: {resources.chat.identity} gave no log-probabilities of a passage under a JSON schema, "
                    "expected some: by self_information needs them"
                )
            inside = [-logarithm for at, logarithm in found if start <= at < end]
            said.append(sum(inside) / len(inside) if inside else 0.0)
        best = np.argsort(-np.array(said), kind="stable")[: self.sentences]
        usage = sum((reply.usage for reply in replies), Usage())
        told = state.with_step("compress", usage, nats_a_token=[round(one, 2) for one in said])
        return told, frozenset(map(int, best))


def _up_to(spans: Sequence[tuple[int, int]], near: Sequence[bool]) -> list[tuple[int, int]]:
    """The spans before the first that is not near."""
    return [span for span, _ in takewhile(lambda one: one[1], zip(spans, near, strict=True))]


def _excerpt(passage: Passage, chosen: Sequence[tuple[int, int]]) -> Passage:
    (start, end), *others = chosen
    text = passage.text[start:end]
    for first, last in others:
        between = passage.text[end:first]
        text += (between if not between.strip() else _LEFT_OUT) + passage.text[first:last]
        end = last
    if passage.end - passage.start == len(passage.text):
        return replace(passage, start=passage.start + start, end=passage.start + end, text=text)
    return replace(passage, text=text)


def _overlap(a: Passage, b: Passage) -> bool:
    return a.doc_id == b.doc_id and a.start < b.end and b.start < a.end


def _union(a: Passage, b: Passage, documents: Mapping[str, Document]) -> Passage:
    document = documents.get(a.doc_id)
    if document is None:
        return a
    return replace(document.passage(min(a.start, b.start), max(a.end, b.end)), title=a.title)


def with_passages(state: State, shown: Mapping[int, Passage], context: Sequence[int]) -> State:
    """The state with the context at these positions of the hits, and with these passages in the place of others."""
    hits = tuple(
        replace(hit, passage=shown.get(position, hit.passage)) for position, hit in enumerate(state.response.hits)
    )
    return state.with_response(hits=hits, context=tuple(context))
