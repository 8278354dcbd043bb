"""The page on which documents are graded for questions, and what its script asks for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

from aiohttp import web

from rageval.benchmark import load
from rageval.errors import DeclarationError
from rageval.io.run_folder import RunFolder
from rageval.metrics import parse
from rageval.metrics.unjudged import has_bounds
from rageval.people.decisions import annotator_name
from rageval.people.document_labelling import (
    DocumentLabelling,
    DocumentQueue,
    add_to_labels,
    pool_documents,
    store_queue,
    stored_queues,
)
from rageval.people.next_labels import next_labels
from rageval.report.html.label_page import DOCUMENTS_PAGE
from rageval.scores.unjudged import read_rankings
from rageval.types import Json
from rageval.web.labelling import annotator_of, body_of, finished_run_page, path_of
from rageval.web.pages import RUN_ID

_QUEUE = "{queue:[0-9a-z]{1,40}}"
_NUMBER = "{number:[0-9]{1,9}}"


class Documents:
    """The queues that are worked on; documents are loaded once. One request at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[tuple[Path, str], DocumentLabelling] = {}

    def do(self, run: Path, queue: str, work: Callable[[DocumentLabelling], Mapping[str, Json]]) -> Mapping[str, Json]:
        """`work` on that queue, alone."""
        with self._lock:
            if (run, queue) not in self._open:
                self._open[run, queue] = _opened(RunFolder(run), queue)
            return work(self._open[run, queue])


DOCUMENTS = web.AppKey("documents", Documents)


def add_routes(app: web.Application) -> None:
    """Add what this module serves."""
    app[DOCUMENTS] = Documents()
    of_run, of_queue = f"/api/documents/{RUN_ID}", f"/api/documents/{RUN_ID}/{_QUEUE}"
    app.router.add_get(f"/documents/{RUN_ID}", _page)
    app.router.add_get(of_run, _queues)
    app.router.add_post(f"{of_run}/choose", _choose)
    app.router.add_get(of_queue, _state)
    app.router.add_get(f"{of_queue}/item/{_NUMBER}", _item)
    app.router.add_post(f"{of_queue}/decide", _decide)
    app.router.add_post(f"{of_queue}/add", _add)


async def _page(request: web.Request) -> web.Response:
    return await finished_run_page(request, DOCUMENTS_PAGE, "only the documents of a finished run can be graded")


async def _queues(request: web.Request) -> web.Response:
    run = RunFolder(path_of(request))

    def work() -> dict[str, Json]:
        names = [str(name) for name in run.finished_manifest()["metrics"]]
        bounded: list[Json] = [name for name in names if has_bounds(parse(name)) and parse(name).cutoff]
        queues: list[Json] = [
            {"digest": one.digest, "about": one.about, "pairs": len(one.pairs)} for one in stored_queues(run)
        ]
        return {"metrics": bounded, "queues": queues, "table": str(_table(run) or "")}

    return web.json_response(await asyncio.to_thread(work))


async def _choose(request: web.Request) -> web.Response:
    given = await body_of(request)
    about, n = given.get("metric"), given.get("n")
    if not isinstance(about, str) or not isinstance(n, int) or isinstance(n, bool):
        raise DeclarationError("choose: found no metric and n, expected a text and a whole number")
    path = path_of(request)

    def work() -> DocumentQueue:
        run = RunFolder(path)
        queue = pool_documents(run, n) if about == "pool" else _next(path, about, n)
        store_queue(run, queue)
        return queue

    queue = await asyncio.to_thread(work)
    return web.json_response({"digest": queue.digest, "pairs": len(queue.pairs)})


async def _state(request: web.Request) -> web.Response:
    annotator = annotator_of(request)
    return await _reply(request, lambda labelling: labelling.state(annotator))


async def _item(request: web.Request) -> web.Response:
    annotator, number = annotator_of(request), int(request.match_info["number"])
    return await _reply(request, lambda labelling: labelling.item(annotator, number))


async def _decide(request: web.Request) -> web.Response:
    given = await body_of(request)
    annotator, number = annotator_name(given.get("annotator")), given.get("number")
    if not isinstance(number, int):
        raise DeclarationError("number: found none, expected that of an item")
    return await _reply(request, lambda labelling: labelling.decide(annotator, number, given))


async def _add(request: web.Request) -> web.Response:
    """Add a person's labels to the benchmark's `labels.tsv`."""
    annotator = annotator_name((await body_of(request)).get("annotator"))
    table = await asyncio.to_thread(_table, RunFolder(path_of(request)))
    if table is None:
        raise DeclarationError(
            "found no labels.tsv of the run's benchmark, expected a benchmark in a folder of its own"
        )
    return await _reply(request, lambda labelling: {"added": add_to_labels(labelling.rows(annotator), table)})


async def _reply(request: web.Request, work: Callable[[DocumentLabelling], Mapping[str, Json]]) -> web.Response:
    documents, run, queue = request.app[DOCUMENTS], path_of(request), request.match_info["queue"]
    return web.json_response(await asyncio.to_thread(documents.do, run, queue, work))


def _next(path: Path, metric: str, n: int) -> DocumentQueue:
    rankings = read_rankings(path)
    found = next_labels([rankings], parse(metric), n)
    if not found:
        raise DeclarationError(f"{path}: found no label that would narrow the bounds of {metric}, expected some")
    top = max(ranking.top for ranking in rankings.judged.values())
    return DocumentQueue(metric, top, tuple((one.question_id, one.doc_id) for one in found))


def _opened(run: RunFolder, digest: str) -> DocumentLabelling:
    for queue in stored_queues(run):
        if queue.digest == digest:
            documents = {document.id: document for document in load(_reference(run)).documents}
            return DocumentLabelling(run, queue, documents)
    raise DeclarationError(f"{run.path}: found no documents to grade under {digest!r}")


def _reference(run: RunFolder) -> str:
    return cast("str", run.manifest()["benchmark"].get("reference", ""))


def _table(run: RunFolder) -> Path | None:
    """The table of labels in the folder of the run's benchmark; None where it has none."""
    table = Path(_reference(run) or "-") / "labels.tsv"
    return table if table.is_file() else None
