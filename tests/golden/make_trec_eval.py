"""Labels and a run, drawn at random, with the numbers of trec_eval's own C code (pytrec_eval-terrier) for them.

    python -m tests.golden.make_trec_eval     # writes qrels.txt, run.txt and expected.json beside this file

They hold what a reader or a metric may get wrong: ties, scores that are equal as C floats alone, negative scores,
several grades, negative grades, a rank column that contradicts the scores, ids outside ASCII, documents without a
label, a ranking longer than every cutoff, a question without a relevant document, one without a hit that is labelled,
one that the run lacks, and one that the labels lack.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytrec_eval

FOLDER = Path(__file__).parent
SEED = 20261121
CUTOFFS = (5, 10, 15, 20, 30, 100, 200, 500, 1000)
MEASURES = (
    "map",
    "Rprec",
    "recip_rank",
    "ndcg",
    *(f"success_{k}" for k in (1, 5, 10)),
    *(f"{name}_{k}" for name in ("P", "recall", "ndcg_cut", "map_cut") for k in CUTOFFS),
)
DEPTHS = {"q1": 1050, "q2": 60, "q3": 40, "q4": 25, "q5": 12, "q6": 7, "q7": 3, "问题": 30}
NO_RELEVANT, NO_LABELLED_HIT = "q5", "q6"
FORGOTTEN, UNKNOWN = "forgotten", "unknown"

Labels = Mapping[str, Mapping[str, int]]
Run = Mapping[str, Mapping[str, float]]


def draw() -> tuple[Labels, Run]:
    """Labels and scores by question and document."""
    rng = np.random.default_rng(SEED)
    documents = [f"d{number}" for number in range(1500)] + [f"文档{number}" for number in range(20)]
    labels: dict[str, dict[str, int]] = {}
    run: dict[str, dict[str, float]] = {}
    for question, depth in DEPTHS.items():
        drawn = rng.choice(documents, depth + 15, replace=False).tolist()
        found, missed = drawn[:depth], drawn[depth:]
        labelled = missed if question == NO_LABELLED_HIT else [*found[::2], *missed]
        grades = rng.choice([-1, 0, 0, 1, 1, 2, 3], len(labelled)) * (question != NO_RELEVANT)
        labels[question] = dict(zip(labelled, grades.tolist(), strict=True))
        of_found = np.array([labels[question].get(one, 0) for one in found])
        scores = np.round(of_found + rng.normal(0, 2, depth), 1) + rng.choice([0.0, 1e-12], depth)
        run[question] = dict(zip(found, scores.tolist(), strict=True))
    labels[FORGOTTEN] = {"d1": 1, "d2": 0}
    run[UNKNOWN] = {"d1": 1.0, "d2": -1.0}
    return labels, run


def trec_eval(labels: Labels, run: Run) -> dict[str, dict[str, float]]:
    """Values by measure and question, with `all` for the mean over the labelled questions (`trec_eval -c`)."""
    found = pytrec_eval.RelevanceEvaluator(labels, {*MEASURES}).evaluate(run)
    expected: dict[str, dict[str, float]] = {}
    for measure in MEASURES:
        values = {question: found.get(question, {}).get(measure, 0.0) for question in labels}
        expected[measure] = {**values, "all": sum(values.values()) / len(values)}
    return expected


def main(folder: Path = FOLDER) -> None:
    labels, run = draw()
    qrels = [f"{question} 0 {doc} {grade}\n" for question, some in labels.items() for doc, grade in some.items()]
    (folder / "qrels.txt").write_text("".join(qrels), encoding="utf-8")
    lines = [
        f"{question} Q0 {doc} {rank} {score!r} drawn\n"
        for question, some in run.items()
        for rank, (doc, score) in enumerate(some.items(), 1)
    ]
    (folder / "run.txt").write_text("".join(lines), encoding="utf-8")
    expected = json.dumps(trec_eval(labels, run), ensure_ascii=False, indent=1)
    (folder / "expected.json").write_text(f"{expected}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
