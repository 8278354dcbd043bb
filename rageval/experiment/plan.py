"""Turn a spec into an experiment: find and check everything that it names, and spend nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypeVar

from rageval.benchmark import from_hugging_face, load, select_questions
from rageval.benchmark.digests import corpus_digest
from rageval.benchmark.settings import with_settings
from rageval.errors import DeclarationError
from rageval.experiment.cascade import FirstJudge, choose_cascade, in_cascade
from rageval.experiment.choose_judges import check_languages
from rageval.experiment.choose_metrics import choose_metrics
from rageval.experiment.choose_models import choose_budget, warn_of_equal_answers
from rageval.experiment.choose_pipelines import choose_pipelines
from rageval.experiment.detector_spec import open_detector
from rageval.experiment.further import choose_further
from rageval.experiment.grid import grid_entries
from rageval.experiment.images import check_images
from rageval.experiment.judging import (
    by_detector,
    choose_calibrations,
    choose_raters,
    detector_raters,
    judge_entries,
    judge_keys,
    judges_of,
    need_answers,
    need_embedder,
    with_models,
)
from rageval.experiment.open_models import OpenModels, run_with
from rageval.experiment.pipeline_models import (
    SAME_MODELS,
    PipelineModels,
    check_pipeline_models,
    own_pipeline_models,
)
from rageval.experiment.spec import Spec, read_spec
from rageval.experiment.trained_on import check_trained_on
from rageval.experiment.until import Until, check_judges, choose_until
from rageval.io.tolerance import first_ids
from rageval.judges import Judge, asks_model
from rageval.judges.light.detectors import Detector
from rageval.metrics import Metric
from rageval.metrics.custom import OwnMetric
from rageval.models.base import ChatModel, Embedder
from rageval.models.rerank_endpoint import RerankService
from rageval.pipeline import Need, Pipeline, Resources
from rageval.pipeline.parts import parts_of
from rageval.pipeline.recorded import Replay
from rageval.prompts import Prompt
from rageval.prompts.own import check_prompt_languages
from rageval.scores.calibrations import Calibration, by_judge
from rageval.scores.shared_ids import check_question_ids
from rageval.types import Benchmark, Question

T = TypeVar("T")

_log = logging.getLogger("rageval")


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """Pipelines to run over questions of a benchmark, and the metrics to score them by.

    `chat` and `embedder` are None, and `raters` is empty, if nothing needs them. Several raters judge as a panel, each
    asked `judge_samples` times. A `detector` judges in the place of a chat model; that of a `cascade` decides the clear
    noes before it; `further` ones judge the finished runs again, by name. `own_judges` and `own_metrics` are the user's
    own ones that the metrics name. Each of the `calibrations` is applied to the verdicts of its judge. `phrases` are
    refusals in the user's own words. The names of the run folders begin with `name`; `reference` is how the benchmark
    was named. Each question is asked `repeats` times (see `repeats_of`). A `fresh` experiment uses no answers or
    replies of earlier commands. With `until`, `questions` are those of the first batches of `all_questions`; all of
    these have the same run folder.

    `pipeline_models` are those of pipelines that have models of their own, by label; `chat` and `embedder` are those of
    all others, and of judges.

    A context manager that closes the models opened for the experiment at the end. Without `models`, the caller closes
    them, and they must work in any event loop.
    """

    name: str
    benchmark: Benchmark
    reference: str
    questions: tuple[Question, ...]
    pipelines: tuple[Pipeline, ...]
    metrics: tuple[Metric, ...]
    chat: ChatModel | None = None
    embedder: Embedder | None = None
    raters: tuple[ChatModel, ...] = ()
    judge_samples: int = 1
    detector: Detector | None = None
    cascade: FirstJudge | None = None
    further: tuple[tuple[str, Detector], ...] = ()
    own_judges: tuple[Judge, ...] = ()
    own_metrics: tuple[OwnMetric, ...] = ()
    calibrations: tuple[Calibration, ...] = ()
    phrases: tuple[str, ...] = ()
    seed: int = 0
    repeats: int = 1
    fresh: bool = False
    until: Until | None = None
    all_questions: tuple[str, ...] = ()
    models: OpenModels | None = None
    pipeline_models: Mapping[str, PipelineModels] = field(default_factory=dict[str, PipelineModels])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.models is not None:
            self.models.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run what uses the models in the event loop that they live in."""
        return run_with(self.models, work)

    @cached_property
    def corpus(self) -> str:
        """The digest of all documents."""
        return corpus_digest(self.benchmark.documents)

    @property
    def generate(self) -> bool:
        """Whether any metric needs answers; where none does, none are generated."""
        return need_answers(self.metrics, self.own_metrics)

    def repeats_of(self, pipeline: Pipeline) -> int:
        """How often the pipeline is asked each question: once if it asks no chat model and nothing outside of rageval,
        since it would answer the same.
        """
        stage = pipeline.stage
        return self.repeats if "chat" in stage.needs(self.generate) or stage.asks_outside() else 1

    def models_of(self, pipeline: Pipeline) -> PipelineModels:
        """The models that the pipeline asks, None where there are none; all of them where it needs none."""
        own = self.pipeline_models.get(pipeline.label, SAME_MODELS)
        return replace(own, chat=own.chat or self.chat, embedder=own.embedder or self.embedder)

    def resources_of(self, pipeline: Pipeline, resources: Resources, repeat: int = 0) -> Resources:
        """The resources with the models that the pipeline asks, for that repeat of its answers."""
        asked = self.models_of(pipeline)
        own = resources.with_models(asked.chat, asked.embedder)
        return own.redrawn(asked.repeat * self.repeats_of(pipeline) + repeat, asked.temperature)

    @property
    def chats(self) -> tuple[ChatModel, ...]:
        """The chat models that pipelines ask, each once."""
        found = [self.chat, *(own.chat for own in self.pipeline_models.values())]
        return tuple({id(chat): chat for chat in found if chat is not None}.values())

    @property
    def embedders(self) -> tuple[Embedder, ...]:
        """The embedders that pipelines and judges ask, each once."""
        found = [self.embedder, *(own.embedder for own in self.pipeline_models.values())]
        return tuple({id(embedder): embedder for embedder in found if embedder is not None}.values())

    def with_wrapped(self, chat: Callable[[ChatModel], ChatModel], embedder: Callable[[Embedder], Embedder]) -> Self:
        """The same experiment, whose pipelines ask these models through wrappers; raters stay as they are."""
        chats = {id(one): chat(one) for one in self.chats}
        embedders = {id(one): embedder(one) for one in self.embedders}
        return replace(
            self,
            chat=chats.get(id(self.chat)),
            embedder=embedders.get(id(self.embedder)),
            pipeline_models={
                label: replace(own, chat=chats.get(id(own.chat)), embedder=embedders.get(id(own.embedder)))
                for label, own in self.pipeline_models.items()
            },
        )

    @property
    def judges(self) -> tuple[Judge, ...]:
        """The judges that the metrics read, each once, in the order of the metrics, with the embedder for those that
        compare embeddings, as panels where several raters judge.
        """
        has_model = self.detector is None and bool(self.chat or self.raters)
        judges = judges_of(self.metrics, self.own_judges, has_model=has_model)
        if self.detector is not None:
            judges = by_detector(judges, self.detector, self.metrics)
        judges = in_cascade(judges, self.cascade)
        return with_models(judges, self.raters, self.judge_samples, self.embedder)

    @property
    def first_rater(self) -> ChatModel | None:
        """The model that judges, or the first of several."""
        return self.raters[0] if self.raters else None

    @property
    def judge_keys(self) -> dict[str, str]:
        """The keys of the judges, by their names."""
        return judge_keys(self.judges, self.raters)


def load_experiment(
    path: Path,
    cache: Path,
    on_embedding: Callable[[int, int], None] | None = None,
    *,
    offline: bool = False,
    fresh: bool = False,
) -> Experiment:
    """The experiment of a file: `plan` of what it says. Raises DeclarationError, most often with the file's name."""
    spec, base = read_spec(path), path.resolve().parent
    try:
        return plan(
            spec, name=path.stem, base=base, cache=cache, on_embedding=on_embedding, offline=offline, fresh=fresh
        )
    except DeclarationError as error:
        if type(error) is DeclarationError:
            raise DeclarationError(f"{path}: {error}") from None
        raise


def plan(
    spec: Spec,
    *,
    name: str,
    base: Path,
    cache: Path,
    on_embedding: Callable[[int, int], None] | None = None,
    offline: bool = False,
    fresh: bool = False,
) -> Experiment:
    """Find everything that the spec names, relative to `base` or to the current directory.

    Raises DeclarationError (names, settings, labels, keys) before any model is loaded or called. `cache` is the folder
    of the model caches. `on_embedding` gets (done, total) while passages are embedded. If `offline`, only the caches
    answer. If `fresh`, the caches answer only with what this command puts there.
    """
    chosen = choose_metrics(spec.metrics, base)
    metrics = chosen.metrics
    grid = [] if spec.sweep is None else grid_entries(spec.sweep, spec.exclude)
    pipelines = choose_pipelines([*spec.pipelines, *grid], base)
    benchmark, reference = choose_benchmark(spec, base)
    questions = select_questions(benchmark, spec.selection, spec.seed)
    check_metrics_apply(metrics, benchmark, questions)
    check_recorded_ids(pipelines, benchmark, questions)
    check_languages(chosen.own_judges, questions)
    check_trained_on(pipelines, questions)
    check_prompt_languages(own_prompts(pipelines), questions)
    until = choose_until(spec.until, base, pipelines, metrics, chosen.own_metrics, benchmark, questions)
    calibrations = choose_calibrations(spec.calibrations, base)
    judges = judges_of(metrics, chosen.own_judges, has_model=False)
    check_pipeline_models(pipelines, spec.models)
    generate = need_answers(metrics, chosen.own_metrics)
    check_images(pipelines, benchmark, spec.models, generate=generate)
    needs = model_needs(pipelines, judges, generate=generate)
    detector = None if spec.models.detector is None else open_detector(spec.models.detector, base)
    if detector is None:
        has_model = "chat" in needs or spec.models.judge is not None or any(map(asks_model, judges))
        judges = judges_of(metrics, chosen.own_judges, has_model=has_model)
    else:
        judges = by_detector(judges, detector, metrics)
    cascade = choose_cascade(spec.models, base)
    in_cascade(judges, cascade)
    further = choose_further(spec.judges, base, metrics)
    budget = choose_budget([spec.budget])
    with ExitStack() as on_failure:
        models = on_failure.enter_context(
            OpenModels(cache, budget=budget, offline=offline, fresh=fresh, on_embedding=on_embedding)
        )
        experiment = Experiment(
            name=name,
            benchmark=benchmark,
            reference=reference,
            questions=questions,
            pipelines=pipelines,
            metrics=metrics,
            chat=models.chat(spec.models.chat, base) if "chat" in needs else None,
            raters=choose_raters(judges, [(choice, base) for choice in spec.models.raters], models)
            if detector is None
            else detector_raters(detector, models),
            embedder=models.embedder(spec.models.embed, base) if "embed" in needs else None,
            judge_samples=spec.models.judge_samples,
            detector=detector,
            cascade=cascade,
            further=further,
            own_judges=chosen.own_judges,
            own_metrics=chosen.own_metrics,
            calibrations=calibrations,
            phrases=spec.abstention.phrases,
            seed=spec.seed,
            repeats=spec.repeats,
            fresh=fresh,
            until=until,
            all_questions=tuple(question.id for question in questions) if until else (),
            models=models,
            pipeline_models=own_pipeline_models(pipelines, spec.models, base, models, generate=generate),
        )
        if until is not None:
            entries = judge_entries(experiment.judges, experiment.raters, experiment.embedder, calibrations)
            check_judges(until, experiment.judges, entries)
        for service in rerank_services(pipelines):
            models.ranker(service)
        by_judge(calibrations, experiment.judge_keys)
        if experiment.repeats > 1 and experiment.chat is not None:
            warn_of_equal_answers(spec.models.chat)
        on_failure.pop_all()
    return experiment


def choose_benchmark(spec: Spec, base: Path) -> tuple[Benchmark, str]:
    """The benchmark that is asked for, and how it was called. Warns of what was irregular in its files."""
    benchmark, reference = _find_benchmark(spec, base)
    for one in benchmark.tolerated:
        _log.warning("%s: tolerated: %s", reference, one)
    settled = with_settings(benchmark, exclude_self=spec.exclude_self, grade_threshold=spec.grade_threshold)
    return settled, reference


def _find_benchmark(spec: Spec, base: Path) -> tuple[Benchmark, str]:
    given, split = spec.benchmark, spec.split
    if isinstance(given, str):
        return load(given, split=split, base=base, strict=spec.strict), given
    if isinstance(given, dict):
        return load(given, split=split, base=base, strict=spec.strict), _called(given)
    if isinstance(given, Benchmark):
        if split is not None:
            raise DeclarationError(f"split: found {split!r}, expected none: only beir: and hf: benchmarks have splits")
        return given, given.name
    if split is not None:
        raise DeclarationError(f"split: found {split!r} beside {given.reference}, expected it under benchmark")
    return from_hugging_face(**given.arguments, base=base, strict=spec.strict), given.reference


def _called(given: Mapping[str, Mapping[str, object] | None]) -> str:
    """A loader with its settings, as text: `faq.py(path=faq.csv)`."""
    ((name, settings),) = given.items()
    return f"{name}({', '.join(f'{key}={value}' for key, value in (settings or {}).items())})"


def check_metrics_apply(metrics: Sequence[Metric], benchmark: Benchmark, questions: Sequence[Question]) -> None:
    """Raises DeclarationError for ranking and evidence metrics if none of the questions has relevance labels, and for
    evidence metrics if none of the labels marks a span as evidence.
    """
    ranking = [str(metric) for metric in metrics if metric.kind in ("ranking", "evidence")]
    labelled = {label.question_id for label in benchmark.labels}
    if ranking and not any(question.id in labelled for question in questions):
        raise DeclarationError(
            f"metrics: {', '.join(ranking)} need relevance labels, and none of the {len(questions)} questions has any; "
            "add labels or use judged metrics"
        )
    evidence = [str(metric) for metric in metrics if metric.kind == "evidence"]
    marked = {label.question_id for label in benchmark.labels if label.start is not None}
    if evidence and not any(question.id in marked for question in questions):
        raise DeclarationError(
            f"metrics: {', '.join(evidence)} need labels that mark spans, and those of the {len(questions)} questions "
            "mark none: add start and end, or a quote, to the labels, or use metrics of documents such as recall@20"
        )


def check_recorded_ids(pipelines: Sequence[Pipeline], benchmark: Benchmark, questions: Sequence[Question]) -> None:
    """Raises DeclarationError for a recorded run that has none of the questions, or none of the documents; warns of one
    with few of the questions.
    """
    documents: frozenset[str] | None = None
    for stage in (pipeline.stage for pipeline in pipelines):
        if not isinstance(stage, Replay):
            continue
        recorded = stage.recorded_documents()
        asked = {question.id: recorded.get(question.id, ()) for question in questions}
        for warning in check_question_ids(benchmark.name, asked, str(stage.path), recorded):
            _log.warning(warning)
        documents = documents or frozenset(document.id for document in benchmark.documents)
        found = [doc for docs in asked.values() for doc in docs]
        if found and documents.isdisjoint(found):
            raise DeclarationError(
                f"{stage.path}: found no document of {benchmark.name}, expected ids in common: the benchmark has "
                f"{first_ids(document.id for document in benchmark.documents)}, and the run {first_ids(found)}"
            )


def own_prompts(pipelines: Sequence[Pipeline]) -> list[Prompt]:
    """The prompts of the user's own in the pipelines, each once."""
    parts = (part for pipeline in pipelines for part in parts_of(pipeline.stage))
    return list(dict.fromkeys(part for part in parts if isinstance(part, Prompt)))


def rerank_services(pipelines: Sequence[Pipeline]) -> list[RerankService]:
    """The rerank models at endpoints that the pipelines name, each once."""
    parts = (part for pipeline in pipelines for part in parts_of(pipeline.stage))
    return list({part.identity: part for part in parts if isinstance(part, RerankService)}.values())


def model_needs(pipelines: Sequence[Pipeline], judges: Sequence[Judge], *, generate: bool) -> frozenset[Need]:
    """The experiment's models that the pipelines use, and the embedder if a judge compares embeddings; leaves out the
    model that judges, and models of a pipeline's own. `generate` says whether answers are wanted.
    """
    compared: frozenset[Need] = frozenset({"embed"} if need_embedder(judges) else ())
    return compared.union(*(pipeline.stage.needs(generate) - {*pipeline.models} for pipeline in pipelines))
