"""Thumbs of users beside labels of people: weak labels, given by whoever cared to, and never mixed with the others."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from rageval.errors import DeclarationError
from rageval.io.text_lines import read_lines
from rageval.scores.estimates import interval_to_json
from rageval.stats import Interval
from rageval.stats.sampled import Design, sampled_mean
from rageval.stats.unpaired import unpaired_difference
from rageval.traffic.fields import read_number
from rageval.traffic.folder import Row, TrafficFolder
from rageval.types import Json

FEWEST = 10


@dataclass(frozen=True, slots=True)
class Feedback:
    """`given` of `answers` have a thumb; `up` is the share of thumbs up. Where people labelled some of the answers
    (from 0 to 1), `labelled` of them, `labels` is the mean of these labels. `bias` is the mean of thumb - label over
    the `both` answers that have both, `selection` the mean label of labelled answers with a thumb less that of those
    without one. Both are None where fewer than `FEWEST` answers show them.
    """

    answers: int
    given: int
    up: Interval | None
    labelled: int = 0
    labels: Interval | None = None
    both: int = 0
    bias: Interval | None = None
    selection: Interval | None = None

    def to_json(self) -> dict[str, Json]:
        intervals = {"up": self.up, "labels": self.labels, "bias": self.bias, "selection": self.selection}
        return {
            "answers": self.answers,
            "given": self.given,
            "labelled": self.labelled,
            "both": self.both,
            **{name: None if one is None else interval_to_json(one) for name, one in intervals.items()},
        }


def read_feedback_summary(folder: TrafficFolder, labels: Path | None = None) -> Feedback | None:
    """The feedback of a scored log; None where it has neither thumbs nor labels.

    Raises DeclarationError for labels that cannot be read, and where none of them is of an answer of the log.
    """
    given = {} if labels is None else _labels(labels)
    rows: list[Row] = []
    answers = 0
    for row in folder.rows():
        answers += 1
        if row.feedback is not None or row.id in given:
            rows.append(row)
    if labels is not None and not any(row.id in given for row in rows):
        raise DeclarationError(f"{labels}: found no label of an answer of this log, expected ids in common")
    return summarise_feedback(rows, given, answers) if rows else None


def summarise_feedback(rows: Sequence[Row], labels: Mapping[str, float], answers: int) -> Feedback:
    """From the rows with a thumb or a label, of so many answers in all."""
    thumbs = [(row, row.feedback) for row in rows if row.feedback is not None]
    labelled = [(row, labels[row.id]) for row in rows if row.id in labels]
    both = [(row, row.feedback - labels[row.id]) for row in rows if row.feedback is not None and row.id in labels]
    with_thumb = [(row, label) for row, label in labelled if row.feedback is not None]
    without = [(row, label) for row, label in labelled if row.feedback is None]
    selection = None
    if min(len(with_thumb), len(without)) >= FEWEST:
        first, second = _mean(without), _mean(with_thumb)
        assert first is not None
        assert second is not None
        selection = unpaired_difference(first, second).difference
    return Feedback(
        answers,
        len(thumbs),
        _mean(thumbs),
        len(labelled),
        _mean(labelled),
        len(both),
        _mean(both, low=-1.0) if len(both) >= FEWEST else None,
        selection,
    )


def _mean(values: Sequence[tuple[Row, float]], low: float = 0.0) -> Interval | None:
    """The mean; answers of one session are not taken for independent."""
    if not values:
        return None
    n = len(values)
    sessions = [row.session or f"\n{number}" for number, (row, _) in enumerate(values)]
    every = Design(np.array([n]), np.array([n]))
    numbers = [value for _, value in values]
    strata = np.zeros(n, dtype=np.int64)
    return sampled_mean(numbers, strata, every, bounds=(low, 1.0), clusters=sessions).interval


def _labels(path: Path) -> dict[str, float]:
    """Lines with `id` and `label`, from 0 to 1."""
    found: dict[str, float] = {}
    problems: list[str] = []
    expected = "expected an object with id and label (from 0 to 1), each id once"
    try:
        for place, line in read_lines(path, problems):
            if problems:
                raise DeclarationError(problems[0])
            if not line.strip():
                continue
            try:
                data = cast("dict[str, Any]", json.loads(line))
                name, label = str(data["id"]), read_number(data["label"])
            except (ValueError, KeyError, TypeError):
                raise DeclarationError(f"{place}: found {line[:60]!r}, {expected}") from None
            if label > 1.0 or name in found:
                raise DeclarationError(f"{place}: found {line[:60]!r}, {expected}")
            found[name] = label
    except OSError as error:
        raise DeclarationError(f"{path}: cannot be read ({error.strerror}), {expected}") from None
    return found
