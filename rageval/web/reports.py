"""Reports over runs of the folder: the pages of `rageval report`, whose texts come from here as they are needed.

A report is made anew when a file of its runs has changed.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from aiohttp import web

from rageval.errors import DeclarationError, NotComparableError
from rageval.report.html.page import Page
from rageval.report.html.summary import ReadRuns, read_runs, summary
from rageval.report.html.texts import QUESTIONS_A_BLOCK, block
from rageval.report.html.write import report_data, report_page
from rageval.types import Json
from rageval.web.pages import page_response, read_number, refused_page
from rageval.web.runs import RUNS, Runs, Stamp, stamp_of

_MOST_KEPT = 4
_MOST_RUNS = 50
_GONE = "found no such run in the folder, expected runs that it holds now"
_LIVE = "view_live.js"


def add_routes(app: web.Application) -> None:
    """Add what this module serves."""
    app[REPORTS] = Reports(app[RUNS])
    app.router.add_get("/report", _page)
    app.router.add_get("/api/report", _data)
    app.router.add_get("/api/report/state", _state)
    app.router.add_get("/api/report/texts", _texts)


@dataclass(frozen=True, slots=True)
class Report:
    """`data` is what the page starts with. It took `seconds` to make. `state` changes when a file of a run does."""

    read: ReadRuns
    data: Mapping[str, Json]
    state: str
    seconds: float
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def questions(self) -> str:
        """A digest of the questions in their order, by which the texts are divided into blocks."""
        return _digest("\0".join(self.read.questions))

    def texts(self, number: int) -> dict[str, Json]:
        """A block of texts; raises DeclarationError for a number that no block has."""
        part = self.read.questions[number * QUESTIONS_A_BLOCK : (number + 1) * QUESTIONS_A_BLOCK]
        if not part:
            raise DeclarationError(f"block: found {number}, expected one of {len(self.read.questions)} questions")
        with self.lock:
            return block(self.read, part)


class Reports:
    """The reports that were made last, by the ids of their runs. Threads may share it; it makes one report at once."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, ...], tuple[tuple[Stamp, ...], Report]] = OrderedDict()

    def get(self, ids: Sequence[str]) -> Report:
        """The report over these runs, as they are now.

        Raises KeyError for an id that no run has, and NotComparableError as `read_leaderboard`.
        """
        key = tuple(ids)
        paths = [self._runs.path(run_id) for run_id in key]
        with self._lock:
            stamps = _stamps(paths)
            kept = self._kept.pop(key, None)
            if kept is None or kept[0] != stamps:
                kept = stamps, _make(key, paths, _state_of(stamps))
            self._kept[key] = kept
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
            return kept[1]

    def state(self, ids: Sequence[str]) -> dict[str, Json]:
        """The state of these runs, and how long the report over them took to make, null where none is kept.

        Raises KeyError and NotComparableError as `get`.
        """
        kept = self._kept.get(tuple(ids))
        state = _state_of(_stamps([self._runs.path(run_id) for run_id in ids]))
        return {"state": state, "seconds": None if kept is None else kept[1].seconds}


REPORTS = web.AppKey("reports", Reports)


def _make(ids: Sequence[str], paths: Sequence[Path], state: str) -> Report:
    began = time.monotonic()
    try:
        read = read_runs(paths)
        known = report_data(read, summary(read))
    except OSError as error:
        raise NotComparableError(f"{error.filename}: cannot be read ({error.strerror})") from None
    report = Report(read, known, state, time.monotonic() - began)
    runs = ",".join(ids)
    texts = f"/api/report/texts?runs={runs}&questions={report.questions}&block="
    return replace(report, data={**known, "server": texts, "home": "/", "live": {"runs": runs, "state": state}})


def _stamps(paths: Sequence[Path]) -> tuple[Stamp, ...]:
    try:
        return tuple(map(stamp_of, paths))
    except OSError as error:
        raise NotComparableError(f"{error.filename}: cannot be read ({error.strerror})") from None


def _state_of(stamps: tuple[Stamp, ...]) -> str:
    return _digest(repr(stamps))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:16]


def _ids(request: web.Request) -> list[str]:
    """The ids of the runs that are asked for, each once."""
    ids = [*dict.fromkeys(one for one in request.query.get("runs", "").split(",") if one)]
    if not ids or len(ids) > _MOST_RUNS:
        raise DeclarationError(f"runs: found {len(ids)}, expected the ids of one run or more, {_MOST_RUNS} at most")
    return ids


async def _page(request: web.Request) -> web.Response:
    try:
        report = await asyncio.to_thread(request.app[REPORTS].get, _ids(request))
    except KeyError:
        return refused_page(_GONE, 404)
    except NotComparableError as error:
        return refused_page(str(error))
    except DeclarationError as error:
        return refused_page(str(error), 400)
    return page_response(_live(report_page(report.data)), {**report.data})


def _live(page: Page) -> Page:
    """The page with the script that follows changes of the runs."""
    return replace(page, scripts=(*page.scripts, _LIVE), texts=(*page.texts, "view_live.yaml"))


async def _data(request: web.Request) -> web.Response:
    return await _answer(lambda reports, ids: {**reports.get(ids).data}, request)


async def _state(request: web.Request) -> web.Response:
    return await _answer(Reports.state, request)


async def _texts(request: web.Request) -> web.Response:
    number, questions = read_number(request, "block"), request.query.get("questions", "")

    def read(reports: Reports, ids: Sequence[str]) -> dict[str, Json]:
        report = reports.get(ids)
        if report.questions != questions:
            raise DeclarationError("the runs have other questions by now; load the page again")
        return report.texts(number)

    return await _answer(read, request)


async def _answer(read: Callable[[Reports, Sequence[str]], dict[str, Json]], request: web.Request) -> web.Response:
    """What `read` finds, as JSON; a run that is gone is an error with status 404."""
    ids = _ids(request)
    try:
        return web.json_response(await asyncio.to_thread(read, request.app[REPORTS], ids))
    except KeyError:
        return web.json_response({"error": _GONE}, status=404)
