"""The logistic fit: against scikit-learn where signs do not bind, and what signs and the given weights do to it."""

from __future__ import annotations

import numpy as np
import pytest

from rageval.judges.light.fit import Logistic, fit, sigmoid

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3))
Y = [int(value) for value in RNG.random(300) < sigmoid(X @ np.array([1.5, -1.0, 0.5]) + 0.3)]


@pytest.mark.parametrize("strength", [0.01, 0.1, 1.0])
def test_it_is_the_fit_of_scikit_learn(strength: float) -> None:
    from sklearn.linear_model import LogisticRegression

    theirs = LogisticRegression(C=1.0 / (strength * len(Y)), tol=1e-10, max_iter=1000).fit(X, Y)
    ours = fit(X, Y, (1, -1, 1), strength)
    np.testing.assert_allclose(ours.weights, theirs.coef_[0], atol=1e-5)
    assert ours.bias == pytest.approx(float(theirs.intercept_[0]), abs=1e-5)


def test_counts_are_repeated_rows() -> None:
    twice = np.concatenate([X, X[:100]]), [*Y, *Y[:100]]
    counts = np.array([2.0] * 100 + [1.0] * 200)
    np.testing.assert_allclose(
        fit(X, Y, (1, -1, 1), 0.1, counts=counts).weights, fit(*twice, (1, -1, 1), 0.1).weights, atol=1e-7
    )


def test_a_weight_of_the_wrong_sign_is_0() -> None:
    model = fit(X, Y, (-1, -1, 1), 0.01)
    assert model.weights[0] == 0.0
    assert model.weights[1] < 0.0 < model.weights[2]


def test_much_strength_keeps_the_given_weights_and_little_leaves_them() -> None:
    towards = Logistic(np.array([0.1, -0.2, 0.3]), 0.0)
    np.testing.assert_allclose(fit(X, Y, (1, -1, 1), 1e6, towards=towards).weights, towards.weights, atol=1e-5)
    near, free = fit(X, Y, (1, -1, 1), 1e-9, towards=towards), fit(X, Y, (1, -1, 1), 1e-9)
    np.testing.assert_allclose(near.weights, free.weights, atol=1e-5)


def test_separable_labels_have_finite_weights() -> None:
    model = fit(np.array([[0.0], [1.0]]), [0, 1], (1,), 0.1)
    assert np.all(np.isfinite(model.weights))


def test_one_label_is_refused() -> None:
    with pytest.raises(ValueError, match="expected both labels"):
        fit(X, [1] * 300, (1, -1, 1), 0.1)
