"""Further judges of an experiment, under `judges`: detectors that judge its finished runs again, beside the run's own
judge. They cost no chat call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rageval.errors import DeclarationError
from rageval.experiment.detector_spec import DetectorPart, open_detector
from rageval.experiment.judge_again import plan_rejudging, rejudge
from rageval.experiment.judging import judged_by
from rageval.judges.light.detectors import Detector
from rageval.metrics.names import Metric, check_judge_name

if TYPE_CHECKING:
    from rageval.experiment.plan import Experiment


def choose_further(
    judges: Mapping[str, DetectorPart], base: Path, metrics: Sequence[Metric]
) -> tuple[tuple[str, Detector], ...]:
    """The detectors under `judges`, by name. Raises DeclarationError for a bad name or file, and for a detector that
    can judge none of the metrics.
    """
    found: list[tuple[str, Detector]] = []
    for name, part in judges.items():
        place = f"judges.{name}"
        check_judge_name(name, place)
        detector = open_detector(part, base, place)
        if not metrics_of(detector, metrics):
            raise DeclarationError(
                f"{place}: found no metric that {detector.name} judges, expected one of "
                f"{', '.join(judged_by(detector))} under metrics"
            )
        found.append((name, detector))
    return tuple(found)


def judge_further(experiment: Experiment, runs: Sequence[Path], cache: Path) -> None:
    """Judge the finished runs by the further judges of the experiment, and add their scores."""
    for run in runs:
        for name, detector in experiment.further:
            metrics = metrics_of(detector, experiment.metrics)
            with plan_rejudging(run, name, metrics, (), cache, detector=detector) as plan:
                rejudge(plan)


def metrics_of(detector: Detector, metrics: Sequence[Metric]) -> tuple[str, ...]:
    """The names of those of the metrics that the detector can judge."""
    known = judged_by(detector)
    return tuple(metric.name for metric in metrics if metric.name in known)
