"""What follows from people's decisions so far: labels in the run, the corrected number, agreement, disagreements.

labelling/<metric>-<digest>.estimates.jsonl   the corrected mean after each label, to show how its interval narrows
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rageval.errors import DeclarationError
from rageval.io.disk import locked
from rageval.io.line_log import append_line, drop_torn_tail, read_lines
from rageval.people.attach import agreement_of, attach_rows
from rageval.people.decisions import CANNOT_TELL, Decision, annotator_name
from rageval.people.label_files import LabelRow
from rageval.people.labelling import Labelling
from rageval.scores.estimates import estimate_to_json, labelled_estimate
from rageval.scores.expert_labels import use_expert
from rageval.scores.human_labels import HumanLabel, MetricLabels, read_labels
from rageval.scores.second_judge import use_second
from rageval.types import Estimate, Json


class ForeignLabelsError(DeclarationError):
    """The run has labels of the metric that are not of the sample; they are replaced only if that is asked."""


def attach_labelling(labelling: Labelling, *, replace: bool = False) -> MetricLabels | None:
    """Store in the run what was decided so far, as `rageval label` stores filled-in sheets; None where nothing was.

    Labels of the same sample by people who did not work here are kept. Labels of another sample stand in the way:
    raises ForeignLabelsError, unless with `replace`, which keeps them beside the decisions.
    """
    rows = labelling.rows()
    if not rows:
        return None
    run, sample = labelling.run, labelling.sample
    there = read_labels(run, sample.metric)
    if there is not None and (there.labels or there.cannot_tell):
        if there.sample is not None and there.sample.digest == sample.digest:
            rows = _with_others(labelling, rows, there)
        elif not replace:
            raise ForeignLabelsError(
                f"{run.path}: found {len(there.by_question)} labels of {sample.metric} that are not of the sample "
                f"{sample.digest}, expected none: replace them, or label their sample"
            )
        else:
            labelling.settled.keep_replaced(there.to_json())
    (labels,) = attach_rows(run, rows)
    if there is not None and there.expert:
        use_expert(run, sample.metric, there.expert)
    if there is not None and there.second_judge:
        use_second(run, sample.metric, there.second_judge)
    return labels


def summary(labelling: Labelling, *, note: bool = False) -> dict[str, Json]:
    """Who decided how much, agreement, the corrected number now and how it came to be; nothing of single answers.

    With `note` the number as it is now becomes part of how it came to be.
    """
    sample, log = labelling.sample, labelling.log
    people: list[Json] = []
    for name in log.annotators():
        done = [one for one in log.read(name).values() if one.done]
        people.append(
            {
                "name": name,
                "done": len(done),
                "cannot_tell": sum(one.label == CANNOT_TELL for one in done),
                "taken": sum(one.taken is not None for one in done),
                "after_judge": sum(one.after_judge for one in done),
            }
        )
    labels = read_labels(labelling.run, sample.metric)
    own = labels is not None and labels.sample is not None and labels.sample.digest == sample.digest
    agreement = agreement_of(labels) if own and labels is not None and labels.labels else None
    mean = _estimate(labelling)
    if note and own and mean is not None:
        _note_estimate(labelling, mean)
    return {
        "total": len(sample.to_label),
        "annotators": people,
        "attached": own,
        "agreement": None
        if agreement is None
        else {
            "alpha": agreement.interval.point,
            "low": agreement.interval.low,
            "high": agreement.interval.high,
            "questions": agreement.interval.n,
        },
        "disagreements": len(find_disagreements(labelling)),
        "estimate": None if mean is None else estimate_to_json(mean),
        "narrowing": _estimates(labelling),
    }


def find_disagreements(labelling: Labelling, viewer: str = "") -> list[dict[str, Json]]:
    """The questions on which people gave different labels, in the sample's order: what each said, and what was settled.

    Somebody who takes part in the labelling sees only those that they have decided themselves.
    """
    decided = {name: labelling.log.read(name) for name in labelling.log.annotators()}
    settled = labelling.settled.read()
    found: list[dict[str, Json]] = []
    for number, question in enumerate(labelling.sample.to_label):
        said = {name: one[question] for name, one in decided.items() if question in one and one[question].done}
        if len({one.label for one in said.values() if one.taken is None}) < 2 or (
            viewer in decided and viewer not in said
        ):
            continue
        who, decision = settled.get(question, ("", None))
        found.append(
            {
                "number": number,
                "question_id": question,
                "question": labelling.item_of(question).question.text,
                "said": [_said(name, one) for name, one in said.items()],
                "settled": None if decision is None else _said(who, decision),
            }
        )
    return found


def disagreement(labelling: Labelling, viewer: str, number: int) -> dict[str, Json]:
    """The item of that number with what each said; raises DeclarationError where nobody disagrees, or it is hidden."""
    for one in find_disagreements(labelling, viewer):
        if one["number"] == number:
            return {**labelling.item_of(str(one["question_id"])).to_json(), **one}
    raise DeclarationError(f"number: found {number}, expected a question on which annotators disagree")


def settle(labelling: Labelling, annotator: str, question_id: str, given: Mapping[str, object]) -> dict[str, Json]:
    """Store on what a named person settled a disagreement; `given` as for `Labelling.decide`.

    Raises DeclarationError for a question on which there is none, and for a verdict that is not complete.
    """
    name = annotator_name(annotator)
    if not any(one["question_id"] == question_id for one in find_disagreements(labelling, name)):
        raise DeclarationError(f"question_id: found {question_id!r}, expected a question on which annotators disagree")
    decision = labelling.checked(question_id, given)
    if not decision.done:
        raise DeclarationError("label: found none, expected a verdict that is complete")
    labelling.settled.append(name, decision)
    return _said(name, decision)


def _said(name: str, decision: Decision) -> dict[str, Json]:
    return {
        "annotator": name,
        "label": decision.label,
        "verdicts": [*decision.verdicts],
        "comment": decision.comment,
    }


def _with_others(labelling: Labelling, rows: list[LabelRow], there: MetricLabels) -> list[LabelRow]:
    """With the labels of people who have no decisions here."""
    here = {row.annotator for row in rows}
    sample, place = labelling.sample, f"{labelling.run.path}/labels"

    def row(question: str, annotator: str, human: HumanLabel | None) -> LabelRow:
        return LabelRow(place, sample.run, sample.digest, sample.metric, question, annotator, human)

    others = [row(one.question_id, one.annotator, one) for one in there.labels if one.annotator not in here]
    seen = {one.question_id for one in (*rows, *others)}
    silent = [row(question, "", None) for question in there.cannot_tell if question not in seen]
    by_settled = {one.question_id for one in rows if one.settles}
    settled = [
        LabelRow(
            place,
            sample.run,
            sample.digest,
            sample.metric,
            one.question_id,
            one.annotator,
            None if one.label is None else HumanLabel(one.question_id, one.label, one.annotator),
            settles=True,
        )
        for one in there.settled
        if one.question_id not in by_settled
    ]
    return rows + others + silent + settled


def _estimate(labelling: Labelling) -> Estimate | None:
    metric = labelling.sample.metric
    return labelled_estimate(labelling.run, metric, labelling.run.scores()[metric])


def _note_estimate(labelling: Labelling, mean: Estimate) -> None:
    path = labelling.folder.with_name(f"{labelling.folder.name}.estimates.jsonl")
    line: dict[str, Json] = {
        "n_labelled": mean.n_labelled,
        "mean": mean.point,
        "low": mean.low,
        "high": mean.high,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path):
        drop_torn_tail(path)
        before = _estimates(labelling)
        if not before or before[-1] != line:
            append_line(path, line)


def _estimates(labelling: Labelling) -> list[Json]:
    path = labelling.folder.with_name(f"{labelling.folder.name}.estimates.jsonl")
    return [*read_lines(path, _plain)]


def _plain(line: Mapping[str, Any]) -> Json:
    return {**line}
