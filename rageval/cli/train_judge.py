"""`rageval train-judge`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rageval.cli.exit_codes import WRONG_INPUT
from rageval.cli.output import FormatFlag, JsonFlag, choose_format, print_found
from rageval.errors import DeclarationError, LabelFileError
from rageval.types import Json

if TYPE_CHECKING:
    from rageval.judges.light.weights import Weights
    from rageval.people import LabelFile
    from rageval.people.judge_training import Trained
    from rageval.report.progress import Bars


def train_judge(
    source: Annotated[
        str,
        typer.Argument(
            metavar="BENCHMARK|LABELS",
            help="What to train on: a benchmark; or labels that pull the shipped weights: a file, or a labelled run.",
        ),
    ],
    metric: Annotated[
        Literal["faithfulness", "context_relevance", "answer_relevance"], typer.Option(help="What it is to judge.")
    ],
    out: Annotated[Path, typer.Option(help="Where the judge goes: a .json file, for `models: {judge: FILE}`.")],
    labels: Annotated[
        Path | None,
        typer.Option(help="Answers that people labelled 0 or 1, a file as for `rageval calibrate` or a labelled run."),
    ] = None,
    aligned: Annotated[
        bool,
        typer.Option("--aligned", help="Compare vectors of tokens as well, by the packaged embedder (extra local)."),
    ] = False,
    seed: Annotated[int, typer.Option(help="The seed of all that is drawn.")] = 0,
    output: FormatFlag = "terminal",
    as_json: JsonFlag = False,
) -> None:
    """Train a light judge on your own corpus, or on people's labels. It asks no chat model and costs no call."""
    from rageval.judges.light.weights import write_weights
    from rageval.report.progress import progress_bars
    from rageval.report.train_judge import training_printout

    form = choose_format(output, as_json)
    if out.suffix != ".json":
        raise DeclarationError(f"--out: found {out}, expected a file that ends in .json")
    of_labels = Path(source).suffix in (".jsonl", ".csv") or (Path(source) / "manifest.json").is_file()
    if of_labels and labels is not None:
        raise DeclarationError(f"found {source} and --labels {labels}, expected one file of labels")
    given = Path(source) if of_labels else labels
    try:
        file = None if given is None else _read(given, metric)
    except LabelFileError as error:
        for problem in error.problems:
            print("error:", problem, file=sys.stderr)
        raise typer.Exit(WRONG_INPUT) from None
    with progress_bars() as bars:
        trained = _train(None if of_labels else source, metric, file, aligned, seed, bars)
    write_weights(trained.weights, out)
    print_found(form, lambda: training_printout(trained), lambda: _to_json(trained.weights, out))
    if form != "json":
        print(out, file=sys.stderr)


def _train(
    benchmark: str | None,
    metric: Literal["faithfulness", "context_relevance", "answer_relevance"],
    file: LabelFile | None,
    aligned: bool,
    seed: int,
    bars: Bars,
) -> Trained:
    from rageval.benchmark import load
    from rageval.judges.light.weights import SHIPPED, shipped_weights
    from rageval.people.judge_examples import corpus_examples
    from rageval.people.judge_training import Trained, pull, train

    if benchmark is None:
        if metric not in SHIPPED:
            raise DeclarationError(f"found labels alone, and no shipped weights of {metric}: name a benchmark too")
        trained = Trained(shipped_weights(metric, aligned=aligned), ())
    else:
        loaded = load(benchmark, base=Path.cwd())
        examples = corpus_examples(loaded, metric, seed)
        trained = train(metric, examples, seed=seed, source=benchmark, aligned=aligned, on_progress=bars.examples)
    if file is None:
        return trained
    pulled = pull(trained.weights, file, seed=seed)
    return Trained(pulled.weights, (*trained.measured, *pulled.measured), trained.notes)


def _read(path: Path, metric: Literal["faithfulness", "context_relevance", "answer_relevance"]) -> LabelFile:
    from rageval.judges import JUDGES
    from rageval.judges.light.detectors import JUDGE_OF
    from rageval.people import read_items
    from rageval.people.run_labels import read_run_labels

    if path.is_dir():
        return read_run_labels(path, metric)
    return read_items(path, JUDGES[JUDGE_OF[metric]])


def _to_json(weights: Weights, path: Path) -> dict[str, Json]:
    return {**weights.to_json(), "digest": weights.digest, "path": str(path)}
