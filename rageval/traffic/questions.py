"""Questions of a benchmark out of a log: those that were asked alike joined, to be labelled."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from rageval.corpus.benchmark_folder import DOCUMENTS, QUESTIONS, write_benchmark
from rageval.corpus.check import need_checks
from rageval.corpus.checks.duplicates import exact_duplicates, near_duplicates
from rageval.errors import DeclarationError
from rageval.io.disk import write_atomically
from rageval.io.line_log import encode_text
from rageval.io.turns import turns_to_json
from rageval.traffic.record import LoggedAnswer
from rageval.traffic.sampling import draw
from rageval.types import Card, Document, Json, Question

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass
class AskedQuestion:
    """A question and how often it was asked, also in other words; `strata` counts the values of the field."""

    question: Question
    asked: int = 0
    strata: Counter[str] = field(default_factory=Counter[str])
    days: set[str] = field(default_factory=set[str])

    @property
    def stratum(self) -> str:
        """The most frequent value."""
        return self.strata.most_common(1)[0][0] if self.strata else ""

    def add(self, other: AskedQuestion) -> None:
        self.asked += other.asked
        self.strata += other.strata
        self.days |= other.days


@dataclass(frozen=True, slots=True)
class FromLog:
    """What became of a log: `answers` read, `exact` and `near` joined to earlier ones, `questions` that differ, of
    which `written` were written. `documents` is how many were written with them, 0 where the folder had its own.
    `strata` has the questions that differ, and those written, by value.
    """

    answers: int
    exact: int
    near: int
    questions: int
    written: int
    documents: int
    strata: dict[str, tuple[int, int]]

    def to_json(self) -> dict[str, Json]:
        return {
            "answers": self.answers,
            "exact_duplicates": self.exact,
            "near_duplicates": self.near,
            "questions": self.questions,
            "written": self.written,
            "documents": self.documents,
            "strata": {name: {"questions": n, "written": kept} for name, (n, kept) in self.strata.items()},
        }


def questions_from_log(
    log: Iterable[LoggedAnswer], folder: Path, *, name: str, strata: str | None, sample: int | None, seed: int
) -> FromLog:
    """Write the questions of a log into a benchmark folder, each once, with how often it was asked, its values of the
    field `strata` and its days as metadata, for people to label.

    Questions are joined where white space, case and the like alone differ, or where they share most runs of three words
    and all numbers; within conversations only where all turns are alike. Of more than `sample` some are drawn at
    random, from each value of `strata` five at least. Where the folder has no documents, the passages of the log are
    its documents. All different questions are in memory.

    Raises DeclarationError where the folder has questions already, MissingExtraError without the extra `corpus`.
    """
    need_checks()
    path = folder / QUESTIONS
    if path.is_file() and path.read_text(encoding="utf-8").strip():
        raise DeclarationError(f"{path}: found questions, expected none: give another folder")
    own_documents = (folder / DOCUMENTS).is_file()
    found: dict[str, AskedQuestion] = {}
    passages: dict[str, dict[str, None]] = {}
    answers = 0
    for answer in log:
        answers += 1
        _count(found, answer, strata)
        if not own_documents:
            for hit in answer.response.hits:
                if hit.passage.text.strip():
                    passages.setdefault(hit.passage.doc_id, {})[hit.passage.text] = None
    questions, exact, near = _joined([*found.values()])
    exact += answers - len(found)
    drawn = draw([one.stratum for one in questions], sample, seed)
    kept = [questions[int(place)] for place in drawn.taken]
    documents = [Document(name, "\n\n".join(texts)) for name, texts in passages.items()]
    card = Card(name, f"Questions that users asked, out of a log of {answers:,} answers", source="a log")
    if not own_documents:
        if not documents:
            raise DeclarationError(
                f"{folder / DOCUMENTS}: found no documents, and no passages in the log, expected one of them: `rageval "
                "init` makes a benchmark folder of your documents"
            )
        write_benchmark(folder, documents, card)
    lines = "".join(json.dumps(_row(one, strata), ensure_ascii=False) + "\n" for one in kept)
    write_atomically(path, encode_text(lines))
    sizes, taken = drawn.design.sizes.tolist(), drawn.design.drawn.tolist()
    counts = dict(zip(drawn.names, zip(sizes, taken, strict=True), strict=True)) if strata else {}
    return FromLog(answers, exact, near, len(questions), len(kept), len(documents), counts)


def _count(found: dict[str, AskedQuestion], answer: LoggedAnswer, strata: str | None) -> None:
    key = _words(answer.question)
    one = found.setdefault(key, AskedQuestion(answer.question))
    one.asked += 1
    if strata is not None:
        one.strata[answer.groups[strata]] += 1
    if answer.day:
        one.days.add(answer.day)


def _words(question: Question) -> str:
    return "\n".join([*(turn.text for turn in question.history), question.text])


def _joined(questions: list[AskedQuestion]) -> tuple[list[AskedQuestion], int, int]:
    """Each question once, the first wording of it, and how many were exact and near duplicates of others."""
    documents = [
        Document(str(place), _words(one.question), language=one.question.language)
        for place, one in enumerate(questions)
    ]
    exact = exact_duplicates(documents)
    left = [one for one in documents if one.id not in exact and not questions[int(one.id)].question.history]
    near = {
        one: other
        for one, other, _ in near_duplicates(left)
        if _numbers(documents[int(one)]) == _numbers(documents[int(other)])
    }
    to = {**exact, **near}
    for one in reversed(documents):  # a duplicate's own duplicates first
        if one.id in to:
            questions[int(to[one.id])].add(questions[int(one.id)])
    return [questions[int(one.id)] for one in documents if one.id not in to], len(exact), len(near)


def _numbers(document: Document) -> list[str]:
    return sorted(_NUMBER.findall(document.text))


def _row(one: AskedQuestion, strata: str | None) -> dict[str, Json]:
    question = one.question
    about: dict[str, Json] = {"asked": one.asked}
    if strata is not None:
        about[strata] = one.stratum
    if one.days:
        about |= {"first_day": min(one.days), "last_day": max(one.days)}
    row: dict[str, Json] = {"id": question.id, "text": question.text, "language": question.language, "metadata": about}
    return {**row, "history": turns_to_json(question.history)} if question.history else row
