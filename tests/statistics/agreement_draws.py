"""How often the intervals of kappa, alpha, AUC and balanced accuracy cover, now and before.

    python -m tests.statistics.agreement_draws [REPETITIONS]     # writes docs/statistics_agreement.md

1,000 repetitions take about an hour on one core. Every setting has its own seed. One that comes out below 0.94 is drawn
again, four times as often and from another seed, and the second result stands. Intervals are of 1,000 draws, a quarter
of what the functions take by default. Samples in which a measure is not defined (all ratings the same, one class alone)
are counted as refused and are no part of the coverage.
"""

from __future__ import annotations

import multiprocessing
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from scipy import optimize, stats

from rageval.stats import calibration, cohen_kappa, krippendorff_alpha
from rageval.stats.calibration import auc_interval
from tests.statistics.agreement_before import Coefficient, bca_over_items, delong_newcombe, mover_wilson

DRAWS = 1000
AGAIN = 0.94
SHOWN = 8
MOST_REFUSED = 0.98
SIZES = (20, 50, 100, 300)
WEIGHTS = ("nominal", "linear", "quadratic")
Ends = tuple[float, float]
Scores = Callable[[np.random.Generator, int], np.ndarray]


@dataclass(frozen=True)
class Setting:
    kind: str
    name: str
    n: int
    truth: float
    measure: Callable[[np.random.Generator, bool], Ends | None]
    """Draws a sample and gives its interval, now or before; None where the measure is not defined."""


@dataclass(frozen=True)
class Row:
    kind: str
    name: str
    n: int
    truth: float
    covered: float
    width: float
    refused: float
    before: float
    width_before: float


def differences(grades: int, weights: str) -> np.ndarray:
    step = np.abs(np.subtract.outer(np.arange(grades), np.arange(grades))) / (grades - 1)
    return {"nominal": (step > 0).astype(float), "linear": step, "quadratic": step**2}[weights]


def kappa_settings() -> Iterator[Setting]:
    for n in SIZES:
        special = {100: (0.915,), 300: (0.991,)}.get(n, ())
        for q in (0.5, 0.7, 0.9, 0.95, 0.99, *special):
            shares = np.array([q, 1 - q])
            for kappa in (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95):
                yield _kappa(f"chance, common {q:g}", n, _by_chance(shares, kappa), "nominal")
            for tpr, fpr in ((0.95, 0.05), (0.6, 0.4), (0.98, 0.3), (0.5, 0.0), (0.99, 0.01)):
                other = np.array([[1 - fpr, fpr], [1 - tpr, tpr]])
                yield _kappa(f"TPR {tpr:g}, FPR {fpr:g}, common {q:g}", n, shares[:, None] * other, "nominal")
        for weights in WEIGHTS:
            for q in (0.5, 0.8, 0.95, 0.99):
                for kappa in (0.0, 0.5, 0.8, 0.95):
                    joint = _by_chance(np.array([q, (1 - q) / 2, (1 - q) / 2]), kappa)
                    yield _kappa(f"three grades, chance, common {q:g}", n, joint, weights)
            for q in (0.5, 0.9):
                shares = np.array([(1 - q) / 2, q, (1 - q) / 2])
                for error in (0.1, 0.3):
                    near = [[1 - error, error, 0], [error / 2, 1 - error, error / 2], [0, error, 1 - error]]
                    far = [[1 - error, 0, error], [0, 1, 0], [error, 0, 1 - error]]
                    for name, other in (("near", near), ("far", far)):
                        joint = shares[:, None] * np.array(other)
                        yield _kappa(f"three grades, {name} errors {error:g}, common {q:g}", n, joint, weights)


def _by_chance(shares: np.ndarray, kappa: float) -> np.ndarray:
    return (1 - kappa) * np.outer(shares, shares) + kappa * np.diag(shares)


def _kappa(name: str, n: int, joint: np.ndarray, weights: str) -> Setting:
    grades = joint.shape[0]
    difference = differences(grades, weights)
    first, second = np.indices(joint.shape).reshape(2, -1)

    def disagreement(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        table = counts.reshape(-1, grades, grades) / counts.sum(axis=1)[:, None, None]
        chance = table.sum(axis=2)[:, :, None] * table.sum(axis=1)[:, None, :]
        return (table * difference).sum(axis=(1, 2)), (chance * difference).sum(axis=(1, 2))

    seen, chance = disagreement(joint.reshape(1, -1))

    def measure(rng: np.random.Generator, before: bool) -> Ends | None:
        counts = rng.multinomial(n, joint.ravel())
        a, b = np.repeat(first, counts), np.repeat(second, counts)
        if np.unique(np.concatenate([a, b])).size == 1:
            return None
        if before:
            return bca_over_items(disagreement, counts, rng)
        ours = cohen_kappa(a, b, weights=None if weights == "nominal" else weights, rng=rng, draws=DRAWS)  # pyright: ignore[reportArgumentType]
        return ours.interval.low, ours.interval.high

    return Setting(f"kappa, {weights}", name, n, float(1 - seen[0] / chance[0]), measure)


def alpha_settings() -> Iterator[Setting]:
    for n in SIZES:
        for raters in (2, 3):
            for grades in (2, 3):
                for q in (0.5, 0.8, 0.95, 0.99):
                    for alpha in (0.0, 0.5, 0.8, 0.95):
                        yield _alpha(n, raters, np.array([q, *[(1 - q) / (grades - 1)] * (grades - 1)]), alpha)


def _alpha(n: int, raters: int, shares: np.ndarray, alpha: float) -> Setting:
    """Each rater says the item's own grade with the chance sqrt(alpha), and else any, as common as it is."""
    grades = shares.size
    scale = "nominal" if grades == 2 else "interval"
    difference = differences(grades, "quadratic")

    def measure(rng: np.random.Generator, before: bool) -> Ends | None:
        said = np.where(
            rng.random((raters, n)) < alpha**0.5,
            rng.choice(grades, n, p=shares),
            rng.choice(grades, (raters, n), p=shares),
        ).astype(float)
        if raters > 2:
            said[rng.random(said.shape) < 0.2] = np.nan
        rated = said[:, np.count_nonzero(~np.isnan(said), axis=0) > 1]
        if np.unique(rated[~np.isnan(rated)]).size < 2:
            return None
        if before:
            tallies = np.stack([(rated == grade).sum(axis=0) for grade in range(grades)], axis=1)
            return bca_over_items(*_alpha_disagreement(tallies, difference), rng)
        ours = krippendorff_alpha(said, scale=scale, rng=rng, draws=DRAWS).interval
        return ours.low, ours.high

    name = f"{raters} raters, {grades} grades, common {shares[0]:g}"
    return Setting(f"alpha, {scale}", name, n, alpha, measure)


def _alpha_disagreement(tallies: np.ndarray, difference: np.ndarray) -> tuple[Coefficient, np.ndarray]:
    patterns, counts = np.unique(tallies, axis=0, return_counts=True)
    within = np.einsum("pi,ij,pj->p", patterns, difference, patterns) / (patterns.sum(axis=1) - 1)

    def disagreement(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        totals = rows @ patterns
        size = totals.sum(axis=1)
        return rows @ within / size, np.einsum("ri,ij,rj->r", totals, difference, totals) / (size * (size - 1))

    return disagreement, counts


def auc_settings() -> Iterator[Setting]:
    for n in (20, 100):
        for share in (0.05, 0.1, 0.25, 0.5) if n == 20 else (0.05, 0.5):
            for auc in (0.5, 0.7, 0.9, 0.95, 0.99) if n == 20 else (0.5, 0.7, 0.95):
                for name, (yes, no) in _scores(auc).items():
                    yield _auc(f"{name}, yes {share:g}", n, share, auc, yes, no)


def _scores(auc: float) -> dict[str, tuple[Scores, Scores]]:
    """How scores of yes and of no are drawn, so that the AUC is known."""
    z, ratio = float(stats.norm.ppf(auc)), auc / (1 - auc)
    cuts = np.array([-1.0, 0.0, 1.0, 2.0])

    def coarse_auc(shift: float) -> float:
        yes, no = (np.diff([0, *stats.norm.cdf(cuts - mean), 1]) for mean in (shift, 0))
        return float(yes @ (np.cumsum(no) - no / 2))

    drawn: dict[str, tuple[Scores, Scores]] = {
        "normal": (lambda r, k: r.normal(2**0.5 * z, 1, k), lambda r, k: r.normal(0, 1, k)),
        "normal, yes five times as spread": (lambda r, k: r.normal(26**0.5 * z, 5, k), lambda r, k: r.normal(0, 1, k)),
        "exponential": (lambda r, k: r.exponential(ratio, k), lambda r, k: r.exponential(1, k)),
        "exponential, turned": (lambda r, k: -r.exponential(1, k), lambda r, k: -r.exponential(ratio, k)),
        "0 or 1": (lambda r, k: r.binomial(1, 2 * auc - 1, k), lambda r, k: np.zeros(k)),
        "a part of yes far below": (
            lambda r, k: np.where(r.random(k) < auc, 5, -5) + r.normal(0, 1, k),
            lambda r, k: r.normal(0, 0.1, k),
        ),
    }
    if coarse_auc(9.0) > auc:
        shift = float(optimize.brentq(lambda m: coarse_auc(m) - auc, -1.0, 9.0))  # pyright: ignore[reportArgumentType]
        drawn["five levels"] = (
            lambda r, k: np.digitize(r.normal(shift, 1, k), cuts),
            lambda r, k: np.digitize(r.normal(0, 1, k), cuts),
        )
    return drawn


def _auc(name: str, n: int, share: float, auc: float, draw_yes: Scores, draw_no: Scores) -> Setting:
    def measure(rng: np.random.Generator, before: bool) -> Ends | None:
        k = int(rng.binomial(n, share))
        if k in (0, n):
            return None
        yes, no = draw_yes(rng, k), draw_no(rng, n - k)
        if before:
            return delong_newcombe(yes, no)
        ours = auc_interval(yes, no, rng=rng, draws=DRAWS)
        return ours.low, ours.high

    return Setting("AUC", name, n, auc, measure)


def balanced_settings() -> Iterator[Setting]:
    for n, share in ((20, 0.05), (20, 0.1), (20, 0.25), (20, 0.5), (100, 0.05)):
        yes = round(n * share)
        for right in (0.5, 0.9, 0.995):
            for other in (0.5, 0.9, 0.995):
                yield _balanced(n, yes, right, other)


def _balanced(n: int, yes: int, right: float, other: float) -> Setting:
    labels = np.repeat([1, 0], [yes, n - yes])

    def measure(rng: np.random.Generator, before: bool) -> Ends | None:
        a, b = int(rng.binomial(yes, right)), int(rng.binomial(n - yes, other))
        if before:
            return mover_wilson((a, yes), (b, n - yes))
        verdicts = np.concatenate([np.arange(yes) < a, np.arange(n - yes) >= b])
        ours = calibration(labels, verdicts.astype(float), rng=rng).balanced_accuracy
        assert ours is not None
        return ours.low, ours.high

    return Setting(
        "balanced accuracy", f"{yes} yes right {right:g}, no right {other:g}", n, (right + other) / 2, measure
    )


@cache
def settings() -> tuple[Setting, ...]:
    return (*kappa_settings(), *alpha_settings(), *auc_settings(), *balanced_settings())


def simulate(s: Setting, repetitions: int, before: bool = False, again: bool = False) -> tuple[float, float, float]:
    """Coverage and mean width where the measure is defined, and the share where it is not."""
    rng = np.random.default_rng([zlib.crc32(f"{s.kind} {s.name} {s.n} {s.truth:.4f}".encode()), again])
    ends = [found for _ in range(repetitions) if (found := s.measure(rng, before)) is not None]
    if not ends:
        return np.nan, np.nan, 1.0
    low, high = np.array(ends).T
    covered = np.mean((low <= s.truth + 1e-9) & (s.truth <= high + 1e-9))
    return float(covered), float(np.mean(high - low)), 1 - len(ends) / repetitions


def row(index: int, repetitions: int) -> Row:
    """The row of one setting; what was before with a quarter of the repetitions."""
    s = settings()[index]
    covered, width, refused = simulate(s, repetitions)
    if covered < AGAIN:
        covered, width, refused = simulate(s, 4 * repetitions, again=True)
    before, width_before, _ = simulate(s, repetitions // 4, before=True)
    return Row(s.kind, s.name, s.n, s.truth, covered, width, refused, before, width_before)


def report(rows: list[Row], repetitions: int) -> str:
    lines = [
        "# Agreement and calibration: coverage of nominal 95% intervals",
        "",
        f"Written by `python -m tests.statistics.agreement_draws {repetitions}`: {len(rows)} settings, {repetitions}",
        f"repetitions each ({4 * repetitions} where the first came out below {AGAIN:g}), {repetitions // 4} of the",
        "intervals before. Kappa and alpha before: BCa over items; AUC before: the wider of DeLong's and Newcombe's;",
        "balanced accuracy before: Wilson's intervals, by MOVER. Samples in which a measure is not defined (all",
        "ratings the same; one class alone) are refused and left out, and so are settings that refuse almost always.",
        "",
        "| measure | settings | least | mean | below 0.93 | width | before: least | mean | below 0.93 | width |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    kinds = list(dict.fromkeys(one.kind for one in rows))
    for kind in kinds:
        mine = [one for one in rows if one.kind == kind]
        cells: list[str] = [kind, str(len(mine))]
        for covered, width in (("covered", "width"), ("before", "width_before")):
            found = np.array([getattr(one, covered) for one in mine])
            cells += [f"{np.min(found):.3f}", f"{np.mean(found):.3f}", str(int(np.sum(found < 0.93)))]
            cells.append(f"{np.mean([getattr(one, width) for one in mine]):.3f}")
        lines.append(f"| {' | '.join(cells)} |")
    for kind in kinds:
        lines += ["", f"## {kind}: the lowest now, and the lowest before", ""]
        lines += [
            "| setting | n | truth | refused | covered | width | before | width |",
            "|---|---|---|---|---|---|---|---|",
        ]
        mine = [one for one in rows if one.kind == kind]
        worst = sorted(mine, key=lambda one: one.covered)[:SHOWN]
        worst += [one for one in sorted(mine, key=lambda one: one.before)[:SHOWN] if one not in worst]
        lines += [
            f"| {one.name} | {one.n} | {round(one.truth, 3) + 0.0:.3f} | {one.refused:.2f} | {one.covered:.3f} "
            f"| {one.width:.3f} | {one.before:.3f} | {one.width_before:.3f} |"
            for one in worst
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with multiprocessing.Pool() as pool:
        rows = pool.starmap(row, [(index, repetitions) for index in range(len(settings()))], chunksize=1)
    path = Path(__file__).parents[2] / "docs" / "statistics_agreement.md"
    path.write_text(report([one for one in rows if one.refused < MOST_REFUSED], repetitions), encoding="utf-8")


if __name__ == "__main__":
    main()
