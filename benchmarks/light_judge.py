"""The light judge against people, beside two baselines that only count words, and on request beside the chat judge.

    python benchmarks/light_judge.py DATA [OUT] [--chat N]

DATA holds `begin/begin_dev_{cmu,tc,wow}.tsv`, `wice/claim_dev.jsonl`, `ocnli/train.3k.json` and `rgb_zh/zh_fact.json`;
OUT (default: results) keeps replies of the chat judge, which `--chat N` asks on the first N items of each set. Features
and the strength of the penalty were chosen on every second item of each set (the first, the third, …); all figures are
of the other half. Writes docs/light_judge_measured.md, and the table of docs/light_judge.md; takes a quarter of an hour
without the chat judge, since the aligned judge reads every sentence.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np

from rageval.experiment.choose_models import choose_chat
from rageval.experiment.spec import LocalModel
from rageval.judges import JUDGES
from rageval.judges.light.alignment import packaged_sentences
from rageval.judges.light.features import prepare
from rageval.judges.light.fit import Floats, fit
from rageval.judges.light.weights import LIGHT, LIGHT_ALIGNED, Weights, features_of, shipped_weights
from rageval.people import calibrate, read_items
from rageval.people.judge_training import BASELINES, STRENGTH, Measured, measure_judges
from rageval.report.calibrate import figure_cell
from rageval.report.progress import progress_bars
from rageval.scores.agreement import measure
from rageval.types import Language

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "light_judge_measured.md"
SUMMARY = ROOT / "docs" / "light_judge.md"
_MARKS = ("<!-- figures -->\n", "\n<!-- end of figures -->")
PARITY = ROOT / "tests" / "flow" / "parity_items.jsonl"
ATTRIBUTABLE = "Fully attributable"
CHAT = "chat judge"
TIMED = 30
"""Items of each set that are judged once more, to measure how long it takes."""
OWN_THRESHOLD = "its own threshold"


@dataclass(frozen=True)
class Item:
    """A claim against passages; `label` 1 where people say that they support it."""

    claim: str
    passages: tuple[str, ...]
    language: Language
    label: int


@dataclass(frozen=True)
class Labelled:
    """A set of items: those to choose by, and those to report on. `asks` says what it takes to get them right."""

    name: str
    asks: str
    items: tuple[Item, ...]

    @property
    def chosen_by(self) -> tuple[Item, ...]:
        return self.items[0::2]

    @property
    def reported(self) -> tuple[Item, ...]:
        return self.items[1::2]


def begin(data: Path) -> Iterator[Item]:
    for name in ("cmu", "tc", "wow"):
        with (data / "begin" / f"begin_dev_{name}.tsv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                yield Item(row["response"], (row["knowledge"],), "en", int(row["begin_label"] == ATTRIBUTABLE))


def wice(data: Path) -> Iterator[Item]:
    for row in json_lines(data / "wice" / "claim_dev.jsonl"):
        yield Item(row["claim"], (" ".join(row["evidence"]),), "en", int(row["label"] == "supported"))


def ocnli(data: Path) -> Iterator[Item]:
    for row in json_lines(data / "ocnli" / "train.3k.json"):
        if row["label"] in ("entailment", "neutral", "contradiction"):
            yield Item(row["sentence2"], (row["sentence1"],), "zh", int(row["label"] == "entailment"))


def rgb(data: Path) -> Iterator[Item]:
    """The right answer and the false one in turns, so that halves are taken by pairs of questions."""
    rows = [row for row in json_lines(data / "rgb_zh" / "zh_fact.json") if stating(row)]
    for first, second in zip(rows[0::2], rows[1::2], strict=False):
        for key, label in (("answer", 1), ("fakeanswer", 0)):
            for row in (first, second):
                yield Item(str(row[key]), tuple(stating(row)[:1]), "zh", label)


def stating(row: dict[str, Any]) -> list[str]:
    return [text for text in row["positive"] if str(row["answer"]) in text]


def parity(data: Path) -> Iterator[Item]:
    for row in json_lines(PARITY):
        for language in ("en", "zh"):
            one = row[language]
            yield Item(one["answer"], tuple(one["passages"]), language, int(row["supported"]))


def json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


SETS = (
    ("BEGIN dev", "copying: what is attributable is mostly copied", begin),
    ("WiCE dev", "meaning, in long contexts", wice),
    ("OCNLI (Chinese)", "meaning: entailment", ocnli),
    ("RGB zh_fact (Chinese)", "copying: is this answer in the passage?", rgb),
    ("parity items (English and Chinese)", "meaning", parity),
)


@cache
def every_feature(item: Item) -> tuple[float, ...]:
    return features_of(item.claim, item.passages, item.language, aligned=True)


def rows_of(items: Sequence[Item], weights: Weights) -> tuple[Floats, list[int]]:
    """The features that these weights have, and the labels."""
    return np.array([every_feature(one)[: len(weights.features)] for one in items]), [one.label for one in items]


def own_threshold(weights: Weights, chosen_by: tuple[Floats, list[int]], reported: tuple[Floats, list[int]]) -> str:
    """Balanced accuracy at the threshold that is best on the items to choose by."""
    (x, labels), (x_reported, labels_reported) = chosen_by, reported
    p = weights.probabilities(x)
    best = max(np.unique(p), key=lambda at: balanced(labels, p >= at))
    shifted = np.where(weights.probabilities(x_reported) >= best, 1.0, 0.0)
    return figure_cell(measure(labels_reported, [*map(float, shifted)]).balanced_accuracy)


def balanced(labels: Sequence[int], yes: Any) -> float:
    y = np.array(labels) == 1
    return (float(np.mean(yes[y])) + float(np.mean(~yes[~y]))) / 2


def milliseconds(items: Sequence[Item], weights: Weights) -> str:
    """Of CPU for each item, and where its context has been read before."""
    prepare.cache_clear()
    packaged_sentences.cache_clear()
    took: list[float] = []
    for _ in range(2):
        start = time.process_time()
        for one in items:
            weights.probability(one.claim, one.passages, one.language)
        took.append((time.process_time() - start) / len(items) * 1000)
    return f"{took[0]:.1f} | {took[1]:.1f}"


def main_table(sets: Sequence[Labelled], judges: Sequence[Weights], out: Path, chat: int) -> str:
    head = ["set", "asks for", "judge", "n", "AUC", "balanced accuracy", f"at {OWN_THRESHOLD}", "calibration error"]
    lines = [f"| {' | '.join([*head, 'ms/item', 'ms again'])} |", "|" + "---|" * (len(head) + 2)]
    for one in sets:
        baselines: list[Measured] = []
        for weights in judges:
            reported = rows_of(one.reported, weights)
            light, *baselines = measure_judges(weights, reported, one.name, 0)
            threshold = own_threshold(weights, rows_of(one.chosen_by, weights), reported)
            lines.append(figures_line(one, light, threshold, milliseconds(one.reported[:TIMED], weights)))
        lines += [figures_line(one, found, "–", "– | –") for found in baselines]
        if chat:
            lines += chat_lines(one, judges, out, chat)
    return "\n".join(lines) + "\n"


def figures_line(one: Labelled, found: Measured, threshold: str, ms: str) -> str:
    figures = found.figures
    cells = (figure_cell(figures.auc), figure_cell(figures.balanced_accuracy), threshold, figure_cell(figures.ece))
    return f"| {one.name} | {one.asks} | {found.judge} | {found.n} | {' | '.join(cells)} | {ms} |"


def chat_lines(one: Labelled, judges: Sequence[Weights], out: Path, n: int) -> list[str]:
    """The chat judge on the first items, and the light ones on the same."""
    first = one.reported[:n]
    path = out / "labels" / f"light_{one.name.split()[0].lower()}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    question = {"en": "Is this so?", "zh": "是这样吗？"}
    with path.open("w", encoding="utf-8") as file:
        for number, item in enumerate(first):
            row = {"id": str(number), "question": question[item.language], "context": [*item.passages]}
            said = {"answer": item.claim, "label": item.label, "language": item.language}
            file.write(json.dumps({**row, **said}, ensure_ascii=False) + "\n")
    with progress_bars() as bars:
        asked = calibrate(
            JUDGES["claim_support"],
            read_items(path, JUDGES["claim_support"]),
            choose_chat(LocalModel(), out / "cache"),
            scaling="none",
            on_items=bars.labelled_items,
        )
    assert asked.record.zero_shot is not None
    name = f"{CHAT} on the first {n}"
    ms = "– | –" if asked.seconds_per_item is None else f"{asked.seconds_per_item * 1000:.0f} | –"
    light = [
        measure_judges(weights, rows_of(first, weights), one.name, 0, name=f"{weights.word} on the first {n}")[0]
        for weights in judges
    ]
    return [
        figures_line(one, Measured(name, one.name, asked.record.n, asked.record.zero_shot), "–", ms),
        *(figures_line(one, each, "–", "– | –") for each in light),
    ]


def summary_table(sets: Sequence[Labelled], judges: Sequence[Weights]) -> str:
    """AUC alone, of the light judges and the baselines."""
    words = " | ".join(weights.word for weights in judges)
    lines = [f"| set | asks for | {words} | subsequence alone | rare words alone |", "|---|---|---|---|---|---|"]
    for one in sets:
        baselines: list[Measured] = []
        found: list[Measured] = []
        for weights in judges:
            light, *baselines = measure_judges(weights, rows_of(one.reported, weights), one.name, 0)
            found.append(light)
        found += baselines
        lines.append(f"| {one.name} | {one.asks} | {' | '.join(figure_cell(each.figures.auc) for each in found)} |")
    return "\n".join(lines) + "\n"


def parity_table(judges: Sequence[Weights]) -> str:
    """How many parity items each gets right at 0.5, by language; all of them."""
    lines = ["| judge | English | Chinese |", "|---|---|---|"]
    items = [*parity(ROOT)]
    labels = [one.label for one in items]
    said = {weights.word: weights.probabilities(rows_of(items, weights)[0]) for weights in judges}
    said |= {name: rows_of(items, judges[0])[0][:, column] for name, column in BASELINES.items()}
    for name, values in said.items():
        right = [
            sum(
                (value >= 0.5) == (label == 1)
                for value, label, one in zip(values, labels, items, strict=True)
                if one.language == language
            )
            for language in ("en", "zh")
        ]
        lines.append(f"| {name} | {' | '.join(f'{n} of {len(items) // 2}' for n in right)} |")
    return "\n".join(lines) + "\n"


def transfer_table(sets: Sequence[Labelled], weights: Weights) -> str:
    """Trained on corruptions, on people's labels of all other sets, or on both; measured on the set left out."""
    rows = {one.name: rows_of(one.reported, weights) for one in sets}
    lines = ["| set left out | corruptions | people's labels of the others | both |", "|---|---|---|---|"]
    for one in sets:
        others = [rows_of(other.items, weights) for other in sets if other is not one]
        x = weights.standardized(np.concatenate([x for x, _ in others]))
        labels = [label for _, some in others for label in some]
        counts = np.concatenate([np.full(len(some), 1.0 / len(some)) for _, some in others])
        people = fit(x, labels, weights.signs, STRENGTH, counts=counts)
        both = fit(x, labels, weights.signs, STRENGTH, counts=counts, towards=weights.model)
        held, held_labels = rows[one.name]
        shown = [
            figure_cell(measure(held_labels, [*map(float, model.probabilities(weights.standardized(held)))]).auc)
            for model in (weights.model, people, both)
        ]
        lines.append(f"| {one.name} | {' | '.join(shown)} |")
    return "\n".join(lines) + "\n"


def features_table(sets: Sequence[Labelled], weights: Weights) -> str:
    """AUC of the weights without a feature: what is lost, × 1000."""
    lines = [f"| without | {' | '.join(one.name for one in sets)} |", "|---|" + "---|" * len(sets)]
    rows = [rows_of(one.reported, weights) for one in sets]
    for column, name in enumerate(weights.features):
        lost: list[str] = []
        for x, labels in rows:
            standardized = weights.standardized(x)
            model = weights.model
            whole = measure(labels, [*map(float, model.probabilities(standardized))]).auc
            standardized[:, column] = 0.0
            without = measure(labels, [*map(float, model.probabilities(standardized))]).auc
            assert whole is not None
            assert without is not None
            lost.append(f"{1000 * (whole.point - without.point):.0f}")
        lines.append(f"| {name} | {' | '.join(lost)} |")
    return "\n".join(lines) + "\n"


def handbook_table(judges: Sequence[Weights]) -> str:
    """As the files of the weights say it."""
    plain, aligned = judges
    lines = ["| judge | n | AUC | balanced accuracy | calibration error |", "|---|---|---|---|---|"]
    for row in (plain.measured[0], *aligned.measured):
        figures = [cast("list[float]", row[key]) for key in ("auc", "balanced accuracy", "ece")]
        cells = [f"{point:.3f} [{low:.2f}, {high:.2f}]" for point, low, high in figures]
        lines.append(f"| {row['judge']} | {row['n']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main(data: Path, out: Path, chat: int) -> None:
    sets = [Labelled(name, asks, tuple(read(data))) for name, asks, read in SETS]
    judges = [shipped_weights("faithfulness"), shipped_weights("faithfulness", aligned=True)]
    plain, aligned = judges
    baselines = " and ".join(BASELINES)
    page = (
        "# The light judge measured against people\n\n"
        f"Written by `python benchmarks/light_judge.py`, with weights {plain.digest} (`{LIGHT}`) and "
        f"{aligned.digest} (`{LIGHT_ALIGNED}`), on {platform.machine()}, one "
        "thread. Each figure with its 95% interval; a verdict is yes from P = 0.5 on. Features and the strength of the "
        "penalty were chosen on every second item of each set, and so is the threshold of the column *at its own "
        "threshold*; all figures are of the other items, which were measured with three versions of the weights of "
        f"`{LIGHT}`; after the second had been seen, the weight of references and the synonyms were changed, by the "
        f"chosen half. The weights of `{LIGHT_ALIGNED}` were measured once. No label of people was used for any "
        "weights.\n\n"
        f"Milliseconds are of CPU, on the first {TIMED} items of each set; *again* is where the sentences of claim and "
        "context have been read before. Of the first Chinese set, loading the word segmenter counts. "
        f"The baselines ({baselines}) are shares, not probabilities, and are not trained.\n\n"
        "## Does the context support the claim?\n\n"
        f"{main_table(sets, judges, out, chat)}\n"
        "BEGIN and RGB ask for copying: a judge that is good there has not shown that it reads. WiCE, OCNLI and the "
        "parity items ask for meaning. BEGIN: fully attributable or not (Dziri et al. 2022, arXiv 2105.00071); WiCE: "
        "supported or not (Kamoi et al. 2023, arXiv 2303.01432); OCNLI: entailment or not (Hu et al. 2020, arXiv "
        "2010.05444); RGB: the right and the false answer (Chen et al. 2023, arXiv 2309.01431); parity items: ours.\n\n"
        "## Which judge reads meaning?\n\n"
        "Parity items right at 0.5, all thirty in each language; half of them are supported, so that a coin gets "
        "15.\n\n"
        f"{parity_table(judges)}\n"
        "## Corruptions of documents that were left out\n\n"
        f"{handbook_table(judges)}\n"
        "Of the handbook, one document in five.\n\n"
        "## Would people's labels of other sets do better?\n\n"
        f"AUC on each set, with weights from the handbook's corruptions, from people's labels of the four other sets "
        "alone, and from these pulled towards the first.\n\n"
        f"Of `{LIGHT}`:\n\n{transfer_table(sets, plain)}\nOf `{LIGHT_ALIGNED}`:\n\n{transfer_table(sets, aligned)}\n"
        "## What each feature is worth\n\n"
        "AUC that is lost without it, × 1000, the others as they are.\n\n"
        f"Of `{LIGHT}`:\n\n{features_table(sets, plain)}\nOf `{LIGHT_ALIGNED}`:\n\n{features_table(sets, aligned)}"
    )
    PAGE.write_text(page, encoding="utf-8")
    before, _, rest = SUMMARY.read_text(encoding="utf-8").partition(_MARKS[0])
    _, _, after = rest.partition(_MARKS[1])
    SUMMARY.write_text(f"{before}{_MARKS[0]}\n{summary_table(sets, judges)}{_MARKS[1]}{after}", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The light judge against people.")
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path, nargs="?", default=Path("results"))
    parser.add_argument(
        "--chat", type=int, default=0, metavar="N", help="also ask the local chat judge on N items a set"
    )
    given = parser.parse_args()
    main(given.data, given.out, cast("int", given.chat))
