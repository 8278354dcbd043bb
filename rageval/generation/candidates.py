"""An answer from each passage, of which the best one is kept: Self-RAG by weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from rageval.errors import DeclarationError
from rageval.generation.answer import rounded
from rageval.models.base import ChatReply, ChatRequest
from rageval.models.structured import bare_word, word_shares, yes_probability
from rageval.pipeline import (
    NO_CONTEXT,
    Calls,
    ContextSize,
    Need,
    PromptSizes,
    Resources,
    Stage,
    State,
    complete_all,
)
from rageval.pipeline.abstention import is_abstention
from rageval.pipeline.grading import GRADE_PASSAGE, grade_passages, grading_size
from rageval.pipeline.sizes import prompt_size, reply_size, times, total
from rageval.prompts import Prompt, as_prompt, shared_text, shown_question, yes_no_request
from rageval.prompts.own import OwnPrompt, check_texts
from rageval.types import Passage, Question

_STEP = "answer_candidates"
_LEVELS = ("1", "2", "3", "4", "5")


@dataclass(frozen=True)
class _Candidate:
    """An answer from the passage at that place of the context, and its marks from 0 to 1; None: not asked or unread."""

    place: int
    answer: str
    relevance: float | None
    support: float | None
    usefulness: float | None


@dataclass(frozen=True)
class AnswerCandidates(Stage):
    """Answer from each of the first `passages` passages alone, in parallel, and keep the answer with the best score.

    The score is the weighted mean of P(the passage is relevant), P(the passage supports the answer) and the usefulness
    of the answer (the mean of the levels 1 to 5, from 0 to 1), with the weights `relevance`, `support` and
    `usefulness`; what has the weight 0 is not asked. A reply that cannot be read is left out of the mean; a candidate
    of which nothing could be read comes last. From passages less relevant than `least_relevance` nothing is answered.
    Below the score `least`, where every candidate abstains, and with an empty context it abstains. The passage of the
    answer is its citation. Source: the segment score of Self-RAG (Asai et al. 2023, arXiv 2310.11511) with its weights,
    by a general model in place of trained reflection tokens, and for whole answers in place of segments. `prompt`
    replaces `answer` (its text `plain`), and `grade_prompt`, `support_prompt` and `usefulness_prompt` the others.
    """

    passages: int = 5
    relevance: float = 1.0
    support: float = 1.0
    usefulness: float = 0.5
    least: float = 0.5
    least_relevance: float = 0.0
    max_tokens: int = 128
    prompt: Annotated[Prompt, OwnPrompt("answer")] | None = None
    grade_prompt: Annotated[Prompt, OwnPrompt(GRADE_PASSAGE)] | None = None
    support_prompt: Annotated[Prompt, OwnPrompt("check_support")] | None = None
    usefulness_prompt: Annotated[Prompt, OwnPrompt("rate_usefulness")] | None = None
    prompts: ClassVar[tuple[str, ...]] = (GRADE_PASSAGE, "answer", "check_support", "rate_usefulness")

    def __post_init__(self) -> None:
        check_texts(self.prompt, "plain")
        if self.passages < 1:
            raise DeclarationError(f"passages: found {self.passages}, expected at least 1")
        weights = {name: getattr(self, name) for name in ("relevance", "support", "usefulness")}
        for name, weight in weights.items():
            if not 0.0 <= weight < float("inf"):
                raise DeclarationError(f"{name}: found {weight}, expected a weight of 0 or more")
        if not any(weights.values()):
            raise DeclarationError("relevance: found no weight above 0, expected one at least")
        for name in ("least", "least_relevance"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise DeclarationError(f"{name}: found {getattr(self, name)}, expected 0 to 1")

    @property
    def _grades(self) -> bool:
        return self.relevance > 0.0 or self.least_relevance > 0.0

    def needs(self, generate: bool) -> frozenset[Need]:
        return frozenset({"chat"}) if generate else frozenset()

    def calls(self, generate: bool, before: ContextSize = NO_CONTEXT) -> Calls:
        each = 1 + sum((self._grades, self.support > 0.0, self.usefulness > 0.0))
        return Calls(0, each * min(self.passages, before.passages)) if generate else Calls()

    def prompt_tokens(self, generate: bool, sizes: PromptSizes) -> int | None:
        if not generate:
            return 0
        language, question, answer = sizes.language, sizes.question, reply_size(self.max_tokens)
        read = min(self.passages, sizes.context.passages)
        shown = replace(sizes, context=replace(sizes.context, passages=read))
        each = [prompt_size(self.prompt or "answer", language, question, shown.passage, variant="plain")]
        if self.support:
            each.append(prompt_size(self.support_prompt or "check_support", language, question, shown.passage, answer))
        if self.usefulness:
            each.append(prompt_size(self.usefulness_prompt or "rate_usefulness", language, question, answer))
        return total(
            grading_size(shown, self.grade_prompt or GRADE_PASSAGE) if self._grades else 0, times(read, total(*each))
        )

    def answer_tokens(self, before: int | None) -> int | None:
        return reply_size(self.max_tokens)

    async def run(self, state: State, resources: Resources) -> State:
        if not state.generate:
            return state
        counting, question = resources.counting(), state.question
        read = state.response.context_passages[: self.passages]
        candidates = await self._candidates(question, read, counting)
        scores = [self._score(candidate) for candidate in candidates]
        answers = [candidate.answer for candidate in candidates]
        open_ = [n for n, text in enumerate(answers) if not is_abstention(text, resources.phrases, question.language)]
        best = max(open_, key=lambda n: (scores[n] is not None, scores[n] or 0.0, -n), default=None)
        state = state.with_step(
            _STEP,
            counting.usage,
            passages=[read[candidate.place].id for candidate in candidates],
            answers=[*answers],
            scores=[rounded(score) for score in scores],
        )
        score = None if best is None else scores[best]
        if best is None or (score is not None and score < self.least):
            abstention = shared_text(question.language, "abstention")
            return state.with_response(answer=abstention, abstained=True, citations=())
        cited = state.response.context[candidates[best].place]
        return state.with_response(answer=answers[best], abstained=False, citations=(cited,))

    async def _candidates(self, question: Question, read: Sequence[Passage], resources: Resources) -> list[_Candidate]:
        chat = resources.chat
        grades: Sequence[float | None] = [None] * len(read)
        if self._grades:
            grades = await grade_passages(question, read, chat, self.grade_prompt or GRADE_PASSAGE)
        places = [n for n, grade in enumerate(grades) if grade is None or grade >= self.least_relevance]
        prompt, language = as_prompt(self.prompt or "answer"), question.language
        fields = {"question": shown_question(question)}
        written = await complete_all(
            chat,
            [
                ChatRequest(
                    prompt.messages(language, fields, passages=(read[n],), variant="plain"),
                    prompt.id(language),
                    self.max_tokens,
                )
                for n in places
            ],
        )
        answers = [reply.text.strip() for reply in written]
        both = [{**fields, "answer": answer} for answer in answers]
        checks = [
            yes_no_request(self.support_prompt or "check_support", language, one, (read[n],))
            for n, one in zip(places, both, strict=True)
        ]
        rates = [yes_no_request(self.usefulness_prompt or "rate_usefulness", language, one) for one in both]
        supported = [yes_probability(one) for one in await complete_all(chat, checks if self.support else [])]
        useful = [_level(one) for one in await complete_all(chat, rates if self.usefulness else [])]
        nothing = [None] * len(places)
        marks = zip(places, answers, supported or nothing, useful or nothing, strict=True)
        return [_Candidate(n, answer, grades[n], support, use) for n, answer, support, use in marks]

    def _score(self, candidate: _Candidate) -> float | None:
        """The weighted mean of what could be read, from 0 to 1."""
        weighted = [
            (self.relevance, candidate.relevance),
            (self.support, candidate.support),
            (self.usefulness, candidate.usefulness),
        ]
        read = [(weight, mark) for weight, mark in weighted if mark is not None and weight > 0.0]
        weights = sum(weight for weight, _ in read)
        return sum(weight * mark for weight, mark in read) / weights if weights else None


def _level(reply: ChatReply) -> float | None:
    """The mean of the levels 1 to 5 by their shares, from 0 to 1; None where no level can be read."""
    shares = word_shares(reply, _LEVELS)
    if shares is not None:
        return sum(place * share for place, share in enumerate(shares)) / (len(_LEVELS) - 1)
    word = bare_word(reply.text)
    return _LEVELS.index(word) / (len(_LEVELS) - 1) if word in _LEVELS else None
