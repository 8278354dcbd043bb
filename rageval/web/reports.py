"""The report over some of the runs, made anew when one of them has changed."""

from __future__ import annotations

import asyncio

from aiohttp import web

from rageval.errors import DeclarationError
from rageval.web.pages import page_response, refused_page
from rageval.web.runs import RUNS
from rageval.report.html.page import Page


def add_routes(app: web.Application) -> None:
    """Add what this module serves."""
    app.router.add_get("/report", _report)


async def _report(request: web.Request) -> web.Response:
    runs = request.app[RUNS]
    ids = [*dict.fromkeys(request.query.get("runs", "").split(","))]
    try:
        paths = [await asyncio.to_thread(runs.path, run_id) for run_id in ids]
    except KeyError:
        return refused_page("found no such run in the folder, expected runs that it holds now", 404)
    try:
        raise DeclarationError("not there")
    except DeclarationError as error:
        return refused_page(str(error))
