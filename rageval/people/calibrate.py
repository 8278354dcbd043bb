"""A judge over a file of labels: what it said, how good that is, and a scaling that makes it better."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Literal, TypeAlias

from rageval.errors import DeclarationError, MissingExtraError
from rageval.extras import install_command
from rageval.judges.base import Judge, asks_model, judge_key
from rageval.judges.light.detectors import detector_of
from rageval.models.base import ChatModel
from rageval.people.attacks import AttackReport, plan_trials, report_attacks, shipped_attacks
from rageval.people.items import LabelFile, LabelledItem
from rageval.people.judging import OnProgress, Opinion, TimedChat, judge_all
from rageval.scores.agreement import measure
from rageval.scores.calibration_record import CalibrationRecord
from rageval.scores.scaling import Method, cross_validated, fit, have_scikit_learn, too_few
from rageval.scores.totals import total
from rageval.stats.calibration import ReliabilityBin, reliability_table
from rageval.types import Abstained, Usage

Asked: TypeAlias = Literal["platt", "isotonic", "none"]
Table: TypeAlias = tuple[ReliabilityBin, ...]


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The result of `calibrate`.

    `reasons` counts why items have no verdict. `seconds_per_item` is the time of the calls that reached the model,
    divided by the number of items that needed any. It is None if every reply came from a cache. `usage` and
    `seconds_per_item` leave out the attacks. `reliability` is the reliability table of the judge as it is,
    `reliability_scaled` that of its probabilities as the cross-validated figures have them; both are empty where there
    are none.
    """

    record: CalibrationRecord
    reasons: Mapping[str, int]
    usage: Usage
    seconds_per_item: float | None
    attacks: AttackReport | None
    notes: tuple[str, ...]
    reliability: Table = ()
    reliability_scaled: Table = ()


def calibrate(
    judge: Judge,
    file: LabelFile,
    chat: ChatModel,
    *,
    scaling: Asked | None = None,
    attacks: bool = False,
    seed: int = 0,
    on_items: OnProgress = lambda done, total: None,
    on_attacks: OnProgress = lambda done, total: None,
) -> Calibrated:
    """Measure the judge with that model against the labels of the file. Closes the model.

    `scaling` None means Platt if scikit-learn is installed and each label occurs ten times, otherwise no scaling, with
    a note. A scaling that is asked for and not possible raises DeclarationError (or MissingExtraError) before any call.
    `seed` assigns items to folds and attacks to items. `ModelError` passes through; a cache in front of the model keeps
    the replies it has.
    """
    return asyncio.run(_calibrate(judge, file, chat, scaling, attacks, seed, on_items, on_attacks))


async def _calibrate(
    judge: Judge,
    file: LabelFile,
    chat: ChatModel,
    asked: Asked | None,
    attacks: bool,
    seed: int,
    on_items: OnProgress,
    on_attacks: OnProgress,
) -> Calibrated:
    try:
        method, notes = _method(asked, file)
        texts = shipped_attacks() if attacks else ()
        timed = TimedChat(chat)
        opinions = await judge_all([(item.question, item.response) for item in file.items], judge, timed, on_items)
        report = None
        if attacks:
            refused = [i for i, o in zip(file.items, opinions, strict=True) if i.label == 0 and o.is_no]
            trials = plan_trials(texts, refused, seed)
            cases = [(trial.item.question, trial.response) for trial in trials]
            after = await judge_all(cases, judge, chat, on_attacks)
            report = report_attacks(texts, trials, after)
    finally:
        await chat.close()
    said = [opinion.probability for opinion in opinions]
    record, more, tables = _record(judge, file, chat, said, method, seed)
    seconds, timing = _seconds_per_item(opinions, timed)
    reasons = Counter(p.reason for p in said if isinstance(p, Abstained))
    usage = total(opinion.usage for opinion in opinions)
    return Calibrated(record, dict(reasons.most_common()), usage, seconds, report, (*notes, *more, *timing), *tables)


def _method(asked: Asked | None, file: LabelFile) -> tuple[Method | None, list[str]]:
    """The scaling to fit, or None and the notes on why there is none if none was asked for by name."""
    if asked == "none":
        return None, []
    few = too_few([item.label for item in file.items])
    if asked is not None:
        if not have_scikit_learn():
            raise MissingExtraError("scikit-learn", "calibrate", f"scaling {asked}")
        if few:
            raise DeclarationError(f"{file.name}: {few} for scaling {asked}: label more, or ask for scaling none")
        return asked, []
    if few:
        return None, [f"no scaling: {few}"]
    if not have_scikit_learn():
        return None, [f"no scaling: it needs scikit-learn: install it with  {install_command('calibrate')}"]
    return "platt", []


def _record(
    judge: Judge, file: LabelFile, chat: ChatModel, said: Sequence[float | Abstained], method: Method | None, seed: int
) -> tuple[CalibrationRecord, list[str], tuple[Table, Table]]:
    """The record, notes on why it lacks the scaling or some of the figures, and both reliability tables."""
    kept: list[tuple[LabelledItem, float]] = [
        (item, p) for item, p in zip(file.items, said, strict=True) if not isinstance(p, Abstained)
    ]
    labels, probabilities = [item.label for item, _ in kept], [p for _, p in kept]
    notes: list[str] = []
    if len(set(labels)) == 1:
        notes.append(f"every item with a verdict is labelled {labels[0]}: balanced accuracy and AUC need both labels")
    few = too_few(labels)
    if method is not None and few:
        notes.append(f"no scaling: {few} among items with a verdict")
        method = None
    scaled = None if method is None else cross_validated(labels, probabilities, seed, partial(fit, method))
    record = CalibrationRecord(
        judge=judge.name,
        key=judge_key(judge, chat.identity if asks_model(judge) else None),
        model=chat.identity if (detector := detector_of(judge)) is None else detector.name,
        labels=file.name,
        sha256=file.sha256,
        n=len(kept),
        abstained=len(said) - len(kept),
        zero_shot=measure(labels, probabilities, seed) if kept else None,
        cross_validated=None if scaled is None else measure(labels, scaled, seed),
        scaling=None if method is None else fit(method, labels, probabilities),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    as_said = reliability_table(labels, probabilities) if kept else ()
    return record, notes, (as_said, () if scaled is None else reliability_table(labels, scaled))


def _seconds_per_item(opinions: Sequence[Opinion], timed: TimedChat) -> tuple[float | None, list[str]]:
    asked = sum(opinion.usage.paid_calls > 0 for opinion in opinions)
    cached = sum(opinion.usage.cached_calls for opinion in opinions)
    if not asked:
        return None, [f"no seconds per item: {'every reply came from the cache' if cached else 'no call was made'}"]
    notes = [f"seconds per item count only those that needed the model: {asked}"] if cached else []
    return timed.seconds() / asked, notes
