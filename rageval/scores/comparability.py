"""Which runs may be compared, and on which questions: the one check for leaderboards, comparisons, gates, preferences.

Runs must be finished. They are compared on the questions that all of them have unchanged: same id and same digest
(`rageval.benchmark.digests`). All other questions are left out and counted, so a benchmark that grew still serves. A
judged metric can be compared only if the same judge (model, prompts, calibration) scored it, a metric of the user's own
only if its code is the same. Other documents to search make other results, so another corpus needs consent. All else
may differ, since it is what is being compared, and is reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rageval.errors import NotComparableError
from rageval.metrics.names import names_custom_metric
from rageval.scores.reading import read_run_scores
from rageval.scores.repeats import REPEATS
from rageval.scores.run_scores import JudgedBy, RunScores, ScoredRun
from rageval.types import Json

CORPUS = "corpus"
_SHOWN = 8
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The questions of several runs that are not compared, by why, and who wrote those that are.

    `lacking` holds, for each run in order, the questions that it lacks and another run has. `changed` are those that
    all runs have, but with other words, references, labels or labelled documents. Both are sorted. `other_corpus` says
    whether the runs searched different documents. Where a model wrote some of the questions that are compared,
    `generated` counts these, and `human` the others.
    """

    lacking: tuple[tuple[str, ...], ...] = ((), ())
    changed: tuple[str, ...] = ()
    other_corpus: bool = False
    generated: int = 0
    human: int = 0

    @property
    def not_in_all(self) -> tuple[str, ...]:
        """The questions that at least one run lacks, sorted."""
        return tuple(sorted({question for questions in self.lacking for question in questions}))

    @property
    def of_two(self) -> list[str]:
        """Lines that say so of baseline and candidate; none where both are of the same questions and corpus."""
        only_candidate, only_baseline = self.lacking
        return self._lines(
            _counted(only_baseline, "that only the baseline has"),
            _counted(only_candidate, "that only the candidate has"),
        )

    @property
    def of_many(self) -> list[str]:
        """Lines that say so of any number of runs."""
        return self._lines(_counted(self.not_in_all, "that not all runs have"))

    def _lines(self, *missing: str) -> list[str]:
        parts = [*missing, _counted(self.changed, "that changed (words, references, labels or labelled documents)")]
        told = [part for part in parts if part]
        lines = [f"Left out: {'; '.join(told)}."] if told else []
        if self.other_corpus:
            lines.append("The runs searched different documents (another corpus).")
        if self.generated and self.human:
            lines.append(
                f"Two kinds of questions in one number: a model wrote {self.generated}, people wrote {self.human}; "
                "slices by tag (--by tag) show the generated ones (synthetic) apart."
            )
        return lines

    def _origins(self) -> dict[str, Json]:
        return {"generated": self.generated, "human": self.human} if self.generated else {}

    def pair_to_json(self) -> dict[str, Json]:
        only_candidate, only_baseline = self.lacking
        return {
            "only_baseline": [*only_baseline],
            "only_candidate": [*only_candidate],
            "changed": [*self.changed],
            "other_corpus": self.other_corpus,
            **self._origins(),
        }

    def to_json(self) -> dict[str, Json]:
        return {
            "not_in_all": [*self.not_in_all],
            "changed": [*self.changed],
            "other_corpus": self.other_corpus,
            **self._origins(),
        }


@dataclass(frozen=True, slots=True)
class Sides:
    """Two runs as if only the questions that both have unchanged had been asked, and the questions left out."""

    baseline: RunScores
    candidate: RunScores
    left_out: LeftOut


def read_comparable(
    baseline: RunScores | str | Path, candidate: RunScores | str | Path, *, other_corpus: bool = False
) -> Sides:
    """Both runs on their common questions, reading those given by path or name.

    Raises NotComparableError for results that are missing or unfinished, and as `common_questions`.
    """
    a, b = (run if isinstance(run, RunScores) else read_run_scores(run) for run in (baseline, candidate))
    common, left_out = common_questions([a, b], other_corpus=other_corpus)
    return Sides(a.only(common), b.only(common), left_out)


def common_questions(runs: Sequence[ScoredRun], *, other_corpus: bool = False) -> tuple[frozenset[str], LeftOut]:
    """The questions that all runs have unchanged, and the others.

    Raises NotComparableError if there is no such question, and, unless `other_corpus`, if the runs searched different
    documents.
    """
    first = runs[0]
    common = set(first.digests)
    for run in runs[1:]:
        before = common
        common = {question for question in before if run.digests.get(question) == first.digests[question]}
        if not common:
            changed = len(before & run.digests.keys())
            raise NotComparableError(
                f"{run.source}: found no question of {first.source} unchanged ({_n(len(before) - changed)} missing, "
                f"{_n(changed)} changed): run both over the same questions"
            )
    differs = next((run for run in runs if run.corpus != first.corpus), None)
    if differs is not None and not other_corpus:
        raise NotComparableError(
            f"{differs.source}: found another corpus ({differs.corpus[:_SHOWN]}) than in {first.source} "
            f"({first.corpus[:_SHOWN]}), expected the same documents to search: run both over the same ones, or "
            "compare them all the same with --other-corpus (in Python other_corpus=True)"
        )
    known = sorted({question for run in runs for question in run.digests})
    lacking = tuple(tuple(question for question in known if question not in run.digests) for run in runs)
    in_all = set(known).difference(*lacking)
    generated = len(first.generated & common)
    human = len(common) - generated if generated else 0
    return frozenset(common), LeftOut(lacking, tuple(sorted(in_all - common)), differs is not None, generated, human)


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


def pair_to_json(baseline: ScoredRun, candidate: ScoredRun, left_out: LeftOut) -> dict[str, Json]:
    """Which two runs are compared, over how many questions, which were left out, and what else than the pipeline
    differs between them.
    """
    return {
        "benchmark": candidate.benchmark,
        "questions": len(candidate.digests),
        "left_out": left_out.pair_to_json(),
        "baseline": baseline.to_json(),
        "candidate": candidate.to_json(),
        "differs": {name: [*values] for name, values in differences([baseline, candidate]).items()},
    }


def differences(runs: Sequence[ScoredRun]) -> Mapping[str, tuple[str | None, ...]]:
    """The models and settings, and the corpus, that are not the same for all runs, each with its value for every run in
    order.

    None is a run that it does not apply to, such as `embed` where nothing is embedded; that alone is no difference.
    """
    given = [{**run.models, REPEATS: "1", **run.settings, CORPUS: run.corpus[:_SHOWN]} for run in runs]
    names = dict.fromkeys(name for one in given for name in one)
    values = {name: tuple(one.get(name) for one in given) for name in names}
    return {name: of_runs for name, of_runs in values.items() if len({*of_runs} - {None}) > 1}


def _counted(questions: Sequence[str], why: str) -> str:
    """`2 questions that changed: q1, q7`, the first three by id; empty where there are none."""
    if not questions:
        return ""
    examples = ", ".join(questions[:_EXAMPLES]) + (", …" if len(questions) > _EXAMPLES else "")
    return f"{_n(len(questions))} {why}: {examples}"


def _n(questions: int) -> str:
    return f"{questions} question{'' if questions == 1 else 's'}"
