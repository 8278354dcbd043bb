"""What to run: an experiment, with everything named in it found and checked, and nothing spent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rageval.benchmark import QuestionFilter, Selection, from_hugging_face, load, select_questions
from rageval.errors import DeclarationError
from rageval.experiment.choose_judges import MetricLike, check_languages, choose_judge
from rageval.experiment.choose_models import choose_budget, choose_chat, choose_embedder
from rageval.experiment.grid import grid_entries
from rageval.experiment.recipes import build_pipeline
from rageval.experiment.spec import ExperimentFile, Filter, HuggingFacePart, read_experiment_file
from rageval.io.user_files import find_file
from rageval.judges import JUDGES, EmbeddingJudge, Judge, asks_model, check_raters, judge_key, panel
from rageval.metrics.judged import judged_metric
from rageval.metrics.names import CUSTOM, Metric, parse
from rageval.metrics.overlap import check_available
from rageval.models.base import ChatModel, Embedder
from rageval.pipeline import Need, Pipeline
from rageval.scores.calibrations import Calibration, by_judge, read_calibration
from rageval.types import Benchmark, Json, Question


@dataclass(frozen=True)
class Experiment:
    """Pipelines to run over questions of a benchmark, and the metrics to score them by.

    `chat`, `embedder` and `judge` are None where nothing needs them. `name` begins the names of the run folders;
    `reference` is how the benchmark was called. `own_judges` are those of the user's own that the metrics name.
    `more_raters` judge beside `judge` as a panel, each model `judge_samples` times; `calibrations` are applied to the
    verdicts of the judges that they are of.
    """

    name: str
    benchmark: Benchmark
    reference: str
    questions: tuple[Question, ...]
    pipelines: tuple[Pipeline, ...]
    metrics: tuple[Metric, ...]
    chat: ChatModel | None = None
    embedder: Embedder | None = None
    judge: ChatModel | None = None
    seed: int = 0
    own_judges: tuple[Judge, ...] = ()
    more_raters: tuple[ChatModel, ...] = ()
    judge_samples: int = 1
    calibrations: tuple[Calibration, ...] = ()

    @property
    def generate(self) -> bool:
        """Whether any metric needs answers; where none does, none are generated."""
        return need_answers(self.metrics)

    @property
    def judges(self) -> tuple[Judge, ...]:
        """The judges that the metrics read, each once, in the order of the metrics, with the embedder for those that
        compare embeddings, as panels where several raters judge.
        """
        judges = with_embedder(judges_of(self.metrics, self.own_judges), self.embedder)
        return as_panels(judges, self.raters, self.judge_samples)

    @property
    def raters(self) -> tuple[ChatModel, ...]:
        """The models that judge; none where no judge asks any."""
        return () if self.judge is None else (self.judge, *self.more_raters)

    @property
    def judge_keys(self) -> dict[str, str]:
        """The keys of the judges, by their names."""
        return judge_keys(self.judges, self.judge)

    async def close(self) -> None:
        """Close the models, each once."""
        for model in {id(m): m for m in (self.chat, *self.raters, self.embedder) if m}.values():
            await model.close()


def judges_of(metrics: Sequence[Metric], own: Sequence[Judge]) -> tuple[Judge, ...]:
    """The judges that these metrics read, each once; `own` are those of the user's own."""
    known = {**JUDGES, **{judge.name: judge for judge in own}}
    judged = [judged_metric(metric) for metric in metrics if metric.kind == "judged"]
    return tuple(known[name] for name in dict.fromkeys(name for metric in judged for name in metric.judges))


def as_panels(judges: Sequence[Judge], raters: Sequence[ChatModel], samples: int) -> tuple[Judge, ...]:
    """The judges, as panels of these models where there is more than one rater."""
    return tuple(panel(judge, raters, samples) if raters else judge for judge in judges)


def judge_keys(judges: Sequence[Judge], chat: ChatModel | None) -> dict[str, str]:
    """The keys of the judges, by their names; `chat` is the model that judges, or the first of several."""
    return {
        judge.name: judge_key(judge, chat.identity if chat is not None and asks_model(judge) else None)
        for judge in judges
    }


def with_embedder(judges: Sequence[Judge], embedder: Embedder | None) -> tuple[Judge, ...]:
    """The judges, those that compare embeddings with this embedder; without one they refuse to judge."""
    return tuple(
        judge.with_embedder(embedder) if embedder and isinstance(judge, EmbeddingJudge) else judge for judge in judges
    )


def ask_any_model(judges: Sequence[Judge]) -> bool:
    """Whether any of the judges calls a model."""
    return any(asks_model(judge) for judge in judges)


def need_answers(metrics: Sequence[Metric]) -> bool:
    """Whether any of the metrics looks at answers; rankings and contexts need none."""
    return any(metric.definition.reads_answers for metric in metrics)


def model_needs(pipelines: Sequence[Pipeline], metrics: Sequence[Metric], judges: Sequence[Judge]) -> frozenset[Need]:
    """Which models the pipelines use for these metrics, and the embedder where a judge compares embeddings; the model
    that judges is left aside.
    """
    generate = need_answers(metrics)
    compared: frozenset[Need] = frozenset({"embed"} if any(isinstance(j, EmbeddingJudge) for j in judges) else ())
    return compared.union(*(pipeline.stage.needs(generate) for pipeline in pipelines))


def load_experiment(
    path: Path, cache: Path, on_embedding: Callable[[int, int], None] | None = None, *, offline: bool = False
) -> Experiment:
    """Read an experiment file and find all that it names.

    Raises DeclarationError (names, settings, labels, keys) before any model is loaded or called. `cache` is the folder
    of the model caches; `on_embedding` is told (done, total) while passages are embedded. Where `offline`, the caches
    alone answer.
    """
    file = read_experiment_file(path)
    base = path.resolve().parent
    try:
        return _plan(file, path.stem, base, cache, on_embedding, offline)
    except DeclarationError as error:
        if type(error) is DeclarationError:
            raise DeclarationError(f"{path}: {error}") from None
        raise


def _plan(
    file: ExperimentFile,
    name: str,
    base: Path,
    cache: Path,
    on_embedding: Callable[[int, int], None] | None,
    offline: bool,
) -> Experiment:
    metrics, own_judges = choose_metrics(file.metrics, base)
    grid = [] if file.sweep is None else grid_entries(file.sweep, file.exclude)
    pipelines = tuple(_pipeline(entry, base) for entry in (*file.pipelines, *grid))
    check_labels_differ(pipelines)
    benchmark, reference = benchmark_of_file(file.benchmark, file.split, base)
    questions = select_questions(benchmark, selection(file.questions), file.seed)
    check_metrics_apply(metrics, benchmark, questions)
    check_languages(own_judges, questions)
    judges = judges_of(metrics, own_judges)
    needs, judging = model_needs(pipelines, metrics, judges), ask_any_model(judges)
    chat, embedder, raters = _models(file, needs, judging, base, cache, on_embedding, offline)
    experiment = Experiment(
        name,
        benchmark,
        reference,
        questions,
        pipelines,
        metrics,
        chat,
        embedder,
        raters[0] if raters else None,
        file.seed,
        own_judges,
        raters[1:],
        file.models.judge_samples,
        tuple(read_calibration(named, find_file("calibrations", named, base)) for named in file.calibrations),
    )
    by_judge(experiment.calibrations, experiment.judge_keys)
    return experiment


def choose_metrics(given: Sequence[MetricLike], base: Path) -> tuple[tuple[Metric, ...], tuple[Judge, ...]]:
    """The metrics, in order, and the judges of the user's own among what is given: names, paths, or judges."""
    judges = [choose_judge(entry, base) for entry in given]
    metrics = parse_metrics(
        [str(entry) if judge is None else judge.name for entry, judge in zip(given, judges, strict=True)]
    )
    for metric in metrics:
        if metric.judge:
            raise DeclarationError(
                f"metrics: found {metric}, expected {metric.name}: `rageval judge RUN --name {metric.judge}` adds "
                "another judge to a run"
            )
    check_available([metric.name for metric in metrics])
    own = {judge.name: judge for judge in judges if judge is not None}
    for metric in metrics:
        if metric.name.startswith(CUSTOM) and metric.name not in own:
            name = metric.name.removeprefix(CUSTOM)
            raise DeclarationError(f"metrics: found {metric}, expected the path of that judge, such as {name}.yaml")
    return metrics, tuple(own.values())


def parse_metrics(texts: Sequence[str]) -> tuple[Metric, ...]:
    """The metrics, in order; one named twice (also by an alias) is a mistake."""
    metrics = tuple(parse(text) for text in texts)
    for position, metric in enumerate(metrics):
        if metric in metrics[:position]:
            raise DeclarationError(f"metrics: found {metric} twice, expected each metric once")
    return metrics


def check_labels_differ(pipelines: Sequence[Pipeline]) -> None:
    """Two pipelines of one experiment must be told apart by their labels, and differ in more than those."""
    for position, pipeline in enumerate(pipelines):
        for earlier in pipelines[:position]:
            if earlier.label == pipeline.label:
                raise DeclarationError(f"pipelines: found {pipeline.label} twice, expected pipelines that differ")
            if (earlier.name, earlier.stage.spec()) == (pipeline.name, pipeline.stage.spec()):
                raise DeclarationError(
                    f"pipelines: found {earlier.label} and {pipeline.label}, which are the same, expected pipelines "
                    "that differ"
                )


def check_metrics_apply(metrics: Sequence[Metric], benchmark: Benchmark, questions: Sequence[Question]) -> None:
    """Ranking metrics need labels: an experiment in which none of its questions has any is a mistake."""
    ranking = [str(metric) for metric in metrics if metric.kind == "ranking"]
    labelled = {label.question_id for label in benchmark.labels}
    if ranking and not any(question.id in labelled for question in questions):
        raise DeclarationError(
            f"metrics: {', '.join(ranking)} need relevance labels, and none of the {len(questions)} questions has any; "
            "add labels or use judged metrics"
        )


def benchmark_of_file(given: str | HuggingFacePart, split: str | None, base: Path) -> tuple[Benchmark, str]:
    """The benchmark, and how it was called."""
    if isinstance(given, str):
        return load(given, split=split, base=base), given
    if split is not None:
        raise DeclarationError(f"split: found {split!r} beside {given.reference}, expected it under benchmark")
    benchmark = from_hugging_face(
        given.hf,
        config=given.config,
        split=given.split,
        revision=given.revision,
        columns=given.columns,
        limit=given.limit,
        base=base,
    )
    return benchmark, given.reference


def _pipeline(entry: str | dict[str, dict[str, Json] | None], base: Path) -> Pipeline:
    if isinstance(entry, str):
        return build_pipeline(entry, {}, base)
    if len(entry) != 1:
        raise DeclarationError(f"pipelines: found {sorted(entry)} in one entry, expected one name with its settings")
    ((name, params),) = entry.items()
    return build_pipeline(name, params or {}, base)


def selection(given: int | tuple[str, ...] | Filter | None) -> Selection:
    """What an experiment file says under `questions`, as `select_questions` takes it."""
    if isinstance(given, Filter):
        return QuestionFilter(given.language, given.tags, given.exclude_tags, given.sample)
    return given


def _models(
    file: ExperimentFile,
    needs: frozenset[Need],
    judging: bool,
    base: Path,
    cache: Path,
    on_embedding: Callable[[int, int], None] | None,
    offline: bool,
) -> tuple[ChatModel | None, Embedder | None, tuple[ChatModel, ...]]:
    models, budget = file.models, choose_budget([file.budget])
    chat = choose_chat(models.chat, base, cache, budget, offline=offline) if "chat" in needs else None
    raters = [
        chat
        if chat is not None and choice == models.chat
        else choose_chat(choice, base, cache, budget, offline=offline)
        for choice in (models.raters if judging else ())
    ]
    check_raters(raters)
    embedder = choose_embedder(models.embed, cache, on_embedding, offline=offline) if "embed" in needs else None
    return chat, embedder, tuple(raters)


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """Chat calls that one pipeline takes over all questions, at least and at most, if nothing is cached.

    Judges ask nothing where a pipeline abstains: hence the distance between `low` and `high`. `prompt_tokens` is an
    upper bound in estimated tokens.
    """

    pipeline: str
    low: int
    high: int
    prompt_tokens: int


_PROMPT_OVERHEAD = 150


def estimate_cost(experiment: Experiment) -> tuple[CostEstimate, ...]:
    """What the experiment will ask of chat models, per pipeline, if nothing is cached."""
    n = len(experiment.questions)
    estimates: list[CostEstimate] = []
    for pipeline in experiment.pipelines:
        stage, context = pipeline.stage, pipeline.stage.context_size()
        answering = stage.calls(experiment.generate)
        judging = [judge.calls(context.passages) for judge in experiment.judges]
        indexing = stage.indexing_calls(experiment.benchmark.documents)
        low = indexing + n * (answering.low + sum(call[0] for call in judging))
        high = indexing + n * (answering.high + sum(call[1] for call in judging))
        tokens = high * (context.passages * context.tokens_each + _PROMPT_OVERHEAD)
        estimates.append(CostEstimate(pipeline.label, low, high, tokens))
    return tuple(estimates)
