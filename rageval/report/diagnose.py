"""A diagnosis as Markdown, and as lines and tables for every format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from string import ascii_uppercase

from rageval.decide.choices import Choices
from rageval.decide.context_table import BECAME, ContextRow, ContextTable
from rageval.decide.diagnose import FEW, CauseShare, DiagnosedSlice, DiagnoseResult
from rageval.decide.diagnosis import CAUSES, CauseName
from rageval.decide.losses import Losses
from rageval.decide.paraphrases import Paraphrases
from rageval.decide.question_view import EvidenceView, QuestionView
from rageval.report.compare import interval_cell
from rageval.report.leaderboard import mean_cell
from rageval.report.lines import shorten
from rageval.report.markdown import code, table
from rageval.report.money import diagnosis_lines
from rageval.report.question import evidence_line, marked, passage_line
from rageval.report.tables.printout import Cell, Column, Legend, Line, Printout, Table, count_cell
from rageval.report.tables.printout import interval_cell as cell_of_interval
from rageval.stats import Interval

HEADER = ["cause", "questions", "share", "right all the same"]

_SHOWN_ON_TERMINAL = 3
_LONGEST_TEXT = 72


def diagnosis_printout(result: DiagnoseResult) -> Printout:
    """Shares, slices, losses, and for each cause what to try next and the worst three questions."""
    title = f"{result.label}, {result.benchmark}: {len(result.questions)} questions"
    blocks: list[Line | Table] = [Line(title, "strong"), _shares("causes", result.shares, meaning=True)]
    for one in result.slices:
        name = f"causes by {one.by}: {one.value}"
        blocks += [Line(""), _shares(name, one.shares, title=_slice_title(one))]
    if result.paraphrases is not None:
        blocks += [Line(""), Line(_paraphrase_line(result.paraphrases))]
    if result.choices is not None:
        blocks += [Line(""), *map(Line, _choice_lines(result.choices))]
    if result.context is not None:
        blocks += [Line(""), _context_table(result.context)]
    if costs := diagnosis_lines(result):
        blocks += [Line(""), *map(Line, costs)]
    if result.losses is not None:
        blocks += [Line(""), _loss_table(result.losses)]
    for cause, remedy in result.remedies.items():
        blocks += [Line(""), Line(cause, "strong"), Line(f"try: {remedy.advice}")]
        if remedy.sweep is not None:
            blocks.append(Line("the sweep that would test it (rageval sweep FILE):", "faint"))
            blocks += [Line(f"    {line}") for line in remedy.sweep.splitlines()]
        views = result.worst.get(cause, ())
        for view in views[:_SHOWN_ON_TERMINAL]:
            blocks += _worst(view)
        if rest := _count(result, cause) - min(len(views), _SHOWN_ON_TERMINAL):
            blocks.append(Line(f"  … {rest} more: rageval show {result.source} --cause {cause}", "faint"))
    short = ("Share [interval]: all intervals of a table hold together. A question has the first cause that applies.",)
    legend = _legend(result)
    return Printout(title, (*blocks, Line(""), Legend((*short, *legend[1:]), tuple(legend))))


def markdown(result: DiagnoseResult) -> str:
    """The same, with the worst ten questions of each cause and their passages folded away."""
    lines = [f"## Why questions fail: {code(result.label)}", ""]
    lines += [f"{result.benchmark}, {len(result.questions)} questions.", ""]
    lines += [*table(HEADER, map(_cells, _occurring(result.shares))), ""]
    for one in result.slices:
        lines += [f"**{_slice_title(one)}**", "", *table(HEADER, map(_cells, _occurring(one.shares))), ""]
    if result.paraphrases is not None:
        lines += [f"- {_paraphrase_line(result.paraphrases)}", ""]
    if result.choices is not None:
        lines += [*(f"- {line}" for line in _choice_lines(result.choices)), ""]
    if result.context is not None:
        header = ["context", "questions", *BECAME]
        rows = ([row.name, str(row.questions), *_context_cells(row)] for row in result.context.rows)
        lines += [f"**{_context_title(result.context)}**", "", *table(header, rows), ""]
    if costs := diagnosis_lines(result):
        lines += [*(f"- {line.strip()}" for line in costs), ""]
    if result.losses is not None:
        lines += [*(f"- {line}" for line in _loss_lines(result.losses)), ""]
    for cause, remedy in result.remedies.items():
        lines += [f"### {cause}: {CAUSES[cause]}", "", f"Try: {remedy.advice}", ""]
        if remedy.sweep is not None:
            lines += ["```yaml", *remedy.sweep.splitlines(), "```", ""]
        for view in result.worst.get(cause, ()):
            lines += _markdown_worst(view)
    return "\n".join([*lines, *(f"- {note}" for note in _legend(result)), ""])


def _paraphrase_line(found: Paraphrases) -> str:
    words = ("all right", "some right", "none right")
    told = ", ".join(
        f"{count} {word} {mean_cell(share.point, share.low, share.high)}"
        for word, count, share in zip(words, found.counts, found.shares, strict=True)
    )
    first = next(iter(found.differing.items()), None)
    such = f"; such as {first[0]}: {', '.join(first[1])}" if first else ""
    unknown = f"; not known of {found.unknown} more" if found.unknown else ""
    return f"groups of questions that ask the same: {told} (all intervals hold together){such}{unknown}"


def _choice_lines(found: Choices) -> Iterator[str]:
    accuracy = mean_cell(found.accuracy.point, found.accuracy.low, found.accuracy.high)
    yield (
        f"multiple choice: {found.questions} questions, accuracy {accuracy} where "
        f"guessing reaches {found.chance:.3f}; {found.always} right in all of up to {found.orders} orders of the "
        f"options; {found.unread} answers choose no single option"
    )
    if found.chosen:
        shares = zip(ascii_uppercase, found.chosen, found.right, strict=False)
        told = ", ".join(
            f"{letter} {mean_cell(one.point, one.low, one.high)} (right {right:.2f})" for letter, one, right in shares
        )
        bias = f"; chosen unlike it is right: {', '.join(found.biased)}" if found.biased else ""
        yield f"chosen by position (all intervals hold together): {told}{bias}"


def _context_title(found: ContextTable) -> str:
    unknown = f"; not known of {found.unknown} questions" if found.unknown else ""
    return f"what became of the answers, by {found.metric} (shares of a row; all intervals hold together{unknown})"


def _context_cells(row: ContextRow) -> list[str]:
    cells = zip(row.counts, row.shares, strict=True)
    return [f"{count}: {mean_cell(share.point, share.low, share.high)}" for count, share in cells]


def _context_table(found: ContextTable) -> Table:
    columns = (Column("context", "word"), Column("questions"), *map(Column, BECAME))
    rows = tuple(
        (
            Cell(row.name),
            count_cell("questions", row.questions),
            *(
                cell_of_interval(became, text, share)
                for became, text, share in zip(BECAME, _context_cells(row), row.shares, strict=True)
            ),
        )
        for row in found.rows
    )
    return Table("sufficient context", columns, rows, _context_title(found), turns="never")


def _measured(losses: Losses) -> Iterator[tuple[Interval, str, str]]:
    """Each loss that was measured, with its name and how it was."""
    for interval, name, how in (
        (
            losses.of_retriever,
            "retriever",
            "lost by reading other passages than the labelled ones (oracle - run)",
        ),
        (losses.of_generator, "generator", "lost with the labelled passages (1 - oracle)"),
        (losses.from_retrieval, "retrieval", "adds to what the model knows by itself (run - closed book)"),
    ):
        if interval is not None:
            yield interval, name, how


def _loss_title(losses: Losses) -> str:
    return f"losses on {losses.metric} (mean [95% interval], 1 is the best)"


def _loss_table(losses: Losses) -> Table:
    columns = (Column("of", "word"), Column("loss"), Column("questions"), Column("what it is", "word"))
    rows = tuple(
        (
            Cell(name),
            cell_of_interval("loss", interval_cell(interval), interval),
            count_cell("questions", interval.n),
            Cell(how),
        )
        for interval, name, how in _measured(losses)
    )
    return Table("losses", columns, rows, _loss_title(losses), turns="never")


def _loss_lines(losses: Losses) -> Iterator[str]:
    yield f"{_loss_title(losses)}:"
    for interval, name, how in _measured(losses):
        yield f"{interval_cell(interval)}  {name}: {how}, n = {interval.n}"


def _shares(name: str, shares: Sequence[CauseShare], title: str = "", *, meaning: bool = False) -> Table:
    """The causes that occur; `meaning` says what each is."""
    columns = [Column(HEADER[0], "word"), Column(HEADER[1]), Column(HEADER[2]), Column(HEADER[3], optional=True)]
    rows: list[tuple[Cell, ...]] = []
    for one in _occurring(shares):
        row = [
            Cell(one.cause),
            count_cell("questions", one.questions),
            cell_of_interval("share", _share(one), one.share),
            count_cell(HEADER[3], one.right),
        ]
        rows.append((*row, Cell(CAUSES[one.cause])) if meaning else tuple(row))
    if meaning:
        columns.append(Column("meaning", "word"))
    return Table(name, tuple(columns), tuple(rows), title, turns="never")


def _cells(one: CauseShare) -> list[str]:
    return [
        f"{one.cause}: {CAUSES[one.cause]}",
        str(one.questions),
        _share(one),
        "–" if one.cause == "right" else str(one.right),
    ]


def _occurring(shares: Sequence[CauseShare]) -> list[CauseShare]:
    return [one for one in shares if one.questions]


def _share(one: CauseShare) -> str:
    return mean_cell(one.share.point, one.share.low, one.share.high)


def _slice_title(one: DiagnosedSlice) -> str:
    few = f" (fewer than {FEW}: says little)" if one.small else ""
    return f"{one.by} {one.value}: {one.questions} questions{few}"


def _count(result: DiagnoseResult, cause: CauseName) -> int:
    return next(one.questions for one in result.shares if one.cause == cause)


def _legend(result: DiagnoseResult) -> list[str]:
    level = next(one.share.level for one in result.shares)
    of = "each slice" if result.slices else "the run"
    shares = (
        f"Share [interval]: all intervals of {of} hold together with {level:.0%} (Clopper-Pearson, Bonferroni over "
        f"{len(CAUSES)} causes). A question has the first cause that applies, in the order of the list."
    )
    return [shares, *result.notes]


def _worst(view: QuestionView) -> list[Line]:
    lines = [Line(f"  {view.question.id}  {shorten(view.question.text, _LONGEST_TEXT)}")]
    if view.diagnosis is not None:
        lines.append(Line(f"      {view.diagnosis.reason}", "faint"))
    return lines


def _markdown_worst(view: QuestionView) -> list[str]:
    reason = "" if view.diagnosis is None else view.diagnosis.reason
    title = f"{code(view.question.id)} {code(view.question.text)}"
    lines = [f"<details><summary>{_html(view)}</summary>", "", f"{title}: {code(reason)}", ""]
    lines += [f"- reference: {code(text)}" for text in view.question.references]
    answer = getattr(view.outcome, "answer", None)
    lines += [f"- answer: {code(answer)}"] if answer else []
    lines += [f"- evidence {code(_with_text(one))}" for one in view.evidence]
    for one in view.passages:
        lines.append(f"- {code(passage_line(one))} {code(marked(one))}")
    return [*lines, "", "</details>", ""]


def _with_text(one: EvidenceView) -> str:
    return f"{evidence_line(one)}: {one.text}" if one.text else evidence_line(one)


def _html(view: QuestionView) -> str:
    text = shorten(f"{view.question.id}: {view.question.text}", _LONGEST_TEXT)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
