"""How many more labels would decide an inconclusive gate, and the command that draws them."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass

from rageval.scores.difference_doubts import difference_probabilities
from rageval.scores.pair_labels import PairLabels
from rageval.scores.pairs import Pairs
from rageval.scores.run_scores import RunScores
from rageval.stats.active import LabelSpread, label_spread
from rageval.stats.power import gate_power
from rageval.types import Json

POWER = 0.8


@dataclass(frozen=True, slots=True)
class Draws:
    """A sample that would decide: `n` as `rageval sample -n` takes it, and `questions`, how many of these still have
    to be labelled (in both runs), about.
    """

    n: int
    questions: int
    command: str

    def to_json(self) -> dict[str, Json]:
        return {"n": self.n, "questions": self.questions, "command": self.command}


@dataclass(frozen=True, slots=True)
class LabelNeed:
    """What decides a gate with probability 0.8 if the true difference is `if_difference`: questions drawn where the
    judge is in doubt (`active`), and questions at `random`; None where all questions are too few.
    """

    if_difference: float
    active: Draws | None
    random: Draws | None

    @property
    def fewest(self) -> Draws | None:
        """The one with fewer questions to label."""
        return min((one for one in (self.active, self.random) if one), key=lambda one: one.questions, default=None)

    @property
    def sentence(self) -> str:
        """Which answers to label, in words."""
        best = self.fewest
        if best is None:
            return "more labels than there are questions are needed"
        if_so = "the difference is as it seems" if self.if_difference else "there were no difference"
        how = "where the judge is in doubt" if best is self.active else "at random"
        other = self.random if best is self.active else self.active
        beside = f", {other.questions} the other way" if other else ""
        return (
            f"some {best.questions} more questions, labelled in both runs, would decide it if {if_so} "
            f"(drawn {how}{beside}): {best.command}"
        )

    def to_json(self) -> dict[str, Json]:
        return {
            "if_difference": self.if_difference,
            "active": None if self.active is None else self.active.to_json(),
            "random": None if self.random is None else self.random.to_json(),
        }


def label_need(
    baseline: RunScores,
    candidate: RunScores,
    pairs: Pairs,
    difference: float,
    margin: float,
    levels: tuple[float, float],
) -> LabelNeed | None:
    """What would settle a gate at `margin`, if the true difference is the one seen, else if there is none. `levels` are
    those of a pass and of a fail. None for pairs without labels of both, and for a slice.

    The variance of the mean gain is that of the labels so far about the judge's, as the draws to come weigh them, over
    their number, and that of the questions; the whole unseen label of the gate's bound is counted in.
    """
    labels = pairs.labels
    if labels is None or not labels.n or pairs.slice:
        return None
    planned = difference_probabilities(baseline, candidate, pairs)
    planned = {question: planned[question] for question in labels.judged}
    spreads = _spread(labels, planned), _spread(labels, None)
    share = len(planned) / (len(planned) + labels.same)
    effect = pairs.questions_per_unit
    for if_difference in dict.fromkeys((difference, 0.0)):
        side, level = (1.0, levels[0]) if if_difference > -margin else (-1.0, levels[1])
        reach = side * if_difference / share, side * margin / share
        active, random = (_fewest(one, len(planned), *reach, level, effect) for one in spreads)
        found = LabelNeed(
            if_difference,
            None if active is None else _active(baseline, candidate, pairs, labels, planned, active),
            None if random is None else _random(baseline, candidate, pairs, labels, math.ceil(random / share)),
        )
        if found.fewest is not None:
            return found
    return LabelNeed(0.0, None, None)


def _spread(labels: PairLabels, planned: dict[str, float] | None) -> LabelSpread:
    frame = [*labels.judged]
    places = {question: place for place, question in enumerate(frame)}
    if labels.design is None:
        drawn, probabilities = [*labels.low], [1.0] * len(frame)
    else:
        drawn = [question for question in labels.design.draws if question in labels.low]
        probabilities = [labels.design.probabilities[question] for question in frame]
    return label_spread(
        [(labels.low[question] + labels.high[question]) / 2.0 for question in drawn],
        [places[question] for question in drawn],
        [labels.judged[question] for question in frame],
        probabilities,
        None if planned is None else [planned[question] for question in frame],
    )


def _fewest(
    spread: LabelSpread, items: int, difference: float, margin: float, level: float, effect: float
) -> int | None:
    """The fewest draws that decide; None where as many as there are items do not."""

    def enough(n: int) -> bool:
        sd = math.sqrt(effect * (spread.draws + n * spread.frame / items))
        return gate_power(difference, sd, n, margin=margin, level=level) >= POWER

    if not enough(items):
        return None
    never, always = 0, items
    while always - never > 1:
        middle = (never + always) // 2
        never, always = (never, middle) if enough(middle) else (middle, always)
    return always


def _active(
    baseline: RunScores,
    candidate: RunScores,
    pairs: Pairs,
    labels: PairLabels,
    planned: dict[str, float],
    n: int,
) -> Draws:
    total = sum(planned.values())
    new = sum(1.0 - (1.0 - p / total) ** n for question, p in planned.items() if question not in labels.low)
    command = f"{_sample(candidate, pairs, n)} --active --against {shlex.quote(baseline.source)}"
    return Draws(n, max(1, round(new)), command)


def _random(baseline: RunScores, candidate: RunScores, pairs: Pairs, labels: PairLabels, n: int) -> Draws:
    """Answers that are the same in both runs are drawn too, and a larger sample begins with the smaller one."""
    kept = 0 if labels.design is not None else len(candidate.labels[pairs.metric].given)
    command = f"{_sample(candidate, pairs, n)}, and the same for {shlex.quote(baseline.source)}"
    return Draws(n, max(1, n - kept), command)


def _sample(candidate: RunScores, pairs: Pairs, n: int) -> str:
    return f"rageval sample {shlex.quote(candidate.source)} -m {shlex.quote(pairs.metric)} -n {n}"
