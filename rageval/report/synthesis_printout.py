"""What a synthesis came to, as a table of yields."""

from __future__ import annotations

from rageval.report.tables.printout import Cell, Column, Legend, Line, Printout, Table, count_cell, value_cell
from rageval.synthesis import Synthesis, Yield
from rageval.synthesis.drafts import FILTERS

_CHECK = "generated questions are no human ones: read a sample before you trust numbers on them"


def synthesis_printout(found: Synthesis) -> Printout:
    """A row for each kind with what every filter refused, then what is missing and what the work cost."""
    names = [name for name in FILTERS if any(one.refused.get(name) for one in found.yields)]
    columns = (
        Column("kind", "word"),
        *(Column(name) for name in ("wanted", "tried", "kept")),
        *(Column(name, optional=True) for name in ("hard", "more labels")),
        *(Column(name) for name in names),
        *(Column(name) for name in ("calls", "tokens")),
    )
    table = Table("yield", columns, tuple(_row(one, names) for one in found.yields))
    total = found.usage
    cost = (
        f"{len(found.questions)} questions; {total.calls:,} calls ({total.paid_calls:,} paid), "
        f"{total.prompt_tokens + total.completion_tokens:,} tokens; {found.elapsed_s:.0f} s"
    )
    told = [Line(cost, "strong"), *(Line(line, "warning") for line in found.missing)]
    models = [Line(f"generator: {found.generator}", "faint"), Line(f"judge: {found.judge}", "faint")]
    if any(one.hard for one in found.yields):
        told.append(Line("hard: kept, although a search for the question does not find its evidence in ten passages"))
    explained = tuple(f"{name}: {FILTERS[name]}" for name in names)
    legend = Legend((f"Columns between kept and calls: what each filter refused; {_CHECK}.",), (_CHECK, *explained))
    return Printout("Synthesis", (table, *told, legend, *models))


def _row(one: Yield, names: list[str]) -> tuple[Cell, ...]:
    return (
        value_cell(one.kind, "kind", one.kind),
        *(
            count_cell(name, value)
            for name, value in (("wanted", one.wanted), ("tried", one.tried), ("kept", one.kept))
        ),
        count_cell("hard", one.hard),
        count_cell("more labels", one.more_labels),
        *(count_cell(name, one.refused.get(name, 0)) for name in names),
        count_cell("calls", one.usage.calls),
        count_cell("tokens", one.usage.prompt_tokens + one.usage.completion_tokens),
    )
