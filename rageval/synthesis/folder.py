"""The folder of a synthesised benchmark: its files in rageval's format, and the log of all attempts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from rageval.benchmark.labels import write_labels
from rageval.errors import DeclarationError
from rageval.io.disk import locked, write_atomically
from rageval.io.line_log import append_line, drop_torn_tail, read_lines
from rageval.io.turns import read_turns, turns_to_json
from rageval.synthesis.attempts import Attempt
from rageval.synthesis.kinds import KINDS
from rageval.types import (
    SYNTHETIC,
    UNANSWERABLE,
    Benchmark,
    Card,
    Document,
    Json,
    Passage,
    Question,
    RelevanceLabel,
)

JOB = "synthesis.json"
LOG = "synthesis.jsonl"
_FEW_RANKS = 3
_QUESTIONS = "questions.jsonl"
_WRITTEN = "written"


@dataclass(frozen=True)
class Folder:
    """Where a benchmark is written. `documents` are those of the corpus, by id."""

    path: Path
    documents: Mapping[str, Document]

    def check(self, job: Mapping[str, Json]) -> None:
        """Raises DeclarationError where the folder holds anything but the same job, finished or not, and where its
        questions are not those that were written: people may have reviewed them. A job with more attempts goes on.
        """
        about = self._about()
        if about is None:
            if self.path.is_file() or (self.path.is_dir() and any(self.path.iterdir())):
                raise DeclarationError(
                    f"{self.path}: found other content there, expected no such folder, an empty one, or one of the "
                    "same synthesis: choose another --out"
                )
            return
        found = about["job"]
        changed = [key for key in {**job, **found} if job.get(key) != found.get(key)]
        if "attempts" in changed and cast("int", job["attempts"]) > found["attempts"]:
            changed.remove("attempts")
        if changed:
            raise DeclarationError(
                f"{self.path}: found a synthesis with another {', '.join(changed)}, expected the same one to go on "
                "with: choose another --out"
            )
        questions = self.path / _QUESTIONS
        if questions.is_file() and _digest(questions.read_text(encoding="utf-8")) not in about[_WRITTEN]:
            raise DeclarationError(
                f"{questions}: found it changed since it was written, by a review or by hand, expected it unchanged: "
                "it would be written anew; choose another --out"
            )

    def locked(self, job: Mapping[str, Json]) -> AbstractContextManager[None]:
        """Hold the folder against other processes; it is made where there is none, with the job in it."""
        self.path.mkdir(parents=True, exist_ok=True)
        about = self._about() or {_WRITTEN: []}
        if about.get("job") != job:
            self._write_about({**about, "job": {**job}})
        return locked(self.path / LOG)

    def read(self) -> dict[tuple[int, int], Attempt]:
        """The attempts made so far, by slot and number; of several the last one counts."""
        drop_torn_tail(self.path / LOG)
        log = read_lines(self.path / LOG, lambda data: Attempt.from_json(data, self.documents))
        return {(one.slot, one.attempt): one for one in log}

    def add(self, attempt: Attempt) -> None:
        """Append an attempt to the log."""
        append_line(self.path / LOG, attempt.to_json())

    def write(
        self, benchmark: Benchmark, kept: Sequence[Attempt], provenance: Mapping[str, Json], *, keep_questions: bool
    ) -> list[str]:
        """Write the benchmark with the questions of these attempts; returns their ids, in that order.

        With `keep_questions` the questions and labels of `benchmark` come first. Files are replaced one by one.
        """
        pairs = [to_question(one, provenance) for one in kept]
        questions, labels = list[dict[str, Json]](), list[RelevanceLabel]()
        if keep_questions:
            labels += benchmark.labels
            questions += [_question_to_json(question) for question in benchmark.questions]
        for question, own in pairs:
            marked = [label for label in own if label.start is not None]
            labels += [label for label in own if label.start is None]
            evidence: list[Json] = [self._evidence(label) for label in marked]
            questions.append({**_question_to_json(question), "evidence": evidence})
        documents = _as_lines(map(_document_to_json, benchmark.documents))
        write_atomically(self.path / "documents.jsonl", documents)
        text = _as_lines(questions)
        about = self._about() or {}
        self._write_about({**about, _WRITTEN: [*about.get(_WRITTEN, [])[-1:], _digest(text)]})  # valid before and after
        write_atomically(self.path / _QUESTIONS, text)
        if labels:
            write_labels(self.path / "labels.tsv", labels)
        else:
            (self.path / "labels.tsv").unlink(missing_ok=True)
        card = _card(benchmark.card, len(kept))
        write_atomically(self.path / "card.yaml", yaml.safe_dump(card, allow_unicode=True, sort_keys=False))
        return [question.id for question, _ in pairs]

    def _about(self) -> dict[str, Any] | None:
        path = self.path / JOB
        if not path.is_file():
            return None
        try:
            data = cast("dict[str, Any]", json.loads(path.read_text(encoding="utf-8")))
            return {"job": dict(data["job"]), _WRITTEN: list(data[_WRITTEN])}
        except (ValueError, KeyError, TypeError) as error:
            raise DeclarationError(f"{path}: cannot be read ({error}), expected a job: choose another --out") from None

    def _write_about(self, about: Mapping[str, Json]) -> None:
        write_atomically(self.path / JOB, json.dumps(about, ensure_ascii=False, indent=1) + "\n")

    def _evidence(self, label: RelevanceLabel) -> dict[str, Json]:
        """A label as evidence with its quote."""
        quote = self.documents[label.doc_id].text[label.start : label.end]
        part: dict[str, Json] = {"part": label.part} if label.part else {}
        place: dict[str, Json] = {"doc_id": label.doc_id, "quote": quote, "start": label.start, "end": label.end}
        return {**place, "grade": label.grade, **part}


def to_question(attempt: Attempt, provenance: Mapping[str, Json]) -> tuple[Question, list[RelevanceLabel]]:
    """The question of an attempt that was kept, and its labels. The id depends on kind and text alone.

    A follow-up is asked as one says it in a talk, with the turns before it as history; its metadata have the
    `self_contained` question.
    """
    draft = attempt.draft
    assert draft is not None
    kind = attempt.kind
    question_id = f"syn-{_digest(f'{kind}:{draft.text}')[:12]}"
    answerable = KINDS[kind].answerable
    tags = [kind, SYNTHETIC, *([difficulty(attempt)] if answerable else [])]
    if not answerable and UNANSWERABLE not in tags:
        tags.append(UNANSWERABLE)
    about: dict[str, Json] = {
        **provenance,
        "kind": kind,
        "prompts": [*draft.prompts],
        "attempt": attempt.attempt,
        "source": attempt.source.id,
        "documents": [*dict.fromkeys(piece.doc_id for piece in draft.evidence)],
    }
    references = draft.references or ((draft.answer,) if draft.answer else ())
    metadata: dict[str, Json] = {"synthesis": about, **draft.details}
    text, history = draft.text, read_turns(metadata.pop("history", []))
    if history:
        text, metadata["self_contained"] = str(metadata.pop("said")), draft.text
    question = Question(question_id, text, draft.language, references, tuple(tags), metadata, history)
    return question, _labels(question_id, draft.evidence, attempt.others, 1 if answerable else 0)


def difficulty(attempt: Attempt) -> str:
    """`easy` where a search finds all evidence among its first three passages, `medium` where among the first ten,
    else `hard`.
    """
    if attempt.rank is None:
        return "hard"
    return "easy" if attempt.rank <= _FEW_RANKS else "medium"


def _labels(
    question_id: str, evidence: Sequence[Passage], others: Sequence[Passage], grade: int
) -> list[RelevanceLabel]:
    """A part for each piece of evidence. Other passages that answer are alternatives to a single piece; beside several
    pieces their documents are labelled without a span, since such a passage stands for no one piece.
    """
    single = len(evidence) == 1
    found = {
        (piece.doc_id, piece.start, piece.end): RelevanceLabel(
            question_id, piece.doc_id, grade, piece.start, piece.end, "1" if single else str(number)
        )
        for number, piece in enumerate(evidence, 1)
    }
    documents = {piece.doc_id for piece in evidence}
    for one in others:
        if single:
            label = RelevanceLabel(question_id, one.doc_id, grade, one.start, one.end, "1")
            found.setdefault((one.doc_id, one.start, one.end), label)
        elif one.doc_id not in documents:
            documents.add(one.doc_id)
            found[one.doc_id, -1, -1] = RelevanceLabel(question_id, one.doc_id, grade)
    return [*found.values()]


def _as_lines(lines: Iterable[Mapping[str, Json]]) -> str:
    return "".join(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n" for line in lines)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _document_to_json(document: Document) -> dict[str, Json]:
    given: dict[str, Json] = {"id": document.id, "title": document.title, "text": document.text}
    metadata: dict[str, Json] = {"metadata": {**document.metadata}} if document.metadata else {}
    return {**given, "language": str(document.language), **metadata}


def _question_to_json(question: Question) -> dict[str, Json]:
    return {
        "id": question.id,
        "text": question.text,
        "language": str(question.language),
        "references": [*question.references],
        "tags": [*question.tags],
        "metadata": {**question.metadata},
        **({"history": turns_to_json(question.history)} if question.history else {}),
    }


def _card(card: Card, n: int) -> dict[str, str]:
    return {
        "name": f"{card.name}-synthetic",
        "description": f"{n} generated questions about the documents of {card.name}",
        "license": card.license,
        "source": f"rageval synthesise {card.name}" + (f" ({card.source})" if card.source else ""),
    }
