"""What to run: an experiment, with everything named in it found and checked, and nothing spent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rageval.benchmark import QuestionFilter, Selection, load, select_questions
from rageval.errors import DeclarationError
from rageval.experiment.choose_models import choose_chat, choose_embedder
from rageval.experiment.file import ExperimentFile, Filter, Models, read_experiment_file
from rageval.experiment.recipes import build_pipeline
from rageval.judges import JUDGES, Judge
from rageval.metrics.judged import JUDGED_METRICS
from rageval.metrics.names import Metric, parse
from rageval.models.base import ChatModel, Embedder
from rageval.pipeline import Need, Pipeline
from rageval.types import Benchmark, Json, Question


@dataclass(frozen=True)
class Experiment:
    """Pipelines to run over questions of a benchmark, and the metrics to score them by.

    `chat`, `embedder` and `judge` are None where nothing needs them. `name` begins the names of the run folders;
    `reference` is how the benchmark was called.
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

    @property
    def generate(self) -> bool:
        """Whether any metric needs answers; where none does, none are generated."""
        return need_answers(self.metrics)

    @property
    def judges(self) -> tuple[Judge, ...]:
        """The judges that the metrics read, each once, in the order of the metrics."""
        return judges_of(self.metrics)

    async def close(self) -> None:
        """Close the models, each once."""
        for model in {id(m): m for m in (self.chat, self.judge, self.embedder) if m}.values():
            await model.close()


def judges_of(metrics: Sequence[Metric]) -> tuple[Judge, ...]:
    """The judges that these metrics read, each once."""
    names = dict.fromkeys(JUDGED_METRICS[metric.name].judge for metric in metrics if metric.kind == "judged")
    return tuple(JUDGES[name] for name in names)


def need_answers(metrics: Sequence[Metric]) -> bool:
    """Whether any of the metrics looks at answers; rankings and contexts need none."""
    return any(metric.kind == "judged" and JUDGED_METRICS[metric.name].reads_answers for metric in metrics)


def model_needs(pipelines: Sequence[Pipeline], metrics: Sequence[Metric]) -> frozenset[Need]:
    """Which models the pipelines use for these metrics, judges left aside."""
    generate = need_answers(metrics)
    return frozenset[Need]().union(*(pipeline.stage.needs(generate) for pipeline in pipelines))


def load_experiment(path: Path, cache: Path, on_embedding: Callable[[int, int], None] | None = None) -> Experiment:
    """Read an experiment file and find all that it names.

    Raises DeclarationError (names, settings, labels, keys) before any model is loaded or called. `cache` is the folder
    of the model caches; `on_embedding` is told (done, total) while passages are embedded.
    """
    file = read_experiment_file(path)
    base = path.resolve().parent
    try:
        return _plan(file, path.stem, base, cache, on_embedding)
    except DeclarationError as error:
        if type(error) is DeclarationError:
            raise DeclarationError(f"{path}: {error}") from None
        raise


def _plan(
    file: ExperimentFile, name: str, base: Path, cache: Path, on_embedding: Callable[[int, int], None] | None
) -> Experiment:
    metrics = parse_metrics(file.metrics)
    pipelines = tuple(_pipeline(entry, base) for entry in file.pipelines)
    check_labels_differ(pipelines)
    benchmark = load(file.benchmark, split=file.split, base=base)
    questions = select_questions(benchmark, _selection(file.questions), file.seed)
    check_metrics_apply(metrics, benchmark, questions)
    chat, embedder, judge = _models(file.models, pipelines, metrics, base, cache, on_embedding)
    return Experiment(name, benchmark, file.benchmark, questions, pipelines, metrics, chat, embedder, judge, file.seed)


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


def _pipeline(entry: str | dict[str, dict[str, Json] | None], base: Path) -> Pipeline:
    if isinstance(entry, str):
        return build_pipeline(entry, {}, base)
    if len(entry) != 1:
        raise DeclarationError(f"pipelines: found {sorted(entry)} in one entry, expected one name with its settings")
    ((name, params),) = entry.items()
    return build_pipeline(name, params or {}, base)


def _selection(given: int | tuple[str, ...] | Filter | None) -> Selection:
    if isinstance(given, Filter):
        return QuestionFilter(given.language, given.tags, given.exclude_tags, given.sample)
    return given


def _models(
    models: Models,
    pipelines: Sequence[Pipeline],
    metrics: Sequence[Metric],
    base: Path,
    cache: Path,
    on_embedding: Callable[[int, int], None] | None,
) -> tuple[ChatModel | None, Embedder | None, ChatModel | None]:
    needs = model_needs(pipelines, metrics)
    judge_choice = models.judge or models.chat
    chat = choose_chat(models.chat, base, cache) if "chat" in needs else None
    judge = None
    if judges_of(metrics):
        judge = chat if chat is not None and judge_choice == models.chat else choose_chat(judge_choice, base, cache)
    embedder = choose_embedder(models.embed, cache, on_embedding) if "embed" in needs else None
    return chat, embedder, judge


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
