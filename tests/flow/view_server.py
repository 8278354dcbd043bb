"""The server of `rageval view` in a thread of this process."""

from __future__ import annotations

import asyncio
import http.client
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from rageval.web.security import Access
from rageval.web.server import address, serving


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    text: str


class ViewServer:
    """Serves a folder within the block; `access` has its port and secrets."""

    access: Access
    host = "127.0.0.1"

    def __init__(self, folder: Path, *, ipv6: bool = False) -> None:
        self._folder = folder
        self._ipv6 = ipv6
        self._started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._serve()))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(30)
        self._loop.close()

    async def _serve(self) -> None:
        self._ended = asyncio.Event()
        async with serving(self._folder, ipv6=self._ipv6) as self.access:
            self._started.set()
            await self._ended.wait()

    @property
    def address(self) -> str:
        """The address with the token."""
        return address(self.access, self.access.token)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.access.port}"

    @property
    def cookie(self) -> dict[str, str]:
        return {"Cookie": f"{self.access.cookie}={self.access.session}"}

    def ask(self, path: str, headers: Mapping[str, str | None] | None = None, *, post: str | None = None) -> Reply:
        """One request with exactly that path, and the cookie unless `headers` has another; None leaves one out."""
        sent = {"Host": f"127.0.0.1:{self.access.port}", **self.cookie, **(headers or {})}
        connection = http.client.HTTPConnection(self.host, self.access.port, timeout=30)
        try:
            connection.putrequest("GET" if post is None else "POST", path, skip_host=True, skip_accept_encoding=True)
            content = (post or "").encode()
            for name, value in {**sent, **({} if post is None else {"Content-Length": str(len(content))})}.items():
                if value is not None:
                    connection.putheader(name, value)
            connection.endheaders(content)
            found = connection.getresponse()
            return Reply(found.status, {name.lower(): v for name, v in found.getheaders()}, found.read().decode())
        finally:
            connection.close()
