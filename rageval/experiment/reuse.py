"""What a command finds done of its runs: said aloud, or set aside where everything is to be asked afresh."""

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
    """How many of a run's `questions` had answers when the command began. `judgments` counts an answer once for each
    judge that had judged it.
    """

    questions: int
    answers: int
    judgments: int

    def to_json(self) -> dict[str, Json]:
        return {"answers": self.answers, "judgments": self.judgments}


def read_reused(runs: Iterable[Path]) -> list[Reused]:
    """What the last command reused of each of these finished runs."""
    manifests = [RunFolder(run).manifest() for run in runs]
    return [Reused(len(manifest["questions"]), **manifest["reused"]) for manifest in manifests]


def reuse_line(found: Sequence[Reused], remedy: str) -> str:
    """`reused 40 of 50 answers (and 80 judgments); REMEDY asks again`, over all runs; empty if no answer was reused."""
    answers, judgments = sum(one.answers for one in found), sum(one.judgments for one in found)
    if not answers:
        return ""
    judged = f" (and {judgments:,} judgments)" if judgments else ""
    return f"reused {answers:,} of {sum(one.questions for one in found):,} answers{judged}; {remedy} asks again"


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
        _log.warning("%s begins afresh; what it held is in %s", folder.path, moved)
