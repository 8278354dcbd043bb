"""Running an experiment: answer, judge, score, each written to disk as it happens, so that a killed run goes on."""

from __future__ import annotations

import asyncio
import os
import platform
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from rageval.errors import DeclarationError, ExecutionError
from rageval.experiment.plan import Experiment
from rageval.experiment.scoring import score_outcomes, scores_to_json
from rageval.judges import Judge
from rageval.models.base import ChatModel
from rageval.pipeline import Pipeline, Resources, fingerprint
from rageval.prompts import prompt_digests
from rageval.records import Outcome, question_to_json, usage_to_json
from rageval.store import RunFolder
from rageval.types import Document, Failure, Json, Judgment, Question, RelevanceLabel, Response, Usage

OnProgress = Callable[[int, int], None]


@dataclass
class _Run:
    """One pipeline's run while it is being made."""

    pipeline: Pipeline
    folder: RunFolder
    manifest: dict[str, Json]
    judge_keys: dict[str, str]
    outcomes: dict[str, Outcome] = field(default_factory=dict[str, Outcome])
    judgments: dict[str, dict[str, tuple[Judgment, ...]]] = field(
        default_factory=dict[str, dict[str, tuple[Judgment, ...]]]
    )

    def read(self, question_ids: Sequence[str], retry_failed: bool) -> None:
        outcomes = self.folder.outcomes()
        self.outcomes = {
            q: outcomes[q]
            for q in question_ids
            if q in outcomes and not (retry_failed and isinstance(outcomes[q], Failure))
        }
        for name, key in self.judge_keys.items():
            judged = self.folder.judgments(key)
            self.judgments[name] = {q: judged[q] for q in question_ids if q in judged and q in self.outcomes}

    def is_done(self, question_id: str) -> bool:
        outcome = self.outcomes.get(question_id)
        if outcome is None:
            return False
        return isinstance(outcome, Failure) or all(question_id in judged for judged in self.judgments.values())


def run_experiment(
    experiment: Experiment, out: Path, *, on_progress: OnProgress | None = None, retry_failed: bool = False
) -> list[Path]:
    """Run what has not been run yet and score everything; the run folders, in the order of the pipelines.

    Folders lie under `out/runs`. A question that fails is recorded and counted; `retry_failed` asks those again.
    `on_progress` is told (done, total) in pairs of question and pipeline. `ModelError` stops the run and everything
    already answered stays on disk; so it does on Ctrl-C or a kill.
    """
    return asyncio.run(_run(experiment, out, on_progress or (lambda done, total: None), retry_failed))


async def _run(experiment: Experiment, out: Path, on_progress: OnProgress, retry_failed: bool) -> list[Path]:
    documents = {document.id: document for document in experiment.benchmark.documents}
    ids = [question.id for question in experiment.questions]
    runs = [_new_run(experiment, pipeline, out, documents) for pipeline in experiment.pipelines]
    with ExitStack() as stack:
        try:
            for run in runs:
                stack.enter_context(run.folder.locked())
                run.read(ids, retry_failed)
            await _answer_and_judge(experiment, runs, on_progress)
        finally:
            await experiment.close()
        for run in runs:
            _score(experiment, run)
    return [run.folder.path for run in runs]


async def _answer_and_judge(experiment: Experiment, runs: Sequence[_Run], on_progress: OnProgress) -> None:
    """Work through all questions, all pipelines of a question one after another: they share passages and prefixes."""
    total = len(experiment.questions) * len(runs)
    work = [(q, run) for q in experiment.questions for run in runs if not run.is_done(q.id)]
    done = total - len(work)
    on_progress(done, total)
    if not work:
        return
    labels: dict[str, list[RelevanceLabel]] = {}
    for label in experiment.benchmark.labels:
        labels.setdefault(label.question_id, []).append(label)
    for run in runs:
        run.folder.write_manifest(run.manifest)
        run.folder.write_questions(question_to_json(q, labels.get(q.id, ())) for q in experiment.questions)
    resources = Resources(
        experiment.benchmark.documents,
        labels=experiment.benchmark.labels,
        chat=experiment.chat,
        embedder=experiment.embedder,
    )
    pending = [run for run in runs if any(run is other for _, other in work)]
    for index in dict.fromkeys(index for run in pending for index in run.pipeline.stage.indexes()):
        with suppress(ExecutionError):  # then each question that needs it tries again and records why it failed
            await resources.get(index)
    queue: Iterator[tuple[Question, _Run]] = iter(work)

    async def worker() -> None:
        nonlocal done
        for question, run in queue:
            await _one(experiment, run, question, resources)
            done += 1
            on_progress(done, total)

    models = [model for model in (experiment.chat, experiment.judge) if model is not None]
    workers = max((model.concurrency for model in models), default=4)
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(workers, len(work))):
                group.create_task(worker())
    except ExceptionGroup as group_error:
        raise group_error.exceptions[0] from None


async def _one(experiment: Experiment, run: _Run, question: Question, resources: Resources) -> None:
    outcome = run.outcomes.get(question.id)
    if outcome is None:
        try:
            outcome = await run.pipeline.answer(question, resources, generate=experiment.generate)
        except ExecutionError as error:
            outcome = Failure(type(error).__name__, str(error))
        try:
            run.folder.add_outcome(question.id, outcome)
        except (TypeError, ValueError) as error:
            outcome = Failure(type(error).__name__, f"the response cannot be written as JSON: {error}")
            run.folder.add_outcome(question.id, outcome)
        run.outcomes[question.id] = outcome
    if isinstance(outcome, Failure):
        return
    for judge in experiment.judges:
        if question.id not in run.judgments[judge.name]:
            await _judge(experiment, run, question, outcome, judge)


async def _judge(experiment: Experiment, run: _Run, question: Question, response: Response, judge: Judge) -> None:
    if experiment.judge is None:
        raise DeclarationError(f"the judge {judge.name} needs a chat model, and none was given (models: judge)")
    judged = await judge.judge(question, response, experiment.judge)
    key = run.judge_keys[judge.name]
    judgments = tuple(
        Judgment(question.id, key, item.item, item.index, item.text, item.verdict) for item in judged.items
    )
    run.folder.add_judgments(key, question.id, judgments, judged.usage)
    run.judgments[judge.name][question.id] = judgments


def _score(experiment: Experiment, run: _Run) -> None:
    scores = score_outcomes(experiment.metrics, experiment.benchmark, experiment.questions, run.outcomes, run.judgments)
    run.folder.write_scores(scores_to_json(scores))
    answering = sum((o.usage for o in run.outcomes.values() if isinstance(o, Response)), Usage())
    latencies = [o.latency_s for o in run.outcomes.values() if isinstance(o, Response)]
    run.folder.write_manifest(
        {
            **run.manifest,
            "status": "complete",
            "finished": _now(),
            "failed": sum(isinstance(outcome, Failure) for outcome in run.outcomes.values()),
            "abstained": sum(isinstance(o, Response) and o.abstained for o in run.outcomes.values()),
            "usage": {
                "answering": usage_to_json(answering),
                **{key: usage_to_json(run.folder.judging_usage(key)) for key in run.judge_keys.values()},
            },
            "mean_latency_s": sum(latencies) / len(latencies) if latencies else None,
        }
    )


def _new_run(experiment: Experiment, pipeline: Pipeline, out: Path, documents: dict[str, Document]) -> _Run:
    needs = pipeline.stage.needs(experiment.generate)
    chat = _identity(experiment.chat) if "chat" in needs else None
    embedder = experiment.embedder.identity if "embed" in needs and experiment.embedder else None
    key: dict[str, Json] = {
        "pipeline": pipeline.stage.spec(),
        "source": pipeline.source,
        "prompts": prompt_digests(sorted(pipeline.stage.all_prompts())) if "chat" in needs else {},
        "models": {"chat": chat, "embed": embedder},
        "benchmark": experiment.benchmark.content_hash,
        "questions": [question.id for question in experiment.questions],
        "generate": experiment.generate,
    }
    digest = fingerprint(key)
    judge_keys = {judge.name: _judge_key(judge, experiment.judge) for judge in experiment.judges}
    path = out / "runs" / f"{experiment.name}-{pipeline.name}-{digest[:10]}"
    manifest: dict[str, Json] = {
        "experiment": experiment.name,
        "label": pipeline.label,
        "params": {**pipeline.params},
        "fingerprint": digest,
        **key,
        "benchmark": {
            "name": experiment.benchmark.name,
            "reference": experiment.reference,
            "content_hash": experiment.benchmark.content_hash,
        },
        "judges": {name: {"key": judge_keys[name], "model": _identity(experiment.judge)} for name in judge_keys},
        "metrics": [str(metric) for metric in experiment.metrics],
        "seed": experiment.seed,
        "versions": {name: metadata.version(name) for name in ("rageval", "numpy", "bm25s", "rjieba")},
        "python": platform.python_version(),
        "machine": _machine(),
        "git_commit": _git_commit(),
        "created": _now(),
        "status": "running",
    }
    return _Run(pipeline, RunFolder(path, documents), manifest, judge_keys)


def _judge_key(judge: Judge, model: ChatModel | None) -> str:
    digest = fingerprint({"prompts": prompt_digests(judge.prompts), "model": _identity(model)})
    return f"{judge.name}-{digest[:10]}"


def _identity(model: ChatModel | None) -> str | None:
    return None if model is None else model.identity


def _git_commit() -> str | None:
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=True)  # noqa: S607
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _machine() -> str:
    """System, processor and cores, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = names[0] if names else platform.machine()
    return f"{platform.system()}, {processor}, {os.cpu_count()} cores"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
