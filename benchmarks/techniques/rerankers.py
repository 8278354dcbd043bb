"""Rerankers on SciFact (English) and RGB zh_refine (Chinese); writes benchmarks/techniques/rerankers.md.

    python benchmarks/techniques/rerankers.py DATA [OUT] [--titles] [--without-chat]

DATA holds `scifact/` (BEIR) and `rgb_zh/zh_refine.json`. OUT (default: results) keeps runs, vectors and replies, so
that a stopped run goes on where it was. From empty caches about forty minutes of two free cores, half of them for the
chat model; with `--titles`, where SciFact's documents are their titles, about ten. `--without-chat` leaves out what
asks the chat model.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rows import answered, compared, costs
from scifact_part import TITLES, TOLD, scifact_part

import rageval
from rageval.pipeline import Pipeline
from rageval.report.markdown import table
from rageval.retrieval import (
    BM25,
    HYBRID,
    Index,
    LateInteraction,
    Listwise,
    Pointwise,
    Rerank,
    Reranker,
    Retrieve,
    SentenceChunker,
)

SEED = 20261201
CANDIDATES = 10
SAMPLE = 16
PAGE = Path(__file__).with_suffix(".md")
HEADER = [
    *("reranker", "nDCG@10", "difference [95%]", "recall@5", "difference [95%]"),
    *("calls", "prompt tokens", "s", "unusable"),
]
METRICS = ["ndcg@10", "recall@5", "recall@10"]
SENTENCES: Mapping[str, Reranker] = {"late interaction, sentences": LateInteraction()}
NO_CHAT: Mapping[str, Reranker] = {**SENTENCES, "late interaction, tokens": LateInteraction("tokens")}
ALL: Mapping[str, Reranker] = {
    **NO_CHAT,
    "pointwise": Pointwise(),
    "listwise, windows of 6": Listwise(window=6, step=4),
}


@dataclass(frozen=True)
class Section:
    """A table: the candidates of a search, in their own order and in those of rerankers."""

    title: str
    benchmark: rageval.Benchmark
    search: Index | tuple[Index, ...]
    rerankers: Mapping[str, Reranker]
    sample: int | None = None


def run(section: Section, reranker: Reranker | None, out: Path) -> rageval.Result:
    find = Retrieve(section.search, k=CANDIDATES, depth=CANDIDATES)
    stage = find if reranker is None else find >> Rerank(reranker, CANDIDATES)
    return rageval.evaluate(
        section.benchmark,
        [Pipeline("search" if reranker is None else "rerank", stage)],
        METRICS,
        questions=None if section.sample is None else rageval.QuestionFilter(sample=section.sample),
        seed=SEED,
        out=out,
        name="rerankers",
    )


def row(name: str, baseline: rageval.Result, found: rageval.Result) -> list[str]:
    responses = answered(found)
    unusable = sum(int(str(step.detail.get("unusable_replies", 0))) for one in responses for step in one.steps)
    return [name, *compared(baseline, found, METRICS[:2]), *costs(responses), f"{unusable}"]


def measure(section: Section, out: Path) -> list[str]:
    baseline = run(section, None, out)
    rows = [row("search alone", baseline, baseline)]
    for name, reranker in section.rerankers.items():
        rows.append(row(name, baseline, run(section, reranker, out)))
        print(section.title, rows[-1], flush=True)
    ceiling = baseline.leaderboard.rows[0].estimates[METRICS[2]]
    assert ceiling is not None
    most = f"{ceiling.point:.3f} [{ceiling.low:.3f}, {ceiling.high:.3f}]"
    questions = f"{baseline.leaderboard.questions} questions, {CANDIDATES} candidates each."
    told = f"{questions} Their recall, which no reranker can pass: {most}."
    return [f"## {section.title}", "", told, "", *table(HEADER, rows), ""]


def main(data: Path, out: Path, titles: bool, chat: bool) -> None:
    scifact = scifact_part(data, "test", titles=titles)
    rgb = rageval.load_benchmark(f"rgb:{data / 'rgb_zh' / 'zh_refine.json'}")
    name, short = f"SciFact{', titles' if titles else ''}", BM25(SentenceChunker(128))
    sampled = ALL if chat else NO_CHAT
    sections = [
        Section(f"{name}, BM25", scifact, BM25(), SENTENCES),
        Section(f"{name}, BM25 and dense", scifact, HYBRID, SENTENCES),
        Section(f"{name}, BM25 over passages of 128 tokens, a sample", scifact, short, sampled, SAMPLE),
        Section("RGB zh_refine, BM25 over passages of 128 tokens, a sample", rgb, short, sampled, SAMPLE),
    ]
    command = f"python benchmarks/techniques/rerankers.py DATA{' --titles' * titles}{' --without-chat' * (not chat)}"
    chat_model = ", and for `pointwise` and `listwise` Qwen2.5-Coder-1.5B" if chat else ""
    text = [
        f"""\
# Rerankers, measured

Written by `{command}` on {platform.machine()}, with the packaged models: multilingual-e5-small in 4 bits{chat_model}.
Differences are paired, with 95% intervals, from the candidates in the order of the search. Samples are {SAMPLE}
questions drawn with the seed {SEED}: they show costs, and large effects at most. `s` are seconds a question on two
cores that much other work shared, those for vectors included where they were not kept from before. `unusable` are
replies of `listwise` that name no passage.

{TOLD} {TITLES if titles else ""}
"""
    ]
    for section in sections:
        text += measure(section, out)
        PAGE.write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    flags = {"--titles", "--without-chat"}
    given = [argument for argument in sys.argv[1:] if argument not in flags]
    out = Path(given[1] if len(given) > 1 else "results")
    main(Path(given[0]), out, "--titles" in sys.argv, "--without-chat" not in sys.argv)
