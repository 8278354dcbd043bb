"""Runs written as TREC files: pytrec_eval and ir_measures find in them the scores that rageval gave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ir_measures
import pytest
import pytrec_eval

import rageval
from rageval import DeclarationError, Document, Question, RelevanceLabel, Response
from rageval.integrations.trec import benchmark_from_qrels, export_run
from rageval.io.trec_files import read_qrels, read_run, write_qrels
from rageval.types import Hit, Passage
from tests.conftest import CommandLine

IDS = ("a", "b", "c", "d", "文档")
GRADES = {"q1": {"a": 2, "b": 1, "c": 0}, "q2": {"文档": 3}, "q3": {"d": 1, "a": -1}, "q4": {"b": 1}}
BENCHMARK = rageval.benchmark_from_records(
    "letters",
    [Document(name, f"Text of {name}, in two parts.") for name in IDS],
    [Question(name, f"What of {name}?") for name in (*GRADES, "unlabelled")],
    [RelevanceLabel(q, doc, grade) for q, grades in GRADES.items() for doc, grade in grades.items()],
)
FOUND = {
    "q1": ("c", "b", "c", "a", "b"),  # several passages of a document
    "q2": ("d", "a", "文档"),
    "q4": (),
    "unlabelled": ("a",),
}
METRICS = {
    "ndcg@10": ("ndcg_cut_10", "nDCG@10"),
    "ndcg@2": ("ndcg_cut_2", "nDCG@2"),
    "map": ("map", "AP"),
    "mrr": ("recip_rank", "RR"),
    "recall@5": ("recall_5", "R@5"),
    "precision@5": ("P_5", "P@5"),
    "hit_rate@1": ("success_1", "Success@1"),
}


def lettered(question: Question) -> Response:
    """Scores are tied: the order alone is the ranking. Question q3 fails."""
    found = FOUND[question.id]
    return Response(hits=tuple(Hit(Passage(name, 0, 4, "Text"), 1.0) for name in found))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (folder,) = rageval.evaluate(BENCHMARK, [lettered], [*METRICS], out=tmp_path / "out").runs
    return folder


def scores(run: Path) -> dict[str, Any]:
    return json.loads((run / "scores.json").read_text("utf-8"))


def test_the_files(run: Path, tmp_path: Path) -> None:
    export_run(run, tmp_path / "new" / "run.txt", tmp_path / "qrels.txt")
    assert (tmp_path / "new" / "run.txt").read_text("utf-8").splitlines() == [
        "q1 Q0 c 1 3.0 lettered",
        "q1 Q0 b 2 2.0 lettered",
        "q1 Q0 a 3 1.0 lettered",
        "q2 Q0 d 1 3.0 lettered",
        "q2 Q0 a 2 2.0 lettered",
        "q2 Q0 文档 3 1.0 lettered",
        "unlabelled Q0 a 1 1.0 lettered",
    ]
    assert read_qrels(tmp_path / "qrels.txt").grades == GRADES


def test_pytrec_eval_finds_the_same_scores(run: Path, tmp_path: Path) -> None:
    export_run(run, tmp_path / "run.txt", tmp_path / "qrels.txt")
    with (tmp_path / "qrels.txt").open(encoding="utf-8") as file:
        qrels = pytrec_eval.parse_qrel(file)
    with (tmp_path / "run.txt").open(encoding="utf-8") as file:
        ranked = pytrec_eval.parse_run(file)
    found = pytrec_eval.RelevanceEvaluator(
        qrels, {"ndcg_cut.2,10", "map", "recip_rank", "recall.5", "P.5", "success.1"}
    )
    by_question = found.evaluate(ranked)
    assert set(by_question) == {"q1", "q2"}
    for metric, (measure, _) in METRICS.items():
        ours = scores(run)[metric]["questions"]
        assert set(ours) == set(GRADES)
        theirs = {q: by_question.get(q, {measure: 0.0})[measure] for q in GRADES}
        assert ours == pytest.approx(theirs, abs=1e-9)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:ir_measures")  # ast.Num, from Python 3.12 on
def test_ir_measures_finds_the_same_means(run: Path, tmp_path: Path) -> None:
    export_run(run, tmp_path / "run.txt", tmp_path / "qrels.txt")
    measures = {metric: ir_measures.parse_measure(name) for metric, (_, name) in METRICS.items()}
    means = ir_measures.calc_aggregate(
        measures.values(),
        ir_measures.read_trec_qrels(str(tmp_path / "qrels.txt")),
        ir_measures.read_trec_run(str(tmp_path / "run.txt")),
    )
    for metric, measure in measures.items():
        assert scores(run)[metric]["estimate"]["mean"] == pytest.approx(means[measure], abs=1e-9)


def test_the_command_and_its_inverse(run: Path, tmp_path: Path, command_line: CommandLine) -> None:
    ended = command_line("export", run, tmp_path / "run.txt", "--qrels", tmp_path / "qrels.txt")
    assert (ended.code, ended.out) == (0, "")
    asked = [option for metric in METRICS for option in ("-m", metric)]
    ended = command_line("metrics", tmp_path / "qrels.txt", tmp_path / "run.txt", *asked, "--json")
    assert ended.code == 0
    printed = json.loads(ended.out)
    for metric in METRICS:
        assert printed[metric]["questions"] == scores(run)[metric]["questions"]
    assert command_line("export", run, tmp_path / "run.txt").code == 0


def test_recorded_runs_over_qrels_alone(tmp_path: Path) -> None:
    (tmp_path / "qrels").write_text("q1 0 a 1\nq2 0 b 2\nq2 0 c 1\nq3 0 a 1\n")
    (tmp_path / "one.run").write_text("q1 Q0 a 1 2 one\nq2 Q0 c 1 9 one\nq2 Q0 b 2 8 one\nq9 Q0 a 1 1 one\n")
    (tmp_path / "two.run").write_text("q1 Q0 x 1 2 two\nq1 Q0 a 2 1 two\nq2 Q0 b 1 9 two\nq3 Q0 a 1 1 two\n")
    benchmark = benchmark_from_qrels(tmp_path / "qrels")
    systems = [{"recorded": {"path": str(tmp_path / name)}} for name in ("one.run", "two.run")]
    result = rageval.evaluate(benchmark, systems, ["mrr"], out=tmp_path / "out")
    found = [scores(run)["mrr"]["questions"] for run in result.runs]
    assert found == [{"q1": 1.0, "q2": 1.0, "q3": 0.0}, {"q1": 0.5, "q2": 1.0, "q3": 1.0}]
    comparison = rageval.compare(*result.runs).comparisons["mrr"]
    assert comparison.difference.point == pytest.approx(1 / 6)
    export_run(result.runs[0], tmp_path / "again.run")
    assert [*read_run(tmp_path / "again.run")] == ["q1", "q2"]


def test_what_cannot_be_written(run: Path, tmp_path: Path, command_line: CommandLine) -> None:
    target = tmp_path / "run.txt"
    target.write_text("as it was")

    def silent(question: Question) -> str:
        return "An answer."

    def spaced(question: Question) -> Response:
        return Response(hits=(Hit(Passage("a", 0, 1, "t"), 1.0), Hit(Passage("two words", 0, 1, "t"), 1.0)))

    for system, problem in ((silent, "found nothing to write"), (spaced, "found the id 'two words'")):
        (folder,) = rageval.evaluate(BENCHMARK, [system], ["exact_match"], out=tmp_path / "out").runs
        with pytest.raises(DeclarationError, match=problem):
            export_run(folder, target)
    with pytest.raises(DeclarationError, match="found nothing to write"):
        write_qrels(target, [("q1", {})])
    assert target.read_text() == "as it was"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    with pytest.raises(DeclarationError, match="cannot be written"):
        export_run(run, run)
    manifest = json.loads((run / "manifest.json").read_text("utf-8"))
    (run / "manifest.json").write_text(json.dumps({**manifest, "status": "running"}))
    ended = command_line("export", run, target)
    assert ended.code == 2
    assert "the run is not finished" in ended.err
    assert command_line("export", tmp_path / "nothing", target).code == 2
