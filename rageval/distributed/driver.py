"""The driver's side: starts and replaces workers, hands them shards, answers their asks, passes results to the runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass, field
from pickle import PicklingError
from typing import Any

from rageval.distributed.messages import (
    Ask,
    AskVectors,
    Done,
    FromWorker,
    IndexingMessage,
    Mailbox,
    Raised,
    RecordMessage,
    Reply,
    SentTask,
    Shard,
    ToWorker,
)
from rageval.distributed.payload import Layout, chat_models, equip, lay_out, stays_here, user_code_travels
from rageval.distributed.shards import Shards
from rageval.distributed.worker import Worker
from rageval.errors import DeclarationError, ExecutionError, RagevalError
from rageval.experiment.answer import Task
from rageval.experiment.environment import versions
from rageval.experiment.plan import Experiment
from rageval.experiment.run import OpenRun, calls_at_once, work_here
from rageval.experiment.workers import OnProgress, together
from rageval.io.records import judgment_from_json, outcome_from_json, usage_from_json
from rageval.models.base import ChatReply, Vectors
from rageval.pipeline.failure import traceback_of

_MOST_LOSSES = 3
_SOON_S = 30.0
_log = logging.getLogger("rageval")


@dataclass(frozen=True, slots=True)
class OnRay:
    """An executor that runs tasks on the cluster to which `ray` (the module) is connected.

    The driver keeps what must be in one place: models with their caches, rates and budget, and the run folders.
    Pipelines that read the driver's files or ask a rerank model run here. A lost worker is replaced and its unfinished
    tasks run again; a task that loses three workers ends the run. `idle` workers are reused by the next call, until
    `close`.
    """

    ray: Any
    idle: list[Any] = field(default_factory=list[Any])

    async def __call__(
        self,
        experiment: Experiment,
        runs: Sequence[OpenRun],
        tasks: Collection[Task],
        done: int,
        on_progress: OnProgress,
    ) -> None:
        total = done + len(tasks)
        stay = {position for position, run in enumerate(runs) if stays_here(run.pipeline.stage)}
        here = [task for task in tasks if task.pipeline in stay]
        away = [task for task in tasks if task.pipeline not in stay]

        def tell(*_: int) -> None:
            nonlocal done
            done += 1
            on_progress(done, total)

        await together([work_here(experiment, runs, here, 0, tell), self._work_away(experiment, runs, away, tell)])

    async def _work_away(
        self, experiment: Experiment, runs: Sequence[OpenRun], tasks: Sequence[Task], tell: Callable[[], None]
    ) -> None:
        if not tasks:
            return
        cpus = int(self.ray.cluster_resources().get("CPU", 0))
        if not cpus:
            raise DeclarationError("--executor ray: found no CPU in the cluster, expected at least one")
        layout = lay_out(len(tasks), cpus, calls_at_once(experiment))
        try:
            with user_code_travels(self.ray.cloudpickle):
                payload = self.ray.put(equip(experiment, runs, layout.at_once))
        except (TypeError, PicklingError) as error:
            raise DeclarationError(
                f"--executor ray: found a pipeline or judge that cannot be sent to workers ({_first_line(error)}): let "
                "its settings be plain values"
            ) from None

        def indexes(task: Task) -> Hashable:
            return runs[task.pipeline].pipeline.stage.indexes() if task.outcome is None else ()

        shards = Shards(tasks, indexes, layout.size)
        await _Team(self.ray, self.idle, payload, layout, experiment, runs, shards, tell).work()

    def close(self) -> None:
        while self.idle:
            self.ray.kill(self.idle.pop())


@dataclass(eq=False)
class _Seat:
    """One living worker: messages to it, and how many more shards it can take."""

    actor: Any
    free: asyncio.Semaphore
    letters: Mailbox[ToWorker] = field(default_factory=Mailbox[ToWorker])


class _Team:
    """The workers, and all messages to and from them."""

    def __init__(
        self,
        ray: Any,
        idle: list[Any],
        payload: Any,
        layout: Layout,
        experiment: Experiment,
        runs: Sequence[OpenRun],
        shards: Shards,
        tell: Callable[[], None],
    ) -> None:
        self._ray = ray
        self._lost: type[Exception] = ray.exceptions.RayError
        self._raised_there: type[Exception] = ray.exceptions.RayTaskError
        self._hire: Callable[[], Any] = ray.remote(num_cpus=1)(Worker).remote
        self._idle = idle
        self._equipment = payload
        self._layout = layout
        self._chats = chat_models(experiment)
        self._embedder = next(iter(experiment.embedders), None)
        self._documents = {document.id: document for document in experiment.benchmark.documents}
        self._runs = runs
        self._shards = shards
        self._tell = tell
        self._asks: set[asyncio.Task[None]] = set()
        self._came = False

    async def work(self) -> None:
        """Run until all shards are finished, or an error stops all of them."""
        seats = (self._keep_filled() for _ in range(self._layout.workers))
        working = asyncio.ensure_future(together([*seats, self._warn_if_none_comes()]))
        finished = asyncio.ensure_future(self._shards.finished.wait())
        try:
            await asyncio.wait((working, finished), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            left = (working, finished, *self._asks)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _keep_filled(self) -> None:
        """Keep one worker running, and replace it whenever it is lost."""
        failed_starts = 0
        while True:
            seat = _Seat(self._idle.pop() if self._idle else self._hire(), asyncio.Semaphore(self._layout.lanes))
            started = False
            try:
                await self._open(seat)
                started = self._came = True
                await together([self._receive(seat), self._send(seat), self._feed(seat)])
            except self._raised_there:
                raise
            except self._lost as error:
                failed_starts = 0 if started else failed_starts + 1
                self._take_back(seat, error, failed_starts)
            finally:
                if self._shards.finished.is_set():
                    self._idle.append(seat.actor)
                else:
                    self._ray.kill(seat.actor)

    async def _open(self, seat: _Seat) -> None:
        try:
            found = await seat.actor.open.remote(self._equipment)
        except self._raised_there as error:
            raise DeclarationError(
                f"--executor ray: a worker cannot read the experiment ({_last_line(error)}): install the same packages "
                "on every node"
            ) from None
        if found != versions():
            raise DeclarationError(
                f"--executor ray: found {_listed(found)} on a node, expected {_listed(versions())} as here: install "
                "the same versions on every node"
            )

    async def _receive(self, seat: _Seat) -> None:
        while True:
            letters: list[FromWorker] = await seat.actor.take.remote()
            for letter in letters:
                match letter:
                    case RecordMessage():
                        self._keep(letter)
                    case IndexingMessage():
                        self._runs[letter.pipeline].folder.add_indexing(letter.index, letter.usage)
                    case Ask() | AskVectors():
                        task = asyncio.create_task(self._answer(seat, letter))
                        self._asks.add(task)
                        task.add_done_callback(self._asks.discard)
                    case Done():
                        self._shards.done(seat, letter.number, letter.building_s, letter.working_s)
                        seat.free.release()
                    case Raised():
                        raise letter.error()

    async def _send(self, seat: _Seat) -> None:
        while True:
            await seat.actor.put.remote(await seat.letters.take())

    async def _feed(self, seat: _Seat) -> None:
        while True:
            await seat.free.acquire()
            handed = await self._shards.take(seat)
            tasks = (self._runs[task.pipeline].task(task.pipeline, task.question) for task in handed.tasks)
            seat.letters.put(Shard(handed.number, tuple(SentTask.of(task, self._documents) for task in tasks)))

    async def _answer(self, seat: _Seat, letter: Ask | AskVectors) -> None:
        value: ChatReply | Vectors | Raised
        try:
            if isinstance(letter, Ask):
                value = await self._chats[letter.model].complete(letter.request)
            else:
                assert self._embedder is not None
                value = await self._embedder.embed(letter.texts, letter.kind)
        except Exception as error:  # noqa: BLE001 (raised again where it was asked)
            if not isinstance(error, RagevalError):
                error.add_note(f"on the driver: {traceback_of(error)}")
            value = Raised.of(error)
        seat.letters.put(Reply(letter.number, value))

    def _keep(self, record: RecordMessage) -> None:
        run, question_id, data = self._runs[record.pipeline], record.question_id, record.data
        if record.judge is None:
            run.add_outcome(question_id, outcome_from_json(data, self._documents))
        else:
            key = str(run.entries[record.judge]["key"])
            judgments = tuple(judgment_from_json(said, question_id, key) for said in data["judgments"])
            run.add_judgments(record.judge, question_id, judgments, usage_from_json(data["usage"]))
        if run.is_done(question_id):
            self._tell()

    def _take_back(self, seat: _Seat, error: Exception, failed_starts: int) -> None:
        why = _last_line(error)
        if failed_starts >= _MOST_LOSSES:
            raise DeclarationError(f"--executor ray: no worker can start ({why}): install rageval on every node")
        for task, times in self._shards.lost(seat, lambda p: self._runs[p.pipeline].is_done(p.question.id)):
            if times >= _MOST_LOSSES:
                raise ExecutionError(
                    f"{self._runs[task.pipeline].pipeline.label}, question {task.question.id}: {times} Ray workers "
                    f"were lost while they worked on it ({why}): everything done so far is kept"
                )
        _log.warning("a Ray worker was lost, and its unfinished tasks are done again: %s", why)

    async def _warn_if_none_comes(self) -> None:
        await asyncio.sleep(_SOON_S)
        if not self._came:
            _log.warning("no CPU of the Ray cluster is free yet; waiting for one")


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].strip()


def _listed(found: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in found.items())
