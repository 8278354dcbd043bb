"""The pytest plugin, in sessions of pytest of their own: verdicts, baselines, workers, mistakes, loading."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from rageval.errors import DeclarationError, NotComparableError
from rageval.integrations.pytest_plugin import RagRun, assert_no_regression
from tests.flow.fake_server import FakeServer
from tests.flow.small_world import respond, write_benchmark, write_lines
from tests.unit.benchmark.test_own_loader import LOADER
from tests.unit.experiment.test_choose_metrics import WORDS
from tests.unit.experiment.test_own_models import CHAT
from tests.unit.sides import side, write_run

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
N = 60
PLUGIN = "rageval.integrations.pytest_plugin"

GOOD = "def found(number): return number"
WORSE = "def found(number): return number if number % 2 == 0 else 0"  # 30 of 60 questions are lost

MY_RAG = """
import os
from rageval import Document, Hit, Response
from app import found

def my_rag(question):
    with open("asked.txt", "a") as file:
        file.write(f"{question.id} {os.environ.get('PYTEST_XDIST_WORKER', 'alone')}\\n")
    number = found(int(question.id.removeprefix("q")))
    return Response(hits=(Hit.whole(Document(f"d{number}", f"It is topic {number}.")),))
"""

GATED = """
def test_gated(rag_run, assert_no_regression):
    assert_no_regression(rag_run(my_rag, ["ndcg@10", "hit_rate@5"]), margins={"ndcg@10": 0.1})
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project whose tests evaluate `my_rag` over sixty questions, where every warning is an error."""
    folder = pytester.path / "topics"
    folder.mkdir()
    (folder / "card.yaml").write_text("name: topics\nlicense: CC0-1.0\n", encoding="utf-8")
    write_lines(folder / "documents.jsonl", [{"id": f"d{i}", "text": f"It is topic {i}."} for i in range(N)])
    write_lines(folder / "questions.jsonl", [{"id": f"q{i}", "text": f"What is topic {i}?"} for i in range(N)])
    rows = [f"q{i}\td{i}\t1\n" for i in range(N)]
    (folder / "labels.tsv").write_text("question_id\tdocument_id\tgrade\n" + "".join(rows), encoding="utf-8")
    configure(pytester, "rageval_benchmark = topics")
    pytester.makepyfile(app=GOOD)
    return pytester


def configure(pytester: pytest.Pytester, *lines: str) -> None:
    pytester.makeini("\n".join(["[pytest]", "strict_markers = true", "filterwarnings = error", *lines]))


def session(pytester: pytest.Pytester, *arguments: object) -> pytest.RunResult:
    """pytest in a process of its own, with this plugin and xdist, and none of those that happen to be installed."""
    plugins = ("-p", PLUGIN, "-p", "xdist", "-p", "no:cacheprovider")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        return pytester.runpytest_subprocess(*plugins, *arguments, timeout=120)


def asked(pytester: pytest.Pytester) -> list[str]:
    """Which questions `my_rag` was asked since the last call, with the workers that asked."""
    file = pytester.path / "asked.txt"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    file.unlink(missing_ok=True)
    return lines


def summary(result: pytest.RunResult) -> list[str]:
    """The lines of rageval's section."""
    text = result.stdout.str()
    assert len(re.findall(r"^=+ rageval =+$", text, re.MULTILINE)) == 1
    return re.split(r"^=+ rageval =+$", text, flags=re.MULTILINE)[1].partition("\n=")[0].strip().splitlines()


def test_from_the_first_baseline_to_a_regression(project: pytest.Pytester) -> None:
    project.makepyfile(test_rag=MY_RAG + GATED)

    updated = session(project, "--rageval-update-baseline")
    updated.assert_outcomes(passed=1)
    assert summary(updated) == [
        "test_rag.py::test_gated: results/baselines/my_rag.json is set from my_rag, nothing is compared"
    ]
    pinned = json.loads((project.path / "results/baselines/my_rag.json").read_text(encoding="utf-8"))
    assert pinned["columns"] == ["digest", "documents", "answer", "hit_rate@5", "ndcg@10"]
    assert all(row[3:] == [1, 1] for row in pinned["questions"].values())
    assert len(asked(project)) == N

    passed = session(project)
    passed.assert_outcomes(passed=1)
    about = "test_rag.py::test_gated: my_rag against my_rag (results/baselines/my_rag.json)"
    first, second = summary(passed)
    assert first == f"{about}: pass"
    assert second.startswith("  ndcg@10 passes: not worse by 0.1, +0.000 [")
    assert len(asked(project)) == N  # anew, whatever lies in results

    project.makepyfile(app=WORSE)
    failed = session(project, f"--junitxml={project.path / 'junit.xml'}")
    failed.assert_outcomes(failed=1)
    first, second = summary(failed)
    assert first == f"{about}: fail"
    assert second.startswith("  ndcg@10 fails: worse by more than 0.1, -0.500 [")
    told = [line.removeprefix("E").strip() for line in failed.stdout.lines if line.startswith("E  ")]
    assert told[0].startswith("AssertionError: ndcg@10 fails: worse by more than 0.1, -0.500 [")
    assert "gate: fail" in told
    assert "changed most: ndcg@10" in told
    assert "1.000 → 0.000  q1  What is topic 1?" in told
    assert any(line.startswith("baseline   my_rag  (results/baselines/my_rag.json)") for line in told)
    assert "pytest_plugin.py" not in failed.stdout.str()
    assert "is topic" not in (project.path / "junit.xml").read_text(encoding="utf-8").partition("<failure")[0]
    assert "ndcg@10 fails: worse" in (project.path / "junit.xml").read_text(encoding="utf-8").partition("<failure")[0]


def test_workers_share_a_run(project: pytest.Pytester) -> None:
    """Four tests on two workers want one pipeline: it is asked each question once. They score other metrics, set one
    baseline together, and compare with it.
    """
    tests = [
        f"def test_{i}(rag_run, assert_no_regression):\n"
        f"    started()\n"
        f"    assert_no_regression(rag_run(my_rag, ['{metric}']), margins={{'{metric}': 0.1}})\n"
        for i, metric in enumerate(["ndcg@10", "mrr@10", "recall@5", "hit_rate@5"])
    ]
    together = """
import time
def started():
    worker = os.environ["PYTEST_XDIST_WORKER"]
    open(f"{worker}.txt", "w").close()
    while not (os.path.exists("gw0.txt") and os.path.exists("gw1.txt")):
        time.sleep(0.01)
"""
    project.makepyfile(test_rag=MY_RAG + together + "".join(tests))
    updated = session(project, "-n", "2", "--rageval-update-baseline")
    updated.assert_outcomes(passed=4)
    assert len(summary(updated)) == 4
    assert all(line.endswith("my_rag.json is set from my_rag, nothing is compared") for line in summary(updated))
    questions, workers = zip(*(line.split() for line in asked(project)), strict=True)
    assert sorted(questions) == sorted(f"q{i}" for i in range(N))
    assert len(set(workers)) == 1  # the other one waited, and found all done
    pinned = json.loads((project.path / "results/baselines/my_rag.json").read_text(encoding="utf-8"))
    assert pinned["columns"] == ["digest", "documents", "answer", "hit_rate@5", "mrr@10", "ndcg@10", "recall@5"]

    project.makepyfile(app=WORSE)
    failed = session(project, "-n", "2")
    failed.assert_outcomes(failed=4)
    lines = summary(failed)
    assert [line.split()[0] for line in lines[1::2]] == ["ndcg@10", "mrr@10", "recall@5", "hit_rate@5"]
    assert all(line.endswith(": fail") for line in lines[::2])
    assert len(asked(project)) == N
    assert all(path.is_dir() for path in (project.path / "results" / "runs").iterdir())
    assert [path.name for path in (project.path / "results" / "baselines").iterdir()] == ["my_rag.json"]


def test_inconclusive_fails_unless_allowed(project: pytest.Pytester) -> None:
    """Sixty questions cannot show a margin of 0.01, which takes some 3 / 0.01 of them."""
    project.makepyfile(
        test_rag=MY_RAG
        + """
import pytest

@pytest.fixture(scope="session")
def run(rag_run):
    return rag_run(my_rag, ["ndcg@10"])

def test_refused(run, assert_no_regression):
    assert_no_regression(run, run, margins={"ndcg@10": 0.01})

def test_allowed(run, assert_no_regression):
    result = assert_no_regression(run, run, margins={"ndcg@10": 0.01}, allow_inconclusive=True)
    assert (result.verdict, run["ndcg@10"].point, run["ndcg@10"].n) == ("inconclusive", 1.0, 60)

def test_set(run, assert_no_regression):
    assert_no_regression(run, "set", margins={"ndcg@10": 0.01})

def test_set_from_another(rag_run, assert_no_regression):
    assert_no_regression(rag_run(my_rag, ["mrr@10"], name="other"), "set", margins={"mrr@10": 0.2})
"""
    )
    result = session(project, "--rageval-update-baseline")
    result.assert_outcomes(passed=2, failed=2)
    assert (
        "results/baselines/set.json: found that this session set it from my_rag already, expected one run for each "
        "baseline: give other another baseline or name"
    ) in result.stdout.lines
    lines = summary(result)
    assert lines[0].endswith("test_allowed: my_rag against my_rag " + lines[0].partition("my_rag against my_rag ")[2])
    assert lines[0].endswith(": inconclusive, which is allowed here")
    told = [line for line in result.stdout.lines if line.startswith("E ")]
    assert "AssertionError: ndcg@10 is inconclusive at margin 0.01, +0.000 [" in told[0]
    assert "would decide it" in told[0] or "more questions than these 60 are needed" in told[0]
    assert "margin 0.01 is too small for 60 questions" in "\n".join(lines)


SYSTEM = """
import io

class System:
    def __init__(self):
        self.index = io.StringIO()

    def ask(self, question): ...

"""
MISTAKES = {
    "metric": ('rag_run(my_rag, ["ndgc@10"])', "unknown metric 'ndgc@10'"),
    "no_metrics": ("rag_run(my_rag)", "metrics: found an empty list"),
    "pipeline": ('rag_run("naive_", ["ndcg@10"])', "pipelines: found 'naive_', expected a path or one of"),
    "method": (
        'rag_run(System().ask, ["ndcg@10"])',
        "rag_run: found ask, which holds a _io.StringIO (System.ask.self.index), whose content cannot be read",
    ),
    "name": ('rag_run(my_rag, ["ndcg@10"], name="a/b")', "name: found 'a/b', expected letters, digits"),
    "margin": ('check(run, run, margins={"ndcg@10": 1.0})', "gate: found margin 1 for ndcg@10"),
    "unscored": (
        'check(run, run, margins={"map": 0.1})',
        ": found no map, expected it beside ndcg@10: score it as well",
    ),
    "damaged": ('check(run, "broken.json", margins={"ndcg@10": 0.1})', "broken.json: found no baseline, expected JSON"),
    "nowhere": (
        'check(run, "v1", margins={"ndcg@10": 0.1})',
        "results/baselines/v1.json: found no baseline: set it with",
    ),
}


def test_mistakes_are_told_in_one_line(project: pytest.Pytester) -> None:
    tests = [
        f"def test_{name}(rag_run, assert_no_regression):\n"
        f"    check, run = assert_no_regression, rag_run(my_rag, ['ndcg@10'])\n    {call}\n"
        for name, (call, _) in MISTAKES.items()
    ]
    project.makepyfile(test_rag=MY_RAG + SYSTEM + "".join(tests))
    (project.path / "broken.json").write_text("{", encoding="utf-8")
    result = session(project)
    result.assert_outcomes(failed=len(MISTAKES))
    reports = re.split(r"^_+ test_(\w+) _+$", result.stdout.str().partition("= FAILURES =")[2], flags=re.MULTILINE)
    told = dict(zip(reports[1::2], reports[2::2], strict=True))
    assert list(told) == list(MISTAKES)
    for name, (_, expected) in MISTAKES.items():
        failure = re.split(r"\n(?:=|-+ Captured log)", told[name])[0]
        (line,) = failure.strip().splitlines()
        assert expected in line


def test_where_the_benchmark_comes_from(project: pytest.Pytester) -> None:
    configure(project)
    project.makepyfile(
        test_0_none="def test_it(rag_run): ...",
        test_1_own="""
import pytest, rageval

@pytest.fixture(scope="session")
def rag_benchmark():
    return "topics"

def test_it(rag_run):
    benchmark = rageval.load_benchmark("topics")
    for given in (None, "topics", benchmark):
        run = rag_run({"naive": {"retriever": "bm25", "k": 3}}, ["recall@5"], questions=10, benchmark=given)
        assert (run.pipeline, run["recall@5"].n) == ("naive", 10)
""",
        test_2_another="""
import pytest

@pytest.fixture(scope="session")
def rag_benchmark():
    return "handbook"

def test_it(rag_run): ...
""",
    )
    result = session(project)
    result.assert_outcomes(errors=2, passed=1)
    none, another = [line for line in result.stdout.lines if line.startswith("rag_benchmark: ")]
    assert none == (
        "rag_benchmark: found no benchmark, expected rageval_benchmark or rageval_experiment in pytest's "
        "configuration, or a fixture rag_benchmark of scope session"
    )
    assert another == (
        "rag_benchmark: found another fixture of this name after rag_run was made, expected one for all tests: give "
        "others as rag_run(…, benchmark=…)"
    )


def test_an_experiment_file_says_all(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Benchmark, questions, metrics and models of a file in another folder; a second session asks its judge nothing."""
    folder = pytester.path / "eval"
    write_benchmark(folder / "small")
    configure(pytester, "rageval_experiment = eval/experiment.yaml")
    pytester.makepyfile(
        test_rag="""
import pytest
from rageval import Document, Hit, Response

def my_rag(question):
    text = "Mount Arlen is 2310 metres high. Its summit was first reached in 1871 by two sisters."
    return Response(hits=(Hit.whole(Document("arlen", text)),), answer="It is 2310 metres high and very cold there.")

@pytest.mark.rageval_judged
def test_it(rag_run):
    run = rag_run(my_rag)
    assert list(run.estimates) == ["hit_rate@5", "answer_relevance"]
    assert run["hit_rate@5"].point == 0.5  # of two questions with labels, Mount Arlen answers one
    assert run["answer_relevance"].n == 2
    assert list(rag_run(my_rag, ["mrr@10"], questions=["en-1"]).estimates) == ["mrr@10"]
"""
    )
    content: dict[str, Any] = {
        "benchmark": "small",
        "questions": {"language": "en", "exclude_tags": ["unanswerable"]},
        "pipelines": ["naive"],
        "metrics": ["hit_rate@5", "answer_relevance"],
        "budget": {"max_calls": 100},
    }
    with FakeServer(respond) as server:
        model = {
            "provider": "openai",
            "base_url": server.base_url,
            "model": "fake",
            "price": {"prompt": 1, "completion": 2},
        }
        content["models"] = {"chat": model, "judge": {**model, "model": "critic"}}
        (folder / "experiment.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        monkeypatch.setenv("OPENAI_API_KEY", "secret-for-the-test")
        session(pytester).assert_outcomes(passed=1)
        calls = server.calls
        session(pytester).assert_outcomes(passed=1)
        assert server.calls == calls > 0
    written = [file for file in pytester.path.rglob("*") if file.is_file()]
    assert not any(b"secret-for-the-test" in file.read_bytes() for file in written)


def test_an_experiment_file_with_parts_of_ones_own(pytester: pytest.Pytester) -> None:
    """Loader, metrics, judges and models beside the file, with settings, found from another folder."""
    folder = pytester.path / "eval"
    folder.mkdir()
    parts = {"mine": LOADER, "words": WORDS, "says": CHAT}
    for name, text in parts.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    (folder / "lines.txt").write_text("one\ntwo\n", encoding="utf-8")
    content = {
        "benchmark": {"mine.py": {"path": "lines.txt"}},
        "pipelines": ["naive"],
        "metrics": [{"words.py": {"most": 4}}, "answer_relevance"],
        "models": {"chat": {"provider": "says.py:Says", "text": "yes", "log": "log.txt"}},
    }
    (folder / "experiment.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    configure(pytester, "rageval_experiment = eval/experiment.yaml")
    pytester.makepyfile(
        test_rag="""
import pytest

@pytest.mark.rageval_judged
def test_it(rag_run):
    run = rag_run(lambda question: "three words more", name="mine")
    assert run["metric.words"].point == 0.25  # three words, of four at worst
    assert run["answer_relevance"].point == 1.0
    assert run["metric.words"].n == 2
"""
    )
    session(pytester).assert_outcomes(passed=1)
    assert (folder / "log.txt").read_text() == "closed"


def test_judged_tests_wait_for_a_model(pytester: pytest.Pytester) -> None:
    """A file without models names none; what is wrong with a file is told by what reads it."""
    plain = "benchmark: small\npipelines: [naive]\nmetrics: [ndcg@10]\n"
    (pytester.path / "plain.yaml").write_text(plain, encoding="utf-8")
    configure(pytester, "rageval_experiment = plain.yaml")
    pytester.makepyfile("import pytest\n@pytest.mark.rageval_judged\ndef test_it(): ...\ndef test_other(): ...")
    skipped = session(pytester, "-rs")
    skipped.assert_outcomes(skipped=1, passed=1)
    told = "judged by a model: runs with --rageval-judged, or with models in the file that rageval_experiment names"
    assert told in " ".join(skipped.stdout.str().split())
    assert " rageval =" not in skipped.stdout.str()
    session(pytester, "--rageval-judged").assert_outcomes(passed=2)

    configure(pytester, "rageval_experiment = nowhere.yaml")
    pytester.makepyfile("import pytest\n@pytest.mark.rageval_judged\ndef test_it(rag_run): ...")
    mistaken = session(pytester)
    mistaken.assert_outcomes(errors=1)
    assert len([line for line in mistaken.stdout.lines if "nowhere.yaml: " in line and "ERROR" not in line]) == 1


def test_old_runs_go_and_labelled_ones_stay(project: pytest.Pytester) -> None:
    runs = project.path / "results" / "runs"
    days = [runs / f"pytest-2020010{day}T000000-00000{day}-my_rag-0123456789" for day in range(1, 5)]
    for path in (*days, runs / "main-naive-0123456789", runs / "pytest-mine-0123456789"):
        path.mkdir(parents=True)
    (days[0] / "labels").mkdir()
    project.makepyfile(test_none="def test_it(): ...")
    session(project).assert_outcomes(passed=1)
    assert len(list(runs.iterdir())) == 6  # a session that evaluates nothing touches nothing
    project.makepyfile(test_rag=MY_RAG + "def test_it(rag_run): assert rag_run(my_rag, ['ndcg@10']).folder.is_dir()")
    session(project, "test_rag.py").assert_outcomes(passed=1)
    left = {path.name for path in runs.iterdir()}
    assert {days[0].name, days[2].name, days[3].name, "main-naive-0123456789", "pytest-mine-0123456789"} < left
    assert len(left) == 6


@pytest.fixture
def installed(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """With an installed distribution that has the entry point of pyproject.toml, which tests load themselves."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"rageval": PLUGIN}
    info = pytester.path / "installed" / "another_name-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: another-name\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[pytest11]\nrageval = {PLUGIN}\n", encoding="utf-8")
    pytester.syspathinsert(info.parent)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return pytester


@pytest.mark.parametrize("named", [PLUGIN, "rageval"])
def test_it_is_loaded_once(named: str, installed: pytest.Pytester) -> None:
    """Named on the command line, then loaded by its entry point as any installed plugin, then named in conftest.py."""
    manager = installed.parseconfig("-p", named).pluginmanager
    assert manager.load_setuptools_entrypoints("pytest11", name="rageval") == 0
    manager.import_plugin(PLUGIN)
    assert [name for name, plugin in manager.list_name_plugin() if plugin is not None and "rageval" in name] == [named]


def test_it_can_be_left_out(installed: pytest.Pytester) -> None:
    manager = installed.parseconfig("-p", "no:rageval").pluginmanager
    assert manager.load_setuptools_entrypoints("pytest11", name="rageval") == 0
    assert not manager.has_plugin("rageval")


def test_loading_it_imports_nothing_of_rageval() -> None:
    """Of other packages there is pytest alone, which is there already."""
    code = f"import pytest, sys; before = set(sys.modules); import {PLUGIN}; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name for name in done.stdout.split() if name.partition(".")[0] not in sys.stdlib_module_names}
    assert {name for name in loaded if not name.startswith(f"{PLUGIN}.")} == {"rageval", "rageval.integrations", PLUGIN}


def test_the_function_alone(tmp_path: Path) -> None:
    """Imported, it takes runs, sides and paths, and raises."""
    good = write_run(tmp_path / "good", {"ndcg@10": [1.0] * N})
    worse = write_run(tmp_path / "worse", {"ndcg@10": [0.5] * N})
    held = RagRun(worse, "worse", {}, side({"ndcg@10": [0.5] * N}))
    assert assert_no_regression(good, held, {"ndcg@10": 0.1}).verdict == "pass"
    for candidate in (worse, str(worse), held, held.scores):
        with pytest.raises(AssertionError, match=r"^ndcg@10 fails: worse by more than 0\.1, -0\.500 "):
            assert_no_regression(candidate, good, {"ndcg@10": 0.1})
    with pytest.raises(AssertionError, match="inconclusive at margin"):
        assert_no_regression(good, good, {"ndcg@10": 0.01})
    assert assert_no_regression(good, good, {"ndcg@10": 0.01}, allow_inconclusive=True).verdict == "inconclusive"
    few = write_run(tmp_path / "few", {"ndcg@10": [1.0] * 40})
    assert len(assert_no_regression(few, good, {"ndcg@10": 0.1}).left_out.not_in_all) == N - 40
    with pytest.raises(NotComparableError, match="found another corpus"):
        assert_no_regression(replace(held.scores, corpus="other"), good, {"ndcg@10": 0.1})
    with pytest.raises(NotComparableError, match="found neither a run folder"):
        assert_no_regression(tmp_path / "nowhere", good, {"ndcg@10": 0.1})
    with pytest.raises(DeclarationError, match="found no margin"):
        assert_no_regression(good, good, {})
