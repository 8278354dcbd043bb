"""`rageval show`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rageval.cli.output import JsonFlag, print_json
from rageval.errors import DeclarationError

if TYPE_CHECKING:
    from rageval.decide.question_view import QuestionView


def show(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    question_id: Annotated[
        str | None, typer.Argument(metavar="[QUESTION]", help="A question of that run. Without one, all are listed.")
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="List those on which the pipeline failed.")] = False,
    cause: Annotated[
        list[str] | None, typer.Option(help="List those with this cause, such as not_retrieved; repeatable.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="List those with this tag; repeatable.")] = None,
    grep: Annotated[
        str | None,
        typer.Option(metavar="PATTERN", help="List those whose id, text, references or answer match the pattern."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="List so many questions.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """List a run's questions, the worst first, or show one: why it failed, passages, evidence, answer, verdicts."""
    if question_id is None:
        _list(run_folder, failed, cause or [], tag or [], grep, limit, as_json)
        return
    if failed or cause or tag or grep is not None:
        raise DeclarationError("show: found a question and an option that lists questions, expected one of them")
    from rageval.report.question import print_question
    from rageval.report.terminal import stdout_console

    view = _view(run_folder, question_id)
    if as_json:
        print_json(view.to_json())
    else:
        print_question(view, stdout_console())


def _list(
    run_folder: Path, failed: bool, causes: list[str], tags: list[str], grep: str | None, limit: int, as_json: bool
) -> None:
    from rageval.decide.diagnosis import RunDiagnosis
    from rageval.decide.question_list import list_questions
    from rageval.report.question_list import print_questions
    from rageval.report.terminal import stdout_console

    listed = list_questions(RunDiagnosis(run_folder), failed=failed, causes=causes, tags=tags, grep=grep)
    if as_json:
        shown = listed[:limit]
        print_json({"run": str(run_folder), "found": len(listed), "questions": [one.to_json() for one in shown]})
    else:
        print_questions(listed, limit, stdout_console())


def _view(run_folder: Path, question_id: str) -> QuestionView:
    """The question with its diagnosis, or without one where the run is not finished."""
    import difflib

    from rageval.decide.diagnosis import RunDiagnosis
    from rageval.decide.question_view import view_diagnosed, view_question
    from rageval.io.run_folder import RunFolder
    from rageval.metrics.evidence_spans import evidence_parts

    folder = RunFolder(run_folder)
    manifest = folder.manifest()
    questions, outcomes = folder.questions(), folder.outcomes()
    if question_id not in questions:
        near = difflib.get_close_matches(question_id, questions, n=3) or list(questions)[:3]
        raise DeclarationError(f"{run_folder}: found no question {question_id!r}, expected one like {', '.join(near)}")
    if question_id not in outcomes:
        raise DeclarationError(f"{run_folder}: question {question_id} has not been answered yet; run the experiment")
    if manifest["status"] == "complete":
        return view_diagnosed(RunDiagnosis(folder), question_id)
    question, grades = questions[question_id]
    said = {name: folder.judgments(about["key"]).get(question_id, ()) for name, about in manifest["judges"].items()}
    parts = evidence_parts(folder.evidence().get(question_id, ()))
    return view_question(question, outcomes[question_id], grades, parts, said, {})
