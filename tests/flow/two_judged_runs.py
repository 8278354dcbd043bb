"""Two finished runs whose answers differ, with what people would say of both."""

from __future__ import annotations

import random
from pathlib import Path

from rageval.metrics import Metric
from rageval.scores.scoring import scores_to_json
from rageval.types import Score
from tests.flow.judged_run import ANSWER_RELEVANCE, JudgedRun, response


class TwoJudgedRuns:
    """`old` and `new`: `new` answers all but the first `same` questions in other words, and people find one of the
    answers in seven better or worse. The judge is graded, and right about most.
    """

    def __init__(self, path: Path, n: int = 300, *, same: int = 20, metric: Metric = ANSWER_RELEVANCE) -> None:
        self.old = JudgedRun(path / "old", n, metric=metric, graded=True)
        self.new = JudgedRun(path / "new", n, metric=metric, graded=True)
        rng = random.Random(7)
        for i, question in enumerate(self.new.gold):
            if i < same:
                continue
            self.new.folder.add_outcome(question, response(i, answer=f"Some {10 * i} metres, I think."))
            if rng.random() < 0.15:
                label = 1.0 - self.new.gold[question]
                self.new.gold[question] = label
                self.new.judged[question] = round(8 * abs(label - min(rng.expovariate(4.0), 1.0))) / 8
        self.new.folder.write_scores(
            scores_to_json({metric: {q: Score(value) for q, value in self.new.judged.items()}}, {})
        )
