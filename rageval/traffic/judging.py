"""The judged part of a log: a sample of its answers as an ordinary run, which every other command can read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rageval.benchmark.in_memory import from_records
from rageval.errors import DeclarationError
from rageval.experiment.plan import Experiment, plan
from rageval.experiment.spec import Spec, parse_spec, read_spec
from rageval.io.disk import write_atomically
from rageval.io.line_log import encode_text
from rageval.pipeline import Pipeline
from rageval.pipeline.recorded import replay
from rageval.traffic.record import LoggedAnswer
from rageval.types import Benchmark, Document, Hit, Json, Question

NAME = "traffic"
_NO_PASSAGES = Document("no-passages", "The answers of this log have no passages.", language="en")


@dataclass(frozen=True, slots=True)
class Judge:
    """Who judges: the models of an experiment file, a detector by name or path, or else the local model."""

    experiment: Path | None = None
    detector: str | None = None


def plan_judging(
    answers: Iterable[LoggedAnswer],
    metrics: Sequence[str],
    judge: Judge,
    folder: Path,
    out: Path,
    *,
    name: str,
    fresh: bool = False,
    on_embedding: Callable[[int, int], None] | None = None,
) -> Experiment:
    """The experiment that judges these answers, written into `folder` in the form of recorded answers; spends
    nothing. If `fresh`, replies that were cached earlier are not used.

    Raises DeclarationError for metrics that need what a log does not have, and for judges that cannot be had.
    """
    kept = [*answers]
    text = "".join(json.dumps(_line(answer), ensure_ascii=False) + "\n" for answer in kept)
    content = encode_text(text)
    path = folder / f"sample-{hashlib.sha256(content).hexdigest()[:10]}.jsonl"
    write_atomically(path, content)
    benchmark = from_records(name, _documents(kept), [_question(answer) for answer in kept])
    spec, base = _spec(judge, benchmark, Pipeline(NAME, replay(path)), metrics)
    return plan(spec, name=NAME, base=base, cache=out / "cache", on_embedding=on_embedding, fresh=fresh)


def _spec(judge: Judge, benchmark: Benchmark, pipeline: Pipeline, metrics: Sequence[str]) -> tuple[Spec, Path]:
    asked: dict[str, object] = {"benchmark": benchmark, "pipelines": [pipeline], "metrics": [*metrics]}
    if judge.experiment is not None and judge.detector is not None:
        raise DeclarationError("--detector: found it with --experiment, expected one of them")
    if judge.detector is not None:
        asked["models"] = {"judge": judge.detector}
    spec = parse_spec(asked)
    if judge.experiment is None:
        return spec, Path.cwd()
    given = read_spec(judge.experiment)
    kept = {key: getattr(given, key) for key in ("models", "budget", "abstention", "calibrations", "judges")}
    return spec.model_copy(update=kept), judge.experiment.resolve().parent


def _line(answer: LoggedAnswer) -> dict[str, Json]:
    response = answer.response
    hits: list[Json] = [
        {"doc_id": hit.passage.doc_id, "score": hit.score, "text": hit.passage.text} for hit in _read(answer)
    ]
    line: dict[str, Json] = {"question_id": answer.id, "answer": response.answer, "hits": hits}
    return line if response.abstained is None else {**line, "abstained": response.abstained}


def _question(answer: LoggedAnswer) -> Question:
    asked = answer.question
    about: dict[str, Json] = {**answer.groups}
    if answer.day:
        about["day"] = answer.day
    return Question(answer.id, asked.text, asked.language, asked.references, metadata=about, history=asked.history)


def _documents(answers: Sequence[LoggedAnswer]) -> list[Document]:
    """A document for each id, of the passages that bear it."""
    texts: dict[str, dict[str, None]] = {}
    for answer in answers:
        for hit in _read(answer):
            texts.setdefault(hit.passage.doc_id, {})[hit.passage.text] = None
    return [Document(name, "\n\n".join(some)) for name, some in texts.items()] or [_NO_PASSAGES]


def _read(answer: LoggedAnswer) -> list[Hit]:
    """The passages with a text."""
    return [hit for hit in answer.response.hits if hit.passage.text.strip()]
