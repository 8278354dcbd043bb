"""People's labels and GPT-4's verdicts on 1,490 answers: which intervals hold the people's mean, and how wide are they?

    python -m tests.statistics.openqa_draws [DRAWS]     # writes docs/statistics_openqa.md

The verdicts are those of Kamalloo et al. 2023, "Evaluating Open-Domain Question Answering in the Era of Large Language
Models" (OpenQA-eval), as four counts: in draws at random, their order does not matter. Two ways to draw n labels, both
with the people's mean over the 1,490 answers as the truth:

- as used: n of the 1,490 at random without replacement; the judge's scores of the others are the unlabelled. That is
  what `rageval sample` does. The interval is made for a mean beyond these answers, so here it covers more than 95%.
- new answers: labelled and unlabelled answers are drawn from the 1,490 with replacement, as if they stood for all
  answers of their kind. Here 95% is due.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rageval.stats import ppi_mean

ROOT = Path(__file__).parents[2]
SIZES = (50, 100, 300)
METHODS = ("judge only", "labels only", "ppi++", "auto")
# Answers by (the people's, GPT-4's) verdict, 1 for acceptable, counted in NQ301_human.tsv and NQ301_gpt-4.tsv row by
# row; GPT-4's two empty verdicts are 0.
COUNTS = {(1, 1): 679, (1, 0): 137, (0, 1): 89, (0, 0): 585}


@dataclass(frozen=True)
class Result:
    """Share of draws whose interval holds the people's mean, and the mean width."""

    coverage: float
    width: float


def verdicts() -> tuple[np.ndarray, np.ndarray]:
    """The people's and GPT-4's verdicts on each answer, 1 for acceptable: two arrays of 1,490 floats."""
    pairs = np.repeat(np.array([*COUNTS], dtype=float), [*COUNTS.values()], axis=0)
    return pairs[:, 0], pairs[:, 1]


def draws(n: int, total: int, count: int, replace: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Positions of the labelled and of the unlabelled answers."""
    rng = np.random.default_rng([20261121, n])
    for _ in range(count):
        picked = rng.choice(total, total, replace=replace)
        yield picked[:n], picked[n:]


def simulate(n: int, count: int, *, replace: bool) -> dict[str, Result]:
    """Coverage and mean width over `count` draws of n labels."""
    people, judge = verdicts()
    rng = np.random.default_rng(n)
    ends: dict[str, list[tuple[float, float]]] = {name: [] for name in METHODS}
    for labelled, others in draws(n, people.size, count, replace):
        data = people[labelled], judge[labelled], judge[others]
        auto, tuned = ppi_mean(*data, rng=rng), ppi_mean(*data, method="ppi++", rng=rng)
        for name, interval in zip(METHODS, (auto.judge_only, auto.labels_only, tuned, auto), strict=True):
            ends[name].append((interval.low, interval.high))
    truth = float(people.mean())
    return {
        name: Result(float(np.mean((low <= truth) & (truth <= high))), float(np.mean(high - low)))
        for name, (low, high) in ((name, np.array(pairs).T) for name, pairs in ends.items())
    }


def page(count: int) -> str:
    people, judge = verdicts()
    head = (
        f"Written by `python -m tests.statistics.openqa_draws {count}`: {people.size:,} answers to questions of "
        f"Natural Questions, {people.mean():.1%} of them accepted by people and {judge.mean():.1%} by GPT-4, which "
        f"agrees with the people on {np.mean(people == judge):.1%} (OpenQA-eval, Kamalloo et al. 2023). {count:,} "
        "draws of n labels each. Cells: coverage of the people's mean by nominal 95% intervals / mean width."
    )
    lines = ["# People's labels and GPT-4's verdicts", "", head, ""]
    for replace, title in (
        (False, "n of these answers labelled, GPT-4's verdict on the others (as `rageval sample` does)"),
        (True, "labelled and other answers drawn with replacement, as if these stood for all of their kind"),
    ):
        lines += [f"## Draws: {title}", "", f"| n | {' | '.join(METHODS)} | auto / labels only |", "|---" * 6 + "|"]
        for n in SIZES:
            found = simulate(n, count, replace=replace)
            cells = " | ".join(f"{found[name].coverage:.3f} / {found[name].width:.3f}" for name in METHODS)
            lines.append(f"| {n} | {cells} | {found['auto'].width / found['labels only'].width:.2f} |")
        lines.append("")
    tail = (
        "In the first table every draw is scored by the same 1,490 verdicts: the judge-only interval is always the "
        "same one, and it misses the people's mean. There the population is finite, so that intervals made for a mean "
        "beyond these answers cover more than 95%, the more labels the more so."
    )
    lines += [tail, ""]
    return "\n".join(lines)


def main() -> None:
    text = page(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
    (ROOT / "docs" / "statistics_openqa.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
