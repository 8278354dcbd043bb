"""Score a run that another system recorded: a TREC run file, or JSONL of responses.

Nothing is retrieved or generated; answers in the file are judged like any other.
"""

from pathlib import Path

from rageval.pipeline import Stage
from rageval.pipeline.systems import replay


def build(path: Path, k: int = 5) -> Stage:
    """`path`: `*.jsonl` for responses, anything else for TREC; the first `k` hits count as the context."""
    return replay(path, k)
