"""Five ways to find a hallucination, on the same people's labels: facts, questions, entailment, classifier, chat model.

    python benchmarks/hallucination_five_ways.py DATA --ask [OUT]    # asks the local chat model, some hours
    python benchmarks/hallucination_five_ways.py DATA                # writes benchmarks/hallucination_five_ways.md

DATA is that of benchmarks/light_judge.py. What the ways that ask a chat model said is kept in
benchmarks/hallucination_five_ways.jsonl, a line for each item and way, so that the page is made without a model; OUT
(default: results) keeps its replies. Items are drawn with a fixed seed from the half of each set by which nothing was
chosen. A way of which not every item of a set was asked is left out of that set. `self_consistency` is not here: it
samples answers to a question, and these sets have none.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import platform
import random
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from judges_side_by_side import key_of, response_of
from light_judge import SETS, Item, Labelled, json_lines

from rageval.experiment.choose_models import choose_chat
from rageval.experiment.spec import LocalModel
from rageval.judges import JUDGES, Judged
from rageval.judges.custom import NoChat
from rageval.judges.guard import guarded_judgment
from rageval.models.base import ChatModel
from rageval.people.judging import probability_of
from rageval.report.calibrate import figure_cell
from rageval.scores.agreement import measure
from rageval.stats import cohen_kappa
from rageval.types import Graded, Question

SAID = Path(__file__).with_suffix(".jsonl")
PAGE = SAID.with_suffix(".md")
SEED = 20261202
ITEMS = {"BEGIN": 100, "WiCE": 60, "OCNLI": 100}
MOST_CHARACTERS = 3000
_HEAD = "| set | way | judged | AUC | balanced accuracy | calls/item | tokens/item | s/item |"
ASKED = {"en": "Is this so?", "zh": "是这样吗？"}


@dataclass(frozen=True)
class Way:
    """One way: its metric, the judge behind it, whether that asks a chat model, and what it cannot see."""

    metric: str
    judge: str
    asks: bool
    faults: str


WAYS = (
    Way(
        "hallucination_ie",
        "fact_match",
        True,
        "compares the two ends of each fact and no relation: a wrong verb or a denial passes, an object in other words "
        "is missed; a claim without a fact in three parts has no verdict",
    ),
    Way(
        "hallucination_qa",
        "fact_questions",
        True,
        "sees what its questions ask about, at most five things; a right reply in other words loses F1",
    ),
    Way(
        "hallucination_nli",
        "sentence_entailment",
        False,
        "one sentence of the context at a time; the packaged light judge compares words, numbers and names",
    ),
    Way(
        "hallucination_classifier",
        "answer_entailment",
        False,
        "the packaged light judge reads words, not meaning: a denial or a swap of words within the context passes",
    ),
    Way(
        "hallucination_llm",
        "claim_support",
        True,
        "as good as the model that is asked, which tends to say yes to what sounds likely",
    ),
)


@dataclass(frozen=True)
class Said:
    """P(supported) of an item by one way, None without a verdict, and what that cost."""

    p: float | None
    calls: int
    tokens: int
    seconds: float | None


def draw(data: Path) -> Iterator[tuple[str, tuple[Item, ...]]]:
    for name, asks, read in SETS:
        short = name.split()[0]
        if short in ITEMS:
            items = [*Labelled(name, asks, tuple(read(data))).reported]
            items = [item for item in items if sum(map(len, item.passages)) <= MOST_CHARACTERS]
            random.Random(SEED).shuffle(items)
            yield name, tuple(items[: ITEMS[short]])


async def judge(way: Way, item: Item, chat: ChatModel) -> Said:
    question = Question("item", ASKED[item.language], item.language)
    start = time.monotonic()
    judged = await guarded_judgment(JUDGES[way.judge], question, response_of(item), chat)
    took = time.monotonic() - start
    usage = judged.usage
    tokens = usage.prompt_tokens + usage.completion_tokens
    return Said(supported(way, judged), usage.calls, tokens, None if usage.cached_calls else round(took, 3))


def supported(way: Way, judged: Judged) -> float | None:
    """P(supported) of the claim: of the answer as a whole, or the mean of the parts that the way looks at."""
    if way.judge == "claim_support":
        found = probability_of(judged, way.judge)
        return float(found) if isinstance(found, int | float) else None
    graded = [one.verdict for one in judged.items if isinstance(one.verdict, Graded)]
    if not graded or len(graded) < len(judged.items):
        return None
    return statistics.fmean(one.grade if one.probability is None else one.probability for one in graded)


def ask(sets: Sequence[tuple[str, tuple[Item, ...]]], out: Path) -> None:
    """The ways that ask a chat model, on every item; what was said before is kept."""
    rows = {(row["key"], row["way"]): row for row in said_before()}

    async def work() -> None:
        chat = choose_chat(LocalModel(), out / "cache")
        try:
            for name, items in sets:
                for way, item in itertools.product((way for way in WAYS if way.asks), items):
                    if (key_of(item), way.metric) in rows:
                        continue
                    said = await judge(way, item, chat)
                    rows[key_of(item), way.metric] = {
                        "key": key_of(item),
                        "way": way.metric,
                        "set": name,
                        "p": None if said.p is None else round(said.p, 4),
                        "calls": said.calls,
                        "tokens": said.tokens,
                        "seconds": said.seconds,
                        "model": chat.identity,
                    }
                    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows.values())
                    SAID.write_text("".join(lines), encoding="utf-8")
                print(name, flush=True)
        finally:
            await chat.close()

    asyncio.run(work())


def said_before() -> list[dict[str, object]]:
    return json_lines(SAID) if SAID.is_file() else []


def opinions(
    items: Sequence[Item], kept: Mapping[tuple[object, object], Mapping[str, object]]
) -> dict[Way, list[Said]]:
    """What each way says of the items: offline ways are asked now, the others are read."""
    found: dict[Way, list[Said]] = {}
    for way in WAYS:
        if not way.asks:
            found[way] = [asyncio.run(judge(way, item, NoChat(way.judge))) for item in items]
            continue
        rows = [kept.get((key_of(item), way.metric)) for item in items]
        if all(row is not None for row in rows):
            found[way] = [_read(row) for row in rows if row is not None]
    return found


def _read(row: Mapping[str, object]) -> Said:
    p, calls, tokens, seconds = (row[name] for name in ("p", "calls", "tokens", "seconds"))
    return Said(
        float(p) if isinstance(p, int | float) else None,
        int(str(calls)),
        int(str(tokens)),
        float(seconds) if isinstance(seconds, int | float) else None,
    )


def main_lines(name: str, items: Sequence[Item], found: Mapping[Way, Sequence[Said]]) -> Iterator[str]:
    for way, said in found.items():
        judged = [(item.label, one.p) for item, one in zip(items, said, strict=True) if one.p is not None]
        if not judged:
            yield f"| {name} | `{way.metric}` | 0 of {len(items)} | – | – | – | – | – |"
            continue
        figures = measure([label for label, _ in judged], [p for _, p in judged])
        calls, tokens = (
            statistics.fmean(values) for values in zip(*((one.calls, one.tokens) for one in said), strict=True)
        )
        seconds = [one.seconds for one in said if one.seconds is not None]
        cells = (
            name,
            f"`{way.metric}`",
            f"{len(judged)} of {len(items)}",
            figure_cell(figures.auc),
            figure_cell(figures.balanced_accuracy),
            f"{calls:.1f}",
            f"{tokens:.0f}",
            f"{statistics.fmean(seconds):.3f}" if seconds else "–",
        )
        yield f"| {' | '.join(cells)} |"


def agreement_lines(name: str, found: Mapping[Way, Sequence[Said]]) -> Iterator[str]:
    """Cohen's kappa of each two ways' verdicts at one half, on the items of which both have one."""
    for (first, of_first), (second, of_second) in itertools.combinations(found.items(), 2):
        both = [
            (int(one.p >= 0.5), int(other.p >= 0.5))
            for one, other in zip(of_first, of_second, strict=True)
            if one.p is not None and other.p is not None
        ]
        known = len({verdict for pair in both for verdict in pair}) > 1
        kappa = figure_cell(cohen_kappa(*zip(*both, strict=True)).interval) if known else "–"
        yield f"| {name} | `{first.metric}` | `{second.metric}` | {len(both)} | {kappa} |"


def write_page(sets: Sequence[tuple[str, tuple[Item, ...]]]) -> None:
    rows = said_before()
    kept = {(row["key"], row["way"]): row for row in rows}
    every = [(name, items, opinions(items, kept)) for name, items in sets]
    models = ", ".join(sorted({str(row["model"]) for row in rows})) or "none yet"
    missing = [way.metric for way in WAYS if any(way not in found for _, _, found in every)]
    left_out = f" Not yet asked on every item, and left out there: {', '.join(missing)}." if missing else ""
    told = (
        "Written by `python benchmarks/hallucination_five_ways.py`: items with people's labels (supported or not), "
        f"drawn with seed {SEED} from the half of each set by which no feature of the light judge was chosen, with "
        f"contexts of up to {MOST_CHARACTERS:,} characters. BEGIN and WiCE are English, OCNLI is Chinese. Chat model: "
        f"{models}, on {platform.machine()}; entailment and classifier are the packaged light judge, offline."
        f"{left_out} A way's score is P(supported), or the mean of the parts that it looks at; AUC and balanced "
        "accuracy (at one half) have 95% intervals, on the items of which the way has a verdict. Seconds are "
        "of a machine with other work beside it, and only of calls that no cache answered."
    )
    kappa = (
        "Cohen's kappa of the verdicts of each two ways, with 95% intervals: ways that agree little tell different "
        "things."
    )
    limits = (
        "The items are single claims against one context, mostly a sentence: nothing here shows how the ways do on "
        "long answers, in other languages, or with another model."
    )
    page = [
        "# Five ways to find a hallucination",
        told,
        "\n".join(
            [_HEAD, "|---|---|---|---|---|---|---|---|", *(line for each in every for line in main_lines(*each))]
        ),
        "## Do they agree?",
        kappa,
        "\n".join(
            [
                "| set | way | way | n | kappa |",
                "|---|---|---|---|---|",
                *(line for name, _, found in every for line in agreement_lines(name, found)),
            ]
        ),
        "## What each cannot see",
        "\n".join(f"- `{way.metric}` {way.faults}." for way in WAYS),
        limits,
    ]
    PAGE.write_text("\n\n".join(page) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Five ways to find a hallucination.")
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path, nargs="?", default=Path("results"))
    parser.add_argument("--ask", action="store_true", help="ask the local chat model first")
    given = parser.parse_args()
    drawn = [*draw(given.data)]
    if given.ask:
        ask(drawn, given.out)
    write_page(drawn)
