"""Does an answer say that it cannot answer?

An answer is read clause by clause. It is an abstention where some clause says that the source or the assistant does not
have the answer, and no clause states a fact: courtesy, advice, offers and what the source is about are none. It is none
where a clause declines for reasons of conduct. The patterns are data, hand-written in English and Chinese:
`abstention.yaml`, which says what each kind of clause is. Of any other answer a linear model gives the probability
(`abstention_model`). Where that is neither high nor low, the words leave it open.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Literal, TypeAlias, cast

import yaml

from rageval.pipeline.abstention_model import abstention_probability, weights_digest
from rageval.text import CJK, sentences
from rageval.text.languages import Language, base_language, prompt_language
from rageval.types import Json, Response

Kind: TypeAlias = Literal["policy", "refusal", "neutral", "about", "question", "declined", "doubtful", "fact"]

_LONGEST_CLAUSE = 400
_THOUGHT = re.compile(
    r"<(think|thinking|thought|reasoning)>.*?(?:</\1>|\Z)|\A.*</(?:think|thinking|thought|reasoning)>",
    re.DOTALL | re.IGNORECASE,
)
_MARKUP = re.compile(
    r"^[ \t]*(?:(?:>|#{1,6}(?=\s)|[-*+•](?=\s)|\d{1,2}[.)](?=\s))[ \t]*)+"
    r"|```\w*|`|\*{1,3}|~~|(?<!\w)_{1,3}|_{1,3}(?!\w)|</?[a-z][a-z0-9]*(?: [^<>]*)?/?>",
    re.MULTILINE | re.IGNORECASE,
)
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)")
_CITATION = re.compile(r"[\[【][^\[\]【】]{0,20}[\]】](?:\s*[-–—~]\s*[\[【][^\[\]【】]{0,20}[\]】])?")
_WRAPPED = re.compile(r"\s*(?:\"([^\"]*)\"|'(.*)'|“([^”]*)”|「([^」]*)」)[.。]?\s*", re.DOTALL)
_QUOTED = re.compile(
    r"\"[^\"\n]{1,300}\"|“[^”\n]{1,300}”|「[^」\n]{1,300}」|『[^』\n]{1,300}』|《[^》\n]{1,80}》"
    r"|(?<!\w)'[^'\n]{2,300}'(?!\w)"
)
_PAUSE = re.compile("[,，]")
_PART = re.compile("<([a-z_]+)>")
_HAN = re.compile(f"[{CJK}]")
_EDGES = " \t\r\n.!?。…,;:\"'()-–—~、"
_QUOTATION, _PHRASE = "§", "¶"
_UNLIKELY = {"en": 0.06, "zh": 0.04}
_VERY_UNLIKELY = 0.01  # asked for where a clause may be a refusal
_LIKELY = {"en": 0.8, "zh": 0.65}
"""Below the first probability an answer does not abstain, from the last on it does. By cross-validation over writers
three or four in a hundred that are called abstentions are answers (see docs/answers.md)."""


@dataclass(frozen=True, slots=True)
class _Patterns:
    """The compiled patterns of one language; see abstention.yaml."""

    exact: re.Pattern[str]
    kinds: Mapping[Kind, re.Pattern[str]]
    continued: re.Pattern[str]
    lead: re.Pattern[str]
    split: re.Pattern[str]
    subordinate: re.Pattern[str]


def read_abstention(response: Response, phrases: Sequence[str], language: Language) -> Response:
    """The response with what its text says of abstaining, where it does not say itself. See `is_abstention`."""
    if response.abstained is not None:
        return response
    said = False if response.answer is None else is_abstention(response.answer, phrases, language)
    return replace(response, abstained=said)


def is_abstention(answer: str, phrases: Sequence[str] = (), language: Language = "en") -> bool | None:
    """True where the answer says no more than that it cannot answer, False where it says something, None where its
    words do not settle that.

    Thought in tags, Markdown, citations and quotation marks around the whole do not matter. `phrases` are refusals in
    the user's own words, in any language: they count wherever they stand, and the rest of the answer is read as ever. A
    model that declines for reasons of conduct, and the text of a filter, do not abstain. An empty answer does not.

    Refusals in English and in Chinese are known in every answer. In a `language` in which none are written by hand,
    any other answer is left open.
    """
    text = plain(answer, phrases)
    whole = text.strip(_EDGES)
    if not whole:
        return False
    spoken = _language(whole)
    found = _patterns(spoken)
    if any(found.exact.fullmatch(stage.strip(_EDGES)) for stage in _stages(whole, found.lead)):
        return True
    kinds: set[Kind] = {kind for sentence in _sentences(text) for kind in _kinds(sentence)}
    settled = _read(kinds)
    if prompt_language(language) != base_language(language):
        return settled or None
    asks = kinds == {"question"} and not _PAUSE.search(text)  # before a comma may stand what a question cannot say
    if settled is not None or asks or _PHRASE in text:
        return settled
    probability = abstention_probability(text, spoken)
    if probability >= _LIKELY[spoken]:
        return True
    unlikely = _VERY_UNLIKELY if "doubtful" in kinds else _UNLIKELY[spoken]
    return False if probability < unlikely else None


def plain(answer: str, phrases: Sequence[str] = ()) -> str:
    """An answer in lower case, without thought, markup and quotations; `phrases` are replaced by a sign."""
    text = _plain(answer)
    for phrase in sorted(map(_plain, phrases), key=len, reverse=True):
        text = text.replace(phrase.strip(_EDGES), _PHRASE)
    return _QUOTED.sub(_QUOTATION, text)


def _read(found: set[Kind]) -> bool | None:
    """What the kinds of the clauses come to."""
    if "policy" in found:
        return None if "refusal" in found else False
    if "refusal" in found and "fact" not in found:
        return True
    return False if "declined" in found and found <= {"declined", "neutral"} else None


def _kinds(sentence: str) -> Iterator[Kind]:
    """The kinds of the sentence's clauses. What follows an empty clause goes on from the one before that."""
    before: Kind = "fact"
    for clause in _clauses(sentence):
        kind = _kind(clause, before)
        before = before if kind == "neutral" else kind
        yield kind


def _kind(clause: str, before: Kind) -> Kind:
    """The kind of a clause that follows one of the kind `before` in its sentence."""
    if _PHRASE in clause:
        return "refusal"
    if clause.endswith("?"):
        return "question"
    if len(clause) > _LONGEST_CLAUSE:
        return "fact"
    found = _patterns(_language(clause))
    stages = [stage.strip(_EDGES) for stage in _stages(clause, found.lead)]
    if not stages[-1]:
        return "neutral"
    if any(found.exact.fullmatch(stage) for stage in stages):
        return "refusal"
    for kind, pattern in found.kinds.items():
        if any(pattern.match(stage) for stage in stages):
            return kind
        if kind == "refusal" and before in ("refusal", "about") and any(map(found.continued.match, stages)):
            return "refusal"
    return "fact"


def _plain(answer: str) -> str:
    """The text without thought and markup, in lower case, with half-width marks and simplified characters."""
    text = _LINK.sub(r"\1", _THOUGHT.sub("", answer))
    text = unicodedata.normalize("NFKC", _CITATION.sub("", text)).replace("’", "'").replace("‘", "'")
    text = _MARKUP.sub("", text).lower().translate(_simplified())
    if found := _WRAPPED.fullmatch(text):
        text = next(part for part in found.groups() if part is not None)
    return re.sub(r"[ \t\u3000]+", " ", text).strip()


def _sentences(text: str) -> Iterator[str]:
    return (text[start:end] for start, end in sentences(text))


def _clauses(sentence: str) -> Iterator[str]:
    """The clauses of a sentence; a question is one clause, and a lead belongs to what follows it."""
    if sentence.endswith("?"):
        yield sentence
        return
    found = _patterns(_language(sentence))
    cuts = [match.span() for match in found.split.finditer(sentence)]
    if subordinate := found.subordinate.match(sentence):
        cuts = sorted({*cuts, subordinate.span(1)})
    start = 0
    for cut, after in cuts:
        if sentence[start:cut].strip(_EDGES) and _stages(sentence[start:after] + " ", found.lead)[-1]:
            yield sentence[start:cut].strip(" ,;:")
            start = after
    if sentence[start:].strip(_EDGES):
        yield sentence[start:].strip()


def _stages(clause: str, lead: re.Pattern[str]) -> list[str]:
    """The clause, and what is left of it after one, two, ... leads."""
    stages = [clause.lstrip()]
    while (match := lead.match(stages[-1])) and match.end():
        stages.append(stages[-1][match.end() :].lstrip())
    return stages


def _language(text: str) -> str:
    return "zh" if _HAN.search(text) else "en"


def abstention_identity(phrases: Sequence[str]) -> dict[str, Json]:
    """What `abstained` of a response depends on beside the answer: patterns, weights, and the user's own phrases."""
    patterns = hashlib.sha256(_raw()).hexdigest()
    return {"patterns": patterns, "weights": weights_digest(), "phrases": [*phrases]}


def _raw() -> bytes:
    return (resources.files(__package__ or "rageval.pipeline") / "abstention.yaml").read_bytes()


@cache
def _data() -> dict[str, dict[str, dict[str, str]]]:
    return cast("dict[str, dict[str, dict[str, str]]]", yaml.safe_load(_raw()))


@cache
def _simplified() -> dict[int, str]:
    pairs = cast("str", _data()["zh"]["traditional"])
    return {ord(pairs[place]): pairs[place + 1] for place in range(0, len(pairs), 2)}


@cache
def _patterns(language: str) -> _Patterns:
    data = cast("dict[str, str]", _data()[language])
    parts = {name: _joined(text, "") for name, text in _data()[language]["parts"].items()}

    def compiled(kind: str, between: str = "|") -> re.Pattern[str]:
        return re.compile(_filled(_joined(data[kind], between), parts))

    kinds: tuple[Kind, ...] = ("policy", "refusal", "neutral", "about", "declined", "doubtful")
    return _Patterns(
        compiled("exact"),
        {kind: compiled(kind) for kind in kinds},
        compiled("continued"),
        compiled("lead"),
        compiled("split", ""),
        compiled("subordinate"),
    )


def _filled(pattern: str, parts: Mapping[str, str]) -> str:
    """The pattern with its parts in place of their names, those of parts included."""
    return _PART.sub(lambda match: _filled(parts[match[1]], parts), pattern)


def _joined(text: str, between: str) -> str:
    """The lines of a literal block, joined."""
    lines = (line.strip(" ") if between else line.lstrip() for line in text.split("\n"))
    return between.join(line for line in lines if line and not line.startswith("#"))
