"""The estimates of a scored log: every measure and metric with its intervals, and by slice."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from rageval.io.run_folder import RunFolder
from rageval.metrics.names import parse
from rageval.scores.estimates import interval_to_json
from rageval.stats.sampled import Design, SampledMean, sampled_mean
from rageval.traffic.feedback import Feedback, read_feedback_summary
from rageval.traffic.folder import TrafficFolder
from rageval.traffic.measures import NAMES, SHARES
from rageval.traffic.sampling import Sample, draw
from rageval.types import Json

LEVEL = 0.95
MOST_SLICES = 20
OTHERS = "(others)"
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LogEstimate:
    """The mean of a metric over a log or a slice of it. `asked` answers were looked at, of which `n` have a number.
    `mean` is None where none has one. `judged` says that a judge gave the numbers, on a sample or on all.
    """

    metric: str
    judged: bool
    mean: SampledMean | None
    n: int
    asked: int

    def to_json(self) -> dict[str, Json]:
        mean = self.mean
        return {
            "judged": self.judged,
            "mean": None if mean is None else interval_to_json(mean.interval),
            "this_log": None if mean is None else [*mean.this_log],
            "n": self.n,
            "asked": self.asked,
        }


@dataclass(frozen=True, slots=True)
class LogSlice:
    """The answers with one value of the field `by`: how many there are, and their estimates."""

    by: str
    value: str
    answers: int
    estimates: tuple[LogEstimate, ...]

    def to_json(self) -> dict[str, Json]:
        return {
            "by": self.by,
            "value": self.value,
            "answers": self.answers,
            "metrics": {one.metric: one.to_json() for one in self.estimates},
        }


@dataclass(frozen=True, slots=True)
class LogSummary:
    """All that was found in a log. `manifest` is that of its folder; `usage` is what judging took, by count, and empty
    where nothing was judged. The intervals of the slices of one field hold together.
    """

    path: Path
    manifest: Mapping[str, Any]
    estimates: tuple[LogEstimate, ...]
    slices: tuple[LogSlice, ...]
    usage: Mapping[str, int] = field(default_factory=dict[str, int])
    feedback: Feedback | None = None

    def to_json(self) -> dict[str, Json]:
        return {
            "folder": str(self.path),
            **cast("dict[str, Json]", dict(self.manifest)),
            "level": LEVEL,
            "metrics": {one.metric: one.to_json() for one in self.estimates},
            "slices": [one.to_json() for one in self.slices],
            "judging": {**self.usage},
            "feedback": None if self.feedback is None else self.feedback.to_json(),
        }


@dataclass
class _Table:
    """The answers of a folder as columns: numbers (NaN where there is none), sessions as codes, groups."""

    columns: dict[str, array[float]] = field(default_factory=dict[str, "array[float]"])
    sessions: array[int] = field(default_factory=lambda: array("q"))
    groups: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    ids: list[str] = field(default_factory=list[str])
    n: int = 0


def summarise(folder: TrafficFolder, labels: Path | None = None) -> LogSummary:
    """The estimates of a scored log; `labels` is a file of people's labels, to compare users' thumbs with.

    Raises DeclarationError where the folder holds none, and as `read_feedback_summary`.
    """
    manifest = folder.manifest()
    feedback = read_feedback_summary(folder, labels)
    table = _read(folder, manifest)
    about = manifest["sample"]
    strata = table.groups[about["field"]] if about["field"] else [""] * table.n
    sample = draw(strata, about["asked"], about["seed"])
    judged, usage = _judged(manifest, table)
    every = Sample(np.arange(table.n), np.zeros(table.n, dtype=np.int64), _whole(table.n), ("",))
    parts = _Parts(table, judged, every, sample)
    return LogSummary(
        folder.path,
        manifest,
        parts.estimates(np.ones(table.n, dtype=bool), LEVEL),
        tuple(one for by in manifest["by"] for one in parts.slices(by)),
        usage,
        feedback,
    )


@dataclass(frozen=True)
class _Parts:
    """Estimates over parts of the log."""

    table: _Table
    judged: Mapping[str, Floats]
    every: Sample
    sample: Sample

    def estimates(self, part: NDArray[np.bool_], level: float) -> tuple[LogEstimate, ...]:
        measured = [
            self._estimate(name, np.frombuffer(column), self.every, part, level, judged=False)
            for name, column in self.table.columns.items()
        ]
        return (
            *measured,
            *(
                self._estimate(name, column, self.sample, part, level, judged=True)
                for name, column in self.judged.items()
            ),
        )

    def slices(self, by: str) -> list[LogSlice]:
        """By the value, the most frequent first; of more than `MOST_SLICES` the rest together."""
        counts = Counter(self.table.groups[by])
        kept = [value for value, _ in counts.most_common(MOST_SLICES)]
        values = np.array([value if value in set(kept) else OTHERS for value in self.table.groups[by]], dtype=object)
        names = [*kept, *([OTHERS] if len(counts) > len(kept) else [])]
        level = 1.0 - (1.0 - LEVEL) / len(names)
        return [
            LogSlice(by, name, int((values == name).sum()), self.estimates(values == name, level)) for name in names
        ]

    def _estimate(
        self, name: str, column: Floats, sample: Sample, part: NDArray[np.bool_], level: float, *, judged: bool
    ) -> LogEstimate:
        asked = sample.taken[part[sample.taken]]
        scored = asked[~np.isnan(column[asked])]
        if not scored.size:
            return LogEstimate(name, judged, None, 0, int(asked.size))
        sessions = np.frombuffer(self.table.sessions, dtype=np.int64)[scored]
        mean = sampled_mean(
            column[scored],
            sample.strata[scored],
            sample.design,
            bounds=(0.0, 1.0) if name not in NAMES or name in SHARES else None,
            least=0.0,
            clusters=sessions.tolist(),
            level=level,
        )
        return LogEstimate(name, judged, mean, int(scored.size), int(asked.size))


def _whole(n: int) -> Design:
    return Design(np.array([n]), np.array([n]))


def _read(folder: TrafficFolder, manifest: Mapping[str, Any]) -> _Table:
    table = _Table()
    codes: dict[str, int] = {}
    for row in folder.rows():
        number = table.n
        for name, value in row.values.items():
            column = table.columns.setdefault(name, array("d"))
            column.extend([math.nan] * (number - len(column)))
            column.append(value)
        own = codes.setdefault(row.session, len(codes)) if row.session else -1 - number
        table.sessions.append(own)
        for name, value in row.groups.items():
            table.groups.setdefault(name, []).append(value)
        if manifest["run"]:
            table.ids.append(row.id)
        table.n += 1
    for column in table.columns.values():
        column.extend([math.nan] * (table.n - len(column)))
    return table


def _judged(manifest: Mapping[str, Any], table: _Table) -> tuple[dict[str, Floats], dict[str, int]]:
    """The judged numbers of all answers, NaN where there is none, and what judging took."""
    if not manifest["run"]:
        return {}, {}
    run = RunFolder(manifest["run"])
    about = run.finished_manifest()
    places = {name: place for place, name in enumerate(table.ids)}
    columns: dict[str, Floats] = {}
    for metric, scores in run.scores().items():
        if parse(metric).judge:
            continue
        column = np.full(table.n, np.nan)
        for question, value in scores["questions"].items():
            column[places[question]] = value
        columns[metric] = column
    counts = ("calls", "paid_calls", "prompt_tokens", "completion_tokens")
    usages: Sequence[Mapping[str, int]] = [*about["usage"].values()]
    return columns, {name: sum(usage[name] for usage in usages) for name in counts}
