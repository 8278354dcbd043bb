"""The sheet on which people say which of two answers is better, without knowing whose they are; and reading it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rageval.benchmark.reading import describe
from rageval.errors import DeclarationError, LabelFileError
from rageval.people.instructions import preference_instruction
from rageval.people.label_files import read_rows
from rageval.people.sheet import check_sheet_path, write_rows
from rageval.prompts import shown_question
from rageval.scores.answer_pairs import AnswerPair, PreferenceOutcome, in_labelling_order, pairs_digest
from rageval.scores.preference_labels import PreferenceLabel
from rageval.types import Json

REQUIRED = ("question_id", "preference")
COLUMNS = (
    "sample",
    "question_id",
    "preference",
    "annotator",
    "instructions",
    "language",
    "question",
    "references",
    "left",
    "right",
)
_OUTCOMES: dict[str, PreferenceOutcome] = {
    "candidate": "win",
    "win": "win",
    "tie": "tie",
    "baseline": "loss",
    "loss": "loss",
}
_SIDES = ("left", "right")


def write_preference_sheet(pairs: Sequence[AnswerPair], n: int, path: Path) -> int:
    """Draw `n` of the pairs at random and write those on which people must be asked; returns how many.

    Each row shows the two answers left and right, in an order that is random and that the sheet does not tell. Equal
    answers, failures and abstentions need nobody and are left out.

    Raises DeclarationError for an `n` that is not between 1 and the number of pairs, or a sheet that cannot be written.
    """
    check_sheet_path(path)
    if not 1 <= n <= len(pairs):
        raise DeclarationError(f"--sample: found {n}, expected 1 to {len(pairs)}, as many as there are questions")
    digest = pairs_digest(pairs)
    asked = [pair for pair in in_labelling_order(pairs)[:n] if pair.settled is None]
    write_rows(path, COLUMNS, [_row(pair, digest) for pair in asked])
    return len(asked)


def _row(pair: AnswerPair, digest: str) -> dict[str, Json]:
    question, (baseline, candidate) = pair.question, pair.answers
    left, right = (candidate, baseline) if pair.candidate_left else (baseline, candidate)
    return {
        "sample": digest,
        "question_id": question.id,
        "preference": None,
        "annotator": "",
        "instructions": preference_instruction(question.language),
        "language": question.language,
        "question": shown_question(question),
        "references": [*question.references],
        "left": left,
        "right": right,
    }


def read_preferences(path: Path, pairs: Sequence[AnswerPair]) -> list[PreferenceLabel]:
    """The preferences in a JSONL or CSV file, for the answers in `pairs`; rows without one are left out.

    Columns (keys) are `question_id`, `preference` and, optionally, `annotator`; others are ignored. A preference is
    candidate (or win), baseline (or loss) or tie; in a sheet that `write_preference_sheet` wrote for these answers also
    left or right. The same preference twice by the same annotator counts once.

    Raises LabelFileError with every problem: what cannot be read, a preference that is none of these, a question that
    is not compared, two preferences by one annotator on one question, no preference at all.
    """
    problems: list[str] = []
    by_id, digest = {pair.question.id: pair for pair in pairs}, pairs_digest(pairs)
    found: dict[tuple[str, str], PreferenceLabel] = {}
    for place, fields in read_rows(path, problems, REQUIRED):
        question_id, said = fields.get("question_id"), fields.get("preference")
        if said is None or (isinstance(said, str) and not said.strip()):
            continue
        pair = by_id.get(question_id) if isinstance(question_id, str) else None
        if pair is None:
            problems.append(f"{place}: found the question {question_id!r}, expected one that both runs answered")
            continue
        word = said.strip().lower() if isinstance(said, str) else ""
        outcome = _OUTCOMES.get(word)
        if word in _SIDES:
            if fields.get("sample") != digest:
                problems.append(
                    f"{place}: found {word} on a sheet of other answers, expected one that `rageval prefer --sample` "
                    "wrote for these two runs, in this order"
                )
                continue
            outcome = "win" if (word == "left") == pair.candidate_left else "loss"
        if outcome is None:
            given = repr(said) if isinstance(said, str) else describe(said)
            problems.append(
                f"{place}: found the preference {given}, expected candidate, baseline or tie, or left or right"
            )
            continue
        annotator = fields.get("annotator")
        label = PreferenceLabel(pair.question.id, outcome, annotator.strip() if isinstance(annotator, str) else "")
        earlier = found.setdefault((label.question_id, label.annotator), label)
        if earlier != label:
            problems.append(
                f"{place}: found another preference on {label.question_id!r}, expected one by each annotator"
            )
    if not problems and not found:
        problems.append(f"{path}: found no preference, expected at least one row that is filled in")
    if problems:
        raise LabelFileError(problems)
    return [*found.values()]
