"""Where a claim stands in the passages."""

import pytest

from rageval.judges.evidence import nearest_sentence
from rageval.types import Evidence, Passage

PASSAGES = [
    (3, Passage("a", 0, 0, "Cats hunt mice at night in old barns. Cats sleep all day. Birds sing.")),
    (0, Passage("b", 0, 0, "倒排索引记录词语的位置。向量检索比较语义。")),
]


@pytest.mark.parametrize(
    ("claim", "evidence"),
    [
        ("A cat hunts mice.", Evidence(3, "Cats hunt mice at night in old barns.")),
        ("Cats sleep.", Evidence(3, "Cats sleep all day.")),
        ("Cats", Evidence(3, "Cats sleep all day.")),
        ("向量检索看的是语义", Evidence(0, "向量检索比较语义。")),
        ("词语的位置由倒排索引记录", Evidence(0, "倒排索引记录词语的位置。")),
    ],
)
def test_the_sentence_that_shares_most_words(claim: str, evidence: Evidence) -> None:
    assert nearest_sentence(claim, PASSAGES) == (evidence,)


@pytest.mark.parametrize("claim", ["", "the of", "Quantum chromodynamics", "量子力学"])
def test_no_shared_word_no_evidence(claim: str) -> None:
    assert nearest_sentence(claim, PASSAGES) == ()


def test_between_equals_the_first_wins() -> None:
    passages = [(1, Passage("a", 0, 0, "Red sky.")), (0, Passage("b", 0, 0, "Red sky."))]
    assert nearest_sentence("A red sky", passages) == (Evidence(1, "Red sky."),)
    assert nearest_sentence("A red sky", []) == ()
