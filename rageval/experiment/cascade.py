"""The cascade of an experiment: a detector that decides the clear noes before a chat model judges the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rageval.errors import DeclarationError
from rageval.experiment.detector_spec import CascadePart, RerankPart, open_detector
from rageval.experiment.spec import Models
from rageval.judges import Judge, asks_model
from rageval.judges.cascade import Cascade
from rageval.judges.light.detectors import Detector, with_detector

PLACE = "models.cascade"


@dataclass(frozen=True)
class FirstJudge:
    """The detector that is asked first, and below which P(yes) it decides alone."""

    detector: Detector
    below: float


def choose_cascade(models: Models, base: Path) -> FirstJudge | None:
    """The cascade of the models of an experiment file; paths are relative to `base`.

    Raises DeclarationError for a bad file, a detector behind an address, a panel, and where no chat model judges.
    """
    part: CascadePart | None = models.cascade
    if part is None:
        return None
    if models.detector is not None:
        raise DeclarationError(f"{PLACE}: found it beside a detector under models.judge, expected a chat model there")
    if len(models.raters) * models.judge_samples > 1:
        raise DeclarationError(f"{PLACE}: found it beside a panel of judges, expected one model, asked once")
    if isinstance(part.light, RerankPart):
        raise DeclarationError(
            f"{PLACE}.light: found a detector behind an address, expected light, a file, onnx or gguf"
        )
    return FirstJudge(open_detector(part.light, base, f"{PLACE}.light"), part.below)


def in_cascade(judges: Sequence[Judge], first: FirstJudge | None) -> tuple[Judge, ...]:
    """The judges, with the detector before each that asks a model and that it can stand for.

    Raises DeclarationError where there is none.
    """
    if first is None:
        return tuple(judges)
    found = [with_detector(judge, first.detector) if asks_model(judge) else None for judge in judges]
    if judges and not any(found):
        raise DeclarationError(f"{PLACE}: found no metric whose judge {first.detector.name} can stand for")
    return tuple(
        judge if light is None else Cascade(light, judge, first.below)
        for judge, light in zip(judges, found, strict=True)
    )
