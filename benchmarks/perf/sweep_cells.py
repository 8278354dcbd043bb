"""How much less time a sweep of 27 cells takes than its cells one by one.

Run from the project's root (about half an hour):

    .venv/bin/python benchmarks/perf/sweep_cells.py

Three retrievers, three lengths of passages, three k, no answers. On the handbook with the packaged embedder; on SciFact
(`../shared/data/scifact`) with a loopback endpoint for embeddings that answers after 50 ms. `rageval sweep` runs all
cells in a fresh folder; then `rageval run` runs each cell in a fresh folder of its own. Timed are whole commands. Every
cell must have the same scores both times. Writes `sweep_cells.md` beside this file.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
import tempfile
import time
from itertools import product
from multiprocessing.connection import Connection
from pathlib import Path
from subprocess import run
from typing import Any

import numpy as np
import yaml
from aiohttp import web
from judge_cost import machine, own_versions, served

SCIFACT = Path("../shared/data/scifact")
GRID: dict[str, list[Any]] = {
    "chunk_tokens": [64, 128, 256],
    "retriever": ["bm25", "dense", "hybrid"],
    "k": [3, 5, 10],
}
METRICS = ["ndcg@10", "recall@100", "mrr@10"]
LATENCY_S, DIM = 0.05, 384


async def embed(request: web.Request) -> web.Response:
    """A vector for each text, by its hash."""
    texts: list[str] = (await request.json())["input"]
    data = [{"object": "embedding", "index": i, "embedding": vector(text)} for i, text in enumerate(texts)]
    await asyncio.sleep(LATENCY_S)
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return web.json_response({"object": "list", "model": "hash", "data": data, "usage": usage})


def vector(text: str) -> list[float]:
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return np.random.default_rng(seed).standard_normal(DIM).round(4).tolist()


def serve(ready: Connection) -> None:
    async def forever() -> None:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/v1/embeddings", embed)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ready.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(forever())


def timed(command: str, experiment: dict[str, Any], folder: Path) -> float:
    """Seconds of a rageval command over that experiment, in a folder that is made for it."""
    folder.mkdir()
    file = folder / "experiment.yaml"
    file.write_text(yaml.safe_dump(experiment, sort_keys=False), encoding="utf-8")
    began = time.perf_counter()
    done = run(
        [Path(sys.executable).with_name("rageval"), command, file, "--out", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    taken = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"rageval {command} {file}: exit {done.returncode}: {done.stderr}")
    return taken


def scores(folder: Path) -> dict[str, str]:
    """The text of each run's scores by the run's fingerprint."""
    runs = (folder / "runs").iterdir()
    return {
        json.loads((path / "manifest.json").read_text(encoding="utf-8"))["fingerprint"]: (
            path / "scores.json"
        ).read_text(encoding="utf-8")
        for path in runs
    }


def compared(name: str, about: dict[str, Any]) -> str:
    """A row of the table: the sweep, and its cells alone."""
    common = {**about, "metrics": METRICS}
    cells = [dict(zip(GRID, values, strict=True)) for values in product(*GRID.values())]
    with tempfile.TemporaryDirectory() as scratch:
        together = timed("sweep", {**common, "sweep": {"pipeline": ["naive"], **GRID}}, Path(scratch) / "sweep")
        found = scores(Path(scratch) / "sweep")
        print(f"{name}: sweep {together:.1f} s", flush=True)
        alone: list[float] = []
        for number, cell in enumerate(cells):
            folder = Path(scratch) / f"cell{number}"
            alone.append(timed("run", {**common, "pipelines": [{"naive": cell}]}, folder))
            print(f"{name}: {cell}: {alone[-1]:.1f} s", flush=True)
            for fingerprint, text in scores(folder).items():
                if found[fingerprint] != text:
                    raise SystemExit(f"{name}, {cell}: other scores alone than in the sweep")
    if len(found) != len(cells):
        raise SystemExit(f"{name}: found {len(found)} runs, expected {len(cells)}")
    return f"| {name} | {together:.0f} | {sum(alone):.0f} | {sum(alone) / together:.1f} |"


def main() -> None:
    load = os.getloadavg()[0]
    rows = [compared("handbook, packaged embedder", {"benchmark": "handbook", "models": {"embed": "local"}})]
    with served(serve) as address:
        embedder = {"provider": "openai", "base_url": f"{address}/v1", "model": "hash"}
        scifact = {"benchmark": f"beir:{SCIFACT.resolve()}", "split": "test", "models": {"embed": embedder}}
        rows.append(compared("SciFact, embeddings from an endpoint", scifact))
    grid = "; ".join(f"{name} {', '.join(map(str, levels))}" for name, levels in GRID.items())
    setting = (
        f"27 cells of `naive` ({grid}), {', '.join(METRICS)}, no answers. The endpoint answers after "
        f"{1000 * LATENCY_S:.0f} ms with vectors of {DIM} numbers. Seconds are of whole commands from empty folders, "
        "once each; every cell has the same scores both times, to the byte."
    )
    table = ["| benchmark | the sweep, s | its cells alone, s in sum | times |", "|---|---|---|---|", *rows]
    about = f"{machine()}, load before the runs {load:.1f}. {own_versions()}."
    generated = "Generated by `benchmarks/perf/sweep_cells.py`; do not edit."
    text = "\n\n".join(["# A sweep beside its cells", generated, setting, "\n".join(table), about])
    Path(__file__).with_suffix(".md").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
