"""Judging a finished run again, by another judge: nothing is answered again, and both judges' verdicts stay."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Self, cast

from rageval.errors import DeclarationError
from rageval.experiment.answer import ask_judge
from rageval.experiment.cascade import choose_cascade, in_cascade
from rageval.experiment.choose_judges import check_languages
from rageval.experiment.choose_metrics import MetricLike, choose_metrics
from rageval.experiment.choose_models import choose_budget
from rageval.experiment.detector_spec import open_detector
from rageval.experiment.judging import (
    by_detector,
    choose_raters,
    detector_raters,
    judge_entries,
    judge_keys,
    judges_of,
    need_answers,
    need_embedder,
    with_models,
)
from rageval.experiment.open_models import OpenModels
from rageval.experiment.spec import LocalModel, Spec, read_spec
from rageval.experiment.workers import OnProgress, work_through
from rageval.io.records import Outcome
from rageval.io.run_folder import RunFolder
from rageval.judges import Judge, has_pool, judging_model, with_pool
from rageval.judges.light.detectors import Detector, detector_of
from rageval.metrics.judged import entries_read, entry_name
from rageval.metrics.names import CUSTOM, Metric, check_judge_name, parse
from rageval.metrics.verdicts import ABSTENTION, settled
from rageval.models.base import ChatModel, Embedder
from rageval.scores.asked_sample import ASKED, asked_first, only_asked
from rageval.scores.calibrations import Calibration, JudgeEntry, apply_calibration, by_judge, read_calibration
from rageval.scores.estimates import run_documents
from rageval.scores.judge_entries import Added, added_to, read_judgments, with_counts
from rageval.scores.repeats import judging_usages, pool_repeats
from rageval.scores.scoring import (
    NO_CONTEXT_AT_ALL,
    Judgments,
    Scores,
    needing_context,
    score_verdicts,
    scores_to_json,
)
from rageval.scores.totals import totals
from rageval.types import Json, Judgment, Question, Response


@dataclass(frozen=True, slots=True)
class _Answers:
    """The first answers of a run, or the second ones, …: their folder and outcomes."""

    folder: RunFolder
    outcomes: Mapping[str, Outcome]


@dataclass(frozen=True, kw_only=True)
class Rejudging:
    """A finished run, and the judges to add to it under a name.

    `metrics` carry that name; `raters` are the models that judge, empty if no judge asks a model. They are asked on a
    random sample of `asked` questions for each metric; on all if None. A context manager that closes the models at the
    end.
    """

    folder: RunFolder
    name: str
    metrics: tuple[Metric, ...]
    judges: tuple[Judge, ...]
    raters: tuple[ChatModel, ...]
    embedder: Embedder | None
    calibrations: tuple[Calibration, ...]
    models: OpenModels
    asked: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.models.close()

    @property
    def first_rater(self) -> ChatModel | None:
        """The model that judges, or the first of several."""
        return self.raters[0] if self.raters else None

    @property
    def keys(self) -> dict[str, str]:
        """The keys of the judges, by their names."""
        return judge_keys(self.judges, self.raters)

    @property
    def answers(self) -> list[RunFolder]:
        """Where the first, second, … answers of the run are."""
        return self.folder.answers(self.folder.manifest().get("repeats", 1))

    def count_judgments(self) -> int:
        """How many answers have been judged so far, summed over these judges."""
        return sum(len(folder.judgments(key)) for folder in self.answers for key in self.keys.values())


def plan_rejudging(
    run: Path,
    name: str,
    metrics: Sequence[MetricLike],
    experiments: Sequence[Path],
    cache: Path,
    *,
    samples: int | None = None,
    questions: int | None = None,
    calibrations: Sequence[Path] = (),
    detector: Detector | None = None,
    on_embedding: Callable[[int, int], None] | None = None,
) -> Rejudging:
    """Plan what to judge again and with which judge; spends nothing.

    The judge is that of the experiment file, a panel of all of them if several files are given, and the local model if
    none is; a `detector` takes the place of a model. `samples` is how often each model is asked; it defaults to the
    highest number in those files. `metrics` defaults to all judged metrics of the run except those of the user's own
    judges, which are given by their paths. The judge is asked on a random sample of that many `questions`, and on those
    that it was asked on earlier.

    Raises DeclarationError for a run that is not finished, for metrics that it cannot have, for a name under which
    another model judged, and for a calibration of another judge.
    """
    check_judge_name(name, "--name")
    folder = RunFolder(run)
    manifest = folder.finished_manifest()
    chosen, own = _choose(folder, manifest, metrics)
    specs = [(path.resolve().parent, read_spec(path)) for path in experiments]
    check_languages(own, _questions(folder, manifest))
    judges = _pooled(judges_of(chosen, own), folder)
    detector = _detector(specs, detector)
    if detector is not None:
        judges = by_detector(judges, detector, chosen)
    elif len(specs) == 1:
        ((base, spec),) = specs
        judges = in_cascade(judges, choose_cascade(spec.models, base))
    raters = [(choice, base) for base, spec in specs for choice in spec.models.raters]
    embed = next(((spec.models.embed, base) for base, spec in specs), (LocalModel(), Path()))
    times = samples or max((spec.models.judge_samples for _, spec in specs), default=1)
    budget = choose_budget([spec.budget for _, spec in specs])
    with ExitStack() as on_failure:
        models = on_failure.enter_context(OpenModels(cache, budget=budget, on_embedding=on_embedding))
        asked = (
            choose_raters(judges, raters or [(LocalModel(), Path())], models)
            if detector is None
            else detector_raters(detector, models)
        )
        embedder = models.embedder(*embed) if need_embedder(judges) else None
        plan = Rejudging(
            folder=folder,
            name=name,
            metrics=tuple(Metric(metric.name, judge=name) for metric in chosen),
            judges=with_models(judges, asked, times, embedder),
            raters=asked,
            embedder=embedder,
            calibrations=tuple(read_calibration(str(path), path) for path in calibrations),
            models=models,
            asked=_number_to_ask(manifest, name, judges, questions),
        )
        by_judge(plan.calibrations, plan.keys)
        _check_same_model(plan, added_to(manifest, name))
        on_failure.pop_all()
    return plan


def rejudge(plan: Rejudging, on_progress: OnProgress | None = None) -> tuple[Metric, ...]:
    """Judge what has not been judged yet, score it, and add both to the run; returns the metrics. The models stay open.

    Judgments are written as they are made, so a call that was interrupted can resume. `on_progress` gets (done, total)
    in responses. All metrics of that name are scored and returned, including those that an earlier call added. Where
    this call judges, only its own calibrations apply. Raises what `run_experiment` raises.
    """
    return plan.models.run(_rejudge(plan, on_progress or (lambda done, total: None)))


async def _rejudge(plan: Rejudging, on_progress: OnProgress) -> tuple[Metric, ...]:
    with plan.folder.locked():
        manifest = plan.folder.finished_manifest()
        questions = _questions(plan.folder, manifest)
        answers = [_Answers(folder, {**folder.outcomes()}) for folder in plan.answers]
        await _judge(plan, questions, answers, on_progress)
        return _write(plan, manifest, questions, answers)


async def _judge(
    plan: Rejudging, questions: Sequence[Question], answers: Sequence[_Answers], on_progress: OnProgress
) -> None:
    keys, sample = plan.keys, _to_ask(plan, [question.id for question in questions])
    total = 0
    work: list[tuple[RunFolder, Question, Response, list[Judge]]] = []
    for one in answers:
        judged = {judge: {*one.folder.judgments(key)} for judge, key in keys.items()}
        for question in questions:
            outcome = one.outcomes.get(question.id)
            if not isinstance(outcome, Response) or not any(question.id in some for some in sample.values()):
                continue
            total += 1
            if missing := [
                judge
                for judge in plan.judges
                if question.id in sample[judge.name] and question.id not in judged[judge.name]
            ]:
                work.append((one.folder, question, outcome, missing))

    async def judge_one(task: tuple[RunFolder, Question, Response, list[Judge]]) -> None:
        folder, question, response, missing = task
        for judge in missing:
            key = keys[judge.name]
            folder.add_judgments(key, question.id, *await ask_judge(judge, key, plan.first_rater, question, response))

    done = total - len(work)
    on_progress(done, total)
    workers = max((model.concurrency for model in plan.raters), default=4)
    await work_through(work, judge_one, workers, done, on_progress)


def _write(
    plan: Rejudging, manifest: Mapping[str, Any], questions: Sequence[Question], answers: Sequence[_Answers]
) -> tuple[Metric, ...]:
    """Add the judges to the manifest, and the scores of all metrics of that name; these metrics."""
    folder, earlier = plan.folder, added_to(manifest, plan.name)
    asked: dict[str, Json] = {} if plan.asked is None else {ASKED: plan.asked}
    made = judge_entries(plan.judges, plan.raters, plan.embedder, plan.calibrations, plan.models.prices)
    entries: dict[str, JudgeEntry] = {
        **earlier.entries,
        **{entry_name(judge, plan.name): {**entry, **asked} for judge, entry in made.items()},
    }
    metrics = tuple(dict.fromkeys([*earlier.metrics, *plan.metrics]))
    judgments = [
        {name: read_judgments(one.folder, entry, one.outcomes) for name, entry in entries.items()} for one in answers
    ]
    counts = {name: with_counts(entry, *(said[name] for said in judgments)) for name, entry in entries.items()}
    settling: list[Mapping[str, Sequence[Judgment]]] = [
        read_judgments(one.folder, manifest["judges"][ABSTENTION], one.outcomes)
        if ABSTENTION in manifest["judges"]
        else {}
        for one in answers
    ]

    def scores_of(one: _Answers, said: Judgments, settling: Mapping[str, Sequence[Judgment]]) -> Scores:
        verdicts = {name: apply_calibration(entry, said[name]) for name, entry in entries.items()}
        no_context = needing_context(metrics, questions, one.outcomes)
        scores: Scores = {
            metric: dict.fromkeys((q.id for q in questions), NO_CONTEXT_AT_ALL)
            if metric in no_context
            else score_verdicts(metric, questions, one.outcomes, verdicts, settling)
            for metric in metrics
        }
        return only_asked(scores, entries)

    def outcomes_of(one: _Answers, settling: Mapping[str, Sequence[Judgment]]) -> Iterator[Outcome]:
        return (settled(one.outcomes[q.id], settling.get(q.id)) for q in questions if q.id in one.outcomes)

    scores = [*map(scores_of, answers, judgments, settling)]
    keys = [entry["key"] for entry in {**manifest["judges"], **entries}.values()]
    first, *others = map(outcomes_of, answers, settling)
    folder.write_manifest(
        {
            **manifest,
            "metrics": [*dict.fromkeys([*manifest["metrics"], *map(str, metrics)])],
            "judges": {**manifest["judges"], **counts},
            **totals(
                first,
                chain.from_iterable(one.folder.indexing_usages() for one in answers),
                {key: judging_usages([one.folder for one in answers], key) for key in keys},
                chain.from_iterable(others),
            ),
        }
    )
    new = scores_to_json(pool_repeats(scores), run_documents(folder), scores)
    folder.write_scores({**folder.scores(), **new})
    return metrics


def _detector(specs: Sequence[tuple[Path, Spec]], given: Detector | None) -> Detector | None:
    """The detector that was given, or that of the experiment file. Raises DeclarationError for one among others."""
    parts = [(part, base) for base, spec in specs if (part := spec.models.detector) is not None]
    if (parts or given) and len(specs) + (given is not None) > 1:
        raise DeclarationError("found a detector among several judges, expected it alone: detectors join no panel")
    return open_detector(*parts[0]) if parts else given


def _number_to_ask(
    manifest: Mapping[str, Any], name: str, judges: Sequence[Judge], questions: int | None
) -> int | None:
    """None where these judges are asked on all questions, or were before."""
    if questions is None or questions >= len(manifest["questions"]):
        return None
    earlier = added_to(manifest, name).entries
    before = [earlier[entry].get(ASKED) for judge in judges if (entry := entry_name(judge.name, name)) in earlier]
    known = [n for n in before if n is not None]
    return None if len(known) < len(before) else max([questions, *known])


def _to_ask(plan: Rejudging, questions: Sequence[str]) -> dict[str, set[str]]:
    """The questions that each judge is asked on: the sample of every metric that it is needed for."""
    sample: dict[str, set[str]] = {judge.name: set() for judge in plan.judges}
    for metric in plan.metrics:
        first = questions if plan.asked is None else asked_first(metric, questions, plan.asked)
        for judge in entries_read(metric):
            sample[judge].update(first)
    return sample


def _questions(folder: RunFolder, manifest: Mapping[str, Any]) -> list[Question]:
    """The questions of the run, in its order."""
    asked = folder.questions()
    return [asked[question_id][0] for question_id in manifest["questions"]]


def _choose(
    folder: RunFolder, manifest: Mapping[str, Any], given: Sequence[MetricLike]
) -> tuple[tuple[Metric, ...], tuple[Judge, ...]]:
    """The metrics to judge by, and the judges of the user's own among them."""
    of_run = [parse(name) for name in cast("list[str]", manifest["metrics"])]
    if not given:
        judged = [m for m in of_run if m.kind == "judged" and not m.judge and not m.name.startswith(CUSTOM)]
        if not judged:
            raise DeclarationError(
                f"{folder.path}: found no judged metric of rageval's own, expected one: name some with --metric"
            )
        return tuple(judged), ()
    chosen = choose_metrics(given, Path.cwd())
    for metric in chosen.metrics:
        if metric.kind != "judged":
            raise DeclarationError(f"--metric: found {metric}, which no judge scores, expected a judged metric")
        if metric.name.startswith(CUSTOM) and metric not in of_run:
            raise DeclarationError(
                f"{folder.path}: found no {metric}, expected it in the run: run the experiment with it first"
            )
        if not manifest["generate"] and need_answers([metric]):
            raise DeclarationError(
                f"{folder.path}: found no answers, expected some for {metric}: run the experiment with it instead"
            )
    return chosen.metrics, chosen.own_judges


def _pooled(judges: Sequence[Judge], folder: RunFolder) -> tuple[Judge, ...]:
    """The judges; the pool of those that look at all answers is this run's alone."""
    if not any(map(has_pool, judges)):
        return tuple(judges)
    responses = {q: [outcome] for q, outcome in folder.outcomes().items() if isinstance(outcome, Response)}
    return tuple(with_pool(judge, responses) for judge in judges)


def _check_same_model(plan: Rejudging, earlier: Added) -> None:
    """Each name stands for one model or one panel; otherwise its metrics would mix the verdicts of several."""
    for judge in plan.judges:
        model, detector = judging_model(judge, plan.first_rater), detector_of(judge)
        if detector is not None:
            model = detector.name
        for entry, about in earlier.entries.items():
            if model is not None and (before := about.get("detector", about["model"])) not in (None, model):
                raise DeclarationError(
                    f"--name {plan.name}: found {entry} judged by {before} in {plan.folder.path}, expected "
                    f"{model}: choose another name"
                )
