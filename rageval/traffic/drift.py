"""Has the judge changed? A frozen set of labelled answers, judged again, against what it said of them before.

The history is a file of JSON lines: a line for each measurement of a metric, with the day, the judge, the digest of the
set, and the score of every item. Replies in the cache are not used, since an endpoint may serve another model under the
same name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from rageval.errors import DeclarationError
from rageval.experiment.run import run_experiment
from rageval.experiment.workers import OnProgress
from rageval.io.line_log import append_line, drop_torn_tail, read_lines
from rageval.io.run_folder import RunFolder
from rageval.scores.estimates import interval_to_json
from rageval.stats import Interval, mean_interval, paired_difference
from rageval.traffic.fields import FieldNames, look_up, read_number
from rageval.traffic.judging import Judge, plan_judging
from rageval.traffic.log import Log
from rageval.traffic.record import LoggedAnswer
from rageval.types import Json

LEVEL = 0.95
FEWEST = 20
LOOKS = 100
ALPHA = (1.0 - LEVEL) / LOOKS
"""What a comparison has of the error that all of them together have."""
_LABEL = "label"


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a judge said of the frozen set on a day: `scores` by item, without those that it could not score."""

    day: str
    metric: str
    judge: str
    items: str
    scores: Mapping[str, float]
    drifted: str = ""

    def to_json(self) -> dict[str, Json]:
        return {
            "day": self.day,
            "metric": self.metric,
            "judge": self.judge,
            "items": self.items,
            "scores": {**self.scores},
            "drifted": self.drifted or None,
        }


@dataclass(frozen=True, slots=True)
class Drift:
    """A measurement against an earlier one. `change` is the mean of score now - score before on the same items, and
    `error` of score - people's label, now. `flipped` items changed by a half or more. `alpha` is what this look has
    of the 5% that all looks together have. `before` is None at the first measurement, `drifted` "" without a drift.
    """

    now: Measurement
    before: Measurement | None
    change: Interval | None
    p_value: float | None
    alpha: float
    flipped: int
    error: Interval
    drifted: str

    def to_json(self) -> dict[str, Json]:
        return {
            "day": self.now.day,
            "metric": self.now.metric,
            "judge": self.now.judge,
            "judge_before": None if self.before is None else self.before.judge,
            "day_before": None if self.before is None else self.before.day,
            "items": len(self.now.scores),
            "change": None if self.change is None else interval_to_json(self.change),
            "p_value": self.p_value,
            "alpha": self.alpha,
            "flipped": self.flipped,
            "error": interval_to_json(self.error),
            "drifted": self.drifted or None,
        }


def measure_drift(
    items: Path,
    metric: str,
    judge: Judge,
    history: Path,
    out: Path,
    day: str,
    *,
    on_progress: OnProgress | None = None,
    on_embedding: Callable[[int, int], None] | None = None,
) -> Drift:
    """Judge the frozen items afresh, compare with an earlier measurement, and append this one to the history.

    The judge has drifted where the mean of its scores changed: paired, with a p-value of at most 0.05 / 100, so that of
    100 looks any is false with probability 5% at most. It is compared with the first measurement since the last drift,
    so that small steps add up. Raises DeclarationError for items without
    labels, fewer than `FEWEST` of them, or other ones than in the history.
    """
    answers, labels = _items(items)
    drop_torn_tail(history)
    earlier = [one for one in _read(history) if one.metric == metric]
    digest = hashlib.sha256(items.read_bytes()).hexdigest()[:16]
    if earlier and earlier[-1].items != digest:
        raise DeclarationError(
            f"{items}: found other items than those in {history} ({digest}, {earlier[-1].items}), expected the same: a "
            "frozen set never changes; begin another history for another set"
        )
    now = _measured(answers, metric, judge, out, day, digest, on_progress, on_embedding)
    found = compare_measurements(now, earlier, labels)
    append_line(history, {**now.to_json(), "drifted": found.drifted or None}, sync=True)
    return found


def compare_measurements(now: Measurement, earlier: Sequence[Measurement], labels: Mapping[str, float]) -> Drift:
    """The measurement against the first of the earlier ones since the last drift.

    Raises DeclarationError for fewer than `FEWEST` scores.
    """
    if len(now.scores) < FEWEST:
        raise DeclarationError(
            f"{now.metric}: found scores of {len(now.scores)} items, expected {FEWEST} at least: the judge could not "
            "score the others"
        )
    errors = [score - labels[name] for name, score in now.scores.items()]
    error = mean_interval(errors, level=LEVEL, bounds=(-1.0, 1.0))
    if not earlier:
        return Drift(now, None, None, None, ALPHA, 0, error, "")
    before = earlier[max((place for place, one in enumerate(earlier) if one.drifted), default=0)]
    common = [name for name in now.scores if name in before.scores]
    pairs = np.array([[before.scores[name], now.scores[name]] for name in common])
    flipped = int(np.sum(np.abs(pairs[:, 1] - pairs[:, 0]) >= 0.5)) if common else 0
    if len(common) < FEWEST:
        why = f"it scored {len(common)} items both times, fewer than {FEWEST}"
        return Drift(now, before, None, None, ALPHA, flipped, error, why)
    tested = paired_difference(pairs[:, 0], pairs[:, 1])
    drifted = ""
    if tested.p_value <= ALPHA:
        change = tested.difference.point
        drifted = f"its mean on {len(common)} frozen items changed by {change:+.3f} between {before.day} and {now.day}"
    return Drift(now, before, tested.difference, tested.p_value, ALPHA, flipped, error, drifted)


def read_drifts(history: Path, metric: str) -> list[tuple[str, str]]:
    """The days on which the judge of the metric was found to have drifted, and why. Raises DeclarationError."""
    if not history.is_file():
        raise DeclarationError(f"--drift: {history}: no such file, expected what `rageval judge-drift` wrote")
    return [(one.day, one.drifted) for one in _read(history) if one.metric == metric and one.drifted]


def _read(history: Path) -> list[Measurement]:
    def read(data: Mapping[str, Any]) -> Measurement:
        told = data["drifted"] or ""
        return Measurement(data["day"], data["metric"], data["judge"], data["items"], data["scores"], told)

    return [*read_lines(history, read)]


def _items(path: Path) -> tuple[list[LoggedAnswer], dict[str, float]]:
    """The answers of the frozen set, with the labels of people by id."""
    answers = [*Log(path, FieldNames(), (_LABEL,))]
    labels: dict[str, float] = {}
    for answer in answers:
        given = look_up(answer.groups, _LABEL)
        try:
            labels[answer.id] = read_number(given)
        except ValueError as error:
            raise DeclarationError(f"{path}: {answer.id}: label: {error}, expected one from 0 to 1") from None
        if labels[answer.id] > 1.0:
            raise DeclarationError(f"{path}: {answer.id}: label: found {given}, expected one from 0 to 1")
    if len(answers) < FEWEST:
        raise DeclarationError(f"{path}: found {len(answers)} items, expected {FEWEST} at least")
    return answers, labels


def _measured(
    answers: Sequence[LoggedAnswer],
    metric: str,
    judge: Judge,
    out: Path,
    day: str,
    digest: str,
    on_progress: OnProgress | None,
    on_embedding: Callable[[int, int], None] | None,
) -> Measurement:
    folder = out / "drift"
    folder.mkdir(parents=True, exist_ok=True)
    with plan_judging(
        answers, (metric,), judge, folder, out, name="frozen", fresh=True, on_embedding=on_embedding
    ) as experiment:
        run = RunFolder(run_experiment(experiment, folder, on_progress=on_progress)[0])
    scores = cast("dict[str, float]", run.scores()[metric]["questions"])
    entries = run.finished_manifest()["judges"]
    told = sorted(f"{one.get('detector') or one['model'] or name} ({one['key']})" for name, one in entries.items())
    return Measurement(day, metric, "; ".join(told), digest, scores)
