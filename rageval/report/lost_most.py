"""What lost most on the metrics that fail a gate: answers or passages of both runs side by side."""

from __future__ import annotations

from collections.abc import Sequence

from rageval.decide.lost_most import LostMost, LostQuestion
from rageval.report.lines import shorten
from rageval.report.markdown import block, code, visible
from rageval.report.tables.printout import Line
from rageval.scores.excerpts import ANSWER_CHARACTERS, FIRST_PASSAGES
from rageval.scores.run_scores import Excerpt

_LONGEST_QUESTION = 200
_LONGEST_LINE = 90
_LONGEST_ANSWER = 400
_LONGEST_ID = 80
_BEFORE_DIFFERENCE = 100
_ROLES = ("Baseline", "Candidate")
_MARKS = (
    f"Of each ranking: the first {FIRST_PASSAGES} passages and some that labels mark, by rank. evidence: it has a part "
    "of what a label marks; relevant: only its document is labelled."
)


def lost_sections(lost: Sequence[LostMost]) -> list[list[str]]:
    """Lines of Markdown, a section for each question; the first of a metric begins with its heading."""
    sections: list[list[str]] = []
    for one in lost:
        for number, question in enumerate(one.questions, 1):
            heading = _heading(one) if number == 1 else []
            what, lines = _answers(question) if one.reads_answers else _passages(question)
            sections.append(
                [
                    *heading,
                    f"{number}. {_scores(question)} {code(question.question_id)} "
                    f"{code(shorten(question.text, _LONGEST_QUESTION))}".rstrip(),
                    "",
                    f"<details><summary>{what}</summary>",
                    "",
                    *lines,
                    "</details>",
                    "",
                ]
            )
    return sections


def lost_lines(lost: Sequence[LostMost]) -> list[Line]:
    """A line for each question."""
    lines: list[Line] = []
    for one in lost:
        lines.append(Line(f"lost most: {one.metric} ({_counted(one)})", "strong"))
        for question in one.questions:
            text = visible(shorten(question.text, _LONGEST_LINE))
            lines.append(Line(f"  {_scores(question)}  {visible(question.question_id)}  {text}".rstrip()))
    return lines


def _heading(one: LostMost) -> list[str]:
    lines = [f"### Lost most on {code(one.metric)} ({_counted(one)})", ""]
    return lines if one.reads_answers else [*lines, _MARKS, ""]


def _counted(one: LostMost) -> str:
    return f"{len(one.questions)} of the {one.lost} questions that lost" if one.lost > 1 else "one question lost"


def _scores(question: LostQuestion) -> str:
    return f"{question.before:.3f} → {question.after:.3f}"


def _answers(question: LostQuestion) -> tuple[str, list[str]]:
    before, after = (None if one is None else one.answer for one in (question.baseline, question.candidate))
    if before and before == after:
        cut = f" as far as the first {ANSWER_CHARACTERS:,} characters" if _may_be_cut(before) else ""
        return "One answer", [f"Both gave the same answer{cut}:", "", *block(_part(before, 0)), ""]
    start = _window(before, after) if before and after else 0
    lines: list[str] = []
    for role, one in zip(_ROLES, (question.baseline, question.candidate), strict=True):
        if one is None or not one.answer:
            lines += _without(role, one, "the answer is empty" if one and one.answer == "" else "no answer was made")
        else:
            lines += [f"{role}:", "", *block(_part(one.answer, start)), ""]
    return "Both answers", lines


def _passages(question: LostQuestion) -> tuple[str, list[str]]:
    lines: list[str] = []
    for role, one in zip(_ROLES, (question.baseline, question.candidate), strict=True):
        if one is None or not one.passages:
            lines += _without(role, one, "nothing was found")
        else:
            rows = [f"{it.rank:>3}  {it.mark:<8}  {shorten(it.passage_id, _LONGEST_ID)}" for it in one.passages]
            lines += [f"{role}:", "", *block("\n".join(rows)), ""]
    return "What both found", lines


def _without(role: str, one: Excerpt | None, nothing: str) -> list[str]:
    """Why there is no text to show."""
    if one is None:
        return [f"{role}: not known, since its run is not at hand and no baseline keeps its answers.", ""]
    if one.failure:
        return [f"{role}: failed.", "", *block(_part(one.failure, 0)), ""]
    return [f"{role}: {nothing}.", ""]


def _may_be_cut(text: str) -> bool:
    return len(text) >= ANSWER_CHARACTERS


def _window(a: str, b: str) -> int:
    """Where to begin to show both: 0, or a little before the first difference where it would be cut off."""
    same = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return 0 if same + _BEFORE_DIFFERENCE < _LONGEST_ANSWER else same - _BEFORE_DIFFERENCE


def _part(text: str, start: int) -> str:
    end = start + _LONGEST_ANSWER
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) or _may_be_cut(text) else ''}"
