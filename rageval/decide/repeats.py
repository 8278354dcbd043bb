"""What asking each question several times shows: how much of a score is chance in the answer, and what it would take to
average that out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import pvariance
from typing import Any, cast

from rageval.decide.self_consistency import SelfConsistency, self_consistency
from rageval.errors import DeclarationError
from rageval.io.run_folder import RunFolder
from rageval.metrics import parse
from rageval.scores.answer_variance import Answers, judge_components, read_answers, score_components
from rageval.scores.estimates import interval_to_json
from rageval.scores.repeats import REPEATS
from rageval.stats import Interval
from rageval.stats.components import Components, best_answers, expected_half_width
from rageval.types import Json

COSTS = (1.0, 10.0, 100.0)
_OTHER_NUMBERS = (1, 2, 3, 5, 10)


@dataclass(frozen=True, slots=True)
class Choice:
    """What so many `answers` to each question would give: half the width of the mean's interval with the run's
    questions (`half_width`), which takes `asked` answers, and with as many questions as the run's answers would pay for
    (`same_price`).
    """

    answers: int
    asked: int
    half_width: float
    same_price: float

    def to_json(self) -> dict[str, Json]:
        return {
            "answers": self.answers,
            "asked": self.asked,
            "half_width": self.half_width,
            "half_width_same_price": self.same_price,
        }


@dataclass(frozen=True, slots=True)
class MetricVariance:
    """One metric: the parts of the variance of its scores, None where they cannot be told.

    `by_sample` are the parts for one sample of the judge, None where it was asked once. `unscored` answers are left out
    of the means. `choices` are other numbers of answers, and `best` are those for the money, by what one more question
    costs (in answers).
    """

    metric: str
    components: Components | None
    by_sample: Components | None
    unscored: int
    choices: tuple[Choice, ...]
    best: Mapping[float, int]

    def to_json(self) -> dict[str, Json]:
        best: list[Json] = [{"question_cost": cost, "answers": answers} for cost, answers in self.best.items()]
        return {
            "components": _components_to_json(self.components),
            "by_judge_sample": _components_to_json(self.by_sample),
            "unscored_answers": self.unscored,
            "choices": [choice.to_json() for choice in self.choices],
            "best": best,
        }


@dataclass(frozen=True, slots=True)
class Flaky:
    """A question whose answers score differently: `scores` of the first answer, the second one, …, None where an answer
    has no score. `different` is how many different answers there are.
    """

    question_id: str
    text: str
    scores: tuple[float | None, ...]
    different: int

    def to_json(self) -> dict[str, Json]:
        return {
            "question_id": self.question_id,
            "question": self.text,
            "scores": [*self.scores],
            "different_answers": self.different,
        }


@dataclass(frozen=True, slots=True)
class RunRepeats:
    """What the repeats of a run show. `failed` counts answers, `same` questions all of whose answers are equal.

    `flaky` are the questions whose scores on the metric `flaky_by` differ between answers, the most first.
    `consistency` says how far the answers to a question support each other.
    """

    path: Path
    label: str
    repeats: int
    questions: int
    failed: int
    same: int
    metrics: tuple[MetricVariance, ...]
    flaky_by: str
    flaky: tuple[Flaky, ...]
    consistency: SelfConsistency | None = None

    def to_json(self) -> dict[str, Json]:
        return {
            "run": str(self.path),
            "pipeline": self.label,
            "repeats": self.repeats,
            "questions": self.questions,
            "failed_answers": self.failed,
            "questions_with_equal_answers": self.same,
            "metrics": {one.metric: one.to_json() for one in self.metrics},
            "flaky_by": self.flaky_by,
            "flaky": [one.to_json() for one in self.flaky],
            "self_consistency": None if self.consistency is None else self.consistency.to_json(),
        }


def read_repeats(path: Path, question_costs: Sequence[float] = COSTS) -> RunRepeats:
    """Read a finished run whose questions were asked several times. `question_costs` are what one more question costs,
    its label and its retrieval, in units of one more answer.

    Raises DeclarationError for a run that is not finished or whose questions were asked once, and for a negative cost.
    """
    if any(cost < 0 for cost in question_costs):
        raise DeclarationError(f"--question-cost: found {min(question_costs):g}, expected at least 0")
    folder = RunFolder(path)
    manifest = folder.finished_manifest()
    repeats: int = manifest.get(REPEATS, 1)
    if repeats == 1:
        raise DeclarationError(
            f"{path}: found one answer to each question, expected several: run an experiment with `repeats: 3`"
        )
    scores, answers = folder.scores(), read_answers(folder, repeats)
    metrics = [name for name in cast("list[str]", manifest["metrics"]) if name in scores]
    flaky_by = next((name for name in metrics if parse(name).kind not in ("ranking", "evidence")), metrics[0])
    texts = {name: question.text for name, (question, _) in folder.questions().items()}
    return RunRepeats(
        folder.path,
        manifest["label"],
        repeats,
        len(answers),
        sum(one.failed for one in answers.values()),
        sum(one.different == 1 for one in answers.values()),
        tuple(_variance(folder, manifest, name, scores[name], answers, question_costs) for name in metrics),
        flaky_by,
        tuple(_flaky(scores[flaky_by], answers, texts)),
        self_consistency(folder, repeats),
    )


def _variance(
    folder: RunFolder,
    manifest: Mapping[str, Any],
    metric: str,
    scores: Mapping[str, Any],
    answers: Mapping[str, Answers],
    costs: Sequence[float],
) -> MetricVariance:
    found, repeats, n = score_components(scores), manifest[REPEATS], len(scores["questions"])
    choices: list[Choice] = []
    best: dict[float, int] = {}
    if found is not None:
        for m in sorted({*_OTHER_NUMBERS, repeats}):
            paid = max(1, n * repeats // m)
            choices.append(Choice(m, n * m, expected_half_width(found, n, m), expected_half_width(found, paid, m)))
        best = {cost: best_answers(found, cost) for cost in costs}
    # A question that no answer of is scored is unscored, not left out of a mean.
    unscored = sum(question in scores["questions"] for one in scores[REPEATS] for question in one["unscored"])
    by_sample = judge_components(folder, manifest, metric, answers)
    return MetricVariance(metric, found, by_sample, unscored, tuple(choices), best)


def _flaky(scores: Mapping[str, Any], answers: Mapping[str, Answers], texts: Mapping[str, str]) -> list[Flaky]:
    spread: dict[str, float] = {}
    found: dict[str, Flaky] = {}
    for question in scores["questions"]:
        of_answers = tuple(cast("float | None", one["questions"].get(question)) for one in scores[REPEATS])
        scored = [score for score in of_answers if score is not None]
        if len({*scored}) > 1:
            spread[question] = pvariance(scored)
            found[question] = Flaky(question, texts[question], of_answers, answers[question].different)
    order = sorted(found, key=lambda question: (-round(spread[question], 9), -found[question].different, question))
    return [found[question] for question in order]


def _components_to_json(components: Components | None) -> dict[str, Json] | None:
    if components is None:
        return None
    return {
        "question": components.question,
        "generation": components.generation,
        "judge": components.judge,
        "question_share": _interval(components.question_share),
        "generation_share": _interval(components.generation_share),
        "judge_share": _interval(components.judge_share),
        "n": components.n,
    }


def _interval(share: Interval | None) -> dict[str, Json] | None:
    return None if share is None else interval_to_json(share)
