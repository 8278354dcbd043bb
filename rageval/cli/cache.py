"""`rageval cache`: what is kept of models' replies and vectors."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, cast

import typer

from rageval.cli.output import JsonFlag, print_json
from rageval.types import Json

cache_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Replies and vectors that are kept, so that nothing is paid for twice. Deleting them costs only calls.",
)

Out = Annotated[Path, typer.Option(help="The folder that has cache/.")]


@cache_app.command()
def stats(out: Out = Path("results"), as_json: JsonFlag = False) -> None:
    """How many replies of which model there are, how old, and how many vectors."""
    from rageval.models.cache_folder import cache_stats

    found = cache_stats(out / "cache")
    if as_json:
        print_json(cast("dict[str, Json]", asdict(found)))
        return
    for part in found.replies:
        print(f"{part.replies:>9,} replies of {part.model}, {part.oldest} to {part.newest}")
    for store in found.vectors:
        print(f"{store.vectors:>9,} vectors of {store.store}")
    print(f"{found.bytes / 1e6:,.1f} MB in {out / 'cache'}")


@cache_app.command()
def prune(
    out: Out = Path("results"),
    older_than: Annotated[float | None, typer.Option(min=0, help="Replies older than this many days.")] = None,
    model: Annotated[str | None, typer.Option(help="Replies of this model, named as in `rageval cache stats`.")] = None,
) -> None:
    """Delete replies."""
    from rageval.models.cache_folder import prune_cache

    print(f"{prune_cache(out / 'cache', older_than_days=older_than, model=model):,} replies deleted")


@cache_app.command(name="export")
def export_(
    file: Annotated[Path, typer.Argument(help="The file to write, such as cache.jsonl.gz.")], out: Out = Path("results")
) -> None:
    """Write all replies and vectors to one file: with it an experiment is repeated elsewhere without a model."""
    from rageval.models.cache_folder import export_cache

    moved = export_cache(out / "cache", file)
    print(f"{moved.replies:,} replies and {moved.vectors:,} vectors in {file}")


@cache_app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="What `rageval cache export` wrote.")], out: Out = Path("results")
) -> None:
    """Add the replies and vectors of an exported cache."""
    from rageval.models.cache_folder import import_cache

    moved = import_cache(out / "cache", file)
    print(f"{moved.replies:,} replies and {moved.vectors:,} vectors read into {out / 'cache'}")
