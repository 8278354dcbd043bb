"""What the order of calls is worth with the local model, which need not read again what two prompts begin with alike.

Run from the project's root, on an idle machine (about twenty minutes):

    .venv/bin/python benchmarks/perf/prefix_order.py

The experiment of `make demo`, from empty caches, in two orders of the same calls. rageval's: what is asked about a
question follows each other, pipeline by pipeline, answers and verdicts. Stage by stage: a pipeline answers all
questions, then the next; then each judge judges all answers. Both run in a process of their own. Writes
`prefix_order.md` beside this file.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from subprocess import PIPE, run

from judge_cost import machine, own_versions

from rageval.experiment.answer import Task
from rageval.experiment.plan import Experiment, load_experiment
from rageval.experiment.run import OpenRun, run_experiment, work_here, worker_context
from rageval.experiment.workers import OnProgress
from rageval.io.records import usage_from_json
from rageval.io.run_folder import RunFolder
from rageval.types import Usage

FILE = Path(__file__).parents[1] / "quickstart.yaml"
ORDERS = {"question": "rageval's order", "stage": "stage by stage"}


@dataclass(frozen=True)
class Taken:
    """What one order took, and the scores of its runs."""

    seconds: float
    calls: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    scores: list[str]

    @property
    def read(self) -> int:
        return self.prompt_tokens - self.cached_tokens


async def stage_by_stage(
    experiment: Experiment, runs: Sequence[OpenRun], tasks: Collection[Task], done: int, on_progress: OnProgress
) -> None:
    """An executor that lets a pipeline answer all questions before the next one begins, and the judges after that."""
    place = worker_context(experiment, runs)
    todo = sorted(tasks, key=lambda task: task.pipeline)
    for task in todo:
        await place.work_on(replace(task, judges=()), runs[task.pipeline])
    judges = dict.fromkeys(judge for task in todo for judge in task.judges)
    for judge in judges:
        for task in todo:
            if judge in task.judges:
                run = runs[task.pipeline]
                answered = replace(task, outcome=run.outcomes[task.question.id], judges=(judge,))
                await place.work_on(answered, run)
    on_progress(done + len(tasks), done + len(tasks))


def in_order(order: str) -> Taken:
    """In this process: the experiment, from empty caches."""
    with tempfile.TemporaryDirectory() as scratch, load_experiment(FILE, Path(scratch) / "cache") as experiment:
        began = time.perf_counter()
        folders = run_experiment(
            experiment, Path(scratch), executor={"question": work_here, "stage": stage_by_stage}[order]
        )
        seconds = time.perf_counter() - began
        used = [usage_from_json(part) for folder in folders for part in RunFolder(folder).manifest()["usage"].values()]
        total = sum(used, Usage())
        scores = [(folder / "scores.json").read_text(encoding="utf-8") for folder in folders]
    return Taken(
        seconds,
        total.paid_calls,
        total.paid_prompt_tokens,
        total.cached_tokens,
        total.paid_completion_tokens,
        scores,
    )


def measured(order: str) -> Taken:
    """The same in a process of its own."""
    done = run([sys.executable, __file__, order], stdout=PIPE, text=True, check=True)
    return Taken(**json.loads(done.stdout))


def main() -> None:
    load = os.getloadavg()[0]
    taken: dict[str, Taken] = {}
    for order, name in ORDERS.items():
        taken[order] = measured(order)
        print(name, replace(taken[order], scores=[]), flush=True)
    ours, other = taken["question"], taken["stage"]
    same = sum(a == b for a, b in zip(ours.scores, other.scores, strict=True))
    lines = [
        "| order | calls | prompt tokens | of which read | completion tokens | seconds |",
        "|---|---|---|---|---|---|",
        *(
            f"| {ORDERS[order]} | {one.calls} | {one.prompt_tokens:,} | {one.read:,} "
            f"({one.read / one.prompt_tokens:.0%}) | {one.completion_tokens:,} | {one.seconds:.0f} |"
            for order, one in taken.items()
        ),
    ]
    saved = (
        f"rageval's order reads {ours.read / other.read:.2f} of the tokens that the other one reads, and takes "
        f"{ours.seconds / other.seconds:.2f} of its time. The scores of {same} of {len(ours.scores)} runs are the same "
        "to the byte."
    )
    setting = (
        "The experiment of `make demo` (five pipelines, ten questions, two judged metrics) with the packaged model, "
        "from empty caches, embedding of the passages included. Both orders ask the same, one call at a time; "
        "llama.cpp keeps what it read of earlier prompts, up to 512 MiB (some 19,000 tokens of this model). What a "
        "beginning was read together with moves the model's last digits, so that a few replies, and calls that follow "
        "from them, differ."
    )
    about = f"{machine()}, load before the runs {load:.1f}. {own_versions()}, xllamacpp {version('xllamacpp')}."
    generated = "Generated by `benchmarks/perf/prefix_order.py`; do not edit."
    text = "\n\n".join(["# What the order of calls is worth", generated, setting, "\n".join(lines), saved, about])
    Path(__file__).with_suffix(".md").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        print(json.dumps(asdict(in_order(sys.argv[1]))))
    else:
        main()
