"""Adjusted p-values against statsmodels and worked arithmetic."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from rageval.stats.multiplicity import benjamini_hochberg, holm

ADJUSTMENTS: dict[str, Callable[..., np.ndarray]] = {"holm": holm, "fdr_bh": benjamini_hochberg}
P_VALUES = st.lists(st.floats(0, 1) | st.sampled_from([0.0, 0.01, 0.02, 0.5, 1.0]), min_size=1, max_size=40)


def test_worked_example() -> None:
    """Sorted .01 .02 .03 .04. Holm: 4 x .01, 3 x .02, 2 x .03, then no less than .06. BH: 4/4 x .04 is the least."""
    p = [0.03, 0.01, 0.04, 0.02]
    assert holm(p) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert benjamini_hochberg(p) == pytest.approx([0.04, 0.04, 0.04, 0.04])
    assert benjamini_hochberg([0.001, 0.5, 0.02]) == pytest.approx([0.003, 0.5, 0.03])


@pytest.mark.parametrize("method", ADJUSTMENTS)
@settings(max_examples=25, deadline=None)
@given(p=P_VALUES)
def test_equals_statsmodels_and_keeps_order(method: str, p: list[float]) -> None:
    ours = ADJUSTMENTS[method](p)
    assert ours == pytest.approx(multipletests(p, method=method)[1], rel=1e-12, abs=1e-300)
    assert np.all(ours <= 1.0)
    assert np.all(np.diff(ours[np.argsort(p, kind="stable")]) >= 0)


@pytest.mark.parametrize("adjust", ADJUSTMENTS.values())
def test_edges(adjust: Callable[..., np.ndarray]) -> None:
    assert adjust([]).shape == (0,)
    assert adjust([0.3]).tolist() == [0.3]
    for wrong in ([-0.1], [1.1], [0.5, math.nan], [math.inf], [[0.1, 0.2]], 0.5):
        with pytest.raises(ValueError, match="expected p-values"):
            adjust(wrong)
