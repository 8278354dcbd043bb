"""What large runs take: a run of which everything is cached, and the memory of 1,000, 10,000 and 100,000 questions.

Run from the project's root (about half an hour):

    .venv/bin/python benchmarks/perf/run_size.py

A scripted model in the process itself, behind the ordinary cache: no endpoint, no wait. Every run is a process of its
own. Writes the figures to `run_size.md` beside this file.
"""

from __future__ import annotations

import hashlib
import json
import math
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from subprocess import run

from judge_cost import machine, own_versions

from rageval.benchmark import load
from rageval.experiment.choose_metrics import parse_metrics
from rageval.experiment.plan import Experiment
from rageval.experiment.recipes import build_pipeline
from rageval.experiment.run import run_experiment
from rageval.models.base import ChatReply, ChatRequest, Token
from rageval.models.cache import CachedChat
from rageval.types import Usage

METRICS = ["hit_rate@5", "mrr@10", "answer_relevance", "completeness", "harmlessness"]
RETRIEVED = [1, 2, 3, 4, 5]
DOCUMENTS = 1000
SIZES = (1_000, 10_000, 100_000)
CACHED, REPEATS = 1_000, 3


@dataclass(frozen=True)
class Taken:
    """What one process took. `peak_mib` is its largest resident size, `loaded_mib` that before the run began."""

    seconds: float
    calls: int
    loaded_mib: float
    peak_mib: float


class ByHash:
    """Yes or no with a probability, or a sentence, by the prompt's hash. Keeps nothing."""

    identity = "by hash"
    concurrency = 64

    def __init__(self) -> None:
        self.calls = 0

    async def complete(self, request: ChatRequest) -> ChatReply:
        self.calls += 1
        digest = hashlib.sha256(request.messages[-1].content.encode()).digest()
        usage = Usage(calls=1, prompt_tokens=200, completion_tokens=5)
        if not request.top_logprobs:
            return ChatReply(f"It is {digest[0]} metres deep [1].", usage=usage)
        p = 0.01 + 0.98 * digest[0] / 255
        word = "yes" if p >= 0.5 else "no"
        return ChatReply(word, tokens=(Token(word, (("yes", math.log(p)), ("no", math.log(1 - p)))),), usage=usage)

    async def close(self) -> None:
        return None


def write_world(folder: Path, questions: int) -> None:
    def write(name: str, records: list[dict[str, object]]) -> None:
        (folder / name).write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")

    write("documents.jsonl", [{"id": f"d{i}", "text": f"Lake {i} is {i % 90} metres deep."} for i in range(DOCUMENTS)])
    write(
        "questions.jsonl",
        [{"id": f"q{i}", "text": f"How deep is lake {i % DOCUMENTS}, asks person {i}?"} for i in range(questions)],
    )
    rows = "".join(f"q{i}\td{i % DOCUMENTS}\t1\n" for i in range(questions))
    (folder / "labels.tsv").write_text("question_id\tdocument_id\tgrade\n" + rows, encoding="utf-8")
    (folder / "card.yaml").write_text("name: lakes\nlicense: CC0-1.0\n", encoding="utf-8")


def one_process(world: Path, out: Path, pipelines: int) -> Taken:
    """In this process: load the benchmark, run the experiment."""
    began = time.perf_counter()
    benchmark = load(str(world))
    model = ByHash()
    chat = CachedChat(model, out / "cache" / "chat.sqlite")
    experiment = Experiment(
        name="lakes",
        benchmark=benchmark,
        reference=str(world),
        questions=benchmark.questions,
        pipelines=tuple(build_pipeline("naive", {"retriever": "bm25", "k": k}, Path()) for k in RETRIEVED[:pipelines]),
        metrics=parse_metrics(METRICS),
        chat=chat,
        raters=(chat,),
    )
    loaded = peak_mib()
    run_experiment(experiment, out)
    return Taken(time.perf_counter() - began, model.calls, loaded, peak_mib())


def peak_mib() -> float:
    import resource  # POSIX alone has it

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(world: Path, out: Path, pipelines: int) -> Taken:
    """The same in a process of its own."""
    command = [sys.executable, __file__, str(world), str(out), str(pipelines)]
    done = run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}: {done.stderr}")
    return Taken(**json.loads(done.stdout))


def cached_run() -> str:
    with tempfile.TemporaryDirectory() as scratch:
        world, out = Path(scratch) / "world", Path(scratch) / "out"
        world.mkdir()
        write_world(world, CACHED)
        first = measured(world, out, len(RETRIEVED))
        same_folder = [measured(world, out, len(RETRIEVED)) for _ in range(REPEATS)]
        new_folders: list[Taken] = []
        for number in range(REPEATS):
            again = Path(scratch) / f"again{number}"
            again.mkdir()
            (again / "cache").symlink_to(out / "cache")
            new_folders.append(measured(world, again, len(RETRIEVED)))
    return (
        f"{CACHED:,} questions × {len(RETRIEVED)} pipelines × 3 judged metrics: {first.calls:,} calls in "
        f"{first.seconds:.1f} s the first time. Run again over the same folder: {spread(same_folder)}. Run again into "
        f"another folder, with the cache alone: {spread(new_folders)}."
    )


def spread(taken: list[Taken]) -> str:
    seconds = [one.seconds for one in taken]
    return (
        f"{sum(one.calls for one in taken)} calls, {statistics.median(seconds):.1f} s ({min(seconds):.1f} to "
        f"{max(seconds):.1f})"
    )


def sizes() -> str:
    lines = [
        "| questions | calls | seconds | benchmark loaded, MiB | peak, MiB | peak less loaded, MiB |",
        "|---|---|---|---|---|---|",
    ]
    for questions in SIZES:
        with tempfile.TemporaryDirectory() as scratch:
            world, out = Path(scratch) / "world", Path(scratch) / "out"
            world.mkdir()
            write_world(world, questions)
            taken = measured(world, out, 1)
        lines.append(
            f"| {questions:,} | {taken.calls:,} | {taken.seconds:.0f} | {taken.loaded_mib:.0f} | {taken.peak_mib:.0f} "
            f"| {taken.peak_mib - taken.loaded_mib:.0f} |"
        )
        print(lines[-1], flush=True)
    return "\n".join(lines)


def main() -> None:
    head = ["# What large runs take", "Generated by `benchmarks/perf/run_size.py`; do not edit."]
    setting = (
        f"{DOCUMENTS:,} documents, `naive` with BM25, {', '.join(METRICS)}; a scripted model that answers at once. "
        "Everything else is as in any run: cache, run folder, scores. Seconds are of whole processes, from loading the "
        f"benchmark to the scores; medians of {REPEATS} (least to most)."
    )
    cached = cached_run()
    print(cached, flush=True)
    memory = "One pipeline, into an empty folder with an empty cache; peak is the largest resident size of the process."
    text = "\n\n".join([*head, setting, cached, memory, sizes(), f"{machine()}. {own_versions()}."])
    Path(__file__).with_suffix(".md").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        print(json.dumps(asdict(one_process(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))))
    else:
        main()
