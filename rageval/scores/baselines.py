"""One side of a comparison: per-question scores, read from a run folder or from a baseline pinned earlier.

A baseline is one JSON file, small enough to commit: a line per question (about 50 bytes with five metrics), numbers to
six decimals, keys and questions sorted, no times. It holds all that a comparison needs, so that the run may be deleted,
and its differences from one commit to the next show which questions changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from rageval.errors import DeclarationError, NotComparableError
from rageval.io.run_folder import RunFolder, replace_text
from rageval.metrics import parse
from rageval.metrics.judged import entries_read
from rageval.scores.calibrations import instrument
from rageval.types import Json

FORMAT = 1
BASELINES = Path("results/baselines")

_DECIMALS = 6
_NAME = re.compile(r"[\w-][\w.-]*")


@dataclass(frozen=True, slots=True)
class JudgedBy:
    """Who judged: `key` names judge, prompts, model and scaling by a digest, `model` the model in words."""

    key: str
    model: str


@dataclass(frozen=True, slots=True)
class MetricScores:
    """One metric by question id: scores in [0, 1] to six decimals, or the reason why there is none.

    `failed` are the questions whose score is the worst value because the pipeline failed. `judge` is None for metrics
    that need none.
    """

    scores: Mapping[str, float]
    failed: tuple[str, ...] = ()
    unscored: Mapping[str, str] = field(default_factory=dict[str, str])
    judge: JudgedBy | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two that are compared.

    `source` is the folder or file that it was read from. `groups` numbers the questions so that those which share a
    relevant document, directly or through others, have the same number. `texts` are the questions' words, which a
    baseline does not keep.
    """

    source: str
    label: str
    fingerprint: str
    benchmark: str
    content_hash: str
    questions: tuple[str, ...] = field(repr=False)
    groups: Mapping[str, int] = field(repr=False)
    metrics: Mapping[str, MetricScores] = field(repr=False)
    texts: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


def read_side(given: str | Path) -> Side:
    """Read a run folder, a baseline file, or the baseline of that name under `results/baselines/`.

    Raises NotComparableError where there is none, where it cannot be read, and for a run that is not finished.
    """
    path = Path(given)
    named = BASELINES / f"{given}.json"
    try:
        if path.is_file() or (named.is_file() and not (path / "manifest.json").is_file()):
            return _read_baseline(path if path.is_file() else named)
        if path.is_dir():
            return _read_run(path)
    except NotComparableError:
        raise
    except (DeclarationError, OSError) as error:
        raise NotComparableError(str(error)) from None
    raise NotComparableError(f"{given}: found neither a run folder nor a baseline of that name in {BASELINES}")


def write_baseline(run: Path, folder: Path = BASELINES, name: str | None = None) -> Path:
    """Pin the scores of a finished run as `folder/name.json`; equal scores give an equal file.

    The name is by default that of the run folder without its digest (experiment and pipeline), so that the same
    pipeline with other settings, or other prompts, replaces it. Raises DeclarationError for a name that is no plain
    file name, and where the file cannot be written; NotComparableError as `read_side`.
    """
    side = read_side(run)
    if not run.is_dir():
        raise NotComparableError(f"{run}: found a baseline, expected a run folder")
    name = _default_name(run, side) if name is None else name
    if not _NAME.fullmatch(name):
        raise DeclarationError(f"--name: found {name!r}, expected letters, digits, '-', '_' and '.', as in main")
    path = folder / f"{name}.json"
    pin(side, path)
    return path


def pin(side: Side, path: Path) -> None:
    """Write a side's scores as that baseline file. Raises DeclarationError where it cannot be written."""
    try:
        replace_text(path, _to_text(side))
    except OSError as error:
        raise DeclarationError(f"{path}: cannot be written ({error.strerror}): choose another --out") from None


def document_groups(grades: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Number questions so that those that share a document with a grade above 0 have the same number, also where they
    do so only through a third. A question without such a document stands alone. Numbers go from 0, by question id.
    """
    parents = {question: question for question in grades}

    def root(question: str) -> str:
        while parents[question] != question:
            parents[question] = parents[parents[question]]
            question = parents[question]
        return question

    first_with: dict[str, str] = {}
    for question, by_document in grades.items():
        for document, grade in by_document.items():
            if grade > 0:
                parents[root(question)] = root(first_with.setdefault(document, question))
    numbers: dict[str, int] = {}
    return {question: numbers.setdefault(root(question), len(numbers)) for question in sorted(grades)}


def _default_name(run: Path, side: Side) -> str:
    return re.sub(r"[^\w.-]+", "-", run.resolve().name.removesuffix(f"-{side.fingerprint[:10]}")).lstrip(".")


def _read_run(path: Path) -> Side:
    folder = RunFolder(path)
    manifest = folder.manifest()
    if manifest["status"] != "complete":
        raise NotComparableError(f"{path}: the run is not finished; run its experiment again and it goes on")
    asked, ids = folder.questions(), cast("list[str]", manifest["questions"])
    if missing := [question for question in ids if question not in asked]:
        raise NotComparableError(f"{path}/questions.jsonl: found no question {missing[0]!r}; run the experiment again")
    return Side(
        str(path),
        manifest["label"],
        manifest["fingerprint"],
        manifest["benchmark"]["name"],
        manifest["benchmark"]["content_hash"],
        tuple(sorted(ids)),
        document_groups({question: asked[question][1] for question in ids}),
        {name: _metric(name, data, manifest["judges"]) for name, data in folder.scores().items()},
        {question: asked[question][0].text for question in ids},
    )


def _metric(name: str, data: Mapping[str, Any], judges: Mapping[str, Mapping[str, Any]]) -> MetricScores:
    metric = parse(name)
    return MetricScores(
        {question: round(value, _DECIMALS) for question, value in data["questions"].items()},
        tuple(sorted(data["failed"])),
        data["unscored"],
        _judged_by([judges[entry] for entry in entries_read(metric).values()]) if metric.kind == "judged" else None,
    )


def _judged_by(judges: Sequence[Mapping[str, Any]]) -> JudgedBy:
    models = dict.fromkeys(judge["model"] or judge.get("embedder") or "no model" for judge in judges)
    return JudgedBy("+".join(map(instrument, judges)), ", ".join(models))


def _to_text(side: Side) -> str:
    names = sorted(side.metrics)
    rows = [
        _entry(question, [side.groups[question], *(_short(side.metrics[name].scores.get(question)) for name in names)])
        for question in side.questions
    ]
    parts = [
        _entry("benchmark", {"content_hash": side.content_hash, "name": side.benchmark}),
        _entry("columns", ["group", *names]),
        _entry("fingerprint", side.fingerprint),
        _entry("format", FORMAT),
        _entry("label", side.label),
        _object("metrics", [_entry(name, _metric_to_json(side.metrics[name])) for name in names]),
        _object("questions", rows),
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _entry(key: str, value: Json) -> str:
    return f"{json.dumps(key, ensure_ascii=False)}: {json.dumps(value, ensure_ascii=False, allow_nan=False)}"


def _object(key: str, entries: Sequence[str]) -> str:
    return f"{json.dumps(key)}: {{\n" + ",\n".join(f" {entry}" for entry in entries) + "\n}"


def _short(score: float | None) -> Json:
    return int(score) if score in (0.0, 1.0) else score


def _metric_to_json(metric: MetricScores) -> dict[str, Json]:
    reasons: dict[str, Json] = {
        reason: [question for question in sorted(metric.unscored) if metric.unscored[question] == reason]
        for reason in sorted(set(metric.unscored.values()))
    }
    judge: Json = None if metric.judge is None else {"key": metric.judge.key, "model": metric.judge.model}
    return {"failed": [*metric.failed], "judge": judge, "unscored": reasons}


def _read_baseline(path: Path) -> Side:
    remedy = "pin it again with `rageval baseline set`"
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        found = data["format"]
    except (ValueError, KeyError, TypeError):
        raise NotComparableError(f"{path}: found no baseline, expected JSON with a format number: {remedy}") from None
    if found != FORMAT:
        raise NotComparableError(f"{path}: found format {found!r}, expected {FORMAT}: {remedy}")
    try:
        return _side_from_json(path, data)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotComparableError(f"{path}: found a damaged baseline ({error}): {remedy}") from None


def _side_from_json(path: Path, data: Mapping[str, Any]) -> Side:
    rows: dict[str, list[Any]] = data["questions"]
    names: list[str] = data["columns"][1:]
    for question, row in rows.items():
        if len(row) != len(names) + 1:
            raise ValueError(f"{question}: {len(row)} values for {len(names) + 1} columns")
        if not all(score is None or 0.0 <= score <= 1.0 for score in row[1:]):
            raise ValueError(f"{question}: scores outside [0, 1]")
    metrics: dict[str, MetricScores] = {}
    for column, name in enumerate(names, 1):
        about = data["metrics"][name]
        metrics[name] = MetricScores(
            {question: float(row[column]) for question, row in rows.items() if row[column] is not None},
            tuple(about["failed"]),
            {question: reason for reason, questions in about["unscored"].items() for question in questions},
            None if about["judge"] is None else JudgedBy(**about["judge"]),
        )
    return Side(
        str(path),
        data["label"],
        data["fingerprint"],
        data["benchmark"]["name"],
        data["benchmark"]["content_hash"],
        tuple(sorted(rows)),
        {question: row[0] for question, row in rows.items()},
        metrics,
    )
