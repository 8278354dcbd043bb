"""A gate's verdict on the terminal, as Markdown for a pull request, and as JUnit XML for a CI system."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from rich.console import Console
from rich.text import Text

from rageval.decide.gate import GateResult, MetricGate
from rageval.decide.sequential import SequentialGate
from rageval.report.compare import (
    interval_cell,
    markdown_changes,
    markdown_differences,
    markdown_slices,
    metric_cell,
    notes,
    p_cell,
    pairs_cell,
    print_changes,
    print_runs,
    print_slices,
    print_table,
)
from rageval.report.lost_most import lost_sections, print_lost
from rageval.report.markdown import code, fit, table
from rageval.scores.pairs import percent

STYLES = {"pass": "bold green", "fail": "bold red", "inconclusive": "bold yellow"}
_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def markdown(result: GateResult, most: int | None = None) -> str:
    """Verdict, a table row and a sentence per metric, what the numbers mean, what was lost on metrics that fail, what
    changed most. Where that is more than `most` characters, it is cut at whole sections.
    """
    title = [f"## Gate: {result.verdict}", "", f"{code(result.candidate.label)} against {code(result.baseline.label)}"]
    left_out = [f"- {code(line)}" for line in result.left_out.of_two]
    sections = [
        [*title, ""],
        [*table(_header(result), [_cells(one) for one in result.gates.values()]), ""],
        [*(f"- {one.sentence}" for one in result.gates.values()), *left_out, ""],
        [_legend(result), ""],
        *lost_sections(result.lost),
        markdown_slices(result.slices),
        markdown_differences(result.baseline, result.candidate),
        markdown_changes([one.pairs for one in result.gates.values()], result.baseline, result.candidate),
    ]
    return fit(sections, most)


def print_gate(result: GateResult, console: Console) -> None:
    """The same on a terminal."""
    print_runs(result.baseline, result.candidate, result.left_out, console)
    console.print(Text(f"gate: {result.verdict}", style=STYLES[result.verdict]))
    for one in result.gates.values():
        console.print(Text(one.sentence, style=STYLES[one.verdict]))
    print_table(_header(result), [_cells(one) for one in result.gates.values()], console)
    print_slices(result.slices, console)
    print_lost(result.lost, console)
    print_changes([one.pairs for one in result.gates.values()], result.baseline, result.candidate, console)
    console.print(Text(_legend(result), style="dim"))


def junit(result: GateResult | SequentialGate) -> bytes:
    """A test case per metric: fail is a `<failure>`, inconclusive an `<error>`.

    Inconclusive is no `<skipped>`: CI systems count that among what went well and hide its message, and a gate that
    could not decide has not passed. Without times, so that equal results give equal bytes.
    """
    counts = {
        "tests": str(len(result.gates)),
        "failures": str(sum(one.verdict == "fail" for one in result.gates.values())),
        "errors": str(sum(one.verdict == "inconclusive" for one in result.gates.values())),
        "skipped": "0",
        "time": "0",
    }
    root = ElementTree.Element("testsuites", {"name": "rageval gate", **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": _xml(result.candidate.benchmark), **counts})
    for name, one in result.gates.items():
        case = ElementTree.SubElement(suite, "testcase", {"classname": "rageval.gate", "name": name, "time": "0"})
        text = f"{one.sentence}\ncandidate: {result.candidate.label}\nbaseline: {result.baseline.label}\n"
        text += "".join(f"{line}\n" for line in result.left_out.of_two)
        text += "".join(f"{c.question_id}: {c.before:.3f} to {c.after:.3f}\n" for c in one.pairs.changed)
        tag = {"pass": "system-out", "fail": "failure", "inconclusive": "error"}[one.verdict]
        about = {} if one.verdict == "pass" else {"type": one.verdict, "message": one.sentence}
        ElementTree.SubElement(case, tag, about).text = _xml(text)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _xml(text: str) -> str:
    """Without the characters that XML cannot hold in any form."""
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _header(result: GateResult) -> list[str]:
    interval = f"difference [{_level(result)} interval]"
    return ["metric", "verdict", "margin", "baseline", "candidate", interval, "p (pass)", "p (fail)", "questions"]


def _cells(one: MetricGate) -> list[str]:
    return [
        metric_cell(one.pairs),
        one.verdict,
        f"{one.margin:g}",
        f"{one.pairs.baseline_mean:.3f}",
        f"{one.pairs.candidate_mean:.3f}",
        interval_cell(one.difference),
        p_cell(one.p_pass),
        p_cell(one.p_fail_adjusted),
        pairs_cell(one.pairs),
    ]


def _legend(result: GateResult) -> str:
    gates = result.gates.values()
    about = notes([one.pairs for one in gates], result.candidate.benchmark, len(result.candidate.questions))
    margins = ", ".join(
        f"{one.pairs.name} {'none' if one.smallest_margin is None else f'{one.smallest_margin:.3f}'}" for one in gates
    )
    return (
        f"{about} Difference: candidate - baseline on the same questions. Its interval decides: pass where it lies "
        "above minus the margin, fail where it lies below. The gate passes if every metric does, each at "
        f"{1 - result.level:.2g}: to pass wrongly it must pass a metric that is worse by its margin. It fails if any "
        "metric fails, so p (fail) and the upper ends are adjusted by Holm over the metrics; where one metric fails "
        "and another does not, Holm shows no more than the margin, and the interval ends there. p: one-sided tests of "
        "not being worse by the margin (pass) and of being worse by more (fail). "
        f"Smallest margin that an equally good candidate passes with probability 0.8: {margins}."
    )


def _level(result: GateResult) -> str:
    return percent(1.0 - 2.0 * (1.0 - result.level))
