"""A plan as lines and tables for every format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rageval.decide.plan import LEVEL, MetricPlan, Needed, SizePlan
from rageval.decide.plan_costs import Cost
from rageval.decide.plan_labels import LabelPlan
from rageval.decide.spread import Spread
from rageval.report.tables.printout import Cell, Column, Line, Printout, Table, count_cell, value_cell
from rageval.scores.pairs import percent

_MANY = "over 10 million"
JUDGES = (
    "Real judges correlate .1 to .6 with people and save 3 to 8% of the width, 23% at best. With 50 labels or "
    "fewer, intervals are up to a seventh wider than this says."
)


def plan_printout(plan: SizePlan) -> Printout:
    """The plan, part by part, with an empty line between."""
    return Printout(f"Plan for {plan.benchmark}", tuple(_blocks(plan)))


def _blocks(plan: SizePlan) -> Iterator[Line | Table]:
    yield from _head(plan)
    aim = plan.aim
    compared = len(plan.metrics)
    adjusted = f", p adjusted over {compared} metrics" if compared > 1 else ""
    if aim.difference is not None:
        yield from _paragraph(
            f"\nTo show a difference of {aim.difference:g} with probability {aim.power:g} (rageval compare at "
            f"{percent(LEVEL)}{adjusted}):"
        )
        yield from _needs(plan, [(one, one.comparison) for one in plan.plans], "shows")
    if aim.margin is not None:
        each = "each metric at its own level" if compared > 1 else "one-sided"
        yield from _paragraph(
            f"\nTo pass a gate at margin {aim.margin:g} with probability {aim.power:g} if nothing changed ({each} of "
            f"{percent(LEVEL)}):"
        )
        yield from _needs(plan, [(one, one.gate) for one in plan.plans], "margin")
    yield from _paragraph("\nWhere the sd is from:")
    for how in dict.fromkeys(one.spread.how for one in plan.plans):
        of = [_name(one.spread) for one in plan.plans if one.spread.how == how]
        yield from _paragraph(f"{', '.join(of) if len(of) < len(plan.plans) else 'all'}: {how}", "  ")
    yield from _notes(plan)
    yield from _repeats(plan)
    yield from _costs(plan)
    for labels in plan.labels:
        yield from _labels(labels)
    if plan.labels:
        yield from _paragraph(JUDGES, "  ")


def _head(plan: SizePlan) -> Iterator[Line | Table]:
    more = f" of the {plan.available} that there are" if plan.available > plan.asked else ""
    yield from _paragraph(f"{plan.benchmark}: {plan.asked} questions to ask{more}")
    yield from _paragraph(f"pipelines: {', '.join(plan.pipelines)}")


def _needs(plan: SizePlan, needs: Sequence[tuple[MetricPlan, Needed | None]], shown: str) -> Iterator[Line | Table]:
    names = ("sd", "questions", "missing", f"{plan.asked} give")
    rows: list[tuple[Cell, ...]] = []
    for one, needed in needs:
        if needed is None:
            continue
        missing, sd = needed.missing(plan.asked), plan.aim.sd(one.spread)
        rows.append(
            (
                Cell(_name(one.spread)),
                value_cell(f"{sd:.3f}", "sd", sd),
                value_cell(_count(needed.questions), "questions", needed.questions),
                value_cell("-" if missing is None else f"{missing:,}", "missing", missing),
                value_cell("nothing" if needed.shows is None else f"{shown} {needed.shows:.3f}", shown, needed.shows),
            )
        )
    name = {"shows": "to show a difference", "margin": "to pass a gate"}[shown]
    yield Table(name, (Column("metric", "word"), *map(Column, names)), tuple(rows), turns="never")


def _notes(plan: SizePlan) -> Iterator[Line | Table]:
    notes = [*_spread_notes(plan)]
    if len(plan.pipelines) == 1:
        notes.append("The baseline has to answer new questions as well, at a cost of its own.")
    if plan.aim.margin is not None and len(plan.metrics) > 1:
        notes.append(f"A gate passes if all metrics do: with {plan.aim.power:g} for each, that is less often.")
    if plan.aim.within is None:
        notes.append("Repeats are not planned: how much answers to one question vary is not known (--within).")
    if notes:
        yield Line("")
    for note in notes:
        yield from _paragraph(note)


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


def _repeats(plan: SizePlan) -> Iterator[Line | Table]:
    if not any(one.repeats for one in plan.plans):
        return
    yield from _paragraph(
        f"\nQuestions by the answers to each, if {plan.aim.within:.0%} of the variance is within questions (answers in "
        "all, per pipeline, in brackets):"
    )
    numbers = [number for number, _ in plan.plans[0].repeats]
    columns = (Column("metric", "word"), *(Column(f"{number} each") for number in numbers))
    rows = tuple((Cell(_name(one.spread)), *(_repeated(number, n) for number, n in one.repeats)) for one in plan.plans)
    yield Table("questions by answers to each", columns, rows, turns="never")
    yield Line("  Repeats save questions, never answers: prefer new questions where you can.")


def _repeated(number: int, questions: int | None) -> Cell:
    """`120 (240)`: so many questions with that number of answers each, and so many answers."""
    text = "-" if questions is None else f"{questions:,} ({questions * number:,})"
    return value_cell(text, f"questions, {number} each", questions)


def _costs(plan: SizePlan) -> Iterator[Line | Table]:
    if all(cost.high == 0 for cost in plan.costs):
        yield from _paragraph("\nThe experiment asks no chat model.")
        return
    priced = any(cost.money for cost in plan.costs)
    pipelines = f" ({len(plan.pipelines)} pipelines)" if len(plan.pipelines) > 1 else ""
    yield from _paragraph(f"\nWhat the experiment{pipelines} takes if nothing is cached, at most:")
    names = ("questions", "answers", "chat calls", "prompt tokens", *(("for prompts",) if priced else ()))
    rows = tuple(_cost(plan, cost, priced=priced) for cost in plan.costs)
    yield Table("cost", tuple(map(Column, names)), rows, turns="never")
    if priced:
        yield Line("  Replies come on top; a run that was made (--like) shows them.")
    for one in plan.measured:
        if not one.calls(1):
            continue
        yield from _paragraph(f"Measured on {one.run}, per pipeline like it:", "  ")
        for cost in plan.costs:
            n = cost.questions * cost.repeats
            money = one.money(n, plan.prices)
            took = f"{one.calls(n):,.0f} calls, {one.tokens(n):,.0f} tokens{f', money {money:,.2f}' if money else ''}"
            yield Line(f"    {cost.questions:,} questions: {took}")


def _cost(plan: SizePlan, cost: Cost, *, priced: bool) -> tuple[Cell, ...]:
    calls = f"{cost.low:,} to " + ("unknown" if cost.high is None else f"{cost.high:,}")
    tokens = "unknown" if cost.prompt_tokens is None else f"{cost.prompt_tokens:,}"
    cells = (
        count_cell("questions", cost.questions),
        count_cell("answers", cost.questions * cost.repeats * len(plan.pipelines)),
        Cell(calls, (("chat calls at least", cost.low), ("chat calls at most", cost.high))),
        value_cell(tokens, "prompt tokens", cost.prompt_tokens),
    )
    if not priced:
        return cells
    return (*cells, value_cell("unknown" if cost.money is None else f"{cost.money:,.2f}", "for prompts", cost.money))


def _labels(plan: LabelPlan) -> Iterator[Line | Table]:
    people, over = plan.spread, f"over {plan.items:,}"
    yield from _paragraph(f"\nPeople's labels of {plan.metric}, over {plan.items:,} questions")
    yield from _paragraph(f"of: {people.how} (mean {people.mean:.2f}, sd {people.sd:.2f})", "  ")
    names = (
        f"mean ± {plan.half_width:g}",
        f"{plan.sample} labels",
        f"difference ± {plan.difference:g}",
        f"{plan.sample} pairs",
    )
    rows = tuple(
        (
            value_cell(f"{row.correlation:.2f}" if row.correlation else "labels alone", "correlation", row.correlation),
            value_cell(over if row.labels is None else f"{row.labels:,}", "labels", row.labels),
            _half(row.half_width, "half-width"),
            value_cell(
                over if row.difference_questions is None else f"{row.difference_questions:,} pairs",
                "pairs",
                row.difference_questions,
            ),
            _half(row.difference_half_width, "half-width of the difference"),
        )
        for row in plan.rows
    )
    columns = (Column("judge, people", "word"), *map(Column, names))
    yield Table(f"labels of {plan.metric}", columns, rows, turns="never")
    yield Line("  A pair is two labels: of both systems' answers to one question.")


def _half(width: float | None, name: str) -> Cell:
    return value_cell("-" if width is None else f"± {width:.3f}", name, width)


def _name(spread: Spread) -> str:
    return f"{spread.metric}, {spread.name}" if spread.name else str(spread.metric)


def _count(questions: int | None) -> str:
    return _MANY if questions is None else f"{questions:,}"


def _paragraph(text: str, indent: str = "") -> Iterator[Line]:
    """The text as a line; a line break at its beginning is an empty line before it."""
    if text.startswith("\n"):
        yield Line("")
    yield Line(indent + text.strip())
