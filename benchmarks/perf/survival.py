"""What a run survives: an endpoint full of faults, a hundred kills, and a second process on the same folder.

Run from the project's root (about a quarter of an hour):

    .venv/bin/python benchmarks/perf/survival.py

500 questions, one pipeline, three judged metrics, against a loopback endpoint that answers every prompt by its hash, so
that the same questions always give the same scores. Writes the figures to `survival.md` beside this file.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web
from judge_cost import machine, own_versions, served

QUESTIONS, KILLS, CONCURRENCY, SEED = 500, 100, 16, 20261121
METRICS = ["hit_rate@5", "answer_relevance", "completeness", "answer_correctness"]
LATENCY_S, SLOW_S = 0.01, 0.25
TIMEOUT_S = 2.0
FAULTS = {"429": 0.20, "500": 0.10, "hang": 0.05, "reset": 0.05, "truncated": 0.05}


@dataclass
class Endpoint:
    """Answers after a while. Under `/faulty` a request may meet with a fault when it first comes, under `/harsh`
    whenever it comes.

    Counts by address: calls, those refused with 429, and how often each body came.
    """

    latency_s: float
    rng: random.Random = field(default_factory=lambda: random.Random(SEED))
    asked: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    met: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])

    def app(self) -> web.Application:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/{side}/{about}/v1/chat/completions", self.chat)
        app.router.add_get("/counts", self.tell)
        return app

    async def chat(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        side, about = request.match_info["side"], request.match_info["about"]
        body = hashlib.sha256(raw).hexdigest()
        asked = self.asked.setdefault(about, Counter())
        asked[body] += 1
        fault = self.draw() if side == "harsh" or (side == "faulty" and asked[body] == 1) else ""
        self.met.setdefault(about, Counter())[fault] += 1
        if fault == "429":
            return web.json_response({"error": {"message": "slow down"}}, status=429, headers={"Retry-After": "0.05"})
        if fault == "500":
            return web.json_response({"error": {"message": "broken"}}, status=500)
        await asyncio.sleep(60.0 if fault == "hang" else self.latency_s)
        text = json.dumps(completion(json.loads(raw)))
        if fault == "reset":
            assert request.transport is not None
            request.transport.abort()
        return web.Response(
            text=text[: len(text) // 2] if fault == "truncated" else text, content_type="application/json"
        )

    def draw(self) -> str:
        number = self.rng.random()
        for fault, share in FAULTS.items():
            number -= share
            if number < 0:
                return fault
        return ""

    async def tell(self, _request: web.Request) -> web.Response:
        return web.json_response({about: [asked, self.met[about]] for about, asked in self.asked.items()})


def completion(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Yes or no with a probability, or a sentence, by the prompt's hash."""
    prompt = payload["messages"][-1]["content"]
    digest = hashlib.sha256(prompt.encode()).digest()
    choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
    if payload.get("logprobs"):
        p = 0.01 + 0.98 * digest[0] / 255
        top = [{"token": word, "logprob": math.log(q)} for word, q in (("yes", p), ("no", 1 - p))]
        top.sort(key=lambda pair: -pair["logprob"])
        choice["message"] = {"role": "assistant", "content": top[0]["token"]}
        choice["logprobs"] = {"content": [{**top[0], "top_logprobs": top}]}
    else:
        choice["message"] = {"role": "assistant", "content": f"It is {digest[0]} metres deep [1]."}
    usage = {"prompt_tokens": len(prompt) // 4, "completion_tokens": 5}
    return {"id": "x", "object": "chat.completion", "model": "hash", "choices": [choice], "usage": usage}


def serve(latency_s: float, ready: Connection) -> None:
    async def forever() -> None:
        runner = web.AppRunner(Endpoint(latency_s).app(), handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        ready.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(forever())


@dataclass(frozen=True)
class Asked:
    """What the endpoint counted under one address."""

    bodies: Counter[str]
    met: Counter[str]


def counts(address: str, about: str) -> Asked:
    past_any_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with past_any_proxy.open(f"{address}/counts") as reply:
        asked, met = json.load(reply)[about]
        return Asked(Counter(asked), Counter(met))


def write_world(folder: Path) -> None:
    """A benchmark of 500 questions, each with a document that answers it."""
    benchmark = folder / "lakes"
    benchmark.mkdir()
    ids = [f"q{i}" for i in range(QUESTIONS)]

    def write(name: str, records: list[dict[str, object]]) -> None:
        (benchmark / name).write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")

    write("documents.jsonl", [{"id": f"d{q}", "text": f"Lake {q} is {len(q) * 7} metres deep."} for q in ids])
    write(
        "questions.jsonl",
        [{"id": q, "text": f"How deep is lake {q}?", "references": [f"{len(q) * 7} metres"]} for q in ids],
    )
    rows = "".join(f"{q}\td{q}\t1\n" for q in ids)
    (benchmark / "labels.tsv").write_text("question_id\tdocument_id\tgrade\n" + rows, encoding="utf-8")
    (benchmark / "card.yaml").write_text("name: lakes\nlicense: CC0-1.0\n", encoding="utf-8")


def write_experiment(folder: Path, url: str) -> Path:
    """All addresses of one folder have the same scores; the address is part of what a model is called."""
    model = {
        "provider": "openai",
        "base_url": url,
        "model": "hash",
        "concurrency": CONCURRENCY,
        "timeout_s": TIMEOUT_S,
        "max_retries": 8,
    }
    path = folder / f"{hashlib.sha256(url.encode()).hexdigest()[:8]}.yaml"
    content = {
        "benchmark": "lakes",
        "pipelines": [{"naive": {"retriever": "bm25", "k": 3}}],
        "metrics": METRICS,
        "models": {"chat": model},
    }
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def start(experiment: Path, out: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", "from rageval.cli.app import main; main()", "run", str(experiment), "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, err = process.communicate(timeout=600)
    return process.returncode, err


def run_whole(experiment: Path, out: Path) -> float:
    """Run it to its end; the seconds that took."""
    began = time.perf_counter()
    code, err = finish(start(experiment, out))
    if code:
        raise SystemExit(f"{experiment}: exit {code}: {err}")
    return time.perf_counter() - began


def scores(out: Path) -> bytes:
    (run,) = (out / "runs").iterdir()
    return (run / "scores.json").read_bytes()


def under_faults(folder: Path) -> str:
    with served(serve, LATENCY_S) as address:
        clean = write_experiment(folder, f"{address}/clean/clean/v1")
        run_whole(clean, folder / "clean")
        needed, expected = counts(address, "clean").bodies.total(), json.loads(scores(folder / "clean"))
        told = [f"Faults: {needed} calls without any."]
        for side, when in (("faulty", "When a request first comes"), ("harsh", "Whenever a request comes")):
            seconds = run_whole(write_experiment(folder, f"{address}/{side}/{side}/v1"), folder / side)
            asked, found = counts(address, side), json.loads(scores(folder / side))
            failed = {q for metric in found.values() for q in metric["failed"]}
            unscored = {q for metric in found.values() for q in metric["unscored"]}
            same = all(
                expected[name]["questions"][q] == value
                for name, metric in found.items()
                for q, value in metric["questions"].items()
                if q not in failed
            )
            every, taken = asked.bodies.total(), asked.bodies.total() - asked.met["429"]
            met = ", ".join(f"{asked.met[fault]} {fault}" for fault in FAULTS)
            told.append(
                f"{when} ({met}): {every} calls ({every / needed:.3f} times), of which the endpoint took {taken} "
                f"({taken / needed:.3f} times), {seconds:.0f} s. Questions that failed {len(failed)}, unscored "
                f"{len(unscored)}; scores {'equal' if same else 'DIFFER FROM'} those of the clean run."
            )
    return " ".join(told)


def under_kills(folder: Path) -> str:
    rng = random.Random(SEED)
    with served(serve, SLOW_S) as address:
        experiment = write_experiment(folder, f"{address}/clean/kills/v1")
        run_whole(experiment, folder / "undisturbed")
        needed = counts(address, "kills").bodies
        kills = 0
        while kills < KILLS:
            process = start(experiment, folder / "killed")
            time.sleep(rng.uniform(0.2, 2.2))
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
            code, _ = finish(process)
            if code == 0:
                break
            kills += 1
        run_whole(experiment, folder / "killed")
        asked = counts(address, "kills").bodies - needed
    same = scores(folder / "killed") == scores(folder / "undisturbed")
    return (
        f"Kills: {kills} at random moments. {asked.total()} calls where {needed.total()} were needed: "
        f"{asked.total() - needed.total()} again, where at most {kills * CONCURRENCY} may be ({CONCURRENCY} under way "
        f"at each kill); no request more than {max(asked.values())} times. scores.json "
        f"{'equals' if same else 'DIFFERS FROM'} that of the undisturbed run byte for byte."
    )


def two_at_once(folder: Path) -> str:
    with served(serve, LATENCY_S) as address:
        experiment = write_experiment(folder, f"{address}/clean/two/v1")
        both = [start(experiment, folder / "two") for _ in range(2)]
        ended = [finish(process) for process in both]
        run_whole(experiment, folder / "two")
        asked = counts(address, "two").bodies
        alone = write_experiment(folder, f"{address}/clean/one/v1")
        run_whole(alone, folder / "one")
        needed = counts(address, "one").bodies.total()
    same = scores(folder / "two") == scores(folder / "one")
    told = [err.strip() for code, err in ended if code]
    return (
        f"Two processes at once: {asked.total()} calls where {needed} were needed; exit codes "
        f"{sorted(code for code, _ in ended)}{f' ({told[0]})' if told else ''}; scores.json "
        f"{'equals' if same else 'DIFFERS FROM'} that of one alone."
    )


def main() -> None:
    lines: list[str] = []
    for part in (under_faults, under_kills, two_at_once):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            write_world(folder)
            lines.append(part(folder))
            print(lines[-1], flush=True)
    setting = (
        f"{QUESTIONS} questions, `naive` with BM25, {', '.join(METRICS)}. Faults are drawn by chance "
        f"({', '.join(f'{share:.0%} {fault}' for fault, share in FAULTS.items())}; a call that hangs is given up after "
        f"{TIMEOUT_S:g} s), with seed {SEED}."
    )
    head = ["# What a run survives", "Generated by `benchmarks/perf/survival.py`; do not edit.", setting]
    text = "\n\n".join([*head, *lines, f"{machine()}. {own_versions()}."])
    Path(__file__).with_suffix(".md").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
