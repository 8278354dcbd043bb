"""What people's labels say of a run on one metric, whatever file they come from: whose, of what, drawn how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rageval.io.run_folder import RunFolder
from rageval.judges.light.weights import LIGHT
from rageval.scores.human_labels import MetricLabels, answer_digests, drawn_so_far, read_labels
from rageval.scores.samples import Design, design_from_json
from rageval.scores.second_judge import second_name
from rageval.types import Json

_LEAST_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class RunLabels:
    """People's labels of a run's answers as they are now.

    `given` are labels by question, of those that were drawn; failures at the worst score are among them. `missing` were
    drawn and shown to people, who gave no label: it may be anything between the worst and the best. `strata` says of
    every question that could have been drawn in which stratum it is; within each, labels are a random sample.
    `warning` says why they may not be one.

    `annotator_variance` is what differences between annotators add to the variance of the mean: that of their mean
    levels, over their number, with `annotators` - 1 degrees of freedom. 0 for one annotator. `seed` draws the same
    questions again. `design` has the draws so far, where questions were drawn with unequal
    probabilities. `second_judge` names the judge that is read beside the metric's own, where there is one.
    """

    given: Mapping[str, float]
    strata: Mapping[str, str]
    missing: frozenset[str] = frozenset()
    warning: str = ""
    annotators: int = 1
    annotator_variance: float = 0.0
    seed: int = 0
    design: Design | None = None
    second_judge: str = LIGHT

    def only(self, questions: Collection[str]) -> RunLabels:
        """The labels of these questions alone."""
        return replace(
            self,
            given={q: label for q, label in self.given.items() if q in questions},
            strata={q: stratum for q, stratum in self.strata.items() if q in questions},
            missing=self.missing & frozenset(questions),
            design=None if self.design is None else self.design.only(questions),
        )

    def to_json(self) -> dict[str, Json]:
        """As baselines keep it: strata by name, so that a single one is not written for every question."""
        by_stratum: dict[str, list[Json]] = {}
        for question in sorted(self.strata):
            by_stratum.setdefault(self.strata[question], []).append(question)
        given: dict[str, Json] = {question: self.given[question] for question in sorted(self.given)}
        strata: dict[str, Json] = {name: by_stratum[name] for name in sorted(by_stratum)}
        design: dict[str, Json] = {} if self.design is None else {"design": self.design.to_json()}
        second: dict[str, Json] = {} if self.second_judge == LIGHT else {"second_judge": self.second_judge}
        return {
            **design,
            **second,
            "given": given,
            "strata": strata,
            "missing": [*sorted(self.missing)],
            "warning": self.warning,
            "annotators": self.annotators,
            "annotator_variance": self.annotator_variance,
            "seed": self.seed,
        }


def labels_from_json(data: Mapping[str, Any]) -> RunLabels:
    """The inverse of `RunLabels.to_json`. Raises ValueError, KeyError or TypeError for anything else."""
    given = {str(question): float(label) for question, label in data["given"].items()}
    if not all(0.0 <= label <= 1.0 for label in given.values()):
        raise ValueError("labels outside [0, 1]")
    strata = {str(question): name for name, questions in data["strata"].items() for question in questions}
    return RunLabels(
        given,
        strata,
        frozenset(data["missing"]),
        data["warning"],
        int(data["annotators"]),
        float(data["annotator_variance"]),
        int(data["seed"]),
        design_from_json(data.get("design")),
        str(data.get("second_judge", LIGHT)),
    )


def read_run_labels(run: RunFolder, metric: str, judged: Collection[str]) -> RunLabels | None:
    """The labels in a run folder that are of the answers as they are now, to the `judged` questions; None without any.

    Labels of answers that have changed since are left out, and so are those questions.
    """
    labels = read_labels(run, metric)
    if labels is None or not (labels.labels or labels.cannot_tell or labels.sample):
        return None
    current = answer_digests(run.outcomes())
    by_question, sample = labels.by_question, labels.sample
    differ = (annotator_variance(labels), max(1, len(labels.annotators)))
    if sample is None:
        strata = {q: "" for q in judged if q not in by_question or labels.answers.get(q) == current.get(q)}
        given = {q: label for q, label in by_question.items() if q in strata}
        missing = frozenset(labels.cannot_tell) & strata.keys()
        of_all = RunLabels(given, strata, missing, labels.reason, differ[1], differ[0])
        return replace(of_all, second_judge=second_name(labels))
    names = [stratum.name for stratum in sample.strata]
    strata = {
        q: names[place]
        for q, place in sample.stratum_of().items()
        if q in judged and sample.answers.get(q) == current.get(q)
    }
    known = {**by_question, **sample.known}
    so_far = drawn_so_far(sample, {*by_question, *labels.cannot_tell}) or ()
    drawn = [q for q in so_far if q in strata]
    given = {q: known[q] for q in drawn if q in known}
    missing = frozenset(q for q in drawn if q not in known)
    if sample.carried is not None:
        differ = max(differ, (sample.carried.annotator_variance, sample.carried.annotators))
    design = None if sample.design is None else sample.design.until(so_far).only(strata)
    second = second_name(labels)
    return RunLabels(given, strata, missing, labels.reason, differ[1], differ[0], sample.seed, design, second)


def annotator_variance(labels: MetricLabels) -> float:
    """What differences between annotators add to the variance of the mean of their labels; 0 for one annotator.

    A level for each annotator and question is fitted by least squares to what several labelled; without a question in
    common, annotators' means are compared, as of random questions. The variance of the levels is what they differ by
    beyond chance, over their number: that of annotators like these. It is not taken to be less than a quarter of what
    was seen: chance may have brought strict and lenient annotators together.
    """
    annotators = {name: place for place, name in enumerate(labels.annotators)}
    count = len(annotators)
    if count < 2:
        return 0.0
    given = [(annotators[one.annotator], one.question_id, one.label) for one in labels.labels]
    times = Counter(question for _, question, _ in given)
    shared = [one for one in given if times[one[1]] > 1]
    if len({place for place, _, _ in shared}) < count or len(shared) <= count + len({q for _, q, _ in shared}):
        return _variance_of_means([[label for place, _, label in given if place == which] for which in range(count)])
    questions = {question: count + place for place, question in enumerate(dict.fromkeys(q for _, q, _ in shared))}
    design = np.zeros((len(shared), count + len(questions)))
    for row, (place, question, _) in enumerate(shared):
        design[row, [place, questions[question]]] = 1.0
    values = np.array([label for _, _, label in shared])
    inverse = np.linalg.pinv(design.T @ design)
    fitted = inverse @ design.T @ values
    residuals = values - design @ fitted
    noise = float(residuals @ residuals) / (len(shared) - (count + len(questions) - 1))
    of_levels = inverse[:count, :count]
    by_chance = noise * float(np.trace(of_levels) - of_levels.sum() / count) / (count - 1)
    return _beyond_chance(float(np.var(fitted[:count], ddof=1)), by_chance) / count


def _variance_of_means(by_annotator: Sequence[Sequence[float]]) -> float:
    enough = [values for values in by_annotator if len(values) > 1]
    if len(enough) < 2:
        return 0.0
    means = [float(np.mean(values)) for values in enough]
    noise = float(np.mean([np.var(values, ddof=1) / len(values) for values in enough]))
    return _beyond_chance(float(np.var(means, ddof=1)), noise) / len(enough)


def _beyond_chance(seen: float, by_chance: float) -> float:
    return max(seen - by_chance, _LEAST_SHARE * seen)
