"""The command that installs an extra of rageval where this copy of it came from: no package index has rageval."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


def install_command(extra: str) -> str:
    """`pip install '/home/me/rageval[EXTRA]'` for a copy that was installed from a folder, and with its address for one
    that was installed by URL, as pip recorded it (PEP 610). The folder of a clone is `.` if it is the current one.
    """
    origin = _origin()
    folder = _folder(origin)
    if folder is not None:
        editable = "-e " if origin.get("dir_info", {}).get("editable") else ""
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
