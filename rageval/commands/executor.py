"""The options that say where an experiment is worked on."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rageval.experiment.running import Executor


class ExecutorName(StrEnum):
    """Where an experiment is worked on."""

    local = "local"
    ray = "ray"


ExecutorFlag = Annotated[
    ExecutorName, typer.Option("--executor", help="Work in this process, or over a Ray cluster (extra: ray).")
]
RayAddress = Annotated[
    str | None,
    typer.Option(help="With --executor ray: the cluster; by default RAY_ADDRESS, or what runs on this machine."),
]


@contextmanager
def chosen_executor(name: ExecutorName, ray_address: str | None) -> Generator[Executor | None]:
    """The executor, connected for the time of the block; None for that of this process.

    Raises DeclarationError for an address without a cluster to go to, and where Ray or the cluster is not there.
    """
    if name is ExecutorName.ray:
        from rageval.on_ray.cluster import ray_cluster

        with ray_cluster(ray_address) as executor:
            yield executor
    elif ray_address is not None:
        from rageval.errors import DeclarationError

        raise DeclarationError("--ray-address: found an address without --executor ray, expected both or none")
    else:
        yield None
