"""What repeats show, as text."""

from __future__ import annotations

from rich.console import Console

from rageval.decide.repeats import MetricVariance, RunRepeats
from rageval.metrics import parse
from rageval.report.lines import print_line, shorten
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


def print_repeats(found: RunRepeats, limit: int, console: Console) -> None:
    """The parts of the variance of each metric, what other numbers of answers give, and the flaky questions."""
    print_line(console, f"{found.label}: {found.questions} questions, {found.repeats} answers each", "bold")
    if found.failed:
        print_line(console, f"{_count(found.failed, 'answer')} failed and scored the worst value.", "bold red")
    if found.same == found.questions:
        print_line(console, EQUAL, "yellow")
    for variance in found.metrics:
        print_line(console, "")
        _print_variance(found, variance, console)
    print_line(console, "")
    _print_flaky(found, limit, console)


def _print_variance(found: RunRepeats, one: MetricVariance, console: Console) -> None:
    print_line(console, one.metric, "bold")
    print_line(console, f"  {_headline(one)}")
    if one.unscored:
        print_line(console, f"  {_count(one.unscored, 'answer')} without a score: left out of the means.")
    if one.by_sample is not None and one.by_sample.judge_share is not None:
        parts = one.by_sample
        print_line(
            console,
            f"  of one judge sample's score: question {_share(parts.question_share)}, answer "
            f"{_share(parts.generation_share)}, judge {_share(parts.judge_share)}",
        )
    elif one.components is not None and parse(one.metric).kind == "judged":
        print_line(console, "  chance in the answer includes that in the judge, which was asked once")
    if one.components is None or one.components.question_share is None:
        return
    print_line(console, "  answers a question   asked   half-width   with as many answers as now")
    for choice in one.choices:
        mark = "*" if choice.answers == found.repeats else " "
        print_line(
            console,
            f"  {choice.answers:>17} {mark} {choice.asked:>7}   {choice.half_width:>10.3f}   {choice.same_price:.3f}",
        )
    for cost, answers in one.best.items():
        more = " or more" if answers == MOST_ANSWERS else ""
        priced = f"{cost:g} answer{'' if cost == 1 else 's'}"
        print_line(console, f"  best where one more question costs {priced}: {_count(answers, 'answer')} each{more}")


def _print_flaky(found: RunRepeats, limit: int, console: Console) -> None:
    if not found.flaky:
        print_line(console, f"No question's answers differ in {found.flaky_by}.")
        return
    print_line(console, f"Flaky questions by {found.flaky_by}: {len(found.flaky)} of {found.questions}", "bold")
    for one in found.flaky[:limit]:
        scores = ", ".join("–" if score is None else f"{score:.3f}" for score in one.scores)
        print_line(console, f"  {one.question_id}  {scores}  ({one.different} different answers)")
        print_line(console, f"      {shorten(one.text, _LONGEST_TEXT)}", "dim")
    if (rest := len(found.flaky) - limit) > 0:
        print_line(console, f"  … {rest} more (--limit {len(found.flaky)} shows all)", "dim")


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
