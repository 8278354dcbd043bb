"""A gate as lines and tables for every format."""

from __future__ import annotations

from collections.abc import Mapping

from rageval.decide.gate import GateResult, GateVerdict, MetricGate
from rageval.report.gate import cells, header, legend
from rageval.report.lost_most import lost_lines
from rageval.report.money import cost_legend
from rageval.report.pairs_printout import (
    change_lines,
    long_slices,
    run_lines,
    short_notes,
    short_slices,
    slice_blocks,
)
from rageval.report.tables.printout import Column, Legend, Line, Printout, Table, Tone

TONES: Mapping[GateVerdict, Tone] = {"pass": "good", "fail": "bad", "inconclusive": "warning"}
_WORDS = ("metric", "verdict")


def gate_printout(result: GateResult) -> Printout:
    """The two runs, the verdict, sentences, the table, slices, what was lost and changed most, and the legend."""
    gates = [*result.gates.values()]
    pairs = [one.pairs for one in gates]
    columns = tuple(Column(name, "word" if name in _WORDS else "number") for name in header(result))
    about = short_notes(pairs, result.candidate.benchmark, len(result.candidate.questions))
    if gates:
        about[0] += " Pass: the interval of candidate - baseline lies above minus the margin; fail: below."
    if spent := cost_legend(result.costs):
        about.append(spent)
    smallest = f"Smallest margin that an equally good one passes (probability 0.8): {_smallest(gates)}"
    return Printout(
        f"Gate: {result.verdict}",
        (
            *run_lines(result.baseline, result.candidate, result.left_out),
            Line(f"gate: {result.verdict}", TONES[result.verdict]),
            *(Line(one.sentence, TONES[one.verdict]) for one in result.all_gates.values()),
            *([Table("gate", columns, tuple(map(cells, gates)))] if gates else []),
            *slice_blocks(result.slices),
            *lost_lines(result.lost),
            *change_lines(pairs, result.baseline, result.candidate),
            *([Line(smallest, "faint")] if gates else []),
            Legend((*about, *short_slices(result.slices)), (legend(result), *long_slices(result.slices))),
        ),
    )


def _smallest(gates: list[MetricGate]) -> str:
    return ", ".join(
        f"{one.pairs.name} {'none' if one.smallest_margin is None else f'{one.smallest_margin:.3f}'}" for one in gates
    )
