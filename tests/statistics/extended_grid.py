"""The settings in which intervals and tests fail first: rare differences, clusters lost as a whole, ends of the scale.

    python -m tests.statistics.extended_grid [REPETITIONS]     # writes docs/statistics_grid.md

4,000 repetitions take about an hour on two cores. `--json FILE` writes the results instead; the committed results of an
earlier version, made so, are in `extended_grid_before.json` and stand beside today's.

Every setting has its own seed. Random draws within a method are 1,000 instead of 4,000 to 20,000, which blurs its ends
by half a point, at random.
"""

from __future__ import annotations

import functools
import json
import multiprocessing
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import norm

from rageval.stats import against_margin, dirichlet, intervals, mean_interval, paired, paired_difference, ppi_mean

try:
    from rageval.stats import chain, labelled, many
except ImportError:  # an earlier version
    from rageval.stats import chain, many

    labelled = None

DRAWS = 1000
BEFORE = Path(__file__).with_name("extended_grid_before.json")
PAGE = Path(__file__).parents[2] / "docs" / "statistics_grid.md"

Rng = np.random.Generator


@dataclass(frozen=True)
class Cell:
    """One setting of one question; `share` draws one sample and says whether the method errs (or its interval misses).

    `limit` is the most that may err: .07 for an interval, .05 for a test.
    """

    question: str
    world: str
    share: Callable[[Rng], bool]
    limit: float

    @property
    def name(self) -> str:
        return f"{self.question} | {self.world}"


def fewer_draws(change: Callable[[object, str, object], None] = setattr) -> None:
    """Within this process, or until `change` takes it back."""
    for module in (intervals, paired, chain, many, *((labelled,) if labelled else ())):
        for name in ("mean_draws", "bound_draws"):
            if hasattr(module, name):
                change(module, name, functools.partial(_with_draws, getattr(dirichlet, name)))
    for module, name in ((paired, "MARGIN_DRAWS"), (chain, "DRAWS"), (many, "FLIPS"), (many, "OWN_DRAWS")):
        change(module, name, DRAWS)
    if labelled:
        change(labelled, "DRAWS", DRAWS)


def _with_draws(function: Callable[..., object], *args: object, **options: object) -> object:
    return function(*args, **{**options, "draws": DRAWS})


def halves(d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores of two systems whose difference is d."""
    return np.maximum(-d, 0.0), np.maximum(d, 0.0)


# Worlds


def sizes_of(kind: str, groups: int, size: int) -> np.ndarray:
    """Cluster sizes: all equal, or from a third of the mean to three times it."""
    if kind == "equal":
        return np.full(groups, size)
    spread = np.exp(np.linspace(-1.2, 1.2, groups))
    return np.maximum(1, np.round(size * spread / spread.mean())).astype(int)


def whole_losses(rng: Rng, sizes: np.ndarray, share: float, kept: float, noise: float) -> np.ndarray:
    """Scores: all questions of a lost document score 0, the others about `kept`."""
    lost = np.repeat(rng.random(sizes.size) < share, sizes)
    return np.where(lost, 0.0, kept + noise * rng.uniform(-1, 1, lost.size))


def alike_within(rng: Rng, sizes: np.ndarray, rate: float, within: float) -> np.ndarray:
    """Zeros and ones whose rate differs from document to document."""
    strength = 1 / within - 1
    rates = rng.beta(strength * rate, strength * (1 - rate), sizes.size)
    return (rng.random(int(sizes.sum())) < np.repeat(rates, sizes)).astype(float)


def graded_within(rng: Rng, sizes: np.ndarray, within: float) -> np.ndarray:
    own = rng.standard_normal(int(sizes.sum()))
    shared = np.repeat(rng.standard_normal(sizes.size), sizes)
    return np.clip(0.7 + 0.2 * (within**0.5 * shared + (1 - within) ** 0.5 * own), 0.0, 1.0)


def graded_mean() -> float:
    z = np.linspace(-8, 8, 20001)
    return float(np.sum(np.clip(0.7 + 0.2 * z, 0, 1) * norm.pdf(z)) * (z[1] - z[0]))


GRADED_MEAN = graded_mean()


def rare(rng: Rng, shape: tuple[int, ...], share: float, loss: float) -> np.ndarray:
    """Differences of mean 0: a small gain on most questions, a great loss on few."""
    return np.where(rng.random(shape) < share, -loss, loss * share / (1 - share))


def saturated(rng: Rng, n: int, ones: float, zeros: float) -> np.ndarray:
    u = rng.random(n)
    return np.where(u < ones, 1.0, np.where(u < ones + zeros, 0.0, np.ceil(rng.random(n) * 4) / 5))


def saturated_judge(rng: Rng, y: np.ndarray) -> np.ndarray:
    wrong = np.where(rng.random(y.size) < 0.7, 1.0, rng.random(y.size))
    return np.round(np.where(rng.random(y.size) < 0.35, wrong, y) * 5) / 5


# Questions


def misses(low: float, high: float, truth: float) -> bool:
    return not low - 1e-12 <= truth <= high + 1e-12


def mean_cells() -> Iterator[Cell]:
    def interval(draw: Callable[[Rng], np.ndarray], truth: float, labels: np.ndarray | None) -> Callable[[Rng], bool]:
        def share(rng: Rng) -> bool:
            found = mean_interval(draw(rng), clusters=labels, rng=rng)
            return misses(found.low, found.high, truth)

        return share

    question = "interval of a mean"
    for rate in (0.9, 0.98, 0.995):
        for n in (8, 15, 30, 100, 300):
            coins = functools.partial(lambda rng, rate, n: (rng.random(n) < rate).astype(float), rate=rate, n=n)
            yield Cell(question, f"0/1, rate {rate}, n = {n}", interval(coins, rate, None), 0.07)
    for ones, zeros in ((0.88, 0.03), (0.75, 0.2), (0.97, 0.02)):
        truth = ones + (1 - ones - zeros) * 0.5
        for n in (8, 15, 30, 100):
            draw = functools.partial(
                lambda rng, n, ones, zeros: saturated(rng, n, ones, zeros), n=n, ones=ones, zeros=zeros
            )
            yield Cell(
                question, f"graded, {ones:.0%} ones, {zeros:.0%} zeros, n = {n}", interval(draw, truth, None), 0.07
            )
    clustered = "interval of a mean, clusters"
    for groups, size in ((10, 3), (25, 8), (50, 4), (100, 2), (100, 10)):
        for kind in ("equal", "unequal"):
            sizes = sizes_of(kind, groups, size)
            labels = np.repeat(np.arange(groups), sizes)
            where = f"{groups} documents of {'' if kind == 'equal' else 'about '}{size}"
            for share in (0.02, 0.05, 0.1):
                draw = functools.partial(lambda rng, s, p: whole_losses(rng, s, p, 0.9, 0.02), s=sizes, p=share)
                yield Cell(
                    clustered,
                    f"{share:.0%} of documents lost as a whole, {where}",
                    interval(draw, 0.9 * (1 - share), labels),
                    0.07,
                )
            for rate, within in ((0.7, 0.2), (0.7, 0.6), (0.95, 0.2)):
                draw = functools.partial(lambda rng, s, r, w: alike_within(rng, s, r, w), s=sizes, r=rate, w=within)
                yield Cell(clustered, f"0/1, rate {rate}, icc {within}, {where}", interval(draw, rate, labels), 0.07)
            draw = functools.partial(lambda rng, s: graded_within(rng, s, 0.5), s=sizes)
            yield Cell(clustered, f"graded, icc .5, {where}", interval(draw, GRADED_MEAN, labels), 0.07)


def gate_cells() -> Iterator[Cell]:
    def passes(draw: Callable[[Rng], np.ndarray], margin: float, labels: np.ndarray | None) -> Callable[[Rng], bool]:
        return lambda rng: against_margin(*halves(draw(rng)), margin, clusters=labels, rng=rng).p_pass <= 0.05

    for share, loss in ((0.02, 1.0), (0.05, 0.4), (0.05, 1.0), (0.1, 1.0)):
        for n in (20, 50, 150, 500):
            draw = functools.partial(
                lambda rng, n, s, x: np.where(rng.random(n) < s, -x, 0.01 * rng.uniform(-1, 1, n)), n=n, s=share, x=loss
            )
            world = f"{loss:g} lost on {share:.0%}, margin {share * loss:g}, n = {n}"
            yield Cell("gate passes what is worse by its margin", world, passes(draw, share * loss, None), 0.05)
    for groups, size in ((10, 10), (25, 8), (50, 4), (100, 2)):
        for kind in ("equal", "unequal"):
            sizes = sizes_of(kind, groups, size)
            labels = np.repeat(np.arange(groups), sizes)
            where = f"{groups} documents of {'' if kind == 'equal' else 'about '}{size}"
            for margin in (0.02, 0.05):
                draw = functools.partial(
                    lambda rng, s, m: np.where(
                        np.repeat(rng.random(s.size) < m, s), -1.0, 0.01 * rng.uniform(-1, 1, int(s.sum()))
                    ),
                    s=sizes,
                    m=margin,
                )
                world = f"{margin:.0%} of documents lost as a whole, {where}"
                yield Cell(
                    "gate passes what is worse by its margin, clusters", world, passes(draw, margin, labels), 0.05
                )


def compare_cells() -> Iterator[Cell]:
    def claims(draw: Callable[[Rng], np.ndarray], labels: np.ndarray | None) -> Callable[[Rng], bool]:
        def share(rng: Rng) -> bool:
            found = paired_difference(*halves(draw(rng)), clusters=labels, rng=rng)
            return found.p_value <= 0.05 and not found.difference.low <= 0.0 <= found.difference.high

        return share

    for part, loss in ((0.02, 1.0), (0.05, 0.4), (0.1, 0.9)):
        for n in (10, 30, 100, 300):
            draw = functools.partial(lambda rng, n, s, x: rare(rng, (n,), s, x), n=n, s=part, x=loss)
            yield Cell(
                "compare tells equal means apart", f"{loss:g} lost on {part:.0%}, n = {n}", claims(draw, None), 0.05
            )
    for groups, size in ((10, 10), (25, 8), (50, 4), (100, 2)):
        sizes = sizes_of("unequal", groups, size)
        labels = np.repeat(np.arange(groups), sizes)
        draw = functools.partial(
            lambda rng, s: np.clip(
                rng.standard_normal(s.size).repeat(s) * 0.2 + 0.2 * rng.standard_normal(int(s.sum())), -1, 1
            ),
            s=sizes,
        )
        yield Cell(
            "compare tells equal means apart, clusters",
            f"icc .5, {groups} documents of about {size}",
            claims(draw, labels),
            0.05,
        )
        lost = functools.partial(lambda rng, s: rare(rng, (s.size,), 0.05, 0.9).repeat(s), s=sizes)
        yield Cell(
            "compare tells equal means apart, clusters",
            f".9 lost on 5% of the documents, {groups} documents of about {size}",
            claims(lost, labels),
            0.05,
        )


def rank_cells() -> Iterator[Cell]:
    def some_pair(draw: Callable[[Rng], np.ndarray], labels: np.ndarray | None) -> Callable[[Rng], bool]:
        def share(rng: Rng) -> bool:
            more = {} if labels is None else {"clusters": labels}
            return float(many.mean_tests(draw(rng), rng=rng, **more).p_adjusted.min()) <= 0.05

        return share

    def scores(rng: Rng, n: int, systems: int, part: float, loss: float) -> np.ndarray:
        x = np.tile(1.0 - loss * part - (1.0 - loss * part - loss) * rng.random(n) ** 3, (systems, 1))
        x[: systems // 2] += rare(rng, (systems // 2, n), part, loss)
        return x.clip(0.0, 1.0)

    for systems in (2, 8, 24):
        for n in (10, 50, 200):
            draw = functools.partial(lambda rng, n, k: scores(rng, n, k, 0.05, 0.38), n=n, k=systems)
            world = f"half of {systems} systems lose .38 on 5%, n = {n}"
            yield Cell("ranks: some pair of equal means", world, some_pair(draw, None), 0.05)

    def of_documents(rng: Rng, sizes: np.ndarray, systems: int) -> np.ndarray:
        x = np.full((systems, int(sizes.sum())), 0.5)
        x[: systems // 2] += rare(rng, (systems // 2, sizes.size), 0.05, 0.45).repeat(sizes, axis=1)
        return x

    for groups, size in ((25, 8), (100, 2)):
        sizes = sizes_of("unequal", groups, size)
        labels = np.repeat(np.arange(groups), sizes)
        for systems in (2, 8):
            draw = functools.partial(lambda rng, s, k: of_documents(rng, s, k), s=sizes, k=systems)
            world = f"half of {systems} systems lose .45 on 5% of {groups} documents of about {size}"
            yield Cell("ranks: some pair of equal means, clusters", world, some_pair(draw, labels), 0.05)


def label_cells() -> Iterator[Cell]:
    def by_labels(n: int, ones: float, zeros: float) -> Callable[[Rng], bool]:
        def share(rng: Rng) -> bool:
            y = saturated(rng, 500, ones, zeros)
            f = saturated_judge(rng, y)
            found = ppi_mean(y[:n], f[:n], f[n:], rng=rng)
            return misses(found.low, found.high, ones + (1 - ones - zeros) * 0.5)

        return share

    for ones, zeros in ((0.55, 0.1), (0.75, 0.2), (0.88, 0.03)):
        for n in (8, 20, 30, 100):
            world = f"graded and saturated, {ones:.0%} ones, {zeros:.0%} zeros, n = {n} of 500"
            yield Cell("labels and judge", world, by_labels(n, ones, zeros), 0.07)

    def clustered(groups: int, size: int, part: float, n: int) -> Callable[[Rng], bool]:
        labels = np.repeat(np.arange(groups), size)

        def share(rng: Rng) -> bool:
            y = (whole_losses(rng, np.full(groups, size), part, 0.98, 0.0) > 0.5).astype(float)
            f = np.where(rng.random(y.size) < 0.1, 1 - y, y)
            drawn = rng.permutation(y.size)
            mine, others = drawn[:n], drawn[n:]
            found = ppi_mean(y[mine], f[mine], f[others], clusters=(labels[mine], labels[others]), rng=rng)
            return misses(found.low, found.high, 1 - part)

        return share

    for groups, size in ((25, 8), (100, 4)):
        for part in (0.05, 0.1):
            for n in (30, 100):
                world = f"{part:.0%} of {groups} documents of {size} lost as a whole, n = {n}"
                yield Cell("labels and judge, clusters", world, clustered(groups, size, part, n), 0.07)

    def difference(n: int, rate: float, whole: bool) -> Callable[[Rng], bool]:
        def share(rng: Rng) -> bool:
            a = (rng.random(400) < rate).astype(float)
            b = np.where(rng.random(400) < 0.6, a, rng.random(400) < rate).astype(float)
            judged = np.where(rng.random((2, 400)) < 0.2, 1 - np.array([a, b]), [a, b])
            d, f = b - a, judged[1] - judged[0]
            assert labelled is not None
            if whole:
                found = labelled.labelled_difference(d[:n], f[:n], f[n:], unseen=labelled.WHOLE, rng=rng)
                return found.against(0.0).p_pass <= 0.05
            return misses(*labelled.labelled_difference(d[:n], f[:n], f[n:], rng=rng).interval(0.95), 0.0)

        return share

    if labelled is not None:
        for rate in (0.8, 0.95):
            for n in (10, 20, 40, 100):
                world = f"0/1, rate {rate}, n = {n} of 400"
                yield Cell("difference by labels and judge", world, difference(n, rate, whole=False), 0.07)
                yield Cell("gate at margin 0 by labels and judge", world, difference(n, rate, whole=True), 0.05)


def cells() -> list[Cell]:
    return [*mean_cells(), *gate_cells(), *compare_cells(), *rank_cells(), *label_cells()]


def error_share(cell: Cell, repetitions: int) -> float | None:
    """How often the method errs; None where this version does not know the setting."""
    rng = np.random.default_rng(zlib.crc32(cell.name.encode()))
    try:
        return sum(cell.share(rng) for _ in range(repetitions)) / repetitions
    except TypeError:
        return None


def _job(work: tuple[int, int]) -> float | None:
    fewer_draws()
    place, repetitions = work
    return error_share(cells()[place], repetitions)


def run(repetitions: int) -> dict[str, float | None]:
    """By the cell's name. The cells that come out within a point of their limit, or beyond, are drawn in full; others
    with a sixteenth of the repetitions.
    """
    everything = cells()
    few = max(repetitions // 16, 1)
    with multiprocessing.Pool() as pool:
        found = pool.map(_job, [(place, few) for place in range(len(everything))], chunksize=1)
        decisive = [
            place
            for place, (cell, share) in enumerate(zip(everything, found, strict=True))
            if share and share > cell.limit - 0.02
        ]
        for place, share in zip(
            decisive, pool.map(_job, [(p, repetitions) for p in decisive], chunksize=1), strict=True
        ):
            found[place] = share
    print(f"{len(everything)} settings, {len(decisive)} drawn {repetitions} times", file=sys.stderr)
    return {cell.name: share for cell, share in zip(everything, found, strict=True)}


def page(found: dict[str, float | None], before: dict[str, float | None], repetitions: int) -> str:
    """The worst cells of each question first."""
    few = repetitions // 16
    lines = [
        "# Where intervals and tests fail first",
        "",
        f"Written by `python -m tests.statistics.extended_grid {repetitions}`. How often an interval of nominal 95%",
        "misses the truth, and how often a test at 5% errs, in settings outside the grid that the methods were made",
        "on: rates to .995, rare great differences, documents lost as a whole, saturated grades, 8 to 500 questions,",
        f"2 to 24 systems. Settings within two points of the limit are drawn {repetitions} times, others {few} times.",
        "`before` is the version of 30 November 2026, 400 draws; a dash where it could not do it.",
        "",
    ]
    questions = dict.fromkeys(name.split(" | ")[0] for name in found)
    for question in questions:
        rows = sorted(
            (
                (name.split(" | ")[1], share, before.get(name))
                for name, share in found.items()
                if name.split(" | ")[0] == question
            ),
            key=lambda row: -(row[1] or 0.0),
        )
        lines += [f"## {question[0].upper()}{question[1:]}", "", "| setting | errs | before |", "|---|---|---|"]
        for world, share, was in rows:
            lines.append(f"| {world} | {share:.3f} | {'–' if was is None else f'{was:.3f}'} |")
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    arguments = sys.argv[1:]
    repetitions = int(arguments[0]) if arguments else 4000
    found = run(repetitions)
    if "--json" in arguments:
        Path(arguments[arguments.index("--json") + 1]).write_text(json.dumps(found, indent=0) + "\n", encoding="utf-8")
        return
    before = json.loads(BEFORE.read_text(encoding="utf-8")) if BEFORE.is_file() else {}
    PAGE.write_text(page(found, before, repetitions), encoding="utf-8")


if __name__ == "__main__":
    main()
