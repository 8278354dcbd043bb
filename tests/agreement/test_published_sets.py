"""Scores on published sets, with what loading tolerated, equal those of pytrec_eval on the same files."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest
import pytrec_eval

import rageval
from rageval.metrics import parse
from rageval.metrics.ranking import score_rankings
from rageval.types import Score
from tests.conftest import CommandLine
from tests.published_sets import SETS

MEASURES = {"ndcg@2": "ndcg_cut_2", "map": "map", "recall@3": "recall_3", "precision@2": "P_2", "mrr": "recip_rank"}
ASKED = {"ndcg_cut.2", "map", "recall.3", "P.2", "recip_rank"}
SETTINGS = [
    ("fiqa", False, 1),
    ("arguana", True, 1),
    ("nfcorpus", False, 1),
    ("nfcorpus", False, 2),
    ("quora", True, 1),
    ("quora", False, 1),
    ("trec-covid", False, 1),
    ("trec-covid", False, 2),
]


def read_as_beir_does(folder: Path) -> dict[str, dict[str, int]]:
    with (folder / "qrels" / "test.tsv").open(encoding="utf-8", newline="") as file:
        rows = [*csv.reader(file, delimiter="\t")][1:]
    labels: dict[str, dict[str, int]] = {}
    for question, doc, grade in rows:
        labels.setdefault(question, {})[doc] = int(grade)
    return labels


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("name", "exclude_self", "level"), SETTINGS)
def test_a_recorded_run(
    name: str, exclude_self: bool, level: int, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = SETS[name][0](tmp_path / name)
    benchmark = rageval.load_benchmark(f"beir:{folder}", exclude_self=exclude_self, grade_threshold=level)
    draw = random.Random(seed)
    docs = [document.id for document in benchmark.documents]
    ranked = {question.id: draw.sample(docs, min(len(docs), 1 + seed)) for question in benchmark.questions}
    if name in ("arguana", "quora"):
        ranked = {question: [question, *(d for d in found if d != question)] for question, found in ranked.items()}
    lines = [{"question_id": q, "hits": [{"doc_id": doc} for doc in docs]} for q, docs in ranked.items()]
    Path("theirs.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    result = rageval.evaluate(benchmark, [{"recorded": {"path": "theirs.jsonl"}}], [*MEASURES])
    run = {
        q: {doc: -float(rank) for rank, doc in enumerate(docs) if not (exclude_self and doc == q)}
        for q, docs in ranked.items()
    }
    theirs = pytrec_eval.RelevanceEvaluator(read_as_beir_does(folder), ASKED, relevance_level=level).evaluate(run)
    scores = rageval.RunFolder(result.runs[0]).scores()
    for metric, measure in MEASURES.items():
        assert scores[metric]["questions"] == pytest.approx({q: theirs[q][measure] for q in ranked}, abs=1e-9)


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("seed", range(20))
def test_levels_on_drawn_labels(level: int, seed: int) -> None:
    draw = random.Random(seed)
    docs = [f"d{n}" for n in range(12)]
    labels = {q: {doc: draw.randint(0, 4) for doc in draw.sample(docs, 6)} for q in ("q1", "q2", "q3")}
    rankings = {q: [(doc, draw.random()) for doc in draw.sample(docs, 8)] for q in labels}
    ours = score_rankings([parse(name) for name in MEASURES], labels, rankings, [*labels], grade_threshold=level)
    run = {q: dict(ranking) for q, ranking in rankings.items()}
    theirs = pytrec_eval.RelevanceEvaluator(labels, ASKED, relevance_level=level).evaluate(run)
    for metric, measure in MEASURES.items():
        for question in labels:
            score = ours[parse(metric)][question]
            assert isinstance(score, Score)
            assert score.value == pytest.approx(theirs[question][measure], abs=1e-9), (metric, question)


def test_the_command_has_both_settings_as_flags(tmp_path: Path, command_line: CommandLine) -> None:
    folder = SETS["trec-covid"][0](tmp_path / "trec-covid")
    qrels, run = folder / "qrels" / "test.tsv", tmp_path / "run"
    ranked = {"1": ["1", "ejv2xln0", "ug7v899j"], "2": ["005b2j4b", "2", "ejv2xln0"]}
    run.write_text("".join(f"{q} Q0 {d} 0 {-n} t\n" for q, docs in ranked.items() for n, d in enumerate(docs)))
    options = [word for name in MEASURES for word in ("-m", name)]
    ended = command_line("metrics", qrels, run, *options, "--level", "2", "--exclude-self", "--json")
    assert ended.err == (
        f"tolerated: label given again: 1 (counted once); first: {qrels}:6: found question 2 and document ejv2xln0 "
        "labelled again\n"
    )
    without = {q: {d: -float(n) for n, d in enumerate(docs) if d != q} for q, docs in ranked.items()}
    theirs = pytrec_eval.RelevanceEvaluator(read_as_beir_does(folder), ASKED, relevance_level=2).evaluate(without)
    for metric, measure in MEASURES.items():
        found = json.loads(ended.out)[metric]["questions"]
        assert found == pytest.approx({q: theirs[q][measure] for q in ranked}, abs=1e-9)
    assert command_line("metrics", qrels, run, "-m", "map", "--strict").code == 2
