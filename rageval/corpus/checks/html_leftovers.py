"""Tags and character references of HTML that were left in a text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from rageval.corpus.faults import Fault
from rageval.corpus.prose import change_prose, excerpt, prose_spans
from rageval.types import Document

_NAMES = (
    "a|abbr|article|aside|b|body|br|button|center|div|em|font|footer|form|h[1-6]|head|header|hr|html|i|iframe|img|"
    "input|li|link|meta|nav|ol|p|pre|script|section|small|span|strong|style|sub|sup|svg|table|tbody|td|th|thead|tr|ul"
)
_TAG = re.compile(rf"</?(?:{_NAMES})(?:\s[^<>]*)?/?>", re.IGNORECASE)
_REFERENCE = re.compile(
    r"&(?:nbsp|amp|lt|gt|quot|apos|mdash|ndash|hellip|copy|[lr][sd]quo|#\d{2,6}|#x[0-9a-fA-F]{2,6});"
)
_WHOLE = re.compile(r"<(script|style)\b[^>]*>.*?</\1\s*>|<!--.*?-->|<!DOCTYPE[^>]*>", re.IGNORECASE | re.DOTALL)
_BREAKS = re.compile(r"</?(?:br|p|div|li|tr|h[1-6]|table|ul|ol|section|article)\b[^<>]*>", re.IGNORECASE)
_LEFTOVERS = (_WHOLE, _TAG, _REFERENCE)


def html_faults(documents: Sequence[Document]) -> Iterator[Fault]:
    """A fault for each document with tags or references outside of code."""
    for document in documents:
        prose = [document.text[start:end] for start, end in prose_spans(document.text)]
        found = [match[0] for part in prose for pattern in _LEFTOVERS for match in pattern.finditer(part)]
        if found:
            yield Fault("html", document.id, f"{len(found)} tags or references: {excerpt(' '.join(found))}")


def strip_html(text: str) -> str:
    """The text without tags, scripts and comments, and with references as their characters; code stays as it is."""
    return change_prose(text, _stripped)


def _stripped(prose: str) -> str:
    if not any(pattern.search(prose) for pattern in _LEFTOVERS):
        return prose
    plain = _TAG.sub("", _BREAKS.sub("\n", _WHOLE.sub("", prose)))
    return _REFERENCE.sub(lambda match: html.unescape(match[0]).replace("\xa0", " "), plain)
