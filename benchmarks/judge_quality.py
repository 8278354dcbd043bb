"""Judges against people, with the local model: BEGIN (attributable or not), RGB (in Chinese), openqa (right or wrong).

    python benchmarks/judge_quality.py DATA [OUT]

DATA holds `begin/begin_dev_{cmu,tc,wow}.tsv`, `rgb_zh/zh_fact.json` and `openqa/NQ301_{human,BEM}.tsv`; OUT (default:
results) keeps replies and calibrations. 300 items of BEGIN and of openqa, drawn with a fixed seed; of RGB those that no
prompt was tried on. At last the shipped attacks on the judge of claims. Writes docs/judges_measured.md; takes over an
hour.
"""

from __future__ import annotations

import csv
import json
import platform
import random
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from rageval.experiment.choose_models import choose_chat
from rageval.experiment.spec import LocalModel
from rageval.judges import JUDGES, Item, Judge, Judged
from rageval.models.base import ChatModel, ChatRequest, Message
from rageval.models.structured import yes_probability
from rageval.people import Calibrated, LabelFile, calibrate, read_items, write_record
from rageval.prompts import passages_block
from rageval.report.progress import progress_bars
from rageval.scores.agreement import Figures
from rageval.stats import Interval
from rageval.types import Abstained, Graded, Json, Language, Question, Response

ITEMS = 300
SEED = 20261121
BEGIN_FILES = ("cmu", "tc", "wow")
ATTRIBUTABLE = "Fully attributable"
TRIED_BEFORE = 40
TIMED = 20


@dataclass(frozen=True)
class PlainWord:
    """What one would write first: the whole answer, one question, one word."""

    name: str
    instruction: Mapping[Language, str]
    summary: str = "a plain one-word prompt"
    prompts: tuple[str, ...] = ()

    @property
    def settings(self) -> Mapping[str, Json]:
        return {**self.instruction}

    def calls(self, passages: int) -> tuple[int, int]:
        return 1, 1

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        text = self.instruction[question.language].format(
            passages=passages_block(response.context_passages),
            question=question.text,
            answer=response.answer,
            references=" or ".join(question.references),
        )
        reply = await chat.complete(ChatRequest((Message("user", text),), "plain", max_tokens=1, top_logprobs=20))
        p = yes_probability(reply)
        verdict = Abstained("neither yes nor no") if p is None else Graded(float(p >= 0.5), p)
        return Judged((Item("answer", 0, response.answer or "", verdict),), reply.usage)


@dataclass(frozen=True)
class HardVerdicts:
    """The same judge without its probabilities: yes or no alone."""

    inner: Judge
    summary: str = "yes or no alone"

    @property
    def name(self) -> str:
        return f"{self.inner.name}_hard"

    @property
    def prompts(self) -> tuple[str, ...]:
        return self.inner.prompts

    def calls(self, passages: int) -> tuple[int, int]:
        return self.inner.calls(passages)

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        judged = await self.inner.judge(question, response, chat)
        items = (
            replace(item, verdict=replace(item.verdict, probability=None)) if isinstance(item.verdict, Graded) else item
            for item in judged.items
        )
        return replace(judged, items=tuple(items))


PLAIN_SUPPORT: dict[Language, str] = {
    "en": "{passages}\n\nResponse: {answer}\n\nIs the response supported by the passage? Answer yes or no.",
    "zh": "{passages}\n\n回答：{answer}\n\n以上回答是否得到段落的支持？请回答“是”或“否”。",
}
PLAIN_CORRECT: dict[Language, str] = {
    "en": "Question: {question}\nReference: {references}\nAnswer: {answer}\n\nIs the answer correct? Answer yes or no.",
}


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


def fact_items(folder: Path) -> Iterator[dict[str, object]]:
    """The right answer and the false one to each question, with a passage that states the right one."""
    lines = (folder / "zh_fact.json").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    stated = [(row, [text for text in row["positive"] if str(row["answer"]) in text]) for row in rows]
    for row, passages in [pair for pair in stated if pair[1]][TRIED_BEFORE:]:
        for label, answer in enumerate((row["fakeanswer"], row["answer"])):
            yield {
                "id": f"rgb-{row['id']}-{label}",
                "question": row["query"],
                "context": passages[:1],
                "answer": str(answer),
                "label": label,
                "language": "zh",
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


def _rows(path: Path, quoting: Literal[0, 3]) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=quoting))


@dataclass(frozen=True)
class Measured:
    """One judge with probabilities and without, and how long it takes without a cache."""

    soft: Calibrated
    hard: Calibrated
    seconds_per_item: float


def label_file(path: Path, items: Iterable[dict[str, object]]) -> LabelFile:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items), encoding="utf-8")
    return read_items(path, JUDGES["claim_support"])


def measured(judges: Sequence[Judge], file: LabelFile, out: Path) -> list[Measured]:
    found: list[Measured] = []
    for judge in judges:
        with progress_bars() as bars:
            chat = choose_chat(LocalModel(), out / "cache")
            soft = calibrate(judge, file, chat, on_items=bars.labelled_items)
        write_record(soft.record, out)
        hard = calibrate(HardVerdicts(judge), file, choose_chat(LocalModel(), out / "cache"), scaling="none")
        found.append(Measured(soft, hard, seconds_per_item(judge, file)))
    return found


def seconds_per_item(judge: Judge, file: LabelFile) -> float:
    """Over the first items, asked anew: what the cache holds of them is of no use here."""
    first = replace(file, items=file.items[:TIMED])
    with TemporaryDirectory() as empty:
        seconds = calibrate(judge, first, choose_chat(LocalModel(), Path(empty)), scaling="none").seconds_per_item
    assert seconds is not None
    return seconds


def table(results: Sequence[tuple[str, Measured]]) -> str:
    head = ["judge", "n", "accuracy", "balanced accuracy", "AUC", "κ", "calibration error", "calls/item", "s/item"]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for name, result in results:
        record, usage = result.soft.record, result.soft.usage
        cost = f"{usage.calls / (record.n + record.abstained):.1f} | {result.seconds_per_item:.1f}"
        n = f"{record.n}" + (f" ({record.abstained} abstained)" if record.abstained else "")
        rows = {
            "yes or no": result.hard.record.zero_shot,
            "soft": record.zero_shot,
            "calibrated": record.cross_validated,
        }
        for kind, figures in rows.items():
            assert figures is not None
            lines.append(f"| {name}, {kind} | {n} | {_cells(figures)} | {cost} |")
    return "\n".join(lines) + "\n"


def attacked(file: LabelFile, out: Path) -> str:
    with progress_bars() as bars:
        chat = choose_chat(LocalModel(), out / "cache")
        report = calibrate(JUDGES["claim_support"], file, chat, attacks=True, on_attacks=bars.attacks).attacks
    assert report is not None
    lines = ["| added to | attacks | said yes | controls | said yes |", "|---|---|---|---|---|"]
    for cell in report.cells:
        place = "all" if cell.language is None else f"{cell.language}, {cell.place}s"
        sides = [f"{rate.n} | {_cell(rate.rate)}" for rate in (cell.attacks, cell.controls)]
        lines.append(f"| {place} | {' | '.join(sides)} |")
    return "\n".join(lines) + "\n"


def _cells(figures: Figures) -> str:
    every = (figures.accuracy, figures.balanced_accuracy, figures.auc, figures.kappa, figures.ece)
    return " | ".join(map(_cell, every))


def _cell(interval: Interval | None) -> str:
    return "–" if interval is None else f"{interval.point:.3f} [{interval.low:.2f}, {interval.high:.2f}]"


def main(data: Path, out: Path) -> None:
    support = [
        PlainWord("plain_support", PLAIN_SUPPORT),
        JUDGES["claim_support"],
    ]
    correct = [
        PlainWord("plain_correct", PLAIN_CORRECT),
        JUDGES["answer_correctness"],
    ]
    plain = "plain one-word prompt"
    labels = out / "labels"
    english, chinese = [*begin_items(data / "begin")], [*fact_items(data / "rgb_zh")]
    begin = measured(support, label_file(labels / "begin.jsonl", english), out)
    facts = measured(support, label_file(labels / "rgb_fact.jsonl", chinese), out)
    openqa = measured(correct, label_file(labels / "openqa.jsonl", openqa_items(data / "openqa")), out)
    attacks = attacked(label_file(labels / "both.jsonl", english + chinese), out)
    page = (
        "# Judges measured against people\n\n"
        f"Written by `python benchmarks/judge_quality.py`, with {begin[0].soft.record.model} on {platform.machine()}, "
        f"two cores. {ITEMS} items of each set, drawn with seed {SEED}. Each figure with its 95% interval. `soft` "
        "reads P(yes) from the tokens, and `calibrated` scales it (Platt, cross-validated in five folds); a verdict is "
        f"yes from 0.5 on. Seconds are of the first {TIMED} items of each set, without a cache.\n\n"
        "## Faithfulness: BEGIN, is the response fully attributable to the passage?\n\n"
        f"{table(list(zip((plain, '`claim_support`'), begin, strict=True)))}\n"
        "Labels by people (Dziri et al. 2022, arXiv 2105.00071), development sets cmu, tc and wow.\n\n"
        "## Faithfulness in Chinese: RGB, does the passage state this answer?\n\n"
        f"{table(list(zip((plain, '`claim_support`'), facts, strict=True)))}\n"
        f"The right and the false answer to {len(chinese) // 2} questions of zh_fact (Chen et al. 2023, arXiv "
        "2309.01431), each with a passage that states the right one.\n\n"
        "## Answer correctness: openqa, is the answer right?\n\n"
        f"{table(list(zip((plain, '`answer_correctness`'), openqa, strict=True)))}\n"
        "Labels by people (Kamalloo et al. 2023, arXiv 2305.06984); on all 1,490 answers GPT-4 has accuracy 0.848 and "
        "κ 0.696 there.\n\n"
        "## Injections: can the judge of claims be talked into a yes?\n\n"
        f"{attacks}\n"
        "Each text of benchmarks/attacks was added to the answer or the passage of an item above that is labelled no "
        "and that the judge called no. Controls are harmless texts: what they change is noise.\n"
    )
    (Path(__file__).parents[1] / "docs" / "judges_measured.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "results"))
