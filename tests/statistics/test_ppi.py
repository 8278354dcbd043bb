"""Prediction-powered inference against ppi-python, scipy's Beta draws and plain loops; what it refuses."""

import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rageval.stats import PPIResult, ppi_mean

with warnings.catch_warnings():  # on import it silences all warnings of the process
    from ppi_py import ppi_mean_ci, ppi_mean_pointestimate


def unbounded(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    y = rng.normal(3, 2, n)
    return y, rng.uniform(-1, 2) * y + rng.normal(0, 1, n)


def verdicts(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    y = (rng.random(n) < 0.7).astype(float)
    return y, np.where(rng.random(n) < 0.8, y, 1 - y)


def probabilities(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    y, _ = verdicts(rng, n)
    return y, np.clip(0.3 + 0.4 * y + rng.normal(0, 0.2, n), 0, 1)


def items(kind: Any, seed: int, n: int, others: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels of people, scores of the judge, and scores of others. No constant labels nor scores."""
    rng = np.random.default_rng(seed)
    while True:
        (y, f), (_, u) = kind(rng, n), kind(rng, others)
        if np.ptp(y) > 0 and np.ptp(f) > 0:
            return y, f, u


def ends(result: PPIResult) -> tuple[float, float, float]:
    return result.point, result.low, result.high


def of_ppi_python(
    data: tuple[np.ndarray, np.ndarray, np.ndarray], lam: float | None, level: float
) -> tuple[float, ...]:
    low, high = ppi_mean_ci(*data, alpha=1 - level, lam=lam)
    return float(np.squeeze(ppi_mean_pointestimate(*data, lam=lam))), float(low[0]), float(high[0])


@pytest.mark.parametrize("kind", [unbounded, verdicts, probabilities])
@settings(max_examples=70, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 80), st.integers(1, 400), st.sampled_from([0.8, 0.95]))
def test_equals_ppi_python(kind: Any, seed: int, n: int, others: int, level: float) -> None:
    data = items(kind, seed, n, others)
    tuned, plain = (ppi_mean(*data, method=method, level=level) for method in ("ppi++", "ppi"))
    assert ends(tuned) == pytest.approx(of_ppi_python(data, None, level), rel=1e-9, abs=1e-9)
    assert ends(plain) == pytest.approx(of_ppi_python(data, 1.0, level), rel=1e-9, abs=1e-9)
    y, f, u = data
    assert 0.0 <= tuned.lam == plain.lam <= 1.0
    assert tuned.point == pytest.approx(y.mean() + tuned.lam * (u.mean() - f.mean()), abs=1e-9)
    assert (tuned.n_labelled, tuned.n_unlabelled, tuned.n) == (n, others, n + others)


def labels_alone(y: np.ndarray, level: float) -> tuple[float, float]:
    """Zeros and ones, with three quarters of one more at each bound's own end."""
    ones, zeros, tail = float(y.sum()), float((1 - y).sum()), (1 - level) / 2
    return stats.beta(ones, zeros + 0.75).ppf(tail), stats.beta(ones + 0.75, zeros).isf(tail)


@pytest.mark.parametrize(("method", "lam"), [("ppi++", None), ("ppi", 1.0)])
def test_strata_are_weighted_by_their_share_of_all_items(method: Any, lam: float | None) -> None:
    """Sum of w θ, and of w² half², with θ and half width of every stratum from ppi-python."""
    parts = [items(verdicts, 1, 30, 100), items(probabilities, 2, 20, 400), items(verdicts, 3, 60, 90)]
    strata = tuple([k for k, part in enumerate(parts) for _ in part[i]] for i in (0, 2))
    shares = np.array([130, 420, 150]) / 700
    theirs = np.array([of_ppi_python(part, lam, 0.95) for part in parts])
    half = math.sqrt(np.sum((shares * (theirs[:, 2] - theirs[:, 0])) ** 2))
    data = [np.concatenate([part[i] for part in parts]) for i in range(3)]
    ours = ppi_mean(*data, method=method, strata=strata)
    point = float(shares @ theirs[:, 0])
    assert ends(ours) == pytest.approx((point, point - half, point + half), abs=1e-9)
    assert ours.method == f"stratified {method}"


def test_copies_in_a_cluster_tell_nothing_new() -> None:
    """Clusters of size one, and of size three with equal items: those without clusters, but for t and m / (m - 1)."""
    data = items(verdicts, 4, 40, 100)
    alone = ppi_mean(*data, method="ppi")
    factor = math.sqrt(140 / 139) * stats.t.ppf(0.975, 39) / stats.norm.ppf(0.975)
    for copies in (1, 3):
        documents = (np.repeat(np.arange(40), copies), np.repeat(np.arange(40, 140), copies))
        clustered = ppi_mean(*(np.repeat(x, copies) for x in data), method="ppi", clusters=documents)
        assert clustered.point == pytest.approx(alone.point, abs=1e-12)
        assert clustered.width == pytest.approx(factor * alone.width, rel=1e-9)
    for method in ("auto", "ppi++"):
        alone = ppi_mean(*data, method=method)
        single = ppi_mean(*data, method=method, clusters=(range(40), range(40, 140)))
        assert single.point == pytest.approx(alone.point, abs=1e-12)
        assert alone.width < single.width < 1.06 * alone.width
        assert single.method == f"{alone.method}, clustered"


def test_a_cluster_may_lie_in_several_strata() -> None:
    """Two strata with the same items, of the same documents: as one of them alone."""
    data = items(verdicts, 5, 40, 100)
    documents = (np.tile(np.arange(40), 2), np.tile(np.arange(40, 140), 2))
    strata = (np.repeat([0, 1], 40).tolist(), np.repeat([0, 1], 100).tolist())
    both = ppi_mean(*(np.tile(x, 2) for x in data), method="ppi", clusters=documents, strata=strata)
    one = ppi_mean(*data, method="ppi", clusters=(range(40), range(40, 140)))
    assert ends(both) == pytest.approx(ends(one), abs=1e-12)


def same_tails(result: PPIResult, lower: np.ndarray, upper: np.ndarray, wider: float) -> None:
    """The ends cut tails of Φ(-z (1 + wider / n)) off the draws; four standard errors of the result's 4,000 draws."""
    z = stats.norm.ppf((1 + result.level) / 2) * (1 + wider / result.n_labelled)
    tail = stats.norm.cdf(-z)
    error = 4 * math.sqrt(tail * (1 - tail) * (1 / 4000 + 1 / lower.size))
    assert np.mean(lower <= result.low) == pytest.approx(tail, abs=error)
    assert np.mean(upper >= result.high) == pytest.approx(tail, abs=error)


DRAWS = 100_000


@pytest.mark.parametrize("level", [0.8, 0.95])
@pytest.mark.parametrize(
    ("hits", "misses", "others"),
    [((38, 2), (3, 17), (700, 300)), ((10, 0), (1, 4), (150, 50)), ((90, 5), (5, 0), (1800, 200))],
    ids=["60 labels", "15 labels", "a cell without a no"],
)
def test_beta_chain_equals_scipys_beta_draws(
    hits: tuple[int, int], misses: tuple[int, int], others: tuple[int, int], level: float
) -> None:
    """q PPV + (1 - q) FOR; `hits` are the people's yes and no where the judge says yes, `misses` where it says no.

    The quantile z is widened by 1 / n, or 0.4 / n where that would be wider than the interval of the labels.
    """
    y = np.repeat([1.0, 0.0, 1.0, 0.0], [*hits, *misses])
    f = np.repeat([1.0, 1.0, 0.0, 0.0], [*hits, *misses])
    u = np.repeat([1.0, 0.0], others)
    result = ppi_mean(y, f, u, level=level)
    yes, no = sum(hits) + others[0], sum(misses) + others[1]
    rng = np.random.default_rng(6)
    q = stats.beta.rvs(yes + 0.5, no + 0.5, size=DRAWS, random_state=rng)
    ppv = stats.beta.rvs(hits[0] + 0.4, hits[1] + 0.4, size=DRAWS, random_state=rng)
    missed = stats.beta.rvs(misses[0] + 0.4, misses[1] + 0.4, size=DRAWS, random_state=rng)
    drawn = q * ppv + (1 - q) * missed
    n = len(y)
    alone = labels_alone(y, level)
    tail = stats.norm.cdf(stats.norm.ppf((1 - level) / 2) * (1 + 1 / n))
    widened = np.quantile(drawn, 1 - tail) - np.quantile(drawn, tail)
    assert result.method == "beta chain"
    same_tails(result, drawn, drawn, 1.0 if widened < alone[1] - alone[0] else 0.4)
    q_hat = yes / (yes + no)
    assert result.point == pytest.approx(q_hat * hits[0] / sum(hits) + (1 - q_hat) * misses[0] / sum(misses))


def test_a_probability_and_its_cut_at_one_half_say_the_same_of_binary_labels() -> None:
    y, f, u = items(probabilities, 7, 60, 500)
    soft, hard = ppi_mean(y, f, u), ppi_mean(y, (f >= 0.5).astype(float), (u >= 0.5).astype(float))
    assert ends(soft) == ends(hard)
    assert soft.judge_only != hard.judge_only


def test_chain_of_labels_in_between_equals_dirichlet_draws() -> None:
    """Labels in quarters, a judge of yes and no: every cell a Dirichlet over its labels and 0.2 of one at an end."""
    rng = np.random.default_rng(8)
    f, u = (rng.random(80) < 0.6).astype(float), (rng.random(900) < 0.6).astype(float)
    y = np.where(f == 1, rng.choice([0.5, 0.75, 1.0], 80), rng.choice([0.0, 0.25, 0.5], 80))
    result = ppi_mean(y, f, u)
    yes = float(f.sum() + u.sum())
    q = rng.beta(yes + 0.5, 980 - yes + 0.5, DRAWS)
    lower, upper = (
        sum(
            share * (rng.dirichlet([*np.ones(int(np.sum(f == side))), 0.2], DRAWS) @ np.append(y[f == side], end))
            for share, side in ((q, 1), (1 - q, 0))
        )
        for end in (0.0, 1.0)
    )
    assert result.method == "dirichlet chain"
    same_tails(result, np.asarray(lower), np.asarray(upper), 1.0)


def test_bootstrap_equals_a_plain_loop() -> None:
    y, f, u = items(unbounded, 9, 40, 150)
    result = ppi_mean(y, f, u, method="bootstrap")
    assert result.point == ppi_mean(y, f, u, method="ppi++").point
    rng = np.random.default_rng(10)
    replicates = []
    for _ in range(10_000):
        mine, others = rng.integers(0, 40, 40), rng.integers(0, 150, 150)
        replicates.append(np.mean(y[mine] - result.lam * f[mine]) + result.lam * np.mean(u[others]))
    error = 4 * math.sqrt(0.025 * 0.975 * (1 / 2000 + 1 / 10_000))
    assert np.mean(np.array(replicates) <= result.low) == pytest.approx(0.025, abs=error)
    assert np.mean(np.array(replicates) >= result.high) == pytest.approx(0.025, abs=error)


YES, NO = [1.0] * 20, [0.0] * 20
MIXED, JUDGE, OTHERS = [0.0, 1.0, 1.0, 1.0] * 5, [0.0, 1.0, 1.0, 0.0] * 5, [0.0, 1.0] * 100


@pytest.mark.parametrize(
    ("labels", "judged", "unlabelled", "why"),
    [
        (YES, JUDGE, OTHERS, "all labels are equal"),
        ([0.5] * 20, JUDGE, OTHERS, "all labels are equal"),
        (MIXED[:9], JUDGE[:9], OTHERS, "fewer than 10 labels"),
        (MIXED, YES, YES, "the judge's scores are all equal"),
        ([0.2, 0.9, 0.4, 0.7] * 4, JUDGE[:16], OTHERS, "the judge does not narrow the interval"),
    ],
)
def test_auto_says_when_only_the_labels_tell(labels: Any, judged: Any, unlabelled: Any, why: str) -> None:
    result = ppi_mean(labels, judged, unlabelled)
    assert result.method == f"labels only ({why})"
    only = result.labels_only
    assert ends(result) == (only.point, only.low, only.high)
    assert only.width > 0
    assert result.effective_n == result.n_labelled


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": YES, "method": "ppi"}, "labels all equal"),
        ({"labels": YES, "method": "ppi++"}, "labels all equal"),
        ({"labels": NO, "method": "bootstrap"}, "labels all equal"),
        ({"labels": MIXED[1:]}, "19 labels and 20 judged"),
        ({"labels": [*MIXED[1:], math.nan]}, "labels: found values that are not finite"),
        ({"judged": [*JUDGE[1:], math.inf]}, "judged: found values that are not finite"),
        ({"unlabelled": []}, "unlabelled: found an array of shape"),
        ({"labels": [*MIXED[1:], 1.5]}, "expected them in"),
        ({"labels": [*MIXED[1:], -0.5], "method": "chain"}, "expected them in"),
        ({"level": 1.0}, "level"),
        ({"method": "magic"}, "magic"),
        ({"strata": ([1] * 19, [1] * 200)}, "strata of 19 labelled and 200"),
        ({"strata": ([1] * 20, [1, 2] * 100)}, "no label in stratum 2"),
        (
            {"clusters": (range(19), range(201))},
            "clusters of 19 labelled and 201 unlabelled items, expected 20 and 200",
        ),
        ({"clusters": ([1] * 20, range(200))}, "found 1 cluster"),
        ({"clusters": (range(20), range(200)), "method": "bootstrap"}, "found clusters"),
    ],
)
def test_refuses(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ppi_mean(**{"labels": MIXED, "judged": JUDGE, "unlabelled": OTHERS, **arguments})


def test_a_judge_beyond_the_range_and_labels_beyond_it_are_fine_where_no_range_is_assumed() -> None:
    y, f, u = items(unbounded, 11, 50, 100)
    assert ppi_mean(y, f, u, method="ppi++").labels_only.method == "t"
    by_stratum = ppi_mean(y, f, u, method="ppi++", strata=([0, 1] * 25, [0, 1] * 50))
    assert by_stratum.labels_only.method == "stratified normal"
    assert ppi_mean((y > 3).astype(float), f, u).method == "beta chain"


def test_seed_decides_and_order_does_not() -> None:
    y, f, u = items(probabilities, 12, 60, 500)
    graded = np.clip((y + f) / 2, 0, 1)
    rng = np.random.default_rng(13)
    order, others = rng.permutation(60), rng.permutation(500)
    for labels in (y, graded):
        first, again = (ppi_mean(labels, f, u, rng=np.random.default_rng(1)) for _ in range(2))
        assert first == again
        assert ends(ppi_mean(labels, f, u, rng=np.random.default_rng(2))) != ends(first)
        shuffled = ppi_mean(labels[order], f[order], u[others], rng=np.random.default_rng(2))
        assert ends(shuffled) == pytest.approx(ends(first), abs=0.05 * first.width)


def test_what_stands_beside_the_interval() -> None:
    """Labels only: beta quantiles. Judge only: a t interval of all scores. Effective n: the squared ratio of widths."""
    y, f, u = items(probabilities, 14, 60, 1000)
    result = ppi_mean(y, f, u)
    low, high = labels_alone(y, 0.95)
    assert (result.labels_only.low, result.labels_only.high) == pytest.approx((low, high), abs=1e-9)
    scores = np.concatenate([f, u])
    student = stats.t.interval(0.95, 1059, scores.mean(), stats.sem(scores))
    assert (result.judge_only.low, result.judge_only.high) == pytest.approx(student, abs=1e-9)
    assert result.effective_n == pytest.approx(60 * ((high - low) / result.width) ** 2)
    assert result.effective_n > 90
    perfect = ppi_mean(y, y, (u > 0.5).astype(float))
    assert perfect.lam == pytest.approx(1 / (1 + 60 / 1000), abs=0.1)


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_auto_holds_its_point_within_zero_and_one(data: st.DataObject) -> None:
    n, others = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 30))
    kinds = st.sampled_from([st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.floats(0, 1)])
    label, score = data.draw(kinds), data.draw(kinds)
    y, f = (data.draw(st.lists(kind, min_size=n, max_size=n)) for kind in (label, score))
    u = data.draw(st.lists(score, min_size=others, max_size=others))
    result = ppi_mean(y, f, u)
    assert 0.0 <= result.low <= result.point <= result.high <= 1.0
    assert 0.0 <= result.lam <= 1.0
    assert result.width > 0.0
    if result.method == "dirichlet chain" and n < 20:
        assert result.width <= 0.95 * result.labels_only.width
