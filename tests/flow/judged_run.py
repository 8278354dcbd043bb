"""A finished run with a judge that errs, written through RunFolder, and the labels that people would give."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rageval.io.records import question_to_json
from rageval.io.run_folder import RunFolder
from rageval.metrics import Metric
from rageval.scores.scoring import scores_to_json
from rageval.types import Failure, Hit, Json, Language, Passage, Question, Response, Score, Unscored

FAITHFULNESS = Metric("faithfulness")
ANSWER_RELEVANCE = Metric("answer_relevance")
JUDGES = {"faithfulness": "claim_support", "answer_relevance": "answer_relevance"}
TEXTS: dict[Language, tuple[str, str, str]] = {
    "en": ("How deep is lake {}?", "=SUM(A1): lake {} is said to be\n{} metres, \"or so\".", "It is {} metres deep."),
    "zh": ("第{}号湖有多深？", "第{}号湖据说深\n“{}米”，左右。", "深{}米。"),
}  # fmt: skip


class JudgedRun:
    """`n` questions q000, q001, …; on `metric` people's labels are `gold`, the judge's scores `judged`.

    People say 1 in seven of ten answers. The judge is right in nine of ten, or, where it is `graded`, gives one of nine
    scores around the label. The first `failed` questions failed, and the next `unscored` have no score. Questions
    from `answer_from` on have an answer that no other run gives.
    """

    def __init__(
        self,
        path: Path,
        n: int = 300,
        *,
        metric: Metric = ANSWER_RELEVANCE,
        language: Language = "en",
        graded: bool = False,
        failed: int = 0,
        unscored: int = 0,
        answer_from: int | None = None,
    ) -> None:
        self.folder = RunFolder(path)
        self.metric = metric
        self.name = str(metric)
        rng = random.Random(4)
        ids = [f"q{i:03}" for i in range(n)]
        self.failed, self.unscored = ids[:failed], ids[failed : failed + unscored]
        self.gold: dict[str, float] = {}
        self.judged: dict[str, float] = {}
        scores: dict[str, Score | Unscored] = {}
        for question_id in ids:
            label = float(rng.random() < 0.7)
            error = min(rng.expovariate(4.0), 1.0)
            judged = round(8 * abs(label - error)) / 8 if graded else abs(label - (rng.random() < 0.1))
            if question_id in self.failed:
                label, judged = 0.0, 0.0
            if question_id in self.unscored:
                scores[question_id] = Unscored("there are no answers to judge")
                continue
            self.gold[question_id], self.judged[question_id] = label, judged
            scores[question_id] = Score(judged, failed=question_id in self.failed)
        self.folder.write_questions(question_to_json(_question(i, language), ()) for i in range(n))
        self.write_manifest()
        for i, question_id in enumerate(ids):
            own = None if answer_from is None or i < answer_from else f"{path.name} says {10 * i}."
            self.folder.add_outcome(
                question_id,
                Failure("ExecutionError", "broken") if question_id in self.failed else response(i, language, own),
            )
        self.folder.write_scores(scores_to_json({metric: scores}, {}))

    def write_manifest(self, **changes: Json) -> None:
        manifest: dict[str, Json] = {
            "label": self.folder.path.name,
            "fingerprint": "0123456789abcdef",
            "status": "complete",
            "benchmark": {"name": "lakes", "content_hash": "abc", "corpus": "def"},
            "questions": [*self.folder.questions()],
            "metrics": [self.name],
            "models": {"chat": "writer", "embed": None},
            "prompts": {"answer": "0a1b2c3d4e5f"},
            "seed": 0,
            "machine": "Linux, 2 cores",
            "judges": {JUDGES[self.name]: {"key": f"{JUDGES[self.name]}-1", "model": "critic"}},
            "failed": len(self.failed),
            "abstained": 0,
            "usage": {},
            "usage_by_stage": {},
            "usage_by_index": {},
            "mean_latency_s": None,
        }
        self.folder.write_manifest({**manifest, **changes})

    def rows(self, **labels: float) -> list[dict[str, Json]]:
        """Rows of a file of one's own, without a sample."""
        return [
            {"run": self.folder.path.name, "question_id": q, "metric": self.name, "label": label, "annotator": "ann"}
            for q, label in labels.items()
        ]


def response(i: int, language: Language = "en", answer: str | None = None) -> Response:
    _, passage, written = TEXTS[language]
    text = passage.format(i, 10 * i)
    return Response((Hit(Passage(f"d{i}", 0, len(text), text, f"d {i}"), 1.0),), answer or written.format(10 * i), (0,))


def _question(i: int, language: Language) -> Question:
    return Question(f"q{i:03}", TEXTS[language][0].format(i), language, (str(10 * i),))


def fill(sheet: Path, label: Callable[[str], Json], annotator: str = "ann", first: int | None = None) -> None:
    """Do a person's work: labels into the first rows (all by default) of a JSONL or CSV sheet."""
    rows = read_sheet(sheet)
    for row in rows[:first]:
        row["label"], row["annotator"] = label(row["question_id"]), annotator
    write_sheet(sheet, rows)


def read_sheet(sheet: Path) -> list[dict[str, Any]]:
    if sheet.suffix == ".csv":
        with sheet.open(encoding="utf-8-sig", newline="") as file:
            return [*csv.DictReader(file)]
    return [json.loads(line) for line in sheet.read_text("utf-8").split("\n") if line]


def write_sheet(sheet: Path, rows: list[dict[str, Any]]) -> None:
    if sheet.suffix == ".csv":
        with sheet.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, [*rows[0]])
            writer.writeheader()
            writer.writerows(rows)
    else:
        sheet.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def mean(values: Mapping[str, float]) -> float:
    return sum(values.values()) / len(values)
