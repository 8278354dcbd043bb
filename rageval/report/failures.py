"""What a leaderboard says of failed questions: how many, the commonest cause, and how to ask them again."""

from __future__ import annotations

from rageval.decide.leaderboard import Leaderboard, Row

RETRY = "`--retry-failed` (in Python `retry_failed=True`) asks failed questions again"

_LONGEST_CAUSE = 200


def failure_notes(board: Leaderboard) -> list[str]:
    """A line for each run with failed questions, and one on how to ask these again; none where no question failed."""
    notes = [failure_note(board, row) for row in board.rows if row.failed]
    return [*notes, f"{RETRY}."] if notes else []


def failure_note(board: Leaderboard, row: Row) -> str:
    """`naive(k=5): 4 of 6 questions failed. Commonest cause (3 questions): LookupError: no such table`."""
    if board.all_failed(row):
        failed = f"{row.label}: all {board.questions} questions failed, so it has no rank."
    else:
        failed = f"{row.label}: {row.failed} of {board.questions} questions failed."
    if not row.causes:
        return failed
    cause = row.causes[0]
    text = f"{cause.error}: {cause.message}" if cause.message else cause.error
    shown = text if len(text) <= _LONGEST_CAUSE else f"{text[:_LONGEST_CAUSE]}…"
    if len(row.causes) == 1:
        return f"{failed} Cause: {shown}"
    questions = "1 question" if cause.questions == 1 else f"{cause.questions} questions"
    return f"{failed} Commonest of {len(row.causes)} causes ({questions}): {shown}"
