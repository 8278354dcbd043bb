"""Run an experiment: answer, judge and score. Each step is written to disk as it happens, so a killed run resumes."""

from __future__ import annotations

import asyncio
import platform
from array import array
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from rageval.benchmark.digests import question_digests
from rageval.experiment.answer import Sink, Task, WorkerContext
from rageval.experiment.environment import git_commit, machine, now, versions
from rageval.experiment.further import judge_further
from rageval.experiment.judging import judge_entries
from rageval.experiment.notes import read_notes
from rageval.experiment.plan import Experiment, rerank_services
from rageval.experiment.prices import answering_prices
from rageval.experiment.reuse import begin_afresh
from rageval.experiment.score_run import score_run
from rageval.experiment.workers import OnProgress, work_through
from rageval.identity import describe, fingerprint
from rageval.io.file_names import to_file_name
from rageval.io.line_log import LineLog
from rageval.io.records import Outcome, question_to_json
from rageval.io.run_folder import RunFolder
from rageval.judges import Judge, has_pool, with_pool
from rageval.metrics.names import Metric
from rageval.pipeline import IndexStore, Pipeline, Resources
from rageval.pipeline.abstention import abstention_identity
from rageval.prompts import CONVERSATION, prompt_digests
from rageval.scores.calibrations import JudgeEntry
from rageval.scores.judge_entries import Added, read_added, read_judgments, with_counts
from rageval.types import Document, Failure, Json, Judgment, Question, RelevanceLabel, Response, Usage

_SYSTEMS_AT_ONCE = 64


@dataclass
class OpenRun:
    """One pipeline's run in progress.

    `judges` are the experiment's judges that can judge so far, `entries` their manifest entries by name. What `rageval
    judge` `added` to the run is kept and scored again. `judgments` has the names of both. Judgments and `outcomes` stay
    on disk. The `reused` ones existed before, and so did the `notes`.

    A pipeline that is asked each question several times has an `OpenRun` for each `repeat`, numbered from 0. The first
    one holds the `others` and the manifest.
    """

    pipeline: Pipeline
    folder: RunFolder
    manifest: dict[str, Json]
    judges: tuple[Judge, ...]
    entries: dict[str, dict[str, Json]]
    added: Added = Added()
    reused_judgments: int = 0
    reused_answers: int = 0
    notes: tuple[str, ...] = ()
    reused_failures: int = 0
    repeat: int = 0
    others: tuple[OpenRun, ...] = ()
    outcomes: LineLog[Outcome] = field(init=False)
    judgments: dict[str, LineLog[tuple[Judgment, ...]]] = field(
        default_factory=dict[str, LineLog[tuple[Judgment, ...]]]
    )

    def read(self, retry_failed: bool) -> None:
        """Read the results that exist already, without failures if they are to be tried again. Raises DeclarationError
        for results that this version cannot read.
        """
        added = read_added(self.folder)
        self.notes = read_notes(self.folder)
        for one in self.repeats:
            one._read(added, retry_failed)

    def _read(self, added: Added, retry_failed: bool) -> None:
        self.added = added
        self.outcomes = self.folder.outcomes()
        stored = self.folder.outcomes(hits=False)
        failed = [question_id for question_id, outcome in stored.items() if isinstance(outcome, Failure)]
        if retry_failed:
            self.outcomes.forget(failed)
            failed = []
        for name, entry in self.all_entries.items():
            self.judgments[name] = read_judgments(self.folder, entry, self.outcomes)
        self.reused_failures = len(failed)
        self.reused_answers = len(self.outcomes) - len(failed)
        self.reused_judgments = sum(len(self.judgments[name]) for name in self.entries)

    def add(self, judges: Sequence[Judge], entries: Mapping[str, dict[str, Json]]) -> None:
        """Add judges, with the judgments that they made before."""
        self.judges = (*self.judges, *judges)
        self.entries = {**self.entries, **entries}
        for name, entry in entries.items():
            self.judgments[name] = read_judgments(self.folder, entry, self.outcomes)
            self.reused_judgments += len(self.judgments[name])

    @property
    def repeats(self) -> tuple[OpenRun, ...]:
        """This one and the others, the first answers first."""
        return (self, *self.others)

    @property
    def all_entries(self) -> dict[str, JudgeEntry]:
        """The entries of the experiment's judges and of those added later, by their names in the manifest."""
        return {**self.entries, **self.added.entries}

    def task(self, position: int, question: Question) -> Task:
        """The work that is left for the question; `position` is this run's position among the runs."""
        judges = (name for name in self.entries if question.id not in self.judgments[name])
        return Task(position, question, self.outcomes.get(question.id), tuple(judges))

    def add_outcome(self, question_id: str, outcome: Outcome) -> None:
        self.outcomes.add(question_id, *self.folder.add_outcome(question_id, outcome))

    def add_judgments(self, judge: str, question_id: str, judgments: tuple[Judgment, ...], usage: Usage) -> None:
        line = self.folder.add_judgments(str(self.entries[judge]["key"]), question_id, judgments, usage)
        self.judgments[judge].add(question_id, *line)

    def is_done(self, question_id: str) -> bool:
        if question_id not in self.outcomes:
            return False
        judged = all(question_id in self.judgments[name] for name in self.entries)
        return judged or isinstance(self.outcomes[question_id], Failure)

    def write_manifest(self, metrics: Sequence[Metric], **changes: Json) -> None:
        """Write the manifest with these changes, and with what `rageval judge` added. It counts all repeats."""
        judges: dict[str, Json] = {
            name: with_counts(entry, *(one.judgments[name] for one in self.repeats))
            for name, entry in self.all_entries.items()
        }
        names: list[Json] = [str(metric) for metric in metrics]
        reused: dict[str, Json] = {
            "answers": sum(one.reused_answers for one in self.repeats),
            "failures": sum(one.reused_failures for one in self.repeats),
            "judgments": sum(one.reused_judgments for one in self.repeats),
        }
        self.folder.write_manifest({**self.manifest, "metrics": names, "judges": judges, "reused": reused, **changes})


class Executor(Protocol):
    """Runs tasks, anywhere and in any order, and writes their results to the `runs`.

    Calls `on_progress` with (done, total) after each task; `done` tasks were finished before. The first error stops all
    tasks and is raised.
    """

    async def __call__(
        self,
        experiment: Experiment,
        runs: Sequence[OpenRun],
        tasks: Collection[Task],
        done: int,
        on_progress: OnProgress,
    ) -> None: ...


def run_experiment(
    experiment: Experiment,
    out: Path,
    *,
    on_progress: OnProgress | None = None,
    retry_failed: bool = False,
    executor: Executor | None = None,
) -> list[Path]:
    """Run what has not been run yet and score everything; returns the run folders, in the order of the pipelines.

    Folders are under `out/runs`. A question that fails is recorded and counted; `retry_failed` asks those again.
    `on_progress` gets (done, total) in answers of pipelines to questions; the count starts over once if a judge waits
    for all answers. The questions are worked on in this process unless there is an `executor`. `ModelError` stops the
    run, and so does Ctrl-C or a kill; everything already answered stays on disk. The models stay open.
    """
    work = _run(experiment, out, on_progress or (lambda done, total: None), retry_failed, executor or work_here)
    runs = experiment.run(work)
    judge_further(experiment, runs, out / "cache")
    return runs


async def _run(
    experiment: Experiment, out: Path, on_progress: OnProgress, retry_failed: bool, executor: Executor
) -> list[Path]:
    documents = {document.id: document for document in experiment.benchmark.documents}
    runs = [open_run(experiment, pipeline, out, documents) for pipeline in experiment.pipelines]
    with ExitStack() as stack:
        for run in runs:
            stack.enter_context(run.folder.locked())
            if experiment.fresh:
                begin_afresh(run.folder, out)
            run.read(retry_failed)
        repeats = [one for run in runs for one in run.repeats]
        await _answer_and_judge(experiment, repeats, executor, on_progress)
        if any(map(has_pool, experiment.judges)):
            _add_pooled(experiment, repeats)
            await _answer_and_judge(experiment, repeats, executor, on_progress)
        for run in runs:
            score_run(experiment, run)
    return [run.folder.path for run in runs]


def _add_pooled(experiment: Experiment, runs: Sequence[OpenRun]) -> None:
    """Add the judges that look at all answers, now that all answers exist."""
    pooled = _pooled(experiment, runs)
    for run in runs:
        run.add(pooled, _entries(experiment, pooled))


def _pooled(experiment: Experiment, runs: Sequence[OpenRun]) -> list[Judge]:
    """The judges that look at all answers, each given the first answers of the runs: repeats do not make others."""
    firsts = [run for run in runs if run.repeat == 0]
    outcomes = {q.id: [run.outcomes[q.id] for run in firsts] for q in experiment.questions}
    responses = {q: [one for one in given if isinstance(one, Response)] for q, given in outcomes.items()}
    return [with_pool(judge, responses) for judge in experiment.judges if has_pool(judge)]


async def _answer_and_judge(
    experiment: Experiment, runs: Sequence[OpenRun], executor: Executor, on_progress: OnProgress
) -> None:
    """Work through all questions, with all pipelines of a question one after another."""
    total = len(experiment.questions) * len(runs)
    tasks = _Tasks(
        runs,
        experiment.questions,
        array(
            "Q",
            (
                number * len(runs) + position
                for number, question in enumerate(experiment.questions)
                for position, run in enumerate(runs)
                if not run.is_done(question.id)
            ),
        ),
    )
    done = total - len(tasks)
    on_progress(done, total)
    if not tasks:
        return
    _describe(experiment, runs)
    await executor(experiment, runs, tasks, done, on_progress)


def _describe(experiment: Experiment, runs: Sequence[OpenRun]) -> None:
    """Write the manifests and questions of the runs before any result is written."""
    labels: dict[str, list[RelevanceLabel]] = {}
    for label in experiment.benchmark.labels:
        labels.setdefault(label.question_id, []).append(label)
    digests = question_digests(experiment.benchmark, experiment.questions, labels)
    for run in (run for run in runs if run.repeat == 0):
        run.write_manifest((*experiment.metrics, *run.added.metrics))
        run.folder.write_questions(
            question_to_json(q, labels.get(q.id, ()), digests[q.id]) for q in experiment.questions
        )


@dataclass(frozen=True)
class _Tasks(Collection[Task]):
    """The open questions of runs, as tasks created one by one: their data stays on disk until then.

    `left` holds the pairs of question and run, numbered from 0, with the runs of a question one after another.
    """

    runs: Sequence[OpenRun]
    questions: Sequence[Question]
    left: array[int]

    def __iter__(self) -> Iterator[Task]:
        for number, position in (divmod(pair, len(self.runs)) for pair in self.left):
            yield self.runs[position].task(position, self.questions[number])

    def __len__(self) -> int:
        return len(self.left)

    def __contains__(self, task: object) -> bool:
        return any(task == one for one in self)


Work = Callable[[WorkerContext, Task, Sink], Awaitable[None]]


async def work_here(
    experiment: Experiment,
    runs: Sequence[OpenRun],
    tasks: Collection[Task],
    done: int,
    on_progress: OnProgress,
    work: Work = WorkerContext.work_on,
) -> None:
    """The executor that works in this process, in the order of the tasks, since tasks of a question share passages and
    prefixes. `work` is a hook for observers: it gets the worker context and each task, and calls the context to work on
    it.
    """
    out = runs[0].folder.path.parents[1]
    place = worker_context(experiment, runs, IndexStore(out / "cache" / "indexes"))
    # Pipelines without a chat model have no limit, and a judge that asks in batches starts thousands of them at once.
    place = replace(place, unlimited=asyncio.Semaphore(_SYSTEMS_AT_ONCE))
    await place.build_indexes(tasks, lambda position, index, usage: runs[position].folder.add_indexing(index, usage))

    async def work_on(task: Task) -> None:
        await work(place, task, runs[task.pipeline])

    await work_through(tasks, work_on, calls_at_once(experiment) or 4, done, on_progress)


def calls_at_once(experiment: Experiment) -> int | None:
    """How many calls the chat and rerank models take at once; None where there is none of them."""
    models = (*experiment.chats, *experiment.raters)
    rankers = rerank_services(experiment.pipelines)
    return max((model.concurrency for model in (*models, *rankers)), default=None)


def worker_context(experiment: Experiment, runs: Sequence[OpenRun], indexes: IndexStore | None = None) -> WorkerContext:
    """What the tasks of these runs are worked on with: the experiment's models, and the judges that the runs have by
    now.
    """
    judges = {judge.name: judge for judge in experiment.judges}
    if any(has_pool(judges[name]) for name in runs[0].entries):
        judges |= {judge.name: judge for judge in _pooled(experiment, runs)}
    resources = Resources(
        experiment.benchmark.documents,
        labels=experiment.benchmark.labels,
        chat=experiment.chat,
        embedder=experiment.embedder,
        indexes=indexes,
        rankers=None if experiment.models is None else experiment.models.ranker,
        phrases=experiment.phrases,
    )
    return WorkerContext(
        resources,
        tuple(run.pipeline for run in runs),
        judges,
        {name: str(entry["key"]) for name, entry in runs[0].entries.items()},
        experiment.first_rater,
        experiment.generate,
        own_resources={
            position: resources_of(experiment, run.pipeline, resources, run.repeat) for position, run in enumerate(runs)
        },
    )


def resources_of(experiment: Experiment, pipeline: Pipeline, resources: Resources, repeat: int = 0) -> Resources:
    """The resources with the models that the pipeline asks, for that repeat of its answers."""
    asked = experiment.models_of(pipeline)
    own = resources.with_models(asked.chat, asked.embedder)
    return own.redrawn(asked.repeat * experiment.repeats_of(pipeline) + repeat, asked.temperature)


def open_run(experiment: Experiment, pipeline: Pipeline, out: Path, documents: dict[str, Document]) -> OpenRun:
    """The run of that pipeline under `out`, with nothing read or written yet."""
    needs = pipeline.stage.needs(experiment.generate)
    asked = experiment.models_of(pipeline)
    chat = asked.chat.identity if "chat" in needs and asked.chat else None
    embedder = asked.embedder.identity if "embed" in needs and asked.embedder else None
    questions: list[Json] = [question.id for question in experiment.questions]
    repeats = experiment.repeats_of(pipeline)
    key: dict[str, Json] = {
        "pipeline": describe(pipeline.stage),
        "source": pipeline.source,
        "prompts": _prompts(experiment, pipeline) if "chat" in needs else {},
        "models": {"chat": chat, "embed": embedder},
        **asked.draws,
        "benchmark": experiment.benchmark.content_hash,
        "questions": [*experiment.all_questions] or questions,
        **({"batches": f"in the order of seed {experiment.seed}"} if experiment.until else {}),
        "generate": experiment.generate,
        **({"abstention": abstention_identity(experiment.phrases)} if experiment.generate else {}),
        **({"repeats": repeats} if repeats > 1 else {}),
    }
    digest = fingerprint(key)
    key["questions"] = questions
    judges = tuple(judge for judge in experiment.judges if not has_pool(judge))
    path = out / "runs" / f"{to_file_name(experiment.name)}-{to_file_name(pipeline.name)}-{digest[:10]}"
    manifest: dict[str, Json] = {
        "experiment": experiment.name,
        "label": pipeline.label,
        "recipe": pipeline.name,
        "params": {**pipeline.params},
        "fingerprint": digest,
        **key,
        "benchmark": {
            "name": experiment.benchmark.name,
            "reference": experiment.reference,
            "source": experiment.benchmark.card.source,
            "content_hash": experiment.benchmark.content_hash,
            "corpus": experiment.corpus,
            "exclude_self": experiment.benchmark.exclude_self,
            "grade_threshold": experiment.benchmark.grade_threshold,
            "tolerated": [one.to_json() for one in experiment.benchmark.tolerated],
        },
        "prices": answering_prices(experiment, pipeline),
        "judges": {},
        "metrics": [],
        "seed": experiment.seed,
        "fresh": experiment.fresh,
        "versions": {**versions()},
        "python": platform.python_version(),
        "machine": machine(),
        "git_commit": git_commit(),
        "created": now(),
        "status": "running",
    }
    if experiment.own_metrics:
        own = experiment.own_metrics
        manifest["own_metrics"] = {one.name: {"key": one.key, "summary": one.metric.summary} for one in own}
    first, *rest = RunFolder(path, documents).answers(repeats)
    entries = _entries(experiment, judges)
    others = (OpenRun(pipeline, folder, {}, judges, entries, repeat=k) for k, folder in enumerate(rest, 1))
    return OpenRun(pipeline, first, manifest, judges, entries, others=tuple(others))


def _prompts(experiment: Experiment, pipeline: Pipeline) -> dict[str, Json]:
    """The digests of the pipeline's prompts, and of what shows a conversation where a question ends one."""
    shown = {CONVERSATION} if any(question.history for question in experiment.questions) else set[str]()
    return prompt_digests(sorted(pipeline.stage.all_prompts() | shown))


def _entries(experiment: Experiment, judges: Sequence[Judge]) -> dict[str, dict[str, Json]]:
    prices = {} if experiment.models is None else experiment.models.prices
    return judge_entries(judges, experiment.raters, experiment.embedder, experiment.calibrations, prices)
