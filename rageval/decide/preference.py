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
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

import pydantic

from rageval.errors import DeclarationError, NotComparableError
from rageval.experiment.workers import OnProgress, work_through
from rageval.identity import fingerprint
from rageval.io.records import Outcome, usage_from_json, usage_to_json
from rageval.io.run_folder import RunFolder, write_json
from rageval.judges.preference import PROMPTS, ask_preference
from rageval.models.base import ChatModel
from rageval.prompts import prompt_digests
from rageval.scores.comparability import LeftOut, pair_to_json, read_comparable
from rageval.scores.estimates import interval_to_json
from rageval.scores.pairs import UNCORRECTED
from rageval.scores.run_scores import RunScores
from rageval.scores.totals import total
from rageval.stats import Interval, mean_interval, paired_difference
from rageval.types import Abstained, Failure, Json, Question, Response, Usage

FORMAT = 2
LEVEL = 0.95

How: TypeAlias = Literal[
    "both orders agree", "the order decides", "same answer", "one is silent", "both are silent", "no verdict"
]
PreferenceVerdict: TypeAlias = Literal["candidate preferred", "baseline preferred", "cannot be told apart"]


@dataclass(frozen=True, slots=True)
class Preference:
    """The verdict on one question. `outcome` is the candidate's; it is None if a reply could not be read, and `reason`
    says why.

    `probabilities` are P(the candidate's answer is better), first with the baseline's answer shown first, then with the
    candidate's shown first. They are None if nothing was asked or read.
    """

    question_id: str
    outcome: Literal["win", "tie", "loss"] | None
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
    that are not the same in both runs.
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

    def count(self, outcome: Literal["win", "tie", "loss"] | None) -> int:
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
        """A preference only where the sign test rejects at 0.05 and the interval excludes one half."""
        if self.win_share is None or self.p_value is None or self.p_value > 1.0 - LEVEL:
            return "cannot be told apart"
        if self.win_share.low > 0.5:
            return "candidate preferred"
        return "baseline preferred" if self.win_share.high < 0.5 else "cannot be told apart"

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        share = self.win_share
        if share is None:
            return "no preference can be told: no question has a verdict"
        numbers = f"wins {share.point:.1%} [{share.low:.1%}, {share.high:.1%}] of {self.n} questions"
        numbers = f"{numbers}, ties counting half ({UNCORRECTED})"
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
            "judge_only": True,
            "n": self.n,
            "wins": self.count("win"),
            "ties": self.count("tie"),
            "losses": self.count("loss"),
            "abstained": self.abstained,
            "how": {**self.how},
            "win_share": None if share is None else interval_to_json(share),
            "p_value": self.p_value,
            "test": "sign, exact",
            "position_bias": None if bias is None else {**interval_to_json(bias), "for_first": self.for_first},
            "verdict": self.verdict,
            "sentence": self.sentence,
            "usage": usage_to_json(self.usage),
            "path": str(self.path),
            "preferences": [_to_json(one) for one in self.preferences],
        }


@dataclass(frozen=True, slots=True)
class _Pair:
    question: Question
    baseline: Outcome
    candidate: Outcome


def prefer(
    baseline: RunScores | str | Path,
    candidate: RunScores | str | Path,
    chat: ChatModel,
    out: Path = Path("results"),
    on_progress: OnProgress | None = None,
    *,
    other_corpus: bool = False,
) -> PreferResult:
    """Ask `chat` for each question which run's answer is better. Verdicts stored for the same answers are reused.

    A win or a loss needs the same verdict in both orders. The model is not asked if the answers are equal, which is a
    tie, or if one of the two runs did not answer. On an answerable question an abstention, a failure and an empty
    answer all lose to any answer and tie with each other. On an unanswerable question an abstention is right and beats
    all others. Verdicts are stored in OUT/preferences/. Closes `chat`. Questions that are not the same in both runs are
    left out; `other_corpus` allows runs that searched different documents.

    Raises NotComparableError as `read_comparable` does, and for input without answers (a baseline file, a run without
    generation). Raises ModelError if the model refuses.
    """
    sides = read_comparable(baseline, candidate, other_corpus=other_corpus)
    a, b = sides.baseline, sides.candidate
    pairs = _read_pairs(a, b)
    key = _key(pairs, a.content_hash, chat.identity)
    path = out / "preferences" / f"{key}.json"
    kept = _read_kept(path)
    preferences, usage = asyncio.run(_all(pairs, chat, kept, on_progress or (lambda done, total: None)))
    if (preferences, usage) != kept:
        _write(path, preferences, usage, a, b, chat.identity)
    decided = [one for one in preferences if one.outcome is not None]
    share, p_value = _win_share(decided)
    orders = [float(one.how == "the order decides") for one in decided if one.probabilities is not None]
    bias = mean_interval(orders, level=LEVEL) if orders else None
    return PreferResult(a, b, chat.identity, key, preferences, share, p_value, bias, usage, path, sides.left_out)


def _win_share(decided: Sequence[Preference]) -> tuple[Interval | None, float | None]:
    """The share of wins is half of 1 + the mean of wins - losses; McNemar's exact test of the two is the sign test."""
    if not decided:
        return None, None
    wins, losses = ([float(one.outcome == outcome) for one in decided] for outcome in ("win", "loss"))
    result = paired_difference(losses, wins, level=LEVEL, method="mcnemar")
    d = result.difference
    point, low, high = ((1.0 + end) / 2.0 for end in (d.point, d.low, d.high))
    return Interval(point, low, high, d.level, d.method, d.n), result.p_value


def _read_pairs(a: RunScores, b: RunScores) -> list[_Pair]:
    before, after = _outcomes(a), _outcomes(b)
    questions = RunFolder(Path(b.source)).questions()
    return [_Pair(questions[question][0], before[question], after[question]) for question in b.questions]


def _outcomes(run: RunScores) -> Mapping[str, Outcome]:
    path = Path(run.source)
    if not path.is_dir():
        raise NotComparableError(f"{run.source}: found a baseline, which has no answers, expected a run folder")
    found = RunFolder(path).outcomes()
    if missing := [question for question in run.questions if question not in found]:
        raise NotComparableError(f"{path}/responses.jsonl: found no response to {missing[0]!r}; run it again")
    outcomes = {question: found[question] for question in run.questions}
    if all(isinstance(o, Response) and o.answer is None and not o.abstained for o in outcomes.values()):
        raise NotComparableError(f"{path}: found no answers, expected a run that generates: add a metric of answers")
    return outcomes


def _answer(outcome: Outcome) -> str:
    return "" if isinstance(outcome, Failure) else (outcome.answer or "").strip()


def _standing(question: Question, outcome: Outcome) -> int:
    """0 without an answer, 1 with one; an abstention is 0, or 2 on an unanswerable question, where it is right."""
    if not isinstance(outcome, Failure) and outcome.abstained:
        return 0 if question.answerable else 2
    return int(_answer(outcome) != "")


async def _all(
    pairs: Sequence[_Pair],
    chat: ChatModel,
    kept: tuple[tuple[Preference, ...], Usage] | None,
    on_progress: OnProgress,
) -> tuple[tuple[Preference, ...], Usage]:
    """All preferences. Returns `kept` if all have a verdict; a missing verdict may have been a failed call."""
    try:
        if kept is not None and all(one.outcome is not None for one in kept[0]):
            return kept
        found: dict[str, Preference] = {}
        used: list[Usage] = []

        async def decide(pair: _Pair) -> None:
            found[pair.question.id], usage = await _decide(pair, chat)
            used.append(usage)

        on_progress(0, len(pairs))
        await work_through(pairs, decide, chat.concurrency, 0, on_progress)
        return tuple(found[pair.question.id] for pair in pairs), total(used)
    finally:
        await chat.close()


async def _decide(pair: _Pair, chat: ChatModel) -> tuple[Preference, Usage]:
    question = pair.question
    before, after = _standing(question, pair.baseline), _standing(question, pair.candidate)
    if before != after:
        return Preference(question.id, "win" if after > before else "loss", "one is silent"), Usage()
    if before != 1:
        return Preference(question.id, "tie", "both are silent"), Usage()
    first, second = _answer(pair.baseline), _answer(pair.candidate)
    if first == second:
        return Preference(question.id, "tie", "same answer"), Usage()
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


def _key(pairs: Sequence[_Pair], content_hash: str, model: str) -> str:
    """Names the model, the prompt, the questions and the answers that were compared, in this order."""
    answers: list[Json] = [
        [pair.question.id, *(_compared(pair.question, outcome) for outcome in (pair.baseline, pair.candidate))]
        for pair in pairs
    ]
    made_of: dict[str, Json] = {
        "prompts": prompt_digests(PROMPTS),
        "model": model,
        "benchmark": content_hash,
        "answers": answers,
    }
    return f"prefer-{fingerprint(made_of)[:16]}"


def _compared(question: Question, outcome: Outcome) -> Json:
    return [_standing(question, outcome), _answer(outcome)]


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
