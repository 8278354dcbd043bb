"""What became of evidence, against sets of characters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rageval.decide.evidence_found import Found, find_documents, find_spans, read_spans
from rageval.metrics.evidence_spans import Span, evidence_parts
from rageval.types import Hit, Passage, RelevanceLabel, Response

LENGTH = 40


def response(hits: list[tuple[str, int, int]], read: list[int]) -> Response:
    return Response(tuple(Hit(Passage(doc, start, end, ""), 1.0) for doc, start, end in hits), context=tuple(read))


def label(doc: str, start: int, end: int, part: str = "", grade: int = 1) -> RelevanceLabel:
    return RelevanceLabel("q", doc, grade, start, end, part)


SPANS = st.tuples(st.sampled_from("ab"), st.integers(0, LENGTH), st.integers(0, LENGTH)).map(
    lambda one: (one[0], min(one[1:]), max(one[1:]))
)
EVIDENCE = SPANS.filter(lambda one: one[1] < one[2])


def characters(span: tuple[str, int, int]) -> set[tuple[str, int]]:
    doc, start, end = span
    return {(doc, at) for at in range(start, end)}


def read_characters(spans: list[tuple[str, int, int]]) -> set[tuple[str, int]]:
    """All that was read, and gaps of one or two characters between what was read."""
    read = set[tuple[str, int]]().union(*map(characters, spans))
    gaps = set[tuple[str, int]]()
    for doc in "ab":
        for at in range(LENGTH):
            for width in (1, 2):
                gap = {(doc, at + i) for i in range(width)}
                if not gap & read and {(doc, at - 1), (doc, at + width)} <= read:
                    gaps |= gap
    return read | gaps


@given(
    hits=st.lists(SPANS, max_size=8),
    k=st.integers(0, 8),
    parts=st.lists(st.lists(EVIDENCE, min_size=1, max_size=2, unique=True), min_size=1, max_size=3),
)
def test_fates_by_sets_of_characters(
    hits: list[tuple[str, int, int]], k: int, parts: list[list[tuple[str, int, int]]]
) -> None:
    """The fate, the rank and the share from their definitions, with sets in place of spans."""
    read = read_characters(hits[:k])

    def fate(span: tuple[str, int, int]) -> tuple[int, float, int]:
        wanted = characters(span)
        share = len(wanted & read) / len(wanted)
        whole = [rank for rank, hit in enumerate(hits, 1) if wanted <= characters(hit)]
        some = [rank for rank, hit in enumerate(hits, 1) if wanted & characters(hit)]
        if wanted <= read:
            return 0, -share, 0
        if whole:
            return 1, -share, whole[0]
        return (2, -share, some[0]) if some else (3, -share, 0)

    nearest = [min(map(fate, part)) for part in parts]
    share = sum(-one[1] for one in nearest) / len(nearest)
    fates = [one[0] for one in nearest]
    if 2 in fates:
        expected = Found("split_evidence", min(one[2] for one in nearest if one[0] == 2), share)
    elif 3 in fates:
        expected = Found("not_retrieved", None, share)
    elif 1 in fates:
        expected = Found("ranked_too_low", max(one[2] for one in nearest if one[0] == 1), share)
    else:
        expected = Found("read", None, share)
    labels = [label(*span, part=f"p{number}") for number, part in enumerate(parts) for span in part]
    assert find_spans(evidence_parts(labels), response(hits, [*range(min(k, len(hits)))])) == expected


def test_what_was_read_is_joined_over_white_space_alone() -> None:
    found = response([("a", 0, 10), ("a", 12, 20), ("a", 23, 30), ("b", 11, 12)], [1, 0, 2, 3])
    assert read_spans(found) == (Span("a", 0, 20), Span("a", 23, 30), Span("b", 11, 12))


def test_documents_stand_in() -> None:
    found = response([("a", 0, 10), ("b", 0, 10), ("c", 0, 10)], [0])
    assert find_documents(["a", "z"], found) == Found("read", None, 1.0)
    assert find_documents(["z", "c"], found) == Found("ranked_too_low", 3, 0.0)
    assert find_documents(["z"], found) == Found("not_retrieved", None, 0.0)
