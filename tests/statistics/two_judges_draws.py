"""Two judges beside people's labels: does the interval cover, and what does the second judge buy?

    python -m tests.statistics.two_judges_draws DATA [DRAWS]     # writes docs/statistics_two_judges.md

DATA holds `wice/`, `begin/` and `ocnli/`. 400 draws take about half an hour.
"""

from __future__ import annotations

import csv
import json
import math
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import NormalDist
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rageval.stats import ppi_mean
from rageval.stats.labelled import labelled_difference
from rageval.stats.ppi import these_items
from rageval.text import search_words

PAGE = Path(__file__).parents[2] / "docs" / "statistics_two_judges.md"
Floats: TypeAlias = "NDArray[np.float64]"
Labels = Literal["0 or 1", "graded", "skewed"]
Second = Literal["better", "as good", "weaker", "useless", "the same", "opposite", "constant", "half missing"]
First = Literal["verdict", "probability", "constant", "useless"]
Design = Literal["simple", "strata", "documents"]

TRACKS = {"better": 0.9, "as good": 0.7, "weaker": 0.4, "useless": 0.0, "opposite": -0.9, "half missing": 0.9}
"""How closely a second judge follows what the label depends on: the correlation before anything is cut or scaled."""


@dataclass(frozen=True)
class Setting:
    """`labels` of `n` of `items` items at a mean near `rate`. The first judge follows what labels depend on by .7."""

    labels: Labels
    rate: float
    n: int
    second: Second
    first: First = "verdict"
    design: Design = "simple"
    items: int = 1000


@dataclass(frozen=True)
class Found:
    """Coverage with the first judge and with both, the width with both over that with the first, how often the second
    judge was used, and the width with the first judge over that of labels alone. `these` is the coverage of the mean
    over exactly these items, with both.
    """

    one: float
    both: float
    width: float
    used: float
    of_labels: float
    these: float = math.nan


def label_of(labels: Labels, rate: float, latent: Floats) -> Floats:
    """Zeros and ones; five grades; or mostly 1 with a tail down to 0 (`skewed`, where the mean is above `rate`)."""
    if labels == "0 or 1":
        return (latent > NormalDist().inv_cdf(1.0 - rate)).astype(np.float64)
    if labels == "graded":
        return np.clip(np.round(4.0 * (rate + 0.35 * latent)) / 4.0, 0.0, 1.0)
    return np.clip(1.0 + 0.8 * (latent - NormalDist().inv_cdf(1.0 - rate)), 0.0, 1.0)


def true_mean(labels: Labels, rate: float) -> float:
    grid = np.array([NormalDist().inv_cdf((place + 0.5) / 100_000) for place in range(100_000)])
    return rate if labels == "0 or 1" else float(label_of(labels, rate, grid).mean())


def cdf(x: Floats) -> Floats:
    return np.asarray(0.5 * (1.0 + np.vectorize(math.erf)(x / math.sqrt(2.0))), dtype=np.float64)


def follow(latent: Floats, track: float, rng: np.random.Generator) -> Floats:
    return track * latent + math.sqrt(1.0 - track**2) * rng.standard_normal(latent.size)


def first_judge(setting: Setting, latent: Floats, rng: np.random.Generator) -> Floats:
    if setting.first == "constant":
        return np.full(latent.size, 0.7)
    seen = follow(latent, 0.0 if setting.first == "useless" else 0.7, rng)
    if setting.first == "probability":
        return cdf(seen)
    return label_of("0 or 1" if setting.labels == "0 or 1" else "graded", setting.rate, seen)


def second_judge(setting: Setting, latent: Floats, first: Floats, rng: np.random.Generator) -> Floats:
    if setting.second == "the same":
        return first.copy()
    if setting.second == "constant":
        return np.full(latent.size, 0.3)
    scores = cdf(follow(latent, TRACKS[setting.second], rng))
    if setting.second == "half missing":
        scores[rng.random(latent.size) < 0.5] = np.nan
    return scores


def latent_of(setting: Setting, rng: np.random.Generator) -> tuple[Floats, NDArray[np.int64]]:
    """What labels depend on, and the document of each item: a hundred documents make up half of the variance."""
    own = rng.standard_normal(setting.items)
    document = rng.integers(0, 100, setting.items)
    if setting.design != "documents":
        return own, document
    return math.sqrt(0.5) * (own + rng.standard_normal(100)[document]), document


def order_of(setting: Setting, latent: Floats, rng: np.random.Generator) -> tuple[NDArray[np.int64], list[bool] | None]:
    """The order of the items, labelled ones first, and their strata in it: a third of the labels is from the stratum of
    the items that look better.
    """
    if setting.design != "strata":
        return np.arange(setting.items), None
    better = follow(latent, 0.4, rng) > 0.0
    ones, others = np.flatnonzero(better), np.flatnonzero(~better)
    third = setting.n // 3
    order = np.concatenate([ones[:third], others[: setting.n - third], ones[third:], others[setting.n - third :]])
    return order, better[order].tolist()


def draws(setting: Setting, reps: int, rng: np.random.Generator) -> Found:
    """Fresh items, judges and labels each time; the truth is the mean over all items that there could be."""
    truth, n = true_mean(setting.labels, setting.rate), setting.n
    found = np.zeros((reps, 7))
    for row in found:
        latent, document = latent_of(setting, rng)
        y = label_of(setting.labels, setting.rate, latent)
        first = first_judge(setting, latent, rng)
        judges = np.column_stack([first, second_judge(setting, latent, first, rng)])
        order, strata = order_of(setting, latent, rng)
        y, judges, document = y[order], judges[order], document[order]
        within = None if strata is None else (strata[:n], strata[n:])
        clusters = (document[:n].tolist(), document[n:].tolist()) if setting.design == "documents" else None
        both = ppi_mean(y[:n], judges[:n], judges[n:], strata=within, clusters=clusters)
        used = any(both.weights[1:])
        one = ppi_mean(y[:n], judges[:n, 0], judges[n:, 0], strata=within, clusters=clusters) if used else both
        low, high = these_items(y[:n], judges[:n], judges[n:], strata=within)
        row[:] = (
            one.low <= truth <= one.high,
            both.low <= truth <= both.high,
            used,
            one.width,
            both.width,
            both.labels_only.width,
            low <= y.mean() <= high,
        )
    return summed(found)


def summed(found: Floats) -> Found:
    one, both, used, width_one, width_both, width_labels, these = found.mean(axis=0).tolist()
    return Found(one, both, width_both / width_one, used, width_one / width_labels, these)


def difference_draws(setting: Setting, reps: int, rng: np.random.Generator) -> Found:
    """Two systems: the second is better by a shift of what labels depend on. `these` is not measured."""
    n, shift = setting.n, 0.3
    truth = true_mean(setting.labels, setting.rate)
    grid = np.array([NormalDist().inv_cdf((place + 0.5) / 100_000) for place in range(100_000)])
    truth = float(label_of(setting.labels, setting.rate, grid + shift).mean()) - truth
    found = np.zeros((reps, 7))
    for row in found:
        latent, document = latent_of(setting, rng)
        columns: list[tuple[Floats, Floats, Floats]] = []
        for moved in (latent, 0.8 * latent + 0.6 * rng.standard_normal(latent.size) + shift):
            first = first_judge(setting, moved, rng)
            columns.append(
                (
                    label_of(setting.labels, setting.rate, moved),
                    first,
                    second_judge(setting, moved, first, rng),
                )
            )
        y, first, second = (b - a for a, b in zip(*columns, strict=True))
        judges = np.column_stack([first, second])
        clusters = (document[:n].tolist(), document[n:].tolist()) if setting.design == "documents" else None
        both = labelled_difference(y[:n], judges[:n], judges[n:], clusters=clusters)
        one = labelled_difference(y[:n], judges[:n, 0], judges[n:, 0], clusters=clusters)
        (low_one, high_one), (low, high) = one.interval(0.95), both.interval(0.95)
        row[:] = (
            low_one <= truth <= high_one,
            low <= truth <= high,
            any(both.weights[1:]),
            high_one - low_one,
            high - low,
            both.labels_only[1] - both.labels_only[0],
            math.nan,
        )
    return summed(found)


SECOND: tuple[Second, ...] = ("better", "as good", "weaker", "useless", "opposite", "the same")


def grid() -> Iterator[Setting]:
    for second in SECOND:
        for n in (10, 20, 50, 200):
            for rate in (0.05, 0.2, 0.5, 0.8, 0.95):
                yield Setting("0 or 1", rate, n, second)
            yield Setting("graded", 0.5, n, second)
            yield Setting("graded", 0.9, n, second)
            yield Setting("skewed", 0.9, n, second)


def corners() -> Iterator[Setting]:
    """What the grid leaves out, each at two rates and two numbers of labels."""
    for labels, rate in (("0 or 1", 0.5), ("0 or 1", 0.9), ("graded", 0.7)):
        plain = Setting(labels, rate, 50, "better")  # pyright: ignore[reportArgumentType]
        for n in (20, 100):
            for second in ("better", "useless"):
                for design in ("strata", "documents"):
                    yield replace(plain, n=n, second=second, design=design)
                for first in ("probability", "constant", "useless"):
                    yield replace(plain, n=n, second=second, first=first)
                yield replace(plain, n=n, second=second, items=n + 15)
            yield replace(plain, n=n, second="half missing")


def compared() -> Iterator[Setting]:
    for labels, rate in (("0 or 1", 0.7), ("graded", 0.7)):
        for n in (20, 50, 200):
            for second in ("better", "weaker", "useless", "opposite", "half missing"):
                yield Setting(labels, rate, n, second)  # pyright: ignore[reportArgumentType]
            yield Setting(labels, rate, n, "better", design="documents")  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True)
class Real:
    """People's verdicts on real texts, and what three stand-ins for a second judge say of them, each in [0, 1]."""

    name: str
    labels: Floats
    seconds: dict[str, Floats]


def read_real(data: Path) -> list[Real]:
    wice = [json.loads(line) for line in (data / "wice" / "claim_dev.jsonl").read_text("utf-8").splitlines()]
    begin = [
        row
        for name in ("wow", "tc", "cmu")
        for row in csv.DictReader(
            (data / "begin" / f"begin_dev_{name}.tsv").read_text("utf-8").splitlines(), delimiter="\t"
        )
    ]
    ocnli = [json.loads(line) for line in (data / "ocnli" / "train.3k.json").read_text("utf-8").splitlines()]
    return [
        real("WiCE dev", [(" ".join(r["evidence"]), r["claim"], r["label"] == "supported") for r in wice]),
        real(
            "BEGIN dev",
            [(r["knowledge"], r["response"], r["begin_label"] == "Fully attributable") for r in begin],
        ),
        real("OCNLI", [(r["sentence1"], r["sentence2"], r["label"] == "entailment") for r in ocnli[:1500]]),
    ]


def real(name: str, rows: Sequence[tuple[str, str, bool]]) -> Real:
    words = [(search_words(context)[:3000], search_words(claim)) for context, claim, _ in rows]
    documents = Counter(word for context, _ in words for word in set(context))
    rare = np.array([coverage(context, claim, documents, len(rows)) for context, claim in words])
    common = np.array([common_share(context, claim) for context, claim in words])
    labels = np.array([float(yes) for *_, yes in rows])
    return Real(name, labels, {"longest common subsequence": common, "rare words covered": rare})


def coverage(context: Sequence[str], claim: Sequence[str], documents: Counter[str], count: int) -> float:
    """The share of the claim's words, weighed by how rare they are, that the context has."""
    weights = {word: math.log((count + 1) / (documents[word] + 0.5)) for word in set(claim)}
    total = sum(weights.values())
    return sum(weight for word, weight in weights.items() if word in set(context)) / total if total > 0 else 0.0


def common_share(context: Sequence[str], claim: Sequence[str]) -> float:
    """The longest common subsequence over the claim's length."""
    row = np.zeros(len(context) + 1, dtype=np.int64)
    told = np.array(context)
    for word in claim:
        step = np.where(told == word, row[:-1] + 1, 0) if told.size else row[:0]
        row[1:] = np.maximum.accumulate(np.maximum(row[1:], step))
    return float(row[-1]) / max(1, len(claim))


def real_draws(real: Real, second: str, n: int, reps: int, rng: np.random.Generator) -> Found:
    """300 items drawn with replacement, of which n are labelled; the first judge is made up: right on 80%."""
    truth = float(real.labels.mean())
    found = np.zeros((reps, 7))
    for row in found:
        places = rng.integers(0, real.labels.size, 300)
        y = real.labels[places]
        first = np.where(rng.random(y.size) < 0.8, y, 1.0 - y)
        judges = np.column_stack([first, real.seconds[second][places]])
        both, one = (ppi_mean(y[:n], some[:n], some[n:]) for some in (judges, judges[:, 0]))
        low, high = these_items(y[:n], judges[:n], judges[n:])
        row[:] = (
            one.low <= truth <= one.high,
            both.low <= truth <= both.high,
            any(both.weights[1:]),
            one.width,
            both.width,
            both.labels_only.width,
            low <= y.mean() <= high,
        )
    return summed(found)


HEADS = "| covered: first | both | these items | second used | width: both / first | first / labels alone |"


def cells(found: Found) -> str:
    these = "–" if math.isnan(found.these) else f"{found.these:.3f}"
    return (
        f"| {found.one:.3f} | {found.both:.3f} | {these} | {found.used:.2f} | {found.width:.3f} "
        f"| {found.of_labels:.2f} |"
    )


def of_grid(found: dict[Setting, Found]) -> Iterator[str]:
    """A row for each second judge and number of labels: coverage and widths over the kinds of label."""
    yield (
        "| second judge | labels | covered, mean: first | both | these items | lowest: first | both | used "
        "| width, mean | most | least |"
    )
    yield "|---" * 11 + "|"
    for second in SECOND:
        for n in (10, 20, 50, 200):
            mine = [one for setting, one in found.items() if (setting.second, setting.n) == (second, n)]
            widths = [one.width for one in mine]
            yield (
                f"| {second} | {n} | {np.mean([one.one for one in mine]):.3f} "
                f"| {np.mean([one.both for one in mine]):.3f} | {np.mean([one.these for one in mine]):.3f} "
                f"| {min(one.one for one in mine):.3f} | {min(one.both for one in mine):.3f} "
                f"| {np.mean([one.used for one in mine]):.2f} "
                f"| {np.mean(widths):.3f} | {max(widths):.3f} | {min(widths):.3f} |"
            )


def page(data: Path, reps: int) -> Iterator[str]:
    rng = np.random.default_rng(0)
    yield f"""# Two judges beside people's labels

Written by `python -m tests.statistics.two_judges_draws DATA {reps}`: {reps} draws a setting, nominal 95%, so a coverage
of .95 is known within ±{3 * math.sqrt(0.95 * 0.05 / reps):.3f}. How the two are joined:
[statistics.md](statistics.md#two-judges).

## Made up: labels, judges and rates

1,000 items. The first judge's verdicts follow what the labels depend on with a correlation of .7 (before they are cut
at 0 or 1), the second judge's scores with .9, .7, .4, 0 or -.9, or they are the first judge's. Each row sums up eight
kinds of label: 0 or 1 at rates of .05, .2, .5, .8, .95; five grades at .5 and .9; and mostly 1 with a tail. Width: with
both over with the first alone.
"""
    found = {setting: draws(setting, reps, rng) for setting in grid()}
    yield from of_grid(found)
    yield "\nThe ten settings that cover least with both, and the ten with the largest width:\n"
    least = sorted(found, key=lambda one: found[one].both)[:10]
    yield from table([*least, *sorted(found, key=lambda one: -found[one].width)[:10]], found)
    yield """
## Strata, documents, few other items, other first judges

Strata: a third of the labels from the better half. Documents: 100 of them make up half of the variance. Few items: 15
beside the labelled ones. Half missing: half of the second judge's scores.
"""
    others = {setting: draws(setting, reps, rng) for setting in corners()}
    yield from table([*others], others)
    yield "\n## Differences of two systems\n"
    differences = {setting: difference_draws(setting, reps, rng) for setting in compared()}
    yield from table([*differences], differences)
    yield """
## Real texts, people's verdicts

300 items drawn with replacement. The first judge is made up (right on 80%, whatever the text), since there are no
stored verdicts of a chat model on these; the second is computed from the texts and stands in for a light judge.
"""
    yield f"| data | second judge | labels {HEADS}"
    yield "|---" * 9 + "|"
    for one in read_real(data):
        for second in one.seconds:
            for n in (20, 50, 100):
                yield f"| {one.name} | {second} | {n} {cells(real_draws(one, second, n, reps, rng))}"


def table(settings: Sequence[Setting], found: dict[Setting, Found]) -> Iterator[str]:
    yield f"| labels | rate | n | items | second judge | first judge | design {HEADS}"
    yield "|---" * 13 + "|"
    for one in settings:
        yield (
            f"| {one.labels} | {one.rate:g} | {one.n} | {one.items} | {one.second} | {one.first} | {one.design} "
            f"{cells(found[one])}"
        )


if __name__ == "__main__":
    lines = page(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 400)
    with PAGE.open("w", encoding="utf-8") as file:
        for line in lines:
            print(line, file=file, flush=True)
