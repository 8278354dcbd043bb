"""The labelling page and what its script asks for: a run's samples, one item after the other, and what follows."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

from aiohttp import web

from rageval.errors import DeclarationError
from rageval.io.run_folder import RunFolder
from rageval.metrics import parse
from rageval.people.attach import store_sample
from rageval.people.decisions import annotator_name
from rageval.people.labelling import Labelling, open_labelling
from rageval.people.labelling_results import (
    ForeignLabelsError,
    attach_labelling,
    disagreement,
    find_disagreements,
    settle,
    summary,
)
from rageval.people.sampling import draw_sample
from rageval.report.html.label_page import LABEL_PAGE
from rageval.report.html.page import Page
from rageval.scores.samples import sample_from_json
from rageval.types import Json
from rageval.web.pages import RUN_ID, page_response, refused_page
from rageval.web.runs import RUNS
from rageval.web.security import ACCESS, WRITE_HEADER

T = TypeVar("T")

_SAMPLE = "{sample:[0-9a-z]{1,40}}"
_NUMBER = "{number:[0-9]{1,9}}"

Stamp = tuple[tuple[int, int], ...]


@dataclass(slots=True)
class _Session:
    """The work on one sample; one request at a time."""

    labelling: Labelling
    stamp: Stamp
    lock: threading.Lock = field(default_factory=threading.Lock)


class Sessions:
    """The samples that are being labelled; each is opened again when the run's answers or scores change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[tuple[Path, str], _Session] = {}

    def do(self, run: Path, sample: str, others: Callable[[], list[Path]], work: Callable[[Labelling], T]) -> T:
        """`work` on the labelling of that sample, alone. `others` names the runs whose labels may be offered."""
        stamp = _stamp(run)
        with self._lock:
            session = self._open.get((run, sample))
            if session is None or session.stamp != stamp:
                session = _Session(open_labelling(RunFolder(run), sample, others()), stamp)
                self._open[run, sample] = session
        with session.lock:
            return work(session.labelling)


SESSIONS = web.AppKey("labelling", Sessions)


def add_routes(app: web.Application) -> None:
    """Add what this module serves."""
    app[SESSIONS] = Sessions()
    of_run, of_sample = f"/api/label/{RUN_ID}", f"/api/label/{RUN_ID}/{_SAMPLE}"
    app.router.add_get(f"/label/{RUN_ID}", _page)
    app.router.add_get(of_run, _samples)
    app.router.add_post(f"{of_run}/draw", _draw)
    app.router.add_get(of_sample, _state)
    app.router.add_get(f"{of_sample}/item/{_NUMBER}", _item)
    app.router.add_post(f"{of_sample}/decide", _decide)
    app.router.add_post(f"{of_sample}/attach", _attach)
    app.router.add_get(f"{of_sample}/summary", _summary)
    app.router.add_get(f"{of_sample}/disagreements", _disagreements)
    app.router.add_get(f"{of_sample}/disagreement/{_NUMBER}", _disagreement)
    app.router.add_post(f"{of_sample}/settle", _settle)


async def _page(request: web.Request) -> web.Response:
    return await finished_run_page(request, LABEL_PAGE, "only the answers of a finished run can be labelled")


async def finished_run_page(request: web.Request, page: Page, unfinished: str) -> web.Response:
    """The page of the run that the address names; why there is none, `unfinished` where the run is not finished."""
    run_id = request.match_info["run"]
    try:
        row = await asyncio.to_thread(request.app[RUNS].row, run_id)
    except KeyError:
        return refused_page("there is no such run in the folder any more", 404)
    if row.status != "complete":
        return refused_page(row.reason or unfinished)
    return page_response(page, {"run": run_id, "name": row.name, "label": row.label, "writing": writing_of(request)})


async def _samples(request: web.Request) -> web.Response:
    run = RunFolder(path_of(request))
    return web.json_response(await asyncio.to_thread(_samples_of, run))


def _samples_of(run: RunFolder) -> dict[str, Json]:
    """The judged metrics of a run with how many questions of each can be drawn, and the samples drawn so far."""
    metrics: list[Json] = []
    for name, scores in run.scores().items():
        if parse(name).kind == "judged" and scores["questions"]:
            metrics.append({"name": name, "questions": len(scores["questions"])})
    samples: list[Json] = []
    for sample in map(sample_from_json, run.samples()):
        log = run.labelling_path(sample.metric, sample.digest)
        samples.append(
            {
                "digest": sample.digest,
                "metric": sample.metric,
                "drawn": len(sample.drawn),
                "to_label": len(sample.to_label),
                "seed": sample.seed,
                "started": log.is_dir(),
            }
        )
    return {"metrics": metrics, "samples": samples}


async def _draw(request: web.Request) -> web.Response:
    given = await body_of(request)
    metric, n, seed = given.get("metric"), given.get("n"), given.get("seed", 0)
    if not isinstance(metric, str) or not _whole(n) or not _whole(seed):
        raise DeclarationError("draw: found no metric, n and seed, expected a text and two whole numbers")
    run = RunFolder(path_of(request))
    sample = await asyncio.to_thread(draw_sample, run, metric, cast("int", n), seed=cast("int", seed))
    await asyncio.to_thread(store_sample, run, sample)
    return web.json_response({"digest": sample.digest, "to_label": len(sample.to_label)})


async def _state(request: web.Request) -> web.Response:
    annotator = annotator_of(request)
    return await _reply(request, lambda labelling: labelling.state(annotator))


async def _item(request: web.Request) -> web.Response:
    annotator, number = annotator_of(request), int(request.match_info["number"])
    return await _reply(request, lambda labelling: labelling.item(annotator, number))


async def _decide(request: web.Request) -> web.Response:
    given = await body_of(request)
    annotator, question = annotator_name(given.get("annotator")), str(given.get("question_id"))
    return await _reply(request, lambda labelling: labelling.decide(annotator, question, given))


async def _attach(request: web.Request) -> web.Response:
    replace = (await body_of(request)).get("replace") is True

    def work(labelling: Labelling) -> dict[str, Json]:
        try:
            attach_labelling(labelling, replace=replace)
        except ForeignLabelsError as error:
            return {"foreign": str(error)}
        return summary(labelling, note=True)

    return await _reply(request, work)


async def _summary(request: web.Request) -> web.Response:
    return await _reply(request, summary)


async def _disagreements(request: web.Request) -> web.Response:
    annotator = annotator_of(request)

    def work(labelling: Labelling) -> dict[str, Json]:
        return {"disagreements": [*find_disagreements(labelling, annotator)]}

    return await _reply(request, work)


async def _disagreement(request: web.Request) -> web.Response:
    annotator, number = annotator_of(request), int(request.match_info["number"])
    return await _reply(request, lambda labelling: disagreement(labelling, annotator, number))


async def _settle(request: web.Request) -> web.Response:
    given = await body_of(request)
    annotator, question = annotator_name(given.get("annotator")), str(given.get("question_id"))
    return await _reply(request, lambda labelling: settle(labelling, annotator, question, given))


async def _reply(request: web.Request, work: Callable[[Labelling], Mapping[str, Json]]) -> web.Response:
    runs, sessions, run = request.app[RUNS], request.app[SESSIONS], path_of(request)
    sample = request.match_info["sample"]

    def reply() -> Mapping[str, Json]:
        return sessions.do(run, sample, runs.paths, work)

    return web.json_response(await asyncio.to_thread(reply))


def path_of(request: web.Request) -> Path:
    """The folder of the run that the address names."""
    try:
        return request.app[RUNS].path(request.match_info["run"])
    except KeyError:
        raise DeclarationError("there is no such run in the folder any more") from None


def writing_of(request: web.Request) -> dict[str, Json]:
    """What the page's script sends along when it writes."""
    return {"header": WRITE_HEADER, "token": request.app[ACCESS].writing}


def annotator_of(request: web.Request) -> str:
    """Who asks, by name."""
    return annotator_name(request.query.get("annotator"))


async def body_of(request: web.Request) -> Mapping[str, object]:
    """The JSON object that was sent."""
    try:
        data = await request.json()
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise DeclarationError("found no JSON object, expected one")
    return cast("dict[str, object]", data)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _stamp(run: Path) -> Stamp:
    """What changes with the answers and their scores."""
    found = [(run / name).stat() for name in ("manifest.json", "responses.jsonl", "scores.json")]
    return tuple((one.st_mtime_ns, one.st_size) for one in found)
