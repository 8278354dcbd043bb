"""The chain of docs/ares.md, with people by rule: runs on disk, two judges, samples, labels, ranks by interval.

    python -m tests.statistics.ares_draws [DRAWS]     # writes docs/statistics_ares.md

Each draw writes four runs over the same questions, two to a document, draws a sample of each run as `rageval sample`
does, attaches the labels as `rageval label` does, and reads the board that `rageval leaderboard` prints.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from rageval.decide.leaderboard import read_leaderboard
from rageval.io.records import question_to_json
from rageval.metrics import Metric
from rageval.people.attach import attach_rows, store_sample
from rageval.people.label_files import LabelRow
from rageval.people.sampling import draw_sample
from rageval.scores.human_labels import HumanLabel
from rageval.scores.scoring import scores_to_json
from rageval.types import Json, Question, RelevanceLabel, Score
from tests.flow.judged_run import FAITHFULNESS, JudgedRun

QUESTIONS = 150
PER_DOCUMENT = 2
LABELS = 40
Floats = np.ndarray
LIGHT = Metric("faithfulness", judge="light")
PAGE = Path(__file__).parents[2] / "docs" / "statistics_ares.md"


@dataclass(frozen=True)
class World:
    """What people say yes to, by system, and what the judges know of it: how often each says yes where people do, and
    where they do not. The light judge says a probability.
    """

    name: str
    rates: tuple[float, ...]
    chat: tuple[float, float]
    light: float


WORLDS = (
    World("four alike, good judges", (0.7, 0.7, 0.7, 0.7), (0.92, 0.15), 1.5),
    World("four alike, a lenient chat judge", (0.7, 0.7, 0.7, 0.7), (0.97, 0.6), 1.5),
    World("four alike, the light judge is blind", (0.7, 0.7, 0.7, 0.7), (0.92, 0.15), 0.0),
    World("four alike and nearly always right", (0.93, 0.93, 0.93, 0.93), (0.95, 0.4), 1.0),
    World("two pairs .2 apart", (0.55, 0.55, 0.75, 0.75), (0.92, 0.15), 1.5),
    World("judges that prefer the worse two", (0.75, 0.75, 0.6, 0.6), (0.9, 0.3), 1.0),
)


@dataclass(frozen=True)
class Drawn:
    """Of one draw: which intervals cover, their widths, and whether some system stands above one that is not worse."""

    covers: tuple[bool, ...]
    widths: tuple[float, ...]
    widths_of_labels: tuple[float, ...]
    wrong_order: bool
    told_apart: int


def draw(world: World, seed: int, folder: Path) -> Drawn:
    """One board."""
    rng = np.random.default_rng([seed, len(world.name)])
    easy = np.repeat(rng.random(QUESTIONS // PER_DOCUMENT), PER_DOCUMENT)
    own = rng.random((len(world.rates), QUESTIONS))
    mixed = 0.5 * easy + 0.5 * own
    paths: list[Path] = []
    for system, rate in enumerate(world.rates):
        truth = (mixed[system] < _quantile(rate)).astype(float)
        yes, no = world.chat
        if world.name.startswith("judges that prefer") and system >= 2:
            no = min(1.0, no + 0.4)
        said = (rng.random(QUESTIONS) < np.where(truth > 0, yes, no)).astype(float)
        light = 1.0 / (1.0 + np.exp(-(world.light * (2.0 * truth - 1.0) + rng.normal(0.0, 1.0, QUESTIONS))))
        paths.append(write_run(folder / f"s{system}", truth, said, light, seed))
    board = read_leaderboard(paths)
    rows = sorted(board.rows, key=lambda row: row.label)
    means = [row.estimates["faithfulness"] for row in rows]
    assert all(one is not None and one.n_labelled == LABELS and one.labels_only is not None for one in means)
    covers = tuple(one.low <= rate <= one.high for one, rate in zip(means, world.rates, strict=True) if one)
    ranks = [row.rank or (1, len(rows)) for row in rows]
    above = [(i, j) for i, a in enumerate(ranks) for j, b in enumerate(ranks) if a[1] < b[0]]
    return Drawn(
        covers,
        tuple(one.high - one.low for one in means if one),
        tuple(one.labels_only[2] - one.labels_only[1] for one in means if one and one.labels_only),
        any(world.rates[i] <= world.rates[j] for i, j in above),
        sum(world.rates[i] > world.rates[j] for i, j in above),
    )


def _quantile(rate: float) -> float:
    """The value below which the mean of two uniform numbers lies with that probability."""
    return np.sqrt(rate / 2.0) if rate <= 0.5 else 1.0 - np.sqrt((1.0 - rate) / 2.0)


def write_run(path: Path, truth: Floats, said: Floats, light: Floats, seed: int) -> Path:
    """A finished run with both judges' scores, a sample and its labels."""
    run = JudgedRun(path, QUESTIONS, metric=FAITHFULNESS, answer_from=0)
    ids = [*run.gold]
    run.folder.write_questions(
        question_to_json(
            Question(name, f"How deep is lake {i}?", "en"), [RelevanceLabel(name, f"d{i // PER_DOCUMENT}", 1)]
        )
        for i, name in enumerate(ids)
    )
    scores = {
        metric: {name: Score(float(value)) for name, value in zip(ids, values, strict=True)}
        for metric, values in ((FAITHFULNESS, said), (LIGHT, light))
    }
    run.folder.write_scores(scores_to_json(scores, {}))
    judges: Json = {
        "claim_support": {"key": "claim_support-1", "model": "critic"},
        "claim_support:light": {"key": "claim_support-2", "model": "light"},
    }
    run.write_manifest(metrics=[str(FAITHFULNESS), str(LIGHT)], judges=judges)
    sample = draw_sample(run.folder, "faithfulness", LABELS, seed=seed)
    store_sample(run.folder, sample)
    of = dict(zip(ids, truth, strict=True))
    rows = [
        LabelRow(f"rule:{n}", sample.run, sample.digest, "faithfulness", q, "rule", HumanLabel(q, float(of[q]), "rule"))
        for n, q in enumerate(sample.to_label)
    ]
    attach_rows(run.folder, rows)
    return path


def table(draws: int) -> list[str]:
    """A row for each world."""
    lines = [
        "| world | coverage | lowest of the four | width / labels alone | wrong order | right pairs told apart |",
        "|---|---|---|---|---|---|",
    ]
    for world in WORLDS:
        found: list[Drawn] = []
        for seed in range(draws):
            with TemporaryDirectory() as folder:
                found.append(draw(world, seed, Path(folder)))
        covers = np.array([one.covers for one in found])
        ratio = np.mean([one.widths for one in found]) / np.mean([one.widths_of_labels for one in found])
        wrong = np.mean([one.wrong_order for one in found])
        pairs = sum(a > b for a in world.rates for b in world.rates)
        apart = f"{np.mean([one.told_apart for one in found]) / pairs:.2f}" if pairs else "–"
        lowest = covers.mean(axis=0).min()
        lines.append(f"| {world.name} | {covers.mean():.3f} | {lowest:.3f} | {ratio:.2f} | {wrong:.3f} | {apart} |")
    return lines


def main() -> None:
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    text = f"""# The ARES chain, simulated

Written by `python -m tests.statistics.ares_draws {draws}`: {draws} draws of each world. A draw writes four runs over
{QUESTIONS} questions, {PER_DOCUMENT} to a document, with a chat judge's verdicts and a light judge's probabilities,
draws {LABELS} questions of each run for people, attaches their labels, and reads the leaderboard. Nominal coverage is
0.95; a wrong order is a system that the ranks put above one that is as good or better, anywhere on the board (at most
0.05).

"""
    PAGE.write_text(text + "\n".join(table(draws)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
