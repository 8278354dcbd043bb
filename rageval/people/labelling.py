"""People label a drawn sample answer by answer: the queue, what they decide, and the number that follows.

Every decision is on the disk before the next one is asked for (`rageval.people.decisions`). The order is that of the
sample, and nobody jumps forward, so what is labelled is a random sample at any time. Labels reach the run as those of
`rageval label` do, with the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from rageval.errors import DeclarationError
from rageval.io.run_folder import RunFolder
from rageval.people.decisions import CANNOT_TELL, Decision, DecisionLog, Mark, annotator_name, checked_comment, now
from rageval.people.earlier_labels import earlier_labels
from rageval.people.label_files import LabelRow
from rageval.people.labelling_items import LabellingItem, SampleItems
from rageval.people.parts import SAID, Said
from rageval.people.settling import SettledLog
from rageval.scores.human_labels import HumanLabel, answer_digests
from rageval.scores.samples import Sample, sample_from_json
from rageval.scores.scored_questions import read_scored_questions
from rageval.types import Json

_MOST_MARKS = 100


def open_labelling(run: RunFolder, digest: str, others: Iterable[Path] = ()) -> Labelling:
    """The work on the sample of that digest. `others` are run folders whose labels of the same answers are offered.

    Raises DeclarationError where the run has no such sample, or answers have changed since it was drawn.
    """
    for sample in map(sample_from_json, run.samples()):
        if sample.digest == digest:
            return Labelling(run, sample, others)
    raise DeclarationError(f"{run.path}: found no sample {digest!r}, expected one of `rageval sample`")


class Labelling:
    """The work on one sample of a run: any number of people, each by name."""

    def __init__(self, run: RunFolder, sample: Sample, others: Iterable[Path] = ()) -> None:
        scored = read_scored_questions(run, sample.metric)
        answers = answer_digests(run.outcomes())
        changed = [q for q in sample.to_label if answers.get(q) != sample.answers[q] or q not in scored.scores]
        if changed:
            raise DeclarationError(
                f"{run.path}: found the sample {sample.digest} of {sample.metric}, drawn before {len(changed)} of its "
                f"answers changed ({', '.join(changed[:3])}), expected a sample of the answers as they are"
            )
        self.run = run
        self.sample = sample
        self.folder = run.labelling_path(sample.metric, sample.digest)
        self.log = DecisionLog(self.folder, sample)
        self.settled = SettledLog(self.folder, sample)
        self._items = SampleItems(run, sample)
        self._judged: Mapping[str, float] = scored.scores
        self._earlier = earlier_labels(run, sample, others, self.settled.replaced_labels())
        self._numbers = {question: number for number, question in enumerate(sample.to_label)}

    def position(self, annotator: str) -> int:
        """The number, from 0, of the first item that the person has not decided; the number of items at the end."""
        return _first_undecided(self.sample.to_label, self.log.read(annotator))

    def state(self, annotator: str) -> dict[str, Json]:
        """Where a person is: what they decided, in order."""
        decisions = self.log.read(annotator)
        position = _first_undecided(self.sample.to_label, decisions)
        done = [decisions[question] for question in self.sample.to_label[:position]]
        return {
            "run": self.sample.run,
            "metric": self.sample.metric,
            "sample": self.sample.digest,
            "annotator": annotator,
            "total": len(self.sample.to_label),
            "position": position,
            "labels": [_shown(one) for one in done],
        }

    def item(self, annotator: str, number: int) -> dict[str, Json]:
        """The item of that number (from 0) with the person's decision on it. The judge's opinion comes with it only
        where the person has decided.

        Raises DeclarationError for a number beyond the first item that is not decided.
        """
        decisions = self.log.read(annotator)
        question_id = self._question_at(number, decisions)
        decision = decisions.get(question_id)
        return {
            "number": number,
            "total": len(self.sample.to_label),
            **self.item_of(question_id).to_json(),
            **self._after(question_id, decision),
        }

    def item_of(self, question_id: str) -> LabellingItem:
        """What people see of a drawn question's answer."""
        return self._items.item(question_id)

    def decide(self, annotator: str, question_id: str, given: Mapping[str, object]) -> dict[str, Json]:
        """Store what a person decided so far on an item; returns the decision and, where it is done, the judge's
        opinion.

        `given` has `verdicts` (of the pieces, in order; null where there is none yet) or else `label` (a number, "?" or
        null), and may have `comment`, `evidence` (marks) and `take` (true: take over the labels that the same answer
        has elsewhere). Raises DeclarationError for anything else, and for an item that is not their turn yet.
        """
        annotator = annotator_name(annotator)
        decisions = self.log.read(annotator)
        number = self._numbers.get(question_id)
        if number is None:
            raise DeclarationError(f"question_id: found {question_id!r}, expected a question of the sample")
        self._question_at(number, decisions)
        before = decisions.get(question_id)
        decision = self.checked(question_id, given)
        if given.get("take"):
            taken = self._earlier.get(question_id)
            if taken is None:
                raise DeclarationError(f"take: found {question_id!r}, whose answer has no label elsewhere")
            decision = replace(decision, label=None, verdicts=(), taken=taken)
        if before is not None and before.done:
            if not decision.done:
                raise DeclarationError("label: found none, expected another one in the place of that there is")
            changed = (before.label, before.taken) != (decision.label, decision.taken)
            decision = replace(decision, after_judge=before.after_judge or changed)
        self.log.append(annotator, decision)
        return self._after(question_id, decision)

    def checked(self, question_id: str, given: Mapping[str, object]) -> Decision:
        """The decision that `given` describes. Raises DeclarationError as `decide`."""
        item = self.item_of(question_id)
        verdicts: tuple[Said | None, ...] = ()
        if item.kind == "pieces" and "verdicts" in given:
            verdicts = _verdicts(given["verdicts"], len(item.pieces))
            label = self._label_of(question_id, verdicts)
        else:
            label = _label(given.get("label"), binary=item.kind == "yes or no")
        evidence = _marks(given.get("evidence", []), item)
        comment = checked_comment(given.get("comment", ""))
        return Decision(question_id, label, verdicts, comment, evidence, at=now())

    def rows(self) -> list[LabelRow]:
        """What everybody decided, by name and in the sample's order: as the rows of filled-in sheets, one for each
        person. Labels taken over count as those of the people who gave them.
        """
        by_person: dict[str, dict[str, LabelRow]] = {}
        taken: list[LabelRow] = []
        for annotator in self.log.annotators():
            own = by_person.setdefault(annotator, {})
            for question_id, decision in self.log.read(annotator).items():
                if question_id not in self._numbers:
                    continue
                if decision.taken is not None:
                    taken += [self._row(question_id, name, label) for name, label in decision.taken.labels]
                elif decision.label is not None:
                    own[question_id] = self._row(question_id, annotator, _number(decision.label))
        for row in taken:
            by_person.setdefault(row.annotator, {}).setdefault(row.question_id, row)
        rows = [
            of_person[question]
            for _, of_person in sorted(by_person.items())
            for question in self.sample.to_label
            if question in of_person
        ]
        labelled = {row.question_id for row in rows if row.human is not None}
        settled = self.settled.read()
        return rows + [
            replace(self._row(question, name, _number(decision.label)), settles=True)
            for question in self.sample.to_label
            if question in labelled and (found := settled.get(question)) is not None
            for name, decision in [found]
            if decision.label is not None
        ]

    def _row(self, question_id: str, annotator: str, label: float | None) -> LabelRow:
        human = None if label is None else HumanLabel(question_id, label, annotator)
        sample = self.sample
        return LabelRow(
            f"{self.folder}: {annotator}", sample.run, sample.digest, sample.metric, question_id, annotator, human
        )

    def _question_at(self, number: int, decisions: Mapping[str, Decision]) -> str:
        questions = self.sample.to_label
        last = min(_first_undecided(questions, decisions), len(questions) - 1)
        if not 0 <= number <= last:
            raise DeclarationError(f"number: found {number}, expected 0 to {last}: the order is that of the sample")
        return questions[number]

    def _label_of(self, question_id: str, verdicts: Sequence[Said | None]) -> float | str | None:
        said: list[Said] = [one for one in verdicts if one is not None]
        if len(said) < len(verdicts):
            return None
        number = self._items.number(question_id, said)
        return CANNOT_TELL if number is None else number

    def _after(self, question_id: str, decision: Decision | None) -> dict[str, Json]:
        done = decision is not None and decision.done
        offered = self._earlier.get(question_id)
        return {
            "decision": None if decision is None else _shown(decision),
            "earlier": None
            if offered is None
            else {"run": offered.run, "annotators": [name for name, _ in offered.labels]},
            "judge": self._items.judge_opinion(question_id, self._judged[question_id]) if done else None,
        }


def _first_undecided(questions: Sequence[str], decisions: Mapping[str, Decision]) -> int:
    for number, question in enumerate(questions):
        if question not in decisions or not decisions[question].done:
            return number
    return len(questions)


def _shown(decision: Decision) -> dict[str, Json]:
    taken: Json = None
    if decision.taken is not None:
        taken = {"run": decision.taken.run, "labels": [[name, label] for name, label in decision.taken.labels]}
    return {
        "question_id": decision.question_id,
        "label": decision.label,
        "verdicts": [*decision.verdicts],
        "comment": decision.comment,
        "evidence": [{"doc_id": one.doc_id, "start": one.start, "end": one.end} for one in decision.evidence],
        "taken": taken,
        "done": decision.done,
    }


def _number(label: float | str | None) -> float | None:
    return label if isinstance(label, float) else None


def _verdicts(given: object, n: int) -> tuple[Said | None, ...]:
    verdicts = cast("list[object]", given) if isinstance(given, list) else []
    if len(verdicts) != n or not all(one is None or one in SAID for one in verdicts):
        raise DeclarationError(f"verdicts: found {given!r:.80}, expected {n} of {', '.join(SAID)} or null")
    return tuple(cast("list[Said | None]", verdicts))


def _label(given: object, *, binary: bool) -> float | str | None:
    if given is None or given == CANNOT_TELL:
        return CANNOT_TELL if given == CANNOT_TELL else None
    number = float(given) if isinstance(given, int | float) and not isinstance(given, bool) else -1.0
    if not 0.0 <= number <= 1.0 or (binary and number not in (0.0, 1.0)):
        wanted = "0 or 1" if binary else "a number from 0 to 1"
        raise DeclarationError(f"label: found {given!r:.80}, expected {wanted}, ? or null")
    return number


def _marks(given: object, item: LabellingItem) -> tuple[Mark, ...]:
    listed = cast("list[object]", given) if isinstance(given, list) else [given]
    found = [_mark(one) for one in listed]
    for one, mark in zip(listed, found, strict=True):
        if mark is None or not item.holds(mark) or len(found) > _MOST_MARKS:
            raise DeclarationError(
                f"evidence: found {one!r:.80}, expected at most {_MOST_MARKS} spans of the passages: doc_id, start, end"
            )
    return tuple(dict.fromkeys(mark for mark in found if mark is not None))


def _mark(given: object) -> Mark | None:
    fields = cast("dict[str, object]", given) if isinstance(given, dict) else {}
    doc_id, start, end = fields.get("doc_id"), fields.get("start"), fields.get("end")
    if isinstance(doc_id, str) and isinstance(start, int) and isinstance(end, int):
        return Mark(doc_id, int(start), int(end))
    return None
