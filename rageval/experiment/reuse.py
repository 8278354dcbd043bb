"""What a command finds done of its runs: said aloud, or set aside if everything is asked again."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rageval.errors import DeclarationError
from rageval.io.run_folder import RunFolder
from rageval.types import Json

_EARLIER = "earlier"
_log = logging.getLogger("rageval")


@dataclass(frozen=True, slots=True)
class Reused:
    """How many of a run's answers to `questions` were there when the command began, and how many had failed. A question
    that is asked several times counts as often. `judgments` counts an answer once for each judge that had judged it.
    """

    questions: int
    answers: int
    failures: int
    judgments: int

    def to_json(self) -> dict[str, Json]:
        return {"answers": self.answers, "failures": self.failures, "judgments": self.judgments}


def read_reused(runs: Iterable[Path]) -> list[Reused]:
    """What the last command reused of each of these finished runs."""
    manifests = [RunFolder(run).manifest() for run in runs]
    return [
        Reused(len(manifest["questions"]) * manifest.get("repeats", 1), **manifest["reused"]) for manifest in manifests
    ]


def reuse_line(found: Sequence[Reused], fresh: str, retry_failed: str) -> str:
    """`reused 40 of 50 answers (and 80 judgments); FRESH asks again`, over all runs; empty if nothing was reused.
    Failures that are shown again are named with RETRY_FAILED, which asks these questions again.
    """
    questions, answers, failures, judgments = (
        sum(getattr(one, name) for one in found) for name in ("questions", "answers", "failures", "judgments")
    )
    if not answers and not failures:
        return ""
    judged = f" (and {judgments:,} judgments)" if judgments else ""
    line = f"reused {answers:,} of {questions:,} answers{judged}"
    if not failures:
        return f"{line}; {fresh} asks again"
    return f"{line}; shown again: {failures:,} stored failures; {retry_failed} asks those again, {fresh} asks all"


def begin_afresh(folder: RunFolder, out: Path) -> None:
    """Empty the run, whose folder is locked: its content moves to a folder under `out/earlier`.

    A run that began this way and was interrupted is left as it is, so that it resumes.
    """
    try:
        before = folder.manifest()
    except DeclarationError:  # no run, or one that this version cannot read
        before = {}
    if before.get("fresh") and before.get("status") == "running":
        return
    moved = folder.move_content(out / _EARLIER)
    if moved is not None:
        _log.warning("%s starts again; its earlier content is in %s", folder.path, moved)
