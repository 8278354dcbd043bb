"""Run folders of any size, without a model: lakes, their depths, and pipelines that find and say them, or do not.

`write_runs(FOLDER, questions=…, pipelines=…)` writes them through `RunFolder`, in both languages, with passages of some
500 characters, evidence, claims, failures and refusals. Used to time what reads runs.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from rageval.io.records import question_to_json
from rageval.io.run_folder import RunFolder
from rageval.metrics import Metric, parse
from rageval.scores.scoring import scores_to_json
from rageval.types import (
    Evidence,
    Failure,
    Graded,
    Hit,
    Json,
    Judgment,
    Passage,
    Question,
    RelevanceLabel,
    Response,
    Score,
    Step,
    Unscored,
    Usage,
)

METRICS = ("ndcg@10", "hit_rate@5", "faithfulness", "answer_relevance", "token_f1")
FOUND, READ = 10, 5
_FILLER = {
    "en": "Boats leave the pier every day at noon and return before dark. The north shore is reached by the old road, "
    "which is closed in winter. Anglers need a day ticket from the town hall. ",
    "zh": "游船每天中午从码头出发，天黑之前返回。北岸可经老路到达，冬季封闭。"
    "钓鱼者须在镇政府领取当日许可证。湖边设有观景台和两处露营地，周末游客较多。",
}
_FACT = {"en": "At its deepest point lake {i} is {depth} metres deep. ", "zh": "第{i}号湖最深处有{depth}米。"}
_ASKED = {
    "en": "How deep is lake {i} at its deepest point, and where is that?",
    "zh": "第{i}号湖最深处有多少米？在哪里？",
}
_SAID = {
    "en": "Lake {i} is {depth} metres deep at its deepest point. The place is said to lie near the north shore.",
    "zh": "第{i}号湖最深处有{depth}米。据说位置靠近北岸。",
}
_REFUSED = {"en": "The passages do not say how deep the lake is.", "zh": "根据所给内容无法回答。"}


def write_runs(folder: Path, *, questions: int, pipelines: int, seed: int = 0) -> list[Path]:
    """The runs, named run-0, run-1, …; the later ones find more."""
    asked = [_question(i) for i in range(questions)]
    return [
        _write_run(folder / f"run-{place}", place, asked, random.Random(seed * 1000 + place))
        for place in range(pipelines)
    ]


def _question(i: int) -> tuple[Question, int, int]:
    """Question, depth, and where the fact begins in the document."""
    language = "zh" if i % 2 else "en"
    tags = ("town",) if i % 5 == 0 else ("lake",)
    text = _ASKED[language].format(i=i)
    return (
        Question(f"q{i:05}", text, language, (str(100 + i),), tags, {"level": i % 3}),
        100 + i,
        len(_FILLER[language]),
    )


def _passage(i: int) -> Passage:
    language = "zh" if i % 2 else "en"
    text = _FILLER[language] + _FACT[language].format(i=i, depth=100 + i) + _FILLER[language]
    return Passage(f"lake-{i}", 0, len(text), text, f"Lake {i}")


def _label(question: Question, i: int, start: int) -> RelevanceLabel:
    fact = _FACT[question.language].format(i=i, depth=100 + i)
    return RelevanceLabel(question.id, f"lake-{i}", 1, start, start + len(fact))


def _write_run(path: Path, place: int, asked: list[tuple[Question, int, int]], rng: random.Random) -> Path:
    run = RunFolder(path)
    run.write_questions(
        question_to_json(question, [_label(question, i, start)], f"digest-{i}")
        for i, (question, _, start) in enumerate(asked)
    )
    scores: dict[Metric, dict[str, Score | Unscored]] = {parse(name): {} for name in METRICS}
    failed = abstained = 0
    for i, (question, depth, _) in enumerate(asked):
        outcome, values = _outcome(i, question, depth, place, len(asked), rng)
        run.add_outcome(question.id, outcome)
        failed += isinstance(outcome, Failure)
        abstained += isinstance(outcome, Response) and bool(outcome.abstained)
        for name, value in values.items():
            scores[parse(name)][question.id] = value
        for key, said in _judgments(question, outcome, values):
            run.add_judgments(key, question.id, said, Usage())
    chunk, k = (200, 400)[place % 2], (3, 5, 8)[place // 2 % 3]
    manifest: dict[str, Json] = {
        "experiment": "lakes",
        "label": f"naive(chunk={chunk}, k={k})",
        "recipe": "naive",
        "params": {"chunk": chunk, "k": k},
        "fingerprint": f"{place:016x}",
        "status": "complete",
        "benchmark": {"name": "lakes", "content_hash": "abc", "corpus": "def"},
        "questions": [question.id for question, _, _ in asked],
        "metrics": [*METRICS],
        "models": {"chat": "writer-8b", "embed": None},
        "prompts": {"answer": "0a1b2c3d4e5f"},
        "seed": 0,
        "machine": "Linux, 2 cores",
        "created": "2026-12-01T00:00:00+00:00",
        "judges": {
            "claim_support": {"key": "claim_support-1", "model": "critic-32b"},
            "answer_relevance": {"key": "answer_relevance-1", "model": "critic-32b"},
        },
        "failed": failed,
        "abstained": abstained,
        "usage": {"answering": _usage(len(asked))},
        "usage_by_stage": {"Answer": _usage(len(asked))},
        "usage_by_index": {},
        "mean_latency_s": 0.8 + place / 10,
    }
    run.write_manifest(manifest)
    run.write_scores(scores_to_json(scores, {question.id: frozenset((i,)) for i, (question, _, _) in enumerate(asked)}))
    return path


def _usage(questions: int) -> dict[str, Json]:
    counts = (
        ("calls", "paid_calls"),
        ("prompt_tokens", "paid_prompt_tokens"),
        ("completion_tokens", "paid_completion_tokens"),
    )
    each = (questions, 900 * questions, 60 * questions)
    usage: dict[str, Json] = {name: count for names, count in zip(counts, each, strict=True) for name in names}
    return {**usage, "cached_calls": 0, "cached_tokens": 0, "requests": {}}


def _outcome(
    i: int, question: Question, depth: int, place: int, questions: int, rng: random.Random
) -> tuple[Response | Failure, dict[str, Score | Unscored]]:
    if rng.random() < 0.01:
        return Failure("TimeoutError", "no reply within 30 s"), {name: Score(0.0, failed=True) for name in METRICS}
    others = [j for j in (rng.randrange(questions) for _ in range(FOUND + 2)) if j != i][: FOUND - 1]
    rank = min(int(rng.expovariate(0.6 + place / 5)), FOUND)
    ranking = [*others[:rank], i, *others[rank:]][:FOUND] if rank < FOUND else others
    hits = tuple(Hit(_passage(j), 1.0 / (1 + at)) for at, j in enumerate(ranking))
    read = rank < READ
    refuses = not read and rng.random() < 0.5
    said = depth if read and rng.random() < 0.85 else depth + 7
    answer = _REFUSED[question.language] if refuses else _SAID[question.language].format(i=i, depth=said)
    right = float(read and said == depth)
    usage = Usage(1, 0, 850 + rng.randrange(100), 0, 60)
    response = Response(
        hits,
        answer,
        tuple(range(min(READ, len(hits)))),
        () if refuses else (0,),
        refuses,
        (Step("Search", {"query": question.text}), Step("Answer", {}, usage)),
        usage,
        0.4 + rng.expovariate(2.0),
    )
    nothing = Unscored("the pipeline abstained")
    values: dict[str, Score | Unscored] = {
        "ndcg@10": Score(round(1.0 / (1 + rank), 6) if rank < FOUND else 0.0),
        "hit_rate@5": Score(float(read)),
        "faithfulness": nothing if refuses else Score((1.0 + right) / 2),
        "answer_relevance": Score(0.0 if refuses else 1.0),
        "token_f1": Score(0.0 if refuses else round(0.2 + 0.6 * right, 6)),
    }
    return response, values


def _judgments(
    question: Question, outcome: Response | Failure, values: dict[str, Score | Unscored]
) -> Iterator[tuple[str, tuple[Judgment, ...]]]:
    if isinstance(outcome, Failure) or outcome.abstained or outcome.answer is None:
        return
    mark = "。" if question.language == "zh" else ". "
    claims = [claim for claim in outcome.answer.split(mark) if claim]
    faithful = values["faithfulness"]
    grades = (1.0 if isinstance(faithful, Score) and faithful.value == 1.0 else 0.0, 1.0)
    quote = outcome.hits[0].passage.text[:40]
    yield (
        "claim_support-1",
        tuple(
            Judgment(
                question.id,
                "claim_support",
                "claim",
                at,
                claim,
                Graded(grade, 0.9 if grade else 0.2, (Evidence(0, quote),) if grade else (), "The passage says so."),
            )
            for at, (claim, grade) in enumerate(zip(claims, grades, strict=False))
        ),
    )
    yield (
        "answer_relevance-1",
        (Judgment(question.id, "answer_relevance", "answer", 0, outcome.answer, Graded(1.0, 0.97)),),
    )
