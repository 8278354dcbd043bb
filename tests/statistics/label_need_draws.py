"""How often a gate is decided by the labels that `rageval.decide.label_need` asks for.

    python -m tests.statistics.label_need_draws [DRAWS]

Two runs of 600 questions, of which 100 have the same answer in both; 60 labels of each first, then the draws asked for.
The true difference is taken to be the one that the need is computed for.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from rageval.decide.label_need import label_need
from rageval.scores.difference_doubts import difference_probabilities
from rageval.scores.pairs import pair
from rageval.scores.run_labels import RunLabels
from rageval.scores.run_scores import RunScores
from rageval.scores.samples import Design
from rageval.stats.labelled import WHOLE
from tests.statistics.active_draws import JUDGES, make_items
from tests.unit.sides import ids, side

QUESTIONS, SAME, FIRST = 600, 100, 60
METRIC = "answer_relevance"
CASES = ((0.0, 0.1), (0.05, 0.1), (-0.15, 0.05))


def decided(judge: str, loss: float, margin: float, way: str, rng: np.random.Generator) -> tuple[bool, int] | None:
    """Whether the labels asked for decide the gate, and how many questions are drawn; None where too many would be.

    The candidate loses `loss` on the questions that differ, against a baseline at 0.8.
    """
    names = ids(QUESTIONS)
    people, judged = (
        [part.tolist() for part in both]
        for both in zip(
            make_items(judge, 0.8, QUESTIONS, rng), make_items(judge, 0.8 - loss, QUESTIONS, rng), strict=True
        )
    )
    for of_both in (people, judged):
        of_both[1][:SAME] = of_both[0][:SAME]
    labels = [dict(zip(names, values, strict=True)) for values in people]
    same = dict.fromkeys(names[:SAME], "same")
    runs = [
        side({METRIC: scores}, name, answers={q: same.get(q, name) for q in names})
        for name, scores in zip(("old", "new"), judged, strict=True)
    ]
    first = [names[place] for place in rng.permutation(QUESTIONS)[:FIRST]]
    old, new = (_with(run, label, first, names) for run, label in zip(runs, labels, strict=True))
    pairs = pair(old, new, METRIC)
    true = -loss * (QUESTIONS - SAME) / QUESTIONS
    need = label_need(old, new, pairs, true, margin, (0.95, 0.95))
    draws = None if need is None or need.if_difference != true else getattr(need, way)
    if need is None or draws is None:
        return None
    if way == "random":
        drawn = [names[place] for place in rng.permutation(QUESTIONS)[: draws.n]]
        frame, design = names, None
    else:
        p = difference_probabilities(old, new, pairs)
        drawn = rng.choice([*p], draws.n, p=np.array([*p.values()]) / sum(p.values())).tolist()
        frame, design = (*p,), Design(tuple(drawn), p, "other")
    old, new = (_with(run, label, drawn, frame, design) for run, label in zip(runs, labels, strict=True))
    found = pair(old, new, METRIC).labels
    assert found is not None
    tested = found.difference(unseen=WHOLE, level=0.9).against(margin)
    return (tested.p_pass if true > -margin else tested.p_fail) <= 0.05, draws.questions


def _with(
    run: RunScores,
    labels: Mapping[str, float],
    drawn: Sequence[str],
    frame: Sequence[str],
    design: Design | None = None,
) -> RunScores:
    given = RunLabels({question: labels[question] for question in drawn}, dict.fromkeys(frame, ""), design=design)
    return replace(run, labels={METRIC: given})


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    for judge in JUDGES:
        for loss, margin in CASES:
            for way in ("active", "random"):
                found = [one for _ in range(draws) if (one := decided(judge, loss, margin, way, rng)) is not None]
                share, questions = np.mean(found, axis=0) if found else (np.nan, np.nan)
                print(
                    f"{judge:15} loss {loss:5} margin {margin}: {way:6} decided {share:.2f} of {len(found)}, "
                    f"{questions:.0f} questions",
                    flush=True,
                )
