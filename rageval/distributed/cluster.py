"""Connecting to a Ray cluster: the one place that imports Ray."""

from __future__ import annotations

import importlib
import logging
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from rageval.distributed.driver import OnRay
from rageval.errors import DeclarationError
from rageval.extras import need_package

# Ray sends no usage statistics, and writes nothing to standard output, where results go.
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS_SKIP_REGEX": "^"}

_KNOCK_S = 5.0


@contextmanager
def ray_cluster(address: str | None = None) -> Generator[OnRay]:
    """Yield an executor over the cluster at `address`, or else where `ray.init()` finds one: at RAY_ADDRESS, on this
    machine, or a new cluster of this machine alone, which ends with the block.

    If Ray is already connected, that connection is used and stays open. Raises DeclarationError where Ray is not
    installed, or no cluster answers.
    """
    ray = import_ray()
    connected = ray.is_initialized()
    if not connected:
        _connect(ray, address)
    executor = OnRay(ray)
    try:
        yield executor
    finally:
        executor.close()
        if not connected:
            ray.shutdown()


def import_ray() -> Any:
    """Return the package, with its messages and usage statistics off unless it was already imported. Raises
    MissingExtraError where it is not installed.
    """
    need_package("ray", "ray", "--executor ray")
    os.environ.update(_QUIET)
    return importlib.import_module("ray")


def _connect(ray: Any, address: str | None) -> None:
    place, named = ("--ray-address", address) if address else ("RAY_ADDRESS", os.environ.get("RAY_ADDRESS", ""))
    if named.startswith("ray://"):
        raise DeclarationError(
            f"{place}: found {named}, expected the cluster's own address, such as 10.0.0.1:6379: run this on a node of "
            "the cluster"
        )
    try:
        _knock(named)
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        told = " ".join(str(error).split())
        raise DeclarationError(
            f"{place if named else '--executor ray'}: found no Ray cluster that can be used at "
            f"{named or 'this machine'} ({told}): check the address, and that the cluster has the same versions of Ray "
            "and Python"
        ) from None


def _knock(address: str) -> None:
    """Raises OSError if nothing listens at a host and port: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), _KNOCK_S).close()
