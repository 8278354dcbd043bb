"""How far judges agree with people, as JSON for an HTML report: from the labels that are attached to its runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rageval.decide.diagnosis import RunDiagnosis
from rageval.people.attach import agreement_of
from rageval.report.judge_notes import agreement_text, calibration_text
from rageval.scores.human_labels import read_labels
from rageval.stats import calibration
from rageval.types import Json


def judges_json(runs: Sequence[RunDiagnosis]) -> list[Json]:
    """An entry for each run and metric that people labelled, and for each judge of which something is known."""
    found: list[Json] = []
    for place, run in enumerate(runs):
        for metric, data in run.scores.items():
            labels = read_labels(run.folder, metric)
            if labels is None or not labels.labels:
                continue
            said = labels.by_question
            judged = {question: score for question, score in data["questions"].items() if question in said}
            pairs = sorted((judged[question], said[question], question) for question in judged)
            if pairs:
                agreement = agreement_of(labels)
                found.append(
                    {
                        "run": place,
                        "metric": metric,
                        "pairs": [[score, label, question] for score, label, question in pairs],
                        "annotators": len(labels.annotators),
                        "cannot_tell": len(labels.cannot_tell),
                        "agreement": None if agreement is None else _interval(agreement.interval),
                        **_quality([(score, label) for score, label, _ in pairs]),
                    }
                )
    for place, run in enumerate(runs):
        for name, entry in run.manifest["judges"].items():
            known = [
                *([calibration_text(entry["calibration"])] if entry.get("calibration") else []),
                *([agreement_text(entry["agreement"])] if entry.get("agreement") else []),
            ]
            found += [{"run": place, "judge": name, "known": line} for line in known]
    return found


def _quality(pairs: Sequence[tuple[float, float]]) -> dict[str, Json]:
    """Confusion, figures and reliability where people said yes or no; nothing where they gave shares."""
    scores, labels = [score for score, _ in pairs], [label for _, label in pairs]
    if not set(labels) <= {0.0, 1.0}:
        return {}
    measured = calibration([int(label) for label in labels], scores)
    counts = {(yes, said): 0 for yes in (True, False) for said in (True, False)}
    for score, label in pairs:
        counts[label == 1.0, score >= 0.5] += 1
    figures: dict[str, Any] = {
        "accuracy": measured.accuracy,
        "balanced_accuracy": measured.balanced_accuracy,
        "auc": measured.auc,
        "brier": measured.brier,
        "ece": measured.ece,
    }
    return {
        "confusion": [[counts[True, True], counts[True, False]], [counts[False, True], counts[False, False]]],
        "figures": {name: None if one is None else _interval(one) for name, one in figures.items()},
        "reliability": [[one.n, one.mean_probability, *_interval(one.observed)] for one in measured.table],
    }


def _interval(found: Any) -> list[Json]:
    return [found.point, found.low, found.high]
