"""The same answers judged by rageval and by RAGAS with the same model; writes docs/ragas_parity.md.

    pip install '.[openai,ragas]'
    python benchmarks/ragas_parity.py [--base-url URL --model NAME [--embed-model NAME]] [--items N]

Without an address the local model judges. The answers are made from the handbook's references and evidence, English and
Chinese in turn, some of them wrong on purpose. OUT keeps runs and replies, so that a stopped run goes on where it was;
seconds are given for what was not stopped. What the page says from "Why they differ" on is written by hand, and kept.
"""

from __future__ import annotations

import argparse
import platform
import random
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

from perf.judge_cost import evidence, machine

import rageval
from rageval.integrations.ragas import judge
from rageval.io.run_folder import RunFolder
from rageval.metrics import parse
from rageval.metrics.judged import judged_metric
from rageval.retrieval import SentenceChunker
from rageval.retrieval.indexes.bm25 import BM25Index
from rageval.stats import calibration
from rageval.stats.paired import paired_difference
from rageval.text.languages import LANGUAGES
from rageval.types import Benchmark, Hit, Passage, Question, Response

ROOT = Path(__file__).parents[1]
PASSAGES, PASSAGE_TOKENS = 3, 128
SEED = 20261121
MADE = (
    "the reference",
    "the evidence's own words",
    "another question's reference",
    "the reference, then another's",
    "the reference, its evidence not among the passages",
)
OURS = ("faithfulness", "attribution", "answer_relevance", "context_precision", "context_recall")
LIKE_RAGAS = ("answer_relevance_by_questions",)
THEIRS = ("faithfulness", "answer_relevancy", "context_precision", "context_recall")
PAIRS = (
    ("faithfulness", "faithfulness"),
    ("attribution", "faithfulness"),
    ("answer_relevance", "answer_relevancy"),
    ("answer_relevance_by_questions", "answer_relevancy"),
    ("context_precision", "context_precision"),
    ("context_recall", "context_recall"),
)
# What a metric should say yes and no to, by how the answer was made.
RIGHT = {
    "faithfulness": ((0, 1), (2, 4)),
    "attribution": ((0, 1), (2, 4)),
    "answer_relevance": ((0, 4), (2,)),
    "answer_relevance_by_questions": ((0, 4), (2,)),
    "answer_relevancy": ((0, 4), (2,)),
    "context_recall": ((0, 1, 2, 3), (4,)),
}
BY_HAND = "## Why they differ"
SIDES = {"rageval": OURS, "rageval, as RAGAS does it": LIKE_RAGAS, "RAGAS": THEIRS}


@dataclass(frozen=True, slots=True)
class Material:
    """The questions with what is recorded as the response to each, how that was made (a position in `MADE`), and where
    among the passages the evidence stands, from 0, if anywhere.
    """

    benchmark: Benchmark
    questions: tuple[Question, ...]
    responses: Mapping[str, Response]
    made: Mapping[str, int]
    place: Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class Judged:
    """One side: scores by metric and question, why it could not score some, what the judge of these metrics used, and
    seconds, if known.
    """

    scores: Mapping[str, Mapping[str, float]]
    unscored: Mapping[str, Mapping[str, str]]
    usage: Mapping[str, Mapping[str, int]]
    seconds: float | None


def prepare(items: int) -> Material:
    benchmark = rageval.load_benchmark("handbook")
    chunker = SentenceChunker(PASSAGE_TOKENS)
    passages = [passage for document in benchmark.documents for passage in chunker.split(document)]
    index = BM25Index(passages)
    language_of = {document.id: document.language for document in benchmark.documents}
    labelled: dict[str, set[str]] = {}
    for label in benchmark.labels:
        labelled.setdefault(label.question_id, set()).add(label.doc_id)
    rng = random.Random(SEED)
    pools = [
        [q for q in benchmark.questions if q.language == language and {"factual", "paraphrase"} & {*q.tags}]
        for language in LANGUAGES
    ]
    pools = [[q for q in pool if "cross-lingual" not in q.tags] for pool in pools]
    most = len(LANGUAGES) * min(map(len, pools))
    if not 2 <= items <= most:
        raise SystemExit(f"--items: found {items}, expected 2 to {most}")
    drawn = [rng.sample(pool, -(-items // len(LANGUAGES))) for pool in pools]
    questions = [*chain.from_iterable(zip(*drawn, strict=True))][:items]
    responses: dict[str, Response] = {}
    made: dict[str, int] = {}
    place: dict[str, int | None] = {}
    for number, question in enumerate(questions):
        way = number // len(LANGUAGES) % len(MADE)
        other = rng.choice([q for q in pools[LANGUAGES.index(question.language)] if q.id != question.id])
        gold, words = evidence(benchmark, question, passages, language_of)
        hits = index.search(question.text, len(passages))
        shown = [
            hit.passage
            for hit in hits
            if hit.passage.doc_id not in labelled[question.id] and language_of[hit.passage.doc_id] == question.language
        ][:PASSAGES]
        place[question.id] = None if way == len(MADE) - 1 else rng.randrange(PASSAGES)
        if (at := place[question.id]) is not None:
            shown[at] = gold
        responses[question.id] = recorded(shown, answer(way, question, other, words))
        made[question.id] = way
    return Material(benchmark, tuple(questions), responses, made, place)


def answer(way: int, question: Question, other: Question, words: str) -> str:
    reference, wrong = question.references[0], other.references[0]
    return (reference, words, wrong, f"{reference} {wrong}", reference)[way]


def recorded(passages: Sequence[Passage], text: str) -> Response:
    return Response(tuple(Hit(passage, 0.0) for passage in passages), text, tuple(range(len(passages))))


def ragas_metrics(kind: str) -> list[Any]:
    """RAGAS's four as judges: those of `ragas.evaluate`, or the newer ones of `ragas.metrics.collections`."""
    if kind == "collections":
        from ragas.metrics.collections import AnswerRelevancy, ContextPrecision, ContextRecall, Faithfulness
    else:
        from ragas.metrics._answer_relevance import AnswerRelevancy
        from ragas.metrics._context_precision import ContextPrecision
        from ragas.metrics._context_recall import ContextRecall
        from ragas.metrics._faithfulness import Faithfulness
    kinds = (Faithfulness, AnswerRelevancy, ContextPrecision, ContextRecall)
    return [judge(metric, name=name) for metric, name in zip(kinds, THEIRS, strict=True)]


def run(side: str, material: Material, metrics: Sequence[Any], models: Mapping[str, Any], out: Path) -> Judged:
    async def made(question: Question) -> Response:
        return material.responses[question.id]

    folder = out / side.replace(",", "").replace(" ", "_")
    taken = folder / "seconds"
    begun_before = folder.exists()
    started = time.perf_counter()
    result = rageval.evaluate(
        material.benchmark,
        [made],
        metrics,
        questions=[question.id for question in material.questions],
        out=folder,
        name="parity",
        **models,
    )
    if not begun_before:
        taken.write_text(f"{time.perf_counter() - started:.1f}", encoding="utf-8")
    written = RunFolder(result.runs[0])
    manifest, scores = written.manifest(), written.scores()
    metrics_of: dict[tuple[str, ...], list[str]] = {}
    for metric in scores:
        keys = tuple(manifest["judges"][judge]["key"] for judge in judged_metric(parse(metric)).judges)
        metrics_of.setdefault(keys, []).append(metric)
    return Judged(
        {metric: scored["questions"] for metric, scored in scores.items()},
        {metric: scored["unscored"] for metric, scored in scores.items()},
        {", ".join(some): added_up([manifest["usage"][key] for key in keys]) for keys, some in metrics_of.items()},
        float(taken.read_text(encoding="utf-8")) if taken.exists() else None,
    )


def added_up(usages: Sequence[Mapping[str, int]]) -> dict[str, int]:
    return {name: sum(usage[name] for usage in usages) for name in usages[0]}


def page(material: Material, sides: Mapping[str, Judged], setting: str) -> str:
    theirs = sides["RAGAS"]
    ours = {metric: side for name, side in sides.items() if name != "RAGAS" for metric in side.scores}
    lines = [
        "# rageval beside RAGAS: the same answers, the same model",
        "",
        "Generated by `benchmarks/ragas_parity.py`, down to the last section.",
        "",
        setting,
        "",
        "## Do they agree?",
        "",
        "| rageval | RAGAS | scored by both | rageval's mean | RAGAS's mean | difference [95%] | Pearson | Spearman |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for mine, other in PAIRS:
        lines.append(agreement(mine, other, ours[mine].scores[mine], theirs.scores[f"custom.{other}"]))
    lines += ["", "The difference is rageval - RAGAS, question by question, over those that both scored.", ""]
    lines += ["## What each says of answers by how they were made", "", *by_making(material, ours, theirs), ""]
    lines += ["How an answer was made says what a metric should find, and so does the place of the evidence:", ""]
    lines += [*rightness(material, ours, theirs), ""]
    lines += ["## What it takes", "", *costs(material, sides)]
    return "\n".join(lines) + "\n"


def agreement(mine: str, other: str, ours: Mapping[str, float], theirs: Mapping[str, float]) -> str:
    both = [question for question in ours if question in theirs]
    a, b = [ours[q] for q in both], [theirs[q] for q in both]
    cells = [mine, other, str(len(both)), *("–",) * 5]
    if len(both) > 1:
        gap = paired_difference(b, a).difference
        cells[3:] = [
            f"{statistics.mean(a):.3f}",
            f"{statistics.mean(b):.3f}",
            f"{gap.point:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]",
            correlation(a, b),
            correlation(ranks(a), ranks(b)),
        ]
    return f"| {' | '.join(cells)} |"


def correlation(a: Sequence[float], b: Sequence[float]) -> str:
    try:
        return f"{statistics.correlation(a, b):.2f}"
    except statistics.StatisticsError:  # one side said the same of all
        return "–"


def ranks(values: Sequence[float]) -> list[float]:
    """From 1; ties share their mean rank."""
    return [sum(v < value for v in values) + (sum(v == value for v in values) + 1) / 2 for value in values]


def by_making(material: Material, ours: Mapping[str, Judged], theirs: Judged) -> list[str]:
    lines = [f"| the answer is | {' | '.join(MADE)} |", "|---" * (len(MADE) + 1) + "|"]
    ids = [[question for question, made in material.made.items() if made == way] for way in range(len(MADE))]
    lines.append(f"| n | {' | '.join(str(len(some)) for some in ids)} |")
    for name, scores in scored_by(ours, theirs):
        cells = [mean_of([scores[q] for q in some if q in scores]) for some in ids]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def scored_by(ours: Mapping[str, Judged], theirs: Judged) -> list[tuple[str, Mapping[str, float]]]:
    return [
        *((metric, ours[metric].scores[metric]) for metric in (*OURS, *LIKE_RAGAS)),
        *((f"RAGAS {metric}", theirs.scores[f"custom.{metric}"]) for metric in THEIRS),
    ]


def rightness(material: Material, ours: Mapping[str, Judged], theirs: Judged) -> list[str]:
    """How often each metric ranks what should be higher higher."""
    lines = ["| metric | should be higher | than | n | AUC [95%] |", "|---|---|---|---|---|"]
    for name, scores in scored_by(ours, theirs):
        yes, no, should, than = expected(name.removeprefix("RAGAS "), material)
        labels = [int(q in yes) for q in scores if q in yes or q in no]
        auc = calibration(labels, [scores[q] for q in scores if q in yes or q in no]).auc if labels else None
        told = f"{auc.point:.2f} [{auc.low:.2f}, {auc.high:.2f}]" if auc else "–"
        lines.append(f"| {name} | {should} | {than} | {len(labels)} | {told} |")
    return lines


def expected(metric: str, material: Material) -> tuple[set[str], set[str], str, str]:
    """The questions that the metric should score higher, and the others, both in words too."""
    if metric == "context_precision":
        first = {question for question, place in material.place.items() if place == 0}
        return first, {*material.place} - first, "evidence first", "evidence later or not at all"
    sides = [[question for question, way in material.made.items() if way in ways] for ways in RIGHT[metric]]
    words = ["; ".join(MADE[way] for way in ways) for ways in RIGHT[metric]]
    return {*sides[0]}, {*sides[1]}, words[0], words[1]


def mean_of(values: Sequence[float]) -> str:
    return f"{statistics.mean(values):.2f}" if values else "–"


def costs(material: Material, sides: Mapping[str, Judged]) -> list[str]:
    n = len(material.questions)
    lines = [
        "| each answer | calls | prompt tokens | of them from the model's cache | completion tokens | not scored | s |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, side in sides.items():
        seconds = "–" if side.seconds is None else f"{side.seconds / n:.2f}"
        alone = len(side.usage) == 1
        for metrics, usage in side.usage.items():
            label = f"{name}: {metrics.replace('custom.', '')}"
            missing = sum(len(side.unscored[metric]) for metric in metrics.split(", "))
            lines.append(cost(label, usage, missing, seconds if alone else "", n))
        if not alone:
            missing = sum(map(len, side.unscored.values()))
            lines.append(cost(f"{name}: all", added_up([*side.usage.values()]), missing, seconds, n))
    reasons = sorted(
        {f"{n}: {r}" for n, side in sides.items() for told in side.unscored.values() for r in told.values()}
    )
    if reasons:
        lines += ["", "Why answers were not scored:", "", *(f"- {reason}" for reason in reasons)]
    return lines


def cost(label: str, usage: Mapping[str, int], missing: int, seconds: str, n: int) -> str:
    tokens = (usage["prompt_tokens"], usage["cached_tokens"], usage["completion_tokens"])
    cells = [label, f"{usage['calls'] / n:.2f}", *(f"{count / n:.0f}" for count in tokens), str(missing), seconds]
    return f"| {' | '.join(cells)} |"


def setting(material: Material, kind: str, model: str) -> str:
    ways = "; ".join(MADE)
    return (
        f"{len(material.questions)} questions of the handbook, English and Chinese in turn, each with {PASSAGES} "
        f"passages of {PASSAGE_TOKENS} tokens (BM25, seed {SEED}), of which one holds the evidence unless said "
        f"otherwise. The answers were not written by a model: each is, in turn, {ways}. "
        f"Both sides judge with {model}; RAGAS {version('ragas')} "
        f"(the metrics of `{'ragas.metrics.collections' if kind == 'collections' else 'ragas.evaluate'}`) through "
        "`rageval.integrations.ragas.judge`, so that both use the same transport. Its prompts are in English for all "
        f"questions, as RAGAS has them; rageval's are in the question's language. What one metric asks as another has "
        "asked it (of a reference that is the answer) is not asked again. "
        f"{machine()}, Python "
        f"{platform.python_version()}. Seconds are those of the whole run / answers, loading a local model included."
    )


def by_hand(page: Path) -> str:
    before = page.read_text(encoding="utf-8") if page.exists() else ""
    return f"\n{BY_HAND}{before.split(BY_HAND, 1)[1]}" if BY_HAND in before else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-url", help="an OpenAI-compatible endpoint; without it the local model judges")
    parser.add_argument("--model", help="the model's name there")
    parser.add_argument("--embed-model", help="an embedder's name there; without it the local embedder")
    parser.add_argument("--api-key-env", default="OPENAI_API_KEY", help="the environment variable with the key")
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--ragas", choices=("evaluate", "collections"), default="evaluate", help="which of its metrics")
    parser.add_argument("--items", type=int, default=50)
    parser.add_argument("--out", type=Path, default=Path("results/runs/ragas_parity"))
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "ragas_parity.md")
    given = parser.parse_args()
    if bool(given.base_url) != bool(given.model):
        parser.error("expected --base-url and --model, or neither of them")
    if given.embed_model and not given.base_url:
        parser.error("expected --base-url with --embed-model")
    endpoint = {"provider": "openai", "base_url": given.base_url, "api_key_env": given.api_key_env}
    models: dict[str, Any] = {
        # The local model's usual window is too small for some of RAGAS's prompts.
        "judge": {**endpoint, "model": given.model, "concurrency": given.concurrency}
        if given.base_url
        else {"provider": "local", "context_tokens": 8192},
        "embed": {**endpoint, "model": given.embed_model} if given.embed_model else "local",
    }
    material = prepare(given.items)
    head = setting(material, given.ragas, f"`{given.model}`" if given.model else "the packaged local model")
    asked = {**SIDES, "RAGAS": ragas_metrics(given.ragas)}
    sides = {name: run(name, material, metrics, models, given.out) for name, metrics in asked.items()}
    text = page(material, sides, head) + by_hand(given.page)
    given.page.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
