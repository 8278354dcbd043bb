"""Labels that the same answers have already: in other runs, or in this one before another sample was drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from rageval.errors import DeclarationError
from rageval.io.run_folder import RunFolder
from rageval.people.decisions import Taken
from rageval.scores.human_labels import MetricLabels, metric_labels_from_json, read_labels, run_name
from rageval.scores.samples import Sample


def earlier_labels(
    run: RunFolder, sample: Sample, others: Iterable[Path], replaced: Mapping[str, object] | None = None
) -> dict[str, Taken]:
    """By question that people would be asked, the labels that its answer has elsewhere on the metric.

    It is the same answer if the question's digest in the benchmark, the answer and the passages that the generator read
    are the same. `others` are run folders, those that come first count; what is no run, or has no labels, is passed
    over. `replaced` are labels that the sample's own have replaced in this run.
    """
    found: dict[str, Taken] = {}
    digests = run.digests()
    own = read_labels(run, sample.metric)
    if own is not None and (own.sample is None or own.sample.digest != sample.digest):
        _add(found, sample, own, run_name(run), digests, digests)
    if replaced is not None:
        _add(found, sample, metric_labels_from_json(run, sample.metric, replaced), run_name(run), digests, digests)
    for path in others:
        other = RunFolder(path)
        if path.resolve() == run.path.resolve():
            continue
        try:
            labels = read_labels(other, sample.metric)
            if labels is not None:
                _add(found, sample, labels, run_name(other), digests, other.digests())
        except DeclarationError:
            continue
    return found


def _add(
    found: dict[str, Taken],
    sample: Sample,
    labels: MetricLabels,
    name: str,
    digests: Mapping[str, str],
    theirs: Mapping[str, str],
) -> None:
    given: dict[str, list[tuple[str, float | None]]] = {}
    for one in labels.labels:
        given.setdefault(one.question_id, []).append((one.annotator, one.label))
    for question in sample.to_label:
        same = labels.answers.get(question) == sample.answers[question] and theirs.get(question) == digests[question]
        if same and question in given:
            found.setdefault(question, Taken(name, tuple(given[question])))
