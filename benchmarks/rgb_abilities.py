"""RGB's four abilities on RGB's own Chinese files, with the local model; writes docs/rgb_abilities.md.

    python benchmarks/rgb_abilities.py DATA [OUT]

DATA holds `rgb_zh/zh_refine.json` and `rgb_zh/zh_fact.json`; OUT (default: results) keeps runs and replies, so that a
stopped run goes on where it was. 20 questions for each ability, drawn with a fixed seed; about forty minutes on two
cores.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rageval
from rageval.report.leaderboard import number_cell

SEED = 20261121
QUESTIONS = 20


@dataclass(frozen=True)
class Ability:
    """A table: a row per recipe `noisy` with these parameters."""

    title: str
    file: str
    questions: rageval.QuestionFilter
    rows: Mapping[str, Mapping[str, Any]]
    metrics: Sequence[str]
    note: str


ABILITIES = [
    Ability(
        "Noise robustness",
        "rgb:{data}/zh_refine.json",
        rageval.QuestionFilter(exclude_tags=("compound",), sample=QUESTIONS),
        {f"{share:.0%} noise": {"noise": share, "k": 5} for share in (0.0, 0.4, 0.8)},
        ["answer_contains", "answer_correctness"],
        "Five passages, of which this share is irrelevant (RGB's negative ones).",
    ),
    Ability(
        "Negative rejection",
        "rgb-rejection:{data}/zh_refine.json",
        rageval.QuestionFilter(exclude_tags=("compound",), sample=QUESTIONS),
        {"100% noise": {"noise": 1.0, "k": 5}},
        ["negative_rejection"],
        "Five irrelevant passages: does the model decline?",
    ),
    Ability(
        "Information integration",
        "rgb:{data}/zh_refine.json",
        rageval.QuestionFilter(tags=("compound",), sample=QUESTIONS),
        {f"{share:.0%} noise": {"noise": share, "k": 5} for share in (0.0, 0.4)},
        ["answer_contains", "answer_correctness"],
        "Questions whose answer has several parts, all of which are needed.",
    ),
    Ability(
        "Counterfactual robustness",
        "rgb:{data}/zh_fact.json",
        rageval.QuestionFilter(sample=QUESTIONS),
        {"true passage": {"k": 1}, "false passage": {"k": 1, "counterfactual": True}},
        ["answer_contains", "answer_correctness"],
        "One passage that states the answer, and the same one with a false answer: how often is the answer right?",
    ),
]


def table(ability: Ability, data: Path, out: Path) -> str:
    result = rageval.evaluate(
        ability.file.format(data=data.resolve()),
        [{"noisy": dict(parameters)} for parameters in ability.rows.values()],
        ability.metrics,
        questions=ability.questions,
        seed=SEED,
        out=out,
        name=ability.title.lower().replace(" ", "-"),
    )
    by_run = {row.path: row for row in result.leaderboard.rows}
    lines = [f"| context | {' | '.join(ability.metrics)} |", "|---" * (1 + len(ability.metrics)) + "|"]
    for name, run in zip(ability.rows, result.runs, strict=True):
        row = by_run[run]
        cells = [
            number_cell(row.estimates[metric], judged=metric == "answer_correctness") for metric in ability.metrics
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return (
        f"## {ability.title}\n\n{ability.note} {result.leaderboard.questions} questions.\n\n" + "\n".join(lines) + "\n"
    )


def main(data: Path, out: Path) -> None:
    tables = [table(ability, data / "rgb_zh", out) for ability in ABILITIES]
    page = (
        "# RGB's four abilities of the local model, in Chinese\n\n"
        f"Written by `python benchmarks/rgb_abilities.py` on {platform.machine()}: the packaged 1.5-billion-parameter "
        f"model, on samples of RGB's Chinese files (Chen et al. 2023, arXiv 2309.01431; seed {SEED}). Means with their "
        "95% intervals; `answer_contains` is RGB's accuracy, `answer_correctness` the same model's opinion (†). How "
        "the contexts are made: [benchmarks/abilities](../benchmarks/abilities/README.md).\n\n" + "\n".join(tables)
    )
    (Path(__file__).parents[1] / "docs" / "rgb_abilities.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "results"))
