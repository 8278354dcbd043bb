"""Kinds, mixes, and how many of each."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.errors import DeclarationError
from rageval.synthesis.kinds import KINDS, allot, check_mix, kinds_in_order, parse_mix
from rageval.synthesis.writing import WRITERS


def test_every_kind_has_a_writer_and_the_default_mix_is_in_percent() -> None:
    assert KINDS.keys() == WRITERS.keys()
    assert sum(parse_mix(None).values()) == 100


def test_a_mix_is_read() -> None:
    assert parse_mix("factual 40, multi_hop 20,unanswerable 10") == {"factual": 40, "multi_hop": 20, "unanswerable": 10}
    assert parse_mix("factual: 1，summary=2, paraphrase 0") == {"factual": 1, "summary": 2}


@pytest.mark.parametrize("mix", [{"facts": 1}, {"factual": -1}, {"factual": 0}, {}])
def test_a_bad_mix_is_refused(mix: dict[str, int]) -> None:
    with pytest.raises(DeclarationError, match="mix: found"):
        check_mix(mix)


def test_shares_by_largest_remainders() -> None:
    """Of 10: 40/70 is 5.71, 20/70 is 2.86, 10/70 is 1.43; the two largest remainders get one more."""
    assert allot({"factual": 40, "multi_hop": 20, "unanswerable": 10}, 10) == {
        "factual": 6,
        "multi_hop": 3,
        "unanswerable": 1,
    }


@given(st.dictionaries(st.sampled_from([*KINDS]), st.integers(1, 50), min_size=1), st.integers(1, 200), st.integers())
def test_exactly_n_in_proportion(mix: dict[str, int], n: int, seed: int) -> None:
    counts = allot(mix, n)
    assert sum(counts.values()) == n
    assert all(abs(counts[kind] - mix[kind] * n / sum(mix.values())) < 1 for kind in mix)
    kinds = kinds_in_order(mix, n, seed)
    assert Counter(kinds) == Counter({kind: count for kind, count in counts.items() if count})
    assert kinds == kinds_in_order(mix, n, seed)
