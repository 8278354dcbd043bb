"""Evidence and passages of one question as spans: what of the evidence a few passages hold.

For one question at a time, for people to read. Whole runs are scored from arrays by `rageval.metrics.evidence`; both
follow the same definitions:

- A span is `document.text[start:end]`. Sizes are numbers of characters (Unicode code points), white space included.
- Spans of one part are alternatives, of which any one suffices; different parts are all needed. A label without a part
  is a part of its own.
- Evidence is what the alternative with the largest share covered marks, for each part. Of alternatives whose shares are
  equal, the shortest counts, then the first by document id and start.
- Passages that touch or overlap are joined before it is asked whether they hold a span.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from rageval.text import count_tokens, end_of_tokens
from rageval.types import Passage, RelevanceLabel


class Span(NamedTuple):
    """The characters from `start` to `end` (exclusive) of a document."""

    doc_id: str
    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start


Part: TypeAlias = tuple[Span, ...]
"""The alternatives of one part, without repetition, the shortest first."""


def passage_span(passage: Passage) -> Span:
    """Where the passage stands; see `Passage`."""
    return Span(passage.doc_id, passage.start, passage.end)


def evidence_parts(labels: Iterable[RelevanceLabel], grade_threshold: int = 1) -> tuple[Part, ...]:
    """The parts of one question's evidence, in the order in which the labels name them.

    Labels without a span and those with a grade below `grade_threshold` are no evidence. Empty where no label is.
    """
    parts: dict[str | Span, dict[Span, None]] = {}
    for label in labels:
        if label.start is not None and label.end is not None and label.grade >= grade_threshold:
            span = Span(label.doc_id, label.start, label.end)
            parts.setdefault(label.part or span, {})[span] = None
    return tuple(tuple(sorted(spans, key=lambda span: (span.length, span))) for spans in parts.values())


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The union of the spans, as spans that neither touch nor overlap, by document id and start."""
    found: list[Span] = []
    for span in sorted(span for span in spans if span.length > 0):
        if found and found[-1].doc_id == span.doc_id and span.start <= found[-1].end:
            found[-1] = found[-1]._replace(end=max(found[-1].end, span.end))
        else:
            found.append(span)
    return tuple(found)


def over_space(span: Span, text: str) -> Span:
    """The span of a document's text with the white space before and behind it, which chunkers leave out of passages."""
    start, end = span.start, span.end
    while 0 < start <= len(text) and text[start - 1].isspace():
        start -= 1
    while end < len(text) and text[end].isspace():
        end += 1
    return Span(span.doc_id, start, end)


def overlap(span: Span, union: Iterable[Span]) -> int:
    """How many characters of the span the union (from `joined`) covers."""
    return sum(
        max(0, min(span.end, one.end) - max(span.start, one.start)) for one in union if one.doc_id == span.doc_id
    )


def best_alternatives(parts: Iterable[Part], passages: Iterable[Span]) -> tuple[Span, ...]:
    """For each part the alternative of which the passages cover the largest share: the evidence E, before its spans are
    joined.
    """
    union = joined(passages)
    return tuple(max(part, key=lambda span: overlap(span, union) / span.length) for part in parts)


def within_budget(passages: Iterable[Passage], tokens: int) -> list[Span]:
    """The spans of the first passages that fit into a budget of estimated tokens (`rageval.text.count_tokens`).

    The passage that crosses the budget is cut where the budget ends, after a whole word, so that passages of every size
    fill the same budget. Where a passage's text is not that of its span, the span is cut at the same share.
    """
    spans: list[Span] = []
    left = tokens
    for passage in passages:
        if left <= 0:
            break
        span, size = passage_span(passage), count_tokens(passage.text)
        if size > left:
            kept = end_of_tokens(passage.text, left)
            span = span._replace(end=span.start + span.length * kept // len(passage.text))
        left -= size
        spans.append(span)
    return spans


def precision_omega(parts: Iterable[Part], passages: Iterable[Span]) -> float:
    """How little else than evidence is in the passages that touch it, from 0 to 1: `evidence_iou` of these passages.

    `passages` are all those of the documents; there must be a part. What several passages hold counts each time that it
    would be read, so overlap lowers the number. Source: Smith and Troynikov 2024 (precision Ω), who count it once.
    """
    known = [*parts]
    around = joined(span for part in known for span in part)
    near = [passage for passage in passages if overlap(passage, around)]
    evidence = joined(best_alternatives(known, near))
    touching = [passage for passage in near if overlap(passage, evidence)]
    union = joined(touching)
    found = sum(overlap(span, union) for span in evidence)
    missing = sum(span.length for span in evidence) - found
    return found / (sum(passage.length for passage in touching) + missing)
