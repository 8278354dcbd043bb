"""Which claims do the passages support? One call for all claims; the words that show it are looked up, not written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from rageval.judges.asking import asking
from rageval.judges.evidence import Context, nearest_sentence, sentence_in
from rageval.judges.tables import YES_NO, Said, ask_each, yes_no_verdict
from rageval.models.base import ChatModel
from rageval.pipeline import Bound, PromptSizes
from rageval.pipeline.sizes import prompt_size
from rageval.types import Abstained, Evidence, Language, Usage, Verdict

PROMPTS = ("support", "shown_by")

_BLANK = re.compile(r"\s+")


async def judge_support(
    claims: Sequence[str], context: Context, language: Language, chat: ChatModel, whole: int = 0
) -> tuple[list[Verdict], Usage]:
    """A verdict for each claim: grade 1 where the passages support it, with the sentence that shows it.

    The sentence is looked up by its words (see `nearest_sentence`). Where no sentence shares enough words with a
    supported claim, as across languages, the model is asked which passage shows it, once for all such claims. The first
    `whole` claims are texts of several claims and get no evidence. `context` holds (position in the hits, passage). A
    reply that cannot be read is an abstention on every claim.
    """
    said, usage = await _ask("support", claims, context, language, chat, YES_NO[language])
    if isinstance(said, Abstained):
        return [said] * len(claims), usage
    verdicts = [yes_no_verdict(one) for one in said]
    supported = [i for i, verdict in enumerate(verdicts) if i >= whole and verdict.grade > 0.0]
    evidence = {i: nearest_sentence(claims[i], context, language) for i in supported}
    unseen = [i for i in supported if evidence[i] is None]
    if unseen:
        words = [str(number) for number in range(len(context) + 1)]
        named, cost = await _ask("shown_by", [claims[i] for i in unseen], context, language, chat, words)
        usage += cost
        numbers = [0] * len(unseen) if isinstance(named, Abstained) else [int(one.word) for one in named]
        for i, number in zip(unseen, numbers, strict=True):
            evidence[i] = (
                sentence_in(claims[i], context[number - 1], language) if number else Evidence(None, "", found=False)
            )
    return [
        replace(verdict, evidence=(found,)) if (found := evidence.get(i)) else verdict
        for i, verdict in enumerate(verdicts)
    ], usage


def supporting(sizes: PromptSizes, claims: int | None, context: int | None) -> Bound:
    """Returns the most that `judge_support` takes for claims of so many tokens: verdicts, and the passages that show
    claims whose words are in none.
    """
    prompts = (prompt_size(name, sizes.language, claims, context) for name in PROMPTS)
    return sum((asking(prompt) for prompt in prompts), Bound())


async def _ask(
    prompt: str, claims: Sequence[str], context: Context, language: Language, chat: ChatModel, words: Sequence[str]
) -> tuple[list[Said] | Abstained, Usage]:
    listed = "\n".join(f"{number}. {_BLANK.sub(' ', claim)}" for number, claim in enumerate(claims, 1))
    passages = [passage for _, passage in context]
    return await ask_each(chat, prompt, language, {"claims": listed}, words, len(claims), passages)
