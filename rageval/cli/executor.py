"""The options that say where an experiment is worked on."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rageval.experiment.run import Executor


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
TraceFile = Annotated[
    Path | None,
    typer.Option("--trace", help="Add OpenTelemetry spans to this file, a JSON object a line (extra: otel)."),
]


@contextmanager
def chosen_executor(name: ExecutorName, ray_address: str | None, trace: Path | None) -> Generator[Executor | None]:
    """Yields the connected executor for the duration of the block, or None to work in this process.

    Raises DeclarationError for an address without a cluster executor, if Ray or the cluster is unavailable, and for
    spans of a cluster.
    """
    from rageval.errors import DeclarationError

    if trace is not None:
        if name is ExecutorName.ray:
            raise DeclarationError("--trace: found it with --executor ray, expected one of them")
        from rageval.integrations.opentelemetry import traced_to_file

        with traced_to_file(trace) as executor:
            yield executor
    elif name is ExecutorName.ray:
        from rageval.distributed.cluster import ray_cluster

        with ray_cluster(ray_address) as executor:
            yield executor
    elif ray_address is not None:
        raise DeclarationError("--ray-address: found an address without --executor ray, expected both or none")
    else:
        yield None
