"""The command line.

Exit codes: 0 done (a gate: passed); 1 a gate failed; 2 something in the command, a file or the environment is wrong
(nothing was spent); 3 a gate is inconclusive; 4 results to compare are missing or not comparable; 5 a model endpoint
refused all work, 6 the budget is spent (what was done is kept); 130 stopped by Ctrl-C (the same command goes on).
Standard output carries results alone; all else goes to standard error.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, cast

import typer

from rageval.commands.cache import cache_app
from rageval.commands.calibrate import calibrate
from rageval.commands.compare import baseline_app, compare, gate
from rageval.commands.executor import ExecutorFlag, ExecutorName, RayAddress, TraceFile, chosen_executor
from rageval.commands.export import export
from rageval.commands.judge import judge
from rageval.commands.labels import label, sample
from rageval.commands.output import JsonFlag, end_interrupted, print_json
from rageval.commands.prefer import prefer
from rageval.commands.sweep import sweep
from rageval.errors import BenchmarkError, BudgetError, DeclarationError, ModelError, NotComparableError, RagevalError
from rageval.types import Json

if TYPE_CHECKING:
    from rageval.experiment.plan import Experiment

USAGE_ERROR = 2
NOT_COMPARABLE = 4
MODEL_ERROR = 5
BUDGET_SPENT = 6

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Evaluate retrieval-augmented generation, with honest intervals, in Chinese and English.",
    epilog="Exit codes: 0 done or gate passed, 1 gate failed, 2 wrong input (nothing spent), 3 gate inconclusive, "
    "4 results missing or not comparable, 5 model endpoint refused, 6 budget spent, 130 interrupted.",
)


class Listed(StrEnum):
    """What `rageval list` can show."""

    pipelines = "pipelines"
    metrics = "metrics"
    judges = "judges"
    benchmarks = "benchmarks"


class Format(StrEnum):
    """How `rageval leaderboard` prints."""

    terminal = "terminal"
    md = "md"
    json = "json"


@app.command()
def run(
    experiment: Annotated[Path, typer.Argument(help="An experiment file (YAML).")],
    out: Annotated[Path, typer.Option(help="Where runs and caches go.")] = Path("results"),
    as_json: JsonFlag = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Ask again what failed in an earlier run.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no model: the caches alone answer.")] = False,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Say what is done and cached and what would be asked.")
    ] = False,
    executor: ExecutorFlag = ExecutorName.local,
    ray_address: RayAddress = None,
    trace: TraceFile = None,
) -> None:
    """Run an experiment: answer, judge, score. Run it again to resume; what is done is not asked again."""
    from rageval.experiment.plan import load_experiment
    from rageval.experiment.running import run_experiment
    from rageval.leaderboard import read_leaderboard
    from rageval.report.progress import progress_bars

    with progress_bars() as bars:
        if dry:
            planned = load_experiment(experiment, out / "cache", offline=offline)
            _dry_run(planned, out, retry_failed, as_json)
            return
        try:
            with chosen_executor(executor, ray_address, trace) as chosen:
                planned = load_experiment(experiment, out / "cache", bars.embedding, offline=offline)
                paths = run_experiment(
                    planned, out, on_progress=bars.questions, retry_failed=retry_failed, executor=chosen
                )
        except KeyboardInterrupt:
            bars.stop()
            end_interrupted("everything done so far", out)
    board = read_leaderboard(paths)
    if as_json:
        by_path = {row.path: row for row in board.rows}
        runs = {str(entry["path"]): entry for entry in _runs(board.to_json())}
        print_json({"runs": [runs[str(by_path[path].path)] for path in paths]})
        return
    from rageval.report.terminal import print_leaderboard, stdout_console

    print_leaderboard(board, stdout_console())
    for path in paths:
        print(path, file=sys.stderr)


@app.command()
def check(
    experiment: Annotated[Path, typer.Argument(help="An experiment file (YAML).")], as_json: JsonFlag = False
) -> None:
    """Check an experiment's names, labels and models; say what it would ask of models. Spends nothing."""
    import asyncio
    import tempfile

    from rageval.experiment.plan import estimate_cost, load_experiment

    with tempfile.TemporaryDirectory() as scratch:
        planned = load_experiment(experiment, Path(scratch))
        costs = estimate_cost(planned)
        asyncio.run(planned.close())
    if as_json:
        pipelines: list[Json] = [
            {"pipeline": c.pipeline, "calls": [c.low, c.high], "prompt_tokens": c.prompt_tokens} for c in costs
        ]
        print_json({"questions": len(planned.questions), "pipelines": pipelines})
        return
    benchmark = planned.benchmark
    print(f"{benchmark.name}: {len(benchmark.documents)} documents, {len(planned.questions)} questions to ask")
    for role, model in (("chat", planned.chat), ("embed", planned.embedder), ("judge", planned.judge)):
        print(f"{role}: {'not needed' if model is None else model.identity}")
    for model in planned.more_raters:
        print(f"judge: {model.identity}")
    if planned.judge is not None and planned.judge_samples > 1:
        print(f"each judge is asked {planned.judge_samples} times")
    for cost in costs:
        calls = str(cost.low) if cost.low == cost.high else f"{cost.low} to {cost.high}"
        print(f"{cost.pipeline}: {calls} chat calls, at most {cost.prompt_tokens:,} prompt tokens")
    total = sum(cost.low for cost in costs), sum(cost.high for cost in costs)
    print(f"in all: {total[0]} to {total[1]} chat calls if nothing is cached; equal calls are made once")


@app.command()
def metrics(
    qrels: Annotated[Path, typer.Argument(help="Relevance labels, TREC or BEIR format.")],
    run_file: Annotated[Path, typer.Argument(metavar="RUN", help="A run, TREC format.")],
    metric: Annotated[list[str], typer.Option("--metric", "-m", help="Such as ndcg@10 or map; repeatable.")],
    as_json: JsonFlag = False,
) -> None:
    """Score a TREC run as trec_eval does; labelled questions that the run lacks count as 0 (trec_eval -c)."""
    from rageval.experiment.scoring import estimate
    from rageval.metrics import parse
    from rageval.metrics.ranking import score_rankings
    from rageval.metrics.trec_files import read_qrels, read_run
    from rageval.types import Score

    asked = {text: parse(text) for text in metric}
    for text, parsed in asked.items():
        if parsed.kind != "ranking":
            raise DeclarationError(
                f"-m {text}: found a judged metric, expected a ranking metric: files hold no answers"
            )
    labels, rankings = read_qrels(qrels), read_run(run_file)
    scores = score_rankings(list(asked.values()), labels, rankings, sorted(labels))
    result: dict[str, Json] = {}
    for text, parsed in asked.items():
        mean = estimate(scores[parsed])
        if mean is None:
            raise DeclarationError(f"{qrels}: found no labelled question, expected at least one")
        questions: dict[str, Json] = {q: s.value for q, s in scores[parsed].items() if isinstance(s, Score)}
        result[text] = {"mean": mean.point, "low": mean.low, "high": mean.high, "n": mean.n, "questions": questions}
        if not as_json:
            print(f"{text:<16} {mean.point:.4f}  [{mean.low:.4f}, {mean.high:.4f}]  n = {mean.n}")
    if as_json:
        print_json(result)
    ignored = len(set(rankings) - set(labels))
    if ignored:
        print(f"{ignored} questions of {run_file} have no labels and were left out", file=sys.stderr)


@app.command()
def show(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    question_id: Annotated[str, typer.Argument(help="A question of that run.")],
) -> None:
    """Show one question of a run: hits with labels, answer, verdicts with evidence."""
    import difflib

    from rageval.report.terminal import print_question, stdout_console
    from rageval.store import RunFolder

    folder = RunFolder(run_folder)
    manifest = folder.manifest()
    questions, outcomes = folder.questions(), folder.outcomes()
    if question_id not in questions:
        near = difflib.get_close_matches(question_id, questions, n=3) or list(questions)[:3]
        raise DeclarationError(f"{run_folder}: found no question {question_id!r}, expected one like {', '.join(near)}")
    if question_id not in outcomes:
        raise DeclarationError(f"{run_folder}: question {question_id} has not been answered yet; run the experiment")
    question, grades = questions[question_id]
    judgments = {
        name: folder.judgments(judge["key"]).get(question_id, ()) for name, judge in manifest["judges"].items()
    }
    print_question(question, outcomes[question_id], grades, judgments, stdout_console())


@app.command(name="list")
def list_names(what: Annotated[Listed, typer.Argument(help="What to list.")]) -> None:
    """List what can be named in an experiment."""
    for name, text in _LISTS[what]().items():
        print(f"{name:<20} {text}")


@app.command()
def leaderboard(
    runs: Annotated[list[Path], typer.Argument(help="Run folders.")],
    output: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.terminal,
    plot: Annotated[
        Path | None, typer.Option(help="Also draw the intervals into this .svg, .png or .pdf (extra: plot).")
    ] = None,
) -> None:
    """Put finished runs over the same questions side by side."""
    from rageval.leaderboard import read_leaderboard

    board = read_leaderboard(runs)
    if plot is not None:
        from rageval.report.forest import draw_forest

        draw_forest(board, plot)
    match output:
        case Format.json:
            print_json(board.to_json())
        case Format.md:
            from rageval.report.tables import markdown

            print(markdown(board), end="")
        case Format.terminal:
            from rageval.report.terminal import print_leaderboard, stdout_console

            print_leaderboard(board, stdout_console())


@app.command()
def check_benchmark(
    benchmark: Annotated[str, typer.Argument(help="A folder, a name, beir:PATH, trec:PATH or hf:NAME.")],
    split: Annotated[str | None, typer.Option(help="The split of a BEIR benchmark or Hugging Face dataset.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Validate a benchmark: its statistics, or every problem at once."""
    from dataclasses import asdict

    from rageval.benchmark import load, statistics

    try:
        loaded = load(benchmark, split=split)
    except BenchmarkError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        raise typer.Exit(USAGE_ERROR) from None
    figures: dict[str, Json] = {
        "name": loaded.name,
        "license": loaded.card.license,
        "source": loaded.card.source,
        "content_hash": loaded.content_hash,
        **asdict(statistics(loaded)),
    }
    if as_json:
        print_json(figures)
        return
    for key, value in figures.items():
        text = ", ".join(f"{k}: {v}" for k, v in value.items()) if isinstance(value, dict) else value
        print(f"{key.replace('_', ' '):<26} {text if not isinstance(text, float) else round(text, 2)}")


app.command()(sample)
app.command()(label)
app.command()(calibrate)
app.command()(judge)
app.command()(export)
app.command()(sweep)
app.command()(compare)
app.command()(prefer)
app.command()(gate)
app.add_typer(baseline_app, name="baseline")
app.add_typer(cache_app, name="cache")


def main() -> NoReturn:
    """Entry point: errors that rageval raises on purpose become one line and an exit code."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING, stream=sys.stderr)
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")  # an answer may hold what the terminal cannot show
    try:
        app()
    except ModelError as error:
        _fail(error, MODEL_ERROR)
    except BudgetError as error:
        _fail(error, BUDGET_SPENT)
    except NotComparableError as error:
        _fail(error, NOT_COMPARABLE)
    except RagevalError as error:
        _fail(error, USAGE_ERROR)
    sys.exit(0)


def _fail(error: RagevalError, code: int) -> NoReturn:
    print("error:", " ".join(str(error).splitlines()), file=sys.stderr)
    sys.exit(code)


def _dry_run(planned: Experiment, out: Path, retry_failed: bool, as_json: bool) -> None:
    from dataclasses import asdict

    from rageval.experiment.dry_run import dry_run

    outlook = dry_run(planned, out, retry_failed=retry_failed)
    if as_json:
        print_json(cast("dict[str, Json]", asdict(outlook)))
        return
    for part in outlook.runs:
        print(
            f"{part.pipeline}: {part.done} questions done, {part.cached} in the cache, {part.open} to ask about "
            f"(at most {part.calls:,} chat calls)"
        )
    at_most = sum(part.calls for part in outlook.runs)
    print(f"in all: {outlook.calls:,} to {at_most:,} chat calls and at least {outlook.texts:,} texts to embed")


def _runs(board: Mapping[str, Json]) -> list[dict[str, Json]]:
    runs = board["runs"]
    assert isinstance(runs, list)
    return [entry for entry in runs if isinstance(entry, dict)]


def _list_pipelines() -> dict[str, str]:
    from rageval.experiment.recipes import list_recipes, recipe_summary

    return {name: recipe_summary(path) for name, path in list_recipes().items()}


def _list_metrics() -> dict[str, str]:
    from rageval.metrics import ALL_METRICS

    return {metric.form: f"{metric.kind}: {metric.meaning} ({metric.source})" for metric in ALL_METRICS}


def _list_judges() -> dict[str, str]:
    from rageval.judges import JUDGES

    return {name: judge.summary for name, judge in JUDGES.items()}


def _list_benchmarks() -> dict[str, str]:
    from rageval.benchmark import shipped_benchmarks

    return {name: str(path) for name, path in shipped_benchmarks().items()}


_LISTS: dict[Listed, Callable[[], dict[str, str]]] = {
    Listed.pipelines: _list_pipelines,
    Listed.metrics: _list_metrics,
    Listed.judges: _list_judges,
    Listed.benchmarks: _list_benchmarks,
}
