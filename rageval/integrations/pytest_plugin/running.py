"""The fixtures `rag_benchmark` and `rag_run`."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import pytest

from rageval.integrations.pytest_plugin.experiment_file import Settings, defaults, experiment_file
from rageval.integrations.pytest_plugin.sessions import (
    BOUND,
    RESULTS,
    SESSION,
    fail_in_one_line,
    session_mark,
)

if TYPE_CHECKING:
    from rageval.experiment.choose_metrics import MetricLike
    from rageval.experiment.choose_pipelines import PipelineLike
    from rageval.pipeline import Pipeline
    from rageval.scores.run_scores import RunScores
    from rageval.types import Benchmark, Estimate


@dataclass(frozen=True, slots=True)
class RagRun:
    """A finished run; `run["ndcg@10"]` is a metric's estimate, None where no question could be scored.

    `folder` is on disk, `pipeline` the pipeline's name. `scores` holds the scores by question as this call made them:
    another call that asks the same pipeline for other metrics scores the folder again.
    """

    folder: Path
    pipeline: str
    estimates: Mapping[str, Estimate | None] = field(repr=False)
    scores: RunScores = field(repr=False)

    def __getitem__(self, metric: str) -> Estimate | None:
        """Raises KeyError for a metric that was not asked for."""
        return self.estimates[metric]


@dataclass(frozen=True, slots=True)
class RunPipeline:
    """What the fixture `rag_run` is: a function that runs a pipeline over the benchmark and scores it.

    `root` is the folder of pytest's configuration; runs go to `root/results/runs`, caches to `root/results/cache`.
    `session` is the same in all workers. `metrics` and `settings` are those of calls that give none.
    """

    benchmark: Benchmark
    root: Path
    session: str
    metrics: tuple[MetricLike, ...]
    settings: Settings

    def __call__(
        self,
        pipeline: PipelineLike,
        metrics: Sequence[MetricLike] = (),
        *,
        name: str | None = None,
        benchmark: Benchmark | str | Path | None = None,
        **settings: Unpack[Settings],
    ) -> RagRun:
        """Run the pipeline, or take what was done of it in this session, and score it.

        `pipeline` and `metrics` are as in `rageval.evaluate`; so are the settings, which go before those of the
        experiment file. `benchmark` goes before the fixture's. `name` is the pipeline's, and that of its baseline
        unless another is given. It is needed for functions that hold what cannot be read, such as a live index.
        Whatever rageval refuses fails the test with its one line.
        """
        __tracebackhide__ = True
        with fail_in_one_line():
            from rageval.front import evaluate
            from rageval.io.disk import locked
            from rageval.scores.reading import read_run_folder
            from rageval.scores.spending import read_spending

            over = self.benchmark if benchmark is None else _load(benchmark, self.root)
            built = _build(pipeline, name)
            out, experiment = self.root / RESULTS, f"pytest-{self.session}"
            given: Settings = {**self.settings, **settings}
            with locked(session_mark(self.root, self.session, built.name)):
                result = evaluate(over, [built], metrics or self.metrics, out=out, name=experiment, **given)
                scores = read_run_folder(result.runs[0])
        scores = replace(scores, source=os.path.relpath(scores.source, self.root), spending=read_spending(scores))
        return RagRun(result.runs[0], built.name, result.leaderboard.rows[0].estimates, scores)


@pytest.fixture(scope="session")
def rag_benchmark(pytestconfig: pytest.Config) -> Benchmark:
    """The benchmark that pytest's configuration names; define a fixture of this name and scope to give another."""
    with fail_in_one_line():
        from rageval.errors import DeclarationError
        from rageval.experiment.plan import choose_benchmark

        named, file = str(pytestconfig.getini("rageval_benchmark")), experiment_file(pytestconfig)
        if named:
            return _load(named, pytestconfig.rootpath)
        if file is None:
            raise DeclarationError(
                "rag_benchmark: found no benchmark, expected rageval_benchmark or rageval_experiment in pytest's "
                "configuration, or a fixture rag_benchmark of scope session"
            )
        path, spec = file
        benchmark, _ = choose_benchmark(spec, path.parent)
        return benchmark


@pytest.fixture(scope="session")
def rag_run(rag_benchmark: Benchmark | str | Path, pytestconfig: pytest.Config) -> Generator[RunPipeline]:
    """Runs pipelines over the benchmark: `rag_run(my_rag, ["ndcg@10"])`."""
    with fail_in_one_line():
        file = experiment_file(pytestconfig)
        metrics, settings = ((), Settings()) if file is None else defaults(*file)
        benchmark = _load(rag_benchmark, pytestconfig.rootpath)
    pytestconfig.stash[BOUND] = True
    yield RunPipeline(benchmark, pytestconfig.rootpath, pytestconfig.stash[SESSION], metrics, settings)
    pytestconfig.stash[BOUND] = False


def _load(given: Benchmark | str | Path, base: Path) -> Benchmark:
    from rageval.benchmark import load
    from rageval.types import Benchmark

    return given if isinstance(given, Benchmark) else load(str(given), base=base)


def _build(given: PipelineLike, name: str | None) -> Pipeline:
    """The pipeline, with that name, which answers within a session for what cannot be read of a function."""
    from rageval.errors import DeclarationError
    from rageval.experiment.choose_pipelines import choose_pipeline
    from rageval.identity import find_unreadable
    from rageval.io.file_names import check_file_name, to_file_name
    from rageval.pipeline import Pipeline, Stage
    from rageval.pipeline.function import function_pipeline

    if name is not None:
        check_file_name(name, "name")
    if isinstance(given, Pipeline | Stage) or not callable(given):
        built = choose_pipeline(given, Path.cwd())
        return built if name is None else replace(built, name=name)
    label = getattr(given, "__name__", type(given).__name__)
    unreadable = find_unreadable(given) if name is None else ()
    if unreadable:
        raise DeclarationError(
            f"rag_run: found {label}, which holds {unreadable[0]}, whose content cannot be read, expected a function "
            f"without it or a name: rag_run(…, name={to_file_name(label)!r})"
        )
    return function_pipeline(given, name, version=name)
