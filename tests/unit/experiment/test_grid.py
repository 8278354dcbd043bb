"""Grids of settings: every combination once, less what is excluded."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.errors import DeclarationError
from rageval.experiment.grid import grid_entries


def test_every_combination_the_first_factor_slowest() -> None:
    sweep: dict[str, list[Any]] = {"k": [3, 5], "pipeline": ["naive", "./mine.py"], "retriever": ["bm25"]}
    assert grid_entries(sweep, []) == [
        {"naive": {"k": 3, "retriever": "bm25"}},
        {"./mine.py": {"k": 3, "retriever": "bm25"}},
        {"naive": {"k": 5, "retriever": "bm25"}},
        {"./mine.py": {"k": 5, "retriever": "bm25"}},
    ]


def test_what_is_excluded() -> None:
    """Of 2 x 3 combinations: k = 3 with bm25 or dense, and everything with hybrid."""
    sweep: dict[str, list[Any]] = {"pipeline": ["naive"], "k": [3, 5], "retriever": ["bm25", "dense", "hybrid"]}
    exclude: list[dict[str, Any]] = [{"k": 3, "retriever": ["bm25", "dense"]}, {"retriever": "hybrid"}]
    assert grid_entries(sweep, exclude) == [
        {"naive": {"k": 5, "retriever": "bm25"}},
        {"naive": {"k": 5, "retriever": "dense"}},
    ]
    assert len(grid_entries(sweep, [{}])) == 6  # an empty mapping excludes nothing


@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "c"]), st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True), max_size=3
    )
)
def test_there_are_as_many_as_the_product_and_all_differ(factors: dict[str, list[int]]) -> None:
    entries = grid_entries({"pipeline": ["naive", "hyde"], **factors}, [])
    expected = 2
    for levels in factors.values():
        expected *= len(levels)
    assert len(entries) == expected
    assert all(a != b for a, b in itertools.combinations(entries, 2))


@pytest.mark.parametrize(
    ("sweep", "exclude", "told"),
    [
        ({"k": [1]}, [], "sweep: found no pipeline, expected it beside k"),
        ({"pipeline": []}, [], "sweep.pipeline: found no level"),
        ({"pipeline": ["naive"], "k": [1, 2, 1]}, [], "sweep.k: found 1 twice"),
        ({"pipeline": ["naive"]}, [{"k": 1}], "exclude.0.k: found no such factor, expected pipeline"),
        ({"pipeline": ["naive"], "k": [1, 2]}, [{"k": 3}], "exclude.0.k: found 3, expected one of 1, 2"),
        ({"pipeline": ["naive"], "k": [1, 2]}, [{"k": [1, 2]}], "exclude: found no combination left"),
    ],
)
def test_mistakes(sweep: dict[str, list[Any]], exclude: list[dict[str, Any]], told: str) -> None:
    with pytest.raises(DeclarationError, match=told):
        grid_entries(sweep, exclude)
