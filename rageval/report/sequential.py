"""Gates and comparisons that are read after every question, on the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from rageval.decide.sequential import (
    SequentialCompareResult,
    SequentialComparison,
    SequentialGate,
    SequentialMetricGate,
)
from rageval.report.compare import (
    interval_cell,
    markdown_changes,
    markdown_differences,
    metric_cell,
    notes,
    p_cell,
    pairs_cell,
    print_changes,
    print_runs,
    print_table,
)
from rageval.report.gate import STYLES
from rageval.report.lost_most import lost_sections, print_lost
from rageval.report.markdown import code, fit, table
from rageval.scores.pairs import Pairs, percent

_Result = SequentialGate | SequentialCompareResult

_COMPARED = [
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
        [*table(_header(result), [_cells(one) for one in result.gates.values()]), ""],
        _sentences([one.sentence for one in result.gates.values()], result),
        [_gate_legend(result), ""],
        *lost_sections(result.lost),
        _end(result),
    ]
    return fit(sections, most)


def print_gate(result: SequentialGate, console: Console) -> None:
    """The same on a terminal."""
    print_runs(result.baseline, result.candidate, result.left_out, console)
    console.print(Text(result.headline, style=STYLES[result.verdict]))
    for one in result.gates.values():
        console.print(Text(one.sentence, style=STYLES[one.verdict]))
    print_table(_header(result), [_cells(one) for one in result.gates.values()], console)
    print_lost(result.lost, console)
    print_changes(_pairs(result), result.baseline, result.candidate, console)
    console.print(Text(_gate_legend(result), style="dim"))


def compare_markdown(result: SequentialCompareResult) -> str:
    """Sentences, the table, what changed most, what the numbers mean."""
    lines = [f"## {code(result.candidate.label)} against {code(result.baseline.label)}", ""]
    lines += _sentences(_told(result), result)
    lines += [*table(_COMPARED, [_compared(one) for one in result.comparisons.values()]), ""]
    return "\n".join([*lines, _compare_legend(result), "", *_end(result)])


def print_comparison(result: SequentialCompareResult, console: Console) -> None:
    """The same on a terminal."""
    print_runs(result.baseline, result.candidate, result.left_out, console)
    for sentence in _told(result):
        console.print(Text(sentence, style="bold"))
    print_table(_COMPARED, [_compared(one) for one in result.comparisons.values()], console)
    print_changes(_pairs(result), result.baseline, result.candidate, console)
    console.print(Text(_compare_legend(result), style="dim"))


def _pairs(result: _Result) -> list[Pairs]:
    return [one.pairs for one in (result.gates if isinstance(result, SequentialGate) else result.comparisons).values()]


def _sentences(sentences: Sequence[str], result: _Result) -> list[str]:
    return [*[f"- {line}" for line in (*sentences, *map(code, result.left_out.of_two))], ""]


def _end(result: _Result) -> list[str]:
    return [
        *markdown_differences(result.baseline, result.candidate),
        *markdown_changes(_pairs(result), result.baseline, result.candidate),
    ]


def _told(result: SequentialCompareResult) -> list[str]:
    return [one.sentence for one in result.comparisons.values()] + [
        f"{name} is not compared: {reason}" for name, reason in result.refused.items()
    ]


def _header(result: SequentialGate) -> list[str]:
    level = percent(next(iter(result.gates.values())).difference.level)
    interval = f"difference [{level} interval]"
    return ["metric", "verdict", "decided after", "margin", interval, "p (pass)", "p (fail)", "questions"]


def _cells(one: SequentialMetricGate) -> list[str]:
    return [
        metric_cell(one.pairs),
        one.verdict,
        _after(one.decided_after),
        f"{one.margin:g}",
        interval_cell(one.difference),
        p_cell(one.p_pass),
        p_cell(one.p_fail_adjusted),
        pairs_cell(one.pairs),
    ]


def _compared(one: SequentialComparison) -> list[str]:
    return [
        metric_cell(one.pairs),
        one.verdict,
        _after(one.decided_after),
        f"{one.pairs.baseline_mean:.3f}",
        f"{one.pairs.candidate_mean:.3f}",
        interval_cell(one.difference),
        p_cell(one.p_value),
        p_cell(one.p_adjusted),
        pairs_cell(one.pairs),
    ]


def _after(questions: int | None) -> str:
    return "" if questions is None else str(questions)


def _gate_legend(result: SequentialGate) -> str:
    about = notes(_pairs(result), result.candidate.benchmark, len(result.candidate.questions))
    alone, many = percent(result.level), len(result.gates)
    fails = alone if many == 1 else f"{alone} over all {many} metrics together (Bonferroni)"
    return (
        f"{about} Difference: candidate - baseline on the same questions. A metric passes once the lower end of its "
        f"interval has been above minus the margin, which holds with {alone} for each metric, since all must pass; it "
        f"fails once the upper end has been below, which holds with {fails}. {_ORDER}"
    )


def _compare_legend(result: SequentialCompareResult) -> str:
    about = notes(_pairs(result), result.candidate.benchmark, len(result.candidate.questions))
    return (
        f"{about} Difference: candidate - baseline on the same questions, with its {percent(result.level)} interval. "
        f"p: two-sided, adjusted by Holm over the metrics. Better or worse: adjusted p at most "
        f"{1.0 - result.level:.2g}. {_ORDER}"
    )
