"""What a run's manifest says of each judge, and of the judges that were added to it later.

    "claim_support": {"key", "model", "summary", "verdicts", "abstained", "quotes", "quotes_not_found"}
    "claim_support:strong": the same, of the judge that `rageval judge --name strong` added

An entry has `detector` where one judged in the place of a model, `cascade` where one decided the clear noes before it
(with `decided`, how many verdicts are its own), `agreement` where a panel judged, and `calibration`
where a scaling is applied to the verdicts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, cast

import numpy as np

from rageval.io.line_log import LineLog
from rageval.io.run_folder import RunFolder
from rageval.judges import EmbeddingJudge, Judge, Panel, judging_model
from rageval.judges.cascade import Cascade, decided_by_light
from rageval.judges.light.detectors import detector_of
from rageval.judges.panel import on_scale
from rageval.metrics.names import OF_JUDGE, Metric, parse
from rageval.models.base import ChatModel, Embedder
from rageval.scores.calibrations import Calibration, JudgeEntry
from rageval.stats import krippendorff_alpha
from rageval.types import Abstained, Json, Judgment

JudgmentsByQuestion = Mapping[str, Sequence[Judgment]]


@dataclass(frozen=True, slots=True)
class Added:
    """What `rageval judge` added to a run: metrics that name a judge, and the manifest's entries of those judges."""

    metrics: tuple[Metric, ...] = ()
    entries: Mapping[str, JudgeEntry] = field(default_factory=dict[str, JudgeEntry])


def read_added(folder: RunFolder) -> Added:
    """Reads what was added to the run in that folder; empty if the folder holds no run. Raises DeclarationError for a
    run that this version cannot read.
    """
    return added_to(folder.manifest()) if folder.has_manifest() else Added()


def added_to(manifest: Mapping[str, Any], name: str | None = None) -> Added:
    """The judges and metrics added to the run of that manifest: under that name, or under any name if None."""
    metrics = [parse(text) for text in cast("list[str]", manifest["metrics"])]
    entries = cast("dict[str, JudgeEntry]", manifest["judges"])
    return Added(
        tuple(metric for metric in metrics if metric.judge and name in (None, metric.judge)),
        {
            entry: about
            for entry, about in entries.items()
            if OF_JUDGE in entry and name in (None, entry.partition(OF_JUDGE)[2])
        },
    )


def read_judgments(folder: RunFolder, entry: JudgeEntry, answered: Container[str]) -> LineLog[tuple[Judgment, ...]]:
    """What the judge of that entry has said of the questions `answered`, by question id."""
    said = folder.judgments(entry["key"])
    said.forget([question_id for question_id in said if question_id not in answered])
    return said


def new_entry(
    judge: Judge, key: str, chat: ChatModel | None, embedder: Embedder | None, calibration: Calibration | None
) -> dict[str, Json]:
    """The entry of a judge that has not said anything yet."""
    entry: dict[str, Json] = {"key": key, "model": judging_model(judge, chat)}
    if (detector := detector_of(judge)) is not None:
        entry["detector"] = detector.name
    inner = judge.inner if isinstance(judge, Panel) else judge
    if isinstance(inner, Cascade):
        entry["cascade"] = {"light": inner.first, "below": inner.threshold}
    if embedder is not None and isinstance(inner, EmbeddingJudge):
        entry["embedder"] = embedder.identity
    entry["summary"] = judge.summary
    if isinstance(judge, Panel):
        entry["agreement"] = {
            "scale": "ordinal" if on_scale(inner) else "nominal",
            "abstained": dict.fromkeys(judge.raters, 0),
        }
    if calibration is not None:
        entry["calibration"] = calibration.citation()
    return entry


def with_counts(entry: JudgeEntry, *judged: JudgmentsByQuestion) -> dict[str, Json]:
    """The entry with how many verdicts there are, abstentions, sentences shown as evidence, and those among them that
    were not found by the claim's words. `judged` are the judgments of the first answers and of any others.

    Where a panel judged, also how far its raters agree; and `words`, the number of verdicts that are yes or no, where
    none has a probability between.
    """
    counts: Counter[str] = Counter(verdicts=0, abstained=0, quotes=0, quotes_not_found=0)
    words = probabilities = decided = 0
    votes: list[tuple[float | None, ...]] = []
    for judgments in chain.from_iterable(one.values() for one in judged):
        for verdict in (judgment.verdict for judgment in judgments):
            counts["verdicts"] += 1
            if verdict.votes:
                votes.append(verdict.votes)
            if isinstance(verdict, Abstained):
                counts["abstained"] += 1
            else:
                words += verdict.probability in (0.0, 1.0)
                decided += decided_by_light(verdict)
                probabilities += verdict.probability is not None
                counts["quotes"] += len(verdict.evidence)
                counts["quotes_not_found"] += sum(not evidence.found for evidence in verdict.evidence)
    agreement: dict[str, Json] = {"agreement": _agreement(entry["agreement"], votes)} if "agreement" in entry else {}
    only_words: dict[str, Json] = {"words": words} if words and words == probabilities else {}
    cascade: dict[str, Json] = {"cascade": {**entry["cascade"], "decided": decided}} if "cascade" in entry else {}
    return {**entry, **counts, **only_words, **agreement, **cascade}


def _agreement(about: JudgeEntry, votes: Sequence[Sequence[float | None]]) -> dict[str, Json]:
    """Krippendorff's alpha with its interval, or null where it is undefined; how often each rater abstained."""
    raters: list[str] = [*about["abstained"]]
    table = np.array(votes, dtype=np.float64).reshape(len(votes), len(raters)).T
    common = table[:, np.count_nonzero(~np.isnan(table), axis=0) >= 2]
    given = common[~np.isnan(common)]
    alpha: Json = None
    if given.size and given.min() < given.max():
        interval = krippendorff_alpha(common, scale=about["scale"]).interval
        alpha = {"point": interval.point, "low": interval.low, "high": interval.high, "level": interval.level}
    return {
        "scale": about["scale"],
        "alpha": alpha,
        "raters": len(raters),
        "items": common.shape[1],
        "abstained": {rater: int(np.isnan(row).sum()) for rater, row in zip(raters, table, strict=True)},
    }
