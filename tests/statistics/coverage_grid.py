"""The grid on which intervals must cover: how data are drawn, what is recorded, and the table in docs/statistics.md.

    python -m tests.statistics.coverage_grid [REPETITIONS]     # writes docs/statistics_coverage.md

4,000 repetitions take about half an hour on two cores.

Every setting has its own seed, so that one can be repeated alone.
"""

from __future__ import annotations

import multiprocessing
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rageval.stats import ppi_mean

Items = tuple[np.ndarray, np.ndarray, np.ndarray | None]  # labels, judge's scores, clusters
Draw = Callable[[np.random.Generator, int], Items]

METHODS = ("auto", "ppi", "ppi++")


@dataclass(frozen=True)
class Setting:
    """n labelled and N unlabelled items, drawn alike; `good` where the judge is good enough to promise 0.85."""

    kind: str
    rate: float
    tpr: float
    fpr: float
    n: int
    others: int

    @property
    def name(self) -> str:
        return f"{self.kind}, {self.rate:g}, {self.tpr:g}, {self.fpr:g}, {self.n}, {self.others}"

    @property
    def good(self) -> bool:
        has_rates = self.kind != "continuous"  # whose judge has noise instead of a TPR
        return has_rates and self.tpr >= 0.9 and self.fpr <= 0.2 and self.rate <= 0.9 and self.n >= 15


def coins(rng: np.random.Generator, p: np.ndarray | float, shape: tuple[int, ...]) -> np.ndarray:
    return (rng.random(shape) < p).astype(float)


def binary(s: Setting) -> Draw:
    """Label and verdict 0 or 1."""

    def draw(rng: np.random.Generator, size: int) -> Items:
        y = coins(rng, s.rate, (size,))
        return y, coins(rng, np.where(y == 1, s.tpr, s.fpr), (size,)), None

    return draw


def soft(s: Setting) -> Draw:
    """Label 0 or 1; the judge gives a probability, whose cut at one half has about that TPR and FPR."""
    z = {0.6: 0.2533, 0.8: 0.8416, 0.9: 1.2816, 0.95: 1.6449, 0.98: 2.0537}
    shift = z[s.tpr], -z[round(1 - s.fpr, 2)]

    def draw(rng: np.random.Generator, size: int) -> Items:
        y = coins(rng, s.rate, (size,))
        x = rng.standard_normal(size) + np.where(y == 1, *shift)
        return y, 1 / (1 + np.exp(-1.7 * x)), None

    return draw


def claims(s: Setting) -> Draw:
    """Label and score are the shares of four claims supported, truly and as the judge sees it; answers differ in how
    good they are, so that many are all true: a skewed score.
    """

    def draw(rng: np.random.Generator, size: int) -> Items:
        theta = rng.beta(1.5 * s.rate, 1.5 * (1 - s.rate), (size, 1))
        truth = coins(rng, theta, (size, 4))
        seen = coins(rng, np.where(truth == 1, s.tpr, s.fpr), (size, 4))
        return truth.mean(axis=1), seen.mean(axis=1), None

    return draw


def continuous(s: Setting) -> Draw:
    """A symmetric label around the rate, and a judge that sees it through noise: much where TPR - FPR is small."""
    spread = min(s.rate, 1 - s.rate) * 0.9
    noise = spread * (1.02 - (s.tpr - s.fpr)) * 2

    def draw(rng: np.random.Generator, size: int) -> Items:
        y = s.rate + spread * (2 * rng.beta(2, 2, size) - 1)
        return y, np.clip(y + noise * rng.standard_normal(size), 0, 1), None

    return draw


def clustered(s: Setting, per_cluster: int = 4, within: float = 0.4) -> Draw:
    """Binary; four questions from each document, whose rates of success differ: intra-cluster correlation 0.4."""
    strength = 1 / within - 1

    def draw(rng: np.random.Generator, size: int) -> Items:
        groups = -(-size // per_cluster)
        theta = np.repeat(rng.beta(strength * s.rate, strength * (1 - s.rate), groups), per_cluster)[:size]
        y = coins(rng, theta, (size,))
        return y, coins(rng, np.where(y == 1, s.tpr, s.fpr), (size,)), np.repeat(np.arange(groups), per_cluster)[:size]

    return draw


def clustered_claims(s: Setting) -> Draw:
    """Shares of four claims, four questions from each document."""

    def draw(rng: np.random.Generator, size: int) -> Items:
        groups = -(-size // 4)
        theta = np.repeat(rng.beta(1.5 * s.rate, 1.5 * (1 - s.rate), groups), 4)[:size, None]
        truth = coins(rng, theta, (size, 4))
        seen = coins(rng, np.where(truth == 1, s.tpr, s.fpr), (size, 4))
        return truth.mean(axis=1), seen.mean(axis=1), np.repeat(np.arange(groups), 4)[:size]

    return draw


DRAWS: dict[str, Callable[[Setting], Draw]] = {
    "binary": binary,
    "soft judge": soft,
    "share of claims": claims,
    "continuous": continuous,
    "clustered": clustered,
    "clustered claims": clustered_claims,
}

OTHERS = {10: 200, 15: 1000, 30: 1000, 60: 1000, 100: 2000, 300: 5000}


def grid() -> Iterator[Setting]:
    for rate in (0.5, 0.7, 0.9, 0.98):
        for tpr, fpr in ((0.98, 0.02), (0.9, 0.2), (0.95, 0.4), (0.8, 0.3), (0.6, 0.6)):
            for n in (10, 15, 30, 100, 300):
                yield Setting("binary", rate, tpr, fpr, n, OTHERS[n])
    for rate in (0.5, 0.9, 0.95):
        for tpr, fpr in ((0.95, 0.1), (0.6, 0.4)):
            for n in (10, 30, 100):
                yield Setting("soft judge", rate, tpr, fpr, n, OTHERS[n])
    for rate in (0.5, 0.7, 0.9, 0.95):
        for tpr, fpr in ((0.95, 0.1), (0.8, 0.2), (0.6, 0.4)):
            for n in (10, 30, 100):
                yield Setting("share of claims", rate, tpr, fpr, n, OTHERS[n])
    for rate in (0.5, 0.7, 0.9):
        for tpr, fpr in ((0.95, 0.05), (0.8, 0.2), (0.6, 0.5)):
            for n in (10, 100):
                yield Setting("continuous", rate, tpr, fpr, n, OTHERS[n])
    for kind in ("clustered", "clustered claims"):
        for rate in (0.5, 0.9):
            for tpr, fpr in ((0.95, 0.1), (0.6, 0.4)):
                for n in (30, 100, 300):
                    yield Setting(kind, rate, tpr, fpr, n, OTHERS[n])


@dataclass
class Tally:
    covered: int = 0
    width: float = 0.0

    def add(self, low: float, high: float, truth: float) -> None:
        self.covered += low - 1e-12 <= truth <= high + 1e-12
        self.width += high - low


def simulate(s: Setting, repetitions: int, methods: tuple[str, ...] = METHODS) -> dict[str, tuple[float, float]]:
    """Coverage and mean width by method, and of the labels alone."""
    rng = np.random.default_rng(zlib.crc32(s.name.encode()))
    draw = DRAWS[s.kind](s)
    tallies = {name: Tally() for name in (*methods, "labels only")}
    for _ in range(repetitions):
        y, f, groups = draw(rng, s.n)
        _, u, other_groups = draw(rng, s.others)
        clusters = None
        if groups is not None and other_groups is not None:
            clusters = (groups, other_groups + groups.max() + 1)
        result = ppi_mean(y, f, u, clusters=clusters, rng=rng)
        tallies["auto"].add(result.low, result.high, s.rate)
        tallies["labels only"].add(result.labels_only.low, result.labels_only.high, s.rate)
        for method in methods[1:]:
            if y.min() == y.max():  # the named methods refuse; what a naive user gets is a point or the judge's spread
                point = float(y.mean()) + (float(u.mean()) - float(f.mean())) * (method == "ppi")
                half = 1.96 * float(np.hypot(u.std() / len(u) ** 0.5, f.std() / len(f) ** 0.5)) * (method == "ppi")
                tallies[method].add(point - half, point + half, s.rate)
            else:
                named = ppi_mean(y, f, u, clusters=clusters, method=method, rng=rng)  # pyright: ignore[reportArgumentType]
                tallies[method].add(named.low, named.high, s.rate)
    return {name: (tally.covered / repetitions, tally.width / repetitions) for name, tally in tallies.items()}


def table(settings: list[Setting], results: list[dict[str, tuple[float, float]]]) -> str:
    """A Markdown table: a row per setting, coverage and mean width of each method."""
    names = list(results[0])
    lines = [
        f"| labels | rate | TPR | FPR | n | N | {' | '.join(names)} | auto / labels only |",
        f"|---|---|---|---|---|---|{'---|' * (len(names) + 1)}",
    ]
    for s, result in zip(settings, results, strict=True):
        cells = [f"{result[name][0]:.3f} / {result[name][1]:.3f}" for name in names]
        ratio = result["auto"][1] / result["labels only"][1]
        numbers = f"{s.rate:g} | {s.tpr:g} | {s.fpr:g} | {s.n} | {s.others}"
        lines.append(f"| {s.kind} | {numbers} | {' | '.join(cells)} | {ratio:.2f} |")
    return "\n".join(lines) + "\n"


def _job(work: tuple[Setting, int, tuple[str, ...]]) -> dict[str, tuple[float, float]]:
    return simulate(*work)


def main() -> None:
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    settings = list(grid())
    with multiprocessing.Pool() as pool:
        results = list(pool.imap(_job, [(s, repetitions, METHODS) for s in settings], chunksize=1))
    coverages = [result["auto"][0] for result in results]
    ratios = [result["auto"][1] / result["labels only"][1] for result in results]
    good = [ratio for s, ratio in zip(settings, ratios, strict=True) if s.good]
    head = (
        "# Coverage of nominal 95% intervals\n\n"
        f"Written by `python -m tests.statistics.coverage_grid {repetitions}`: {len(settings)} settings, {repetitions} "
        "repetitions each. Cells: coverage / mean width. TPR and FPR are the judge's, n labelled and N judged items. "
        "`auto` is rageval's; `ppi` and `ppi++` have normal quantiles, as in their papers.\n\n"
        f"- auto: coverage {np.mean(coverages):.4f} on average, at least {min(coverages):.4f}\n"
        f"- auto: width at most {max(ratios):.3f} of labels only; at most {max(good):.3f} where the judge is good "
        "(TPR at least 0.9, FPR at most 0.2, rate at most 0.9, n at least 15)\n"
    )
    for name in ("ppi", "ppi++", "labels only"):
        others = [result[name][0] for result in results]
        head += f"- {name}: coverage {np.mean(others):.4f} on average, at least {min(others):.4f}\n"
    path = Path(__file__).parents[2] / "docs" / "statistics_coverage.md"
    path.write_text(head + "\n" + table(settings, results), encoding="utf-8")
    print(head)


if __name__ == "__main__":
    main()
