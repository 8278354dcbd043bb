"""A plan as text of at most 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from rageval.decide.plan import LEVEL, MetricPlan, Needed, SizePlan
from rageval.decide.plan_labels import LabelPlan
from rageval.decide.spread import Spread
from rageval.scores.pairs import percent

WIDTH = 80
_MANY = "over 10 million"
JUDGES = (
    "Real judges correlate .1 to .6 with people and save 3 to 8% of the width, 23% at best. With 50 labels or "
    "fewer, intervals are up to a seventh wider than this says."
)


def plan_lines(plan: SizePlan) -> Iterator[str]:
    """The plan, part by part, with an empty line between."""
    yield from _head(plan)
    aim = plan.aim
    compared = len(plan.metrics)
    adjusted = f", p adjusted over {compared} metrics" if compared > 1 else ""
    if aim.difference is not None:
        yield from _wrapped(
            f"\nTo show a difference of {aim.difference:g} with probability {aim.power:g} (rageval compare at "
            f"{percent(LEVEL)}{adjusted}):"
        )
        yield from _needs(plan, [(one, one.comparison) for one in plan.plans], "shows")
    if aim.margin is not None:
        each = "each metric at its own level" if compared > 1 else "one-sided"
        yield from _wrapped(
            f"\nTo pass a gate at margin {aim.margin:g} with probability {aim.power:g} if nothing changed ({each} of "
            f"{percent(LEVEL)}):"
        )
        yield from _needs(plan, [(one, one.gate) for one in plan.plans], "margin")
    yield "\nWhere the sd is from:"
    for how in dict.fromkeys(one.spread.how for one in plan.plans):
        of = [_name(one.spread) for one in plan.plans if one.spread.how == how]
        yield from _wrapped(f"{', '.join(of) if len(of) < len(plan.plans) else 'all'}: {how}", "  ")
    yield from _notes(plan)
    yield from _repeats(plan)
    yield from _costs(plan)
    for labels in plan.labels:
        yield from _labels(labels)
    if plan.labels:
        yield from _wrapped(JUDGES, "  ")


def _head(plan: SizePlan) -> Iterator[str]:
    more = f" of the {plan.available} that there are" if plan.available > plan.asked else ""
    yield from _wrapped(f"{plan.benchmark}: {plan.asked} questions to ask{more}")
    yield from _wrapped(f"pipelines: {', '.join(plan.pipelines)}")


def _needs(plan: SizePlan, needs: Sequence[tuple[MetricPlan, Needed | None]], shown: str) -> Iterator[str]:
    rows = [["metric", "sd", "questions", "missing", f"{plan.asked} give"]]
    for one, needed in needs:
        if needed is None:
            continue
        missing = needed.missing(plan.asked)
        rows.append(
            [
                _name(one.spread),
                f"{plan.aim.sd(one.spread):.3f}",
                _count(needed.questions),
                "-" if missing is None else f"{missing:,}",
                "nothing" if needed.shows is None else f"{shown} {needed.shows:.3f}",
            ]
        )
    yield from _table(rows)


def _notes(plan: SizePlan) -> Iterator[str]:
    notes = [*_spread_notes(plan)]
    if len(plan.pipelines) == 1:
        notes.append("The baseline has to answer new questions as well, at a cost of its own.")
    if plan.aim.margin is not None and len(plan.metrics) > 1:
        notes.append(f"A gate passes if all metrics do: with {plan.aim.power:g} for each, that is less often.")
    if plan.aim.within is None:
        notes.append("Repeats are not planned: how much answers to one question vary is not known (--within).")
    if notes:
        yield ""
    for note in notes:
        yield from _wrapped(note)


def _spread_notes(plan: SizePlan) -> Iterator[str]:
    for one in plan.plans:
        spread, name = one.spread, str(one.spread.metric)
        if spread.name == "worst case":
            continue
        if spread.scored < 1.0:
            yield f"{name}: {spread.scored:.0%} of the questions get a score; that is counted."
        if spread.per_unit > 1.0:
            yield f"{name}: questions that share documents count in units of {spread.per_unit:.1f}."
        if abs(spread.skewness) >= 1.0 and plan.aim.difference is not None:
            what = "losses" if spread.skewness < 0.0 else "gains"
            yield f"{name}: a few large {what} (skewness {spread.skewness:.1f}); that is counted."


def _repeats(plan: SizePlan) -> Iterator[str]:
    if not any(one.repeats for one in plan.plans):
        return
    yield from _wrapped(
        f"\nQuestions by the answers to each, if {plan.aim.within:.0%} of the variance is within questions (answers in "
        "all, per pipeline, in brackets):"
    )
    numbers = [number for number, _ in plan.plans[0].repeats]
    rows = [["metric", *(f"{number} each" for number in numbers)]]
    for one in plan.plans:
        cells = ["-" if n is None else f"{n:,} ({n * number:,})" for number, n in one.repeats]
        rows.append([_name(one.spread), *cells])
    yield from _table(rows)
    yield "  Repeats save questions, never answers: prefer new questions where you can."


def _costs(plan: SizePlan) -> Iterator[str]:
    if all(cost.high == 0 for cost in plan.costs):
        yield "\nThe experiment asks no chat model."
        return
    priced = any(cost.money for cost in plan.costs)
    pipelines = f" ({len(plan.pipelines)} pipelines)" if len(plan.pipelines) > 1 else ""
    yield from _wrapped(f"\nWhat the experiment{pipelines} takes if nothing is cached, at most:")
    rows = [["questions", "answers", "chat calls", "prompt tokens", *(["for prompts"] if priced else [])]]
    for cost in plan.costs:
        answers = cost.questions * cost.repeats * len(plan.pipelines)
        calls = f"{cost.low:,} to " + ("unknown" if cost.high is None else f"{cost.high:,}")
        tokens = "unknown" if cost.prompt_tokens is None else f"{cost.prompt_tokens:,}"
        money = ["unknown" if cost.money is None else f"{cost.money:,.2f}"] if priced else []
        rows.append([f"{cost.questions:,}", f"{answers:,}", calls, tokens, *money])
    yield from _table(rows)
    if priced:
        yield "  Replies come on top; a run that was made (--like) shows them."
    for one in plan.measured:
        if not one.calls(1):
            continue
        yield from _wrapped(f"Measured on {one.run}, per pipeline like it:", "  ")
        for cost in plan.costs:
            n = cost.questions * cost.repeats
            money = one.money(n, plan.prices)
            told = f", money {money:,.2f}" if money else ""
            yield f"    {cost.questions:,} questions: {one.calls(n):,.0f} calls, {one.tokens(n):,.0f} tokens{told}"


def _labels(plan: LabelPlan) -> Iterator[str]:
    people, over = plan.spread, f"over {plan.items:,}"
    yield from _wrapped(f"\nPeople's labels of {plan.metric}, over {plan.items:,} questions")
    yield from _wrapped(f"of: {people.how} (mean {people.mean:.2f}, sd {people.sd:.2f})", "  ")
    rows = [
        [
            "judge, people",
            f"mean ± {plan.half_width:g}",
            f"{plan.sample} labels",
            f"difference ± {plan.difference:g}",
            f"{plan.sample} pairs",
        ]
    ]
    rows += [
        [
            f"{row.correlation:.2f}" if row.correlation else "labels alone",
            over if row.labels is None else f"{row.labels:,}",
            "-" if row.half_width is None else f"± {row.half_width:.3f}",
            over if row.difference_questions is None else f"{row.difference_questions:,} pairs",
            "-" if row.difference_half_width is None else f"± {row.difference_half_width:.3f}",
        ]
        for row in plan.rows
    ]
    yield from _table(rows)
    yield "  A pair is two labels: of both systems' answers to one question."


def _name(spread: Spread) -> str:
    return f"{spread.metric}, {spread.name}" if spread.name else str(spread.metric)


def _count(questions: int | None) -> str:
    return _MANY if questions is None else f"{questions:,}"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns under their names, the first to the left, the others to the right; a long first cell has its own line."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    first = min(widths[0], WIDTH - 2 - sum(width + 2 for width in widths[1:]))
    for row in rows:
        cells = "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        if len(row[0]) > first:
            yield f"  {row[0]}"
        yield f"  {row[0] if len(row[0]) <= first else '':<{first}}{cells}"


def _wrapped(text: str, indent: str = "") -> Iterator[str]:
    """The text in lines; a line break at its beginning is an empty line before it."""
    if text.startswith("\n"):
        yield ""
    yield from textwrap.wrap(
        text.strip(),
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
