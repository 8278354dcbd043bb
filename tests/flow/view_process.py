"""`rageval view` as a process of its own, which can be killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit


class ViewProcess:
    """Serves a folder within the block; `address` is what it printed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "rageval", "view", str(self._folder), "--no-browser"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().strip()
        assert self.address.startswith("http://127.0.0.1:")
        return self

    @property
    def origin(self) -> str:
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}"

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
