"""What workers are given: the experiment's pipelines, judges and documents, with stand-ins for its models."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rageval.distributed.worker import Payload, Post, RemoteChat, RemoteEmbedder
from rageval.errors import DeclarationError
from rageval.experiment.plan import Experiment
from rageval.experiment.run import OpenRun, worker_context
from rageval.models.base import ChatModel
from rageval.models.rerank_endpoint import RerankService
from rageval.pipeline import Stage
from rageval.pipeline.parts import parts_of
from rageval.source import USER_MODULES

_LANES = 2
_PIECES = 32
_AT_ONCE_WITHOUT_CHAT = 4


@dataclass(frozen=True, slots=True)
class Layout:
    """The number of workers; each has `lanes` shards of `size` tasks in hand and works on `at_once` tasks of each."""

    workers: int
    lanes: int
    at_once: int
    size: int


def lay_out(tasks: int, cpus: int, calls: int | None) -> Layout:
    """Plan one worker per CPU, and as many running tasks as the chat models take calls at once: more would wait for
    each other and seem slow. `calls` is None where there are no chat models.

    A worker has two shards in hand where possible, so that it works on one while the other is on its way.
    """
    workers = min(cpus, tasks, calls or cpus)
    lanes = _LANES if calls is None else min(_LANES, calls // workers)
    at_once = _AT_ONCE_WITHOUT_CHAT // lanes if calls is None else calls // (workers * lanes)
    size = min(max(_PIECES, 4 * at_once), math.ceil(tasks / (2 * workers * lanes)))
    return Layout(workers, lanes, at_once, size)


def chat_models(experiment: Experiment) -> list[ChatModel]:
    """Those of the experiment, each once."""
    return list({id(m): m for m in (*experiment.chats, *experiment.raters)}.values())


def equip(experiment: Experiment, runs: Sequence[OpenRun], at_once: int) -> Payload:
    """Return what the workers need; for models, only the names. Raises DeclarationError for several embedders."""
    if len(experiment.embedders) > 1:
        raise DeclarationError("models.embed: found several embedders with ray, expected one: leave --executor out")
    post = Post()
    chats = {
        id(model): RemoteChat(post, position, model.identity, model.concurrency)
        for position, model in enumerate(chat_models(experiment))
    }
    asked_through_post = dataclasses.replace(
        experiment.with_wrapped(lambda chat: chats[id(chat)], lambda embedder: RemoteEmbedder(post, embedder.identity)),
        raters=tuple(chats[id(model)] for model in experiment.raters),
        models=None,
    )
    return Payload(worker_context(asked_through_post, runs), post, at_once)


@contextmanager
def user_code_travels(cloudpickle: Any) -> Generator[None]:
    """Within the block, pickle the user's own pipelines and judges with their code: nodes do not have the files."""
    modules = [module for name, module in sys.modules.items() if name.startswith(USER_MODULES)]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)


def stays_here(stage: Stage) -> bool:
    """Whether the driver works on the stage: it has a path among its settings, which nodes may not have, or asks a
    rerank model at an endpoint.
    """
    return any(isinstance(part, Path | RerankService) for part in parts_of(stage))
