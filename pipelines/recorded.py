"""Score a run that another system recorded: a TREC run file, or JSONL of responses.

Nothing is retrieved or generated; answers in the file are judged like any other.
"""

from pathlib import Path

from rageval.pipeline import Stage
from rageval.pipeline.recorded import replay


def build(path: Path, k: int | None = None) -> Stage:
    """`path`: `*.jsonl` for responses, anything else for TREC; all hits are the context, or with `k` the first `k`."""
    return replay(path, k)
