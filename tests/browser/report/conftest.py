"""Reports that several tests look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.perf.synthetic_runs import write_runs
from rageval.io.run_folder import RunFolder
from rageval.report.html.write import write_report
from rageval.scores.human_labels import HumanLabel, MetricLabels


@dataclass(frozen=True)
class Made:
    """A report and the runs in it."""

    file: Path
    runs: list[Path]


@pytest.fixture(scope="session")
def lakes(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """120 questions by four pipelines with two settings; two people labelled answers of the first run."""
    folder = tmp_path_factory.mktemp("lakes")
    runs = write_runs(folder, questions=120, pipelines=4)
    run = RunFolder(runs[0])
    scored = run.scores()["answer_relevance"]["questions"]
    said = [*scored][:30]
    labels = tuple(
        HumanLabel(question, float(at % 7 != number), name)
        for number, name in enumerate(("ann", "bo"))
        for at, question in enumerate(said)
    )
    told = MetricLabels("answer_relevance", labels, None, "picked by hand", {}, (said[-1],))
    run.write_labels("answer_relevance", told.to_json())
    write_report(runs, folder / "report.html")
    return Made(folder / "report.html", runs)
