"""A comparison as lines and tables for every format."""

from __future__ import annotations

from rageval.decide.comparison import CompareResult
from rageval.report.compare import HEADER, cells, legend, sentences
from rageval.report.money import comparison_lines
from rageval.report.pairs_printout import (
    change_lines,
    long_slices,
    run_lines,
    short_notes,
    short_slices,
    slice_blocks,
)
from rageval.report.tables.printout import Column, Legend, Line, Printout, Table
from rageval.scores.pairs import percent

_WORDS = ("metric", "verdict")


def compare_printout(result: CompareResult) -> Printout:
    """The two runs, sentences, the table, slices, what changed most, what the numbers mean."""
    pairs = [one.pairs for one in result.comparisons.values()]
    columns = tuple(Column(name, "word" if name in _WORDS else "number") for name in HEADER)
    about = short_notes(pairs, result.candidate.benchmark, len(result.candidate.questions))
    about[0] += (
        f" Difference: candidate - baseline, {percent(result.level)} interval. p: adjusted by Holm over the metrics."
    )
    return Printout(
        f"{result.candidate.label} against {result.baseline.label}",
        (
            *run_lines(result.baseline, result.candidate, result.left_out),
            *(Line(sentence, "strong") for sentence in sentences(result)),
            *map(Line, comparison_lines(result.costs)),
            Table("comparison", columns, tuple(map(cells, result.comparisons.values()))),
            *slice_blocks(result.slices),
            *change_lines(pairs, result.baseline, result.candidate),
            Legend((*about, *short_slices(result.slices)), (legend(result), *long_slices(result.slices))),
        ),
    )
