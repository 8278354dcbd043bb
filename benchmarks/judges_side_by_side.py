"""Judges on the same items: the chat judge, the light judge, both together, and two baselines that only count words.

    python benchmarks/judges_side_by_side.py DATA --ask [OUT]    # asks the local chat model, about half an hour
    python benchmarks/judges_side_by_side.py DATA                # writes docs/judges_side_by_side_measured.md, a minute

DATA is that of benchmarks/light_judge.py. What the chat judge said is kept in benchmarks/judges_side_by_side.jsonl, a
line for each item, so that the page is made without a model; OUT (default: results) keeps its replies. Items are drawn
with a fixed seed from the half of each set by which nothing was chosen; of the parity items all are taken.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from light_judge import SETS, Item, Labelled, json_lines, rows_of
from numpy.typing import NDArray

from rageval.benchmark import load
from rageval.experiment.choose_models import choose_chat
from rageval.experiment.spec import LocalModel
from rageval.identity import fingerprint
from rageval.judges import JUDGES
from rageval.judges.guard import guarded_judgment
from rageval.judges.light.features import SIGNS
from rageval.judges.light.fit import fit
from rageval.judges.light.weights import LIGHT, LIGHT_ALIGNED, Weights, shipped_weights
from rageval.people.judge_examples import corpus_examples
from rageval.people.judge_training import BASELINES, STRENGTH, train
from rageval.people.judging import probability_of
from rageval.report.calibrate import figure_cell
from rageval.scores.agreement import measure
from rageval.scores.scaling import FOLDS, deal
from rageval.stats import ppi_mean
from rageval.stats.cascade import clear_noes, largest_threshold
from rageval.types import Abstained, Hit, Passage, Question, Response

ROOT = Path(__file__).parents[1]
SAID = Path(__file__).with_suffix(".jsonl")
PAGE = ROOT / "docs" / "judges_side_by_side_measured.md"
SEED = 20261201
ITEMS = {"BEGIN": 40, "WiCE": 30, "OCNLI": 60, "RGB": 40, "parity": 60, "handbook": 40}
MOST_CHARACTERS = 3000
HANDBOOK = "handbook's corruptions"
HELD_OUT = 5
CHAT, BOTH = "chat", "chat and light"
PEOPLE, PULLED = "light, by people's labels of the other sets", "light, by both"
DRAWS, POPULATION, LABELS = 400, 300, 50
_TINY = 1e-3

Probabilities: TypeAlias = "NDArray[np.float64]"


@dataclass(frozen=True)
class Drawn:
    """The items of a set that every judge reads, and the weights of a light judge that has not seen them."""

    name: str
    items: tuple[Item, ...]
    weights: Weights


@dataclass(frozen=True)
class Said:
    """P(yes) of the chat judge, or None where it gave no verdict, and how long that took."""

    p: float | None
    seconds: float | None
    calls: int


@dataclass(frozen=True)
class Judges:
    """What every judge says of the items of a set, by its name; `labels` are people's."""

    drawn: Drawn
    labels: list[int]
    found: Mapping[str, Probabilities]
    said: Sequence[Said]


def key_of(item: Item) -> str:
    return fingerprint([item.claim, [*item.passages]])[:16]


def draw(data: Path) -> Iterator[Drawn]:
    for name, asks, read in SETS:
        every = tuple(read(data))
        short = name.split()[0]
        items = [*(every if short == "parity" else Labelled(name, asks, every).reported)]
        items = [item for item in items if sum(map(len, item.passages)) <= MOST_CHARACTERS]
        random.Random(SEED).shuffle(items)
        yield Drawn(name, tuple(items[: ITEMS[short]]), shipped_weights("faithfulness"))
    yield draw_handbook()


def draw_handbook() -> Drawn:
    """Corruptions of one document in five, and weights that were trained on the others'."""
    examples = corpus_examples(load("handbook"), "faithfulness")
    held = set(sorted({one.document for one in examples})[::HELD_OUT])
    left = [one for one in examples if one.document in held]
    by_label = [[one for one in left if one.label == label] for label in (0, 1)]
    rng = random.Random(SEED)
    drawn = [one for some in by_label for one in rng.sample(some, ITEMS["handbook"] // 2)]
    trained = train("faithfulness", [one for one in examples if one.document not in held], source="handbook")
    items = tuple(Item(one.claim, one.passages, one.language, one.label) for one in drawn)
    return Drawn(HANDBOOK, items, trained.weights)


def ask(sets: Sequence[Drawn], out: Path) -> None:
    """The chat judge on every item; what it said before is kept."""
    said = {row["key"]: row for row in json_lines(SAID)} if SAID.is_file() else {}
    asked = {"en": "Is this so?", "zh": "是这样吗？"}
    judge = JUDGES["claim_support"]

    async def work() -> None:
        chat = choose_chat(LocalModel(), out / "cache")
        try:
            for one in sorted(sets, key=lambda one: sum(map(len, one.items[0].passages))):  # long contexts last
                for number, item in enumerate(one.items):
                    if key_of(item) in said:
                        continue
                    question = Question(str(number), asked[item.language], item.language)
                    start = time.monotonic()
                    judged = await guarded_judgment(judge, question, response_of(item), chat)
                    found = probability_of(judged, judge.name)
                    said[key_of(item)] = {
                        "key": key_of(item),
                        "set": one.name,
                        "p": None if isinstance(found, Abstained) else round(found, 4),
                        "seconds": round(time.monotonic() - start, 2) if judged.usage.cached_calls == 0 else None,
                        "calls": judged.usage.calls,
                        "model": chat.identity,
                    }
                    write_said(said)
                print(one.name, flush=True)
        finally:
            await chat.close()

    asyncio.run(work())


def response_of(item: Item) -> Response:
    hits = tuple(Hit(Passage(f"p{n}", 0, len(text), text), 1.0 / (n + 1)) for n, text in enumerate(item.passages))
    return Response(hits, item.claim, tuple(range(len(hits))))


def write_said(said: Mapping[str, object]) -> None:
    SAID.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in said.values()), encoding="utf-8")


def opinions(sets: Sequence[Drawn]) -> dict[str, list[Said]]:
    """By the name of the set; sets of which an item was not asked are left out."""
    by_key = {row["key"]: Said(row["p"], row["seconds"], row["calls"]) for row in json_lines(SAID)}
    asked = [one for one in sets if all(key_of(item) in by_key for item in one.items)]
    return {one.name: [by_key[key_of(item)] for item in one.items] for one in asked}


def logit(p: Probabilities) -> Probabilities:
    kept = np.clip(p, _TINY, 1.0 - _TINY)
    return np.log(kept / (1.0 - kept))


def crossed(labels: Sequence[int], columns: Sequence[Probabilities]) -> Probabilities:
    """A logistic model of several judges, each item scored by the other four folds."""
    x = np.column_stack([logit(column) for column in columns])
    x = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), _TINY)
    folds = np.array(deal(labels, 0))
    y = np.array(labels)
    found = np.zeros(len(labels))
    for fold in range(FOLDS):
        seen, own = folds != fold, folds == fold
        found[own] = fit(x[seen], y[seen].tolist(), [1] * x.shape[1], STRENGTH).probabilities(x[own])
    return found


def by_people(one: Drawn, others: Sequence[Drawn]) -> tuple[Probabilities, Probabilities]:
    """The light judge fitted to people's labels of the other sets alone, and pulled by them; on the items of `one`."""
    weights = one.weights
    rows = [rows_of(other.items, weights) for other in others if other.name not in (one.name, HANDBOOK)]
    x = weights.standardized(np.concatenate([features for features, _ in rows]))
    labels = [label for _, some in rows for label in some]
    counts = np.concatenate([np.full(len(some), 1.0 / len(some)) for _, some in rows])
    own = weights.standardized(rows_of(one.items, weights)[0])
    people = fit(x, labels, SIGNS, STRENGTH, counts=counts)
    pulled = fit(x, labels, SIGNS, STRENGTH, counts=counts, towards=weights.model)
    return people.probabilities(own), pulled.probabilities(own)


def judges_of(one: Drawn, sets: Sequence[Drawn], said: Sequence[Said]) -> Judges:
    """The labels, and every judge's P(yes), of the items on which the chat judge has a verdict. The aligned light judge
    was trained on the whole handbook, so it does not judge that.
    """
    kept = [place for place, each in enumerate(said) if each.p is not None]
    rows, labels = rows_of(one.items, one.weights)
    people, pulled = by_people(one, sets)
    found = {baseline: rows[:, column] for baseline, column in BASELINES.items()}
    found |= {LIGHT: one.weights.probabilities(rows), PEOPLE: people, PULLED: pulled}
    if one.name != HANDBOOK:
        aligned = shipped_weights("faithfulness", aligned=True)
        found[LIGHT_ALIGNED] = aligned.probabilities(rows_of(one.items, aligned)[0])
    found[CHAT] = np.array([float(each.p or 0.0) for each in said])
    found = {name: values[kept] for name, values in found.items()}
    labels = [labels[place] for place in kept]
    found[BOTH] = crossed(labels, [found[CHAT], found[LIGHT]])
    return Judges(one, labels, found, said)


def main_table(every: Sequence[Judges]) -> str:
    lines = [
        "| set | judge | n | AUC | balanced accuracy | calibration error | ms/item |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in every:
        ms = {CHAT: chat_milliseconds(one.said), LIGHT: f"{light_milliseconds(one.drawn):.1f}"}
        for name, values in one.found.items():
            figures = measure(one.labels, [float(min(1.0, max(0.0, value))) for value in values])
            cells = (figure_cell(figures.auc), figure_cell(figures.balanced_accuracy), figure_cell(figures.ece))
            row = f"| {one.drawn.name} | {name} | {len(one.labels)} | {' | '.join(cells)} | {ms.get(name, '–')} |"
            lines.append(row)
    return "\n".join(lines) + "\n"


def chat_milliseconds(said: Sequence[Said]) -> str:
    seconds = [each.seconds for each in said if each.seconds is not None]
    return f"{1000 * sum(seconds) / len(seconds):.0f}" if seconds else "–"


def light_milliseconds(one: Drawn) -> float:
    start = time.process_time()
    for item in one.items:
        one.weights.probability(item.claim, item.passages, item.language)
    return (time.process_time() - start) / len(one.items) * 1000


def parity_table(every: Sequence[Judges]) -> str:
    """How many parity items each judge gets right at 0.5, by language, of those with a verdict of the chat judge."""
    one = next(each for each in every if each.drawn.name.startswith("parity"))
    judged = [item for item, each in zip(one.drawn.items, one.said, strict=True) if each.p is not None]
    lines = ["| judge | English | Chinese |", "|---|---|---|"]
    for name, values in one.found.items():
        right = [(value >= 0.5) == (label == 1) for value, label in zip(values, one.labels, strict=True)]
        cells: list[str] = []
        for language in ("en", "zh"):
            mine = [yes for yes, item in zip(right, judged, strict=True) if item.language == language]
            cells.append(f"{sum(mine)} of {len(mine)}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def ppi_table(every: Sequence[Judges]) -> str:
    """Labels of some items drawn from a set, joined with the chat judge alone, the light judge alone, and with both."""
    lines = [
        "| set | covered: chat | light | both | width / labels alone: chat | light | both | both / chat |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in every:
        judges = one.found
        y = np.array(one.labels, dtype=np.float64)
        columns = {CHAT: judges[CHAT], LIGHT: judges[LIGHT], BOTH: np.column_stack([judges[CHAT], judges[LIGHT]])}
        covered, width, alone = dict.fromkeys(columns, 0), dict.fromkeys(columns, 0.0), 0.0
        rng = np.random.default_rng(SEED)
        for _ in range(DRAWS):
            places = rng.integers(0, y.size, POPULATION)
            for name, column in columns.items():
                drawn = column[places]
                found = ppi_mean(y[places[:LABELS]], drawn[:LABELS], drawn[LABELS:])
                covered[name] += found.low <= y.mean() <= found.high
                width[name] += found.width
                alone += found.labels_only.width / len(columns)
        cells = [f"{covered[name] / DRAWS:.3f}" for name in columns] + [
            f"{width[name] / alone:.2f}" for name in columns
        ]
        lines.append(f"| {one.drawn.name} | {' | '.join(cells)} | {width[BOTH] / width[CHAT]:.3f} |")
    return "\n".join(lines) + "\n"


def cascade_table(every: Sequence[Judges]) -> str:
    """What a light judge that decides the clear noes spares and loses, at 0.1 and at the threshold of the labels."""
    lines = [
        "| set | n | at 0.1: calls spared | yes lost | no gained | threshold that the labels confirm | calls spared |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in every:
        labels, judges = one.labels, one.found
        verdicts = (judges[CHAT] >= 0.5).astype(float)
        fixed = clear_noes(labels, judges[LIGHT], verdicts, 0.1)
        best = largest_threshold(labels, judges[LIGHT], verdicts).found
        confirmed = "none | 0" if best is None else f"{best.threshold:g} | {best.decided} of {best.n}"
        cells = f"{fixed.decided} of {fixed.n} | {fixed.lost} | {fixed.gained} | {confirmed}"
        lines.append(f"| {one.drawn.name} | {len(labels)} | {cells} |")
    return "\n".join(lines) + "\n"


def write_page(sets: Sequence[Drawn]) -> None:
    said = opinions(sets)
    every = [judges_of(one, sets, said[one.name]) for one in sets if one.name in said]
    counts = [len(one.labels) for one in every]
    fewest, most = min(counts), max(counts)
    models = {row["model"] for row in json_lines(SAID)}
    silent = {name: sum(each.p is None for each in each_said) for name, each_said in said.items()}
    without = ", ".join(f"{count} of {name}" for name, count in silent.items() if count) or "none"
    page = (
        "# Judges on the same items\n\n"
        "Written by `python benchmarks/judges_side_by_side.py`. Chat judge: `claim_support` with "
        f"{', '.join(sorted(models))} on {platform.machine()}, two cores, one call at a time. Items drawn with seed "
        f"{SEED} from the half of each set by which no feature or penalty of the light judge was chosen; of the parity "
        "items all. A verdict is yes from P = 0.5 on; figures have 95% intervals, wide ones: a set has "
        f"{fewest} to {most} items, of contexts up to {MOST_CHARACTERS:,} characters. The baselines are shares, not "
        "probabilities. `chat "
        "and light` is a logistic model of both, in five "
        "folds. The light judge of the handbook's corruptions was trained without their documents. Items without a "
        f"verdict of the chat judge, left out for all: {without}. Milliseconds of the chat judge are of a machine with "
        f"other work beside it.\n\n{main_table(every)}\n"
        "## Which judge reads meaning?\n\n"
        "Parity items right at 0.5; half of them are supported, so that a coin gets 15 of 30.\n\n"
        f"{parity_table(every)}\n"
        "## Beside people's labels\n\n"
        f"{POPULATION} items drawn from each set with replacement, {LABELS} of them labelled, {DRAWS} draws: how often "
        "the interval of prediction-powered inference covers the share of yes (95% promised; the error of a coverage "
        "is .011), and how wide it is beside that of the labels alone.\n\n"
        f"{ppi_table(every)}\n"
        "## Before the chat judge: clear noes\n\n"
        "Items whose P by the light judge is below the threshold are not asked about. `yes lost`: people and chat "
        "judge say yes there; `no gained`: people say no, the chat judge would have said yes. The threshold that the "
        "labels confirm loses at most 5% of the items, with 95% confidence.\n\n"
        f"{cascade_table(every)}"
    )
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Judges on the same items.")
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path, nargs="?", default=Path("results"))
    parser.add_argument("--ask", action="store_true", help="ask the local chat model first")
    given = parser.parse_args()
    drawn = [*draw(given.data)]
    if given.ask:
        ask(drawn, given.out)
    write_page(drawn)
