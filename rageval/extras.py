"""Optional packages: looked for before they are needed, and named with the command that installs them."""

from __future__ import annotations

import importlib.util

from rageval.errors import MissingExtraError


def need_package(package: str, extra: str, purpose: str) -> None:
    """Raise MissingExtraError where `package` is not installed; it is not imported."""
    if importlib.util.find_spec(package) is None:
        raise MissingExtraError(package, extra, purpose)
