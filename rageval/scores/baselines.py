"""Baselines: the scores of a run, pinned in a file.

A baseline is one JSON file, small enough to commit: a line per question (about 65 bytes with five metrics), numbers to
six decimals, keys and questions sorted, no times. It holds all that a comparison needs, so that the run may be deleted,
and its differences from one commit to the next show which questions changed. Slices are kept the other way round, as
questions by field and value. Where the run has excerpts (`rageval.scores.excerpts`), they have a line per question too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rageval.errors import DeclarationError, NotComparableError
from rageval.io.file_names import check_file_name, to_file_name
from rageval.io.run_folder import replace_text
from rageval.scores.excerpts import excerpt_from_json, excerpt_to_json
from rageval.scores.run_labels import labels_from_json
from rageval.scores.run_scores import JudgedBy, MetricScores, RunScores, SliceValues
from rageval.scores.slices import TAG
from rageval.scores.spending import stored_spending
from rageval.scores.spent import spending_from_json
from rageval.types import SYNTHETIC, Json

FORMAT = 4
BASELINES = Path("results/baselines")
_FIXED = 3


def write_baseline(run: RunScores, folder: Path = BASELINES, name: str | None = None) -> Path:
    """Pin the scores of a run as `folder/name.json`; equal scores give an equal file.

    The name is by default that of the run folder without its digest (experiment and pipeline), so that the same
    pipeline with other settings, or other prompts, replaces it. Raises DeclarationError for a name that is no plain
    file name, and where the file cannot be written.
    """
    if name is None:
        name = to_file_name(Path(run.source).resolve().name.removesuffix(f"-{run.fingerprint[:10]}"))
    check_file_name(name, "--name")
    path = folder / f"{name}.json"
    pin(run, path)
    return path


def pin(run: RunScores, path: Path) -> None:
    """Write a run's scores as that baseline file. Raises DeclarationError where it cannot be written."""
    try:
        replace_text(path, _to_text(run))
    except OSError as error:
        raise DeclarationError(f"{path}: cannot be written ({error.strerror}): choose another --out") from None


def _to_text(run: RunScores) -> str:
    names = sorted(run.metrics)
    rows = [
        _entry(
            question,
            [
                digest,
                [*run.documents.get(question, ())],
                run.answers.get(question),
                *(_short(run.metrics[name].scores.get(question)) for name in names),
            ],
        )
        for question, digest in run.digests.items()
    ]
    excerpts = [_entry(question, excerpt_to_json(run.excerpts[question])) for question in sorted(run.excerpts)]
    parts = [
        _entry("benchmark", {"content_hash": run.content_hash, "corpus": run.corpus, "name": run.benchmark}),
        _entry("columns", ["digest", "documents", "answer", *names]),
        *([_object("excerpts", excerpts)] if excerpts else []),
        _entry("fingerprint", run.fingerprint),
        _entry("format", FORMAT),
        _entry("label", run.label),
        _object("labels", [_entry(name, run.labels[name].to_json()) for name in sorted(run.labels)]),
        _object("metrics", [_entry(name, _metric_to_json(run, name)) for name in names]),
        _object("models", [_entry(name, value) for name, value in sorted(run.models.items())]),
        _object("questions", rows),
        _object("settings", [_entry(name, value) for name, value in sorted(run.settings.items())]),
        _object("slices", [_entry(field, _to_members(run.slices[field])) for field in sorted(run.slices)]),
    ]
    spending = stored_spending(run)
    if spending is not None and (spending.costs or spending.latencies or spending.cached or spending.failed):
        parts.append(_object("spending", [_entry(name, value) for name, value in spending.to_json().items()]))
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _entry(key: str, value: Json) -> str:
    return f"{json.dumps(key, ensure_ascii=False)}: {json.dumps(value, ensure_ascii=False, allow_nan=False)}"


def _object(key: str, entries: Sequence[str]) -> str:
    return f"{json.dumps(key)}: {{\n" + ",\n".join(f" {entry}" for entry in entries) + "\n}"


def _short(score: float | None) -> Json:
    return int(score) if score in (0.0, 1.0) else score


def _to_members(values: SliceValues) -> dict[str, Json]:
    """The questions of each value, both sorted."""
    members: dict[str, list[Json]] = {}
    for question in sorted(values):
        for value in values[question]:
            members.setdefault(value, []).append(question)
    return {value: members[value] for value in sorted(members)}


def _from_members(members: Mapping[str, Sequence[str]]) -> SliceValues:
    """The inverse of `_to_members`, without questions that have no value."""
    values: dict[str, tuple[str, ...]] = {}
    for value, questions in members.items():
        for question in questions:
            values[question] = (*values.get(question, ()), value)
    return values


def _metric_to_json(run: RunScores, name: str) -> dict[str, Json]:
    metric, judged_by = run.metrics[name], run.judges.get(name)
    reasons: dict[str, Json] = {
        reason: [question for question in sorted(metric.unscored) if metric.unscored[question] == reason]
        for reason in sorted(set(metric.unscored.values()))
    }
    judge: Json = None if judged_by is None else {"key": judged_by.key, "model": judged_by.model}
    return {"failed": [*metric.failed], "judge": judge, "unscored": reasons}


def read_baseline(path: Path) -> RunScores:
    """What was pinned in that file. Raises NotComparableError where it holds no baseline of this version."""
    remedy = "pin it again with `rageval baseline set`"
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        found = data["format"]
    except OSError as error:
        raise NotComparableError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError):
        raise NotComparableError(f"{path}: found no baseline, expected JSON with a format number: {remedy}") from None
    if found != FORMAT:
        raise NotComparableError(f"{path}: found format {found!r}, expected {FORMAT}: {remedy}")
    try:
        return _from_json(path, data)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotComparableError(f"{path}: found a damaged baseline ({error}): {remedy}") from None


def _from_json(path: Path, data: Mapping[str, Any]) -> RunScores:
    rows: dict[str, list[Any]] = data["questions"]
    names: list[str] = data["columns"][_FIXED:]
    for question, row in rows.items():
        if len(row) != len(names) + _FIXED:
            raise ValueError(f"{question}: {len(row)} values for {len(names) + _FIXED} columns")
        if not all(score is None or 0.0 <= score <= 1.0 for score in row[_FIXED:]):
            raise ValueError(f"{question}: scores outside [0, 1]")
    metrics: dict[str, MetricScores] = {}
    judges: dict[str, JudgedBy] = {}
    for column, name in enumerate(names, _FIXED):
        about = data["metrics"][name]
        metrics[name] = MetricScores(
            {question: float(row[column]) for question, row in rows.items() if row[column] is not None},
            tuple(about["failed"]),
            {question: reason for reason, questions in about["unscored"].items() for question in questions},
        )
        if about["judge"] is not None:
            judges[name] = JudgedBy(**about["judge"])
    slices = {field: _from_members(members) for field, members in data["slices"].items()}
    return RunScores(
        str(path),
        data["label"],
        data["fingerprint"],
        data["benchmark"]["name"],
        data["benchmark"]["content_hash"],
        data["benchmark"]["corpus"],
        {question: str(rows[question][0]) for question in sorted(rows)},
        judges,
        dict(data["models"]),
        dict(data["settings"]),
        {question: tuple(row[1]) for question, row in rows.items()},
        metrics,
        slices=slices,
        labels={name: labels_from_json(labels) for name, labels in data["labels"].items()},
        answers={question: row[2] for question, row in rows.items() if row[2] is not None},
        excerpts={question: excerpt_from_json(about) for question, about in data.get("excerpts", {}).items()},
        spending=spending_from_json(data["spending"]) if "spending" in data else None,
        generated=frozenset(question for question, tags in slices.get(TAG, {}).items() if SYNTHETIC in tags),
    )
