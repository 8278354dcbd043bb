"""Compare two runs over the same questions, metric by metric: which one is better, if the data can tell."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from rageval.decide.costs import CostComparison, compare_costs
from rageval.decide.slicing import SlicedMetric, fields_of, slice_pairs
from rageval.errors import DeclarationError, NotComparableError
from rageval.metrics import parse
from rageval.scores.comparability import LeftOut, pair_to_json, read_comparable
from rageval.scores.estimates import interval_to_json
from rageval.scores.pairs import (
    VARIES,
    Pairs,
    more,
    pair,
    signed,
)
from rageval.scores.run_scores import RunScores
from rageval.scores.sharing import ClusterBy
from rageval.stats import Interval, PairedResult, holm, paired_difference, required_questions
from rageval.types import Json

if TYPE_CHECKING:
    from rageval.io.frames import DataFrame, Dtype

METRICS: Mapping[str, Dtype] = {
    "metric": "string",
    "baseline": "Float64",
    "candidate": "Float64",
    "difference": "Float64",
    "low": "Float64",
    "high": "Float64",
    "level": "Float64",
    "p_value": "Float64",
    "p_adjusted": "Float64",
    "test": "string",
    "verdict": "string",
    "n": "Int64",
    "wins": "Int64",
    "ties": "Int64",
    "losses": "Int64",
    "only_baseline": "Int64",
    "only_candidate": "Int64",
    "failed_baseline": "Int64",
    "failed_candidate": "Int64",
    "judge_only": "boolean",
    "lower_is_better": "boolean",
    "more_questions": "Int64",
    "refused": "string",
}
QUESTIONS: Mapping[str, Dtype] = {
    "metric": "string",
    "question_id": "string",
    "baseline": "Float64",
    "candidate": "Float64",
    "difference": "Float64",
}

SLICES: Mapping[str, Dtype] = {
    "metric": "string",
    "by": "string",
    "slice": "string",
    "n": "Int64",
    "baseline": "Float64",
    "candidate": "Float64",
    "difference": "Float64",
    "low": "Float64",
    "high": "Float64",
    "level": "Float64",
    "verdict": "string",
    "few": "boolean",
    "interaction_p": "Float64",
    "interaction_p_adjusted": "Float64",
    "untested": "string",
}

BY_LABELS = "people's labels and judge"

ComparisonVerdict: TypeAlias = Literal["better", "worse", "cannot be told apart"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The comparison of one metric. `difference` is candidate - baseline (the reverse where lower is better); its
    interval is for this metric alone. `p_value` is two-sided, from the test named in `test`; `p_adjusted` is Holm's
    adjustment over the metrics compared.

    `verdict` is better or worse only if `p_adjusted` is at most 1 - level and the interval excludes 0. If only one of
    these holds, `sentence` says so. `more_questions` is how many more questions of the same kind would show a true
    difference of `settle` with probability 0.8, regardless of the other metrics. It is None if these questions are
    enough, or if they vary too little to tell.
    """

    pairs: Pairs
    difference: Interval
    p_value: float
    p_adjusted: float
    test: str
    wins: int
    ties: int
    losses: int
    verdict: ComparisonVerdict
    settle: float
    more_questions: int | None

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        name, d = self.pairs.metric, self.difference
        mark = self.pairs.source
        if self.verdict == "better":
            return f"candidate is better on {name} by {d.point:.3f} [{d.low:.3f}, {d.high:.3f}]{mark}"
        if self.verdict == "worse":
            return f"candidate is worse on {name} by {-d.point:.3f} [{-d.high:.3f}, {-d.low:.3f}]{mark}"
        return f"{name} cannot be told apart: {self._why_not()}{self._what_would_settle_it()}{mark}"

    def _why_not(self) -> str:
        """Says what is missing if only the interval or only the p-value supports a verdict."""
        d = self.difference
        interval = f"the interval of this metric alone, [{signed(d.low)}, {signed(d.high)}],"
        if not d.low <= 0.0 <= d.high:
            return f"{interval} excludes 0, but adjusted p is {self.p_adjusted:.4f}; "
        if self.p_adjusted <= 1.0 - d.level:
            return f"adjusted p is {self.p_adjusted:.4f}, but {interval} does not exclude 0; "
        return ""

    def _what_would_settle_it(self) -> str:
        reach = max(-self.difference.low, self.difference.high)
        if reach < self.settle:
            return f"the difference is smaller than {self.settle:g}, if there is any"
        if self.more_questions is not None:
            return f"{more(self.more_questions)} would show a difference of {self.settle:g}"
        unchanged = "no question changed, yet " if self.wins == self.losses == 0 else ""
        return f"{unchanged}differences up to {reach:.2f} are not excluded (n = {self.pairs.n})"

    def to_json(self) -> dict[str, Json]:
        return {
            **self.pairs.to_json(),
            "difference": interval_to_json(self.difference),
            "p_value": self.p_value,
            "p_adjusted": self.p_adjusted,
            "test": self.test,
            "wins": self.wins,
            "ties": self.ties,
            "losses": self.losses,
            "verdict": self.verdict,
            "settle": self.settle,
            "more_questions": self.more_questions,
            "sentence": self.sentence,
        }


@dataclass(frozen=True, slots=True)
class CompareResult:
    """Comparisons by metric, in the candidate's order. `refused` maps each metric that is not compared to the reason.

    Both runs have only the questions that they share unchanged; `left_out` holds the others. `slices` has each metric
    compared for each field that was sliced by. `costs` compares money and latency.
    Printing it gives one sentence per metric and slicing.
    """

    baseline: RunScores
    candidate: RunScores
    level: float
    comparisons: Mapping[str, Comparison]
    refused: Mapping[str, str]
    left_out: LeftOut = LeftOut()
    slices: tuple[SlicedMetric, ...] = ()
    costs: CostComparison | None = None

    def __str__(self) -> str:
        sentences = [one.sentence for one in (*self.comparisons.values(), *self.slices)]
        return "\n".join([*sentences, *self.refused.values(), *self.left_out.of_two])

    def to_json(self) -> dict[str, Json]:
        return {
            **pair_to_json(self.baseline, self.candidate, self.left_out),
            "level": self.level,
            "metrics": {name: comparison.to_json() for name, comparison in self.comparisons.items()},
            "slices": [one.to_json() for one in self.slices],
            "costs": None if self.costs is None else self.costs.to_json(),
            "not_compared": {**self.refused},
        }

    def to_pandas(self, table: Literal["metrics", "questions", "slices"] = "metrics") -> DataFrame:
        """The comparison as a DataFrame (extra `pandas`): a row for each metric, each metric and question, or each
        metric and slice.

        A metric that is not compared has a row with the reason under `refused` and nothing else, and no questions.
        """
        from rageval.io.frames import make_frame

        if table == "questions":
            return make_frame(
                QUESTIONS,
                (
                    (name, *cells)
                    for name, found in self.comparisons.items()
                    for cells in zip(
                        found.pairs.ids,
                        found.pairs.baseline,
                        found.pairs.candidate,
                        found.pairs.differences,
                        strict=True,
                    )
                ),
            )
        if table == "slices":
            return make_frame(SLICES, (cells for one in self.slices for cells in _slice_cells(one)))
        if table != "metrics":
            raise DeclarationError(f"to_pandas: found the table {table!r}, expected metrics, questions or slices")
        compared = [(name, *_cells(found), None) for name, found in self.comparisons.items()]
        nothing = [None] * (len(METRICS) - 2)
        return make_frame(METRICS, [*compared, *((name, *nothing, why) for name, why in self.refused.items())])


def _cells(found: Comparison) -> tuple[object, ...]:
    pairs, difference = found.pairs, found.difference
    return (
        pairs.baseline_mean,
        pairs.candidate_mean,
        difference.point,
        difference.low,
        difference.high,
        difference.level,
        found.p_value,
        found.p_adjusted,
        found.test,
        found.verdict,
        pairs.n,
        found.wins,
        found.ties,
        found.losses,
        len(pairs.only_baseline),
        len(pairs.only_candidate),
        *pairs.failed,
        pairs.judged,
        pairs.lower_is_better,
        found.more_questions,
    )


def _slice_cells(sliced: SlicedMetric) -> Iterator[tuple[object, ...]]:
    found = sliced.interaction
    test = (None, None, sliced.untested) if found is None else (found.p_value, found.p_adjusted, None)
    for one in sliced.slices:
        d = one.difference
        numbers = (one.n, one.baseline, one.candidate, d.point, d.low, d.high, d.level)
        yield sliced.metric, sliced.by, one.name, *numbers, one.verdict, one.few, *test


def compare(
    baseline: RunScores | str | Path,
    candidate: RunScores | str | Path,
    metrics: Sequence[str] | None = None,
    *,
    level: float = 0.95,
    cluster_by: ClusterBy | None = None,
    difference: float = 0.05,
    by: str | Sequence[str] = (),
    other_corpus: bool = False,
) -> CompareResult:
    """Compare two runs (folders, or baselines by file or name) on the questions that are the same and have a score in
    both.

    `metrics` defaults to all metrics that can be compared. `cluster_by="document"` treats questions that share a
    relevant document as one piece of evidence. `difference` is the true difference that `Comparison.more_questions` is
    computed for. `by` names fields of the candidate's questions whose slices are compared too: `language`, `tag`, or a
    field of the metadata. `other_corpus` allows runs that searched different documents.

    Raises NotComparableError if the runs, or metrics asked for by name, cannot be compared. Raises DeclarationError for
    an unknown metric or field, and for a level or a difference that is not between 0 and 1.
    """
    for name, value in (("level", level), ("difference", difference)):
        if not 0.0 < value < 1.0:
            raise DeclarationError(f"compare: found {name} {value:g}, expected a number between 0 and 1")
    sides = read_comparable(baseline, candidate, other_corpus=other_corpus)
    a, b = sides.baseline, sides.candidate
    paired, refused = pair_asked(a, b, metrics, cluster_by)
    tested = {name: compare_pairs(pairs, level) for name, pairs in paired.items()}
    adjusted = holm([result.p_value for result in tested.values()])
    comparisons = {
        name: _comparison(paired[name], result, float(p), 1.0 - level, len(tested), difference)
        for (name, result), p in zip(tested.items(), adjusted, strict=True)
    }
    slices = slice_pairs(paired, b, fields_of(by), level)
    costs = compare_costs(a, b, cluster_by)
    return CompareResult(a, b, level, comparisons, refused, sides.left_out, tuple(slices), costs)


def compare_pairs(pairs: Pairs, level: float) -> PairedResult:
    """The test of the scores, or of the labels where people gave some. Wins and losses are those of the scores. The
    p-value is for this metric alone.
    """
    by_scores = paired_difference(*pairs.gains, level=level, clusters=pairs.clusters)
    if pairs.labels is None or not pairs.labels.n:
        return by_scores
    found = pairs.labels.difference(level=level)
    interval = Interval(found.point, *found.interval(level), level, BY_LABELS, found.n)
    return replace(by_scores, difference=interval, p_value=found.p_value, test=BY_LABELS)


def pair_asked(
    a: RunScores, b: RunScores, metrics: Sequence[str] | None, cluster_by: ClusterBy | None
) -> tuple[dict[str, Pairs], dict[str, str]]:
    """The pairs of these metrics; by default those of every metric of either run, and why others have none. Raises
    NotComparableError if a metric that is asked for, or without any every metric, has none.
    """
    if metrics is not None:
        return {name: pair(a, b, name, cluster_by) for name in dict.fromkeys(str(parse(m)) for m in metrics)}, {}
    paired: dict[str, Pairs] = {}
    refused: dict[str, str] = {}
    for name in dict.fromkeys([*b.metrics, *a.metrics]):
        try:
            paired[name] = pair(a, b, name, cluster_by)
        except NotComparableError as error:
            refused[name] = str(error)
    if not paired:
        first = next(iter(refused.values()), "found no metrics")
        raise NotComparableError(f"{b.source} and {a.source} have no metric that can be compared: {first}")
    return paired, refused


def _comparison(
    pairs: Pairs, result: PairedResult, p_adjusted: float, alpha: float, tests: int, settle: float
) -> Comparison:
    interval = result.difference
    verdict: ComparisonVerdict = "cannot be told apart"
    if p_adjusted <= alpha and interval.low > 0.0:
        verdict = "better"
    elif p_adjusted <= alpha and interval.high < 0.0:
        verdict = "worse"
    return Comparison(
        pairs,
        interval,
        result.p_value,
        p_adjusted,
        result.test,
        result.wins,
        result.ties,
        result.losses,
        verdict,
        settle,
        _more_questions(pairs, settle, 1.0 - alpha, tests),
    )


def _more_questions(pairs: Pairs, settle: float, level: float, tests: int) -> int | None:
    if pairs.unit_sd is None or pairs.unit_sd <= VARIES:
        return None
    try:
        independent = required_questions(
            settle,
            pairs.unit_sd,
            level=level,
            tests=tests,
            skewness=pairs.skewness,
            binary=pairs.binary and pairs.clusters is None,
        )
    except ValueError:  # more questions than any benchmark has
        return None
    needed = independent * pairs.questions_per_unit
    return math.ceil(needed) - pairs.n if needed > pairs.n else None
