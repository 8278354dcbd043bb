"""Multiple choice in a run: accuracy beside the level of chance, over all orders of the options, and position bias."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean
from string import ascii_uppercase

from rageval.benchmark.rotation import ROTATION_OF, options_of, right_option
from rageval.io.records import Outcome
from rageval.metrics.choice import choice_accuracy
from rageval.scores.estimates import interval_to_json
from rageval.stats import Interval, mean_interval
from rageval.stats.shares import simultaneous_shares
from rageval.text.choices import chosen_option
from rageval.types import Json, Question, Response, Score


@dataclass(frozen=True, slots=True)
class Choices:
    """`accuracy` is the mean over questions of the share of orders answered right, `chance` what guessing would reach.
    `always` questions are right in every order that was asked, of `orders` orders each at most. `chosen` are the shares
    of the positions among the answers that choose one (their intervals hold together), `right` those of the right
    option; `unread` answers choose none or several.
    """

    questions: int
    orders: int
    accuracy: Interval
    chance: float
    always: int
    chosen: tuple[Interval, ...]
    right: tuple[float, ...]
    unread: int

    @property
    def biased(self) -> tuple[str, ...]:
        """The letters that are chosen more or less often than they are right, by intervals that hold together."""
        bounds = zip(ascii_uppercase, self.chosen, self.right, strict=False)
        return tuple(letter for letter, share, right in bounds if not share.low <= right <= share.high)

    def to_json(self) -> dict[str, Json]:
        return {
            "questions": self.questions,
            "orders": self.orders,
            "accuracy": interval_to_json(self.accuracy),
            "chance": self.chance,
            "right_in_every_order": self.always,
            "chosen": dict(zip(ascii_uppercase, map(interval_to_json, self.chosen), strict=False)),
            "right": dict(zip(ascii_uppercase, self.right, strict=False)),
            "unread": self.unread,
            "biased": [*self.biased],
        }


def read_choices(answered: Iterable[tuple[Question, Outcome]]) -> Choices | None:
    """What became of the multiple choice questions; None where there is none."""
    by_question: dict[str, list[float]] = {}
    chances: list[float] = []
    chosen, right = Counter[int](), Counter[int]()
    unread = most = 0
    for question, outcome in answered:
        score, place = choice_accuracy(question, outcome), right_option(question)
        if not isinstance(score, Score) or place is None:
            continue
        options = options_of(question)
        most = max(most, len(options))
        by_question.setdefault(str(question.metadata.get(ROTATION_OF, question.id)), []).append(score.value)
        chances.append(1.0 / len(options))
        right[place] += 1
        said = isinstance(outcome, Response) and not outcome.abstained and outcome.answer
        letter = chosen_option(said, options, question.language) if said else None
        unread += letter is None
        if letter is not None:
            chosen[letter] += 1
    if not by_question:
        return None
    means = [fmean(values) for values in by_question.values()]
    return Choices(
        len(means),
        max(map(len, by_question.values())),
        mean_interval(means),
        fmean(chances),
        sum(mean == 1.0 for mean in means),
        simultaneous_shares([chosen[place] for place in range(most)]) if chosen else (),
        tuple(right[place] / right.total() for place in range(most)),
        unread,
    )
