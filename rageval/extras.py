"""Optional packages: looked for before they are needed, and named with the command that installs them."""

from __future__ import annotations

import importlib.util
import json
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from rageval.errors import MissingExtraError


def need_package(package: str, extra: str, purpose: str) -> None:
    """Raise MissingExtraError where `package` is not installed; it is not imported."""
    if importlib.util.find_spec(package) is None:
        raise MissingExtraError(package, extra, purpose)


def install_command(extra: str) -> str:
    """The command that installs an extra from where this copy of rageval came from, since no package index has rageval.

    It has the folder from which rageval was installed (`.` if that is the current one) or its address, as pip recorded
    it (PEP 610).
    """
    origin = _origin()
    folder = _folder(origin)
    if folder is not None:
        editable = "-e " if origin["dir_info"].get("editable") else ""
        place = "." if folder == Path.cwd() else str(folder)
        return f"pip install {editable}'{place}[{extra}]'"
    if "url" not in origin:
        return f"pip install '.[{extra}]'  in the folder of your clone of rageval"
    url = str(origin["url"])
    if "vcs_info" in origin:
        about = origin["vcs_info"]
        url = f"{about['vcs']}+{url}@{about.get('requested_revision', about['commit_id'])}"
    return f"pip install 'rageval[{extra}] @ {url}'"


def _origin() -> dict[str, Any]:
    """What pip recorded of where it took rageval from; empty where it recorded nothing."""
    try:
        return json.loads(distribution("rageval").read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return {}


def _folder(origin: dict[str, Any]) -> Path | None:
    url = urlsplit(str(origin.get("url", "")))
    if "dir_info" not in origin or url.scheme != "file":
        return None
    return Path(unquote(url.path))
