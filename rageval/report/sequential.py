"""Gates and comparisons that are read after every question, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from rageval.decide.sequential import (
    SequentialCompareResult,
    SequentialComparison,
    SequentialGate,
    SequentialMetricGate,
)
from rageval.report.compare import (
    difference_cell,
    markdown_changes,
    markdown_differences,
    mean_cell,
    metric_of,
    notes,
    p_value_cell,
    questions_cell,
)
from rageval.report.lost_most import lost_sections
from rageval.report.markdown import code, fit, table
from rageval.report.tables.printout import Cell, texts
from rageval.scores.pairs import Pairs, percent

_Result = SequentialGate | SequentialCompareResult

COMPARED = [
    "metric",
    "verdict",
    "decided after",
    "baseline",
    "candidate",
    "difference",
    "p",
    "adjusted p",
    "questions",
]
_ORDER = (
    "Questions are read in a random order by the hash of their ids. Intervals and p-values hold after every question "
    "at once (betting), so ask more and read again as often as you like."
)


def gate_markdown(result: SequentialGate, most: int | None = None) -> str:
    """Verdict, a table row and a sentence per metric, what the numbers mean, what was lost on metrics that fail, what
    changed most. Where that is more than `most` characters, it is cut at whole sections.
    """
    title = f"{code(result.candidate.label)} against {code(result.baseline.label)}"
    sections = [
        [f"## {result.headline[:1].upper()}{result.headline[1:]}", "", title, ""],
        [*table(gate_header(result), [texts(gate_cells(one)) for one in result.gates.values()]), ""],
        _sentences([one.sentence for one in result.gates.values()], result),
        [gate_legend(result), ""],
        *lost_sections(result.lost),
        _end(result),
    ]
    return fit(sections, most)


def compare_markdown(result: SequentialCompareResult) -> str:
    """Sentences, the table, what changed most, what the numbers mean."""
    lines = [f"## {code(result.candidate.label)} against {code(result.baseline.label)}", ""]
    lines += _sentences(told(result), result)
    lines += [*table(COMPARED, [texts(compared_cells(one)) for one in result.comparisons.values()]), ""]
    return "\n".join([*lines, compare_legend(result), "", *_end(result)])


def pairs_of(result: _Result) -> list[Pairs]:
    """The scores behind each metric."""
    return [one.pairs for one in (result.gates if isinstance(result, SequentialGate) else result.comparisons).values()]


def _sentences(sentences: Sequence[str], result: _Result) -> list[str]:
    return [*[f"- {line}" for line in (*sentences, *map(code, result.left_out.of_two))], ""]


def _end(result: _Result) -> list[str]:
    return [
        *markdown_differences(result.baseline, result.candidate),
        *markdown_changes(pairs_of(result), result.baseline, result.candidate),
    ]


def told(result: SequentialCompareResult) -> list[str]:
    """What was found of each metric, and which metrics are not compared."""
    return [one.sentence for one in result.comparisons.values()] + [
        f"{name} is not compared: {reason}" for name, reason in result.refused.items()
    ]


def gate_header(result: SequentialGate) -> list[str]:
    """Column names of a gate."""
    level = percent(next(iter(result.gates.values())).difference.level)
    interval = f"difference [{level} interval]"
    return ["metric", "verdict", "decided after", "margin", interval, "p (pass)", "p (fail)", "questions"]


def gate_cells(one: SequentialMetricGate) -> tuple[Cell, ...]:
    """One row, in the order of `gate_header`."""
    return (
        metric_of(one.pairs),
        Cell(one.verdict),
        _after(one.decided_after),
        Cell(f"{one.margin:g}", (("margin", one.margin),)),
        difference_cell(one.difference),
        p_value_cell("p (pass)", one.p_pass),
        p_value_cell("p (fail)", one.p_fail_adjusted),
        questions_cell(one.pairs),
    )


def compared_cells(one: SequentialComparison) -> tuple[Cell, ...]:
    """One row, in the order of `COMPARED`."""
    return (
        metric_of(one.pairs),
        Cell(one.verdict),
        _after(one.decided_after),
        mean_cell("baseline", one.pairs.baseline_mean),
        mean_cell("candidate", one.pairs.candidate_mean),
        difference_cell(one.difference),
        p_value_cell("p", one.p_value),
        p_value_cell("adjusted p", one.p_adjusted),
        questions_cell(one.pairs),
    )


def _after(questions: int | None) -> Cell:
    return Cell("" if questions is None else str(questions), (("decided after", questions),))


def gate_legend(result: SequentialGate) -> str:
    """What a gate's numbers mean, at length."""
    about = notes(pairs_of(result), result.candidate.benchmark, len(result.candidate.questions))
    alone, many = percent(result.level), len(result.gates)
    fails = alone if many == 1 else f"{alone} over all {many} metrics together (Bonferroni)"
    return (
        f"{about} Difference: candidate - baseline on the same questions. A metric passes once the lower end of its "
        f"interval has been above minus the margin, which holds with {alone} for each metric, since all must pass; it "
        f"fails once the upper end has been below, which holds with {fails}. {_ORDER}"
    )


def compare_legend(result: SequentialCompareResult) -> str:
    """What a comparison's numbers mean, at length."""
    about = notes(pairs_of(result), result.candidate.benchmark, len(result.candidate.questions))
    return (
        f"{about} Difference: candidate - baseline on the same questions, with its {percent(result.level)} interval. "
        f"p: two-sided, adjusted by Holm over the metrics. Better or worse: adjusted p at most "
        f"{1.0 - result.level:.2g}. {_ORDER}"
    )
