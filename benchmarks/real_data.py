"""Retrieval on real labelled data: SciFact (English) and RGB zh_refine (Chinese); writes docs/measurements.md.

    python benchmarks/real_data.py DATA [OUT]

DATA holds `scifact/` (BEIR) and `rgb_zh/zh_refine.json`; OUT (default: results) keeps the vectors for a second time.
Embedding both collections takes about half an hour on two cores.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import rageval
from rageval.experiment.choose_pipelines import PipelineLike
from rageval.metrics import parse
from rageval.report.leaderboard import number_cell
from rageval.retrieval.indexes.bm25 import BM25Index
from rageval.retrieval.words import Words
from rageval.text import CJK

METRICS = ["ndcg@10", "hit_rate@1", "recall@20", "recall@100"]
RETRIEVERS = ["bm25", "dense", "hybrid"]


def rgb_benchmark(path: Path) -> rageval.Benchmark:
    """All positive and negative passages as the corpus; a question's own positive passages are relevant."""
    ids: dict[str, str] = {}
    questions: list[rageval.Question] = []
    labels: dict[tuple[str, str], rageval.RelevanceLabel] = {}
    for line in path.read_text(encoding="utf-8").split("\n"):
        if not line.strip():
            continue
        record = json.loads(line)
        question_id = f"q{record['id']}"
        questions.append(rageval.Question(question_id, record["query"], "zh"))
        for kind in ("positive", "negative"):
            for given in record[kind]:
                text = given if isinstance(given, str) else "".join(given)
                if not text.strip():
                    continue
                doc_id = ids.setdefault(text, f"p{len(ids)}")
                if kind == "positive":
                    labels[question_id, doc_id] = rageval.RelevanceLabel(question_id, doc_id, 1)
    documents = [rageval.Document(doc_id, text, language="zh") for text, doc_id in ids.items()]
    return rageval.benchmark_from_records("rgb zh_refine", documents, questions, labels.values())


def bm25_over(benchmark: rageval.Benchmark, words: Callable[[str], list[str]]) -> Callable[..., rageval.Response]:
    hits = [rageval.Hit.whole(document) for document in benchmark.documents]
    index = BM25Index([hit.passage for hit in hits], words=Words(cut=lambda text, language: words(text)))

    def search(question: rageval.Question) -> rageval.Response:
        return rageval.Response(hits=index.search(question.text, 100))

    return search


def characters(text: str) -> list[str]:
    return re.findall(rf"[{CJK}]|[^\W_{CJK}]+", text.lower())


def unsegmented(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def table(benchmark: rageval.Benchmark, out: Path, name: str, chinese: bool) -> list[str]:
    lines = [f"| retrieval | {' | '.join(METRICS)} | s |", f"|{'---|' * (len(METRICS) + 2)}"]
    pipelines: dict[str, PipelineLike] = {retriever: {"naive": {"retriever": retriever}} for retriever in RETRIEVERS}
    if chinese:
        by_character, without = bm25_over(benchmark, characters), bm25_over(benchmark, unsegmented)
        by_character.__name__, without.__name__ = "bm25_characters", "bm25_unsegmented"
        pipelines |= {"bm25, single characters": by_character, "bm25, no segmentation": without}
    for label, pipeline in pipelines.items():
        started = time.perf_counter()
        result = rageval.evaluate(benchmark, [pipeline], METRICS, out=out, name=f"{name}-{label.replace(', ', '-')}")
        seconds = time.perf_counter() - started
        estimates = result.leaderboard.rows[0].estimates
        cells = [number_cell(estimates[str(parse(metric))]) for metric in METRICS]
        lines.append(f"| {label} | {' | '.join(cells)} | {seconds:.0f} |")
        print(lines[-1], flush=True)
    return lines


def main(data: Path, out: Path) -> None:
    scifact = rageval.load_benchmark(f"beir:{data / 'scifact'}", split="test")
    rgb = rgb_benchmark(data / "rgb_zh" / "zh_refine.json")
    text = [
        "# Measurements on real data",
        "",
        "Written by `python benchmarks/real_data.py DATA`. Mean [95% interval]; seconds are of the whole evaluation,",
        "with vectors from the cache where they were there. Dense is multilingual-e5-small in 4 bits; passages have at",
        "most 384 tokens.",
        "",
        f"## SciFact, test split: {len(scifact.documents)} documents, {len(scifact.questions)} questions",
        "",
        *table(scifact, out, "scifact", chinese=False),
        "",
        f"## RGB zh_refine: {len(rgb.documents)} passages, {len(rgb.questions)} Chinese questions",
        "",
        *table(rgb, out, "rgb", chinese=True),
        "",
    ]
    Path("docs/measurements.md").write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "results"))
