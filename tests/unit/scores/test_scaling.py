from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import partial
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from rageval.errors import MissingExtraError
from rageval.scores.scaling import FOLDS, Isotonic, Method, Platt, Scaling, cross_validated, deal, fit, too_few

METHODS: tuple[Method, ...] = get_args(Method)
GRID = np.linspace(0.0, 1.0, 101).tolist()

probabilities = st.floats(0.0, 1.0)
scalings = st.one_of(
    st.builds(Platt, slope=st.floats(0.0, 50.0), intercept=st.floats(-20.0, 20.0)),
    st.lists(st.tuples(probabilities, probabilities), min_size=1, max_size=6).map(
        lambda pairs: Isotonic(tuple(sorted(x for x, _ in pairs)), tuple(sorted(y for _, y in pairs)))
    ),
)


def judged(n: int = 200, seed: int = 0) -> tuple[list[int], list[float]]:
    """Labels, and the probabilities of an overconfident judge, some of them 0 and 1."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.3).astype(int)
    sure = np.clip(0.4 + 0.45 * labels + rng.normal(0, 0.35, n), 0.0, 1.0)
    return labels.tolist(), sure.tolist()


def test_platt_is_scikit_learns_logistic_regression_on_logits() -> None:
    labels, said = judged()
    theirs = LogisticRegression(C=1e9, tol=1e-9).fit(logit(np.clip(said, 1e-6, 1 - 1e-6))[:, None], labels)
    expected = theirs.predict_proba(logit(np.clip(GRID, 1e-6, 1 - 1e-6))[:, None])[:, 1]
    scaling = fit("platt", labels, said)
    assert [scaling.apply(p) for p in GRID] == pytest.approx(expected, abs=1e-6)
    # a maximum of likelihood with a constant keeps the share of 1
    assert np.mean([scaling.apply(p) for p in said]) == pytest.approx(np.mean(labels), abs=1e-6)


def test_isotonic_is_scikit_learns() -> None:
    labels, said = judged()
    theirs = IsotonicRegression(out_of_bounds="clip").fit(said, labels)
    scaling = fit("isotonic", labels, said)
    assert [scaling.apply(p) for p in GRID] == pytest.approx(theirs.predict(GRID))
    assert [scaling.apply(p) for p in said] == pytest.approx(theirs.predict(said))


@pytest.mark.parametrize("method", METHODS)
def test_an_order_worse_than_chance_is_flattened_not_turned_round(method: Method) -> None:
    labels = [1] * 10 + [0] * 30
    said = [0.2] * 10 + [0.6] * 15 + [0.9] * 15
    scaling = fit(method, labels, said)
    assert [scaling.apply(p) for p in GRID] == pytest.approx([0.25] * len(GRID))


@pytest.mark.parametrize("method", METHODS)
def test_labels_that_a_threshold_separates(method: Method) -> None:
    scaling = fit(method, [0] * 12 + [1] * 12, [0.0, 0.4] * 6 + [0.6, 1.0] * 6)
    assert 0.0 <= scaling.apply(0.4) < 0.01
    assert 0.99 < scaling.apply(0.6) <= 1.0


@pytest.mark.parametrize("method", METHODS)
def test_one_probability_for_all_becomes_the_share_of_yes(method: Method) -> None:
    assert fit(method, [1, 0, 0, 0] * 5, [1.0] * 20).apply(1.0) == pytest.approx(0.25, abs=1e-4)


def test_points_that_lie_too_near_for_a_slope() -> None:
    scaling = Isotonic((0.0, 2e-311, 1.0), (0.0, 0.5, 1.0))
    assert [scaling.apply(p) for p in (0.0, 1e-311, 2e-311, 0.5, 1.0)] == pytest.approx([0.0, 0.25, 0.5, 0.75, 1.0])


@given(scalings, st.lists(probabilities, min_size=1, max_size=6))
def test_to_scale_the_parts_and_take_the_least_is_to_scale_the_least(scaling: Scaling, parts: list[float]) -> None:
    assert min(map(scaling.apply, parts)) == scaling.apply(min(parts))
    assert 0.0 <= scaling.apply(parts[0]) <= 1.0


@given(st.lists(st.sampled_from([0, 1]), min_size=1, max_size=80), st.integers(0, 5))
def test_folds_share_out_each_label_and_all(labels: list[int], seed: int) -> None:
    folds = deal(labels, seed)
    for wanted in ({0}, {1}, {0, 1}):
        counts = np.bincount([f for f, y in zip(folds, labels, strict=True) if y in wanted], minlength=FOLDS)
        assert counts.max() - counts.min() <= 1
    assert deal(labels, seed) == folds


def test_folds_depend_on_the_seed_and_not_on_the_order_in_the_file() -> None:
    labels = [1] * 30 + [0] * 30
    assert deal(labels, 0) != deal(labels, 1)
    assert deal(labels, 0)[:10] != [0, 1, 2, 3, 4] * 2


@settings(deadline=None)
@given(st.integers(0, 50))
def test_no_item_is_scaled_by_a_fit_that_saw_it(seed: int) -> None:
    labels = [i % 3 == 0 for i in range(40)]
    said = [i / 100 for i in range(40)]  # each tells which item it is
    seen: list[set[float]] = []

    class Spy:
        """A scaling that fails where it is asked about what it was made from."""

        def __init__(self, own: set[float]) -> None:
            self.own = own

        def apply(self, probability: float) -> float:
            assert probability not in self.own
            return probability + 0.5

    def spy(labels: Sequence[int], probabilities: Sequence[float]) -> Any:
        assert sum(labels) in {11, 12}  # 14 yes, dealt to five folds
        seen.append(set(probabilities))
        return Spy(set(probabilities))

    assert cross_validated(labels, said, seed, spy) == pytest.approx([p + 0.5 for p in said])
    assert [len(own) for own in seen] == [32] * 5


def test_cross_validation_makes_an_overconfident_judge_honest() -> None:
    labels, said = judged(400)
    for method in METHODS:
        scaled = cross_validated(labels, said, 0, partial(fit, method))
        assert np.mean((np.array(scaled) - labels) ** 2) < np.mean((np.array(said) - labels) ** 2)


@pytest.mark.parametrize(
    ("yes", "no", "enough"), [(10, 10, True), (9, 100, False), (100, 9, False), (0, 30, False), (300, 10, True)]
)
def test_ten_of_each_label_are_wanted(yes: int, no: int, enough: bool) -> None:
    told = too_few([1] * yes + [0] * no)
    assert told == (
        None if enough else f"found {yes} items labelled 1 and {no} labelled 0, expected at least 10 of each"
    )


@pytest.mark.parametrize("method", METHODS)
def test_without_scikit_learn_the_extra_is_named(method: Method, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=rf"scaling {method} needs .* pip install .*\[calibrate\]'"):
        fit(method, [0, 1], [0.1, 0.9])
