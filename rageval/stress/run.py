"""Run an experiment clean and under each attack, and read what the attacks did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rageval.errors import MissingExtraError, NotComparableError
from rageval.experiment.dry_run import DryRun, dry_run
from rageval.experiment.plan import Experiment
from rageval.experiment.run import run_experiment
from rageval.experiment.workers import OnProgress
from rageval.io.records import Outcome
from rageval.io.run_folder import RunFolder
from rageval.scores.pairs import Pairs, pair
from rageval.scores.reading import read_run_folder
from rageval.scores.run_scores import RunScores
from rageval.scores.sharing import Documents, find_sharing
from rageval.stats import Interval, mean_interval
from rageval.stats.sets import QuestionSet, intervals_over_sets
from rageval.stress.attacks import Attack
from rageval.stress.plan import PlannedAttack, choose_clean, plan_attack
from rageval.stress.result import AttackResult, Case, Effect, PipelineStress, StressResult
from rageval.stress.stages import STEP, AskInOtherWords
from rageval.stress.success import said, succeeded
from rageval.types import Failure, Question, Response

WORST = 3
REFUSED = "the model wrote no paraphrase"
NO_QUESTIONS = "no question can be attacked so"
LEVEL = 0.95


@dataclass(frozen=True)
class Stress:
    """An experiment without attack, and the planned attacks on it; `skipped` ones lack a package."""

    clean: Experiment
    attacks: tuple[PlannedAttack, ...]
    skipped: Mapping[str, str]
    seed: int

    @property
    def experiments(self) -> list[Experiment]:
        """All that is run, the clean one first."""
        return [self.clean, *(one.experiment for one in self.attacks if one.experiment is not None)]


def plan_stress(
    experiment: Experiment, attacks: Sequence[Attack], *, sample: int | None, seed: int, named: bool = False
) -> Stress:
    """Plan everything and ask no model. Attacks that lack a package are skipped, unless they were `named`.

    Raises DeclarationError as `choose_clean`, and MissingExtraError for a named attack that lacks a package.
    """
    clean = choose_clean(experiment, sample, seed)
    planned, skipped = list[PlannedAttack](), dict[str, str]()
    for attack in attacks:
        try:
            planned.append(plan_attack(attack, clean, seed))
        except MissingExtraError as error:
            if named:
                raise
            skipped[attack.name] = str(error)
    return Stress(clean, tuple(planned), skipped, seed)


def price_stress(stress: Stress, out: Path, *, retry_failed: bool = False) -> dict[str, tuple[DryRun, ...]]:
    """What is left to ask, by the names of the experiments, at most; calls that two of them share count in each."""
    return {one.name: dry_run(one, out, retry_failed=retry_failed).runs for one in stress.experiments}


def run_stress(
    stress: Stress, out: Path, *, on_progress: OnProgress | None = None, retry_failed: bool = False, worst: int = WORST
) -> StressResult:
    """Run what has not been run yet, the clean run first, and read what each attack did. Raises as `run_experiment`."""
    runs = [run_experiment(one, out, on_progress=on_progress, retry_failed=retry_failed) for one in stress.experiments]
    clean_runs = dict(zip((one.label for one in stress.clean.pipelines), runs[0], strict=True))
    of_attacks = iter(runs[1:])
    attacked_runs: list[dict[str, Path]] = [
        {}
        if planned.experiment is None
        else dict(zip((one.label for one in planned.experiment.pipelines), next(of_attacks), strict=True))
        for planned in stress.attacks
    ]
    pipelines = tuple(
        _read_pipeline(stress, label, folder, [runs.get(label) for runs in attacked_runs], worst)
        for label, folder in clean_runs.items()
    )
    return StressResult(stress.clean.name, stress.seed, len(stress.clean.questions), pipelines, stress.skipped)


def _read_pipeline(
    stress: Stress, label: str, clean: Path, attacked: Sequence[Path | None], worst: int
) -> PipelineStress:
    left_out: dict[str, str] = {}
    read: list[_Read] = []
    scores, outcomes = read_run_folder(clean), dict(RunFolder(clean).outcomes().items())
    for planned, folder in zip(stress.attacks, attacked, strict=True):
        if folder is None:
            left_out[planned.attack.name] = planned.left_out.get(label) or _no_questions(planned)
        else:
            read.append(_Read.of(planned, scores, folder))
    effects = _effects(read)
    results = (one.result(stress.clean, outcomes, effects[number], worst) for number, one in enumerate(read))
    return PipelineStress(label, tuple(results), left_out, clean)


def _no_questions(planned: PlannedAttack) -> str:
    """Why no question was attacked: the commonest reason."""
    ((why, _),) = Counter(planned.unusable.values()).most_common(1) or [("", 0)]
    return f"{NO_QUESTIONS}: {why}" if why else NO_QUESTIONS


@dataclass(frozen=True)
class _Read:
    """An attack with its run, its pairs by metric, and why other metrics have none. `refused` are the questions that
    were asked as they are, because the model wrote no paraphrase.
    """

    planned: PlannedAttack
    folder: Path
    pairs: Mapping[str, Pairs]
    not_compared: Mapping[str, str]
    refused: frozenset[str]
    documents: Documents

    @classmethod
    def of(cls, planned: PlannedAttack, clean: RunScores, folder: Path) -> _Read:
        stored = RunFolder(folder).outcomes(hits=False)
        refused = frozenset(name for name, outcome in stored.items() if _is_refused(outcome))
        pairs, not_compared = dict[str, Pairs](), dict[str, str]()
        if planned.attack.keeps_question:
            attacked = read_run_folder(folder)
            kept = {*attacked.questions} - refused
            for metric in attacked.metrics:
                try:
                    pairs[metric] = pair(clean.only(kept), attacked.only(kept), metric)
                except NotComparableError as error:
                    not_compared[metric] = str(error)
        return cls(planned, folder, pairs, not_compared, refused, clean.documents)

    def result(
        self, clean: Experiment, before: Mapping[str, Outcome], effects: Sequence[Effect], worst: int
    ) -> AttackResult:
        attack = self.planned.attack
        after = dict(RunFolder(self.folder).outcomes().items())
        questions = [one for one in clean.questions if one.id in after and one.id not in self.refused]
        found = {one.id: succeeded(self.planned, one, before[one.id], after[one.id]) for one in questions}
        told = {name: one for name, one in found.items() if isinstance(one, bool)}
        untold = Counter(why for why in found.values() if isinstance(why, str))
        untold.update([REFUSED] * len(self.refused))
        controls = {one.id: said(self.planned, one, before[one.id]) for one in questions if one.id in told}
        asked = [before[one.id] for one in questions], [after[one.id] for one in questions]
        abstained, failed = (tuple(sum(map(count, side)) for side in asked) for count in (_abstains, _fails))
        has_control = attack.succeeds not in ("truth lost", "answered")
        return AttackResult(
            attack.name,
            attack.what,
            attack.succeeds,
            len(questions),
            self._share(told),
            self._share(controls) if has_control else None,
            untold,
            Counter(self.planned.unusable.values()),
            sum(self._reads_planted(one) for one in asked[1]) if self.planned.planted else None,
            (abstained[0], abstained[1]),
            (failed[0], failed[1]),
            tuple(effects),
            self.not_compared,
            self._worst([(one, before[one.id], after[one.id]) for one in questions], told, worst),
            self.folder,
        )

    def _share(self, found: Mapping[str, bool | str]) -> Interval | None:
        """The share of those that are True, of those that could be told."""
        told = {name: float(one) for name, one in found.items() if isinstance(one, bool)}
        if not told:
            return None
        return mean_interval([*told.values()], clusters=find_sharing(self.documents, [*told]).clusters)

    def _reads_planted(self, outcome: Outcome) -> bool:
        return isinstance(outcome, Response) and any(
            passage.doc_id in self.planned.planted for passage in outcome.context_passages
        )

    def _worst(
        self, asked: Sequence[tuple[Question, Outcome, Outcome]], told: Mapping[str, bool], most: int
    ) -> tuple[Case, ...]:
        """Those on which the attack succeeded, then those that lost most on the first metric; no others. `asked` are
        the questions with the clean and the attacked outcome.
        """
        first = next(iter(self.pairs.values()), None)
        losses = {} if first is None else {name: -d for name, d in zip(first.ids, first.differences, strict=True)}
        bad = [one for one in asked if told.get(one[0].id) or losses.get(one[0].id, 0.0) > 0.0]
        bad.sort(key=lambda one: (not told.get(one[0].id), -losses.get(one[0].id, 0.0), one[0].id))
        return tuple(
            Case(
                question.id,
                _asked(after, self.planned.asked[question.id]),
                _answer(before),
                _answer(after),
                bool(told.get(question.id)),
                losses.get(question.id, 0.0),
                after.message if isinstance(after, Failure) else "",
            )
            for question, before, after in bad[:most]
        )


def _effects(read: Sequence[_Read]) -> list[list[Effect]]:
    """The effects of each attack; those on one metric have their intervals together."""
    found: list[list[Effect]] = [[] for _ in read]
    for metric in dict.fromkeys(metric for one in read for metric in one.pairs):
        sets: dict[tuple[str, ...], list[int]] = {}
        for number, one in enumerate(read):
            if metric in one.pairs:
                sets.setdefault(one.pairs[metric].ids, []).append(number)
        pairs = [[read[number].pairs[metric] for number in numbers] for numbers in sets.values()]
        together = intervals_over_sets(
            [QuestionSet([one.differences for one in some], some[0].clusters) for some in pairs],
            level=LEVEL,
            rng=np.random.default_rng(0),
        )
        for numbers, some, intervals in zip(sets.values(), pairs, together, strict=True):
            for row, (number, one) in enumerate(zip(numbers, some, strict=True)):
                point, low, high = (float(ends[row]) for ends in (intervals.mean, intervals.low, intervals.high))
                interval = Interval(point, low, high, LEVEL, "max-T with dirichlet", one.n)
                p = float(intervals.p_adjusted[row])
                found[number].append(Effect(metric, one.baseline_mean, one.candidate_mean, interval, p))
    return found


def _abstains(outcome: Outcome) -> bool:
    return isinstance(outcome, Response) and bool(outcome.abstained)


def _fails(outcome: Outcome) -> bool:
    return isinstance(outcome, Failure)


def _answer(outcome: Outcome) -> str | None:
    return outcome.answer if isinstance(outcome, Response) else None


def _is_refused(outcome: Outcome) -> bool:
    """Whether the question was asked as it is, because the model wrote no paraphrase."""
    steps = outcome.steps if isinstance(outcome, Response) else ()
    return any(step.name == AskInOtherWords.prompts[0] and step.detail.get("refused") for step in steps)


def _asked(outcome: Outcome, planned: Question) -> str:
    """The question as it was asked: the step that says so, or where the run failed the plan."""
    steps = outcome.steps if isinstance(outcome, Response) else ()
    return next((str(step.detail["asked"]) for step in steps if step.name == STEP), planned.text)
