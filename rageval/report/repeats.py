"""What repeats show, as text."""

from __future__ import annotations

from collections.abc import Iterator

from rageval.decide.repeats import Choice, MetricVariance, RunRepeats
from rageval.decide.self_consistency import SelfConsistency
from rageval.metrics import parse
from rageval.report.lines import shorten
from rageval.report.tables.printout import Cell, Column, Line, Printout, Table, count_cell
from rageval.stats import Interval
from rageval.stats.components import MOST_ANSWERS

_LONGEST_TEXT = 74
EQUAL = (
    "All answers to each question are equal: chance was not seen. Is the temperature 0? An endpoint takes one in "
    "models.chat.extra_body."
)


def pointer(found: RunRepeats) -> str:
    """One line for a run's table, about the metric that flaky questions are by."""
    variance = next(one for one in found.metrics if one.metric == found.flaky_by)
    failed = f" {_count(found.failed, 'answer')} failed." if found.failed else ""
    told = f"{found.label}: {found.repeats} answers a question: {_headline(variance, f' of {variance.metric}')}"
    return f"{told}{failed} See: rageval repeats {found.path}"


def repeats_printout(found: RunRepeats, limit: int) -> Printout:
    """The parts of the variance of each metric, what other numbers of answers give, and the flaky questions."""
    title = f"{found.label}: {found.questions} questions, {found.repeats} answers each"
    blocks: list[Line | Table] = [Line(title, "strong")]
    if found.failed:
        blocks.append(Line(f"{_count(found.failed, 'answer')} failed and scored the worst value.", "bad"))
    if found.same == found.questions:
        blocks.append(Line(EQUAL, "warning"))
    if found.consistency is not None:
        blocks.append(Line(_consistency(found.consistency)))
    for variance in found.metrics:
        blocks += [Line(""), *_variance(found, variance)]
    return Printout(title, (*blocks, Line(""), *_flaky(found, limit)))


def _consistency(found: SelfConsistency) -> str:
    mean = found.mean
    least = f"; least: {', '.join(found.least)}" if found.least else ""
    return (
        f"self-consistency {mean.point:.3f} [{mean.low:.2f}, {mean.high:.2f}]: the share of an answer's sentences that "
        f"another answer to the same question supports, by the packaged light judge{least}"
    )


def _variance(found: RunRepeats, one: MetricVariance) -> Iterator[Line | Table]:
    yield Line(one.metric, "strong")
    yield Line(f"  {_headline(one)}")
    if one.unscored:
        yield Line(f"  {_count(one.unscored, 'answer')} without a score: left out of the means.")
    if one.by_sample is not None and one.by_sample.judge_share is not None:
        parts = one.by_sample
        yield Line(
            f"  of one judge sample's score: question {_share(parts.question_share)}, answer "
            f"{_share(parts.generation_share)}, judge {_share(parts.judge_share)}"
        )
    elif one.components is not None and parse(one.metric).kind == "judged":
        yield Line("  chance in the answer includes that in the judge, which was asked once")
    if one.components is None or one.components.question_share is None:
        return
    names = ("answers a question", "asked", "half-width", "with as many answers as now")
    rows = tuple(_choice(found, each) for each in one.choices)
    yield Table(f"answers: {one.metric}", tuple(map(Column, names)), rows, turns="never")
    for cost, answers in one.best.items():
        more = " or more" if answers == MOST_ANSWERS else ""
        priced = f"{cost:g} answer{'' if cost == 1 else 's'}"
        yield Line(f"  best where one more question costs {priced}: {_count(answers, 'answer')} each{more}")


def _choice(found: RunRepeats, one: Choice) -> tuple[Cell, ...]:
    """A row; the number of answers that the run has is marked."""
    mark = "* " if one.answers == found.repeats else ""
    return (
        Cell(f"{mark}{one.answers}", (("answers a question", one.answers),)),
        Cell(str(one.asked), (("asked", one.asked),)),
        Cell(f"{one.half_width:.3f}", (("half-width", one.half_width),)),
        Cell(f"{one.same_price:.3f}", (("half-width with as many answers as now", one.same_price),)),
    )


def _flaky(found: RunRepeats, limit: int) -> Iterator[Line | Table]:
    if not found.flaky:
        yield Line(f"No question's answers differ in {found.flaky_by}.")
        return
    columns = (Column("question", "text"), Column("scores"), Column("different answers"), Column("text", "text"))
    rows = tuple(
        (
            Cell(one.question_id),
            Cell(", ".join("–" if score is None else f"{score:.3f}" for score in one.scores)),
            count_cell("different answers", one.different),
            Cell(shorten(one.text, _LONGEST_TEXT)),
        )
        for one in found.flaky[:limit]
    )
    title = f"Flaky questions by {found.flaky_by}: {len(found.flaky)} of {found.questions}"
    yield Table("flaky questions", columns, rows, title, turns="never")
    if (rest := len(found.flaky) - limit) > 0:
        yield Line(f"  … {rest} more (--limit {len(found.flaky)} shows all)", "faint")


def _headline(one: MetricVariance, of: str = "") -> str:
    parts = one.components
    if parts is None:
        return f"too few scores{of} to split their variance."
    if parts.question_share is None:
        return f"no two scores{of} differ."
    return (
        f"of the variance{of}, {_share(parts.question_share)} is between questions, {_share(parts.generation_share)} "
        "chance in the answer."
    )


def _share(share: Interval | None) -> str:
    return "–" if share is None else f"{share.point:.0%} [{share.low:.0%}, {share.high:.0%}]"


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
