"""`rageval show`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rageval.errors import DeclarationError


def show(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    question_id: Annotated[str, typer.Argument(help="A question of that run.")],
) -> None:
    """Show one question of a run: hits with labels, answer, verdicts with evidence."""
    import difflib

    from rageval.io.run_folder import RunFolder
    from rageval.report.terminal import print_question, stdout_console

    folder = RunFolder(run_folder)
    manifest = folder.manifest()
    questions, outcomes = folder.questions(), folder.outcomes()
    if question_id not in questions:
        near = difflib.get_close_matches(question_id, questions, n=3) or list(questions)[:3]
        raise DeclarationError(f"{run_folder}: found no question {question_id!r}, expected one like {', '.join(near)}")
    if question_id not in outcomes:
        raise DeclarationError(f"{run_folder}: question {question_id} has not been answered yet; run the experiment")
    question, grades = questions[question_id]
    judgments = {
        name: folder.judgments(judge["key"]).get(question_id, ()) for name, judge in manifest["judges"].items()
    }
    print_question(question, outcomes[question_id], grades, judgments, stdout_console())
