"""Which metrics of a leaderboard see passages, and which see documents alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from rageval.decide.leaderboard import Leaderboard
from rageval.io.line_log import read_lines
from rageval.metrics import parse

_LOOKED_AT = 20


def passage_notes(board: Leaderboard) -> list[str]:
    """A line where labels mark spans, a pipeline splits documents, and a metric looks at documents; else none.

    Whether a pipeline splits is told by the first hits of its run.
    """
    of_documents = [name for name in board.metrics if parse(name).kind == "ranking"]
    of_passages = [name for name in board.metrics if parse(name).kind == "evidence"]
    paths = [row.path for row in board.rows]
    if not of_documents or not any(map(_marks_spans, paths)) or not any(map(_splits, paths)):
        return []
    documents = f"{', '.join(of_documents)} see whole documents, whichever of their passages was found"
    if of_passages:
        return [f"{', '.join(of_passages)} see passages; {documents}"]
    return [f"{documents}; the labels mark spans, so that evidence metrics (evidence_recall@5) can see passages"]


def _marks_spans(run: Path) -> bool:
    return any(line.get("evidence") for line in _first(run / "questions.jsonl"))


def _splits(run: Path) -> bool:
    return any(start > 0 for line in _first(run / "responses.jsonl") for _, start, *_ in line.get("hits", ()))


def _first(path: Path) -> Iterator[Mapping[str, Any]]:
    return islice(read_lines(path, lambda line: line), _LOOKED_AT)
