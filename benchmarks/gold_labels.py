"""Fill in a sheet of `rageval sample RUN --metric context_relevance` from the benchmark's own relevance labels.

    python benchmarks/gold_labels.py RUN SHEET.jsonl

For a benchmark whose relevance labels were made by people, they are the people: a passage helps if its document is
labelled relevant, and the label of a question is the share of its context that helps.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rageval.io.run_folder import RunFolder
from rageval.types import Response


def main(run: Path, sheet: Path) -> None:
    folder = RunFolder(run)
    questions, outcomes = folder.questions(), folder.outcomes()
    rows = [json.loads(line) for line in sheet.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        _, grades = questions[row["question_id"]]
        outcome = outcomes[row["question_id"]]
        assert isinstance(outcome, Response)
        passages = outcome.context_passages
        helping = sum(grades.get(passage.doc_id, 0) > 0 for passage in passages)
        row.update(label=helping / len(passages), annotator="relevance labels")
    sheet.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
