"""`rageval train-adapter`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rageval.cli.output import FormatFlag, JsonFlag, choose_format, print_found
from rageval.errors import DeclarationError

if TYPE_CHECKING:
    from rageval.report.progress import Bars
    from rageval.retrieval.adapters import TrainedAdapter


def train_adapter(
    benchmark: Annotated[str, typer.Argument(help="Questions with relevant documents: any benchmark reference.")],
    out: Annotated[Path, typer.Option(help="Where the adapter goes: a .npz file, for `{adapted: {path: FILE}}`.")],
    split: Annotated[str | None, typer.Option(help="The split to train on, such as train.")] = None,
    apart_from: Annotated[
        str | None,
        typer.Option(metavar="BENCHMARK", help="Leave out the questions of this one, on which you will evaluate."),
    ] = None,
    rank: Annotated[
        int | None, typer.Option(min=1, help="Train two matrices of that rank. [one matrix of full rank]")
    ] = None,
    by_answers: Annotated[
        bool,
        typer.Option(help="Learn from how likely each passage makes the expected answer, by models.chat (RA-DIT)."),
    ] = False,
    models: Annotated[
        Path | None, typer.Option(help="A YAML file with models.embed, and models.chat. [the local ones]")
    ] = None,
    seed: Annotated[int, typer.Option(help="The seed of all that is drawn.")] = 0,
    cache: Annotated[Path, typer.Option(help="The folder of the model caches.")] = Path("results/cache"),
    output: FormatFlag = "terminal",
    as_json: JsonFlag = False,
) -> None:
    """Train a linear map on the vectors of questions, so that they find their passages."""
    from rageval.report.progress import progress_bars
    from rageval.report.train_adapter import adapter_printout
    from rageval.retrieval.adapters import write_adapter

    form = choose_format(output, as_json)
    if out.suffix != ".npz":
        raise DeclarationError(f"--out: found {out}, expected a file that ends in .npz")
    with progress_bars() as bars:
        trained = _train(benchmark, split, apart_from, rank, by_answers, models, seed, cache, bars)
    write_adapter(trained.adapter, out)
    print_found(form, lambda: adapter_printout(trained), lambda: {**trained.to_json(), "path": str(out)})
    if form != "json":
        print(out, file=sys.stderr)


def _train(
    reference: str,
    split: str | None,
    apart_from: str | None,
    rank: int | None,
    by_answers: bool,
    models: Path | None,
    seed: int,
    cache: Path,
    bars: Bars,
) -> TrainedAdapter:
    from rageval.benchmark import load
    from rageval.experiment.open_models import OpenModels
    from rageval.experiment.spec import LocalModel
    from rageval.retrieval.adapters import train_adapter
    from rageval.synthesis import read_models

    loaded = load(reference, split=split, base=Path.cwd())
    choice, chat = LocalModel(), LocalModel()
    if models is not None:
        chosen = read_models(models).models
        choice, chat = chosen.embed, chosen.chat
    base = Path() if models is None else models.resolve().parent
    source = reference if split is None else f"{reference}, split {split}"
    others = () if apart_from is None else load(apart_from, base=Path.cwd()).questions
    with OpenModels(cache, on_embedding=bars.embedding) as opened:
        embedder = opened.embedder(choice, base)
        return opened.run(
            train_adapter(
                loaded,
                embedder,
                source=source,
                rank=rank,
                seed=seed,
                apart_from=others,
                teacher=opened.chat(chat, base) if by_answers else None,
                on_taught=bars.examples,
            )
        )
