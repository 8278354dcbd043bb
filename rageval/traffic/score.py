"""`rageval score`: a log scored without labels, in one pass of bounded memory, and a sample of it judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from rageval.errors import DeclarationError
from rageval.experiment.choose_metrics import choose_metrics
from rageval.experiment.dry_run import Outlook, dry_run
from rageval.experiment.plan import Experiment
from rageval.experiment.run import run_experiment
from rageval.experiment.workers import OnProgress
from rageval.identity import fingerprint
from rageval.io.file_names import to_file_name
from rageval.metrics.names import Metric
from rageval.pipeline.abstention import abstention_identity
from rageval.traffic.fields import FieldNames
from rageval.traffic.folder import Row, TrafficFolder
from rageval.traffic.judging import Judge, plan_judging
from rageval.traffic.log import Log, digest_of
from rageval.traffic.masking import Masker
from rageval.traffic.measures import NAMES, measure
from rageval.traffic.record import LoggedAnswer
from rageval.traffic.sampling import Sample, draw
from rageval.types import Json

MOST_JUDGED = 2000
"""So many answers are judged without a sample being asked for."""
_TOLD_EVERY = 500
_NEEDS_LABELS = ("ranking", "evidence")
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to score. `metrics` are names or paths, beside the measures that every log gets; `by` are fields to slice by
    and `strata` one to sample by. `sample` answers are judged, all where it is None.
    """

    log: Path
    names: FieldNames = field(default_factory=FieldNames)
    metrics: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    strata: str | None = None
    sample: int | None = None
    seed: int = 0
    mask: bool = False
    skip_bad: bool = False
    judge: Judge = field(default_factory=Judge)

    @property
    def groups(self) -> tuple[str, ...]:
        """The fields to keep."""
        return tuple(dict.fromkeys([*self.by, *([] if self.strata is None else [self.strata])]))


@dataclass(frozen=True, slots=True)
class Chosen:
    """The metrics of a request: those worked out from an answer alone, and the entries of those that are judged."""

    answer: tuple[Metric, ...]
    judged: tuple[str, ...]


def choose(metrics: Sequence[str]) -> Chosen:
    """Raises DeclarationError for a metric that is none, or that needs relevance labels, which a log does not have."""
    given = [one for one in metrics if one not in NAMES]
    found = choose_metrics(given, Path.cwd()).metrics if given else ()
    for metric in found:
        if metric.kind in _NEEDS_LABELS:
            raise DeclarationError(
                f"--metric: found {metric}, which needs relevance labels, expected a metric of answers or contexts "
                "such as faithfulness: `rageval questions-from-logs` makes questions to label"
            )
    answer = tuple(metric for metric in found if metric.kind == "answer")
    judged = tuple(entry for entry, metric in zip(given, found, strict=True) if metric.kind != "answer")
    return Chosen(answer, judged)


@dataclass(frozen=True, slots=True)
class Scored:
    """A log that was scored: its folder, and how many answers an earlier command had measured already."""

    folder: TrafficFolder
    reused: int = 0


def score_log(
    request: Request,
    out: Path,
    *,
    on_progress: OnProgress | None = None,
    on_judging: OnProgress | None = None,
    on_embedding: Callable[[int, int], None] | None = None,
) -> Scored:
    """Measure every answer, judge the sample, and write both down; the same command goes on where it was stopped.

    `on_progress` gets (answers done, 0) while they are measured, `on_judging` (done, total). The whole log is read
    before any model is asked. Raises DeclarationError for a log that cannot be read, a bad line (unless `skip_bad`), a
    field to slice or sample by that no answer has, and many answers to judge without a sample; then what
    `run_experiment` raises.
    """
    chosen = choose(request.metrics)
    folder, log, reused = _measured(request, chosen, out, on_progress or (lambda done, total: None))
    with folder.locked(), ExitStack() as models:
        rows = _Columns(folder, request)
        sample = rows.draw(request, chosen)
        run: Json = None
        if chosen.judged:
            experiment = models.enter_context(_plan(request, chosen, log, sample, folder, out, on_embedding))
            run = str(run_experiment(experiment, out, on_progress=on_judging)[0])
        folder.write_manifest(_manifest(request, chosen, log, rows, sample, run))
    return Scored(folder, reused)


def look_ahead(request: Request, out: Path, on_progress: OnProgress | None = None) -> Outlook | None:
    """What judging would ask, after measuring every answer; None where no metric is judged. Asks no model."""
    chosen = choose(request.metrics)
    folder, log, _ = _measured(request, chosen, out, on_progress or (lambda done, total: None))
    if not chosen.judged:
        return None
    with folder.locked():
        sample = _Columns(folder, request).draw(request, chosen)
        with _plan(request, chosen, log, sample, folder, out, None) as experiment:
            return dry_run(experiment, out)


def _measured(request: Request, chosen: Chosen, out: Path, on_progress: OnProgress) -> tuple[TrafficFolder, Log, int]:
    """The folder with the numbers of every answer, the log as it was read, and how many were there before."""
    masker = Masker(request.names) if request.mask else None
    log = Log(request.log, request.names, request.groups, request.skip_bad, masker)
    key = fingerprint(
        {
            "version": _VERSION,
            "log": digest_of(request.log),
            "names": {**request.names.given},
            "groups": [*request.groups],
            "mask": request.mask,
            "skip_bad": request.skip_bad,
            "metrics": [str(metric) for metric in chosen.answer],
            "abstention": abstention_identity(()),
        }
    )
    folder = TrafficFolder(out / "traffic" / f"{to_file_name(request.log.name.partition('.')[0])}-{key[:8]}")
    with folder.locked():
        done = folder.count()
        with folder.writing() as writer:
            for number, answer in enumerate(log, 1):
                if number > done:
                    writer.add(_row(answer, chosen.answer))
                if number % _TOLD_EVERY == 0:
                    on_progress(number, 0)
    return folder, log, done


def _row(answer: LoggedAnswer, metrics: tuple[Metric, ...]) -> Row:
    values, left_open = measure(answer, metrics)
    return Row(answer.id, answer.day, answer.session, answer.groups, answer.feedback, values, left_open)


class _Columns:
    """What the manifest says of the answers, counted in one reading of their rows."""

    def __init__(self, folder: TrafficFolder, request: Request) -> None:
        self.strata: list[str] = []
        self.open = 0
        self.sessions: set[str] = set()
        self.days: Counter[str] = Counter()
        self.values: Counter[str] = Counter()
        for row in folder.rows():
            name = "" if request.strata is None else row.groups[request.strata]
            self.strata.append(name)
            self.open += row.open
            self.days[row.day] += 1
            if row.session:
                self.sessions.add(row.session)
            self.values.update(f"{group}={value}" for group, value in row.groups.items() if value == "(none)")
        for group in request.groups:
            if self.values[f"{group}=(none)"] == len(self.strata):
                flag = "--strata" if group == request.strata else "--by"
                raise DeclarationError(f"{flag}: found no answer with the field {group!r}, expected one of the log")

    def draw(self, request: Request, chosen: Chosen) -> Sample:
        n = len(self.strata)
        if chosen.judged and request.sample is None and n > MOST_JUDGED:
            raise DeclarationError(
                f"--sample: found none, and {n:,} answers to judge ({', '.join(chosen.judged)}), expected --sample N: "
                f"a random sample of N answers is judged, all with --sample {n}"
            )
        return draw(self.strata, request.sample, request.seed)


def _plan(
    request: Request,
    chosen: Chosen,
    log: Log,
    sample: Sample,
    folder: TrafficFolder,
    out: Path,
    on_embedding: Callable[[int, int], None] | None,
) -> Experiment:
    name = request.log.name.partition(".")[0] or "log"
    answers = _taken(log, sample)
    return plan_judging(answers, chosen.judged, request.judge, folder.path, out, name=name, on_embedding=on_embedding)


def _taken(log: Log, sample: Sample) -> Iterator[LoggedAnswer]:
    """The answers of the sample, in a second reading of the log."""
    taken = set(sample.taken.tolist())
    masked = None if log.masker is None else Masker(log.masker.names)
    again = Log(log.path, log.names, log.groups, log.skip_bad, masked)
    return (answer for number, answer in enumerate(again) if number in taken)


def _manifest(request: Request, chosen: Chosen, log: Log, rows: _Columns, sample: Sample, run: Json) -> dict[str, Json]:
    sizes = cast("list[int]", sample.design.sizes.tolist())
    drawn = cast("list[int]", sample.design.drawn.tolist())
    known: list[Any] = sorted(day for day in rows.days if day)
    return {
        "log": str(request.log),
        "digest": digest_of(request.log),
        "answers": len(rows.strata),
        "sessions": len(rows.sessions),
        "days": [known[0], known[-1]] if known else [],
        "left_open": rows.open,
        "bad_lines": {"count": log.bad.count, "examples": [*log.bad.examples]},
        "masked": None if log.masker is None else log.masker.to_json(),
        "by": [*request.by],
        "metrics": [*map(str, chosen.answer)],
        "judged": [*chosen.judged],
        "sample": {
            "field": request.strata,
            "seed": request.seed,
            "asked": request.sample,
            "drawn": int(sample.taken.size),
            "strata": {
                name: {"answers": size, "drawn": n} for name, size, n in zip(sample.names, sizes, drawn, strict=True)
            },
        },
        "run": run,
    }
