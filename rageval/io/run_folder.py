"""The run folder: everything one pipeline did on one benchmark, written as it happens.

    manifest.json            what was run: pipeline, models, prompts, benchmark hash, seed, versions, commit, usage
    questions.jsonl          the questions asked, with digest, grades of labels and spans of evidence
    responses.jsonl          a line per question: the response, or the failure
    judgments/<judge>.jsonl  a line per question: what that judge said, and what it cost
    indexing.jsonl           a line per index that model calls helped to build: what those cost
    scores.json              per metric: estimate, score per question, reasons for those unscored
    repeats/2/               where questions are asked several times: responses.jsonl, judgments/ and indexing.jsonl of
                             the second answers; repeats/3/ of the third ones
    samples/<metric>-<digest>.json  a random sample drawn for people to label
    labels/<metric>.json     what people said, and whether it may be used
    labelling/<metric>-<digest>/  what each person decided on the page, key by key

The JSONL files are only appended to, a line at a time, each in one write; a line torn by a kill is dropped at the next
start. They are read line by line as well (`LineLog`), so that a run of any size takes little memory. The JSON files are
replaced atomically. No file ever holds NaN.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rageval.errors import DeclarationError
from rageval.io.disk import held_folder, named_in_errors
from rageval.io.line_log import LineLog, append_line, drop_torn_tail, encode_text, read_lines
from rageval.io.records import (
    Outcome,
    digest_from_json,
    evidence_from_json,
    judgment_from_json,
    judgment_to_json,
    outcome_from_json,
    outcome_to_json,
    question_from_json,
    usage_from_json,
    usage_to_json,
)
from rageval.io.stored import REMEDY, Stored
from rageval.types import Document, Json, Judgment, Question, RelevanceLabel, Usage

if TYPE_CHECKING:
    from rageval.io.frames import DataFrame
    from rageval.io.run_frames import RunFrame

FORMAT = 3
_LOCK = ".lock"
_REPEATS = "repeats"


class RunFolder:
    """One run on disk; a path that starts with `~` is in the home folder.

    `documents` (by id) give hits their texts back; without them only those that the generator read have one.
    """

    def __init__(self, path: str | Path, documents: Mapping[str, Document] | None = None) -> None:
        self.path = Path(path).expanduser()
        self._documents = documents or {}
        self._numbers: dict[str, int] = {}

    @contextmanager
    def locked(self) -> Generator[None]:
        """Hold the folder for writing. Raises DeclarationError where another process holds it or nobody may write."""
        with held_folder(self.path, _LOCK, "writing this run"):
            for folder in (self.path, *(self.path / _REPEATS).glob("*")):
                logs = (folder / name for name in ("responses.jsonl", "indexing.jsonl"))
                for log in (*logs, *(folder / "judgments").glob("*.jsonl")):
                    drop_torn_tail(log)
            yield

    def answers(self, repeats: int) -> list[RunFolder]:
        """Return where the first, second, … answers to each question are: this folder, and one for each repeat beyond
        the first. Of those, only outcomes, judgments and indexing are kept in folders of their own.
        """
        others = [RunFolder(self.path / _REPEATS / str(number), self._documents) for number in range(2, repeats + 1)]
        for other in others:
            other._numbers = self._numbers
        return [self, *others]

    def move_content(self, into: Path) -> Path | None:
        """Move the folder's content to a new numbered folder in `into` that is named after it. Returns the new folder,
        or None if there was nothing to move. Call it while the folder is locked.
        """
        content = [path for path in self.path.iterdir() if path.name != _LOCK]
        if not content:
            return None
        number = 1
        while (target := into / f"{self.path.name}.{number}").exists():
            number += 1
        target.mkdir(parents=True)
        for path in content:
            path.rename(target / path.name)
        return target

    def manifest(self) -> dict[str, Any]:
        """The manifest. Raises DeclarationError where the folder holds no run that this version can read."""
        path = self.path / "manifest.json"
        manifest = _read_json(path)
        if manifest.get("format") != FORMAT:
            found = manifest.get("format")
            raise DeclarationError(f"{path}: found format {found}, expected {FORMAT}: {REMEDY}")
        return manifest

    def has_manifest(self) -> bool:
        """Whether the folder holds a run, of this version or of another one."""
        return (self.path / "manifest.json").exists()

    def finished_manifest(self) -> dict[str, Any]:
        """The manifest of a finished run. Raises DeclarationError for any other run."""
        manifest = self.manifest()
        if manifest["status"] != "complete":
            raise DeclarationError(f"{self.path}: the run is not finished; run its experiment again and it goes on")
        return manifest

    def write_manifest(self, manifest: Mapping[str, Json]) -> None:
        write_json(self.path / "manifest.json", {"format": FORMAT, **manifest})

    def write_questions(self, lines: Iterable[Mapping[str, Json]]) -> None:
        _replace(
            self.path / "questions.jsonl",
            (encode_text(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n") for line in lines),
        )

    def questions(self) -> dict[str, tuple[Question, dict[str, int]]]:
        """By id: the question and its grades by document id."""
        asked = read_lines(self.path / "questions.jsonl", question_from_json)
        return {question.id: (question, grades) for question, grades in asked}

    def evidence(self) -> dict[str, tuple[RelevanceLabel, ...]]:
        """By question id: the labels that mark a span of a document."""
        return dict(read_lines(self.path / "questions.jsonl", evidence_from_json))

    def digests(self) -> dict[str, str]:
        """By question id: the digest of the question in its benchmark."""
        return dict(read_lines(self.path / "questions.jsonl", digest_from_json))

    def with_tag(self, tag: str) -> frozenset[str]:
        """The ids of the questions with that tag."""
        tagged = read_lines(self.path / "questions.jsonl", lambda line: (line["question_id"], tag in line["tags"]))
        return frozenset(question_id for question_id, has_tag in tagged if has_tag)

    def add_outcome(self, question_id: str, outcome: Outcome) -> tuple[int, int]:
        """Append a line; return its start and end in the file, for `LineLog.add`."""
        return append_line(
            self.path / "responses.jsonl",
            {"question_id": question_id, **outcome_to_json(outcome, self._documents)},
        )

    def outcomes(self, *, hits: bool = True) -> LineLog[Outcome]:
        """By question id. Without `hits` the responses have no hits, context and citations: those take long to read."""
        left_out: dict[str, Json] = {} if hits else {"hits": [], "texts": {}, "context": [], "citations": []}
        return LineLog(
            self.path / "responses.jsonl",
            lambda line: outcome_from_json({**line, **left_out}, self._documents),
            self._numbers,
        )

    def outcomes_as_written(self) -> Iterator[tuple[str, Outcome]]:
        """Yield question ids with their outcomes, without hits, in the order of the file; a question that was tried
        again comes several times, the last time as it is now.
        """
        left_out: dict[str, Json] = {"hits": [], "texts": {}, "context": [], "citations": []}
        return read_lines(
            self.path / "responses.jsonl",
            lambda line: (line["question_id"], outcome_from_json({**line, **left_out}, {})),
        )

    def add_judgments(
        self, judge_key: str, question_id: str, judgments: tuple[Judgment, ...], usage: Usage
    ) -> tuple[int, int]:
        """Append a line; return its start and end in the file, for `LineLog.add`."""
        return append_line(
            self.path / "judgments" / f"{judge_key}.jsonl",
            {
                "question_id": question_id,
                "judgments": [judgment_to_json(judgment) for judgment in judgments],
                "usage": usage_to_json(usage),
            },
        )

    def judgments(self, judge_key: str) -> LineLog[tuple[Judgment, ...]]:
        """By question id; an empty tuple where the judge found nothing to judge."""

        def read(line: Mapping[str, Any]) -> tuple[Judgment, ...]:
            return tuple(judgment_from_json(data, line["question_id"], judge_key) for data in line["judgments"])

        return LineLog(self.path / "judgments" / f"{judge_key}.jsonl", read, self._numbers)

    def judging_usages(self, judge_key: str) -> Iterator[Usage]:
        """What each of that judge's lines cost."""
        path = self.path / "judgments" / f"{judge_key}.jsonl"
        return read_lines(path, lambda line: usage_from_json(line["usage"]))

    def add_indexing(self, index: str, usage: Usage) -> None:
        """Append the cost of building an index. Rebuilding the index may append another line."""
        append_line(self.path / "indexing.jsonl", {"index": index, "usage": usage_to_json(usage)})

    def indexing_usages(self) -> Iterator[tuple[str, Usage]]:
        """Yield each index build with its cost."""
        path = self.path / "indexing.jsonl"
        return read_lines(path, lambda line: (line["index"], usage_from_json(line["usage"])))

    def keep_only(self, questions: Collection[str]) -> None:
        """Drop all other questions with their answers and judgments. Call it while the folder is locked."""
        logs = (self.path / name for name in ("questions.jsonl", "responses.jsonl"))
        for log in (*logs, *(self.path / "judgments").glob("*.jsonl")):
            with log.open("rb") as lines:
                _replace(log, (line for line in lines if json.loads(line)["question_id"] in questions))

    def write_scores(self, scores: Mapping[str, Json]) -> None:
        write_json(self.path / "scores.json", scores)

    def scores(self) -> dict[str, Any]:
        """Per metric: `estimate` (or null), `questions`, `unscored`, `failed`; and `repeats` where questions were asked
        several times (`rageval.scores.repeats`).
        """
        return _read_json(self.path / "scores.json")

    def write_sample(self, metric: str, digest: str, sample: Mapping[str, Json]) -> None:
        write_json(self._sample_path(metric, digest), sample)

    def sample(self, metric: str, digest: str) -> dict[str, Any] | None:
        """A sample drawn earlier; None where there is none of that digest."""
        path = self._sample_path(metric, digest)
        return _read_json(path) if path.exists() else None

    def samples(self) -> list[dict[str, Any]]:
        """All samples drawn so far, the latest first."""
        paths = sorted((self.path / "samples").glob("*.json"), key=lambda path: (-path.stat().st_mtime_ns, path.name))
        return [_read_json(path) for path in paths]

    def labelling_path(self, metric: str, digest: str) -> Path:
        """The folder of what people decided on a sample of that metric, a file for each person."""
        return self.path / "labelling" / f"{metric}-{digest}"

    def write_labels(self, metric: str, labels: Mapping[str, Json]) -> None:
        """Replace what people said on that metric."""
        write_json(self._labels_path(metric), labels)

    def labels(self, metric: str) -> dict[str, Any] | None:
        """What people said on that metric; None where nobody did."""
        path = self._labels_path(metric)
        return _read_json(path) if path.exists() else None

    def to_pandas(self, table: RunFrame = "scores") -> DataFrame:
        """The run as a DataFrame (extra `pandas`), one observation a row; docs/integrations/pandas.md has the columns.

        `scores`: metric and question. `questions`, `responses`: question. `hits`: hit. `judgments`: verdict of a judge.
        A run that is not finished has the rows that are there, and no scores yet.
        """
        from rageval.io import run_frames

        manifest = self.manifest()
        label = manifest["label"]
        match table:
            case "scores":
                return run_frames.scores_frame(label, self.scores())
            case "questions":
                return run_frames.questions_frame(label, self.questions())
            case "responses":
                return run_frames.responses_frame(label, self.questions(), self.outcomes())
            case "hits":
                return run_frames.hits_frame(label, self.questions(), self.outcomes())
            case "judgments":
                judged = {name: self.judgments(about["key"]) for name, about in manifest["judges"].items()}
                return run_frames.judgments_frame(label, judged)
            case _:
                raise DeclarationError(
                    f"to_pandas: found the table {table!r}, expected scores, questions, responses, hits or judgments"
                )

    def _sample_path(self, metric: str, digest: str) -> Path:
        return self.path / "samples" / f"{metric}-{digest}.json"

    def _labels_path(self, metric: str) -> Path:
        return self.path / "labels" / f"{metric}.json"


def write_json(path: Path, data: Mapping[str, Json]) -> None:
    """Replace a JSON file in one step: readers see the old one or the new one, never a part."""
    encoder = json.JSONEncoder(ensure_ascii=False, indent=1, allow_nan=False)
    _replace(path, map(encode_text, chain(encoder.iterencode(data), "\n")))


def replace_text(path: Path, text: str) -> None:
    """Replace a text file in one step; its folder is made where there is none."""
    replace_lines(path, [text])


def replace_lines(path: Path, lines: Iterable[str]) -> None:
    """Replace a text file in one step by these lines (with line ends), written as they are produced. If producing a
    line fails, the old file stays unchanged.
    """
    _replace(path, map(encode_text, lines))


def _replace(path: Path, parts: Iterable[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with named_in_errors(path), temporary.open("wb") as file:
            file.writelines(parts)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"), object_hook=lambda found: Stored(found, str(path)))
    except FileNotFoundError:
        raise DeclarationError(f"{path}: no such file; expected the folder of a run (see results/runs/)") from None
    except (OSError, ValueError) as error:
        raise DeclarationError(f"{path}: cannot be read ({error}); delete it and run the experiment again") from None
    if not isinstance(data, Stored):
        raise DeclarationError(f"{path}: found {type(data).__name__}, expected a JSON object")
    return data
