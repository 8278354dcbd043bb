"""Is an answer right, and do the passages that were read support it? From what a run stores, without a model call."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rageval.errors import DeclarationError
from rageval.io.run_folder import RunFolder
from rageval.metrics import Metric, parse
from rageval.metrics.judged import score_judged
from rageval.metrics.names import OF_JUDGE
from rageval.metrics.overlap import score_overlap
from rageval.scores.calibrations import JudgeEntry, apply_calibration
from rageval.types import Judgment, Question, Response, Score, Unscored

RIGHT_FROM = 0.5
"""The least score of an answer that counts as right, where 1 is the best."""
TEXT_OVERLAP = "text overlap"
BY_REFERENCE = ("answer_correctness", "nugget_recall", "answer_recall")
"""The judged metrics that say whether an answer is right by reference, in the order of preference."""

_OVERLAPS = ("answer_contains", "token_f1")
_ATTRIBUTION = Metric("attribution")
_CLAIM_SUPPORT = "claim_support"


@dataclass(frozen=True, slots=True)
class RightByReference:
    """Whether answers are right: by the scores of a metric of the run (`name`), or, without one, by text overlap, the
    better of answer_contains and token_f1.
    """

    name: str
    scores: Mapping[str, float] | None = None
    unscored: Mapping[str, str] | None = None
    lower_is_better: bool = False

    def score(self, question: Question, response: Response) -> Score | Unscored:
        """From 0 to 1, where 1 is the best; Unscored with the reason where it is not known."""
        if self.scores is None:
            found = [score_overlap(metric, question, response) for metric in _OVERLAPS]
            return max((one for one in found if isinstance(one, Score)), key=lambda one: one.value, default=found[0])
        if question.id in self.scores:
            value = self.scores[question.id]
            return Score(1.0 - value if self.lower_is_better else value)
        return Unscored(f"{self.name}: {(self.unscored or {}).get(question.id, 'not scored')}")


def right_by_reference(folder: RunFolder, scores: Mapping[str, Any], metric: str | None) -> RightByReference:
    """How to tell whether answers of the run are right: by that metric, by the first of `BY_REFERENCE` that the run
    has (its own judge before others), or else by text overlap.

    Raises DeclarationError for a metric that is unknown, does not read answers, or is not in the run.
    """
    name = _named(folder, scores, metric) if metric is not None else _first_by_reference([*scores])
    if name is None:
        return RightByReference(TEXT_OVERLAP)
    data = scores[name]
    return RightByReference(name, data["questions"], data["unscored"], parse(name).lower_is_better)


def _named(folder: RunFolder, scores: Mapping[str, Any], metric: str) -> str:
    parsed = parse(metric)
    reading = [name for name in scores if parse(name).definition.reads_answers]
    if str(parsed) in reading:
        return str(parsed)
    near = ", ".join(difflib.get_close_matches(str(parsed), reading, n=3) or reading)
    expected = f"one of {near}" if near else "a run with a metric of answers"
    raise DeclarationError(f"{folder.path}: found no metric {parsed} of answers, expected {expected}")


def _first_by_reference(names: Sequence[str]) -> str | None:
    found = [parse(name) for name in names]
    known = [metric for metric in found if metric.name in BY_REFERENCE]
    known.sort(key=lambda metric: (BY_REFERENCE.index(metric.name), metric.judge != ""))
    return str(known[0]) if known else None


class SupportedByContext:
    """Whether the passages that were read support all that an answer says, by what the judge `claim_support` said."""

    def __init__(
        self, entries: Mapping[str, JudgeEntry], judgments: Mapping[str, Mapping[str, tuple[Judgment, ...]]]
    ) -> None:
        named = sorted(name for name in entries if name.partition(OF_JUDGE)[0] == _CLAIM_SUPPORT)
        self.judge = named[0] if named else None
        self._said: Mapping[str, tuple[Judgment, ...]] = {}
        if self.judge is not None:
            self._said = apply_calibration(entries[self.judge], judgments[self.judge])

    def supported(self, question: Question, response: Response) -> bool | None:
        """None where nothing was read or the judge gave no verdict."""
        if not response.context:
            return None
        found = score_judged(_ATTRIBUTION, question, response, {_CLAIM_SUPPORT: self._said.get(question.id)})
        return found.value >= RIGHT_FROM if isinstance(found, Score) else None
