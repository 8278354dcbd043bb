"""A leaderboard: runs over the same questions, side by side, each number with its interval."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from rageval.decide.costs import RunCosts, run_costs
from rageval.decide.ranks import labelled_rank_ranges, rank_ranges
from rageval.decide.slicing import FOUND_IN_RUN, SliceEstimate, fields_of, slice_estimates, values_of
from rageval.errors import DeclarationError, NotComparableError
from rageval.io.records import usage_from_json, usage_to_json
from rageval.io.run_folder import RunFolder
from rageval.metrics import Metric, parse
from rageval.metrics.names import names_custom_metric
from rageval.metrics.verdicts import ABSTENTION, settled
from rageval.scores.calibrations import JudgeEntry
from rageval.scores.causes import Cause, read_causes
from rageval.scores.comparability import LeftOut, common_questions, differences, metric_conflicts
from rageval.scores.estimates import metric_to_json, read_estimates, run_documents
from rageval.scores.reading import read_run_folder, read_scored_run, unreadable_as_not_comparable
from rageval.scores.run_scores import ScoredRun
from rageval.scores.sharing import ClusterBy, find_sharing
from rageval.scores.slices import slice_members
from rageval.scores.totals import totals
from rageval.types import Estimate, Json, Judgment, Usage

if TYPE_CHECKING:
    from rageval.decide.leaderboard_frames import BoardFrame
    from rageval.io.frames import DataFrame

Ranks: TypeAlias = Literal["where comparable", "required", "none"]

_MACHINE = "machine"


@dataclass(frozen=True, slots=True)
class Row:
    """One run. `estimates` maps a metric to None if no question could be scored.

    `rank` is a range of places by the first metric (see `rank_ranges`): runs that cannot be told apart share places. It
    is None without an estimate, if all questions of the run failed, and if no run has a rank. `causes` says why
    questions failed, the commonest cause first. `usage` is what each stage, index and judge cost, by name
    (`stage answer`, `index MultiVector`, `judge answer_relevance`). `calls` and `tokens` (prompt and completion) are
    the total that the run would cost on its own; `paid_calls` and `paid_tokens` are what it paid after cache hits.
    `judges` holds the manifest's entry of each judge. `differs` holds, by name, the models and settings that are not
    the same for all rows; the value is None if this run does not use that model or setting. `unsettled` answers do not
    tell whether they abstain, and count as answers. `costs` are in money and seconds.
    """

    label: str
    path: Path
    estimates: Mapping[str, Estimate | None]
    rank: tuple[int, int] | None
    failed: int
    causes: tuple[Cause, ...]
    abstained: int
    usage: Mapping[str, Usage]
    mean_latency_s: float | None
    judges: Mapping[str, JudgeEntry]
    differs: Mapping[str, str | None]
    unsettled: int = 0
    costs: RunCosts | None = None

    @property
    def calls(self) -> int:
        return sum(usage.calls for usage in self.usage.values())

    @property
    def tokens(self) -> int:
        return sum(usage.prompt_tokens + usage.completion_tokens for usage in self.usage.values())

    @property
    def paid_calls(self) -> int:
        return sum(usage.paid_calls for usage in self.usage.values())

    @property
    def paid_tokens(self) -> int:
        return sum(usage.paid_prompt_tokens + usage.paid_completion_tokens for usage in self.usage.values())


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Rows sorted by the first metric as shown, best first; in the order given if that metric cannot be compared. Runs
    of which all questions failed come last.

    `unranked` says why no row has a rank; it is empty if rows have ranks. `models` says which model did what, and
    `machine` where the runs were made. Both cover only what is the same for all rows: see `Row.differs` for the rest.
    `questions` are those that all runs have unchanged, and all numbers are of them but calls and tokens; `left_out`
    holds the others. `slices` has the estimates of every row by slice that were asked for. `sharing` says whether
    questions that share a document are taken for independent, `by_labels` whether ranks are by people's labels.
    """

    benchmark: str
    questions: int
    metrics: tuple[str, ...]
    rows: tuple[Row, ...]
    unranked: str
    models: Mapping[str, str]
    machine: str | None
    left_out: LeftOut = LeftOut()
    slices: tuple[SliceEstimate, ...] = ()
    sharing: str = ""
    by_labels: bool = False

    def all_failed(self, row: Row) -> bool:
        """Whether all questions of that run failed."""
        return row.failed == self.questions

    def to_json(self) -> dict[str, Json]:
        """JSON data without NaN; a missing estimate is null."""
        return {
            "benchmark": self.benchmark,
            "questions": self.questions,
            "left_out": self.left_out.to_json(),
            "sharing": self.sharing or None,
            "unranked": self.unranked or None,
            "models": {**self.models},
            "machine": self.machine,
            "runs": [
                {
                    "pipeline": row.label,
                    "path": str(row.path),
                    "rank": None if row.rank is None else [*row.rank],
                    "metrics": {name: metric_to_json(mean, self.questions) for name, mean in row.estimates.items()},
                    "failed": row.failed,
                    "causes": [cause.to_json() for cause in row.causes],
                    "abstained": row.abstained,
                    "unsettled": row.unsettled,
                    "calls": row.calls,
                    "tokens": row.tokens,
                    "paid_calls": row.paid_calls,
                    "paid_tokens": row.paid_tokens,
                    "usage": {name: usage_to_json(usage) for name, usage in row.usage.items()},
                    "mean_latency_s": row.mean_latency_s,
                    "costs": None if row.costs is None else row.costs.to_json(),
                    "judges": {name: {**entry} for name, entry in row.judges.items()},
                    "differs": {**row.differs},
                }
                for row in self.rows
            ],
            "slices": [one.to_json() for one in self.slices],
        }

    def to_pandas(self, table: BoardFrame = "estimates") -> DataFrame:
        """The leaderboard as a DataFrame (extra `pandas`): a row for each run and metric, for each run, or for each
        run, metric and slice.
        """
        from rageval.decide.leaderboard_frames import board_frame

        return board_frame(self, table)


def read_leaderboard(
    paths: Sequence[Path],
    *,
    ranks: Ranks = "where comparable",
    cluster_by: ClusterBy | None = None,
    by: str | Sequence[str] = (),
    other_corpus: bool = False,
) -> Leaderboard:
    """The leaderboard of finished runs. If people labelled a run's answers, its estimates are corrected by these
    labels.

    No run has a rank if different judges scored the first metric. If human labels correct it in any run, ranks are by
    these labels (`labelled_rank_ranges`). A run of which all questions failed has no rank either. `ranks="required"`
    refuses runs if different judges scored any of their metrics. `ranks="none"` gives no ranks. Questions that share a
    document are not taken for independent, unless `cluster_by="none"`. `by` names fields of the last
    run's questions by whose slices the runs are estimated too. `other_corpus` allows runs that searched different
    documents.

    Raises DeclarationError if there are no runs, and for an unknown field. Raises NotComparableError for a folder that
    holds no finished run, and for runs that cannot be compared: no question in common, another corpus, other judges.
    """
    if not paths:
        raise DeclarationError("leaderboard: found no runs, expected one or more run folders")
    runs = [read_scored_run(path) for path in paths]
    common, left_out = common_questions(runs, other_corpus=other_corpus)
    conflicts = metric_conflicts(runs)
    if conflicts and ranks == "required":
        raise NotComparableError(f"{next(iter(conflicts.values()))}, or show them without ranks (--unranked)")
    with unreadable_as_not_comparable():
        board = _make_board(paths, runs, conflicts, ranks, common, left_out, cluster_by)
    return replace(board, slices=tuple(_sliced(board, paths, fields_of(by), common))) if by else board


def _make_board(
    paths: Sequence[Path],
    runs: Sequence[ScoredRun],
    conflicts: Mapping[str, str],
    ranks: Ranks,
    common: Collection[str],
    left_out: LeftOut,
    cluster_by: ClusterBy | None,
) -> Leaderboard:
    folders = [RunFolder(path) for path in paths]
    manifests = [folder.manifest() for folder in folders]
    metrics = tuple(dict.fromkeys(cast(str, name) for manifest in manifests for name in manifest["metrics"]))
    parts = [None if len(run.digests) == len(common) else common for run in runs]
    estimates = [read_estimates(folder, metrics, part, cluster_by) for folder, part in zip(folders, parts, strict=True)]
    documents = run_documents(folders[0])
    counts = [_counts(*one) for one in zip(folders, manifests, parts, strict=True)]
    first = parse(metrics[0])
    in_order = ranks == "none" or metrics[0] in conflicts
    questions = len(common)
    all_failed = [found["failed"] == questions for found in counts]
    unranked = _why_unranked(metrics[0], conflicts, ranks)
    if not unranked and all(all_failed):
        unranked = "all questions of every run failed"
    labelled = any((mean := by_metric[metrics[0]]) is not None and mean.n_labelled for by_metric in estimates)
    places: Sequence[tuple[int, int] | None] = [None] * len(paths)
    if not unranked and labelled:
        read = [read_run_folder(path).only(common) for path in paths]
        places = labelled_rank_ranges(read, metrics[0], cluster_by=cluster_by)
        places = [None if nothing else place for place, nothing in zip(places, all_failed, strict=True)]
    elif not unranked:
        ranked: list[Mapping[str, float]] = [
            {} if nothing else _question_scores(folder, metrics[0], common)
            for folder, nothing in zip(folders, all_failed, strict=True)
        ]
        places = rank_ranges(ranked, lower_is_better=first.lower_is_better, documents=documents, cluster_by=cluster_by)
    differ = {**differences(runs), **_other_machines(manifests)}
    rows = [
        _row(
            folder,
            manifests[i],
            parts[i],
            counts[i],
            estimates[i],
            places[i],
            {name: values[i] for name, values in differ.items()},
            run_costs(folder, manifests[i], common, documents, cluster_by),
        )
        for i, folder in enumerate(folders)
    ]
    if not in_order:
        rows.sort(key=lambda row: (row.failed == questions, _badness(row.estimates[metrics[0]], first), row.label))
    models = {role: identity for run in runs for role, identity in run.models.items() if role not in differ}
    return Leaderboard(
        runs[0].benchmark,
        questions,
        metrics,
        tuple(rows),
        unranked,
        models,
        None if _MACHINE in differ else manifests[0][_MACHINE],
        left_out,
        sharing=find_sharing(documents, sorted(common), cluster_by).note,
        by_labels=labelled and not unranked,
    )


def _why_unranked(metric: str, conflicts: Mapping[str, str], ranks: Ranks) -> str:
    """Why no run has a rank; empty where runs have."""
    if metric in conflicts:
        return f"different {'code' if names_custom_metric(metric) else 'judges'} scored {metric}"
    if ranks == "none":
        return f"different judges scored {', '.join(conflicts)}" if conflicts else "none were asked for"
    return ""


def _other_machines(manifests: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    machines = tuple(cast(str, manifest[_MACHINE]) for manifest in manifests)
    return {_MACHINE: machines} if len({*machines}) > 1 else {}


def _row(
    folder: RunFolder,
    manifest: Mapping[str, Any],
    part: Collection[str] | None,
    counts: Mapping[str, Any],
    estimates: Mapping[str, Estimate | None],
    rank: tuple[int, int] | None,
    differs: Mapping[str, str | None],
    costs: RunCosts,
) -> Row:
    return Row(
        manifest["label"],
        folder.path,
        estimates,
        rank,
        counts["failed"],
        read_causes(folder, part) if counts["failed"] else (),
        counts["abstained"],
        _usage(manifest),
        counts["mean_latency_s"],
        manifest["judges"],
        differs,
        counts.get("unsettled", 0),
        costs,
    )


def _usage(manifest: Mapping[str, Any]) -> dict[str, Usage]:
    """By stage, index and judge; one that asked for nothing is left out, and so is a judge under a second name."""
    judges: dict[str, str] = {}
    for name, about in manifest["judges"].items():
        judges.setdefault(about["key"], name)
    parts = {f"stage {name}": part for name, part in manifest["usage_by_stage"].items()}
    parts |= {f"index {name}": part for name, part in manifest["usage_by_index"].items()}
    parts |= {f"judge {name}": manifest["usage"][key] for key, name in judges.items() if key in manifest["usage"]}
    found = {name: usage_from_json(part) for name, part in parts.items()}
    return {name: usage for name, usage in found.items() if usage != Usage()}


def _counts(folder: RunFolder, manifest: Mapping[str, Any], part: Collection[str] | None) -> Mapping[str, Any]:
    """The counts of failures and abstentions and the mean latency: those of the manifest, or of a part of the
    questions.
    """
    if part is None:
        return manifest
    outcomes, judge = folder.outcomes(hits=False), manifest["judges"].get(ABSTENTION)
    said: Mapping[str, tuple[Judgment, ...]] = {} if judge is None else folder.judgments(judge["key"])
    return totals((settled(outcomes[question], said.get(question)) for question in sorted(part)), (), {})


def _question_scores(folder: RunFolder, metric: str, questions: Collection[str]) -> Mapping[str, float]:
    scores = folder.scores()
    found: Mapping[str, float] = scores[metric]["questions"] if metric in scores else {}
    return {question: score for question, score in found.items() if question in questions}


def _sliced(
    board: Leaderboard, paths: Sequence[Path], by: Sequence[str], common: Collection[str]
) -> list[SliceEstimate]:
    """The estimates by slice, one field and run after the other. The slices are those of the last run, but where each
    run has its own.
    """
    runs = {RunFolder(path).path: read_run_folder(path).only(common) for path in paths}
    last = runs[RunFolder(paths[-1]).path]
    found: list[SliceEstimate] = []
    for field in by:
        values = values_of(last, field)
        for row in board.rows:
            run = runs[row.path]
            own = values_of(run, field) if field in FOUND_IN_RUN else values
            found += slice_estimates(run, board.metrics, field, slice_members(own, run.digests, field), row.path)
    return found


def _badness(mean: Estimate | None, metric: Metric) -> float:
    if mean is None:
        return math.inf
    return mean.point if metric.lower_is_better else -mean.point
