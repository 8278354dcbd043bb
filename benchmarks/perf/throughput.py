"""How many judge calls a second, and what each costs in CPU, beside RAGAS.

Run from the project's root:

    python -m venv X && X/bin/pip install 'ragas==0.4.3' 'langchain-community<0.4'
    python -m venv Y && Y/bin/pip install 'deepeval==4.3.1'
    .venv/bin/python benchmarks/perf/throughput.py --ragas-python X/bin/python --deepeval-python Y/bin/python

`rageval judge` judges 800 recorded answers again, a call each, at a loopback endpoint that answers after 200 ms: with
64 calls under way it allows 320 a second, with 256 it allows 1,280. Replies are parsed, cached and stored, the run is
scored. Then rageval, RAGAS and DeepEval judge the same 200 responses on the metrics of judge_cost.py. Writes
`throughput.md` beside this file; without the two interpreters it prints rageval's part alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import multiprocessing
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import yaml
from judge_cost import (
    DEFAULT_SET,
    HOW_TO_GET_RAGAS,
    LATENCY_MS,
    Material,
    Ours,
    Peer,
    Spent,
    Tally,
    Task,
    machine,
    own_versions,
    prepare,
    served,
    tallies,
    with_ragas,
)
from judge_cost import serve as serve_judging

from rageval.experiment.judge_again import plan_rejudging, rejudge
from rageval.experiment.plan import load_experiment
from rageval.experiment.run import run_experiment
from rageval.io.run_folder import RunFolder
from rageval.types import Graded, Response

CALLS, LATENCY_S, REPETITIONS = 800, 0.2, 5
IN_FLIGHT = (64, 256)
COPIES, SIDE_BY_SIDE, TURNS = 10, 64, 3
HOW_TO_GET_DEEPEVAL = "python -m venv Y && Y/bin/pip install 'deepeval==4.3.1'"
PASSAGE = "The lake lies at the foot of the mountain and is forty metres deep at its deepest place. " * 20


class YesAfterAWhile(asyncio.Protocol):
    """Says yes to every call after 200 ms, with twenty alternatives to the word. It parses no JSON, so that it takes
    little of the machine that the client runs on.
    """

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            if len(self._buffer) < end + 4 + length:
                return
            self._buffer = self._buffer[end + 4 + length :]
            asyncio.get_running_loop().call_later(LATENCY_S, self._answer)

    def _answer(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(YES)


def said_yes() -> bytes:
    others = [{"token": f"~{i}", "logprob": -5.0 - i} for i in range(19)]
    top = [{"token": "yes", "logprob": math.log(0.9)}, *others]
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": "yes"},
        "logprobs": {"content": [{"token": "yes", "logprob": math.log(0.9), "top_logprobs": top}]},
    }
    usage = {"prompt_tokens": 500, "completion_tokens": 1, "total_tokens": 501}
    body = json.dumps({"id": "x", "object": "chat.completion", "model": "judge", "choices": [choice], "usage": usage})
    return f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


YES = said_yes()


def serve(ready: Connection) -> None:
    async def forever() -> None:
        server = await asyncio.get_running_loop().create_server(YesAfterAWhile, "127.0.0.1", 0, backlog=1024)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(forever())


def recorded_run(folder: Path) -> Path:
    """A finished run of 800 questions with an answer each, without any judge."""
    benchmark = folder / "lakes"
    benchmark.mkdir(parents=True)
    ids = [f"q{i}" for i in range(CALLS)]
    write_lines(benchmark / "documents.jsonl", [{"id": "lake", "text": PASSAGE}])
    write_lines(benchmark / "questions.jsonl", [{"id": q, "text": f"How deep is lake number {q}?"} for q in ids])
    (benchmark / "labels.tsv").write_text(
        "question_id\tdocument_id\tgrade\n" + "".join(f"{q}\tlake\t1\n" for q in ids), encoding="utf-8"
    )
    (benchmark / "card.yaml").write_text("name: lakes\nlicense: CC0-1.0\n", encoding="utf-8")
    write_lines(
        folder / "answers.jsonl",
        [{"question_id": q, "answer": f"Lake {q} is forty metres deep."} for q in ids],
    )
    (folder / "experiment.yaml").write_text(
        yaml.safe_dump(
            {
                "benchmark": "lakes",
                "pipelines": [{"recorded": {"path": "answers.jsonl"}}],
                "metrics": ["abstention_accuracy"],
            }
        ),
        encoding="utf-8",
    )
    with load_experiment(folder / "experiment.yaml", folder / "cache") as experiment:
        (run,) = run_experiment(experiment, folder)
    return run


def write_lines(path: Path, records: Sequence[object]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def judge_again(run: Path, url: str, in_flight: int, folder: Path) -> Spent:
    """What `rageval judge` does, in a process that has imported all that it needs."""
    judge = {"provider": "openai", "base_url": url, "model": "judge", "concurrency": in_flight}
    file = folder / "judge.yaml"
    experiment = {"benchmark": "lakes", "pipelines": ["naive"], "metrics": ["answer_relevance"]}
    file.write_text(yaml.safe_dump({**experiment, "models": {"judge": judge}}), encoding="utf-8")
    wall, cpu = time.perf_counter(), time.process_time()
    with plan_rejudging(run, "again", ["answer_relevance"], [file], folder / "cache") as plan:
        rejudge(plan)
    spent = Spent(time.perf_counter() - wall, time.process_time() - cpu)
    said = RunFolder(run).judgments(plan.keys["answer_relevance"])
    verdicts = [judgment.verdict for judgments in said.values() for judgment in judgments]
    if len(verdicts) != CALLS or not all(isinstance(v, Graded) and v.grade == 1.0 for v in verdicts):
        raise ValueError(f"{len(verdicts)} verdicts, expected {CALLS} that say yes")
    return spent


def measure(url: str, in_flight: int) -> Spent:
    """Judge a fresh copy of the run, after one to warm up."""
    with tempfile.TemporaryDirectory() as scratch:
        spent = [
            judge_again(recorded_run(Path(scratch) / str(i)), url, in_flight, Path(scratch) / str(i)) for i in range(2)
        ]
        return spent[-1]


def copied(material: Material) -> Material:
    """Ten of each question, with words of their own, and answers; contexts and references stay as they are."""
    questions = tuple(
        replace(question, id=f"{question.id}-{n}", text=f"{question.text} ({n})")
        for n in range(COPIES)
        for question in material.questions
    )

    def answered(responses: Mapping[str, Response]) -> dict[str, Response]:
        parts = ((question.id, *question.id.rsplit("-", 1)) for question in questions)
        return {copy: numbered(responses[original], n) for copy, original, n in parts}

    benchmark = replace(material.benchmark, questions=questions, labels=())
    return Material(benchmark, questions, answered(material.referring), answered(material.quoting))


def numbered(response: Response, n: str) -> Response:
    """With a number before the mark that ends the answer."""
    answer = response.answer or ""
    words = answer.rstrip(".。")
    return replace(response, answer=f"{words} ({n}){answer[len(words) :]}")


def judge_with_deepeval() -> None:
    """Run the tasks on standard input one after another and print what they took.

    The source of this function is run by DeepEval's interpreter, which has no rageval, so it stands alone. DeepEval's
    default asks for the reasons of each score as well, a call more for each metric: those are left out.
    """
    import importlib
    import json
    import sys
    import time
    from importlib.metadata import version

    deepeval: Any = importlib.import_module("deepeval")
    configs: Any = importlib.import_module("deepeval.evaluate")
    metrics: Any = importlib.import_module("deepeval.metrics")
    models: Any = importlib.import_module("deepeval.models")
    cases: Any = importlib.import_module("deepeval.test_case")
    given = json.load(sys.stdin)
    spent = []
    for task in given["tasks"]:
        wall, cpu = time.perf_counter(), time.process_time()
        model = models.GPTModel(model="gpt-4o", base_url=task["url"], api_key="none")
        told = {"model": model, "include_reason": False}
        rows = [given["rows"][question] for question in task["ids"]]
        found = deepeval.evaluate(
            [
                cases.LLMTestCase(
                    input=row["user_input"],
                    actual_output=row["response"],
                    expected_output=row["reference"],
                    retrieval_context=row["retrieved_contexts"],
                )
                for row in rows
            ],
            [
                metrics.FaithfulnessMetric(**told),
                metrics.AnswerRelevancyMetric(**told),
                metrics.ContextualRelevancyMetric(**told),
                metrics.ContextualPrecisionMetric(**told),
            ],
            async_config=configs.AsyncConfig(max_concurrent=given["in_flight"]),
            display_config=configs.DisplayConfig(show_indicator=False, print_results=False, inspect_after_run=False),
            cache_config=configs.CacheConfig(write_cache=False),
        )
        spent.append({"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu})
        scores = [metric.score for result in found.test_results for metric in result.metrics_data]
        if len(scores) != 4 * len(rows) or None in scores:
            raise ValueError(f"DeepEval: a score is missing: {scores}")
    versions = {name: version(name) for name in given["packages"]}
    told = {"spent": spent, "versions": versions, "python": ".".join(map(str, sys.version_info[:3]))}
    print("\n" + json.dumps(told))


def beside_peers(ragas_python: str, deepeval_python: str) -> str:
    """All judge the same responses in turn; calls and questions a second of each."""
    material = copied(prepare())
    peers = [
        with_ragas(ragas_python, material, SIDE_BY_SIDE),
        Peer(
            "DeepEval",
            judge_with_deepeval,
            HOW_TO_GET_DEEPEVAL,
            ("deepeval", "openai"),
            deepeval_python,
            material,
            SIDE_BY_SIDE,
        ),
    ]
    ours = Ours(material.benchmark, material.referring, DEFAULT_SET, SIDE_BY_SIDE)
    sides: dict[str, Ours | Peer] = {"rageval": ours, **{peer.name: peer for peer in peers}}
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    with served(serve_judging) as address:
        for turn in range(TURNS):
            for name in list(sides)[:: -1 if turn % 2 else 1]:
                tasks = [
                    Task(f"{address}/{name}/{about}/{LATENCY_MS}/{LATENCY_MS}/v1", ids)
                    for about, ids in (("warm-up", material.ids[:1]), (str(turn), material.ids))
                ]
                seconds[name].append(sides[name].run(tasks)[-1].wall_s)
        found = tallies(address)
    rates = {name: Rates(found[f"{name}/0"], statistics.median(taken)) for name, taken in seconds.items()}
    lines = [
        f"| {len(material.ids)} responses | calls | most in flight | seconds | calls/s | questions/s |",
        "|---|---|---|---|---|---|",
    ]
    for name, rate in rates.items():
        lines.append(
            f"| {name} | {rate.calls} | {rate.tally.most_in_flight} | {rate.seconds:.1f} | {rate.calls_a_second:.0f} | "
            f"{len(material.ids) / rate.seconds:.1f} |"
        )
    first = rates["rageval"]
    for peer in peers:
        rate = rates[peer.name]
        lines.append(
            f"| rageval / {peer.name} | | | | {first.calls_a_second / rate.calls_a_second:.1f} | "
            f"{rate.seconds / first.seconds:.1f} |"
        )
    told = "; ".join(f"{peer.name}: {peer.versions()}" for peer in peers)
    return "\n".join(lines) + f"\n\n{told}."


@dataclass(frozen=True)
class Rates:
    """What the endpoint was asked in one turn, and the median of the turns' seconds."""

    tally: Tally
    seconds: float

    @property
    def calls(self) -> int:
        return self.tally.calls + self.tally.embedding_calls

    @property
    def calls_a_second(self) -> float:
        return self.calls / self.seconds


def rates(spent: Sequence[Spent]) -> str:
    calls = [CALLS / s.wall_s for s in spent]
    cpu = [1000 * s.cpu_s / CALLS for s in spent]
    return (
        f"{statistics.median(calls):.0f} ({min(calls):.0f} to {max(calls):.0f}) | "
        f"{statistics.median(cpu):.2f} ({min(cpu):.2f} to {max(cpu):.2f})"
    )


GENERATED = "Generated by `benchmarks/perf/throughput.py`; do not edit."
SETTING = (
    f"First table: `rageval judge` over {CALLS} answers, a call each, at a loopback endpoint that answers after "
    f"{LATENCY_MS} ms; parsing, judgments, cache, store and scores included; median of {REPETITIONS} runs in fresh "
    f"processes (least to most). Second table: the same responses judged by all on the metrics of judge_cost.py, "
    f"{TURNS} turns in alternating order, medians; what RAGAS's ask is told there. DeepEval: Faithfulness, "
    "AnswerRelevancy, ContextualRelevancy and ContextualPrecision, without the calls for reasons that it makes by "
    f"default. rageval and RAGAS have at most {SIDE_BY_SIDE} calls under way, DeepEval as many responses. Each of "
    "the 20 questions is there ten times, with a number in it and in its answer, so that no two copies share a call."
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ragas-python", help=f"an interpreter that has RAGAS: {HOW_TO_GET_RAGAS}")
    parser.add_argument("--deepeval-python", help=f"an interpreter that has DeepEval: {HOW_TO_GET_DEEPEVAL}")
    given = parser.parse_args()
    pythons: list[str] = [python for python in (given.ragas_python, given.deepeval_python) if python]
    for python in pythons:
        if not shutil.which(python):
            parser.error(f"{python}: no such program; expected an interpreter")
    load = os.getloadavg()[0]
    spent: dict[int, list[Spent]] = {n: [] for n in IN_FLIGHT}
    with served(serve) as address:
        url = f"{address}/v1"
        for _ in range(REPETITIONS):
            for n in IN_FLIGHT:
                with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                    spent[n].append(pool.submit(measure, url, n).result())
    lines = ["| in flight | endpoint allows | calls/s | CPU ms a call |", "|---|---|---|---|"]
    lines += [f"| {n} | {n / LATENCY_S:.0f} | {rates(found)} |" for n, found in spent.items()]
    parts = ["\n".join(lines)]
    beside = len(pythons) == 2
    if beside:
        parts.append(beside_peers(*pythons))
    about = f"{machine()}, load before the runs {load:.1f}. {own_versions()}."
    text = "\n\n".join(["# Judge calls a second", GENERATED, SETTING, *parts, about])
    print(text)
    if beside:
        Path(__file__).with_suffix(".md").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
