"""One question of a run on the terminal: why it failed, its evidence, whole passages with marks, answer, verdicts."""

from __future__ import annotations

from rich.console import Console

from rageval.decide.question_view import EvidenceView, PassageView, QuestionView
from rageval.report.lines import print_block, print_line, shorten
from rageval.types import Abstained, Evidence, Failure, Judgment

MARKS = ("⟦", "⟧")
QUOTE_MARKS = ("‹", "›")

_MOST_OTHERS = 20
_LONGEST_TEXT = 60


def print_question(view: QuestionView, console: Console) -> None:
    """Question, cause, evidence, the passages that were read or hold evidence as a whole, the rest of the ranking line
    by line, answer, and verdicts with what they quote.
    """
    question, outcome = view.question, view.outcome
    tags = ", ".join((question.language, *question.tags))
    print_line(console, f"{question.id} ({tags})", "bold")
    for turn in question.history:
        print_line(console, f"  {turn.role}: {turn.text}", "dim")
    print_line(console, question.text)
    for reference in question.references:
        print_line(console, f"  reference: {reference}", "dim")
    for key, value in question.metadata.items():
        print_line(console, f"  {key}: {value}", "dim")
    if view.diagnosis is not None:
        print_line(console, f"\n{view.diagnosis.cause}: {view.diagnosis.reason}", "bold")
    _print_evidence(view, console)
    if isinstance(outcome, Failure):
        print_line(console, f"\nfailed: {outcome.error}: {outcome.message}", "bold red")
        _traceback(console, outcome.traceback, "")
        return
    _print_passages(view, console)
    for step in outcome.steps:
        detail = ", ".join(f"{key}: {value}" for key, value in step.detail.items())
        print_line(console, f"step {step.name}  {detail}", "dim")
    print_line(console, "\nanswer" + (" (abstained)" if outcome.abstained else ""), "bold")
    print_line(console, "none was generated" if outcome.answer is None else outcome.answer or "(empty)")
    if outcome.citations:
        print_line(console, "cites passages " + ", ".join(str(position + 1) for position in outcome.citations), "dim")
    for judge, said in view.judgments.items():
        print_line(console, f"\n{judge}", "bold")
        for judgment in said:
            _print_judgment(judgment, console)


def passage_line(one: PassageView) -> str:
    """`3 *2 grade 1 doc#0-80 (Title)`: the rank, the place in the context, the grade of the document, the span."""
    read = "" if one.read is None else f" *{one.read}"
    grade = "" if one.grade is None else f" grade {one.grade}"
    title = f" ({one.passage.title})" if one.passage.title else ""
    return f"{one.rank}{read}{grade} {one.passage.id}{title}"


def evidence_line(one: EvidenceView) -> str:
    """`part 1: doc#10-40, read`: where it is, and how much of it was read or where in the ranking it is."""
    ranks = ", ".join(map(str, one.ranks[:5])) + (", …" if len(one.ranks) > 5 else "")
    if one.read == 1.0:
        fate = "read"
    elif one.ranks:
        held = f"passage{'s' if len(one.ranks) > 1 else ''} {ranks} of the ranking"
        fate = f"{one.read:.0%} read; all or a piece of it in {held}"
    else:
        fate = "not in the ranking"
    return f"part {one.part}: {one.span.doc_id}#{one.span.start}-{one.span.end}, {fate}"


def marked(one: PassageView) -> str:
    """The passage's text with marks around evidence and quotes; where both begin or end, the quote is inside."""
    inserts = [(start, 1, MARKS[0]) for start, _ in one.evidence] + [(end, 0, MARKS[1]) for _, end in one.evidence]
    inserts += [(start, 2, QUOTE_MARKS[0]) for start, _ in one.quotes]
    inserts += [(end, -1, QUOTE_MARKS[1]) for _, end in one.quotes]
    text = one.passage.text
    for at, _, mark in sorted(inserts, reverse=True):
        text = text[:at] + mark + text[at:]
    return text


def _print_evidence(view: QuestionView, console: Console) -> None:
    if not view.evidence:
        return
    print_line(console, "\nevidence (spans of one part are alternatives)", "bold")
    for one in view.evidence:
        print_line(console, f"  {evidence_line(one)}")
        if one.text:
            print_block(console, one.text, 6, "dim")


def _print_passages(view: QuestionView, console: Console) -> None:
    held = {rank for evidence in view.evidence for rank in evidence.ranks}
    whole = [one for one in view.passages if one.read is not None or one.rank in held]
    others = [one for one in view.passages if one.read is None and one.rank not in held]
    if whole:
        marks = [f"{MARKS[0]}evidence{MARKS[1]}", f"{QUOTE_MARKS[0]}quoted by a judge{QUOTE_MARKS[1]}"]
        print_line(console, f"\npassages that were read (*) or hold evidence; {', '.join(marks)}", "bold")
    for one in whole:
        print_line(console, passage_line(one))
        print_block(console, marked(one) or "(its text is not at hand)", 4)
    if others:
        print_line(console, "\nother passages of the ranking" if whole else "\nranking", "bold")
    for one in others[:_MOST_OTHERS]:
        print_line(console, f"{passage_line(one)}  {shorten(one.passage.text, _LONGEST_TEXT)}".rstrip())
    if len(others) > _MOST_OTHERS:
        print_line(console, f"… {len(others) - _MOST_OTHERS} more", "dim")


def _print_judgment(judgment: Judgment, console: Console) -> None:
    print_line(console, f"  {_verdict(judgment)}  {judgment.item} {judgment.index + 1}: {judgment.text}")
    if isinstance(judgment.verdict, Abstained):
        _traceback(console, judgment.verdict.traceback, "      ")
        return
    if judgment.verdict.rationale:
        print_line(console, f"      {judgment.verdict.rationale}", "dim")
    for evidence in judgment.verdict.evidence:
        print_line(console, f"      {_shown(evidence)}", "dim")


def _traceback(console: Console, text: str, indent: str) -> None:
    for line in text.splitlines():
        print_line(console, indent + line, "dim")


def _shown(evidence: Evidence) -> str:
    if evidence.hit is None:
        return "no hit shows it"
    words = f"hit {evidence.hit + 1}: “{evidence.quote}”" if evidence.quote else f"hit {evidence.hit + 1}"
    return words if evidence.found else f"{words} (named by the judge; few or none of the claim's words are there)"


def _verdict(judgment: Judgment) -> str:
    verdict = judgment.verdict
    votes = ", ".join("none" if vote is None else f"{vote:g}" for vote in verdict.votes)
    shown = f" (votes {votes})" if votes else ""
    if isinstance(verdict, Abstained):
        return f"no verdict ({verdict.reason}){shown}"
    probability = "" if verdict.probability is None else f" P(yes) {verdict.probability:.2f}"
    return f"{verdict.grade:g}{probability}{shown}"
