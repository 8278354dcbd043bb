"""A leaderboard as text: the cells that the terminal and Markdown share, and the Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from rageval.decide.leaderboard import Leaderboard, Row
from rageval.decide.slicing import SliceEstimate
from rageval.metrics import parse
from rageval.report.failures import failure_notes
from rageval.report.judge_notes import judge_notes
from rageval.report.markdown import code, table
from rageval.report.money import COST_HEADER, cost_about, cost_rows, cost_unknowns, shown_costs
from rageval.report.passage_note import passage_notes
from rageval.stats.slices import FEW
from rageval.types import Estimate, Usage

SLICE_HEADER = ("slice", "questions", "pipeline", "mean and interval")

USAGE_HEADER = (
    "pipeline",
    "stage, index or judge",
    "calls",
    "prompt tokens",
    "completion tokens",
    "paid calls",
    "paid prompt tokens",
    "of which read",
    "paid completion tokens",
)


def mean_cell(point: float, low: float, high: float) -> str:
    """`0.742 [0.61, 0.85]`."""
    return f"{point:.3f} [{low:.2f}, {high:.2f}]"


def number_cell(mean: Estimate | None, *, judged: bool = False) -> str:
    """`0.742 [0.61, 0.85]`, with `(n)` where fewer questions than asked were scored, or a dash.

    `†` marks a `judged` number that no labels of people correct, `!` one whose labels come with a warning.
    """
    if mean is None:
        return "–"
    part = f" ({mean.n})" if mean.unscored else ""
    return f"{mean_cell(mean.point, mean.low, mean.high)}{marks(mean, judged=judged)}{part}"


def marks(mean: Estimate, *, judged: bool) -> str:
    """What `number_cell` says of a number beside it: `†`, `!`, both or nothing."""
    return ("†" if judged and not mean.n_labelled else "") + ("!" if mean.warning else "")


def rank_cell(row: Row) -> str:
    """`1`, or `1–3` where runs cannot be told apart."""
    if row.rank is None:
        return "–"
    first, last = row.rank
    return str(first) if first == last else f"{first}–{last}"


def header(board: Leaderboard) -> list[str]:
    """Column names."""
    return [
        "rank",
        "pipeline",
        *map(metric_title, board.metrics),
        "failed",
        "abstained",
        "calls",
        "tokens",
        "s/question",
    ]


def metric_title(name: str) -> str:
    """The metric's name, with an arrow where lower is better."""
    return f"{name} ↓" if parse(name).lower_is_better else name


def cells(board: Leaderboard, row: Row) -> list[str]:
    """One row, in the order of `header`."""
    numbers = [number_cell(row.estimates[name], judged=_judged(name)) for name in board.metrics]
    latency = "–" if row.mean_latency_s is None else f"{row.mean_latency_s:.2f}"
    return [
        rank_cell(row),
        row.label,
        *numbers,
        str(row.failed),
        str(row.abstained),
        cost_cell(row.calls, row.paid_calls),
        cost_cell(row.tokens, row.paid_tokens),
        latency,
    ]


def cost_cell(alone: int, paid: int) -> str:
    """`120`, or `120 (12 paid)` where the cache had the rest."""
    return str(alone) if paid == alone else f"{alone} ({paid} paid)"


def usage_cells(board: Leaderboard) -> list[list[str]]:
    """A row for each stage and judge of each run that asked a model, in the order of `USAGE_HEADER`."""
    return [
        [
            row.label,
            name,
            str(usage.calls),
            str(usage.prompt_tokens),
            str(usage.completion_tokens),
            str(usage.paid_calls),
            str(usage.paid_prompt_tokens),
            str(usage.paid_prompt_tokens - usage.cached_tokens),
            _with_reasoning(usage),
        ]
        for row in board.rows
        for name, usage in row.usage.items()
    ]


def _with_reasoning(usage: Usage) -> str:
    """Paid completion tokens, and how many of them were reasoning, where any was."""
    reasoning = f" ({usage.reasoning_tokens} reasoning)" if usage.reasoning_tokens else ""
    return f"{usage.paid_completion_tokens}{reasoning}"


def legend(board: Leaderboard) -> str:
    """What the numbers are."""
    worst = "0, or 1 where lower is better (↓)" if any(parse(name).lower_is_better for name in board.metrics) else "0"
    uncorrected = any(not mean.n_labelled and _judged(name) for _, name, mean in _numbers(board))
    ranks = "" if board.unranked else f"ranks by the first metric, shared by runs that {_RANKED_BY[board.by_labels]}; "
    text = (
        f"{board.benchmark}, {board.questions} questions{_all_of(board)}. Mean [95% interval] (questions scored, "
        f"where not all); {ranks}failed questions score {worst}; calls and tokens are what each run costs alone, "
        "with nothing in the cache beforehand (paid: after what the cache had); seconds are as measured, less where "
        "the cache replied."
    )
    shared = f" {board.sharing}" if board.sharing else ""
    return text + shared + (" † judge only, uncorrected: no people's labels." if uncorrected else "")


def slice_tables(board: Leaderboard) -> list[tuple[str, list[list[str]]]]:
    """For each field and metric that was sliced by: a title, and the rows below `SLICE_HEADER`."""
    tables: dict[tuple[str, str], dict[str, list[list[str]]]] = {}
    for one in board.slices:
        tables.setdefault((one.by, one.metric), {}).setdefault(one.name, []).append(_slice_cells(one))
    return [
        (f"{metric_title(metric)} by {by}", [cells for rows in by_slice.values() for cells in rows])
        for (by, metric), by_slice in tables.items()
    ]


def slice_legend(board: Leaderboard) -> list[str]:
    """A line on the numbers by slice; none where nothing was sliced."""
    if not board.slices:
        return []
    parts = ["By slice: all intervals of a pipeline on a metric hold together with 95% (Gaffke's bounds, Bonferroni)."]
    if any(one.few for one in board.slices):
        parts.append(f"few: fewer than {FEW} questions scored, which say little.")
    if any(mean.n_labelled for _, _, mean in _numbers(board)):
        parts.append("People's labels are not used in slices.")
    return [" ".join(parts)]


def no_ranks(board: Leaderboard) -> list[str]:
    """A line that says why no run has a rank; none where runs have."""
    return [f"No ranks: {board.unranked}."] if board.unranked else []


def difference_cells(board: Leaderboard) -> list[list[str]]:
    """Header and a row for each run: the models and settings that are not the same for all. Empty where all are."""
    names = [*board.rows[0].differs]
    if not names:
        return []
    rows = [
        [
            row.label,
            row.path.resolve().name,
            *("–" if (value := row.differs[name]) is None else value for name in names),
        ]
        for row in board.rows
    ]
    return [["pipeline", "run", *names], *rows]


def label_notes(board: Leaderboard) -> list[str]:
    """A line for each number that people's labels correct: what judge and labels alone would have said."""
    return [f"{label}, {name}: {labels_text(mean)}" for label, name, mean in _numbers(board) if mean.n_labelled]


def label_warnings(board: Leaderboard) -> list[str]:
    """A line for each number whose labels come with a warning."""
    return [f"! {label}, {name}: {mean.warning}" for label, name, mean in _numbers(board) if mean.warning]


def labels_text(mean: Estimate) -> str:
    """`judge alone 0.810 [0.70, 0.90], 50 labels (alone 0.720 [0.58, 0.83]); these questions alone [0.63, 0.80]`."""
    labels = f"{mean.n_labelled} labels"
    if mean.judge_only is not None and mean.labels_only is None and mean.expert:
        return f"judge alone {mean_cell(*mean.judge_only)}, {mean.expert}"
    if mean.judge_only is None or mean.labels_only is None:
        return labels
    these = (
        "" if mean.these_questions is None else "; these questions alone [{:.2f}, {:.2f}]".format(*mean.these_questions)
    )
    expert = f"; {mean.expert}" if mean.expert else ""
    if mean.second_judge is not None:
        expert += f"; {mean.second_judge.in_words}"
    return f"judge alone {mean_cell(*mean.judge_only)}, {labels} (alone {mean_cell(*mean.labels_only)}){these}{expert}"


_RANKED_BY = {
    False: "paired tests cannot tell apart (permutation, with half an unseen loss, adjusted for all pairs)",
    True: "people's labels of both cannot tell apart (with the judge's scores, adjusted by Holm for all pairs)",
}


def _all_of(board: Leaderboard) -> str:
    """That the calls are of more questions than the scores are."""
    left_out = board.left_out.not_in_all or board.left_out.changed
    return " that all runs have unchanged (calls and tokens are of all questions of each run)" if left_out else ""


def _slice_cells(one: SliceEstimate) -> list[str]:
    questions = f"{one.questions} (few)" if one.few else str(one.questions)
    return [one.name, questions, one.label, number_cell(one.estimate, judged=_judged(one.metric))]


def _numbers(board: Leaderboard) -> Iterator[tuple[str, str, Estimate]]:
    """Each number of the table with its pipeline and metric."""
    for row in board.rows:
        for name, mean in row.estimates.items():
            if mean is not None:
                yield row.label, name, mean


def _judged(metric: str) -> bool:
    return parse(metric).kind == "judged"


def markdown(board: Leaderboard) -> str:
    """A Markdown table with its legend and the models that made it."""
    lines = table(header(board), (cells(board, row) for row in board.rows))
    unranked = [f"{line}\n" for line in (*no_ranks(board), *board.left_out.of_many)]
    slices = [
        line
        for title, rows in slice_tables(board)
        for line in (f"**{title}**", "", *table(SLICE_HEADER, ([code(row[0]), *row[1:]] for row in rows)), "")
    ]
    sliced = [*slices, *slice_legend(board), ""] if slices else []
    models = [f"- {role}: `{identity}`" for role, identity in board.models.items()]
    if board.machine is not None:
        models.append(f"- machine: {board.machine}")
    failures = failure_notes(board)
    failed = ["Failures:", "", *(f"- {line}" for line in failures), ""] if failures else []
    notes = [f"- {line}" for line in (*label_notes(board), *(f"**{warning}**" for warning in label_warnings(board)))]
    labels = ["With people's labels:", "", *notes, ""] if notes else []
    about = [f"- {line}" for line in judge_notes(board)]
    judges = ["Judges:", "", *about, ""] if about else []
    passages = [line for note in passage_notes(board) for line in (note + ".", "")]
    made = ["Made with:", "", *models, ""] if models else []
    differ = difference_cells(board)
    differs = ["Not the same for all rows:", "", *table(differ[0], differ[1:]), ""] if differ else []
    used = ["What it cost:", "", *table(USAGE_HEADER, usage_cells(board)), ""] if usage_cells(board) else []
    spent = cost_rows(board)
    shown, notes_ = shown_costs(board), (*cost_about(board), *cost_unknowns(board))
    columns = [[row[i] for i in shown] for row in (COST_HEADER, *spent)]
    money = [*table(columns[0], columns[1:]), "", *(f"- {note}" for note in notes_), ""] if spent else []
    about_board = [*lines, "", *unranked, legend(board), "", *money, *sliced, *passages]
    return "\n".join([*about_board, *failed, *labels, *judges, *used, *differs, *made])
