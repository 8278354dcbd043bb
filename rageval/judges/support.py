"""Which claims do the passages support? One call for all claims, with the passage and a quote for each."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

from rageval.judges.asking import UnreadableReplyError, ask, verdict_of
from rageval.judges.tables import YES_NO, closed_object, numbered, one_of
from rageval.models.base import ChatModel, ChatReply, ChatRequest
from rageval.models.structured import parse_object, word_probability, yes_probabilities
from rageval.prompts import load_prompt
from rageval.types import Abstained, Evidence, Json, Language, Passage, Usage, Verdict

PROMPTS = ("support", "quote")

_TOKENS_A_CLAIM = 96
# In characters, where the server can hold a text to a length: small models copy whole passages, and slip on the way.
_LONGEST_QUOTE: dict[Language, int] = {"en": 48, "zh": 20}
_BLANK = re.compile(r"\s+")

Context = Sequence[tuple[int, Passage]]
_Question = Literal["support", "quote"]


@dataclass(frozen=True, slots=True)
class _Row:
    """What the model says of one claim. `passage` counts from 1 as in the prompt; 0 is none."""

    probability: float
    passage: int
    quote: str


async def judge_support(
    claims: Sequence[str], context: Context, language: Language, chat: ChatModel
) -> tuple[list[Verdict], Usage]:
    """A verdict for each claim: grade 1 where the passages support it, with the words that show it.

    `context` holds (position in the hits, passage). Where a quote does not stand in the passages the model is asked for
    it once more; the verdict stays, and its evidence says whether the words were found. There is no evidence where the
    model names no passage and none holds the quote. A reply that cannot be read is an abstention on every claim.
    """
    rows, usage = await _ask("support", claims, context, language, chat)
    if isinstance(rows, Abstained):
        return [rows] * len(claims), usage
    verdicts = [verdict_of(row.probability) for row in rows]
    evidence = [_evidence(row, context) for row in rows]
    unshown = [i for i, verdict in enumerate(verdicts) if verdict.grade > 0.0 and not _is_found(evidence[i])]
    if unshown:
        again, cost = await _ask("quote", [claims[i] for i in unshown], context, language, chat)
        usage += cost
        if not isinstance(again, Abstained):
            for i, row in zip(unshown, again, strict=True):
                second = _evidence(row, context)
                evidence[i] = second if _is_found(second) else evidence[i] or second
    shown = zip(verdicts, evidence, strict=True)
    return [replace(v, evidence=(words,)) if v.grade > 0.0 and words else v for v, words in shown], usage


async def _ask(
    what: _Question, claims: Sequence[str], context: Context, language: Language, chat: ChatModel
) -> tuple[list[_Row] | Abstained, Usage]:
    prompt = load_prompt(what)
    listed = "\n".join(f"{number}. {_BLANK.sub(' ', claim)}" for number, claim in enumerate(claims, 1))
    request = ChatRequest(
        prompt.messages(language, {"claims": listed}, passages=[passage for _, passage in context]),
        prompt.id(language),
        max_tokens=_TOKENS_A_CLAIM * len(claims) + 16,
        schema=_schema(what, len(claims), language),
        top_logprobs=10 if what == "support" else 0,
    )
    return await ask(chat, request, lambda reply: _read(what, reply, len(claims), len(context)))


def _schema(what: _Question, claims: int, language: Language) -> dict[str, Json]:
    fields: dict[str, Json] = {
        "passage": {"type": "integer"},
        "quote": {"type": "string", "maxLength": _LONGEST_QUOTE[language]},
    }
    if what == "support":
        fields = {"supported": one_of(YES_NO[language]), **fields}
    return closed_object(dict.fromkeys(numbered(claims), closed_object(fields)))


def _read(what: _Question, reply: ChatReply, claims: int, passages: int) -> list[_Row]:
    if reply.finish_reason == "length":
        raise UnreadableReplyError("the verdicts were cut off")
    numbers = numbered(claims)
    table = parse_object(reply.text, dict.fromkeys(numbers, dict))
    if table is None or len(table) != claims:
        raise UnreadableReplyError(f"the verdicts are unreadable, or not of {claims} claims")
    soft = yes_probabilities(reply, "supported")
    rows: dict[str, _Row] = {}
    for place, (number, value) in enumerate(table.items()):
        row = cast("dict[str, Json]", value)
        passage, quote, said = row.get("passage"), row.get("quote"), row.get("supported")
        if not isinstance(passage, int) or isinstance(passage, bool) or not 0 <= passage <= passages:
            raise UnreadableReplyError(f"claim {number}: there is no passage {passage!r}")
        if not isinstance(quote, str):
            raise UnreadableReplyError(f"claim {number}: the quote is no text")
        probability = word_probability(said) if isinstance(said, str) else None
        if what == "support" and probability is None:
            raise UnreadableReplyError(f"claim {number}: {said!r} is neither yes nor no")
        if len(soft) == claims:
            probability = soft[place] if soft[place] is not None else probability
        rows[number] = _Row(probability or 0.0, passage, quote)
    return [rows[number] for number in numbers]


def _evidence(row: _Row, context: Context) -> Evidence | None:
    """The quote with the passage that holds it: the one named, else the first that does. None where no passage is named
    and none holds it.
    """
    named = [context[row.passage - 1]] if row.passage else []
    wanted = _plain(row.quote)
    for hit, passage in [*named, *context]:
        shown = f"{passage.title}: {passage.text}", f"{passage.title} {passage.text}"  # the prompt has the colon
        if wanted and any(wanted in _plain(text) for text in shown):
            return Evidence(hit, row.quote)
    return Evidence(named[0][0], row.quote, found=False) if named else None


def _is_found(evidence: Evidence | None) -> bool:
    return evidence is not None and evidence.found


def _plain(text: str) -> str:
    """Without white space, letter case, quotation marks at the ends and dots where words were left off."""
    return _BLANK.sub("", unicodedata.normalize("NFKC", text)).casefold().strip("\"'“”‘’「」.。")
