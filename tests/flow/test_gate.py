"""Compare, gate and baseline from the command line, on finished run folders: files, exit codes, one-line refusals."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from rageval.io.run_folder import RunFolder
from rageval.types import Json, Response
from tests.conftest import CommandLine
from tests.flow.small_world import run_folders, write_benchmark
from tests.unit.sides import JUDGE, ids, write_run

N = 60
TWO_DOCUMENTS_EACH = [f"d{i // 2}" for i in range(N)]


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with finished runs over sixty questions: `good`, `same`, `worse`, and ones that cannot be
    compared with them. Scores are thirds, which six decimals cut.
    """
    monkeypatch.chdir(tmp_path)
    good = [2 / 3, 1.0, 1 / 3] * (N // 3)
    write_run(tmp_path / "good", {"ndcg@10": good, "faithfulness": good}, documents=TWO_DOCUMENTS_EACH)
    write_run(tmp_path / "same", {"ndcg@10": good, "faithfulness": good}, documents=TWO_DOCUMENTS_EACH)
    write_run(tmp_path / "worse", {"ndcg@10": [x - 1 / 3 for x in good], "faithfulness": good})
    write_run(tmp_path / "no_metric", {"map": good})
    write_run(tmp_path / "few", {"ndcg@10": good[:3]})
    elsewhere: dict[str, Json] = {"name": "other", "content_hash": "b" * 64, "corpus": "e" * 64}
    write_run(tmp_path / "elsewhere", {"ndcg@10": good}, benchmark=elsewhere)
    write_run(tmp_path / "changed", {"ndcg@10": good}, digests=dict.fromkeys(ids(N), "other"))
    write_run(tmp_path / "running", {"ndcg@10": good}, status="running")
    judge = {"claim_support": {"key": "claim_support-9", "model": "another critic"}}
    write_run(tmp_path / "other_judge", {"ndcg@10": good, "faithfulness": good}, judges=judge)
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    return tmp_path


def rageval(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """In a process of its own."""
    command = [sys.executable, "-c", "from rageval.cli.app import main; main()", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ("gate same --baseline good --margin ndcg@10=0.1 --cluster-by none", 0, "gate: pass"),
        ("gate same --baseline good --margin ndcg@10=0.1", 3, "these 60 are as good as 30 documents"),
        ("gate worse --baseline good --margin ndcg@10=0.1", 1, "gate: fail"),
        (
            "gate worse --baseline good --margin ndcg@10",
            2,
            "error: --margin: found 'ndcg@10', expected a metric and a ",
        ),
        ("gate same --baseline good --margin ndcg@10=0.01", 3, "gate: inconclusive"),
        (
            "gate few --baseline good --margin ndcg@10=0.1",
            3,
            "Left out: 57 questions that only the baseline has: q003, ",
        ),
        ("gate elsewhere --baseline good --margin ndcg@10=0.1", 4, "error: elsewhere: found another corpus"),
        ("compare good worse", 0, "candidate is worse on ndcg@10 by 0.333"),
        ("compare good nowhere", 4, "error: nowhere: found neither a run folder nor a baseline"),
    ],
)
def test_exit_codes(arguments: str, code: int, told: str, runs: Path) -> None:
    done = rageval(runs, *arguments.split())
    assert done.returncode == code
    assert told in (done.stderr if told.startswith("error: ") else done.stdout)
    assert "Traceback" not in done.stderr


def test_a_baseline_replaces_its_run(runs: Path, command_line: CommandLine) -> None:
    """Pinned, and the run deleted: the same verdict and the same numbers, and rounding changes no question."""
    margins = ("--margin", "ndcg@10=0.2", "--margin", "faithfulness=0.3", "--cluster-by", "document", "--json")
    with_run = json.loads(command_line("gate", "same", "--baseline", "good", *margins).out)
    ended = command_line("baseline", "set", "good", "--name", "main")
    assert (ended.code, ended.out, ended.err) == (0, "results/baselines/main.json\n", "")
    shutil.rmtree("good")
    gated = command_line("gate", "same", "--baseline", "main", *margins)
    assert gated.code == 0
    with_baseline = json.loads(gated.out)
    assert with_baseline["baseline"] == {**with_run["baseline"], "source": "results/baselines/main.json"}
    assert with_baseline["metrics"] == with_run["metrics"]
    assert [one["clusters"] for one in with_run["metrics"].values()] == [N // 2, N // 2]
    compared = json.loads(command_line("compare", "main", "same", "--json").out)
    assert [one["ties"] for one in compared["metrics"].values()] == [N, N]
    assert [one["difference"]["point"] for one in compared["metrics"].values()] == [0.0, 0.0]


def test_reports_are_written_beside_what_is_printed(runs: Path, command_line: CommandLine) -> None:
    files = ("--markdown", "reports/gate.md", "--junit", "reports/gate.xml")
    ended = command_line("gate", "worse", "--baseline", "good", "--margin", "ndcg@10=0.1", *files)
    assert ended.code == 1
    assert (runs / "reports/gate.md").read_text("utf-8").startswith("## Gate: fail\n\n`worse` against `good`\n")
    assert "| `q000` | 0.667 | 0.333 | `What is q000?` |" in (runs / "reports/gate.md").read_text("utf-8")
    (suite,) = ElementTree.parse(runs / "reports/gate.xml").getroot()
    assert [(case.get("name"), case[0].tag) for case in suite] == [("ndcg@10", "failure")]
    assert command_line("compare", "good", "worse", "--markdown", "reports/compare.md").code == 0
    assert "- candidate is worse on ndcg@10 by 0.333" in (runs / "reports/compare.md").read_text("utf-8")


def test_compare_leaves_out_what_others_judged(runs: Path, command_line: CommandLine) -> None:
    data = json.loads(command_line("compare", "good", "other_judge", "--json").out)
    assert list(data["metrics"]) == ["ndcg@10"]
    assert f"good: {JUDGE.key} by {JUDGE.model}; other_judge: claim_support-9" in data["not_compared"]["faithfulness"]


REFUSED = [
    (2, "gate same --baseline good --margin ndgc@10=0.1", "unknown metric 'ndgc@10'"),
    (2, "gate same --baseline good --margin ndcg@10=much", "--margin: found 'ndcg@10=much'"),
    (2, "gate same --baseline good --margin ndcg@10=1", "found margin 1 for ndcg@10"),
    (2, "gate same --baseline good --margin ndcg@10=nan", "found margin nan"),
    (2, "gate same --baseline good --margin ndcg@10=.1 --margin ndcg@10=.1", "found two margins for ndcg@10"),
    (2, "gate same --baseline good --margin ndcg@10=.1 --margin nDCG@10=.1", "found two margins for ndcg@10"),
    (2, "gate same --baseline good --margin ndcg@10=.1 --junit good", "good: cannot be written (Is a directory)"),
    (2, "compare good same --metric recall", "'recall' needs a cutoff"),
    (2, "compare good same --difference 2", "found difference 2"),
    (2, "compare good same --markdown broken.json/x.md", "broken.json/x.md: cannot be written"),
    (2, "baseline set good --name a/b", "--name: found 'a/b'"),
    (2, "baseline set good --out broken.json", "cannot be written (Not a directory)"),
    (4, "baseline set nowhere", "nowhere/manifest.json: no such file"),
    (4, "baseline set running", "running: the run is not finished"),
    (
        4,
        "compare good elsewhere",
        "elsewhere: found another corpus (eeeeeeee) than in good (cccccccc), expected the same",
    ),
    (
        4,
        "compare good changed",
        "changed: found no question of good unchanged (0 questions missing, 60 questions changed)",
    ),
    (
        2,
        "compare good same --by topic",
        "slices by topic: found no such field of the questions, expected language, tag",
    ),
    (2, "gate same --baseline good --margin ndcg@10[topic=a]=0.1", "slices by topic: found no such field"),
    (2, "gate same --baseline good --margin ndcg@10[language=zh]=0.1", "found no question with language 'zh'"),
    (4, "compare good no_metric", "have no metric that can be compared"),
    (4, "compare good no_metric -m ndcg@10", "no_metric: found no ndcg@10, expected it beside map"),
    (4, "compare broken.json good", "broken.json: found no baseline"),
    (4, "gate running --baseline good --margin ndcg@10=0.1", "running: the run is not finished"),
    (4, "gate same --baseline main --margin ndcg@10=0.1", "main: found neither a run folder nor a baseline"),
    (4, "gate other_judge --baseline good --margin faithfulness=0.1", "faithfulness: found other judges"),
]


@pytest.mark.parametrize(("code", "command", "told"), REFUSED, ids=[command for _, command, _ in REFUSED])
def test_one_line_names_place_and_remedy(
    code: int, command: str, told: str, runs: Path, command_line: CommandLine
) -> None:
    ended = command_line(*command.split())
    assert (ended.code, ended.out) == (code, "")
    (line,) = ended.err.splitlines()
    assert line.startswith("error: ")
    assert told in line
    assert not (runs / "results").exists()


@pytest.mark.parametrize(
    "command", ["gate same --margin ndcg@10=0.1", "gate same --baseline good", "baseline pin good"]
)
def test_incomplete_commands(command: str, runs: Path, command_line: CommandLine) -> None:
    ended = command_line(*command.split())
    assert ended.code == 2
    assert "Traceback" not in ended.err


def test_real_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From experiment to verdict through the Python front, on runs that were made, not written."""
    import rageval

    monkeypatch.chdir(tmp_path)
    write_benchmark(tmp_path / "small")
    pipelines: list[Any] = [{"naive": {"retriever": "bm25", "k": 1}}, "oracle"]
    rageval.evaluate("small", pipelines, ["recall@2", "map"])
    folders = run_folders(Path("results"))
    result = rageval.compare(folders["naive"], folders["oracle"], ["recall@2"])
    assert result.comparisons["recall@2"].pairs.ids == ("en-1", "en-2", "zh-1", "zh-2")  # what has labels
    assert result.comparisons["recall@2"].pairs.candidate_mean == 1.0
    gated = rageval.gate(folders["oracle"], folders["oracle"], {"recall@2": 0.05, "map": 0.9})
    assert (gated.verdict, gated.gates["map"].verdict) == ("inconclusive", "pass")
    assert callable(rageval.compare)  # no module of that name hides the function, now that all is imported
    assert callable(rageval.gate)


def test_a_failing_gate_shows_both_answers(runs: Path, command_line: CommandLine) -> None:
    """Those of the baseline come from the file, after its run is gone; with --scores-only it keeps none."""
    for name, said in (("good", "It is 12 m."), ("worse", "It is </details> 21 m.")):
        for question in ids(N):
            RunFolder(runs / name).add_outcome(question, Response(answer=said))
    for options in (["--name", "main"], ["--name", "small", "--scores-only"]):
        assert command_line("baseline", "set", "good", *options).code == 0
    shutil.rmtree("good")
    margin = ("--margin", "ndcg@10=0.1", "--margin", "faithfulness=0.01", "--markdown", "gate.md")
    gate_json = json.loads(command_line("gate", "worse", "--baseline", "main", *margin, "--json").out)
    (lost,) = gate_json["lost_most"].values()
    first = lost["questions"][0]
    assert (first["question_id"], first["before"], first["after"]) == ("q000", 0.666667, 0.333333)
    assert (first["baseline"]["answer"], first["candidate"]["answer"]) == ("It is 12 m.", "It is </details> 21 m.")
    assert command_line("gate", "worse", "--baseline", "small", *margin, "--sequential").code == 1
    told = (runs / "gate.md").read_text("utf-8")
    assert "### Lost most on `ndcg@10` (3 of the 60 questions that lost)" in told
    assert "Baseline: not known" in told
    text = command_line("gate", "worse", "--baseline", "main", *margin, "--markdown-limit", "2500").out
    assert "lost most: ndcg@10 (3 of the 60 questions that lost)\n  0.667 → 0.333  q000  What is q000?\n" in text
    assert "The rest is left out: the whole report has " in (runs / "gate.md").read_text("utf-8")
    assert len((runs / "gate.md").read_text("utf-8")) <= 2500


def test_answers_that_cannot_be_read_change_no_verdict(runs: Path, command_line: CommandLine) -> None:
    write_run(runs / "bare", {"ndcg@10": [0.0] * N})
    (runs / "bare" / "responses.jsonl").write_text("{\n", encoding="utf-8")
    ended = command_line("gate", "bare", "--baseline", "good", "--margin", "ndcg@10=0.1", "--markdown", "gate.md")
    assert ended.code == 1
    assert "Candidate: not known" in (runs / "gate.md").read_text("utf-8")
