"""Filters that ask no model."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from rageval.judges.light.features import common_subsequence, surface_tokens
from rageval.judges.light.numbers import numbers
from rageval.synthesis.drafts import RefusedError
from rageval.text import CJK, search_words, sentences
from rageval.text.languages import Guess, Language, base_language, detect_language, script_of
from rageval.text.quotes import FoldedText, fold_quote
from rageval.types import Passage

MOST_OVERLAP = 0.6
"""The largest share of a paraphrase's words that may stand in the evidence."""
NEAR_DUPLICATE = 0.8
"""The share of words in common (Jaccard) from which two questions ask the same."""
LEAST_SHARED = 1 / 3
"""The share of an answer's words that a text must have to state it."""
_SHORT_ANSWER = 2
_YES_OR_NO = frozenset({"yes", "no", "是", "否", "不是"})
_COPIED = 0.8
_SHORT_QUOTE = 5
_MOST_REMEMBERED = 100_000
_CHINESE_CHARACTER = re.compile(f"[{CJK}]")
_NUMBER = re.compile(r"^\s*\[\d\]\s*")

_TEXTS = r"(?:text|passage|paragraph|article|excerpt|document|section|snippet|context|sentence)s?"
_SAYS = r"(?:say|state|mention|describe|discuss|claim|explain|suggest|indicate|list|define|give|provide|report|argue)"
_ENGLISH = re.compile(
    rf"\b(?:this|these)\s+(?:\w+\s+)?{_TEXTS}\b"
    rf"|\b(?:above|given|provided|following|preceding|quoted)\s+{_TEXTS}\b"
    rf"|\b{_TEXTS}\s+(?:above|below|provided|given)\b"
    rf"|\baccording\s+to\s+the\s+(?:{_TEXTS}|authors?|quotes?)\b"
    rf"|\b(?:in|from|by|of)\s+the\s+{_TEXTS}\s*(?:[?.,;:!]|$)"
    r"|\bthe\s+(?:text|passage|paragraph|article|excerpt|snippet)s?\s*(?:[?.,;:!]|$)"
    rf"|\bthe\s+{_TEXTS}\s+{_SAYS}\w*\b"
    r"|\bthe\s+authors?\b(?!\s+(?:of|by|in|from|behind|who)\b)"
    rf"|\b(?:mentioned|described|listed|stated|discussed|given|provided|used)\s+(?:above|in\s+the\s+{_TEXTS})\b"
    r"|\bpassages?\s+\[?[12]\]?(?!\w)",
    re.IGNORECASE,
)
_CHINESE = re.compile(
    r"(?<!文)本文(?!件|档|字|本)|上文|(?<![中英日语正下])文中|该文(?!件|字|本)|(?<!上)下文"
    r"|(?:这|此|该|本|上述|以上|上面的?|给定的?|所给的?)(?:一)?(?:段|篇|个)?(?:段落|文字|话|文本|文章|短文|材料|资料|内容|原文)"
    r"|(?:根据|按照|依据|从)(?:文章|段落|文本|材料|原文|短文)"
    r"|(?:文章|段落|材料|短文|原文)(?:中|里)?(?:所)?(?:提到|提及|说到|介绍|描述|讲述|指出|给出)"
    r"|段落\s*[12一二]"
)


_UNNAMED = re.compile(
    r"\bthe\s+(?:study|paper|method|approach|framework|researchers|experiments?)\b"
    r"|(?:该|此|本|这种|这个|这项|这篇)(?:研究|论文|方法|框架|实验|模型|系统|算法)"
)
_NAME = re.compile(
    r"(?<!^)\b[A-Z]\w|[A-Za-z]{2}[^\x00-\x7f]|[^\x00-\x7f][A-Za-z]|[A-Za-z]+ (?=[\u4e00-\u9fff])|\d|[\"“《]"
)


def reference_to_a_text(question: str) -> str | None:
    """The words by which a question speaks of a text that its reader does not see: `this passage`, `上文`, or `the
    study` where no name stands beside it; else None.

    `the passage encoder` and `文本文件` are no such words.
    """
    found = _ENGLISH.search(question) or _CHINESE.search(question)
    if found is None and not _NAME.search(question):
        found = _UNNAMED.search(question)
    return None if found is None else found[0]


def gives_itself_away(question: str, answer: str) -> bool:
    """Whether the question contains its answer. Answers of one character, and yes or no, are not looked for."""
    wanted = fold_quote(answer).rstrip(".。!！")
    if len(wanted) < _SHORT_ANSWER or wanted in _YES_OR_NO:
        return False
    words = search_words(answer)
    if not words:
        return False
    asked = search_words(question)
    return wanted in fold_quote(question) and set(words) <= set(asked)


def word_overlap(question: str, evidence: Iterable[str]) -> float:
    """The share of the question's different words that stand in the evidence, from 0 to 1; 0 without words.

    Words are those of lexical search: stems in English, segmented words in Chinese, where a long one (a name) counts
    once, without its parts.
    """
    words = set(search_words(question))
    asked = {word for word in words if not any(word != other and word in other for other in words - _ascii(words))}
    there = {word for text in evidence for word in search_words(text)}
    return len(asked & there) / len(asked) if asked else 0.0


@lru_cache(_MOST_REMEMBERED)
def _words(question: str) -> frozenset[str]:
    return frozenset(search_words(question))


def _ascii(words: set[str]) -> set[str]:
    return {word for word in words if word.isascii()}


def is_near_duplicate(question: str, other: str) -> bool:
    """Whether two questions are the same when folded, or share 80% of their words or more (Jaccard)."""
    if fold_quote(question) == fold_quote(other):
        return True
    a, b = _words(question), _words(other)
    return bool(a | b) and len(a & b) / len(a | b) >= NEAR_DUPLICATE


def duplicate_in(question: str, others: Iterable[str]) -> str | None:
    """The first of the other questions that asks nearly the same; None where none does."""
    return next((other for other in others if is_near_duplicate(question, other)), None)


def is_in_language(text: str, language: Language) -> bool:
    """Whether the text is detected to be in the language; of a short text the script alone must be right."""
    found = detect_language(text)
    if isinstance(found, Guess):
        return script_of(found) == script_of(language)
    return base_language(found) == base_language(language)


def find_evidence(quote: str, passage: Passage, answer: str = "", question: str = "") -> Passage:
    """The whole sentences of the passage that the quote stands in; of a quote with slips, the sentence that it copies.

    Prompts show a number and the title before the passage, so these may stand before the quote too. White space, case
    and width do not matter. A sentence is copied with slips where the quote has 80% of its tokens in common with it, in
    order, and no number of its own. Where the words of the answer to the question stand in another sentence alone, that
    one is meant, whatever was quoted. Raises RefusedError where there is none.
    """
    words = _NUMBER.sub("", quote)
    if passage.title:
        words = words.removeprefix(f"{passage.title}: ")
    text = passage.text
    span = next(FoldedText.of(text).spans(words), None) or _copied_sentence(words, text)
    if answer and (span is None or not may_state(text[slice(*span)], answer, question)):
        stated = (one for one in sentences(text) if may_state(text[slice(*one)], answer, question))
        span = next(stated, span)
    if span is None:
        raise RefusedError("quote", f"{quote!r} is not in {passage.id}")
    start, end = span
    for first, last in sentences(text):
        if first < end and start < last:
            start, end = min(start, first), max(end, last)
    place = passage.start + start, passage.start + end
    return Passage(passage.doc_id, *place, text[start:end], passage.title)


def _percentages(text: str) -> frozenset[float]:
    plain = unicodedata.normalize("NFKC", text).lower()
    before = re.findall(r"(\d+(?:\.\d+)?)\s*(?:%|percent\b|per cent\b)", plain)
    return frozenset(map(float, [*before, *re.findall(r"百分之\s*(\d+(?:\.\d+)?)", plain)]))


def _copied_sentence(quote: str, text: str) -> tuple[int, int] | None:
    tokens = surface_tokens(quote)
    stated = numbers(quote)
    shared = {
        (start, end): common_subsequence(tokens, surface_tokens(text[start:end]))
        for start, end in sentences(text)
        if stated <= numbers(text[start:end])
    }
    best = max(shared, key=lambda span: shared[span], default=None)
    return best if best is not None and shared[best] >= _COPIED * max(len(tokens), _SHORT_QUOTE) else None


def may_state(text: str, answer: str, question: str) -> bool:
    """Whether the text may say what the answer says, as far as words tell: it has each number of the answer, and as a
    percentage where it is one. Of an answer without numbers it has a third of the words, where both are in one script.
    What the question says itself plays no part.

    A small model finds too much right: this refuses what is plainly something else, before the model is asked.
    """
    if stated := numbers(answer) - numbers(question):
        return stated <= numbers(text) and _percentages(answer) <= _percentages(text)
    if bool(_CHINESE_CHARACTER.search(text)) != bool(_CHINESE_CHARACTER.search(answer)):
        return True
    wanted = set(search_words(answer)) - set(search_words(question)) - _YES_OR_NO
    return len(wanted & set(search_words(text))) >= len(wanted) * LEAST_SHARED


def overlaps(a: Passage, b: Passage) -> bool:
    """Whether two passages have a character of the same document in common."""
    return a.doc_id == b.doc_id and a.start < b.end and b.start < a.end
