"""`ragas.evaluate` by rageval."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from datasets import Dataset  # pyright: ignore[reportMissingTypeStubs]
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from ragas import EvaluationDataset, RunConfig, SingleTurnSample
from ragas.embeddings.base import LangchainEmbeddingsWrapper
from ragas.llms.base import LangchainLLMWrapper
from ragas.metrics.base import Metric, SimpleBaseMetric, SingleTurnMetric
from ragas.utils import convert_v1_to_v2_dataset
from ragas.validation import remap_column_names

from rageval.errors import DeclarationError
from rageval.experiment.choose_metrics import MetricLike
from rageval.front import ModelLike, Result
from rageval.front import evaluate as evaluate_benchmark
from rageval.integrations.ragas.judges import RagasJudge, judge
from rageval.integrations.ragas.metrics import AnyMetric, columns_of
from rageval.integrations.ragas.samples import from_ragas, single_turns
from rageval.io.run_folder import RunFolder
from rageval.io.run_frames import RunFrame
from rageval.judges import CustomJudge, Rubric
from rageval.metrics.custom import CustomMetric
from rageval.models.base import Embedder

_FOLDER_NAME = re.compile(r"\w[\w .-]*")


@dataclass(frozen=True, slots=True)
class RagasResult(Result):
    """What `evaluate` returns: the run, and its leaderboard with intervals; `result["recorded"]` are the estimates.

    `dataset` is what was scored, `columns` says what RAGAS calls each metric.
    """

    dataset: EvaluationDataset
    columns: Mapping[str, str]

    def to_pandas(self, table: RunFrame | Literal["ragas"] = "ragas") -> Any:
        """A data frame as RAGAS makes one: a row for each sample, with a column for each metric.

        The scores are rageval's, from 0 (worst) to 1; `<NA>` where there is none. A metric of rageval's own is called
        `rageval.faithfulness` where RAGAS's is `faithfulness`. Another `table` is as of any `Result`.
        """
        if table != "ragas":
            return Result.to_pandas(self, table)
        frame: Any = self.dataset.to_pandas()
        theirs = {*self.columns.values()}
        for metric, scored in RunFolder(self.runs[0]).scores().items():
            column = self.columns.get(metric, f"rageval.{metric}" if metric in theirs else metric)
            frame[column] = [scored["questions"].get(f"q{number}") for number in range(1, len(frame) + 1)]
            frame = frame.astype({column: "Float64"})
        return frame


def evaluate(
    dataset: EvaluationDataset | Dataset,
    metrics: Sequence[type[Metric | SimpleBaseMetric] | AnyMetric | MetricLike] | None = None,
    llm: ModelLike | BaseChatModel | LangchainLLMWrapper | None = None,
    embeddings: Embedder | Embeddings | LangchainEmbeddingsWrapper | Mapping[str, Any] | str | None = None,
    experiment_name: str | None = None,
    callbacks: Sequence[Any] | None = None,
    run_config: RunConfig | None = None,
    token_usage_parser: Callable[..., Any] | None = None,
    raise_exceptions: bool = False,
    column_map: Mapping[str, str] | None = None,
    show_progress: bool = False,
    batch_size: int | None = None,
    return_executor: bool = False,
    allow_nest_asyncio: bool = True,
    *,
    out: str | Path = "results",
    budget: Mapping[str, float] | None = None,
) -> RagasResult:
    """`ragas.evaluate` by rageval: the same metrics over the same data, cached and resumable, with intervals.

    `metrics` may be those of `ragas.metrics` and `ragas.metrics.collections` or their classes, judges that `judge`
    made, and rageval's own (`"faithfulness"`); without any, RAGAS's four. `llm` and `embeddings` are models as for
    `rageval.evaluate` (a mapping, an object, or the local ones, which they are unless given), or LangChain's, with or
    without RAGAS's wrapper around them. `column_map` is for a `datasets.Dataset`. Runs and caches go to `out`; `budget`
    as for `rageval.evaluate`. Works with and without a running event loop, whatever `allow_nest_asyncio` says. The
    other arguments of RAGAS's are refused where they ask for anything, with what to use.

    Raises DeclarationError before anything is spent, BudgetError and ModelError as `rageval.evaluate` does.
    """
    _refuse(
        callbacks=(callbacks, "`rageval run --dry-run` and the run's folder tell what is asked"),
        run_config=(run_config, 'timeout, retries and workers are the model\'s: llm={..., "concurrency": 16}'),
        token_usage_parser=(token_usage_parser, "tokens are counted, and the leaderboard shows them"),
        raise_exceptions=(raise_exceptions, "what fails is an abstention with its cause, and is counted"),
        show_progress=(show_progress, "`rageval run` shows progress"),
        batch_size=(batch_size, 'the model bounds what is in flight: llm={..., "concurrency": 16}'),
        return_executor=(return_executor, "a run that is interrupted goes on where it stopped"),
    )
    chat, embed = _chat_model(llm), _embedding_model(embeddings)
    name = experiment_name or "ragas"
    if not _FOLDER_NAME.fullmatch(name):
        raise DeclarationError(f"experiment_name: found {name!r}, expected letters, digits, spaces, `.`, `-` and `_`")
    data = _as_evaluation_dataset(dataset, column_map)
    benchmark, pipeline = from_ragas(data, name)
    samples = {question.id: sample for question, sample in zip(benchmark.questions, single_turns(data), strict=True)}
    judges = [
        one
        if isinstance(one, str | Path | Mapping | CustomMetric | CustomJudge | Rubric)
        else judge(one, samples=samples)
        for one in (_default_metrics() if metrics is None else metrics)
    ]
    ours = [one for one in judges if isinstance(one, RagasJudge)]
    for one in ours:
        _check_columns(one, [*samples.values()])
    done = evaluate_benchmark(benchmark, [pipeline], judges, chat=chat, embed=embed, budget=budget, out=out, name=name)
    return RagasResult(done.runs, done.leaderboard, data, {one.name: one.column for one in ours})


def _as_evaluation_dataset(dataset: Any, column_map: Mapping[str, str] | None) -> EvaluationDataset:
    if isinstance(dataset, EvaluationDataset):
        if column_map:
            raise DeclarationError("column_map: found one with an EvaluationDataset, expected a datasets.Dataset")
        return dataset
    if not isinstance(dataset, Dataset):
        raise DeclarationError(f"dataset: found a {type(dataset).__name__}, expected an EvaluationDataset or a Dataset")
    try:
        columns: Any = convert_v1_to_v2_dataset(remap_column_names(dataset, dict(column_map or {})))
        return cast("Any", EvaluationDataset).from_list(columns.to_list())
    except ValueError as error:
        raise DeclarationError(f"dataset: {' '.join(str(error).split())}") from None


def _default_metrics() -> list[SingleTurnMetric]:
    """Returns the metrics that `ragas.evaluate` uses by default."""
    from ragas.metrics._answer_relevance import AnswerRelevancy
    from ragas.metrics._context_precision import ContextPrecision
    from ragas.metrics._context_recall import ContextRecall
    from ragas.metrics._faithfulness import Faithfulness

    return [AnswerRelevancy(), ContextPrecision(), Faithfulness(), ContextRecall()]


def _refuse(**arguments: tuple[object, str]) -> None:
    for name, (found, instead) in arguments.items():
        if found:
            raise DeclarationError(f"{name}: found {found!r}, expected nothing: {instead}")


def _chat_model(llm: Any) -> ModelLike:
    """Returns a rageval model for the argument of `evaluate`: wraps a LangChain model, and uses the local model for
    None.
    """
    model: Any = cast("Any", llm).langchain_llm if isinstance(llm, LangchainLLMWrapper) else llm
    if isinstance(model, BaseChatModel):
        from rageval.integrations.langchain import chat_model

        return chat_model(model)
    return _own_model("llm", model, "complete")


def _embedding_model(embeddings: Any) -> Embedder | Mapping[str, Any] | str:
    wrapped = isinstance(embeddings, LangchainEmbeddingsWrapper)
    model: Any = embeddings.embeddings if wrapped else embeddings
    if isinstance(model, Embeddings):
        from rageval.integrations.langchain import embedder

        return embedder(model)
    return _own_model("embeddings", model, "embed")


def _own_model(name: str, given: Any, method: str) -> Any:
    if given is None:
        return "local"
    if isinstance(given, str | Mapping) or (hasattr(given, "identity") and hasattr(given, method)):
        return cast("Any", given)
    raise DeclarationError(
        f"{name}: found a {type(given).__name__}, expected a model of rageval's or of LangChain's, such as "
        '{"provider": "openai", "base_url": ..., "model": ..., "api_key_env": "OPENAI_API_KEY"}'
    )


def _check_columns(one: RagasJudge, samples: Sequence[SingleTurnSample]) -> None:
    """Checks columns as RAGAS does, but over all samples: a sample that lacks a column that others have is an
    abstention.
    """
    for column in sorted(columns_of(one.metric)[0]):
        if all(getattr(sample, column) is None for sample in samples):
            raise DeclarationError(f"{one.column}: needs {column}, which none of the {len(samples)} samples has")
