"""A gate's verdict as Markdown for a pull request, and as JUnit XML for a CI system."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from rageval.decide.cost_gate import CostGate
from rageval.decide.gate import GateResult, MetricGate
from rageval.decide.sequential import SequentialGate
from rageval.report.compare import (
    difference_cell,
    markdown_changes,
    markdown_differences,
    markdown_slices,
    mean_cell,
    metric_of,
    notes,
    p_value_cell,
    questions_cell,
)
from rageval.report.lost_most import lost_sections
from rageval.report.markdown import code, fit, table
from rageval.report.money import cost_legend
from rageval.report.tables.printout import Cell, texts
from rageval.scores.pairs import percent

_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def markdown(result: GateResult, most: int | None = None) -> str:
    """Verdict, a table row and a sentence per metric, what the numbers mean, what was lost on metrics that fail, what
    changed most. Where that is more than `most` characters, it is cut at whole sections.
    """
    title = [f"## Gate: {result.verdict}", "", f"{code(result.candidate.label)} against {code(result.baseline.label)}"]
    left_out = [f"- {code(line)}" for line in result.left_out.of_two]
    rows = [texts(cells(one)) for one in result.gates.values()]
    sections = [
        [*title, ""],
        [*table(header(result), rows), ""] if rows else [],
        [*(f"- {one.sentence}" for one in result.all_gates.values()), *left_out, ""],
        [legend(result), ""],
        *lost_sections(result.lost),
        markdown_slices(result.slices),
        markdown_differences(result.baseline, result.candidate),
        markdown_changes([one.pairs for one in result.gates.values()], result.baseline, result.candidate),
    ]
    return fit(sections, most)


def junit(result: GateResult | SequentialGate) -> bytes:
    """A test case per metric: fail is a `<failure>`, inconclusive an `<error>`.

    Inconclusive is no `<skipped>`: CI systems count that among what went well and hide its message, and a gate that
    could not decide has not passed. Without times, so that equal results give equal bytes.
    """
    gates = result.all_gates if isinstance(result, GateResult) else result.gates
    counts = {
        "tests": str(len(gates)),
        "failures": str(sum(one.verdict == "fail" for one in gates.values())),
        "errors": str(sum(one.verdict == "inconclusive" for one in gates.values())),
        "skipped": "0",
        "time": "0",
    }
    root = ElementTree.Element("testsuites", {"name": "rageval gate", **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": _xml(result.candidate.benchmark), **counts})
    for name, one in gates.items():
        case = ElementTree.SubElement(suite, "testcase", {"classname": "rageval.gate", "name": name, "time": "0"})
        text = f"{one.sentence}\ncandidate: {result.candidate.label}\nbaseline: {result.baseline.label}\n"
        text += "".join(f"{line}\n" for line in result.left_out.of_two)
        changed = () if isinstance(one, CostGate) else one.pairs.changed
        text += "".join(f"{c.question_id}: {c.before:.3f} to {c.after:.3f}\n" for c in changed)
        tag = {"pass": "system-out", "fail": "failure", "inconclusive": "error"}[one.verdict]
        about = {} if one.verdict == "pass" else {"type": one.verdict, "message": one.sentence}
        ElementTree.SubElement(case, tag, about).text = _xml(text)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _xml(text: str) -> str:
    """Without the characters that XML cannot hold in any form."""
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def header(result: GateResult) -> list[str]:
    """Column names."""
    interval = f"difference [{_level(result)} interval]"
    return ["metric", "verdict", "margin", "baseline", "candidate", interval, "p (pass)", "p (fail)", "questions"]


def cells(one: MetricGate) -> tuple[Cell, ...]:
    """One row, in the order of `header`."""
    return (
        metric_of(one.pairs),
        Cell(one.verdict),
        Cell(f"{one.margin:g}", (("margin", one.margin),)),
        mean_cell("baseline", one.pairs.baseline_mean),
        mean_cell("candidate", one.pairs.candidate_mean),
        difference_cell(one.difference),
        p_value_cell("p (pass)", one.p_pass),
        p_value_cell("p (fail)", one.p_fail_adjusted),
        questions_cell(one.pairs),
    )


def legend(result: GateResult) -> str:
    """What the numbers mean, at length."""
    gates = result.gates.values()
    spent = cost_legend(result.costs)
    if not gates:
        return f"{result.candidate.benchmark}, {len(result.candidate.questions)} questions. {spent}"
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
        f"{' ' + spent if spent else ''}"
    )


def _level(result: GateResult) -> str:
    return percent(1.0 - 2.0 * (1.0 - result.level))
