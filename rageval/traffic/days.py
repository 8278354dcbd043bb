"""Scored logs over days: each day's mean, and an alarm that holds however often it is looked at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rageval.errors import DeclarationError, NotComparableError
from rageval.io.run_folder import RunFolder
from rageval.metrics.names import parse
from rageval.scores.estimates import interval_to_json
from rageval.stats import Interval, mean_interval
from rageval.stats.alarm import Alarm, fall_alarm
from rageval.stats.sampled import NO_SPREAD
from rageval.stats.sequential import betting_sequence
from rageval.traffic.folder import Row, TrafficFolder
from rageval.traffic.measures import NAMES, SHARES
from rageval.types import Json

LEVEL = 0.95
BASELINE = 7
_WORSE_UP = frozenset({"abstained", "asks_back", "empty"})

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Watch:
    """What watching days found. Values are turned where lower is better, so that a fall is bad. `bound` is the lowest
    mean that is no fall: the lower end of the baseline's interval, less the margin. The `alarm` is about the days
    behind the `baseline` first ones.
    """

    baseline: int
    bound: float
    alarm: Alarm


def watch(
    days: Sequence[Sequence[float] | Floats],
    *,
    baseline: int = BASELINE,
    expected: float | None = None,
    margin: float = 0.0,
    alpha: float = 1.0 - LEVEL,
) -> Watch:
    """Watch days of values in [0, 1] of which more is better. The chance of a false alarm, ever, is `alpha` at most:
    half of it for a baseline whose interval lies too high, and half for the days behind it. With an `expected` mean
    there is no baseline, and all of it is for the days.
    """
    if expected is not None:
        bound = expected - margin
        found = fall_alarm(days, bound, alpha) if bound > 0.0 else _silent(len(days))
        return Watch(0, bound, found)
    first = np.concatenate([np.asarray(one, dtype=np.float64) for one in days[:baseline]])
    bound = (mean_interval(first, level=1.0 - alpha).low if first.size else 0.0) - margin
    rest = days[baseline:]
    return Watch(baseline, bound, fall_alarm(rest, bound, alpha / 2.0) if bound > 0.0 else _silent(len(rest)))


def running_intervals(days: Sequence[Floats], level: float = LEVEL) -> list[tuple[float, float] | None]:
    """Where the mean of values in [0, 1] lies after each day, if it is the same on all days. All of them hold at once
    with that level, so None, where no mean fits, shows that it has changed.
    """
    lows, highs = betting_sequence(np.concatenate(days), bounds=(0.0, 1.0), level=level)
    ends = np.cumsum([one.size for one in days])
    both = [(float(lows[end - 1]), float(highs[end - 1])) if end else (0.0, 1.0) for end in ends]
    return [(low, high) if low <= high else None for low, high in both]


def _silent(days: int) -> Alarm:
    """No mean can be below a bound of 0."""
    return Alarm(np.zeros(days), None, None)


@dataclass(frozen=True, slots=True)
class DayMean:
    """One day: how many answers have a number, how many sessions they are from, and their mean with an interval for
    this day alone, None where none has. `so_far` is as in `running_intervals`.
    """

    day: str
    answers: int
    units: int
    mean: Interval | None
    so_far: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class DaySeries:
    """A metric over days, under one judge. `cause` says why the series begins where it does, if not at the first day.
    `unwatched` says why there is no alarm; `watch` is None then. `alarm_day` and `since` name days.
    """

    metric: str
    judge: str
    days: tuple[DayMean, ...]
    watch: Watch | None
    alarm_day: str = ""
    since: str = ""
    cause: str = ""
    unwatched: str = ""

    def to_json(self) -> dict[str, Json]:
        return {
            "metric": self.metric,
            "judge": self.judge or None,
            "cause": self.cause or None,
            "days": [
                {
                    "day": one.day,
                    "answers": one.answers,
                    "sessions": one.units,
                    "mean": None if one.mean is None else interval_to_json(one.mean),
                    "so_far": None if one.so_far is None else [*one.so_far],
                }
                for one in self.days
            ],
            "bound": None if self.watch is None else self.watch.bound,
            "alarm": self.alarm_day or None,
            "since": self.since or None,
            "unwatched": self.unwatched or None,
        }


@dataclass
class _Day:
    values: list[float] = field(default_factory=list[float])
    sessions: list[str] = field(default_factory=list[str])
    uneven: bool = False

    def units(self) -> Floats:
        """The mean of each session: its answers are not independent of each other."""
        sums: dict[str, list[float]] = {}
        for number, (value, session) in enumerate(zip(self.values, self.sessions, strict=True)):
            sums.setdefault(session or f"\n{number}", []).append(value)
        return np.array([math.fsum(some) / len(some) for some in sums.values()])


def read_days(
    folders: Sequence[Path],
    metric: str,
    *,
    baseline: int = BASELINE,
    expected: float | None = None,
    margin: float = 0.0,
    drifts: Sequence[tuple[str, str]] = (),
) -> tuple[DaySeries, ...]:
    """The days of scored logs on one metric, a series for each stretch under one judge, oldest first.

    Days under different judges are never compared: a new series begins where the judge of a log is another one, and on
    the day of each of the `drifts` (day, why), which `rageval judge-drift` found. Raises NotComparableError for a
    folder without a scored log and where no answer has a day and a number on the metric.
    """
    judges: dict[str, str] = {}
    days: dict[str, _Day] = {}
    for path in folders:
        folder = TrafficFolder(path)
        try:
            manifest = folder.manifest()
        except DeclarationError as error:
            raise NotComparableError(str(error)) from None
        judge, judged = _judged(manifest, metric)
        sample = manifest["sample"]
        uneven = judged is not None and _is_uneven(sample)
        for row in folder.rows():
            value = row.values.get(metric) if judged is None else judged.get(row.id)
            if value is None or not row.day:
                continue
            if judges.setdefault(row.day, judge) != judge:
                raise NotComparableError(
                    f"{path}: found answers of {row.day} judged by {judge}, and by {judges[row.day]} in another log, "
                    "expected one judge a day: give the logs of one of them"
                )
            _add(days.setdefault(row.day, _Day()), row, value, uneven)
    if not days:
        raise NotComparableError(
            f"{', '.join(map(str, folders))}: found no answer with a day and a number on {metric}, expected logs "
            "with a time that `rageval score` scored on it"
        )
    return tuple(
        _series(metric, judges[some[0]], {day: days[day] for day in some}, cause, baseline, expected, margin)
        for some, cause in _stretches(sorted(days), judges, drifts)
    )


def _add(day: _Day, row: Row, value: float, uneven: bool) -> None:
    day.values.append(value)
    day.sessions.append(row.session)
    day.uneven = day.uneven or uneven


def _judged(manifest: Mapping[str, Any], metric: str) -> tuple[str, Mapping[str, float] | None]:
    """Who judged, and the numbers by id; "" and None for what no judge gave."""
    if not manifest["run"] or metric in NAMES or metric in manifest["metrics"]:
        return "", None
    run = RunFolder(manifest["run"])
    scores = run.scores().get(metric)
    if scores is None:
        return "", {}
    entries = run.finished_manifest()["judges"]
    keys = sorted(
        f"{about.get('detector') or about['model'] or name} ({about['key']})" for name, about in entries.items()
    )
    return "; ".join(keys), scores["questions"]


def _is_uneven(sample: Mapping[str, Any]) -> bool:
    rates = [one["drawn"] / one["answers"] for one in sample["strata"].values() if one["drawn"]]
    return max(rates) - min(rates) > 1e-3


def _stretches(
    days: Sequence[str], judges: Mapping[str, str], drifts: Sequence[tuple[str, str]]
) -> list[tuple[list[str], str]]:
    found: list[tuple[list[str], str]] = [([], "")]
    before = ""
    for day in days:
        last = found[-1][0]
        drifted = [why for when, why in drifts if before < when <= day]
        if last and judges[day] != judges[last[-1]]:
            found.append(([], f"the judge changed: {judges[last[-1]]} → {judges[day]}"))
        elif last and drifted and judges[day]:
            found.append(([], f"the judge drifted: {drifted[-1]}"))
        found[-1][0].append(day)
        before = day
    return found


def _series(
    metric: str,
    judge: str,
    days: Mapping[str, _Day],
    cause: str,
    baseline: int,
    expected: float | None,
    margin: float,
) -> DaySeries:
    bounded = metric in SHARES or metric not in NAMES
    units = {day: one.units() for day, one in days.items()}
    down = metric in _WORSE_UP or (metric not in NAMES and parse(metric).lower_is_better)
    why = _unwatched(metric, bounded, days, baseline, expected)
    watched = None
    if not why:
        target = expected if expected is None or not down else 1.0 - expected
        values = [1.0 - some if down else some for some in units.values()]
        watched = watch(values, baseline=baseline, expected=target, margin=margin)
    so_far = running_intervals([*units.values()]) if bounded else [None] * len(units)
    rows = tuple(
        DayMean(day, len(days[day].values), some.size, _mean(some, bounded), running)
        for (day, some), running in zip(units.items(), so_far, strict=True)
    )
    names = [*units]
    alarm_day = since = ""
    if watched is not None and watched.alarm.day is not None and watched.alarm.since is not None:
        alarm_day = names[watched.baseline + watched.alarm.day]
        since = names[watched.baseline + watched.alarm.since]
    return DaySeries(metric, judge, rows, watched, alarm_day, since, cause, why)


def _unwatched(metric: str, bounded: bool, days: Mapping[str, _Day], baseline: int, expected: float | None) -> str:
    if not bounded:
        return f"{metric} has no bounds"
    if any(one.uneven for one in days.values()):
        return "answers were drawn from strata at different rates"
    if expected is None and len(days) <= baseline:
        return f"{len(days)} days, and the baseline takes {baseline}"
    return ""


def _mean(units: Floats, bounded: bool) -> Interval | None:
    if not units.size:
        return None
    if bounded:
        return mean_interval(units, level=LEVEL)
    if units.size < 2 or units.min() == units.max():
        mean = float(units.mean())
        return Interval(mean, mean, mean, LEVEL, NO_SPREAD, units.size)
    return mean_interval(units, level=LEVEL, method="t")
