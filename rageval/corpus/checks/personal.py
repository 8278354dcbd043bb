"""Personal data in plain sight: addresses, phone numbers, and numbers that pass their checksums."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, Literal, TypeAlias, cast, get_args

from rageval.corpus.faults import Fault
from rageval.text.languages import Language, base_language
from rageval.types import Document

What: TypeAlias = Literal["e-mail", "Chinese ID number", "IBAN", "bank card", "phone number"]
ORDER: tuple[What, ...] = get_args(What)
"""What a stretch counts as where it could be several: the first of these."""

_EMAIL = re.compile(r"(?<![\w.+-])[A-Za-z0-9][\w.+-]*@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}(?![\w-])", re.ASCII)
_NOBODY = re.compile(
    r"(?i)^(?:info|contact|support|help|helpdesk|sales|office|hello|hi|admin|webmaster|postmaster|press|media|news|jobs|"
    r"careers|hr|legal|privacy|security|billing|abuse|service|team|mail|noreply|no-reply|feedback|git|user|username|"
    r"name|you|your\.?name|someone|example)@|@(?:[\w-]+\.)*example\.|@localhost|\.(?:test|invalid|png|jpg)$"
)
_ID = re.compile(r"(?<![\w.])\d{17}[\dXx](?!\w)", re.ASCII)
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")
_CARD = re.compile(r"(?<![\w.-])(?:[3-6]\d{3}(?P<gap>[ -]?)\d{4}(?P=gap)\d{4}(?P=gap)\d{1,7})(?![\w-])", re.ASCII)
_CARD_LENGTHS = {"3": (15,), "4": (13, 16, 19), "5": (16,), "6": (16, 17, 18, 19)}
_LIKELY_PHONE = re.compile(r"[+(（]?\d(?:[ \t().（）/\u2010-\u2013-]{0,2}\d){6,}", re.ASCII)
_AROUND = 16  # characters beside a likely number, which decide whether it is one
_PHONE_REGIONS = {"zh": "CN", "en": "US"}
_SHOWN = 3


def personal_faults(documents: Sequence[Document]) -> Iterator[Fault]:
    """A fault for each document with personal data, masked in the note."""
    for document in documents:
        found = find_personal(document.text, document.language)
        if found:
            counts = Counter(what for what, _, _ in found)
            told = ", ".join(f"{n} {what}{'s' * (n > 1)}" for what, n in counts.items())
            masked = ", ".join(mask(document.text[start:end]) for _, start, end in found[:_SHOWN])
            yield Fault("personal", document.id, f"{told}: {masked}")


def find_personal(text: str, language: Language, *, every_address: bool = False) -> list[tuple[What, int, int]]:
    """What was found and its spans, in order, without overlaps. Contact addresses of nobody in particular (`info@`) and
    those of `example.com` are left out, unless `every_address` is wanted. Numbers of phones are valid ones, written
    internationally or as in the country of the language (China or the United States).
    """
    found = [*_emails(text, every_address), *_numbers(text), *_phones(text, language)]
    found.sort(key=lambda one: (ORDER.index(one[0]), one[1]))
    kept: list[tuple[What, int, int]] = []
    for what, start, end in found:
        if all(end <= other_start or start >= other_end for _, other_start, other_end in kept):
            kept.append((what, start, end))
    return sorted(kept, key=lambda one: one[1])


def redact(text: str, language: Language) -> tuple[str, int]:
    """The text with `[e-mail]` and the like in place of personal data, and how often."""
    found = find_personal(text, language)
    for what, start, end in reversed(found):
        text = f"{text[:start]}[{what}]{text[end:]}"
    return text, len(found)


def mask(text: str) -> str:
    """The first two characters alone."""
    return f"{text[:2]}…"


def _emails(text: str, every: bool) -> Iterator[tuple[What, int, int]]:
    for match in _EMAIL.finditer(text):
        if every or not _NOBODY.search(match[0]):
            yield "e-mail", match.start(), match.end()


def _numbers(text: str) -> Iterator[tuple[What, int, int]]:
    resident, iban, luhn = (cast("Any", import_module(f"stdnum.{name}")) for name in ("cn.ric", "iban", "luhn"))
    for match in _ID.finditer(text):
        if resident.is_valid(match[0].upper()):
            yield "Chinese ID number", match.start(), match.end()
    for match in _IBAN.finditer(text):
        if iban.is_valid(match[0]):
            yield "IBAN", match.start(), match.end()
    for match in _CARD.finditer(text):
        digits = re.sub("[ -]", "", match[0])
        if len(digits) in _CARD_LENGTHS[digits[0]] and len({*digits}) > 1 and luhn.is_valid(digits):
            yield "bank card", match.start(), match.end()


def _phones(text: str, language: Language) -> Iterator[tuple[What, int, int]]:
    phonenumbers = cast("Any", import_module("phonenumbers"))
    region = _PHONE_REGIONS.get(base_language(language))
    strict = phonenumbers.Leniency.STRICT_GROUPING
    spans: dict[tuple[int, int], None] = {}
    for likely in _LIKELY_PHONE.finditer(text):
        start = max(0, likely.start() - _AROUND)
        part = text[start : likely.end() + _AROUND]
        for match in phonenumbers.PhoneNumberMatcher(part, region, leniency=strict):
            if likely.start() <= start + match.start and start + match.end <= likely.end():  # not one cut in half
                spans[start + match.start, start + match.end] = None
    for start, end in spans:
        yield "phone number", start, end
