"""A plugin for pytest: run a pipeline over a benchmark, and fail the test where it got worse than its baseline.

Fixtures: `rag_benchmark`, `rag_run`, `assert_no_regression`. Marker: `rageval_judged`. Every session asks every
pipeline anew, for nobody can see whether the code behind it has changed; within a session each is asked once, by all
workers of pytest-xdist together. What rageval's own models replied is kept in the cache from session to session.

pytest loads this file wherever rageval is installed: it imports nothing of rageval before a fixture is asked for.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict, Unpack, cast

import pytest

if TYPE_CHECKING:
    from rageval.benchmark import Selection
    from rageval.decide.gate import GateResult, MetricGate
    from rageval.experiment.choose_judges import MetricLike
    from rageval.experiment.spec import ExperimentFile, ModelChoice
    from rageval.front import ModelLike, PipelineLike
    from rageval.models.base import Embedder
    from rageval.pipeline import Pipeline
    from rageval.scores.baselines import Side
    from rageval.scores.pairs import ClusterBy
    from rageval.types import Benchmark, Estimate

RESULTS = "results"
KEPT_SESSIONS = 3

_NAMES = ("rageval", __name__)
_OURS = "rageval"
_MARK = "rageval_judged"
_WHEN_JUDGED = "--rageval-judged, or with models in the file that rageval_experiment names"
_SESSION = pytest.StashKey[str]()
_BOUND = pytest.StashKey[bool]()
_MADE = re.compile(r"pytest-(\d{8}T\d{6}-[0-9a-f]{6})-")
_COLOURS = {"pass": "green", "fail": "red", "inconclusive": "yellow"}
_WIDTH = 110


class Settings(TypedDict, total=False):
    """What `rag_run` hands on to `rageval.evaluate`, which says what each means."""

    questions: Selection
    chat: ModelLike
    embed: Embedder | Mapping[str, Any] | str
    judge: ModelLike | Sequence[ModelLike] | None
    judge_samples: int
    calibrations: Sequence[str | Path]
    budget: Mapping[str, float] | None
    seed: int


@dataclass(frozen=True, slots=True)
class RagRun:
    """A finished run; `run["ndcg@10"]` is a metric's estimate, None where no question could be scored.

    `folder` is on disk, `pipeline` the pipeline's name. `side` holds the scores by question as this call made them:
    another call that asks the same pipeline for other metrics scores the folder again.
    """

    folder: Path
    pipeline: str
    estimates: Mapping[str, Estimate | None] = field(repr=False)
    side: Side = field(repr=False)

    def __getitem__(self, metric: str) -> Estimate | None:
        """Raises KeyError for a metric that was not asked for."""
        return self.estimates[metric]


Comparable: TypeAlias = "RagRun | Side | str | Path"


def assert_no_regression(
    run: Comparable,
    baseline: Comparable,
    margins: Mapping[str, float],
    *,
    level: float = 0.95,
    cluster_by: ClusterBy | None = None,
    allow_inconclusive: bool = False,
) -> GateResult:
    """Gate a run against a baseline, as `rageval.gate` does, without pytest's options and summary.

    Raises AssertionError with the report of `rageval gate` where the verdict is fail, and where it is inconclusive
    unless that is allowed; what `rageval.gate` raises where the two cannot be compared.
    """
    __tracebackhide__ = True
    from rageval.decide.gate import gate

    result = gate(_side(baseline), _side(run), margins, level=level, cluster_by=cluster_by)
    _require_pass(result, allow_inconclusive)
    return result


@dataclass(frozen=True, slots=True)
class RunPipeline:
    """What the fixture `rag_run` is: a function that runs a pipeline over the benchmark and scores it.

    `root` is the folder of pytest's configuration; runs go to `root/results/runs`, caches to `root/results/cache`.
    `session` is the same in all workers. `metrics` and `settings` are those of calls that give none.
    """

    benchmark: Benchmark
    root: Path
    session: str
    metrics: tuple[str, ...]
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
        unless another is given. It is needed for functions that hold more than rageval can tell apart: methods,
        callable objects, closures over objects.
        Whatever rageval refuses fails the test with its one line.
        """
        __tracebackhide__ = True
        with _one_line():
            from rageval.front import evaluate
            from rageval.io.disk import locked
            from rageval.scores.baselines import read_side

            over = self.benchmark if benchmark is None else _load(benchmark, self.root)
            built = _build(pipeline, name)
            out, experiment = self.root / RESULTS, f"pytest-{self.session}"
            given: Settings = {**self.settings, **settings}
            with locked(_mark(self.root, self.session, built.name)):
                result = evaluate(over, [built], metrics or self.metrics, out=out, name=experiment, **given)
                side = read_side(result.runs[0])
        source = os.path.relpath(side.source, self.root)
        return RagRun(result.runs[0], built.name, result.leaderboard.rows[0].estimates, replace(side, source=source))


@dataclass(frozen=True, slots=True)
class AssertNoRegression:
    """What the fixture `assert_no_regression` is: the function of that name, with pytest's options and summary."""

    config: pytest.Config
    node: pytest.Item

    def __call__(
        self,
        run: RagRun,
        baseline: RagRun | str | Path | None = None,
        *,
        margins: Mapping[str, float],
        level: float = 0.95,
        cluster_by: ClusterBy | None = None,
        allow_inconclusive: bool = False,
    ) -> GateResult:
        """Fail the test unless it is shown that no metric is worse by its margin; see docs/gate.md.

        `baseline` is another run, or a baseline by its name under `results/baselines` or its file. Without it, it is
        that of `--rageval-baseline`, or else the one named like the pipeline. With `--rageval-update-baseline` it is
        set from the run, and what comes back is the gate of the run against itself.
        """
        __tracebackhide__ = True
        with _one_line():
            from rageval.decide.gate import gate

            target = baseline if isinstance(baseline, RagRun) else self._file(run, baseline)
            if isinstance(target, Path) and self.config.getoption("rageval_update_baseline"):
                result = gate(run.side, run.side, margins, level=level, cluster_by=cluster_by)
                self._set(run, target, result)
                return result
            result = gate(self._read(target), run.side, margins, level=level, cluster_by=cluster_by)
        allowed = ", which is allowed here" if allow_inconclusive and result.verdict == "inconclusive" else ""
        title = f"{result.candidate.label} against {result.baseline.label} ({result.baseline.source})"
        lines = [(one.verdict, one.sentence) for one in result.gates.values()]
        self._note(f"{title}: {result.verdict}{allowed}", lines)
        _require_pass(result, allow_inconclusive)
        return result

    def _file(self, run: RagRun, given: str | Path | None) -> Path:
        from rageval.io.file_names import to_file_name
        from rageval.scores.baselines import BASELINES

        option = cast("str | None", self.config.getoption("rageval_baseline"))
        path = Path(given or option or to_file_name(run.pipeline))
        if path.suffix == ".json" or len(path.parts) > 1:
            return self.config.rootpath / path
        return self.config.rootpath / BASELINES / f"{path}.json"

    def _read(self, target: RagRun | Path) -> Side:
        from rageval.errors import NotComparableError
        from rageval.scores.baselines import read_side

        if isinstance(target, RagRun):
            return target.side
        shown = self._shown(target)
        if not target.exists():
            raise NotComparableError(
                f"{shown}: found no baseline: set it with  pytest --rageval-update-baseline  and commit it"
            )
        return replace(read_side(os.path.relpath(target)), source=shown)

    def _set(self, run: RagRun, path: Path, itself: GateResult) -> None:
        """Metrics that other tests of this session set from the same run stay."""
        from rageval.errors import DeclarationError
        from rageval.io.disk import locked
        from rageval.scores.baselines import pin, read_side

        side, shown = run.side, self._shown(path)
        done = _mark(self.config.rootpath, self.config.stash[_SESSION], shown)
        with locked(done):
            if done.exists():
                before = read_side(path)
                if before.fingerprint != side.fingerprint:
                    raise DeclarationError(
                        f"{shown}: found that this session set it from {before.label} already, expected one run for "
                        f"each baseline: give {side.label} another baseline or name"
                    )
                side = replace(side, metrics={**before.metrics, **side.metrics})
            pin(side, path)
            done.touch()
        failed = max(len(scores.failed) for scores in run.side.metrics.values())
        title = f"{shown} is set from {run.side.label}, nothing is compared"
        lines = [("inconclusive", f"{failed} of its {len(run.side.questions)} questions failed")] if failed else []
        lines += [("inconclusive", _asks_too_much(one)) for one in itself.gates.values() if one.verdict != "pass"]
        self._note(title, lines)

    def _shown(self, path: Path) -> str:
        return os.path.relpath(path, self.config.rootpath)

    def _note(self, title: str, lines: Sequence[tuple[str, str]]) -> None:
        """As a property of the test: it comes back from workers of pytest-xdist, and goes into JUnit XML."""
        self.node.user_properties.append((_OURS, json.dumps({"title": title, "lines": lines})))


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Options and settings; from now on the plugin cannot be loaded a second time under its other name."""
    own = pluginmanager.get_name(sys.modules[__name__])
    for name in _NAMES:
        if name != own:
            pluginmanager.set_blocked(name)
    group = parser.getgroup("rageval", "evaluation of retrieval-augmented generation")
    group.addoption(
        "--rageval-baseline",
        metavar="NAME_OR_FILE",
        help="the baseline of comparisons that name none (default: the one named like the pipeline)",
    )
    group.addoption(
        "--rageval-update-baseline", action="store_true", help="set baselines from the runs instead of comparing"
    )
    group.addoption("--rageval-judged", action="store_true", help=f"run the tests marked {_MARK}")
    parser.addini("rageval_benchmark", "the benchmark of rag_benchmark: a name or folder, beir:PATH, trec:PATH")
    parser.addini(
        "rageval_experiment",
        "an experiment file: its benchmark, questions, metrics, models, budget, calibrations and seed are those of "
        "rag_run, its pipelines are left aside",
    )


def pytest_configure(config: pytest.Config) -> None:
    """The marker, and what this session calls its runs."""
    config.addinivalue_line("markers", f"{_MARK}: asks a judge model; skipped unless {_WHEN_JUDGED}")
    started = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{os.urandom(3).hex()}"
    config.stash[_SESSION] = _worker_input(config).get(_OURS, started)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist which session it is part of."""
    node.workerinput[_OURS] = node.config.stash[_SESSION]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what is judged where nobody said by which model."""
    judged = [item for item in items if item.get_closest_marker(_MARK)]
    if judged and not config.getoption("rageval_judged") and not _names_models(config):
        for item in judged:
            item.add_marker(pytest.mark.skip(reason=f"judged by a model: runs with {_WHEN_JUDGED}"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove the runs of old sessions, in the process that started the workers."""
    if not _worker_input(session.config):
        _tidy(session.config.rootpath / RESULTS / "runs", session.config.stash[_SESSION])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Every comparison that was made, by the tests that made them."""
    reports = [report for group in terminalreporter.stats.values() for report in group]
    noted = dict.fromkeys(
        (report.nodeid, value)
        for report in reports
        if isinstance(report, pytest.TestReport)
        for name, value in report.user_properties
        if name == _OURS
    )
    if noted:
        terminalreporter.section("rageval")
    for nodeid, value in sorted(noted, key=lambda pair: pair[0]):
        note = json.loads(str(value))
        terminalreporter.write_line(f"{nodeid}: {note['title']}")
        for verdict, sentence in note["lines"]:
            terminalreporter.write_line(f"  {sentence}", **{_COLOURS[verdict]: True})


def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> None:
    """Refuse a second `rag_benchmark`, which `rag_run` would not notice: pytest makes that once."""
    if fixturedef.argname == "rag_benchmark" and request.config.stash.get(_BOUND, False):
        pytest.fail(
            "rag_benchmark: found another fixture of this name after rag_run was made, expected one for all tests: "
            "give others as rag_run(…, benchmark=…)",
            pytrace=False,
        )


@pytest.fixture(scope="session")
def rag_benchmark(pytestconfig: pytest.Config) -> Benchmark:
    """The benchmark that pytest's configuration names; define a fixture of this name and scope to give another."""
    with _one_line():
        from rageval.errors import DeclarationError
        from rageval.experiment.plan import benchmark_of_file

        named, file = str(pytestconfig.getini("rageval_benchmark")), _experiment_file(pytestconfig)
        if named:
            return _load(named, pytestconfig.rootpath)
        if file is None:
            raise DeclarationError(
                "rag_benchmark: found no benchmark, expected rageval_benchmark or rageval_experiment in pytest's "
                "configuration, or a fixture rag_benchmark of scope session"
            )
        path, content = file
        benchmark, _ = benchmark_of_file(content.benchmark, content.split, path.parent)
        return benchmark


@pytest.fixture(scope="session")
def rag_run(rag_benchmark: Benchmark | str | Path, pytestconfig: pytest.Config) -> Generator[RunPipeline]:
    """Runs pipelines over the benchmark: `rag_run(my_rag, ["ndcg@10"])`."""
    with _one_line():
        file = _experiment_file(pytestconfig)
        metrics, settings = ((), Settings()) if file is None else _defaults(*file)
        benchmark = _load(rag_benchmark, pytestconfig.rootpath)
    pytestconfig.stash[_BOUND] = True
    yield RunPipeline(benchmark, pytestconfig.rootpath, pytestconfig.stash[_SESSION], metrics, settings)
    pytestconfig.stash[_BOUND] = False


@pytest.fixture(name="assert_no_regression")
def _assert_no_regression(request: pytest.FixtureRequest) -> AssertNoRegression:  # pyright: ignore[reportUnusedFunction]
    """Fails the test where a run got worse: `assert_no_regression(run, margins={"ndcg@10": 0.05})`."""
    return AssertNoRegression(request.config, request.node)


@contextmanager
def _one_line() -> Generator[None]:
    """Let what rageval refuses fail the test with its line, without a traceback."""
    from rageval.errors import RagevalError

    try:
        yield
    except RagevalError as error:
        raise pytest.fail.Exception(" ".join(str(error).splitlines()), pytrace=False) from None


def _load(given: Benchmark | str | Path, base: Path) -> Benchmark:
    from rageval.benchmark import load
    from rageval.types import Benchmark

    return given if isinstance(given, Benchmark) else load(str(given), base=base)


def _side(given: Comparable) -> Side:
    from rageval.scores.baselines import Side, read_side

    return given.side if isinstance(given, RagRun) else given if isinstance(given, Side) else read_side(given)


def _require_pass(result: GateResult, allow_inconclusive: bool) -> None:
    __tracebackhide__ = True
    if result.verdict == "pass" or (result.verdict == "inconclusive" and allow_inconclusive):
        return
    from io import StringIO

    from rich.console import Console

    from rageval.report.gate import print_gate

    first = next(one.sentence for one in result.gates.values() if one.verdict == result.verdict)
    report = StringIO()
    print_gate(result, Console(file=report, width=_WIDTH, force_terminal=False))
    raise AssertionError(f"{first}\n\n{report.getvalue()}")


def _asks_too_much(one: MetricGate) -> str:
    """That the run would not pass a gate against itself."""
    least = "none" if one.smallest_margin is None else f"{one.smallest_margin:.3f}"
    return (
        f"{one.pairs.metric}: margin {one.margin:g} is too small for {one.pairs.n} questions; the smallest that an "
        f"equally good run passes with probability 0.8: {least}"
    )


def _build(given: PipelineLike, name: str | None) -> Pipeline:
    """The pipeline, with that name. A function is identified by its name and module too, since equal lines of another
    may do other things.
    """
    from rageval.errors import DeclarationError
    from rageval.front import as_pipeline
    from rageval.identity import function_source, holds_objects
    from rageval.io.file_names import check_file_name, to_file_name
    from rageval.pipeline import Pipeline, Stage
    from rageval.pipeline.systems import CallFunction

    if name is not None:
        check_file_name(name, "name")
    if isinstance(given, Pipeline | Stage) or not callable(given):
        built = as_pipeline(given, Path.cwd())
        return built if name is None else replace(built, name=name)
    label = getattr(given, "__name__", type(given).__name__)
    if name is None and holds_objects(given):
        raise DeclarationError(
            f"rag_run: found {label}, which holds objects that cannot be told apart, expected a plain function or a "
            f"name: rag_run(…, name={to_file_name(label)!r})"
        )
    place = (name, getattr(given, "__module__", ""), getattr(given, "__qualname__", ""))
    digest = hashlib.sha256(f"{place}\n{function_source(given)}".encode()).hexdigest()
    return Pipeline(name or label, CallFunction(digest, given))


def _mark(root: Path, session: str, name: str) -> Path:
    """A file of this session that stands for that name, locked by the worker that works on it; `_tidy` removes it."""
    from rageval.io.file_names import to_file_name

    folder = root / RESULTS / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"pytest-{session}-{to_file_name(name)}"


def _worker_input(config: pytest.Config) -> Mapping[str, str]:
    """What pytest-xdist gave its worker; empty in every other process."""
    return getattr(config, "workerinput", {})


def _experiment_file(config: pytest.Config) -> tuple[Path, ExperimentFile] | None:
    from rageval.experiment.spec import read_experiment_file

    named = str(config.getini("rageval_experiment"))
    path = config.rootpath / named
    return (path, read_experiment_file(path)) if named else None


def _names_models(config: pytest.Config) -> bool:
    from rageval.errors import DeclarationError

    try:
        file = _experiment_file(config)
    except DeclarationError:
        return True  # then rag_run says what is wrong with the file
    return file is not None and "models" in file[1].model_fields_set


def _defaults(path: Path, file: ExperimentFile) -> tuple[tuple[str, ...], Settings]:
    """Metrics and settings of an experiment file, with paths that hold anywhere."""
    from rageval.experiment.plan import selection
    from rageval.io.user_files import find_file

    base = path.parent
    models = file.models
    settings: Settings = {
        "questions": selection(file.questions),
        "chat": _model(models.chat, base),
        "embed": _model(models.embed, base),
        "judge": None if models.judge is None else [_model(model, base) for model in models.raters],
        "judge_samples": models.judge_samples,
        "calibrations": [find_file("calibrations", named, base) for named in file.calibrations],
        "budget": None if file.budget is None else file.budget.model_dump(exclude_none=True),
        "seed": file.seed,
    }
    return tuple(str(base / name) if (base / name).is_file() else name for name in file.metrics), settings


def _model(choice: ModelChoice, base: Path) -> str | dict[str, Any]:
    if isinstance(choice, str):
        return choice
    given = choice.model_dump(exclude_none=True)
    return {**given, "path": base / given["path"]} if "path" in given else given


def _tidy(runs: Path, session: str) -> None:
    """Where this session made runs: remove its marks, and the runs of all but the last sessions. A run that people
    label stays.
    """
    made: dict[str, list[Path]] = {}
    for path in runs.glob("pytest-*"):
        if match := _MADE.match(path.name):
            made.setdefault(match[1], []).append(path)
    if session not in made:
        return
    for path in made[session]:
        if path.is_file():
            path.unlink()
    for path in [path for name in sorted(made)[:-KEPT_SESSIONS] for path in made[name]]:
        if path.is_file():
            path.unlink(missing_ok=True)
        elif not any((path / kept).exists() for kept in ("samples", "labels")):
            shutil.rmtree(path, ignore_errors=True)
