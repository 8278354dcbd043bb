"""How much faster a sweep gets with a second worker on Ray.

Run from the project's root, on an idle machine of two cores at least (about a quarter of an hour):

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/perf/ray_speed.py

Eight cells that call no model: BM25 over eight lengths of passages, all test questions of SciFact, which is looked for
in `../shared/data/scifact`, or else of the handbook thirty times over. In turn: in one process, with one worker, with
two workers of one CPU each, on nodes of their own beside a head that computes nothing. Timed is `run_experiment`, with
the start of the workers and the writing of the scores. All of them must give the same scores to the byte. Writes
`ray_speed.md` beside this file; with `--tiny` it runs a small part once and prints.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from judge_cost import machine, own_versions

from rageval.distributed.cluster import import_ray, ray_cluster
from rageval.experiment.plan import Experiment, load_experiment
from rageval.experiment.run import run_experiment

SCIFACT = Path("../shared/data/scifact")
PASSAGES = [32, 48, 64, 96, 128, 192, 256, 384]
HANDBOOKS, REPETITIONS = 30, 5
SIDES = ("local", "1 worker", "2 workers")


def experiment_file(folder: Path, lengths: Sequence[int]) -> Path:
    path = folder / "cells.yaml"
    scifact = {"benchmark": f"beir:{SCIFACT.resolve()}", "split": "test"}
    content: dict[str, Any] = {
        **(scifact if SCIFACT.exists() else {"benchmark": str(repeated_handbook(folder))}),
        "sweep": {"pipeline": ["naive"], "retriever": ["bm25"], "chunk_tokens": list(lengths)},
        "metrics": ["ndcg@10", "recall@100"],
    }
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def repeated_handbook(folder: Path) -> Path:
    """The handbook with every document thirty times, of which the labels name the first."""
    source, target = Path(__file__).parents[1] / "handbook", folder / "handbooks"
    target.mkdir()
    for path in source.iterdir():
        if path.is_file() and path.name != "documents.jsonl":
            (target / path.name).write_bytes(path.read_bytes())
    lines = (source / "documents.jsonl").read_text(encoding="utf-8").splitlines()
    documents: list[dict[str, Any]] = [json.loads(line) for line in lines]
    copies = [{**d, "id": f"{d['id']}-{n}" if n else d["id"]} for n in range(HANDBOOKS) for d in documents]
    (target / "documents.jsonl").write_text("".join(json.dumps(d) + "\n" for d in copies), encoding="utf-8")
    return target


def timed(planned: Experiment, side: str, cluster: Any) -> tuple[float, list[bytes]]:
    """Seconds, and the scores of all cells."""
    with tempfile.TemporaryDirectory() as out:
        if side == "local":
            started = time.perf_counter()
            runs = run_experiment(planned, Path(out))
            taken = time.perf_counter() - started
        else:
            nodes = [cluster.add_node(num_cpus=1) for _ in range(int(side[0]))]
            with ray_cluster(cluster.address) as executor:
                started = time.perf_counter()
                runs = run_experiment(planned, Path(out), executor=executor)
                taken = time.perf_counter() - started
            for node in nodes:
                cluster.remove_node(node)
        return taken, [(run / "scores.json").read_bytes() for run in runs]


def measure(planned: Experiment, repetitions: int) -> dict[str, list[float]]:
    from ray.cluster_utils import Cluster

    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 (by default they give way to whatever else runs)
    cluster: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    seconds: dict[str, list[float]] = {side: [] for side in SIDES}
    found: dict[str, list[bytes]] = {}
    try:
        for turn in range(repetitions):
            for side in SIDES[:: -1 if turn % 2 else 1]:
                taken, found[side] = timed(planned, side, cluster)
                seconds[side].append(taken)
                print(f"{side}: {taken:.1f} s", flush=True)
    finally:
        cluster.shutdown()
    if any(scores != found["local"] for scores in found.values()):
        raise ValueError("the scores differ from those of a local run")
    return seconds


def table(seconds: dict[str, list[float]]) -> str:
    middle = {side: statistics.median(taken) for side, taken in seconds.items()}
    return "\n".join(
        [
            "| | seconds (least to most) | beside one worker |",
            "|---|---|---|",
            *(
                f"| {side} | {middle[side]:.1f} ({min(taken):.1f} to {max(taken):.1f}) "
                f"| {middle['1 worker'] / middle[side]:.2f} times as fast |"
                for side, taken in seconds.items()
            ),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="two cells, twenty questions, once; nothing is written")
    tiny = parser.parse_args().tiny
    if os.environ.get("OMP_NUM_THREADS") != "1":
        parser.error("run it with OMP_NUM_THREADS=1: two workers must not take more than two cores")
    import_ray()
    load = os.getloadavg()[0]
    repetitions = 1 if tiny else REPETITIONS
    with tempfile.TemporaryDirectory() as scratch:
        file = experiment_file(Path(scratch), PASSAGES[-2:] if tiny else PASSAGES)
        with load_experiment(file, Path(scratch) / "cache") as planned:
            if tiny:
                planned = replace(planned, questions=planned.questions[:20])
            seconds = measure(planned, repetitions)
    setting = (
        f"{len(planned.pipelines)} cells of BM25 over {len(planned.benchmark.documents):,} documents "
        f"({'SciFact' if SCIFACT.exists() else 'the handbook, thirty times over'}), {len(planned.questions)} questions "
        f"each, no model calls; medians of {repetitions}, in alternating order, all on this machine, with one thread "
        "for numpy in each process. Starting the workers and writing the scores is included, starting the cluster is "
        "not. The process that hands out the work and writes the runs shares the cores with the workers, which run "
        "at its priority. All three gave the same scores to the byte."
    )
    about = f"{machine()}, load before the runs {load:.1f}. ray {version('ray')}; {own_versions()}."
    generated = "Generated by `benchmarks/perf/ray_speed.py`; do not edit."
    text = "\n\n".join(["# A second worker on Ray", generated, setting, table(seconds), about])
    print(text)
    if not tiny:
        Path(__file__).with_suffix(".md").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
