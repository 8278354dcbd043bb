from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from rageval.benchmark import shipped_benchmarks
from rageval.cli.exit_codes import MEANINGS
from rageval.judges import JUDGES
from rageval.metrics import ALL_METRICS, Metric, parse
from rageval.retrieval.chunkers import CHUNKERS
from rageval.retrieval.indexes import INDEXES
from rageval.retrieval.rerankers import RERANKERS
from tests.conftest import CommandLine
from tests.flow.fake_server import FakeServer
from tests.flow.small_world import (
    DOCUMENTS,
    METRICS,
    PIPELINES,
    QUESTIONS,
    read_jsonl,
    respond,
    run_folders,
    write_benchmark,
    write_experiment,
)
from tests.unit.installed import install

TREC = Path(__file__).parents[2] / "golden"  # labels, a run, and trec_eval's numbers for them
BM25: list[Any] = [{"naive": {"retriever": "bm25", "k": 2}}, "oracle"]


@pytest.fixture(scope="module")
def server() -> Iterator[FakeServer]:
    with FakeServer(respond) as server:
        yield server


def refuse_constant(name: str) -> None:
    raise AssertionError(f"found {name}")


def one_object(text: str) -> dict[str, Any]:
    """The single JSON object on standard output."""
    assert text.endswith("}\n")
    assert text.count("\n") == 1
    return json.loads(text, parse_constant=refuse_constant)


def test_run_json(server: FakeServer, tmp_path: Path, command_line: CommandLine) -> None:
    ended = command_line("run", write_experiment(tmp_path, server.base_url), "--out", tmp_path / "out", "--json")
    assert ended.code == 0
    printed = one_object(ended.out)
    assert set(printed) == {"runs", "tolerated"}
    assert [run["pipeline"] for run in printed["runs"]] == [
        "naive(k=2)",
        "rag_fusion(k=2, n=2)",
        "hyde(k=2)",
        "multi_vector(k=2, views=[sentences, summaries])",
        "self_rag(k=2)",
    ]
    for run in printed["runs"]:
        assert set(run) >= {"pipeline", "path", "metrics"}
        scores = json.loads((Path(run["path"]) / "scores.json").read_text("utf-8"))
        assert list(run["metrics"]) == METRICS
        for name, numbers in run["metrics"].items():
            assert set(numbers) >= {"mean", "low", "high", "n", "unscored", "failed"}
            assert 0 <= numbers["low"] <= numbers["mean"] <= numbers["high"] <= 1
            assert numbers["n"] + numbers["unscored"] == len(QUESTIONS)
            values = scores[name]["questions"].values()
            assert (numbers["mean"], numbers["n"]) == (pytest.approx(sum(values) / len(values)), len(values))


def test_run_prints_the_leaderboard_and_the_folders(
    server: FakeServer, tmp_path: Path, command_line: CommandLine
) -> None:
    experiment = write_experiment(tmp_path, server.base_url, pipelines=BM25, metrics=["map"])
    ended = command_line("run", experiment, "--out", tmp_path / "out")
    assert ended.code == 0
    assert "naive(retriever=bm25, k=2)" in ended.out
    folders = [Path(line) for line in ended.err.splitlines()]
    assert {folder.parent for folder in folders} == {tmp_path / "out" / "runs"}
    assert all((folder / "scores.json").is_file() for folder in folders)


def test_check_says_what_it_would_cost_and_spends_nothing(
    server: FakeServer, tmp_path: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    experiment = write_experiment(tmp_path, server.base_url)
    files, calls = set(tmp_path.rglob("*")), server.calls
    ended = command_line("check", experiment)
    assert (ended.code, ended.err) == (0, "")
    assert f"small: {len(DOCUMENTS)} documents, {len(QUESTIONS)} questions to ask" in ended.out
    assert f"judge: fake @ {server.base_url}" in ended.out
    # naive: check and answer, 0 to 3 for claims, 0 to 1 for the answer, 0 to 1 for the passages, those twice; six times
    assert "naive(k=2): 6 to 72 chat calls, at most " in ended.out
    printed = one_object(command_line("check", experiment, "--json").out)
    assert printed["questions"] == len(QUESTIONS)
    assert printed["pipelines"][0]["calls"] == [6, 72]
    assert len(printed["pipelines"]) == len(PIPELINES)
    assert server.calls == calls
    assert set(tmp_path.rglob("*")) == files


def test_check_without_models(server: FakeServer, tmp_path: Path, command_line: CommandLine) -> None:
    ended = command_line("check", write_experiment(tmp_path, server.base_url, pipelines=BM25, metrics=["map"]))
    assert [line for line in ended.out.splitlines() if "not needed" in line] == [
        "chat: not needed",
        "embed: not needed",
        "judge: not needed",
    ]


def test_metrics_json_equals_trec_eval(command_line: CommandLine) -> None:
    asked = {
        "map": "map",
        "Rprec": "Rprec",
        "RR": "recip_rank",
        "P@5": "P_5",
        "ndcg@10": "ndcg_cut_10",
        "R@100": "recall_100",
    }
    options = [word for name in asked for word in ("-m", name)]
    ended = command_line("metrics", TREC / "qrels.txt", TREC / "run.txt", *options, "--json")
    assert (ended.code, ended.err) == (0, f"1 questions of {TREC / 'run.txt'} have no labels and were left out\n")
    printed = one_object(ended.out)
    assert list(printed) == list(asked)
    expected = json.loads((TREC / "expected.json").read_text(encoding="utf-8"))
    for name, theirs in asked.items():
        assert set(printed[name]) >= {"mean", "n", "questions"}
        assert printed[name]["n"] == 9
        values = {**printed[name]["questions"], "all": printed[name]["mean"]}
        assert values == pytest.approx(expected[theirs], abs=1e-9)


def test_metrics_for_people(command_line: CommandLine) -> None:
    ended = command_line("metrics", TREC / "qrels.txt", TREC / "run.txt", "-m", "map")
    *_, row = ended.out.splitlines()
    assert (row.split()[:2], row.split()[-1]) == (["map", "0.2088"], "9")


def test_metrics_count_what_the_run_forgot_and_tell_what_has_no_label(
    tmp_path: Path, command_line: CommandLine
) -> None:
    (tmp_path / "qrels").write_text("q1 0 a 1\nq2 0 a 1\n")
    (tmp_path / "run").write_text("q1 Q0 a 1 1.0 tag\nq3 Q0 a 1 1.0 tag\n")
    ended = command_line("metrics", tmp_path / "qrels", tmp_path / "run", "-m", "mrr", "--json")
    printed = one_object(ended.out)["mrr"]
    assert (printed["mean"], printed["questions"]) == (0.5, {"q1": 1.0, "q2": 0.0})
    assert ended.err == f"1 questions of {tmp_path / 'run'} have no labels and were left out\n"


def lines_of_run(rows: Mapping[str, Sequence[str]]) -> str:
    return "".join(f"{q} Q0 {doc} 0 {-rank} t\n" for q, docs in rows.items() for rank, doc in enumerate(docs))


@pytest.mark.parametrize(
    ("labels", "run", "problem"),
    [
        (
            {"q1": "d1", "q2": "d2", "q3": "d3", "q4": "d4"},
            {"1": ["d1"], "2": ["d2"]},
            "qrels has 'q1', 'q2', 'q3', …, and ",
        ),
        (
            {"q1": "d1", "q2": "d2"},
            {"q1": ["D1", "D2"], "q2": ["D2"]},
            "qrels has 'd1', 'd2', and ",
        ),
    ],
)
def test_ids_of_two_kinds_are_an_error_and_no_score(
    labels: dict[str, str], run: dict[str, list[str]], problem: str, tmp_path: Path, command_line: CommandLine
) -> None:
    (tmp_path / "qrels").write_text("".join(f"{q} 0 {doc} 1\n" for q, doc in labels.items()))
    (tmp_path / "run").write_text(lines_of_run(run))
    ended = command_line("metrics", tmp_path / "qrels", tmp_path / "run", "-m", "mrr")
    assert (ended.code, ended.out) == (2, "")
    assert problem in ended.err
    assert "expected ids in common" in ended.err


def test_few_ids_in_common_are_a_warning_with_examples(tmp_path: Path, command_line: CommandLine) -> None:
    questions = [f"q{n}" for n in range(30)]
    (tmp_path / "qrels").write_text("".join(f"{q} 0 d{q} 1\n" for q in questions))
    (tmp_path / "run").write_text(lines_of_run({"q1": ["dq1"], "q2": ["dq2"]}))
    ended = command_line("metrics", tmp_path / "qrels", tmp_path / "run", "-m", "mrr")
    assert ended.code == 0
    assert "run has 2 of the 30 questions of " in ended.err
    assert "qrels has 'q0', 'q1', 'q2', …, and " in ended.err
    assert "run 'q1', 'q2'\n" in ended.err
    (tmp_path / "run").write_text(lines_of_run({q: ["dq1"] if q == "q1" else ["x"] for q in questions}))
    ended = command_line("metrics", tmp_path / "qrels", tmp_path / "run", "-m", "mrr")
    assert "warning: " in ended.err
    assert "ranks a labelled document for 1 of 30 questions: " in ended.err


def listed(command_line: CommandLine, what: str) -> dict[str, str]:
    ended = command_line("list", what)
    assert ended.code == 0
    rows = [line.split(maxsplit=1) for line in ended.out.splitlines()]
    assert all(len(row) == 2 for row in rows)
    return {row[0].rstrip(","): row[1] for row in rows}


def test_list(command_line: CommandLine) -> None:
    assert set(listed(command_line, "pipelines")) >= {next(iter(pipeline)) for pipeline in PIPELINES}
    assert set(listed(command_line, "judges")) == set(JUDGES)
    assert set(listed(command_line, "benchmarks")) == set(shipped_benchmarks())
    for what, names in {"chunkers": CHUNKERS, "indexes": INDEXES, "rerankers": RERANKERS}.items():
        assert set(listed(command_line, what)) >= set(names)
    names = listed(command_line, "metrics")
    assert len(names) == len(ALL_METRICS)
    for form in names:
        assert isinstance(parse(form.replace("@k", "@3")), Metric)


def test_list_shows_what_installed_packages_offer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine
) -> None:
    kinds = {
        "pipelines": "stages", "chunkers": "chunkers", "indexes": "indexes", "rerankers": "rerankers", "models": "chat",
        "metrics": "metrics", "judges": "judges", "benchmarks": "corpora", "reports": "reports",
    }  # fmt: skip
    before = {what: listed(command_line, what) for what in kinds}
    points = "".join(f"[rageval.{kind}]\nmine_{kind} = mine:Part\n" for kind in kinds.values())
    monkeypatch.syspath_prepend(install(tmp_path, {"mine": "Part = 1\n"}, points))
    for what, kind in kinds.items():
        assert before[what]
        assert {*listed(command_line, what)} - {*before[what]} >= {f"mine_{kind}"}
        line = next(line for line in command_line("list", what).out.splitlines() if f"mine_{kind}" in line)
        assert "mine:Part (my-parts)" in line


@pytest.fixture(scope="module")
def finished(server: FakeServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Run folders by the name of the pipeline."""
    from rageval.experiment.plan import load_experiment
    from rageval.experiment.run import run_experiment

    folder = tmp_path_factory.mktemp("finished")
    with load_experiment(write_experiment(folder, server.base_url), folder / "cache") as experiment:
        run_experiment(experiment, folder / "out")
    return run_folders(folder / "out")


def test_show(finished: dict[str, Path], command_line: CommandLine) -> None:
    run = finished["rag_fusion"]
    (line,) = (line for line in read_jsonl(run / "responses.jsonl") if line["question_id"] == "zh-2")
    ended = command_line("show", run, "zh-2")
    assert ended.code == 0
    shown = ended.out.splitlines()
    assert shown[:2] == ["zh-2 (zh)", QUESTIONS["zh-2"]]
    position = [hit[0] for hit in line["hits"]].index("lanjiang")
    (labelled,) = (row for row in shown[: shown.index("answer")] if "lanjiang#" in row)
    assert labelled.split()[0] == str(position + 1)
    assert " grade 1 lanjiang#" in labelled
    places = [row.split()[1] for row in shown[: shown.index("answer")] if re.match(r"\d+ \*\d", row)]
    assert places == ["*1", "*2"]
    assert len(line["context"]) == 2
    assert any(row.startswith("step rewrite_queries") for row in shown)
    assert line["answer"] in ended.out
    for judge in ("claim_support", "answer_relevance", "passage_relevance"):
        assert judge in shown
        (log,) = run.glob(f"judgments/{judge}-*.jsonl")
        (said,) = (record["judgments"] for record in read_jsonl(log) if record["question_id"] == "zh-2")
        for judgment in said:
            assert f"P(yes) {judgment['probability']:.2f}  {judgment['item']} {judgment['index'] + 1}: " in ended.out
            for evidence in judgment["evidence"]:
                place = "no hit shows it" if evidence["hit"] is None else f"hit {evidence['hit'] + 1}"
                assert (f"{place}: “{evidence['quote']}”" if evidence["quote"] else place) in ended.out


def test_leaderboard_formats(finished: dict[str, Path], command_line: CommandLine) -> None:
    as_json = one_object(command_line("leaderboard", *finished.values(), "--format", "json").out)
    points = [run["metrics"]["ndcg@10"]["mean"] for run in as_json["runs"]]
    assert points == sorted(points, reverse=True)
    assert (as_json["benchmark"], as_json["questions"]) == ("small", len(QUESTIONS))
    as_markdown = command_line("leaderboard", *finished.values(), "--format", "md").out.splitlines()
    on_terminal = command_line("leaderboard", *finished.values()).out
    for row, run in enumerate(as_json["runs"]):
        mean = run["metrics"]["ndcg@10"]
        cell = f"{mean['mean']:.3f} [{mean['low']:.2f}, {mean['high']:.2f}]"
        assert f"| {run['pipeline']} | {cell}" in as_markdown[2 + row]
        assert run["pipeline"].partition("(")[0] in on_terminal
        assert cell in on_terminal


REPORT = """
def report(board):
    return "\\n".join(f"{row.label} beträgt {len(board.metrics)}" for row in board.rows) + "\\n"

def in_bytes(board): return "Öl".encode("latin-1")

def fails(board): return board.nothing

def wrong(board): return 3

value = 3
"""


def test_a_report_of_ones_own(
    finished: dict[str, Path],
    command_line: CommandLine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By path, by a function's name, by entry point; bytes as they are; mistakes in one line."""
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(REPORT, encoding="utf-8")
    points = "[rageval.reports]\nmine = my_reports:report\nmd = my_reports:report\n"
    monkeypatch.syspath_prepend(install(tmp_path / "site", {"my_reports": REPORT}, points))
    runs = [*finished.values()]
    printed = command_line("leaderboard", *runs, "--format", "mine.py").out
    assert sorted(printed.splitlines()) == sorted(f"{name} beträgt {len(METRICS)}" for name in labels(runs))
    assert command_line("leaderboard", *runs, "--format", "mine").out == printed
    assert command_line("leaderboard", *runs, "--format", "md").out != printed
    for reference, told in {
        "mine.py:fails": "--format: mine.py:fails failed: AttributeError",
        "mine.py:wrong": "--format: mine.py:wrong returned 3, expected a text or bytes",
        "mine.py:value": "--format: mine.py:value: found 3, expected a function",
        "mine.py:raport": "found no raport; did you mean report?",
        "nowhere.py": "--format: nowhere.py: no such file",
        "jason": "--format: found 'jason', expected a path or one of terminal, md, csv, latex, html, json, mine; did",
    }.items():
        ended = command_line("leaderboard", *runs, "--format", reference)
        assert (ended.code, ended.err.count("\n")) == (2, 1)
        assert told in ended.err


def test_a_report_may_be_bytes(finished: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(REPORT, encoding="utf-8")
    command = [sys.executable, "-c", "from rageval.cli.app import main; main()", "leaderboard"]
    done = subprocess.run(
        [*command, *map(str, finished.values()), "--format", "mine.py:in_bytes"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"\xd6l"


def labels(runs: Sequence[Path]) -> list[str]:
    return [json.loads((run / "manifest.json").read_text(encoding="utf-8"))["label"] for run in runs]


def test_check_benchmark(tmp_path: Path, command_line: CommandLine) -> None:
    folder = write_benchmark(tmp_path / "small")
    printed = one_object(command_line("check-benchmark", folder, "--json").out)
    assert (printed["name"], printed["license"]) == ("small", "CC0-1.0")
    assert printed["documents_by_language"] == {"en": 4, "zh": 4}
    assert (printed["documents"], printed["questions"], printed["labels"]) == (8, 6, 6)
    assert "documents by language      en: 4, zh: 4" in command_line("check-benchmark", folder).out


@pytest.mark.parametrize(
    ("arguments", "code"), [(["--help"], 0), (["run", "--help"], 0), ([], 2), (["rum"], 2), (["list", "modells"], 2)]
)
def test_exit_codes_of_the_command_line_itself(arguments: list[str], code: int, command_line: CommandLine) -> None:
    ended = command_line(*arguments)
    assert ended.code == code
    assert "Traceback" not in ended.err


def test_help_documents_the_exit_codes(command_line: CommandLine) -> None:
    text = " ".join(command_line("--help").out.split())
    assert "0 done or gate passed, 1 gate failed, 2 wrong input (nothing spent), 3 gate inconclusive, " in text
    assert (
        "6 budget spent, 7 all questions of a run failed, 70 mistake in rageval, 74 disk full or not writable" in text
    )


def test_the_page_has_every_exit_code_in_these_words() -> None:
    page = (Path(__file__).parents[3] / "docs" / "running.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", page, re.MULTILINE)
    assert {int(code): meaning for code, meaning in rows} == MEANINGS
