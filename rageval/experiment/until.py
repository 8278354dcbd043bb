"""When an experiment stops before all of its questions are asked: found and checked before any model is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rageval.benchmark.digests import corpus_digest, question_digests
from rageval.errors import DeclarationError, NotComparableError
from rageval.experiment.until_spec import UntilPart
from rageval.io.tolerance import first_ids
from rageval.judges import Judge, has_pool
from rageval.metrics import Metric, parse
from rageval.metrics.custom import OwnMetric
from rageval.pipeline import Pipeline
from rageval.scores.judge_entries import JudgeEntry
from rageval.scores.reading import judged_by, read_run_scores
from rageval.scores.run_scores import RunScores
from rageval.types import Benchmark, Json, Question, RelevanceLabel

_KEY = "until.decided"


@dataclass(frozen=True, slots=True)
class Until:
    """Ask `batch` questions at a time until the gate with these `margins` against `baseline` is decided."""

    baseline: RunScores
    margins: Mapping[str, float]
    batch: int

    def to_json(self) -> dict[str, Json]:
        return {"baseline": self.baseline.source, "margins": {**self.margins}, "batch": self.batch}


def choose_until(
    part: UntilPart | None,
    base: Path,
    pipelines: Sequence[Pipeline],
    metrics: Sequence[Metric],
    own: Sequence[OwnMetric],
    benchmark: Benchmark,
    questions: Sequence[Question],
) -> Until | None:
    """What is asked for, with the baseline read. Its path is relative to `base` or to the current directory.

    Raises DeclarationError for several pipelines and for margins of metrics that the experiment does not have,
    NotComparableError for a baseline that cannot be read, lacks one of the metrics, or was made over other documents,
    without some of the questions, or with another version of the user's own metric.
    """
    if part is None:
        return None
    if len(pipelines) != 1:
        raise DeclarationError(f"{_KEY}: found {len(pipelines)} pipelines, expected the one that the gate is about")
    margins = _margins(part.decided.margins, [str(metric) for metric in metrics])
    baseline = _read(part.decided.baseline, base)
    if lacking := [name for name in margins if name not in baseline.metrics]:
        known = ", ".join(baseline.metrics)
        raise NotComparableError(f"{_KEY}: {baseline.source}: found no {lacking[0]}, expected it beside {known}")
    for one in own:
        if one.name in margins and baseline.settings.get(one.name) != one.key:
            raise NotComparableError(
                f"{_KEY}: {baseline.source}: found other code of {one.name}, expected the same: run it again"
            )
    _check_questions(baseline, benchmark, questions)
    return Until(baseline, margins, part.decided.batch)


def check_judges(until: Until, judges: Sequence[Judge], entries: Mapping[str, JudgeEntry]) -> None:
    """Raises NotComparableError if other judges scored the baseline than are to score the run, and DeclarationError for
    judges that wait for all answers.
    """
    for name in until.margins:
        metric = parse(name)
        if metric.kind != "judged":
            continue
        if any(has_pool(judge) for judge in judges):
            raise DeclarationError(f"{_KEY}: found a judge that waits for all answers, expected {name} without one")
        here, there = judged_by(metric, entries), until.baseline.judges.get(name)
        if here != there:
            scored = "no judge" if there is None else f"{there.key} by {there.model}"
            raise NotComparableError(
                f"{_KEY}: {name}: found other judges ({until.baseline.source}: {scored}; here: {here.key} by "
                f"{here.model}), expected the same model, prompts and calibration"
            )


def _read(named: str, base: Path) -> RunScores:
    """The baseline, called as the user named it."""
    beside = base / named
    return replace(read_run_scores(beside), source=named) if beside.exists() else read_run_scores(named)


def _margins(given: Mapping[str, float], metrics: Sequence[str]) -> dict[str, float]:
    margins: dict[str, float] = {}
    for text, margin in given.items():
        name = str(parse(text))
        if name not in metrics:
            raise DeclarationError(f"{_KEY}.margins: found {name}, expected one of the metrics, {', '.join(metrics)}")
        if name in margins:
            raise DeclarationError(f"{_KEY}.margins: found two margins for {name}, expected one")
        margins[name] = margin
    return margins


def _check_questions(baseline: RunScores, benchmark: Benchmark, questions: Sequence[Question]) -> None:
    if baseline.corpus != corpus_digest(benchmark.documents):
        raise NotComparableError(f"{_KEY}: {baseline.source}: found another corpus, expected the same documents")
    labels: dict[str, list[RelevanceLabel]] = {}
    for label in benchmark.labels:
        labels.setdefault(label.question_id, []).append(label)
    digests = question_digests(benchmark, questions, labels)
    if other := [question for question, digest in digests.items() if baseline.digests.get(question) != digest]:
        raise NotComparableError(
            f"{_KEY}: {baseline.source}: found {len(other)} of the {len(digests)} questions missing or changed "
            f"({first_ids(other)}), expected all of them unchanged: run the baseline over the same questions"
        )
