"""Five releases, half of the answers new in each: labels that carry over, and the same number asked afresh.

`python -m tests.statistics.carried_draws 1000` prints the table of docs/statistics.md.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rageval.stats import ppi_mean
from rageval.stats.labelled import labelled_difference

QUESTIONS = 400
RELEASES = 5
SHARE_NEW = 0.5
RATES = (0.6, 0.7, 0.5, 0.8, 0.8, 0.9)
"""The mean label of new answers: of the first run, and of each release."""

Floats = np.ndarray


@dataclass(frozen=True)
class Release:
    """The release's answers: labels, the judge's scores, which of them are new, and the mean of answers like these."""

    labels: Floats
    judged: Floats
    new: Floats
    truth: float


@dataclass(frozen=True)
class Tally:
    """Shares of draws in which the interval of the mean and of the gain over the release before cover (that not for
    samples drawn afresh, which have few pairs of labels); labels asked for, and pairs of them, on average over releases
    after the first run.
    """

    mean: tuple[float, ...]
    gain: tuple[float, ...]
    asked: float
    pairs: float


def releases(rng: np.random.Generator, binary: bool) -> Iterator[Release]:
    """The first run and what follows. Which answers change has nothing to do with how good they were."""
    labels, judged = answers(rng, QUESTIONS, RATES[0], binary)
    truth = RATES[0]
    yield Release(labels, judged, np.ones(QUESTIONS, dtype=bool), truth)
    for rate in RATES[1:]:
        new = np.zeros(QUESTIONS, dtype=bool)
        new[rng.permutation(QUESTIONS)[: round(SHARE_NEW * QUESTIONS)]] = True
        other, other_judged = answers(rng, QUESTIONS, rate, binary)
        labels, judged = np.where(new, other, labels), np.where(new, other_judged, judged)
        truth = SHARE_NEW * rate + (1.0 - SHARE_NEW) * truth
        yield Release(labels, judged, new, truth)


def answers(rng: np.random.Generator, n: int, rate: float, binary: bool) -> tuple[Floats, Floats]:
    """Labels with that mean, and a judge that errs on one in seven, or by .15."""
    if binary:
        labels = (rng.random(n) < rate).astype(float)
        return labels, np.where(rng.random(n) < 0.85, labels, 1.0 - labels)
    labels = rng.beta(3.0 * rate, 3.0 * (1.0 - rate), n).round(1)
    return labels, (labels + rng.normal(0.05, 0.15, n)).clip(0.0, 1.0)


def tally(n: int, binary: bool, draws: int, *, afresh: bool = False) -> Tally:
    """Of samples of n that draw the same questions again, or `afresh`."""
    mean, gain = np.zeros((2, RELEASES))
    asked, pairs = 0, 0
    for draw in range(draws):
        rng = np.random.default_rng([n, binary, draw])
        before, drawn_before = None, np.zeros(0, dtype=int)
        drawn = rng.permutation(QUESTIONS)[:n]
        for number, now in enumerate(releases(rng, binary)):
            if before is not None:
                drawn = rng.permutation(QUESTIONS)[:n] if afresh else drawn
                asked += n if afresh else int(now.new[drawn].sum())
                mean[number - 1] += covers_mean(now, drawn)
                both = np.intersect1d(drawn, drawn_before)
                pairs += int(now.new[both].sum())
                gain[number - 1] += not afresh and covers_gain(before, now, both)
            before, drawn_before = now, drawn
    times = draws * RELEASES
    return Tally(tuple(mean / draws), tuple(gain / draws), asked / times, pairs / times)


def covers_mean(now: Release, drawn: Floats) -> bool:
    rest = np.setdiff1d(np.arange(QUESTIONS), drawn)
    found = ppi_mean(now.labels[drawn], now.judged[drawn], now.judged[rest])
    return found.low <= now.truth <= found.high


def covers_gain(before: Release, now: Release, both: Floats) -> bool:
    """Answers that are not new gain nothing."""
    labelled = both[now.new[both]]
    others = np.setdiff1d(np.flatnonzero(now.new), labelled)
    gains, judged = now.labels - before.labels, now.judged - before.judged
    found = labelled_difference(
        gains[labelled], judged[labelled], judged[others], same=QUESTIONS - int(now.new.sum())
    ).interval(0.95)
    return found[0] <= now.truth - before.truth <= found[1]


def rows(draws: int) -> Iterator[str]:
    """Markdown."""
    yield "| labels | n | sample | mean, releases 1 to 5 | gain, releases 1 to 5 | asked a release | pairs of labels |"
    yield "|---|---|---|---|---|---|---|"
    for binary in (True, False):
        for n in (40, 100):
            for afresh in (False, True):
                found = tally(n, binary, draws, afresh=afresh)
                means, gains = (" ".join(f"{share:.3f}" for share in one) for one in (found.mean, found.gain))
                gains = "" if afresh else gains
                kind, how = "0 or 1" if binary else "graded", "afresh" if afresh else "carried over"
                yield f"| {kind} | {n} | {how} | {means} | {gains} | {found.asked:.0f} | {found.pairs:.0f} |"


if __name__ == "__main__":
    for row in rows(int(sys.argv[1])):
        print(row, flush=True)
