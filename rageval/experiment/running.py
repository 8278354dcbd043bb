"""Running an experiment: answer, judge, score, each written to disk as it happens, so that a killed run goes on."""

from __future__ import annotations

import asyncio
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from rageval.errors import DeclarationError, ExecutionError
from rageval.experiment.calibrations import Entry, scaled
from rageval.experiment.judge_entries import Added, counted, new_entry, read_added, read_judgments
from rageval.experiment.plan import Experiment, judge_keys
from rageval.experiment.scoring import score_outcomes, scores_to_json
from rageval.experiment.workers import OnProgress, work_through
from rageval.judges import Judge, asks_model, has_pool, with_pool
from rageval.judges.custom import NoChat
from rageval.metrics.names import Metric
from rageval.models.base import ChatModel
from rageval.pipeline import Pipeline, Resources, fingerprint
from rageval.prompts import prompt_digests
from rageval.records import Outcome, question_to_json, usage_to_json
from rageval.store import RunFolder
from rageval.types import Document, Failure, Json, Judgment, Question, RelevanceLabel, Response, Usage

_SYSTEMS_AT_ONCE = 64


@dataclass
class OpenRun:
    """One pipeline's run while it is being made.

    `judges` are those of the experiment that can judge by now, `entries` the manifest's of them, by name. What was
    `added` to the run by `rageval judge` stays, and is scored again. `judgments` are by the names of both.
    """

    pipeline: Pipeline
    folder: RunFolder
    manifest: dict[str, Json]
    judges: tuple[Judge, ...]
    entries: dict[str, dict[str, Json]]
    added: Added = Added()
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
        self.added = read_added(self.folder)
        for name, entry in self.all_entries.items():
            self.judgments[name] = read_judgments(self.folder, entry, self.outcomes)

    def add(self, judges: Sequence[Judge], entries: Mapping[str, dict[str, Json]]) -> None:
        """Let more judges judge, with what they have said before."""
        self.judges = (*self.judges, *judges)
        self.entries = {**self.entries, **entries}
        for name, entry in entries.items():
            self.judgments[name] = read_judgments(self.folder, entry, self.outcomes)

    @property
    def all_entries(self) -> dict[str, Entry]:
        """By their names in the manifest: the entries of the experiment's judges, and of those that were added."""
        return {**self.entries, **self.added.entries}

    def is_done(self, question_id: str) -> bool:
        outcome = self.outcomes.get(question_id)
        if outcome is None:
            return False
        return isinstance(outcome, Failure) or all(question_id in self.judgments[name] for name in self.entries)

    def write_manifest(self, metrics: Sequence[Metric], **changes: Json) -> None:
        """Write the manifest with these changes, and with what was added."""
        judges: dict[str, Json] = {
            name: counted(entry, self.judgments[name]) for name, entry in self.all_entries.items()
        }
        names: list[Json] = [str(metric) for metric in metrics]
        self.folder.write_manifest({**self.manifest, "metrics": names, "judges": judges, **changes})


def run_experiment(
    experiment: Experiment, out: Path, *, on_progress: OnProgress | None = None, retry_failed: bool = False
) -> list[Path]:
    """Run what has not been run yet and score everything; the run folders, in the order of the pipelines.

    Folders lie under `out/runs`. A question that fails is recorded and counted; `retry_failed` asks those again.
    `on_progress` is told (done, total) in pairs of question and pipeline, and once more from the start where a judge
    waits for all answers. `ModelError` stops the run and everything already answered stays on disk; so it does on
    Ctrl-C or a kill.
    """
    return asyncio.run(_run(experiment, out, on_progress or (lambda done, total: None), retry_failed))


async def _run(experiment: Experiment, out: Path, on_progress: OnProgress, retry_failed: bool) -> list[Path]:
    documents = {document.id: document for document in experiment.benchmark.documents}
    ids = [question.id for question in experiment.questions]
    runs = [open_run(experiment, pipeline, out, documents) for pipeline in experiment.pipelines]
    with ExitStack() as stack:
        try:
            for run in runs:
                stack.enter_context(run.folder.locked())
                run.read(ids, retry_failed)
            await _answer_and_judge(experiment, runs, on_progress)
            if _add_pooled(experiment, runs):
                await _answer_and_judge(experiment, runs, on_progress)
        finally:
            await experiment.close()
        for run in runs:
            _score(experiment, run)
    return [run.folder.path for run in runs]


def _add_pooled(experiment: Experiment, runs: Sequence[OpenRun]) -> bool:
    """Let the judges begin that look at all answers, now that there are all; whether there is any such judge."""
    outcomes = {q.id: [run.outcomes[q.id] for run in runs] for q in experiment.questions}
    responses = {q: [one for one in given if isinstance(one, Response)] for q, given in outcomes.items()}
    pooled = [with_pool(judge, responses) for judge in experiment.judges if has_pool(judge)]
    for run in runs:
        run.add(pooled, _entries(experiment, pooled))
    return bool(pooled)


async def _answer_and_judge(experiment: Experiment, runs: Sequence[OpenRun], on_progress: OnProgress) -> None:
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
        run.write_manifest((*experiment.metrics, *run.added.metrics))
        run.folder.write_questions(question_to_json(q, labels.get(q.id, ())) for q in experiment.questions)
    resources = Resources(
        experiment.benchmark.documents,
        labels=experiment.benchmark.labels,
        chat=experiment.chat,
        embedder=experiment.embedder,
    )
    pending = [run for run in runs if any(run is other and q.id not in run.outcomes for q, other in work)]
    for index in dict.fromkeys(index for run in pending for index in run.pipeline.stage.indexes()):
        with suppress(ExecutionError):  # then each question that needs it tries again and records why it failed
            await resources.get(index)
    models = [model for model in (experiment.chat, *experiment.raters) if model is not None]
    workers = max((model.concurrency for model in models), default=4)
    # What asks no chat model has no limit of its own, and a judge that asks in batches lets thousands begin at once.
    unlimited = asyncio.Semaphore(_SYSTEMS_AT_ONCE)
    await work_through(work, lambda pair: _one(experiment, *pair, resources, unlimited), workers, done, on_progress)


async def _one(
    experiment: Experiment, question: Question, run: OpenRun, resources: Resources, unlimited: asyncio.Semaphore
) -> None:
    outcome = run.outcomes.get(question.id)
    if outcome is None:
        asks = "chat" in run.pipeline.stage.needs(experiment.generate)
        try:
            async with nullcontext() if asks else unlimited:
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
    for judge in run.judges:
        if question.id not in run.judgments[judge.name]:
            key = str(run.entries[judge.name]["key"])
            run.judgments[judge.name][question.id] = await judge_response(
                run.folder, judge, key, experiment.judge, question, outcome
            )


async def judge_response(
    folder: RunFolder, judge: Judge, key: str, model: ChatModel | None, question: Question, response: Response
) -> tuple[Judgment, ...]:
    """What the judge says of a response, written to the folder under that key. Raises DeclarationError where it needs a
    model and there is none.
    """
    chat = model if asks_model(judge) else NoChat(judge.name)
    if chat is None:
        raise DeclarationError(f"the judge {judge.name} needs a chat model, and none was given (models: judge)")
    judged = await judge.judge(question, response, chat)
    judgments = tuple(
        Judgment(question.id, key, item.item, item.index, item.text, item.verdict) for item in judged.items
    )
    folder.add_judgments(key, question.id, judgments, judged.usage)
    return judgments


def _score(experiment: Experiment, run: OpenRun) -> None:
    metrics = (*experiment.metrics, *run.added.metrics)
    judgments = {name: scaled(entry, run.judgments[name]) for name, entry in run.all_entries.items()}
    scores = score_outcomes(metrics, experiment.benchmark, experiment.questions, run.outcomes, judgments)
    run.folder.write_scores(scores_to_json(scores))
    answering = sum((o.usage for o in run.outcomes.values() if isinstance(o, Response)), Usage())
    latencies = [o.latency_s for o in run.outcomes.values() if isinstance(o, Response)]
    keys = [str(entry["key"]) for entry in run.all_entries.values()]
    run.write_manifest(
        metrics,
        status="complete",
        finished=_now(),
        failed=sum(isinstance(outcome, Failure) for outcome in run.outcomes.values()),
        abstained=sum(isinstance(o, Response) and o.abstained for o in run.outcomes.values()),
        usage={
            "answering": usage_to_json(answering),
            **{key: usage_to_json(run.folder.judging_usage(key)) for key in keys},
        },
        mean_latency_s=sum(latencies) / len(latencies) if latencies else None,
    )


def open_run(experiment: Experiment, pipeline: Pipeline, out: Path, documents: dict[str, Document]) -> OpenRun:
    """The run of that pipeline under `out`, with nothing read or written yet."""
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
    judges = tuple(judge for judge in experiment.judges if not has_pool(judge))
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
        "judges": {},
        "metrics": [],
        "seed": experiment.seed,
        "versions": {name: metadata.version(name) for name in ("rageval", "numpy", "bm25s", "rjieba")},
        "python": platform.python_version(),
        "machine": _machine(),
        "git_commit": _git_commit(),
        "created": _now(),
        "status": "running",
    }
    return OpenRun(pipeline, RunFolder(path, documents), manifest, judges, _entries(experiment, judges))


def _entries(experiment: Experiment, judges: Sequence[Judge]) -> dict[str, dict[str, Json]]:
    """The manifest's entries of these judges, by name."""
    keys = judge_keys(judges, experiment.judge)
    calibrations = {calibration.record.key: calibration for calibration in experiment.calibrations}
    return {
        judge.name: new_entry(
            judge, keys[judge.name], experiment.judge, experiment.embedder, calibrations.get(keys[judge.name])
        )
        for judge in judges
    }


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
