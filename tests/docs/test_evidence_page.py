"""docs/evidence.md: its commands run as written, and its numbers are those of the measured page."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from rageval.metrics import ALL_METRICS
from tests.conftest import CommandLine

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "evidence.md").read_text(encoding="utf-8")
MEASURED = (DOCS / "chunk_sizes_measured.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    return found


def cells(page: str, metric: str) -> list[list[str]]:
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    return [row[1:] for row in rows if row[0].strip("`") == metric]


def test_the_commands_run(tmp_path: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sizes.yaml").write_text(block("yaml"), encoding="utf-8")
    chunking, sweep = [shlex.split(line)[1:] for line in block("bash").splitlines()]
    ended = command_line(*chunking)
    assert ended.code == 0, ended.err
    assert ended.out.startswith("all: naive(retriever=bm25)\n")
    assert re.search("^chunk_tokens=384 ", ended.out, flags=re.MULTILINE)
    ended = command_line(*sweep)
    assert ended.code == 0, ended.err
    told = Path("results/sweeps/sizes.md").read_text(encoding="utf-8")
    assert "evidence_recall@500t, evidence_iou@500t, evidence_all@3 see passages; ndcg@10 see whole" in told


def test_the_python_block_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """Small passages hold little but evidence."""
    exec(block("python"), {})
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [size for size, _ in rows] == ["32", "128", "384"]
    values = [float(value) for _, value in rows]
    assert values == sorted(values, reverse=True)


def test_every_evidence_metric_is_explained() -> None:
    explained = set(re.findall(r"^\| `(\w+)@k` \|", PAGE, flags=re.MULTILINE))
    assert explained == {metric.name for metric in ALL_METRICS if metric.kind == "evidence"}


@pytest.mark.parametrize(
    "metric", ["ndcg@10", "hit_rate@3", "evidence_recall@3", "evidence_all@3", "evidence_all@500t"]
)
def test_the_table_of_sizes_is_what_was_measured(metric: str) -> None:
    ((*means, told),) = cells(PAGE, metric)
    measured, apart = cells(MEASURED, metric)
    assert means == [cell.partition(" ")[0] for cell in measured]
    assert told.split()[0] == apart[0]
