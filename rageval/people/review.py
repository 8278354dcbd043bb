"""People review questions that a model wrote: accept, mend or reject, in a random order that is fixed beforehand.

`review.jsonl` in the benchmark's folder keeps every verdict, a line each. The questions follow it: accepted and mended
ones get the tag `verified`, rejected ones leave `questions.jsonl` and `labels.tsv` for `rejected.jsonl`. How good the
questions are is told from the reviewed beginning of the random order alone, as it was before anything was mended.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast, get_args

from rageval.benchmark.loading import load
from rageval.benchmark.reading import read_objects
from rageval.errors import BenchmarkError, DeclarationError, LabelFileError
from rageval.identity import fingerprint
from rageval.io.disk import locked
from rageval.io.line_log import append_line, drop_torn_tail, read_lines
from rageval.io.run_folder import replace_lines, replace_text
from rageval.people.decisions import now
from rageval.people.label_files import read_rows
from rageval.people.sheet import check_sheet_path, write_rows
from rageval.prompts import shown_question
from rageval.scores.random_order import in_random_order
from rageval.scores.sharing import find_sharing
from rageval.stats import mean_interval
from rageval.types import SYNTHETIC, Benchmark, Document, Json, Question

Verdict: TypeAlias = Literal["accept", "mend", "reject", "?"]

VERIFIED = "verified"
CANNOT_TELL = "?"
LOG = "review.jsonl"
REJECTED = "rejected.jsonl"
COLUMNS = (
    "question_id",
    "digest",
    "verdict",
    "annotator",
    "comment",
    "new_question",
    "new_reference",
    "instructions",
    "language",
    "question",
    "reference",
    "evidence",
)
REQUIRED = ("question_id", "digest", "verdict", "annotator")
INSTRUCTIONS = {
    "en": (
        "accept: the question is clear on its own, somebody could ask it, the evidence (of an unanswerable one: "
        "nothing in the documents) decides it, and the reference is right. mend: right once new_question or "
        "new_reference stand in its place. reject: anything else. ?: cannot tell."
    ),
    "zh": (
        "accept：问题本身清楚，确实会有人这样问，依据足以回答（无法回答的问题：文档中没有答案），参考答案正确。"
        "mend：换成 new_question 或 new_reference 之后就正确。reject：其他情况。?：无法判断。"
    ),
}
_DIGITS = 12
_AROUND = 200


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A person's verdict on one question as it was. `documents` are those of its evidence."""

    question_id: str
    verdict: Verdict
    annotator: str
    comment: str = ""
    documents: tuple[str, ...] = ()
    at: str = ""

    def to_json(self) -> dict[str, Json]:
        return {
            "question_id": self.question_id,
            "verdict": self.verdict,
            "annotator": self.annotator,
            "comment": self.comment,
            "documents": [*self.documents],
            "at": self.at,
        }


@dataclass(frozen=True, slots=True)
class Review:
    """What people said of a benchmark's written questions.

    `sampled` questions are the reviewed beginning of the random order; `counts` are their verdicts. `share`
    is that of accepted ones, with `low` and `high` at 95%: questions of one document are not independent, and those
    that nobody could judge count as wrong for `low` and as right for `high`. None where nothing is reviewed.
    `verified` of the `questions` that are there now have the tag; `waiting` more have no verdict.
    """

    sampled: int
    counts: Mapping[Verdict, int]
    share: float | None
    low: float | None
    high: float | None
    verified: int
    waiting: int
    questions: int

    @property
    def sentence(self) -> str:
        """One sentence for the card and the terminal."""
        if self.share is None:
            return f"none of the {self.questions} written questions has been reviewed by people"
        open_ones = f" ({self.counts[CANNOT_TELL]} could not be judged)" if self.counts[CANNOT_TELL] else ""
        return (
            f"{self.counts['accept']} of {self.sampled} sampled questions were right{open_ones}: {self.share:.2f} "
            f"[{self.low:.2f}, {self.high:.2f}]; verified ones {self.verified} of {self.questions}"
        )

    def to_json(self) -> dict[str, Json]:
        return {
            "sampled": self.sampled,
            "verdicts": {**self.counts},
            "right": self.share,
            "low": self.low,
            "high": self.high,
            "verified": self.verified,
            "waiting": self.waiting,
            "questions": self.questions,
            "sentence": self.sentence,
        }


def read_review(folder: Path) -> Review:
    """What has been reviewed of the benchmark in that folder. Raises DeclarationError where no model wrote any of its
    questions.
    """
    benchmark = _load(folder)
    said = _verdicts(folder)
    written = _written(benchmark)
    if not written and not said:
        raise DeclarationError(f"{folder}: found no question with the tag {SYNTHETIC!r}, expected some to review")
    sampled: list[Reviewed] = []
    for question_id in _order([*written, *said]):
        if question_id not in said:
            break
        sampled.append(said[question_id])
    counts = Counter[Verdict](one.verdict for one in sampled)
    share = low = high = None
    if sampled:
        numbers: dict[str, int] = {}
        documents = {
            one.question_id: tuple(numbers.setdefault(doc, len(numbers)) for doc in one.documents) for one in sampled
        }
        clusters = find_sharing(documents, [*documents]).clusters
        worst, best = (
            mean_interval([float(one.verdict in right) for one in sampled], clusters=clusters)
            for right in (("accept",), ("accept", CANNOT_TELL))
        )
        share, low, high = worst.point, worst.low, best.high
    return Review(
        len(sampled),
        {verdict: counts[verdict] for verdict in cast("tuple[Verdict, ...]", get_args(Verdict))},
        share,
        low,
        high,
        sum(VERIFIED in question.tags for question in written.values()),
        sum(question_id not in said for question_id in written),
        len(written),
    )


def write_review_sheet(folder: Path, n: int, path: Path) -> int:
    """Write the next `n` questions of the random order that have no verdict to a sheet, .csv or .jsonl; returns how
    many there are. Raises DeclarationError for n below 1, a sheet that is there, and where none is left.
    """
    if n < 1:
        raise DeclarationError(f"-n: found {n}, expected at least 1")
    check_sheet_path(path)
    benchmark = _load(folder)
    written, said = _written(benchmark), _verdicts(folder)
    chosen = [one for one in _order([*written, *said]) if one in written and one not in said][:n]
    if not chosen:
        found = "a verdict on every written question" if written else f"no question with the tag {SYNTHETIC!r}"
        raise DeclarationError(f"{folder}: found {found}, expected some to review")
    evidence = _evidence(benchmark)
    write_rows(path, COLUMNS, [_row(written[one], evidence.get(one, [])) for one in chosen])
    return len(chosen)


def take_review(folder: Path, paths: Sequence[Path]) -> Review:
    """Take in filled sheets: keep the verdicts, and mend, verify and remove questions. Rows without a verdict are left
    for later. Returns what is known then.

    Nothing changes if anything is wrong: raises LabelFileError with every problem of the sheets, BenchmarkError if a
    mended question would not load.
    """
    with locked(folder / LOG):
        benchmark = _load(folder)
        written, said, evidence = _written(benchmark), _verdicts(folder), _evidence(benchmark)
        problems: list[str] = []
        taken: dict[str, tuple[Reviewed, Mapping[str, str]]] = {}
        for path in paths:
            for place, fields in read_rows(path, problems, REQUIRED):
                cells = {name: str(value or "").strip() for name, value in fields.items()}
                if not cells.get("verdict"):
                    continue
                one = _checked(place, cells, written, evidence, said, problems)
                if one is not None and taken.setdefault(one.question_id, (one, cells))[1] is not cells:
                    problems.append(f"{place}: found {one.question_id!r} twice, expected one row for each question")
        if not problems and not taken:
            problems.append(f"{paths[0]}: found no verdict, expected at least one row that is filled in")
        if problems:
            raise LabelFileError(problems)
        _change_questions(folder, taken)
        drop_torn_tail(folder / LOG)
        for one, _ in taken.values():
            append_line(folder / LOG, one.to_json(), sync=True)
        review = read_review(folder)
        _write_card(folder / "card.yaml", review.sentence)
    return review


def _load(folder: Path) -> Benchmark:
    if not (folder / "questions.jsonl").is_file():
        raise DeclarationError(f"{folder}: found no questions.jsonl, expected the folder of a benchmark")
    return load(str(folder))


def _written(benchmark: Benchmark) -> dict[str, Question]:
    return {question.id: question for question in benchmark.questions if SYNTHETIC in question.tags}


def _order(questions: Sequence[str]) -> list[str]:
    return in_random_order(0, "review", dict.fromkeys(questions))


def _verdicts(folder: Path) -> dict[str, Reviewed]:
    """The verdicts by question; the last one counts."""

    def reviewed(row: Mapping[str, Any]) -> Reviewed:
        documents = tuple(row["documents"])
        return Reviewed(row["question_id"], row["verdict"], row["annotator"], row["comment"], documents, row["at"])

    return {one.question_id: one for one in read_lines(folder / LOG, reviewed)}


def _evidence(benchmark: Benchmark) -> dict[str, list[tuple[Document, int, int]]]:
    """The evidence of each question; a label without a span stands for the whole document."""
    documents = {document.id: document for document in benchmark.documents}
    found: dict[str, list[tuple[Document, int, int]]] = {}
    for label in benchmark.labels:
        if label.grade > 0:
            document = documents[label.doc_id]
            span = (label.start or 0, len(document.text) if label.end is None else label.end)
            found.setdefault(label.question_id, []).append((document, *span))
    return found


def _row(question: Question, evidence: Sequence[tuple[Document, int, int]]) -> dict[str, Json]:
    quotes: list[Json] = []
    for document, start, end in evidence:
        before, after = document.text[max(0, start - _AROUND) : start], document.text[end : end + _AROUND]
        quotes.append(f"[{document.id}] …{before}【{document.text[start:end]}】{after}…")
    return {
        **dict.fromkeys(COLUMNS, ""),
        "question_id": question.id,
        "digest": _digest(question, evidence),
        "instructions": INSTRUCTIONS["zh" if question.language.startswith("zh") else "en"],
        "language": question.language,
        "question": shown_question(question),
        "reference": question.references[0] if question.references else "",
        "evidence": quotes,
    }


def _digest(question: Question, evidence: Sequence[tuple[Document, int, int]]) -> str:
    """What a verdict is on: the question's text, its references, its evidence."""
    quotes: list[Json] = [[document.id, document.text[start:end]] for document, start, end in evidence]
    return fingerprint([shown_question(question), [*question.references], quotes])[:_DIGITS]


def _checked(
    place: str,
    cells: Mapping[str, str],
    written: Mapping[str, Question],
    evidence: Mapping[str, Sequence[tuple[Document, int, int]]],
    said: Mapping[str, Reviewed],
    problems: list[str],
) -> Reviewed | None:
    question_id, verdict = cells.get("question_id", ""), cells["verdict"].lower()
    question = written.get(question_id)
    if question is None:
        problems.append(f"{place}: found the question {question_id!r}, expected one with the tag {SYNTHETIC!r}")
        return None
    if question_id in said:
        problems.append(f"{place}: found a second verdict on {question_id!r}, expected one: it is reviewed already")
        return None
    found = evidence.get(question_id, [])
    if cells.get("digest") != _digest(question, found):
        problems.append(f"{place}: found that {question_id!r} has changed since the sheet was written: write it again")
        return None
    if verdict not in get_args(Verdict):
        expected = ", ".join(get_args(Verdict))
        problems.append(f"{place}: found the verdict {cells['verdict']!r}, expected one of {expected}")
        return None
    changes = [name for name in ("new_question", "new_reference") if cells.get(name)]
    if (verdict == "mend") != bool(changes):
        told = f"{' and '.join(changes) or 'no change'} with the verdict {verdict}"
        problems.append(f"{place}: found {told}, expected new_question or new_reference with mend, and only there")
        return None
    documents = tuple(dict.fromkeys(document.id for document, _, _ in found))
    return Reviewed(
        question_id, cast("Verdict", verdict), cells.get("annotator", ""), cells.get("comment", ""), documents, now()
    )


def _change_questions(folder: Path, taken: Mapping[str, tuple[Reviewed, Mapping[str, str]]]) -> None:
    """Replace the files of questions and labels; they are as they were if the result would not load."""
    questions, labels = folder / "questions.jsonl", folder / "labels.tsv"
    before = {path: path.read_text(encoding="utf-8") for path in (questions, labels) if path.is_file()}
    problems: list[str] = []
    kept: list[str] = []
    rejected: list[dict[str, Json]] = []
    for _, fields in read_objects(questions, problems):
        entry = cast("dict[str, Any]", fields)
        found = taken.get(entry["id"])
        if found is None or found[0].verdict == CANNOT_TELL:
            kept.append(_json_line(entry))
        elif found[0].verdict == "reject":
            rejected.append({**entry, "rejected": found[0].comment or "without a comment"})
        else:
            kept.append(_json_line(_verified(entry, found[1])))
    try:
        replace_lines(questions, kept)
        if labels in before:
            replace_text(labels, _without(before[labels], {str(one["id"]) for one in rejected}))
        load(str(folder))
    except BenchmarkError:
        for path, text in before.items():
            replace_text(path, text)
        raise
    for one in rejected:
        append_line(folder / REJECTED, one, sync=True)


def _verified(entry: Mapping[str, Any], cells: Mapping[str, str]) -> dict[str, Any]:
    changed = {**entry, "tags": [*entry.get("tags", ()), VERIFIED]}
    if cells.get("new_question"):
        changed["text"] = cells["new_question"]
    if cells.get("new_reference"):
        changed["references"] = [cells["new_reference"], *entry.get("references", ())[1:]]
    return changed


def _without(table: str, questions: set[str]) -> str:
    """A table of labels without the rows of these questions."""
    lines = table.splitlines(keepends=True)
    column = next(csv.reader(io.StringIO(lines[0]), delimiter="\t", quoting=csv.QUOTE_NONE)).index("question_id")
    return "".join([lines[0], *(line for line in lines[1:] if line.split("\t")[column].strip() not in questions)])


def _json_line(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n"


def _write_card(path: Path, sentence: str) -> None:
    """Put the sentence under the key `review`, and leave the rest of the card as people wrote it."""
    lines = path.read_text(encoding="utf-8").splitlines()
    rest = [line for line in lines if not line.startswith("review:")]
    replace_text(path, "\n".join([*rest, f"review: {json.dumps(sentence, ensure_ascii=False)}"]) + "\n")
