"""Where annotators disagree: the questions, and what a named person settled them on.

labelling/<metric>-<digest>.settled.jsonl   a line for each verdict; the last of a question counts
labelling/<metric>-<digest>.replaced.json   the labels that this sample's replaced in labels/<metric>.json
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rageval.io.line_log import LineLog
from rageval.io.run_folder import write_json
from rageval.people.decisions import Decision, append_decision, decision_from_json
from rageval.scores.samples import Sample


class SettledLog:
    """What was settled on the questions of a sample."""

    def __init__(self, folder: Path, sample: Sample) -> None:
        self._sample = sample
        self._path = folder.with_name(f"{folder.name}.settled.jsonl")
        self._replaced = folder.with_name(f"{folder.name}.replaced.json")

    def read(self) -> dict[str, tuple[str, Decision]]:
        """By question, who settled it, and on what."""
        return dict(LineLog(self._path, _settled))

    def append(self, annotator: str, decision: Decision) -> None:
        """Write a line, so that it is on the disk when this returns."""
        append_decision(self._path, {**decision.to_json(self._sample, annotator), "settles": True})

    def keep_replaced(self, labels: Mapping[str, Any]) -> None:
        """Keep labels that are about to be replaced; what was kept before stays."""
        if not self._replaced.exists():
            write_json(self._replaced, labels)

    def replaced_labels(self) -> dict[str, Any] | None:
        """Labels that were replaced; None where there were none."""
        return json.loads(self._replaced.read_text(encoding="utf-8")) if self._replaced.exists() else None


def _settled(row: Mapping[str, Any]) -> tuple[str, Decision]:
    return str(row["annotator"]), decision_from_json(row)
