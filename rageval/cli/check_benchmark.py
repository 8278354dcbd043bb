"""`rageval check-benchmark`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from rageval.cli.exit_codes import DONE, WRONG_INPUT
from rageval.cli.output import JsonFlag, print_json
from rageval.errors import BenchmarkError, DeclarationError
from rageval.types import Json

if TYPE_CHECKING:
    from rageval.benchmark.against import Against, Relocated
    from rageval.types import Benchmark, RelevanceLabel


def check_benchmark(
    benchmark: Annotated[
        str, typer.Argument(help="A folder, a name, beir:PATH, trec:PATH, hf:NAME, ir_datasets:NAME or FILE.py.")
    ],
    split: Annotated[str | None, typer.Option(help="The split of a BEIR benchmark or Hugging Face dataset.")] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse irregular data that is otherwise tolerated.")
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(metavar="OLD", help="Say what became of this older benchmark's evidence; exit 2 if any is lost."),
    ] = None,
    relocate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --against: write OLD's labels at their new places.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Validate a benchmark: its statistics, or every problem at once."""
    from dataclasses import asdict

    from rageval.benchmark import load, statistics
    from rageval.benchmark.images import unusable_images

    if against is not None:
        _check_against(benchmark, against, relocate, split, strict=strict, as_json=as_json)
    if relocate is not None:
        raise DeclarationError("--relocate: found no --against, expected the older benchmark whose labels are meant")
    try:
        loaded = load(benchmark, split=split, strict=strict)
    except BenchmarkError as error:
        end_with_problems(error)
    figures: dict[str, Json] = {
        "name": loaded.name,
        "description": loaded.card.description,
        "license": loaded.card.license,
        "source": loaded.card.source,
        **({"review": loaded.card.review} if loaded.card.review else {}),
        "content_hash": loaded.content_hash,
        **asdict(statistics(loaded)),
    }
    illustrated = [document for document in loaded.documents if document.images]
    unusable = unusable_images(illustrated)
    if illustrated:
        usable = {digest for document in illustrated for digest in document.image_digests.values()}
        figures["images"] = len(usable)
    if as_json:
        told: dict[str, Json] = {"unusable_images": [*unusable]} if unusable else {}
        print_json({**figures, "tolerated": [one.to_json() for one in loaded.tolerated], **told})
        return
    for key, value in figures.items():
        text = ", ".join(f"{k}: {v}" for k, v in value.items()) if isinstance(value, dict) else value
        print(f"{key.replace('_', ' '):<26} {text if not isinstance(text, float) else round(text, 2)}")
    for one in loaded.tolerated:
        print(f"{'tolerated':<26} {one}")
    for problem in unusable:
        print(f"{'unusable image':<26} {problem}")


def end_with_problems(error: BenchmarkError) -> NoReturn:
    """Print every problem, and end."""
    for problem in error.problems:
        print(problem, file=sys.stderr)
    raise typer.Exit(WRONG_INPUT) from None


def _check_against(
    new: str, old: str, file: Path | None, split: str | None, *, strict: bool, as_json: bool
) -> NoReturn:
    """Ends with 0 where all evidence is where it was, or moved to where `new` labels it or `file` now does; else 2."""
    from rageval.benchmark import load
    from rageval.benchmark.against import check_against, relocate
    from rageval.benchmark.labels import check_labels_path, write_labels

    if file is not None:
        check_labels_path(file)
    try:
        older = load(old, split=split, strict=strict)
        newer = _load_newer(new, split, strict=strict)
    except BenchmarkError as error:
        end_with_problems(error)
    found = check_against(newer, older)
    relocated = None if file is None else relocate(found, newer.labels)
    if file is not None and relocated is not None:
        write_labels(file, relocated.labels)
    if as_json:
        _print_json(found, relocated)
    else:
        _print(found, relocated, file)
    labelled = {*newer.labels, *(relocated.labels if relocated else ())}
    lost = any(one.fate != "there" and not _is_labelled(one.now, labelled) for one in found.findings)
    raise typer.Exit(WRONG_INPUT if lost else DONE)


def _load_newer(reference: str, split: str | None, *, strict: bool) -> Benchmark:
    """The benchmark, or, where its labels fit its documents no longer, the benchmark without them."""
    from rageval.benchmark import load
    from rageval.benchmark.loading import load_unlabelled

    try:
        return load(reference, split=split, strict=strict)
    except BenchmarkError as error:
        try:
            unlabelled = load_unlabelled(reference)
        except BenchmarkError:
            raise error from None
        n = len(error.problems)
        print(f"note: the labels of {reference} are not read, for {n} problems: {error.problems[0]}", file=sys.stderr)
        return unlabelled


def _is_labelled(label: RelevanceLabel | None, labelled: set[RelevanceLabel]) -> bool:
    return label is not None and label in labelled


def _print_json(found: Against, relocated: Relocated | None) -> None:
    fates = found.fate_of_questions()
    print_json(
        {
            "questions": {**fates},
            "evidence": [one.to_json() for one in found.findings],
            "lost_questions": [*found.lost],
            "added_questions": [*found.added],
            "relocated": None if relocated is None else len(relocated.labels),
            "left_out": None if relocated is None else [*relocated.left_out],
        }
    )


def _print(found: Against, relocated: Relocated | None, file: Path | None) -> None:
    from rageval.report.against import print_against
    from rageval.report.terminal import stdout_console

    print_against(found, stdout_console())
    if relocated is not None:
        print(f"\n{file}: {len(relocated.labels)} labels written, {len(relocated.left_out)} left out")
        for line in relocated.left_out:
            print(f"  left out: {line}")
