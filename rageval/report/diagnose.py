"""A diagnosis on the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console

from rageval.decide.diagnose import FEW, CauseShare, DiagnosedSlice, DiagnoseResult
from rageval.decide.diagnosis import CAUSES, CauseName
from rageval.decide.question_view import EvidenceView, QuestionView
from rageval.report.compare import interval_cell
from rageval.report.leaderboard import mean_cell
from rageval.report.lines import print_block, print_line, shorten
from rageval.report.markdown import code, table
from rageval.report.money import diagnosis_lines
from rageval.report.question import evidence_line, marked, passage_line

HEADER = ["cause", "questions", "share", "right all the same"]

_SHOWN_ON_TERMINAL = 3
_LONGEST_TEXT = 72


def print_diagnosis(result: DiagnoseResult, console: Console) -> None:
    """Shares, slices, losses, and for each cause what to try next and the worst three questions."""
    print_line(console, f"{result.label}, {result.benchmark}: {len(result.questions)} questions", "bold")
    for one in _occurring(result.shares):
        print_line(console, f"{one.questions:>5}  {_share(one)}  {one.cause}{_right(one)}")
        print_line(console, f"       {CAUSES[one.cause]}", "dim")
    for one in result.slices:
        print_line(console, f"\n{_slice_title(one)}", "bold")
        for share in _occurring(one.shares):
            print_line(console, f"{share.questions:>5}  {_share(share)}  {share.cause}{_right(share)}")
    for line in (*diagnosis_lines(result), *loss_lines(result)):
        print_line(console, line)
    for cause, remedy in result.remedies.items():
        print_line(console, f"\n{cause}", "bold")
        print_line(console, f"try: {remedy.advice}")
        if remedy.sweep is not None:
            print_line(console, "the sweep that would test it (rageval sweep FILE):", "dim")
            for line in remedy.sweep.splitlines():
                print_line(console, f"    {line}")
        views = result.worst.get(cause, ())
        for view in views[:_SHOWN_ON_TERMINAL]:
            _print_worst(view, console)
        if rest := _count(result, cause) - min(len(views), _SHOWN_ON_TERMINAL):
            print_line(console, f"  … {rest} more: rageval show {result.source} --cause {cause}", "dim")
    print_line(console, "")
    for note in _legend(result):
        print_line(console, note, "dim")


def markdown(result: DiagnoseResult) -> str:
    """The same, with the worst ten questions of each cause and their passages folded away."""
    lines = [f"## Why questions fail: {code(result.label)}", ""]
    lines += [f"{result.benchmark}, {len(result.questions)} questions.", ""]
    lines += [*table(HEADER, map(_cells, _occurring(result.shares))), ""]
    for one in result.slices:
        lines += [f"**{_slice_title(one)}**", "", *table(HEADER, map(_cells, _occurring(one.shares))), ""]
    if losses := [*diagnosis_lines(result), *loss_lines(result)]:
        lines += [*(f"- {line.strip()}" for line in losses if line.strip()), ""]
    for cause, remedy in result.remedies.items():
        lines += [f"### {cause}: {CAUSES[cause]}", "", f"Try: {remedy.advice}", ""]
        if remedy.sweep is not None:
            lines += ["```yaml", *remedy.sweep.splitlines(), "```", ""]
        for view in result.worst.get(cause, ()):
            lines += _markdown_worst(view)
    return "\n".join([*lines, *(f"- {note}" for note in _legend(result)), ""])


def loss_lines(result: DiagnoseResult) -> Iterator[str]:
    """What was measured against oracle and closed book; nothing where neither was given."""
    losses = result.losses
    if losses is None:
        return
    yield f"\nlosses on {losses.metric} (mean [95% interval], 1 is the best):"
    for interval, words in (
        (losses.of_retriever, "retriever: lost by reading other passages than the labelled ones (oracle - run)"),
        (losses.of_generator, "generator: lost with the labelled passages (1 - oracle)"),
        (losses.from_retrieval, "retrieval adds to what the model knows by itself (run - closed book)"),
    ):
        if interval is not None:
            yield f"  {interval_cell(interval)}  {words}, n = {interval.n}"


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


def _right(one: CauseShare) -> str:
    return f" ({one.right} right all the same)" if one.right else ""


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


def _print_worst(view: QuestionView, console: Console) -> None:
    diagnosis = view.diagnosis
    print_line(console, f"  {view.question.id}  {shorten(view.question.text, _LONGEST_TEXT)}")
    if diagnosis is not None:
        print_block(console, diagnosis.reason, 6, "dim")


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
