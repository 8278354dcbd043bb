"""Reading the scores of finished runs, from their folders or from the baselines that were pinned of them."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from rageval.errors import DeclarationError, NotComparableError
from rageval.io.run_folder import RunFolder
from rageval.metrics import Metric, parse
from rageval.metrics.judged import entries_read
from rageval.metrics.names import OF_JUDGE
from rageval.scores.baselines import BASELINES, read_baseline
from rageval.scores.calibrations import JudgeEntry, instrument
from rageval.scores.human_labels import answer_digests
from rageval.scores.repeats import REPEATS
from rageval.scores.run_labels import RunLabels, read_run_labels
from rageval.scores.run_scores import DECIMALS, JudgedBy, MetricScores, RunScores, ScoredRun
from rageval.scores.sharing import relevant_documents
from rageval.scores.slices import question_slices
from rageval.types import SYNTHETIC


def read_run_scores(given: str | Path) -> RunScores:
    """Read a run folder, a baseline file, or the baseline of that name under `results/baselines/`.

    Raises NotComparableError where there is none, where it cannot be read, and for a run that is not finished.
    """
    path = Path(given).expanduser()
    named = BASELINES / f"{given}.json"
    if path.is_file() or (named.is_file() and not (path / "manifest.json").is_file()):
        return read_baseline(path if path.is_file() else named)
    if path.is_dir():
        return read_run_folder(path)
    raise NotComparableError(f"{given}: found neither a run folder nor a baseline of that name in {BASELINES}")


def read_run_folder(path: Path) -> RunScores:
    """The scores of the finished run in that folder. Raises NotComparableError as `read_run_scores`."""
    run = read_scored_run(path)
    with unreadable_as_not_comparable():
        folder = RunFolder(path)
        everything, scores = folder.questions(), folder.scores()
        asked = {question: everything[question] for question in run.questions}
        return run.with_scores(
            relevant_documents({question: grades for question, (_, grades) in asked.items()}),
            {name: metric_scores(data) for name, data in scores.items()},
            {name: question.text for name, (question, _) in asked.items()},
            question_slices(question for question, _ in asked.values()),
            {name: labels for name in run.judges if (labels := _labels(folder, name, scores)) is not None},
            answer_digests(folder.outcomes()) if run.judges else {},
        )


def read_scored_run(path: Path) -> ScoredRun:
    """What the finished run in that folder is of. Raises NotComparableError as `read_run_scores`."""
    if path.is_file():
        raise NotComparableError(f"{path}: found a file, expected a run folder")
    with unreadable_as_not_comparable():
        folder = RunFolder(path)
        manifest, digests = folder.finished_manifest(), folder.digests()
        generated = folder.with_tag(SYNTHETIC)
        questions = sorted(cast("list[str]", manifest["questions"]))
        if missing := [question for question in questions if question not in digests]:
            raise NotComparableError(
                f"{path}/questions.jsonl: found no question {missing[0]!r}; run the experiment again"
            )
        metrics = map(parse, cast("list[str]", manifest["metrics"]))
        return ScoredRun(
            str(path),
            manifest["label"],
            manifest["fingerprint"],
            manifest["benchmark"]["name"],
            manifest["benchmark"]["content_hash"],
            manifest["benchmark"]["corpus"],
            {question: digests[question] for question in questions},
            {str(metric): judged_by(metric, manifest["judges"]) for metric in metrics if metric.kind == "judged"},
            _models(manifest),
            _settings(manifest),
            generated=generated.intersection(questions),
        )


@contextmanager
def unreadable_as_not_comparable() -> Generator[None]:
    """Within the block, a run that cannot be read raises NotComparableError."""
    try:
        yield
    except NotComparableError:
        raise
    except (DeclarationError, OSError) as error:
        raise NotComparableError(str(error)) from None


def metric_scores(data: Mapping[str, Any]) -> MetricScores:
    """One metric's part of scores.json."""
    return MetricScores(
        {question: round(value, DECIMALS) for question, value in data["questions"].items()},
        tuple(sorted(data["failed"])),
        data["unscored"],
    )


def _labels(folder: RunFolder, metric: str, scores: Mapping[str, Any]) -> RunLabels | None:
    return read_run_labels(folder, metric, scores[metric]["questions"]) if metric in scores else None


def judged_by(metric: Metric, entries: Mapping[str, JudgeEntry]) -> JudgedBy:
    """Who judged a run on that judged metric, from the judges' entries in its manifest."""
    judges = [entries[name] for name in entries_read(metric).values()]
    models = dict.fromkeys(judge["model"] or judge.get("embedder") or "no model" for judge in judges)
    return JudgedBy("+".join(map(instrument, judges)), ", ".join(models))


def _models(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Which model did what; a part that no model was needed for is left out."""
    models: dict[str, str | None] = {**manifest["models"]}
    for entry, about in manifest["judges"].items():
        name = entry.partition(OF_JUDGE)[2]
        used = {f"judge {name}" if name else "judge": about["model"], "embed (judge)": about.get("embedder")}
        for role, identity in used.items():
            models[role] = models.get(role) or identity
    return {role: identity for role, identity in models.items() if identity is not None}


def _settings(manifest: Mapping[str, Any]) -> dict[str, str]:
    prompts = {f"prompt {name}": digest[:8] for name, digest in manifest["prompts"].items()}
    judges = {f"judging by {entry}": instrument(about) for entry, about in manifest["judges"].items()}
    metrics = {name: about["key"] for name, about in manifest.get("own_metrics", {}).items()}
    repeats = {REPEATS: str(manifest[REPEATS])} if REPEATS in manifest else {}
    return {**prompts, **judges, **metrics, "seed": str(manifest["seed"]), **repeats}
