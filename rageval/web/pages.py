"""The pages of the local server and the JSON that their scripts ask for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from rageval.errors import DeclarationError
from rageval.io.run_folder import RunFolder
from rageval.report.html.page import Page, content_security_policy, page_text
from rageval.types import Json
from rageval.web.runs import RUNS, Runs

RUN_ID = "{run:[0-9a-f]{16}}"
_SHOWN = 50
_RUNS_PAGE = Page("rageval", ("view.js", "view_runs.js"), ("view.css",), ("view.yaml",), connects=True)
_RUN_PAGE = Page("rageval", ("view.js", "view_run.js"), ("view.css",), ("view.yaml",), connects=True)
_REFUSED_PAGE = Page("rageval", ("view.js", "view_refused.js"), ("view.css",), ("view.yaml",))


def add_routes(app: web.Application) -> None:
    """Add what this module serves."""
    app.router.add_get("/", _home)
    app.router.add_get("/api/runs", _runs)
    app.router.add_get(f"/run/{RUN_ID}", _run)
    app.router.add_get(f"/api/run/{RUN_ID}", _progress)


def page_response(page: Page, data: Json, blocks: Iterable[tuple[str, str]] = (), *, status: int = 200) -> web.Response:
    """A page with the policy that its script needs."""
    return web.Response(
        body="".join(page_text(page, data, blocks)).encode(errors="backslashreplace"),
        status=status,
        content_type="text/html",
        charset="utf-8",
        headers={"Content-Security-Policy": f"{content_security_policy(page)}; frame-ancestors 'none'"},
    )


def refused_page(message: str, status: int = 409) -> web.Response:
    """A page that says why something cannot be shown."""
    return page_response(_REFUSED_PAGE, {"reason": message}, status=status)


def read_number(request: web.Request, name: str) -> int:
    """The whole number of that name in the query, 0 without one. Raises DeclarationError for anything else."""
    given = request.query.get(name, "0")
    if not (given.isascii() and given.isdecimal() and len(given) < 10):
        raise DeclarationError(f"{name}: found {given[:20]!r}, expected a whole number")
    return int(given)


async def _home(request: web.Request) -> web.Response:
    return page_response(_RUNS_PAGE, {"folder": str(request.app[RUNS].folder)})


async def _runs(request: web.Request) -> web.Response:
    rows = await asyncio.to_thread(request.app[RUNS].scan)
    return web.json_response({"runs": [row.to_json() for row in rows]})


async def _run(request: web.Request) -> web.Response:
    run_id = request.match_info["run"]
    try:
        row = await asyncio.to_thread(request.app[RUNS].row, run_id)
    except KeyError:
        return refused_page("there is no such run in the folder any more", 404)
    if row.status == "unreadable":
        return refused_page(row.reason)
    if row.status == "complete":
        raise web.HTTPSeeOther(f"/report?runs={run_id}")
    return page_response(_RUN_PAGE, {"run": row.to_json()})


async def _progress(request: web.Request) -> web.Response:
    """How far a run is, and its answers so far: those behind the latest `skip`, fifty at most."""
    skip = read_number(request, "skip")
    try:
        found = await asyncio.to_thread(_read_progress, request.app[RUNS], request.match_info["run"], skip)
    except KeyError:
        return web.json_response({"error": "there is no such run in the folder any more"}, status=404)
    return web.json_response(found)


def _read_progress(runs: Runs, run_id: str, skip: int) -> dict[str, Json]:
    row = runs.row(run_id)
    lines = runs.answered(run_id, skip, _SHOWN) if row.status in ("running", "stopped") else []
    questions = RunFolder(runs.path(run_id)).questions() if lines else {}
    answers: list[Json] = []
    for line in lines:
        question = questions.get(line["question_id"])
        answers.append(_answer(line, "" if question is None else question[0].text))
    return {"run": row.to_json(), "answers": answers}


def _answer(line: Mapping[str, Any], question: str) -> dict[str, Json]:
    failure = line.get("failure")
    return {
        "question_id": str(line["question_id"]),
        "question": question,
        "answer": line.get("answer"),
        "abstained": bool(line.get("abstained")),
        "failure": None if failure is None else f"{failure['error']}: {failure['message']}",
        "passages": [text for _, text in sorted(line.get("texts", {}).items(), key=lambda one: int(one[0]))],
    }
