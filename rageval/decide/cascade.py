"""What a light judge may decide before the chat judge of a run is asked, by people's labels of that run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rageval.errors import DeclarationError
from rageval.io.run_folder import RunFolder
from rageval.judges.light.weights import LIGHT
from rageval.metrics import parse
from rageval.metrics.judged import entries_read, entry_name
from rageval.scores.estimates import run_documents
from rageval.scores.run_labels import read_run_labels
from rageval.scores.sharing import find_sharing
from rageval.stats.cascade import MOST_LOST, ClearNoes, Threshold, largest_threshold
from rageval.types import Graded, Json, Judgment


@dataclass(frozen=True, slots=True)
class FoundCascade:
    """`threshold` is what the labels of the run's metric confirm for the judge `light`; `answers` are those that both
    judges judged, and of `spared` of them the chat judge would not have been asked. `warning` says why the labels may
    not be a random sample of them.
    """

    metric: str
    light: str
    threshold: Threshold
    answers: int
    spared: int
    warning: str

    def to_json(self) -> dict[str, Json]:
        found = self.threshold.found
        return {
            "metric": self.metric,
            "light": self.light,
            "below": None if found is None else found.threshold,
            "labels": _labels(found),
            "most_lost": self.threshold.most_lost,
            "level": self.threshold.level,
            "labels_needed": self.threshold.needed,
            "answers": self.answers,
            "spared": self.spared,
            "warning": self.warning,
        }


def find_cascade(run: RunFolder, metric: str, *, light: str = LIGHT, most_lost: float = MOST_LOST) -> FoundCascade:
    """The largest threshold that the run's labels confirm (`rageval.stats.cascade.largest_threshold`), and what it
    would have spared.

    An answer is a clear no where P(yes) of all of its items is below the threshold. Answers that share a document are
    not taken for independent. Raises DeclarationError for a metric that is not one judge's yes or no, a run without
    that judge's scores, without the light judge's, or without labels, and a `most_lost` outside (0, 1).
    """
    named = parse(metric)
    if not 0.0 < most_lost < 1.0:
        raise DeclarationError(f"--most-lost: found {most_lost:g}, expected more than 0 and less than 1")
    if named.kind != "judged" or not named.binary or len(entries_read(named)) != 1:
        raise DeclarationError(f"--metric: found {metric}, expected a yes or no of one judge, such as attribution")
    scores, entries = run.scores(), run.finished_manifest()["judges"]
    (judge,) = entries_read(named)
    needed = entry_name(judge, light)
    if str(named) not in scores or needed not in entries:
        missing = str(named) if str(named) not in scores else f"verdicts of {needed}"
        raise DeclarationError(
            f"{run.path}: found no {missing}, expected both judges: add one with "
            f"rageval judge {run.path} --name {light} --detector light"
        )
    chat: Mapping[str, float] = scores[str(named)]["questions"]
    said = run.judgments(entries[needed]["key"])
    labels = read_run_labels(run, str(named), chat)
    failed = {*scores[str(named)]["failed"]}
    both = {q: _highest(said[q]) for q in chat if q in said and q not in failed}
    labelled = [] if labels is None else [question for question in labels.given if question in both]
    if labels is None or not labelled:
        raise DeclarationError(f"{run.path}: found no labels of {named}, expected some (`rageval sample`)")
    threshold = largest_threshold(
        [labels.given[question] >= 0.5 for question in labelled],
        [both[question] for question in labelled],
        [chat[question] >= 0.5 for question in labelled],
        most_lost=most_lost,
        clusters=find_sharing(run_documents(run), labelled).clusters,
    )
    below = 0.0 if threshold.found is None else threshold.found.threshold
    spared = sum(probability < below for probability in both.values())
    return FoundCascade(str(named), light, threshold, len(both), spared, labels.warning)


def _highest(judgments: Sequence[Judgment]) -> float:
    """P(yes) of the item that is likeliest a yes; 1 where some item has none, or there is no item."""
    verdicts = [judgment.verdict for judgment in judgments]
    known = [one.probability for one in verdicts if isinstance(one, Graded) and one.probability is not None]
    return max(known) if known and len(known) == len(verdicts) else 1.0


def _labels(found: ClearNoes | None) -> Json:
    if found is None:
        return None
    return {
        "n": found.n,
        "decided": found.decided,
        "lost": found.lost,
        "gained": found.gained,
        "lost_at_most": found.upper,
        "saved": [*found.saved],
    }
