"""How many questions a gate takes that is read after every question, against one that is read once at the end.

    python -m tests.statistics.sequential_draws planned [REPETITIONS]     # prints the tables of docs/sequential.md
    python -m tests.statistics.sequential_draws longer [REPETITIONS]
    python -m tests.statistics.sequential_draws looks [REPETITIONS]

One to three minutes each on one core for 200 repetitions.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rageval.stats import against_margin, paired, required_questions
from rageval.stats.sequential import reached_after, sequential_mean

Draw = Callable[[np.random.Generator, float, int], np.ndarray]
ALPHA = 0.05
FIXED_DRAWS = 500


def smooth(rng: np.random.Generator, mean: float, n: int) -> np.ndarray:
    """Differences around the mean with a standard deviation of 0.2."""
    return (mean + 0.2 * rng.uniform(-(3**0.5), 3**0.5, n)).clip(-1.0, 1.0)


def changed(rng: np.random.Generator, mean: float, n: int) -> np.ndarray:
    """A tenth of the questions (or as many as the mean takes) is won or lost outright, the others stay."""
    share = max(0.1, abs(mean))
    return rng.choice([-1.0, 0.0, 1.0], n, p=[(share - mean) / 2.0, 1.0 - share, (share + mean) / 2.0])


def rare_losses(rng: np.random.Generator, mean: float, n: int) -> np.ndarray:
    """A little is gained on most questions, all is lost on 4%."""
    return np.where(rng.random(n) < 0.04, -1.0, (mean + 0.04) / 0.96)


WORLDS: dict[str, tuple[Draw, float]] = {"sd 0.2": (smooth, 0.2), "a tenth changed": (changed, 0.1**0.5)}
MARGINS = (0.02, 0.05, 0.1)
TRUTHS = (1.0, 0.5, 0.0, -0.5, -1.0, -2.0, -3.0)
"""True differences as multiples of the margin."""


MARGIN, N, LOOKS = 0.05, 400, 20


@dataclass(frozen=True)
class Rates:
    """Shares of passes and fails of the sequential and of the fixed gate, and the questions that the first took."""

    passed: float
    failed: float
    mean: float
    median: float
    fixed_passed: float
    fixed_failed: float


def decided(d: np.ndarray, margin: float) -> tuple[str, int]:
    """The verdict of the sequential gate with one metric, and after how many questions it came (all if none)."""
    read = sequential_mean(d)
    passed, failed = reached_after(read.above(-margin), ALPHA), reached_after(read.below(-margin), ALPHA)
    if passed is not None and (failed is None or passed <= failed):
        return "pass", passed
    return ("inconclusive", d.size) if failed is None else ("fail", failed)


def rates(draw: Draw, truth: float, margin: float, n: int, repetitions: int) -> Rates:
    rng = np.random.default_rng(41)
    found: list[tuple[str, int]] = []
    fixed = np.zeros((repetitions, 2))
    for number in range(repetitions):
        d = draw(rng, truth, n)
        found.append(decided(d, margin))
        tested = against_margin(0.5 - d / 2.0, 0.5 + d / 2.0, margin, rng=rng)
        fixed[number] = tested.p_pass <= ALPHA, tested.p_fail <= ALPHA
    verdicts, taken = zip(*found, strict=True)
    passed, failed = verdicts.count("pass") / repetitions, verdicts.count("fail") / repetitions
    return Rates(passed, failed, float(np.mean(taken)), float(np.median(taken)), *map(float, fixed.mean(axis=0)))


def planned(sd: float, margin: float) -> int:
    """How many questions an equally good candidate needs to pass the fixed gate with probability 0.8."""
    return required_questions(0.0, sd, margin=margin)


def print_planned(repetitions: int) -> None:
    print("| differences | margin | planned | true difference | pass | fail | mean | median | fixed: pass | fail |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, (draw, sd) in WORLDS.items():
        for margin in MARGINS:
            n = planned(sd, margin)
            for truth in TRUTHS:
                one = rates(draw, truth * margin, margin, n, repetitions)
                print(
                    f"| {name} | {margin} | {n} | {truth * margin:+.3f} | {one.passed:.2f} | {one.failed:.2f} "
                    f"| {one.mean:.0f} | {one.median:.0f} | {one.fixed_passed:.2f} | {one.fixed_failed:.2f} |",
                    flush=True,
                )


def print_longer(repetitions: int) -> None:
    print("| differences | margin | planned | 1.5 times as many: pass | mean | twice as many: pass | mean |")
    print("|---|---|---|---|---|---|---|")
    for name, (draw, sd) in WORLDS.items():
        for margin in MARGINS:
            n = planned(sd, margin)
            cells: list[str] = []
            for times in (1.5, 2.0):
                rng = np.random.default_rng(42)
                found = [decided(draw(rng, 0.0, int(times * n)), margin) for _ in range(repetitions)]
                passed = np.mean([verdict == "pass" for verdict, _ in found])
                cells += [f"{passed:.2f}", f"{np.mean([taken for _, taken in found]):.0f}"]
            print(f"| {name} | {margin} | {n} | {' | '.join(cells)} |", flush=True)


def wrong_passes(draw: Draw, repetitions: int) -> np.ndarray:
    """How often a candidate that is worse by exactly the margin passes: the sequential gate at any of N questions, the
    fixed one at the last, the fixed one at any of LOOKS.
    """
    rng = np.random.default_rng(43)
    found = np.zeros((repetitions, 3))
    for number in range(repetitions):
        d = draw(rng, -MARGIN, N)
        looks = [
            against_margin(0.5 - d[:n] / 2.0, 0.5 + d[:n] / 2.0, MARGIN, rng=rng).p_pass <= ALPHA
            for n in range(N // LOOKS, N + 1, N // LOOKS)
        ]
        found[number] = decided(d, MARGIN)[0] == "pass", looks[-1], any(looks)
    return found.mean(axis=0)


def print_looks(repetitions: int) -> None:
    print(f"| worse by {MARGIN}, {N} questions | every question, sequential | fixed, once | fixed, {LOOKS} looks |")
    print("|---|---|---|---|")
    for name, draw in {**{name: draw for name, (draw, _) in WORLDS.items()}, "rare losses": rare_losses}.items():
        ever, once, often = wrong_passes(draw, repetitions)
        print(f"| {name} | {ever:.3f} | {once:.3f} | {often:.3f} |", flush=True)


def main() -> None:
    paired.MARGIN_DRAWS = FIXED_DRAWS
    which, repetitions = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 200
    {"planned": print_planned, "longer": print_longer, "looks": print_looks}[which](repetitions)


if __name__ == "__main__":
    main()
