"""Rerankers on SciFact (English) and RGB zh_refine (Chinese); writes benchmarks/techniques/rerankers.md.

    python benchmarks/techniques/rerankers.py DATA [OUT] [--without-chat]

DATA holds `scifact/` (BEIR) and `rgb_zh/zh_refine.json`. OUT (default: results) keeps runs, vectors and replies, so
that a stopped run goes on where it was. From empty caches about half an hour of two cores, half of it for the chat
model; `--without-chat` leaves that half out.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scifact_part import TOLD, scifact_part

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
SAMPLE = 24
PAGE = Path(__file__).with_suffix(".md")
HEADER = [
    *("reranker", "nDCG@10", "difference [95%]", "recall@5", "difference [95%]"),
    *("calls", "prompt tokens", "s", "unusable"),
]
METRICS = ["ndcg@10", "recall@5", "recall@10"]
SENTENCES: Mapping[str, Reranker] = {"late interaction, sentences": LateInteraction()}
NO_CHAT: Mapping[str, Reranker] = {**SENTENCES, "late interaction, tokens": LateInteraction("tokens")}
WITH_CHAT: Mapping[str, Reranker] = {
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
    """Means, paired differences from the search alone, and what a question cost."""
    (estimates,) = (one.estimates for one in found.leaderboard.rows)
    compared = rageval.compare(baseline.runs[0], found.runs[0], METRICS[:2]).comparisons
    shown: list[str] = []
    for metric in METRICS[:2]:
        mean, difference = estimates[metric], compared[metric].difference
        assert mean is not None
        told = f"{difference.point:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}]"
        shown += [f"{mean.point:.3f}", "–" if found is baseline else told]
    outcomes = [outcome for _, outcome in rageval.RunFolder(found.runs[0]).outcomes_as_written()]
    answered = [one for one in outcomes if isinstance(one, rageval.Response)]
    unusable = sum(int(str(step.detail.get("unusable_replies", 0))) for one in answered for step in one.steps)
    calls, tokens, seconds = (
        sum(values) / len(answered)
        for values in (
            [one.usage.calls for one in answered],
            [one.usage.prompt_tokens for one in answered],
            [one.latency_s for one in answered],
        )
    )
    return [name, *shown, f"{calls:.1f}", f"{tokens:,.0f}", f"{seconds:.1f}", f"{unusable}"]


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


def main(data: Path, out: Path, chat: bool) -> None:
    scifact = scifact_part(data, "test")
    rgb = rageval.load_benchmark(f"rgb:{data / 'rgb_zh' / 'zh_refine.json'}")
    sections = [
        Section("SciFact, BM25", scifact, BM25(), SENTENCES),
        Section("SciFact, BM25 and dense", scifact, HYBRID, SENTENCES),
        Section("RGB zh_refine, BM25", rgb, BM25(), NO_CHAT, SAMPLE),
    ]
    if chat:
        short = BM25(SentenceChunker(128))
        sections += [
            Section("SciFact, BM25 over passages of 128 tokens", scifact, short, WITH_CHAT, SAMPLE),
            Section(
                "RGB zh_refine, BM25 over passages of 128 tokens", rgb, BM25(SentenceChunker(128)), WITH_CHAT, SAMPLE
            ),
        ]
    head = f"""\
# Rerankers, measured

Written by `python benchmarks/techniques/rerankers.py DATA` on {platform.machine()}, with the packaged models:
multilingual-e5-small in 4 bits, and for `pointwise` and `listwise` Qwen2.5-Coder-1.5B. Differences are paired, with 95%
intervals, from the candidates in the order of the search. Samples are {SAMPLE} questions drawn with the seed {SEED}.
`s` are seconds a question on two cores that other work shared, those for vectors included where they were not kept from
before. `unusable` are replies of `listwise` that name no passage.

{TOLD}
"""
    text = [head, *(line for section in sections for line in measure(section, out))]
    PAGE.write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    given = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    main(Path(given[0]), Path(given[1] if len(given) > 1 else "results"), "--without-chat" not in sys.argv)
