"""Ways to find passages that lie several steps away, on MuSiQue: writes benchmarks/techniques/multi_hop.md.

    python benchmarks/techniques/multi_hop.py DATA [OUT] [--chat] [--embed]

DATA holds `musique/` as OSU-NLP-Group/HippoRAG publishes it: `corpus.json`, `questions.json` (of which the supporting
paragraphs are the relevance labels) and `openie_gpt35.json`, the triples of every passage. OUT (default: results) keeps
runs, vectors and replies, so that a stopped run goes on where it was. Alone it needs no model and takes a minute. With
`--chat` the packaged chat model splits, reasons on and answers a sample of the questions, searched for by BM25: ten
minutes on two cores. With `--embed` the packaged embedder embeds all passages: about half an hour.
"""

from __future__ import annotations

import json
import platform
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import rageval
from rageval.decide.leaderboard import Row
from rageval.pipeline import Pipeline, Query, Resources, Stage, State
from rageval.report.leaderboard import number_cell
from rageval.report.markdown import table
from rageval.retrieval import BM25, Retrieve
from rageval.scores.pairs import signed

SEED = 20261201
SAMPLE = 16
SEARCHED = ["recall@2", "recall@5"]
ANSWERED = ["recall@5", "token_f1", "answer_contains"]
PAGE = Path(__file__).with_suffix(".md")
ANSWER = {"answer": {"abstain": "never", "max_tokens": 64}}
PUBLISHED = {
    "BM25": ("32.3", "41.2", "–"),
    "Contriever": ("34.8", "46.6", "–"),
    "ColBERTv2": ("37.9", "49.2", "26.4"),
    "HippoRAG (Contriever)": ("41.0", "52.1", "–"),
    "HippoRAG (ColBERTv2)": ("40.9", "51.9", "29.8"),
    "IRCoT + ColBERTv2": ("41.7", "53.7", "30.5"),
    "IRCoT + HippoRAG (ColBERTv2)": ("45.3", "57.6", "33.3"),
}

Stages = list[Any] | Stage


@dataclass(frozen=True)
class Decomposed(Stage):
    """Search with the questions into which people decomposed the question, beside it: a ceiling of what models write.

    Where a question needs the answer to one before it, `known` puts that answer in its place; else it is left out, as
    a model that has read nothing has to.
    """

    known: bool

    async def run(self, state: State, resources: Resources) -> State:
        parts = cast("list[str]", state.question.metadata["known" if self.known else "open"])
        return replace(state, queries=(*state.queries, *map(Query, parts)))


def decomposition(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The questions of a decomposition, in which #1 stands for the first answer: with the answers, and without them."""
    parts: list[Mapping[str, Any]] = asked["question_decomposition"]
    answers = {f"#{number}": part["answer"] for number, part in enumerate(parts, 1)}
    known, unknown = list[str](), list[str]()
    for part in parts:
        marks = re.findall(r"#\d", part["question"])
        known.append(re.sub(r"#\d", lambda mark: answers[mark[0]], part["question"]))
        unknown += [] if marks else [part["question"]]
    return {"known": known, "open": unknown}


def graph(data: Path) -> dict[str, Any]:
    """The graph of the triples of GPT-3.5, whose entities are found in questions by name alone."""
    return {"triples": str((data / "musique" / "openie_gpt35.json").resolve()), "facts": 0}


def searches(data: Path) -> dict[str, Stages]:
    """By name, the ways to search that need no model; the first is the baseline."""
    by_graph = {"graph": graph(data)}
    bm25 = {"retrieve": {"retriever": "bm25"}}
    return {
        "naive_bm25": [bm25],
        "feedback": [bm25, "feedback", bm25],
        "graph": [{"retrieve": {"retriever": by_graph}}],
        "graph_damping_0.2": [{"retrieve": {"retriever": {"graph": {**graph(data), "damping": 0.2}}}}],
        "graph_damping_0.8": [{"retrieve": {"retriever": {"graph": {**graph(data), "damping": 0.8}}}}],
        "bm25_graph": [{"retrieve": {"retriever": ["bm25", by_graph]}}],
        "people's sub-questions": Decomposed(known=False) >> Retrieve(BM25()),
        "people's sub-questions, in turn": Decomposed(known=False) >> Retrieve(BM25(), combine="turns"),
        "people's steps": Decomposed(known=True) >> Retrieve(BM25()),
        "people's steps, in turn": Decomposed(known=True) >> Retrieve(BM25(), combine="turns"),
    }


def embedding(data: Path) -> dict[str, list[Any]]:
    """By name, those that need an embedder; the first is the baseline."""
    return {
        "naive_hybrid": [{"retrieve": {"retriever": "hybrid"}}],
        "naive_dense": [{"retrieve": {"retriever": "dense"}}],
        "hybrid_graph": [{"retrieve": {"retriever": ["hybrid", {"graph": graph(data)}]}}],
    }


def asking(data: Path) -> dict[str, list[Any]]:
    """By name, what answers; the first is the baseline. The chat model also takes part in the search of some."""
    bm25 = {"retrieve": {"retriever": "bm25"}}
    return {
        "naive_bm25": [bm25],
        "sub_questions": ["sub_questions", bm25],
        "sub_questions, in turn": ["sub_questions", {"retrieve": {"retriever": "bm25", "combine": "turns"}}],
        "ircot, in turn": [{"iterate": {"retriever": "bm25", "keep": 5}}],
        "bm25_graph": [{"retrieve": {"retriever": ["bm25", {"graph": graph(data)}]}}],
    }


def read_benchmark(data: Path) -> rageval.Benchmark:
    """All passages as documents `p0`, `p1`, …; the supporting paragraphs of a question are relevant."""
    documents = [
        rageval.Document(f"p{number}", one["text"], one["title"], "en")
        for number, one in enumerate(json.loads((data / "corpus.json").read_text(encoding="utf-8")))
    ]
    ids = {(document.title, document.text): document.id for document in documents}
    questions: list[rageval.Question] = []
    labels: list[rageval.RelevanceLabel] = []
    for asked in json.loads((data / "questions.json").read_text(encoding="utf-8")):
        references = (asked["answer"], *asked["answer_aliases"])
        parts = decomposition(asked)
        questions.append(rageval.Question(asked["id"], asked["question"], "en", references, metadata=parts))
        labels += [
            rageval.RelevanceLabel(asked["id"], ids[one["title"], one["paragraph_text"]], 1)
            for one in asked["paragraphs"]
            if one["is_supporting"]
        ]
    return rageval.benchmark_from_records("musique", documents, questions, labels)


def rows(result: rageval.Result, metrics: Sequence[str], names: Sequence[str]) -> Iterator[list[str]]:
    """A row for each method: its means, its differences to the first one, and what it costs a question."""
    by_path = {row.path: row for row in result.leaderboard.rows}
    for name, run in zip(names, result.runs, strict=True):
        row = by_path[run]
        yield [name, *(number_cell(row.estimates[metric]) for metric in metrics), *costs(row)]
        if run != result.runs[0]:
            compared = rageval.compare(result.runs[0], run, metrics).comparisons
            cells: list[str] = []
            for metric in metrics:
                one = compared[metric].difference
                cells.append(f"{signed(one.point)} [{signed(one.low)}, {signed(one.high)}]")
            yield ["– difference", *cells, "", "", ""]


def costs(row: Row) -> list[str]:
    """Calls and tokens of a question, alone, and seconds of this run, in which some replies were cached."""
    asked = next(estimate.n for estimate in row.estimates.values() if estimate is not None)
    stages = [usage for name, usage in row.usage.items() if name.startswith("stage ")]
    calls = sum(usage.calls for usage in stages) / asked
    tokens = sum(usage.prompt_tokens + usage.completion_tokens for usage in stages) / asked
    return [f"{calls:.1f}", f"{tokens:,.0f}", "–" if row.mean_latency_s is None else f"{row.mean_latency_s:.2f}"]


def measure(
    benchmark: rageval.Benchmark, methods: Mapping[str, Stages], metrics: Sequence[str], sample: int | None, out: Path
) -> tuple[list[str], int]:
    """The table of these methods, and how many questions it is of."""
    result = rageval.evaluate(
        benchmark,
        [
            Pipeline(name, stages) if isinstance(stages, Stage) else {name: {"stages": stages}}
            for name, stages in methods.items()
        ],
        metrics,
        questions=rageval.QuestionFilter(sample=sample),
        seed=SEED,
        out=out,
        name="multi-hop",
    )
    header = ["method", *metrics, "calls", "tokens", "seconds"]
    return table(header, rows(result, metrics, [*methods])), result.leaderboard.questions


def embedded(data: Path, benchmark: rageval.Benchmark, out: Path) -> Iterator[str]:
    searched, asked = measure(benchmark, embedding(data), SEARCHED, None, out)
    yield from (f"## With an embedder: all {asked} questions", "", *searched, "")


def answered(data: Path, benchmark: rageval.Benchmark, out: Path) -> Iterator[str]:
    methods = {name: [*stages, ANSWER] for name, stages in asking(data).items()}
    found, sampled = measure(benchmark, methods, ANSWERED, SAMPLE, out)
    yield from (
        f"## With the packaged 1.5B chat model: {sampled} questions, drawn with the seed {SEED}",
        "",
        "`token_f1` is F1 of SQuAD, `answer_contains` whether the answer holds a reference. The model answers in a",
        "sentence, which costs F1. It reads five passages, found by BM25, and never abstains. So few questions show",
        "costs, and large effects at most.",
        "",
        *found,
        "",
    )


def main(data: Path, out: Path, chat: bool, embed: bool) -> None:
    benchmark = read_benchmark(data / "musique")
    searched, asked = measure(benchmark, searches(data), SEARCHED, None, out)
    text = [
        "# Questions over several passages, measured",
        "",
        f"Written by `python benchmarks/techniques/multi_hop.py DATA{' --chat' * chat}{' --embed' * embed}` on",
        f"{platform.machine()}. MuSiQue as HippoRAG publishes it: {len(benchmark.documents):,} passages, {asked}",
        "questions whose answer joins two to four of them (Trivedi et al. 2022, CC BY 4.0). Means with 95% intervals;",
        "below each method its difference to the first of the table, question by question, with the interval of that",
        "metric alone. Calls and tokens (prompt and reply) are for a question, alone; seconds are those of this run,",
        "in which replies and vectors may come from the cache. Dense is multilingual-e5-small in 4 bits.",
        "",
        "The graph is made of the triples that GPT-3.5 wrote for HippoRAG; what writing them costs is not counted.",
        "Entities of a question are found by name alone (`facts: 0`), and no chat model is asked for them.",
        "`damping` is 0.5 where the name does not say it.",
        "",
        "Four rows are ceilings, not methods: BM25 with the question and those into which MuSiQue's authors split it.",
        "`people's sub-questions` are those that can be asked at once, the ceiling of `sub_questions`;",
        "`people's steps` are all of them, with the answers of the steps before filled in, the ceiling of `iterate`.",
        "The rankings of the questions are joined by reciprocal rank fusion, or the best of each is taken in turn",
        "(`combine: turns`).",
        "",
        f"## Without any model: all {asked} questions",
        "",
        *searched,
        "",
        *(answered(data, benchmark, out) if chat else ()),
        *(embedded(data, benchmark, out) if embed else ()),
        "## Published",
        "",
        "In % on MuSiQue, in tables 2 to 4 of Gutiérrez et al. 2024 (HippoRAG, arXiv 2405.14831): 1,000 questions over",
        "11,656 passages, six times as many as here, which makes it harder. GPT-3.5 reasons for IRCoT and answers.",
        "",
        *table(["method", "recall@2", "recall@5", "F1"], ([name, *cells] for name, cells in PUBLISHED.items())),
        "",
    ]
    PAGE.write_text("\n".join(text), encoding="utf-8")
    print("\n".join(text))


if __name__ == "__main__":
    given = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    main(Path(given[0]), Path(given[1] if len(given) > 1 else "results"), "--chat" in sys.argv, "--embed" in sys.argv)
