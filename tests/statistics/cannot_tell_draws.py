"""Answers of which people cannot tell, through the page: how often the interval holds the truth, and how wide it is.

Run as a script with the number of draws; docs/statistics_labels.md shows what it prints.
"""

from __future__ import annotations

import random
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rageval.people.attach import store_sample
from rageval.people.labelling import Labelling
from rageval.people.labelling_results import attach_labelling
from rageval.people.sampling import draw_sample
from rageval.scores.estimates import labelled_estimate
from rageval.scores.scoring import scores_to_json
from rageval.stats import ppi_mean
from rageval.types import Score
from tests.flow.judged_run import JudgedRun

Doubted = Literal["no", "yes"]

N = 150
LABELS = 40
MEAN = 0.7
JUDGE_RIGHT = 0.85


@dataclass(frozen=True)
class Tally:
    """Shares of draws in which the interval holds the mean, and mean widths; `left_out` as if one asked nobody more."""

    covered: float
    width: float
    left_out: float
    left_out_width: float


def tally(rate: float, doubted: Doubted, draws: int, folder: Path) -> Tally:
    """A share `rate` of the answers cannot be told: all of them with that true label."""
    run = JudgedRun(folder / f"{doubted}-{round(100 * rate)}", N)
    share = {"no": (rate / (1 - MEAN), 0.0), "yes": (0.0, rate / MEAN)}[doubted]
    hits = [0, 0]
    widths = [0.0, 0.0]
    for number in range(draws):
        rng = random.Random(f"{number} {rate} {doubted}")
        gold = {question: float(rng.random() < MEAN) for question in run.gold}
        judged = {question: abs(label - (rng.random() > JUDGE_RIGHT)) for question, label in gold.items()}
        run.folder.write_scores(scores_to_json({run.metric: {q: Score(one) for q, one in judged.items()}}, {}))
        (run.folder.path / "labels" / f"{run.name}.json").unlink(missing_ok=True)
        sample = draw_sample(run.folder, run.name, LABELS, seed=number)
        store_sample(run.folder, sample)
        labelling = Labelling(run.folder, sample)
        told: list[str] = []
        for question in sample.to_label:
            unsure = rng.random() < share[int(gold[question])]
            labelling.decide("ann", question, {"label": "?" if unsure else gold[question]})
            told += [] if unsure else [question]
        attach_labelling(labelling)
        found = labelled_estimate(run.folder, run.name, run.folder.scores()[run.name])
        assert found is not None
        others = [judged[question] for question in judged if question not in told]
        naive = ppi_mean([gold[q] for q in told], [judged[q] for q in told], others)
        for place, one in enumerate((found, naive)):
            hits[place] += one.low <= MEAN <= one.high
            widths[place] += one.high - one.low
    return Tally(hits[0] / draws, widths[0] / draws, hits[1] / draws, widths[1] / draws)


def main(draws: int) -> None:
    print("| cannot tell | of these answers | covered, width | left out: covered, width |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for rate in (0.05, 0.15, 0.3):
            doubts: tuple[Doubted, ...] = ("no", "yes")
            for doubted in doubts:
                one = tally(rate, doubted, draws, Path(folder))
                print(
                    f"| {rate:.0%} | {doubted} | {one.covered:.3f}, {one.width:.2f} | "
                    f"{one.left_out:.3f}, {one.left_out_width:.2f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main(int(sys.argv[1]))
