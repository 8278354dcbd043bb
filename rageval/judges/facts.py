"""Facts of the answer as triples, looked for among the triples of the context: information extraction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rageval.judges.asking import UnreadableReplyError, ask, asking
from rageval.judges.base import Item, JudgeBound, Judged
from rageval.judges.light.detectors import shown_text
from rageval.models.base import ChatModel, ChatReply, ChatRequest
from rageval.pipeline import PromptSizes
from rageval.pipeline.sizes import passage_size, prompt_size
from rageval.prompts import load_prompt
from rageval.text import reply_lines
from rageval.text.facts import Name, Triple, name_of, read_triple
from rageval.types import Abstained, Graded, Language, Passage, Question, Response, Usage

_PROMPT = "triples"
_OF_ANSWER, _OF_CONTEXT = 8, 24
_TOKENS_A_TRIPLE = 24


@dataclass(frozen=True)
class FactMatch:
    """Is each fact of the answer among the facts of the context? Two calls, each of which lists triples of subject,
    relation and object: at most 8 of the answer and 24 of the context.

    A fact is found where a triple of the context has both of its ends, either way round: names without case, marks and
    articles, where one may be a part of the other. Relations are not compared, since models word them freely. An answer
    without a fact has nothing to judge. Without context nothing is found. Source: Goodrich et al. 2019, KDD, who
    compare whole tuples of a fixed schema.
    """

    name: str = "fact_match"
    summary: str = "Are the facts of the answer, as triples, among the triples of the context?"
    prompts: tuple[str, ...] = (_PROMPT,)

    def calls(self, passages: int) -> tuple[int, int]:
        return 0, 2 if passages else 1

    def bound(self, sizes: PromptSizes) -> JudgeBound:
        answer = asking(prompt_size(_PROMPT, sizes.language, 1, passage_size(sizes.answer)))
        if not sizes.context.passages:
            return JudgeBound(answer)
        return JudgeBound(answer + asking(prompt_size(_PROMPT, sizes.language, 1, sizes.passages())))

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        answer = response.answer
        if response.abstained or not answer:
            return Judged()
        facts, usage = await _facts(answer, _OF_ANSWER, question.language, chat)
        if isinstance(facts, Abstained):
            return Judged((Item("facts", 0, answer, facts),), usage)
        stated: list[Triple] = []
        if response.context:
            text = "\n".join(map(shown_text, response.context_passages))
            found, cost = await _facts(text, _OF_CONTEXT, question.language, chat)
            usage += cost
            if isinstance(found, Abstained):
                return Judged((Item("facts", 0, answer, found),), usage)
            stated = found
        return Judged(tuple(Item("fact", i, fact.text, _found(fact, stated)) for i, fact in enumerate(facts)), usage)


async def _facts(text: str, most: int, language: Language, chat: ChatModel) -> tuple[list[Triple] | Abstained, Usage]:
    prompt = load_prompt(_PROMPT)
    messages = prompt.messages(language, {"most": most}, passages=[Passage("", 0, len(text), text)])
    request = ChatRequest(messages, prompt.id(language), max_tokens=_TOKENS_A_TRIPLE * most)

    def read(reply: ChatReply) -> list[Triple]:
        triples = [triple for line in reply_lines(reply.text)[:most] if (triple := read_triple(line)) is not None]
        if not triples:
            raise UnreadableReplyError("no line is a fact in three parts")
        return [*dict.fromkeys(triples)]

    return await ask(chat, request, read)


def _found(fact: Triple, stated: Sequence[Triple]) -> Graded:
    ends = name_of(fact.subject), name_of(fact.object)
    for other in stated:
        subject, object_ = name_of(other.subject), name_of(other.object)
        if (_same(ends[0], subject) and _same(ends[1], object_)) or (
            _same(ends[0], object_) and _same(ends[1], subject)
        ):
            return Graded(1.0, rationale=f"the context has: {other.text}")
    return Graded(0.0, rationale="no fact of the context has both ends")


def _same(name: Name, other: Name) -> bool:
    """Whether one is the other or a run of words in it."""
    short, long = sorted((name, other), key=len)
    return any(long[i : i + len(short)] == short for i in range(len(long) - len(short) + 1))
