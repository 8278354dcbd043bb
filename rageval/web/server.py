"""The server of `rageval view`: on the loopback interface alone, for as long as the command runs."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import sys
import webbrowser
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from rageval.errors import DeclarationError
from rageval.web import pages, reports
from rageval.web.runs import RUNS, Runs
from rageval.web.security import ACCESS, TOKEN, Access, add_headers, guard

_LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


def make_app(folder: Path, access: Access) -> web.Application:
    """The app over the runs below `folder`. Handlers find both under `RUNS` and `ACCESS`."""
    app = web.Application(middlewares=[guard])
    app[RUNS] = Runs(folder)
    app[ACCESS] = access
    app.on_response_prepare.append(add_headers)
    pages.add_routes(app)
    reports.add_routes(app)
    return app


@asynccontextmanager
async def serving(folder: Path, *, port: int = 0, ipv6: bool = False) -> AsyncGenerator[Access]:
    """Serve the runs below `folder` within the block, on 127.0.0.1 and with `ipv6` on ::1 too.

    Port 0 takes a free one. Raises DeclarationError for a port that is taken.
    """
    sockets = [_listen(socket.AF_INET, port)]
    try:
        port = sockets[0].getsockname()[1]
        if ipv6:
            sockets.append(_listen(socket.AF_INET6, port))
        access = Access(port, frozenset(_hosts(port, ipv6)))
        runner = web.AppRunner(make_app(folder, access), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            for one in sockets:
                await web.SockSite(runner, one).start()
            yield access
        finally:
            await runner.cleanup()
    finally:
        for one in sockets:
            one.close()


def address(access: Access, token: str) -> str:
    """The address that opens the pages."""
    return f"http://127.0.0.1:{access.port}/?{TOKEN}={token}"


def serve(folder: Path, *, port: int, ipv6: bool, open_browser: bool, on_start: Callable[[str], None]) -> None:
    """Serve until the process is stopped. `on_start` gets the address; the browser opens where there is a screen.

    Raises DeclarationError for a folder that is not there and for a port that is taken.
    """
    if not folder.is_dir():
        raise DeclarationError(f"{folder}: found no such folder, expected one that holds runs, such as results/runs")

    async def work() -> None:
        async with serving(folder, port=port, ipv6=ipv6) as access:
            on_start(address(access, access.token))
            if open_browser and _has_screen():
                await asyncio.to_thread(webbrowser.open, address(access, access.one_time_token()))
            await asyncio.Event().wait()

    asyncio.run(work())


def _has_screen() -> bool:
    """Whether a browser can open a window: without one, Linux would start a browser in the terminal."""
    return not sys.platform.startswith("linux") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _listen(family: socket.AddressFamily, port: int) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind((_LOOPBACK[family], port))
    except OSError as error:
        listening.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise DeclarationError(
                f"--port: found {port}, which is {'taken' if error.errno == errno.EADDRINUSE else 'not allowed'}, "
                "expected a free port, or 0 to take one"
            ) from None
        raise DeclarationError(f"{_LOOPBACK[family]}: cannot be listened on ({error.strerror})") from None
    return listening


def _hosts(port: int, ipv6: bool) -> list[str]:
    names = ["127.0.0.1", "localhost", *(["[::1]"] if ipv6 else [])]
    return [f"{name}:{port}" for name in names] + (names if port == 80 else [])
