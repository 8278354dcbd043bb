"""Which of two runs gives the better answers? A model says so for each question, asked in both orders.

A comparison of scores asks how good each answer is. This asks which of two answers is better, which is an easier
question. A model's reply depends on which answer it reads first, so it is asked twice. If it contradicts itself, the
question is a tie.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

import pydantic

from rageval.errors import DeclarationError
from rageval.experiment.workers import OnProgress, work_through
from rageval.identity import fingerprint
from rageval.io.records import usage_from_json, usage_to_json
from rageval.io.run_folder import write_json
from rageval.judges.preference import PROMPTS, ask_preference
from rageval.models.base import ChatModel
from rageval.prompts import prompt_digests
from rageval.scores.answer_pairs import AnswerPair, PreferenceOutcome, SettledHow, read_answer_pairs
from rageval.scores.comparability import LeftOut, Sides, pair_to_json, read_comparable
from rageval.scores.estimates import interval_to_json
from rageval.scores.pairs import UNCORRECTED
from rageval.scores.preference_labels import LabelledShare, PreferenceLabel, labelled_share
from rageval.scores.run_scores import RunScores
from rageval.scores.totals import total
from rageval.stats import Interval, mean_interval, paired_difference
from rageval.types import Abstained, Json, Question, Usage

FORMAT = 2
LEVEL = 0.95

How: TypeAlias = SettledHow | Literal["both orders agree", "the order decides", "no verdict"]
PreferenceVerdict: TypeAlias = Literal["candidate preferred", "baseline preferred", "cannot be told apart"]


@dataclass(frozen=True, slots=True)
class Preference:
    """The verdict on one question. `outcome` is the candidate's; it is None if a reply could not be read, and `reason`
    says why.

    `probabilities` are P(the candidate's answer is better), first with the baseline's answer shown first, then with the
    candidate's shown first. They are None if nothing was asked or read.
    """

    question_id: str
    outcome: PreferenceOutcome | None
    how: How
    probabilities: tuple[float, float] | None = None
    reason: str = ""
    raw: str = ""

    @property
    def for_first(self) -> bool:
        """Whether the order decided, and for the answer shown first both times."""
        return self.how == "the order decides" and self.probabilities is not None and self.probabilities[0] <= 0.5


@dataclass(frozen=True, slots=True)
class PreferResult:
    """The preferences for all questions, and their summary.

    `win_share` is (wins + ties / 2) / n, with the interval of the paired difference of wins and losses. `p_value` is
    two-sided, from the exact sign test. `position_bias` is the share of pairs in which the order decided, among the
    pairs that the model was asked about and answered in both orders. Each is None if there is no such question. `usage`
    is what the verdicts cost when the model was last asked, `path` where they are stored. `left_out` are the questions
    that are not the same in both runs. `labelled` is the win share that people's preferences correct, if there are any;
    the verdict and the sentence are then about it.
    """

    baseline: RunScores
    candidate: RunScores
    model: str
    key: str
    preferences: tuple[Preference, ...]
    win_share: Interval | None
    p_value: float | None
    position_bias: Interval | None
    usage: Usage
    path: Path
    left_out: LeftOut = LeftOut()
    labelled: LabelledShare | None = None

    def count(self, outcome: PreferenceOutcome | None) -> int:
        return sum(one.outcome == outcome for one in self.preferences)

    @property
    def n(self) -> int:
        """Questions with a verdict."""
        return len(self.preferences) - self.abstained

    @property
    def abstained(self) -> int:
        """Questions without a verdict, because a reply could not be read."""
        return self.count(None)

    @property
    def for_first(self) -> int:
        """Of the pairs in which the order decided, those decided for the answer shown first."""
        return sum(one.for_first for one in self.preferences)

    @property
    def how(self) -> Mapping[How, int]:
        """How many questions were decided in which way."""
        return Counter(one.how for one in self.preferences)

    @property
    def verdict(self) -> PreferenceVerdict:
        """A preference only where the interval excludes one half and, for a judge alone, the sign test rejects."""
        share = self.win_share if self.labelled is None else self.labelled.share
        if share is None or (self.labelled is None and (self.p_value is None or self.p_value > 1.0 - LEVEL)):
            return "cannot be told apart"
        if share.low > 0.5:
            return "candidate preferred"
        return "baseline preferred" if share.high < 0.5 else "cannot be told apart"

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        share, source = self.win_share, UNCORRECTED
        if self.labelled is not None:
            share = self.labelled.share
            source = f"people's preferences on {self.labelled.labelled} of them, and the judge's"
        if share is None:
            return "no preference can be told: no question has a verdict"
        numbers = f"wins {share.point:.1%} [{share.low:.1%}, {share.high:.1%}] of {share.n} questions"
        numbers = f"{numbers}, ties counting half ({source})"
        match self.verdict:
            case "candidate preferred":
                return f"candidate is preferred: it {numbers}"
            case "baseline preferred":
                return f"baseline is preferred: candidate {numbers}"
            case "cannot be told apart":
                return f"no preference can be told: candidate {numbers}"

    def __str__(self) -> str:
        return self.sentence

    def to_json(self) -> dict[str, Json]:
        share, bias = self.win_share, self.position_bias
        return {
            **pair_to_json(self.baseline, self.candidate, self.left_out),
            "judge": {"key": self.key, "model": self.model},
            "judge_only": self.labelled is None,
            "n": self.n,
            "wins": self.count("win"),
            "ties": self.count("tie"),
            "losses": self.count("loss"),
            "abstained": self.abstained,
            "how": {**self.how},
            "win_share": None if share is None else interval_to_json(share),
            "p_value": self.p_value,
            "test": "sign, exact",
            "labelled": None if self.labelled is None else self.labelled.to_json(),
            "position_bias": None if bias is None else {**interval_to_json(bias), "for_first": self.for_first},
            "verdict": self.verdict,
            "sentence": self.sentence,
            "usage": usage_to_json(self.usage),
            "path": str(self.path),
            "preferences": [_to_json(one) for one in self.preferences],
        }


@dataclass(frozen=True, slots=True)
class Match:
    """The answers of two runs to compare, with what a model said about them before, if it was asked."""

    sides: Sides
    pairs: Sequence[AnswerPair]
    key: str
    path: Path
    kept: tuple[tuple[Preference, ...], Usage] | None

    @property
    def finished(self) -> bool:
        """Whether every question has a verdict; a missing one may have been a failed call."""
        return self.kept is not None and all(one.outcome is not None for one in self.kept[0])


def prefer(
    baseline: RunScores | str | Path,
    candidate: RunScores | str | Path,
    chat: ChatModel,
    out: Path = Path("results"),
    on_progress: OnProgress | None = None,
    *,
    other_corpus: bool = False,
    labels: Sequence[PreferenceLabel] = (),
) -> PreferResult:
    """Ask `chat` for each question which run's answer is better. Verdicts stored for the same answers are reused.

    A win or a loss needs the same verdict in both orders. The model is not asked if the answers are equal, which is a
    tie, or if one of the two runs did not answer. On an answerable question an abstention, a failure and an empty
    answer all lose to any answer and tie with each other. On an unanswerable question an abstention is right and beats
    all others. Verdicts are stored in OUT/preferences/. Closes `chat`. Questions that are not the same in both runs are
    left out; `other_corpus` allows runs that searched different documents. People's `labels` correct the win share.

    Raises NotComparableError as `read_comparable` does, and for input without answers (a baseline file, a run without
    generation). Raises ModelError if the model refuses, DeclarationError for labels of other questions.
    """
    match = open_match(read_comparable(baseline, candidate, other_corpus=other_corpus), chat.identity, out)
    ((preferences, usage),) = ask_all([match], chat, on_progress)
    result = result_of(match, preferences, usage, chat.identity)
    if not labels:
        return result
    judged: dict[str, PreferenceOutcome | None] = {one.question_id: one.outcome for one in preferences}
    return replace(result, labelled=labelled_share(match.pairs, judged, labels))


def open_match(sides: Sides, model: str, out: Path) -> Match:
    """Two comparable runs, with the verdicts that OUT keeps on the same answers by the same model."""
    pairs = read_answer_pairs(sides.baseline, sides.candidate)
    key = _key(pairs, sides.baseline.content_hash, model)
    path = out / "preferences" / f"{key}.json"
    return Match(sides, pairs, key, path, _read_kept(path))


def ask_all(
    matches: Sequence[Match], chat: ChatModel, on_progress: OnProgress | None = None
) -> list[tuple[tuple[Preference, ...], Usage]]:
    """The preferences of each match and their usage, stored; unfinished matches are asked, together. Closes `chat`."""
    found = asyncio.run(_ask(matches, chat, on_progress or (lambda done, total: None)))
    for match, (preferences, usage) in zip(matches, found, strict=True):
        if (preferences, usage) != match.kept:
            _write(match.path, preferences, usage, match.sides.baseline, match.sides.candidate, chat.identity)
    return found


def result_of(match: Match, preferences: tuple[Preference, ...], usage: Usage, model: str) -> PreferResult:
    """What the preferences of a match come to."""
    decided = [one for one in preferences if one.outcome is not None]
    share, p_value = _win_share(decided)
    orders = [float(one.how == "the order decides") for one in decided if one.probabilities is not None]
    bias = mean_interval(orders, level=LEVEL) if orders else None
    a, b, left_out = match.sides.baseline, match.sides.candidate, match.sides.left_out
    return PreferResult(a, b, model, match.key, preferences, share, p_value, bias, usage, match.path, left_out)


def _win_share(decided: Sequence[Preference]) -> tuple[Interval | None, float | None]:
    """The share of wins is half of 1 + the mean of wins - losses; McNemar's exact test of the two is the sign test."""
    if not decided:
        return None, None
    wins, losses = ([float(one.outcome == outcome) for one in decided] for outcome in ("win", "loss"))
    result = paired_difference(losses, wins, level=LEVEL, method="mcnemar")
    d = result.difference
    point, low, high = ((1.0 + end) / 2.0 for end in (d.point, d.low, d.high))
    return Interval(point, low, high, d.level, d.method, d.n), result.p_value


async def _ask(
    matches: Sequence[Match], chat: ChatModel, on_progress: OnProgress
) -> list[tuple[tuple[Preference, ...], Usage]]:
    try:
        work = [(i, pair) for i, match in enumerate(matches) if not match.finished for pair in match.pairs]
        found: dict[tuple[int, str], tuple[Preference, Usage]] = {}

        async def decide(task: tuple[int, AnswerPair]) -> None:
            i, pair = task
            found[i, pair.question.id] = await _decide(pair, chat)

        if work:
            on_progress(0, len(work))
            await work_through(work, decide, chat.concurrency, 0, on_progress)
        results: list[tuple[tuple[Preference, ...], Usage]] = []
        for i, match in enumerate(matches):
            if match.kept is not None and match.finished:
                results.append(match.kept)
            else:
                said = [found[i, pair.question.id] for pair in match.pairs]
                results.append((tuple(one for one, _ in said), total([usage for _, usage in said])))
        return results
    finally:
        await chat.close()


async def _decide(pair: AnswerPair, chat: ChatModel) -> tuple[Preference, Usage]:
    question = pair.question
    if pair.settled is not None:
        return Preference(question.id, *pair.settled), Usage()
    first, second = pair.answers
    baseline_better, usage = await ask_preference(question, first, second, chat)
    if isinstance(baseline_better, Abstained):
        return _no_verdict(question, baseline_better), usage
    candidate_better, more = await ask_preference(question, second, first, chat)
    usage += more
    if isinstance(candidate_better, Abstained):
        return _no_verdict(question, candidate_better), usage
    return _of_both_orders(question.id, baseline_better, candidate_better), usage


def _no_verdict(question: Question, said: Abstained) -> Preference:
    return Preference(question.id, None, "no verdict", reason=said.reason, raw=said.raw)


def _of_both_orders(question_id: str, baseline_first: float, candidate_first: float) -> Preference:
    """From P(the answer shown first is better) in each order; the first wins from 0.5 on."""
    wins = baseline_first < 0.5, candidate_first >= 0.5
    probabilities = round(1.0 - baseline_first, 6), candidate_first
    if wins[0] != wins[1]:
        return Preference(question_id, "tie", "the order decides", probabilities)
    return Preference(question_id, "win" if wins[0] else "loss", "both orders agree", probabilities)


def _key(pairs: Sequence[AnswerPair], content_hash: str, model: str) -> str:
    """Names the model, the prompt, the questions and the answers that were compared, in this order."""
    made_of: dict[str, Json] = {
        "prompts": prompt_digests(PROMPTS),
        "model": model,
        "benchmark": content_hash,
        "answers": [pair.compared() for pair in pairs],
    }
    return f"prefer-{fingerprint(made_of)[:16]}"


def _to_json(one: Preference) -> dict[str, Json]:
    return cast("dict[str, Json]", asdict(one) | {"probabilities": one.probabilities and [*one.probabilities]})


_PREFERENCES: pydantic.TypeAdapter[tuple[Preference, ...]] = pydantic.TypeAdapter(tuple[Preference, ...])


def _read_kept(path: Path) -> tuple[tuple[Preference, ...], Usage] | None:
    """What was said before; None where nothing was. Raises DeclarationError for what this version cannot read."""
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        found = data["format"]
        if found != FORMAT:
            raise DeclarationError(f"{path}: found format {found!r}, expected {FORMAT}: delete it and ask again")
        return _PREFERENCES.validate_python(data["preferences"]), usage_from_json(data["usage"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise DeclarationError(f"{path}: found no preferences ({error}); delete it and ask again") from None


def _write(
    path: Path, preferences: Sequence[Preference], usage: Usage, baseline: RunScores, candidate: RunScores, model: str
) -> None:
    record: dict[str, Json] = {
        "format": FORMAT,
        "model": model,
        "benchmark": {"name": candidate.benchmark, "content_hash": candidate.content_hash},
        "baseline": baseline.to_json(),
        "candidate": candidate.to_json(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "usage": usage_to_json(usage),
        "preferences": [_to_json(one) for one in preferences],
    }
    try:
        write_json(path, record)
    except OSError as error:
        raise DeclarationError(f"{path}: cannot be written ({error.strerror}): choose another --out") from None
