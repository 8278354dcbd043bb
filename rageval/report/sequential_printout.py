"""Gates and comparisons that are read after every question, as lines and tables for every format."""

from __future__ import annotations

from rageval.decide.sequential import SequentialCompareResult, SequentialGate
from rageval.report.gate_printout import TONES
from rageval.report.lost_most import lost_lines
from rageval.report.pairs_printout import change_lines, run_lines, short_notes
from rageval.report.sequential import (
    COMPARED,
    compare_legend,
    compared_cells,
    gate_cells,
    gate_header,
    gate_legend,
    pairs_of,
    told,
)
from rageval.report.tables.printout import Column, Legend, Line, Printout, Table
from rageval.scores.pairs import percent

_WORDS = ("metric", "verdict")
_ALWAYS = "Intervals and p hold after every question, so ask more and read again as often as you like."


def gate_printout(result: SequentialGate) -> Printout:
    """The two runs, the verdict, sentences, the table, what changed most, what the numbers mean."""
    gates = result.gates.values()
    about = short_notes(pairs_of(result), result.candidate.benchmark, len(result.candidate.questions))
    about[0] += " Pass: the interval of candidate - baseline has been above minus the margin; fail: below."
    return Printout(
        result.headline,
        (
            *run_lines(result.baseline, result.candidate, result.left_out),
            Line(result.headline, TONES[result.verdict]),
            *(Line(one.sentence, TONES[one.verdict]) for one in gates),
            Table("gate", _columns(gate_header(result)), tuple(map(gate_cells, gates))),
            *lost_lines(result.lost),
            *change_lines(pairs_of(result), result.baseline, result.candidate),
            Legend((*about, _ALWAYS), (gate_legend(result),)),
        ),
    )


def compare_printout(result: SequentialCompareResult) -> Printout:
    """The two runs, sentences, the table, what changed most, what the numbers mean."""
    about = short_notes(pairs_of(result), result.candidate.benchmark, len(result.candidate.questions))
    about[0] += (
        f" Difference: candidate - baseline, {percent(result.level)} interval. p: adjusted by Holm over the metrics."
    )
    return Printout(
        f"{result.candidate.label} against {result.baseline.label}",
        (
            *run_lines(result.baseline, result.candidate, result.left_out),
            *(Line(sentence, "strong") for sentence in told(result)),
            Table("comparison", _columns(COMPARED), tuple(map(compared_cells, result.comparisons.values()))),
            *change_lines(pairs_of(result), result.baseline, result.candidate),
            Legend((*about, _ALWAYS), (compare_legend(result),)),
        ),
    )


def _columns(names: list[str]) -> tuple[Column, ...]:
    return tuple(Column(name, "word" if name in _WORDS else "number") for name in names)
