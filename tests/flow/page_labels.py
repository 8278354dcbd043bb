"""People at work on a sample, through the functions that the page calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rageval.people.attach import store_sample
from rageval.people.labelling import Labelling
from rageval.people.sampling import draw_sample
from rageval.scores.samples import Sample
from rageval.types import Json
from tests.flow.judged_run import JudgedRun

WORDS: dict[str, Json] = {"yes": 1, "no": 0, "cannot tell": "?"}


def draw(run: JudgedRun, n: int, seed: int = 0) -> Sample:
    sample = draw_sample(run.folder, run.name, n, seed=seed)
    store_sample(run.folder, sample)
    return sample


def start(run: JudgedRun, n: int, others: Sequence[Path] = ()) -> Labelling:
    return Labelling(run.folder, draw(run, n), others)


def work(
    labelling: Labelling, annotator: str, verdicts: Callable[[str], Sequence[str] | str], first: int | None = None
) -> None:
    """Decide the items from where the person is, key by key; `verdicts` gives a word, or one for each piece."""
    questions = labelling.sample.to_label[labelling.position(annotator) : first]
    for question in questions:
        said = verdicts(question)
        if isinstance(said, str):
            labelling.decide(annotator, question, {"label": WORDS[said]})
            continue
        for n in range(1, len(said) + 1):
            given: list[Json] = [*said[:n], *[None] * (len(said) - n)]
            labelling.decide(annotator, question, {"verdicts": given})


def yes_or_no(labels: Mapping[str, float]) -> Callable[[str], str]:
    return lambda question: "yes" if labels[question] else "no"
