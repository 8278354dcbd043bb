"""A second judge of a run beside the one that counts: another control variate for people's labels.

It is the one that the labels name (`rageval label RUN FILE --second-judge NAME`), else the one added under the name
`light`. Which one is never chosen by what it does to the interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rageval.errors import DeclarationError
from rageval.io.run_folder import RunFolder
from rageval.judges.light.weights import LIGHT
from rageval.metrics import parse
from rageval.scores.human_labels import MetricLabels, read_labels
from rageval.scores.repeats import first_answers
from rageval.types import SecondJudge


@dataclass(frozen=True, slots=True)
class SecondScores:
    """The scores, or gains, of the second judge of that name, by question; it may lack some."""

    name: str
    scores: Mapping[str, float]


def second_metric(metric: str, name: str) -> str:
    """The same metric by the judge of that name; empty where it is the metric itself or `name` is empty."""
    found = str(replace(parse(metric), judge=name)) if name else ""
    return "" if found == metric else found


def use_second(run: RunFolder, metric: str, name: str) -> None:
    """Store that the labels of that run's metric are joined with the judge `name` as well.

    Raises DeclarationError where the metric has no labels or that judge has no scores of it.
    """
    needed, labels, scores = second_metric(metric, name), read_labels(run, metric), run.scores()
    if needed not in scores:
        known = ", ".join(text for text in scores if text != metric and parse(text).name == parse(metric).name)
        raise DeclarationError(
            f"--second-judge: found no scores of {needed or metric} by another judge in {run.path}, "
            f"expected one of: {known or f'none; add one by rageval judge {run.path} --name {name}'}"
        )
    if labels is None:
        raise DeclarationError(f"--second-judge: found no labels of {metric} in {run.path}, expected some")
    run.write_labels(metric, replace(labels, second_judge=name).to_json())


def second_name(labels: MetricLabels | None) -> str:
    """The second judge that the labels name, or the one named `light`."""
    return labels.second_judge if labels is not None and labels.second_judge else LIGHT


def read_second(run: RunFolder, metric: str) -> SecondScores | None:
    """The second judge of a run's metric; None where the run has none."""
    name = second_name(read_labels(run, metric))
    found = run.scores().get(second_metric(metric, name))
    return None if found is None else SecondScores(name, first_answers(found)["questions"])


def columns(
    first: Mapping[str, float], second: SecondScores | None, questions: Sequence[str]
) -> list[float] | list[list[float]]:
    """The scores of these questions as `rageval.stats` reads them: a row for each where there is a second judge, with
    NaN where it has no score.
    """
    if second is None:
        return [first[question] for question in questions]
    return [[first[question], second.scores.get(question, math.nan)] for question in questions]


def second_used(second: SecondScores, weights: Sequence[float], questions: Sequence[str]) -> SecondJudge:
    """What became of the second judge on these questions."""
    first, other = weights
    without = sum(question not in second.scores for question in questions)
    return SecondJudge(second.name, (first, other), without, len(questions))


def second_unused(second: SecondScores, expert: str) -> SecondJudge:
    """Of labels that are joined with the expert of that name, or, without a name, were drawn by the first's doubt."""
    why = f"the expert ({expert}) is" if expert else "labels were drawn where the first is in doubt"
    return SecondJudge(second.name, unused=why)
