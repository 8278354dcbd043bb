"""pytrec_eval (trec_eval's C code) as the oracle, on drawn labels and runs.

pytrec_eval holds a ranking in a dict, so it cannot be given a document twice. Where a drawn ranking repeats one, the
oracle gets the repeats already removed: of equal documents the one with the highest score stays.

pytrec_eval 0.5.11 overruns its memory (it hangs or crashes) where all grades of a question are negative, so there it is
given zeros, which mean the same.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from rageval.metrics import Metric, parse
from rageval.metrics.ranking import LabelArrays, RunArrays, score_arrays, score_rankings
from rageval.types import Score

CUTOFFS = (1, 2, 3, 5, 10)
PAIRS = {
    **{f"hit_rate@{k}": f"success_{k}" for k in CUTOFFS},
    **{f"precision@{k}": f"P_{k}" for k in CUTOFFS},
    **{f"recall@{k}": f"recall_{k}" for k in CUTOFFS},
    **{f"ndcg@{k}": f"ndcg_cut_{k}" for k in CUTOFFS},
    **{f"map@{k}": f"map_cut_{k}" for k in CUTOFFS},
    "map": "map",
    "ndcg": "ndcg",
    "mrr": "recip_rank",
    "r_precision": "Rprec",
    "bpref": "bpref",
}
METRICS = [parse(name) for name in PAIRS]
_KS = ",".join(map(str, CUTOFFS))
MEASURES = {f"{name}.{_KS}" for name in ("success", "P", "recall", "ndcg_cut", "map_cut")} | {
    "map",
    "ndcg",
    "recip_rank",
    "Rprec",
    "bpref",
}

Labels = Mapping[str, Mapping[str, int]]
Rankings = Mapping[str, Sequence[tuple[str, float]]]

question_ids = st.sampled_from(["1", "2", "10", "问题", "q-5"])
doc_ids = st.sampled_from(["a", "b", "B", "aa", "a1", "é", "文档", "文", "\uffee", "\U0001f600", "10", "9"])
grades = st.integers(-2, 4)
tied_scores = st.sampled_from([0.0, -0.0, 1.0, 1.0 + 1e-12, 1.0 + 1e-6, -1.0, 2.5, 1e39, 1e40, 1e-46])
scores = st.one_of(tied_scores, st.floats(-100, 100))
labels_strategy = st.dictionaries(question_ids, st.dictionaries(doc_ids, grades, min_size=1), min_size=1)
distinct_runs = st.dictionaries(
    question_ids, st.lists(st.tuples(doc_ids, scores), unique_by=lambda hit: hit[0], max_size=12)
)
repeating_runs = st.dictionaries(question_ids, st.lists(st.tuples(doc_ids, scores), max_size=20))


def ask_pytrec_eval(labels: Labels, run: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Numbers by question and measure, with 0 for questions that pytrec_eval leaves out (`trec_eval -c`)."""
    safe = {
        question: grades if max(grades.values()) >= 0 else dict.fromkeys(grades, 0)
        for question, grades in labels.items()
    }
    found = pytrec_eval.RelevanceEvaluator(safe, MEASURES).evaluate(run)
    return {question: found.get(question, dict.fromkeys(PAIRS.values(), 0.0)) for question in labels}


def assert_agreement(labels: Labels, rankings: Rankings, run: Mapping[str, Mapping[str, float]]) -> None:
    expected = ask_pytrec_eval(labels, run)
    scored = score_rankings(METRICS, labels, rankings, list(labels))
    for metric, their_name in zip(METRICS, PAIRS.values(), strict=True):
        for question in labels:
            score = scored[metric][question]
            assert isinstance(score, Score)
            assert math.isclose(score.value, expected[question][their_name], rel_tol=0, abs_tol=1e-9), (
                metric,
                question,
            )


@settings(max_examples=200, deadline=None)
@given(labels=labels_strategy, rankings=distinct_runs)
def test_ties_grades_and_missing_questions(labels: Labels, rankings: Rankings) -> None:
    assert_agreement(labels, rankings, {question: dict(ranking) for question, ranking in rankings.items()})


@settings(max_examples=200, deadline=None)
@given(labels=labels_strategy, rankings=repeating_runs)
def test_repeated_documents(labels: Labels, rankings: Rankings) -> None:
    best: dict[str, dict[str, float]] = {}
    for question, ranking in rankings.items():
        best[question] = {}
        for doc, score in ranking:
            best[question][doc] = max(score, best[question].get(doc, score))
    assert_agreement(labels, rankings, best)


@pytest.mark.parametrize("seed", [0, 1])
def test_large_ragged_run_in_shuffled_arrays(seed: int) -> None:
    """Enough rows for several blocks: 3,000 questions, 0 to 80 hits, every row at a random place."""
    rng = np.random.default_rng(seed)
    n_questions, n_docs = 3000, 500
    depths = rng.integers(0, 81, n_questions)
    depths[0] = n_docs
    hit_docs = [rng.choice(n_docs, depth, replace=False) for depth in depths]
    label_docs = [rng.choice(n_docs, rng.integers(1, 30), replace=False) for _ in range(n_questions)]
    run = RunArrays(
        np.repeat(np.arange(n_questions), depths),
        np.concatenate(hit_docs),
        rng.integers(-20, 20, depths.sum()).astype(np.float64),
    )
    label_question = np.repeat(np.arange(n_questions), [len(docs) for docs in label_docs])
    labels = LabelArrays(label_question, np.concatenate(label_docs), rng.integers(-1, 4, label_question.size))

    # Zero-padded, so that ids ascend as codes do.
    run_dict: dict[str, dict[str, float]] = {}
    for question, doc, score in zip(run.question.tolist(), run.doc.tolist(), run.score.tolist(), strict=True):
        run_dict.setdefault(f"{question:04d}", {})[f"{doc:03d}"] = score
    label_dict: dict[str, dict[str, int]] = {}
    for question, doc, grade in zip(labels.question.tolist(), labels.doc.tolist(), labels.grade.tolist(), strict=True):
        label_dict.setdefault(f"{question:04d}", {})[f"{doc:03d}"] = grade
    expected = ask_pytrec_eval(label_dict, run_dict)

    rows, label_rows = rng.permutation(run.doc.size), rng.permutation(label_question.size)
    shuffled_run = RunArrays(run.question[rows].astype(np.int32), run.doc[rows], run.score[rows])
    shuffled_labels = LabelArrays(labels.question[label_rows], labels.doc[label_rows], labels.grade[label_rows])
    values = score_arrays(METRICS, shuffled_run, shuffled_labels, n_questions)
    for metric, their_name in zip(METRICS, PAIRS.values(), strict=True):
        theirs = [expected[f"{question:04d}"][their_name] for question in range(n_questions)]
        np.testing.assert_allclose(values[metric], theirs, rtol=0, atol=1e-9, err_msg=str(metric))


@settings(max_examples=50, deadline=None)
@given(labels=labels_strategy, rankings=distinct_runs, k=st.integers(1, 12))
def test_mrr_with_cutoff(labels: Labels, rankings: Rankings, k: int) -> None:
    """pytrec_eval has no cut reciprocal rank: it is the whole one, or 0 where that lies below 1/k."""
    expected = ask_pytrec_eval(labels, {question: dict(ranking) for question, ranking in rankings.items()})
    cut = score_rankings([Metric("mrr", k)], labels, rankings, list(labels))[Metric("mrr", k)]
    for question in labels:
        whole = expected[question]["recip_rank"]
        score = cut[question]
        assert isinstance(score, Score)
        assert math.isclose(score.value, whole if whole > 1 / (k + 0.5) else 0.0, abs_tol=1e-9)
