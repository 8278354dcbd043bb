"""A run that retrieved three documents for two questions, over a benchmark in a folder with two labels."""

from __future__ import annotations

from pathlib import Path

from rageval.io.run_folder import RunFolder
from tests.conftest import CommandLine
from tests.flow.small_world import write_experiment, write_lines

DOCUMENTS = {
    "corva": "Lake Corva is 61 metres deep. 🐟 Its water is salty.",
    "donghu": "东湖最深处四十米。东湖的水是淡水。东湖的水很清。",
    "hills": "The hills are green.",
}
QUESTIONS = {"q1": "How deep is Lake Corva?", "q2": "东湖的水是淡水吗？"}


def make_document_run(folder: Path, command_line: CommandLine) -> RunFolder:
    """Makes `benchmark` and `results` in the folder, which must be the current one."""
    benchmark = folder / "benchmark"
    benchmark.mkdir()
    (benchmark / "card.yaml").write_text("name: lakes\n", encoding="utf-8")
    write_lines(benchmark / "documents.jsonl", [{"id": name, "text": text} for name, text in DOCUMENTS.items()])
    write_lines(benchmark / "questions.jsonl", [{"id": name, "text": text} for name, text in QUESTIONS.items()])
    table = "question_id\tdocument_id\tgrade\tquote\tstart\tend\nq1\thills\t1\t\t\t\nq2\thills\t1\t\t\t\n"
    (benchmark / "labels.tsv").write_text(table, "utf-8")
    ranked = [
        f"{question} Q0 {doc} {rank} {9 - rank} t" for question in QUESTIONS for rank, doc in enumerate(DOCUMENTS)
    ]
    (folder / "theirs.run").write_text("\n".join(ranked), encoding="utf-8")
    experiment = write_experiment(
        folder,
        "http://127.0.0.1:9",
        benchmark="benchmark",
        pipelines=[{"recorded": {"path": "theirs.run"}}],
        metrics=["ndcg@10"],
        models=None,
    )
    ended = command_line("run", experiment, "--out", "results")
    assert ended.code == 0, ended.err
    (path,) = (folder / "results" / "runs").iterdir()
    return RunFolder(path)
