"""The synchronous front of the library: `rageval.evaluate`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from rageval.benchmark import Selection, load, select_questions
from rageval.decide.leaderboard import Leaderboard, read_leaderboard
from rageval.errors import DeclarationError
from rageval.experiment.choose_judges import MetricLike, check_languages
from rageval.experiment.choose_models import choose_budget, choose_chat, choose_embedder
from rageval.experiment.plan import (
    Experiment,
    ask_any_model,
    check_labels_differ,
    check_metrics_apply,
    choose_metrics,
    judges_of,
    model_needs,
)
from rageval.experiment.recipes import build_pipeline
from rageval.experiment.run import Executor, run_experiment
from rageval.experiment.spec import MOST_SAMPLES, parse_budget, parse_model_choice
from rageval.io.run_folder import RunFolder
from rageval.io.user_files import find_file
from rageval.judges.panel import check_raters
from rageval.models.base import ChatModel, Embedder
from rageval.models.budget import Budget, BudgetedChat
from rageval.models.cache import CachedChat
from rageval.models.vector_cache import CachedEmbedder
from rageval.pipeline import Pipeline, Stage
from rageval.pipeline.systems import System, function_pipeline
from rageval.report.tables import markdown
from rageval.scores.calibrations import by_judge, read_calibration
from rageval.types import Benchmark, Estimate, Json

if TYPE_CHECKING:
    from rageval.io.frames import DataFrame
    from rageval.io.run_tables import RunTable

T = TypeVar("T")

ModelLike: TypeAlias = ChatModel | Mapping[str, Any] | str
PipelineLike: TypeAlias = str | Mapping[str, Mapping[str, Json]] | Pipeline | Stage | System


@dataclass(frozen=True, slots=True)
class Result:
    """The runs of one evaluation. Printed, it is the leaderboard as a Markdown table.

    `runs` are the run folders, in the order of the pipelines; `leaderboard` sorts them by the first metric.
    """

    runs: tuple[Path, ...]
    leaderboard: Leaderboard

    def __getitem__(self, pipeline: str) -> Mapping[str, Estimate | None]:
        """Estimates by metric name for the pipeline with that label. Raises KeyError where there is none."""
        for row in self.leaderboard.rows:
            if row.label == pipeline:
                return row.estimates
        raise KeyError(f"{pipeline!r}; the pipelines are {[row.label for row in self.leaderboard.rows]}")

    def __str__(self) -> str:
        return markdown(self.leaderboard)

    def to_pandas(self, table: RunTable = "scores") -> DataFrame:
        """That table of all runs, one below the other: see `RunFolder.to_pandas`."""
        from rageval.io.frames import join_frames

        return join_frames([RunFolder(run).to_pandas(table) for run in self.runs])


def evaluate(
    benchmark: str | Path | Benchmark,
    pipelines: Sequence[PipelineLike],
    metrics: Sequence[MetricLike],
    *,
    questions: Selection = None,
    split: str | None = None,
    chat: ModelLike = "local",
    embed: Embedder | Mapping[str, Any] | str = "local",
    judge: ModelLike | Sequence[ModelLike] | None = None,
    judge_samples: int = 1,
    calibrations: Sequence[str | Path] = (),
    budget: Mapping[str, float] | None = None,
    seed: int = 0,
    out: str | Path = "results",
    name: str = "evaluation",
    executor: Executor | None = None,
) -> Result:
    """Run pipelines over a benchmark and score them; what an earlier call has done is not done again.

    `pipelines` may be names of recipes (`"naive"`), `{"naive": {"k": 3}}`, `Pipeline`s, stages, or functions from a
    `Question` to a `Response` or an answer. `metrics` may be names, paths of judges of your own (`"tone.yaml"`,
    `"brevity.py"`), or such judges (`CustomJudge`, `Rubric`). Models are `"local"`, a mapping as in an experiment file,
    or objects; `judge` is the chat model unless given. Several are a panel, each asked `judge_samples` times (1 to 50).
    `calibrations` are records that `rageval calibrate` wrote, applied to the verdicts of their judges. `budget` bounds
    what the chat calls take together (`{"max_calls": 500}`, `max_tokens`, `max_cost`). Runs go to `out/runs`, caches to
    `out/cache`; the names of the run folders begin with `name`, with '-' for what no file name should hold. An
    `executor` has the questions worked on in another way, such as `rageval.integrations.opentelemetry.traced()`.

    Works inside a running event loop (a notebook) too. Raises DeclarationError before anything is spent, BudgetError
    where a call could go beyond the budget, and ModelError where a model refuses all calls: what is done is kept then.
    """
    here, folder = Path.cwd(), Path(out)
    parsed, own_judges = choose_metrics(metrics, here)
    built = tuple(as_pipeline(pipeline, here) for pipeline in pipelines)
    if not built or not parsed:
        raise DeclarationError("evaluate: found no pipelines or no metrics, expected at least one of each")
    if not 1 <= judge_samples <= MOST_SAMPLES:
        raise DeclarationError(f"judge_samples: found {judge_samples}, expected 1 to {MOST_SAMPLES}")
    check_labels_differ(built)
    loaded = benchmark if isinstance(benchmark, Benchmark) else load(str(benchmark), split=split)
    chosen = select_questions(loaded, questions, seed)
    check_metrics_apply(parsed, loaded, chosen)
    check_languages(own_judges, chosen)
    judges = judges_of(parsed, own_judges)
    needs = model_needs(built, parsed, judges)
    cache = folder / "cache"
    spend = choose_budget([None if budget is None else parse_budget(budget, "budget")])
    chat_model = _chat(chat, here, cache, "chat", spend) if "chat" in needs else None
    embedder = _embedder(embed, cache) if "embed" in needs else None
    raters = _raters(judge, chat, chat_model, here, cache, spend) if ask_any_model(judges) else []
    experiment = Experiment(
        name,
        loaded,
        loaded.name,
        chosen,
        built,
        parsed,
        chat_model,
        embedder,
        raters[0] if raters else None,
        seed,
        own_judges,
        tuple(raters[1:]),
        judge_samples,
        tuple(read_calibration(str(file), find_file("calibrations", str(file), here)) for file in calibrations),
    )
    by_judge(experiment.calibrations, experiment.judge_keys)
    runs = tuple(_outside_any_loop(lambda: run_experiment(experiment, folder, executor=executor)))
    return Result(runs, read_leaderboard(runs))


def as_pipeline(given: PipelineLike, base: Path) -> Pipeline:
    """The pipeline that is given in one of the forms that `evaluate` takes; paths are relative to `base`."""
    match given:
        case Pipeline():
            return given
        case Stage():
            return Pipeline(type(given).__name__, given)
        case str():
            return build_pipeline(given, {}, base)
        case Mapping():
            ((name, params),) = given.items()
            return build_pipeline(name, params, base)
        case _ if callable(given):
            return function_pipeline(given)
        case _:
            raise DeclarationError(f"evaluate: found a {type(given).__name__}, expected a pipeline, name or function")


def _raters(
    judge: ModelLike | Sequence[ModelLike] | None,
    chat: ModelLike,
    chat_model: ChatModel | None,
    base: Path,
    cache: Path,
    budget: Budget | None,
) -> list[ChatModel]:
    """The models that judge; the one that answers where none is given."""
    if judge is None and chat_model is not None:
        return [chat_model]
    given = [chat] if judge is None else [*judge] if isinstance(judge, list | tuple) else [cast("ModelLike", judge)]
    if not given:
        raise DeclarationError("judge: found an empty list, expected at least one model")
    raters = [_chat(model, base, cache, "judge", budget) for model in given]
    check_raters(raters)
    return raters


def _chat(given: ModelLike, base: Path, cache: Path, role: str, budget: Budget | None) -> ChatModel:
    if isinstance(given, str | Mapping):
        return choose_chat(parse_model_choice(given, role), base, cache, budget)
    return CachedChat(given if budget is None else BudgetedChat(given, budget, None), cache / "chat.sqlite")


def _embedder(given: Embedder | Mapping[str, Any] | str, cache: Path) -> Embedder:
    if isinstance(given, str | Mapping):
        return choose_embedder(parse_model_choice(given, "embed"), cache)
    return CachedEmbedder(given, cache / "vectors")


def _outside_any_loop(work: Callable[[], T]) -> T:
    """Run `work`, which starts an event loop of its own, in a thread where the caller already runs one."""
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return work()
    outcome: list[T | BaseException] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:  # noqa: BLE001 (raised again below, in the caller's thread)
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return cast(T, outcome[0])
