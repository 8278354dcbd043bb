"""What printouts of two runs share: which they are, slices, what changed most, and the short legend."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rageval.decide.slicing import FOUND_IN_RUN, SlicedMetric
from rageval.report.compare import (
    SLICE_HEADER,
    changed_text,
    slice_cells,
    slice_legend,
)
from rageval.report.tables.printout import Column, Line, Table
from rageval.scores.comparability import LeftOut, differences
from rageval.scores.pair_labels import labels_note
from rageval.scores.pairs import Pairs
from rageval.scores.run_scores import RunScores

_BRACKETS = re.compile(r" \([^()]*\)")


def run_lines(baseline: RunScores, candidate: RunScores, left_out: LeftOut) -> list[Line]:
    """Which two are compared, what else than the pipeline differs, and which questions are left out."""
    lines = [
        Line(f"{role:<10} {run.label}  ({run.source})", "faint")
        for role, run in (("baseline", baseline), ("candidate", candidate))
    ]
    for name, (before, after) in differences([baseline, candidate]).items():
        lines.append(Line(f"differs    {name}: {before} (baseline), {after} (candidate)", "faint"))
    return [*lines, *(Line(line, "warning") for line in left_out.of_two)]


def slice_blocks(slices: Sequence[SlicedMetric]) -> list[Line | Table]:
    """For each metric and field: whether the difference depends on the slice, and the table of the slices."""
    name, n, *rest = SLICE_HEADER
    columns = (Column(name, "text"), Column(n), *map(Column, rest))
    blocks: list[Line | Table] = []
    for one in slices:
        rows = tuple(slice_cells(part) for part in one.slices)
        blocks += [Line(one.sentence, "strong"), Table(f"{one.metric} by {one.by}", columns, rows, turns="never")]
    return blocks


def change_lines(pairs: Sequence[Pairs], baseline: RunScores, candidate: RunScores) -> list[Line]:
    """What changed most, metric by metric."""
    lines: list[Line] = []
    for one in pairs:
        if one.changed:
            lines.append(Line(f"changed most: {one.name}", "strong"))
        for change in one.changed:
            text = changed_text(change.question_id, baseline, candidate)
            lines.append(Line(f"  {change.before:.3f} → {change.after:.3f}  {change.question_id}  {text}"))
    return lines


def _without_brackets(note: str) -> str:
    """A note without what it says in brackets."""
    return _BRACKETS.sub("", note)


def short_sharing(note: str) -> str:
    """A note on questions that share documents, in short."""
    short = _without_brackets(note).replace("Questions that share a document are not independent", "Sources are shared")
    return short.replace("Questions that share a document are taken for independent", "Shared sources are ignored")


def short_notes(pairs: Sequence[Pairs], benchmark: str, questions: int) -> list[str]:
    """What every legend on pairs says of them, in short: the questions, and what marks mean where there are any."""
    about = [f"{benchmark}, {questions} questions."]
    about += dict.fromkeys(short_sharing(one.sharing) for one in pairs if one.sharing)
    marks: list[str] = []
    if any(any(one.failed) for one in pairs):
        before, after = (max(one.failed[side] for one in pairs) for side in (0, 1))
        worst = "0 (1 where ↓)" if any(one.lower_is_better for one in pairs) else "0"
        marks.append(f"Failed questions score {worst}: {before} of the baseline's, {after} of the candidate's.")
    if any(one.left_out for one in pairs):
        marks.append("Left out: scored by the baseline + the candidate alone.")
    if any(one.lower_is_better for one in pairs):
        marks.append("↓ lower is better: more than 0 is an improvement here too.")
    if note := labels_note([one.labels for one in pairs if one.labels is not None]):
        marks.append(_without_brackets(note))
    if any(one.judged for one in pairs):
        marks.append("† judge only, uncorrected: no people's labels.")
    return [" ".join(about), *([" ".join(marks)] if marks else [])]


def short_slices(slices: Sequence[SlicedMetric]) -> list[str]:
    """What the slices' numbers are, in short; nothing without slices."""
    if not slices:
        return []
    parts = [f"Slices: a metric's intervals hold together with {slices[0].level:.0%}."]
    if any(one.few for metric in slices for one in metric.slices):
        parts.append("few: too few questions for the test.")
    if any(metric.overlap for metric in slices):
        parts.append("Some questions are in several slices.")
    parts.extend(
        f"Slices by {field} follow from the candidate's own results: read them as a description."
        for field in dict.fromkeys(metric.by for metric in slices if metric.by in FOUND_IN_RUN)
    )
    return [" ".join(parts)]


def long_slices(slices: Sequence[SlicedMetric]) -> list[str]:
    """The same at length."""
    return [slice_legend(slices)] if slices else []
