"""A leaderboard as lines and tables for every format."""

from __future__ import annotations

from rageval.decide.leaderboard import Leaderboard, Row
from rageval.metrics import parse
from rageval.report.failures import failure_notes
from rageval.report.judge_notes import judge_notes
from rageval.report.leaderboard import (
    SLICE_HEADER,
    cells,
    difference_cells,
    header,
    label_notes,
    label_warnings,
    legend,
    metric_title,
    no_ranks,
    number_cell,
    slice_legend,
)
from rageval.report.money import COST_HEADER, cost_about, cost_rows, cost_unknowns, shown_costs
from rageval.report.pairs_printout import short_sharing
from rageval.report.passage_note import passage_notes
from rageval.report.tables.printout import (
    Cell,
    Column,
    Legend,
    Line,
    Printout,
    Table,
    estimate_cell,
    interval_cell,
    value_cell,
)


def leaderboard_printout(board: Leaderboard) -> Printout:
    """The table, what is to be known of single rows, the slices, the legend, and what made the numbers."""
    title = f"Leaderboard of {board.benchmark}"
    return Printout(title, (*leaderboard_blocks(board), board_legend(board), *made_with(board)))


def leaderboard_blocks(board: Leaderboard) -> tuple[Line | Table, ...]:
    """All but the legend and the models."""
    return (
        _table(board),
        *(Line(line, "strong") for line in no_ranks(board)),
        *(Line(line, "warning") for line in board.left_out.of_many),
        *(Line(line, "bad") for line in failure_notes(board)),
        *map(Line, label_notes(board)),
        *map(Line, judge_notes(board)),
        *(Line(line, "bad") for line in label_warnings(board)),
        *_slice_tables(board),
        *_costs(board),
    )


def board_legend(board: Leaderboard) -> Legend:
    """What the numbers are."""
    left_out = board.left_out.not_in_all or board.left_out.changed
    parts = [f"{board.benchmark}, {board.questions} questions{' that all runs have unchanged' if left_out else ''}"]
    parts[0] += ", none failed." if not any(row.failed for row in board.rows) else "."
    if board.sharing:
        parts.append(short_sharing(board.sharing))
    parts.append("Mean [95% interval].")
    if not board.unranked and len(board.rows) > 1:
        by = " and people's labels of it" if board.by_labels else ""
        parts.append(f"Ranks by {board.metrics[0]}{by}; shared where runs cannot be told apart.")
    if any(parse(name).lower_is_better for name in board.metrics):
        parts.append("↓ lower is better.")
    means = [(name, mean) for row in board.rows for name, mean in row.estimates.items() if mean is not None]
    if any(mean.unscored for _, mean in means):
        parts.append("(n): questions scored.")
    if any(parse(name).kind == "judged" and not mean.n_labelled for name, mean in means):
        parts.append("† judge only, uncorrected: no people's labels.")
    sliced = ["Slices: a pipeline's intervals on a metric hold together with 95%."] if board.slices else []
    if any(one.few for one in board.slices):
        sliced.append("few: these say little.")
    if board.slices and any(mean.n_labelled for _, mean in means):
        sliced.append("People's labels are not used in slices.")
    short = (" ".join(parts), *([" ".join(sliced)] if sliced else []))
    return Legend(short, (legend(board), *cost_about(board), *slice_legend(board), *passage_notes(board)))


def made_with(board: Leaderboard) -> tuple[Line, ...]:
    """The models, and what is not the same for all rows."""
    lines = [Line(f"{role}: {identity}", "faint") for role, identity in board.models.items()]
    if differ := difference_cells(board):
        names, *of_runs = differ
        lines.append(Line("not the same for all rows:", "faint"))
        for label, run, *values in of_runs:
            told = "; ".join(f"{name} {value}" for name, value in zip(names[2:], values, strict=True))
            lines.append(Line(f"  {label} ({run}): {told}", "faint"))
    return tuple(lines)


def _table(board: Leaderboard) -> Table:
    names = header(board)
    always = {"rank", "pipeline", *map(metric_title, board.metrics)}
    columns = [
        Column(name, "pipeline" if name == "pipeline" else "number", optional=name not in always) for name in names
    ]
    if board.unranked:
        columns[0] = Column(names[0], optional=True)
    rows = tuple(
        tuple(_cell(board, row, name, text) for name, text in zip(names, cells(board, row), strict=True))
        for row in board.rows
    )
    return Table("leaderboard", tuple(columns), rows, key=names.index("pipeline"), turns="narrower")


def _cell(board: Leaderboard, row: Row, name: str, text: str) -> Cell:
    """With values for programs where the text is no single number."""
    for metric in board.metrics:
        if name == metric_title(metric):
            return estimate_cell(metric, text, row.estimates[metric])
    match name:
        case "rank":
            first, last = row.rank or (None, None)
            return Cell(text, (("rank", first), ("rank last", last)))
        case "calls":
            return Cell(text, (("calls", row.calls), ("paid calls", row.paid_calls)))
        case "tokens":
            return Cell(text, (("tokens", row.tokens), ("paid tokens", row.paid_tokens)))
        case "s/question":
            return Cell(text, (("s/question", row.mean_latency_s),))
        case _:
            return Cell(text)


def _costs(board: Leaderboard) -> list[Line | Table]:
    """What a question costs and how long it takes, where prices or latencies are known."""
    texts = cost_rows(board)
    if not texts:
        return []
    shown = shown_costs(board)
    names = [COST_HEADER[i] for i in shown]
    columns = tuple(Column(name, "pipeline" if name == "pipeline" else "number") for name in names)
    rows = tuple(
        tuple(_cost_cell(row, COST_HEADER[i], line[i]) for i in shown)
        for row, line in zip((row for row in board.rows if row.costs is not None), texts, strict=True)
    )
    table = Table("costs", columns, rows, "Cost and latency" if len(shown) > 3 else "Latency", turns="narrower")
    return [Line(""), table, *(Line(note, "faint") for note in cost_unknowns(board))]


def _cost_cell(row: Row, name: str, text: str) -> Cell:
    costs = row.costs
    if costs is None:
        return Cell(text)
    if name == "cost/question":
        return interval_cell(name, text, costs.mean)
    found = costs.quantiles.get(name.removesuffix(" s"))
    if found is None:
        return Cell(text)
    return Cell(text, ((name, found.point), (f"{name} low", found.low), (f"{name} high", found.high)))


def _slice_tables(board: Leaderboard) -> list[Table]:
    """A table for each field and metric that was sliced by, a row for each slice and run."""
    tables: dict[str, dict[str, list[tuple[Cell, ...]]]] = {}
    for one in board.slices:
        questions = f"{one.questions} (few)" if one.few else str(one.questions)
        mean = number_cell(one.estimate, judged=parse(one.metric).kind == "judged")
        row = (
            Cell(one.name),
            value_cell(questions, "questions", one.questions),
            Cell(one.label),
            estimate_cell("mean", mean, one.estimate),
        )
        tables.setdefault(f"{metric_title(one.metric)} by {one.by}", {}).setdefault(one.name, []).append(row)
    slice_, questions_, pipeline, mean_ = SLICE_HEADER
    columns = (Column(slice_, "text"), Column(questions_), Column(pipeline, "pipeline"), Column(mean_))
    return [
        Table(title, columns, tuple(row for rows in by_slice.values() for row in rows), title, turns="never")
        for title, by_slice in tables.items()
    ]
