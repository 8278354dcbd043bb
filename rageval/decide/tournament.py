"""Several runs, compared pair by pair: strengths by Bradley and Terry, and the ranks that the preferences allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from rageval.decide.leaderboard import rank_ranges
from rageval.decide.preference import LEVEL, PreferResult, ask_all, open_match, result_of
from rageval.errors import NotComparableError
from rageval.experiment.workers import OnProgress
from rageval.models.base import ChatModel
from rageval.scores.answer_pairs import POINTS
from rageval.scores.comparability import LeftOut, Sides, common_questions
from rageval.scores.estimates import interval_to_json
from rageval.scores.run_scores import RunScores
from rageval.stats import Interval, mean_interval
from rageval.stats.bradley_terry import bradley_terry
from rageval.types import Json


@dataclass(frozen=True, slots=True)
class Standing:
    """One run among several. `win_share` is its mean share against all others, ties half. `strength` is the chance that
    it beats the average run, by the Bradley-Terry fit. `rank` is the first and the last place that it may hold.
    """

    run: RunScores
    win_share: Interval
    strength: Interval
    rank: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Tournament:
    """All pairs of several runs on their common questions.

    `standings` are in the order of the win share, the best first; they are of the `n` questions with a verdict on every
    pair. `matches` holds each pair, the earlier of the given runs as baseline.
    """

    standings: tuple[Standing, ...]
    matches: tuple[PreferResult, ...]
    n: int
    left_out: LeftOut

    @property
    def without_verdict(self) -> int:
        """Questions left out because a reply on some pair could not be read."""
        return len(self.matches[0].preferences) - self.n

    def to_json(self) -> dict[str, Json]:
        standings: list[Json] = [
            {
                **one.run.to_json(),
                "win_share": interval_to_json(one.win_share),
                "strength": interval_to_json(one.strength),
                "rank": [*one.rank],
            }
            for one in self.standings
        ]
        return {
            "judge_only": True,
            "n": self.n,
            "without_verdict": self.without_verdict,
            "left_out": self.left_out.to_json(),
            "standings": standings,
            "matches": [match.to_json() for match in self.matches],
        }


def prefer_all(
    runs: Sequence[RunScores],
    chat: ChatModel,
    out: Path = Path("results"),
    on_progress: OnProgress | None = None,
    *,
    other_corpus: bool = False,
) -> Tournament:
    """Ask `chat` about every pair of three or more runs, as `prefer` does, and rank them.

    Strengths: `bradley_terry`, over the questions that have a verdict on every pair. Ranks: a run is surely ahead of
    another where the test of equal means of all pairs together (`mean_tests`) shows it, on each run's mean share per
    question against all others. So among equal runs some pair is told apart in about 5% of samples at most. Closes
    `chat`.

    Raises NotComparableError for runs that may not be compared, the same run twice, or no question with a verdict on
    every pair; ModelError if the model refuses.
    """
    sources = [run.source for run in runs]
    if twice := next((source for source in sources if sources.count(source) > 1), None):
        raise NotComparableError(f"{twice}: found twice among the runs, expected different runs")
    common, left_out = common_questions(runs, other_corpus=other_corpus)
    shared = [run.only(common) for run in runs]
    pairs = list(combinations(range(len(runs)), 2))
    opened = [open_match(Sides(shared[i], shared[j], LeftOut()), chat.identity, out) for i, j in pairs]
    asked = ask_all(opened, chat, on_progress)
    matches = tuple(
        result_of(match, preferences, usage, chat.identity)
        for match, (preferences, usage) in zip(opened, asked, strict=True)
    )
    points = [
        {one.question_id: POINTS[one.outcome] for one in match.preferences if one.outcome is not None}
        for match in matches
    ]
    complete = [one.question_id for one in matches[0].preferences if all(one.question_id in found for found in points)]
    if not complete:
        raise NotComparableError("found no question with a verdict on every pair of runs, expected at least one")
    outcomes = np.zeros((len(runs), len(runs), len(complete)))
    for (i, j), found in zip(pairs, points, strict=True):
        outcomes[j, i] = [found[question] for question in complete]
        outcomes[i, j] = 1.0 - outcomes[j, i]
    shares = outcomes.sum(axis=1) / (len(runs) - 1)
    ranks = rank_ranges([dict(zip(complete, row.tolist(), strict=True)) for row in shares], LEVEL)
    fit = bradley_terry(outcomes, level=LEVEL)
    standings = [
        Standing(run, mean_interval(row, level=LEVEL), strength, rank)
        for run, row, strength, rank in zip(shared, shares, fit.against_average, ranks, strict=True)
        if rank is not None
    ]
    standings.sort(key=lambda one: -one.win_share.point)
    return Tournament(tuple(standings), matches, len(complete), left_out)
