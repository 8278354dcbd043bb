"""Claims for a run of `JudgedRun` on faithfulness: what the judge said of each, and what people would say."""

from __future__ import annotations

import random

from rageval.people.parts import Said
from rageval.scores.scoring import scores_to_json
from rageval.types import Graded, Judgment, Score, Unscored, Usage
from tests.flow.judged_run import JudgedRun


def add_claims(run: JudgedRun, seed: int = 5) -> dict[str, list[Said]]:
    """Gives each scored answer one to four claims, of which the judge is right on nine in ten; returns the truth.

    `gold` and `judged` of the run become the shares.
    """
    rng = random.Random(seed)
    truth: dict[str, list[Said]] = {}
    scores: dict[str, Score | Unscored] = {q: Unscored("there are no answers to judge") for q in run.unscored}
    for place, question in enumerate(run.gold):
        if question in run.failed:
            scores[question] = Score(0.0, failed=True)
            continue
        said: list[Said] = ["yes" if rng.random() < 0.7 else "no" for _ in range(1 + place % 4)]
        grades = [float((one == "yes") != (rng.random() < 0.1)) for one in said]
        truth[question] = said
        run.gold[question] = sum(one == "yes" for one in said) / len(said)
        run.judged[question] = sum(grades) / len(grades)
        scores[question] = Score(run.judged[question])
        claims = tuple(
            Judgment(question, "claim_support-1", "claim", i, f"claim {i} of {question}", Graded(grade, rationale="so"))
            for i, grade in enumerate(grades)
        )
        whole = Judgment(question, "claim_support-1", "answer", 0, "the answer", Graded(min(grades)))
        run.folder.add_judgments("claim_support-1", question, (whole, *claims), Usage())
    run.folder.write_scores(scores_to_json({run.metric: scores}, {}))
    return truth
