"""Small imitations of retrieval sets, file by file in the layouts in which BEIR publishes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Rows = Sequence[Mapping[str, Any]]
HEADER = "query-id\tcorpus-id\tscore\n"


def write_beir(folder: Path, corpus: Rows, queries: Rows, **qrels: str) -> Path:
    """A BEIR folder; `qrels` are the contents of the files by split."""
    (folder / "qrels").mkdir(parents=True)
    for name, rows in (("corpus", corpus), ("queries", queries)):
        lines = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    for split, text in qrels.items():
        (folder / "qrels" / f"{split}.tsv").write_text(text, encoding="utf-8")
    return folder


def fiqa(folder: Path) -> Path:
    """Documents without any text among the others, one of them labelled (beir-cellar/beir, issue 158)."""
    texts = {"3": "I'm not saying I don't like the idea.", "31": "So nothing is preventing false ratings.", "59": ""}
    return write_beir(
        folder,
        [{"_id": name, "title": "", "text": text, "metadata": {}} for name, text in {**texts, "7915": ""}.items()],
        [{"_id": name, "text": f"Question {name}?", "metadata": {}} for name in ("0", "4641", "9")],
        test=HEADER + "0\t3\t1\n0\t59\t1\n4641\t31\t1\n",
        train=HEADER + "9\t3\t1\n",
    )


def arguana(folder: Path) -> Path:
    """Questions that are documents, and a label whose document is not there (issues 14 and 101)."""
    names = [
        f"test-economy-epsih-{side}{number}{part}" for side in ("pro", "con") for number in (1, 2) for part in "ab"
    ]
    arguments = {name: f"Argument {name}, at some length." for name in names}
    asked = [name for name in names if name.endswith("a")]
    labels = "".join(f"{name}\t{name[:-1]}b\t1\n" for name in asked[:3]) + f"{asked[3]}\ttest-gone-con03b\t1\n"
    return write_beir(
        folder,
        [{"_id": name, "title": "On schools", "text": text, "metadata": {}} for name, text in arguments.items()],
        [{"_id": name, "text": arguments[name], "metadata": {}} for name in asked],
        test=HEADER + labels,
    )


def nfcorpus(folder: Path) -> Path:
    """Grades 1 and 2, addresses as metadata, and labels of a question that is not there (issue 202)."""
    return write_beir(
        folder,
        [
            {"_id": f"MED-{n}", "title": f"Study {n}", "text": f"Statins {n}.", "metadata": {"url": "x"}}
            for n in (10, 14, 118)
        ],
        [{"_id": "PLAIN-12", "text": "Exploiting Autophagy", "metadata": {"url": "x"}}],
        test=HEADER + "PLAIN-2\tMED-10\t2\nPLAIN-2\tMED-14\t2\nPLAIN-12\tMED-118\t2\nPLAIN-12\tMED-10\t1\n",
    )


def quora(folder: Path) -> Path:
    """Questions for documents: no titles, and the same question under the same id among the documents."""
    texts = {"46": "Which question should I ask?", "134031": "What should I ask?", "187": "How deep is a lake?"}
    return write_beir(
        folder,
        [{"_id": name, "text": text, "title": "", "metadata": {}} for name, text in texts.items()],
        [{"_id": name, "text": texts[name], "metadata": {}} for name in ("46", "187")],
        test=HEADER + "46\t134031\t1\n187\t134031\t1\n",
        dev=HEADER + "187\t46\t1\n",
    )


def trec_covid(folder: Path) -> Path:
    """Grades from -1 to 2, documents that are a title alone, and one line of labels twice."""
    papers = {"ug7v899j": "Clinical features.", "02tnwd4m": "", "ejv2xln0": "Surfactant protein-D."}
    return write_beir(
        folder,
        [
            {"_id": name, "title": f"Paper {name}", "text": text, "metadata": {"url": "x", "pubmed_id": "1"}}
            for name, text in papers.items()
        ],
        [{"_id": n, "text": f"topic {n}?", "metadata": {"query": "q", "narrative": "n"}} for n in ("1", "2")],
        test=HEADER
        + "1\tug7v899j\t2\n1\t02tnwd4m\t-1\n1\tejv2xln0\t0\n2\tejv2xln0\t1\n2\tejv2xln0\t1\n2\t005b2j4b\t2\n",
    )


def cqadupstack(folder: Path) -> Path:
    """One folder for each forum, whose ids are numbers of its own."""
    for forum in ("android", "webmasters"):
        write_beir(
            folder / forum,
            [{"_id": n, "title": f"Post {n}", "text": "How?", "metadata": {"tags": [forum]}} for n in ("51829", "9")],
            [{"_id": "11546", "text": "Android chroot?", "metadata": {"tags": []}}],
            test=HEADER + "11546\t9\t1\n",
        )
    return folder


SETS: Mapping[str, tuple[Callable[[Path], Path], Mapping[str, int]]] = {
    "fiqa": (fiqa, {"document without text": 2, "label of an unknown document": 1}),
    "arguana": (arguana, {"label of an unknown document": 1, "question that is a document": 4}),
    "nfcorpus": (nfcorpus, {"label of an unknown question": 2}),
    "quora": (quora, {"question that is a document": 2}),
    "trec-covid": (trec_covid, {"label given again": 1, "label of an unknown document": 1}),
}
"""How to write each set, and what loading it tolerates, by kind."""
