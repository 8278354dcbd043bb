"""A comparison as Markdown, and what other reports on pairs share with it."""

from __future__ import annotations

from collections.abc import Sequence

from rageval.decide.comparison import CompareResult, Comparison
from rageval.decide.slicing import FOUND_IN_RUN, SliceDifference, SlicedMetric
from rageval.report.lines import shorten
from rageval.report.markdown import code, table
from rageval.report.money import comparison_lines
from rageval.report.tables.printout import Cell, texts
from rageval.report.tables.printout import interval_cell as cell_of_interval
from rageval.scores.comparability import differences
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
    told = (*sentences(result), *comparison_lines(result.costs), *map(code, result.left_out.of_two))
    lines += [f"- {line}" for line in told]
    lines += ["", *table(HEADER, [texts(cells(one)) for one in result.comparisons.values()]), "", legend(result), ""]
    lines += markdown_slices(result.slices)
    lines += markdown_differences(result.baseline, result.candidate)
    return "\n".join([*lines, *markdown_changes(pairs, result.baseline, result.candidate)])


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


def metric_of(pairs: Pairs) -> Cell:
    """The metric with its marks; for programs its name, and the mark beside it."""
    mark = "†" if pairs.judged else "‡" if pairs.labels is not None else ""
    return Cell(metric_cell(pairs), (("metric", pairs.name), ("mark", mark)))


def mean_cell(name: str, mean: float) -> Cell:
    """`0.742`."""
    return Cell(f"{mean:.3f}", ((name, mean),))


def p_value_cell(name: str, p: float) -> Cell:
    """`0.012`, or `<0.001`."""
    return Cell(p_cell(p), ((name, p),))


def difference_cell(difference: Interval) -> Cell:
    """`+0.031 [+0.012, +0.049]`."""
    return cell_of_interval("difference", interval_cell(difference), difference)


def questions_cell(pairs: Pairs) -> Cell:
    """How many questions were compared, and how many only one side has a score for."""
    counts = (pairs.n, len(pairs.only_baseline), len(pairs.only_candidate))
    names = ("questions", "questions only baseline", "questions only candidate")
    return Cell(pairs_cell(pairs), tuple(zip(names, counts, strict=True)))


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
                    code(changed_text(c.question_id, baseline, candidate)),
                ]
                for c in one.changed
            ]
            lines += [f"**{one.name}**", "", *table(["question", "from", "to", "text"], rows), ""]
    return ["<details><summary>What changed most</summary>", "", *lines, "</details>", ""] if lines else []


def markdown_slices(slices: Sequence[SlicedMetric]) -> list[str]:
    """For each metric and field: whether the difference depends on the slice, and the table of the slices."""
    lines: list[str] = []
    for one in slices:
        rows = [[code(name), *rest] for name, *rest in map(texts, map(slice_cells, one.slices))]
        lines += [f"**{one.sentence}**", "", *table(SLICE_HEADER, rows), ""]
    return [*lines, slice_legend(slices), ""] if lines else []


def markdown_differences(baseline: RunScores, candidate: RunScores) -> list[str]:
    """A table of what else than the pipeline differs; nothing where all is the same."""
    rows = [[name, code(str(a)), code(str(b))] for name, (a, b) in differences([baseline, candidate]).items()]
    return [*table(["not the same", "baseline", "candidate"], rows), ""] if rows else []


def changed_text(question_id: str, baseline: RunScores, candidate: RunScores) -> str:
    """The question on one line, shortened."""
    return shorten(candidate.texts.get(question_id) or baseline.texts.get(question_id, ""), _LONGEST_TEXT)


def slice_cells(one: SliceDifference) -> tuple[Cell, ...]:
    """One row, in the order of `SLICE_HEADER`."""
    return (
        Cell(one.name, (("slice", one.name),)),
        Cell(f"{one.n} (few)" if one.few else str(one.n), (("n", one.n),)),
        mean_cell("baseline", one.baseline),
        mean_cell("candidate", one.candidate),
        difference_cell(one.difference),
    )


def slice_legend(slices: Sequence[SlicedMetric]) -> str:
    """What the numbers of one slice or more mean, at length."""
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


def cells(one: Comparison) -> tuple[Cell, ...]:
    """One row, in the order of `HEADER`."""
    counts = (("better", one.wins), ("same", one.ties), ("worse", one.losses))
    return (
        metric_of(one.pairs),
        Cell(one.verdict),
        mean_cell("baseline", one.pairs.baseline_mean),
        mean_cell("candidate", one.pairs.candidate_mean),
        difference_cell(one.difference),
        p_value_cell("p", one.p_value),
        p_value_cell("adjusted p", one.p_adjusted),
        Cell(f"{one.wins}/{one.ties}/{one.losses}", counts),
        questions_cell(one.pairs),
    )


def sentences(result: CompareResult) -> list[str]:
    """What was found of each metric, and which metrics are not compared."""
    return [one.sentence for one in result.comparisons.values()] + [
        f"{name} is not compared: {reason}" for name, reason in result.refused.items()
    ]


def legend(result: CompareResult) -> str:
    """What the numbers mean, at length."""
    pairs = [one.pairs for one in result.comparisons.values()]
    tests = "; ".join(dict.fromkeys(one.test for one in result.comparisons.values()))
    return (
        f"{notes(pairs, result.candidate.benchmark, len(result.candidate.questions))} Difference: candidate - baseline "
        f"on the same questions, with its {result.level:.0%} interval. p: two-sided ({tests}), adjusted by Holm over "
        f"the metrics. Better or worse: adjusted p at most {1.0 - result.level:.2g} and 0 outside the interval. More "
        "questions: how many show such a difference with probability 0.8."
    )
