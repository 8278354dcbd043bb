"""A part of SciFact that the local embedder reads in minutes: the documents that labels name, and some others."""

from __future__ import annotations

from pathlib import Path

import rageval

DOCUMENTS = 1000
TOLD = (
    f"SciFact reduced to {DOCUMENTS:,} of its 5,183 documents: the 667 that the labels of the test and the training "
    "split name, and the first others of the corpus. So all numbers are higher than those published for the whole."
)


def scifact_part(data: Path, split: str) -> rageval.Benchmark:
    """The questions and labels of a split over these documents."""
    whole = {name: rageval.load_benchmark(f"beir:{data / 'scifact'}", split=name) for name in ("test", "train")}
    named = {label.doc_id for benchmark in whole.values() for label in benchmark.labels}
    others = [document.id for document in whole[split].documents if document.id not in named]
    kept = {*named, *others[: DOCUMENTS - len(named)]}
    documents = [document for document in whole[split].documents if document.id in kept]
    return rageval.benchmark_from_records(
        f"scifact {split}, {DOCUMENTS} documents", documents, whole[split].questions, whole[split].labels
    )
