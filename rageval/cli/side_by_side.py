"""Options of the commands that put runs side by side, or look at their slices."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

ByFlag = Annotated[
    list[str] | None,
    typer.Option("--by", metavar="FIELD", help="Also by slice: language, tag, or a field of metadata; repeatable."),
]
ClusterFlag = Annotated[
    Literal["document", "none"] | None,
    typer.Option(help="none: take questions for independent that share a document. By default they are not."),
]
OtherCorpusFlag = Annotated[bool, typer.Option("--other-corpus", help="Allow runs that searched different documents.")]
