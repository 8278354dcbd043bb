"""A comparison on the terminal and as Markdown, and what a gate's report shares with it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rageval.decide.comparison import CompareResult, Comparison
from rageval.report.leaderboard import metric_title
from rageval.report.markdown import code, table
from rageval.scores.comparability import differences
from rageval.scores.pairs import UNCORRECTED, Pairs, signed
from rageval.scores.run_scores import RunScores
from rageval.stats import Interval

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

_LONGEST_TEXT = 90


def markdown(result: CompareResult) -> str:
    """Sentences, the table, what changed most, what the numbers mean."""
    pairs = [comparison.pairs for comparison in result.comparisons.values()]
    lines = [f"## {code(result.candidate.label)} against {code(result.baseline.label)}", ""]
    lines += [f"- {sentence}" for sentence in _sentences(result)]
    lines += ["", *table(HEADER, [_cells(one) for one in result.comparisons.values()]), "", _legend(result), ""]
    lines += markdown_differences(result.baseline, result.candidate)
    return "\n".join([*lines, *markdown_changes(pairs, result.baseline, result.candidate)])


def print_comparison(result: CompareResult, console: Console) -> None:
    """The same on a terminal."""
    print_runs(result.baseline, result.candidate, console)
    for sentence in _sentences(result):
        console.print(Text(sentence, style="bold"))
    print_table(HEADER, [_cells(one) for one in result.comparisons.values()], console)
    print_changes([one.pairs for one in result.comparisons.values()], result.baseline, result.candidate, console)
    console.print(Text(_legend(result), style="dim"))


def pairs_cell(pairs: Pairs) -> str:
    """How many questions were compared: `118`, or `118 (2 + 1 left out)`: so many scored by the baseline, by the
    candidate alone.
    """
    if not pairs.left_out:
        return str(pairs.n)
    return f"{pairs.n} ({len(pairs.only_baseline)} + {len(pairs.only_candidate)} left out)"


def metric_cell(pairs: Pairs) -> str:
    """The metric's name, with an arrow where lower is better and a mark where no people's labels correct the judge."""
    title = metric_title(pairs.metric)
    return f"{title} †" if pairs.judged else title


def interval_cell(interval: Interval) -> str:
    """`+0.031 [+0.012, +0.049]`."""
    return f"{signed(interval.point)} [{signed(interval.low)}, {signed(interval.high)}]"


def p_cell(p: float) -> str:
    """Three decimals, or `<0.001`."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def notes(pairs: Sequence[Pairs], benchmark: str, questions: int) -> str:
    """What every report on pairs says of them."""
    parts = [f"{benchmark}, {questions} questions."]
    clusters = next((one.clusters for one in pairs if one.clusters is not None), None)
    if clusters is not None:
        parts.append("Questions that share a source document count as one piece of evidence.")
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
            lines += [f"**{one.metric}**", "", *table(["question", "from", "to", "text"], rows), ""]
    return ["<details><summary>What changed most</summary>", "", *lines, "</details>", ""] if lines else []


def print_runs(baseline: RunScores, candidate: RunScores, console: Console) -> None:
    """Which two are compared, and what else than the pipeline differs."""
    for role, run in (("baseline", baseline), ("candidate", candidate)):
        console.print(Text(f"{role:<10} {run.label}  ({run.source})", style="dim"))
    for name, (before, after) in differences([baseline, candidate]).items():
        console.print(Text(f"differs    {name}: {before} (baseline), {after} (candidate)", style="dim"))


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
            console.print(Text(f"changed most: {one.metric}", style="bold"))
        for change in one.changed:
            text = _text(change.question_id, baseline, candidate)
            console.print(Text(f"  {change.before:.3f} → {change.after:.3f}  {change.question_id}  {text}"))


def _text(question_id: str, baseline: RunScores, candidate: RunScores) -> str:
    text = " ".join((candidate.texts.get(question_id) or baseline.texts.get(question_id, "")).split())
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"


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


def _legend(result: CompareResult) -> str:
    pairs = [one.pairs for one in result.comparisons.values()]
    tests = "; ".join(dict.fromkeys(one.test for one in result.comparisons.values()))
    return (
        f"{notes(pairs, result.candidate.benchmark, len(result.candidate.questions))} Difference: candidate - baseline "
        f"on the same questions, with its {result.level:.0%} interval. p: two-sided ({tests}), adjusted by Holm over "
        f"the metrics. Better or worse: adjusted p at most {1.0 - result.level:.2g} and 0 outside the interval. More "
        "questions: how many show such a difference with probability 0.8."
    )
