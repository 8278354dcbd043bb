"""Judges against people, with the local model: BEGIN (attributable or not) and openqa (right or wrong).

    python benchmarks/judge_quality.py DATA [OUT]

DATA holds `begin/begin_dev_{cmu,tc,wow}.tsv` and `openqa/NQ301_{human,BEM}.tsv`; OUT (default: results) keeps replies
and calibrations. 300 items of each, drawn with a fixed seed. Writes docs/judges_measured.md; takes about an hour.
"""

from __future__ import annotations

import csv
import json
import platform
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rageval.calibration import Calibrated, calibrate, read_items, write_record
from rageval.calibration.measure import Figures
from rageval.experiment.choose_models import choose_chat
from rageval.judges import JUDGES, Item, Judge, Judged
from rageval.models.base import ChatModel, ChatRequest, Message
from rageval.models.structured import yes_probability
from rageval.prompts import passages_block
from rageval.report.progress import progress_bars
from rageval.stats import Interval
from rageval.types import Abstained, Graded, Question, Response

ITEMS = 300
SEED = 20261121
BEGIN_FILES = ("cmu", "tc", "wow")
ATTRIBUTABLE = "Fully attributable"


@dataclass(frozen=True)
class PlainWord:
    """What one would write first: the whole answer, one question, one word. `soft` reads P(yes) from the word."""

    name: str
    instruction: str
    soft: bool
    summary: str = "a plain one-word prompt"
    prompts: tuple[str, ...] = ()

    @property
    def settings(self) -> Mapping[str, str]:
        return {"instruction": self.instruction}

    def calls(self, passages: int) -> tuple[int, int]:
        return 1, 1

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        text = self.instruction.format(
            passages=passages_block(response.context_passages),
            question=question.text,
            answer=response.answer,
            references=" or ".join(question.references),
        )
        reply = await chat.complete(ChatRequest((Message("user", text),), "plain", max_tokens=1, top_logprobs=20))
        p = yes_probability(reply)
        verdict = Abstained("neither yes nor no") if p is None else Graded(float(p >= 0.5), p if self.soft else None)
        return Judged((Item("answer", 0, response.answer or "", verdict),), reply.usage)


PLAIN_SUPPORT = "{passages}\n\nResponse: {answer}\n\nIs the response supported by the passage? Answer yes or no."
PLAIN_CORRECT = (
    "Question: {question}\nReference: {references}\nAnswer: {answer}\n\nIs the answer correct? Answer yes or no."
)


def begin_items(folder: Path) -> Iterator[dict[str, object]]:
    rows = [
        (name, number, row)
        for name in BEGIN_FILES
        for number, row in enumerate(_rows(folder / f"begin_dev_{name}.tsv", csv.QUOTE_NONE), 1)
    ]
    drawn = random.Random(SEED).sample(rows, ITEMS + len(BEGIN_FILES))
    with_message = [(name, number, row) for name, number, row in drawn if row["message"].strip()]
    for name, number, row in with_message[:ITEMS]:
        yield {
            "id": f"{name}-{number}",
            "question": row["message"],
            "context": [row["knowledge"]],
            "answer": row["response"],
            "label": int(row["begin_label"] == ATTRIBUTABLE),
            "language": "en",
        }


def openqa_items(folder: Path) -> Iterator[dict[str, object]]:
    gold = {row["Question"].strip(): row["Gold answers"] for row in _rows(folder / "NQ301_BEM.tsv", csv.QUOTE_MINIMAL)}
    people = [row for row in _rows(folder / "NQ301_human.tsv", csv.QUOTE_MINIMAL) if row["Model answer"].strip()]
    for number, row in random.Random(SEED).sample(list(enumerate(people, 1)), ITEMS):
        references = [answer.strip() for answer in gold[row["Question"].strip()].strip('"').split("|")]
        yield {
            "id": f"nq-{number}",
            "question": row["Question"],
            "context": [],
            "answer": row["Model answer"],
            "reference": references,
            "label": int(row["Acceptable?"].strip() == "Yes"),
            "language": "en",
        }


def _rows(path: Path, quoting: int) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=quoting))


def measured(judges: Sequence[Judge], items: Iterator[dict[str, object]], path: Path, out: Path) -> list[Calibrated]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items), encoding="utf-8")
    file = read_items(path)
    found: list[Calibrated] = []
    for judge in judges:
        with progress_bars() as bars:
            chat = choose_chat("local", Path(), out / "cache")
            found.append(calibrate(judge, file, chat, on_items=bars.labelled_items))
        write_record(found[-1].record, out)
    return found


def table(results: Sequence[tuple[str, Calibrated]]) -> str:
    head = ["judge", "n", "accuracy", "balanced accuracy", "AUC", "κ", "calibration error", "calls/item", "s/item"]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for name, result in results:
        record, calls = result.record, result.usage.calls + result.usage.cached_calls
        asked = record.n + record.abstained
        seconds = "–" if result.seconds_per_item is None else f"{result.seconds_per_item:.2f}"
        cost = f"{calls / asked:.1f} | {seconds}"
        n = f"{record.n}" + (f" ({record.abstained} abstained)" if record.abstained else "")
        assert record.zero_shot is not None
        lines.append(f"| {name} | {n} | {_cells(record.zero_shot)} | {cost} |")
        if record.cross_validated is not None:
            lines.append(f"| {name}, calibrated | {n} | {_cells(record.cross_validated)} | {cost} |")
    return "\n".join(lines) + "\n"


def _cells(figures: Figures) -> str:
    every = (figures.accuracy, figures.balanced_accuracy, figures.auc, figures.kappa, figures.ece)
    return " | ".join(map(_cell, every))


def _cell(interval: Interval | None) -> str:
    return "–" if interval is None else f"{interval.point:.3f} [{interval.low:.2f}, {interval.high:.2f}]"


def main(data: Path, out: Path) -> None:
    support = [
        PlainWord("plain_support_hard", PLAIN_SUPPORT, soft=False),
        PlainWord("plain_support", PLAIN_SUPPORT, soft=True),
        JUDGES["claim_support"],
    ]
    correct = [
        PlainWord("plain_correct_hard", PLAIN_CORRECT, soft=False),
        PlainWord("plain_correct", PLAIN_CORRECT, soft=True),
        JUDGES["answer_correctness"],
    ]
    names = ("plain one-word prompt", "the same, soft verdict")
    begin = measured(support, begin_items(data / "begin"), out / "labels" / "begin.jsonl", out)
    openqa = measured(correct, openqa_items(data / "openqa"), out / "labels" / "openqa.jsonl", out)
    page = (
        "# Judges measured against people\n\n"
        f"Written by `python benchmarks/judge_quality.py`, with {begin[0].record.model} on {platform.machine()}, two "
        f"cores. {ITEMS} items of each set, drawn with seed {SEED}. Each figure with its 95% interval; `calibrated` is "
        "Platt scaling, cross-validated in five folds. Verdicts are yes from P(yes) 0.5 on.\n\n"
        "## Faithfulness: BEGIN, is the response fully attributable to the passage?\n\n"
        f"{table(list(zip((*names, '`claim_support`'), begin, strict=True)))}\n"
        "Labels by people (Dziri et al. 2022, arXiv 2105.00071), development sets cmu, tc and wow.\n\n"
        "## Answer correctness: openqa, is the answer right?\n\n"
        f"{table(list(zip((*names, '`answer_correctness`'), openqa, strict=True)))}\n"
        "Labels by people (Kamalloo et al. 2023, arXiv 2305.06984); on all 1,490 answers GPT-4 has accuracy 0.848 and "
        "κ 0.696 there.\n"
    )
    (Path(__file__).parents[1] / "docs" / "judges_measured.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "results"))
