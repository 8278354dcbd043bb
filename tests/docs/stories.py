"""Three worked stories, whose numbers are computed: writes docs/stories.md.

python -m tests.docs.stories
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

import rageval
from rageval.decide.comparison import Comparison
from rageval.decide.gate import MetricGate
from rageval.stats import PairedResult, against_margin, paired_difference
from rageval.stats.labelled import WHOLE, LabelledDifference, labelled_difference
from rageval.stats.permutation import sign_flip_p_value

PAGE = Path(__file__).parents[2] / "docs" / "stories.md"
METRICS = ["ndcg@10", "evidence_recall@3"]
QUESTIONS, LABELLED = 200, 40


def run_handbook(tokens: int, out: Path) -> str:
    """The folder of a run of BM25 over passages of so many tokens."""
    pipeline = {"naive": {"retriever": "bm25", "k": 5, "chunk_tokens": tokens}}
    rageval.evaluate(
        "handbook",
        [pipeline],
        METRICS,
        questions={"exclude_tags": ["unanswerable"]},
        name=f"passages-{tokens}",
        out=out,
    )
    (run,) = (out / "runs").glob(f"passages-{tokens}-*")
    return str(run)


def signed(x: float) -> str:
    return f"{x:+.3f}"


def p_of(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def interval(one: Comparison | MetricGate | PairedResult) -> str:
    d = one.difference
    return f"{signed(d.point)} [{signed(d.low)}, {signed(d.high)}]"


def answers() -> tuple[np.ndarray, np.ndarray]:
    """What people and what a judge say of two systems' answers to 200 questions; B writes long answers, which the judge
    likes even where they are wrong.
    """
    rng = np.random.default_rng(7)
    right = rng.random((2, QUESTIONS)) < np.array([[0.80], [0.45]])
    fooled = rng.random((2, QUESTIONS)) < np.array([[0.05], [0.90]])
    missed = rng.random((2, QUESTIONS)) < 0.02
    return right.astype(float), np.where(right, ~missed, fooled).astype(float)


def by_judge_and_labels() -> tuple[PairedResult, bool, LabelledDifference, bool]:
    """The comparison by the judge and whether its gate passes; by 40 labels of both, and whether that gate fails."""
    people, judge = answers()
    d, f = people[1] - people[0], judge[1] - judge[0]
    drawn = np.random.default_rng(40).permutation(QUESTIONS)
    mine, others = drawn[:LABELLED], drawn[LABELLED:]
    by_judge = paired_difference(judge[0], judge[1])
    passes = against_margin(judge[0], judge[1], 0.05).p_pass <= 0.05
    by_labels = labelled_difference(d[mine], f[mine], f[others])
    fails = labelled_difference(d[mine], f[mine], f[others], unseen=WHOLE).against(0.05).p_fail <= 0.05
    return by_judge, passes, by_labels, fails


def make_page(folder: Path) -> str:
    runs = {tokens: run_handbook(tokens, folder) for tokens in (32, 128, 256)}
    gated = rageval.gate(runs[256], runs[32], {"ndcg@10": 0.05, "evidence_recall@3": 0.05})
    ndcg, evidence = gated.gates["ndcg@10"], gated.gates["evidence_recall@3"]
    told = rageval.compare(runs[128], runs[256], ["evidence_recall@3"]).comparisons["evidence_recall@3"]
    alone = rageval.compare(runs[128], runs[256], ["evidence_recall@3"], cluster_by="none").comparisons[
        "evidence_recall@3"
    ]
    rng = np.random.default_rng(3)
    gains = np.full(30, 0.02)
    lucky, _ = sign_flip_p_value(gains, rng=rng)
    guarded = paired_difference(np.full(30, 0.5), np.full(30, 0.52))
    by_judge, passes, by_labels, fails = by_judge_and_labels()
    low, high = by_labels.interval(0.95)
    ends = by_labels.labels_only
    return f"""# Three worked stories

The numbers are computed by `python -m tests.docs.stories`, and a test makes them again.

## A regression caught

Somebody cuts the handbook's passages from 256 to 32 tokens: they are cheaper to read. By nDCG@10 retrieval looks as
good as before: {ndcg.pairs.baseline_mean:.3f} before, {ndcg.pairs.candidate_mean:.3f} after. nDCG asks whether the
right document was found, and small passages of it are found as well as large ones. What the generator needs is the
sentence with the answer. `evidence_recall@3` says how much of it is in the first three passages:
{evidence.pairs.baseline_mean:.3f} before, {evidence.pairs.candidate_mean:.3f} after.

```
rageval gate passages-32 --baseline passages-256 --margin ndcg@10=0.05 --margin evidence_recall@3=0.05
```

- ndcg@10: **{ndcg.verdict}**, {interval(ndcg)}.
- evidence_recall@3: **{evidence.verdict}**, {interval(evidence)}.
- The gate: **{gated.verdict}**. Each question on which the answer fell out of the first three is in its report.

## A false alarm avoided

Passages of 256 tokens instead of 128: `evidence_recall@3` goes from {told.pairs.baseline_mean:.3f} to
{told.pairs.candidate_mean:.3f}. Taken question by question the case is clear:
{interval(alone)}, {p_of(alone.p_value)}. But several questions were written from each document. If a
document happens to be cut well, all its questions gain. Questions that share a document are not independent, so these
{told.pairs.n} count for less:
{interval(told)}, {p_of(told.p_value)}. The verdict is "{told.verdict}", and the larger passages, which cost
twice the tokens, wait for more documents.

The same happens without documents where losses are rare. A change gains 0.02 on each of 30 questions. A test that flips
signs, which is what most tools run, gives {p_of(lucky)}. But 30 questions without a loss do not show that there is
none: a loss of 0.6 on one question in thirty makes up for all of it. The interval knows that:
{interval(guarded)}. The verdict is "cannot be told apart".

## Forty labels that moved a conclusion

Two systems answer {QUESTIONS} questions (simulated: B writes longer answers, which the judge likes even where they are
wrong). By the judge B is better:
{interval(by_judge)}, {p_of(by_judge.p_value)}, and a gate with a margin of 0.05
{"passes" if passes else "does not pass"} it. Every number carries a †: nobody has checked the judge.

People label {LABELLED} answers of each, to the same random questions (`rageval sample`, `rageval label` for both runs).
By labels and judge together the difference is
{signed(by_labels.point)} [{signed(low)}, {signed(high)}], {p_of(by_labels.p_value)}: B is **worse**, and the gate
**{"fails" if fails else "is inconclusive"}**. The labels alone say [{signed(ends[0])}, {signed(ends[1])}]. What was
precise was precise about the wrong thing.
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        PAGE.write_text(make_page(Path(folder)), encoding="utf-8")
    print(PAGE, file=sys.stderr)


if __name__ == "__main__":
    main()
