"""`rageval training-data`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def training_data(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a finished run on training questions.")],
    file: Annotated[Path, typer.Argument(help="The JSONL file to write.")],
) -> None:
    """Write a run's questions, passages and expected answers as chats, to fine-tune a model on."""
    from rageval.experiment.training_data import write_training_data

    examples = write_training_data(run, file)
    print(f"{examples:,} examples", file=sys.stderr)
    print(file, file=sys.stderr)
