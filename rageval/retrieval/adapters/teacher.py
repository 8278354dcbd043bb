"""The chat model as the teacher of an adapter: which passages make the expected answer likely."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from rageval.errors import DeclarationError
from rageval.models.base import ChatModel
from rageval.pipeline import complete_all
from rageval.pipeline.likelihood import forced_request, token_likelihoods
from rageval.prompts import load_prompt
from rageval.retrieval.adapters.examples import Examples
from rageval.types import Passage, Question


async def taught_by_answers(
    examples: Examples,
    passages: Sequence[Passage],
    chat: ChatModel,
    *,
    temperature: float = 1.0,
    on_taught: Callable[[int, int], None] | None = None,
) -> Examples:
    """The examples of those questions that have references, with the shares that the chat model gives their candidates:
    the softmax of log P(first reference | passage, question) / `temperature`. Source: the retriever's half of RA-DIT
    (Lin et al. 2023, arXiv 2310.01352).

    `passages` are those of the rows. One call for each candidate of each question. A question for which a candidate has
    no log-probability is left out. Raises DeclarationError where that leaves none, as with a model that gives no
    log-probabilities. `on_taught` is told, after each question, how many of all are done.
    """
    kept: list[int] = []
    shares: list[dict[int, float]] = []
    taught = [n for n, question in enumerate(examples.asked) if question.references and question.answerable]
    for done, number in enumerate(taught, start=1):
        question, rows = examples.asked[number], [*examples.targets[number]]
        found = await answer_likelihoods(question, [passages[row] for row in rows], question.references[0], chat)
        known = [one for one in found if one is not None]
        if len(known) == len(rows):
            weights = np.exp((np.array(known) - max(known)) / temperature)
            kept.append(number)
            shares.append({row: float(share) for row, share in zip(rows, weights / weights.sum(), strict=True)})
        if on_taught is not None:
            on_taught(done, len(taught))
    if not kept:
        raise DeclarationError(
            f"{chat.identity}: found no log-probability of any expected answer, expected some: the questions need "
            "references, and the model has to give the log-probabilities of its tokens"
        )
    return replace(
        examples,
        asked=tuple(examples.asked[number] for number in kept),
        questions=examples.questions[kept],
        targets=tuple(shares),
        relevant=tuple(examples.relevant[number] for number in kept),
    )


async def answer_likelihoods(
    question: Question, passages: Sequence[Passage], answer: str, chat: ChatModel
) -> list[float | None]:
    """Log P(answer | passage, question) of each passage: the sum over the tokens of the answer, one call each.

    The model can say nothing but the answer (`rageval.pipeline.likelihood`), and the sum is at most too high. None
    where the reply has no log-probabilities or is not the answer.
    """
    prompt, language = load_prompt("answer"), question.language
    requests = [
        forced_request(
            prompt.messages(language, {"question": question.text}, passages=(passage,), variant="plain"),
            prompt.id(language),
            answer,
        )
        for passage in passages
    ]
    found = [token_likelihoods(reply, answer) for reply in await complete_all(chat, requests)]
    return [None if tokens is None else sum(logarithm for _, logarithm in tokens) for tokens in found]
