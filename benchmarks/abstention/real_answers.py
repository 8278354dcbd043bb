"""What the words of real answers say of abstaining: prints the table of docs/answers.md.

    .venv/bin/python benchmarks/abstention/real_answers.py DATA

DATA holds published sets in folders of these names: `openqa` (answers of systems to NQ, ehsk/OpenQA-eval), `clapnq`
(primeqa/clapnq), `musique` (OSU-NLP-Group/HippoRAG), `tatqa` (NExTplusplus/TAT-QA), `rgb_zh` (chen700564/RGB) and
`mtragun` (IBM/mt-rag-benchmark, whose turns say whether they can be answered). None of them is trained on.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from rageval.pipeline.abstention import is_abstention


def lines(path: Path) -> Iterator[Any]:
    return (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())


def flat(value: Any) -> Iterator[str]:
    """Strings and numbers, however deep within lists."""
    if isinstance(value, list):
        for one in cast("list[Any]", value):
            yield from flat(one)
    else:
        yield str(value)


def answers(data: Path) -> Mapping[str, Sequence[str]]:
    """By set, and by whether the question can be answered."""
    found: dict[str, list[str]] = defaultdict(list)
    with (data / "openqa" / "NQ301_human.tsv").open(encoding="utf-8", newline="") as file:
        found["OpenQA, systems' answers"] = [row["Model answer"] for row in csv.DictReader(file, delimiter="\t")]
    for row in lines(data / "clapnq" / "clapnq_dev_answerable.jsonl"):
        found["CLAPNQ"] += [output["answer"] for output in row["output"]]
    questions = json.loads((data / "musique" / "questions.json").read_text(encoding="utf-8"))
    found["MuSiQue"] = [str(question["answer"]) for question in questions]
    for context in json.loads((data / "tatqa" / "dev.json").read_text(encoding="utf-8")):
        found["TAT-QA"] += [", ".join(flat(question["answer"])) for question in context["questions"]]
    for name in ("zh_fact.json", "zh_refine.json"):
        for row in lines(data / "rgb_zh" / name):
            found["RGB, Chinese"] += flat(row["answer"])
    for row in lines(data / "mtragun" / "reference.jsonl"):
        kind = next(flat(row["answerability"])).lower()
        found[f"MTRAG-UN, {kind}"] += [target["text"] for target in row["targets"]]
    return {name: [text for text in texts if text and text.strip()] for name, texts in found.items()}


def main() -> None:
    print("| real answers | n | abstain | answer | left open |")
    print("|---|---|---|---|---|")
    for name, texts in answers(Path(sys.argv[1])).items():
        read = [is_abstention(text) for text in texts]
        print(f"| {name} | {len(read)} | {read.count(True)} | {read.count(False)} | {read.count(None)} |")


if __name__ == "__main__":
    main()
