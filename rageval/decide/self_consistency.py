"""Self-consistency: do the several answers of a run to one question support each other?

Source: SelfCheckGPT, Manakul et al. 2023, arXiv 2303.08896. What a model knows, its samples agree on; what it makes up,
they do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from statistics import fmean

from rageval.io.records import Outcome
from rageval.io.run_folder import RunFolder
from rageval.judges.claim_list import stated
from rageval.judges.light.weights import shipped_weights
from rageval.scores.estimates import interval_to_json
from rageval.stats import Interval, mean_interval
from rageval.text.languages import Language
from rageval.types import Json, Response

_SUPPORTED_FROM = 0.5
_MOST_SHOWN = 10


@dataclass(frozen=True, slots=True)
class SelfConsistency:
    """The mean over questions, each a number from 0 (no answer supports another) to 1; `questions` has them by id.
    `unscored` questions have fewer than two answers. None where no question has two.
    """

    mean: Interval
    questions: Mapping[str, float]
    unscored: int

    @property
    def least(self) -> tuple[str, ...]:
        """The ids of the questions that are the least consistent, at most ten, none that is fully so."""
        order = sorted(self.questions, key=lambda name: (self.questions[name], name))
        return tuple(name for name in order if self.questions[name] < 1.0)[:_MOST_SHOWN]

    def to_json(self) -> dict[str, Json]:
        return {
            "mean": interval_to_json(self.mean),
            "unscored": self.unscored,
            "questions": {**self.questions},
            "least": [*self.least],
        }


def self_consistency(folder: RunFolder, repeats: int) -> SelfConsistency | None:
    """The self-consistency of a finished run whose questions were asked that often: see `consistency_of`."""
    logs = [one.outcomes() for one in folder.answers(repeats)]
    asked = {name: question for name, (question, _) in folder.questions().items()}
    found = {name: consistency_of([log[name] for log in logs], asked[name].language) for name in asked}
    scored = {name: value for name, value in found.items() if value is not None}
    if not scored:
        return None
    return SelfConsistency(mean_interval([*scored.values()]), scored, len(found) - len(scored))


def consistency_of(outcomes: Sequence[Outcome], language: Language) -> float | None:
    """How far several answers to a question support each other, 0 to 1; None for fewer than two.

    The mean over all ordered pairs of answers of the share of the first one's sentences that the second one supports,
    by the packaged light judge (no model is asked). Two abstentions agree, an abstention and an answer do not. Failures
    and empty answers are left out.
    """
    answers = [one for one in outcomes if isinstance(one, Response) and (one.answer or one.abstained)]
    pairs = [_supported(one, other, language) for one, other in permutations(answers, 2)]
    return fmean(pairs) if pairs else None


def _supported(one: Response, other: Response, language: Language) -> float:
    if one.abstained or other.abstained:
        return float(bool(one.abstained) and bool(other.abstained))
    text, evidence = one.answer or "", other.answer or ""
    if text == evidence:
        return 1.0
    weights = shipped_weights("faithfulness", aligned=False)
    said = stated(text) or [text]
    return fmean(weights.probability(sentence, [evidence], language) >= _SUPPORTED_FROM for sentence in said)
