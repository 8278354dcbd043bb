"""What a sweep of four factors with three levels each takes over 100 questions, and how much of its work is done once.

Run from the project's root (some minutes):

    .venv/bin/python benchmarks/perf/sweep_factors.py

81 cells of a composed pipeline on the handbook: chunk, retriever, k, and the prompt of the answer (rageval's and two
files). A loopback endpoint answers chat calls, by a hash of the prompt, and embeds texts, by a hash of the text, each
after 20 ms, and counts them. Timed is the whole command `rageval sweep` from an empty folder, and once more with
everything stored. What the cells would take one by one is counted, and not run: chat calls are what each cell's answers
used; texts to embed are those of single runs without answers, one for each chunker and retriever, times the cells that
have them. Writes `sweep_factors.md` beside this file.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web
from judge_cost import machine, own_versions, served
from sweep_cells import vector

QUESTIONS, LATENCY_S = 100, 0.02
CHUNKS = [{"sentences": {"tokens": size}} for size in (64, 128, 256)]
RETRIEVERS = ["bm25", "dense", "hybrid"]
PROMPTS = {
    "short.yaml": 'en: "{question} In at most ten words:"\nzh: "{question}用不超过二十个字回答："\n',
    "careful.yaml": 'en: "{question} Use the passages alone:"\nzh: "{question}只根据段落回答："\n',
}
CELLS = 81


def serve(ready: Connection) -> None:
    counted: Counter[str] = Counter()

    async def embed(request: web.Request) -> web.Response:
        texts: list[str] = (await request.json())["input"]
        counted["texts"] += len(texts)
        data = [{"object": "embedding", "index": i, "embedding": vector(text)} for i, text in enumerate(texts)]
        await asyncio.sleep(LATENCY_S)
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        return web.json_response({"object": "list", "model": "hash", "data": data, "usage": usage})

    async def chat(request: web.Request) -> web.Response:
        counted["calls"] += 1
        words: str = (await request.json())["messages"][-1]["content"]
        text = f"The answer is number {int(hashlib.sha256(words.encode()).hexdigest()[:4], 16)}."
        await asyncio.sleep(LATENCY_S)
        usage = {"prompt_tokens": len(words) // 4, "completion_tokens": 8, "total_tokens": len(words) // 4 + 8}
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        body = {"id": "x", "object": "chat.completion", "model": "hash", "choices": [choice], "usage": usage}
        return web.json_response(body)

    async def tell(_: web.Request) -> web.Response:
        return web.json_response(dict(counted))

    async def forever() -> None:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/v1/embeddings", embed)
        app.router.add_post("/v1/chat/completions", chat)
        app.router.add_get("/counted", tell)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ready.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(forever())


@dataclass(frozen=True, slots=True)
class Ended:
    """Seconds and peak memory of a command, and what the endpoint was asked meanwhile."""

    seconds: float
    megabytes: float
    calls: int
    texts: int


def counts(address: str) -> Counter[str]:
    past_any_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with past_any_proxy.open(f"{address}/counted") as reply:
        return Counter(json.load(reply))


def measured(command: str, experiment: dict[str, Any], folder: Path, address: str) -> Ended:
    """Run a rageval command over that experiment in the folder."""
    folder.mkdir(exist_ok=True)
    for name, text in PROMPTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    file = folder / "grid.yaml"
    file.write_text(yaml.safe_dump(experiment, sort_keys=False, allow_unicode=True), encoding="utf-8")
    before, began = counts(address), time.perf_counter()
    with (folder / "told").open("w") as told:
        tool = Path(sys.executable).with_name("rageval")
        started = subprocess.Popen([tool, command, file, "--out", folder], stdout=told, stderr=told)
        _, status, used = os.wait4(started.pid, 0)
    if status:
        raise SystemExit(f"rageval {command}: status {status}: {(folder / 'told').read_text()[-2000:]}")
    made = counts(address)
    made.subtract(before)
    taken = time.perf_counter() - began
    return Ended(taken, used.ru_maxrss / 1024, made["calls"], made["texts"])


def experiment(address: str, **changes: Any) -> dict[str, Any]:
    endpoint = {"provider": "openai", "base_url": f"{address}/v1", "model": "hash", "api_key_env": None}
    return {
        "benchmark": "handbook",
        "questions": {"sample": QUESTIONS},
        "metrics": ["ndcg@10", "exact_match"],
        "models": {"chat": {**endpoint, "concurrency": 16}, "embed": endpoint},
        **changes,
    }


def stages(retriever: str) -> list[Any]:
    return [{"retrieve": {"retriever": retriever, "k": 3}}, {"answer": {"abstain": "never"}}]


def grid(address: str) -> dict[str, Any]:
    return experiment(
        address,
        sweep={
            "pipeline": [{"mine": {"stages": stages("bm25")}}],
            "chunk": CHUNKS,
            "retrieve.retriever": RETRIEVERS,
            "retrieve.k": [3, 5, 10],
            "answer.prompt": [None, *PROMPTS],
        },
    )


def texts_alone(address: str, scratch: Path) -> int:
    """How many texts the 81 cells would send, each alone: those of nine runs, each of which stands for nine cells."""
    found = 0
    for n, chunk in enumerate(CHUNKS):
        for retriever in RETRIEVERS:
            alone = experiment(
                address, metrics=["ndcg@10"], pipelines=[{"mine": {"chunk": chunk, "stages": stages(retriever)[:1]}}]
            )
            found += measured("run", alone, scratch / f"alone-{n}-{retriever}", address).texts
    return found * CELLS // (len(CHUNKS) * len(RETRIEVERS))


def main() -> None:
    load = os.getloadavg()[0]
    with served(serve) as address, tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        first = measured("sweep", grid(address), scratch / "sweep", address)
        print(first, flush=True)
        again = measured("sweep", grid(address), scratch / "sweep", address)
        report = json.loads((scratch / "sweep" / "sweeps" / "grid.json").read_text("utf-8"))
        wanted, questions = report["saved"]["calls"][1], report["questions"]
        built, used = report["saved"]["indexes"]
        alone = texts_alone(address, scratch)
    if len(report["cells"]) != CELLS or questions != QUESTIONS:
        raise SystemExit(f"found {len(report['cells'])} cells over {questions} questions")
    rows = [
        ("chat calls", first.calls, wanted),
        ("texts embedded", first.texts, alone),
        ("indexes built", built, used),
    ]
    table = ["| work | made | the cells one by one | share made |", "|---|---|---|---|"]
    table += [f"| {what} | {made:,} | {all_:,} | {made / all_:.0%} |" for what, made, all_ in rows]
    taken = (
        f"{CELLS} cells over {QUESTIONS} questions of the handbook, scored by ndcg@10 and exact_match, with effects, "
        f"shares and interactions: {first.seconds:.0f} s and at most {first.megabytes:.0f} MiB for the whole command "
        f"from an empty folder; {again.seconds:.0f} s and {again.megabytes:.0f} MiB once more with all of it stored, "
        f"which asked {again.calls} chat calls and embedded {again.texts} texts. The endpoint answers after "
        f"{1000 * LATENCY_S:.0f} ms, 16 chat calls at once."
    )
    limits = (
        "Calls are made once where prompts are equal: cells that differ in k or retriever show other passages, so most "
        "prompts differ, and all that differ are sent. Searches are not shared between cells."
    )
    heading = "# A sweep of four factors with three levels each"
    generated = "Generated by `benchmarks/perf/sweep_factors.py`; do not edit."
    about = f"{machine()}, load before the runs {load:.1f}. {own_versions()}."
    parts = [heading, generated, taken, "\n".join(table), limits, about]
    text = "\n\n".join(parts) + "\n"
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
