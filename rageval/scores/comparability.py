"""Which runs may be compared: the one check for leaderboards, comparisons, gates and preferences.

Runs must be finished and cover the same questions of the same benchmark. A judged metric can be compared only if the
same judge (model, prompts, calibration) scored it, a metric of the user's own only if its code is the same. All else
may differ, since it is what is being compared, and is reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rageval.errors import NotComparableError
from rageval.metrics.names import names_custom_metric
from rageval.scores.reading import read_run_scores
from rageval.scores.run_scores import JudgedBy, RunScores, ScoredRun
from rageval.types import Json


def read_comparable(baseline: RunScores | str | Path, candidate: RunScores | str | Path) -> tuple[RunScores, RunScores]:
    """Returns both runs, reading those given by path or name.

    Raises NotComparableError for results that are missing or unfinished, and for other benchmarks or questions.
    """
    a, b = (run if isinstance(run, RunScores) else read_run_scores(run) for run in (baseline, candidate))
    require_same_questions([a, b])
    return a, b


def require_same_questions(runs: Sequence[ScoredRun]) -> None:
    """Raises NotComparableError where a run is of another benchmark, or of other questions, than the first."""
    first = runs[0]
    for run in runs[1:]:
        if run.content_hash != first.content_hash:
            raise NotComparableError(
                f"{run.source}: found another benchmark ({run.benchmark}, {run.content_hash[:10]}) than in "
                f"{first.source} ({first.benchmark}, {first.content_hash[:10]}): run both over the same one"
            )
        if run.questions != first.questions:
            odd = sorted({*run.questions} ^ {*first.questions})
            raise NotComparableError(
                f"{run.source}: found other questions than in {first.source} ({len(odd)} are in one of them only, "
                f"such as {odd[0]}): ask both the same questions"
            )


def metric_conflicts(runs: Sequence[ScoredRun]) -> dict[str, str]:
    """For each metric that different judges, or different versions of the user's own code, scored: what is wrong. Runs
    without the metric are ignored.
    """
    found: dict[str, str] = {}
    for metric in dict.fromkeys(name for run in runs for name in run.settings if names_custom_metric(name)):
        codes = {run.source: run.settings[metric] for run in runs if metric in run.settings}
        if len({*codes.values()}) > 1:
            told = "; ".join(f"{source}: {key}" for source, key in codes.items())
            found[metric] = f"{metric}: found other code ({told}), expected the same: run all with the same metric"
    for metric in dict.fromkeys(name for run in runs for name in run.judges):
        sources: dict[JudgedBy, list[str]] = {}
        for run in runs:
            if metric in run.judges:
                sources.setdefault(run.judges[metric], []).append(run.source)
        if len(sources) > 1:
            judges = "; ".join(f"{', '.join(of)}: {judge.key} by {judge.model}" for judge, of in sources.items())
            found[metric] = (
                f"{metric}: found other judges ({judges}), expected the same model, prompts and calibration: judge "
                "all with the same judge"
            )
    return found


def pair_to_json(baseline: ScoredRun, candidate: ScoredRun) -> dict[str, Json]:
    """Which two runs are compared, over which questions, and what else than the pipeline differs between them."""
    return {
        "benchmark": candidate.benchmark,
        "questions": len(candidate.questions),
        "baseline": baseline.to_json(),
        "candidate": candidate.to_json(),
        "differs": {name: [*values] for name, values in differences([baseline, candidate]).items()},
    }


def differences(runs: Sequence[ScoredRun]) -> Mapping[str, tuple[str | None, ...]]:
    """The models and settings that are not the same for all runs, each with its value for every run in order.

    None is a run that it does not apply to, such as `embed` where nothing is embedded; that alone is no difference.
    """
    given = [{**run.models, **run.settings} for run in runs]
    names = dict.fromkeys(name for one in given for name in one)
    values = {name: tuple(one.get(name) for one in given) for name in names}
    return {name: of_runs for name, of_runs in values.items() if len({*of_runs} - {None}) > 1}
