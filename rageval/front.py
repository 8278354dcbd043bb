"""The synchronous front of the library: `rageval.evaluate`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from rageval.benchmark import Selection
from rageval.decide.leaderboard import Leaderboard, read_leaderboard
from rageval.errors import DeclarationError
from rageval.experiment.choose_metrics import MetricLike
from rageval.experiment.choose_pipelines import PipelineLike
from rageval.experiment.plan import Experiment, plan
from rageval.experiment.reuse import read_reused, reuse_line
from rageval.experiment.run import Executor, run_experiment
from rageval.experiment.spec import parse_spec
from rageval.io.run_folder import RunFolder
from rageval.io.strict import shown
from rageval.models.base import ChatModel, Embedder
from rageval.report.leaderboard import markdown
from rageval.types import Benchmark, Estimate

if TYPE_CHECKING:
    from rageval.io.frames import DataFrame
    from rageval.io.run_frames import RunFrame
    from rageval.synthesis import Synthesis

T = TypeVar("T")

_log = logging.getLogger("rageval")

ModelLike: TypeAlias = ChatModel | Mapping[str, Any] | str


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

    def to_html(self, path: str | Path, *, language: str = "") -> Path:
        """Write the runs as one HTML file, and return its path. Texts of more than 60 MB go into a folder beside it.

        `language` (`en` or `zh`) is that of the interface; by default the browser's. Raises DeclarationError for a path
        that cannot be written.
        """
        from rageval.report.html.write import write_report

        return write_report(self.runs, path, language=language).path

    def _repr_html_(self) -> str:
        """What a notebook shows: the whole report in a frame, or only the leaderboard where it would be large."""
        from rageval.report.html.notebook import notebook_html

        return notebook_html(self.runs, self.leaderboard)

    def to_pandas(self, table: RunFrame = "scores") -> DataFrame:
        """That table of all runs, one below the other: see `RunFolder.to_pandas`."""
        from rageval.io.frames import join_frames

        return join_frames([RunFolder(run).to_pandas(table) for run in self.runs])


def evaluate(
    benchmark: str | Path | Mapping[str, Any] | Benchmark,
    pipelines: Sequence[PipelineLike],
    metrics: Sequence[MetricLike],
    *,
    questions: Selection | Mapping[str, Any] = None,
    split: str | None = None,
    strict: bool = False,
    exclude_self: bool | None = None,
    grade_threshold: int | None = None,
    sweep: Mapping[str, Sequence[Any]] | None = None,
    exclude: Sequence[Mapping[str, Any]] = (),
    chat: ModelLike = "local",
    embed: Embedder | Mapping[str, Any] | str = "local",
    judge: ModelLike | Sequence[ModelLike] | None = None,
    judge_samples: int = 1,
    judges: Mapping[str, Mapping[str, Any] | str] | None = None,
    calibrations: Sequence[str | Path] = (),
    budget: Mapping[str, float] | None = None,
    abstention: Mapping[str, Sequence[str]] | None = None,
    seed: int = 0,
    repeats: int = 1,
    fresh: bool = False,
    retry_failed: bool = False,
    out: str | Path = "results",
    name: str = "evaluation",
    executor: Executor | None = None,
) -> Result:
    """Run pipelines over a benchmark and score them. Results of an earlier call are reused, unless `fresh`.

    The arguments are the keys of an experiment file, with the same values; paths are relative to the current directory.
    In Python they may also be objects: a `Benchmark`; among `pipelines`, a `Pipeline`, a stage, or a function from a
    `Question` to a `Response` or an answer; among `metrics`, your own judges and metrics (`CustomJudge`, `Rubric`,
    `CustomMetric`); models. `judge` defaults to the chat model. Several judges form a panel, each asked `judge_samples`
    times (1 to 50). `judges` are further ones by name, such as `{"light": "light"}`, whose scores stand beside those of
    the first: `faithfulness:light`. `calibrations` are records that `rageval calibrate` wrote; each is applied to the
    verdicts of its judge. `strict`, `exclude_self` and `grade_threshold` are those of `load_benchmark`. `budget` limits
    the total of the chat calls (`{"max_calls": 500}`, `max_tokens`, `max_cost`). `abstention` names refusals in the
    words of your own prompts (`{"phrases": ["..."]}`). Runs go to `out/runs`, caches to `out/cache`. The names of the
    run folders begin with `name`, with '-' in place of characters that do not belong in a file name. An `executor`
    replaces how the questions are run, such as `rageval.integrations.opentelemetry.traced()`. With `repeats` (1 to 20),
    each question is asked that many times, and its score is the mean: what chance does to answers is then seen
    (`rageval repeats RUN`).

    If answers of an earlier call are reused, the logger `rageval` warns with their number. With `fresh`, everything is
    asked again, and earlier results of these runs are moved to `out/earlier`. A question that failed in an earlier call
    stays failed, unless `retry_failed` asks it again.

    Models given by name are closed at the end; models given as objects stay open. Also works inside a running event
    loop (a notebook). Raises DeclarationError before anything is spent, BudgetError if a call could exceed the budget,
    and ModelError if a model refuses all calls. Finished work is kept in the last two cases.
    """
    asked = {
        "benchmark": benchmark,
        "split": split,
        "strict": strict,
        "exclude_self": exclude_self,
        "grade_threshold": grade_threshold,
        "questions": questions,
        "pipelines": pipelines,
        "sweep": sweep,
        "exclude": exclude,
        "metrics": metrics,
        "models": {"chat": chat, "embed": embed, "judge": judge, "judge_samples": judge_samples},
        "judges": judges or {},
        "budget": budget,
        "abstention": abstention or {},
        "calibrations": calibrations,
        "seed": seed,
        "repeats": repeats,
    }
    folder = _folder(out)
    if not isinstance(cast("object", name), str):
        raise DeclarationError(f"name: found {shown(name)}, expected a text")
    if executor is not None and not callable(executor):
        raise DeclarationError(f"executor: found {shown(executor)}, expected an executor such as traced()")

    def work() -> list[Path]:
        with _plan(asked, name, folder / "cache", fresh) as experiment:
            return run_experiment(experiment, folder, retry_failed=retry_failed, executor=executor)

    runs = tuple(_outside_any_loop(work))
    if line := reuse_line(read_reused(runs), "fresh=True", "retry_failed=True"):
        _log.warning(line)
    return Result(runs, read_leaderboard(runs))


def synthesise(
    benchmark: str | Path | Benchmark,
    n: int = 100,
    *,
    out: str | Path = "synthetic",
    mix: Mapping[str, int] | None = None,
    personas: Sequence[str] = (),
    like: Sequence[str] = (),
    chat: ModelLike = "local",
    judge: ModelLike | None = None,
    embed: Embedder | Mapping[str, Any] | str = "local",
    budget: Mapping[str, float] | None = None,
    attempts: int = 4,
    seed: int = 0,
    keep_questions: bool = False,
    cache: str | Path = "results/cache",
) -> Synthesis:
    """Let the model `chat` write `n` questions about the documents of a benchmark, into the new benchmark `out`.

    Each question has its evidence, a reference answer and tags. `judge` (by default `chat`) checks it, and `embed`
    searches. `mix` has the weight of each kind (`{"factual": 40, "multi_hop": 20}`). `personas` and `like` (real
    questions) are styles, each in turn. A question that a filter refuses is written anew, `attempts` times in all.
    `budget` is as in `evaluate`. `keep_questions` also takes over the benchmark's own questions and labels. The same
    call goes on in the same folder, and pays for nothing twice.

    Raises DeclarationError before anything is spent, and ModelError if a model refuses all calls. If the budget is
    spent, the result says so in `stopped`.
    """
    from rageval.synthesis import Request, check_mix, check_models, parse_mix, read_benchmark
    from rageval.synthesis import synthesise as write_questions

    asked = check_models({"models": {"chat": chat, "judge": judge, "embed": embed}, "budget": budget})
    request = Request(
        benchmark=benchmark if isinstance(benchmark, Benchmark) else read_benchmark(str(benchmark)),
        n=n,
        mix=parse_mix(None) if mix is None else check_mix(mix),
        personas=tuple(personas),
        like=tuple(like),
        seed=seed,
        attempts=attempts,
        keep_questions=keep_questions,
        models=asked.models,
        budget=asked.budget,
        base=Path.cwd(),
    )
    return _outside_any_loop(lambda: write_questions(request, _folder(out), Path(cache)))


def _plan(asked: Mapping[str, object], name: str, cache: Path, fresh: bool) -> Experiment:
    """The experiment; errors name the arguments of `evaluate`, which has no `models`."""
    try:
        return plan(parse_spec(asked), name=name, base=Path.cwd(), cache=cache, fresh=fresh)
    except DeclarationError as error:
        if type(error) is DeclarationError:
            raise DeclarationError(str(error).removeprefix("models.")) from None
        raise


def _folder(out: object) -> Path:
    if isinstance(out, str | Path):
        return Path(out)
    raise DeclarationError(f"out: found {shown(out)}, expected the path of a folder")


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
