"""Which claims do the passages support? One call for all claims, with the passage and a quote for each."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rageval.judges.asking import UnreadableReplyError, ask, asking, verdict_of
from rageval.judges.tables import YES_NO, closed_object, numbered, one_of
from rageval.languages import ByLanguage, Language
from rageval.models.base import ChatModel, ChatReply, ChatRequest
from rageval.models.structured import parse_object, word_probability, yes_probabilities
from rageval.pipeline import Bound, PromptSizes
from rageval.pipeline.sizes import prompt_size
from rageval.prompts import load_prompt
from rageval.types import Abstained, Evidence, Json, Passage, Usage, Verdict

PROMPTS = ("support", "quote")

_SHOWN_BY = "shown_by"
_TOKENS_A_CLAIM = 96
# In characters, where the server can hold a text to a length: small models copy whole passages, and slip on the way.
_LONGEST_QUOTE = ByLanguage({"en": 48, "zh": 20})
_BLANK = re.compile(r"\s+")

Context = Sequence[tuple[int, Passage]]


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the model says that a claim is stated. `passage` counts from 1 as in the prompt; 0 means no passage."""

    passage: int
    quote: str


@dataclass(frozen=True, slots=True)
class _Row:
    """What the model says of one claim."""

    probability: float
    source: _Source


async def judge_support(
    claims: Sequence[str], context: Context, language: Language, chat: ChatModel, unquoted: int = 0
) -> tuple[list[Verdict], Usage]:
    """A verdict for each claim: grade 1 where the passages support it, with the words that show it.

    For the first `unquoted` claims no quote is requested. `context` holds (position in the hits, passage). If a quote
    does not occur in the passages, the model is asked for it once more. The verdict stays, and its evidence says
    whether the words were found. A reply that cannot be read is an abstention on every claim.
    """
    rows, usage = await _ask_for_verdicts(claims, context, language, chat, unquoted)
    if isinstance(rows, Abstained):
        return [rows] * len(claims), usage
    verdicts = [verdict_of(row.probability) for row in rows]
    evidence = [_evidence(row.source, context) for row in rows]
    unshown = [i for i, v in enumerate(verdicts) if i >= unquoted and v.grade > 0.0 and not evidence[i].found]
    if unshown:
        again, cost = await _ask_for_quotes([claims[i] for i in unshown], context, language, chat)
        usage += cost
        if not isinstance(again, Abstained):
            for i, source in zip(unshown, again, strict=True):
                second = _evidence(source, context)
                evidence[i] = second if second.found or evidence[i].hit is None else evidence[i]
    return [
        replace(verdict, evidence=(evidence[i],)) if i >= unquoted and verdict.grade > 0.0 else verdict
        for i, verdict in enumerate(verdicts)
    ], usage


def supporting(sizes: PromptSizes, claims: int | None, context: int | None) -> Bound:
    """Returns the most that `judge_support` takes for claims of so many tokens: verdicts, plus quotes for claims
    without one.
    """
    prompts = (prompt_size(name, sizes.language, claims, context) for name in PROMPTS)
    return sum((asking(prompt) for prompt in prompts), Bound())


async def _ask_for_verdicts(
    claims: Sequence[str], context: Context, language: Language, chat: ChatModel, unquoted: int
) -> tuple[list[_Row] | Abstained, Usage]:
    """Puts all verdicts before all quotes: when verdict and quote share a row, small models say yes too often."""
    numbers = numbered(len(claims))
    verdicts = dict.fromkeys(numbers, one_of(YES_NO[language]))
    schema = closed_object({**verdicts, _SHOWN_BY: _sources_schema(numbers[unquoted:], language)})
    request = replace(_request("support", claims, context, language, schema), top_logprobs=10)
    return await ask(chat, request, lambda reply: _read_verdicts(reply, numbers, len(context)))


async def _ask_for_quotes(
    claims: Sequence[str], context: Context, language: Language, chat: ChatModel
) -> tuple[list[_Source] | Abstained, Usage]:
    numbers = numbered(len(claims))
    request = _request("quote", claims, context, language, _sources_schema(numbers, language))
    return await ask(chat, request, lambda reply: _read_sources(_table(reply), numbers, len(context)))


def _request(
    prompt_name: str, claims: Sequence[str], context: Context, language: Language, schema: Mapping[str, Json]
) -> ChatRequest:
    prompt = load_prompt(prompt_name)
    listed = "\n".join(f"{number}. {_BLANK.sub(' ', claim)}" for number, claim in enumerate(claims, 1))
    return ChatRequest(
        prompt.messages(language, {"claims": listed}, passages=[passage for _, passage in context]),
        prompt.id(language),
        max_tokens=_TOKENS_A_CLAIM * len(claims) + 32,
        schema=schema,
    )


def _sources_schema(numbers: Sequence[str], language: Language) -> dict[str, Json]:
    fields: dict[str, Json] = {
        "passage": {"type": "integer"},
        "quote": {"type": "string", "maxLength": _LONGEST_QUOTE[language]},
    }
    return closed_object(dict.fromkeys(numbers, closed_object(fields)))


def _table(reply: ChatReply) -> dict[str, Json]:
    if reply.finish_reason == "length":
        raise UnreadableReplyError("the reply was cut off")
    table = parse_object(reply.text, {})
    if table is None:
        raise UnreadableReplyError("the reply holds no readable table")
    return table


def _read_verdicts(reply: ChatReply, numbers: Sequence[str], passages: int) -> list[_Row]:
    """Claims that are not supported need no source. A supported claim without a source is asked about again."""
    table = _table(reply)
    shown_by = table.pop(_SHOWN_BY, None)
    if not isinstance(shown_by, dict) or set(table) != set(numbers):
        raise UnreadableReplyError(f"the verdicts are not of {len(numbers)} claims, or without {_SHOWN_BY!r}")
    soft = yes_probabilities(reply, r"\d+")
    found: dict[str, float] = {}
    for place, (number, said) in enumerate(table.items()):
        probability = word_probability(said) if isinstance(said, str) else None
        if probability is None:
            raise UnreadableReplyError(f"claim {number}: {said!r} is neither yes nor no")
        told = soft[place] if len(soft) == len(numbers) else None
        found[number] = probability if told is None else told
    none: dict[str, Json] = {number: {"passage": 0, "quote": ""} for number in numbers}
    sources = _read_sources({**none, **shown_by}, numbers, passages)
    return [_Row(found[number], source) for number, source in zip(numbers, sources, strict=True)]


def _read_sources(table: Mapping[str, Json], numbers: Sequence[str], passages: int) -> list[_Source]:
    if set(table) != set(numbers):
        raise UnreadableReplyError(f"the quotes are not for {len(numbers)} claims")
    return [_read_source(number, table[number], passages) for number in numbers]


def _read_source(number: str, row: Json, passages: int) -> _Source:
    if not isinstance(row, dict):
        raise UnreadableReplyError(f"claim {number}: found {row!r}, expected a passage and a quote")
    passage, quote = row.get("passage"), row.get("quote")
    if not isinstance(passage, int) or isinstance(passage, bool) or not 0 <= passage <= passages:
        raise UnreadableReplyError(f"claim {number}: there is no passage {passage!r}")
    if not isinstance(quote, str):
        raise UnreadableReplyError(f"claim {number}: the quote is no text")
    return _Source(passage, quote)


def _evidence(source: _Source, context: Context) -> Evidence:
    """Returns the quote with the passage that holds it: the named one, else the first that does."""
    named = [context[source.passage - 1]] if source.passage else []
    wanted = _plain(source.quote)
    for hit, passage in [*named, *context]:
        shown = f"{passage.title}: {passage.text}", f"{passage.title} {passage.text}"  # the prompt has the colon
        if wanted and any(wanted in _plain(text) for text in shown):
            return Evidence(hit, source.quote)
    return Evidence(named[0][0] if named else None, source.quote, found=False)


def _plain(text: str) -> str:
    """Removes white space, letter case, quotation marks at the ends, and dots that mark omitted words."""
    return _BLANK.sub("", unicodedata.normalize("NFKC", text)).casefold().strip("\"'“”‘’「」.。")
