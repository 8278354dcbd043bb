"""`rageval synthesise`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rageval.cli.ending import tell
from rageval.cli.exit_codes import BUDGET_SPENT
from rageval.cli.output import FormatFlag, JsonFlag, calls_text, choose_format, end_interrupted, print_found, print_json
from rageval.errors import DeclarationError

if TYPE_CHECKING:
    from rageval.synthesis import Request


def synthesise(
    benchmark: Annotated[
        str, typer.Argument(help="What to ask about: a folder with documents.jsonl, or any benchmark reference.")
    ],
    n: Annotated[int, typer.Option("-n", min=1, help="How many questions.")] = 100,
    out: Annotated[Path, typer.Option(help="The folder of the new benchmark; the same command goes on there.")] = Path(
        "synthetic"
    ),
    mix: Annotated[
        str | None, typer.Option(help="Kinds with weights, such as 'factual 40, multi_hop 20'. [default: all kinds]")
    ] = None,
    models: Annotated[
        Path | None,
        typer.Option(help="A YAML file with models (chat writes, judge checks, embed searches). [the local ones]"),
    ] = None,
    budget_calls: Annotated[int | None, typer.Option(min=1, help="Make at most so many chat calls.")] = None,
    personas: Annotated[Path | None, typer.Option(help="Who asks: a description a line.")] = None,
    like: Annotated[Path | None, typer.Option(help="Real questions to take the style from: one a line.")] = None,
    attempts: Annotated[int | None, typer.Option(min=1, help="How often to try each question. [4]")] = None,
    seed: Annotated[int, typer.Option(help="The seed that chooses kinds and passages.")] = 0,
    keep_questions: Annotated[
        bool, typer.Option("--keep-questions", help="Also take over the benchmark's own questions and labels.")
    ] = False,
    cache: Annotated[Path, typer.Option(help="The folder of the model caches.")] = Path("results/cache"),
    dry: Annotated[bool, typer.Option("--dry-run", help="Say what it would cost; ask nothing.")] = False,
    output: FormatFlag = "terminal",
    as_json: JsonFlag = False,
) -> None:
    """Let a model write questions about documents, each with its evidence, and keep those that pass all filters."""
    from rageval.report.progress import progress_bars
    from rageval.report.synthesis_printout import synthesis_printout
    from rageval.synthesis import ATTEMPTS
    from rageval.synthesis import synthesise as write_questions

    form = choose_format(output, as_json)
    request = _request(
        benchmark, n, mix, models, budget_calls, personas, like, attempts or ATTEMPTS, seed, keep_questions
    )
    if dry:
        _dry_run(request, out, as_json=form == "json")
        return
    with progress_bars() as bars:
        try:
            found = write_questions(request, out, cache, on_kept=bars.synthetic_questions, on_embedding=bars.embedding)
        except KeyboardInterrupt:
            bars.stop()
            end_interrupted("every attempt so far", cache.parent)
    if found.reused:
        print(f"reused {found.reused:,} attempts", file=sys.stderr)
    print_found(form, lambda: synthesis_printout(found), found.to_json)
    if form != "json":
        print(found.path, file=sys.stderr)
    if found.stopped:
        tell(found.stopped)
        raise typer.Exit(BUDGET_SPENT)


def _request(
    benchmark: str,
    n: int,
    mix: str | None,
    models: Path | None,
    budget_calls: int | None,
    personas: Path | None,
    like: Path | None,
    attempts: int,
    seed: int,
    keep_questions: bool,
) -> Request:
    from rageval.experiment.spec import BudgetPart
    from rageval.synthesis import ModelsFile, Request, parse_mix, read_benchmark, read_models, read_styles

    weights = parse_mix(mix)
    file = ModelsFile() if models is None else read_models(models)
    if budget_calls is not None and file.budget is not None:
        raise DeclarationError(f"--budget-calls: found it beside the budget in {models}, expected one of them")
    return Request(
        benchmark=read_benchmark(benchmark),
        n=n,
        mix=weights,
        personas=() if personas is None else read_styles(personas, "descriptions of people"),
        like=() if like is None else read_styles(like, "real questions"),
        seed=seed,
        attempts=attempts,
        keep_questions=keep_questions,
        models=file.models,
        budget=file.budget if budget_calls is None else BudgetPart(max_calls=budget_calls),
        base=Path() if models is None else models.resolve().parent,
    )


def _dry_run(request: Request, out: Path, *, as_json: bool) -> None:
    from rageval.synthesis import forecast

    found = forecast(request, out)
    if as_json:
        print_json(found.to_json())
        return
    print(", ".join(f"{kind} {n}" for kind, n in found.questions.items() if n))
    print(f"{found.documents:,} documents in {found.passages:,} passages, to be embedded once")
    done = f" ({found.done:,} attempts are already made)" if found.done else ""
    print(f"{calls_text(found.low, found.high)}, and more where other passages may answer too{done}")
