"""Adapters on SciFact, trained on its training split; writes benchmarks/techniques/adapter.md.

    python benchmarks/techniques/adapter.py DATA [OUT] [--titles]

DATA holds `scifact/` (BEIR). OUT (default: results) keeps runs, adapters and vectors, so that a stopped run goes on
where it was. From empty caches some ten minutes of two free cores, almost all of them for the vectors; with `--titles`,
where documents are their titles, two minutes.
"""

from __future__ import annotations

import platform
import sys
import time
from pathlib import Path

from scifact_part import TITLES, TOLD, scifact_part

import rageval
from rageval.experiment.open_models import OpenModels
from rageval.experiment.spec import LocalModel
from rageval.pipeline import Pipeline
from rageval.report.markdown import table
from rageval.retrieval import BM25, AdaptedDense, Dense, Index, Retrieve
from rageval.retrieval.adapters import TrainedAdapter, train_adapter, write_adapter

SEEDS = (0, 1, 2)
RANKS = {"full rank": None, "rank 16": 16}
METRICS = ["ndcg@10", "recall@10", "recall@5"]
PAGE = Path(__file__).with_suffix(".md")


def train(
    benchmark: rageval.Benchmark,
    test: rageval.Benchmark,
    rank: int | None,
    seed: int,
    path: Path,
    out: Path,
) -> tuple[TrainedAdapter, float]:
    """The adapter, also written to `path`, and the seconds of its training; all vectors are kept from before."""
    with OpenModels(out / "cache") as models:
        embedder = models.embedder(LocalModel(), Path())
        started = time.perf_counter()
        trained = models.run(
            train_adapter(benchmark, embedder, source=benchmark.name, rank=rank, seed=seed, apart_from=test.questions)
        )
    write_adapter(trained.adapter, path)
    return trained, time.perf_counter() - started


def search(benchmark: rageval.Benchmark, index: Index | tuple[Index, ...], out: Path) -> rageval.Result:
    return rageval.evaluate(benchmark, [Pipeline("search", Retrieve(index, k=10))], METRICS, out=out, name="adapter")


def row(name: str, baseline: rageval.Result, found: rageval.Result, *told: str) -> list[str]:
    """Means, and paired differences from the untouched embedder."""
    compared = rageval.compare(baseline.runs[0], found.runs[0], METRICS[:2]).comparisons
    shown: list[str] = []
    for metric in METRICS[:2]:
        mean, difference = found.leaderboard.rows[0].estimates[metric], compared[metric].difference
        assert mean is not None
        change = f"{difference.point:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}]"
        shown += [f"{mean.point:.3f}", "–" if found is baseline else change]
    return [name, *shown, *told]


def main(data: Path, out: Path, titles: bool) -> None:
    test, training = (scifact_part(data, split, titles=titles) for split in ("test", "train"))
    dense = search(test, Dense(), out)
    rows = [row("dense", dense, dense, "–", "–", "–")]
    hybrid = search(test, (BM25(), Dense()), out)
    joined = [row("BM25 and dense", hybrid, hybrid)]
    for name, rank in RANKS.items():
        for seed in SEEDS:
            path = out / f"adapter-{rank or 'full'}-{seed}.npz"
            trained, seconds = train(training, test, rank, seed, path, out)
            before, after = trained.history[0], trained.best
            told = (f"{before.held_out:.3f} → {after.held_out:.3f}", f"{after.number}", f"{seconds:.1f}")
            label = f"dense, adapter of {name}, seed {seed}"
            rows.append(row(label, dense, search(test, AdaptedDense(path), out), *told))
            print(rows[-1], flush=True)
            if seed == SEEDS[0]:
                both = search(test, (BM25(), AdaptedDense(path)), out)
                joined.append(row(f"BM25 and dense, adapter of {name}, seed {seed}", hybrid, both))
    columns = ["search", "nDCG@10", "difference [95%]", "recall@10", "difference [95%]"]
    head = f"""\
# Adapters on the vectors of questions, measured

Written by `python benchmarks/techniques/adapter.py DATA{" --titles" if titles else ""}` on {platform.machine()}, with
multilingual-e5-small in 4 bits. Linear maps are trained on the questions of SciFact's training split, which are
{len(training.questions)} less two that its test split asks as well, and evaluated on the {len(test.questions)} of the
test split. Differences are paired, with 95% intervals, from the same search without an adapter. `held out` is the mean
reciprocal rank on a fifth of the training questions, which chose the epoch, before and after; `s` the seconds of
training on one core that other work shared, vectors not included. At a question an adapter costs one product of a
vector and a matrix.

{TOLD} {TITLES if titles else ""}

What it does not show: another embedder, a corpus of another kind, or fewer training questions. Test and training split
ask about the same abstracts: of the 283 documents that answer test questions, 181 answer training questions too.
"""
    text = [
        head,
        *table([*columns, "held out", "epochs", "s"], rows),
        "",
        "## Fused with BM25",
        "",
        *table(columns, joined),
        "",
    ]
    PAGE.write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    given = [argument for argument in sys.argv[1:] if argument != "--titles"]
    main(Path(given[0]), Path(given[1] if len(given) > 1 else "results"), "--titles" in sys.argv)
