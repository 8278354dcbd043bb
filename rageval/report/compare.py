"""A comparison on the terminal and as Markdown, and what a gate's report shares with it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rageval.decide.comparison import CompareResult, Comparison
from rageval.decide.slicing import FOUND_IN_RUN, SliceDifference, SlicedMetric
from rageval.report.lines import shorten
from rageval.report.markdown import code, table
from rageval.scores.comparability import LeftOut, differences
from rageval.scores.pair_labels import labels_note
from rageval.scores.pairs import UNCORRECTED, Pairs, signed
from rageval.scores.run_scores import RunScores
from rageval.stats import Interval
from rageval.stats.slices import FEW

HEADER = [
    "metric",
    "verdict",
    "baseline",
    "candidate",
    "difference",
    "p",
    "adjusted p",
    "better/same/worse",
    "questions",
]

SLICE_HEADER = ["slice", "n", "baseline", "candidate", "difference and interval"]

_LONGEST_TEXT = 90


def markdown(result: CompareResult) -> str:
    """Sentences, the table, what changed most, what the numbers mean."""
    pairs = [comparison.pairs for comparison in result.comparisons.values()]
    lines = [f"## {code(result.candidate.label)} against {code(result.baseline.label)}", ""]
    lines += [f"- {line}" for line in (*_sentences(result), *map(code, result.left_out.of_two))]
    lines += [
        "",
        *table(HEADER, [_cells(one) for one in result.comparisons.values()]),
        "",
        comparison_legend(result),
        "",
    ]
    lines += markdown_slices(result.slices)
    lines += markdown_differences(result.baseline, result.candidate)
    return "\n".join([*lines, *markdown_changes(pairs, result.baseline, result.candidate)])


def print_comparison(result: CompareResult, console: Console) -> None:
    """The same on a terminal."""
    print_runs(result.baseline, result.candidate, result.left_out, console)
    for sentence in _sentences(result):
        console.print(Text(sentence, style="bold"))
    print_table(HEADER, [_cells(one) for one in result.comparisons.values()], console)
    print_slices(result.slices, console)
    print_changes([one.pairs for one in result.comparisons.values()], result.baseline, result.candidate, console)
    console.print(Text(comparison_legend(result), style="dim"))


def pairs_cell(pairs: Pairs) -> str:
    """How many questions were compared: `118`, or `118 (2 + 1 left out)`: so many scored by the baseline, by the
    candidate alone.
    """
    if not pairs.left_out:
        return str(pairs.n)
    return f"{pairs.n} ({len(pairs.only_baseline)} + {len(pairs.only_candidate)} left out)"


def metric_cell(pairs: Pairs) -> str:
    """The metric's name, with an arrow where lower is better and a mark where people's labels correct the judge, or do
    not.
    """
    title = f"{pairs.name} ↓" if pairs.lower_is_better else pairs.name
    return f"{title} †" if pairs.judged else f"{title} ‡" if pairs.labels is not None else title


def interval_cell(interval: Interval) -> str:
    """`+0.031 [+0.012, +0.049]`."""
    return f"{signed(interval.point)} [{signed(interval.low)}, {signed(interval.high)}]"


def p_cell(p: float) -> str:
    """Three decimals, or `<0.001`."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def notes(pairs: Sequence[Pairs], benchmark: str, questions: int) -> str:
    """What every report on pairs says of them."""
    parts = [f"{benchmark}, {questions} questions."]
    parts.extend(dict.fromkeys(one.sharing for one in pairs if one.sharing))
    if any(one.left_out for one in pairs):
        parts.append("Left out: questions that only the baseline + only the candidate has a score for.")
    if any(any(one.failed) for one in pairs):
        before, after = (max(one.failed[side] for one in pairs) for side in (0, 1))
        worst = "0 (1 where ↓)" if any(one.lower_is_better for one in pairs) else "0"
        parts.append(f"Failed questions score {worst}: {before} of the baseline's, {after} of the candidate's.")
    if any(one.lower_is_better for one in pairs):
        parts.append(
            "↓ lower is better: its difference is baseline - candidate, so that more than 0 is an improvement."
        )
    if note := labels_note([one.labels for one in pairs if one.labels is not None]):
        parts.append(note)
    if any(one.judged for one in pairs):
        parts.append(f"† {UNCORRECTED}: a model's opinion that no people's labels have corrected.")
    return " ".join(parts)


def markdown_changes(pairs: Sequence[Pairs], baseline: RunScores, candidate: RunScores) -> list[str]:
    """What changed most, folded away; nothing where no question changed."""
    lines: list[str] = []
    for one in pairs:
        if one.changed:
            rows = [
                [
                    code(c.question_id),
                    f"{c.before:.3f}",
                    f"{c.after:.3f}",
                    code(_text(c.question_id, baseline, candidate)),
                ]
                for c in one.changed
            ]
            lines += [f"**{one.name}**", "", *table(["question", "from", "to", "text"], rows), ""]
    return ["<details><summary>What changed most</summary>", "", *lines, "</details>", ""] if lines else []


def print_runs(baseline: RunScores, candidate: RunScores, left_out: LeftOut, console: Console) -> None:
    """Which two are compared, what else than the pipeline differs, and which questions are left out."""
    for role, run in (("baseline", baseline), ("candidate", candidate)):
        console.print(Text(f"{role:<10} {run.label}  ({run.source})", style="dim"))
    for name, (before, after) in differences([baseline, candidate]).items():
        console.print(Text(f"differs    {name}: {before} (baseline), {after} (candidate)", style="dim"))
    for line in left_out.of_two:
        console.print(Text(line, style="yellow"))


def markdown_slices(slices: Sequence[SlicedMetric]) -> list[str]:
    """For each metric and field: whether the difference depends on the slice, and the table of the slices."""
    lines: list[str] = []
    for one in slices:
        rows = [[code(cells[0]), *cells[1:]] for cells in map(_slice_cells, one.slices)]
        lines += [f"**{one.sentence}**", "", *table(SLICE_HEADER, rows), ""]
    return [*lines, _slice_legend(slices), ""] if lines else []


def print_slices(slices: Sequence[SlicedMetric], console: Console) -> None:
    """The same on a terminal."""
    for one in slices:
        console.print(Text(one.sentence, style="bold"))
        print_table(SLICE_HEADER, [*map(_slice_cells, one.slices)], console)
    if slices:
        console.print(Text(_slice_legend(slices), style="dim"))


def markdown_differences(baseline: RunScores, candidate: RunScores) -> list[str]:
    """A table of what else than the pipeline differs; nothing where all is the same."""
    rows = [[name, code(str(a)), code(str(b))] for name, (a, b) in differences([baseline, candidate]).items()]
    return [*table(["not the same", "baseline", "candidate"], rows), ""] if rows else []


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], console: Console) -> None:
    """A table whose cells wrap where the terminal is narrow."""
    shown = Table(*header)
    for row in rows:
        shown.add_row(*map(Text, row))
    console.print(shown)


def print_changes(pairs: Sequence[Pairs], baseline: RunScores, candidate: RunScores, console: Console) -> None:
    """What changed most, metric by metric."""
    for one in pairs:
        if one.changed:
            console.print(Text(f"changed most: {one.name}", style="bold"))
        for change in one.changed:
            text = _text(change.question_id, baseline, candidate)
            console.print(Text(f"  {change.before:.3f} → {change.after:.3f}  {change.question_id}  {text}"))


def _text(question_id: str, baseline: RunScores, candidate: RunScores) -> str:
    return shorten(candidate.texts.get(question_id) or baseline.texts.get(question_id, ""), _LONGEST_TEXT)


def _slice_cells(one: SliceDifference) -> list[str]:
    return [
        one.name,
        f"{one.n} (few)" if one.few else str(one.n),
        f"{one.baseline:.3f}",
        f"{one.candidate:.3f}",
        interval_cell(one.difference),
    ]


def _slice_legend(slices: Sequence[SlicedMetric]) -> str:
    parts = [
        f"Slices: all intervals of a metric hold together with {slices[0].level:.0%} (Gaffke's bounds, Bonferroni).",
        "One that excludes 0 shows a difference in its slice.",
        "Whether the difference depends on the slice is tested by permutation of Welch's statistic, adjusted by Holm.",
    ]
    if any(one.few for metric in slices for one in metric.slices):
        parts.append(f"few: fewer than {FEW} questions, too few for the test; the interval holds.")
    if any(metric.overlap for metric in slices):
        parts.append("Some questions are in several slices, so each slice is tested against the rest.")
    parts.extend(
        f"Slices by {field} follow from the candidate's own results, which alone makes its scores there low or high: "
        "read them as a description."
        for field in dict.fromkeys(metric.by for metric in slices if metric.by in FOUND_IN_RUN)
    )
    return " ".join(parts)


def _cells(one: Comparison) -> list[str]:
    return [
        metric_cell(one.pairs),
        one.verdict,
        f"{one.pairs.baseline_mean:.3f}",
        f"{one.pairs.candidate_mean:.3f}",
        interval_cell(one.difference),
        p_cell(one.p_value),
        p_cell(one.p_adjusted),
        f"{one.wins}/{one.ties}/{one.losses}",
        pairs_cell(one.pairs),
    ]


def _sentences(result: CompareResult) -> list[str]:
    return [one.sentence for one in result.comparisons.values()] + [
        f"{name} is not compared: {reason}" for name, reason in result.refused.items()
    ]


def comparison_legend(result: CompareResult) -> str:
    """What the numbers of a comparison are."""
    pairs = [one.pairs for one in result.comparisons.values()]
    tests = "; ".join(dict.fromkeys(one.test for one in result.comparisons.values()))
    return (
        f"{notes(pairs, result.candidate.benchmark, len(result.candidate.questions))} Difference: candidate - baseline "
        f"on the same questions, with its {result.level:.0%} interval. p: two-sided ({tests}), adjusted by Holm over "
        f"the metrics. Better or worse: adjusted p at most {1.0 - result.level:.2g} and 0 outside the interval. More "
        "questions: how many show such a difference with probability 0.8."
    )
