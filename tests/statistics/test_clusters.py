"""Clusters against direct double sums over pairs of items, the jackknife by leaving clusters out, and definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rageval.stats.clusters import Clustering, cluster_both, make_clustering

SETS = st.lists(st.frozensets(st.integers(0, 6), max_size=4), min_size=2, max_size=14)


def sharing(labels: list[frozenset[int]]) -> np.ndarray:
    """Item by item: shared clusters / sqrt(number of one * number of the other); 1 with itself, also without any."""
    n = len(labels)
    matrix = np.eye(n)
    for i in range(n):
        for j in range(n):
            if i != j and labels[i] and labels[j]:
                matrix[i, j] = len(labels[i] & labels[j]) / math.sqrt(len(labels[i]) * len(labels[j]))
    return matrix


def clustering_of(labels: list[frozenset[int]]) -> Clustering | None:
    """None where all items are in one cluster."""
    try:
        return make_clustering(labels, len(labels))
    except ValueError:
        return None


@settings(deadline=None)
@given(SETS)
def test_sums_over_pairs(labels: list[frozenset[int]]) -> None:
    """Effective clusters are n^2 over the sum of the sharing matrix; the squares of `sums` sum to x' S x."""
    found = clustering_of(labels)
    if found is None:
        return
    matrix = sharing(labels)
    x = np.random.default_rng(len(labels)).normal(size=len(labels))
    assert found.effective == pytest.approx(len(labels) ** 2 / matrix.sum())
    assert found.size == pytest.approx(matrix.sum() / len(labels))
    assert float(np.sum(found.sums(x) ** 2)) == pytest.approx(float(x @ matrix @ x))
    assert found.share_with(x) == pytest.approx(matrix @ x)


@settings(deadline=None)
@given(SETS)
def test_groups_are_connected_components(labels: list[frozenset[int]]) -> None:
    """Against the definition: the least relation that holds all pairs with a common cluster, closed under chains."""
    found = clustering_of(labels)
    if found is None:
        return
    reach = sharing(labels) > 0
    for via in range(len(labels)):
        reach |= reach[:, [via]] & reach[[via], :]
    groups = found.groups
    assert np.array_equal(groups[:, None] == groups[None, :], reach)
    assert sorted(set(groups.tolist())) == list(range(max(groups) + 1))


@settings(deadline=None)
@given(SETS)
def test_what_sharing_counts_twice(labels: list[frozenset[int]]) -> None:
    """The sum of how far pairs share over that of its squares: brute force over pairs. 1 in single clusters."""
    found = clustering_of(labels)
    if found is None:
        return
    off = sharing(labels) - np.eye(len(labels))
    squares = float(np.sum(off**2))
    expected = float(off.sum()) / squares if squares > 1e-9 else 1.0
    assert found._understated == pytest.approx(expected)  # pyright: ignore[reportPrivateUsage]


@settings(deadline=None)
@given(SETS, st.integers(0, 99))
def test_design_effect_by_a_double_sum(labels: list[frozenset[int]], seed: int) -> None:
    """sum_ij k_ij e_i e_j / sum_i r_i^2, with e_i = r_i / (1 - share), pairs up-weighted, corrected for the mean."""
    found = clustering_of(labels)
    if found is None:
        return
    n, matrix = len(labels), sharing(labels)
    x = np.random.default_rng(seed).normal(size=n)
    residual, near = x - x.mean(), matrix.sum(axis=1) / n
    errors = residual / np.maximum(1.0 - near, 0.5 / n)
    off = matrix - np.eye(n)
    squares = float(np.sum(off**2))
    pairs = off * (off.sum() / squares if squares > 1e-9 else 1.0)
    total = sum((1.0 if i == j else float(pairs[i, j])) * errors[i] * errors[j] for i in range(n) for j in range(n))
    expected = max(1.0, float(total) * (1.0 - float(near.mean())) / float(residual @ residual))
    assert found.design_effect(residual) == pytest.approx(expected)


@pytest.mark.parametrize(("clusters", "size"), [(6, 4), (15, 2), (40, 5)])
def test_equal_clusters_are_the_jackknife(clusters: int, size: int) -> None:
    """CR3: (g - 1) / g * sum of squared changes of the mean when a cluster is left out, over the variance of a mean of
    independent items, sum r^2 / n^2.
    """
    rng = np.random.default_rng(clusters)
    x = np.repeat(rng.normal(size=clusters), size) + rng.normal(size=clusters * size)
    codes = np.repeat(np.arange(clusters), size)
    left_out = np.array([x[codes != one].mean() for one in range(clusters)])
    jackknife = (clusters - 1) / clusters * float(np.sum((left_out - x.mean()) ** 2))
    residual = x - x.mean()
    effect = make_clustering(codes, x.size).design_effect(residual)
    assert effect > 1.5
    assert effect == pytest.approx(jackknife / (float(residual @ residual) / x.size**2))


def test_items_that_stand_alone_have_no_effect() -> None:
    x = np.random.default_rng(0).normal(size=20)
    alone = make_clustering([frozenset[int]()] * 10 + [frozenset([i]) for i in range(10)], 20)
    assert alone.effective == pytest.approx(20)
    assert alone.design_effect(x - x.mean()) == pytest.approx(20 / 19)  # as the variance with divisor n - 1
    assert alone.lump(1.0) == 1.0


def test_where_nothing_varies_items_are_copies() -> None:
    found = make_clustering(np.repeat(np.arange(5), 4), 20)
    assert found.design_effect(np.zeros(20)) == pytest.approx(4.0)
    assert found.lump(1.0) == pytest.approx(4.0)
    assert found.lump(8.0) == 1.0


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_few_clusters_call_for_students_t(level: float) -> None:
    found = make_clustering(np.repeat(np.arange(8), 3), 24)
    p = (1 + level) / 2
    assert found.few(level) == pytest.approx((stats.t.ppf(p, 7) / stats.norm.ppf(p)) ** 2)
    assert found.discount(np.zeros(24), level) == pytest.approx((3.0 * found.few(level), 1.0))


def test_labelled_items_and_all() -> None:
    labelled, everything = cluster_both([frozenset("a"), frozenset("ab")], [frozenset("b"), frozenset("c")])
    assert (labelled.n, everything.n) == (2, 4)
    assert labelled.groups.tolist() == [0, 0]
    assert everything.groups.tolist() == [0, 0, 0, 1]


def test_what_shows_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="found 2 of them for 3 values"):
        make_clustering([1, 2], 3)
    with pytest.raises(ValueError, match="found 1 cluster, expected at least 2"):
        make_clustering([7, 7, 7], 3)
    with pytest.raises(ValueError, match="expected at least 2"):
        make_clustering([frozenset([7])] * 3, 3)


def test_effects_of_all_pairs_are_those_of_each() -> None:
    """With single and with several clusters an item, equal rows among them."""
    rng = np.random.default_rng(5)
    x = rng.random((4, 60)) + np.repeat(rng.random((4, 20)), 3, axis=1)
    x[3] = x[2]
    errors = x - x.mean(axis=1, keepdims=True)
    several = [frozenset([i // 3, 100 + i % 7]) for i in range(60)]
    for labels in (np.arange(60) // 3, several):
        clustering = make_clustering(labels, 60)
        found = clustering.pair_effects(errors)
        for i in range(4):
            for j in range(i):
                assert found[i, j] == found[j, i] == pytest.approx(clustering.design_effect(errors[i] - errors[j]))
