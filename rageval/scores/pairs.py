"""What two runs scored on the same questions: the ground of every comparison."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rageval.errors import DeclarationError, NotComparableError
from rageval.metrics import parse
from rageval.scores.comparability import metric_conflicts
from rageval.scores.pair_labels import PairLabels, pair_labels
from rageval.scores.run_scores import RunScores
from rageval.scores.sharing import ClusterBy, find_sharing
from rageval.stats.clusters import make_clustering
from rageval.types import Json

MOST_CHANGED = 10
VARIES = 1e-9
UNCORRECTED = "judge only, uncorrected"


@dataclass(frozen=True, slots=True)
class Change:
    """One question's score before (baseline) and after (candidate)."""

    question_id: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Pairs:
    """One metric on the questions that both runs scored: `ids`, sorted, and the scores of both in that order.

    If lower scores are better (`lower_is_better`), gains and differences are baseline - candidate: more than 0 is
    always an improvement.

    `clusters` are the documents of each question, where some share one (None: treated as independent); `sharing` says
    so in words.
    `only_baseline` and `only_candidate` are questions scored in only one run; all other numbers leave them out.
    `failed` counts the questions that each run (baseline, candidate) failed on, which score the worst value. `judged`
    marks scores that are a judge's opinion, not corrected by human labels. `labels` are those of people on both runs;
    where labels of one cannot be joined with the other's, `labels_lacking` says what is missing. `slice` (such as
    `language=zh`) names the part of the questions that was paired; it is empty for all.
    """

    metric: str
    ids: tuple[str, ...]
    baseline: tuple[float, ...]
    candidate: tuple[float, ...]
    clusters: tuple[frozenset[int], ...] | None
    only_baseline: tuple[str, ...]
    only_candidate: tuple[str, ...]
    failed: tuple[int, int]
    judged: bool
    lower_is_better: bool = False
    slice: str = ""
    sharing: str = ""
    labels: PairLabels | None = None
    labels_lacking: str = ""

    @property
    def name(self) -> str:
        """The metric, with the slice: `ndcg@10[language=zh]`."""
        return f"{self.metric}[{self.slice}]" if self.slice else self.metric

    @property
    def n(self) -> int:
        return len(self.ids)

    @property
    def left_out(self) -> int:
        return len(self.only_baseline) + len(self.only_candidate)

    @property
    def baseline_mean(self) -> float:
        return sum(self.baseline) / self.n

    @property
    def candidate_mean(self) -> float:
        return sum(self.candidate) / self.n

    @property
    def gains(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """The scores of baseline and candidate, turned round where lower is better: 1 is the best."""
        if not self.lower_is_better:
            return self.baseline, self.candidate
        return tuple(1.0 - score for score in self.baseline), tuple(1.0 - score for score in self.candidate)

    @property
    def differences(self) -> tuple[float, ...]:
        """Candidate - baseline, or the reverse where lower is better."""
        return tuple(after - before for before, after in zip(*self.gains, strict=True))

    @property
    def changed(self) -> tuple[Change, ...]:
        """At most ten questions with another score than before: the greatest changes first, ties by id."""
        changes = map(Change, self.ids, self.baseline, self.candidate)
        moved = [change for change in changes if change.before != change.after]
        moved.sort(key=lambda change: (-round(abs(change.after - change.before), 9), change.question_id))
        return tuple(moved[:MOST_CHANGED])

    @property
    def source(self) -> str:
        """In brackets after a verdict: whose opinion it is. Empty for a metric that is not judged."""
        if self.labels is not None and not self.labels.n:
            return " (all answers are the same)"
        if self.labels is not None:
            second = self.labels.second_judge
            judges = "two judges" if second is not None and second.used else "the judge"
            return f" (by {self.labels.n} people's labels of both and {judges})"
        if not self.judged:
            return ""
        return f" ({UNCORRECTED}: {self.labels_lacking})" if self.labels_lacking else f" ({UNCORRECTED})"

    @property
    def by_scores(self) -> Pairs:
        """The same as if people had labelled nothing."""
        return replace(self, labels=None, labels_lacking="", judged=self.judged or self.labels is not None)

    @property
    def sd(self) -> float | None:
        """The standard deviation of the differences; None for a single question."""
        return float(np.std(self.differences, ddof=1)) if self.n > 1 else None

    @property
    def skewness(self) -> float:
        """The skewness of the differences: below 0 where a few losses are large; 0 where nothing varies."""
        d = np.array(self.differences, dtype=np.float64) - sum(self.differences) / self.n
        sd = float(np.std(d))
        return float(np.dot(d * d, d)) / self.n / sd**3 if sd > VARIES else 0.0

    @property
    def binary(self) -> bool:
        """Whether every score is 0 or 1."""
        return all(score in (0.0, 1.0) for score in (*self.baseline, *self.candidate))

    @property
    def questions_per_unit(self) -> float:
        """How many questions make up what counts as one in planning: 1 without clusters, else a cluster's worth."""
        return self._unit[0]

    @property
    def unit_sd(self) -> float | None:
        """The standard deviation of the mean difference of such a unit; None for a single question."""
        return self._unit[1]

    @property
    def _unit(self) -> tuple[float, float | None]:
        if self.clusters is None or self.sd is None:
            return 1.0, self.sd
        d = np.array(self.differences)
        clustering = make_clustering(self.clusters, self.n)
        effect = clustering.design_effect(d - d.mean())
        questions = max(effect, clustering.unseen_size)
        return questions, self.sd * (effect / questions) ** 0.5

    def to_json(self) -> dict[str, Json]:
        of_slice: dict[str, Json] = {"slice": self.slice} if self.slice else {}
        second = None if self.labels is None else self.labels.second_judge
        of_second: dict[str, Json] = {} if second is None else {"second_judge": second.to_json()}
        return {
            **of_slice,
            **of_second,
            "baseline": self.baseline_mean,
            "candidate": self.candidate_mean,
            "n": self.n,
            "only_baseline": [*self.only_baseline],
            "only_candidate": [*self.only_candidate],
            "failed": {"baseline": self.failed[0], "candidate": self.failed[1]},
            "judge_only": self.judged,
            "labelled": 0 if self.labels is None else self.labels.n,
            "same_answers": None if self.labels is None else self.labels.same,
            "labels_lacking": self.labels_lacking or None,
            "lower_is_better": self.lower_is_better,
            "clusters": None if self.clusters is None else make_clustering(self.clusters, self.n).effective,
            "changed": [{"question_id": c.question_id, "from": c.before, "to": c.after} for c in self.changed],
        }


def pair(baseline: RunScores, candidate: RunScores, metric: str, cluster_by: ClusterBy | None = None) -> Pairs:
    """Pair the scores of a metric, question by question. Questions that share a document are told from those that do
    not, unless `cluster_by="none"`.

    Raises NotComparableError where a run lacks the metric, where other judges scored the two, or where no question has
    a score in both; DeclarationError where `cluster_by="document"` and all questions share one.
    """
    for run in (baseline, candidate):
        if metric not in run.metrics:
            known = ", ".join(run.metrics)
            raise NotComparableError(f"{run.source}: found no {metric}, expected it beside {known}: score it as well")
    if conflict := metric_conflicts([baseline, candidate]).get(metric):
        raise NotComparableError(conflict)
    a, b = baseline.metrics[metric], candidate.metrics[metric]
    ids = tuple(sorted(a.scores.keys() & b.scores.keys()))
    if not ids:
        reasons = [f"{s.source}: {_reason(s, metric)}" for s in (baseline, candidate) if s.metrics[metric].unscored]
        raise NotComparableError(f"{metric}: found no question with a score in both ({'; '.join(reasons)})")
    sharing = find_sharing(baseline.documents, ids, cluster_by)
    lower_is_better = parse(metric).lower_is_better
    turn = -1.0 if lower_is_better else 1.0
    labels = pair_labels(
        baseline,
        candidate,
        metric,
        {question: turn * (b.scores[question] - a.scores[question]) for question in ids},
        None if sharing.clusters is None else dict(zip(ids, sharing.clusters, strict=True)),
        lower_is_better=lower_is_better,
    )
    return Pairs(
        metric,
        ids,
        tuple(a.scores[question] for question in ids),
        tuple(b.scores[question] for question in ids),
        sharing.clusters,
        tuple(sorted(a.scores.keys() - b.scores.keys())),
        tuple(sorted(b.scores.keys() - a.scores.keys())),
        (_count(a.failed, ids), _count(b.failed, ids)),
        metric in baseline.judges and not isinstance(labels, PairLabels),
        lower_is_better,
        sharing=sharing.note,
        labels=labels if isinstance(labels, PairLabels) else None,
        labels_lacking=labels if isinstance(labels, str) else "",
    )


def pair_slice(
    baseline: RunScores,
    candidate: RunScores,
    metric: str,
    name: str,
    questions: Collection[str],
    cluster_by: ClusterBy | None = None,
) -> Pairs:
    """Pair the scores of these questions alone, the slice of that name. Raises as `pair`."""
    try:
        paired = pair(baseline.only(questions), candidate.only(questions), metric, cluster_by)
    except DeclarationError as error:
        raise type(error)(f"{name}: {error}") from None
    return replace(paired, slice=name)


def signed(number: float) -> str:
    """Three decimals with a sign, and no minus before a zero."""
    return f"{round(number, 3) + 0.0:+.3f}"


def percent(level: float) -> str:
    """`90%`, or `99.8%` where it is no whole number."""
    return f"{100.0 * level:.3g}%"


def more(questions: int) -> str:
    """`1 more question`, `140 more questions`."""
    return f"{questions} more question{'' if questions == 1 else 's'}"


def _reason(run: RunScores, metric: str) -> str:
    unscored = run.metrics[metric].unscored
    return unscored[min(unscored)]


def _count(failed: Sequence[str], ids: Sequence[str]) -> int:
    return len({*failed} & {*ids})
