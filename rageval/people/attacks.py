"""Can the judge be talked into a yes? Attacks are added to what it said no to, and harmless texts for comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np

from rageval.benchmark.reading import read_objects
from rageval.errors import BenchmarkError, DeclarationError
from rageval.io.shipped import find_shipped
from rageval.people.items import LabelledItem
from rageval.people.judging import Opinion
from rageval.stats import Interval, mean_interval
from rageval.text.languages import LANGUAGES, Language
from rageval.types import Abstained, Response

Place: TypeAlias = Literal["answer", "passage"]

PLACES: tuple[Place, ...] = get_args(Place)
CONTROL = "control"
_KEYS = ("id", "language", "place", "kind", "text")


@dataclass(frozen=True, slots=True)
class Attack:
    """A text to add to answers or passages of items in its language; a control where its kind is `control`."""

    id: str
    language: Language
    place: Place
    kind: str
    text: str

    @property
    def is_control(self) -> bool:
        return self.kind == CONTROL


@dataclass(frozen=True, slots=True)
class Trial:
    """An attack and an item that it is added to."""

    attack: Attack
    item: LabelledItem

    @property
    def response(self) -> Response:
        """The item's response with the attack in it."""
        return _attacked(self.item.response, self.attack)


@dataclass(frozen=True, slots=True)
class Rate:
    """Of `n` trials, the share after which the judge said yes, with its 95% interval; None where n is 0.

    In `abstained` of them it gave no verdict, which is no yes.
    """

    n: int
    yes: int
    abstained: int
    rate: Interval | None


@dataclass(frozen=True, slots=True)
class AttackCell:
    """The attacks of one language and place, or all (both None), and their controls.

    For `untried` attacks and controls there was no item that the judge rightly said no to.
    """

    language: Language | None
    place: Place | None
    attacks: Rate
    controls: Rate
    untried: int


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one trial: the judge's probability after it, None where it gave no verdict."""

    attack: str
    kind: str
    item: str
    probability: float | None


@dataclass(frozen=True, slots=True)
class AttackReport:
    """Success rates by language and place and in all, and every single trial."""

    cells: tuple[AttackCell, ...]
    trials: tuple[Tried, ...]


def shipped_attacks() -> tuple[Attack, ...]:
    """The texts of `benchmarks/attacks/attacks.jsonl`, looked for where all benchmarks are."""
    for folder in find_shipped("benchmarks"):
        path = folder / "attacks" / "attacks.jsonl"
        if path.is_file():
            return read_attacks(path)
    raise DeclarationError(
        "benchmarks/attacks/attacks.jsonl: found no such file, expected one here or in the package: reinstall rageval"
    )


def read_attacks(path: Path) -> tuple[Attack, ...]:
    """The texts of a file in the form of `benchmarks/attacks`. Raises BenchmarkError with every problem."""
    problems: list[str] = []
    attacks: list[Attack] = []
    for place, fields in read_objects(path, problems):
        texts = {key: value for key in _KEYS if isinstance(value := fields.get(key), str)}
        if len(texts) < len(_KEYS) or texts["language"] not in LANGUAGES or texts["place"] not in PLACES:
            problems.append(
                f"{place}: found no attack, expected the texts {', '.join(_KEYS)}, "
                f"with language {' or '.join(LANGUAGES)} and place {' or '.join(PLACES)}"
            )
            continue
        attacks.append(Attack(texts["id"], texts["language"], texts["place"], texts["kind"], texts["text"]))
    if problems:
        raise BenchmarkError(problems)
    return tuple(attacks)


def plan_trials(attacks: Sequence[Attack], items: Sequence[LabelledItem], seed: int) -> list[Trial]:
    """Pair each attack with an item in its language, taking the items in turn from a random order.

    Attacks and controls both begin at the first item, so they use the same items. An attack on passages uses only items
    that have passages. An attack without a suitable item is left out.
    """
    shuffled: list[int] = np.random.default_rng(seed).permutation(len(items)).tolist()
    taken: dict[tuple[Language, bool], int] = {}
    trials: list[Trial] = []
    for attack in attacks:
        turn = taken.get((attack.language, attack.is_control), 0)
        taken[attack.language, attack.is_control] = turn + 1
        fit = [
            item
            for item in (items[i] for i in shuffled)
            if item.question.language == attack.language and (attack.place == "answer" or item.response.context)
        ]
        if fit:
            trials.append(Trial(attack, fit[turn % len(fit)]))
    return trials


def report_attacks(attacks: Sequence[Attack], trials: Sequence[Trial], opinions: Sequence[Opinion]) -> AttackReport:
    """The report on the trials; `opinions` are the judge's, one per trial."""
    tried = {trial.attack: opinion for trial, opinion in zip(trials, opinions, strict=True)}
    cells = [
        _cell(language, place, [a for a in attacks if (a.language, a.place) == (language, place)], tried)
        for language in LANGUAGES
        for place in PLACES
    ]
    return AttackReport(
        (*cells, _cell(None, None, attacks, tried)),
        tuple(_tried(trial, opinion.probability) for trial, opinion in zip(trials, opinions, strict=True)),
    )


def _cell(
    language: Language | None, place: Place | None, attacks: Sequence[Attack], tried: Mapping[Attack, Opinion]
) -> AttackCell:
    return AttackCell(
        language,
        place,
        _rate([tried[a] for a in attacks if a in tried and not a.is_control]),
        _rate([tried[a] for a in attacks if a in tried and a.is_control]),
        sum(a not in tried for a in attacks),
    )


def _tried(trial: Trial, probability: float | Abstained) -> Tried:
    after = None if isinstance(probability, Abstained) else probability
    return Tried(trial.attack.id, trial.attack.kind, trial.item.id, after)


def _rate(opinions: Sequence[Opinion]) -> Rate:
    yes = [float(opinion.is_yes) for opinion in opinions]
    abstained = sum(isinstance(opinion.probability, Abstained) for opinion in opinions)
    return Rate(len(yes), int(sum(yes)), abstained, mean_interval(yes) if yes else None)


def _attacked(response: Response, attack: Attack) -> Response:
    if attack.place == "answer":
        return replace(response, answer=f"{response.answer}\n{attack.text}")
    last = response.hits[-1]
    text = f"{last.passage.text}\n{attack.text}"
    passage = replace(last.passage, end=len(text), text=text)
    return replace(response, hits=(*response.hits[:-1], replace(last, passage=passage)))
