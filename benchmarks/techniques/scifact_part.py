"""A part of SciFact that the local embedder reads in minutes: the documents that labels name, and some others."""

from __future__ import annotations

from pathlib import Path

import rageval

DOCUMENTS = 1000
TOLD = (
    f"SciFact reduced to {DOCUMENTS:,} of its 5,183 documents: the 667 that the labels of the test and the training "
    "split name, and the first others of the corpus. So all numbers are higher than those published for the whole."
)
TITLES = "Of each document the title alone is searched, which costs a twentieth of the vectors."


def scifact_part(data: Path, split: str, *, titles: bool = False) -> rageval.Benchmark:
    """The questions and labels of a split over these documents; with `titles`, over their titles alone."""
    whole = {name: rageval.load_benchmark(f"beir:{data / 'scifact'}", split=name) for name in ("test", "train")}
    named = {label.doc_id for benchmark in whole.values() for label in benchmark.labels}
    others = [document.id for document in whole[split].documents if document.id not in named]
    kept = {*named, *others[: DOCUMENTS - len(named)]}
    documents = [
        rageval.Document(document.id, document.title) if titles else document
        for document in whole[split].documents
        if document.id in kept
    ]
    return rageval.benchmark_from_records(
        f"scifact {split}, {DOCUMENTS} {'titles' if titles else 'documents'}",
        documents,
        whole[split].questions,
        whole[split].labels,
    )
