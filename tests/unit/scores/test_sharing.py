"""When questions are clustered by documents, and what is said about it."""

from __future__ import annotations

import pytest

from rageval.errors import DeclarationError
from rageval.scores.sharing import ClusterBy, find_sharing

ALONE = {"a": (0,), "b": (1,), "c": ()}
PAIRS = {"a": (0,), "b": (0,), "c": (1,), "d": (1,)}
ONE = {"a": (0, 1), "b": (0, 2)}


def test_questions_of_their_own_documents_are_independent() -> None:
    """Nothing is said; asked for by name, each is a cluster of its own."""
    for by in (None, "none"):
        assert find_sharing(ALONE, ["a", "b", "c"], by) == find_sharing({}, ["a"], by)
    found = find_sharing(ALONE, ["a", "b", "c"], "document")
    assert (found.clusters, found.note) == ((frozenset([0]), frozenset([1]), frozenset()), "")
    assert find_sharing(ALONE, ["a"], "document").clusters is None


@pytest.mark.parametrize("by", [None, "document"])
def test_where_any_two_share_one_they_are_clustered(by: ClusterBy | None) -> None:
    found = find_sharing(PAIRS, ["d", "a", "b", "c"], by)
    assert found.clusters == (frozenset([1]), frozenset([0]), frozenset([0]), frozenset([1]))
    assert found.note == (
        "Questions that share a document are not independent: these 4 are as good as 2 documents (cluster-by none "
        "would not count that)."
    )


def test_only_the_questions_at_hand_count() -> None:
    assert find_sharing(PAIRS, ["a", "c"]).clusters is None


def test_none_is_said_where_it_matters() -> None:
    found = find_sharing(PAIRS, [*PAIRS], "none")
    assert found.clusters is None
    assert found.note == "Questions that share a document are taken for independent, as asked (cluster-by none)."


def test_one_document_shows_nothing() -> None:
    """By default the questions are then taken for independent, and that is said; asked for by name it is refused."""
    found = find_sharing({"a": (0,), "b": (0,)}, ["a", "b"])
    assert (found.clusters, found.note) == (None, "All 2 questions share a document, and are taken for independent.")
    with pytest.raises(DeclarationError, match="--cluster-by document: found that all 2 questions share a document"):
        find_sharing({"a": (0,), "b": (0,)}, ["a", "b"], "document")
    assert find_sharing(ONE, ["a", "b"]).clusters == (frozenset([0, 1]), frozenset([0, 2]))
