"""What a light judge that decides the clear noes may lose, by people's labels: the bound, and how often it holds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from rageval.stats.cascade import MOST_LOST, THRESHOLDS, clear_noes, largest_threshold

DRAWS = 400
MOST = 0.05 + 3 * math.sqrt(0.05 * 0.95 / DRAWS)


def made(n: int, rng: np.random.Generator, knows: float = 0.7) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, the light judge's P(yes), and a chat judge's verdicts that are right on 85%."""
    latent = rng.standard_normal(n)
    y = (latent > -0.4).astype(float)
    p = 1.0 / (1.0 + np.exp(-2.0 * (knows * latent + math.sqrt(1.0 - knows**2) * rng.standard_normal(n)) - 0.5))
    return y, p, np.where(rng.random(n) < 0.85, y, 1.0 - y)


def share_lost(threshold: float, knows: float) -> float:
    y, p, v = made(400_000, np.random.default_rng(99), knows)
    return float(np.mean((p < threshold) & (y == 1.0) & (v == 1.0)))


def test_a_threshold_by_hand() -> None:
    labels, verdicts = [1, 1, 0, 0, 1, 0, 1, 1, 0, 1], [1, 1, 1, 0, 0, 0, 1, 1, 1, 1]
    p = [0.05, 0.5, 0.05, 0.01, 0.02, 0.9, 0.9, 0.9, 0.3, 0.9]
    found = clear_noes(labels, p, verdicts, 0.1)
    assert (found.n, found.decided, found.lost, found.gained) == (10, 4, 1, 1)
    assert found.upper == pytest.approx(beta.ppf(0.95, 2, 9))
    assert found.saved == pytest.approx((beta.ppf(0.025, 4, 7), beta.ppf(0.975, 5, 6)))


def test_labels_that_cannot_confirm_anything() -> None:
    """Without a single loss 59 labels show that at most 5% are lost, 58 do not."""
    p, v = [0.001] * 30 + [0.9] * 30, [0] * 30 + [1] * 30
    few = largest_threshold(v[:58], p[:58], v[:58])
    assert (few.found, few.needed) == (None, 59)
    enough = largest_threshold(v[:59], p[:59], v[:59]).found
    assert enough is not None
    assert (enough.threshold, enough.lost) == (THRESHOLDS[-1], 0)
    nothing = largest_threshold([1] * 100, [0.9] * 100, [1] * 100)
    assert nothing.found is None


def test_items_of_a_cluster_count_as_copies_where_nothing_is_lost() -> None:
    y, p, v = [0, 1] * 100, [0.001, 0.9] * 100, [0, 1] * 100
    answers = np.repeat(np.arange(20), 10).tolist()
    alone, told = clear_noes(y, p, v, 0.1), clear_noes(y, p, v, 0.1, clusters=answers)
    assert told.upper > 5 * alone.upper
    assert largest_threshold(y, p, v, clusters=answers).found is None


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_the_share_lost_grows_with_the_threshold(seed: int) -> None:
    y, p, v = made(80, np.random.default_rng(seed))
    bounds = [clear_noes(y, p, v, threshold).upper for threshold in THRESHOLDS]
    assert bounds == sorted(bounds)
    chosen = largest_threshold(y, p, v)
    if chosen.found is not None:
        assert chosen.found.upper <= chosen.most_lost


@pytest.mark.parametrize("knows", [0.9, 0.6, 0.0])
@pytest.mark.parametrize("n", [60, 200])
def test_the_bound_holds_for_the_threshold_that_the_labels_chose(knows: float, n: int) -> None:
    """At most 5% of the draws choose a threshold that truly loses more than 5%."""
    rng = np.random.default_rng(3)
    lost = {threshold: share_lost(threshold, knows) for threshold in THRESHOLDS}
    chosen = [largest_threshold(*made(n, rng, knows)).found for _ in range(DRAWS)]
    assert np.mean([one is not None and lost[one.threshold] > MOST_LOST for one in chosen]) <= MOST
    if knows == 0.9 and n == 200:
        assert np.mean([one is not None for one in chosen]) > 0.9


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"labels": [0.0, 0.5]}, "labels and verdicts of 0 or 1"),
        ({"probabilities": [0.0, 1.5]}, "probabilities in"),
        ({"verdicts": [0.0]}, "found 2 labels, 2 probabilities, 1 verdicts"),
        ({"thresholds": (0.2, 0.1)}, "thresholds that increase"),
        ({"most_lost": 0.0}, "most_lost"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], told: str) -> None:
    given: dict[str, Any] = {"labels": [0.0, 1.0], "probabilities": [0.1, 0.9], "verdicts": [0.0, 1.0], **changes}
    with pytest.raises(ValueError, match=told):
        largest_threshold(**given)
